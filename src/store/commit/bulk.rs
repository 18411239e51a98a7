//! Many rows in one statement: a JSON array of arrays, bound as one text and unfolded by the engine.
//!
//! One statement per table and group, whatever the number of rows, keeps the way to the engine's thread short and
//! needs neither a statement text per row count nor thousands of bound values.

use serde::Serialize;
use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use chrono::{DateTime, Utc};

use crate::store::convert::time_text;

/// Rows being gathered.
#[derive(Debug)]
pub(super) struct Rows {
    json: Vec<u8>,
    in_row: bool,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self { json: b"[".to_vec(), in_row: false }
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
        if serde_json::to_writer(&mut self.json, &value).is_err() {
            self.json.extend_from_slice(b"null");
        }
        self
    }

    /// Adds what prints itself, such as an id, as text.
    pub(super) fn text(&mut self, value: impl std::fmt::Display) -> &mut Self {
        self.comma();
        let mut serializer = serde_json::Serializer::new(&mut self.json);
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
        self.add(serde_json::to_string(value).ok())
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

    /// Runs a statement over the rows, bound as its only value; without rows, nothing.
    pub(super) async fn execute(self, connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
        if !self.is_empty() {
            sqlx::query(sql).bind(self.finish()?).execute(connection).await?;
        }
        Ok(())
    }

    /// Reads with the rows bound as the only value; without rows, nothing.
    pub(super) async fn fetch(self, connection: &mut SqliteConnection, sql: &'static str) -> Result<Vec<SqliteRow>, sqlx::Error> {
        if self.is_empty() { Ok(Vec::new()) } else { sqlx::query(sql).bind(self.finish()?).fetch_all(connection).await }
    }
}

/// A column of a row by its place.
pub(super) fn get<'r, T>(row: &'r SqliteRow, place: usize) -> Result<T, sqlx::Error>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_an_array_of_arrays() {
        let mut rows = Rows::new();
        assert!(rows.is_empty());
        rows.row().add("a\"b").add(1).add(true).add(()).json(&serde_json::json!({"k": [1]}));
        rows.row().text("x").maybe_text(None::<&str>);
        assert_eq!(rows.finish().unwrap(), r#"[["a\"b",1,true,null,"{\"k\":[1]}"],["x",null]]"#);
        assert_eq!(Rows::new().finish().unwrap(), "[]");
    }
}
