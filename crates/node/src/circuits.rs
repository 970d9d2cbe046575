//! The way to each partner: how many letters are under way, and whether any may be sent now.

use base::{Administration, Timestamp};
use exchange::{Breaker, Circuit};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many letters to one partner may be under way: a partner that answers slowly must not hold up the others, nor fill
/// the memory of this node.
const UNDER_WAY: usize = 64;

/// What may be sent to a partner now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowance {
    /// Nothing: it is away and was tried a short while ago, or enough is under way.
    Nothing,
    /// One letter, to see whether it is back.
    Trial,
    /// As many as this, beside those under way.
    Letters {
        /// How many.
        left: usize,
        /// The bytes of those under way.
        bytes_under_way: i64,
    },
}

#[derive(Clone, Copy, Debug, Default)]
struct Way {
    breaker: Breaker,
    under_way: usize,
    bytes_under_way: i64,
}

/// The ways to all partners. They are kept in memory only: after a restart each partner is tried again at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Circuits {
    ways: Arc<Mutex<BTreeMap<Administration, Way>>>,
    fresh: Breaker,
}

/// The place of one delivery; it is given back when it is dropped.
pub(crate) struct Place {
    partner: Administration,
    bytes: i64,
    circuits: Circuits,
}

impl Circuits {
    /// Circuits that rest for so long at first and at most, in milliseconds.
    pub(crate) fn resting(first_ms: u32, longest_ms: u32) -> Self {
        let micros = |millis: u32| i64::from(millis) * 1_000;
        Self { fresh: Breaker::resting(micros(first_ms), micros(longest_ms)), ..Self::default() }
    }

    fn ways(&self) -> MutexGuard<'_, BTreeMap<Administration, Way>> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the way to a partner.
    fn on<T>(&self, partner: &Administration, change: impl FnOnce(&mut Way) -> T) -> T {
        let fresh = Way { breaker: self.fresh, under_way: 0, bytes_under_way: 0 };
        change(self.ways().entry(partner.clone()).or_insert(fresh))
    }

    /// What may be sent to `partner` at `now`. Nothing is changed: a trial begins with [`Circuits::begin_trial`], when
    /// there is a letter for it.
    pub(crate) fn allowance(&self, partner: &Administration, now: Timestamp) -> Allowance {
        let way = self.ways().get(partner).copied().unwrap_or_default();
        let mut breaker = way.breaker;
        match breaker.circuit() {
            Circuit::Closed { .. } => match UNDER_WAY.saturating_sub(way.under_way) {
                0 => Allowance::Nothing,
                left => Allowance::Letters { left, bytes_under_way: way.bytes_under_way },
            },
            Circuit::Open { .. } | Circuit::Trial { .. } if breaker.permit(now) => Allowance::Trial,
            Circuit::Open { .. } | Circuit::Trial { .. } => Allowance::Nothing,
        }
    }

    /// Begins the trial that [`Circuits::allowance`] offered.
    pub(crate) fn begin_trial(&self, partner: &Administration, now: Timestamp) {
        let _ = self.on(partner, |way| way.breaker.permit(now));
    }

    /// A place for a delivery to `partner` that holds so many bytes. The one loop that claims letters claims no more than
    /// are allowed.
    pub(crate) fn enter(&self, partner: &Administration, bytes: usize) -> Place {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.on(partner, |way| {
            way.under_way += 1;
            way.bytes_under_way = way.bytes_under_way.saturating_add(bytes);
        });
        Place { partner: partner.clone(), bytes, circuits: self.clone() }
    }

    /// How many deliveries to a partner are under way.
    pub(crate) fn under_way(&self, partner: &Administration) -> usize {
        self.ways().get(partner).map_or(0, |way| way.under_way)
    }

    /// The partner answered.
    pub(crate) fn answered(&self, partner: &Administration) {
        self.on(partner, |way| way.breaker.answered());
    }

    /// The partner did not answer, or takes nothing from us for now.
    pub(crate) fn failed(&self, partner: &Administration, now: Timestamp) {
        self.on(partner, |way| way.breaker.failed(now));
    }

    /// The state of the way to a partner, for showing.
    pub(crate) fn circuit(&self, partner: &Administration) -> Circuit {
        self.ways().get(partner).map_or(Circuit::Closed { failures: 0 }, |way| way.breaker.circuit())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(way) = self.circuits.ways().get_mut(&self.partner) {
            way.under_way = way.under_way.saturating_sub(1);
            way.bytes_under_way = way.bytes_under_way.saturating_sub(self.bytes);
        }
    }
}

/// The word for a circuit, in metrics and on pages.
pub(crate) fn word(circuit: Circuit) -> &'static str {
    match circuit {
        Circuit::Closed { .. } => "closed",
        Circuit::Open { .. } => "open",
        Circuit::Trial { .. } => "trial",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Allowance = Allowance::Letters { left: UNDER_WAY, bytes_under_way: 0 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_partner_that_is_away_costs_its_trial_and_leaves_the_others_alone() {
        let (away, there) =
            (Administration::parse("NTA.FR").unwrap(), Administration::parse("NTA.IT").unwrap());
        let circuits = Circuits::default();
        assert_eq!(circuits.allowance(&away, at(0)), ALL);
        (0..5).for_each(|_| circuits.failed(&away, at(0)));
        assert_eq!(circuits.allowance(&away, at(4)), Allowance::Nothing);
        assert_eq!(circuits.allowance(&there, at(4)), ALL);
        // Asking begins no trial.
        assert_eq!(circuits.allowance(&away, at(5)), Allowance::Trial);
        assert_eq!(circuits.allowance(&away, at(5)), Allowance::Trial);
        circuits.begin_trial(&away, at(5));
        assert_eq!(circuits.allowance(&away, at(6)), Allowance::Nothing);
        circuits.answered(&away);
        assert_eq!(circuits.allowance(&away, at(6)), ALL);
    }

    #[test]
    fn places_are_given_back() {
        let partner = Administration::parse("NTA.FR").unwrap();
        let circuits = Circuits::default();
        let mut places: Vec<Place> = (0..UNDER_WAY).map(|_| circuits.enter(&partner, 7)).collect();
        assert_eq!(circuits.allowance(&partner, at(0)), Allowance::Nothing);
        let left = UNDER_WAY - 1;
        places.truncate(1);
        assert_eq!(circuits.allowance(&partner, at(0)), Allowance::Letters { left, bytes_under_way: 7 });
        drop(places);
        assert_eq!(circuits.allowance(&partner, at(0)), ALL);
    }
}
