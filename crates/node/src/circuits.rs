//! The way to each partner: which letters are under way, and whether any may be sent now.
//!
//! That a letter is under way is known here and nowhere else: the database is not told, so that taking a letter waits for
//! no disk, and after a crash each letter that was under way is due again. No letter is delivered twice at once:
//!
//! - it is under way from [`Circuits::enter`] or [`Circuits::enter_found`] until its [`Place`] is dropped, which is after what
//!   became of it is durable;
//! - who looks for due letters begins with [`Circuits::begin_look`] and only then opens a snapshot of the database. A letter
//!   that was under way at any moment since is refused by [`Circuits::enter_found`], for the snapshot may be older than
//!   what became of it. Any other was last settled or postponed before the snapshot was opened, which shows it.

use base::{Administration, Timestamp};
use exchange::{Breaker, Circuit};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many letters to one partner may be under way: a partner that answers slowly must not hold up the others, nor fill
/// the memory of this node.
const UNDER_WAY: usize = 64;

/// How long a letter rests at first when this node could not note what became of it, as when its disk is full: otherwise it
/// would be tried again without end. Each failure doubles it.
const FIRST_REST_MICROS: i64 = 5_000_000;

/// How long it rests at most.
const LONGEST_REST_MICROS: i64 = 60_000_000;

/// How long after its rest a letter that was not tried again is remembered: it was settled otherwise, or the partner is away.
const FORGOTTEN_MICROS: i64 = 600_000_000;

/// How many letters to one partner may rest at once. Where this node fails on more it fails on all, and each keeps its place
/// for a while.
const RESTING: usize = 1024;

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

#[derive(Clone, Debug, Default)]
struct Way {
    breaker: Breaker,
    /// The letters whose deliveries count, with the bytes that each holds.
    letters: BTreeMap<i64, i64>,
    bytes_under_way: i64,
    /// The letters that are under way for long, as their attachments are, and do not count.
    aside: BTreeSet<i64>,
    /// The letters that have been under way since the look for due ones began.
    left: BTreeSet<i64>,
    /// The letters on which this node failed.
    resting: BTreeMap<i64, Rest>,
}

/// The rest of a letter on which this node failed.
#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Timestamp,
    micros: i64,
}

impl Way {
    fn is_under_way(&self, letter: i64) -> bool {
        self.letters.contains_key(&letter) || self.aside.contains(&letter)
    }

    fn enter(&mut self, letter: i64, bytes: i64) {
        self.letters.insert(letter, bytes);
        self.bytes_under_way = self.bytes_under_way.saturating_add(bytes);
    }

    fn is_idle(&self) -> bool {
        self.letters.is_empty()
            && self.aside.is_empty()
            && matches!(self.breaker.circuit(), Circuit::Closed { failures: 0 })
    }

    fn no_longer_counts(&mut self, letter: i64) {
        if let Some(bytes) = self.letters.remove(&letter) {
            self.bytes_under_way = self.bytes_under_way.saturating_sub(bytes);
        }
    }
}

/// The ways to all partners. They are kept in memory only: after a restart each partner is tried again at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Circuits {
    ways: Arc<Mutex<BTreeMap<Administration, Way>>>,
    fresh: Breaker,
}

