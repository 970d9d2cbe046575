//! The order of messages in a channel: numbered from 1, without gaps.

pub use evidence::Channel;

/// Where a message stands in its channel, seen from the recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is the one that is expected.
    Next,
    /// Earlier ones are missing: they must come first.
    Ahead {
        /// The number of the first missing one.
        expected: u64,
    },
    /// Its number belongs to an earlier message.
    Used,
}

/// The place of `sequence` in a channel whose next number is `expected`.
pub fn place(sequence: u64, expected: u64) -> Place {
    match sequence.cmp(&expected) {
        std::cmp::Ordering::Equal => Place::Next,
        std::cmp::Ordering::Greater => Place::Ahead { expected },
        std::cmp::Ordering::Less => Place::Used,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_expected_number_is_next() {
        assert_eq!(place(3, 3), Place::Next);
        assert_eq!(place(4, 3), Place::Ahead { expected: 3 });
        assert_eq!(place(2, 3), Place::Used);
    }
}
