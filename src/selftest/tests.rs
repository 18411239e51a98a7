//! The judge is not blind: each test feeds it one wrong answer by hand, and the right one beside it.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::json;

use super::callers::{Caller, Tokens};
use super::judge::{Answer, Expect, Judge, Kind, Probe, twin};
use super::rules;
use super::scene::{Scene, Tenant, Word};
use super::schema::Schema;

const ID: &str = "exe_0123456789abcdefghjkmnpqrs";
const OTHER: &str = "log_0123456789abcdefghjkmnpqrs";
const MARK: &str = "canary-of-a";

/// What the judge finds wrong when this question is answered so.
async fn found(asked: &str, expect: Expect, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Vec<String> {
    let tenant = |mark| Tenant::new(mark, json!({}));
    let words = vec![Word { foreign: MARK.to_owned(), twin: "absent-in-a".to_owned(), admins_may: false }];
    let tokens = Tokens::from([(Caller::Stranger, Some("token".to_owned()))]);
    let scene = Scene { foreign: tenant(MARK), own: tenant("b"), words, canary: MARK.to_owned(), tokens };
    let ask = Arc::new(move |_, body: String| {
        let body = answer(&body);
        Box::pin(async move { Answer { head: "200".to_owned(), body } }) as futures_util::future::BoxFuture<'static, Answer>
    });
    let mut judge = Judge::over(ask, &scene, HashSet::from([ID.to_owned(), OTHER.to_owned()]));
    let probe = Probe { kind: Kind::Node, caller: Caller::Stranger, body: asked.to_owned(), fields: 1, expect };
    judge.try_all(vec![probe]).await;
    assert_eq!((judge.probes, judge.counts.get(&(Kind::Node, Caller::Stranger))), (1, Some(&1)));
    judge.findings.into_iter().map(|finding| finding.wrong).collect()
}

fn nothing(_: &str) -> String {
    r#"{"data":{"node":null}}"#.to_owned()
}

#[tokio::test]
async fn ten_1_the_judge_sees_that_the_foreign_is_answered_unlike_the_missing() {
    assert!(found(ID, Expect::Same, nothing).await.is_empty());
    // What was sent may be repeated.
    assert!(found(ID, Expect::Same, |asked| format!(r#"{{"errors":[{{"message":"no {asked}"}}]}}"#)).await.is_empty());
    let told = |asked: &str| if asked == ID { r#"{"data":{"node":{"number":1}}}"#.to_owned() } else { nothing(asked) };
    assert!(matches!(&found(ID, Expect::Same, told).await[..], [wrong] if wrong.contains("unlike")));
    let told = |asked: &str| if asked == MARK { r#"{"data":{"taken":true}}"#.to_owned() } else { nothing(asked) };
    assert!(matches!(&found(MARK, Expect::Same, told).await[..], [wrong] if wrong.contains("unlike")));
}

#[tokio::test]
async fn ten_1_the_judge_sees_what_is_guarded_in_an_answer() {
    for (asked, answer) in [
        ("{ viewer { email } }", (|_| format!(r#"{{"data":{{"a":"{OTHER}"}}}}"#)) as fn(&str) -> String),
        ("{ viewer { email } }", |_| format!(r#"{{"data":{{"a":"x {MARK} y"}}}}"#)),
        (ID, |_| format!(r#"{{"data":{{"a":"{OTHER}"}}}}"#)),
    ] {
        assert!(matches!(&found(asked, Expect::Own, answer).await[..], [wrong] if wrong.contains("of the guarded workspace")));
    }
}

#[tokio::test]
async fn ten_5_the_judge_sees_what_should_have_been_refused() {
    let refused = |_: &str| r#"{"errors":[{"extensions":{"code":"UNAUTHENTICATED"}}]}"#.to_owned();
    assert!(found("x", Expect::Refused("UNAUTHENTICATED"), refused).await.is_empty());
    assert_eq!(found("x", Expect::Refused("TOKEN_EXPIRED"), refused).await, ["it was not refused with TOKEN_EXPIRED"]);
    let both = |_: &str| r#"{"data":{"node":{"a":1}},"errors":[{"extensions":{"code":"UNAUTHENTICATED"}}]}"#.to_owned();
    assert_eq!(found("x", Expect::Refused("UNAUTHENTICATED"), both).await.len(), 1);
    let role = |_: &str| r#"{"errors":[{"extensions":{"code":"FORBIDDEN","requiredRole":"EDITOR"}}]}"#.to_owned();
    assert!(found("x", Expect::Forbidden("EDITOR"), role).await.is_empty());
    assert_eq!(found("x", Expect::Forbidden("ADMIN"), role).await, ["it was not refused for want of ADMIN"]);
}

#[tokio::test]
async fn the_judge_takes_no_question_that_proves_nothing() {
    for (expect, answer) in [
        (Expect::Same, "no JSON"),
        (Expect::Same, r#"{"errors":[{"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}"#),
        (Expect::Same, r#"{"errors":[{"extensions":{"code":"INTERNAL"}}]}"#),
        (Expect::SameAndUnderstood, r#"{"errors":[{"extensions":{"code":"BAD_USER_INPUT"}}]}"#),
        (Expect::Found, r#"{"data":{"node":null}}"#),
        (Expect::Own, r#"{"data":{"a":{"totalCount":2,"edges":[{}],"pageInfo":{"hasNextPage":false,"hasPreviousPage":false}}}}"#),
    ] {
        assert_eq!(found("x", expect, move |_| answer.to_owned()).await.len(), 1, "{expect:?}: {answer}");
    }
}

#[test]
fn a_twin_is_as_long_and_another_one() {
    let twin = twin(ID);
    assert_eq!((twin.len(), twin.get(..20)), (ID.len(), ID.get(..20)));
    assert_ne!(twin, ID);
}

#[test]
fn every_place_of_the_schema_has_its_rule() {
    assert_eq!(rules::gaps(&Schema::exported()), Vec::<String>::new());
}
