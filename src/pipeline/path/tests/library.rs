//! Where the library goes through a document otherwise than RFC 9535 says, which is why only its parser is used.
//!
//! A case that fails here was mended there: it can leave this list and that of `docs/definition.md`.

use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::{Value, json};

use super::{found, refuses};

/// What the library finds.
fn by_library(path: &str, document: &Value) -> Value {
    let query = parse_json_path(path).unwrap();
    json!(js_path_process(&query, document).unwrap().into_iter().map(|found| found.val).collect::<Vec<_>>())
}

#[test]
fn the_library_walks_otherwise_than_the_rfc() {
    let check = |path: &str, document: Value, right: Value| {
        assert_eq!(found(path, &document), right, "{path}");
        assert_ne!(by_library(path, &document), right, "{path} is right in the library");
    };
    check("$[?@ == 2e-20]", json!([1e-20]), json!([]));
    check("$[?@.a == @.b].a", json!([{"a": [1], "b": [1.0]}]), json!([[1]]));
    check("$[?@.a == @.b].a", json!([{"a": 9_007_199_254_740_993_u64, "b": 9_007_199_254_740_992_u64}]), json!([]));
    check("$[?count(@.gone) == 0]", json!([1]), json!([1]));
    check("$..[0, 1]", json!([[1, 2], [3, 4]]), json!([[1, 2], [3, 4], 1, 2, 3, 4]));
    // Refused here, and wrong there: the first finds both, were it allowed.
    let nested = json!([[{"b": 1}], {"c": {"b": 2}}]);
    refuses(&[("$[?@[?@.b]]", "jsonpath-cost"), ("$[?length(@.*) == 1]", "jsonpath-syntax")]);
    assert_ne!(by_library("$[?@[?@.b]]", &nested), nested);
    assert_eq!(by_library("$[?length(@.*) == 1]", &json!([[5]])), json!([[5]]));
}

/// Forms the parser takes, or cuts into others, that are refused before it sees them.
#[test]
fn the_parser_takes_more_than_the_rfc() {
    for path in
        ["$.a b", "$.a ", "$[?@.a b == 1]", "$[?@. a == 1]", "$.a\u{a0}", "$[?@.a in ['x']]", "$[?any_of(@.a, @.b)]", "$[?@.a == 1e400]"]
    {
        assert!(super::Path::compile(path).is_err(), "{path}");
    }
    let taken = ["$.a b", "$.a ", "$[?@.a b == 1]", "$[?@. a == 1]", "$.a\u{a0}", "$[?any_of(@.a, @.b)]", "$[?@.a == 1e400]"];
    for path in taken {
        assert!(parse_json_path(path).is_ok(), "{path:?} is refused by the parser");
    }
}
