//! Every list of the schema, and every way to ask for it: each order, each filter, from both ends, from within.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::TestApp;

use super::{Scene, text};

const INTROSPECTION: &str = "{ __schema { types { name kind interfaces { name } enumValues { name } inputFields { name ...t } \
    fields { name ...r args { name ...t } } } } } \
    fragment t on __InputValue { type { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } \
    fragment r on __Field { type { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }";

/// Arguments that cut a page out.
const PAGING: [&str; 4] = ["first", "after", "last", "before"];
/// Items of a page.
const SIZE: u32 = 50;
/// Filters a list does not take because it is of one such object already.
const NOT_TAKEN: [&str; 2] = ["Connector.executions ExecutionFilterInput.connectorId", "Contact.executions ExecutionFilterInput.contactId"];

/// The types by name.
pub(super) struct Schema(BTreeMap<String, Value>);

/// One list, asked in one way.
pub(super) struct Question {
    pub(super) name: String,
    /// With `PAGE` for what cuts a page out.
    document: String,
    variables: Value,
    /// Where the list is in the answer.
    place: String,
    /// Is every side of the list looked at, or only its first page?
    every_side: bool,
}

impl Question {
    /// Asks for the page at either end, the next one from there, and the first one again from deep within.
    pub(super) async fn ask(&self, app: &TestApp) {
        let first = self.page(app, "first", None).await;
        let (start, end) = (first["pageInfo"]["startCursor"].clone(), first["pageInfo"]["endCursor"].clone());
        if !self.every_side || end.is_null() {
            return;
        }
        self.page(app, "first", Some(("after", &end))).await;
        self.page(app, "last", Some(("before", &end))).await;
        let last = self.page(app, "last", None).await;
        self.page(app, "last", Some(("before", &last["pageInfo"]["startCursor"]))).await;
        self.page(app, "first", Some(("after", &last["pageInfo"]["startCursor"]))).await;
        self.page(app, "last", Some(("before", &start))).await;
    }

    async fn page(&self, app: &TestApp, end: &str, from: Option<(&str, &Value)>) -> Value {
        let from = from.map(|(side, cursor)| format!(", {side}: {cursor}")).unwrap_or_default();
        let document = self.document.replace("PAGE", &format!("{end}: {SIZE}{from}"));
        let subject = if self.document.contains("{ admin {") { "root" } else { "ann" };
        let data = app.ok(subject, &document, self.variables.clone()).await;
        data.pointer(&self.place).unwrap_or_else(|| panic!("no {} in {data}", self.place)).clone()
    }
}

fn list<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value[member].as_array().into_iter().flatten()
}

/// The name of a type below lists and what must be there.
fn named(field: &Value) -> &str {
    let mut kind = &field["type"];
    while !kind["ofType"].is_null() {
        kind = &kind["ofType"];
    }
    kind["name"].as_str().unwrap_or_else(|| panic!("ask for more layers of types: {field}"))
}

fn is_list(field: &Value) -> bool {
    field["type"]["kind"] == "LIST" || field["type"]["ofType"]["kind"] == "LIST"
}

fn name(value: &Value) -> &str {
    value["name"].as_str().unwrap()
}

impl Schema {
    pub(super) async fn asked(app: &TestApp) -> Self {
        let mut answer = app.ok("ann", INTROSPECTION, json!({})).await;
        let types = answer["__schema"]["types"].take();
        Self(types.as_array().unwrap().iter().map(|kind| (text(&kind["name"]), kind.clone())).collect())
    }

    /// Every list in every way.
    pub(super) fn questions(&self, scene: &Scene) -> Vec<Question> {
        let mut found = Vec::new();
        for owner in self.0.values().filter(|owner| owner["kind"] == "OBJECT") {
            for field in list(owner, "fields").filter(|field| named(field).ends_with("Connection")) {
                self.ways_of(owner, field, scene, &mut found);
            }
        }
        assert!(found.len() > 50, "{} ways to ask for lists", found.len());
        found
    }

