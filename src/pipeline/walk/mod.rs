//! The way through a plan: which step follows which, what steps that hold others make of them, and what ends a run.
//!
//! Whoever carries the steps out is a [`World`]: a run under a lease, or the replay of a recorded test. The way is the same
//! for both. It is gone from the start each time a run is taken up: a step that is recorded gives its recorded result and
//! is not carried out again, so the walk comes to where it was.

mod call;
mod flow;
mod together;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::call::PlannedHttp;
use super::context::Context;
use super::plan::Plan;
use super::steps::{PlannedAction, PlannedStep};
use crate::domain::contact::Contact;
use crate::domain::definition::OnError;
use crate::domain::execution::{ErrorClass, ExecutionError, ExecutionErrorCode, StepStatus};
use crate::domain::id::CredentialId;
use crate::domain::step_log::LogLevel;

/// How a run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// As meant, with the definition's word for it.
    Succeeded {
        /// The word.
        result: Option<String>,
    },
    /// By an error.
    Failed(ExecutionError),
    /// Someone stopped it.
    Cancelled,
    /// It took too long.
    TimedOut,
    /// It never began.
    Expired,
}

/// What follows a step, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// The next one. With the result, unless there was nothing to be done.
    Go(Option<Arc<Value>>),
    /// The end.
    End(Ending),
    /// A wait; until then nothing can be done.
    Park(DateTime<Utc>),
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Its result.
    Done(Value),
    /// It was left out, and why.
    Skipped(String),
    /// It failed for good.
    Failed(ExecutionError),
}

/// What carrying a step out led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// It ended.
    Ended(Outcome),
    /// It did not: the run waits, or is over.
    Left(Flow),
}

/// A step that ended, as it is recorded.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How.
    pub status: StepStatus,
    /// What later steps see.
    pub output: Arc<Value>,
    /// Why it failed.
    pub error: Option<ExecutionError>,
}

/// A step about to be carried out.
#[derive(Debug, Default)]
pub struct Begun {
    /// When it first began.
    pub at: DateTime<Utc>,
    /// Was it under way before, so that nobody asks again whether it applies?
    pub resumed: bool,
    /// A result to take as given.
    pub given: Option<Value>,
    /// Why it is left out whatever its condition says.
    pub left_out: Option<&'static str>,
}

/// A plan with what it was installed with.
#[derive(Clone)]
pub struct Unit {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Slot → credential.
    pub bindings: BTreeMap<String, CredentialId>,
    /// How many connectors called one another to come here.
    pub depth: usize,
}

/// Another connector, about to be called.
pub struct Opened {
    /// Its plan and what it was installed with.
    pub unit: Unit,
    /// Values of its `config`.
    pub config: Value,
    /// Which version it is, to be remembered: the call goes on with it even if another is published meanwhile.
    pub memory: Value,
}

/// Where in a run a step is.
#[derive(Clone)]
pub struct At<'a> {
    /// The plan it is of.
    pub unit: &'a Unit,
    /// The step.
    pub step: &'a PlannedStep,
    /// Its path in the run, which has the turns of loops in it: `each[3]/post`.
    pub path: String,
    /// Path in the run of the step that holds it.
    pub parent: Option<&'a str>,
}

/// Which list of steps is gone through, as part of paths.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// What the paths of its steps begin with.
    prefix: &'a str,
    /// Path of the step that holds the list.
    parent: Option<&'a str>,
}

impl<'a> At<'a> {
    fn new(unit: &'a Unit, step: &'a PlannedStep, place: Place<'a>) -> Self {
        let path = if place.prefix.is_empty() { step.id.clone() } else { format!("{}/{}", place.prefix, step.id) };
        Self { unit, step, path, parent: place.parent }
    }

    /// A list of steps within this one.
    fn place<'b>(&'b self, prefix: &'b str) -> Place<'b> {
        Place { prefix, parent: Some(&self.path) }
    }
}

