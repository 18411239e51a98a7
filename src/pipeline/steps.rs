//! Steps, compiled: with everything the defaults add, and those that hold steps with the steps they hold.

use std::time::Duration;

use serde_json::{Map, Value};

use super::call::PlannedHttp;
use super::compiler::Compiler;
use super::context::Context;
use super::error::Error;
use super::interpolate::{Expression, Tree};
use super::job::PlannedStates;
use crate::domain::definition::{
    Definition, HttpStep, IsoDuration, OnError, PollStep, Retry, Step, StepAction, WaterfallStep, WaterfallStrategy,
};
use crate::domain::problem::pointer_join;

/// Time for one attempt unless the definition says otherwise.
const USUAL_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest time for one attempt.
pub(crate) const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);

/// One step, with everything the defaults add.
pub struct PlannedStep {
    /// Its name in the definition.
    pub id: String,
    /// Its path in the definition, e.g. `email/a/find`.
    pub path: String,
    /// Path of the step that holds it.
    pub parent_path: Option<String>,
    /// Name to show.
    pub title: String,
    /// Where it stands in the document, a JSON Pointer.
    pub pointer: String,
    /// The step runs only if this comes out true.
    pub when: Option<Expression>,
    /// What follows when it fails for good.
    pub on_error: OnError,
    /// Most time for one attempt.
    pub timeout: Duration,
    /// When to try again.
    pub retry: Retry,
    /// What one run of it costs, in units of the definition.
    pub cost: f64,
    /// What it does.
    pub action: PlannedAction,
}

/// What a step does.
pub enum PlannedAction {
    /// Calls an API.
    Http(Box<PlannedHttp>),
    /// Computes values.
    Set(PlannedSet),
    /// Runs the steps of the first case that fits.
    Branch(PlannedBranch),
    /// Runs its steps for each item of a list.
    Foreach(Box<PlannedForeach>),
    /// Runs several lists of steps side by side.
    Parallel(Vec<PlannedBlock>),
    /// Asks providers until the result of one is accepted.
    Waterfall(Box<PlannedWaterfall>),
    /// Starts a job and asks for it until it is done.
    Poll(Box<PlannedPoll>),
    /// Lets time pass.
    Wait(PlannedWaiting),
    /// Calls another connector.
    Call(PlannedCall),
    /// Ends the run as succeeded.
    Stop {
        /// The run's result word.
        result: String,
    },
}

/// A list of steps within a step.
pub struct PlannedBlock {
    /// What stands in paths between the step and those in the list; empty in a loop.
    pub(crate) segment: String,
    pub(crate) steps: Vec<PlannedStep>,
}

/// Values to compute.
pub struct PlannedSet {
    values: Vec<(String, Tree)>,
}

impl PlannedSet {
    /// The values, as an object.
    ///
    /// # Errors
    /// When an expression fails.
    pub fn values(&self, context: &Context) -> Result<Value, Error> {
        let mut map = Map::with_capacity(self.values.len());
        for (name, tree) in &self.values {
            map.insert(name.clone(), tree.eval(context.scope())?);
        }
        Ok(Value::Object(map))
    }
}

/// Cases with their conditions, and what is run when none fits.
pub struct PlannedBranch {
    pub(crate) cases: Vec<(Expression, PlannedBlock)>,
    pub(crate) default: PlannedBlock,
}

/// A loop.
pub struct PlannedForeach {
    pub(crate) items: Expression,
    /// Name the steps see the item by.
    pub(crate) name: String,
    pub(crate) concurrency: usize,
    pub(crate) block: PlannedBlock,
}

/// Providers in the order they are asked.
pub struct PlannedWaterfall {
    pub(crate) providers: Vec<PlannedProvider>,
    pub(crate) accept: Option<Expression>,
    pub(crate) budget: Option<Tree>,
}

/// One provider.
pub(crate) struct PlannedProvider {
    pub(crate) cost: f64,
    pub(crate) block: PlannedBlock,
}

/// A job: its requests as steps within the step.
pub struct PlannedPoll {
    pub(crate) create: PlannedStep,
    pub(crate) status: PlannedStep,
    pub(crate) result: Option<PlannedStep>,
    pub(crate) abort: Option<PlannedStep>,
}

/// A call of another connector.
pub struct PlannedCall {
    /// Its key.
    pub connector: String,
    pub(crate) inputs: Vec<(String, Tree)>,
}

/// How long to wait.
pub enum PlannedWaiting {
    /// So long.
    For(Duration),
    /// Until the instant this gives.
    Until(Expression),
}

/// Compiles the steps of a definition.
pub(crate) fn compile(compiler: &mut Compiler, definition: &Definition) -> Vec<PlannedStep> {
    compile_list(compiler, definition, &definition.steps, ("/steps", "", None))
}

