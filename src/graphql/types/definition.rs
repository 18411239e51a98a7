//! A definition, as written and as understood.

use std::sync::{Arc, OnceLock};

use async_graphql::{Object, SimpleObject};
use serde_json::{Value, json};

use crate::app::definitions::{self, Compiled};
use crate::domain::definition::{self as domain, Definition, IsoDuration, Placed, Retry, SPEC, Step, StepAction};
use crate::domain::execution::ErrorClass as DomainErrorClass;
use crate::domain::problem::Problem;
use crate::graphql::scalar::{ConnectorDefinition, Json, JsonPath, JsonPointer, SafeInt, TemplateString, int, milliseconds};

use super::flow::FlowGraph;
use super::{CredentialKind, ErrorClass, ExtractionTake, FieldWritePolicy, MissingContactAction, ProblemSeverity, StepErrorAction};

/// What one attempt may take unless the definition says otherwise.
const TIMEOUT: IsoDuration = IsoDuration::from_secs(30);

/// A definition, compiled at the first look at what it means.
#[derive(Clone)]
pub(crate) struct DefinitionView {
    source: Arc<Value>,
    compiled: Arc<OnceLock<Compiled>>,
}

impl DefinitionView {
    pub(crate) fn new(source: Value) -> Self {
        Self { source: Arc::new(source), compiled: Arc::default() }
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| definitions::compile(&self.source))
    }

    fn definition(&self) -> Option<&Definition> {
        self.compiled().definition.as_ref()
    }

    /// A member of the source that should be an object, as it stands.
    fn member(&self, name: &str) -> Json {
        Json(self.source.get(name).filter(|value| value.is_object()).cloned().unwrap_or_else(|| json!({})))
    }
}

/// A definition: what was written, and what the server makes of it.
#[Object]
impl DefinitionView {
    /// The definition itself, as JSON.
    async fn source(&self) -> ConnectorDefinition {
        ConnectorDefinition((*self.source).clone())
    }

    /// The version of the format it is written in, e.g. `connectors/v1`.
    async fn spec(&self) -> &str {
        self.source.get("spec").and_then(Value::as_str).unwrap_or(SPEC)
    }

    /// A hash of its normal form: the same for definitions that say the same.
    async fn hash(&self) -> String {
        definitions::hash(&self.source)
    }

    /// The JSON Schema of what a run is given; `x-bind` says which contact field a value comes from.
    async fn input_schema(&self) -> Json {
        self.member("inputs")
    }

    /// The JSON Schema of what is set once for each connector.
    async fn config_schema(&self) -> Json {
        self.member("config")
    }

    /// The JSON Schema of what comes out of a run.
    async fn output_schema(&self) -> Json {
        Json(self.compiled().plan.as_ref().map_or_else(|| json!({ "type": "object" }), |plan| plan.output_schema()))
    }

    /// The credentials it needs. At most 20.
    async fn credential_slots(&self) -> Vec<CredentialSlot> {
        self.definition().into_iter().flat_map(|known| &known.credentials).map(|(name, slot)| CredentialSlot::new(name, slot)).collect()
    }

    /// Its steps in order, each before those it holds. At most 200.
    async fn steps(&self) -> Vec<ConnectorStep> {
        let Some(known) = self.definition() else { return Vec::new() };
        known.placed().iter().map(|placed| ConnectorStep::new(known, placed)).collect()
    }

    /// The way results take to contacts; null when there is none.
    async fn mapping(&self) -> Option<Mapping> {
        self.definition().and_then(|known| known.mapping.as_ref()).map(Into::into)
    }

    /// The steps as boxes and lines, for a flow canvas.
    async fn graph(&self) -> FlowGraph {
        FlowGraph::new(self.definition(), &self.compiled().problems)
    }

    /// What is wrong or doubtful in it, the worst first. At most 200.
    async fn problems(&self) -> Vec<DefinitionProblem> {
        self.compiled().problems.iter().map(Into::into).collect()
    }
}

/// A place that a credential fills.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct CredentialSlot {
    /// The name the definition uses, e.g. `audienceacuity_api_key`.
    key: String,
    /// The name people see.
    label: String,
    /// How one gets such a credential, in Markdown.
    help: Option<String>,
    /// What kind of credential it takes.
    kind: CredentialKind,
    /// Does the connector need it to run?
    required: bool,
    /// The hosts the definition sends it to.
    hosts: Vec<String>,
}

impl CredentialSlot {
    pub(crate) fn new(name: &str, slot: &domain::Slot) -> Self {
        Self {
            key: name.to_owned(),
            label: slot.label.clone().unwrap_or_else(|| name.to_owned()),
            help: slot.help.clone(),
            kind: slot.kind.into(),
            required: true,
            hosts: slot.hosts.clone(),
        }
    }
}

