//! From the parser's tree to the [`Query`] that is walked; refuses what multiplies and what is not well-typed.

use jsonpath_rust::parser::model::{
    Comparable, Comparison, Filter, FilterAtom, FnArg, JpQuery, Literal, Segment as Parsed, Selector as ParsedSelector, SingularQuery,
    SingularQuerySegment, Test as ParsedTest, TestFunction,
};
use serde_json::{Number, Value};

use super::program::{Operand, Query, Segment, Selector, Sign, Test};
use super::refusal::{PathRefusal, cost, syntax};
use super::{MAX_SEGMENTS, pattern};

/// How often one path may visit the same value by its selectors.
const MAX_WIDTH: usize = 16;

/// Reads a parsed path.
pub(super) fn read(parsed: &JpQuery) -> Result<Query, PathRefusal> {
    Reader::default().query(true, &parsed.segments)
}

/// What was met on the way.
#[derive(Default)]
struct Reader {
    descended: bool,
    in_filter: bool,
}

impl Reader {
    fn query(&mut self, from_root: bool, parsed: &[Parsed]) -> Result<Query, PathRefusal> {
        if parsed.len() > MAX_SEGMENTS {
            return Err(cost(format!("a path has at most {MAX_SEGMENTS} segments"), "take a larger part and go on with expressions"));
        }
        let segments: Vec<Segment> = parsed.iter().map(|segment| self.segment(segment, false)).collect::<Result<_, _>>()?;
        let width = segments.iter().try_fold(1_usize, |product, segment| product.checked_mul(segment.selectors.len()));
        if width.is_none_or(|width| width > MAX_WIDTH) {
            return Err(cost("the path has too many alternatives", "list fewer selectors in one bracket"));
        }
        let query = Query { from_root, segments };
        if from_root && self.in_filter && !query.is_singular() {
            return Err(cost(
                "a filter cannot search the whole document by `$`",
                "compare with a constant, with a single value such as `$.a.b`, or with a member of `@`",
            ));
        }
        Ok(query)
    }

    fn segment(&mut self, parsed: &Parsed, descends: bool) -> Result<Segment, PathRefusal> {
        let selectors = match parsed {
            Parsed::Descendant(_) if self.descended => {
                return Err(cost("a path has at most one `..`", "name the members on the way"));
            }
            Parsed::Descendant(inner) => {
                self.descended = true;
                return self.segment(inner, true);
            }
            Parsed::Selector(selector) => vec![self.selector(selector)?],
            Parsed::Selectors(selectors) => selectors.iter().map(|selector| self.selector(selector)).collect::<Result<_, _>>()?,
        };
        Ok(Segment { descends, selectors })
    }

    fn selector(&mut self, parsed: &ParsedSelector) -> Result<Selector, PathRefusal> {
        Ok(match parsed {
            ParsedSelector::Name(name) => Selector::Name(name.clone()),
            ParsedSelector::Wildcard => Selector::Wildcard,
            ParsedSelector::Index(index) => Selector::Index(*index),
            ParsedSelector::Slice(start, end, step) => Selector::Slice { start: *start, end: *end, step: step.unwrap_or(1) },
            ParsedSelector::Filter(_) if self.in_filter => {
                return Err(cost("a filter cannot hold another filter", "filter once, and compare with an expression afterwards"));
            }
            ParsedSelector::Filter(filter) => {
                self.in_filter = true;
                let test = self.filter(filter)?;
                self.in_filter = false;
                Selector::Filter(test)
            }
        })
    }

    fn filter(&mut self, parsed: &Filter) -> Result<Test, PathRefusal> {
        let negated = |test: Test, not: bool| if not { Test::Not(Box::new(test)) } else { test };
        Ok(match parsed {
            Filter::Or(parts) => Test::Any(parts.iter().map(|part| self.filter(part)).collect::<Result<_, _>>()?),
            Filter::And(parts) => Test::All(parts.iter().map(|part| self.filter(part)).collect::<Result<_, _>>()?),
            Filter::Atom(FilterAtom::Filter { expr, not }) => negated(self.filter(expr)?, *not),
            Filter::Atom(FilterAtom::Test { expr, not }) => negated(self.test(expr)?, *not),
            Filter::Atom(FilterAtom::Comparison(comparison)) => self.comparison(comparison)?,
        })
    }

    fn test(&mut self, parsed: &ParsedTest) -> Result<Test, PathRefusal> {
        match parsed {
            ParsedTest::RelQuery(segments) => self.query(false, segments).map(Test::Exists),
            ParsedTest::AbsQuery(query) => self.query(true, &query.segments).map(Test::Exists),
            ParsedTest::Function(function) => match &**function {
                TestFunction::Match(text, pattern) => self.fits(text, pattern, true),
                TestFunction::Search(text, pattern) => self.fits(text, pattern, false),
                TestFunction::Custom(name, _) => Err(unknown(name)),
                TestFunction::Length(_) | TestFunction::Count(_) | TestFunction::Value(_) => {
                    Err(syntax("what `length`, `count` and `value` give must be compared with something"))
                }
            },
        }
    }

