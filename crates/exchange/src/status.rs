//! What the sender sees of a message.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How far a message has come, as its sender knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// Committed to the outbox; nothing has left.
    Queued,
    /// Sealed and signed: from then on it may leave at any moment, or has left, and the recipient may have it. No answer yet.
    Sent,
    /// The recipient's signed receipt is here.
    Received,
    /// The recipient decided upon it.
    Decided,
    /// Its effect reached whom it was for.
    Delivered,
    /// It was not delivered before its expiry.
    Expired,
    /// The recipient refused it, with a reason.
    Refused,
}

impl DeliveryStatus {
    /// All of them, in the order of a message's life.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Sent,
        Self::Received,
        Self::Decided,
        Self::Delivered,
        Self::Expired,
        Self::Refused,
    ];

    /// Whether nothing can follow.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Expired | Self::Refused)
    }

    /// Whether a message in this status can come to `next`:
    ///
    /// | from | to |
    /// |---|---|
    /// | queued | sent, expired |
    /// | sent | received, expired, refused |
    /// | received | decided, delivered, expired |
    /// | decided | delivered, expired |
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Queued, Self::Sent | Self::Expired)
                | (Self::Sent, Self::Received | Self::Expired | Self::Refused)
                | (Self::Received, Self::Decided | Self::Delivered | Self::Expired)
                | (Self::Decided, Self::Delivered | Self::Expired)
        )
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Decided => "decided",
            Self::Delivered => "delivered",
            Self::Expired => "expired",
            Self::Refused => "refused",
        }
    }

    /// The status of a word; `None` when there is no such status.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl fmt::Display for DeliveryStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_follows_a_final_status_and_something_follows_each_other() {
        for status in DeliveryStatus::ALL {
            let followed = DeliveryStatus::ALL.into_iter().any(|next| status.may_become(next));
            assert_eq!(followed, !status.is_final(), "{status}");
            assert!(!status.may_become(status));
            assert_eq!(DeliveryStatus::from_word(status.as_str()), Some(status));
        }
        assert_eq!(DeliveryStatus::from_word("lost"), None);
    }

    #[test]
    fn the_life_of_a_message_never_goes_back() {
        for from in DeliveryStatus::ALL {
            for to in DeliveryStatus::ALL {
                assert!(!from.may_become(to) || from < to, "{from} to {to}");
            }
        }
    }
}