/// One step of a definition.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct ConnectorStep {
    /// Its place, unique in the definition, e.g. `email/a/find`.
    path: String,
    /// Its own name: the last part of the path.
    key: String,
    /// The path of the step that holds it; null for steps at the top.
    parent_path: Option<String>,
    /// The name people see.
    title: String,
    /// The kind of step: one of `stepKinds`.
    kind: String,
    /// What the kind's schema asks for, without the steps it holds.
    settings: Json,
    /// What must come out true for it to run.
    condition: Option<TemplateString>,
    /// What is taken from its result. At most 100.
    extractions: Vec<Extraction>,
    /// When it is tried again, and how often.
    retry: RetryPolicy,
    /// How many milliseconds one attempt may take.
    timeout_ms: i32,
    /// What happens once it has failed for good.
    on_error: StepErrorAction,
    /// Which slot its credential comes from.
    credential_slot: Option<String>,
}

impl ConnectorStep {
    fn new(definition: &Definition, placed: &Placed<'_>) -> Self {
        let step = placed.step;
        let (extract, auth) = match &step.action {
            StepAction::Http(http) => (Some(&http.extract), Some(&http.auth)),
            StepAction::Poll(poll) => (Some(&poll.extract), Some(&poll.auth)),
            _ => (None, None),
        };
        let retry = step.retry.as_ref().or(definition.defaults.retry.as_ref()).cloned().unwrap_or_default();
        let timeout = step.timeout.or(definition.defaults.timeout).unwrap_or(TIMEOUT);
        Self {
            path: placed.path.clone(),
            key: step.id.clone(),
            parent_path: placed.parent.clone(),
            title: step.title.clone().unwrap_or_else(|| step.id.clone()),
            kind: step.action.kind().to_owned(),
            settings: Json(settings(step)),
            condition: step.when.clone().map(TemplateString),
            extractions: extract.into_iter().flatten().map(|(name, taken)| Extraction::new(name, taken)).collect(),
            retry: (&retry).into(),
            timeout_ms: milliseconds(timeout.get()),
            on_error: step.on_error.into(),
            credential_slot: auth.and_then(|own| own.clone().or_else(|| definition.defaults.auth.clone())),
        }
    }
}

/// What only its kind has, without the steps it holds: those are listed by themselves.
fn settings(step: &Step) -> Value {
    let mut settings = serde_json::to_value(&step.action).unwrap_or_else(|_| json!({}));
    for block in step.blocks() {
        let Some((around, list)) = block.pointer.rsplit_once('/') else { continue };
        if let Some(Value::Object(members)) = settings.pointer_mut(around) {
            members.shift_remove(&list.replace("~1", "/").replace("~0", "~"));
        }
    }
    if let Some(members) = settings.as_object_mut() {
        members.shift_remove("kind");
    }
    settings
}

/// One value that is taken from a result.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct Extraction {
    /// What later steps call it.
    name: String,
    /// Its place in the result.
    path: JsonPath,
    /// Which match is taken when there are several.
    take: ExtractionTake,
    /// Does the step fail without it?
    required: bool,
    /// What stands in for it.
    default_value: Option<Json>,
}

impl Extraction {
    fn new(name: &str, taken: &domain::Extraction) -> Self {
        Self {
            name: name.to_owned(),
            path: JsonPath(taken.path.clone()),
            take: taken.take.into(),
            required: taken.required,
            default_value: taken.default.clone().map(Json),
        }
    }
}

/// When a step is tried again, and how often.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct RetryPolicy {
    /// The number of attempts in all; 1 is a single one.
    max_attempts: i32,
    /// Milliseconds before the second attempt.
    base_delay_ms: i32,
    /// How many times longer each wait is than the one before it; 1 for no change.
    factor: f64,
    /// The random share of each wait, from 0 to 1.
    jitter: f64,
    /// The longest wait in milliseconds; if a service asks for more, the step fails.
    max_delay_ms: i32,
    /// Milliseconds after the first attempt within which the last must begin.
    max_elapsed_ms: Option<i32>,
    /// The classes of failure that are worth another attempt.
    error_classes: Vec<ErrorClass>,
}

impl From<&Retry> for RetryPolicy {
    fn from(retry: &Retry) -> Self {
        let factor = match retry.backoff.kind {
            domain::BackoffKind::Constant => 1.0,
            domain::BackoffKind::Exponential => retry.backoff.factor,
        };
        Self {
            max_attempts: int(retry.attempts),
            base_delay_ms: milliseconds(retry.backoff.base.get()),
            factor,
            jitter: retry.backoff.jitter,
            max_delay_ms: milliseconds(retry.backoff.max.get()),
            max_elapsed_ms: retry.max_elapsed.map(|limit| milliseconds(limit.get())),
            error_classes: DomainErrorClass::ALL.iter().filter(|class| retry.covers(**class)).map(|class| (*class).into()).collect(),
        }
    }
}

/// The way results take to contacts.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct Mapping {
    /// The contact fields a contact is found by, those to try first in front.
    match_fields: Vec<String>,
    /// What is done when no contact is found.
    on_missing: MissingContactAction,
    /// What goes where. At most 200.
    fields: Vec<FieldMapping>,
}

