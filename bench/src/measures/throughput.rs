//! Executions a second with one mutation each, their CPU time, and latency under that load.

use std::time::{Duration, Instant};

use super::{Bench, WARM_UP};
use crate::Result;
use crate::api::{Wait, start_body};
use crate::load::{HttpCaller, Run, drive};
use crate::postgres::Postgres;
use crate::report::Figure;
use crate::server::Ready;
use crate::stats::{milliseconds, number};

/// Longest time for accepted executions to be run after the last was accepted.
const DRAIN_AT_MOST: Duration = Duration::from_mins(1);

/// On SQLite.
pub(super) async fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    measure_on(bench, None).await
}

/// On PostgreSQL, where both parties share one server.
pub(super) async fn measure_on_postgres(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let postgres = Postgres::start().await?;
    measure_on(bench, Some(&postgres)).await
}

async fn measure_on(bench: &Bench<'_>, postgres: Option<&Postgres>) -> Result<Vec<Figure>> {
    let (duel, ready, connector) = Box::pin(bench.duel(bench.options.concurrency, postgres)).await?;
    let (accepted, carried_out) = not_waiting(bench, &ready, &connector).await?;
    let (raw, server) = (Run::pooled(&duel.raw.runs), Run::pooled(&duel.server.runs));
    let (raw_rate, rate) = (duel.raw.rate(), duel.server.rate());
    let (raw_cpu, cpu) = (duel.raw.cpu_per_thousand(), duel.server.cpu_per_thousand());
    let (raw_p99, p99) = (milliseconds(raw.p99()), milliseconds(server.p99()));
    Ok(vec![
        Figure::plain("bare loop", raw_rate, "/s"),
        Figure::plain("server, answered when ended", rate, "/s"),
        Figure::at_least("server, share of the bare loop", rate / raw_rate, "x", (0.4, 0.6)),
        Figure::plain("server, answered when stored: accepted", accepted, "/s"),
        Figure::plain("server, answered when stored: carried out", carried_out, "/s"),
        Figure::plain("bare loop, CPU per 1,000", raw_cpu, "s"),
        Figure::plain("server, CPU per 1,000", cpu, "s"),
        Figure::at_most("server, CPU against the bare loop", cpu / raw_cpu, "x", (5.0, 2.5)),
        Figure::plain("bare loop, p99 under load", raw_p99, "ms"),
        Figure::plain("server, p99 under load", p99, "ms"),
        Figure::at_most("server, p99 against the bare loop", p99 / raw_p99, "x", (3.0, 1.5)),
    ])
}

/// Starts that do not wait: accepted a second, and carried out a second until the last call has reached the upstream.
async fn not_waiting(bench: &Bench<'_>, ready: &Ready, connector: &str) -> Result<(f64, f64)> {
    let address = ready.server.address();
    let request = HttpCaller::request(address, &ready.token, &start_body(connector, Wait::None));
    let callers = HttpCaller::open(bench.options.concurrency, address, request, "\"exe_").await?;
    let before = bench.upstream.calls();
    let begun = Instant::now();
    let (run, _) = drive(callers, bench.options.round().max(WARM_UP)).await?;
    let expected = before + run.latencies.len();
    while bench.upstream.calls() < expected {
        if begun.elapsed() > run.elapsed + DRAIN_AT_MOST {
            let missing = expected - bench.upstream.calls();
            return Err(format!("{missing} accepted executions had not called the upstream after a minute").into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok((run.rate(), number(run.latencies.len()) / begun.elapsed().as_secs_f64()))
}
