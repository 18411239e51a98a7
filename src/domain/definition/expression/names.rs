//! Lists the names an expression uses and what in it is outside the language.

use super::{MAX_JOINS, MAX_NESTING, MAX_OPERATORS, MAX_PIPES, MAX_SOURCE, Malformed, Span, closing_quote};

/// What an expression uses, in order of appearance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Variable paths, e.g. `["steps", "lookup", "first"]`; a path ends before an index that is no literal.
    pub variables: Vec<(Vec<String>, Span)>,
    /// Filters, after `|`.
    pub filters: Vec<(String, Span)>,
    /// Functions called.
    pub functions: Vec<(String, Span)>,
    /// Tests, after `is`.
    pub tests: Vec<(String, Span)>,
    /// How many operators, words such as `and` included.
    pub operators: usize,
    /// How many `|`.
    pub pipes: usize,
    /// How many `~`.
    pub joins: usize,
    /// Most brackets open at once.
    pub depth: usize,
    /// What the language does not allow; the names above are those found all the same.
    pub faults: Vec<Malformed>,
}

/// Scans the inside of a `{{ }}`. Ends for every text, in time linear in its length.
pub fn names(source: &str) -> Names {
    let chars: Vec<char> = source.chars().collect();
    if chars.len() > MAX_SOURCE {
        let message = format!("an expression may have {MAX_SOURCE} characters, this one has {}", chars.len());
        return Names { faults: vec![Malformed::new(message, 0, chars.len())], ..Names::default() };
    }
    let mut found = Names::default();
    let tokens = tokens(&chars, &mut found.faults);
    Scan { tokens: &tokens, at: 0, open: Vec::new(), found: &mut found }.run();
    let limits = [
        (found.depth, MAX_NESTING, "open brackets"),
        (found.pipes, MAX_PIPES, "filters"),
        (found.joins, MAX_JOINS, "`~`"),
        (found.operators, MAX_OPERATORS, "operators"),
    ];
    for (count, limit, what) in limits {
        if count > limit {
            found.faults.push(Malformed::new(format!("an expression may have {limit} {what}, this one has {count}"), 0, chars.len()));
        }
    }
    found
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Word(String),
    Text(String),
    Number(String),
    Sign(&'static str),
}

struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

const SIGNS: &[&str] =
    &["==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "|", ".", ",", ":", "(", ")", "[", "]", "{", "}"];
const FOREIGN_SIGNS: &[&str] = &["...", "//", "**", "?.", "?[", "</"];

/// Cuts the source into tokens; stops at the first character that begins none.
fn tokens(chars: &[char], faults: &mut Vec<Malformed>) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&letter) = chars.get(at) {
        if letter.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        match token(chars, at, letter) {
            Ok((kind, end)) => {
                tokens.push(Token { kind, start: at, end });
                at = end;
            }
            Err(fault) => {
                faults.push(fault);
                break;
            }
        }
    }
    tokens
}

fn token(chars: &[char], at: usize, letter: char) -> Result<(Kind, usize), Malformed> {
    let text = |from: usize, to: usize| chars.get(from..to).unwrap_or_default().iter().collect::<String>();
    let run = |fits: fn(char) -> bool| at + chars.iter().skip(at).take_while(|letter| fits(**letter)).count();
    if letter.is_ascii_alphabetic() || letter == '_' {
        let end = run(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        return Ok((Kind::Word(text(at, end)), end));
    }
    if letter.is_ascii_digit() {
        let end = run(|letter| letter.is_ascii_digit() || letter == '.');
        let number = text(at, end);
        return if number.parse::<f64>().is_ok() && !number.ends_with('.') {
            Ok((Kind::Number(number), end))
        } else {
            Err(Malformed::new("not a number", at, end))
        };
    }
    if letter == '\'' || letter == '"' {
        let close = closing_quote(chars, at)?;
        return Ok((Kind::Text(text(at + 1, close)), close + 1));
    }
    let begins = |sign: &&&str| sign.chars().enumerate().all(|(place, expected)| chars.get(at + place) == Some(&expected));
    if let Some(sign) = FOREIGN_SIGNS.iter().find(begins) {
        return Err(Malformed::new(format!("`{sign}` is not part of the language"), at, at + sign.len()));
    }
    match SIGNS.iter().find(begins) {
        Some(sign) => Ok((Kind::Sign(sign), at + sign.len())),
        None if letter == '!' => Err(Malformed::new("`!` is not part of the language; write `not`", at, at + 1)),
        None => Err(Malformed::new(format!("`{}` has no meaning here", letter.escape_debug()), at, at + 1)),
    }
}

struct Scan<'a> {
    tokens: &'a [Token],
    at: usize,
    open: Vec<&'static str>,
    found: &'a mut Names,
}

