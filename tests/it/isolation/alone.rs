//! Each wall by itself. The probes are asked of a server whose own code keeps workspaces apart no longer: it filters by no
//! workspace, and takes everyone for an owner of each.
//!
//! On PostgreSQL the second wall must hold all the same. A SQLite file has none, so there the judge must cry out: that
//! shows that the probes are not blind. That the first wall holds alone is what every other run on SQLite shows.

use crate::support::postgres;

use super::callers::Caller;
use super::scene::{Scene, told};
use super::schema::Schema;

/// Fewer findings than this, and some kind of probe sees nothing.
const OUTCRY: usize = 4_000;

/// Members of the guarded workspace are left out: what keeps a viewer from what an owner may do is the first wall alone.
fn is_outside(caller: Caller) -> bool {
    !matches!(caller, Caller::Insider(_))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rls_1_ten_1_without_the_first_wall_the_second_holds_and_the_judge_sees_that_there_is_none_in_a_file() {
    let (schema, scene) = (Schema::exported(), Scene::set().await.without_first_wall().await);
    let mut judge = scene.judge().await.of_callers(is_outside);
    let (before, calls) = (scene.app.rows().await, scene.calls());
    connectors::selftest::run(&schema, &scene, &mut judge, &mut |_, _| ()).await.unwrap();
    let (count, after) = (judge.findings.len(), scene.app.rows().await);
    if postgres::is_wanted() {
        assert!(judge.findings.is_empty(), "{}", told(&judge));
        assert_eq!(scene.split(&after).0, scene.split(&before).0, "nothing is changed in the guarded workspace");
        assert_eq!((after, scene.calls()), (before, calls), "nothing is changed, nothing is enqueued, no request left");
    } else {
        println!("{count} findings of {} probes", judge.probes);
        assert!(count >= OUTCRY, "only {}", told(&judge));
        assert!(judge.findings.iter().any(|finding| finding.wrong.contains("holds `canary-`")), "texts are seen");
        assert!(judge.findings.iter().any(|finding| finding.wrong.contains("answered unlike")), "ids are seen");
        assert_ne!(scene.split(&after).0, scene.split(&before).0, "changes are seen");
    }
}
