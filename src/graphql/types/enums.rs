//! Enums that mirror those of the domain, and a few of the contract's own.

use async_graphql::Enum;

/// Stable codes of errors in payloads. Clients must expect more.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserErrorCode {
    /// A value that is needed was left out or is blank.
    Required,
    /// The value cannot be used here.
    InvalidValue,
    /// A text or list is longer than it may be.
    TooLong,
    /// The name or key belongs to another object already.
    NotUnique,
    /// There is no such object, or the caller may not see it.
    NotFound,
    /// The object was changed by someone else after it was read.
    RevisionConflict,
    /// The idempotency key came before with other input.
    IdempotencyMismatch,
    /// The object's state does not allow it.
    InvalidState,
    /// A limit of the workspace or the server has been reached.
    LimitReached,
    /// The definition has problems of severity ERROR.
    DefinitionInvalid,
    /// A credential slot is empty.
    CredentialMissing,
    /// The credential is not of the kind the slot wants.
    CredentialMismatch,
    /// A host is not among those the credential, the workspace or the server allows.
    HostNotAllowed,
    /// Other objects use it.
    InUse,
    /// No owner would be left in the workspace.
    LastOwner,
    /// The template cannot be installed or published as asked.
    TemplateUnavailable,
}

/// Which way a list is ordered.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderDirection {
    /// From small to large, old to new, A to Z.
    Asc,
    /// From large to small, new to old, Z to A.
    Desc,
}

/// Spans of time that end now.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeWindow {
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
    /// 90 days.
    Quarter,
}

/// What connectors are ordered by.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectorOrderField {
    /// Its name.
    Name,
    /// When it was made.
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
    /// When it last ran.
    LastExecutedAt,
}

/// What templates are ordered by.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TemplateOrder {
    /// The best match first; when nothing is searched for, featured ones, then those installed most.
    Relevance,
    /// Those installed most first.
    Popular,
    /// The newest first.
    Newest,
    /// By name.
    Name,
}

/// How news reaches a subscriber.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubscriptionTransport {
    /// A WebSocket that speaks `graphql-transport-ws`.
    Websocket,
}

/// What may be done with an execution as it stands.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExecutionAction {
    /// Stop it.
    Cancel,
}

/// What kind of party.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::workspace::ActorKind")]
pub(crate) enum ActorKind {
    /// A human being.
    User,
    /// A program that holds a service token.
    Service,
    /// The server on its own account.
    System,
}

/// Roles in a workspace; a role includes all that follow it here.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::workspace::WorkspaceRole")]
pub(crate) enum WorkspaceRole {
    /// May do everything, also delete the workspace and name owners.
    Owner,
    /// Looks after members, settings, credentials and the audit log.
    Admin,
    /// Makes and changes connectors, binds credentials, installs templates.
    Editor,
    /// Starts, stops and retries, but changes nothing.
    Operator,
    /// Looks on.
    Viewer,
}

/// Single things that may be done in a workspace.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::auth::Permission")]
pub(crate) enum WorkspacePermission {
    /// See connectors, executions, logs and contacts.
    Read,
    /// Start executions, stop and repeat them.
    Run,
    /// Make, change, publish and delete connectors, and test definitions.
    EditConnectors,
    /// Make, change, rotate and delete credentials.
    ManageCredentials,
    /// Make, change and delete contacts.
    EditContacts,
    /// Install and upgrade templates, and offer connectors as templates.
    UseTemplates,
    /// Add, change and remove members.
    ManageMembers,
    /// Change settings.
    ManageSettings,
    /// Read the audit log.
    ReadAudit,
    /// Delete the workspace.
    DeleteWorkspace,
}

/// Roles of SaaS admins; a role includes all that follow it here.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::workspace::SaasAdminRole")]
pub(crate) enum SaasAdminRole {
    /// Names other SaaS admins and reads what they did.
    Owner,
    /// Makes, publishes, features and deprecates templates.
    Publisher,
    /// Decides about templates that were handed in.
    Reviewer,
}

