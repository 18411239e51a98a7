//! Every example of RFC 9535, by section, and where this server refuses what the RFC allows.

use serde_json::{Value, json};

use super::{Path, finds, found, refuses};

fn bookstore() -> Value {
    json!({"store": {
        "book": [
            {"category": "reference", "author": "Nigel Rees", "title": "Sayings of the Century", "price": 8.95},
            {"category": "fiction", "author": "Evelyn Waugh", "title": "Sword of Honour", "price": 12.99},
            {"category": "fiction", "author": "Herman Melville", "title": "Moby Dick", "isbn": "0-553-21311-3", "price": 8.99},
            {"category": "fiction", "author": "J. R. R. Tolkien", "title": "The Lord of the Rings", "isbn": "0-395-19395-8", "price": 22.99}
        ],
        "bicycle": {"color": "red", "price": 399}
    }})
}

#[test]
fn section_1_5_the_bookstore() {
    let document = bookstore();
    let store = &document["store"];
    let book = |place: usize| &store["book"][place];
    finds(
        &document,
        &[
            ("$.store.book[*].author", json!(["Nigel Rees", "Evelyn Waugh", "Herman Melville", "J. R. R. Tolkien"])),
            ("$..author", json!(["Nigel Rees", "Evelyn Waugh", "Herman Melville", "J. R. R. Tolkien"])),
            ("$.store.*", json!([store["book"], store["bicycle"]])),
            ("$.store..price", json!([8.95, 12.99, 8.99, 22.99, 399])),
            ("$..book[2]", json!([book(2)])),
            ("$..book[2].author", json!(["Herman Melville"])),
            ("$..book[2].publisher", json!([])),
            ("$..book[-1]", json!([book(3)])),
            ("$..book[0,1]", json!([book(0), book(1)])),
            ("$..book[:2]", json!([book(0), book(1)])),
            ("$..book[?@.isbn]", json!([book(2), book(3)])),
            ("$..book[?@.price<10]", json!([book(0), book(2)])),
        ],
    );
    // The store, what is in it, the books, the members of four books, and those of the bicycle.
    assert_eq!(found("$..*", &document).as_array().unwrap().len(), 1 + 2 + 4 + (4 + 4 + 5 + 5) + 2);
}

#[test]
fn section_2_1_3_segment_after_segment() {
    finds(&json!({"a": [{"b": 0}, {"b": 1}, {"c": 2}]}), &[("$.a[*].b", json!([0, 1]))]);
}

#[test]
fn section_2_2_3_root() {
    let document = json!({"k": "v"});
    finds(&document, &[("$", json!([document]))]);
}

#[test]
fn section_2_3_1_3_names() {
    finds(
        &json!({"o": {"j j": {"k.k": 3}}, "'": {"@": 2}}),
        &[
            ("$.o['j j']", json!([{"k.k": 3}])),
            ("$.o['j j']['k.k']", json!([3])),
            ("$.o[\"j j\"][\"k.k\"]", json!([3])),
            ("$[\"'\"][\"@\"]", json!([2])),
        ],
    );
}

#[test]
fn section_2_3_2_3_wildcards() {
    finds(
        &json!({"o": {"j": 1, "k": 2}, "a": [5, 3]}),
        &[
            ("$[*]", json!([{"j": 1, "k": 2}, [5, 3]])),
            ("$.o[*]", json!([1, 2])),
            ("$.o[*, *]", json!([1, 2, 1, 2])),
            ("$.a[*]", json!([5, 3])),
        ],
    );
}

#[test]
fn section_2_3_3_3_indexes() {
    finds(&json!(["a", "b"]), &[("$[1]", json!(["b"])), ("$[-2]", json!(["a"])), ("$[2]", json!([])), ("$[-3]", json!([]))]);
}

