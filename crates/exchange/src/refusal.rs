//! Refusals: why a message is not accepted, signed by the recipient.

use crate::incoming::{Incoming, Receiver};
use crate::response::Response;
use base::{Digest, MessageId, Timestamp};
use evidence::{EvidenceError, Stage, StageName, StageReason, StagedStatement, digest_of};
use std::fmt;

/// The longest explanation that goes with a reason, in bytes.
const MAX_DETAIL: usize = 300;

/// Declares the reasons as one table: variant, code, whether it settles the message, words.
macro_rules! reasons {
    ($($variant:ident $code:literal $settles:literal $words:literal)*) => {
        /// Why a message is refused. Codes are stable: other implementations and old evidence rely on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = concat!($words, " (`", $code, "`).")] $variant,)*
        }

        impl Reason {
            /// All reasons, in the order in which they are looked for.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The reason in words.
            pub fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }

            /// Whether the refusal settles the message: it is proved to be the sender's, addressed here and next in
            /// its channel, so its number is used, the answer is recorded in the inbox, and a repeat gets the same
            /// bytes. What is not settled may come again, as when a key or a setting was missing here.
            pub fn settles(self) -> bool {
                match self { $(Self::$variant => $settles,)* }
            }
        }
    };
}

reasons! {
    TooLarge "too-large" false "the envelope is over the size limit"
    Malformed "malformed" false "the envelope or its statement is not in the one accepted encoding"
    WrongRecipient "wrong-recipient" false "the message names another administration as its recipient"
    SenderNotPeer "sender-not-peer" false "the message names a sender other than the administration that delivered it"
    PartnerSuspended "partner-suspended" false "the exchange with the sender is suspended here"
    UnknownSender "unknown-sender" false "the sender is not in the register of keys"
    KeyNotActive "key-not-active" false "the key that the statement is signed with is not an active key of the sender"
    KeyRevoked "key-revoked" false "the key that the statement is signed with was revoked by its owner or the stewards"
    WrongPurpose "wrong-purpose" false "the key that the statement is signed with is the sender's for another purpose"
    BadSignature "bad-signature" false "the signature of the statement does not hold"
    ExerciseInProduction "exercise-in-production" false "a message of an exercise is not accepted by a production node"
    ProductionInExercise "production-in-exercise" false "a real message is not accepted by a node for exercises"
    DigestMismatch "digest-mismatch" false "the parts are not those that the statement describes"
    SequenceUsed "sequence-used" false "the number in the channel belongs to an earlier message"
    RegisterStale "register-stale" false "the key register of the agreement has expired here and must be renewed"
    Expired "expired" true "the message has expired"
    AgreementUnknown "agreement-unknown" true "this version of the agreement is not known here"
    AgreementHashDiffers "agreement-hash-differs" true "the agreement compiles to something else here"
    AgreementNotInForce "agreement-not-in-force" true "the agreement is not in force"
    NotAParty "not-a-party" true "the sender or the recipient is not a party to the agreement"
    NotForUs "not-for-us" true "the parts are sealed for a key that is not held here"
    CannotOpen "cannot-open" true "a part does not open"
    ContentMismatch "content-mismatch" true "the content of a part is not what the statement describes"
    ClauseUnknown "clause-unknown" true "the agreement has no such clause, or the clause does not permit this message"
    PartTooLarge "part-too-large" true "an attachment is larger than this administration takes"
    QuotaExceeded "quota-exceeded" false "the attachments of this partner that are under way take all the room that it has"
    NoRoom "no-room" false "there is no room for the attachments now"
    ContentRefused "content-refused" true "the content is not acceptable"
}

impl Reason {
    /// The reason of a code; `None` when it is of a later version of the protocol.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.code())
    }
}

/// A reason and what it was about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}{}{detail}", .reason.code(), .reason.words(), if .detail.is_empty() { "" } else { ": " })]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// What it was about, in one line; may be empty.
    pub detail: String,
}

impl Refusal {
    /// Refuses for `reason`; `detail` names the place and the value, is cut to 300 bytes, and control characters in it
    /// become spaces.
    pub fn new(reason: Reason, detail: impl fmt::Display) -> Self {
        let mut short = String::new();
        for character in detail.to_string().chars() {
            let character = if character.is_control() { ' ' } else { character };
            if short.len() + character.len_utf8() > MAX_DETAIL {
                break;
            }
            short.push(character);
        }
        Self { reason, detail: short }
    }

    fn stage_reason(&self) -> StageReason {
        let separator = if self.detail.is_empty() { "" } else { ": " };
        StageReason {
            code: self.reason.code().to_owned(),
            words: format!("{}{separator}{}", self.reason.words(), self.detail),
        }
    }
}

/// The signed refusal of a message whose statement could be read, as an encoded [`Response`].
///
/// # Errors
/// When it cannot be signed.
pub fn refuse(
    incoming: &Incoming<'_>,
    refusal: &Refusal,
    receiver: &Receiver<'_>,
    now: Timestamp,
) -> Result<Vec<u8>, EvidenceError> {
    signed(Some(incoming.message_id()), incoming.digest(), refusal, receiver, now)
}

/// The signed refusal of bytes that no statement could be read from: it refers to the digest of all of them.
///
/// # Errors
/// When it cannot be signed.
pub fn refuse_unreadable(
    envelope: &[u8],
    refusal: &Refusal,
    receiver: &Receiver<'_>,
    now: Timestamp,
) -> Result<Vec<u8>, EvidenceError> {
    signed(None, digest_of(envelope), refusal, receiver, now)
}

fn signed(
    message_id: Option<MessageId>,
    statement: Digest,
    refusal: &Refusal,
    receiver: &Receiver<'_>,
    now: Timestamp,
) -> Result<Vec<u8>, EvidenceError> {
    let stage = Stage {
        by: receiver.administration.clone(),
        name: StageName::Refused,
        message_id,
        statement,
        entry: None,
        at: now,
        reason: Some(refusal.stage_reason()),
    };
    let staged = StagedStatement::sign(&stage, &receiver.keys.sign)?;
    Ok(Response::Refused(staged.into_bytes()).encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_stable() {
        let table: Vec<_> = Reason::ALL
            .iter()
            .map(|reason| format!("{}{}", reason.code(), if reason.settles() { " settles" } else { "" }))
            .collect();
        assert_eq!(
            table.join("\n"),
            "too-large\nmalformed\nwrong-recipient\nsender-not-peer\npartner-suspended\nunknown-sender\n\
             key-not-active\nkey-revoked\nwrong-purpose\nbad-signature\nexercise-in-production\n\
             production-in-exercise\ndigest-mismatch\nsequence-used\nregister-stale\nexpired settles\nagreement-unknown settles\n\
             agreement-hash-differs settles\nagreement-not-in-force settles\nnot-a-party settles\n\
             not-for-us settles\ncannot-open settles\ncontent-mismatch settles\nclause-unknown settles\n\
             part-too-large settles\nquota-exceeded\nno-room\ncontent-refused settles"
        );
    }

    #[test]
    fn every_code_is_read_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
        }
        assert_eq!(Reason::from_code("nonsense"), None);
    }

    #[test]
    fn a_detail_is_one_short_line() {
        let refusal = Refusal::new(Reason::Malformed, format!("a\nb{}", "\u{e9}".repeat(400)));
        assert!(refusal.detail.len() <= 300 && refusal.detail.starts_with("a b"));
        assert_eq!(Refusal::new(Reason::Expired, "").to_string(), "expired: the message has expired");
    }
}