fn compile_list(
    compiler: &mut Compiler,
    definition: &Definition,
    steps: &[Step],
    (pointer, prefix, parent): (&str, &str, Option<&str>),
) -> Vec<PlannedStep> {
    let numbered = steps.iter().enumerate();
    numbered
        .map(|(number, step)| {
            let path = if prefix.is_empty() { step.id.clone() } else { format!("{prefix}/{}", step.id) };
            PlannedStep {
                parent_path: parent.map(str::to_owned),
                ..compile_step(compiler, definition, step, (format!("{pointer}/{number}"), path))
            }
        })
        .collect()
}

fn compile_step(compiler: &mut Compiler, definition: &Definition, step: &Step, (pointer, path): (String, String)) -> PlannedStep {
    let mut blocks: Vec<PlannedBlock> = step
        .blocks()
        .into_iter()
        .map(|block| PlannedBlock {
            steps: compile_list(
                compiler,
                definition,
                block.steps,
                (&format!("{pointer}{}", block.pointer), &block.prefix(&path), Some(&path)),
            ),
            segment: block.segment,
        })
        .collect();
    compiler.enter(Some(&path));
    let defaults = &definition.defaults;
    PlannedStep {
        id: step.id.clone(),
        parent_path: None,
        title: step.title.clone().unwrap_or_else(|| step.id.clone()),
        when: step.when.as_ref().map(|text| compiler.condition(text, &pointer_join(&pointer, "when"))),
        on_error: step.on_error,
        timeout: step.timeout.or(defaults.timeout).map_or(USUAL_TIMEOUT, IsoDuration::get).clamp(Duration::from_millis(1), LONGEST_TIMEOUT),
        retry: retry(definition, step),
        cost: price(step.cost),
        action: action(compiler, definition, step, (&pointer, &mut blocks)),
        pointer,
        path,
    }
}

fn action(
    compiler: &mut Compiler,
    definition: &Definition,
    step: &Step,
    (pointer, blocks): (&str, &mut Vec<PlannedBlock>),
) -> PlannedAction {
    let empty = || PlannedBlock { segment: String::new(), steps: Vec::new() };
    match &step.action {
        StepAction::Http(http) => PlannedAction::Http(Box::new(PlannedHttp::compile(compiler, http, definition, pointer))),
        StepAction::Set(set) => {
            let place = pointer_join(pointer, "values");
            let values = set.values.iter().map(|(name, value)| (name.clone(), compiler.tree(value, &pointer_join(&place, name))));
            PlannedAction::Set(PlannedSet { values: values.collect() })
        }
        StepAction::Branch(branch) => {
            let default = blocks.pop().unwrap_or_else(empty);
            let conditions = branch.cases.iter().enumerate();
            let conditions = conditions.map(|(number, case)| compiler.condition(&case.when, &format!("{pointer}/cases/{number}/when")));
            PlannedAction::Branch(PlannedBranch { cases: conditions.zip(blocks.drain(..)).collect(), default })
        }
        StepAction::Foreach(each) => PlannedAction::Foreach(Box::new(PlannedForeach {
            items: compiler.condition(&each.items, &pointer_join(pointer, "items")),
            name: each.name.clone(),
            concurrency: usize::try_from(each.concurrency).unwrap_or(1).max(1),
            block: blocks.pop().unwrap_or_else(empty),
        })),
        StepAction::Parallel(_) => PlannedAction::Parallel(std::mem::take(blocks)),
        StepAction::Waterfall(waterfall) => PlannedAction::Waterfall(Box::new(providers(compiler, waterfall, (pointer, blocks)))),
        StepAction::Poll(poll) => PlannedAction::Poll(Box::new(job(compiler, definition, (step, poll), pointer))),
        StepAction::Call(call) => {
            let place = pointer_join(pointer, "inputs");
            let inputs = call.inputs.iter().map(|(name, value)| (name.clone(), compiler.tree(value, &pointer_join(&place, name))));
            PlannedAction::Call(PlannedCall { connector: call.connector.clone(), inputs: inputs.collect() })
        }
        StepAction::Wait(wait) => PlannedAction::Wait(match &wait.until {
            Some(text) => PlannedWaiting::Until(compiler.condition(text, &pointer_join(pointer, "until"))),
            None => PlannedWaiting::For(wait.period.map(IsoDuration::get).unwrap_or_default()),
        }),
        StepAction::Stop(end) => PlannedAction::Stop { result: end.result.clone() },
    }
}

