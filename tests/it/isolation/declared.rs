//! Holds the table of rules against the schema: nothing without a rule, no rule without its field, and the descriptions
//! that clients read say the same.

use super::rules::{Access, IDS, Names, ROLES, SERVER_WIDE, gaps};
use super::schema::{ROOTS, Schema};

#[test]
fn every_root_field_and_every_id_has_a_declared_rule() {
    let schema = Schema::exported();
    let found = gaps(&schema);
    assert!(found.is_empty(), "src/selftest/rules.rs: {found:#?}");
    let nodes = schema.implementers("Node");
    let strange: Vec<_> = IDS.iter().filter(|(_, what)| matches!(what, Names::A(kind) if !nodes.contains(kind))).collect();
    assert!(strange.is_empty(), "an id names a type that is no Node: {strange:?}");
}

#[test]
fn every_exception_names_a_text_that_is_there() {
    let texts = Schema::exported().held("String");
    let idle: Vec<_> = SERVER_WIDE.iter().filter(|(place, _)| !texts.contains(*place)).collect();
    assert!(idle.is_empty(), "src/selftest/rules.rs, SERVER_WIDE: {idle:?}");
}

#[test]
fn descriptions_tell_the_role_that_is_declared() {
    let schema = Schema::exported();
    let mut wrong = Vec::new();
    for root in ROOTS {
        for field in schema.fields(root) {
            let access = super::rules::of_field(root, &field.name.node).unwrap();
            let text = field.description.as_ref().map(|text| text.node.split_whitespace().collect::<Vec<_>>().join(" "));
            let told = text
                .as_deref()
                .unwrap_or_default()
                .split_once("Requires ")
                .map(|(_, rest)| rest.chars().take_while(|letter| letter.is_ascii_uppercase() || *letter == '_').collect::<String>());
            let expected = match access {
                Access::Member(role) if role != ROLES[0] => Some(role),
                Access::SaasAdmin(role) if root == "Mutation" => Some(role),
                _ => None,
            };
            if told.as_deref() != expected {
                wrong.push(format!("{root}.{}: declared {access:?}, described as {told:?}", field.name.node));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
