//! Why an invitation or an acceptance is not taken: each reason has a stable code, and says how to put it right.

use crate::node::NodeError;
use std::fmt;

/// Declares the reasons as one table: variant, code, words, fix.
macro_rules! reasons {
    ($($variant:ident $code:literal $words:literal $fix:literal)*) => {
        /// Why an invitation or an acceptance is not taken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FederationReason {
            $(#[doc = concat!($words, " (`", $code, "`).")] $variant,)*
        }

        impl FederationReason {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The reason in words.
            pub fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }

            /// How to put it right.
            pub fn fix(self) -> &'static str {
                match self { $(Self::$variant => $fix,)* }
            }
        }
    };
}

reasons! {
    Malformed "malformed" "the file is not what it should be"
        "ask for it again; do not edit it"
    WrongAdministration "wrong-administration" "it is for another administration"
        "ask for one that names yours"
    OwnInvitation "own-invitation" "it was written by this administration itself"
        "send it to the one that it invites"
    Expired "expired" "it has expired"
        "ask for a new one, and accept it in time"
    CardNotValid "card-not-valid" "its card is not valid now"
        "compare the clocks of both nodes, and ask for a new one"
    AgreementMalformed "agreement-malformed" "the agreement in it cannot be used"
        "ask for one with an agreement that both nodes can read"
    AgreementDiffers "agreement-differs" "this version of the agreement has another text here"
        "agree on one text, give it a new version number, and invite again"
    NotAParty "not-a-party" "one of the two administrations is not a party to the agreement"
        "name both as parties in the agreement, and invite again"
    AlreadyPartner "already-partner" "the two exchange already"
        "nothing needs to be done; `tidewaiter partner list` shows it"
    OtherKeys "other-keys" "it is a partner already, with other keys"
        "rotate the keys in the key register instead; a new invitation does not replace keys"
    RegisterExists "register-exists" "this administration keeps a register of this agreement already"
        "let the administration that has the register invite the other"
    FingerprintDiffers "fingerprint-differs" "the fingerprint is not the one of this file"
        "do not go on: call the other administration on a number that you know, and compare the digits once more; if they differ, somebody changed the file on its way"
    Unknown "unknown-invitation" "it does not answer an invitation of this node"
        "give it to the node that invited, or invite again"
    Used "used" "its invitation was used by another file before"
        "invite again, and find out who used the first invitation"
    Changed "changed" "it answers an invitation that differs from the one that this node wrote, or was changed itself"
        "compare the fingerprints of the invitation with the other administration, and invite again"
    KeysChanged "keys-changed" "the keys of this node are not those of the invitation any more"
        "invite again"
    NotApproved "not-approved" "the other administration has not approved the key register"
        "ask for a new acceptance"
}

impl fmt::Display for FederationReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.code())
    }
}

/// A reason, what it was about, and how to put it right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {}", .reason.words(), in_brackets(.detail), .reason.fix())]
pub struct FederationRefusal {
    /// The reason.
    pub reason: FederationReason,
    /// What it was about, in one line; may be empty.
    pub detail: String,
}

fn in_brackets(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(" ({detail})") }
}

impl FederationRefusal {
    /// A refusal for `reason`.
    pub fn new(reason: FederationReason, detail: impl fmt::Display) -> Self {
        Self { reason, detail: detail.to_string() }
    }
}

/// Why an invitation or acceptance has no effect.
#[derive(Debug, thiserror::Error)]
pub enum FederationError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] FederationRefusal),
    /// This node cannot do it now.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl From<store::StoreError> for FederationError {
    fn from(error: store::StoreError) -> Self {
        Self::Node(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_is_wrong_and_what_to_do() {
        let refusal = FederationRefusal::new(FederationReason::Expired, "at `2026-11-24T06:00:00.000000Z`");
        assert_eq!(
            refusal.to_string(),
            "it has expired (at `2026-11-24T06:00:00.000000Z`): ask for a new one, and accept it in time"
        );
        let refusal = FederationRefusal::new(FederationReason::Used, "");
        assert_eq!(
            refusal.to_string(),
            "its invitation was used by another file before: invite again, and find out who used the first invitation"
        );
    }

    #[test]
    fn codes_differ() {
        let codes: std::collections::BTreeSet<_> =
            FederationReason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), FederationReason::ALL.len());
    }
}
