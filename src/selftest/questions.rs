//! Every field that takes arguments, where it can be asked, and what can be put into each place of them.

use async_graphql::parser::types::FieldDefinition;
use serde_json::Value;

use super::operation::{Operation, Step, item_of};
use super::rules::{self, Names};
use super::scene::Scene;
use super::schema::{Place, ROOTS, Schema, is_required, named};
use super::selection::{first, lasting, plain, rich};
use super::values::Values;

/// A field with arguments, of a root type or of an object that can be reached.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The root type the operation begins at.
    pub root: &'static str,
    /// The type the field is of.
    pub owner: &'a str,
    /// The field.
    pub field: &'a FieldDefinition,
}

/// How much is selected of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Only whether there is anything.
    Lean,
    /// All there is, and what is one field away.
    Rich,
    /// Texts, yes and no: nothing that differs from one time to the next.
    Lasting,
}

impl<'a> Question<'a> {
    /// Those about queries: root fields, and fields with arguments of every object.
    pub fn reading(schema: &'a Schema) -> Vec<Self> {
        let roots = schema.fields("Query").map(|field| Self { root: "Query", owner: "Query", field });
        let objects = schema.objects().filter(|object| !ROOTS.contains(object));
        let nested = objects.flat_map(|owner| schema.fields(owner).map(move |field| Self { root: "Query", owner, field }));
        roots.chain(nested.filter(|question| !question.field.arguments.is_empty())).collect()
    }

    /// Those about changes.
    pub fn changing(schema: &'a Schema) -> Vec<Self> {
        schema.fields("Mutation").map(|field| Self { root: "Mutation", owner: "Mutation", field }).collect()
    }

    /// Those about streams.
    pub fn following(schema: &'a Schema) -> Vec<Self> {
        schema.fields("Subscription").map(|field| Self { root: "Subscription", owner: "Subscription", field }).collect()
    }

    /// The places of this scalar among its arguments, cursors apart.
    pub fn places(&self, schema: &Schema, scalar: &str) -> Vec<Place> {
        let places = schema.places(self.owner, self.field).into_iter();
        let name = format!("{}.{}", self.owner, self.field.name.node);
        let taken = |place: &Place| !rules::NOT_TAKEN.contains(&(name.as_str(), place.name.as_str()));
        places.filter(|place| place.kind == scalar && !place.is_cursor() && taken(place)).collect()
    }

    /// The places that take a position in a list.
    pub fn cursors(&self, schema: &Schema) -> Vec<Place> {
        schema.places(self.owner, self.field).into_iter().filter(Place::is_cursor).collect()
    }

    /// The operation that asks it with a value of choice in one place; all else is the tenant's own.
    pub fn asked(&self, values: Values<'_>, chosen: Option<(&Place, &Value)>, width: Width) -> Operation {
        let schema = values.schema;
        let mut step = Step::new(&self.field.name.node, values.arguments(self.owner, self.field, chosen));
        let kind = named(&self.field.ty.node);
        if item_of(schema, kind).is_some() {
            let mut size = first(20);
            if chosen.is_some_and(|(place, _)| place.path == ["before"]) {
                "last".clone_into(&mut size.name);
            }
            step.arguments.push(size);
        }
        let selection = match width {
            Width::Lean if schema.is_leaf(kind) => String::new(),
            Width::Lean if schema.fields(kind).any(|field| field.name.node == "userErrors") => {
                "{ userErrors { code message path } }".to_owned()
            }
            Width::Lean => "{ __typename }".to_owned(),
            Width::Lasting => lasting(schema, kind),
            Width::Rich if self.owner == self.root => rich(schema, kind),
            Width::Rich => plain(schema, kind),
        };
        let lead = (self.owner != self.root).then(|| lead(values, self.owner));
        Operation { root: self.root, steps: lead.into_iter().chain([step]).collect(), selection }
    }

    /// The foreign ids that fit a place, each with the type it is of.
    pub fn fitting<'s>(scene: &'s Scene, schema: &'s Schema, place: &Place) -> Vec<(&'s str, &'s str)> {
        let wanted = rules::of_id(&place.name);
        let fits = |kind: &str| match wanted {
            Some(Names::AnyNode) => true,
            Some(Names::A(known)) => known == kind,
            None => false,
        };
        scene.foreign_nodes(schema).filter(|(kind, _)| fits(kind)).collect()
    }
}

/// The step to the tenant's own object of a type.
fn lead(values: Values<'_>, kind: &str) -> Step {
    if values.schema.implementers("Node").contains(&kind) {
        return Step::node(values.tenant.any(kind), kind);
    }
    let free = |field: &&FieldDefinition| !field.arguments.iter().any(|argument| is_required(&argument.node));
    let found = values.schema.fields("Query").filter(free).find(|field| named(&field.ty.node) == kind);
    // What no root field gives is asked for by the name of its type: the question is then found to be badly put.
    Step::new(found.map_or(kind, |field| field.name.node.as_str()), Vec::new())
}

/// Where the answer is any `Node`, what is selected of one type.
pub fn as_kind(schema: &Schema, mut operation: Operation, returned: &str, kind: &str) -> Operation {
    if returned == "Node" {
        if let Some(last) = operation.steps.last_mut() {
            last.on = Some(kind.to_owned());
        }
        operation.selection = rich(schema, kind);
    }
    operation
}
