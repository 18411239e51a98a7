//! The measures, one file each; what they share is the upstream, the server's program and the wishes of the caller.

mod cold_start;
mod latency;
mod live_log;
mod memory;
mod row_security;
mod throughput;
mod timing;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum as _;

use crate::load::{Caller, HttpCaller, Run, drive};
use crate::options::{Measure, Options};
use crate::postgres::Postgres;
use crate::raw::Raw;
use crate::report::{Figure, Report};
use crate::server::{Ready, find_program};
use crate::upstream::{THREAD, Upstream};
use crate::{Result, definitions, proc};

/// Load before anything is counted.
const WARM_UP: Duration = Duration::from_millis(700);

/// What an execution that went well has in its answer.
const SUCCEEDED: &str = "SUCCEEDED";

/// What every measure is given.
pub(crate) struct Bench<'a> {
    options: &'a Options,
    upstream: &'a Upstream,
    program: PathBuf,
}

impl<'a> Bench<'a> {
    /// Finds the server's program.
    pub(crate) fn new(options: &'a Options, upstream: &'a Upstream) -> Result<Self> {
        Ok(Self { options, upstream, program: find_program()? })
    }

    /// Takes the measures asked for; one that cannot be taken does not stop the others.
    pub(crate) async fn run(&self, report: &mut Report) {
        for measure in Measure::value_variants().iter().filter(|measure| self.options.wants(**measure)) {
            report.say(&format!("measuring {} ...", measure.name()));
            let outcome = Box::pin(self.take(*measure)).await;
            report.take(*measure, outcome);
        }
    }

    async fn take(&self, measure: Measure) -> Result<Vec<Figure>> {
        match measure {
            Measure::ThroughputOneStep => Box::pin(throughput::measure(self)).await,
            Measure::ThroughputOneStepPostgres => Box::pin(throughput::measure_on_postgres(self)).await,
            Measure::RowSecurity => Box::pin(row_security::measure(self)).await,
            Measure::Timing => Box::pin(timing::measure(self)).await,
            Measure::LatencyIdle => Box::pin(latency::measure(self)).await,
            Measure::LiveLog => Box::pin(live_log::measure(self)).await,
            Measure::IdleMemory => Box::pin(memory::measure(self)).await,
            Measure::ColdStart => Box::pin(cold_start::measure(self)).await,
        }
    }

    /// A server with the one-step connector; gives the connector's id with it.
    async fn serve_one_step(&self, url: Option<&str>) -> Result<(Ready, String)> {
        let ready = Ready::start(&self.program, 1, url).await?;
        let connector = ready.publish("One step", &definitions::one_step(&self.upstream.people())).await?;
        Ok((ready, connector))
    }

    /// Lets the bare loop and the server take turns at this concurrency.
    async fn duel(&self, concurrency: u32, postgres: Option<&Postgres>) -> Result<(Duel, Ready, String)> {
        let folder = tempfile::tempdir()?;
        let raw = match postgres {
            Some(postgres) => Raw::on_postgres(self.upstream.people(), &postgres.raw_url()).await?,
            None => Raw::in_file(self.upstream.people(), &folder.path().join("raw.db")).await?,
        };
        let (ready, connector) = self.serve_one_step(postgres.map(Postgres::server_url).as_deref()).await?;
        let (mut ours, mut theirs) = (http_callers(&ready, &connector, concurrency).await?, raw.callers(concurrency));
        (_, theirs) = drive(theirs, WARM_UP).await?;
        (_, ours) = drive(ours, WARM_UP).await?;
        let mut duel = Duel::default();
        for _ in 0..self.options.rounds {
            theirs = duel.raw.round(theirs, self.options.round(), || proc::own_cpu_without(THREAD)).await?;
            ours = duel.server.round(ours, self.options.round(), || ready.server.cpu()).await?;
        }
        Ok((duel, ready, connector))
    }
}

/// Callers that start an execution and wait for its end.
async fn http_callers(ready: &Ready, connector: &str, count: u32) -> Result<Vec<HttpCaller>> {
    let body = crate::api::start_body(connector, crate::api::Wait::End);
    let request = HttpCaller::request(ready.server.address(), &ready.token, &body);
    HttpCaller::open(count, ready.server.address(), request, SUCCEEDED).await
}

/// What both parties did in the same minutes.
#[derive(Default)]
struct Duel {
    raw: Party,
    server: Party,
}

/// The rounds of one party.
#[derive(Default)]
struct Party {
    runs: Vec<Run>,
    cpu: Duration,
}

impl Party {
    /// One round of load, with the CPU time it took.
    async fn round<C: Caller>(&mut self, callers: Vec<C>, time: Duration, cpu: impl Fn() -> Result<Duration>) -> Result<Vec<C>> {
        let before = cpu()?;
        let (run, callers) = drive(callers, time).await?;
        self.cpu += cpu()?.saturating_sub(before);
        self.runs.push(run);
        Ok(callers)
    }

    /// Median executions a second.
    fn rate(&self) -> f64 {
        crate::stats::median(self.runs.iter().map(Run::rate).collect())
    }

    /// CPU seconds for a thousand executions.
    fn cpu_per_thousand(&self) -> f64 {
        let executions = self.runs.iter().map(|run| run.latencies.len()).sum();
        self.cpu.as_secs_f64() * 1000.0 / crate::stats::number(executions)
    }
}