#[test]
fn section_2_3_4_3_slices() {
    finds(
        &json!(["a", "b", "c", "d", "e", "f", "g"]),
        &[
            ("$[1:3]", json!(["b", "c"])),
            ("$[5:]", json!(["f", "g"])),
            ("$[1:5:2]", json!(["b", "d"])),
            ("$[5:1:-2]", json!(["f", "d"])),
            ("$[::-1]", json!(["g", "f", "e", "d", "c", "b", "a"])),
            // Section 2.3.4.2.2: a step of 0 picks nothing, and places out of the array are cut off.
            ("$[::0]", json!([])),
            ("$[-2:100]", json!(["f", "g"])),
            ("$[100:-100:-3]", json!(["g", "d", "a"])),
            ("$[3:1]", json!([])),
        ],
    );
    finds(&json!([]), &[("$[:]", json!([])), ("$[::-1]", json!([]))]);
    finds(&json!({"0": 1}), &[("$[0]", json!([])), ("$[:]", json!([]))]);
}

/// Table 11.
#[test]
fn section_2_3_5_3_comparisons() {
    let document = json!({"obj": {"x": "y"}, "arr": [2, 3]});
    let both = json!([document["obj"], document["arr"]]);
    let cases = [
        ("$.absent1 == $.absent2", true),
        ("$.absent1 <= $.absent2", true),
        ("$.absent == 'g'", false),
        ("$.absent1 != $.absent2", false),
        ("$.absent != 'g'", true),
        ("1 <= 2", true),
        ("1 > 2", false),
        ("13 == '13'", false),
        ("'a' <= 'b'", true),
        ("'a' > 'b'", false),
        ("$.obj == $.arr", false),
        ("$.obj != $.arr", true),
        ("$.obj == $.obj", true),
        ("$.obj != $.obj", false),
        ("$.arr == $.arr", true),
        ("$.arr != $.arr", false),
        ("$.obj == 17", false),
        ("$.obj != 17", true),
        ("$.obj <= $.arr", false),
        ("$.obj < $.arr", false),
        ("$.obj <= $.obj", true),
        ("$.arr <= $.arr", true),
        ("1 <= $.arr", false),
        ("1 >= $.arr", false),
        ("1 > $.arr", false),
        ("1 < $.arr", false),
        ("true <= true", true),
        ("true > true", false),
    ];
    for (comparison, holds) in cases {
        let expected = if holds { both.clone() } else { json!([]) };
        assert_eq!(found(&format!("$[?{comparison}]"), &document), expected, "{comparison}");
    }
}

/// Table 12.
#[test]
fn section_2_3_5_3_filters() {
    let document = json!({
        "a": [3, 5, 1, 2, 4, 6, {"b": "j"}, {"b": "k"}, {"b": {}}, {"b": "kilo"}],
        "o": {"p": 1, "q": 2, "r": 3, "s": 5, "t": {"u": 6}},
        "e": "f"
    });
    finds(
        &document,
        &[
            ("$.a[?@.b == 'kilo']", json!([{"b": "kilo"}])),
            ("$.a[?(@.b == 'kilo')]", json!([{"b": "kilo"}])),
            ("$.a[?@>3.5]", json!([5, 4, 6])),
            ("$.a[?@.b]", json!([{"b": "j"}, {"b": "k"}, {"b": {}}, {"b": "kilo"}])),
            ("$[?@.*]", json!([document["a"], document["o"]])),
            ("$.o[?@<3, ?@<3]", json!([1, 2, 1, 2])),
            ("$.a[?@<2 || @.b == \"k\"]", json!([1, {"b": "k"}])),
            ("$.a[?match(@.b, \"[jk]\")]", json!([{"b": "j"}, {"b": "k"}])),
            ("$.a[?search(@.b, \"[jk]\")]", json!([{"b": "j"}, {"b": "k"}, {"b": "kilo"}])),
            ("$.o[?@>1 && @<4]", json!([2, 3])),
            ("$.o[?@.u || @.x]", json!([{"u": 6}])),
            ("$.a[?@.b == $.x]", json!([3, 5, 1, 2, 4, 6])),
            ("$.a[?@ == @]", document["a"].clone()),
        ],
    );
    refuses(&[("$[?@[?@.b]]", "jsonpath-cost")]);
}

