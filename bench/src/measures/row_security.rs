//! What the second wall costs: the same page of executions with row security on and off, by the same server process.

use std::sync::Arc;

use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _};

use super::{Bench, Party, WARM_UP};
use crate::Result;
use crate::api::Wait;
use crate::load::{HttpCaller, Run, drive};
use crate::postgres::Postgres;
use crate::report::Figure;
use crate::stats::milliseconds;

/// Callers at a time: as many as the server has connections.
const CALLERS: u32 = 8;

/// A page with what each of its items points to.
const PAGE: &str = "query($id: ID!) { workspace(by: { id: $id }) { executions(first: 50) { nodes { id number status queuedAt connector { id name } } } } }";

/// Copies of the one execution there is, so that a page is cut out of many.
const FILL: &str = "\
INSERT INTO connector_executions SELECT copy.* FROM connector_executions AS e, generate_series(1, 50000) AS s(n), \
    jsonb_populate_record(e, jsonb_build_object('id', 'exe_06f9m' || lpad(to_hex(n), 21, '0'), 'number', n + 1)) AS copy";

/// Tables under row security.
const TABLES: &str = "SELECT relname::text FROM pg_class WHERE relrowsecurity AND relnamespace = 'public'::regnamespace";

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let postgres = Postgres::start().await?;
    let (ready, connector) = bench.serve_one_step(Some(&postgres.server_url())).await?;
    ready.api.start(&connector, Wait::End).await?;
    let mut superuser = postgres.superuser().await?;
    superuser.execute(FILL).await?;
    superuser.execute("ANALYZE").await?;
    let tables: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(&mut superuser).await?;
    if tables.is_empty() {
        return Err("no table is under row security".into());
    }
    let body = json!({ "query": PAGE, "variables": { "id": ready.workspace } }).to_string();
    let request: Arc<[u8]> = HttpCaller::request(ready.server.address(), &ready.token, &body);
    let mut callers = HttpCaller::open(CALLERS, ready.server.address(), request, "\"nodes\":[{\"id\":\"exe_").await?;
    let (mut on, mut off) = (Party::default(), Party::default());
    for _ in 0..bench.options.rounds {
        for (party, switch) in [(&mut on, "ENABLE"), (&mut off, "DISABLE")] {
            turn(&mut superuser, &tables, switch).await?;
            // What was planned before is planned anew.
            (_, callers) = drive(callers, WARM_UP).await?;
            callers = party.round(callers, bench.options.round(), || ready.server.cpu()).await?;
        }
    }
    let p50 = |party: &Party| milliseconds(Run::pooled(&party.runs).p50());
    Ok(vec![
        Figure::plain("page of 50, row security on", on.rate(), "/s"),
        Figure::plain("page of 50, row security off", off.rate(), "/s"),
        Figure::plain("page of 50, row security on, p50", p50(&on), "ms"),
        Figure::plain("page of 50, row security off, p50", p50(&off), "ms"),
        Figure::at_most("row security on, time against off", off.rate() / on.rate(), "x", (1.25, 1.1)),
    ])
}

/// Switches row security of every table; the roles and their privileges stay.
async fn turn(superuser: &mut PgConnection, tables: &[String], switch: &str) -> Result<()> {
    for table in tables {
        superuser.execute(AssertSqlSafe(format!("ALTER TABLE {table} {switch} ROW LEVEL SECURITY"))).await?;
    }
    Ok(())
}
