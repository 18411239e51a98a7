//! Tries one template or path on given values, for the builder.

use serde_json::{Map, Value};

use super::compiler::Compiler;
use super::context::Context;
use super::error::Error;
use crate::domain::problem::{Problem, nearest};

/// What a template or path gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The result; `None` when it failed or came out null.
    pub value: Option<Value>,
    /// JSON type of the result: `string`, `number`, `boolean`, `array`, `object` or `null`; `None` when it failed.
    pub value_type: Option<&'static str>,
    /// Names it read, e.g. `steps.lookup.email`.
    pub variables: Vec<String>,
    /// Problems found.
    pub problems: Vec<Problem>,
}

/// Evaluates a text with `{{ }}` places on an object of names.
pub fn preview_template(text: &str, context: &Value) -> Preview {
    let mut compiler = Compiler::new();
    let expression = compiler.expression(text, "");
    let mut problems = compiler.finish();
    let empty = Map::new();
    let names = context.as_object().unwrap_or(&empty);
    let paths = expression.paths();
    let variables = paths.iter().map(|path| path.text.clone()).collect();
    for path in paths.iter().filter(|path| !names.contains_key(&path.root) && !names.is_empty()) {
        let problem = Problem::warning("unknown-variable", "", format!("there is no `{}`", path.root));
        problems.push(match nearest(&path.root, names.keys().map(String::as_str)) {
            Some(meant) => problem.suggest(format!("did you mean `{meant}`?")),
            None => problem,
        });
    }
    let refused = problems.iter().any(|problem| problem.severity == crate::domain::problem::Severity::Error);
    let result = if refused { None } else { Some(expression.value(&Context::of(names))) };
    finished(result, variables, problems)
}

/// Finds what a JSONPath gives on a value: the only match, or the list of several.
pub fn preview_path(path: &str, context: &Value) -> Preview {
    let mut compiler = Compiler::new();
    let query = compiler.path(path, "");
    let problems = compiler.finish();
    let result = problems.is_empty().then(|| {
        let found = query.find(context).map_err(|reason| Error::limit("", format!("`{path}`: {reason}")))?;
        Ok(match found.as_slice() {
            [] => Value::Null,
            [only] => (*only).clone(),
            many => Value::Array(many.iter().map(|value| (*value).clone()).collect()),
        })
    });
    finished(result, Vec::new(), problems)
}

fn finished(result: Option<Result<Value, Error>>, variables: Vec<String>, mut problems: Vec<Problem>) -> Preview {
    let value = match result {
        None => None,
        Some(Ok(value)) => Some(value),
        Some(Err(error)) => {
            problems.push(Problem::error("evaluation-failed", "", error.to_string()));
            None
        }
    };
    let value_type = value.as_ref().map(type_name);
    Preview { value: value.filter(|value| !value.is_null()), value_type, variables, problems }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn previews_templates() {
        let names = json!({"inputs": {"n": 1}});
        let preview = preview_template("{{ inputs.n + 1 }}", &names);
        assert_eq!((preview.value, preview.value_type, preview.variables), (Some(json!(2)), Some("number"), vec!["inputs.n".to_owned()]));
        assert_eq!(preview_template("{{ inputs.x }}", &names).value_type, Some("null"));
        let mistyped = preview_template("{{ input.n }}", &names);
        assert_eq!(mistyped.problems[0].suggestion.as_deref(), Some("did you mean `inputs`?"));
        let broken = preview_template("a {{ inputs.n inputs.n }}", &names);
        assert_eq!((broken.value, broken.problems[0].code), (None, "template-syntax"));
        let (start, end) = broken.problems[0].span.unwrap();
        assert!(start >= 4 && end <= 22 && start < end, "{start} {end}");
    }

    #[test]
    fn previews_paths() {
        let value = json!({"a": [1, 2]});
        assert_eq!(preview_path("$.a[*]", &value).value, Some(json!([1, 2])));
        assert_eq!(preview_path("$.a[0]", &value).value, Some(json!(1)));
        assert_eq!(preview_path("$.b", &value).value_type, Some("null"));
        assert_eq!(preview_path("a.b", &value).problems[0].code, "jsonpath-syntax");
    }
}
