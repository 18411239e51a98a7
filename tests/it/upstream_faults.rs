//! An API on its worst days: each fault is a clear error of the run, and the server lives on.

use serde_json::{Value, json};

use crate::support::upstream::{Reply, Upstream};
use crate::support::{TestApp, one_step};

/// Runs one step once, without another attempt; the execution.
async fn run_once(app: &TestApp, base_url: &str) -> Value {
    let definition = one_step(base_url, |definition| {
        definition["steps"][0]["retry"] = json!({ "attempts": 1 });
        definition["defaults"]["timeout"] = json!("PT1S");
    });
    let connector = app.connector(definition).await;
    app.run_to_end(&connector, json!({ "q": "x" })).await
}

#[tokio::test]
async fn flt_20_an_api_that_hangs_is_a_timeout() {
    let upstream = Upstream::start(|_| Reply::Hang).await;
    let app = TestApp::start().await;
    let execution = run_once(&app, &upstream.base_url()).await;
    assert_eq!((&execution["status"], &execution["error"]["code"]), (&json!("FAILED"), &json!("TIMEOUT")), "{execution}");
}

#[tokio::test]
async fn flt_21_a_reset_is_a_network_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // Closing with unread bytes makes the kernel send a reset.
            socket.readable().await.unwrap();
            drop(socket);
        }
    });
    let app = TestApp::start().await;
    let execution = run_once(&app, &format!("http://{address}")).await;
    assert_eq!(execution["error"]["code"], "NETWORK", "{execution}");
    assert_eq!(execution["error"]["retryable"], true);
}

#[tokio::test]
async fn a_500_is_an_http_status_error() {
    let upstream = Upstream::start(|_| Reply::Json(500, json!({ "oh": "no" }))).await;
    let app = TestApp::start().await;
    let execution = run_once(&app, &upstream.base_url()).await;
    assert_eq!((&execution["error"]["code"], &execution["error"]["httpStatus"]), (&json!("HTTP_STATUS"), &json!(500)), "{execution}");
}

#[tokio::test]
async fn html_instead_of_json_is_an_invalid_response() {
    let upstream = Upstream::start(|_| Reply::Raw(200, "text/html", Vec::new(), "<html><script>alert(1)</script></html>".into())).await;
    let app = TestApp::start().await;
    let execution = run_once(&app, &upstream.base_url()).await;
    assert_eq!(execution["error"]["code"], "RESPONSE_INVALID", "{execution}");
    assert!(execution["error"]["message"].as_str().unwrap().contains("text/html"), "{execution}");
    assert_eq!(execution["error"]["pointer"], "/steps/0/response");
}

#[tokio::test]
async fn ups_1_fifty_megabytes_are_cut_at_the_limit() {
    let upstream = Upstream::start(|_| Reply::Raw(200, "application/json", Vec::new(), vec![b' '; 50 << 20].into())).await;
    let app = TestApp::start().await;
    let execution = run_once(&app, &upstream.base_url()).await;
    assert_eq!(execution["error"]["code"], "RESPONSE_TOO_LARGE", "{execution}");
}

#[tokio::test]
async fn ups_4_ten_thousand_levels_of_nesting_are_refused_without_a_panic() {
    let body = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let upstream = Upstream::start(move |_| Reply::Raw(200, "application/json", Vec::new(), body.clone().into())).await;
    let app = TestApp::start().await;
    let execution = run_once(&app, &upstream.base_url()).await;
    assert_eq!(execution["error"]["code"], "RESPONSE_INVALID", "{execution}");
}

#[tokio::test]
async fn ups_5_terminal_sequences_in_an_answer_stay_inert() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({ "value": "\u{1b}[2J\nERROR forged" }))).await;
    let app = TestApp::start().await;
    let connector = app.connector(one_step(&upstream.base_url(), |_| {})).await;
    let execution = app.run_to_end(&connector, json!({ "q": "x" })).await;
    assert_eq!(execution["output"]["value"], "\u{1b}[2J\nERROR forged", "the value itself is kept as data");
    for line in execution["logs"]["nodes"].as_array().unwrap() {
        assert!(!line["message"].as_str().unwrap().contains(['\u{1b}', '\n']), "{line}");
    }
}

#[tokio::test]
async fn without_permission_loopback_is_not_called() {
    let upstream = Upstream::start(|_| Reply::Json(200, json!({}))).await;
    let app = TestApp::start_with(|config| config.egress.allow.clear()).await;
    let execution = run_once(&app, &upstream.base_url()).await;
    assert_eq!(execution["error"]["code"], "HOST_BLOCKED", "{execution}");
    assert!(upstream.calls().is_empty());
}
