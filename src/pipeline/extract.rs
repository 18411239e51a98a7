//! Values of an answer: what a path finds, which of it is taken, and as what type.

use serde_json::Value;

use super::error::Error;
use super::interpolate::to_text;
use super::path::Path;
use crate::domain::contact::json_type;
use crate::domain::definition::{Take, ValueType};

/// One value to take from an answer.
pub(crate) struct Extractor {
    pub(crate) name: String,
    pub(crate) pointer: String,
    pub(crate) path: Path,
    pub(crate) take: Take,
    pub(crate) required: bool,
    pub(crate) default: Option<Value>,
    pub(crate) value_type: Option<ValueType>,
}

impl Extractor {
    /// The value; null when nothing is there, it is not required and has no default.
    pub(crate) fn take(&self, body: &Value) -> Result<Value, Error> {
        let refuse = |reason: &str| Error::extraction(&self.pointer, format!("`{}` (`{}`): {reason}", self.name, self.path.text()));
        let found = self.path.find(body).map_err(&refuse)?;
        if self.take == Take::One && found.len() > 1 {
            return Err(refuse(&format!("{} values where one was expected", found.len())).hint("`take: first` accepts several"));
        }
        let value = match self.take {
            Take::All => Value::Array(found.into_iter().cloned().collect()),
            Take::One | Take::First => found.first().copied().cloned().unwrap_or(Value::Null),
        };
        let nothing = value.is_null() || (self.take == Take::All && value.as_array().is_some_and(Vec::is_empty));
        if !nothing {
            return match (self.value_type, self.take) {
                (Some(value_type), _) => cast(value, value_type).map_err(|reason| refuse(&reason)),
                (None, _) => Ok(value),
            };
        }
        match &self.default {
            Some(default) => Ok(default.clone()),
            None if self.required => Err(refuse("nothing is there, and it is required")
                .hint("See the step's answer, and whether the service still gives this value")),
            None => Ok(value),
        }
    }

    /// What an answer without content gives.
    pub(crate) fn nothing(&self) -> Value {
        self.default.clone().unwrap_or(Value::Null)
    }
}

/// Turns a value into a type; null stays null.
pub(crate) fn cast(value: Value, wanted: ValueType) -> Result<Value, String> {
    let name = match wanted {
        ValueType::String => "text",
        ValueType::Number => "number",
        ValueType::Integer => "whole number",
        ValueType::Boolean => "boolean",
        ValueType::Object => "object",
        ValueType::Array => "list",
    };
    let given = json_type(&value);
    let turned = match (wanted, value) {
        (_, Value::Null) => Some(Value::Null),
        (ValueType::String, value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => Some(Value::String(to_text(&value))),
        (ValueType::Number, Value::String(text)) => number(&text),
        (ValueType::Integer, Value::String(text)) => number(&text).and_then(|value| whole(&value)),
        (ValueType::Number, value @ Value::Number(_))
        | (ValueType::Boolean, value @ Value::Bool(_))
        | (ValueType::Object, value @ Value::Object(_))
        | (ValueType::Array, value @ Value::Array(_)) => Some(value),
        (ValueType::Integer, value @ Value::Number(_)) => whole(&value),
        (ValueType::Boolean, Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        (ValueType::Boolean, Value::Number(number)) => match number.as_i64() {
            Some(0) => Some(Value::Bool(false)),
            Some(1) => Some(Value::Bool(true)),
            _ => None,
        },
        (ValueType::Array, value) => Some(Value::Array(vec![value])),
        _ => None,
    };
    turned.ok_or_else(|| format!("{given} cannot be made a {name}"))
}

fn number(text: &str) -> Option<Value> {
    let text = text.trim();
    text.parse::<i64>().map(Value::from).ok().or_else(|| text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number))
}

/// A number without fraction.
fn whole(value: &Value) -> Option<Value> {
    if value.is_i64() || value.is_u64() {
        return Some(value.clone());
    }
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9.0e15)?;
    format!("{number:.0}").parse::<i64>().ok().map(Value::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn extractor(path: &str, take: Take) -> Extractor {
        Extractor {
            name: "x".into(),
            pointer: "/p".into(),
            path: Path::compile(path).unwrap(),
            take,
            required: false,
            default: None,
            value_type: None,
        }
    }

    #[test]
    fn takes_values() {
        let body = json!({"people": [{"name": "Ann", "age": "41", "tags": [1, 2]}, {"name": "Bob"}], "none": null, "a b": {"c'd": 1}});
        let check = |path: &str, take: Take, expected: Value| assert_eq!(extractor(path, take).take(&body).unwrap(), expected, "{path}");
        check("$.people[0].name", Take::First, json!("Ann"));
        check("$.people[-1].name", Take::First, json!("Bob"));
        check("$['a b']['c\\'d']", Take::First, json!(1));
        check("$.people[*].name", Take::All, json!(["Ann", "Bob"]));
        check("$.people[?@.name == 'Bob'].name", Take::One, json!("Bob"));
        check("$..tags[*]", Take::All, json!([1, 2]));
        check("$.people[?match(@.name, 'A.*')].age", Take::First, json!("41"));
        check("$.nobody", Take::First, Value::Null);
        check("$.nobody", Take::All, json!([]));
        check("$", Take::First, body.clone());
        assert!(extractor("$.people[*].name", Take::One).take(&body).is_err());
        let required = Extractor { required: true, ..extractor("$.none", Take::First) };
        assert!(required.take(&body).unwrap_err().to_string().contains("`x` (`$.none`)"));
        let default = Extractor { default: Some(json!(7)), required: true, ..extractor("$.none", Take::First) };
        assert_eq!(default.take(&body), Ok(json!(7)));
        let typed = Extractor { value_type: Some(ValueType::Integer), ..extractor("$.people[0].age", Take::First) };
        assert_eq!(typed.take(&body), Ok(json!(41)));
    }

    #[test]
    fn casts() {
        let check = |value: Value, wanted: ValueType, expected: Option<Value>| {
            assert_eq!(cast(value.clone(), wanted).ok(), expected, "{value} {wanted:?}");
        };
        check(json!(1), ValueType::String, Some(json!("1")));
        check(json!({}), ValueType::String, None);
        check(json!("1.5"), ValueType::Number, Some(json!(1.5)));
        check(json!("x"), ValueType::Number, None);
        check(json!(2.0), ValueType::Integer, Some(json!(2)));
        check(json!(2.5), ValueType::Integer, None);
        check(json!("Yes"), ValueType::Boolean, Some(json!(true)));
        check(json!(0), ValueType::Boolean, Some(json!(false)));
        check(json!("a"), ValueType::Array, Some(json!(["a"])));
        check(json!([]), ValueType::Object, None);
        check(Value::Null, ValueType::Number, Some(Value::Null));
    }
}
