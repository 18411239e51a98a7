//! A definition ready to run: everything parsed, checked and bounded once.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::compiler::Compiler;
use super::context::Context;
use super::error::Error;
use super::extract::cast;
use super::interpolate::Tree;
use super::map::MappedValue;
use super::path::Path;
use super::redact::Redactor;
use super::schema::PlannedSchema;
use super::steps::{self, PlannedStep};
use crate::domain::contact::Contact;
use crate::domain::definition::{Definition, IsoDuration, Reading, ValueType, WritePolicy, read};
use crate::domain::problem::{Problem, Severity, pointer_join};

/// Problems reported of one document.
const MAX_PROBLEMS: usize = 200;

/// What became of a document.
#[derive(Clone)]
pub struct Compiled {
    /// The document as types, when its shape allows it.
    pub definition: Option<Definition>,
    /// What is wrong or doubtful, worst first, at most 200.
    pub problems: Vec<Problem>,
    /// Ready to run; there exactly when no problem is an error.
    pub plan: Option<Arc<Plan>>,
    /// Hash of the document's normal form.
    pub hash: String,
}

/// A definition ready to run.
pub struct Plan {
    /// The document it was made from.
    pub definition: Definition,
    /// Hash of the document's normal form.
    pub hash: String,
    /// The steps, in order.
    pub steps: Vec<PlannedStep>,
    inputs: PlannedSchema,
    config: PlannedSchema,
    outputs: Vec<PlannedOutput>,
    mapping: Vec<PlannedField>,
    redactor: Redactor,
}

struct PlannedOutput {
    name: String,
    pointer: String,
    value: Tree,
    value_type: Option<ValueType>,
}

struct PlannedField {
    to: String,
    from: Tree,
    policy: WritePolicy,
    confidence: Option<Tree>,
    ttl: Option<Duration>,
    step_path: Option<String>,
}

/// Parses, validates and compiles a document; reports every problem at once.
pub fn compile(source: &Value) -> Compiled {
    let hash = hash(source);
    let Reading { definition, mut problems } = read(source);
    let mut plan = None;
    if let Some(definition) = &definition {
        let mut compiler = Compiler::new();
        let parts = Parts::compile(&mut compiler, definition);
        let said: Vec<String> =
            problems.iter().filter(|problem| problem.severity == Severity::Error).map(|problem| problem.pointer.clone()).collect();
        // Where validation already found an error, a second one about the same text would say the same.
        problems.extend(compiler.finish().into_iter().filter(|problem| !said.contains(&problem.pointer)));
        if problems.iter().all(|problem| problem.severity != Severity::Error) {
            plan = Some(Arc::new(parts.into_plan(definition.clone(), hash.clone())));
        }
    }
    problems.sort_by_key(|problem| problem.severity);
    problems.truncate(MAX_PROBLEMS);
    Compiled { definition, problems, plan, hash }
}

/// Hash of a document's normal form: `sha256:` and 64 digits. The order of members does not count.
pub fn hash(source: &Value) -> String {
    let mut text = String::new();
    push_sorted(&mut text, source);
    format!("sha256:{:x}", Sha256::digest(text.as_bytes()))
}

