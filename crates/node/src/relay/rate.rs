//! How many requests each partner may make: a bucket of tokens that fills at a steady rate.

use super::rules::{RelayReason, RelayRefusal};
use base::{Administration, Timestamp};
use std::collections::BTreeMap;

/// What one token is worth, in millionths: whole numbers, so that nothing is lost to rounding.
const TOKEN: i64 = 60_000_000;

/// The buckets of all partners. There are as many as there are partners: whoever is none never comes this far.
#[derive(Clone, Debug)]
pub struct Rates {
    per_minute: i64,
    burst: i64,
    buckets: BTreeMap<Administration, Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// In parts of a token.
    level: i64,
    filled: Timestamp,
}

impl Rates {
    /// Buckets that hold `burst` tokens and get `per_minute` new ones a minute; at least one each.
    pub fn new(per_minute: u32, burst: u32) -> Self {
        let at_least_one = |number: u32| i64::from(number.max(1));
        Self { per_minute: at_least_one(per_minute), burst: at_least_one(burst), buckets: BTreeMap::new() }
    }

    /// Takes a token of this partner.
    ///
    /// # Errors
    /// `rate-limited`, when there is none.
    pub fn take(&mut self, partner: &Administration, now: Timestamp) -> Result<(), RelayRefusal> {
        let full = self.burst * TOKEN;
        let bucket = self.buckets.entry(partner.clone()).or_insert(Bucket { level: full, filled: now });
        let passed = now.as_micros().saturating_sub(bucket.filled.as_micros()).max(0);
        // A microsecond brings a sixty-millionth of what a minute does, and a token has as many parts.
        bucket.level = passed.saturating_mul(self.per_minute).saturating_add(bucket.level).min(full);
        bucket.filled = now;
        if bucket.level < TOKEN {
            let detail = format!("`{partner}`, over {} a minute", self.per_minute);
            return Err(RelayRefusal::new(RelayReason::RateLimited, detail));
        }
        bucket.level -= TOKEN;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let mut rates = Rates::new(60, 3);
        let (fr, it) = ["NTA.FR", "NTA.IT"].map(|name| Administration::parse(name).unwrap()).into();
        let at = |millis: i64| Timestamp::from_micros(millis * 1_000);
        let mut passes = |partner, millis| rates.take(partner, at(millis)).is_ok();
        let table = [
            (&fr, 0, true),
            (&fr, 0, true),
            (&fr, 0, true),
            (&fr, 0, false),
            (&it, 0, true),
            (&fr, 999, false),
            (&fr, 1_000, true),
            (&fr, 1_500, false),
            (&fr, 2_000, true),
            // However long it was silent, no more than a burst has gathered; a clock that goes back brings nothing.
            (&fr, 3_600_000, true),
            (&fr, 3_600_000, true),
            (&fr, 3_600_000, true),
            (&fr, 3_600_000, false),
            (&fr, 3_000_000, false),
        ];
        for (number, (partner, millis, expected)) in table.into_iter().enumerate() {
            assert_eq!(passes(partner, millis), expected, "row {number}");
        }
    }
}
