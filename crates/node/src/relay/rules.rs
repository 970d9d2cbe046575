//! What a relay lets through: it decides by who sends to whom, never by what is said.

use base::Administration;
use std::fmt;

/// Declares the reasons as one table: variant, code, HTTP status, words.
macro_rules! reasons {
    ($($variant:ident $code:literal $status:literal $words:literal)*) => {
        /// Why a relay does not hand a request on. Codes are stable: alarms of administrations rely on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RelayReason {
            $(#[doc = concat!($words, " (`", $code, "`).")] $variant,)*
        }

        impl RelayReason {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status of the answer.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// The reason in words.
            pub fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

reasons! {
    UnknownPath "unknown-path" 404 "the relay hands on nothing under this path"
    LengthRequired "length-required" 411 "the request does not state its length"
    TooLarge "too-large" 413 "the request is over the size limit"
    Unreadable "unreadable" 400 "the envelope or its statement is not in the one accepted encoding"
    WrongSender "wrong-sender" 403 "the message names a sender other than whoever delivered it"
    WrongRecipient "wrong-recipient" 403 "the message is for somebody else"
    NoPartner "no-partner" 403 "the recipient is not on the relay's list of partners"
    RateLimited "rate-limited" 429 "the partner has made too many requests"
    Busy "busy" 503 "too much is under way"
    Unreachable "unreachable" 502 "who is to answer cannot be reached"
}

/// A reason and what it was about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}{}{detail}", .reason.code(), .reason.words(), if .detail.is_empty() { "" } else { ": " })]
pub struct RelayRefusal {
    /// The reason.
    pub reason: RelayReason,
    /// What it was about, in one line; may be empty.
    pub detail: String,
}

impl RelayRefusal {
    /// A refusal for `reason`.
    pub fn new(reason: RelayReason, detail: impl fmt::Display) -> Self {
        Self { reason, detail: detail.to_string() }
    }
}

/// Who may send to whom in one direction.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    /// Who delivers.
    pub from: &'a Administration,
    /// For whom it must be.
    pub to: &'a Administration,
}

impl Passage<'_> {
    /// Whether an envelope may pass: its statement names this sender and this recipient. Nothing else in it is looked
    /// at, and nothing is proved here; the recipient's node proves everything.
    ///
    /// # Errors
    /// `unreadable`, `too-large`, `wrong-sender` or `wrong-recipient`.
    pub fn admits(&self, envelope: &[u8]) -> Result<(), RelayRefusal> {
        let incoming = exchange::read_statement(envelope).map_err(|refusal| {
            let reason = match refusal.reason {
                exchange::Reason::TooLarge => RelayReason::TooLarge,
                _ => RelayReason::Unreadable,
            };
            RelayRefusal::new(reason, refusal.detail)
        })?;
        let (from, to) = (incoming.sender(), incoming.manifest().to());
        if from != self.from {
            let detail = format!("`{from}` delivered by `{}`", self.from);
            return Err(RelayRefusal::new(RelayReason::WrongSender, detail));
        }
        if to != self.to {
            return Err(RelayRefusal::new(RelayReason::WrongRecipient, format!("`{to}`")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_stable() {
        let table: Vec<_> =
            RelayReason::ALL.iter().map(|reason| format!("{} {}", reason.code(), reason.status())).collect();
        assert_eq!(
            table.join(", "),
            "unknown-path 404, length-required 411, too-large 413, unreadable 400, wrong-sender 403, \
             wrong-recipient 403, no-partner 403, rate-limited 429, busy 503, unreachable 502"
        );
    }
}
