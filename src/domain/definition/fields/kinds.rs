//! The kinds of steps, and what a builder shows of each.

use serde_json::Value;

use super::schema::settings_schema;
use super::table::{
    BRANCH_STEP, CALL_STEP, FOREACH_STEP, HTTP_STEP, PARALLEL_STEP, POLL_STEP, SET_STEP, STOP_STEP, WAIT_STEP, WATERFALL_STEP,
};
use super::{Object, Shape};

/// What a builder needs to know of a step kind.
#[derive(Debug, Clone, PartialEq)]
pub struct StepKindInfo {
    /// The word in `kind`.
    pub key: &'static str,
    /// Name to show.
    pub name: &'static str,
    /// What it does, in Markdown.
    pub description: &'static str,
    /// Group in the palette.
    pub group: &'static str,
    /// Name of an icon.
    pub icon: &'static str,
    /// JSON Schema of the fields only this kind has.
    pub settings_schema: Value,
    /// Settings to start from.
    pub defaults: Value,
    /// Handles edges may start from.
    pub source_handles: Vec<&'static str>,
    /// Can it hold other steps?
    pub container: bool,
    /// Does it use a credential?
    pub uses_credential: bool,
}

pub(in crate::domain::definition) struct StepKind {
    pub(in crate::domain::definition) key: &'static str,
    pub(in crate::domain::definition) object: &'static Object,
    name: &'static str,
    description: &'static str,
    group: &'static str,
    icon: &'static str,
    defaults: &'static str,
    source_handles: &'static [&'static str],
}

pub(in crate::domain::definition) static STEP_KINDS: &[StepKind] = &[
    StepKind {
        key: "http",
        object: &HTTP_STEP,
        name: "Call an API",
        description: "Sends one HTTP request, tries again when that may help, and takes values from the answer by JSONPath.",
        group: "API",
        icon: "globe",
        defaults: r#"{"request": {"method": "GET", "path": "/"}, "extract": {}}"#,
        source_handles: &["success", "failure"],
    },
    StepKind {
        key: "poll",
        object: &POLL_STEP,
        name: "Run a job",
        description: "Starts a job at the API and asks for it until it is done, without holding a worker meanwhile.",
        group: "API",
        icon: "loader",
        defaults: r#"{"create": {"method": "POST", "path": "/jobs"}, "status": {"path": "/jobs/{{ steps.job.created.id }}", "state": "$.state", "states": {"done": ["done"], "failed": ["failed"]}}, "every": "PT5S", "extract": {}}"#,
        source_handles: &["success", "failure"],
    },
    StepKind {
        key: "call",
        object: &CALL_STEP,
        name: "Call a connector",
        description: "Runs another connector of the workspace, as it is published, and goes on with what comes out of it.",
        group: "Flow",
        icon: "puzzle",
        defaults: r#"{"connector": "", "inputs": {}}"#,
        source_handles: &["success", "failure"],
    },
    StepKind {
        key: "set",
        object: &SET_STEP,
        name: "Compute values",
        description: "Gives names to values computed from inputs and from the results of earlier steps.",
        group: "Data",
        icon: "variable",
        defaults: r#"{"values": {}}"#,
        source_handles: &["success", "failure"],
    },
    StepKind {
        key: "branch",
        object: &BRANCH_STEP,
        name: "Choose",
        description: "Looks at conditions in order and runs the steps of the first that holds.",
        group: "Flow",
        icon: "split",
        defaults: r#"{"cases": [{"when": "{{ true }}", "do": []}], "default": []}"#,
        source_handles: &["success", "failure"],
    },
    StepKind {
        key: "foreach",
        object: &FOREACH_STEP,
        name: "For each",
        description: "Runs its steps once for each item of a list, several at a time if asked to.",
        group: "Flow",
        icon: "repeat",
        defaults: r#"{"items": "{{ [] }}", "as": "item", "concurrency": 1, "do": []}"#,
        source_handles: &["success", "failure"],
    },
    StepKind {
        key: "parallel",
        object: &PARALLEL_STEP,
        name: "Side by side",
        description: "Runs several lists of steps at the same time and goes on when all have ended.",
        group: "Flow",
        icon: "columns",
        defaults: r#"{"branches": {}}"#,
        source_handles: &["success", "failure"],
    },
    StepKind {
        key: "waterfall",
        object: &WATERFALL_STEP,
        name: "Waterfall",
        description: "Asks providers one after another, within a budget, until the result of one is good enough.",
        group: "Flow",
        icon: "list-ordered",
        defaults: r#"{"providers": []}"#,
        source_handles: &["success", "failure"],
    },
    StepKind {
        key: "wait",
        object: &WAIT_STEP,
        name: "Wait",
        description: "Lets time pass, for a while or until an instant, without holding a worker.",
        group: "Flow",
        icon: "clock",
        defaults: r#"{"for": "PT1M"}"#,
        source_handles: &["success", "failure"],
    },
    StepKind {
        key: "stop",
        object: &STOP_STEP,
        name: "Stop",
        description: "Ends the run as succeeded, with a word as its result. With a condition, an early way out.",
        group: "Flow",
        icon: "octagon",
        defaults: r#"{"result": "done"}"#,
        source_handles: &[],
    },
];

/// The kinds this server runs, in the order of a palette.
pub fn step_kinds() -> Vec<StepKindInfo> {
    let info = |kind: &StepKind| StepKindInfo {
        key: kind.key,
        name: kind.name,
        description: kind.description,
        group: kind.group,
        icon: kind.icon,
        settings_schema: settings_schema(kind.object),
        defaults: serde_json::from_str(kind.defaults).unwrap_or_default(),
        source_handles: kind.source_handles.to_vec(),
        container: kind.object.fields.iter().any(|field| holds_steps(field.shape)),
        uses_credential: kind.object.find("auth").is_some(),
    };
    STEP_KINDS.iter().map(info).collect()
}

/// Are there steps in a field of this shape?
fn holds_steps(shape: Shape) -> bool {
    match shape {
        Shape::Step => true,
        Shape::List { of, .. } | Shape::Map { of, .. } => holds_steps(*of),
        Shape::Object(object) => object.fields.iter().any(|field| holds_steps(field.shape)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_tells_its_settings_and_where_they_start() {
        let kinds = step_kinds();
        assert_eq!(
            kinds.iter().map(|kind| kind.key).collect::<Vec<_>>(),
            ["http", "poll", "call", "set", "branch", "foreach", "parallel", "waterfall", "wait", "stop"]
        );
        for kind in &kinds {
            let properties = kind.settings_schema["properties"].as_object().unwrap();
            assert!(
                !properties.contains_key("id") && !properties.contains_key("retry"),
                "{}: fields of every step are not settings",
                kind.key
            );
            for (name, _) in kind.defaults.as_object().unwrap() {
                assert!(properties.contains_key(name), "{} {name}", kind.key);
            }
        }
        let holds = ["branch", "foreach", "parallel", "waterfall"];
        assert!(
            kinds
                .iter()
                .all(|kind| kind.uses_credential == matches!(kind.key, "http" | "poll") && kind.container == holds.contains(&kind.key))
        );
        assert_eq!(kinds[0].settings_schema["required"], serde_json::json!(["request"]));
        assert!(kinds[0].settings_schema["$defs"]["request"].is_object() && kinds[0].settings_schema["$defs"]["meta"].is_null());
    }
}
