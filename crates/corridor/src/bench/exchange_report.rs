//! What the benchmark of the exchange brought, for programs and for people.

use serde::Serialize;
use std::collections::BTreeMap;

/// One size and number of messages in flight on one store, measured.
#[derive(Clone, Debug, Serialize)]
pub struct ExchangeCase {
    /// `sqlite` or `postgres`.
    pub store: String,
    /// Bytes of a message's content.
    pub size: usize,
    /// Messages that were on their way at once.
    pub in_flight: usize,
    /// Messages that were sent, received, receipted and settled.
    pub messages: usize,
    /// Of those, per second.
    pub throughput_per_s: f64,
    /// What the bare cryptography and durable rows of these messages would allow.
    pub limit_per_s: f64,
    /// The first over the second.
    pub ratio: f64,
    /// From the call that sends a message to its settlement by the partner's receipt, in milliseconds: the median.
    pub p50_ms: f64,
    /// The same, of which 99 in 100 are at most so long.
    pub p99_ms: f64,
    /// Durable commits of both nodes for each message; a commit waits for the disk once.
    pub fsyncs_per_message: f64,
    /// Commands that shared one commit, at both nodes.
    pub commands_per_commit: f64,
    /// The most memory that the process held, both nodes and the load in it, in mebibytes; 0 where the system does not
    /// tell.
    pub peak_rss_mib: f64,
    /// Processor time for each message, in microseconds: `bare_*` are the primitives alone and `bare_rows` the wall
    /// time of the three rows; `step_*` are the steps of the exchange; `other` is the rest of the process, which is
    /// TLS, HTTP, commits and the load; `total` is all of the process.
    pub cpu_us: BTreeMap<String, f64>,
}

/// All cases.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ExchangeReport {
    /// The cases, by store, size and messages in flight.
    pub cases: Vec<ExchangeCase>,
    /// What holds for a store as a whole.
    pub stores: Vec<StoreFigures>,
    /// Stores that were not measured, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
}

/// Figures of a store with everything in it that its cases left.
#[derive(Clone, Debug, Serialize)]
pub struct StoreFigures {
    /// `sqlite` or `postgres`.
    pub store: String,
    /// Letters in the sender's store when it was opened again.
    pub letters: usize,
    /// From opening the sender again until it serves partners and delivers letters, in milliseconds.
    pub restart_ms: f64,
    /// Witnesses of a node's log when that was measured.
    pub witnesses: usize,
    /// From the call that sends a document until all witnesses have cosigned a checkpoint over its statement, in
    /// milliseconds: the median.
    pub witnessed_p50_ms: f64,
    /// The same, of which 99 in 100 are at most so long.
    pub witnessed_p99_ms: f64,
}

impl ExchangeReport {
    /// The report for people: a table, a line for each case.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{:<9} {:>9} {:>6} {:>8} {:>10} {:>10} {:>6} {:>9} {:>9} {:>7} {:>8} {:>8}",
            "store",
            "size",
            "flight",
            "messages",
            "per s",
            "limit/s",
            "ratio",
            "p50 ms",
            "p99 ms",
            "fsyncs",
            "cpu us",
            "rss MiB"
        )];
        for case in &self.cases {
            lines.push(format!(
                "{:<9} {:>9} {:>6} {:>8} {:>10.0} {:>10.0} {:>6.3} {:>9.2} {:>9.2} {:>7.2} {:>8.0} {:>8.0}",
                case.store,
                case.size,
                case.in_flight,
                case.messages,
                case.throughput_per_s,
                case.limit_per_s,
                case.ratio,
                case.p50_ms,
                case.p99_ms,
                case.fsyncs_per_message,
                case.cpu_us.get("total").copied().unwrap_or_default(),
                case.peak_rss_mib
            ));
        }
        let restart = |figures: &StoreFigures| {
            format!(
                "{:<9} restart with {} letters in {:.0} ms; entry to a checkpoint cosigned by {} witnesses: p50 {:.0} ms, p99 {:.0} ms",
                figures.store,
                figures.letters,
                figures.restart_ms,
                figures.witnesses,
                figures.witnessed_p50_ms,
                figures.witnessed_p99_ms
            )
        };
        lines.extend(self.stores.iter().map(restart));
        lines.extend(self.skipped.iter().cloned());
        lines
    }
}
