//! The least valid arguments of a field: required members only, ids of one tenant's own objects, one place chosen freely.

use async_graphql::parser::types::{BaseType, FieldDefinition, InputValueDefinition, Type};
use serde_json::{Map, Value, json};

use super::rules::{self, Names};
use super::scene::Tenant;
use super::schema::{Place, Schema, is_required, named};

/// An argument with its type as GraphQL writes it.
#[derive(Debug, Clone)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: String,
    /// What it is given.
    pub value: Value,
}

/// Makes arguments out of what one tenant has.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// Whose objects are named.
    pub tenant: &'a Tenant,
}

/// What is put into one place.
type Given<'a> = Option<(&'a [String], &'a Value)>;

impl<'a> Values<'a> {
    /// The arguments of a field, with a value of choice in one place.
    pub fn arguments(self, owner: &str, field: &FieldDefinition, chosen: Option<(&Place, &Value)>) -> Vec<Argument> {
        let mut made = Vec::new();
        for argument in field.arguments.iter().map(|argument| &argument.node) {
            let given = below(chosen.map(|(place, value)| (place.path.as_slice(), value)), &argument.name.node);
            if given.is_none() && !is_required(argument) {
                continue;
            }
            let place = format!("{owner}.{}({})", field.name.node, argument.name.node);
            let value = self.value(&argument.ty.node, &place, given);
            made.push(Argument { name: argument.name.node.to_string(), ty: argument.ty.node.to_string(), value });
        }
        made
    }

    fn value(self, ty: &Type, place: &str, given: Given<'_>) -> Value {
        if let BaseType::List(item) = &ty.base {
            return json!([self.value(item, place, given)]);
        }
        let kind = named(ty);
        match (self.schema.members(kind), given) {
            (Some(members), _) => self.object(kind, &members, given),
            (None, Some((_, value))) => value.clone(),
            (None, None) => self.sample(kind, place),
        }
    }

    fn object(self, kind: &str, members: &[&InputValueDefinition], given: Given<'_>) -> Value {
        let chosen = given.and_then(|(path, _)| path.first());
        let wanted: Vec<_> = if self.schema.is_one_of(kind) {
            let by_id = || members.iter().find(|member| named(&member.ty.node) == "ID").or_else(|| members.first());
            let one = chosen.map_or_else(by_id, |name| members.iter().find(|member| member.name.node == name.as_str()));
            one.into_iter().collect()
        } else {
            members.iter().filter(|member| is_required(member) || chosen.is_some_and(|name| member.name.node == name.as_str())).collect()
        };
        let entry = |member: &&InputValueDefinition| {
            let name = member.name.node.to_string();
            let value = self.value(&member.ty.node, &format!("{kind}.{name}"), below(given, &name));
            (name, value)
        };
        Value::Object(wanted.into_iter().map(entry).collect::<Map<_, _>>())
    }

    fn sample(self, kind: &str, place: &str) -> Value {
        match kind {
            "ID" => match rules::of_id(place) {
                Some(Names::A(kind)) => json!(self.tenant.any(kind)),
                Some(Names::AnyNode) | None => json!(self.tenant.any("Workspace")),
            },
            "String" => json!(self.text(place)),
            "Int" | "SafeInt" => json!(1),
            "Float" => json!(0.5),
            "Boolean" => json!(true),
            "JSON" => json!({}),
            "JSONPath" => json!("$.a"),
            "TemplateString" => json!("{{ inputs.q }}"),
            "SemVer" => json!("1.0.0"),
            "Secret" => json!("a-secret-of-no-one"),
            "DateTime" => json!("2030-01-01T00:00:00.000Z"),
            "ConnectorDefinition" => self.tenant.definition.clone(),
            // A scalar that is missing here gets null, and the question is found to be badly put.
            other => json!(self.schema.values(other).first()),
        }
    }

    fn text(self, place: &str) -> &'a str {
        match place {
            "CredentialSlotInput.slot" => "api",
            "CredentialCreateInput.allowedHosts" | "CredentialDraftInput.allowedHosts" => "127.0.0.1",
            "Execution.step(path)" => "call",
            "Workspace.connector(key)" => &self.tenant.mark,
            "TemplateLookup.slug" => "hubspot-contact-sync",
            "WorkspaceCreateInput.key" => &self.tenant.second,
            _ => "sample",
        }
    }
}

/// What is chosen for a member of that name, or inside it.
fn below<'a>(given: Given<'a>, name: &str) -> Given<'a> {
    given.and_then(|(path, value)| match path.split_first() {
        Some((first, rest)) if first == name => Some((rest, value)),
        _ => None,
    })
}