/// Sections 2.4.4 to 2.4.8.
#[test]
fn section_2_4_functions() {
    let document = json!([
        {"authors": [1, 2, 3, 4, 5], "date": "1974-05-11", "author": "Bob"},
        {"authors": "five!", "date": "1974-05-1", "author": "Robert"},
        {"authors": {"a": 1}, "date": "x1974-05-11", "author": "rob", "in": {"color": "red"}},
        {"authors": null, "date": 1974, "author": ["Bob"], "color": "red", "in": {"color": "red"}}
    ]);
    let at = |places: &[usize]| json!(places.iter().map(|place| &document[*place]).collect::<Vec<_>>());
    finds(
        &document,
        &[
            ("$[?length(@.authors) >= 5]", at(&[0, 1])),
            ("$[?length(@.authors) == 1]", at(&[2])),
            ("$[?length(@.authors) == length(@.gone)]", at(&[3])),
            ("$[?count(@.authors.*) >= 5]", at(&[0])),
            ("$[?count(@.gone) == 0]", at(&[0, 1, 2, 3])),
            ("$[?match(@.date, \"1974-05-..\")]", at(&[0])),
            ("$[?search(@.date, '1974-05-1')]", at(&[0, 1, 2])),
            ("$[?search(@.author, \"[BR]ob\")]", at(&[0, 1])),
            ("$[?!match(@.author, \"[BR]ob.*\")]", at(&[2, 3])),
            // Two nodes are no value, even when they are equal.
            ("$[?value(@..color) == \"red\"]", at(&[2])),
            ("$[?value(@.gone) == @.gone]", at(&[0, 1, 2, 3])),
        ],
    );
    finds(&json!([{"x": [{"author": 1}, {"author": 2}, {}]}]), &[("$[?count(@.x.*.author) >= 2].x[0].author", json!([1]))]);
    finds(&json!(["\u{1F600}é"]), &[("$[?length(@) == 2]", json!(["\u{1F600}é"]))]);
}

/// Table 15.
#[test]
fn section_2_4_9_well_typedness() {
    for path in [
        "$[?length(@) < 3]",
        "$[?count(@.*) == 1]",
        "$[?match(@.timezone, 'Europe/.*')]",
        "$[?value(@..color) == \"red\"]",
        "$[?length(value(@.*)) == 1]",
    ] {
        assert!(Path::compile(path).is_ok(), "{path}");
    }
    refuses(&[
        ("$[?length(@.*) < 3]", "jsonpath-syntax"),
        ("$[?count(1) == 1]", "jsonpath-syntax"),
        ("$[?count(foo(@.*)) == 1]", "jsonpath-syntax"),
        ("$[?match(@.timezone, 'Europe/.*') == true]", "jsonpath-syntax"),
        ("$[?value(@..color)]", "jsonpath-syntax"),
        ("$[?bar(@.a)]", "jsonpath-syntax"),
        ("$[?bnl(@.*)]", "jsonpath-syntax"),
        ("$[?blt(1==1)]", "jsonpath-syntax"),
        ("$[?bal(1)]", "jsonpath-syntax"),
        // The same mistakes with the functions that are there.
        ("$[?length(@.a)]", "jsonpath-syntax"),
        ("$[?!count(@.*)]", "jsonpath-syntax"),
        ("$[?value(1) == 1]", "jsonpath-syntax"),
        ("$[?value(length(@)) == 1]", "jsonpath-syntax"),
        ("$[?length(match(@.a, 'a')) == 1]", "jsonpath-syntax"),
        ("$[?match(@.*, 'a')]", "jsonpath-syntax"),
        ("$[?search(@..a, 'a')]", "jsonpath-syntax"),
        ("$[?count(@.a == 1) == 1]", "jsonpath-syntax"),
        ("$[?length(@.a, @.b) == 1]", "jsonpath-syntax"),
        ("$[?@.* == 1]", "jsonpath-syntax"),
        ("$[?any_of(@.a, @.b)]", "jsonpath-syntax"),
    ]);
}

#[test]
fn section_2_5_1_3_child_segments() {
    finds(
        &json!(["a", "b", "c", "d", "e", "f", "g"]),
        &[("$[0, 3]", json!(["a", "d"])), ("$[0:2, 5]", json!(["a", "b", "f"])), ("$[0, 0]", json!(["a", "a"]))],
    );
}

