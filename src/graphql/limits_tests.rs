//! Bombs and borders: what is refused, how quickly, and that the process lives.

use std::fmt::Write as _;

use async_graphql::parser::parse_query;

use super::*;

fn judge(text: &str) -> Result<(), &'static str> {
    check_document(text, &Limits::default()).map_err(|refusal| refusal.limit)
}

/// The way of a request through text and parsed document, on a small stack.
fn whole_way(text: &str) -> Result<(), String> {
    let text = text.to_owned();
    std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(move || {
            check_document(&text, &Limits::default()).map_err(|refusal| refusal.limit.to_owned())?;
            let document = parse_query(&text).map_err(|_| "parse".to_owned())?;
            check_weight(&document, &Limits::default()).map_err(|refusal| refusal.limit.to_owned())
        })
        .unwrap()
        .join()
        .unwrap()
}

#[test]
fn gql_1_nested_brackets_are_refused_before_the_parser() {
    for (open, close) in [("[", "]"), ("{a:", "}"), ("{a:[", "]}")] {
        let bomb = format!("{}1{}", open.repeat(800), close.repeat(800));
        for text in [
            format!("{{ a(b: {bomb}) }}"),
            format!("{{ a @c(d: {bomb}) }}"),
            format!("query($v: X = {bomb}) {{ a }}"),
            format!("{{ {} }}", "a {".repeat(800)),
        ] {
            assert_eq!(judge(&text), Err("query.nesting"), "{open}");
        }
    }
    let deep = format!("{{ a(b: {}1{}) }}", "[{c:".repeat(64 - 1), "}]".repeat(64 - 1));
    assert_eq!(whole_way(&deep), Ok(()), "what is allowed is parsed on a small stack");
}

#[test]
fn gql_2_fragment_cycles_are_refused() {
    for text in [
        "{ ...a } fragment a on Query { ...a }",
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
        "{ x } fragment a on Query { ...b } fragment b on Query { ... on Query { ...a } }",
        "query one { x } query two { ...a } fragment a on Query { x { ...a } }",
    ] {
        assert!(whole_way(text).is_err(), "{text}");
    }
}

#[test]
fn a_fragment_bomb_is_weighed_in_one_walk() {
    let mut text = String::from("{ ...f0 }");
    for level in 0..60 {
        write!(text, " fragment f{level} on Query {{ ...f{} ...f{} }}", level + 1, level + 1).unwrap();
    }
    text.push_str(" fragment f60 on Query { x }");
    assert_eq!(whole_way(&text), Err("query.cost".to_owned()));
}

#[test]
fn gql_3_depth_is_bounded_by_fields_and_by_fragments() {
    let fields = format!("{{ {} x {} }}", "a {".repeat(50), "}".repeat(50));
    assert_eq!(whole_way(&fields), Err("query.depth".to_owned()));
    let mut fragments = String::from("{ ...f0 }");
    for level in 0..14 {
        write!(fragments, " fragment f{level} on Query {{ a {{ ...f{} }} }}", level + 1).unwrap();
    }
    fragments.push_str(" fragment f14 on Query { x }");
    assert_eq!(whole_way(&fragments), Err("query.depth".to_owned()));
}

#[test]
fn gql_4_aliases_tokens_and_root_fields_are_counted() {
    let aliases = (0..10_000).map(|number| format!("a{number}:x ")).collect::<Vec<_>>().concat();
    assert!(judge(&format!("{{ {aliases} }}")).is_err());
    assert_eq!(judge(&format!("{{ {} }}", "a:x ".repeat(31))), Err("query.aliases"));
    assert_eq!(judge(&format!("{{ {} }}", "x ".repeat(2_000))), Err("query.tokens"));
    assert_eq!(judge(&format!("{{ x {} }}", "@d".repeat(21))), Err("query.directives"));
    assert_eq!(whole_way(&format!("{{ {} }}", "x ".repeat(21))), Err("query.root_fields".to_owned()));
    assert_eq!(judge("query($a: Int = 1, $b: X = {c: 2}) { y(a: $a, b: {c: {d: 1}}) }"), Ok(()), "colons of arguments are no aliases");
}

#[test]
fn gql_9_odd_texts_pass_quickly_and_quietly() {
    let comment = format!("#{}", "x".repeat(256 * 1024));
    assert_eq!(judge(&comment), Err("query.document_bytes"));
    assert_eq!(judge(&format!("{{ a(b: {}) }}", "9".repeat(1_000_000))), Err("query.document_bytes"));
    for text in [
        "\u{feff}{ x }",
        "\0{ x }",
        "{ x\u{2028} }",
        "\"\"\"",
        "\"\"\"\"",
        "\"\"\"\"\"\"",
        "\"\"\" \\\"\"\" \"\"\"",
        "{ a(b: \"\"\"unclosed",
        "{ a(b: \"unclosed\n) }",
        "{ a(b: \"\\\\\") }",
        "#",
        "",
    ] {
        assert_eq!(judge(text), Ok(()), "{text:?}");
    }
    assert_eq!(judge(&format!("{{ a(b: \"{}\") }}", "[".repeat(500))), Ok(()), "brackets within texts are text");
    assert_eq!(judge(&format!("{{ a(b: \"\"\"{}\"\"\") }}", "[\"".repeat(500))), Ok(()), "and within block texts");
    assert_eq!(judge(&format!("{{ a(b: \"\") {} }}", "{".repeat(70))), Err("query.nesting"), "an empty text ends at once");
}
