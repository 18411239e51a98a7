//! JSONPath (RFC 9535), bounded.
//!
//! A path's cost is bounded when it is compiled: the parser is exponential in nested calls and evaluation can multiply, so
//! length, nesting and width are limited first, and what is left is linear in the document.

use jsonpath_rust::parser::model::{
    Comparable, Comparison, Filter, FilterAtom, FnArg, JpQuery, Literal, Segment, Selector, SingularQuery, Test, TestFunction,
};
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::Value;

/// Characters of a path.
const MAX_LENGTH: usize = 512;
/// Segments of a path.
const MAX_SEGMENTS: usize = 32;
/// How often one path may visit the same node.
const MAX_WIDTH: usize = 16;
/// How deep parentheses may nest.
const MAX_PARENTHESES: usize = 4;
/// Characters of a regular expression inside a path, which is compiled for each node.
const MAX_PATTERN: usize = 64;
/// Nodes of a document that a path with `..` or a filter may search.
const MAX_SEARCHED: usize = 200_000;
/// Nodes of a document that a path with a regular expression may search.
const MAX_MATCHED: usize = 2_000;

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Member {
    Name(String),
    Index(usize),
}

/// A compiled JSONPath.
#[derive(Debug, Clone)]
pub struct Path {
    text: String,
    /// Names and places from the root, for paths made of nothing else.
    plain: Option<Vec<Member>>,
    query: JpQuery,
    searches: bool,
    matches: bool,
}

/// Why a path was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathRefusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) suggestion: Option<&'static str>,
}

fn syntax(message: impl Into<String>) -> PathRefusal {
    PathRefusal { code: "jsonpath-syntax", message: message.into(), suggestion: Some("paths follow RFC 9535, e.g. `$.items[0].email`") }
}

fn cost(message: impl Into<String>, suggestion: &'static str) -> PathRefusal {
    PathRefusal { code: "jsonpath-cost", message: message.into(), suggestion: Some(suggestion) }
}

impl Path {
    /// Checks and compiles a path.
    pub(crate) fn compile(text: &str) -> Result<Self, PathRefusal> {
        check_bounds(text)?;
        let query = parse_json_path(text).map_err(|_| syntax("this is no JSONPath"))?;
        let mut lint = Lint { text, ..Lint::default() };
        lint.segments(&query.segments)?;
        Ok(Self { text: text.to_owned(), plain: plain(&query), query, searches: lint.searches, matches: lint.matches })
    }

    /// A path that finds the whole document.
    pub(crate) fn root() -> Self {
        Self { text: "$".to_owned(), plain: Some(Vec::new()), query: JpQuery::new(Vec::new()), searches: false, matches: false }
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The values it finds, in document order.
    ///
    /// # Errors
    /// When the document is too large for what the path does.
    pub(crate) fn find<'a>(&self, document: &'a Value) -> Result<Vec<&'a Value>, &'static str> {
        if let Some(members) = &self.plain {
            let found = members.iter().try_fold(document, |value, member| match member {
                Member::Name(name) => value.get(name.as_str()),
                Member::Index(index) => value.get(*index),
            });
            return Ok(found.into_iter().collect());
        }
        let most = if self.matches { MAX_MATCHED } else { MAX_SEARCHED };
        if (self.searches || self.matches) && nodes(document, most).is_none() {
            return Err("the document is too large for a path that searches");
        }
        js_path_process(&self.query, document)
            .map(|found| found.into_iter().map(|found| found.val).collect())
            .map_err(|_| "the path cannot be applied to the document")
    }
}

/// How many nodes of the budget are left.
fn nodes(value: &Value, budget: usize) -> Option<usize> {
    let left = budget.checked_sub(1)?;
    match value {
        Value::Array(items) => items.iter().try_fold(left, |left, item| nodes(item, left)),
        Value::Object(members) => members.values().try_fold(left, |left, item| nodes(item, left)),
        _ => Some(left),
    }
}

