//! The corridor runner: starts one node per country, plays traders, officers and carriers, and writes down every
//! message that is said.
//!
//! It knows the nodes only as their users do, over HTTP with tokens; what it knows of customs is what a declarant and
//! an officer know.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bench;
mod client;
mod demo;
mod fleet;
mod plan;
mod play;
mod ports;
mod process;
mod progress;
mod run;
pub mod script;
mod timeline;

pub use bench::{
    BenchCase, BenchError, BenchReport, ExchangeCase, ExchangeOptions, ExchangeReport, PeerPort,
    StoreFigures, StoreKind, bench_exchange, bench_transit,
};
pub use client::{Api, ClientError};
pub use demo::{DemoOptions, demo, demo_once};
pub use fleet::{FleetError, StoreChoice};
pub use plan::{Declaration, Expectation, Plan, PlanError, Registration};
pub use progress::Drawing;
pub use run::{Ending, Options, Report, RunError, run};
pub use timeline::Entry;