impl From<&domain::Mapping> for Mapping {
    fn from(mapping: &domain::Mapping) -> Self {
        Self {
            match_fields: mapping.match_fields.clone(),
            on_missing: mapping.on_missing.into(),
            fields: mapping.fields.iter().map(Into::into).collect(),
        }
    }
}

/// One result on its way to one contact field.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct FieldMapping {
    /// The contact field that is written, e.g. `email` or `attributes.company.size`.
    contact_field: String,
    /// The value that is written.
    value: TemplateString,
    /// The condition on which it is written.
    policy: FieldWritePolicy,
    /// How certain the value is, from 0 to 1.
    confidence: Option<TemplateString>,
    /// Milliseconds after which the value is stale.
    ttl_ms: Option<SafeInt>,
}

impl From<&domain::FieldMapping> for FieldMapping {
    fn from(field: &domain::FieldMapping) -> Self {
        let written = |value: &Value| TemplateString(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        Self {
            contact_field: field.to.clone(),
            value: written(&field.from),
            policy: field.policy.into(),
            confidence: field.confidence.as_ref().map(written),
            ttl_ms: field.ttl.map(|ttl| SafeInt(i64::try_from(ttl.get().as_millis()).unwrap_or(i64::MAX))),
        }
    }
}

/// What is wrong or doubtful at one place of a definition.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct DefinitionProblem {
    /// How bad it is.
    severity: ProblemSeverity,
    /// A fixed word for programs, e.g. `unknown-variable`.
    code: String,
    /// A sentence for people.
    message: String,
    /// The place in the definition.
    pointer: JsonPointer,
    /// The step it belongs to, if there is one.
    step_path: Option<String>,
    /// Which characters of the text at `pointer` are meant.
    span: Option<TextSpan>,
    /// What would mend it: a sentence, or the known name that is nearest.
    suggestion: Option<String>,
}

impl From<&Problem> for DefinitionProblem {
    fn from(problem: &Problem) -> Self {
        Self {
            severity: problem.severity.into(),
            code: problem.code.to_owned(),
            message: problem.message.clone(),
            pointer: JsonPointer(problem.pointer.clone()),
            step_path: problem.step_path.clone(),
            span: problem.span.map(|(start, end)| TextSpan { start: int(start), end: int(end) }),
            suggestion: problem.suggestion.clone(),
        }
    }
}

/// Some characters of a text.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct TextSpan {
    /// The first one, where counting begins at 0.
    start: i32,
    /// The one after the last.
    end: i32,
}

/// What looking at a definition showed, without running it.
#[derive(SimpleObject, Clone)]
pub(crate) struct DefinitionValidation {
    /// Is it free of problems of severity ERROR?
    valid: bool,
    /// The definition as understood; null when it has not even the shape of one.
    view: Option<DefinitionView>,
    /// Its problems, the worst first. At most 200.
    problems: Vec<DefinitionProblem>,
}

impl DefinitionValidation {
    pub(crate) fn new(source: Value) -> Self {
        let view = DefinitionView::new(source);
        let compiled = view.compiled();
        let (valid, problems) = (compiled.plan.is_some(), compiled.problems.iter().map(Into::into).collect());
        let understood = compiled.definition.is_some();
        Self { valid, problems, view: understood.then_some(view) }
    }
}

/// A kind of step: one tile in the palette of a flow builder.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct StepKind {
    /// The word definitions use.
    key: String,
    /// The name people see.
    name: String,
    /// What it does, in Markdown.
    description: String,
    /// The group it is shown in.
    group: String,
    /// An icon's name.
    icon: String,
    /// The JSON Schema of its settings, hints for forms included.
    settings_schema: Json,
    /// The settings a new step begins with.
    defaults: Json,
    /// The handles lines may leave from.
    source_handles: Vec<String>,
    /// May other steps be inside it?
    container: bool,
    /// Does it need a credential?
    uses_credential: bool,
}

impl From<domain::fields::StepKindInfo> for StepKind {
    fn from(info: domain::fields::StepKindInfo) -> Self {
        Self {
            key: info.key.to_owned(),
            name: info.name.to_owned(),
            description: info.description.to_owned(),
            group: info.group.to_owned(),
            icon: info.icon.to_owned(),
            settings_schema: Json(info.settings_schema),
            defaults: Json(info.defaults),
            source_handles: info.source_handles.into_iter().map(str::to_owned).collect(),
            container: info.container,
            uses_credential: info.uses_credential,
        }
    }
}

/// What a template or a path gives for data made up to try it.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct ExpressionPreview {
    /// What came out; null when that is null or it failed.
    value: Option<Json>,
    /// The JSON type of what came out.
    value_type: Option<String>,
    /// The variables that were read, e.g. `steps.lookup.email`.
    variables: Vec<String>,
    /// What is wrong with it.
    problems: Vec<DefinitionProblem>,
}

impl From<definitions::Preview> for ExpressionPreview {
    fn from(preview: definitions::Preview) -> Self {
        Self {
            value: preview.value.map(Json),
            value_type: preview.value_type.map(str::to_owned),
            variables: preview.variables,
            problems: preview.problems.iter().map(Into::into).collect(),
        }
    }
}
