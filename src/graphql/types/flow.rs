//! A definition as boxes and lines.

use async_graphql::SimpleObject;

use crate::domain::definition::{Definition, OnError, Step, StepAction};
use crate::domain::problem::{Problem, Severity};
use crate::graphql::scalar::int;

/// How far apart boxes are, from top to top.
const ROW: f64 = 120.0;

/// A definition as boxes and lines, with the names flow canvases use.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct FlowGraph {
    /// A box for each step, and one each for start and end.
    nodes: Vec<FlowNode>,
    /// Which box follows which.
    edges: Vec<FlowEdge>,
}

/// One box.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct FlowNode {
    /// The step's path, or `start` or `end`.
    key: String,
    /// The box it is drawn in, by key.
    parent_key: Option<String>,
    /// The kind of step, or `start` or `end`.
    #[graphql(name = "type")]
    kind: String,
    /// The name people see.
    label: String,
    /// Where it is drawn.
    position: FlowPosition,
    /// The handles lines may leave from, e.g. `success` and `failure`.
    source_handles: Vec<String>,
    /// The number of problems of severity ERROR in the step.
    error_count: i32,
}

/// A point on the canvas.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct FlowPosition {
    /// How far to the right.
    x: f64,
    /// How far down.
    y: f64,
}

/// One line.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct FlowEdge {
    /// Its name, unique in the graph.
    key: String,
    /// The box it comes from.
    source: String,
    /// The box it goes to.
    target: String,
    /// The handle it comes from.
    source_handle: Option<String>,
    /// What is written on it.
    label: Option<String>,
}

impl FlowGraph {
    /// The picture of a definition; start and end alone when it cannot be read.
    pub(crate) fn new(definition: Option<&Definition>, problems: &[Problem]) -> Self {
        let steps = definition.map(|known| known.steps.as_slice()).unwrap_or_default();
        let mut nodes = vec![node("start", "start", "Start", (0, 0))];
        let mut edges = Vec::new();
        let mut before = ("start".to_owned(), None);
        for (place, step) in (1..).zip(steps) {
            let errors =
                problems.iter().filter(|problem| problem.severity == Severity::Error && problem.step_path.as_ref() == Some(&step.id));
            let mut drawn = node(&step.id, step.action.kind(), step.title.as_ref().unwrap_or(&step.id), (place, errors.count()));
            drawn.source_handles = handles(step);
            nodes.push(drawn);
            edges.push(edge(&before.0, &step.id, before.1.take(), None));
            let following = steps.get(usize::from(place)).map_or("end", |next| next.id.as_str());
            match step.on_error {
                OnError::Fail => {}
                OnError::Continue => edges.push(edge(&step.id, following, Some("failure"), None)),
                OnError::Stop => edges.push(edge(&step.id, "end", Some("failure"), None)),
            }
            match &step.action {
                StepAction::Stop(stop) => {
                    edges.push(edge(&step.id, "end", Some("stop"), Some(&stop.result)));
                    before = (step.id.clone(), Some("skipped"));
                }
                StepAction::Http(_) | StepAction::Set(_) => before = (step.id.clone(), Some("success")),
            }
        }
        // A stop that always runs has nothing after it.
        if !steps.last().is_some_and(|step| matches!(step.action, StepAction::Stop(_)) && step.when.is_none()) {
            edges.push(edge(&before.0, "end", before.1, None));
        }
        nodes.push(node("end", "end", "End", (u16::try_from(steps.len() + 1).unwrap_or(u16::MAX), 0)));
        Self { nodes, edges }
    }
}

fn handles(step: &Step) -> Vec<String> {
    let mut names = match step.action {
        StepAction::Stop(_) => vec!["stop".to_owned(), "skipped".to_owned()],
        StepAction::Http(_) | StepAction::Set(_) => vec!["success".to_owned()],
    };
    if step.on_error != OnError::Fail {
        names.push("failure".to_owned());
    }
    names
}

fn node(key: &str, kind: &str, label: &str, (row, errors): (u16, usize)) -> FlowNode {
    let source_handles = if kind == "start" { vec!["success".to_owned()] } else { Vec::new() };
    FlowNode {
        key: key.to_owned(),
        parent_key: None,
        kind: kind.to_owned(),
        label: label.to_owned(),
        position: FlowPosition { x: 0.0, y: f64::from(row) * ROW },
        source_handles,
        error_count: int(errors),
    }
}

fn edge(source: &str, target: &str, handle: Option<&str>, label: Option<&str>) -> FlowEdge {
    FlowEdge {
        key: format!("{source}:{}:{target}", handle.unwrap_or("success")),
        source: source.to_owned(),
        target: target.to_owned(),
        source_handle: handle.map(str::to_owned),
        label: label.map(str::to_owned),
    }
}