fn providers(compiler: &mut Compiler, waterfall: &WaterfallStep, (pointer, blocks): (&str, &mut Vec<PlannedBlock>)) -> PlannedWaterfall {
    let with_cost = waterfall.providers.iter().zip(blocks.drain(..));
    let mut providers: Vec<_> = with_cost.map(|(one, block)| PlannedProvider { cost: price(one.cost), block }).collect();
    if waterfall.strategy == WaterfallStrategy::Cheapest {
        providers.sort_by(|left, right| left.cost.total_cmp(&right.cost));
    }
    PlannedWaterfall {
        providers,
        accept: waterfall.accept.as_ref().map(|text| compiler.condition(text, &pointer_join(pointer, "accept"))),
        budget: waterfall.budget.as_ref().map(|value| compiler.tree(value, &pointer_join(pointer, "budget"))),
    }
}

/// Each request of a job is a step within the step, so that each is recorded by itself and none is made twice.
fn job(compiler: &mut Compiler, definition: &Definition, (step, poll): (&Step, &PollStep), pointer: &str) -> PlannedPoll {
    let patience = step.timeout.map_or(LONGEST_TIMEOUT, IsoDuration::get);
    let attempt = definition.defaults.timeout.map_or(USUAL_TIMEOUT, IsoDuration::get).min(patience);
    let mut part = |name: &str, call: &HttpStep, states: bool| {
        let place = pointer_join(pointer, name);
        let mut http = PlannedHttp::compile_at(compiler, call, definition, (pointer, &place));
        http.states = states.then(|| PlannedStates::compile(compiler, poll, (&place, patience)));
        PlannedStep {
            id: name.to_owned(),
            path: name.to_owned(),
            parent_path: None,
            title: name.to_owned(),
            pointer: place,
            when: None,
            on_error: OnError::Fail,
            timeout: attempt.clamp(Duration::from_millis(1), LONGEST_TIMEOUT),
            retry: retry(definition, step),
            cost: 0.0,
            action: PlannedAction::Http(Box::new(http)),
        }
    };
    let parts = poll.parts();
    PlannedPoll {
        create: part("create", &parts.create, false),
        status: part("status", &parts.status, true),
        result: parts.result.as_ref().map(|call| part("result", call, false)),
        abort: parts.abort.as_ref().map(|call| part("abort", call, false)),
    }
}

fn retry(definition: &Definition, step: &Step) -> Retry {
    let mut retry = step.retry.clone().or_else(|| definition.defaults.retry.clone()).unwrap_or_default();
    retry.attempts = retry.attempts.clamp(1, Retry::MAX_ATTEMPTS);
    retry
}

/// A cost that can be added up.
fn price(cost: f64) -> f64 {
    if cost.is_finite() { cost.max(0.0) } else { 0.0 }
}

impl PlannedStep {
    /// The lists of steps it holds.
    pub fn blocks(&self) -> Vec<&PlannedBlock> {
        match &self.action {
            PlannedAction::Branch(branch) => branch.cases.iter().map(|(_, block)| block).chain([&branch.default]).collect(),
            PlannedAction::Foreach(each) => vec![&each.block],
            PlannedAction::Parallel(blocks) => blocks.iter().collect(),
            PlannedAction::Waterfall(waterfall) => waterfall.providers.iter().map(|provider| &provider.block).collect(),
            PlannedAction::Http(_)
            | PlannedAction::Set(_)
            | PlannedAction::Poll(_)
            | PlannedAction::Wait(_)
            | PlannedAction::Call(_)
            | PlannedAction::Stop { .. } => Vec::new(),
        }
    }

    /// The kind's word, e.g. `http`.
    pub const fn kind(&self) -> &'static str {
        match self.action {
            PlannedAction::Http(_) => "http",
            PlannedAction::Set(_) => "set",
            PlannedAction::Branch(_) => "branch",
            PlannedAction::Foreach(_) => "foreach",
            PlannedAction::Parallel(_) => "parallel",
            PlannedAction::Waterfall(_) => "waterfall",
            PlannedAction::Poll(_) => "poll",
            PlannedAction::Wait(_) => "wait",
            PlannedAction::Call(_) => "call",
            PlannedAction::Stop { .. } => "stop",
        }
    }

    /// Is it made of steps within it, in the definition or only in a run?
    pub const fn is_made_of_steps(&self) -> bool {
        !matches!(self.action, PlannedAction::Http(_) | PlannedAction::Set(_) | PlannedAction::Wait(_) | PlannedAction::Stop { .. })
    }

    /// The credential slot it uses.
    pub fn slot(&self) -> Option<&str> {
        match &self.action {
            PlannedAction::Http(http) => http.slot.as_deref(),
            PlannedAction::Poll(poll) => poll.create.slot(),
            _ => None,
        }
    }
}

/// Every step of a list and of those within it, each before those it holds.
pub(crate) fn every(steps: &[PlannedStep]) -> Vec<&PlannedStep> {
    let mut found = Vec::new();
    for step in steps {
        found.push(step);
        for block in step.blocks() {
            found.extend(every(&block.steps));
        }
    }
    found
}
