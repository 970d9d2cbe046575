//! Time and chance of a simulated node: the time of the simulated network, and randomness that follows from the seed.

use crate::dice::Dice;
use base::{Country, Timestamp};
use node::{Clock, Entropy, World};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// When every simulation begins: 2026-11-24T06:00:00Z, a day on which keys, agreement and code lists are in force.
pub const BEGINNING: Timestamp = Timestamp::from_micros(1_795_500_000_000_000);

/// The simulated time since the beginning; zero outside a simulated host.
pub(crate) fn elapsed() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}

/// The clock of a node: the network's time, and how far this node's clock is off.
struct SimulatedClock {
    skew_micros: i64,
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        let since = i64::try_from(elapsed().as_micros()).unwrap_or(i64::MAX);
        BEGINNING.plus_micros(since).plus_micros(self.skew_micros)
    }
}

/// Randomness of a node. It differs from node to node and from start to start, as that of an operating system does,
/// and is the same in every run of a seed.
pub(crate) struct SeededEntropy(Mutex<Dice>);

impl SeededEntropy {
    pub(crate) fn new(dice: Dice) -> Self {
        Self(Mutex::new(dice))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
    }
}

/// The world of a node at its start number `start`.
pub(crate) fn world(seed: u64, country: Country, start: u32, skew_micros: i64) -> World {
    World {
        clock: Arc::new(SimulatedClock { skew_micros }),
        entropy: Arc::new(SeededEntropy::new(Dice::of(
            seed,
            &format!("entropy of {country} at start {start}"),
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulation_begins_on_a_round_moment() {
        assert_eq!(Timestamp::parse("2026-11-24T06:00:00Z"), Ok(BEGINNING));
    }

    #[test]
    fn a_node_never_draws_the_same_randomness_after_a_restart() {
        let country = Country::parse("GB").unwrap();
        let draw = |start| world(1, country, start, 0).random::<16>();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
