//! Steps that hold others, and those that let time pass.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::{Map, Value, json};

use super::together::together;
use super::{At, Deed, Ending, Flow, Outcome, World, block, held};
use crate::domain::execution::{ErrorClass, ExecutionError, ExecutionErrorCode};
use crate::domain::step_log::LogLevel;
use crate::pipeline::context::Context;
use crate::pipeline::error::Error;
use crate::pipeline::interpolate::is_empty;
use crate::pipeline::steps::{PlannedAction, PlannedBlock, PlannedBranch, PlannedForeach, PlannedWaiting, PlannedWaterfall};

/// Items a loop goes through at most.
const MAX_ITEMS: usize = 10_000;

/// The longest wait for an instant.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

fn failed(error: Error) -> Deed {
    Deed::Ended(Outcome::Failed(error.into_execution_error()))
}

fn below(path: &str, block: &PlannedBlock) -> String {
    if block.segment.is_empty() { path.to_owned() } else { format!("{path}/{}", block.segment) }
}

/// Runs the steps of the first case that fits. Which one it was is remembered: what it looked at may change.
pub(super) async fn branch<W: World>(world: &W, at: &At<'_>, branch: &PlannedBranch, context: &mut Context) -> Result<Deed, W::Fault> {
    let taken = match world.memory(at).and_then(|memory| memory.as_u64()) {
        Some(number) => usize::try_from(number).unwrap_or(usize::MAX),
        None => match first_case(branch, context) {
            Ok(number) => number,
            Err(error) => return Ok(failed(error)),
        },
    };
    world.remember(at, json!(taken));
    let (block_of, name) = match branch.cases.get(taken) {
        Some((_, case)) => (case, json!(taken)),
        None => (&branch.default, json!("default")),
    };
    let prefix = below(&at.path, block_of);
    let flow = block(world, at.unit, &block_of.steps, at.place(&prefix), context).await?;
    Ok(match held(flow) {
        Deed::Ended(Outcome::Done(_)) => Deed::Ended(Outcome::Done(json!({ "taken": name }))),
        other => other,
    })
}

/// The number of the first case that fits; beyond the last when none does.
fn first_case(branch: &PlannedBranch, context: &Context) -> Result<usize, Error> {
    for (number, (condition, _)) in branch.cases.iter().enumerate() {
        if condition.truth(context)? {
            return Ok(number);
        }
    }
    Ok(branch.cases.len())
}

/// Steps of a branch can be named after it: puts their results back where the branch itself is taken from the record.
pub(super) fn restore<W: World>(world: &W, at: &At<'_>, context: &mut Context) {
    let PlannedAction::Branch(branch) = &at.step.action else { return };
    for block in branch.cases.iter().map(|(_, block)| block).chain([&branch.default]) {
        let prefix = below(&at.path, block);
        for step in &block.steps {
            let inner = At::new(at.unit, step, at.place(&prefix));
            if let Some(ended) = world.recorded(&inner) {
                restore(world, &inner, context);
                context.set_step(&step.id, ended.output);
            }
        }
    }
}

/// Runs the steps once for each item.
pub(super) async fn foreach<W: World>(world: &W, at: &At<'_>, each: &PlannedForeach, context: &Context) -> Result<Deed, W::Fault> {
    let items = match each.items.value(context) {
        Ok(Value::Array(items)) if items.len() <= MAX_ITEMS => items,
        Ok(Value::Null) => Vec::new(),
        Ok(Value::Array(items)) => {
            return Ok(failed(Error::limit(
                &at.step.pointer,
                format!("The list has {} items, {MAX_ITEMS} at most can be gone through", items.len()),
            )));
        }
        Ok(_) => return Ok(failed(Error::place(&at.step.pointer, "What `items` gives is no list"))),
        Err(error) => return Ok(failed(error)),
    };
    let turn = |number: usize| -> futures_util::future::BoxFuture<'_, _> {
        let item = items.get(number).cloned().unwrap_or_default();
        Box::pin(async move {
            let prefix = format!("{}[{number}]", at.path);
            let mut own = context.within(&prefix);
            own.set(&each.name, item);
            block(world, at.unit, &each.block.steps, at.place(&prefix), &mut own).await
        })
    };
    let results = match together(world, at, (items.len(), each.concurrency), turn).await? {
        Ok(results) => results,
        Err(flow) => return Ok(held(flow)),
    };
    let results: Vec<Value> = results.into_iter().map(|result| result.map_or(Value::Null, |shared| (*shared).clone())).collect();
    Ok(Deed::Ended(Outcome::Done(json!({ "items": results }))))
}

/// Runs several lists of steps side by side.
pub(super) async fn parallel<W: World>(world: &W, at: &At<'_>, blocks: &[PlannedBlock], context: &Context) -> Result<Deed, W::Fault> {
    let turn = |number: usize| -> futures_util::future::BoxFuture<'_, _> {
        Box::pin(async move {
            let Some(branch) = blocks.get(number) else { return Ok(Flow::Go(None)) };
            let prefix = below(&at.path, branch);
            let mut own = context.within(&prefix);
            block(world, at.unit, &branch.steps, at.place(&prefix), &mut own).await
        })
    };
    let results = match together(world, at, (blocks.len(), blocks.len()), turn).await? {
        Ok(results) => results,
        Err(flow) => return Ok(held(flow)),
    };
    let members = blocks.iter().zip(results);
    let members: Map<String, Value> =
        members.map(|(block, result)| (block.segment.clone(), result.map_or(Value::Null, |shared| (*shared).clone()))).collect();
    Ok(Deed::Ended(Outcome::Done(Value::Object(members))))
}