/// What can be told before parsing.
fn check_bounds(text: &str) -> Result<(), PathRefusal> {
    if !text.starts_with('$') {
        return Err(syntax("a path begins with `$`"));
    }
    if text.chars().count() > MAX_LENGTH {
        return Err(cost(format!("a path has at most {MAX_LENGTH} characters"), "take a larger part and go on with expressions"));
    }
    let (mut quote, mut escaped, mut depth, mut brackets, mut calls) = (None, false, 0_usize, 0, 0);
    for character in text.chars() {
        match (quote, character) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(mark), _) if mark == character => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '(') => {
                depth += 1;
                calls += 1;
            }
            (None, ')') => depth = depth.saturating_sub(1),
            (None, '[') => brackets += 1,
            _ => {}
        }
        if depth > MAX_PARENTHESES || calls > 12 || brackets > MAX_SEGMENTS {
            return Err(cost("the path nests or chains too much", "split it, or take a larger part and go on with expressions"));
        }
    }
    Ok(())
}

/// Walks the parsed path and refuses what multiplies.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent findings of one walk")]
struct Lint<'a> {
    text: &'a str,
    descended: bool,
    searches: bool,
    matches: bool,
    in_filter: bool,
}

impl Lint<'_> {
    fn segments(&mut self, segments: &[Segment]) -> Result<(), PathRefusal> {
        if segments.len() > MAX_SEGMENTS {
            return Err(cost(format!("a path has at most {MAX_SEGMENTS} segments"), "take a larger part and go on with expressions"));
        }
        let width =
            segments.iter().map(width).try_fold(1_usize, |product, width| product.checked_mul(width).filter(|width| *width <= MAX_WIDTH));
        if width.is_none() {
            return Err(cost("the path has too many alternatives", "list fewer selectors in one bracket"));
        }
        segments.iter().try_for_each(|segment| self.segment(segment))
    }

    fn segment(&mut self, segment: &Segment) -> Result<(), PathRefusal> {
        match segment {
            Segment::Descendant(inner) => {
                if self.in_filter || self.descended {
                    return Err(cost("a path has at most one `..`, and none inside a filter", "name the members on the way"));
                }
                self.descended = true;
                self.searches = true;
                self.segment(inner)
            }
            Segment::Selector(selector) => self.selector(selector),
            Segment::Selectors(selectors) => selectors.iter().try_for_each(|selector| self.selector(selector)),
        }
    }

    fn selector(&mut self, selector: &Selector) -> Result<(), PathRefusal> {
        if let Selector::Name(name) = selector {
            return self.name(name);
        }
        let Selector::Filter(filter) = selector else { return Ok(()) };
        if self.in_filter {
            return Err(cost("a filter cannot hold another filter", "filter once, and compare with an expression afterwards"));
        }
        self.searches = true;
        self.in_filter = true;
        let result = self.filter(filter);
        self.in_filter = false;
        result
    }

    /// The parser takes blanks into a name that stands without quotes.
    fn name(&self, name: &str) -> Result<(), PathRefusal> {
        let quoted = ["'", "\""].iter().any(|quote| self.text.contains(&format!("{quote}{name}{quote}")));
        if name.contains(char::is_whitespace) && !quoted { Err(syntax(format!("`{name}` is no name of a member"))) } else { Ok(()) }
    }

    fn filter(&mut self, filter: &Filter) -> Result<(), PathRefusal> {
        match filter {
            Filter::Or(parts) | Filter::And(parts) => parts.iter().try_for_each(|part| self.filter(part)),
            Filter::Atom(FilterAtom::Filter { expr, .. }) => self.filter(expr),
            Filter::Atom(FilterAtom::Test { expr, .. }) => self.test(expr),
            Filter::Atom(FilterAtom::Comparison(comparison)) => self.comparison(comparison),
        }
    }

    fn test(&mut self, test: &Test) -> Result<(), PathRefusal> {
        match test {
            Test::RelQuery(segments) => self.segments(segments),
            Test::AbsQuery(_) => Err(from_root()),
            Test::Function(function) => self.function(function),
        }
    }

    fn comparison(&mut self, comparison: &Comparison) -> Result<(), PathRefusal> {
        let (left, right) = comparison.vals();
        [left, right].into_iter().try_for_each(|side| match side {
            Comparable::Literal(_) | Comparable::SingularQuery(SingularQuery::Current(_)) => Ok(()),
            Comparable::SingularQuery(SingularQuery::Root(_)) => Err(from_root()),
            Comparable::Function(function) => self.function(function),
        })
    }

    fn function(&mut self, function: &TestFunction) -> Result<(), PathRefusal> {
        match function {
            TestFunction::Length(argument) => self.argument(argument),
            TestFunction::Value(argument) | TestFunction::Count(argument) => self.argument(argument),
            TestFunction::Search(text, pattern) | TestFunction::Match(text, pattern) => {
                self.matches = true;
                self.argument(text)?;
                check_pattern(pattern)
            }
            TestFunction::Custom(name, _) => Err(syntax(format!("RFC 9535 has no function `{name}`"))),
        }
    }

    fn argument(&mut self, argument: &FnArg) -> Result<(), PathRefusal> {
        match argument {
            FnArg::Literal(_) => Ok(()),
            FnArg::Test(test) => self.test(test),
            FnArg::Filter(filter) => self.filter(filter),
        }
    }
}