/// Whoever carries the steps of a run out.
pub trait World: Sync {
    /// What breaks a walk off, leaving all as it is.
    type Fault: Send;

    /// The time.
    fn now(&self) -> DateTime<Utc>;
    /// Lets time pass until then.
    fn sleep_until(&self, at: DateTime<Utc>) -> impl Future<Output = ()> + Send;
    /// What the run has cost so far.
    fn cost(&self) -> f64;
    /// The step as it ended, if it did.
    fn recorded(&self, at: &At<'_>) -> Option<Ended>;
    /// Asks for leave to carry a step out; what ended before it is recorded by then.
    fn enter(&self, at: &At<'_>) -> impl Future<Output = Result<Option<Flow>, Self::Fault>> + Send;
    /// A step begins, or is taken up again.
    fn begin(&self, at: &At<'_>) -> Begun;
    /// Makes the attempts of a call.
    fn http(&self, at: &At<'_>, http: &PlannedHttp, context: &mut Context) -> impl Future<Output = Result<Deed, Self::Fault>> + Send;
    /// Finds another connector of the workspace, by its key or by what is remembered of it.
    fn open(&self, key: &str, memory: Option<&Value>) -> impl Future<Output = Result<Result<Opened, ExecutionError>, Self::Fault>> + Send;
    /// The contact the run is for.
    fn contact(&self) -> Option<&Contact>;
    /// What the step wants to know of itself when it is taken up again.
    fn memory(&self, at: &At<'_>) -> Option<Value>;
    /// Keeps that.
    fn remember(&self, at: &At<'_>, memory: Value);
    /// What the step has cost so far, in all.
    fn charge(&self, at: &At<'_>, cost: f64);
    /// Tells the log something about a step.
    fn say(&self, at: &At<'_>, level: LogLevel, message: String);
    /// A step ended; gives it as it is recorded.
    fn finish(&self, at: &At<'_>, outcome: Outcome) -> Ended;
    /// A step waits until then.
    fn put_down(&self, at: &At<'_>, until: DateTime<Utc>);
    /// The steps within this one that have not ended never will.
    fn abandon(&self, at: &At<'_>);
}

/// Goes through all steps of a plan.
///
/// # Errors
/// The world's own, as soon as there is one.
pub async fn walk<W: World>(world: &W, unit: &Unit, context: &mut Context) -> Result<Flow, W::Fault> {
    block(world, unit, &unit.plan.steps, Place { prefix: "", parent: None }, context).await
}

/// Goes through a list of steps; its result is that of the last step that had something to do.
fn block<'a, W: World>(
    world: &'a W,
    unit: &'a Unit,
    steps: &'a [PlannedStep],
    place: Place<'a>,
    context: &'a mut Context,
) -> BoxFuture<'a, Result<Flow, W::Fault>> {
    Box::pin(async move {
        let mut result = None;
        for step in steps {
            match one(world, At::new(unit, step, place), context).await? {
                Flow::Go(next) => result = next.or(result),
                other => return Ok(other),
            }
        }
        Ok(Flow::Go(result))
    })
}

/// Carries out a single step within another.
fn part<'a, W: World>(world: &'a W, at: At<'a>, context: &'a mut Context) -> BoxFuture<'a, Result<Flow, W::Fault>> {
    Box::pin(one(world, at, context))
}

/// Carries one step out, or takes its recorded result.
async fn one<W: World>(world: &W, at: At<'_>, context: &mut Context) -> Result<Flow, W::Fault> {
    if let Some(ended) = world.recorded(&at) {
        flow::restore(world, &at, context);
        return Ok(follow(&at, context, &ended));
    }
    if let Some(flow) = world.enter(&at).await? {
        return Ok(flow);
    }
    let begun = world.begin(&at);
    context.begin(1, world.cost(), begun.at);
    let deed = match reason_to_skip(&at, &begun, context) {
        Err(error) => Deed::Ended(Outcome::Failed(error)),
        Ok(Some(reason)) => Deed::Ended(Outcome::Skipped(reason)),
        Ok(None) => match begun.given {
            Some(given) => {
                world.say(&at, LogLevel::Info, "Taken as given".to_owned());
                Deed::Ended(Outcome::Done(given))
            }
            None => act(world, &at, context).await?,
        },
    };
    match deed {
        Deed::Ended(outcome) => {
            let ended = world.finish(&at, outcome);
            Ok(follow(&at, context, &ended))
        }
        Deed::Left(flow) => {
            if let Flow::Park(until) = flow {
                world.put_down(&at, until);
            }
            Ok(flow)
        }
    }
}

fn reason_to_skip(at: &At<'_>, begun: &Begun, context: &Context) -> Result<Option<String>, ExecutionError> {
    match (&at.step.when, begun) {
        (_, Begun { left_out: Some(reason), .. }) => Ok(Some((*reason).to_owned())),
        (_, Begun { resumed: true, .. } | Begun { given: Some(_), .. }) | (None, _) => Ok(None),
        (Some(condition), _) => match condition.truth(context) {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some("Its condition came out false".to_owned())),
            Err(error) => Err(error.into_execution_error()),
        },
    }
}

async fn act<W: World>(world: &W, at: &At<'_>, context: &mut Context) -> Result<Deed, W::Fault> {
    let computed = |value: Result<Value, super::Error>| {
        Deed::Ended(value.map_or_else(|error| Outcome::Failed(error.into_execution_error()), Outcome::Done))
    };
    match &at.step.action {
        PlannedAction::Http(http) => world.http(at, http, context).await,
        PlannedAction::Set(set) => Ok(computed(set.values(context))),
        PlannedAction::Branch(branch) => flow::branch(world, at, branch, context).await,
        PlannedAction::Foreach(each) => flow::foreach(world, at, each, context).await,
        PlannedAction::Parallel(blocks) => flow::parallel(world, at, blocks, context).await,
        PlannedAction::Waterfall(waterfall) => flow::waterfall(world, at, waterfall, context).await,
        PlannedAction::Poll(poll) => call::poll(world, at, poll, context).await,
        PlannedAction::Call(called) => call::connector(world, at, called, context).await,
        PlannedAction::Wait(waiting) => Ok(flow::wait(world, at, waiting, context)),
        PlannedAction::Stop { result } => {
            world.say(at, LogLevel::Info, format!("Ends the run: {result}"));
            Ok(Deed::Ended(Outcome::Done(Value::Null)))
        }
    }
}

/// What steps within a step mean for it: one of them that fails, fails the step.
fn held(flow: Flow) -> Deed {
    match flow {
        Flow::Go(result) => Deed::Ended(Outcome::Done(result.map_or(Value::Null, |shared| (*shared).clone()))),
        Flow::End(Ending::Failed(error)) => Deed::Ended(Outcome::Failed(error)),
        other => Deed::Left(other),
    }
}

/// What a step that ended means for those after it.
fn follow(at: &At<'_>, context: &mut Context, ended: &Ended) -> Flow {
    context.set_step(&at.step.id, Arc::clone(&ended.output));
    let error = || {
        let lost = || ExecutionError::new(ExecutionErrorCode::Internal, ErrorClass::System, "The step failed");
        ended.error.clone().unwrap_or_else(lost)
    };
    match (ended.status, &at.step.action, at.step.on_error) {
        (StepStatus::Failed, _, OnError::Fail) => Flow::End(Ending::Failed(error())),
        (StepStatus::Failed, _, OnError::Stop) => Flow::End(Ending::Succeeded { result: None }),
        (StepStatus::Succeeded, PlannedAction::Stop { result }, _) => Flow::End(Ending::Succeeded { result: Some(result.clone()) }),
        (StepStatus::Skipped, ..) | (_, PlannedAction::Wait(_), _) => Flow::Go(None),
        _ => Flow::Go(Some(Arc::clone(&ended.output))),
    }
}
