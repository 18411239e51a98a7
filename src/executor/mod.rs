//! Runs executions: takes ids from the queue, leases them, walks their steps, records each before the next begins.
//!
//! [`Executor::start`] sets the pool, the sweeper and the heartbeat going; [`Executor::drain`] stops taking work and
//! waits for runs to reach a recorded point. Promise: a recorded step never runs again; a call to the outside is
//! attempted at least once.

mod attempt;
mod broken;
mod budget;
mod crowds;
mod error;
mod journal;
mod lease;
mod mapping;
mod plans;
mod pool;
mod run;
mod step;
mod sweeper;
mod worker;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::SystemScope;
use crate::clock::Clock;
use crate::domain::id::ExecutionId;
use crate::domain::lease::Lease;
use crate::egress;
use crate::events::Events;
use crate::pipeline::PlanCache;
use crate::queue::Queue;
use crate::store::Store;
use crate::vault::Vault;

pub use error::Error;

/// Executions one process may work on at one time.
const MAX_CONCURRENCY: usize = 10_000;

/// How executions are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Executions worked on at one time, 1 to 10,000. One that waits for a retry is not worked on.
    pub concurrency: usize,
    /// How long a lease holds without a heartbeat. Another process takes over after this.
    pub lease: Duration,
    /// How often lost rings are looked for.
    pub sweep: Duration,
    /// The longest an execution may take in all, waits included.
    pub max_run: Duration,
    /// A call slower than this has its "started" line stored at once, so that people watching see it.
    pub show_call_after: Duration,
    /// Bytes of a body kept for looking at: of steps that succeeded.
    pub preview_bytes: usize,
    /// Bytes of a body kept for looking at: of attempts that failed.
    pub failure_preview_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency: 256,
            lease: Duration::from_secs(30),
            sweep: Duration::from_secs(5),
            max_run: Duration::from_hours(24),
            show_call_after: Duration::from_millis(100),
            preview_bytes: 2 * 1024,
            failure_preview_bytes: 16 * 1024,
        }
    }
}

/// What an executor works with.
pub struct Parts {
    /// Rows.
    pub store: Store,
    /// Opens credentials.
    pub vault: Vault,
    /// Calls the outside.
    pub egress: egress::Client,
    /// Compiled plans, shared with the use cases.
    pub plans: PlanCache,
    /// Rings.
    pub queue: Queue,
    /// News.
    pub events: Events,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Permission to work on any workspace's executions.
    pub system: SystemScope,
}

/// What all tasks of an executor share.
struct Shared {
    parts: Parts,
    options: Options,
    /// Who holds this process's leases.
    owner: Arc<str>,
    /// Executions worked on here.
    running: Mutex<HashMap<ExecutionId, Running>>,
    sweeper: sweeper::Alarm,
    /// Executions whose workspaces have no room for them now.
    crowds: crowds::Crowds,
    /// Who may call which service when.
    budgets: budget::Budgets,
    /// Set when no new work is to be taken.
    stopping: CancellationToken,
    tasks: TaskTracker,
}

/// One execution being worked on.
#[derive(Debug, Clone)]
struct Running {
    /// Breaks off the call under way: the execution was cancelled, or its lease is lost.
    stop: CancellationToken,
    lease: Option<Arc<Lease>>,
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, HashMap<ExecutionId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Handle on a running executor; clones share it.
#[derive(Clone)]
pub struct Executor {
    shared: Arc<Shared>,
}

impl Executor {
    /// An executor that does nothing yet.
    pub fn new(parts: Parts, options: Options) -> Self {
        let owner = Arc::from(format!("node-{}", parts.clock.fresh_id()));
        Self {
            shared: Arc::new(Shared {
                parts,
                options,
                owner,
                running: Mutex::default(),
                sweeper: sweeper::Alarm::default(),
                crowds: crowds::Crowds::default(),
                budgets: budget::Budgets::default(),
                stopping: CancellationToken::new(),
                tasks: TaskTracker::new(),
            }),
        }
    }

    /// Frees what an earlier process of this database left leased, then starts pool, sweeper and heartbeat.
    ///
    /// # Errors
    /// [`Error::Store`] when the database does not answer.
    pub async fn start(&self) -> Result<(), Error> {
        let freed = self.shared.parts.store.free_leases(&self.shared.parts.system).await?;
        if freed > 0 {
            tracing::info!(freed, "executions of an earlier process are taken over");
        }
        self.start_for_own();
        self.shared.tasks.spawn(sweeper::run(Arc::clone(&self.shared)));
        Ok(())
    }

    /// Starts pool and heartbeat alone: what is started in this process is run, and what others left or wait for is not
    /// looked at. For a process beside the server.
    pub fn start_for_own(&self) {
        let tasks = &self.shared.tasks;
        let Options { lease, concurrency, .. } = self.shared.options;
        let workplace = self.shared.parts.queue.open(&self.shared.owner, lease, concurrency.clamp(1, MAX_CONCURRENCY));
        tasks.spawn(pool::run(Arc::clone(&self.shared), workplace));
        tasks.spawn(pool::run_stops(Arc::clone(&self.shared)));
        tasks.spawn(lease::run(Arc::clone(&self.shared)));
    }

    /// Is it taking work?
    pub fn is_running(&self) -> bool {
        !self.shared.stopping.is_cancelled()
    }

    /// Executions worked on now.
    pub fn running(&self) -> usize {
        self.shared.running().len()
    }

    /// Takes no new work and waits for runs to reach a recorded point, at most `grace`; the rest is broken off and
    /// handed back. Dropping the future leaves the executor stopping.
    pub async fn drain(&self, grace: Duration) {
        self.shared.stopping.cancel();
        self.shared.parts.queue.close();
        self.shared.tasks.close();
        if tokio::time::timeout(grace, self.shared.tasks.wait()).await.is_err() {
            let broken_off: Vec<_> = self.shared.running().values().map(|running| running.stop.clone()).collect();
            tracing::warn!(runs = broken_off.len(), "grace period over; calls under way are broken off");
            for stop in broken_off {
                stop.cancel();
            }
            drop(tokio::time::timeout(Duration::from_secs(2), self.shared.tasks.wait()).await);
        }
    }
}
