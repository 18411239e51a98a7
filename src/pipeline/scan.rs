//! Expressions before the engine sees them: what is outside the language is refused, and each path becomes a name of
//! its own.
//!
//! The engine is more than the language: it has statements, loops, components and a variable holding all others. What it
//! gets is text the domain's scanner understood in full, with only the values that text names.

use serde_json::Value;

use super::context::Scope;
use super::path::Path;
use crate::domain::definition::expression::{FILTERS, FUNCTIONS, Names, Span, TESTS, names};
use crate::domain::problem::{Problem, nearest};

/// Members and places the engine may be asked for in one expression, paths from a name not counted; each nests its parse.
const MAX_LOOKUPS: usize = 32;

/// A name with fixed members, e.g. `steps.lookup.ids[0]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamePath {
    /// As a person would write it.
    pub(crate) text: String,
    pub(crate) root: String,
    pub(crate) members: Vec<String>,
}

impl NamePath {
    fn new(path: &[String]) -> Option<Self> {
        let (root, members) = path.split_first()?;
        let mut text = root.clone();
        for member in members {
            if member.bytes().all(|byte| byte.is_ascii_digit()) {
                text.extend(["[", member, "]"]);
            } else if member.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
                text.extend([".", member]);
            } else {
                text.extend(["['", member, "']"]);
            }
        }
        Some(Self { text, root: root.clone(), members: members.iter().map(|member| unescaped(member)).collect() })
    }

    /// The value; what is not there counts as null.
    pub(crate) fn resolve<'a>(&self, scope: Scope<'a>) -> Option<&'a Value> {
        scope.find(&self.root, &self.members)
    }
}

/// A member name in quotes, without its backslashes.
fn unescaped(member: &str) -> String {
    let mut plain = String::with_capacity(member.len());
    let mut letters = member.chars();
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    plain
}

/// A name of an expression and how often it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) path: NamePath,
    pub(crate) uses: usize,
    /// Is it asked whether it is there? Then null counts as not there.
    pub(crate) asked: bool,
}

/// An expression found to be within the language.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// The expression with each path replaced by `__p0`, `__p1`, ….
    pub(crate) rewritten: String,
    /// What those names stand for.
    pub(crate) variables: Vec<Variable>,
    /// How many `~` there are.
    pub(crate) joins: usize,
    /// Is it nothing but one path?
    pub(crate) plain: bool,
    /// Does it call `uuid()`?
    pub(crate) draws: bool,
}

/// Checks one expression and finds its names.
///
/// # Errors
/// Everything outside the language, with places that count characters from the expression's first.
pub(crate) fn scan(source: &str) -> Result<Scanned, Vec<Problem>> {
    let found = names(source);
    let letters: Vec<char> = source.chars().collect();
    let mut problems = refused(&found);
    problems.extend(found.filters.iter().filter(|(word, _)| word == "jsonpath").filter_map(|(_, span)| path_refused(&letters, *span)));
    if !problems.is_empty() {
        return Err(problems);
    }
    let text = |from: usize, to: usize| letters.get(from..to).unwrap_or_default().iter().collect::<String>();
    let mut scanned =
        Scanned { rewritten: String::new(), variables: Vec::new(), joins: found.joins, plain: false, draws: !found.functions.is_empty() };
    let mut copied = 0;
    for (path, (start, end)) in &found.variables {
        let Some(path) = NamePath::new(path) else { continue };
        let place = place_of(&mut scanned.variables, path, is_asked(&text(*end, letters.len())));
        scanned.rewritten.push_str(&text(copied, *start));
        scanned.rewritten.push_str(&name(place));
        copied = *end;
    }
    scanned.rewritten.push_str(&text(copied, letters.len()));
    scanned.plain = scanned.rewritten.trim() == name(0);
    let count = lookups(&scanned.rewritten);
    if count > MAX_LOOKUPS {
        let message = format!("an expression may look up {MAX_LOOKUPS} members or places of what it computes, this one has {count}");
        return Err(vec![Problem::error("invalid-expression", "", message).span(0, letters.len())]);
    }
    Ok(scanned)
}

