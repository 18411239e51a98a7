//! What the text of a path tells before it is parsed.
//!
//! The parser's time is exponential in nested calls, so nesting is bounded here; and it passes over blanks in places where
//! RFC 9535 has none, so those are refused here.

use super::refusal::{PathRefusal, cost, syntax, unsupported};
use super::{MAX_LENGTH, MAX_SEGMENTS};

/// How deep parentheses may nest.
const MAX_PARENTHESES: usize = 4;
/// How many there may be.
const MAX_CALLS: usize = 12;

/// Checks the text of a path.
pub(super) fn check(text: &str) -> Result<(), PathRefusal> {
    if !text.starts_with('$') {
        return Err(syntax("a path begins with `$`"));
    }
    if text.chars().count() > MAX_LENGTH {
        return Err(cost(format!("a path has at most {MAX_LENGTH} characters"), "take a larger part and go on with expressions"));
    }
    if text.ends_with(char::is_whitespace) {
        return Err(syntax("a path does not end with a blank"));
    }
    check_nesting(text)?;
    check_blanks(text)
}

/// The characters outside quotes; what is in quotes counts as the quote that ends it.
fn unquoted(text: &str) -> impl Iterator<Item = char> {
    let (mut quote, mut escaped) = (None, false);
    text.chars().filter(move |&letter| match quote {
        None => {
            quote = Some(letter).filter(|letter| matches!(letter, '"' | '\''));
            quote.is_none()
        }
        Some(_) if escaped => {
            escaped = false;
            false
        }
        Some(_) if letter == '\\' => {
            escaped = true;
            false
        }
        Some(mark) if mark == letter => {
            quote = None;
            true
        }
        Some(_) => false,
    })
}

fn check_nesting(text: &str) -> Result<(), PathRefusal> {
    let (mut depth, mut calls, mut brackets) = (0_usize, 0, 0);
    for letter in unquoted(text) {
        match letter {
            '(' => {
                depth += 1;
                calls += 1;
            }
            ')' => depth = depth.saturating_sub(1),
            '[' => brackets += 1,
            _ => {}
        }
        if depth > MAX_PARENTHESES || calls > MAX_CALLS || brackets > MAX_SEGMENTS {
            return Err(cost("the path nests or chains too much", "split it, or take a larger part and go on with expressions"));
        }
    }
    Ok(())
}

/// Blanks stand neither within a name nor after a dot.
fn check_blanks(text: &str) -> Result<(), PathRefusal> {
    let (mut before, mut blank) = (' ', false);
    for letter in unquoted(text) {
        if matches!(letter, ' ' | '\t' | '\n' | '\r') {
            blank = true;
            continue;
        }
        if letter.is_whitespace() {
            return Err(unsupported(
                format!("`{}` outside quotes would be taken for a blank", letter.escape_unicode()),
                "write the name in brackets and quotes",
            ));
        }
        if blank && (before == '.' || (is_of_name(before) && is_of_name(letter))) {
            return Err(syntax("a name has no blanks; with blanks it is written in brackets and quotes, e.g. `$['first name']`"));
        }
        (before, blank) = (letter, false);
    }
    Ok(())
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || !letter.is_ascii()
}