impl<'a> Scan<'a> {
    fn run(&mut self) {
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            match &token.kind {
                Kind::Word(word) => self.word(token, word),
                Kind::Sign(sign) => self.sign(token, sign),
                Kind::Text(_) | Kind::Number(_) => {}
            }
        }
        if let (Some(open), Some(last)) = (self.open.last(), self.tokens.last()) {
            self.found.faults.push(Malformed::new(format!("`{open}` is not closed"), last.start, last.end));
        }
    }

    fn peek(&self) -> Option<&'a Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn fault(&mut self, token: &Token, message: impl Into<String>) {
        self.found.faults.push(Malformed::new(message, token.start, token.end));
    }

    /// The word that must come next, with its place.
    fn expect_word(&mut self, after: &Token, what: &str) -> Option<(String, Span)> {
        let Some(token @ Token { kind: Kind::Word(word), start, end }) = self.tokens.get(self.at) else {
            self.fault(after, format!("{what} must follow here"));
            return None;
        };
        self.at += 1;
        self.refuse_reserved(token, word);
        Some((word.clone(), (*start, *end)))
    }

    fn refuse_reserved(&mut self, token: &Token, word: &str) {
        if word == "for" {
            self.fault(token, "`for` is not part of the language");
        } else if word.starts_with("__") {
            self.fault(token, "names that begin with `__` are not part of the language");
        }
    }

    fn sign(&mut self, token: &Token, sign: &'static str) {
        match sign {
            "(" | "[" | "{" => {
                self.open.push(sign);
                self.found.depth = self.found.depth.max(self.open.len());
            }
            ")" | "]" | "}" => {
                let opening = match sign {
                    ")" => "(",
                    "]" => "[",
                    _ => "{",
                };
                if self.open.pop() != Some(opening) {
                    self.fault(token, format!("`{sign}` closes nothing"));
                }
            }
            "|" => {
                self.found.pipes += 1;
                let filter = self.expect_word(token, "the name of a filter");
                self.found.filters.extend(filter);
            }
            "." => {
                self.expect_word(token, "a name");
            }
            "," | ":" => {}
            "=" => self.fault(token, "`=` only names an argument; to compare write `==`"),
            _ => {
                self.found.operators += 1;
                self.found.joins += usize::from(sign == "~");
            }
        }
    }

    fn word(&mut self, token: &Token, word: &str) {
        self.refuse_reserved(token, word);
        match word {
            "true" | "false" | "null" | "else" => {}
            "or" | "and" | "not" | "in" | "if" => self.found.operators += 1,
            "is" => {
                self.found.operators += 1;
                if matches!(self.peek(), Some(Kind::Word(next)) if next == "not") {
                    self.at += 1;
                }
                let test = self.expect_word(token, "a test such as `defined`");
                self.found.tests.extend(test);
            }
            _ => match self.peek() {
                Some(Kind::Sign("(")) => self.found.functions.push((word.to_owned(), (token.start, token.end))),
                Some(Kind::Sign("=")) if self.open.last() == Some(&"(") => self.at += 1,
                _ => self.variable(token, word),
            },
        }
    }

    fn variable(&mut self, token: &Token, word: &str) {
        let mut path = vec![word.to_owned()];
        let mut end = token.end;
        loop {
            match self.tokens.get(self.at..).unwrap_or_default() {
                [Token { kind: Kind::Sign("."), .. }, name @ Token { kind: Kind::Word(member), .. }, ..] => {
                    self.refuse_reserved(name, member);
                    path.push(member.clone());
                    end = name.end;
                    self.at += 2;
                }
                [
                    Token { kind: Kind::Sign("["), .. },
                    Token { kind: Kind::Text(member) | Kind::Number(member), .. },
                    close @ Token { kind: Kind::Sign("]"), .. },
                    ..,
                ] => {
                    path.push(member.clone());
                    end = close.end;
                    self.at += 3;
                }
                _ => break,
            }
        }
        self.found.variables.push((path, (token.start, end)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(source: &str) -> Vec<String> {
        names(source).variables.into_iter().map(|(path, _)| path.join(".")).collect()
    }

    #[test]
    fn lists_variables() {
        let check = |source: &str, expected: &[&str]| {
            let found = names(source);
            assert_eq!(found.faults, [], "{source}");
            assert_eq!(joined(source), expected, "{source}");
        };
        check("steps.lookup.first", &["steps.lookup.first"]);
        check("a['b c'].d[0].e", &["a.b c.d.0.e"]);
        check("a[b.c].d", &["a", "b.c"]);
        check("(a or b).c | default(value=d.e)", &["a", "b", "d.e"]);
        check("a if b is not divisible_by(divisor=c) else null", &["a", "b", "c"]);
        check("'inputs.x' ~ uuid() ~ [a, {\"b\": c}] | join(sep=', ')", &["a", "c"]);
        check("a.b >= 1.5 and not c in [true, false]", &["a.b", "c"]);
        check("a[1:2]", &["a"]);
    }

    #[test]
    fn tells_filters_functions_tests_and_places() {
        let found = names("x.é");
        assert_eq!(found.faults.first().map(|fault| (fault.start, fault.end)), Some((2, 3)));
        let found = names("'é' ~ inputs.x | lower | e164(country=config.c) is defined or uuid()");
        assert_eq!(found.variables.first().map(|(_, span)| *span), Some((6, 14)));
        assert_eq!(found.filters, [("lower".to_owned(), (17, 22)), ("e164".to_owned(), (25, 29))]);
        assert_eq!(found.tests, [("defined".to_owned(), (51, 58))]);
        assert_eq!(found.functions, [("uuid".to_owned(), (62, 66))]);
        assert_eq!((found.pipes, found.joins, found.operators, found.depth), (2, 1, 3, 1));
    }

    #[test]
    fn refuses_what_is_not_the_language() {
        for source in [
            "__tera_context",
            "a.__b",
            "[x for x in y]",
            "a ?. b",
            "a // b",
            "a ** b",
            "{...a}",
            "!a",
            "a = b",
            "a |",
            "a is",
            "(a",
            "a)",
            "(a]",
            "a.",
            "1.2.3",
            "'open",
            "a ; b",
            "`a`",
        ] {
            assert_ne!(names(source).faults, [], "{source}");
        }
    }

    #[test]
    fn holds_its_limits() {
        let check = |source: String, fits: bool| assert_eq!(names(&source).faults.is_empty(), fits, "{source:.40}");
        check(format!("{}a{}", "(".repeat(16), ")".repeat(16)), true);
        check(format!("{}a{}", "(".repeat(17), ")".repeat(17)), false);
        check(format!("a{}", " | lower".repeat(16)), true);
        check(format!("a{}", " | lower".repeat(17)), false);
        check(format!("a{}", " ~ a".repeat(17)), false);
        check(format!("a{}", " + a".repeat(64)), true);
        check(format!("a{}", " + a".repeat(65)), false);
        check(format!("'{}'", "a".repeat(4094)), true);
        check(format!("'{}'", "a".repeat(4095)), false);
    }
}
