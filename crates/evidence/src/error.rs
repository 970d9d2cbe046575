//! What can be wrong with a piece of evidence.

/// Why a piece of evidence is refused. Every message is one line and names the piece and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The bytes are not the one accepted encoding of the piece (RFC 8949 section 4.2, or the text form of a note).
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// The piece, as in `statement`.
        what: &'static str,
        /// The rule that it breaks.
        reason: String,
    },
    /// The piece is larger than its limit.
    #[error("{what} has {size} bytes, which is over its limit of {limit}")]
    TooLarge {
        /// The piece.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A header parameter is marked critical that this verifier does not understand (RFC 9052 section 3.1).
    #[error("{what} marks the header parameter `{label}` as critical, which this verifier does not know")]
    UnknownCritical {
        /// The piece.
        what: &'static str,
        /// The label, as text.
        label: String,
    },
    /// The algorithm in the protected header is not accepted for this piece.
    #[error("{what} is not signed with {expected}, the only algorithm that is accepted here")]
    Algorithm {
        /// The piece.
        what: &'static str,
        /// What is accepted: the algorithm of the key, or those of the piece.
        expected: &'static str,
    },
    /// The private key cannot be used now: a device is away, locked or failed.
    #[error("the private key cannot sign now: {reason}")]
    Signer {
        /// The reason in words.
        reason: String,
    },
    /// The key identifier names another key than the one it is verified with.
    #[error("{what} names the key `{found}`, not `{expected}`")]
    KeyId {
        /// The piece.
        what: &'static str,
        /// The key it should name.
        expected: String,
        /// The key it names.
        found: String,
    },
    /// The signature does not hold.
    #[error("the signature of the {what} does not hold under the key `{key}`")]
    Signature {
        /// The piece.
        what: &'static str,
        /// The key it was verified with.
        key: String,
    },
    /// A claim of the protected header (RFC 9597) contradicts the signed content.
    #[error("{what} claims {claim} `{found}`, but it must be `{expected}`")]
    Claim {
        /// The piece.
        what: &'static str,
        /// The claim, as in `issuer`.
        claim: &'static str,
        /// What the content calls for.
        expected: String,
        /// What is claimed.
        found: String,
    },
    /// A Merkle proof does not lead to the root (RFC 9162 sections 2.1.3.2 and 2.1.4.2).
    #[error("the {proof} proof does not hold: {reason}")]
    Proof {
        /// `inclusion` or `consistency`.
        proof: &'static str,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// A sealed part does not open with this key and these bound facts (RFC 9180).
    #[error(
        "the sealed part does not open: it was sealed for another key, for another message, or was altered"
    )]
    CannotOpen,
    /// Bytes are not a usable key.
    #[error("the {what} key is not usable: {reason}")]
    Key {
        /// The key's purpose.
        what: &'static str,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// A value that was to be signed is outside its limits.
    #[error("{field} of the {what} is not acceptable: {reason}")]
    Value {
        /// The piece.
        what: &'static str,
        /// The field.
        field: &'static str,
        /// The rule that it breaks.
        reason: String,
    },
}

impl EvidenceError {
    pub(crate) fn malformed(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Malformed { what, reason: reason.into() }
    }

    pub(crate) fn value(what: &'static str, field: &'static str, reason: impl Into<String>) -> Self {
        Self::Value { what, field, reason: reason.into() }
    }
}
