//! The declared access rules: who may ask each root field, and what each id in an input names.
//!
//! A field or an id without a rule fails the test suite and stops a self-test, and so does a rule that nothing in the
//! schema needs any more.

use std::collections::BTreeSet;

use super::schema::{ROOTS, Schema};

/// Who may ask a root field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone, also without a token.
    Public,
    /// Everyone with a good token.
    SignedIn,
    /// Members of the workspace that is meant, from this role on.
    Member(&'static str),
    /// SaaS admins, from this role on.
    SaasAdmin(&'static str),
}

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// An object of this type.
    A(&'static str),
    /// Anything that implements `Node`.
    AnyNode,
}

use Access::{Member, Public, SaasAdmin, SignedIn};
use Names::{A, AnyNode};

/// The roles of a workspace, the least first.
pub const ROLES: [&str; 5] = ["VIEWER", "OPERATOR", "EDITOR", "ADMIN", "OWNER"];

/// The rule of each root field.
pub const FIELDS: &[(&str, Access)] = &[
    ("Query.admin", SaasAdmin("REVIEWER")),
    ("Query.connector", Member("VIEWER")),
    ("Query.contact", Member("VIEWER")),
    ("Query.credential", Member("VIEWER")),
    ("Query.definitionSchema", SignedIn),
    ("Query.definitionValidation", Member("EDITOR")),
    ("Query.execution", Member("VIEWER")),
    ("Query.expressionPreview", SignedIn),
    ("Query.node", Member("VIEWER")),
    ("Query.nodes", Member("VIEWER")),
    ("Query.serverInfo", Public),
    ("Query.stepKinds", SignedIn),
    ("Query.template", SignedIn),
    ("Query.templates", SignedIn),
    ("Query.viewer", SignedIn),
    ("Query.workspace", Member("VIEWER")),
    ("Mutation.adminSaasAdminAdd", SaasAdmin("OWNER")),
    ("Mutation.adminTemplateCreate", SaasAdmin("PUBLISHER")),
    ("Mutation.adminTemplateVersionCreate", SaasAdmin("PUBLISHER")),
    ("Mutation.adminTemplateVersionPublish", SaasAdmin("PUBLISHER")),
    ("Mutation.connectorCreate", Member("EDITOR")),
    ("Mutation.connectorCredentialsBind", Member("EDITOR")),
    ("Mutation.connectorDelete", Member("EDITOR")),
    ("Mutation.connectorPublish", Member("EDITOR")),
    ("Mutation.connectorTest", Member("EDITOR")),
    ("Mutation.connectorUpdate", Member("EDITOR")),
    ("Mutation.contactUpsert", Member("EDITOR")),
    ("Mutation.contactsImport", Member("EDITOR")),
    ("Mutation.credentialCreate", Member("ADMIN")),
    ("Mutation.credentialDelete", Member("ADMIN")),
    ("Mutation.executionCancel", Member("OPERATOR")),
    ("Mutation.executionStart", Member("OPERATOR")),
    ("Mutation.templateInstall", Member("EDITOR")),
    ("Mutation.workspaceCreate", SignedIn),
    ("Mutation.workspaceMemberAdd", Member("ADMIN")),
    ("Mutation.workspaceMemberRemove", Member("ADMIN")),
    ("Mutation.workspaceMemberUpdate", Member("ADMIN")),
    ("Mutation.workspaceUpdate", Member("ADMIN")),
    ("Subscription.executionLogs", Member("VIEWER")),
    ("Subscription.executionUpdated", Member("VIEWER")),
];

/// What the id in each place names.
pub const IDS: &[(&str, Names)] = &[
    ("AdminTemplateVersionCreateInput.templateId", A("Template")),
    ("AdminTemplateVersionPublishInput.versionId", A("TemplateVersion")),
    ("ConnectorCredentialsBindInput.id", A("Connector")),
    ("ConnectorDeleteInput.id", A("Connector")),
    ("ConnectorFilterInput.credentialId", A("Credential")),
    ("ConnectorFilterInput.templateId", A("Template")),
    ("ConnectorPublishInput.id", A("Connector")),
    ("ConnectorSourceInput.connectorId", A("Connector")),
    ("ConnectorSourceInput.versionId", A("ConnectorVersion")),
    ("ConnectorUpdateInput.id", A("Connector")),
    ("ContactFilterInput.ids", A("Contact")),
    ("ContactFilterInput.notEnrichedByConnectorId", A("Connector")),
    ("ContactLookup.id", A("Contact")),
    ("CredentialDeleteInput.id", A("Credential")),
    ("CredentialSourceInput.id", A("Credential")),
    ("ExecutionCancelInput.id", A("Execution")),
    ("ExecutionFilterInput.connectorId", A("Connector")),
    ("ExecutionFilterInput.contactId", A("Contact")),
    ("ExecutionStartInput.connectorId", A("Connector")),
    ("ExecutionStartInput.versionId", A("ConnectorVersion")),
    ("Query.connector(id)", A("Connector")),
    ("Query.contact(id)", A("Contact")),
    ("Query.credential(id)", A("Credential")),
    ("Query.execution(id)", A("Execution")),
    ("Query.node(id)", AnyNode),
    ("Query.nodes(ids)", AnyNode),
    ("Subscription.executionLogs(executionId)", A("Execution")),
    ("Subscription.executionUpdated(executionId)", A("Execution")),
    ("TemplateLookup.id", A("Template")),
    ("TestTargetInput.connectorId", A("Connector")),
    ("TestTargetInput.versionId", A("ConnectorVersion")),
    ("WorkspaceLookup.id", A("Workspace")),
    ("WorkspaceMemberRemoveInput.id", A("WorkspaceMember")),
    ("WorkspaceMemberUpdateInput.id", A("WorkspaceMember")),
    ("WorkspaceUpdateInput.id", A("Workspace")),
];

/// Texts that are names of the whole server and therefore tell when they are taken: the place, and why that is meant.
pub const SERVER_WIDE: &[(&str, &str)] =
    &[("WorkspaceCreateInput.key", "the host application names its workspaces, and one key is one workspace")];

/// Ids that a list does not take because it is of one such object already: the field, and the place.
pub const NOT_TAKEN: &[(&str, &str)] =
    &[("Connector.executions", "ExecutionFilterInput.connectorId"), ("Contact.executions", "ExecutionFilterInput.contactId")];

/// The rule of a root field.
pub fn of_field(root: &str, field: &str) -> Option<Access> {
    let name = format!("{root}.{field}");
    FIELDS.iter().find(|(known, _)| *known == name).map(|(_, access)| *access)
}

/// What the id in a place names.
pub fn of_id(place: &str) -> Option<Names> {
    IDS.iter().find(|(known, _)| *known == place).map(|(_, names)| *names)
}

/// Places of the schema without a rule, and rules without a place; each says what to do.
pub fn gaps(schema: &Schema) -> Vec<String> {
    let fields = ROOTS.iter().flat_map(|root| schema.fields(root).map(move |field| format!("{root}.{}", field.name.node)));
    let mut gaps = differences(&names(FIELDS), &fields.collect());
    gaps.extend(differences(&names(IDS), &schema.held("ID")));
    gaps
}

/// What only one side has.
fn differences(declared: &BTreeSet<String>, needed: &BTreeSet<String>) -> Vec<String> {
    let missing = needed.difference(declared).map(|name| format!("declare an access rule for `{name}`"));
    let idle = declared.difference(needed).map(|name| format!("the schema has no `{name}`: remove its rule"));
    missing.chain(idle).collect()
}

fn names<T>(table: &[(&str, T)]) -> BTreeSet<String> {
    table.iter().map(|(name, _)| (*name).to_owned()).collect()
}
