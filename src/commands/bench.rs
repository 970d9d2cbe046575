//! `tidewaiter bench`: measurements that print a ratio against a limit measured in the same run.

use super::{block_on, fail, say};
use clap::{Args, Subcommand};
use corridor::{ExchangeOptions, StoreKind};
use node::Node;
use serde::Serialize;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What to measure.
#[derive(Subcommand)]
pub enum Bench {
    /// Messages per second through validate, clear, decide and store on the golden path of transit
    Transit(Transit),
    /// Documents per second between two nodes over mutual TLS, with evidence, against the bare cost of what they need
    Exchange(Exchange),
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

/// The benchmark of the exchange.
#[derive(Args)]
pub struct Exchange {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The PostgreSQL database to measure; without it, a private server is started where PostgreSQL is installed
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Stores to measure: sqlite, postgres
    #[arg(long, value_delimiter = ',', value_parser = store, default_value = "sqlite,postgres")]
    store: Vec<StoreKind>,
    /// Sizes of a document: bytes, or with the unit KiB or MiB
    #[arg(long, value_delimiter = ',', value_parser = size, default_value = "2KiB,64KiB,1MiB")]
    size: Vec<usize>,
    /// Documents on their way at once, from 1 to 1024
    #[arg(long, value_delimiter = ',', value_parser = in_flight, default_value = "1,16,64,256")]
    in_flight: Vec<usize>,
    /// Documents of a case; large ones are fewer, so that a case sends at most 128 MiB
    #[arg(long, default_value_t = 2000)]
    messages: usize,
}

impl Bench {
    /// Measures and prints.
    pub fn run(self) -> ExitCode {
        match self {
            Self::Transit(transit) => block_on(async move {
                let measured = corridor::bench_transit(transit.postgres.as_deref(), transit.movements).await;
                print(measured, transit.json, corridor::BenchReport::lines)
            }),
            Self::Exchange(exchange) => block_on(async move {
                let options = ExchangeOptions {
                    postgres: exchange.postgres,
                    stores: exchange.store,
                    sizes: exchange.size,
                    in_flight: exchange.in_flight,
                    messages: exchange.messages,
                };
                let measured = corridor::bench_exchange(&options, serve_peers).await;
                print(measured, exchange.json, corridor::ExchangeReport::lines)
            }),
        }
    }
}

/// Prints a report as JSON or for people, or says why there is none.
fn print<R: Serialize>(
    measured: Result<R, corridor::BenchError>,
    json: bool,
    lines: fn(&R) -> Vec<String>,
) -> ExitCode {
    match measured {
        Ok(report) if json => {
            say(format_args!("{}", serde_json::json!(report)));
            ExitCode::SUCCESS
        }
        Ok(report) => {
            for line in lines(&report) {
                say(format_args!("{line}"));
            }
            ExitCode::SUCCESS
        }
        Err(error) => fail(error),
    }
}

/// Serves a node's partners as `tidewaiter serve` does.
fn serve_peers(node: Arc<Node>, listener: TcpListener, stop: watch::Receiver<bool>) -> JoinHandle<()> {
    let mut stop = stop;
    tokio::spawn(async move {
        // An error means that whoever measures is gone, which means stop as well.
        let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
        if let Err(error) = web::server::serve_peers(node, listener, stopped).await {
            eprintln!("tidewaiter: partners are not served: {error}");
        }
    })
}

fn store(text: &str) -> Result<StoreKind, String> {
    let kinds = [StoreKind::Sqlite, StoreKind::Postgres];
    let found = kinds.into_iter().find(|kind| kind.name() == text);
    found.ok_or_else(|| format!("`{text}` is no store: give `sqlite` or `postgres`"))
}

/// A size in bytes, as in `2048`, `2KiB` or `1MiB`; at most 16 MiB, which the exchange carries in one envelope.
fn size(text: &str) -> Result<usize, String> {
    const LARGEST: usize = 16 << 20;
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit = match unit {
        "" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        _ => None,
    };
    let bytes = digits.parse::<usize>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    bytes.filter(|bytes| (64..=LARGEST).contains(bytes)).ok_or_else(|| {
        format!("`{text}` is no size: give 64 bytes to 16MiB, as in `2048`, `64KiB` or `1MiB`")
    })
}

fn in_flight(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=1024).contains(number));
    number.ok_or_else(|| format!("`{text}` is no number of documents in flight: give 1 to 1024"))
}
