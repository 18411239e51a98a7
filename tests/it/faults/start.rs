//! Starts on a database that is not as it should be: one line with the way out, and a wait where waiting helps.

use std::time::{Duration, Instant};

use sqlx::Executor as _;
use tempfile::TempDir;

use crate::support::database::{Database, migrate};
use crate::support::postgres::{self, Cluster};
use crate::support::process::{Starting, run};

/// Starts a server that must fail with the exit code of the database; what it says, which is one line besides its log.
fn refused(database: &str, settings: &[(&str, &str)], arguments: &[&str]) -> String {
    let folder = TempDir::new().unwrap();
    let begun = Instant::now();
    let (code, said) = Starting::serve(folder.path(), database, settings, arguments).end();
    assert_eq!(code, Some(4), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    let errors: Vec<_> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{said}");
    assert_eq!(said.lines().last(), errors.first().copied(), "{said}");
    errors[0].to_owned()
}

async fn database() -> postgres::Database {
    let Database::Server(database) = Database::on_server().await else { panic!("no server") };
    database
}

#[test]
fn an_address_that_cannot_be_used_is_refused_in_one_line_without_its_password() {
    // A label longer than names may have is looked up nowhere.
    let nowhere = format!("postgres://ann:s3cret@{}.example/db", "x".repeat(64));
    for (url, told) in [
        ("postgres://ann:s3cret@127.0.0.1:port/db", "use `postgres://USER:PASSWORD@HOST:PORT/DATABASE`"),
        ("postgres://ann:s3cret@[::1/db", "use `postgres://USER:PASSWORD@HOST:PORT/DATABASE`"),
        ("postgres:ann:s3cret@127.0.0.1/db", "use `postgres://USER:PASSWORD@HOST:PORT/DATABASE`"),
        ("mysql://ann:s3cret@127.0.0.1/db", "use `sqlite:PATH` or `postgres://USER@HOST:PORT/DATABASE`"),
        (&nowhere, "check host and port of `database.url`"),
    ] {
        let error = refused(url, &[], &[]);
        assert!(error.contains(told), "{url}: {error}");
    }
}

#[tokio::test]
async fn a_login_or_database_that_is_not_there_is_refused_in_one_line_without_the_password() {
    let cluster = Cluster::private();
    cluster.command("CREATE ROLE ann LOGIN PASSWORD 'other'; CREATE ROLE eve LOGIN").await;
    cluster.command("CREATE DATABASE closed").await;
    cluster.command("REVOKE CONNECT ON DATABASE closed FROM PUBLIC").await;
    cluster.ask_password_of("ann").await;
    let with_password = cluster.url("ann", "postgres").replace("ann@", "ann:s3cret@");
    for (url, told) in [
        (with_password, "check user and password of `database.url`"),
        (cluster.url("nobody", "postgres"), "check user and password of `database.url`"),
        (cluster.url("eve", "absent"), "make the database first (`createdb`)"),
        (cluster.url("eve", "closed"), "GRANT CONNECT ON DATABASE"),
    ] {
        let error = refused(&url, &[], &[]);
        assert!(error.contains(told), "{url}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for_and_then_told() {
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let begun = Instant::now();
    let folder = TempDir::new().unwrap();
    let url = format!("postgres://ann:s3cret@{away}/db");
    let mut starting = Starting::serve(folder.path(), &url, &[("CONNECTORS_DATABASE__CONNECT_TIMEOUT", "2s")], &[]);
    let told = starting.until("waiting for it");
    assert!(told.contains(&format!("postgres://ann@{away}/db")) && !told.contains("s3cret"), "{told}");
    let (code, said) = starting.end();
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("check host and port of `database.url`, and that the server runs") && !said.contains("s3cret"), "{said}");
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(15), "{took:?}");
}

#[tokio::test]
async fn a_server_that_comes_up_meanwhile_is_started_on() {
    let (Database::Server(database), cluster) = Database::on_own_server().await else { panic!("no server") };
    cluster.stop();
    let folder = TempDir::new().unwrap();
    let mut starting = Starting::serve(folder.path(), &database.url(), &[], &[]);
    starting.until("waiting for it");
    cluster.start_again();
    starting.listens();
}

#[tokio::test]
async fn a_schema_that_is_behind_is_refused_with_who_may_change_it() {
    let empty = postgres::Database::empty().await;
    let error = refused(&empty.owner_url(), &[], &["--no-migrate"]);
    assert!(error.contains("behind: run `connectors migrate up`") && error.contains("--no-migrate"), "{error}");
    let error = refused(&empty.url(), &[], &[]);
    assert!(error.contains("run `connectors migrate up` as the owner of the database, or set `database.owner_url`"), "{error}");
    let behind = database().await;
    let last = "DELETE FROM seaql_migrations WHERE version = (SELECT max(version) FROM seaql_migrations)";
    behind.raw().await.execute(last).await.unwrap();
    let error = refused(&behind.url(), &[], &["--no-migrate"]);
    assert!(error.contains("behind: run `connectors migrate up`"), "{error}");
    let error = refused(&behind.url(), &[], &[]);
    assert!(error.contains("connectors_server") && error.contains("or set `database.owner_url`"), "{error}");
}

#[tokio::test]
async fn a_schema_that_is_ahead_is_refused_and_left_alone() {
    let ahead = database().await;
    ahead.raw().await.execute("INSERT INTO seaql_migrations VALUES ('m29990101_1_unknown', 0)").await.unwrap();
    for (url, arguments) in [(ahead.url(), &[][..]), (ahead.owner_url(), &[]), (ahead.url(), &["--no-migrate"])] {
        let error = refused(&url, &[], arguments);
        assert!(error.contains("brought up to date by a newer version of this program"), "{error}");
    }
    for action in ["up", "status"] {
        let output = run(&["migrate", action, "--database", &ahead.owner_url()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(said.contains("newer version of this program"), "{said}");
    }
}

#[tokio::test]
async fn servers_that_start_at_once_on_an_empty_database_all_come_up() {
    let database = postgres::Database::empty().await;
    let folders: Vec<_> = (0..3).map(|_| TempDir::new().unwrap()).collect();
    let mut all: Vec<_> = folders.iter().map(|folder| Starting::serve(folder.path(), &database.owner_url(), &[], &[])).collect();
    for starting in &mut all {
        starting.listens();
    }
    let count = "SELECT count(*) FROM connector_templates AS t JOIN template_versions AS v ON v.id = t.latest_version_id AND v.status = 'published'";
    let templates: i64 = sqlx::query_scalar(count).fetch_one(&mut database.raw().await).await.unwrap();
    assert_eq!(templates, 4);
}

#[tokio::test]
async fn two_databases_of_one_server_are_brought_up_to_date_at_once() {
    // Roles belong to all databases of a server, so those who make them meet.
    for _ in 0..3 {
        let cluster = Cluster::private();
        let (one, two) = (postgres::Database::empty_on(cluster).await, postgres::Database::empty_on(cluster).await);
        let (one, two) = (one.owner_url(), two.owner_url());
        tokio::join!(migrate(&one), migrate(&two), migrate(&one), migrate(&two));
        for url in [one, two] {
            let folder = TempDir::new().unwrap();
            Starting::serve(folder.path(), &url, &[], &["--no-migrate"]).listens();
        }
    }
}