fn push_sorted(text: &mut String, value: &Value) {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (place, (name, value)) in sorted.into_iter().enumerate() {
                text.push_str(if place > 0 { "," } else { "" });
                text.push_str(&Value::String(name.clone()).to_string());
                text.push(':');
                push_sorted(text, value);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                text.push_str(if place > 0 { "," } else { "" });
                push_sorted(text, item);
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

/// The compiled parts of a plan, not yet known to be free of errors.
struct Parts {
    steps: Vec<PlannedStep>,
    inputs: PlannedSchema,
    config: PlannedSchema,
    outputs: Vec<PlannedOutput>,
    mapping: Vec<PlannedField>,
    redactor: Redactor,
}

impl Parts {
    fn compile(compiler: &mut Compiler, definition: &Definition) -> Self {
        let inputs = PlannedSchema::compile(compiler, &definition.inputs, "/inputs");
        let config = PlannedSchema::compile(compiler, &definition.config, "/config");
        let steps = steps::compile(compiler, definition);
        let redact: Vec<Path> =
            definition.redact.iter().enumerate().map(|(place, path)| compiler.path(path, &format!("/redact/{place}"))).collect();
        compiler.enter(None);
        let outputs = definition.outputs.iter().map(|(name, output)| {
            let pointer = pointer_join("/outputs", name);
            let value = compiler.tree(&output.value, &pointer_join(&pointer, "value"));
            PlannedOutput { name: name.clone(), pointer, value, value_type: output.value_type }
        });
        let outputs = outputs.collect();
        Self { inputs, config, outputs, mapping: fields(compiler, definition, &steps), steps, redactor: Redactor::new(&[], &redact) }
    }

    fn into_plan(self, definition: Definition, hash: String) -> Plan {
        let Self { steps, inputs, config, outputs, mapping, redactor } = self;
        Plan { definition, hash, steps, inputs, config, outputs, mapping, redactor }
    }
}

fn fields(compiler: &mut Compiler, definition: &Definition, steps: &[PlannedStep]) -> Vec<PlannedField> {
    let known = steps::every(steps);
    let path_of = |id: String| known.iter().find(|step| step.id == id).map_or(id, |step| step.path.clone());
    let fields = definition.mapping.iter().flat_map(|mapping| &mapping.fields).enumerate();
    fields
        .map(|(place, field)| {
            let pointer = format!("/mapping/fields/{place}");
            let from = compiler.tree(&field.from, &pointer_join(&pointer, "from"));
            PlannedField {
                to: field.to.clone(),
                policy: field.policy,
                confidence: field.confidence.as_ref().map(|value| compiler.tree(value, &pointer_join(&pointer, "confidence"))),
                ttl: field.ttl.map(IsoDuration::get),
                step_path: from.first_step().map(path_of),
                from,
            }
        })
        .collect()
}

impl Plan {
    /// What a run is given, with bound contact fields and defaults filled in.
    ///
    /// # Errors
    /// Every problem as a JSON Pointer into the input and a sentence.
    pub fn resolve_input(&self, given: &Value, contact: Option<&Contact>) -> Result<Value, Vec<(String, String)>> {
        self.inputs.resolve(given, contact)
    }

    /// What was set at install, with defaults filled in.
    ///
    /// # Errors
    /// As [`Self::resolve_input`].
    pub fn resolve_config(&self, given: &Value) -> Result<Value, Vec<(String, String)>> {
        self.config.resolve(given, None)
    }

    /// What comes out of a run, as an object.
    ///
    /// # Errors
    /// When an expression fails, or a value does not fit the output's type.
    pub fn outputs(&self, context: &Context) -> Result<Value, Error> {
        let mut map = Map::with_capacity(self.outputs.len());
        for output in &self.outputs {
            let value = output.value.eval(context.scope())?;
            let value = match output.value_type {
                Some(wanted) => cast(value, wanted)
                    .map_err(|reason| Error::extraction(&output.pointer, format!("The output `{}`: {reason}", output.name)))?,
                None => value,
            };
            map.insert(output.name.clone(), value);
        }
        Ok(Value::Object(map))
    }

    /// What the mapping gives, one value for each of its fields in their order, before any policy.
    ///
    /// # Errors
    /// When an expression fails.
    pub fn mapped_values(&self, context: &Context) -> Result<Vec<MappedValue>, Error> {
        let scope = context.scope();
        let value = |field: &PlannedField| {
            Ok(MappedValue {
                to: field.to.clone(),
                value: field.from.eval(scope)?,
                policy: field.policy,
                confidence: field.confidence.as_ref().map(|tree| tree.eval(scope)).transpose()?.and_then(|value| confidence(&value)),
                ttl: field.ttl,
                step_path: field.step_path.clone(),
            })
        };
        self.mapping.iter().map(value).collect()
    }

    /// Masks what the definition says is never stored; secrets join it for the span of an attempt.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

/// A confidence from a number or the text of one, brought between 0 and 1.
fn confidence(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))?;
    (!number.is_nan()).then(|| number.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample;
    use super::*;

    #[test]
    fn plans_are_shared_between_threads() {
        fn check<T: Send + Sync>() {}
        check::<Plan>();
        check::<Context>();
    }

    #[test]
    fn hashes_do_not_depend_on_order() {
        let one: Value = serde_json::from_str(r#"{"a": 1, "b": [{"c": 1, "d": 2}]}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"b": [{"d": 2, "c": 1}], "a": 1}"#).unwrap();
        assert_eq!(hash(&one), hash(&other));
        assert_ne!(hash(&one), hash(&json!({"a": 1, "b": [{"c": 2, "d": 2}]})));
        assert_eq!(hash(&one).len(), 71);
    }

    #[test]
    fn every_problem_is_reported_at_once_with_its_place() {
        let mut source = sample::phone();
        source["steps"][0]["request"]["query"]["phone"] = json!("Call {{ inputs.phone | e16 }}");
        source["steps"][0]["extract"]["first"]["path"] = json!("$..a..b");
        source["steps"][0]["when"] = json!("{{ inputs.phone == }}");
        source["inputs"]["properties"]["phone"]["pattern"] = json!("(");
        source["outputs"]["found"]["value"] = json!("{{ getenv() }}");
        let compiled = compile(&source);
        assert!(compiled.plan.is_none() && compiled.definition.is_some());
        let found = |code: &str, pointer: &str| {
            let problem = compiled.problems.iter().find(|problem| problem.code == code && problem.pointer.starts_with(pointer));
            problem.unwrap_or_else(|| panic!("{code} {pointer}: {:#?}", compiled.problems))
        };
        let filter = found("unknown-filter", "/steps/0/request/query/phone");
        assert_eq!(
            (filter.span, filter.suggestion.as_deref(), filter.step_path.as_deref()),
            (Some((23, 26)), Some("did you mean `e164`?"), Some("lookup"))
        );
        assert_eq!(found("jsonpath-cost", "/steps/0/extract/first").span, Some((0, 7)));
        assert!(found("template-syntax", "/steps/0/when").span.is_some());
        found("schema-invalid", "/inputs");
        assert_eq!(found("unknown-function", "/outputs/found").step_path, None);
    }

    #[test]
    fn inp_1_timeouts_and_attempts_are_clamped() {
        let mut source = sample::phone();
        source["steps"][0]["timeout"] = json!("P365D");
        source["steps"][0]["retry"]["attempts"] = json!(1_000_000_000);
        let definition: Definition = serde_json::from_value(source).unwrap();
        let parts = Parts::compile(&mut Compiler::new(), &definition);
        assert_eq!((parts.steps[0].timeout, parts.steps[0].retry.attempts), (steps::LONGEST_TIMEOUT, 20));
    }

    #[test]
    fn outputs_and_mapping_come_from_the_steps() {
        let plan = sample::plan(&sample::phone());
        let mut context = sample::context(json!({"phone": "x"}));
        context.set_step("lookup", json!({"first": "Ann", "city": null, "score": "0.7"}));
        assert_eq!(plan.outputs(&context), Ok(json!({"found": true})));
        let values = plan.mapped_values(&context).unwrap();
        assert_eq!((values[0].value.clone(), values[0].step_path.as_deref()), (json!("Ann"), Some("lookup")));
        assert_eq!((values[1].confidence, values[1].ttl), (Some(0.7), Some(Duration::from_hours(180 * 24))));
    }
}
