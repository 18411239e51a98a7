//! One connection of PostgreSQL serves one scope after another: whatever became of the first, the second meets its own rows.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::*;

/// Two workspaces, each with a contact, on a pool of one connection.
struct Scene {
    bench: Bench,
    ann: WorkspaceScope,
    bob: WorkspaceScope,
}

impl Scene {
    async fn set() -> Self {
        let bench = bench_on_server(1).await;
        let (ann, bob) = (bench.workspace("a").await, bench.workspace("b").await);
        bench.contact(&ann, "of-a").await;
        bench.contact(&bob, "of-b").await;
        Self { bench, ann, bob }
    }

    /// Adds a contact to A, and stops before the end.
    async fn begin_something(&self) -> Tx<WorkspaceScope> {
        let tx = self.bench.begin(&self.ann).await;
        tx.insert_contact(&contact_value(self.ann.workspace_id(), "unfinished")).await.unwrap();
        tx
    }

    /// What the connection is between two transactions, and which one it is.
    async fn connection(&self) -> (String, i32) {
        let ask = "SELECT concat_ws('|', current_setting('role'), coalesce(current_setting('app.caller', true), ''), \
            coalesce(current_setting('app.subject', true), ''), coalesce(current_setting('app.workspace_id', true), ''), \
            coalesce(current_setting('app.workspace_ids', true), ''), current_setting('transaction_read_only')), pg_backend_pid()";
        let row = self.bench.store.reader().query_one_raw(Statement::from_string(DbBackend::Postgres, ask)).await.unwrap().unwrap();
        (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())
    }

    /// The next on the connection is nobody, and then B, which sees its own contact without asking for its workspace.
    async fn check(&self, what: &str, pid: i32) {
        let (settings, next) = self.connection().await;
        assert_eq!((settings.as_str(), next), ("none|||||off", pid), "{what}");
        self.check_next(what).await;
    }

    async fn check_next(&self, what: &str) {
        let tx = self.bench.read(&self.bob).await;
        let all = Statement::from_string(DbBackend::Postgres, "SELECT key FROM contacts");
        let keys: Vec<String> = tx.db().query_all_raw(all).await.unwrap().iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        assert_eq!(keys, ["of-b"], "{what}");
        drop(tx);
        assert_eq!(self.bench.number("SELECT count(*) FROM contacts").await, 2, "{what}: what was unfinished is undone");
    }
}

/// Polls a future that many times and then drops it; tells whether it had come to its end.
async fn dropped_after<T>(polls: usize, future: impl Future<Output = T>) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if future.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        left -= 1;
        if left == 0 { Poll::Ready(false) } else { Poll::Pending }
    })
    .await
}

#[tokio::test]
async fn rls_3_a_transaction_that_failed_leaves_nothing_to_the_next_scope() {
    let scene = Scene::set().await;
    let (_, pid) = scene.connection().await;
    let tx = scene.begin_something().await;
    tx.db().execute_unprepared("SELECT 1 / 0").await.unwrap_err();
    drop(tx);
    scene.check("an error", pid).await;
    drop(scene.begin_something().await);
    scene.check("left alone", pid).await;
}

#[tokio::test]
async fn rls_3_a_transaction_that_took_too_long_leaves_nothing_to_the_next_scope() {
    let scene = Scene::set().await;
    let (_, pid) = scene.connection().await;
    let tx = scene.begin_something().await;
    let slow = tokio::time::timeout(Duration::from_millis(50), tx.db().execute_unprepared("SELECT pg_sleep(0.5)")).await;
    assert!(slow.is_err());
    drop(tx);
    scene.check("given up by the caller", pid).await;
    let tx = scene.begin_something().await;
    tx.db().execute_unprepared("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(10)").await.unwrap_err();
    drop(tx);
    scene.check("ended by the server", pid).await;
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a panic ends a task of its own")]
async fn rls_3_a_transaction_whose_owner_panicked_leaves_nothing_to_the_next_scope() {
    let scene = Arc::new(Scene::set().await);
    let (_, pid) = scene.connection().await;
    let other = Arc::clone(&scene);
    let task = tokio::spawn(async move {
        let _tx = other.begin_something().await;
        panic!("in the middle");
    });
    assert!(task.await.unwrap_err().is_panic());
    scene.check("a panic", pid).await;
}

#[tokio::test]
async fn rls_3_a_transaction_dropped_at_any_point_leaves_nothing_to_the_next_scope() {
    let scene = Scene::set().await;
    for polls in 1.. {
        let ended = dropped_after(polls, async { drop(scene.begin_something().await) }).await;
        // Perhaps another connection: one that was left in the middle of a message is not used again.
        let (settings, _) = scene.connection().await;
        assert_eq!(settings, "none|||||off", "dropped at its poll {polls}");
        scene.check_next(&format!("dropped at its poll {polls}")).await;
        if ended {
            assert!(polls > 1, "it was dropped under way");
            return;
        }
    }
}

#[tokio::test]
async fn rls_6_nothing_said_and_a_foreign_workspace_are_no_rows_for_the_worker() {
    let scene = Scene::set().await;
    let id = scene.bench.start(&scene.bob, None).await;
    // Whose stored workspace is not that of the row.
    let scope = WorkspaceScope::for_run(&scene.bench.system, scene.ann.workspace_id());
    assert!(scene.bench.read(&scope).await.find_execution(id).await.unwrap().is_none());
    let claimed = scene.bench.claim(id).await;
    let lease = Arc::new(crate::domain::lease::Lease { workspace_id: scene.ann.workspace_id(), ..(*claimed.lease).clone() });
    let refused = scene.bench.store.record(&lease, record(&claimed, 2, ExecutionStatus::Succeeded)).await;
    assert!(matches!(refused, Err(crate::store::Error::Fenced)), "{refused:?}");
    assert_eq!(scene.bench.find(&scene.bob, id).await.status, ExecutionStatus::Running);
    // Before any workspace is named.
    let tx = scene.bench.read(&scene.bench.system).await;
    let all = Statement::from_string(DbBackend::Postgres, "SELECT id FROM connector_executions");
    assert!(tx.db().query_all_raw(all).await.unwrap().is_empty());
}
