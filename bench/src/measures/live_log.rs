//! From the moment a log line is made to its arrival at whoever follows the run.
//!
//! `loggedAt` has whole milliseconds, cut off, and is taken before the line is committed: the figures hold the
//! commit and up to one millisecond too much.

use std::time::{Duration, Instant};

use super::Bench;
use crate::follow::Followers;
use crate::raw::FanOut;
use crate::report::Figure;
use crate::server::Ready;
use crate::stats::{Latencies, milliseconds, number};
use crate::{Result, definitions, proc};

/// Runs that write lines while the others are idle.
const TICKING: u32 = 20;

/// Runs tick for about 20 seconds; opening all followers comes out of that, too.
const LISTEN_AT_MOST: Duration = Duration::from_secs(8);

/// Longest time until every idle run has made its first attempt.
const SETTLE_AT_MOST: Duration = Duration::from_mins(1);

/// Lines without which a percentile says nothing.
const LINES_AT_LEAST: usize = 20;

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let ready = Ready::start(&bench.program, bench.options.subscribers.saturating_add(1), None).await?;
    let ticking = ready.publish("Ticking", &definitions::ticking(&bench.upstream.unavailable())).await?;
    let mut figures = Box::pin(own_runs(bench, &ready, &ticking)).await?;
    figures.extend(Box::pin(one_run(bench, &ready, &ticking)).await?);
    Ok(figures)
}

/// Each follower has a run of its own; a few of the runs write.
async fn own_runs(bench: &Bench<'_>, ready: &Ready, ticking: &str) -> Result<Vec<Figure>> {
    let held_up = ready.publish("Waiting", &definitions::waiting(&bench.upstream.unavailable())).await?;
    let count = bench.options.subscribers;
    let writing = TICKING.min(count);
    let before = bench.upstream.calls();
    let mut executions = ready.api.start_many(&held_up, count - writing).await?;
    settle(bench, before + executions.len()).await?;
    let bare = proc::resident_mib(ready.server.pid())?;
    executions.extend(ready.api.start_many(ticking, writing).await?);
    let followers = follow(bench, ready, &executions).await?;
    let each = (proc::resident_mib(ready.server.pid())? - bare) * 1024.0 / f64::from(count);
    let lines = enough(followers.listen(pass(bench)).await?)?;
    Ok(vec![
        Figure::plain("followers, a run each", f64::from(count), ""),
        Figure::plain("lines written and received", number(lines.count()), ""),
        Figure::plain("line to follower, p50", milliseconds(lines.p50()), "ms"),
        Figure::at_most("line to follower, p99", milliseconds(lines.p99()), "ms", (10.0, 2.7)),
        Figure::at_most("memory of the server per follower", each, "KiB", (52.0, 23.0)),
    ])
}

/// All follow the same run.
async fn one_run(bench: &Bench<'_>, ready: &Ready, ticking: &str) -> Result<Vec<Figure>> {
    let count = bench.options.subscribers;
    let execution = ready.api.start(ticking, crate::api::Wait::None).await?;
    let executions = (0..count).map(|_| execution.clone()).collect::<Vec<_>>();
    let lines = enough(follow(bench, ready, &executions).await?.listen(pass(bench)).await?)?;
    let bare = bare_fan_out(bench, &executions).await?;
    let (p99, bare_p99) = (milliseconds(lines.p99()), milliseconds(bare.p99()));
    Ok(vec![
        Figure::plain("followers of one run", f64::from(count), ""),
        Figure::plain("lines received, by all together", number(lines.count()), ""),
        Figure::plain("line to all followers, p50", milliseconds(lines.p50()), "ms"),
        Figure::plain("line to all followers, p99", p99, "ms"),
        Figure::plain("bare fan-out, p50", milliseconds(bare.p50()), "ms"),
        Figure::plain("bare fan-out, p99", bare_p99, "ms"),
        Figure::at_most("line to all followers, p99 against the bare one", p99 / bare_p99, "x", (2.0, 1.0)),
    ])
}

/// As many followers of nothing but a line, two lines a second.
async fn bare_fan_out(bench: &Bench<'_>, executions: &[String]) -> Result<Latencies> {
    let bare = FanOut::start(bench.upstream.handle()).await?;
    let per_socket = usize::try_from(bench.options.streams_per_socket)?;
    let followers = Followers::open(bare.address(), "", executions, per_socket).await?;
    followers.listen(bare.publish(bench.options.seconds.min(8) * 2, Duration::from_millis(500))).await
}

async fn follow(bench: &Bench<'_>, ready: &Ready, executions: &[String]) -> Result<Followers> {
    let per_socket = usize::try_from(bench.options.streams_per_socket)?;
    Followers::open(ready.server.address(), &ready.token, executions, per_socket).await
}

/// Waits until the upstream has seen so many calls and the server has written what came of them.
async fn settle(bench: &Bench<'_>, calls: usize) -> Result<()> {
    let begun = Instant::now();
    while bench.upstream.calls() < calls {
        if begun.elapsed() > SETTLE_AT_MOST {
            return Err("the idle runs did not make their first attempt in time".into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(())
}

/// Lets the ticking runs write.
async fn pass(bench: &Bench<'_>) -> Result<()> {
    tokio::time::sleep(Duration::from_secs(u64::from(bench.options.seconds)).min(LISTEN_AT_MOST)).await;
    Ok(())
}

fn enough(lines: Latencies) -> Result<Latencies> {
    let count = lines.count();
    if count < LINES_AT_LEAST { Err(format!("only {count} log lines arrived").into()) } else { Ok(lines) }
}
