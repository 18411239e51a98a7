//! A definition as boxes and lines.

use async_graphql::SimpleObject;

use crate::domain::definition::{Block, Definition, OnError, Step, StepAction};
use crate::domain::problem::{Problem, Severity};
use crate::graphql::scalar::int;

/// How far apart boxes are, from top to top.
const ROW: f64 = 120.0;

/// How far apart lists of steps within a step are, from left to left.
const COLUMN: f64 = 280.0;

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
    /// The box it is drawn in, by key; its place is counted from there.
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
        let mut drawing = Drawing { problems, graph: Self { nodes: vec![node("start", "start", "Start")], edges: Vec::new() } };
        let list = List { prefix: "", parent: None, column: 0, first_row: 1 };
        let left = drawing.steps(steps, &list, ("start".to_owned(), None));
        let mut graph = drawing.graph;
        graph.edges.extend(left.map(|(key, handle)| edge(&key, "end", handle.as_deref(), None)));
        let mut end = node("end", "end", "End");
        end.position.y = row(steps.len() + 1);
        graph.nodes.push(end);
        graph
    }
}

/// One list of steps to draw.
struct List<'a> {
    /// What the paths of its steps begin with.
    prefix: &'a str,
    /// Path of the step that holds it.
    parent: Option<&'a str>,
    /// Which of the lists of that step it is.
    column: u16,
    /// How many rows are left free above.
    first_row: usize,
}

/// The box and the handle that a line comes from.
type Before = (String, Option<String>);

struct Drawing<'a> {
    problems: &'a [Problem],
    graph: FlowGraph,
}

impl Drawing<'_> {
    /// Draws a list of steps; gives where the line to what follows comes from, unless nothing can follow.
    fn steps(&mut self, steps: &[Step], list: &List<'_>, before: Before) -> Option<Before> {
        let mut before = before;
        let path_of = |step: &Step| if list.prefix.is_empty() { step.id.clone() } else { format!("{}/{}", list.prefix, step.id) };
        for (place, step) in steps.iter().enumerate() {
            let path = path_of(step);
            self.step(step, &path, list, place);
            self.graph.edges.push(edge(&before.0, &path, before.1.take().as_deref(), None));
            let following = steps.get(place + 1).map(path_of).or_else(|| list.parent.is_none().then(|| "end".to_owned()));
            match (step.on_error, following) {
                (OnError::Continue, Some(following)) => self.graph.edges.push(edge(&path, &following, Some("failure"), None)),
                (OnError::Stop, _) => self.graph.edges.push(edge(&path, "end", Some("failure"), None)),
                (OnError::Fail, _) | (OnError::Continue, None) => {}
            }
            before = match &step.action {
                StepAction::Stop(stop) => {
                    self.graph.edges.push(edge(&path, "end", Some("stop"), Some(&stop.result)));
                    (path, Some("skipped".to_owned()))
                }
                _ => (path, Some("success".to_owned())),
            };
        }
        // A stop that always runs has nothing after it.
        let ends = steps.last().is_some_and(|step| matches!(step.action, StepAction::Stop(_)) && step.when.is_none());
        (!ends).then_some(before)
    }

    fn step(&mut self, step: &Step, path: &str, list: &List<'_>, place: usize) {
        let is_here = |problem: &&Problem| problem.severity == Severity::Error && problem.step_path.as_deref() == Some(path);
        let mut drawn = node(path, step.action.kind(), step.title.as_ref().unwrap_or(&step.id));
        drawn.parent_key = list.parent.map(str::to_owned);
        drawn.position = FlowPosition { x: f64::from(list.column) * COLUMN, y: row(place + list.first_row) };
        drawn.error_count = int(self.problems.iter().filter(is_here).count());
        drawn.source_handles = handles(step);
        self.graph.nodes.push(drawn);
        for (column, block) in (0..).zip(step.blocks()) {
            let prefix = block.prefix(path);
            let entry = (path.to_owned(), Some(entry(&block)));
            let label = block.label.to_owned();
            let drawn_before = self.graph.edges.len();
            self.steps(block.steps, &List { prefix: &prefix, parent: Some(path), column, first_row: 1 }, entry);
            if let Some(first) =
                self.graph.edges.get_mut(drawn_before..).and_then(|edges| edges.iter_mut().find(|edge| edge.source == path))
            {
                first.label = Some(label);
            }
        }
    }
}

/// The handle from which the line to the first step of a list comes.
fn entry(block: &Block<'_>) -> String {
    if block.segment.is_empty() { "each".to_owned() } else { block.segment.clone() }
}

fn handles(step: &Step) -> Vec<String> {
    let mut names: Vec<String> = step.blocks().iter().map(entry).collect();
    match step.action {
        StepAction::Stop(_) => names.extend(["stop".to_owned(), "skipped".to_owned()]),
        _ => names.push("success".to_owned()),
    }
    if step.on_error != OnError::Fail {
        names.push("failure".to_owned());
    }
    names
}

fn row(number: usize) -> f64 {
    f64::from(u16::try_from(number).unwrap_or(u16::MAX)) * ROW
}

fn node(key: &str, kind: &str, label: &str) -> FlowNode {
    let source_handles = if kind == "start" { vec!["success".to_owned()] } else { Vec::new() };
    FlowNode {
        key: key.to_owned(),
        parent_key: None,
        kind: kind.to_owned(),
        label: label.to_owned(),
        position: FlowPosition { x: 0.0, y: 0.0 },
        source_handles,
        error_count: 0,
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
