//! What is printed: figures with their bounds and verdicts.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the one place of this program that prints")]

use serde_json::{Value, json};

use crate::Failure;
use crate::options::{Format, Measure, Options};

/// What a figure must reach.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    /// More is better.
    AtLeast {
        /// The least that is good enough.
        floor: f64,
        /// The aim.
        moonshot: f64,
    },
    /// Less is better.
    AtMost {
        /// The most that is good enough.
        floor: f64,
        /// The aim.
        moonshot: f64,
    },
}

impl Bound {
    fn verdict(self, value: f64) -> &'static str {
        let (floor, moonshot) = match self {
            Self::AtLeast { floor, moonshot } => (value >= floor, value >= moonshot),
            Self::AtMost { floor, moonshot } => (value <= floor, value <= moonshot),
        };
        match (floor, moonshot) {
            (_, true) => "moonshot reached",
            (true, false) => "floor held",
            (false, false) => "FLOOR MISSED",
        }
    }

    const fn parts(self) -> (&'static str, f64, f64) {
        match self {
            Self::AtLeast { floor, moonshot } => (">=", floor, moonshot),
            Self::AtMost { floor, moonshot } => ("<=", floor, moonshot),
        }
    }
}

/// One number.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// What it tells.
    pub(crate) name: &'static str,
    /// The number.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// What it must reach, if anything.
    pub(crate) bound: Option<Bound>,
}

impl Figure {
    /// A number to know, without bound.
    pub(crate) const fn plain(name: &'static str, value: f64, unit: &'static str) -> Self {
        Self { name, value, unit, bound: None }
    }

    /// A number that should be large.
    pub(crate) const fn at_least(name: &'static str, value: f64, unit: &'static str, (floor, moonshot): (f64, f64)) -> Self {
        Self { name, value, unit, bound: Some(Bound::AtLeast { floor, moonshot }) }
    }

    /// A number that should be small.
    pub(crate) const fn at_most(name: &'static str, value: f64, unit: &'static str, (floor, moonshot): (f64, f64)) -> Self {
        Self { name, value, unit, bound: Some(Bound::AtMost { floor, moonshot }) }
    }

    fn line(&self) -> String {
        let text = format!("  {:<52} {:>10} {:<8}", self.name, rounded(self.value), self.unit);
        let Some(bound) = self.bound else { return text.trim_end().to_owned() };
        let (sign, floor, moonshot) = bound.parts();
        format!("{text} floor {sign} {floor}, moonshot {sign} {moonshot}: {}", bound.verdict(self.value))
    }

    fn json(&self, measure: Measure) -> Value {
        let parts = self.bound.map(Bound::parts);
        json!({
            "measure": measure.name(), "name": self.name, "value": self.value, "unit": self.unit,
            "better": parts.map(|(sign, ..)| if sign == ">=" { "higher" } else { "lower" }),
            "floor": parts.map(|(_, floor, _)| floor), "moonshot": parts.map(|(.., moonshot)| moonshot),
            "verdict": self.bound.map(|bound| bound.verdict(self.value)),
        })
    }
}

/// Four digits or so, whatever the size.
fn rounded(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Everything measured so far.
#[derive(Debug)]
pub(crate) struct Report {
    format: Format,
    options: Value,
    figures: Vec<Value>,
    failures: Vec<Value>,
}

impl Report {
    /// An empty one.
    pub(crate) fn new(options: &Options) -> Self {
        let told = json!({
            "seconds": options.seconds, "rounds": options.rounds, "concurrency": options.concurrency,
            "subscribers": options.subscribers, "streams_per_socket": options.streams_per_socket,
        });
        Self { format: options.format, options: told, figures: Vec::new(), failures: Vec::new() }
    }

    /// Tells people what is going on.
    #[expect(clippy::unused_self, reason = "whoever speaks goes through the report")]
    pub(crate) fn say(&self, text: &str) {
        eprintln!("{text}");
    }

    /// Takes the figures of a measure, or why there are none.
    pub(crate) fn take(&mut self, measure: Measure, outcome: Result<Vec<Figure>, Failure>) {
        if self.format == Format::Text {
            println!("{}", measure.name());
        }
        match outcome {
            Ok(figures) => self.figures(measure, &figures),
            Err(error) => {
                self.say(&format!("  not measured: {error}"));
                self.failures.push(json!({ "measure": measure.name(), "error": error.to_string() }));
            }
        }
    }

    fn figures(&mut self, measure: Measure, figures: &[Figure]) {
        for figure in figures {
            if self.format == Format::Text {
                println!("{}", figure.line());
            }
            self.figures.push(figure.json(measure));
        }
    }

    /// Prints what is printed at the end.
    pub(crate) fn finish(&self) {
        if self.format == Format::Json {
            let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
            println!("{}", json!({ "cores": cores, "options": self.options, "figures": self.figures, "failures": self.failures }));
        }
    }

    /// Could a measure not be taken?
    pub(crate) const fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(figure: &Figure, expected: &str) {
        assert_eq!(figure.json(Measure::LiveLog)["verdict"], expected, "{}", figure.line());
    }

    #[test]
    fn verdicts_follow_the_bound() {
        for (value, expected) in [(0.39, "FLOOR MISSED"), (0.4, "floor held"), (0.6, "moonshot reached")] {
            check(&Figure::at_least("x", value, "", (0.4, 0.6)), expected);
        }
        for (value, expected) in [(61.0, "FLOOR MISSED"), (60.0, "floor held"), (20.0, "moonshot reached")] {
            check(&Figure::at_most("x", value, "MiB", (60.0, 20.0)), expected);
        }
        assert_eq!(Figure::plain("x", 1.0, "s").json(Measure::LiveLog)["verdict"], Value::Null);
    }

    #[test]
    fn numbers_keep_their_first_digits() {
        for (value, expected) in [(4321.4, "4321"), (43.21, "43.2"), (4.321, "4.32"), (0.0432, "0.043")] {
            assert_eq!(rounded(value), expected);
        }
    }
}
