//! Puts the members of an answer into the order in which they were asked for.
//!
//! Fields of one object are resolved together and arrive as they are ready, while the specification wants the order of
//! the request: [serialized map ordering](https://spec.graphql.org/October2021/#sec-Serialized-Map-Ordering). The order
//! is read off the document once; an answer that has it already is only looked at.

use std::collections::HashMap;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, FragmentDefinition, OperationDefinition, Selection, SelectionSet, TypeCondition,
};
use async_graphql::{Name, Positioned, Value, Variables};

/// The order of one selection set, fragments in the places where they are used.
#[derive(Debug, Default)]
pub(super) struct Order(Vec<Item>);

#[derive(Debug)]
enum Item {
    /// A member of the answer, and what is asked of it.
    Member(Name, Order),
    /// Members that only objects have to which a type condition applies.
    Fragment(Condition, Order),
}

impl Item {
    const fn order(&self) -> &Order {
        match self {
            Self::Member(_, order) | Self::Fragment(_, order) => order,
        }
    }
}

#[derive(Debug)]
struct Condition {
    on: Name,
    /// Is it about one type of object, and not about an interface?
    concrete: bool,
}

/// Members wanted of one object, first mention first, with everything asked of each.
type Wanted<'a> = IndexMap<&'a Name, Vec<&'a Order>>;

impl Order {
    /// The order an operation of a document asks for; none when every object of its answer has one member.
    ///
    /// The document must be free of fragments within themselves.
    pub(super) fn of(
        document: &ExecutableDocument,
        (operation, variables): (Option<&str>, &Variables),
        is_object: &dyn Fn(&str) -> bool,
    ) -> Option<Self> {
        let chosen = document.operations.iter().find(|(name, _)| operation.is_none() || name.map(Name::as_str) == operation);
        let (_, operation) = chosen?;
        let reader = Reader { fragments: &document.fragments, operation: &operation.node, variables, is_object };
        let order = reader.set(&operation.node.selection_set.node);
        order.has_choice().then_some(order)
    }

    fn has_choice(&self) -> bool {
        self.0.len() > 1 || self.0.iter().any(|item| item.order().has_choice())
    }

    /// Brings an answer into this order. Members nobody asked for stay behind the others.
    pub(super) fn restore(&self, answer: &mut Value) {
        restore(answer, &[self]);
    }

    fn collect<'a>(&'a self, object: &IndexMap<Name, Value>, wanted: &mut Wanted<'a>) {
        for item in &self.0 {
            match item {
                Item::Member(name, below) => {
                    let asked = wanted.entry(name);
                    if below.0.is_empty() {
                        asked.or_default();
                    } else {
                        asked.or_default().push(below);
                    }
                }
                Item::Fragment(condition, order) if order.applies(condition, object) => order.collect(object, wanted),
                Item::Fragment(..) => {}
            }
        }
    }

    /// Does a fragment apply to an object, as far as its answer tells? The type is known where its name was asked for;
    /// else it applies if the object has all of its members.
    fn applies(&self, condition: &Condition, object: &IndexMap<Name, Value>) -> bool {
        match object.get("__typename") {
            Some(Value::String(name)) if name == condition.on.as_str() => true,
            Some(Value::String(_)) if condition.concrete => false,
            _ => self.0.iter().all(|item| match item {
                Item::Member(name, _) => object.contains_key(name),
                Item::Fragment(..) => true,
            }),
        }
    }
}

fn restore(answer: &mut Value, orders: &[&Order]) {
    match answer {
        Value::List(items) => items.iter_mut().for_each(|item| restore(item, orders)),
        Value::Object(object) => restore_object(object, orders),
        _ => {}
    }
}

fn restore_object(object: &mut IndexMap<Name, Value>, orders: &[&Order]) {
    let mut wanted = Wanted::with_capacity(object.len());
    for order in orders {
        order.collect(object, &mut wanted);
    }
    let (mut next, mut ordered) = (0, true);
    for (name, below) in &wanted {
        let Some((place, _, value)) = object.get_full_mut(*name) else { continue };
        ordered &= place >= next;
        next = place + 1;
        if !below.is_empty() {
            restore(value, below);
        }
    }
    if ordered {
        return;
    }
    let mut found = std::mem::take(object);
    for name in wanted.keys() {
        if let Some((name, value)) = found.swap_remove_entry(*name) {
            object.insert(name, value);
        }
    }
    object.extend(found);
}

/// Reads orders off a document.
struct Reader<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    is_object: &'a dyn Fn(&str) -> bool,
}

