//! The load: documents that a node sends, some at a time, each settled before the next of its channel follows.

use super::BenchError;
use super::pair::Pair;
use std::time::Duration;

/// What sending took.
#[derive(Debug, Default)]
pub(super) struct Sendings {
    /// All of it.
    pub(super) taken: Duration,
    /// Each message, from the call that sends it to its settlement, in milliseconds.
    pub(super) latencies_ms: Vec<f64>,
}

impl Sendings {
    pub(super) fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.latencies_ms.extend(other.latencies_ms);
    }
}

pub(super) async fn send(_p: &Pair, _size: usize, _f: usize, _n: usize) -> Result<Sendings, BenchError> {
    Ok(Sendings { taken: Duration::from_secs(1), latencies_ms: vec![] })
}
