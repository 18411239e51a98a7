//! How much one request may ask for, judged before it costs anything.
//!
//! [`check_document`] looks at the raw text in one pass, before the parser, whose recursion it bounds. [`check_weight`]
//! then weighs the parsed document with every fragment counted where it is used, but walked once: a few kilobytes of
//! nested fragments must not keep the library's own visitors busy for ever.

use std::collections::HashMap;

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType, Selection, SelectionSet};
use async_graphql::{ErrorExtensionValues, ServerError};

use super::error::request_error;

/// Selection sets within selection sets that are looked at; introspection by common tools needs about 15.
pub(super) const RECURSION: usize = 40;
/// The deepest introspection query that is answered, where introspection is on.
const INTROSPECTION_DEPTH: u64 = 25;

/// How much one request may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document.
    pub document_bytes: usize,
    /// Tokens of the document.
    pub tokens: usize,
    /// Brackets of one kind within each other.
    pub nesting: usize,
    /// Aliases.
    pub aliases: usize,
    /// Directives.
    pub directives: usize,
    /// Fields at the root of an operation.
    pub root_fields: usize,
    /// Fields within fields.
    pub depth: usize,
    /// Cost points: one per field, times the page size below a connection.
    pub cost: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { document_bytes: 32 * 1024, tokens: 2_000, nesting: 64, aliases: 30, directives: 20, root_fields: 20, depth: 12, cost: 5_000 }
    }
}

impl Limits {
    /// Each limit with its public name.
    pub(crate) fn named(&self) -> [(&'static str, usize); 8] {
        [
            ("query.document_bytes", self.document_bytes),
            ("query.tokens", self.tokens),
            ("query.nesting", self.nesting),
            ("query.aliases", self.aliases),
            ("query.directives", self.directives),
            ("query.root_fields", self.root_fields),
            ("query.depth", self.depth),
            ("query.cost", self.cost),
        ]
    }
}

/// A document that asks for too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Top-level error code.
    pub code: &'static str,
    /// One sentence, for people.
    pub message: String,
    /// Name of the limit.
    pub limit: &'static str,
    /// The most that is allowed.
    pub maximum: usize,
    /// What was asked for; at least, when counting stopped early.
    pub actual: usize,
}

impl Refusal {
    fn new(limit: &'static str, maximum: usize, actual: usize) -> Self {
        let what = limit.trim_start_matches("query.").replace('_', " ");
        let message = format!("The document is too large: {what} may be at most {maximum}.");
        Self { code: "QUERY_TOO_COMPLEX", message, limit, maximum, actual }
    }
}

impl From<Refusal> for ServerError {
    fn from(refusal: Refusal) -> Self {
        let mut error = request_error(refusal.code, refusal.message);
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        extensions.set("limit", refusal.limit);
        extensions.set("maximum", refusal.maximum);
        extensions.set("actual", refusal.actual);
        error
    }
}

/// Judges the raw text in one pass: size, tokens, nesting, aliases, directives.
///
/// What is wrong with the grammar is left to the parser.
///
/// # Errors
/// The first limit that is passed.
pub fn check_document(text: &str, limits: &Limits) -> Result<(), Refusal> {
    if text.len() > limits.document_bytes {
        return Err(Refusal::new("query.document_bytes", limits.document_bytes, text.len()));
    }
    let mut scan = Scan { limits, tokens: 0, aliases: 0, directives: 0, open: [0; 3] };
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = match first {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | 0xEF | 0xBB | 0xBF => after,
            b'#' => after.iter().position(|byte| matches!(byte, b'\n' | b'\r')).and_then(|end| after.get(end..)).unwrap_or_default(),
            b'"' => {
                scan.token(first)?;
                after_string(after)
            }
            byte if is_word(byte) => {
                scan.token(first)?;
                let end = after.iter().position(|byte| !is_word(*byte)).unwrap_or(after.len());
                after.get(end..).unwrap_or_default()
            }
            _ => {
                scan.token(first)?;
                after
            }
        };
    }
    Ok(())
}

/// What has been counted so far.
struct Scan<'a> {
    limits: &'a Limits,
    tokens: usize,
    aliases: usize,
    directives: usize,
    /// Open `(`, `[`, `{`.
    open: [usize; 3],
}

impl Scan<'_> {
    fn token(&mut self, first: u8) -> Result<(), Refusal> {
        self.tokens += 1;
        within("query.tokens", self.limits.tokens, self.tokens)?;
        let [round, square, curly] = &mut self.open;
        match first {
            b'(' => *round += 1,
            b'[' => *square += 1,
            b'{' => *curly += 1,
            b')' => *round = round.saturating_sub(1),
            b']' => *square = square.saturating_sub(1),
            b'}' => *curly = curly.saturating_sub(1),
            b'@' => self.directives += 1,
            // Outside of arguments and variable definitions a colon follows an alias only.
            b':' if *round == 0 => self.aliases += 1,
            _ => return Ok(()),
        }
        let deepest = self.open.iter().copied().max().unwrap_or(0);
        within("query.nesting", self.limits.nesting, deepest)?;
        within("query.directives", self.limits.directives, self.directives)?;
        within("query.aliases", self.limits.aliases, self.aliases)
    }
}

