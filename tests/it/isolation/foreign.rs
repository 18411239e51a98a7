//! Whoever has no business in a workspace learns nothing of it: not by any id, text, cursor, filter, order or count, not
//! through any field or mutation, in whatever shape the question is put. And nothing there is touched.

use super::judge::Kind;
use super::scene::Scene;
use super::schema::Schema;

/// Fewer probes than this and something has been left out.
const LEAST: usize = 14_404;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_1_ten_2_ten_5_ten_6_ten_7_adm_4_what_is_foreign_is_answered_like_what_does_not_exist() {
    let (schema, scene) = (Schema::exported(), Scene::set().await);
    let mut judge = scene.judge().await;
    let (before, calls) = (scene.app.rows().await, scene.calls());
    connectors::selftest::run(&schema, &scene, &mut judge, &mut |_, _| ()).await.unwrap();
    let of = |kind| judge.counts.iter().filter(|((known, _), _)| *known == kind).map(|(_, count)| count).sum::<usize>();
    println!("{} probes, {} of them mutations, {} with cursors", judge.probes, of(Kind::Mutation), of(Kind::Cursor));
    assert!(judge.findings.is_empty(), "{}", super::scene::told(&judge));
    assert!(judge.probes - of(Kind::Control) >= LEAST, "only {} probes", judge.probes);
    assert_eq!(scene.app.rows().await, before, "nothing is changed, nothing is enqueued");
    assert_eq!(scene.calls(), calls, "no request left");
}
