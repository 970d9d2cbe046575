//! The limit: what the machine could do if nothing cost anything but the cryptography of a message and its durable rows.
//!
//! A message needs eight cryptographic operations (see [`node::PRIMITIVES`]) and three durable rows: the sender's letter
//! with its sealed bytes, the recipient's record with the content and its answer, and the entry of the log. With `c`
//! the microseconds of the operations for one message on one core while `k` cores are doing the same, `r` those of its three rows in a bare store at the
//! same group commit, and `k` the cores that can be at work at once (as many as the machine has, and no more than
//! messages are in flight),
//!
//! ```text
//! L = k / (c + r)    messages per second, times 10^6
//! ```
//!
//! Nothing of what a real exchange also does is in it: TLS, HTTP, policy decisions, digests, reading rows.

/// Durable rows of a message in the limit.
pub(super) const ROWS: usize = 3;

/// Most rows of one commit, as the store's group commit has it.
pub(super) const GROUP: usize = 64;

/// The limit in messages per second, from microseconds per message.
pub(super) fn limit_per_s(crypto_micros: f64, rows_micros: f64, in_flight: usize, cores: usize) -> f64 {
    in_flight.min(cores).max(1) as f64 * 1e6 / (crypto_micros + rows_micros)
}

/// The three rows of a message whose content has `size` bytes: what they must hold at the least.
pub(super) fn rows(size: usize) -> [usize; ROWS] {
    /// A signed statement with its manifest.
    const STATEMENT: usize = 700;
    /// What sealing and the envelope add to content and statement.
    const SEAL: usize = 100;
    /// A staged statement and a receipt.
    const ANSWER: usize = 900;
    [size + SEAL + STATEMENT, size + ANSWER, STATEMENT]
}

/// The value below which `share` (0 to 1) of the sorted values lie: the nearest-rank percentile.
pub(super) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).or(sorted.last()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_that_of_the_design() {
        // 183 microseconds of cryptography, three rows at 25,000 rows per second: 6,600 messages per second on 2 cores.
        assert!((limit_per_s(183.0, 120.0, 64, 2) - 6600.6).abs() < 0.1);
        assert!((limit_per_s(183.0, 120.0, 1, 2) - 3300.3).abs() < 0.1, "one in flight keeps one core busy");
        assert!((limit_per_s(100.0, 0.0, 64, 8) - 80_000.0).abs() < 0.1);
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let sorted: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!([0.5, 0.99, 1.0].map(|share| percentile(&sorted, share)), [100.0, 198.0, 200.0]);
        assert_eq!(percentile(&[7.0], 0.99), 7.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }

    #[test]
    fn rows_hold_at_least_the_content_twice() {
        let [letter, record, entry] = rows(2048);
        assert!(letter > 2048 && record > 2048 && entry < 1024);
    }
}
