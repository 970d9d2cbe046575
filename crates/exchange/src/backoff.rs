//! How long to wait before a message is tried again.

/// Exponential back-off with jitter: the wait doubles with each failed attempt up to a longest, and half of it is
/// random, so that the messages of a day's outage do not all come back at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure, in microseconds.
    pub first: i64,
    /// The longest wait, in microseconds.
    pub longest: i64,
}

impl Default for Backoff {
    /// One second at first, five minutes at most: a peer that was away for weeks gets its messages within minutes of
    /// its return, at no more than a dozen attempts an hour and channel while it is away.
    fn default() -> Self {
        Self { first: 1_000_000, longest: 300_000_000 }
    }
}

impl Backoff {
    /// The wait in microseconds after failure number `attempt` (from 1). `jitter` is a random number; the wait is
    /// between half and all of the exponential value.
    pub fn delay(&self, attempt: u32, jitter: u64) -> i64 {
        let doublings = attempt.saturating_sub(1).min(40);
        let wait = self.first.max(1).saturating_mul(1 << doublings).min(self.longest.max(1));
        let half = wait / 2;
        let random = jitter % (half.unsigned_abs() + 1);
        wait - half + i64::try_from(random).unwrap_or(half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let backoff = Backoff::default();
        let longest = |attempt| backoff.delay(attempt, 500_000 << (attempt - 1).min(10));
        assert_eq!(longest(1), 1_000_000);
        assert_eq!(longest(2), 2_000_000);
        assert_eq!(longest(3), 4_000_000);
        assert_eq!(backoff.delay(u32::MAX, 150_000_000), 300_000_000);
    }

    proptest! {
        #[test]
        fn the_wait_is_between_half_and_all_of_the_exponential(attempt in 0u32.., jitter in any::<u64>(), first in 1i64..10_000_000, longest in 1i64..i64::MAX) {
            let backoff = Backoff { first, longest };
            let full = first.saturating_mul(1 << attempt.saturating_sub(1).min(40)).min(longest);
            let wait = backoff.delay(attempt, jitter);
            prop_assert!(wait >= full / 2 && wait <= full && wait >= 1);
        }
    }
}
