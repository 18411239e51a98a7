//! Commits whose answer is lost on the way: each is made exactly once, and whoever waits hears the truth.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::proxy::{Commit, Proxy};
use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, two_steps};

/// A server whose way to its database can be cut, and an API for its connector.
struct Scene {
    app: TestApp,
    proxy: Proxy,
    upstream: Upstream,
    connector: String,
}

async fn scene() -> Scene {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": "v" }))).await;
    let Database::Server(database) = Database::on_server().await else { panic!("no server") };
    let proxy = Proxy::start(database.socket()).await;
    let url = proxy.url("connectors_server", database.name());
    let change = |config: &mut connectors::config::Config| {
        config.database.url = url;
        // Nobody but those who commit tries to get through while the wire is closed.
        config.worker.sweep = Duration::from_hours(1);
    };
    let app = TestApp::start_on(Database::Server(database), change).await;
    let connector = app.connector(two_steps(&upstream.base_url())).await;
    Scene { app, proxy, upstream, connector }
}

fn assert_done_once(execution: &Value, scene: &Scene, q: &str) {
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    let lines = execution["logs"]["nodes"].as_array().unwrap();
    let sequences: Vec<_> = lines.iter().map(|line| line["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>(), "gapless: {execution}");
    assert!(!lines.iter().any(|line| line["message"].as_str().unwrap().contains("Resumed")), "by one worker: {execution}");
    for path in ["/one", "/two"] {
        let calls = scene.upstream.calls().iter().filter(|call| call.uri.path() == path && call.query("q").as_deref() == Some(q)).count();
        assert_eq!(calls, 1, "{path} of {q}");
    }
}

#[tokio::test]
async fn flt_3_the_outcome_of_a_commit_whose_answer_was_lost_is_asked_and_not_guessed() {
    let scene = scene().await;
    // The commit of the start, of the first step, and of the end.
    let places: [&[Commit]; 3] = [&[], &[Commit::Pass], &[Commit::Pass, Commit::Pass]];
    for (number, passing) in places.iter().enumerate() {
        for cut in [Commit::CutBefore, Commit::CutAfter] {
            let q = format!("{number} {cut:?}");
            scene.proxy.plan(&[passing, &[cut][..]].concat());
            let execution = scene.app.run_to_end(&scene.connector, json!({ "q": q })).await;
            assert!(scene.proxy.is_done(), "it was cut");
            assert_done_once(&execution, &scene, &q);
        }
    }
    let database = scene.app.stop().await;
    assert_eq!(database.row("SELECT count(*)::text, max(number)::text FROM connector_executions").await, ["6", "6"], "none twice");
}

#[tokio::test]
async fn flt_2_a_record_that_was_committed_unheard_is_known_when_it_is_sent_again() {
    let scene = scene().await;
    for (q, passing) in [("step", 1), ("end", 2)] {
        let begun = Instant::now();
        scene.proxy.plan(&[&vec![Commit::Pass; passing][..], &[Commit::CutAfterAndClose]].concat());
        let refused = scene.proxy.refused();
        let id = scene.app.run(&scene.connector, json!({ "q": q })).await;
        // Ten tries a second for five seconds are those of the group commit itself; more of them, and it has given up once,
        // and whoever recorded has sent the same again.
        while scene.proxy.refused() < refused + 60 {
            tokio::task::yield_now().await;
        }
        scene.proxy.open();
        let execution = scene.app.await_end(&id).await;
        assert_done_once(&execution, &scene, q);
        assert!(begun.elapsed() < Duration::from_secs(25), "before its lease ran out");
    }
}
