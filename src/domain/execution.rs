//! One run of a connector and the steps in it: states, legal moves, and why something failed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exchange::Exchange;
use super::id::{ConnectorId, ConnectorVersionId, ContactId, ExecutionId, StepRunId, WorkspaceId};
use super::stored_enum;
use super::workspace::Actor;

stored_enum! {
    /// Whether an execution counts.
    pub enum ExecutionKind {
        /// A real run.
        Live = "live",
        /// A try-out from the builder.
        Test = "test",
    }
}

stored_enum! {
    /// Where an execution stands.
    pub enum ExecutionStatus {
        /// Waits for a free place.
        Queued = "queued",
        /// A step is being run.
        Running = "running",
        /// Waits for the next attempt or for a pause to end.
        Waiting = "waiting",
        /// Was told to stop and is winding up.
        Cancelling = "cancelling",
        /// Ended as meant.
        Succeeded = "succeeded",
        /// Ended by an error.
        Failed = "failed",
        /// Ended because someone stopped it.
        Cancelled = "cancelled",
        /// Ended because it took too long.
        TimedOut = "timed_out",
        /// Never started before its time ran out.
        Expired = "expired",
    }
}

impl ExecutionStatus {
    /// Is it one an execution never leaves?
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled | Self::TimedOut | Self::Expired)
    }
}

stored_enum! {
    /// What set an execution going.
    pub enum ExecutionTrigger {
        /// A person, by hand.
        Manual = "manual",
        /// A program, through the API.
        Api = "api",
        /// A flow of the host application.
        Flow = "flow",
        /// A test from the builder.
        Test = "test",
    }
}

stored_enum! {
    /// Sorts of trouble, and so whose turn it is.
    pub enum ErrorClass {
        /// Passing: another attempt may help.
        Transient = "transient",
        /// The service wants fewer calls: wait.
        RateLimited = "rate_limited",
        /// The credential: whoever owns it must act.
        Credential = "credential",
        /// The definition or its settings: whoever edits the connector must act.
        Configuration = "configuration",
        /// The input or what came back.
        Data = "data",
        /// The service refused or broke.
        Upstream = "upstream",
        /// This server.
        System = "system",
    }
}

stored_enum! {
    /// Kinds of failure in a run.
    pub enum ExecutionErrorCode {
        /// The service answered with a status that counts as failure.
        HttpStatus = "http_status",
        /// No answer: name, connection, TLS or protocol.
        Network = "network",
        /// No answer in time.
        Timeout = "timeout",
        /// The service said too many requests, to the last attempt.
        UpstreamRateLimit = "upstream_rate_limit",
        /// The host or address may not be called.
        HostBlocked = "host_blocked",
        /// The answer is larger than allowed.
        ResponseTooLarge = "response_too_large",
        /// The answer is not what the step expects, e.g. not JSON.
        ResponseInvalid = "response_invalid",
        /// A `{{ }}` place could not be filled.
        Template = "template",
        /// A required value was not in the result.
        Extraction = "extraction",
        /// A value could not be written to a contact.
        Mapping = "mapping",
        /// A credential is missing, expired or was refused.
        Credential = "credential",
        /// The input does not fit the connector.
        Input = "input",
        /// A limit of the workspace or server was reached during the run.
        Limit = "limit",
        /// Someone stopped it.
        Cancelled = "cancelled",
        /// The server was stopped and could not go on with it.
        Interrupted = "interrupted",
        /// A fault of the server.
        Internal = "internal",
    }
}

/// Why an execution or a step failed; holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionError {
    /// Stable, for programs.
    pub code: ExecutionErrorCode,
    /// What sort of trouble.
    pub class: ErrorClass,
    /// One sentence, for people.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
    /// The step it happened in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub step_path: Option<String>,
    /// The attempt it happened in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attempt: Option<u32>,
    /// HTTP status of the answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub http_status: Option<u16>,
    /// Could another attempt help?
    pub retryable: bool,
    /// Where in the definition the cause lies (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pointer: Option<String>,
}

impl ExecutionError {
    /// An error that no further attempt will mend unless said otherwise with [`Self::retryable`].
    pub fn new(code: ExecutionErrorCode, class: ErrorClass, message: impl Into<String>) -> Self {
        Self {
            code,
            class,
            message: message.into(),
            hint: None,
            step_path: None,
            attempt: None,
            http_status: None,
            retryable: false,
            pointer: None,
        }
    }

