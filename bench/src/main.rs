//! The benchmark: the server against a bare durable loop, both measured in the same run on the same machine.
//!
//! Absolute rates depend on the machine and on what else runs there, so what counts are ratios: each figure is
//! printed with the least it must reach (floor) and the aim (moonshot). It is no test: a missed floor is reported,
//! never an error; only a measure that could not be taken makes the exit code 1.
//!
//! All parties talk over loopback; the server is a child process on a throw-away database and is ended with the
//! measure that started it, and so is the PostgreSQL that some measures start.

mod api;
mod definitions;
mod follow;
mod load;
mod measures;
mod options;
mod postgres;
mod proc;
mod raw;
mod report;
mod server;
mod stats;
mod upstream;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use crate::measures::Bench;
use crate::options::Options;
use crate::report::Report;
use crate::upstream::Upstream;

/// Anything that stops a measure, with a sentence to print.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Result of anything that can stop a measure.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Longest time for everything together.
const AT_MOST: Duration = Duration::from_mins(20);

fn main() -> ExitCode {
    let options = Options::parse();
    let mut report = Report::new(&options);
    let outcome = run(&options, &mut report);
    if let Err(error) = &outcome {
        report.say(&format!("bench: {error}"));
    }
    report.finish();
    if outcome.is_err() || report.has_failures() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Sets up both runtimes and takes the measures; the upstream has a runtime of its own so that its CPU time can be told apart.
fn run(options: &Options, report: &mut Report) -> Result<()> {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return Err("another TLS provider was installed before".into());
    }
    let upstream = Upstream::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let bench = Bench::new(options, &upstream)?;
        tokio::select! {
            () = bench.run(report) => Ok(()),
            () = tokio::time::sleep(AT_MOST) => Err("stopped: it took longer than 20 minutes".into()),
            _ = tokio::signal::ctrl_c() => Err("stopped by Ctrl-C".into()),
        }
    })
}
