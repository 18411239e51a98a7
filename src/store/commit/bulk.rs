//! Many rows in one statement: a JSON array of arrays, bound as one text and unfolded by the engine.
//!
//! One statement per table and group, whatever the number of rows, keeps the way to the engine's thread short and
//! needs neither a statement text per row count nor thousands of bound values.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};

use chrono::{DateTime, Utc};

use super::session::{Row, Session, Sql};
use crate::store::convert::time_text;

/// Rows being gathered.
#[derive(Debug)]
pub(super) struct Rows {
    json: Vec<u8>,
    in_row: bool,
    text: Text,
}

/// How texts are written: PostgreSQL holds every character but NUL, for which U+FFFD then stands.
#[derive(Debug, Clone, Copy)]
struct Text {
    keeps_nul: bool,
}

impl Formatter for Text {
    fn write_char_escape<W: ?Sized + Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        match escape {
            CharEscape::AsciiControl(0) if !self.keeps_nul => writer.write_all(b"\\ufffd"),
            other => CompactFormatter.write_char_escape(writer, other),
        }
    }
}

impl Rows {
    /// No rows yet, for statements of this session.
    pub(super) fn of(session: &Session<'_>) -> Self {
        Self { json: b"[".to_vec(), in_row: false, text: Text { keeps_nul: !session.is_postgres() } }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.json.len() == 1
    }

    /// Begins a row.
    pub(super) fn row(&mut self) -> &mut Self {
        if !self.is_empty() {
            self.json.extend_from_slice(b"],");
        }
        self.json.push(b'[');
        self.in_row = false;
        self
    }

    /// Adds a value to the row: a text, number, truth value or nothing.
    pub(super) fn add(&mut self, value: impl Serialize) -> &mut Self {
        self.comma();
        // Scalars cannot fail to be written to memory; should one, nothing would stand here.
        if value.serialize(&mut Serializer::with_formatter(&mut self.json, self.text)).is_err() {
            self.json.extend_from_slice(b"null");
        }
        self
    }

    /// Adds what prints itself, such as an id, as text.
    pub(super) fn text(&mut self, value: impl std::fmt::Display) -> &mut Self {
        self.comma();
        let mut serializer = Serializer::with_formatter(&mut self.json, self.text);
        if serde::Serializer::collect_str(&mut serializer, &value).is_err() {
            self.json.extend_from_slice(b"null");
        }
        self
    }

    pub(super) fn maybe_text(&mut self, value: Option<impl std::fmt::Display>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.add(()),
        }
    }

    pub(super) fn time(&mut self, value: DateTime<Utc>) -> &mut Self {
        self.add(time_text(value))
    }

    pub(super) fn maybe_time(&mut self, value: Option<DateTime<Utc>>) -> &mut Self {
        self.add(value.map(time_text))
    }

    /// Adds a value as the text of its JSON, as a JSON column holds it.
    pub(super) fn json(&mut self, value: &impl Serialize) -> &mut Self {
        let mut json = Vec::new();
        let written = value.serialize(&mut Serializer::with_formatter(&mut json, self.text));
        self.add(written.ok().and_then(|()| String::from_utf8(json).ok()))
    }

    pub(super) fn maybe_json(&mut self, value: Option<&impl Serialize>) -> &mut Self {
        match value {
            Some(value) => self.json(value),
            None => self.add(()),
        }
    }

    /// Adds JSON where null stands for nothing.
    pub(super) fn json_unless_null(&mut self, value: &Value) -> &mut Self {
        self.maybe_json((!value.is_null()).then_some(value))
    }

    fn comma(&mut self) {
        if self.in_row {
            self.json.push(b',');
        }
        self.in_row = true;
    }

    fn finish(mut self) -> Result<String, sqlx::Error> {
        if !self.is_empty() {
            self.json.push(b']');
        }
        self.json.push(b']');
        String::from_utf8(self.json).map_err(|error| sqlx::Error::Encode(Box::new(error)))
    }

    /// Runs a statement over the rows, bound as its only value; without rows, nothing. Gives how many rows it changed.
    pub(super) async fn execute(self, session: &mut Session<'_>, sql: Sql) -> Result<u64, sqlx::Error> {
        if self.is_empty() { Ok(0) } else { session.execute(sql, self.finish()?).await }
    }

    /// Reads with the rows bound as the only value; without rows, nothing.
    pub(super) async fn fetch(self, session: &mut Session<'_>, sql: Sql) -> Result<Vec<Row>, sqlx::Error> {
        if self.is_empty() { Ok(Vec::new()) } else { session.fetch(sql, self.finish()?).await }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(keeps_nul: bool) -> Rows {
        Rows { json: b"[".to_vec(), in_row: false, text: Text { keeps_nul } }
    }

    #[test]
    fn rows_become_an_array_of_arrays() {
        let mut rows = rows(true);
        assert!(rows.is_empty());
        rows.row().add("a\"b").add(1).add(true).add(()).json(&serde_json::json!({"k": [1]}));
        rows.row().text("x").maybe_text(None::<&str>);
        assert_eq!(rows.finish().unwrap(), r#"[["a\"b",1,true,null,"{\"k\":[1]}"],["x",null]]"#);
    }

    #[test]
    fn inp_2_nul_is_kept_or_replaced_at_every_depth() {
        for (keeps_nul, expected) in
            [(true, r#"[["\u0000","{\"k\":\"\\u0000\\\\u0000\"}"]]"#), (false, r#"[["\ufffd","{\"k\":\"\\ufffd\\\\u0000\"}"]]"#)]
        {
            let mut rows = rows(keeps_nul);
            rows.row().text('\0').json(&serde_json::json!({"k": "\0\\u0000"}));
            assert_eq!(rows.finish().unwrap(), expected);
        }
    }
}
