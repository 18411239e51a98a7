//! What people and programs read: data on standard output, progress and messages on standard error.
//!
//! With `--format json` standard output holds JSON alone and progress is left out.

#![expect(clippy::print_stderr, reason = "this is the one place that prints")]

use std::io::{IsTerminal as _, Write as _};

use serde_json::Value;

use super::{Format, Globals};

/// Where a command prints to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    format: Format,
    colour: bool,
}

impl Output {
    /// As the global flags say; colour only on a terminal and without `NO_COLOR`.
    pub(super) fn new(globals: &Globals) -> Self {
        Self { format: globals.format, colour: !globals.no_color && std::io::stderr().is_terminal() }
    }

    /// Is standard output for programs?
    pub(super) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// One step of a longer work, done.
    pub(super) fn step(self, line: &str) {
        if !self.is_json() {
            eprintln!("{} {line}", self.paint("✓", "32"));
        }
    }

    /// Something a person should know although it is not the result.
    pub(super) fn warn(self, line: &str) {
        eprintln!("{} {line}", self.paint("!", "33"));
    }

    /// A failure.
    pub(super) fn error(self, line: &str) {
        eprintln!("{} {line}", self.paint("error:", "31"));
    }

    /// Text for people.
    pub(super) fn say(self, text: &str) {
        if !self.is_json() {
            line(text);
        }
    }

    /// Data for programs.
    pub(super) fn json(self, value: &Value) {
        if self.is_json() {
            line(value);
        }
    }

    /// A value that is the result in either format, e.g. a token.
    pub(super) fn result(self, name: &str, value: &str) {
        if self.is_json() {
            line(serde_json::json!({ name: value }));
        } else {
            line(value);
        }
    }

    /// One log line of a run as the API gives it; the label tells runs apart, and is empty where there is one run only.
    pub(super) fn log_line(self, label: &str, entry: &Value) {
        if self.is_json() {
            return;
        }
        let text = |member: &str| entry.get(member).and_then(Value::as_str).unwrap_or_default();
        let level = match text("level") {
            "WARN" => self.paint("WARN ", "33"),
            "ERROR" => self.paint("ERROR", "31"),
            other => format!("{other:<5}"),
        };
        let label = match label {
            "" => String::new(),
            label => format!("{:<26} ", label.chars().take(26).collect::<String>()),
        };
        let sequence = entry.get("sequence").and_then(Value::as_i64).unwrap_or(0);
        let step = match text("stepPath") {
            "" => String::new(),
            path => format!("{path}: "),
        };
        let time: String = text("loggedAt").chars().skip(11).take(12).collect();
        line(format_args!("{time} {label}{sequence:>3} {level} {step}{}", text("message")));
    }

    /// A table, its columns as wide as needed.
    pub(super) fn table<const N: usize>(self, head: [&str; N], rows: impl Iterator<Item = [String; N]>) {
        if self.is_json() {
            return;
        }
        let rows: Vec<[String; N]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
        let mut widths = [0_usize; N];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        line("");
        for (place, row) in rows.iter().enumerate() {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            line(cells.join("  ").trim_end());
            if place == 0 {
                line("─".repeat(widths.iter().sum::<usize>() + 2 * (N - 1)));
            }
        }
    }

    fn paint(self, text: &str, colour: &str) -> String {
        if self.colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// One line on standard output. When nobody reads it any more, as after `| head`, the work goes on unseen.
fn line(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stdout(), "{text}"));
}
