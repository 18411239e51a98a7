//! What one http step can do: pages, conflicts, idempotency, body kinds, decoders, checks, what is kept.

use serde_json::{Value, json};

use crate::support::upstream::{Call, Reply, Upstream};
use crate::support::{TestApp, one_step};

/// Runs one step, changed as the test needs it, against an API; the execution and the calls made.
async fn run(change: impl FnOnce(&mut Value), answer: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> (Value, Vec<Call>) {
    let upstream = Upstream::start(answer).await;
    let app = TestApp::start().await;
    let definition = one_step(&upstream.base_url(), |definition| {
        definition["steps"][0]["request"] = json!({ "path": "/list" });
        change(&mut definition["steps"][0]);
        definition["outputs"] = json!({ "value": { "value": "{{ steps.call.value }}" } });
    });
    let connector = app.connector(definition).await;
    (app.run_to_end(&connector, json!({ "q": "x" })).await, upstream.calls())
}

fn merge(step: &mut Value, more: Value) {
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
}

/// Pages of a list of seven, three at a time.
fn slice(from: usize) -> Vec<usize> {
    (from..7).take(3).collect()
}

fn number(call: &Call, name: &str) -> usize {
    call.query(name).map_or(0, |text| text.parse().unwrap())
}

fn all() -> Value {
    json!({ "value": { "path": "$.items[*]", "take": "all" } })
}

#[tokio::test]
async fn pages_by_cursor_go_on_where_an_attempt_failed() {
    let step = |step: &mut Value| {
        merge(
            step,
            json!({ "extract": all(), "idempotency": { "header": "X-Once" }, "retry": { "attempts": 2, "backoff": { "base": "PT0.01S" } },
            "paginate": { "kind": "cursor", "token": "$.next", "inject": { "name": "after" }, "size": { "name": "limit", "value": 3 } } }),
        );
    };
    let (execution, calls) = run(step, |call| {
        let from = number(call, "after");
        if from == 3 && call.nth == 1 {
            return Reply::Json(503, json!({}));
        }
        let next = if from + 3 < 7 { json!(from + 3) } else { Value::Null };
        Reply::Json(200, json!({ "items": slice(from), "next": next }))
    })
    .await;
    assert_eq!(execution["output"]["value"], json!([0, 1, 2, 3, 4, 5, 6]), "{execution}");
    let asked: Vec<_> = calls.iter().map(|call| call.uri.query().unwrap_or_default().to_owned()).collect();
    assert_eq!(asked, ["limit=3", "limit=3&after=3", "limit=3&after=3", "limit=3&after=6"], "the first page is not read again");
    let keys: std::collections::HashSet<_> = calls.iter().map(|call| call.header("x-once").unwrap()).collect();
    assert_eq!(keys.into_iter().collect::<Vec<_>>(), [format!("{}-call", execution["id"].as_str().unwrap())], "the same for every attempt");
    assert_eq!(execution["steps"][0]["attempts"][1]["exchanges"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn pages_by_offset_number_link_and_address() {
    let paginate = |paginate: Value| move |step: &mut Value| merge(step, json!({ "extract": all(), "paginate": paginate }));
    let whole = json!([0, 1, 2, 3, 4, 5, 6]);
    let size = json!({ "name": "limit", "value": 3 });

    let offset = paginate(json!({ "kind": "offset", "inject": { "name": "skip" }, "size": size }));
    let (execution, calls) = run(offset, |call| Reply::Json(200, json!({ "items": slice(number(call, "skip")) }))).await;
    assert_eq!((&execution["output"]["value"], calls.len()), (&whole, 3), "{execution}");

    let page = paginate(json!({ "kind": "page", "start": 0, "inject": { "name": "p" }, "records": "$.items", "max_records": 4 }));
    let (execution, calls) = run(page, |call| Reply::Json(200, json!({ "items": slice(number(call, "p") * 3) }))).await;
    assert_eq!((&execution["output"]["value"], calls.len()), (&json!([0, 1, 2, 3]), 2), "{execution}");

    let link = paginate(json!({ "kind": "link" }));
    let (execution, calls) = run(link, |call| {
        let from = number(call, "from");
        let links =
            if from + 3 < 7 { format!("</first>; rel=first, </list?from={}>; rel=\"next\"", from + 3) } else { "</x>; rel=prev".into() };
        Reply::Raw(200, "application/json", vec![("link", links)], json!({ "items": slice(from) }).to_string().into())
    })
    .await;
    assert_eq!((&execution["output"]["value"], calls.len()), (&whole, 3), "{execution}");

    let address =
        paginate(json!({ "kind": "next_url", "token": "$.next", "stop_when": "{{ page.total >= 6 and page.records | length == 3 }}" }));
    let answer = |call: &Call| {
        let from = number(call, "from");
        Reply::Json(200, json!({ "items": slice(from), "next": format!("/list?from={}", from + 3) }))
    };
    let (execution, calls) = run(address, answer).await;
    assert_eq!((&execution["output"]["value"], calls.len()), (&json!([0, 1, 2, 3, 4, 5]), 2), "{execution}");
}

#[tokio::test]
async fn ssrf_6_a_next_page_on_another_host_is_not_read() {
    let step = |step: &mut Value| merge(step, json!({ "extract": all(), "paginate": { "kind": "next_url", "token": "$.next" } }));
    let (execution, calls) = run(step, |_| Reply::Json(200, json!({ "items": [1], "next": "http://localhost:1/list" }))).await;
    assert_eq!((&execution["status"], calls.len()), (&json!("FAILED"), 1), "{execution}");
    assert!(execution["error"]["message"].as_str().unwrap().contains("another host"), "{execution}");
}

#[tokio::test]
async fn pages_end_at_their_bound_and_say_so() {
    let step = |step: &mut Value| {
        merge(
            step,
            json!({ "extract": all(), "paginate": { "kind": "cursor", "token": "$.next", "inject": { "in": "header", "name": "X-After" }, "max_pages": 2 } }),
        );
    };
    let (execution, calls) = run(step, |call| {
        let from: usize = call.header("x-after").map_or(0, |text| text.parse().unwrap());
        Reply::Json(200, json!({ "items": slice(from), "next": from + 3 }))
    })
    .await;
    assert_eq!((&execution["output"]["value"], calls.len()), (&json!([0, 1, 2, 3, 4, 5]), 2), "{execution}");
    assert_eq!(execution["warningCount"], 1, "{execution}");
}

#[tokio::test]
async fn a_conflict_is_met_with_another_request_once() {
    let step = |step: &mut Value| {
        merge(
            step,
            json!({ "request": { "method": "POST", "path": "/contacts", "body": { "value": { "email": "{{ inputs.q }}" } } },
            "idempotency": {}, "extract": { "value": { "path": "$.id" } },
            "rules": [{ "if": { "status": [409] }, "then": "conflict", "take": { "id": { "body": "$.message", "match": "ID: (\\d+)" }, "by": { "header": "X-By" } },
                "retry_as": { "method": "PATCH", "path": "/contacts/{{ conflict.id }}", "query": { "by": "{{ conflict.by }}" } } }] }),
        );
    };
    let conflict = || {
        Reply::Raw(409, "application/json", vec![("x-by", "email".to_owned())], json!({ "message": "exists, ID: 17" }).to_string().into())
    };
    let (execution, calls) =
        run(step, move |call| if call.method == "POST" { conflict() } else { Reply::Json(200, json!({ "id": "17" })) }).await;
    assert_eq!(execution["output"]["value"], "17", "{execution}");
    let made: Vec<_> = calls
        .iter()
        .map(|call| (call.method.to_string(), call.uri.to_string(), String::from_utf8_lossy(&call.body).into_owned()))
        .collect();
    let body = "{\"email\":\"x\"}".to_owned();
    assert_eq!(made, [("POST".into(), "/contacts".into(), body.clone()), ("PATCH".into(), "/contacts/17?by=email".into(), body)]);
    assert_eq!(execution["steps"][0]["attempts"].as_array().unwrap().len(), 1, "one attempt");

    let (execution, calls) = run(step, move |_| conflict()).await;
    assert_eq!((&execution["error"]["httpStatus"], calls.len()), (&json!(409), 2), "{execution}");
    let (execution, _) = run(step, |_| Reply::Json(409, json!({ "message": "no number" }))).await;
    assert_eq!(execution["error"]["code"], "EXTRACTION", "{execution}");
}

#[tokio::test]
async fn a_refused_credential_that_cannot_be_renewed_fails_at_once() {
    let step = |step: &mut Value| merge(step, json!({ "rules": [{ "if": { "status": [401] }, "then": "refresh_auth" }] }));
    let (execution, calls) = run(step, |_| Reply::Json(401, json!({}))).await;
    assert_eq!((&execution["error"]["code"], calls.len()), (&json!("CREDENTIAL"), 1), "{execution}");
}

#[tokio::test]
async fn bodies_of_several_parts_and_of_graphql() {
    let parts = json!({ "who": "{{ inputs.q }}", "file": { "filename": "a.txt", "content_type": "text/plain", "content": "hello" } });
    let step = |step: &mut Value| {
        merge(
            step,
            json!({ "request": { "method": "POST", "path": "/up", "body": { "kind": "multipart", "value": parts } }, "retry": { "attempts": 1 } }),
        );
    };
    let (execution, calls) = run(step, |_| Reply::Json(200, json!({ "value": 1 }))).await;
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    assert!(calls[0].header("content-type").unwrap().starts_with("multipart/form-data; boundary="));
    let body = String::from_utf8_lossy(&calls[0].body).into_owned();
    assert!(
        body.contains("name=\"who\"\r\n\r\nx\r\n") && body.contains("filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n"),
        "{body}"
    );

    let graphql = |step: &mut Value| {
        merge(
            step,
            json!({ "request": { "method": "POST", "path": "/graphql", "body": { "kind": "graphql", "value": { "query": "query($q: String) { a(q: $q) }", "variables": { "q": "{{ inputs.q }}" } } } },
            "retry": { "attempts": 1 }, "extract": { "value": { "path": "$.data.a" } } }),
        );
    };
    let (execution, calls) = run(graphql, |_| Reply::Json(200, json!({ "data": { "a": 5 }, "errors": [{ "message": "partly" }] }))).await;
    assert_eq!(execution["output"]["value"], 5, "{execution}");
    assert_eq!(serde_json::from_slice::<Value>(&calls[0].body).unwrap()["variables"], json!({ "q": "x" }));
    let (execution, _) = run(graphql, |_| Reply::Json(200, json!({ "data": null, "errors": [{ "message": "private" }] }))).await;
    assert_eq!(execution["error"]["code"], "RESPONSE_INVALID", "{execution}");
}

#[tokio::test]
async fn answers_by_line_by_row_and_in_part() {
    let jsonl = |step: &mut Value| {
        merge(step, json!({ "response": { "decode": "jsonl" }, "extract": { "value": { "path": "$[*].n", "take": "all" } } }));
    };
    let (execution, _) = run(jsonl, |_| Reply::Raw(200, "application/jsonl", vec![], "{\"n\":1}\n{\"n\":2}\n".into())).await;
    assert_eq!(execution["output"]["value"], json!([1, 2]), "{execution}");
    let csv = |step: &mut Value| {
        merge(step, json!({ "response": { "decode": "csv" }, "extract": { "value": { "path": "$[?@.name == 'Ann'].city" } } }));
    };
    let (execution, _) = run(csv, |_| Reply::Raw(200, "text/csv", vec![], "name,city\nBob,Rome\nAnn,\"Oslo, N\"\n".into())).await;
    assert_eq!(execution["output"]["value"], "Oslo, N", "{execution}");
    let kept = |step: &mut Value| merge(step, json!({ "response": { "keep": ["$.a.b", "$.value"] } }));
    let (execution, _) = run(kept, |_| Reply::Json(201, json!({ "a": { "b": 1, "c": 2 }, "value": 3 }))).await;
    let output = &execution["steps"][0]["output"];
    assert_eq!((&output["body"], &output["status"], &output["value"]), (&json!({ "a": { "b": 1 }, "value": 3 }), &json!(201), &json!(3)));
}

#[tokio::test]
async fn an_answer_that_is_not_as_its_schema_says_warns_or_fails() {
    let checked = |on_mismatch: &str| {
        let schema = json!({ "body": { "type": "object", "required": ["value"] }, "on_mismatch": on_mismatch });
        move |step: &mut Value| merge(step, json!({ "schema": schema }))
    };
    let (execution, _) = run(checked("fail"), |_| Reply::Json(200, json!({ "secret": 1 }))).await;
    let error = &execution["error"];
    assert_eq!((&error["code"], &error["pointer"]), (&json!("RESPONSE_INVALID"), &json!("/steps/0/schema/body")), "{execution}");
    assert!(error["message"].as_str().unwrap().contains("`value` is required"), "{error}");
    let (execution, _) = run(checked("warn"), |_| Reply::Json(200, json!({}))).await;
    assert_eq!((&execution["status"], &execution["warningCount"]), (&json!("SUCCEEDED"), &json!(1)), "{execution}");
}

#[tokio::test]
async fn flt_22_runs_share_a_budget_of_calls() {
    let times = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&times);
    let upstream = Upstream::start(move |_| {
        seen.lock().unwrap().push(std::time::Instant::now());
        Reply::Json(200, json!({ "value": 1 }))
    })
    .await;
    let app = TestApp::start().await;
    let definition = one_step(&upstream.base_url(), |definition| {
        definition["limits"] = json!({ "api": { "scope": "workspace", "rates": [{ "limit": 2, "per": "PT1.5S" }] } });
        definition["defaults"]["limit"] = json!("api");
    });
    let mut other = definition.clone();
    other["meta"]["slug"] = json!("other");
    let (one, two) = (app.connector(definition).await, app.connector(other).await);
    let input = || json!({ "q": "x" });
    let ended = tokio::join!(
        app.run_to_end(&one, input()),
        app.run_to_end(&two, input()),
        app.run_to_end(&one, input()),
        app.run_to_end(&two, input()),
        app.run_to_end(&one, input())
    );
    for execution in [ended.0, ended.1, ended.2, ended.3, ended.4] {
        assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    }
    let times = times.lock().unwrap().clone();
    assert_eq!(times.len(), 5);
    for pair in times.windows(3) {
        assert!(pair[2] - pair[0] > std::time::Duration::from_millis(1300), "three calls in {:?}", pair[2] - pair[0]);
    }
}

#[tokio::test]
async fn flt_22_a_service_that_says_nothing_is_left_is_not_asked_by_others() {
    let upstream = Upstream::start(|_| {
        Reply::Raw(200, "application/json", vec![("x-left", "0".to_owned()), ("x-reset", "3600".to_owned())], "{\"value\":1}".into())
    })
    .await;
    let app = TestApp::start().await;
    let definition = one_step(&upstream.base_url(), |definition| {
        definition["limits"] = json!({ "api": { "scope": "connector", "headers": { "remaining": "X-Left", "reset": "X-Reset" } } });
        definition["steps"][0]["limit"] = json!("api");
    });
    let connector = app.connector(definition).await;
    assert_eq!(app.run_to_end(&connector, json!({ "q": "x" })).await["status"], "SUCCEEDED");
    let waiting = app.run(&connector, json!({ "q": "y" })).await;
    let mut log = app.follow(&waiting, 0).await;
    log.until(|line| line["message"].as_str().is_some_and(|text| text.starts_with("Its budget has no room before"))).await;
    assert_eq!(app.execution(&waiting).await["status"], "WAITING");
    assert_eq!(upstream.calls().len(), 1);
}
