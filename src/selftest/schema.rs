//! The exported schema as an index: what the probes are derived from.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind, TypeSystemDefinition};

use crate::graphql::sdl;

/// The root types, in the order in which they are probed.
pub const ROOTS: [&str; 3] = ["Query", "Mutation", "Subscription"];

/// Arguments that say which part of a list is wanted.
pub const PAGING: [&str; 4] = ["first", "after", "last", "before"];

/// Members gone through at most: an input may contain itself.
const DEEPEST: usize = 8;

/// Every type of the exported schema by its name.
#[derive(Debug)]
pub struct Schema {
    types: BTreeMap<String, TypeDefinition>,
}

/// A place among the arguments of a field that holds one plain value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name in the table of rules: `Query.node(id)` for an argument, `ContactLookup.id` for a member of an input.
    pub name: String,
    /// The argument, and the members to go through from there.
    pub path: Vec<String>,
    /// The scalar or enum it holds.
    pub kind: String,
}

impl Place {
    /// Does it take a position in a list?
    pub fn is_cursor(&self) -> bool {
        matches!(self.path.as_slice(), [only] if only == "after" || only == "before")
    }
}

/// The named type inside lists and non-nulls.
pub fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => named(inner),
    }
}

/// Must a value be given?
pub fn is_required(input: &InputValueDefinition) -> bool {
    !input.ty.node.nullable && input.default_value.is_none()
}

impl Schema {
    /// The schema this program exports.
    pub fn exported() -> Self {
        // A text that is no schema has no types, and then every rule is found to be idle.
        let definitions = parse_schema(sdl()).map(|document| document.definitions).unwrap_or_default();
        let types = definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some((definition.node.name.node.to_string(), definition.node)),
            _ => None,
        });
        Self { types: types.collect() }
    }

    fn kind(&self, name: &str) -> Option<&TypeKind> {
        self.types.get(name).map(|definition| &definition.kind)
    }

    /// The fields of an object or interface; none for anything else.
    pub fn fields(&self, name: &str) -> impl Iterator<Item = &FieldDefinition> {
        let fields = match self.kind(name) {
            Some(TypeKind::Object(object)) => object.fields.as_slice(),
            Some(TypeKind::Interface(interface)) => interface.fields.as_slice(),
            _ => &[],
        };
        fields.iter().map(|field| &field.node)
    }

    /// The members of an input object; `None` for anything else.
    pub fn members(&self, name: &str) -> Option<Vec<&InputValueDefinition>> {
        match self.kind(name) {
            Some(TypeKind::InputObject(input)) => Some(input.fields.iter().map(|field| &field.node).collect()),
            _ => None,
        }
    }

    /// Is exactly one member of this input to be given?
    pub fn is_one_of(&self, name: &str) -> bool {
        let found = self.types.get(name);
        found.is_some_and(|found| found.directives.iter().any(|directive| directive.node.name.node == "oneOf"))
    }

    /// The values of an enum; none for anything else.
    pub fn values(&self, name: &str) -> Vec<&str> {
        match self.kind(name) {
            Some(TypeKind::Enum(values)) => values.values.iter().map(|value| value.node.value.node.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// Has it no fields of its own? So it is with scalars and enums.
    pub fn is_leaf(&self, name: &str) -> bool {
        !matches!(self.kind(name), Some(TypeKind::Object(_) | TypeKind::Interface(_)))
    }

    /// The objects that implement an interface.
    pub fn implementers(&self, interface: &str) -> Vec<&str> {
        let implements = |kind: &TypeKind| match kind {
            TypeKind::Object(object) => object.implements.iter().any(|name| name.node == interface),
            _ => false,
        };
        self.types.iter().filter(|(_, definition)| implements(&definition.kind)).map(|(name, _)| name.as_str()).collect()
    }

    /// The names of all objects.
    pub fn objects(&self) -> impl Iterator<Item = &str> {
        self.types.iter().filter(|(_, definition)| matches!(definition.kind, TypeKind::Object(_))).map(|(name, _)| name.as_str())
    }

    /// The names of all input objects.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str).filter(|name| self.members(name).is_some())
    }

    /// The names of all places that hold this scalar, wherever they are, cursors apart.
    pub fn held(&self, scalar: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for object in self.objects() {
            for field in self.fields(object) {
                let arguments = field.arguments.iter().map(|argument| &argument.node);
                let held =
                    arguments.filter(|argument| named(&argument.ty.node) == scalar && !PAGING.contains(&argument.name.node.as_str()));
                found.extend(held.map(|argument| format!("{object}.{}({})", field.name.node, argument.name.node)));
            }
        }
        for input in self.inputs() {
            let members = self.members(input).unwrap_or_default().into_iter().filter(|member| named(&member.ty.node) == scalar);
            found.extend(members.map(|member| format!("{input}.{}", member.name.node)));
        }
        found
    }

    /// Every place among the arguments of a field.
    pub fn places(&self, owner: &str, field: &FieldDefinition) -> Vec<Place> {
        let mut found = Vec::new();
        for argument in &field.arguments {
            let name = format!("{owner}.{}({})", field.name.node, argument.node.name.node);
            self.collect(&argument.node, name, &[], &mut found);
        }
        found
    }

    fn collect(&self, input: &InputValueDefinition, name: String, above: &[String], found: &mut Vec<Place>) {
        if above.len() > DEEPEST {
            return;
        }
        let kind = named(&input.ty.node);
        let path: Vec<String> = above.iter().cloned().chain([input.name.node.to_string()]).collect();
        match self.members(kind) {
            None => found.push(Place { name, path, kind: kind.to_owned() }),
            Some(members) => {
                for member in members {
                    self.collect(member, format!("{kind}.{}", member.name.node), &path, found);
                }
            }
        }
    }
}
