//! How many more executions a workspace may have worked on at one time, by its own setting.

use std::collections::{BTreeSet, HashMap};

use super::bulk::Rows;
use super::session::{Session, Sql, get};
use crate::domain::id::WorkspaceId;
use crate::store::{Error, convert};

const FIND: Sql = Sql {
    sqlite: "\
        WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
        SELECT w.id, w.max_concurrent_executions - \
            (SELECT count(*) FROM connector_executions AS e WHERE e.workspace_id = w.id AND e.lease_owner IS NOT NULL) \
        FROM j JOIN workspaces AS w ON w.id = v->>0",
    postgres: "\
        WITH j AS MATERIALIZED (SELECT v->>0 AS id FROM jsonb_array_elements($1::jsonb) AS a(v)) \
        SELECT w.id, w.max_concurrent_executions - \
            (SELECT count(*) FROM connector_executions AS e WHERE e.workspace_id = w.id AND e.lease_owner IS NOT NULL) \
        FROM j JOIN workspaces AS w ON w.id = j.id",
};

/// In the order of their ids, so that two processes never wait for each other.
const KEEP: Sql = Sql {
    sqlite: "",
    postgres: "\
        WITH j AS MATERIALIZED (SELECT v->>0 AS id FROM jsonb_array_elements($1::jsonb) AS a(v)) \
        SELECT FROM j JOIN workspaces AS w ON w.id = j.id ORDER BY w.id FOR UPDATE OF w",
};

/// Places left in each workspace, counted down as they are taken within one transaction.
#[derive(Debug, Default)]
pub(super) struct Room(HashMap<WorkspaceId, i64>);

impl Room {
    /// As the transaction sees it now.
    pub(super) async fn of(session: &mut Session<'_>, workspaces: impl Iterator<Item = WorkspaceId>) -> Result<Self, Error> {
        let found = rows(session, workspaces).fetch(session, FIND).await?;
        let places = found.iter().map(|row| Ok((convert::id(get(row, 0)?)?, get(row, 1)?)));
        Ok(Self(places.collect::<Result<_, Error>>()?))
    }

    /// The same, and nobody else gives out places there until the transaction ends. Looking is a statement of its own,
    /// after the wait, since a statement sees what was there when it began.
    pub(super) async fn kept(session: &mut Session<'_>, workspaces: Vec<WorkspaceId>) -> Result<Self, Error> {
        if session.is_postgres() {
            rows(session, workspaces.iter().copied()).execute(session, KEEP).await?;
        }
        Self::of(session, workspaces.into_iter()).await
    }

    /// Takes a place, if there is one.
    pub(super) fn take(&mut self, workspace: WorkspaceId) -> bool {
        match self.0.get_mut(&workspace) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }
}

fn rows(session: &Session<'_>, workspaces: impl Iterator<Item = WorkspaceId>) -> Rows {
    let mut rows = Rows::of(session);
    for workspace in workspaces.collect::<BTreeSet<_>>() {
        rows.row().text(workspace);
    }
    rows
}