/// The place of one delivery: its letter is under way until it is dropped.
pub(crate) struct Place {
    partner: Administration,
    letter: i64,
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
        let fresh = || Way { breaker: self.fresh, ..Way::default() };
        change(self.ways().entry(partner.clone()).or_insert_with(fresh))
    }

    /// What may be sent to `partner` at `now`. Nothing is changed: a trial begins with [`Circuits::begin_trial`], when
    /// there is a letter for it.
    pub(crate) fn allowance(&self, partner: &Administration, now: Timestamp) -> Allowance {
        let (mut breaker, under_way, bytes_under_way) = match self.ways().get(partner) {
            Some(way) => (way.breaker, way.letters.len(), way.bytes_under_way),
            None => (self.fresh, 0, 0),
        };
        match breaker.circuit() {
            Circuit::Closed { .. } => match UNDER_WAY.saturating_sub(under_way) {
                0 => Allowance::Nothing,
                left => Allowance::Letters { left, bytes_under_way },
            },
            Circuit::Open { .. } | Circuit::Trial { .. } if breaker.permit(now) => Allowance::Trial,
            Circuit::Open { .. } | Circuit::Trial { .. } => Allowance::Nothing,
        }
    }

    /// Begins the trial that [`Circuits::allowance`] offered. `false` means that it is not to be any more.
    pub(crate) fn begin_trial(&self, partner: &Administration, now: Timestamp) -> bool {
        self.on(partner, |way| way.breaker.permit(now))
    }

    /// Begins to look for letters that are due at `now`; a snapshot of the database is opened after it. One look at a time:
    /// there is one loop that sends.
    pub(crate) fn begin_look(&self, now: Timestamp) {
        for way in self.ways().values_mut() {
            way.left.clear();
            way.resting.retain(|_, rest| now < rest.until.plus_micros(FORGOTTEN_MICROS));
        }
    }

    /// The letters to a partner that a look passes over at `now`: those that are under way, or were since it began, and
    /// those that rest.
    pub(crate) fn letters(&self, partner: &Administration, now: Timestamp) -> BTreeSet<i64> {
        let ways = self.ways();
        let Some(way) = ways.get(partner) else { return BTreeSet::new() };
        let resting = way.resting.iter().filter(|(_, rest)| now < rest.until).map(|(letter, _)| letter);
        way.letters.keys().chain(&way.aside).chain(&way.left).chain(resting).copied().collect()
    }

    /// A place for the delivery of a letter that holds so many bytes; `None` when it is under way.
    pub(crate) fn enter(&self, partner: &Administration, letter: i64, bytes: usize) -> Option<Place> {
        self.enter_if(partner, (letter, bytes), |way| !way.is_under_way(letter))
    }

    /// A place for the delivery of a letter that a look has found due; `None` when it is or was under way since the look
    /// began.
    pub(crate) fn enter_found(&self, partner: &Administration, letter: i64, bytes: usize) -> Option<Place> {
        let free = |way: &Way| !way.is_under_way(letter) && !way.left.contains(&letter);
        self.enter_if(partner, (letter, bytes), free)
    }

    /// A place for the delivery of a new letter, before it is durable; `None` when others are under way to the partner, or
    /// its circuit is not closed.
    pub(crate) fn enter_idle(&self, partner: &Administration, letter: i64, bytes: usize) -> Option<Place> {
        self.enter_if(partner, (letter, bytes), Way::is_idle)
    }

    /// Whether nothing is under way to a partner whose circuit is closed.
    pub(crate) fn is_idle(&self, partner: &Administration) -> bool {
        self.ways().get(partner).is_none_or(Way::is_idle)
    }

    fn enter_if(
        &self,
        partner: &Administration,
        (letter, bytes): (i64, usize),
        condition: impl FnOnce(&Way) -> bool,
    ) -> Option<Place> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let entered = self.on(partner, |way| {
            let free = condition(way);
            if free {
                way.enter(letter, bytes);
            }
            free
        });
        entered.then(|| Place { partner: partner.clone(), letter, circuits: self.clone() })
    }

    /// How many deliveries to a partner are under way and count.
    pub(crate) fn under_way(&self, partner: &Administration) -> usize {
        self.ways().get(partner).map_or(0, |way| way.letters.len())
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

impl Place {
    /// The delivery takes long from here on: its letter stays under way, and others may go beside it.
    pub(crate) fn step_aside(&self) {
        self.circuits.on(&self.partner, |way| {
            way.no_longer_counts(self.letter);
            way.aside.insert(self.letter);
        });
    }

    /// This node failed on the letter at `now`: it rests from then on, longer each time in a row. `false` when too many rest
    /// already; it is to keep its place for a while then.
    pub(crate) fn failed(&self, now: Timestamp) -> bool {
        self.circuits.on(&self.partner, |way| {
            let before = way.resting.get(&self.letter).copied();
            if before.is_none() && way.resting.len() >= RESTING {
                return false;
            }
            let doubled = before.map_or(FIRST_REST_MICROS, |rest| rest.micros.saturating_mul(2));
            let micros = doubled.min(LONGEST_REST_MICROS);
            way.resting.insert(self.letter, Rest { until: now.plus_micros(micros), micros });
            true
        })
    }

    /// What became of the letter is durable.
    pub(crate) fn ended(&self) {
        self.circuits.on(&self.partner, |way| way.resting.remove(&self.letter));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(way) = self.circuits.ways().get_mut(&self.partner) {
            way.no_longer_counts(self.letter);
            way.aside.remove(&self.letter);
            way.left.insert(self.letter);
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
        assert!(circuits.begin_trial(&away, at(5)));
        assert!(!circuits.begin_trial(&away, at(5)), "one at a time");
        assert_eq!(circuits.allowance(&away, at(6)), Allowance::Nothing);
        circuits.answered(&away);
        assert_eq!(circuits.allowance(&away, at(6)), ALL);
    }

    #[test]
    fn places_are_given_back() {
        let partner = Administration::parse("NTA.FR").unwrap();
        let circuits = Circuits::default();
        let mut places: Vec<Place> =
            (0..UNDER_WAY).map(|number| circuits.enter(&partner, number as i64, 7).unwrap()).collect();
        assert_eq!(circuits.allowance(&partner, at(0)), Allowance::Nothing);
        let left = UNDER_WAY - 1;
        places.truncate(1);
        assert_eq!(circuits.allowance(&partner, at(0)), Allowance::Letters { left, bytes_under_way: 7 });
        drop(places);
        assert_eq!(circuits.allowance(&partner, at(0)), ALL);
    }

    fn partner() -> Administration {
        Administration::parse("NTA.FR").unwrap()
    }

    #[test]
    fn a_letter_is_under_way_once() {
        let circuits = Circuits::default();
        circuits.begin_look(at(0));
        let place = circuits.enter_found(&partner(), 1, 7).unwrap();
        assert!(circuits.enter_found(&partner(), 1, 7).is_none());
        assert!(circuits.enter(&partner(), 1, 7).is_none());
        assert!(circuits.enter_found(&partner(), 2, 7).is_some());
        drop(place);
        assert!(circuits.enter(&partner(), 1, 7).is_some());
    }

    #[test]
    fn what_was_under_way_during_a_look_is_found_by_the_next_only() {
        let circuits = Circuits::default();
        let before = circuits.enter(&partner(), 1, 7).unwrap();
        circuits.begin_look(at(0));
        // One was under way when the look began, the other came and went since.
        drop(circuits.enter(&partner(), 2, 7).unwrap());
        drop(before);
        assert_eq!(circuits.letters(&partner(), at(0)), BTreeSet::from([1, 2]));
        assert!(circuits.enter_found(&partner(), 1, 7).is_none());
        assert!(circuits.enter_found(&partner(), 2, 7).is_none());
        circuits.begin_look(at(0));
        assert_eq!(circuits.letters(&partner(), at(0)), BTreeSet::new());
        assert!(circuits.enter_found(&partner(), 1, 7).is_some());
        assert!(circuits.enter_found(&partner(), 2, 7).is_some());
    }

    #[test]
    fn a_long_delivery_leaves_room_and_stays_under_way() {
        let circuits = Circuits::default();
        let place = circuits.enter(&partner(), 1, 7).unwrap();
        place.step_aside();
        assert_eq!(circuits.allowance(&partner(), at(0)), ALL);
        circuits.begin_look(at(0));
        assert_eq!(circuits.letters(&partner(), at(0)), BTreeSet::from([1]));
        assert!(circuits.enter_found(&partner(), 1, 7).is_none());
        assert!(!circuits.is_idle(&partner()));
        drop(place);
        circuits.begin_look(at(0));
        assert!(circuits.enter_found(&partner(), 1, 7).is_some());
    }

    #[test]
    fn a_way_is_idle_when_nothing_is_under_way_and_nothing_has_failed() {
        let circuits = Circuits::default();
        assert!(circuits.is_idle(&partner()));
        let place = circuits.enter_idle(&partner(), 1, 7).unwrap();
        assert!(circuits.enter_idle(&partner(), 2, 7).is_none());
        drop(place);
        circuits.failed(&partner(), at(0));
        assert!(!circuits.is_idle(&partner()) && circuits.enter_idle(&partner(), 2, 7).is_none());
        circuits.answered(&partner());
        assert!(circuits.enter_idle(&partner(), 2, 7).is_some());
    }

    #[test]
    fn a_letter_on_which_this_node_failed_rests_longer_each_time_and_takes_no_place() {
        let circuits = Circuits::default();
        let passed_over = |second: i64| {
            circuits.begin_look(at(second));
            circuits.letters(&partner(), at(second)).contains(&1)
        };
        let fail = |second: i64| {
            assert!(circuits.enter_found(&partner(), 1, 7).unwrap().failed(at(second)));
            assert_eq!(circuits.allowance(&partner(), at(second)), ALL);
        };
        let mut second = 0;
        for rest in [5, 10, 20, 40, 60, 60] {
            fail(second);
            assert!(passed_over(second + rest - 1) && !passed_over(second + rest), "{rest}");
            second += rest;
        }
        circuits.enter_found(&partner(), 1, 7).unwrap().ended();
        assert!(!passed_over(second));
        fail(second);
        assert!(!passed_over(second + 5), "it begins anew");
        assert!(!passed_over(second + 5 + 600));
        fail(second);
        assert!(!passed_over(second + 5), "it was forgotten");
    }

    #[test]
    fn only_so_many_letters_rest() {
        let circuits = Circuits::default();
        let failed = |letter: i64| circuits.enter(&partner(), letter, 7).unwrap().failed(at(0));
        assert!((0..RESTING as i64).all(failed));
        assert!(!failed(-1) && failed(0));
    }
}