    fn fits(&mut self, text: &FnArg, pattern: &FnArg, whole: bool) -> Result<Test, PathRefusal> {
        let FnArg::Literal(Literal::String(pattern)) = pattern else {
            return Err(cost("a regular expression in a path must be a constant", "write it as a text in quotes"));
        };
        Ok(Test::Fits { text: self.value(text)?, pattern: pattern::compile(pattern, whole)? })
    }

    fn comparison(&mut self, parsed: &Comparison) -> Result<Test, PathRefusal> {
        let sign = match parsed {
            Comparison::Eq(..) => Sign::Equal,
            Comparison::Ne(..) => Sign::Unequal,
            Comparison::Lt(..) => Sign::Less,
            Comparison::Lte(..) => Sign::LessOrEqual,
            Comparison::Gt(..) => Sign::Greater,
            Comparison::Gte(..) => Sign::GreaterOrEqual,
        };
        let (left, right) = parsed.vals();
        Ok(Test::Compared { left: self.comparable(left)?, sign, right: self.comparable(right)? })
    }

    fn comparable(&mut self, parsed: &Comparable) -> Result<Operand, PathRefusal> {
        match parsed {
            Comparable::Literal(value) => literal(value),
            Comparable::SingularQuery(query) => Ok(Operand::At(singular(query))),
            Comparable::Function(function) => self.function(function),
        }
    }

    fn function(&mut self, parsed: &TestFunction) -> Result<Operand, PathRefusal> {
        match parsed {
            TestFunction::Length(of) => Ok(Operand::Length(Box::new(self.value(of)?))),
            TestFunction::Count(of) => self.nodes(of).map(Operand::Count),
            TestFunction::Value(of) => self.nodes(of).map(Operand::Only),
            TestFunction::Match(..) | TestFunction::Search(..) => Err(syntax("what `match` and `search` give is no value")),
            TestFunction::Custom(name, _) => Err(unknown(name)),
        }
    }

    /// An argument that is one value.
    fn value(&mut self, argument: &FnArg) -> Result<Operand, PathRefusal> {
        let FnArg::Test(test) = argument else {
            let FnArg::Literal(value) = argument else { return Err(syntax("a comparison is no argument of a function")) };
            return literal(value);
        };
        let query = match &**test {
            ParsedTest::RelQuery(segments) => self.query(false, segments)?,
            ParsedTest::AbsQuery(query) => self.query(true, &query.segments)?,
            ParsedTest::Function(function) => return self.function(function),
        };
        if query.is_singular() {
            Ok(Operand::At(query))
        } else {
            Err(syntax("`length`, `match` and `search` take a path to a single value, made of names and places"))
        }
    }

    /// An argument that is a path.
    fn nodes(&mut self, argument: &FnArg) -> Result<Query, PathRefusal> {
        let test = if let FnArg::Test(test) = argument { Some(&**test) } else { None };
        match test {
            Some(ParsedTest::RelQuery(segments)) => self.query(false, segments),
            Some(ParsedTest::AbsQuery(query)) => self.query(true, &query.segments),
            Some(ParsedTest::Function(_)) | None => Err(syntax("`count` and `value` take a path")),
        }
    }
}

fn unknown(name: &str) -> PathRefusal {
    syntax(format!("RFC 9535 has no function `{name}`"))
}

fn singular(parsed: &SingularQuery) -> Query {
    let (from_root, segments) = match parsed {
        SingularQuery::Current(segments) => (false, segments),
        SingularQuery::Root(segments) => (true, segments),
    };
    let selector = |segment: &SingularQuerySegment| match segment {
        SingularQuerySegment::Index(index) => Selector::Index(*index),
        SingularQuerySegment::Name(name) => Selector::Name(name.clone()),
    };
    let segments = segments.iter().map(|segment| Segment { descends: false, selectors: vec![selector(segment)] }).collect();
    Query { from_root, segments }
}

fn literal(parsed: &Literal) -> Result<Operand, PathRefusal> {
    Ok(Operand::Literal(match parsed {
        Literal::Int(number) => Value::from(*number),
        Literal::Float(number) => {
            Number::from_f64(*number).map(Value::Number).ok_or_else(|| syntax("a number in the path is too large"))?
        }
        Literal::String(text) => Value::String(text.clone()),
        Literal::Bool(flag) => Value::Bool(*flag),
        Literal::Null => Value::Null,
    }))
}
