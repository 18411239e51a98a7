//! The command line.

use std::time::Duration;

use clap::{Parser, ValueEnum};

/// Measures the server against a bare durable loop in the same run.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
pub(crate) struct Options {
    /// Seconds of load per measure and party.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub(crate) seconds: u32,
    /// Parts a measure is cut into; the bare loop and the server take turns.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub(crate) rounds: u32,
    /// Executions in flight under load.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) concurrency: u32,
    /// Followers of live logs.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) subscribers: u32,
    /// Streams on each socket.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) streams_per_socket: u32,
    /// How figures are printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Take only this measure; may be given several times.
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) only: Vec<Measure>,
}

impl Options {
    /// Load of one round.
    pub(crate) fn round(&self) -> Duration {
        Duration::from_secs(u64::from(self.seconds)) / self.rounds
    }

    /// Is this measure asked for?
    pub(crate) fn wants(&self, measure: Measure) -> bool {
        self.only.is_empty() || self.only.contains(&measure)
    }
}

/// How figures are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A line a figure, as soon as it is known.
    Text,
    /// One JSON object at the end.
    Json,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Measure {
    /// Executions a second, CPU and loaded latency.
    ThroughputOneStep,
    /// The same on PostgreSQL, against the bare loop on PostgreSQL.
    ThroughputOneStepPostgres,
    /// A page of executions with row security of PostgreSQL on and off.
    RowSecurity,
    /// Whether the time of an answer tells if a foreign id exists.
    Timing,
    /// One execution at a time.
    LatencyIdle,
    /// From the moment a log line is made to the follower.
    LiveLog,
    /// Memory at rest and under load.
    IdleMemory,
    /// From starting the program to the first execution.
    ColdStart,
}

impl Measure {
    /// Its name on the command line and in the output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ThroughputOneStep => "throughput_one_step",
            Self::ThroughputOneStepPostgres => "throughput_one_step_postgres",
            Self::RowSecurity => "row_security",
            Self::Timing => "timing",
            Self::LatencyIdle => "latency_idle",
            Self::LiveLog => "live_log",
            Self::IdleMemory => "idle_memory",
            Self::ColdStart => "cold_start",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for measure in Measure::value_variants() {
            let options = Options::try_parse_from(["bench", "--only", measure.name()]).unwrap();
            assert_eq!(options.only, [*measure]);
            assert!(options.wants(*measure));
        }
    }

    #[test]
    fn without_only_everything_is_wanted() {
        let options = Options::try_parse_from(["bench"]).unwrap();
        assert!(Measure::value_variants().iter().all(|measure| options.wants(*measure)));
    }
}
