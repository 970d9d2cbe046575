//! Why a register is refused.

use crate::{Administration, Digest, EvidenceError, Timestamp};

/// Why a register, or a version of it, is refused. Each attack on a register has its own answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// It cannot be read, or a field is outside its limits.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// It is the register of another agreement.
    #[error("it is the key register of the agreement `{found}`, not of `{expected}`")]
    OtherAgreement {
        /// The agreement of the register in force.
        expected: String,
        /// The agreement that it names.
        found: String,
    },
    /// It is older than the one in force.
    #[error(
        "it is version {found} of the key register, and version {have} is in force here: it is out of date"
    )]
    Rollback {
        /// The version in force.
        have: u64,
        /// Its version.
        found: u64,
    },
    /// It is another document with the number of the one in force.
    #[error(
        "there are two versions {version} of the key register: `{ours}` is in force here, this is `{theirs}`"
    )]
    Fork {
        /// The number.
        version: u64,
        /// The digest of the one in force.
        ours: Digest,
        /// Its digest.
        theirs: Digest,
    },
    /// Versions between the one in force and this one are missing.
    #[error("it is version {found} of the key register, but version {expected} comes next: fetch that first")]
    Gap {
        /// The number that comes next.
        expected: u64,
        /// Its version.
        found: u64,
    },
    /// It names another version before it than the one in force.
    #[error("it follows version `{found}` of the key register, not `{expected}`, which is in force here")]
    OtherPrevious {
        /// The digest of the one in force.
        expected: Digest,
        /// The digest that it names.
        found: Digest,
    },
    /// It is expired, or was issued before its predecessor or in the future.
    #[error(
        "the key register was issued at `{issued}` and expires at `{expires}`, which does not fit at `{now}`"
    )]
    Time {
        /// When it was issued.
        issued: Timestamp,
        /// When it expires.
        expires: Timestamp,
        /// The time by one's own clock, or the issue of its predecessor.
        now: Timestamp,
    },
    /// Too few stewards have signed.
    #[error("{found} of the stewards of version {of} have signed, {needed} must")]
    TooFewApprovals {
        /// The version whose stewards count.
        of: u64,
        /// How many must sign.
        needed: u64,
        /// How many have signed.
        found: u64,
    },
    /// Fewer parties have signed than a newcomer asks for.
    #[error(
        "{found} of the parties whose cards are accepted here have signed, and whoever joins needs {needed}: let the \
         others sign a version more, as `tidewaiter key renew` makes it"
    )]
    TooFewToJoin {
        /// How many must sign.
        needed: u64,
        /// How many have signed.
        found: u64,
    },
    /// Its threshold is half of its stewards or fewer, or lower than the agreement says.
    #[error(
        "it lets {found} of its stewards change it, and {needed} must be needed: more than half, and no fewer than the \
         agreement here asks for"
    )]
    LowThreshold {
        /// How many must be needed.
        needed: u64,
        /// How many the register asks for.
        found: u64,
    },
    /// Somebody is in it whose card was not accepted.
    #[error("it names `{0}`, whose card is not accepted here: exchange cards with it first")]
    NoCard(Administration),
    /// It does not let this administration in, with the keys that it uses.
    #[error("it does not have the keys of `{0}` as that uses them: a party must let `{0}` in first")]
    NotAdmitted(Administration),
    /// Keys of an administration change, and it has not agreed.
    #[error("it changes keys of `{0}`, which has not signed it")]
    OwnerHasNotSigned(Administration),
    /// A key of the version before is missing or stated otherwise.
    #[error("it {change} the key `{key}` of `{administration}`, which a new version must not")]
    EntryChanged {
        /// Whose key it is.
        administration: Administration,
        /// The key's identifier, short.
        key: String,
        /// What happened to it, as in `drops`.
        change: &'static str,
    },
}