/// Can a connector run?
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::connector::ConnectorStatus")]
pub(crate) enum ConnectorStatus {
    /// It was never published.
    Draft,
    /// It is published and can run.
    Active,
    /// It is published, but someone holds it back.
    Paused,
    /// It is published, but cannot run until someone acts, e.g. fills a credential slot.
    Blocked,
    /// It was put away and is kept for its history.
    Archived,
}

/// How a credential is shown to a service.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::credential::CredentialKind")]
pub(crate) enum CredentialKind {
    /// A single key in a header, a query parameter, a cookie or the body.
    ApiKey,
    /// A token in `Authorization: Bearer ...`.
    Bearer,
    /// A user name and a password.
    Basic,
}

/// Does a credential work, as far as is known?
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::credential::CredentialHealth")]
pub(crate) enum CredentialHealth {
    /// It has not been tried since it was made or rotated.
    Unknown,
    /// It worked the last time.
    Ok,
    /// It was refused the last time.
    Failing,
    /// It is past its end.
    Expired,
}

/// Does an execution count?
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::execution::ExecutionKind")]
pub(crate) enum ExecutionKind {
    /// It is a real run.
    Live,
    /// It was tried out from the builder.
    Test,
}

/// Where an execution stands.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::execution::ExecutionStatus")]
pub(crate) enum ExecutionStatus {
    /// It waits for a free place.
    Queued,
    /// One of its steps is being run.
    Running,
    /// It waits for the next attempt or the end of a pause.
    Waiting,
    /// It was told to stop and is winding up.
    Cancelling,
    /// It ended as it was meant to; there may be warnings.
    Succeeded,
    /// An error ended it.
    Failed,
    /// Someone stopped it.
    Cancelled,
    /// It took too long.
    TimedOut,
    /// It never began before its time ran out.
    Expired,
}

/// What set an execution going.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::execution::ExecutionTrigger")]
pub(crate) enum ExecutionTrigger {
    /// A person did, by hand.
    Manual,
    /// A program did, through the API.
    Api,
    /// A flow of the host application did.
    Flow,
    /// It is a test from the builder.
    Test,
}

/// Sorts of trouble, which say whose turn it is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::execution::ErrorClass")]
pub(crate) enum ErrorClass {
    /// It passes: another attempt may help.
    Transient,
    /// The service asks for fewer calls, so wait.
    RateLimited,
    /// The credential is the trouble; its owner must act.
    Credential,
    /// The definition or its settings are; whoever edits the connector must act.
    Configuration,
    /// What was given, or what came back, is.
    Data,
    /// The service refused or broke.
    Upstream,
    /// This server is.
    System,
}

/// Why an execution or step failed. Clients must expect more.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::execution::ExecutionErrorCode")]
pub(crate) enum ExecutionErrorCode {
    /// The status of the answer counts as failure.
    HttpStatus,
    /// There was no answer: name, connection, TLS or protocol failed.
    Network,
    /// There was no answer in time.
    Timeout,
    /// Even the last attempt was told there are too many requests.
    UpstreamRateLimit,
    /// The host or address must not be called.
    HostBlocked,
    /// The answer is larger than it may be.
    ResponseTooLarge,
    /// The answer is not what the step expects, e.g. no JSON.
    ResponseInvalid,
    /// A `{{ }}` place could not be filled.
    Template,
    /// The result lacks a value that is required.
    Extraction,
    /// A contact field did not take a value.
    Mapping,
    /// A credential is missing, has ended or was refused.
    Credential,
    /// The input is not what the connector asks for.
    Input,
    /// The run reached a limit of the workspace or the server.
    Limit,
    /// Someone stopped it.
    Cancelled,
    /// The server stopped and could not take it up again.
    Interrupted,
    /// The server is at fault.
    Internal,
}

