//! `tidewaiter bench`: measurements that print a ratio against a limit measured in the same run.

use super::{block_on, fail, say};
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// What to measure.
#[derive(Subcommand)]
pub enum Bench {
    /// Messages per second through validate, clear, decide and store on the golden path of transit
    Transit(Transit),
}

/// The transit benchmark.
#[derive(Args)]
pub struct Transit {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// A PostgreSQL database to measure as well; without it, a private server is started where PostgreSQL is installed
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Movements per store and arm
    #[arg(long, default_value_t = 400)]
    movements: usize,
}

impl Bench {
    /// Measures and prints.
    pub fn run(self) -> ExitCode {
        let Self::Transit(transit) = self;
        block_on(async move {
            match corridor::bench_transit(transit.postgres.as_deref(), transit.movements).await {
                Ok(report) if transit.json => {
                    say(format_args!("{}", serde_json::json!(report)));
                    ExitCode::SUCCESS
                }
                Ok(report) => {
                    for line in report.lines() {
                        say(format_args!("{line}"));
                    }
                    ExitCode::SUCCESS
                }
                Err(error) => fail(error),
            }
        })
    }
}
