//! The composition root: puts the layers together from a configuration, serves, and takes them apart in order.
//!
//! [`Server::build`] opens the database and makes everything; [`Server::run`] serves until [`Server::stop`] is
//! cancelled, then drains: no new requests, sockets closed, runs brought to a recorded point, the last commits written.

mod beside;
pub mod catalogue;
mod error;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::auth::{AdminScope, SystemScope, Verifier};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::events::Events;
use crate::executor::{Executor, Parts};
use crate::pipeline::PlanCache;
use crate::queue::Queue;
use crate::store::{self, Store};
use crate::vault::Vault;
use crate::{egress, graphql, http};

pub use beside::Beside;
pub use error::Error;

/// Longest time for closing the database.
const CLOSING: Duration = Duration::from_secs(5);

/// What a caller of [`Server::build`] may replace.
pub struct Overrides {
    /// Time, identifiers and chance.
    pub clock: Arc<dyn Clock>,
    /// The catalogue's documents; the embedded ones unless given.
    pub catalogue: Option<Vec<Value>>,
    /// Bring the schema up to date; else a schema that is behind is an error.
    pub migrate: bool,
}

impl Default for Overrides {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), catalogue: None, migrate: true }
    }
}

/// A server put together but not yet serving.
pub struct Server {
    app: App,
    store: Store,
    executor: Executor,
    verifier: Verifier,
    router: http::Router,
    http: http::Options,
    /// Sockets, operations and the store's writer.
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Cancelled last, when nobody commits any more.
    writing: CancellationToken,
    grace: Duration,
}

impl Server {
    /// Opens the database, brings schema and catalogue up to date, and puts the layers together. Each step done is
    /// told to `progress`.
    ///
    /// # Errors
    /// [`Error`] by what is missing or broken; nothing keeps running then.
    pub async fn build(config: Config, overrides: Overrides, progress: &mut (dyn FnMut(&str) + Send)) -> Result<Self, Error> {
        let Overrides { clock, catalogue, migrate } = overrides;
        refuse_without_keys(&config)?;
        let verifier = Verifier::new(&config.auth, Arc::clone(&clock))?;
        let vault = Vault::new(&config.encryption)?;
        let client = egress::Client::new(&config.egress)?;
        // Where nothing may be migrated, an empty file would be of no use.
        let database = store::Options { create: config.database.create && migrate, ..config.database.clone() };
        let (store, writer) = Store::connect(&database, Arc::clone(&clock)).await?;
        bring_up_to_date(&store, migrate, progress).await?;
        store.verify().await?;
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let writing = CancellationToken::new();
        tasks.spawn(writer.run(writing.clone()));

        let (queue, events, plans) = (Queue::default(), Events::default(), PlanCache::default());
        let app = App::new(store.clone(), vault.clone(), queue.clone(), events.clone(), plans.clone(), Arc::clone(&clock));
        let system = SystemScope::for_server();
        let documents = catalogue.map_or_else(catalogue::official, Ok)?;
        let admin = AdminScope::for_server(&system);
        let added = app.stock_catalogue(&admin, &documents).await.map_err(Error::Catalogue)?;
        if added > 0 {
            progress(&format!("catalogue: {added} official templates published"));
        }
        let parts = Parts { store: store.clone(), vault, egress: client, plans, queue, events, clock: Arc::clone(&clock), system };
        let executor = Executor::new(parts, config.worker.clone());
        executor.start().await?;
        let edge = Edge { store: store.clone(), verifier: verifier.clone(), clock, tasks: tasks.clone(), stop: stop.clone() };
        let router = router(&config, &app, &executor, edge);
        Ok(Self { app, store, executor, verifier, router, http: config.http, tasks, stop, writing, grace: config.server.shutdown_grace })
    }

    /// The use cases.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The rows, for the command line.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Verifies tokens, and signs them for the command line.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Cancel it to stop the server.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Serves until stopped, then drains. Returns when everything acknowledged is committed and every task has ended,
    /// or the grace period is over.
    ///
    /// # Errors
    /// [`Error::Store`] when the database does not close.
    pub async fn run(self, listener: TcpListener) -> Result<(), Error> {
        let Self { store, executor, router, http, tasks, stop, writing, grace, .. } = self;
        let serving = http::serve(listener, router, &http, stop.clone(), grace);
        // Runs are handed back while requests under way still end: both have the same grace.
        let draining = async {
            stop.cancelled().await;
            executor.drain(grace).await;
        };
        tokio::join!(serving, draining);
        writing.cancel();
        tasks.close();
        if tokio::time::timeout(grace, tasks.wait()).await.is_err() {
            tracing::warn!("some tasks did not end within the grace period");
        }
        // A task that is stuck may hold a connection for ever.
        if let Ok(closed) = tokio::time::timeout(CLOSING, store.close()).await { Ok(closed?) } else { Ok(()) }
    }
}

/// Keys must have been chosen by someone; all that are missing are told at once.
fn refuse_without_keys(config: &Config) -> Result<(), Error> {
    let mut missing = Vec::new();
    if config.auth.jwt_secret.is_empty() {
        missing.push("auth.jwt_secret (`connectors key generate --token` prints one)");
    }
    if config.encryption.key.is_none() {
        missing.push("encryption.key (`connectors key generate` prints one)");
    }
    if missing.is_empty() { Ok(()) } else { Err(Error::KeysMissing { missing }) }
}

async fn bring_up_to_date(store: &Store, migrate: bool, progress: &mut (dyn FnMut(&str) + Send)) -> Result<(), Error> {
    if migrate {
        let mut applied = 0;
        store.migrate(&mut |_| applied += 1).await?;
        if applied > 0 {
            progress(&format!("schema brought up to date ({applied} steps)"));
        }
        return Ok(());
    }
    if store.migration_status().await?.iter().all(|(_, applied)| *applied) { Ok(()) } else { Err(Error::SchemaBehind) }
}

/// What the edge needs besides the schema.
struct Edge {
    store: Store,
    verifier: Verifier,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

fn router(config: &Config, app: &App, executor: &Executor, edge: Edge) -> http::Router {
    let limits = config.graphql.limits.clone();
    let executor = executor.clone();
    let store = edge.store;
    http::router(http::State {
        executor: graphql::schema(app.clone(), &config.graphql),
        verifier: edge.verifier,
        prepare: Arc::new(|request, principal, id| {
            request.data(Arc::new(graphql::RequestContext { principal, request_id: id.as_str().to_owned() }))
        }),
        check: Arc::new(move |text| graphql::check_document(text, &limits)),
        readiness: Arc::new(move || {
            let (store, executor) = (store.clone(), executor.clone());
            Box::pin(async move {
                let mut failing = Vec::new();
                if store.ping().await.is_err() {
                    failing.push("database");
                }
                if !executor.is_running() {
                    failing.push("worker");
                }
                failing
            })
        }),
        clock: edge.clock,
        tasks: edge.tasks,
        stop: edge.stop,
        sockets: http::Sockets::default(),
        options: config.http.clone(),
        limits: config.http_limits.clone(),
    })
}
