//! What is selected: everything plain of a type, and every way that leads on from it.

use super::operation::{Step, item_of};
use super::schema::{Schema, is_required, named};
use super::values::{Argument, Values};

/// Items that are asked of each list on the way.
const ITEMS: u32 = 3;

/// `first`, as an argument.
pub fn first(items: u32) -> Argument {
    Argument { name: "first".to_owned(), ty: "Int".to_owned(), value: items.into() }
}

/// Fields that lead from a type to another one.
#[derive(Debug, Clone)]
pub struct Way {
    /// The fields.
    pub steps: Vec<Step>,
    /// The type they lead to.
    pub end: String,
}

/// Everything plain of a type: its scalars and enums, and of a list the items.
pub fn plain(schema: &Schema, name: &str) -> String {
    if schema.is_leaf(name) {
        return String::new();
    }
    if let Some(item) = item_of(schema, name) {
        let item = plain(schema, item);
        return format!("{{ totalCount pageInfo {} edges {{ cursor node {item} }} nodes {{ __typename }} }}", plain(schema, "PageInfo"));
    }
    format!("{{ __typename {} {} }}", leaves(schema, name), variants(schema, name))
}

/// The same, and everything plain of what is one field away.
pub fn rich(schema: &Schema, name: &str) -> String {
    if schema.is_leaf(name) || item_of(schema, name).is_some() {
        return plain(schema, name);
    }
    let free = schema.fields(name).filter(|field| !field.arguments.iter().any(|argument| is_required(&argument.node)));
    let objects = free.filter(|field| !schema.is_leaf(named(&field.ty.node))).map(|field| {
        let paged = field.arguments.iter().any(|argument| argument.node.name.node == "first");
        let arguments = if paged { "(first: 2)" } else { "" };
        format!("{}{arguments} {}", field.name.node, plain(schema, named(&field.ty.node)))
    });
    format!("{{ __typename {} {} {} }}", leaves(schema, name), variants(schema, name), objects.collect::<Vec<_>>().join(" "))
}

/// The texts and the yes and no of what a mutation gives: nothing that differs from one time to the next.
pub fn lasting(schema: &Schema, payload: &str) -> String {
    let steady = |name: &str| {
        let fields =
            schema.fields(name).filter(|field| ["String", "Boolean"].contains(&named(&field.ty.node)) && field.arguments.is_empty());
        let steady = fields.map(|field| field.name.node.as_str()).filter(|name| *name != "cursor");
        steady.collect::<Vec<_>>().join(" ")
    };
    let objects = schema.fields(payload).filter(|field| !schema.is_leaf(named(&field.ty.node)));
    let objects = objects.map(|field| format!("{} {{ __typename {} }}", field.name.node, steady(named(&field.ty.node))));
    format!("{{ __typename {} {} }}", steady(payload), objects.collect::<Vec<_>>().join(" "))
}

fn leaves(schema: &Schema, name: &str) -> String {
    let free = schema.fields(name).filter(|field| !field.arguments.iter().any(|argument| is_required(&argument.node)));
    let leaves = free.filter(|field| schema.is_leaf(named(&field.ty.node))).map(|field| field.name.node.as_str());
    leaves.collect::<Vec<_>>().join(" ")
}

/// What the implementers of an interface have of their own; members that several have under one name are left out, since
/// one answer cannot hold them all.
fn variants(schema: &Schema, interface: &str) -> String {
    let kinds = schema.implementers(interface);
    let common: Vec<_> = schema.fields(interface).map(|field| field.name.node.as_str()).collect();
    let held_by = |name: &str| kinds.iter().filter(|kind| schema.fields(kind).any(|field| field.name.node == name)).count();
    let own = |kind: &&str| {
        let fields = schema.fields(kind).filter(|field| !common.contains(&field.name.node.as_str()) && held_by(&field.name.node) == 1);
        let text: Vec<_> = fields.map(|field| format!("{} {}", field.name.node, plain(schema, named(&field.ty.node)))).collect();
        (!text.is_empty()).then(|| format!("... on {kind} {{ {} }}", text.join(" ")))
    };
    if interface == "Node" { String::new() } else { kinds.iter().filter_map(own).collect::<Vec<_>>().join(" ") }
}

/// Every way of at most that many fields from a type on; required arguments are the tenant's own.
pub fn ways(values: Values<'_>, name: &str, depth: usize) -> Vec<Way> {
    let schema = values.schema;
    let mut found = Vec::new();
    for field in schema.fields(name).filter(|field| !schema.is_leaf(named(&field.ty.node))) {
        let end = named(&field.ty.node);
        let mut step = Step::new(&field.name.node, values.arguments(name, field, None));
        let item = item_of(schema, end);
        if item.is_some() {
            step.arguments.push(first(ITEMS));
        }
        found.push(Way { steps: vec![step.clone()], end: end.to_owned() });
        if depth > 1 {
            let inside: Vec<_> = [step].into_iter().chain(item.map(|_| Step::new("nodes", Vec::new()))).collect();
            for way in ways(values, item.unwrap_or(end), depth - 1) {
                found.push(Way { steps: inside.iter().cloned().chain(way.steps).collect(), end: way.end });
            }
        }
    }
    found
}