/// Refuses what is over a limit.
pub(super) fn within(limit: &'static str, maximum: usize, actual: usize) -> Result<(), Refusal> {
    if actual <= maximum { Ok(()) } else { Err(Refusal::new(limit, maximum, actual)) }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.') || byte >= 0x80
}

/// What follows a string whose opening quote was read; nothing when it does not end.
fn after_string(text: &[u8]) -> &[u8] {
    if let Some(block) = text.strip_prefix(b"\"\"") {
        return after_block(block);
    }
    let mut escaped = false;
    for (place, byte) in text.iter().enumerate() {
        match byte {
            b'"' if !escaped => return text.get(place + 1..).unwrap_or_default(),
            // A line ends a string that was never closed; the parser will say so.
            b'\n' | b'\r' => return text.get(place..).unwrap_or_default(),
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    &[]
}

/// What follows a block string whose three opening quotes were read; nothing when it does not end.
fn after_block(mut text: &[u8]) -> &[u8] {
    while let Some((_, after)) = text.split_first() {
        if let Some(end) = text.strip_prefix(b"\"\"\"") {
            return end;
        }
        text = text.strip_prefix(b"\\\"\"\"").unwrap_or(after);
    }
    text
}

/// Is it clear which operation is meant?
pub(super) fn check_operation(document: &ExecutableDocument, name: Option<&str>) -> Result<(), ServerError> {
    let clear = match (&document.operations, name) {
        (DocumentOperations::Single(_), None) => true,
        (DocumentOperations::Single(_), Some(_)) => false,
        (DocumentOperations::Multiple(operations), None) => operations.len() == 1,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.contains_key(name),
    };
    if clear {
        return Ok(());
    }
    Err(request_error("OPERATION_RESOLUTION_FAILED", "The document has no operation of that name, or several and none was named."))
}

/// What a selection set comes to with its fragments in place.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    fields: u64,
    depth: u64,
}

/// Counts fields and depth, each fragment walked once. A fragment within itself weighs more than anything allowed.
struct Scale<'a> {
    document: &'a ExecutableDocument,
    known: HashMap<&'a str, Weight>,
}

impl<'a> Scale<'a> {
    fn set(&mut self, set: &'a SelectionSet, inside: usize) -> Weight {
        if inside > RECURSION * 4 {
            return Weight { fields: u64::MAX, depth: u64::MAX };
        }
        let mut whole = Weight::default();
        for item in &set.items {
            let part = self.selection(&item.node, inside);
            whole.fields = whole.fields.saturating_add(part.fields);
            whole.depth = whole.depth.max(part.depth);
        }
        whole
    }

    fn selection(&mut self, selection: &'a Selection, inside: usize) -> Weight {
        match selection {
            Selection::Field(field) => {
                let below = self.set(&field.node.selection_set.node, inside + 1);
                Weight { fields: below.fields.saturating_add(1), depth: below.depth.saturating_add(1) }
            }
            Selection::InlineFragment(fragment) => {
                let below = self.set(&fragment.node.selection_set.node, inside + 1);
                Weight { fields: below.fields.saturating_add(1), ..below }
            }
            Selection::FragmentSpread(spread) => {
                let below = self.fragment(&spread.node.fragment_name.node, inside);
                Weight { fields: below.fields.saturating_add(1), ..below }
            }
        }
    }

    fn fragment(&mut self, name: &'a str, inside: usize) -> Weight {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        self.known.insert(name, Weight { fields: u64::MAX, depth: u64::MAX });
        let document = self.document;
        let weight =
            document.fragments.get(name).map_or_else(Weight::default, |fragment| self.set(&fragment.node.selection_set.node, inside + 1));
        self.known.insert(name, weight);
        weight
    }
}

/// Judges the parsed document: fields, depth, fields at the root.
pub(super) fn check_weight(document: &ExecutableDocument, limits: &Limits) -> Result<(), Refusal> {
    let mut scale = Scale { document, known: HashMap::new() };
    let mut fields = 0_u64;
    for name in document.fragments.keys() {
        // Unused fragments count too: the library's visitors walk them all the same.
        if scale.fragment(name, 0).fields == u64::MAX {
            fields = u64::MAX;
        }
    }
    for (_, operation) in document.operations.iter() {
        let set = &operation.node.selection_set.node;
        within("query.root_fields", limits.root_fields, set.items.len())?;
        let query = operation.node.ty == OperationType::Query;
        for item in &set.items {
            let weight = scale.selection(&item.node, 0);
            let about_schema = matches!(&item.node, Selection::Field(field) if query && field.node.name.node.starts_with("__"));
            let depth = usize::try_from(weight.depth).unwrap_or(usize::MAX);
            if about_schema {
                within("query.depth", usize::try_from(INTROSPECTION_DEPTH).unwrap_or(usize::MAX), depth)?;
            } else {
                within("query.depth", limits.depth, depth)?;
            }
            fields = fields.saturating_add(weight.fields);
        }
    }
    within("query.cost", limits.cost, usize::try_from(fields).unwrap_or(usize::MAX))
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
