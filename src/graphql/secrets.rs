//! Refuses secrets written into the document, where logs and caches would keep them.

use async_graphql::parser::types::{ExecutableDocument, Field, OperationType, Selection, SelectionSet};
use async_graphql::registry::{MetaType, MetaTypeName, Registry};
use async_graphql::{ServerError, Value};

use super::error::request_error;

/// The scalar that must come in variables.
const SECRET: &str = "Secret";

/// Looks at every argument and every variable's default; each operation and fragment is walked once.
///
/// # Errors
/// `SECRET_IN_DOCUMENT` when a `Secret` is given as anything but a variable or null.
pub(super) fn check(document: &ExecutableDocument, registry: &Registry) -> Result<(), ServerError> {
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        for variable in &operation.variable_definitions {
            if let Some(default) = &variable.node.default_value {
                check_value(&default.node, &variable.node.var_type.node.to_string(), registry)?;
            }
        }
        let root = match operation.ty {
            OperationType::Query => Some(&registry.query_type),
            OperationType::Mutation => registry.mutation_type.as_ref(),
            OperationType::Subscription => registry.subscription_type.as_ref(),
        };
        check_set(&operation.selection_set.node, root.map(String::as_str), registry)?;
    }
    for fragment in document.fragments.values() {
        check_set(&fragment.node.selection_set.node, Some(&fragment.node.type_condition.node.on.node), registry)?;
    }
    Ok(())
}

fn check_set(set: &SelectionSet, parent: Option<&str>, registry: &Registry) -> Result<(), ServerError> {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => check_field(&field.node, parent, registry)?,
            Selection::InlineFragment(fragment) => {
                let on = fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                check_set(&fragment.node.selection_set.node, on.or(parent), registry)?;
            }
            Selection::FragmentSpread(_) => {}
        }
    }
    Ok(())
}

fn check_field(field: &Field, parent: Option<&str>, registry: &Registry) -> Result<(), ServerError> {
    let known = parent.and_then(|parent| registry.types.get(parent)).and_then(|parent| parent.field_by_name(&field.name.node));
    for (name, value) in &field.arguments {
        let Some(argument) = known.and_then(|known| known.args.get(name.node.as_str())) else { continue };
        // Variables count as null here: what they hold is not in the document.
        let written = value.node.clone().into_const_with(|_| Ok::<_, std::convert::Infallible>(Value::Null));
        let Ok(written) = written;
        check_value(&written, &argument.ty, registry)?;
    }
    check_set(&field.selection_set.node, known.map(|known| MetaTypeName::concrete_typename(&known.ty)), registry)
}

fn check_value(value: &Value, expected: &str, registry: &Registry) -> Result<(), ServerError> {
    let expected = MetaTypeName::concrete_typename(expected);
    match value {
        Value::Null => Ok(()),
        Value::List(items) => items.iter().try_for_each(|item| check_value(item, expected, registry)),
        _ if expected == SECRET => Err(request_error("SECRET_IN_DOCUMENT", "A secret must be given in a variable, not in the document.")),
        Value::Object(members) => {
            let Some(MetaType::InputObject { input_fields, .. }) = registry.types.get(expected) else { return Ok(()) };
            members
                .iter()
                .filter_map(|(name, member)| input_fields.get(name.as_str()).map(|field| (member, field)))
                .try_for_each(|(member, field)| check_value(member, &field.ty, registry))
        }
        _ => Ok(()),
    }
}
