//! Keyset pages: a cursor names the last row seen, never an offset.

/// The place of one row in one order: the value it is sorted by and its id, which breaks ties.
///
/// On the wire it is opaque text; `store` and `graphql` agree on it through [`Cursor::encode`] and [`Cursor::decode`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cursor {
    /// The list and order it belongs to, e.g. `connectors.updated`; a cursor of another list is refused.
    pub list: String,
    /// The value the list is sorted by, as stored.
    pub key: String,
    /// The row's id.
    pub id: String,
}

/// The text is no cursor of this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor does not belong to this list")]
pub struct MalformedCursor;

impl Cursor {
    /// As opaque text.
    pub fn encode(&self) -> String {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        URL_SAFE_NO_PAD.encode(format!("{}\u{1f}{}\u{1f}{}", self.list, self.key, self.id))
    }

    /// From opaque text.
    ///
    /// # Errors
    /// [`MalformedCursor`] when the text was not made by [`Cursor::encode`] for a list of that name.
    pub fn decode(text: &str, list: &str) -> Result<Self, MalformedCursor> {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| MalformedCursor)?;
        let plain = String::from_utf8(bytes).map_err(|_| MalformedCursor)?;
        let mut parts = plain.split('\u{1f}');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(found), Some(key), Some(id), None) if found == list && !plain.contains('\0') => {
                Ok(Self { list: found.to_owned(), key: key.to_owned(), id: id.to_owned() })
            }
            _ => Err(MalformedCursor),
        }
    }
}

/// From which end a page is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageEnd {
    /// `first`, optionally `after` a cursor.
    First,
    /// `last`, optionally `before` a cursor.
    Last,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows at most, 0 to 100.
    pub size: u32,
    /// From which end.
    pub end: PageEnd,
    /// Opaque cursor the page begins after (First) or ends before (Last).
    pub cursor: Option<String>,
    /// Is the total wanted? Counting costs, so only when asked for.
    pub count: bool,
}

impl PageRequest {
    /// Rows of a page unless told.
    pub const DEFAULT_SIZE: u32 = 25;
    /// The largest page.
    pub const MAX_SIZE: u32 = 100;
    /// Totals are exact up to this many and unknown above.
    pub const COUNT_LIMIT: u64 = 10_000;

    /// The first `size` rows.
    pub fn first(size: u32) -> Self {
        Self { size, end: PageEnd::First, cursor: None, count: false }
    }
}

/// One page, in the list's order.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Rows with the opaque cursor of each.
    pub items: Vec<(String, T)>,
    /// Is there more after it?
    pub has_next: bool,
    /// Is there more before it?
    pub has_previous: bool,
    /// Rows in all; `None` when not asked for or above [`PageRequest::COUNT_LIMIT`].
    pub total: Option<u64>,
}

impl<T> Page<T> {
    /// The same page with each row turned into something else.
    pub fn map<U>(self, mut turn: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(|(cursor, item)| (cursor, turn(item))).collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
            total: self.total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_round_trips_only_for_its_list() {
        let cursor = Cursor { list: "a".into(), key: "2026-01-01".into(), id: "cnr_1".into() };
        assert_eq!(Cursor::decode(&cursor.encode(), "a"), Ok(cursor.clone()));
        assert!(Cursor::decode(&cursor.encode(), "b").is_err());
        assert!(Cursor::decode("%%%", "a").is_err());
    }
}
