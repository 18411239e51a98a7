//! Brings the root fields of subscriptions out of the fragments around them.
//!
//! The library opens a stream for a field that stands in the operation itself, and silently none for a field in a
//! fragment. It also runs a field whatever its `@skip` says; the specification has neither `@skip` nor `@include` at the
//! [root of a subscription](https://spec.graphql.org/draft/#sec-Single-Root-Field), so they are refused.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, FragmentDefinition, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, ServerError};

use super::error::with_code;

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Puts the fields that fragments hold into the operation. A fragment that nothing needs any more is taken away, so that
/// it is not taken for one that nothing ever needed. Fragments within themselves were refused before.
///
/// # Errors
/// `GRAPHQL_VALIDATION_FAILED` for `@skip` or `@include` at the root.
pub(super) fn open(document: &mut ExecutableDocument) -> Result<(), ServerError> {
    let ExecutableDocument { operations, fragments } = document;
    let mut opened = HashSet::new();
    let operations: Vec<&mut OperationDefinition> = match operations {
        DocumentOperations::Single(operation) => vec![&mut operation.node],
        DocumentOperations::Multiple(operations) => operations.values_mut().map(|operation| &mut operation.node).collect(),
    };
    for operation in operations.into_iter().filter(|operation| operation.ty == OperationType::Subscription) {
        let set = &mut operation.selection_set.node;
        let mut fields = Vec::with_capacity(set.items.len());
        collect(set, fragments, (&mut fields, &mut opened))?;
        set.items = fields;
    }
    if opened.is_empty() {
        return Ok(());
    }
    let mut needed = HashSet::new();
    for (_, operation) in document.operations.iter() {
        note_needed(&operation.node.selection_set.node, &document.fragments, &mut needed);
    }
    document.fragments.retain(|name, _| needed.contains(name) || !opened.contains(name));
    Ok(())
}

fn collect(
    set: &SelectionSet,
    fragments: &Fragments,
    (fields, opened): (&mut Vec<Positioned<Selection>>, &mut HashSet<Name>),
) -> Result<(), ServerError> {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => {
                refuse_conditions(&field.node.directives)?;
                fields.push(item.clone());
            }
            Selection::InlineFragment(fragment) => {
                refuse_conditions(&fragment.node.directives)?;
                collect(&fragment.node.selection_set.node, fragments, (fields, opened))?;
            }
            Selection::FragmentSpread(spread) => {
                refuse_conditions(&spread.node.directives)?;
                match fragments.get(&spread.node.fragment_name.node) {
                    Some(fragment) => {
                        opened.insert(spread.node.fragment_name.node.clone());
                        collect(&fragment.node.selection_set.node, fragments, (fields, opened))?;
                    }
                    // Validation will say that there is no such fragment.
                    None => fields.push(item.clone()),
                }
            }
        }
    }
    Ok(())
}

fn refuse_conditions(directives: &[Positioned<Directive>]) -> Result<(), ServerError> {
    match directives.iter().find(|directive| matches!(directive.node.name.node.as_str(), "skip" | "include")) {
        Some(directive) => {
            let message = format!("The root of a subscription cannot have `@{}`.", directive.node.name.node);
            Err(with_code(ServerError::new(message, Some(directive.pos)), "GRAPHQL_VALIDATION_FAILED"))
        }
        None => Ok(()),
    }
}

/// Notes every fragment a selection set leads to.
fn note_needed(set: &SelectionSet, fragments: &Fragments, needed: &mut HashSet<Name>) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => note_needed(&field.node.selection_set.node, fragments, needed),
            Selection::InlineFragment(fragment) => note_needed(&fragment.node.selection_set.node, fragments, needed),
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                if let Some(fragment) = fragments.get(name).filter(|_| needed.insert(name.clone())) {
                    note_needed(&fragment.node.selection_set.node, fragments, needed);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn opened(text: &str) -> (usize, Vec<String>) {
        let mut document = parse_query(text).unwrap();
        open(&mut document).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let items = &operation.node.selection_set.node.items;
        assert!(items.iter().all(|item| matches!(item.node, Selection::Field(_))));
        let mut left: Vec<String> = document.fragments.keys().map(ToString::to_string).collect();
        left.sort();
        (items.len(), left)
    }

    #[test]
    fn fields_come_out_of_fragments() {
        for (text, left) in [
            ("subscription { a { b } }", vec![]),
            ("subscription { ... { a } }", vec![]),
            ("subscription { ... on Subscription { ...F } } fragment F on Subscription { ...G } fragment G on Subscription { a }", vec![]),
            ("subscription { ...F } fragment F on Subscription { a { ...G } } fragment G on A { b }", vec!["G"]),
            ("subscription { ...F } fragment F on Subscription { a } fragment Idle on A { b }", vec!["Idle"]),
        ] {
            assert_eq!(opened(text), (1, left.into_iter().map(str::to_owned).collect()), "{text}");
        }
    }

    #[test]
    fn conditions_at_the_root_are_refused() {
        for text in [
            "subscription { a @skip(if: true) }",
            "subscription { ... @include(if: true) { a } }",
            "subscription { ...F @skip(if: false) } fragment F on Subscription { a }",
        ] {
            let error = open(&mut parse_query(text).unwrap()).unwrap_err();
            assert!(error.message.contains("cannot have `@"), "{text}: {}", error.message);
        }
        assert!(open(&mut parse_query("query { a @skip(if: true) }").unwrap()).is_ok());
    }
}
