//! The template engine, fenced in: only listed filters, no output but one captured value, a bound on memory.
//!
//! Expressions reach it rewritten by [`super::scan`], so that it only ever holds the few values an expression names.

use std::cell::RefCell;
use std::sync::LazyLock;

use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};
use tera::value::{Key, ValueKind};
use tera::{Kwargs, State, Tera, TeraResult};

use super::filters;

/// Bytes an expression may take in, make on the way and give out, together.
pub(crate) const BUDGET: usize = 4 * 1024 * 1024;

/// Leads the messages that were written here and are known to hold no value.
const OWN: &str = "\u{1}";

/// Beginnings of the engine's messages that name types and fields, but no value.
const SPEAKING: [&str; 6] = ["Math operations", "Cannot compare", "Cannot divide by 0", "`+` requires", "Cannot index", "Unknown"];

/// What one evaluation has used and found.
#[derive(Default)]
struct Evaluation {
    left: usize,
    seed: String,
    drawn: u32,
    captured: Option<tera::Value>,
}

thread_local! {
    static EVALUATION: RefCell<Evaluation> = RefCell::default();
}

/// An engine with the listed filters and no templates; plans start from a copy.
static BASE: LazyLock<Tera> = LazyLock::new(|| {
    let mut tera = Tera::new();
    tera.autoescape_on(Vec::<String>::new());
    filters::register(&mut tera);
    tera.register_filter("__capture", |value: tera::Value, _: Kwargs, _: &State<'_>| {
        EVALUATION.with_borrow_mut(|evaluation| evaluation.captured = Some(value));
        ""
    });
    tera.register_function("uuid", |_: Kwargs, _: &State<'_>| draw_uuid());
    for name in ["range", "throw"] {
        tera.register_function(name, move |_: Kwargs, _: &State<'_>| -> TeraResult<bool> {
            Err(own(&format!("there is no function `{name}`")))
        });
    }
    tera
});

/// A fresh engine.
pub(crate) fn new() -> Tera {
    BASE.clone()
}

/// The text that makes the engine evaluate an expression and keep its value.
pub(crate) fn wrap(expression: &str) -> String {
    format!("{{{{ ({expression}) | __capture }}}}")
}

/// Bytes before the expression in [`wrap`].
pub(crate) const LEAD: usize = 4;

/// Evaluates a template made by [`wrap`].
///
/// # Errors
/// A part of a sentence that holds no value.
pub(crate) fn evaluate(tera: &Tera, template: &str, names: &tera::Context, seed: &str) -> Result<Value, String> {
    EVALUATION.with_borrow_mut(|evaluation| {
        evaluation.left = BUDGET;
        evaluation.drawn = 0;
        evaluation.captured = None;
        evaluation.seed.clear();
        evaluation.seed.push_str(seed);
    });
    let rendered = tera.render_to(template, names, std::io::sink());
    let captured = EVALUATION.with_borrow_mut(|evaluation| evaluation.captured.take());
    rendered.map_err(|error| reason(&error))?;
    captured.map_or(Ok(Value::Null), |value| to_json(&value))
}

/// An error whose text may be shown.
pub(crate) fn own(message: &str) -> tera::Error {
    tera::Error::message(format!("{OWN}{message}"))
}

/// What an error says, without what may hold a value.
pub(crate) fn reason(error: &tera::Error) -> String {
    let text = match error.kind() {
        tera::ErrorKind::SyntaxError(report) | tera::ErrorKind::RenderingError(report) => report.message().to_owned(),
        other => other.to_string(),
    };
    if let Some((_, own)) = text.split_once(OWN) {
        return own.to_owned();
    }
    let speaking = matches!(error.kind(), tera::ErrorKind::SyntaxError(_)) || SPEAKING.iter().any(|start| text.starts_with(start));
    if speaking { text.trim_end_matches('.').to_owned() } else { "the values do not fit the operation".to_owned() }
}

/// Takes from the evaluation's budget.
pub(crate) fn charge(bytes: usize) -> Result<(), String> {
    EVALUATION.with_borrow_mut(|evaluation| match evaluation.left.checked_sub(bytes) {
        Some(left) => {
            evaluation.left = left;
            Ok(())
        }
        None => Err(format!("it takes more than {} MiB", BUDGET / (1024 * 1024))),
    })
}

/// The same run draws the same identifiers again, so that a step repeated after a crash sends what it sent before.
fn draw_uuid() -> String {
    let (seed, drawn) = EVALUATION.with_borrow_mut(|evaluation| {
        evaluation.drawn += 1;
        (evaluation.seed.clone(), evaluation.drawn)
    });
    let hash = Sha256::new().chain_update(seed.as_bytes()).chain_update(drawn.to_be_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(byte, random)| *byte = random);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// A value for the engine.
pub(crate) fn from_json(value: &Value) -> tera::Value {
    match value {
        Value::Null => tera::Value::none(),
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            (None, None) => number.as_f64().unwrap_or_default().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(from_json).collect::<Vec<_>>().into(),
        Value::Object(members) => {
            let members: tera::Map = members.iter().map(|(name, value)| (Key::String(name.as_str().into()), from_json(value))).collect();
            members.into()
        }
    }
}

/// A value from the engine, charged to the budget.
///
/// # Errors
/// When the budget is used up, or a number is not finite.
pub(crate) fn to_json(value: &tera::Value) -> Result<Value, String> {
    charge(16)?;
    if let Some(text) = value.as_str() {
        charge(text.len())?;
        return Ok(Value::String(text.to_owned()));
    }
    if let Some(items) = value.as_array() {
        return items.iter().map(to_json).collect::<Result<_, _>>().map(Value::Array);
    }
    if let Some(members) = value.as_map() {
        let mut map = Map::with_capacity(members.len());
        for (name, value) in members {
            map.insert(name.as_str().map_or_else(|| name.to_string(), str::to_owned), to_json(value)?);
        }
        return Ok(Value::Object(map));
    }
    Ok(match value.kind() {
        ValueKind::Bool => Value::Bool(value.as_bool().unwrap_or_default()),
        ValueKind::U64 | ValueKind::I64 | ValueKind::U128 | ValueKind::I128 | ValueKind::F64 => Value::Number(number(value)?),
        _ => Value::Null,
    })
}

fn number(value: &tera::Value) -> Result<Number, String> {
    if value.kind() != ValueKind::F64 {
        if let Some(number) = value.as_i64() {
            return Ok(number.into());
        }
        if let Some(number) = value.as_u64() {
            return Ok(number.into());
        }
    }
    value.as_f64().and_then(Number::from_f64).ok_or_else(|| "the number is not finite".to_owned())
}

/// About how many bytes a value takes.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => 16 + text.len(),
        Value::Array(items) => items.iter().fold(16, |sum, item| sum + size(item)),
        Value::Object(members) => members.iter().fold(16, |sum, (name, value)| sum + name.len() + size(value)),
        _ => 16,
    }
}