/// Asks providers one after another until the result of one is accepted.
pub(super) async fn waterfall<W: World>(world: &W, at: &At<'_>, waterfall: &PlannedWaterfall, context: &Context) -> Result<Deed, W::Fault> {
    let budget = match waterfall.budget.as_ref().map(|tree| tree.eval(context.scope())).transpose() {
        Ok(value) => value.and_then(|value| value.as_f64()).unwrap_or(f64::INFINITY),
        Err(error) => return Ok(failed(error)),
    };
    let (mut spent, mut answered, mut last_error) = (0.0, false, None);
    // What was told before the run was put down is not told again.
    let told = world.memory(at).and_then(|memory| memory.as_u64()).unwrap_or(0);
    for (number, provider) in (1_u64..).zip(&waterfall.providers) {
        let name = provider.block.segment.as_str();
        let tell = |level: LogLevel, message: String| {
            if number > told {
                world.say(at, level, message);
                world.remember(at, json!(number));
            }
        };
        if spent + provider.cost > budget {
            tell(LogLevel::Info, format!("Left out {name}: it costs {}, and {spent} of {budget} is spent", provider.cost));
            continue;
        }
        spent += provider.cost;
        world.charge(at, spent);
        let prefix = below(&at.path, &provider.block);
        let mut own = context.within(&prefix);
        own.begin(1, world.cost(), world.now());
        let result = match block(world, at.unit, &provider.block.steps, at.place(&prefix), &mut own).await? {
            Flow::Go(result) => result.map_or(Value::Null, |shared| (*shared).clone()),
            Flow::End(Ending::Failed(error)) => {
                world.abandon(at);
                tell(LogLevel::Warn, format!("{name} failed: {}", error.message));
                last_error = Some(error);
                continue;
            }
            other => return Ok(Deed::Left(other)),
        };
        answered = true;
        match accepted(waterfall, &own, &result) {
            Ok(false) => tell(LogLevel::Info, format!("{name}: not accepted")),
            Ok(true) => {
                tell(LogLevel::Info, format!("{name}: accepted"));
                return Ok(Deed::Ended(Outcome::Done(with_provider(result, name, spent))));
            }
            Err(error) => return Ok(failed(error)),
        }
    }
    // Nobody answering is no answer: it may pass, and is not the same as nothing being found.
    Ok(Deed::Ended(match last_error {
        Some(error) if !answered => Outcome::Failed(error),
        _ => Outcome::Done(Value::Null),
    }))
}

/// Is the result good enough? Unless told, one with any value in it is.
fn accepted(waterfall: &PlannedWaterfall, context: &Context, result: &Value) -> Result<bool, Error> {
    match (&waterfall.accept, result) {
        (Some(condition), _) => condition.truth_with(context, &[("item", result)]),
        (None, Value::Object(members)) => Ok(members.values().any(|value| !is_empty(value))),
        (None, other) => Ok(!is_empty(other)),
    }
}

fn with_provider(result: Value, name: &str, cost: f64) -> Value {
    let mut members = match result {
        Value::Object(members) => members,
        Value::Null => Map::new(),
        other => Map::from_iter([("value".to_owned(), other)]),
    };
    members.insert("provider".to_owned(), json!(name));
    members.insert("cost".to_owned(), json!(cost));
    Value::Object(members)
}

/// Lets time pass. The instant is remembered, so that a run taken up again does not begin to wait anew.
pub(super) fn wait<W: World>(world: &W, at: &At<'_>, waiting: &PlannedWaiting, context: &Context) -> Deed {
    let now = world.now();
    let known = world.memory(at).and_then(|memory| memory.as_str()?.parse::<DateTime<Utc>>().ok());
    let until = match known.map_or_else(|| instant(waiting, at, context, now), Ok) {
        Ok(until) => until,
        Err(error) => return Deed::Ended(Outcome::Failed(error)),
    };
    if until <= now {
        return Deed::Ended(Outcome::Done(Value::Null));
    }
    if known.is_none() {
        world.remember(at, json!(until.to_rfc3339()));
        world.say(at, LogLevel::Info, format!("Waits until {}", until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)));
    }
    Deed::Left(Flow::Park(until))
}

fn instant(waiting: &PlannedWaiting, at: &At<'_>, context: &Context, now: DateTime<Utc>) -> Result<DateTime<Utc>, ExecutionError> {
    let value = match waiting {
        PlannedWaiting::For(period) => return Ok(now + *period),
        PlannedWaiting::Until(expression) => expression.value(context).map_err(Error::into_execution_error)?,
    };
    let read = |text: &str| {
        let midnight = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc());
        text.parse::<DateTime<Utc>>().ok().or_else(midnight)
    };
    let wrong = |message: &str| ExecutionError::new(ExecutionErrorCode::Template, ErrorClass::Data, message).at(at.step.pointer.clone());
    match &value {
        Value::Null => Ok(now),
        Value::String(text) => {
            let until = read(text).ok_or_else(|| wrong("What `until` gives is no date and no instant, RFC 3339"))?;
            let longest = now + LONGEST_WAIT;
            if until > longest { Err(wrong("What `until` gives is more than a day away")) } else { Ok(until) }
        }
        _ => Err(wrong("What `until` gives is no date and no instant, RFC 3339")),
    }
}
