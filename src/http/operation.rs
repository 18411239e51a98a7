//! What both transports do with a request: judge and parse its document, pick the operation, bound its time, and complete the errors
//! of its answer.

use super::{
    Check, RequestId,
    error::{Code, FAULT, Failure},
    params::Params,
};
use crate::graphql::Patience;
use async_graphql::{
    ErrorExtensionValues, Request, Response, ServerError, Value,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType},
};
use std::{pin::pin, time::Duration};
use tokio::time::{Instant, timeout_at};

/// Request errors listed in one answer; a hostile document could cause thousands.
const MOST_ERRORS: usize = 20;

/// A request whose document is parsed and whose operation is known.
#[derive(Debug)]
pub(super) struct Operation {
    /// Carries the parsed document, so that it is not parsed again.
    pub(super) request: Request,
    /// Of the operation that will run.
    pub(super) kind: OperationType,
    /// Whether the operation declares variables: only then can an argument's wrong value have come from one.
    pub(super) has_variables: bool,
    /// What its resolvers are asked to wait; in the request's data too.
    pub(super) patience: Patience,
}

impl Operation {
    /// Judges the text, parses it and finds the operation to run.
    pub(super) fn parse(params: Params, check: &Check) -> Result<Self, Failure> {
        let stored = params.names_a_document();
        let Some(query) = params.query.filter(|text| !text.is_empty()) else {
            return Err(if stored {
                Failure::new(Code::PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")
            } else {
                Failure::new(Code::BAD_REQUEST, "The request has no `query`.")
            });
        };
        check(&query)?;
        let mut request = Request::new(query);
        request.operation_name = params.operation_name.filter(|name| !name.is_empty());
        request.variables = params.variables.unwrap_or_default();
        refuse_nul(&request)?;
        let name = request.operation_name.clone();
        let document = request
            .parsed_query()
            .map_err(|error| Failure { locations: error.locations, ..Failure::new(Code::PARSE_FAILED, error.message) })?;
        let operation = pick(document, name.as_deref())?;
        let (kind, has_variables) = (operation.ty, !operation.variable_definitions.is_empty());
        let patience = Patience::default();
        Ok(Self { request: request.data(patience.clone()), kind, has_variables, patience })
    }
}

/// Runs an operation for its timeout, and on top of it for as long as its resolvers were asked to wait.
///
/// # Errors
/// TIMEOUT when that is not enough; the operation is stopped then.
pub(super) async fn within<F: Future>(timeout: Duration, patience: &Patience, operation: F) -> Result<F::Output, Failure> {
    let begun = Instant::now();
    let mut operation = pin!(operation);
    let mut allowed = timeout;
    loop {
        if let Ok(done) = timeout_at(begun + allowed, operation.as_mut()).await {
            return Ok(done);
        }
        let granted = timeout + patience.granted();
        if granted <= allowed {
            return Err(Failure::new(Code::TIMEOUT, "The operation took too long and was stopped."));
        }
        allowed = granted;
    }
}

/// No engine of ours keeps U+0000 in a text, and one refuses it outright: it is refused where it comes in.
fn refuse_nul(request: &Request) -> Result<(), Failure> {
    let found = request.query.contains("\\u0000") || request.variables.values().any(has_nul);
    if found { Err(Failure::new(Code::BAD_USER_INPUT, "A text may not contain the character U+0000.")) } else { Ok(()) }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::List(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// The operation that `name` selects, as GraphQL's section 6.1 has it.
fn pick<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Result<&'a OperationDefinition, Failure> {
    let unresolved = |message: &'static str| Failure::new(Code::OPERATION_RESOLUTION_FAILED, message);
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(&operation.node),
        (DocumentOperations::Multiple(operations), Some(name)) => operations
            .get(name)
            .map(|operation| &operation.node)
            .ok_or_else(|| unresolved("The document has no operation of that `operationName`.")),
        (DocumentOperations::Multiple(operations), None) => match operations.values().next() {
            Some(operation) if operations.len() == 1 => Ok(&operation.node),
            _ => Err(unresolved("The document has several operations; choose one with `operationName`.")),
        },
        (DocumentOperations::Single(_), Some(_)) => {
            Err(unresolved("The document's only operation has no name; leave `operationName` out."))
        }
    }
}

/// Whether a request failed before its execution began: no data, and no error that belongs to a field.
pub(super) fn is_request_error(response: &Response) -> bool {
    response.data == Value::Null && !response.errors.is_empty() && response.errors.iter().all(|error| error.path.is_empty())
}

/// Gives each error its code and the request's id. The sentence of an error nobody gave a code to is a fault's, and goes to the log.
pub(super) fn complete(response: &mut Response, id: &RequestId, has_variables: bool) {
    if response.errors.is_empty() {
        return;
    }
    if is_request_error(response) {
        response.errors.truncate(MOST_ERRORS);
    }
    for error in &mut response.errors {
        let code = match error.extensions.as_ref().and_then(|values| values.get("code")) {
            Some(_) => None,
            None => Some(classify(error, has_variables)),
        };
        if code == Some(Code::INTERNAL) {
            tracing::error!(request_id = id.as_str(), path = ?error.path, error = error.message, "a resolver failed without a code");
            FAULT.clone_into(&mut error.message);
        }
        let values = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        if let Some(code) = code {
            values.set("code", code.name);
        }
        values.set("requestId", id.as_str());
    }
}

/// The code of an error the library made itself; its sentences are the only thing that tells them apart.
fn classify(error: &ServerError, has_variables: bool) -> Code {
    const INPUT: [&str; 5] = ["Failed to parse \"", "Expected input type \"", "Enumeration type \"", "Unknown enumeration", "Variable "];
    const LIMITS: [&str; 4] = ["Query is too complex", "Query is nested too deep", "The recursion depth", "The number of directives"];
    let message = error.message.as_str();
    let begins = |list: &[&str]| list.iter().any(|start| message.starts_with(start));
    if !error.path.is_empty() {
        return if begins(&INPUT) { Code::BAD_USER_INPUT } else { Code::INTERNAL };
    }
    if begins(&LIMITS) {
        Code::QUERY_TOO_COMPLEX
    } else if has_variables && message.starts_with("Invalid value for argument") {
        Code::BAD_USER_INPUT
    } else {
        Code::VALIDATION_FAILED
    }
}
