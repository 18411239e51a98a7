//! What a plan shows of itself.

use serde_json::{Map, Value, json};

use super::plan::{Plan, PlannedAction, PlannedStep};
use crate::domain::definition::ValueType;

impl Plan {
    /// JSON Schema of what comes out; every member may also be null.
    pub fn output_schema(&self) -> Value {
        let mut properties = Map::new();
        for (name, output) in &self.definition.outputs {
            let schema = output.value_type.map_or_else(|| json!({}), |wanted| json!({"type": [schema_type(wanted), "null"]}));
            properties.insert(name.clone(), schema);
        }
        json!({"type": "object", "properties": properties})
    }

    /// The step of this name.
    pub fn step(&self, id: &str) -> Option<&PlannedStep> {
        self.steps.iter().find(|step| step.id == id)
    }
}

impl PlannedStep {
    /// The kind's word: `http`, `set` or `stop`.
    pub const fn kind(&self) -> &'static str {
        match self.action {
            PlannedAction::Http(_) => "http",
            PlannedAction::Set(_) => "set",
            PlannedAction::Stop { .. } => "stop",
        }
    }

    /// The credential slot it uses.
    pub fn slot(&self) -> Option<&str> {
        match &self.action {
            PlannedAction::Http(http) => http.slot.as_deref(),
            PlannedAction::Set(_) | PlannedAction::Stop { .. } => None,
        }
    }
}

const fn schema_type(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::String => "string",
        ValueType::Number => "number",
        ValueType::Integer => "integer",
        ValueType::Boolean => "boolean",
        ValueType::Object => "object",
        ValueType::Array => "array",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample;

    #[test]
    fn shows_effective_settings() {
        let plan = sample::plan(&sample::phone());
        assert_eq!(plan.output_schema(), json!({"type": "object", "properties": {"found": {"type": ["boolean", "null"]}}}));
        let step = plan.step("lookup").unwrap();
        assert_eq!((step.kind(), step.slot(), step.timeout.as_secs(), step.retry.attempts), ("http", Some("audience"), 10, 4));
    }
}
