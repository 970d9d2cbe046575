//! The benchmarks: nodes of one process under load, against the bare cost of what they must do, arms in turn so that a
//! machine that slows down slows all of them.

mod exchange;
mod exchange_report;
mod limit;
mod load;
mod pair;
mod report;
mod scratch;
mod transit;
mod witnessed;

pub use exchange::{ExchangeOptions, StoreKind, bench_exchange};
pub use exchange_report::{ExchangeCase, ExchangeReport, StoreFigures};
pub use pair::PeerPort;
pub use report::{BenchCase, BenchReport};
pub use transit::bench_transit;

use node::{Principal, Role};

/// Why the benchmark could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A node could not be set up.
    #[error(transparent)]
    SetUp(#[from] node::SetUpError),
    /// A node failed.
    #[error(transparent)]
    Node(#[from] node::NodeError),
    /// The store of the bare arm failed.
    #[error(transparent)]
    Bare(#[from] node::BareError),
    /// A socket could not be opened.
    #[error("cannot open a port on this machine: {0}")]
    Port(#[from] std::io::Error),
    /// A movement or a message did not go its way.
    #[error("{0}")]
    Astray(String),
}

fn trader() -> Principal {
    Principal { name: "trader".to_owned(), role: Role::Trader }
}

fn officer() -> Principal {
    Principal { name: "officer".to_owned(), role: Role::Officer }
}
