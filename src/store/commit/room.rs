//! How many more executions a workspace may have worked on at one time, by its own setting.

use std::collections::{HashMap, HashSet};

use sqlx::sqlite::SqliteConnection;

use super::bulk::{Rows, get};
use crate::domain::id::WorkspaceId;
use crate::store::{Error, convert};

const FIND: &str = "\
WITH j(v) AS MATERIALIZED (SELECT value FROM json_each(?1)) \
SELECT w.id, w.max_concurrent_executions - \
    (SELECT count(*) FROM connector_executions AS e WHERE e.workspace_id = w.id AND e.lease_owner IS NOT NULL) \
FROM j JOIN workspaces AS w ON w.id = v->>0";

/// Places left in each workspace, counted down as they are taken within one transaction.
#[derive(Debug, Default)]
pub(super) struct Room(HashMap<WorkspaceId, i64>);

impl Room {
    /// As the transaction sees it now.
    pub(super) async fn of(connection: &mut SqliteConnection, workspaces: impl Iterator<Item = WorkspaceId>) -> Result<Self, Error> {
        let mut rows = Rows::new();
        for workspace in workspaces.collect::<HashSet<_>>() {
            rows.row().text(workspace);
        }
        let found = rows.fetch(connection, FIND).await?;
        let places = found.iter().map(|row| Ok((convert::id(get(row, 0)?)?, get(row, 1)?)));
        Ok(Self(places.collect::<Result<_, Error>>()?))
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
