//! Definitions and values the tests of this folder share.

use std::sync::Arc;

use chrono::{DateTime, TimeZone, Utc};
use serde_json::{Map, Value, json};

use super::{Context, Plan, PlannedAction, PlannedHttp, RunFacts, compile};
use crate::domain::contact::{Contact, FieldChange, FieldChangeOutcome};
use crate::domain::exchange::Response;
use crate::domain::id::{ContactId, ExecutionId, FieldChangeId, WorkspaceId};
use crate::domain::problem::Problem;

/// Monday, 23 November 2026, 10:00 UTC.
pub(super) fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 10, 0, 0).unwrap()
}

/// One http step that looks a telephone number up, with a mapping.
pub(super) fn phone() -> Value {
    json!({
        "spec": "connectors/v1", "kind": "template", "meta": {"slug": "phone-enrichment", "title": "Phone enrichment"},
        "inputs": {"type": "object", "required": ["phone"], "properties": {"phone": {"type": "string", "x-bind": "contact.phone"}}},
        "config": {"type": "object", "properties": {"country": {"type": "string", "default": "US"}}},
        "credentials": {"audience": {"kind": "api_key", "hosts": ["api.audience.example"], "inject": {"in": "header", "name": "X-Api-Key"}}},
        "defaults": {"base_url": "https://api.audience.example", "auth": "audience", "timeout": "PT10S"},
        "steps": [{
            "id": "lookup", "kind": "http", "cost": 1,
            "request": {"method": "GET", "path": "/v2/people", "query": {"phone": "{{ inputs.phone | e164(country=config.country) }}"}, "omit_empty": true},
            "retry": {"attempts": 4, "backoff": {"kind": "exponential", "base": "PT1S"}, "max_elapsed": "PT2M"},
            "rules": [
                {"if": {"status": [429]}, "then": "rate_limited", "wait": {"header": "Retry-After", "max": "PT60S"}},
                {"if": {"status": [404]}, "then": "empty"},
                {"if": {"status": [401, 403]}, "then": "fail", "class": "credential", "message": "The key was refused"}],
            "extract": {"first": {"path": "$.people[0].first_name"}, "city": {"path": "$.people[0].address.city"},
                "score": {"path": "$.people[0].match_score", "type": "number"}}}],
        "outputs": {"found": {"type": "boolean", "value": "{{ steps.lookup.first != null }}"}},
        "mapping": {"target": "contact", "match": ["id"], "fields": [
            {"to": "first_name", "from": "{{ steps.lookup.first }}"},
            {"to": "city", "from": "{{ steps.lookup.city }}", "policy": "if_more_confident", "confidence": "{{ steps.lookup.score }}", "ttl": "P180D"}]}
    })
}

/// One http step of a given request, with more members of the step.
pub(super) fn http(request: &Value, step: &Value) -> Value {
    let mut whole = json!({"id": "call", "kind": "http", "request": request});
    if let (Value::Object(whole), Value::Object(more)) = (&mut whole, step.clone()) {
        whole.extend(more);
    }
    let names = ["a", "b", "f", "host", "id", "ids", "n", "url", "wanted", "x", "y", "z"];
    let properties: Map<String, Value> = names.into_iter().map(|name| (name.to_owned(), json!({}))).collect();
    json!({
        "spec": "connectors/v1", "kind": "connector", "meta": {"slug": "sample", "title": "Sample"},
        "inputs": {"type": "object", "properties": properties},
        "defaults": {"base_url": "https://api.example.com/base/"}, "steps": [whole]
    })
}

pub(super) fn problems(source: &Value) -> Vec<Problem> {
    compile(source).problems
}

pub(super) fn plan(source: &Value) -> Arc<Plan> {
    let compiled = compile(source);
    compiled.plan.unwrap_or_else(|| panic!("{:#?}", compiled.problems))
}

pub(super) fn first_http(plan: &Plan) -> &PlannedHttp {
    match &plan.steps[0].action {
        PlannedAction::Http(http) => http,
        _ => panic!("the first step is no http step"),
    }
}

pub(super) fn context(inputs: Value) -> Context {
    let run = RunFacts { id: "exe_1".to_owned(), attempt: 1, cost: 0.0 };
    Context::new(inputs, json!({"country": "US"}), Some(&contact()), run, now())
}

pub(super) fn contact() -> Contact {
    Contact {
        id: ContactId::from_uuid(uuid::Uuid::nil()),
        workspace_id: WorkspaceId::from_uuid(uuid::Uuid::nil()),
        key: None,
        email: Some("ann@example.com".to_owned()),
        phone: Some("+14155550100".to_owned()),
        first_name: Some("Ann".to_owned()),
        last_name: None,
        company: None,
        attributes: Map::from_iter([("city".to_owned(), json!("Rome"))]),
        revision: 1,
        created_at: now(),
        updated_at: now(),
    }
}

pub(super) fn change(after: Value, confidence: Option<f64>, occurred_at: DateTime<Utc>, stale_at: Option<DateTime<Utc>>) -> FieldChange {
    FieldChange {
        id: FieldChangeId::from_uuid(uuid::Uuid::nil()),
        workspace_id: WorkspaceId::from_uuid(uuid::Uuid::nil()),
        contact_id: None,
        execution_id: ExecutionId::from_uuid(uuid::Uuid::nil()),
        field: "email".to_owned(),
        before: Value::Null,
        after,
        outcome: FieldChangeOutcome::Written,
        reason: None,
        confidence,
        step_path: None,
        source: None,
        stale_at,
        occurred_at,
    }
}

pub(super) fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status, headers, body: body.as_bytes().to_vec(), first_byte_ms: 1, duration_ms: 2 }
}