/// How many `.name` and `[place]` there are, texts in quotes left out.
fn lookups(rewritten: &str) -> usize {
    let (mut before, mut count) = (' ', 0);
    let mut letters = rewritten.chars().filter(|letter| !letter.is_ascii_whitespace()).peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => while letters.next().is_some_and(|inner| inner != letter && (inner != '\\' || letters.next().is_some())) {},
            '[' if before.is_alphanumeric() || matches!(before, '_' | ']' | ')' | '}' | '\'' | '"') => count += 1,
            '.' if letters.peek().is_some_and(|next| !next.is_ascii_digit()) => count += 1,
            _ => {}
        }
        before = letter;
    }
    count
}

/// The name the engine knows a path by; the language has no names beginning so.
pub(crate) fn name(place: usize) -> String {
    format!("__p{place}")
}

fn place_of(variables: &mut Vec<Variable>, path: NamePath, asked: bool) -> usize {
    let same = |known: &Variable| known.path == path && known.asked == asked;
    let place = variables.iter().position(same).unwrap_or(variables.len());
    match variables.get_mut(place) {
        Some(variable) => variable.uses += 1,
        None => variables.push(Variable { path, uses: 1, asked }),
    }
    place
}

/// Does `is defined` or `is undefined` follow, or one of them negated?
fn is_asked(rest: &str) -> bool {
    let mut words = rest.split_whitespace();
    if words.next() != Some("is") {
        return false;
    }
    let test = words.next().filter(|word| *word != "not").or_else(|| words.next()).unwrap_or_default();
    test.starts_with("defined") || test.starts_with("undefined")
}

fn refused(found: &Names) -> Vec<Problem> {
    let fault = |fault: &crate::domain::definition::expression::Malformed| {
        Problem::error("invalid-expression", "", fault.to_string()).span(fault.start, fault.end)
    };
    let mut problems: Vec<Problem> = found.faults.iter().map(fault).collect();
    let lists = [
        ("unknown-filter", "filter", &found.filters, FILTERS),
        ("unknown-function", "function", &found.functions, FUNCTIONS),
        ("unknown-test", "test", &found.tests, TESTS),
    ];
    for (code, what, used, known) in lists {
        let strange = used.iter().filter(|(word, _)| !known.contains(&word.as_str()));
        problems.extend(strange.map(|(word, span)| not_listed(code, what, (word, *span), known)));
    }
    problems
}

fn not_listed(code: &'static str, what: &str, (word, span): (&str, Span), known: &[&str]) -> Problem {
    let problem = Problem::error(code, "", format!("there is no {what} `{word}`")).span(span.0, span.1);
    match nearest(word, known.iter().copied()) {
        Some(meant) => problem.suggest(format!("did you mean `{meant}`?")),
        None => problem.suggest(format!("those there are: {}", known.join(", "))),
    }
}

/// What is wrong with the path of a `jsonpath`, which is a constant so that it is judged now and not in a run.
fn path_refused(letters: &[char], filter: Span) -> Option<Problem> {
    let Some((text, span)) = constant_path(letters, filter.1) else {
        let problem = Problem::error("jsonpath-syntax", "", "`jsonpath` takes its path as a constant text").span(filter.0, filter.1);
        return Some(problem.suggest("write it so: `jsonpath(path='$.items[0].email')`"));
    };
    let refusal = Path::compile(&text).err()?;
    let mut problem = Problem::error(refusal.code, "", refusal.message).span(span.0, span.1);
    problem.suggestion = refusal.suggestion.map(str::to_owned);
    Some(problem)
}