#[test]
fn section_2_5_2_3_descendant_segments() {
    let document = json!({"o": {"j": 1, "k": 2}, "a": [5, 3, [{"j": 4}, {"k": 6}]]});
    let all = json!([document["o"], document["a"], 1, 2, 5, 3, [{"j": 4}, {"k": 6}], {"j": 4}, {"k": 6}, 4, 6]);
    finds(
        &document,
        &[
            ("$..j", json!([1, 4])),
            ("$..[0]", json!([5, {"j": 4}])),
            ("$..[*]", all.clone()),
            ("$..*", all),
            ("$..o", json!([{"j": 1, "k": 2}])),
            ("$.o..[*, *]", json!([1, 2, 1, 2])),
            ("$.a..[0, 1]", json!([5, 3, {"j": 4}, {"k": 6}])),
        ],
    );
}

#[test]
fn section_2_6_1_null() {
    finds(
        &json!({"a": null, "b": [null], "c": [{}], "null": 1}),
        &[
            ("$.a", json!([null])),
            ("$.a[0]", json!([])),
            ("$.a.d", json!([])),
            ("$.b[0]", json!([null])),
            ("$.b[*]", json!([null])),
            ("$.b[?@]", json!([null])),
            ("$.b[?@==null]", json!([null])),
            ("$.c[?@.d==null]", json!([])),
            ("$.null", json!([1])),
        ],
    );
}

/// Table 20: a normalized path finds what the path it stands for finds.
#[test]
fn section_2_7_normalized_paths() {
    let check = |document: Value, path: &str, normalized: &str, expected: Value| {
        finds(&document, &[(path, json!([expected])), (normalized, json!([expected]))]);
    };
    check(json!({"a": 1}), "$.a", "$['a']", json!(1));
    check(json!([0, 1]), "$[1]", "$[1]", json!(1));
    check(json!([0, 1, 2, 3, 4]), "$[-3]", "$[2]", json!(2));
    check(json!({"a": {"b": [0, 1]}}), "$.a.b[1:2]", "$['a']['b'][1]", json!(1));
    check(json!({"\u{b}": 1}), "$[\"\\u000B\"]", "$['\\u000b']", json!(1));
    check(json!({"a": 1}), "$[\"\\u0061\"]", "$['a']", json!(1));
}

/// Section 2.3.5.2.2: numbers by their value, texts by their characters, lists and objects by all that is in them.
#[test]
fn comparisons_are_exact() {
    let check = |left: Value, sign: &str, right: Value, holds: bool| {
        let document = json!([{"l": left, "r": right}]);
        let expected = if holds { json!([left]) } else { json!([]) };
        assert_eq!(found(&format!("$[?@.l {sign} @.r].l"), &document), expected, "{left} {sign} {right}");
    };
    check(json!(1), "==", json!(1.0), true);
    check(json!([1, {"a": 1}]), "==", json!([1.0, {"a": 1.0}]), true);
    check(json!({"a": 1, "b": 2}), "==", json!({"b": 2, "a": 1}), true);
    check(json!({"a": 1}), "==", json!({"b": 1}), false);
    check(json!(1e-20), "==", json!(2e-20), false);
    check(json!(9_007_199_254_740_993_u64), "==", json!(9_007_199_254_740_992_u64), false);
    check(json!(u64::MAX), ">", json!(i64::MIN), true);
    check(json!("\u{ffff}"), "<", json!("\u{10000}"), true);
    check(json!("a"), "<", json!("ab"), true);
    check(json!(false), "<", json!(true), false);
    check(Value::Null, "<=", Value::Null, true);
    check(json!("1"), "<", json!(2), false);
}

