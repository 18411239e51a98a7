//! The filter `jsonpath`.

use std::cell::RefCell;

use tera::Value;

use super::Args;
use super::kept::Kept;
use crate::pipeline::engine::{charge, from_json, size, to_json};
use crate::pipeline::path::Path;

thread_local! {
    static PATHS: RefCell<Kept<Path>> = const { RefCell::new(Kept::new()) };
}

/// `jsonpath(path="$.items[0].id")`: the value where the path can find only one, else the list of all it finds.
pub(super) fn jsonpath(value: &Value, args: &Args<'_>) -> Result<Value, String> {
    let text = args.text(&["path"])?.ok_or("it needs a `path`")?;
    let document = to_json(value)?;
    let compiled = || Path::compile(text).map_err(|refusal| refusal.message);
    PATHS.with_borrow_mut(|kept| {
        kept.with(text, compiled, |path| {
            let found = path.find(&document)?;
            for value in &found {
                charge(size(value))?;
            }
            Ok(if path.is_singular() {
                found.first().map_or_else(Value::none, |only| from_json(only))
            } else {
                found.into_iter().map(from_json).collect::<Vec<_>>().into()
            })
        })
    })?
}