    fn ways_of(&self, owner: &Value, field: &Value, scene: &Scene, found: &mut Vec<Question>) {
        let Some((lead, place)) = lead(owner, scene) else { return };
        let plain = format!("{}.{}", name(owner), name(field));
        let items = self.items(named(field));
        let mut ask = |way: &str, argument: Option<(&Value, Value)>, every_side: bool| {
            let (declared, given, variables) = argument.map_or_else(
                || (String::new(), String::new(), json!({})),
                |(argument, value)| {
                    let declared = format!("query($v: {})", written(argument));
                    (declared, format!("{}: $v, ", name(argument)), json!({ "v": value }))
                },
            );
            let asked = format!("{}({given}PAGE) {{ totalCount pageInfo {{ startCursor endCursor }} nodes {items} }}", name(field));
            let document = format!("{declared} {}", lead.replace("LIST", &asked));
            found.push(Question {
                name: format!("{plain} {way}").trim().to_owned(),
                document,
                variables,
                place: format!("{place}/{}", name(field)),
                every_side,
            });
        };
        ask("", None, true);
        for argument in list(field, "args").filter(|argument| !PAGING.contains(&name(argument))) {
            let kind = &self.0[named(argument)];
            for value in list(kind, "enumValues") {
                ask(name(value), Some((argument, value["name"].clone())), true);
            }
            if let Some(field) = list(kind, "inputFields").find(|member| name(member) == "field") {
                for value in list(&self.0[named(field)], "enumValues") {
                    for direction in ["ASC", "DESC"] {
                        let order = json!({ "field": value["name"], "direction": direction });
                        ask(&format!("{} {direction}", name(value)), Some((argument, order)), true);
                    }
                }
                continue;
            }
            for member in list(kind, "inputFields") {
                let way = format!("{}.{}", name(kind), name(member));
                for value in self.values(member, named(field), scene) {
                    if !NOT_TAKEN.contains(&format!("{plain} {way}").as_str()) {
                        ask(&way, Some((argument, json!({ name(member): value }))), false);
                    }
                }
            }
        }
    }

    /// What is selected of the items: everything one field away, so that what items point to is read as well.
    fn items(&self, connection: &str) -> String {
        let item = connection.trim_end_matches("Connection");
        let free = |field: &&Value| !list(field, "args").any(|argument| argument["type"]["kind"] == "NON_NULL");
        let fields = list(&self.0[item], "fields").filter(free).filter(|field| !named(field).ends_with("Connection"));
        let selected = fields.map(|field| match self.0[named(field)]["kind"].as_str() {
            Some("SCALAR" | "ENUM") => name(field).to_owned(),
            _ => format!("{} {{ __typename }}", name(field)),
        });
        format!("{{ {} }}", selected.collect::<Vec<_>>().join(" "))
    }

    /// Values of a member of a filter: each word of an enum by itself, else one.
    fn values(&self, member: &Value, connection: &str, scene: &Scene) -> Vec<Value> {
        let kind = &self.0[named(member)];
        let words: Vec<Value> = list(kind, "enumValues").map(|value| value["name"].clone()).collect();
        let single = match (name(kind), name(member)) {
            _ if !words.is_empty() => words,
            ("ID", "ids") => vec![json!(scene.id(connection.trim_end_matches("Connection")))],
            ("ID", member) => {
                let fits = |kind: &&&str| member.to_lowercase().contains(&kind.to_lowercase());
                vec![json!(scene.id(scene.ids.keys().find(fits).unwrap_or_else(|| panic!("of what type is {member}?"))))]
            }
            ("String", "hasFields" | "missingFields") => vec![json!("email")],
            ("String", "keys") => vec![json!("k-7")],
            ("String", "tags") => vec![json!("t")],
            ("String", "stepPaths") => vec![json!("call")],
            ("String", _) => vec![json!("e")],
            ("Int", _) => vec![json!(1)],
            ("Boolean", _) => vec![json!(true), json!(false)],
            ("TimeRangeInput", _) => vec![json!({ "between": { "from": "2020-01-01T00:00:00.000Z", "to": "2030-01-01T00:00:00.000Z" } })],
            other => panic!("say in tests/it/plans/lists.rs what a valid {other:?} looks like"),
        };
        single.into_iter().map(|value| if is_list(member) { json!([value]) } else { value }).collect()
    }
}

/// The type of an argument as GraphQL writes it.
fn written(argument: &Value) -> String {
    fn of(kind: &Value) -> String {
        match kind["kind"].as_str() {
            Some("NON_NULL") => format!("{}!", of(&kind["ofType"])),
            Some("LIST") => format!("[{}]", of(&kind["ofType"])),
            _ => text(&kind["name"]),
        }
    }
    of(&argument["type"])
}

/// How an owner of lists is reached, with `LIST` for the list, and where it is in the answer. `None` for what only a
/// mutation or a connection gives.
fn lead(owner: &Value, scene: &Scene) -> Option<(String, &'static str)> {
    let kind = name(owner);
    match kind {
        "Query" => Some(("{ LIST }".to_owned(), "")),
        "Viewer" => Some(("{ viewer { LIST } }".to_owned(), "/viewer")),
        _ if kind.starts_with("Admin") => Some(("{ admin { LIST } }".to_owned(), "/admin")),
        _ if list(owner, "interfaces").any(|interface| interface["name"] == "Node") => {
            Some((format!("{{ node(id: \"{}\") {{ ... on {kind} {{ LIST }} }} }}", scene.id(kind)), "/node"))
        }
        _ if kind.ends_with("Payload") => None,
        _ => panic!("say in tests/it/plans/lists.rs how a `{kind}` is reached"),
    }
}