/// Section 2.1.1: what is not well-formed is refused, also where the parser would pass over it.
#[test]
fn what_is_not_well_formed_is_refused() {
    let cases = [
        "",
        "a",
        "people.name",
        "$.",
        "$..",
        "$.a[",
        "$[]",
        "$[01]",
        "$[-0]",
        "$[1.5]",
        "$['a]",
        "$[a]",
        "$.1a",
        "$.a-b",
        "$[0:1:2:3]",
        "$[?]",
        "$[?1]",
        "$[?true]",
        "$[?@.a = 1]",
        "$[?@.a === 1]",
        "$[?(@.a) == 1]",
        "$[?!@.a == 1]",
        "$[?@.a in ['x']]",
        "$[?@.a == ['x']]",
        "$[?@.a == 1e400]",
        "$[9007199254740992]",
        "$['\\x']",
        "$['\\ud800']",
        "$['\u{1}']",
        "$ $",
        "@.a",
        " $",
        "$ ",
        "$.a ",
        "$.a\n",
        "$.a b",
        "$.a b['a b']",
        "$. a",
        "$.. a",
        "$.a\u{b}",
        "$[?@.a b == 1]",
        "$[?@. a == 1]",
        "$[?length (@.a) == 1]",
        "$[? @.a b]",
    ];
    for path in cases {
        let refusal = Path::compile(path).map(|compiled| compiled.query).expect_err(path);
        assert!(["jsonpath-syntax", "jsonpath-unsupported"].contains(&refusal.code), "{path}: {}", refusal.code);
    }
    finds(
        &json!({"a": {"b": [1, 2]}, "é": 3, "a b": 4}),
        &[
            ("$ .a\n['b'] [ 0 , -1 ]", json!([1, 2])),
            ("$.é", json!([3])),
            ("$['a b']", json!([4])),
            ("$.a.b[? @ == 1 || @\t==\t2 ]", json!([1, 2])),
        ],
    );
}

/// RFC 9485: what the library would read otherwise is refused or put right.
#[test]
fn patterns_are_those_of_the_rfc() {
    let texts = json!(["ab", "a\nb", "a\rb", "a.b", "a&&b", "Äb", "a$b", "a-b", "AB"]);
    finds(
        &texts,
        &[
            ("$[?match(@, 'a.b')]", json!(["a.b", "a$b", "a-b"])),
            ("$[?match(@, 'a\\\\.b')]", json!(["a.b"])),
            ("$[?match(@, 'a[&&]*b')]", json!(["ab", "a&&b"])),
            ("$[?match(@, '\\\\p{Lu}b')]", json!(["Äb"])),
            ("$[?match(@, '\\\\P{L}')]", json!([])),
            ("$[?match(@, 'a[$]b')]", json!(["a$b"])),
            ("$[?match(@, 'a|ab')]", json!(["ab"])),
            ("$[?match(@, '[^a-z][A-Z]?')]", json!(["AB"])),
            ("$[?match(@, 'a[.-]b')]", json!(["a.b", "a-b"])),
            ("$[?search(@, '\\\\n|\\\\r')]", json!(["a\nb", "a\rb"])),
        ],
    );
    refuses(&[
        ("$[?match(@, '^a')]", "jsonpath-unsupported"),
        ("$[?match(@, 'a$')]", "jsonpath-unsupported"),
        ("$[?match(@, '\\\\d')]", "jsonpath-unsupported"),
        ("$[?match(@, '\\\\bx')]", "jsonpath-unsupported"),
        ("$[?match(@, '(?i)a')]", "jsonpath-unsupported"),
        ("$[?match(@, 'a+?')]", "jsonpath-unsupported"),
        ("$[?match(@, '(')]", "jsonpath-syntax"),
        ("$[?match(@, 'a)(b')]", "jsonpath-syntax"),
        ("$[?match(@, '*')]", "jsonpath-syntax"),
        ("$[?match(@, '[]')]", "jsonpath-syntax"),
        ("$[?match(@, '[a')]", "jsonpath-syntax"),
        ("$[?match(@, '[a--b]')]", "jsonpath-syntax"),
        ("$[?match(@, '[[a]]')]", "jsonpath-syntax"),
        ("$[?match(@, '\\\\p{Greek}')]", "jsonpath-syntax"),
    ]);
}

/// The parser would cut blanks of Unicode off a name, and so look for another.
#[test]
fn a_blank_that_would_be_cut_off_is_refused() {
    refuses(&[
        ("$.a\u{a0}.b", "jsonpath-unsupported"),
        ("$.\u{3000}a", "jsonpath-unsupported"),
        ("$[?@.a\u{a0} == 1]", "jsonpath-unsupported"),
    ]);
    finds(&json!({"a\u{a0}": 1}), &[("$['a\u{a0}']", json!([1]))]);
}
