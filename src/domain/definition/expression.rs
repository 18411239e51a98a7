//! What an expression is made of: a linear scanner that splits texts at `{{ }}` and lists the names used.
//!
//! It judges only the outer form, so that no text can reach the expression library that the language does not know:
//! whether an expression parses and what it comes out as is the pipeline's business. All positions are characters.

mod names;

pub use names::{Names, names};

/// First character and the one after the last.
pub type Span = (usize, usize);

/// Filters an expression can use.
pub const FILTERS: &[&str] = &[
    "default",
    "lower",
    "upper",
    "trim",
    "split",
    "join",
    "first",
    "last",
    "slice",
    "length",
    "replace",
    "match",
    "number",
    "string",
    "bool",
    "json",
    "url",
    "base64",
    "sha256",
    "date",
    "add",
    "e164",
    "email",
    "domain",
    "name_parts",
    "jsonpath",
];

/// Filters of the language this server does not run yet.
pub const LATER_FILTERS: &[&str] = &["hmac"];

/// Functions an expression can call.
pub const FUNCTIONS: &[&str] = &["uuid"];

/// Words that may follow `is`.
pub const TESTS: &[&str] = &[
    "defined",
    "undefined",
    "none",
    "string",
    "number",
    "integer",
    "float",
    "bool",
    "array",
    "map",
    "iterable",
    "odd",
    "even",
    "divisible_by",
    "starting_with",
    "ending_with",
    "containing",
];

/// Characters one expression may have.
pub const MAX_SOURCE: usize = 4096;
/// Brackets of any sort that may be open at once.
pub const MAX_NESTING: usize = 16;
/// `|` one expression may have.
pub const MAX_PIPES: usize = 16;
/// `~` one expression may have.
pub const MAX_JOINS: usize = 16;
/// Operators one expression may have, words such as `and` included.
pub const MAX_OPERATORS: usize = 64;

/// A text or expression the language does not allow, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Malformed {
    /// One sentence.
    pub message: String,
    /// First character meant.
    pub start: usize,
    /// The one after the last.
    pub end: usize,
}

impl Malformed {
    fn new(message: impl Into<String>, start: usize, end: usize) -> Self {
        Self { message: message.into(), start, end }
    }
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Text that stays as it is.
    Literal(String),
    /// What stands between `{{` and `}}`, without the blanks around it.
    Expression {
        /// The expression.
        source: String,
        /// Where it begins in the text, `{{` not counted.
        start: usize,
        /// Where it ends, `}}` not counted.
        end: usize,
    },
}

/// Does the text have anything in it that [`segments`] would not leave as it is?
pub fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|opening| text.contains(opening))
}

/// The expression a text consists of, if it is exactly one and nothing else but blanks around it.
pub fn only_expression(text: &str) -> Option<String> {
    match segments(text.trim()).ok()?.as_slice() {
        [Segment::Expression { source, .. }] => Some(source.clone()),
        _ => None,
    }
}

/// Splits a text into what stays and what is computed. Quotes inside an expression hide braces.
///
/// # Errors
/// [`Malformed`] for statements, comments, blank-trimming marks, an empty expression, and braces without their counterpart.
pub fn segments(text: &str) -> Result<Vec<Segment>, Malformed> {
    let chars: Vec<char> = text.chars().collect();
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut single_open = 0_usize;
    let mut at = 0;
    while let Some(&letter) = chars.get(at) {
        match (letter, chars.get(at + 1)) {
            ('{', Some('{')) => {
                let close = closing_braces(&chars, at + 2)?;
                if !literal.is_empty() {
                    parts.push(Segment::Literal(std::mem::take(&mut literal)));
                }
                parts.push(expression(&chars, at + 2, close)?);
                at = close + 2;
                continue;
            }
            ('{', Some('%')) => return Err(Malformed::new("statements in `{% %}` are not part of the language", at, at + 2)),
            ('{', Some('#')) => return Err(Malformed::new("comments in `{# #}` are not part of the language", at, at + 2)),
            ('}', Some('}')) if single_open < 2 => return Err(Malformed::new("`}}` closes nothing; is a `{{` missing?", at, at + 2)),
            ('{', _) => single_open += 1,
            ('}', _) => single_open = single_open.saturating_sub(1),
            _ => {}
        }
        literal.push(letter);
        at += 1;
    }
    if !literal.is_empty() {
        parts.push(Segment::Literal(literal));
    }
    Ok(parts)
}

