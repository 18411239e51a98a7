//! Inputs more than one field takes: lookups, filters, orders, credentials for slots.

use async_graphql::{ID, InputObject, OneofObject};
use chrono::TimeDelta;

use crate::app::{
    self, ConnectorFilter, ConnectorOrder, ContactFilter, ContactRef, CredentialFilter, ExecutionFilter, TemplateFilter, TemplateRef,
    WorkspaceRef,
};
use crate::app::{App, CredentialSource, NewCredential, SecretParts, SlotFill};
use crate::domain::step_log::LogFilter;
use crate::graphql::error::Result;
use crate::graphql::scalar::{DateTime, JsonPath, Secret, TemplateString, parse_id, parse_optional_id};

use super::{
    ConnectorOrderField, ConnectorStatus, CredentialKind, ExecutionErrorCode, ExecutionKind, ExecutionStatus, ExecutionTrigger, LogKind,
    LogLevel, OrderDirection, TemplateOrder, TimeWindow,
};

/// Two instants, either of which may be missing.
type Span = (Option<chrono::DateTime<chrono::Utc>>, Option<chrono::DateTime<chrono::Utc>>);

/// Says which workspace is meant.
#[derive(OneofObject, Debug, Clone)]
pub(crate) enum WorkspaceLookup {
    /// The one of this global id.
    Id(ID),
    /// The one with this key of the host application.
    Key(String),
}

impl WorkspaceLookup {
    pub(crate) fn into_reference(self) -> Result<WorkspaceRef> {
        Ok(match self {
            Self::Id(id) => WorkspaceRef::Id(parse_id(&id)?),
            Self::Key(key) => WorkspaceRef::Key(key),
        })
    }
}

/// Says which contact is meant.
#[derive(OneofObject, Debug, Clone)]
pub(crate) enum ContactLookup {
    /// The one of this global id.
    Id(ID),
    /// The one with this key of the host application.
    Key(String),
}

impl ContactLookup {
    pub(crate) fn into_reference(self) -> Result<ContactRef> {
        Ok(match self {
            Self::Id(id) => ContactRef::Id(parse_id(&id)?),
            Self::Key(key) => ContactRef::Key(key),
        })
    }
}

/// Says which template is meant.
#[derive(OneofObject, Debug, Clone)]
pub(crate) enum TemplateLookup {
    /// The one of this global id.
    Id(ID),
    /// The one with this slug.
    Slug(String),
}

impl TemplateLookup {
    pub(crate) fn into_reference(self) -> Result<TemplateRef> {
        Ok(match self {
            Self::Id(id) => TemplateRef::Id(parse_id(&id)?),
            Self::Slug(slug) => TemplateRef::Slug(slug),
        })
    }
}

/// A stretch of time.
#[derive(OneofObject, Debug, Clone)]
pub(crate) enum TimeRangeInput {
    /// One that reaches up to now.
    Last(TimeWindow),
    /// One with a beginning and an end.
    Between(TimeSpanInput),
}

/// A stretch of time with a beginning and an end; the end is not part of it.
#[derive(InputObject, Debug, Clone)]
pub(crate) struct TimeSpanInput {
    /// Its beginning.
    from: DateTime,
    /// Its end, which is not part of it.
    to: DateTime,
}

impl TimeRangeInput {
    fn span(&self, app: &App) -> Span {
        match self {
            Self::Last(window) => {
                let length = match window {
                    TimeWindow::Hour => TimeDelta::hours(1),
                    TimeWindow::Day => TimeDelta::days(1),
                    TimeWindow::Week => TimeDelta::days(7),
                    TimeWindow::Month => TimeDelta::days(30),
                    TimeWindow::Quarter => TimeDelta::days(90),
                };
                (Some(app.clock().now() - length), None)
            }
            Self::Between(span) => (Some(span.from.0), Some(span.to.0)),
        }
    }
}

/// Which connectors to keep; a connector must meet every condition.
#[derive(InputObject, Debug, Clone, Default)]
pub(crate) struct ConnectorFilterInput {
    /// Words of its name, key or description.
    search: Option<String>,
    /// The state it is in. Archived ones are left out unless named here.
    statuses: Option<Vec<ConnectorStatus>>,
    /// Labels it must all have.
    tags: Option<Vec<String>>,
    /// The template it was made from.
    template_id: Option<ID>,
    /// A credential it uses.
    credential_id: Option<ID>,
}

impl ConnectorFilterInput {
    pub(crate) fn into_filter(self) -> Result<ConnectorFilter> {
        Ok(ConnectorFilter {
            search: self.search,
            statuses: self.statuses.map(|statuses| statuses.into_iter().map(Into::into).collect()),
            tags: self.tags,
            template_id: parse_optional_id(self.template_id.as_ref())?,
            credential_id: parse_optional_id(self.credential_id.as_ref())?,
        })
    }
}

/// How connectors are ordered.
#[derive(InputObject, Debug, Clone)]
pub(crate) struct ConnectorOrderInput {
    /// What they are ordered by.
    field: ConnectorOrderField,
    /// Up or down.
    #[graphql(default_with = "OrderDirection::Desc")]
    direction: OrderDirection,
}

