//! Holds the table of rules against the schema: nothing without a rule, no rule without its field, and the descriptions
//! that clients read say the same.

use std::collections::BTreeSet;

use super::rules::{Access, FIELDS, IDS, Names, ROLES, SERVER_WIDE};
use super::schema::{PAGING, ROOTS, Schema, named};

/// What only one side has.
fn differences(declared: &BTreeSet<String>, needed: &BTreeSet<String>) -> Vec<String> {
    let missing = needed.difference(declared).map(|name| format!("declare an access rule for `{name}`"));
    let idle = declared.difference(needed).map(|name| format!("the schema has no `{name}`: remove its rule"));
    missing.chain(idle).collect()
}

fn names<T>(table: &[(&str, T)]) -> BTreeSet<String> {
    table.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// The places that hold this scalar, wherever they are.
fn places(schema: &Schema, scalar: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for object in schema.objects() {
        for field in schema.fields(object) {
            let arguments = field.arguments.iter().map(|argument| &argument.node);
            let held = arguments.filter(|argument| named(&argument.ty.node) == scalar && !PAGING.contains(&argument.name.node.as_str()));
            found.extend(held.map(|argument| format!("{object}.{}({})", field.name.node, argument.name.node)));
        }
    }
    for input in schema.inputs() {
        let members = schema.members(input).unwrap_or_default().into_iter().filter(|member| named(&member.ty.node) == scalar);
        found.extend(members.map(|member| format!("{input}.{}", member.name.node)));
    }
    found
}

#[test]
fn every_root_field_has_a_declared_rule() {
    let schema = Schema::exported();
    let needed = ROOTS.iter().flat_map(|root| schema.fields(root).map(move |field| format!("{root}.{}", field.name.node))).collect();
    let found = differences(&names(FIELDS), &needed);
    assert!(found.is_empty(), "tests/it/isolation/rules.rs, FIELDS: {found:#?}");
}

#[test]
fn every_id_has_a_declared_rule() {
    let schema = Schema::exported();
    let found = differences(&names(IDS), &places(&schema, "ID"));
    assert!(found.is_empty(), "tests/it/isolation/rules.rs, IDS: {found:#?}");
    let nodes = schema.implementers("Node");
    let strange: Vec<_> = IDS.iter().filter(|(_, what)| matches!(what, Names::A(kind) if !nodes.contains(kind))).collect();
    assert!(strange.is_empty(), "an id names a type that is no Node: {strange:?}");
}

#[test]
fn every_exception_names_a_text_that_is_there() {
    let texts = places(&Schema::exported(), "String");
    let idle: Vec<_> = SERVER_WIDE.iter().filter(|(place, _)| !texts.contains(*place)).collect();
    assert!(idle.is_empty(), "tests/it/isolation/rules.rs, SERVER_WIDE: {idle:?}");
}

#[test]
fn descriptions_tell_the_role_that_is_declared() {
    let schema = Schema::exported();
    let mut wrong = Vec::new();
    for root in ROOTS {
        for field in schema.fields(root) {
            let access = super::rules::of_field(root, &field.name.node);
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