fn from_root() -> PathRefusal {
    cost("a filter cannot look at the whole document by `$`", "compare with a constant, or with a member of `@`")
}

fn check_pattern(argument: &FnArg) -> Result<(), PathRefusal> {
    let FnArg::Literal(Literal::String(pattern)) = argument else {
        return Err(cost("a regular expression in a path must be a constant", "write it as a text in quotes"));
    };
    if pattern.chars().count() > MAX_PATTERN || pattern.contains('{') {
        return Err(cost(
            format!("a regular expression in a path has at most {MAX_PATTERN} characters and no `{{n}}`"),
            "use the filter `match` of expressions instead",
        ));
    }
    match super::filters::compile_pattern(pattern) {
        Some(_) => Ok(()),
        None => Err(syntax("the regular expression in the path is not one")),
    }
}

/// How many selectors of one segment can pick the same node.
fn width(segment: &Segment) -> usize {
    match segment {
        Segment::Descendant(inner) => width(inner),
        Segment::Selector(_) => 1,
        Segment::Selectors(selectors) => selectors.len().max(1),
    }
}

/// The members of a path made of names and places only.
fn plain(query: &JpQuery) -> Option<Vec<Member>> {
    let member = |segment: &Segment| match segment {
        Segment::Selector(Selector::Name(name)) if !name.contains(['\\', '\'', '"']) => Some(Member::Name(name.clone())),
        Segment::Selector(Selector::Index(index)) => usize::try_from(*index).ok().map(Member::Index),
        _ => None,
    };
    query.segments.iter().map(member).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn jsp_1_jsp_2_jsp_3_refuses_paths_that_multiply() {
        let check = |path: &str, code: &str| assert_eq!(Path::compile(path).unwrap_err().code, code, "{path}");
        check("$..*..*..*..*", "jsonpath-cost");
        check("$[?@.a[?@.b > 1]]", "jsonpath-cost");
        check("$[?@..b]", "jsonpath-cost");
        check("$[?count($[*]) > 1]", "jsonpath-cost");
        check("$[?@.a == $.b]", "jsonpath-cost");
        check("$[*,*][*,*][*,*][*,*][*,*]", "jsonpath-cost");
        check("$[?match(@.a, '(a{100}){100}')]", "jsonpath-cost");
        check("$[?match(@.a, @.b)]", "jsonpath-cost");
        check("$[?search(@.a, '(')]", "jsonpath-syntax");
        check(&format!("$[?{}@.a{}]", "length(".repeat(9), ")".repeat(9)), "jsonpath-cost");
        check(&format!("$.{}", "a".repeat(600)), "jsonpath-cost");
        check("$[?@.a in ['x']]", "jsonpath-syntax");
        check("$[?any_of(@.a, @.b)]", "jsonpath-syntax");
        check("people.name", "jsonpath-syntax");
        check("$.a[", "jsonpath-syntax");
    }

    #[test]
    fn jsp_1_searching_paths_refuse_large_documents() {
        let wide = Value::Array(vec![json!({"a": 1}); 150_000]);
        assert!(Path::compile("$..a").unwrap().find(&wide).is_err());
        assert!(Path::compile("$[0].a").unwrap().find(&wide).is_ok());
        let people = Value::Array(vec![json!({"a": "x"}); 1_500]);
        assert!(Path::compile("$[?match(@.a, 'x')]").unwrap().find(&people).is_err());
    }
}