/// Where a step stands.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::execution::StepStatus")]
pub(crate) enum StepStatus {
    /// The run has not come to it.
    Pending,
    /// An attempt is under way.
    Running,
    /// It waits for its next attempt.
    Retrying,
    /// It is done.
    Succeeded,
    /// It failed and will not be tried again.
    Failed,
    /// It was left out: its condition was not met, or the run ended first.
    Skipped,
    /// It was stopped.
    Cancelled,
}

/// HTTP methods steps use.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::exchange::Method")]
pub(crate) enum HttpMethod {
    /// Reads.
    Get,
    /// Reads the head only.
    Head,
    /// Sends.
    Post,
    /// Puts in place.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
}

/// How grave a log line is, the least grave first.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::step_log::LogLevel")]
pub(crate) enum LogLevel {
    /// Helps to find faults.
    Debug,
    /// Tells the normal course.
    Info,
    /// Something is not as meant, but it goes on.
    Warn,
    /// Something failed.
    Error,
}

/// What a log line is about.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::step_log::LogKind")]
pub(crate) enum LogKind {
    /// The beginning, end and states of the run and its steps.
    Lifecycle,
    /// A call to a service.
    Http,
    /// A value taken from a result.
    Data,
    /// A contact field being written.
    Mapping,
    /// A line the definition itself writes.
    User,
}

/// What became of a value that was mapped to a contact.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::contact::FieldChangeOutcome")]
pub(crate) enum FieldChangeOutcome {
    /// It was written.
    Written,
    /// It was the same already.
    Unchanged,
    /// The mapping's policy kept the earlier value.
    Kept,
    /// There was no value to write.
    Empty,
    /// The field does not take such a value.
    Rejected,
    /// It would have been written, but this was a test.
    DryRun,
}

/// Where a template stands.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::template::TemplateStatus")]
pub(crate) enum TemplateStatus {
    /// None of its versions is published; SaaS admins see it.
    Unpublished,
    /// One of its versions is published, or more.
    Published,
    /// It works where it is installed, but cannot be installed anew.
    Deprecated,
}

/// Where a version of a template stands.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::template::TemplateVersionStatus")]
pub(crate) enum TemplateVersionStatus {
    /// It is being written.
    Draft,
    /// It was handed in, and a SaaS admin is to decide.
    InReview,
    /// It came back with remarks.
    ChangesRequested,
    /// It was turned down.
    Rejected,
    /// It is out.
    Published,
    /// It was taken back: it stays where installed, and cannot be installed.
    Withdrawn,
}

/// What follows when a step fails and is not tried again.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::definition::OnError")]
pub(crate) enum StepErrorAction {
    /// The execution fails with it.
    Fail,
    /// The next step runs; this one has no result.
    Continue,
    /// The execution ends there, succeeded with a warning.
    Stop,
}

/// Which match an extraction takes.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::definition::Take")]
pub(crate) enum ExtractionTake {
    /// The single one; several are an error.
    One,
    /// The first one.
    First,
    /// Every one, as a list.
    All,
}

/// What a mapping does when no contact is found.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::definition::MissingContact")]
pub(crate) enum MissingContactAction {
    /// It makes one.
    Create,
    /// It writes nothing.
    Skip,
    /// It fails the execution.
    Fail,
}

/// When a mapped value is written.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::definition::WritePolicy")]
pub(crate) enum FieldWritePolicy {
    /// In every case.
    Overwrite,
    /// When the field is empty, or what it holds is stale.
    FillIfEmpty,
    /// When it is newer than what the field holds.
    IfNewer,
    /// When it is surer than what the field holds.
    IfMoreConfident,
    /// Added to the list, if the list lacks it.
    Append,
    /// In no case; what would have been written is recorded.
    Never,
}

/// How bad a problem of a definition is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::problem::Severity")]
pub(crate) enum ProblemSeverity {
    /// The definition cannot be published or run.
    Error,
    /// It can run, but hardly as meant.
    Warning,
    /// It is good to know.
    Info,
}