impl Reader<'_> {
    fn set(&self, set: &SelectionSet) -> Order {
        let mut items = Vec::with_capacity(set.items.len());
        for selection in set.items.iter().map(|item| &item.node).filter(|selection| self.is_included(directives(selection))) {
            match selection {
                Selection::Field(field) => {
                    items.push(Item::Member(field.node.response_key().node.clone(), self.set(&field.node.selection_set.node)));
                }
                Selection::InlineFragment(fragment) => {
                    let order = self.set(&fragment.node.selection_set.node);
                    match &fragment.node.type_condition {
                        Some(on) => items.push(Item::Fragment(self.type_condition(&on.node), order)),
                        None => items.extend(order.0),
                    }
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.fragments.get(&spread.node.fragment_name.node) {
                        let order = self.set(&fragment.node.selection_set.node);
                        items.push(Item::Fragment(self.type_condition(&fragment.node.type_condition.node), order));
                    }
                }
            }
        }
        Order(items)
    }

    fn type_condition(&self, condition: &TypeCondition) -> Condition {
        let on = condition.on.node.clone();
        Condition { concrete: (self.is_object)(&on), on }
    }

    fn is_included(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| match directive.node.name.node.as_str() {
            "skip" => !self.condition(&directive.node),
            "include" => self.condition(&directive.node),
            _ => true,
        })
    }

    fn condition(&self, directive: &Directive) -> bool {
        let given = |name: Name| {
            let definition = self.operation.variable_definitions.iter().find(|definition| definition.node.name.node == name);
            let default = || definition.and_then(|definition| definition.node.default_value().cloned());
            self.variables.get(&name).cloned().or_else(default).ok_or(())
        };
        let value = directive.get_argument("if").and_then(|value| value.node.clone().into_const_with(given).ok());
        matches!(value, Some(Value::Boolean(true)))
    }
}

fn directives(selection: &Selection) -> &[Positioned<Directive>] {
    match selection {
        Selection::Field(field) => &field.node.directives,
        Selection::InlineFragment(fragment) => &fragment.node.directives,
        Selection::FragmentSpread(spread) => &spread.node.directives,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;
    use serde_json::json;

    fn order(query: &str, variables: serde_json::Value) -> Option<Order> {
        Order::of(&parse_query(query).unwrap(), (None, &Variables::from_json(variables)), &|name| name != "Node")
    }

    /// The answer as text after it was brought into order.
    fn check(query: &str, variables: serde_json::Value, answer: &str, expected: &str) {
        let mut answer: Value = serde_json::from_str(answer).unwrap();
        if let Some(order) = order(query, variables) {
            order.restore(&mut answer);
        }
        assert_eq!(serde_json::to_string(&answer).unwrap(), expected, "{query}");
    }

    #[test]
    fn members_come_as_they_were_asked_for() {
        for (query, answer, expected) in [
            ("{ a b c }", r#"{"c":1,"a":2,"b":3}"#, r#"{"a":2,"b":3,"c":1}"#),
            ("{ x: a a }", r#"{"a":1,"x":2}"#, r#"{"x":2,"a":1}"#),
            ("{ l { a b } }", r#"{"l":[{"b":1,"a":2},null,{"a":3,"b":4}]}"#, r#"{"l":[{"a":2,"b":1},null,{"a":3,"b":4}]}"#),
            ("{ a { x } b a { y z } }", r#"{"b":0,"a":{"z":1,"y":2,"x":3}}"#, r#"{"a":{"x":3,"y":2,"z":1},"b":0}"#),
            ("{ a json }", r#"{"json":{"z":1,"a":2},"a":0}"#, r#"{"a":0,"json":{"z":1,"a":2}}"#),
            ("{ ...f a } fragment f on Q { c ... { b } }", r#"{"a":1,"b":2,"c":3}"#, r#"{"c":3,"b":2,"a":1}"#),
            ("{ a ...f } fragment f on Q { b a }", r#"{"b":1,"a":2}"#, r#"{"a":2,"b":1}"#),
            ("{ b a }", r#"{"other":0,"a":1,"b":2}"#, r#"{"b":2,"a":1,"other":0}"#),
        ] {
            check(query, json!({}), answer, expected);
        }
    }

    #[test]
    fn fragments_on_other_types_do_not_count() {
        let query = "{ n { ...on A { id x } ...on B { y id } } }";
        check(query, json!({}), r#"{"n":[{"id":1,"y":2},{"x":3,"id":4}]}"#, r#"{"n":[{"y":2,"id":1},{"id":4,"x":3}]}"#);
        let query = "{ n { __typename ...on A { x id } ...on B { id x } ...on Node { y } } }";
        let answer = r#"{"n":{"y":1,"x":2,"id":3,"__typename":"B"}}"#;
        check(query, json!({}), answer, r#"{"n":{"__typename":"B","id":3,"x":2,"y":1}}"#);
    }

    #[test]
    fn what_was_skipped_has_no_place() {
        let query = "query($no: Boolean!, $yes: Boolean = true) { a @include(if: $no) b ... @skip(if: $yes) { c } a c }";
        check(query, json!({ "no": false }), r#"{"c":1,"a":2,"b":3}"#, r#"{"b":3,"a":2,"c":1}"#);
        check(query, json!({ "no": true, "yes": false }), r#"{"c":1,"a":2,"b":3}"#, r#"{"a":2,"b":3,"c":1}"#);
    }

    #[test]
    fn a_single_member_needs_no_order() {
        assert!(order("{ a { b { c } } }", json!({})).is_none());
        assert!(order("{ a { b { c d } } }", json!({})).is_some());
    }
}
