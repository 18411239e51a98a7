//! Steps that are several calls: a job that is started and asked for, and another connector.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{At, Deed, Ending, Flow, Outcome, World, block, held, part};
use crate::domain::execution::{ErrorClass, ExecutionError, ExecutionErrorCode};
use crate::domain::step_log::LogLevel;
use crate::pipeline::context::Context;
use crate::pipeline::error::Error;
use crate::pipeline::steps::{PlannedCall, PlannedPoll};

/// Connectors that may call one another in one run.
const MAX_DEPTH: usize = 5;

/// Starts a job, asks for it until it is done, and fetches the result. Each request is recorded by itself.
pub(super) async fn poll<W: World>(world: &W, at: &At<'_>, poll: &PlannedPoll, context: &Context) -> Result<Deed, W::Fault> {
    let place = at.place(&at.path);
    let mut own = context.within(&at.path);
    let created = match part(world, At::new(at.unit, &poll.create, place), &mut own).await? {
        Flow::Go(output) => output.map_or(Value::Null, |output| output.get("body").cloned().unwrap_or_default()),
        other => return Ok(held(other)),
    };
    // What the parts are called hides no step of the definition.
    let job = || {
        let mut job = context.within(&at.path);
        job.set_step(&at.step.id, json!({ "created": created }));
        job
    };
    let mut flow = part(world, At::new(at.unit, &poll.status, place), &mut job()).await?;
    if let (Flow::Go(_), Some(result)) = (&flow, &poll.result) {
        flow = part(world, At::new(at.unit, result, place), &mut job()).await?;
    }
    if let (Flow::End(Ending::Failed(error)), Some(abort)) = (&flow, &poll.abort)
        && error.code == ExecutionErrorCode::Timeout
    {
        match part(world, At::new(at.unit, abort, place), &mut job()).await? {
            Flow::Go(_) | Flow::End(Ending::Failed(_)) => {}
            other => return Ok(held(other)),
        }
    }
    Ok(held(flow))
}

/// Calls another connector. What ends its run ends the call alone; its mapping is left out.
pub(super) async fn connector<W: World>(world: &W, at: &At<'_>, called: &PlannedCall, context: &Context) -> Result<Deed, W::Fault> {
    let refused = |error: ExecutionError| Ok(Deed::Ended(Outcome::Failed(error)));
    if at.unit.depth >= MAX_DEPTH {
        let message = format!("Connectors call one another more than {MAX_DEPTH} deep");
        return refused(ExecutionError::new(ExecutionErrorCode::Limit, ErrorClass::Configuration, message));
    }
    let mut given = Map::with_capacity(called.inputs.len());
    for (name, tree) in &called.inputs {
        match tree.eval(context.scope()) {
            Ok(value) => given.insert(name.clone(), value),
            Err(error) => return refused(error.into_execution_error()),
        };
    }
    let opened = match world.open(&called.connector, world.memory(at).as_ref()).await? {
        Ok(opened) => opened,
        Err(error) => return refused(error),
    };
    world.remember(at, opened.memory);
    let mut unit = opened.unit;
    unit.depth = at.unit.depth + 1;
    let plan = Arc::clone(&unit.plan);
    let inputs = match plan.resolve_input(&Value::Object(given), world.contact()) {
        Ok(inputs) => inputs,
        Err(wrong) => return refused(misfit(&called.connector, wrong)),
    };
    world.say(at, LogLevel::Info, format!("Calls {}", plan.definition.meta.title));
    let mut inner = context.called(inputs, opened.config, &at.path);
    match block(world, &unit, &plan.steps, at.place(&at.path), &mut inner).await? {
        Flow::Go(_) | Flow::End(Ending::Succeeded { .. }) => {
            let outcome = plan.outputs(&inner).map_or_else(|error| Outcome::Failed(Error::into_execution_error(error)), Outcome::Done);
            Ok(Deed::Ended(outcome))
        }
        other => Ok(held(other)),
    }
}

fn misfit(connector: &str, wrong: Vec<(String, String)>) -> ExecutionError {
    let each: Vec<String> = wrong.into_iter().map(|(pointer, sentence)| format!("{pointer}: {sentence}")).collect();
    let message = format!("What `{connector}` is given does not fit its inputs: {}", each.join("; "));
    ExecutionError::new(ExecutionErrorCode::Input, ErrorClass::Data, message)
}
