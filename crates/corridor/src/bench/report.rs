//! What the benchmark brought, for programs and for people.

use serde::Serialize;

/// One database, measured.
#[derive(Clone, Debug, Serialize)]
pub struct BenchCase {
    /// `sqlite` or `postgres`.
    pub store: String,
    /// Movements that went from declaration to write-off.
    pub movements: usize,
    /// Messages that the nodes put on record; one between two nodes counts once.
    pub messages: u64,
    /// Messages per second through validate, clear, decide, store and the exchange's cryptography.
    pub messages_per_s: f64,
    /// Bare durable inserts of the same bytes per second, at the same group commit.
    pub bare_inserts_per_s: f64,
    /// The first over the second.
    pub ratio: f64,
    /// Commands per durable commit at the nodes.
    pub commands_per_commit: f64,
}

/// All databases, measured.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    /// One case per database.
    pub cases: Vec<BenchCase>,
    /// Databases that were not measured, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
}

impl BenchReport {
    /// The report for people.
    pub fn lines(&self) -> Vec<String> {
        let case = |case: &BenchCase| {
            format!(
                "{:<9} {:>8.0} messages/s  {:>8.0} bare inserts/s  ratio {:.3}  ({} movements, {} messages, {:.1} commands per commit)",
                case.store,
                case.messages_per_s,
                case.bare_inserts_per_s,
                case.ratio,
                case.movements,
                case.messages,
                case.commands_per_commit
            )
        };
        self.cases.iter().map(case).chain(self.skipped.iter().cloned()).collect()
    }
}