/// The text in `(path='…')`, if that and nothing else stands at `at`; and where it stands, quotes not counted.
fn constant_path(letters: &[char], at: usize) -> Option<(String, Span)> {
    let rest: String = letters.get(at..)?.iter().collect();
    let given = rest.trim_start().strip_prefix('(')?.trim_start().strip_prefix("path")?.trim_start().strip_prefix('=')?.trim_start();
    let (quote, mut escaped) = (given.chars().next().filter(|letter| matches!(letter, '\'' | '"'))?, false);
    let (mut text, mut count) = (String::new(), 0);
    let mut inner = given.get(1..)?.chars();
    loop {
        let letter = inner.next()?;
        match letter {
            'n' if escaped => text.push('\n'),
            'r' if escaped => text.push('\r'),
            't' if escaped => text.push('\t'),
            _ if escaped => text.push(letter),
            '\\' => {}
            _ if letter == quote => break,
            _ => text.push(letter),
        }
        escaped = letter == '\\' && !escaped;
        count += 1;
    }
    let start = letters.len() - given.chars().count() + 1;
    inner.as_str().trim_start().starts_with(')').then_some((text, (start, start + count)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_an_expression_is_judged_as_any_other() {
        let check = |source: &str, code: &str, span: Span| {
            let problem = &scan(source).unwrap_err()[0];
            assert_eq!((problem.code, problem.span), (code, Some(span)), "{source}");
        };
        check("inputs.a | jsonpath(path='a.b')", "jsonpath-syntax", (26, 29));
        check("'é' | jsonpath( path = \"$..*..*\" )", "jsonpath-cost", (24, 31));
        check("inputs.a | jsonpath(path=\"$[?match(@.b, '\\\\\\\\d')]\")", "jsonpath-unsupported", (26, 49));
        check("inputs.a | jsonpath(path=inputs.b)", "jsonpath-syntax", (11, 19));
        check("inputs.a | jsonpath(path='$' ~ inputs.b)", "jsonpath-syntax", (11, 19));
        check("inputs.a | jsonpath", "jsonpath-syntax", (11, 19));
        assert!(scan("inputs.a | jsonpath(path='$[\\'it\\\\\\'s\\']')").is_ok());
    }

    #[test]
    fn finds_names_and_gives_each_its_own() {
        let check = |source: &str, rewritten: &str, names: &[&str]| {
            let scanned = scan(source).unwrap();
            assert_eq!(scanned.rewritten, rewritten, "{source}");
            assert_eq!(scanned.variables.iter().map(|variable| variable.path.text.as_str()).collect::<Vec<_>>(), names, "{source}");
        };
        check("inputs.phone | e164(country=config.country)", "__p0 | e164(country=__p1)", &["inputs.phone", "config.country"]);
        check("a.b + a.b", "__p0 + __p0", &["a.b"]);
        check("steps.x.ids[0].name", "__p0", &["steps.x.ids[0].name"]);
        check("steps.x['a b'] or null", "__p0 or null", &["steps.x['a b']"]);
        check("steps.x[inputs.i].y", "__p0[__p1].y", &["steps.x", "inputs.i"]);
        check("'é inputs.a' ~ inputs.b", "'é inputs.a' ~ __p0", &["inputs.b"]);
        check("{\"a\": inputs.a} | json", "{\"a\": __p0} | json", &["inputs.a"]);
        check("a.b is defined and a.b", "__p0 is defined and __p1", &["a.b", "a.b"]);
        assert!(scan("a.b").unwrap().plain && !scan("a.b | lower").unwrap().plain);
    }

    #[test]
    fn tpl_1_refuses_what_is_not_listed() {
        let check = |source: &str, code: &str| assert_eq!(scan(source).unwrap_err()[0].code, code, "{source}");
        check("get_env(name='HOME')", "unknown-function");
        check("range(end=1000000000)", "unknown-function");
        check("throw(message='x')", "unknown-function");
        check("inputs.a | safe", "unknown-filter");
        check("inputs.a | group_by(attribute='x')", "unknown-filter");
        check("inputs.a is matching('x')", "unknown-test");
        check("__tera_context", "invalid-expression");
        check("[x for x in inputs.list]", "invalid-expression");
        check("inputs.a) | safe | (inputs.b", "invalid-expression");
        let problem = &scan("inputs.a | lowr").unwrap_err()[0];
        assert_eq!((problem.span, problem.suggestion.as_deref()), (Some((11, 15)), Some("did you mean `lower`?")));
    }

    #[test]
    fn tpl_6_refuses_deep_nesting_before_the_engine_sees_it() {
        for source in
            [format!("{}1{}", "(".repeat(1_900), ")".repeat(1_900)), "(".repeat(20_000), format!("{}{}", "[".repeat(50), "]".repeat(50))]
        {
            assert!(scan(&source).is_err());
        }
        assert!(scan(&["a"; 18].join(" ~ ")).is_err());
        assert!(scan(&format!("a{}", " | lower".repeat(17))).is_err());
    }
}
