//! The circuit breaker of a peer: when it does not answer, most messages wait without being tried.

use base::Timestamp;

/// After how many failures in a row a peer counts as down.
pub const FAILURES: u32 = 5;
/// How long it is left alone at first: five seconds, in microseconds.
pub const FIRST_REST: i64 = 5_000_000;
/// How long it is left alone at most: two minutes, in microseconds.
pub const LONGEST_REST: i64 = 120_000_000;
/// After how long a trial without outcome is given up, in microseconds, so that a lost one does not close the way for
/// ever.
pub const TRIAL_LIMIT: i64 = 60_000_000;

/// Whether messages may be sent to a peer.
///
/// | state | event | to |
/// |---|---|---|
/// | closed | answer | closed, no failures |
/// | closed | failure, fewer than 5 in a row | closed, one failure more |
/// | closed | fifth failure in a row | open, for 5 seconds |
/// | open | rest is over, something wants to be sent | trial: that one goes, the others wait |
/// | trial | answer | closed |
/// | trial | failure | open, for twice as long, up to 2 minutes |
/// | trial | no outcome for a minute, something wants to be sent | a new trial |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// All may be sent.
    Closed {
        /// Failures in a row.
        failures: u32,
    },
    /// Nothing may be sent until then.
    Open {
        /// When the rest ends.
        until: Timestamp,
        /// How long it is, in microseconds.
        rest: i64,
    },
    /// One message is on its way to see whether the peer is back.
    Trial {
        /// When it was permitted.
        since: Timestamp,
        /// How long the last rest was, in microseconds.
        rest: i64,
    },
}

/// The breaker of one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    circuit: Circuit,
    first_rest: i64,
    longest_rest: i64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

impl Breaker {
    /// A breaker that lets all pass.
    pub const fn new() -> Self {
        Self::resting(FIRST_REST, LONGEST_REST)
    }

    /// A breaker that lets all pass, with other rests than the usual, in microseconds.
    pub const fn resting(first_rest: i64, longest_rest: i64) -> Self {
        Self { circuit: Circuit::Closed { failures: 0 }, first_rest, longest_rest }
    }

    /// Its state, for showing.
    pub fn circuit(&self) -> Circuit {
        self.circuit
    }

    /// Asks to send one message at `now`; when it says yes, an outcome must follow.
    pub fn permit(&mut self, now: Timestamp) -> bool {
        let rest = match self.circuit {
            Circuit::Closed { .. } => return true,
            Circuit::Open { until, rest } if until <= now => rest,
            Circuit::Trial { since, rest } if since.plus_micros(TRIAL_LIMIT) <= now => rest,
            Circuit::Open { .. } | Circuit::Trial { .. } => return false,
        };
        self.circuit = Circuit::Trial { since: now, rest };
        true
    }

    /// The peer answered; a refusal is an answer too.
    pub fn answered(&mut self) {
        self.circuit = Circuit::Closed { failures: 0 };
    }

    /// The peer did not answer: no connection, a timeout, an overload.
    pub fn failed(&mut self, now: Timestamp) {
        let open = |rest: i64| Circuit::Open { until: now.plus_micros(rest), rest };
        self.circuit = match self.circuit {
            Circuit::Closed { failures } if failures + 1 < FAILURES => {
                Circuit::Closed { failures: failures + 1 }
            }
            Circuit::Closed { .. } => open(self.first_rest),
            Circuit::Trial { rest, .. } => open(rest.saturating_mul(2).min(self.longest_rest)),
            // The failure of a message that was sent before the circuit opened says nothing new.
            Circuit::Open { .. } => self.circuit,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn open_breaker() -> Breaker {
        let mut breaker = Breaker::new();
        for _ in 0..FAILURES {
            assert!(breaker.permit(at(0)));
            breaker.failed(at(0));
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_an_answer_between_does_not() {
        let mut breaker = Breaker::new();
        for _ in 0..3 {
            (0..4).for_each(|_| breaker.failed(at(0)));
            breaker.answered();
        }
        assert!(breaker.permit(at(0)));
        assert!(!open_breaker().permit(at(4)));
    }

    #[test]
    fn after_its_rest_one_message_tries_and_the_others_wait() {
        let mut breaker = open_breaker();
        assert!(breaker.permit(at(5)));
        assert!(!breaker.permit(at(5)));
        breaker.answered();
        assert!(breaker.permit(at(5)) && breaker.permit(at(5)));
    }

    #[test]
    fn each_failed_trial_doubles_the_rest_up_to_two_minutes() {
        let (mut breaker, mut now, mut rests) = (open_breaker(), at(0), Vec::new());
        for _ in 0..7 {
            if let Circuit::Open { until, rest } = breaker.circuit() {
                now = until;
                rests.push(rest / 1_000_000);
            }
            assert!(breaker.permit(now));
            breaker.failed(now);
        }
        assert_eq!(rests, [5, 10, 20, 40, 80, 120, 120]);
    }

    #[test]
    fn a_lost_trial_does_not_close_the_way_for_ever() {
        let mut breaker = open_breaker();
        assert!(breaker.permit(at(5)));
        assert!(!breaker.permit(at(64)));
        assert!(breaker.permit(at(65)));
    }

    proptest! {
        #[test]
        fn whatever_happened_a_message_is_permitted_within_two_minutes(events in prop::collection::vec((0u8..3, 0i64..30), 0..60)) {
            let (mut breaker, mut now) = (Breaker::new(), 0);
            for (event, wait) in events {
                now += wait;
                match event {
                    0 => { breaker.permit(at(now)); }
                    1 => breaker.answered(),
                    _ => breaker.failed(at(now)),
                }
            }
            prop_assert!(breaker.permit(at(now + LONGEST_REST / 1_000_000)));
        }
    }
}
