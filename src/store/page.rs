//! Keyset pages: the rows after or before the one a cursor names, never an offset.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Func, Order, Query};
use sea_orm::{
    Condition, ConnectionTrait, DatabaseExecutor, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};

use chrono::{DateTime, Utc};

use super::{Error, convert};
use crate::domain::page::{Cursor, MalformedCursor, Page, PageEnd, PageRequest};

/// What a list is sorted by before the id.
pub(super) enum Key<M> {
    /// By the id alone.
    Id,
    /// A text, never null; with how to read it off a row.
    Text(Expr, fn(&M) -> String),
    /// An instant, never null.
    Time(Expr, fn(&M) -> DateTime<Utc>),
    /// A whole number, never null.
    Integer(Expr, fn(&M) -> i64),
}

/// One order of one list.
pub(super) struct Keyset<M> {
    /// Names list and order in cursors.
    pub(super) list: &'static str,
    pub(super) key: Key<M>,
    /// The column that breaks ties.
    pub(super) id: Expr,
    pub(super) id_of: fn(&M) -> String,
    pub(super) descending: bool,
}

impl<M> Keyset<M> {
    fn cursor(&self, row: &M) -> Cursor {
        let key = match &self.key {
            Key::Id => String::new(),
            Key::Text(_, read) => read(row),
            Key::Time(_, read) => convert::time_text(read(row)),
            Key::Integer(_, read) => read(row).to_string(),
        };
        Cursor { list: self.list.to_owned(), key, id: (self.id_of)(row) }
    }

    /// Rows beyond the cursor, towards greater values or lesser ones; with the one at the cursor or without.
    fn beyond(&self, cursor: &Cursor, greater: bool, with_it: bool) -> Result<Condition, Error> {
        let passes = |place: &Expr, value: Expr, with_it: bool| match (greater, with_it) {
            (true, true) => place.clone().gte(value),
            (true, false) => place.clone().gt(value),
            (false, true) => place.clone().lte(value),
            (false, false) => place.clone().lt(value),
        };
        let by_id = passes(&self.id, Expr::val(cursor.id.clone()), with_it);
        let (key, value) = match &self.key {
            Key::Id => return Ok(Condition::all().add(by_id)),
            Key::Text(key, _) => (key, Expr::val(cursor.key.clone())),
            Key::Time(key, _) => (key, Expr::val(cursor.key.parse::<DateTime<Utc>>().map_err(|_| MalformedCursor)?)),
            Key::Integer(key, _) => (key, Expr::val(cursor.key.parse::<i64>().map_err(|_| MalformedCursor)?)),
        };
        // Implied by the rest, and said so that the engine begins at the cursor: it cannot begin at an `OR`.
        let begin = passes(key, value.clone(), true);
        let tie = Condition::all().add(key.clone().eq(value.clone())).add(by_id);
        Ok(Condition::all().add(begin).add(Condition::any().add(passes(key, value, false)).add(tie)))
    }

    fn sort<E: EntityTrait>(&self, select: Select<E>, greater: bool) -> Select<E> {
        let order = if greater { Order::Asc } else { Order::Desc };
        match &self.key {
            Key::Id => select,
            Key::Text(key, _) | Key::Time(key, _) | Key::Integer(key, _) => select.order_by(key.clone(), order.clone()),
        }
        .order_by(self.id.clone(), order)
    }
}

/// Reads one page of what `select` selects.
pub(super) async fn page<E>(
    db: &DatabaseExecutor<'_>,
    select: Select<E>,
    keyset: &Keyset<E::Model>,
    request: &PageRequest,
) -> Result<Page<E::Model>, Error>
where
    E: EntityTrait,
    E::Model: FromQueryResult + Sized + Send + Sync,
{
    let cursor = request.cursor.as_deref().map(|text| Cursor::decode(text, keyset.list)).transpose()?;
    let size = u64::from(Ord::min(request.size, PageRequest::MAX_SIZE));
    let forward = request.end == PageEnd::First;
    let greater = forward != keyset.descending;
    let mut wanted = select.clone();
    if let Some(cursor) = &cursor {
        wanted = wanted.filter(keyset.beyond(cursor, greater, false)?);
    }
    let mut rows = keyset.sort(wanted, greater).limit(size + 1).all(db).await?;
    let more = rows.len() as u64 > size;
    rows.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let behind = match &cursor {
        Some(cursor) => is_any_behind(db, &select, keyset, cursor, !greater).await?,
        None => false,
    };
    if !forward {
        rows.reverse();
    }
    let total = if request.count { count(db, keyset.sort(select, greater)).await? } else { None };
    let (has_next, has_previous) = if forward { (more, behind) } else { (behind, more) };
    let items = rows.into_iter().map(|row| (keyset.cursor(&row).encode(), row)).collect();
    Ok(Page { items, has_next, has_previous, total })
}

/// Is there a row at the cursor or on its other side?
async fn is_any_behind<E: EntityTrait>(
    db: &DatabaseExecutor<'_>,
    select: &Select<E>,
    keyset: &Keyset<E::Model>,
    cursor: &Cursor,
    greater: bool,
) -> Result<bool, Error> {
    // In order, so that the engine begins at the cursor instead of looking for any row that fits.
    let look = keyset.sort(select.clone().filter(keyset.beyond(cursor, greater, true)?), greater);
    let look = look.select_only().expr(Expr::val(1)).limit(1).into_query();
    Ok(db.query_one(&look).await?.is_some())
}

/// How many rows there are in all, counted no further than anyone wants to know. They come in the order of the list: an
/// engine that may take any rows would look for them among those of everyone.
async fn count<E: EntityTrait>(db: &DatabaseExecutor<'_>, select: Select<E>) -> Result<Option<u64>, Error> {
    let rows = select.select_only().expr_as(Expr::val(1), "one").limit(PageRequest::COUNT_LIMIT + 1).into_query();
    let mut count = Query::select();
    count.expr_as(Func::count(Expr::col("one")), "total").from_subquery(rows, Alias::new("counted"));
    let row = db.query_one(&count).await?.ok_or(Error::NotFound)?;
    let total = u64::try_from(row.try_get::<i64>("", "total")?).unwrap_or(0);
    Ok((total <= PageRequest::COUNT_LIMIT).then_some(total))
}

/// Turns each row of a page into a value.
pub(super) fn map<M, T>(page: Page<M>, turn: impl Fn(M) -> Result<T, Error>) -> Result<Page<T>, Error> {
    let Page { items, has_next, has_previous, total } = page;
    let items = items.into_iter().map(|(cursor, row)| Ok((cursor, turn(row)?))).collect::<Result<_, Error>>()?;
    Ok(Page { items, has_next, has_previous, total })
}