impl Default for ConnectorOrderInput {
    fn default() -> Self {
        Self { field: ConnectorOrderField::UpdatedAt, direction: OrderDirection::Desc }
    }
}

impl From<ConnectorOrderInput> for ConnectorOrder {
    fn from(order: ConnectorOrderInput) -> Self {
        let field = match order.field {
            ConnectorOrderField::Name => app::ConnectorOrderField::Name,
            ConnectorOrderField::CreatedAt => app::ConnectorOrderField::CreatedAt,
            ConnectorOrderField::UpdatedAt => app::ConnectorOrderField::UpdatedAt,
            ConnectorOrderField::LastExecutedAt => app::ConnectorOrderField::LastExecutedAt,
        };
        Self { field, descending: order.direction == OrderDirection::Desc }
    }
}

/// Which credentials to keep; a credential must meet every condition.
#[derive(InputObject, Debug, Clone, Default)]
pub(crate) struct CredentialFilterInput {
    /// Words of its name.
    search: Option<String>,
    /// The kind it is of.
    kinds: Option<Vec<CredentialKind>>,
    /// A host it may go to.
    host: Option<String>,
}

impl From<CredentialFilterInput> for CredentialFilter {
    fn from(filter: CredentialFilterInput) -> Self {
        let kinds = filter.kinds.map(|kinds| kinds.into_iter().map(Into::into).collect());
        Self { search: filter.search, kinds, host: filter.host }
    }
}

/// Which executions to keep; an execution must meet every condition.
#[derive(InputObject, Debug, Clone, Default)]
pub(crate) struct ExecutionFilterInput {
    /// The state it is in.
    statuses: Option<Vec<ExecutionStatus>>,
    /// LIVE ones unless told; name both kinds for both.
    kinds: Option<Vec<ExecutionKind>>,
    /// The connector that was run; to be left out where the list is of one connector.
    connector_id: Option<ID>,
    /// The contact it was run for.
    contact_id: Option<ID>,
    /// What set it going.
    triggers: Option<Vec<ExecutionTrigger>>,
    /// What it failed with.
    error_codes: Option<Vec<ExecutionErrorCode>>,
    /// Labels it must all have.
    tags: Option<Vec<String>>,
    /// When it was asked for.
    queued: Option<TimeRangeInput>,
    /// The milliseconds it took at least.
    min_duration_ms: Option<i32>,
}

impl ExecutionFilterInput {
    pub(crate) fn into_filter(self, app: &App) -> Result<ExecutionFilter> {
        Ok(ExecutionFilter {
            statuses: self.statuses.map(|statuses| statuses.into_iter().map(Into::into).collect()),
            kinds: self.kinds.map(|kinds| kinds.into_iter().map(Into::into).collect()),
            connector_id: parse_optional_id(self.connector_id.as_ref())?,
            contact_id: parse_optional_id(self.contact_id.as_ref())?,
            triggers: self.triggers.map(|triggers| triggers.into_iter().map(Into::into).collect()),
            error_codes: self.error_codes.map(|codes| codes.into_iter().map(Into::into).collect()),
            tags: self.tags,
            queued: self.queued.map(|range| range.span(app)).unwrap_or_default(),
            min_duration_ms: self.min_duration_ms.and_then(|given| u32::try_from(given).ok()),
        })
    }
}

/// Which log lines to keep; a line must meet every condition.
#[derive(InputObject, Debug, Clone, Default)]
pub(crate) struct LogFilterInput {
    /// How grave it is at least.
    min_level: Option<LogLevel>,
    /// What it tells of.
    kinds: Option<Vec<LogKind>>,
    /// The step it tells of, or the one that step is in.
    step_paths: Option<Vec<String>>,
    /// Words it contains.
    search: Option<String>,
}

impl From<LogFilterInput> for LogFilter {
    fn from(filter: LogFilterInput) -> Self {
        Self {
            min_level: filter.min_level.map(Into::into),
            kinds: filter.kinds.map(|kinds| kinds.into_iter().map(Into::into).collect()),
            step_paths: filter.step_paths,
            search: filter.search,
        }
    }
}

/// Which contacts to keep; a contact must meet every condition.
#[derive(InputObject, Debug, Clone, Default)]
pub(crate) struct ContactFilterInput {
    /// Words of its name, e-mail address, phone number or company.
    search: Option<String>,
    /// Its id is one of these. At most 100.
    #[graphql(validator(max_items = 100))]
    ids: Option<Vec<ID>>,
    /// Its key is one of these. At most 100.
    #[graphql(validator(max_items = 100))]
    keys: Option<Vec<String>>,
    /// Fields that must all hold a value.
    has_fields: Option<Vec<String>>,
    /// Fields of which one must be empty.
    missing_fields: Option<Vec<String>>,
    /// When it was last changed.
    updated: Option<TimeRangeInput>,
    /// A connector that has written nothing to it so far.
    not_enriched_by_connector_id: Option<ID>,
}

