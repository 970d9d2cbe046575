//! The benchmark of the exchange: documents from one node to another over mutual TLS on loopback sockets, with
//! everything on that is on in service, against the bare cost of their cryptography and of their durable rows.

use super::exchange_report::{ExchangeCase, ExchangeReport};
use super::limit::{GROUP, ROWS, limit_per_s, percentile, rows};
use super::load::Load;
use super::pair::{Pair, PeerPort};
use super::scratch::Scratch;
use super::{BenchError, STORE_NAMES};
use crate::fleet::StoreChoice;
use node::{BareStore, PrimitiveTimes, Primitives};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::block_in_place;

/// Rounds in which the arms take turns.
const ROUNDS: usize = 4;

/// The stores of a case.
const STORES: [&str; 3] = ["gb", "fr", BARE];

/// The name of the bare arm's store.
const BARE: &str = "bare";

/// Most bytes of content that a case sends in all: large contents are measured by fewer messages.
const CONTENT_LIMIT: usize = 192 * 1024 * 1024;

/// Messages in each round of the arm of primitives, and of rows: enough for a steady mean.
const BARE_MESSAGES: usize = 128;

/// What to measure.
#[derive(Clone, Debug)]
pub struct ExchangeOptions {
    /// A PostgreSQL database; without it, a private server is started where PostgreSQL is installed.
    pub postgres: Option<String>,
    /// The stores: `sqlite`, `postgres`.
    pub stores: Vec<String>,
    /// Sizes of a message's content, in bytes.
    pub sizes: Vec<usize>,
    /// Messages that are on their way at once.
    pub in_flight: Vec<usize>,
    /// Messages of a case; a case of large messages has fewer.
    pub messages: usize,
}