    /// The same, worth another attempt.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with the status of the answer.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.http_status = Some(status);
        self
    }

    /// The same with its place in the definition.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }
}

/// One run of a connector.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Number to show, counted per workspace.
    pub number: i64,
    /// Real or test.
    pub kind: ExecutionKind,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// Rises with every change of state.
    pub revision: i32,
    /// The connector; `None` for a test of a definition never saved. It may be gone by now.
    pub connector_id: Option<ConnectorId>,
    /// The version that runs; `None` for a test of a draft.
    pub version_id: Option<ConnectorVersionId>,
    /// What set it going.
    pub trigger: ExecutionTrigger,
    /// Who set it going.
    pub started_by: Actor,
    /// The contact it is for.
    pub contact_id: Option<ContactId>,
    /// Free labels.
    pub tags: Vec<String>,
    /// What the caller gave, redacted paths masked.
    pub input: Value,
    /// What came out, redacted paths masked.
    pub output: Option<Value>,
    /// Word the definition gave for how it ended.
    pub result: Option<String>,
    /// What its steps cost, in units of the definition.
    pub cost: f64,
    /// Why it failed.
    pub error: Option<ExecutionError>,
    /// Warnings logged.
    pub warning_count: i32,
    /// Top steps that ended.
    pub finished_steps: i32,
    /// Top steps of the definition.
    pub total_steps: i32,
    /// Path of the step being run.
    pub current_step_path: Option<String>,
    /// Number of the newest log line.
    pub last_log_sequence: i32,
    /// Was it told to stop?
    pub cancel_requested: bool,
    /// When it was asked for.
    pub queued_at: DateTime<Utc>,
    /// When its first step began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it reached its final status.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it goes on, while it waits.
    pub wake_at: Option<DateTime<Utc>>,
    /// When it gives up if it has not begun.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Execution {
    /// The same when a worker has it from the moment it was asked for.
    #[must_use]
    pub fn begun(self) -> Self {
        Self { status: ExecutionStatus::Running, started_at: Some(self.queued_at), ..self }
    }
}

stored_enum! {
    /// Where a step stands.
    pub enum StepStatus {
        /// Not reached yet; never stored.
        Pending = "pending",
        /// An attempt is being made.
        Running = "running",
        /// Waits for the next attempt.
        Retrying = "retrying",
        /// Done.
        Succeeded = "succeeded",
        /// Failed for good.
        Failed = "failed",
        /// Left out.
        Skipped = "skipped",
        /// Stopped.
        Cancelled = "cancelled",
    }
}

impl StepStatus {
    /// Is it one a step never leaves? A step stored so never runs again.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Skipped | Self::Cancelled)
    }
}

/// One attempt at a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepAttempt {
    /// 1 for the first.
    pub number: u32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<ExecutionError>,
    /// Calls it made, in order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub exchanges: Vec<Exchange>,
    /// When the next attempt will be made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_attempt_at: Option<DateTime<Utc>>,
}

/// One step in one execution.
#[derive(Debug, Clone)]
pub struct StepRun {
    /// Its id.
    pub id: StepRunId,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Where it is in the run: its path in the definition, with the turns of loops in it, e.g. `each[3]/post`.
    pub path: String,
    /// Path of the step that holds it.
    pub parent_path: Option<String>,
    /// How many steps began before it.
    pub position: i32,
    /// Name to show.
    pub title: String,
    /// Kind of step, e.g. `http`.
    pub kind: String,
    /// Where it stands.
    pub status: StepStatus,
    /// When its first attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Its attempts in order.
    pub attempts: Vec<StepAttempt>,
    /// What it cost.
    pub cost: f64,
    /// What later steps see under `steps.<id>`: needed to go on after a crash, so stored unmasked but for redacted paths.
    pub output: Option<Value>,
    /// Why it failed.
    pub error: Option<ExecutionError>,
    /// Why it was skipped, in words.
    pub skip_reason: Option<String>,
    /// What it wants to know of itself when the run is taken up again; never shown.
    pub memory: Option<Value>,
    /// Did its result come from the cache?
    pub cached: bool,
}
