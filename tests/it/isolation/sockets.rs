//! The same over sockets: streams of what is foreign do not open, and a bad token gets no further than the greeting.

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::ws::Socket;

use super::callers::Caller;
use super::judge::Judge;
use super::operation::Shape;
use super::questions::{Question, Width, as_kind};
use super::scene::Scene;
use super::schema::{Schema, named};
use super::values::Values;

/// Shapes that an operation with a single root field may have.
const SHAPES: [Shape; 5] = [Shape::Variables, Shape::Literals, Shape::Alias, Shape::NamedFragment, Shape::InlineFragment];

/// Everything that comes for one operation, without the name of the request.
async fn heard(client: &mut Client, body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    let operation = client.subscribe(body["query"].as_str().unwrap(), body["variables"].clone()).await;
    let mut heard = String::new();
    while let Some(mut message) = client.next(&operation).await {
        for error in message.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
            error["extensions"].as_object_mut().unwrap().remove("requestId");
        }
        heard.push_str(&message.to_string());
    }
    heard
}

/// Asks everything over one socket of a caller; how much that was, and what was wrong.
async fn tried(caller: Caller, questions: &[Question<'_>], (values, scene): (Values<'_>, &Scene), judge: &Judge) -> (usize, Vec<String>) {
    let schema = values.schema;
    let mut client = Client::connect(scene.app.address, judge.token(caller)).await;
    let (mut count, mut wrong) = (0, Vec::new());
    for question in questions {
        let stream = question.root == "Subscription";
        let shapes = if stream { &SHAPES[..] } else { &SHAPES[..1] };
        for place in question.places(schema, "ID") {
            let ids = if stream { scene.foreign_nodes(schema).collect() } else { Question::fitting(scene, schema, &place) };
            for (kind, id) in ids.into_iter().filter(|(_, id)| caller.is_kept_from(id)) {
                let operation = question.asked(values, Some((&place, &json!(id))), Width::Rich);
                let operation = as_kind(schema, operation, named(&question.field.ty.node), kind);
                for body in shapes.iter().filter_map(|shape| operation.written(schema, *shape)) {
                    let twin = judge.harmless(id);
                    let foreign = heard(&mut client, &body).await.replace(id, &twin);
                    let missing = heard(&mut client, &judge.harmless(&body)).await;
                    count += 1;
                    if foreign != missing || foreign.is_empty() || judge.leaks(caller, &foreign).is_some() {
                        wrong.push(format!("{caller:?} asked {body}\n  {foreign}\n  {missing}"));
                    }
                }
            }
        }
    }
    (count, wrong)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_1_ten_2_no_socket_tells_the_foreign_from_the_missing() {
    let (schema, scene) = (Schema::exported(), Scene::set().await);
    let judge = scene.judge().await;
    let before = scene.app.rows().await;
    let values = Values { schema: &schema, tenant: &scene.own };
    let roots = Question::reading(&schema).into_iter().filter(|question| question.owner == question.root);
    let questions: Vec<_> = Question::following(&schema).into_iter().chain(roots).chain(Question::changing(&schema)).collect();
    let each = Caller::OUTSIDERS.map(|caller| tried(caller, &questions, (values, &scene), &judge));
    let (counts, wrongs): (Vec<_>, Vec<_>) = futures_util::future::join_all(each).await.into_iter().unzip();
    let (count, wrong) = (counts.into_iter().sum::<usize>(), wrongs.concat());
    println!("{count} probes over sockets");
    assert!(wrong.is_empty(), "{} of {count}, the first: {}", wrong.len(), wrong.iter().take(5).cloned().collect::<Vec<_>>().join("\n"));
    assert!(count >= 700, "only {count} probes");
    assert_eq!(scene.app.rows().await, before, "nothing is changed, nothing is enqueued");
}

#[tokio::test]
async fn streams_of_ones_own_open_in_every_shape() {
    let (schema, scene) = (Schema::exported(), Scene::set().await);
    let judge = scene.judge().await;
    let mut client = Client::connect(scene.app.address, judge.token(Caller::Neighbour("VIEWER"))).await;
    for question in Question::following(&schema) {
        let operation = question.asked(Values { schema: &schema, tenant: &scene.own }, None, Width::Rich);
        for shape in SHAPES {
            let heard = heard(&mut client, &operation.written(&schema, shape).unwrap()).await;
            assert!(heard.contains("\"complete\":true") && !heard.contains("errors"), "{} as {shape:?}: {heard}", question.field.name.node);
        }
    }
}

#[tokio::test]
async fn jwt_3_a_bad_token_opens_no_socket() {
    let scene = Scene::set().await;
    let judge = scene.judge().await;
    for caller in [Caller::Expired, Caller::Forged] {
        let mut socket = Socket::open(scene.app.address).await;
        socket.init(judge.token(caller)).await;
        assert_eq!(socket.close_code().await, 4403, "{caller:?}");
    }
    let mut socket = Socket::open(scene.app.address).await;
    socket.send(&json!({ "type": "connection_init" })).await;
    assert_eq!(socket.close_code().await, 4403);
    let mut socket = Socket::open(scene.app.address).await;
    socket.subscribe("1", "{ viewer { email } }", json!({})).await;
    assert_eq!(socket.close_code().await, 4401);
}
