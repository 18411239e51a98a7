//! What a path is once it is read: the parts that [`super::walk`] goes through.

use regex::Regex;
use serde_json::Value;

/// A path from the document, or from the value a filter looks at.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) from_root: bool,
    pub(super) segments: Vec<Segment>,
}

/// One segment, RFC 9535 section 2.5.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// Does it look into everything below, as `..` does?
    pub(super) descends: bool,
    pub(super) selectors: Vec<Selector>,
}

/// What one segment picks, RFC 9535 section 2.3.
#[derive(Debug, Clone)]
pub(super) enum Selector {
    Name(String),
    Wildcard,
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    Filter(Test),
}

/// What a filter asks of a value.
#[derive(Debug, Clone)]
pub(super) enum Test {
    Any(Vec<Test>),
    All(Vec<Test>),
    Not(Box<Test>),
    Exists(Query),
    Compared { left: Operand, sign: Sign, right: Operand },
    Fits { text: Operand, pattern: Regex },
}

/// How two values are compared.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sign {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// One value, or nothing.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Literal(Value),
    /// What a singular path finds.
    At(Query),
    /// `length()`.
    Length(Box<Operand>),
    /// `count()`.
    Count(Query),
    /// `value()`: what a path finds when that is one.
    Only(Query),
}

impl Query {
    /// Can it find one value at most? Then it is made of names and places.
    pub(super) fn is_singular(&self) -> bool {
        self.segments.iter().all(|segment| segment.single().is_some())
    }
}

impl Segment {
    /// The name or place it is made of, if it is nothing else.
    pub(super) fn single(&self) -> Option<&Selector> {
        match self.selectors.as_slice() {
            [selector @ (Selector::Name(_) | Selector::Index(_))] if !self.descends => Some(selector),
            _ => None,
        }
    }
}
