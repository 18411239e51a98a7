//! A request that ends badly on the only connection there is, and the next one, of someone else, on the same connection.

use std::io::Write as _;
use std::time::Duration;

use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::support::TestApp;
use crate::support::database::Database;

const UPSERT: &str = "mutation($input: ContactUpsertInput!) { contactUpsert(input: $input) { contact { key } userErrors { message } } }";
const READ: &str = "query($key: String!) { workspace(by: { key: $key }) { contacts(first: 10) { nodes { key } } } }";

/// A server with one connection, a contact of ann in `a` and one of bob in `b`; and a way to keep contacts locked.
async fn scene() -> (TestApp, PgConnection) {
    let Database::Server(database) = Database::on_server().await else { panic!("no server") };
    let locker = PgConnection::connect(&database.superuser_url()).await.unwrap();
    let app = TestApp::start_on(Database::Server(database), |config| config.http_limits.timeout = Duration::from_secs(3)).await;
    app.workspace("b", "bob").await;
    for (workspace, subject) in [("a", "ann"), ("b", "bob")] {
        let contact = json!({ "key": format!("contact-{workspace}"), "attributes": { "of": subject } });
        app.ok(subject, UPSERT, json!({ "input": { "workspace": { "key": workspace }, "contact": contact } })).await;
    }
    (app, locker)
}

async fn lock(locker: &mut PgConnection) {
    locker.execute("BEGIN; LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE").await.unwrap();
}

/// Waits until a statement waits for the lock.
async fn waits(locker: &mut PgConnection) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut *locker).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
}

async fn bob_meets_his_own(app: &TestApp) {
    let seen = app.ok("bob", READ, json!({ "key": "b" })).await;
    assert_eq!(seen["workspace"]["contacts"]["nodes"], json!([{ "key": "contact-b" }]));
    let foreign = app.ok("bob", READ, json!({ "key": "a" })).await;
    assert_eq!(foreign["workspace"], json!(null));
}

#[tokio::test]
async fn rls_3_a_client_that_goes_away_in_the_middle_leaves_nothing_to_the_next() {
    let (app, mut locker) = scene().await;
    lock(&mut locker).await;
    let body = json!({ "query": READ, "variables": { "key": "a" } }).to_string();
    let mut client = std::net::TcpStream::connect(app.address).unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        app.token("ann"),
        body.len()
    );
    client.write_all(format!("{head}{body}").as_bytes()).unwrap();
    waits(&mut locker).await;
    drop(client);
    locker.execute("ROLLBACK").await.unwrap();
    bob_meets_his_own(&app).await;
}

#[tokio::test]
async fn rls_3_a_request_that_takes_too_long_leaves_nothing_to_the_next() {
    let (app, mut locker) = scene().await;
    lock(&mut locker).await;
    let late = app.graphql("ann", READ, json!({ "key": "a" })).await;
    assert_eq!(late["errors"][0]["extensions"]["code"], "TIMEOUT", "{late}");
    locker.execute("ROLLBACK").await.unwrap();
    bob_meets_his_own(&app).await;
}

#[tokio::test]
async fn rls_3_a_request_that_is_refused_leaves_nothing_to_the_next() {
    let (app, mut locker) = scene().await;
    // A statement in the middle of the transaction fails.
    locker.execute("ALTER TABLE contacts RENAME COLUMN company TO other").await.unwrap();
    let failed = app.graphql("ann", READ, json!({ "key": "a" })).await;
    assert!(failed["errors"][0]["extensions"]["code"].is_string(), "{failed}");
    locker.execute("ALTER TABLE contacts RENAME COLUMN other TO company").await.unwrap();
    bob_meets_his_own(&app).await;
}
