//! Goes through a document along a path, and counts every value it looks at.
//!
//! The count is what bounds a path at run time, whatever the document: when the visits are used up there is no result.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::program::{Operand, Query, Segment, Selector, Sign, Test};

/// The visits are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exhausted;

/// Bytes of a text that cost as much to read as one value does to visit.
const BYTES_PER_VISIT: usize = 64;
/// Visits for one byte that a pattern is tried on.
const VISITS_PER_MATCHED_BYTE: usize = 4;

/// One walk through one document.
pub(super) struct Walk<'a> {
    root: &'a Value,
    /// Visits that are left.
    pub(super) left: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: &'a Value, visits: usize) -> Self {
        Self { root, left: visits }
    }

    /// The values a path finds, seen from `current`.
    pub(super) fn nodes(&mut self, query: &Query, current: &'a Value) -> Result<Vec<&'a Value>, Exhausted> {
        if query.is_singular() {
            return Ok(self.single(query, current)?.into_iter().collect());
        }
        let start = if query.from_root { self.root } else { current };
        query.segments.iter().try_fold(vec![start], |nodes, segment| self.segment(segment, nodes))
    }

    /// The one value a singular path finds.
    fn single(&mut self, query: &Query, current: &'a Value) -> Result<Option<&'a Value>, Exhausted> {
        self.visit(query.segments.len() + 1)?;
        let start = if query.from_root { self.root } else { current };
        Ok(query.segments.iter().try_fold(start, |value, segment| member(value, segment.single()?)))
    }

    fn segment(&mut self, segment: &Segment, nodes: Vec<&'a Value>) -> Result<Vec<&'a Value>, Exhausted> {
        let nodes = if segment.descends { self.with_all_below(nodes)? } else { nodes };
        let mut found = Vec::new();
        for node in nodes {
            for selector in &segment.selectors {
                self.select(selector, node, &mut found)?;
            }
        }
        Ok(found)
    }

    /// The values and everything in them, each before what is in it.
    fn with_all_below(&mut self, mut open: Vec<&'a Value>) -> Result<Vec<&'a Value>, Exhausted> {
        let mut found = Vec::new();
        open.reverse();
        while let Some(node) = open.pop() {
            self.visit(1)?;
            found.push(node);
            match node {
                Value::Array(items) => open.extend(items.iter().rev()),
                Value::Object(members) => open.extend(members.values().rev()),
                _ => {}
            }
        }
        Ok(found)
    }

    fn select(&mut self, selector: &Selector, node: &'a Value, found: &mut Vec<&'a Value>) -> Result<(), Exhausted> {
        self.visit(1)?;
        match selector {
            Selector::Name(_) | Selector::Index(_) => found.extend(member(node, selector)),
            Selector::Wildcard => {
                let children = children(node);
                self.visit(children.len())?;
                found.extend(children);
            }
            Selector::Slice { start, end, step } => {
                let Value::Array(items) = node else { return Ok(()) };
                for place in places(*start, *end, *step, items.len()) {
                    self.visit(1)?;
                    found.extend(items.get(place));
                }
            }
            Selector::Filter(test) => {
                for child in children(node) {
                    self.visit(1)?;
                    if self.holds(test, child)? {
                        found.push(child);
                    }
                }
            }
        }
        Ok(())
    }

    fn holds(&mut self, test: &Test, node: &'a Value) -> Result<bool, Exhausted> {
        Ok(match test {
            Test::Any(parts) => {
                for part in parts {
                    if self.holds(part, node)? {
                        return Ok(true);
                    }
                }
                false
            }
            Test::All(parts) => {
                for part in parts {
                    if !self.holds(part, node)? {
                        return Ok(false);
                    }
                }
                true
            }
            Test::Not(inner) => !self.holds(inner, node)?,
            Test::Exists(query) => !self.nodes(query, node)?.is_empty(),
            Test::Compared { left, sign, right } => {
                let (left, right) = (self.operand(left, node)?, self.operand(right, node)?);
                self.compare(left.as_deref(), *sign, right.as_deref())?
            }
            Test::Fits { text, pattern } => {
                let value = self.operand(text, node)?;
                let Some(given) = value.as_deref().and_then(Value::as_str) else { return Ok(false) };
                self.visit(given.len().saturating_mul(VISITS_PER_MATCHED_BYTE))?;
                pattern.is_match(given)
            }
        })
    }

    fn operand<'b>(&mut self, operand: &'b Operand, node: &'a Value) -> Result<Option<Cow<'b, Value>>, Exhausted>
    where
        'a: 'b,
    {
        Ok(match operand {
            Operand::Literal(value) => Some(Cow::Borrowed(value)),
            Operand::At(query) => self.single(query, node)?.map(Cow::Borrowed),
            Operand::Count(query) => Some(Cow::Owned(self.nodes(query, node)?.len().into())),
            Operand::Only(query) => match self.nodes(query, node)?.as_slice() {
                [only] => Some(Cow::Borrowed(*only)),
                _ => None,
            },
            Operand::Length(of) => {
                let of = self.operand(of, node)?;
                self.length(of.as_deref())?.map(|length| Cow::Owned(length.into()))
            }
        })
    }

    /// Characters, items or members; nothing of anything else.
    fn length(&mut self, value: Option<&Value>) -> Result<Option<usize>, Exhausted> {
        Ok(match value {
            Some(Value::String(text)) => {
                self.visit(text.len() / BYTES_PER_VISIT)?;
                Some(text.chars().count())
            }
            Some(Value::Array(items)) => Some(items.len()),
            Some(Value::Object(members)) => Some(members.len()),
            _ => None,
        })
    }

    /// RFC 9535 section 2.3.5.2.2; nothing is equal to nothing alone.
    fn compare(&mut self, left: Option<&Value>, sign: Sign, right: Option<&Value>) -> Result<bool, Exhausted> {
        Ok(match sign {
            Sign::Equal => self.equal(left, right)?,
            Sign::Unequal => !self.equal(left, right)?,
            Sign::Less => less(left, right),
            Sign::Greater => less(right, left),
            Sign::LessOrEqual => less(left, right) || self.equal(left, right)?,
            Sign::GreaterOrEqual => less(right, left) || self.equal(left, right)?,
        })
    }

    fn equal(&mut self, left: Option<&Value>, right: Option<&Value>) -> Result<bool, Exhausted> {
        match (left, right) {
            (Some(left), Some(right)) => self.same(left, right),
            (None, None) => Ok(true),
            _ => Ok(false),
        }
    }

    fn same(&mut self, left: &Value, right: &Value) -> Result<bool, Exhausted> {
        self.visit(1)?;
        match (left, right) {
            (Value::Number(left), Value::Number(right)) => Ok(order(left, right) == Some(Ordering::Equal)),
            (Value::String(left), Value::String(right)) => {
                self.visit(left.len().min(right.len()) / BYTES_PER_VISIT)?;
                Ok(left == right)
            }
            (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
                for (left, right) in left.iter().zip(right) {
                    if !self.same(left, right)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Value::Object(left), Value::Object(right)) if left.len() == right.len() => {
                for (name, left) in left {
                    if !self.equal(Some(left), right.get(name))? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
            (Value::Null, Value::Null) => Ok(true),
            _ => Ok(false),
        }
    }

    fn visit(&mut self, visits: usize) -> Result<(), Exhausted> {
        self.left = self.left.checked_sub(visits).ok_or(Exhausted)?;
        Ok(())
    }
}

fn member<'a>(value: &'a Value, selector: &Selector) -> Option<&'a Value> {
    match (selector, value) {
        (Selector::Name(name), Value::Object(members)) => members.get(name),
        (Selector::Index(index), Value::Array(items)) => {
            let length = i64::try_from(items.len()).ok()?;
            items.get(usize::try_from(from_start(*index, length)).ok()?)
        }
        _ => None,
    }
}

fn children(node: &Value) -> Vec<&Value> {
    match node {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    }
}

/// A place that may count from the end.
fn from_start(place: i64, length: i64) -> i64 {
    if place < 0 { length.saturating_add(place) } else { place }
}

/// The places a slice picks, RFC 9535 section 2.3.4.2.2.
fn places(start: Option<i64>, end: Option<i64>, step: i64, length: usize) -> impl Iterator<Item = usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let place = |given: Option<i64>, otherwise: i64| given.map_or(otherwise, |given| from_start(given, length));
    let (from, until) = if step >= 0 {
        (place(start, 0).clamp(0, length), place(end, length).clamp(0, length))
    } else {
        (place(start, length - 1).clamp(-1, length - 1), place(end, -1).clamp(-1, length - 1))
    };
    let inside = move |place: &i64| match step.signum() {
        1 => *place < until,
        -1 => *place > until,
        _ => false,
    };
    std::iter::successors(Some(from), move |place| place.checked_add(step))
        .take_while(inside)
        .filter_map(|place| usize::try_from(place).ok())
}

fn less(left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => order(left, right) == Some(Ordering::Less),
        (Some(Value::String(left)), Some(Value::String(right))) => left < right,
        _ => false,
    }
}

/// Whole numbers by their digits, others as doubles.
fn order(left: &Number, right: &Number) -> Option<Ordering> {
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}
