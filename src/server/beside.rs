//! The layers put together beside a server that may be running on the same database: requests are answered in this
//! process, and nothing is done for anybody else. No migration, no template, no sweep, nobody's execution but one's own.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{CLOSING, Edge, Error, bring_up_to_date, refuse_without_keys, router};
use crate::app::App;
use crate::auth::{SystemScope, Verifier};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::events::Events;
use crate::executor::{Executor, Parts};
use crate::pipeline::PlanCache;
use crate::queue::Queue;
use crate::store::{self, Store};
use crate::vault::Vault;
use crate::{egress, http};

/// Connections for reading at most: the running server needs them more.
const CONNECTIONS: u32 = 4;

/// What was put together.
pub struct Beside {
    store: Store,
    executor: Executor,
    verifier: Verifier,
    router: http::Router,
    tasks: TaskTracker,
    writing: CancellationToken,
}

impl Beside {
    /// Opens the database as it is and puts the layers together.
    ///
    /// # Errors
    /// [`Error`] by what is missing or broken; [`Error::SchemaBehind`] when this program is newer than the schema.
    pub async fn build(config: &Config) -> Result<Self, Error> {
        refuse_without_keys(config)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let verifier = Verifier::new(&config.auth, Arc::clone(&clock))?;
        let vault = Vault::new(&config.encryption)?;
        let client = egress::Client::new(&config.egress)?;
        let max_connections = config.database.max_connections.min(CONNECTIONS);
        let database = store::Options { create: false, exclusive: false, max_connections, ..config.database.clone() };
        let (store, writer) = Store::connect(&database, Arc::clone(&clock)).await?;
        bring_up_to_date(&store, false, &mut |_| ()).await?;
        store.verify().await?;
        let (tasks, writing) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(writer.run(writing.clone()));
        let (queue, events, plans) = (Queue::default(), Events::default(), PlanCache::default());
        let app = App::new(store.clone(), vault.clone(), queue.clone(), events.clone(), plans.clone(), Arc::clone(&clock));
        let system = SystemScope::for_server();
        let parts = Parts { store: store.clone(), vault, egress: client, plans, queue, events, clock: Arc::clone(&clock), system };
        let executor = Executor::new(parts, config.worker.clone());
        executor.start_for_own();
        let edge = Edge { store: store.clone(), verifier: verifier.clone(), clock, tasks: tasks.clone(), stop: CancellationToken::new() };
        let router = router(config, &app, &executor, edge);
        Ok(Self { store, executor, verifier, router, tasks, writing })
    }

    /// The rows.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Verifies tokens, and signs them.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The API.
    pub fn router(&self) -> &http::Router {
        &self.router
    }

    /// Ends the runs under way here: afterwards nothing writes by itself any more.
    pub async fn rest(&self) {
        self.executor.drain(CLOSING).await;
    }

    /// Closes the database.
    pub async fn close(self) {
        self.rest().await;
        self.writing.cancel();
        self.tasks.close();
        drop(tokio::time::timeout(CLOSING, self.tasks.wait()).await);
        drop(tokio::time::timeout(CLOSING, self.store.close()).await);
    }
}