/// Where the `}}` stands that closes the expression beginning at `from`.
fn closing_braces(chars: &[char], from: usize) -> Result<usize, Malformed> {
    let mut at = from;
    while let Some(&letter) = chars.get(at) {
        match letter {
            '\'' | '"' => at = closing_quote(chars, at)?,
            '`' => return Err(Malformed::new("texts are written in ' or \", not in `", at, at + 1)),
            '}' if chars.get(at + 1) == Some(&'}') => return Ok(at),
            _ => {}
        }
        at += 1;
    }
    Err(Malformed::new("`{{` without its `}}`", from.saturating_sub(2), chars.len()))
}

/// Where the quote stands that closes the one at `open`; a backslash hides the character after it.
fn closing_quote(chars: &[char], open: usize) -> Result<usize, Malformed> {
    let quote = chars.get(open);
    let mut at = open + 1;
    while let Some(letter) = chars.get(at) {
        match letter {
            '\\' => at += 1,
            _ if Some(letter) == quote => return Ok(at),
            _ => {}
        }
        at += 1;
    }
    Err(Malformed::new("a text in quotes is not closed", open, chars.len()))
}

fn expression(chars: &[char], from: usize, to: usize) -> Result<Segment, Malformed> {
    let inner = chars.get(from..to).unwrap_or_default();
    if inner.first() == Some(&'-') || inner.last() == Some(&'-') {
        return Err(Malformed::new("`{{-` and `-}}` are not part of the language; put a blank before a minus", from, to));
    }
    let before = inner.iter().take_while(|letter| letter.is_whitespace()).count();
    let after = inner.iter().rev().take_while(|letter| letter.is_whitespace()).count();
    let Some(source) = inner.get(before..inner.len().saturating_sub(after)).filter(|source| !source.is_empty()) else {
        return Err(Malformed::new("nothing stands between `{{` and `}}`", from.saturating_sub(2), to + 2));
    };
    Ok(Segment::Expression { source: source.iter().collect(), start: from + before, end: to - after })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Segment {
        Segment::Literal(text.to_owned())
    }

    fn computed(source: &str, start: usize) -> Segment {
        Segment::Expression { source: source.to_owned(), start, end: start + source.chars().count() }
    }

    #[test]
    fn splits_texts() {
        let check = |text: &str, expected: &[Segment]| assert_eq!(segments(text).as_deref(), Ok(expected), "{text}");
        check("", &[]);
        check("plain { } text", &[literal("plain { } text")]);
        check("{{ a }}", &[computed("a", 3)]);
        check("é{{a}}/{{ b.c }}!", &[literal("é"), computed("a", 3), literal("/"), computed("b.c", 10), literal("!")]);
        check("{{ '}}' ~ \"{{ \\\" }}\" }}", &[computed("'}}' ~ \"{{ \\\" }}\"", 3)]);
        check("{\"a\":{\"b\":{{ x }}}}", &[literal("{\"a\":{\"b\":"), computed("x", 13), literal("}}")]);
    }

    #[test]
    fn refuses_what_is_not_the_language() {
        let check = |text: &str, start: usize, end: usize| {
            let malformed = segments(text).unwrap_err();
            assert_eq!((malformed.start, malformed.end), (start, end), "{text}: {malformed}");
        };
        check("a {% if x %}", 2, 4);
        check("a {# x #}", 2, 4);
        check("ab {{ x", 3, 7);
        check("x }} y", 2, 4);
        check("{{ 'x }}", 3, 8);
        check("{{ `x` }}", 3, 4);
        check("{{ }}", 0, 5);
        check("{{- x }}", 2, 6);
        check("{{ x -}}", 2, 6);
    }

    #[test]
    fn knows_a_template_and_a_lone_expression() {
        assert!(is_template("a {{ b }}") && is_template("{% x %}") && !is_template("{ a }"));
        assert_eq!(only_expression(" {{ a.b }} ").as_deref(), Some("a.b"));
        assert_eq!(only_expression("{{ a }}{{ b }}"), None);
        assert_eq!(only_expression("a"), None);
    }
}
