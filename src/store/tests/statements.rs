//! Hears what the store reads with, for tests that count.

use std::sync::{Arc, Mutex};

use crate::store::{Engine, Store};

/// Every statement read with so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statements(Arc<Mutex<Vec<String>>>);

impl Statements {
    /// Those since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Store {
    /// Hears from now on. A store that was cloned already cannot be listened to.
    pub(crate) fn listen(&mut self) -> Statements {
        let statements = Statements::default();
        let heard = statements.clone();
        let inner = Arc::get_mut(&mut self.inner).unwrap();
        let (Engine::Sqlite { reader, .. } | Engine::Postgres { pool: reader, .. }) = &mut inner.engine;
        reader.set_metric_callback(move |info| heard.0.lock().unwrap().push(info.statement.sql.clone()));
        statements
    }
}
