//! What a path may cost, counted in visits.

use serde_json::{Value, json};

use super::super::walk::{Exhausted, Walk};
use super::{MAX_VISITS, Path, refuses, visits};

/// Lists in lists.
fn deep(levels: usize) -> Value {
    (0..levels).fold(json!([1, 2, 3, 4]), |inner, _| json!([inner, 1, {"a": 2}]))
}

fn records(count: usize) -> Value {
    Value::Array((0..count).map(|place| json!({"a": place, "b": "x".repeat(20), "c": [1, 2]})).collect())
}

fn nodes(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().fold(1, |sum, item| sum + nodes(item)),
        Value::Object(members) => members.values().fold(1, |sum, value| sum + nodes(value)),
        _ => 1,
    }
}

#[test]
fn jsp_1_jsp_2_jsp_3_refuses_paths_that_multiply() {
    refuses(&[
        ("$..*..*..*..*", "jsonpath-cost"),
        ("$..a[?@..b]", "jsonpath-cost"),
        ("$[?@..a]..b", "jsonpath-cost"),
        ("$[?@.a[?@.b > 1]]", "jsonpath-cost"),
        ("$[?count(@[?@ > 1]) > 1]", "jsonpath-cost"),
        ("$[?count($[*]) > 1]", "jsonpath-cost"),
        ("$[?$..a]", "jsonpath-cost"),
        ("$[?$.*]", "jsonpath-cost"),
        ("$[*,*][*,*][*,*][*,*][*,*]", "jsonpath-cost"),
        ("$[?match(@.a, '(a{100}){100}')]", "jsonpath-cost"),
        ("$[?match(@.a, @.b)]", "jsonpath-cost"),
        ("$[?search(@.a, $.b)]", "jsonpath-cost"),
    ]);
    let long = [
        format!("$[?{}@.a{} > 1]", "length(".repeat(9), ")".repeat(9)),
        format!("$[?{}@.a{}]", "(".repeat(5), ")".repeat(5)),
        format!("${}", "[0]".repeat(33)),
        format!("${}", ".a".repeat(33)),
        format!("$.{}", "a".repeat(600)),
        format!("$[?match(@.a, '{}')]", "a".repeat(65)),
        format!("$[{}]", ["0"; 17].join(",")),
    ];
    refuses(&long.iter().map(|path| (path.as_str(), "jsonpath-cost")).collect::<Vec<_>>());
}

/// The dearest paths that are taken cost a fixed number of visits for each value of the document.
#[test]
fn jsp_1_jsp_2_visits_grow_as_the_document_does() {
    let stars = format!("$..[{}]", ["*"; 16].join(","));
    let filters = format!("$..[{}]", ["?@.a==1"; 8].join(","));
    for path in
        [stars.as_str(), filters.as_str(), "$..[?@.a > 1 && @.c[0] == 1 || !@.b]", "$[?count(@.*) > 2]", "$[?@..a]", "$..[?@.a == $[0].a]"]
    {
        for document in [deep(100), deep(50), records(1_000), records(2_000)] {
            let (visits, nodes) = (visits(path, &document), nodes(&document));
            assert!(visits <= 60 * nodes, "{path}: {visits} visits of {nodes} values");
        }
    }
    let (once, twice) = (visits(&stars, &records(1_000)), visits(&stars, &records(2_000)));
    assert!(twice <= 2 * once, "{once} {twice}");
}

#[test]
fn jsp_1_a_walk_ends_with_its_visits() {
    let document = records(100);
    for path in ["$..a", "$[*].b", "$[::2]", "$[?@.a == 3]", "$[?@ == $[99]]", "$..[?length(@.b) == 20]", "$[?search(@.b, 'y')]", "$[3].a"]
    {
        let needed = visits(path, &document);
        let query = Path::compile(path).unwrap().query;
        let walk = |visits: usize| Walk::new(&document, visits).nodes(&query, &document).map(|found| found.len());
        assert!(walk(needed).is_ok(), "{path}");
        assert_eq!(walk(needed - 1), Err(Exhausted), "{path}");
        assert_eq!(walk(0), Err(Exhausted), "{path}");
    }
}

#[test]
fn jsp_1_large_documents_are_searched_up_to_the_budget() {
    let wide = Value::Array(vec![json!({"a": 1}); MAX_VISITS / 2]);
    assert!(Path::compile("$..a").unwrap().find(&wide).is_err());
    assert_eq!(Path::compile("$[-1].a").unwrap().find(&wide).unwrap(), [&json!(1)]);
}

#[test]
fn jsp_2_a_filter_sees_ten_thousand_elements_once() {
    let document = records(10_000);
    let visits = visits("$[?@.a >= 9999].b", &document);
    assert!(visits <= 10 * 10_000, "{visits}");
}

/// Values that are compared with each other from every level are counted, not only those that are found.
#[test]
fn jsp_2_comparing_is_counted() {
    let value = json!({"list": vec![1; 1_000]});
    let document = json!({"a": value, "b": value, "one": [[[[value]]]]});
    assert!(visits("$..[?@ == $.a]", &document) >= 3 * 1_000);
    let long = json!([{"a": "x".repeat(64_000), "b": "x".repeat(64_000)}]);
    assert!(visits("$[?@.a == @.b]", &long) >= 1_000);
}

#[test]
fn jsp_3_a_pattern_is_paid_for_by_the_byte() {
    let texts = Value::Array(vec![json!("a".repeat(30)); 2_000]);
    let visits = visits("$[?match(@, '(a|b|[a-z])*(a*)*c')]", &texts);
    assert!((4 * 30 * 2_000..5 * 30 * 2_000).contains(&visits), "{visits}");
    let long = json!(["a".repeat(MAX_VISITS / 4)]);
    assert!(Path::compile("$[?search(@, 'b')]").unwrap().find(&long).is_err());
}

#[test]
fn jsp_3_a_pattern_that_compiles_to_much_is_refused() {
    refuses(&[(&format!("$[?match(@.a, '{}')]", "\\\\p{L}".repeat(12)), "jsonpath-cost")]);
}
