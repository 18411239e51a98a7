//! Resident memory of the server: just started and left alone, and while it works at full concurrency.

use std::time::Duration;

use super::{Bench, http_callers};
use crate::load::drive;
use crate::report::Figure;
use crate::{Result, proc};

/// Time left alone before memory at rest is read.
const REST: Duration = Duration::from_secs(1);

/// Between two readings under load.
const EVERY: Duration = Duration::from_millis(100);

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let (ready, connector) = Box::pin(bench.serve_one_step(None)).await?;
    let pid = ready.server.pid();
    tokio::time::sleep(REST).await;
    let idle = proc::resident_mib(pid)?;
    let callers = http_callers(&ready, &connector, bench.options.concurrency).await?;
    let load = drive(callers, Duration::from_secs(u64::from(bench.options.seconds)));
    tokio::pin!(load);
    let mut most = idle;
    loop {
        tokio::select! {
            ended = &mut load => break drop(ended?),
            () = tokio::time::sleep(EVERY) => most = most.max(proc::resident_mib(pid)?),
        }
    }
    Ok(vec![
        Figure::at_most("resident, at rest", idle, "MiB", (60.0, 20.0)),
        Figure::at_most("resident, most under load", most, "MiB", (150.0, 60.0)),
    ])
}
