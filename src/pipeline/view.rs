//! What a plan shows of itself.

use serde_json::{Map, Value, json};

use super::plan::Plan;
use super::steps::{self, PlannedStep};
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

    /// The step of this path.
    pub fn step(&self, path: &str) -> Option<&PlannedStep> {
        self.every_step().into_iter().find(|step| step.path == path)
    }

    /// Every step, those within others too, each before those it holds.
    pub fn every_step(&self) -> Vec<&PlannedStep> {
        steps::every(&self.steps)
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