impl ContactFilterInput {
    pub(crate) fn into_filter(self, app: &App) -> Result<ContactFilter> {
        let ids = self.ids.map(|ids| ids.iter().map(parse_id).collect::<Result<Vec<_>>>()).transpose()?;
        Ok(ContactFilter {
            search: self.search,
            ids,
            keys: self.keys,
            has_fields: self.has_fields,
            missing_fields: self.missing_fields,
            updated: self.updated.map(|range| range.span(app)).unwrap_or_default(),
            not_enriched_by: parse_optional_id(self.not_enriched_by_connector_id.as_ref())?,
        })
    }
}

/// Which templates to keep; a template must meet every condition.
#[derive(InputObject, Debug, Clone, Default)]
pub(crate) struct TemplateFilterInput {
    /// Words of its name, summary, tags or description.
    search: Option<String>,
    /// The slug of its category.
    category: Option<String>,
    /// Labels it must all have.
    tags: Option<Vec<String>>,
    /// Whether it is official.
    official: Option<bool>,
    /// Whether it is featured.
    featured: Option<bool>,
    /// A host it calls.
    host: Option<String>,
}

impl From<TemplateFilterInput> for TemplateFilter {
    fn from(filter: TemplateFilterInput) -> Self {
        let TemplateFilterInput { search, category, tags, official, featured, host } = filter;
        Self { search, category, tags, official, featured, host, statuses: None }
    }
}

impl From<TemplateOrder> for app::TemplateOrder {
    fn from(order: TemplateOrder) -> Self {
        match order {
            TemplateOrder::Relevance => Self::Relevance,
            TemplateOrder::Popular => Self::Popular,
            TemplateOrder::Newest => Self::Newest,
            TemplateOrder::Name => Self::Name,
        }
    }
}

/// Either a template or a path.
#[derive(OneofObject, Debug, Clone)]
pub(crate) enum ExpressionInput {
    /// A text whose `{{ }}` places are filled.
    Template(TemplateString),
    /// A path that is followed in `context`.
    Path(JsonPath),
}

/// What fills one slot.
#[derive(InputObject, Debug, Clone)]
pub(crate) struct CredentialSlotInput {
    /// The slot to fill.
    slot: String,
    /// What it is filled with.
    credential: CredentialSourceInput,
}

/// A credential: one there is, or one to be made along the way.
#[derive(OneofObject, Debug, Clone)]
pub(crate) enum CredentialSourceInput {
    /// One there is, by global id.
    Id(ID),
    /// One to be made.
    Create(CredentialDraftInput),
}

/// A credential to be made along the way.
#[derive(InputObject, Debug, Clone)]
pub(crate) struct CredentialDraftInput {
    /// The name people see.
    name: String,
    /// Its secret parts.
    secret: CredentialSecretInput,
    /// The hosts it may go to; those of the slot unless told.
    allowed_hosts: Option<Vec<String>>,
}

/// The secret parts of a credential, by its kind.
#[derive(OneofObject, Debug, Clone)]
pub(crate) enum CredentialSecretInput {
    /// Those of kind `API_KEY`.
    ApiKey(ApiKeySecretInput),
    /// Those of kind `BEARER`.
    Bearer(BearerSecretInput),
    /// Those of kind `BASIC`.
    Basic(BasicSecretInput),
}

/// A single key.
#[derive(InputObject, Debug, Clone)]
pub(crate) struct ApiKeySecretInput {
    /// The key itself. Where it goes is written in the slot's definition.
    value: Secret,
}

/// A bearer token.
#[derive(InputObject, Debug, Clone)]
pub(crate) struct BearerSecretInput {
    /// The token itself.
    token: Secret,
}

/// A user name and a password.
#[derive(InputObject, Debug, Clone)]
pub(crate) struct BasicSecretInput {
    /// Who logs in.
    username: String,
    /// The word that lets in.
    password: Secret,
}

impl From<CredentialSecretInput> for SecretParts {
    fn from(input: CredentialSecretInput) -> Self {
        match input {
            CredentialSecretInput::ApiKey(parts) => Self::ApiKey { value: parts.value.0 },
            CredentialSecretInput::Bearer(parts) => Self::Bearer { token: parts.token.0 },
            CredentialSecretInput::Basic(parts) => Self::Basic { username: parts.username, password: parts.password.0 },
        }
    }
}

/// The fills of several slots.
pub(crate) fn slot_fills(given: Option<Vec<CredentialSlotInput>>) -> Result<Vec<SlotFill>> {
    given.unwrap_or_default().into_iter().map(slot_fill).collect()
}

fn slot_fill(given: CredentialSlotInput) -> Result<SlotFill> {
    let source = match given.credential {
        CredentialSourceInput::Id(id) => CredentialSource::Existing(parse_id(&id)?),
        CredentialSourceInput::Create(draft) => CredentialSource::New(Box::new(NewCredential {
            name: draft.name,
            parts: draft.secret.into(),
            allowed_hosts: draft.allowed_hosts.unwrap_or_default(),
            expires_at: None,
        })),
    };
    Ok(SlotFill { slot: given.slot, source })
}
