//! Should a row ever point into another workspace, by a fault or by hand, nothing of that workspace is shown or used: each
//! edge is read in the scope of the caller's own.

use connectors::selftest::probes::Probes;
use serde_json::json;

use super::callers::Caller;
use super::operation::Shape;
use super::questions::{Question, Width};
use super::scene::Scene;
use super::schema::Schema;
use super::values::Values;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_3_ten_5_a_row_that_points_abroad_shows_and_uses_nothing() {
    let (schema, scene) = (Schema::exported(), Scene::set().await);
    let mut judge = scene.judge().await;
    let before = scene.app.rows().await;
    let mut planted = 0;
    for (kind, foreign) in scene.foreign_nodes(&schema) {
        planted += scene.app.replace(&before, scene.own.any(kind), foreign).await;
    }
    assert!(planted >= 6, "only {planted} columns took a foreign id");
    let (planted, calls) = (scene.app.rows().await, scene.calls());
    let mut probes = Probes::over(&schema, &scene);
    probes.own();
    judge.try_all(probes.made).await;
    assert!(judge.findings.is_empty(), "{}", super::scene::told(&judge));
    assert_eq!(scene.app.rows().await, planted);

    let values = Values { schema: &schema, tenant: &scene.own };
    let start = Question::changing(&schema).into_iter().find(|question| question.field.name.node == "executionStart").unwrap();
    let place = start.places(&schema, "Int").into_iter().find(|place| place.path == ["input", "waitMs"]).unwrap();
    let run = start.asked(values, Some((&place, &json!(20_000))), Width::Rich);
    let answer = judge.ask(Caller::Neighbour("OWNER"), &run.written(&schema, Shape::Variables).unwrap()).await;
    assert_eq!(judge.leaks(Caller::Neighbour("OWNER"), &answer.body), None);
    assert_eq!(scene.calls(), calls, "no request leaves: {}", answer.body);
}
