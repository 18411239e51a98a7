//! Pages of lists: `edges`, `nodes`, `pageInfo`, and a count only when it is asked for.

use std::borrow::Cow;

use async_graphql::{Context, Object, OutputType, SimpleObject, TypeName};

use crate::domain::page::{Page, PageEnd, PageRequest};
use crate::graphql::error::{Error, Result};
use crate::graphql::scalar::int;

/// Which part of a page is wanted, as the four paging arguments give it.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageArgs {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
}

impl PageArgs {
    /// As the store understands it; counts only if `totalCount` is selected.
    pub(crate) fn request(self, ctx: &Context<'_>) -> Result<PageRequest> {
        let count = ctx.look_ahead().field("totalCount").exists();
        let refuse = |message: &str| Err(Error::BadUserInput(message.to_owned()));
        if self.first.is_some() && self.last.is_some() {
            return refuse("Give `first` or `last`, not both.");
        }
        let (end, size, cursor) = match self.last {
            Some(_) if self.after.is_some() => return refuse("`after` goes with `first`; with `last` give `before`."),
            Some(last) => (PageEnd::Last, last, self.before),
            None if self.before.is_some() => return refuse("`before` goes with `last`; with `first` give `after`."),
            None => (PageEnd::First, self.first.unwrap_or_else(|| int(PageRequest::DEFAULT_SIZE)), self.after),
        };
        match u32::try_from(size) {
            Ok(size) if size <= PageRequest::MAX_SIZE => Ok(PageRequest { size, end, cursor, count }),
            _ => refuse("A page has between 0 and 100 items."),
        }
    }
}

/// What a page costs: each item as much as what is asked of it.
pub(crate) fn page_cost(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    let asked = first.or(last).and_then(|size| usize::try_from(size).ok()).unwrap_or(PageRequest::DEFAULT_SIZE as usize);
    asked.min(PageRequest::MAX_SIZE as usize).saturating_mul(child).saturating_add(1)
}

/// Where a page begins and ends.
#[derive(SimpleObject, Debug, Clone)]
pub(crate) struct PageInfo {
    /// Does the list go on after this page?
    has_next_page: bool,
    /// Does it go on before it?
    has_previous_page: bool,
    /// The first edge's cursor; null on an empty page.
    start_cursor: Option<String>,
    /// The last edge's cursor; null on an empty page.
    end_cursor: Option<String>,
}

/// One item of a page, with its place.
pub(crate) struct Edge<T> {
    pub(crate) cursor: String,
    pub(crate) node: T,
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", <T as OutputType>::type_name()).into()
    }
}

/// One item of a page.
#[Object(name_type)]
impl<T: OutputType> Edge<T> {
    /// Its place in the list, to be given as `after` or `before`.
    async fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The item itself.
    async fn node(&self) -> &T {
        &self.node
    }
}

/// One page of a list.
pub(crate) struct Connection<T> {
    edges: Vec<Edge<T>>,
    info: PageInfo,
    total: Option<u64>,
}

impl<T> From<Page<T>> for Connection<T> {
    fn from(page: Page<T>) -> Self {
        let edges: Vec<_> = page.items.into_iter().map(|(cursor, node)| Edge { cursor, node }).collect();
        let info = PageInfo {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: edges.last().map(|edge| edge.cursor.clone()),
        };
        Self { edges, info, total: page.total }
    }
}

impl<T: OutputType> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", <T as OutputType>::type_name()).into()
    }
}

/// One page of a list.
#[Object(name_type)]
impl<T: OutputType> Connection<T> {
    /// The items, each with its cursor.
    async fn edges(&self) -> &[Edge<T>] {
        &self.edges
    }

    /// The items without their cursors.
    async fn nodes(&self) -> Vec<&T> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// Where the page begins and ends.
    async fn page_info(&self) -> &PageInfo {
        &self.info
    }

    /// The number of items in the whole list; null when there are more than 10,000.
    async fn total_count(&self) -> Option<i32> {
        self.total.map(int)
    }
}
