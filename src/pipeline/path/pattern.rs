//! Regular expressions in paths: I-Regexp, RFC 9485, for the library that has more than that and other meanings.
//!
//! What I-Regexp has not is refused instead of being given the library's meaning, and so is `{n}`, whose cost is not seen
//! from its length.

use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

use super::refusal::{PathRefusal, cost, syntax, unsupported};

/// Characters of a pattern.
const MAX_LENGTH: usize = 64;
/// Bytes a compiled pattern may take.
const MAX_BYTES: usize = 256 * 1024;
/// What follows a backslash and stands for itself.
const ESCAPABLE: &str = "()*+-.?[\\]^{|}";

/// Compiles a pattern, for `match` to fit the whole text and for `search` any part of it.
pub(super) fn compile(pattern: &str, whole: bool) -> Result<Regex, PathRefusal> {
    if pattern.chars().count() > MAX_LENGTH {
        return Err(cost(
            format!("a regular expression in a path has at most {MAX_LENGTH} characters"),
            "use the filter `match` of expressions instead",
        ));
    }
    let mut reader = Reader { rest: pattern.chars().peekable(), made: String::new() };
    reader.read()?;
    // Each by itself first, so that brackets that do not match cannot be completed by those around.
    let inner = build(&reader.made)?;
    if whole { build(&format!(r"\A(?:{})\z", reader.made)) } else { Ok(inner) }
}

fn build(pattern: &str) -> Result<Regex, PathRefusal> {
    RegexBuilder::new(pattern).size_limit(MAX_BYTES).dfa_size_limit(MAX_BYTES).nest_limit(20).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            cost("the regular expression in the path is too large", "use the filter `match` of expressions instead")
        }
        _ => no_pattern(),
    })
}

fn no_pattern() -> PathRefusal {
    syntax("the regular expression in the path is not one")
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    made: String,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), PathRefusal> {
        let mut repeated = false;
        while let Some(letter) = self.rest.next() {
            let repeats = matches!(letter, '*' | '+' | '?');
            match letter {
                '.' => self.made.push_str(r"[^\n\r]"),
                '\\' => self.escape()?,
                '[' => self.class()?,
                '{' => return Err(cost("a regular expression in a path has no `{n}`", "write the repeated part out, or use `*` or `+`")),
                '^' | '$' => {
                    return Err(unsupported(
                        format!("`{letter}` in a regular expression of a path is no anchor"),
                        "`match` fits the whole text and `search` any part of it; for the characters write `\\^` and `[$]`",
                    ));
                }
                '(' if self.rest.peek() == Some(&'?') => {
                    return Err(unsupported("`(?` is not part of I-Regexp", "use plain groups, `( )`"));
                }
                ']' | '}' => return Err(no_pattern()),
                _ if repeats && repeated => return Err(unsupported("`*`, `+` and `?` cannot follow each other", "use one of them")),
                other => self.made.push(other),
            }
            repeated = repeats;
        }
        Ok(())
    }

    /// What stands between `[` and `]`.
    fn class(&mut self) -> Result<(), PathRefusal> {
        self.made.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.made.push('^');
        }
        let mut empty = true;
        while let Some(letter) = self.rest.next() {
            match letter {
                ']' if empty => return Err(no_pattern()),
                ']' => {
                    self.made.push(']');
                    return Ok(());
                }
                '[' => return Err(no_pattern()),
                '-' if self.rest.peek() == Some(&'-') => return Err(no_pattern()),
                '\\' => self.escape()?,
                // Doubled they are operators to the library.
                '&' | '~' => self.made.extend(['\\', letter]),
                other => self.made.push(other),
            }
            empty = false;
        }
        Err(no_pattern())
    }

    fn escape(&mut self) -> Result<(), PathRefusal> {
        match self.rest.next() {
            Some(letter @ ('n' | 'r' | 't')) => self.made.extend(['\\', letter]),
            Some(letter @ ('p' | 'P')) => self.category(letter)?,
            Some(letter) if ESCAPABLE.contains(letter) => self.made.extend(['\\', letter]),
            Some(letter) => {
                return Err(unsupported(
                    format!("`\\{letter}` is not part of I-Regexp"),
                    "write the characters in brackets, e.g. `[0-9]` for `\\d` and `[A-Za-z0-9_]` for `\\w`",
                ));
            }
            None => return Err(no_pattern()),
        }
        Ok(())
    }

    /// A category of Unicode, e.g. `\p{Lu}`.
    fn category(&mut self, letter: char) -> Result<(), PathRefusal> {
        let opened = self.rest.next_if_eq(&'{').is_some();
        let name: String = std::iter::from_fn(|| self.rest.next_if(char::is_ascii_alphabetic)).collect();
        let closed = self.rest.next_if_eq(&'}').is_some();
        if !(opened && closed && (1..=2).contains(&name.len()) && name.starts_with(['L', 'M', 'N', 'P', 'S', 'Z', 'C'])) {
            return Err(no_pattern());
        }
        self.made.push('\\');
        self.made.push(letter);
        self.made.extend(["{", name.as_str(), "}"]);
        Ok(())
    }
}
