//! The verifier of evidence files: what a court, an auditor or another administration runs to learn what a file proves.
//!
//! It uses no network, no database and no clock, and nothing of this project but the vocabulary and the evidence room,
//! so that it can be built and read by itself. It decides three things apart:
//!
//! 1. Does everything in the file hold together: encodings, signatures, Merkle proofs, times, and that each piece is
//!    about the same message? If anything does not, the file is refused.
//! 2. Are the keys those of the administrations that it names? That no file can prove about itself: whoever verifies
//!    gives cards or fingerprints that they got elsewhere ([`Trust`]). What was signed by other keys is only claimed.
//! 3. What does it prove, and what not? [`Verdict`] says both, in words for people and with stable codes for programs.
//!
//! ```
//! let verdict = verifier::verify(b"no evidence", &verifier::Trust::nobody());
//! assert_eq!(verdict.outcome, verifier::Outcome::Refused);
//! assert_eq!(verdict.problems[0].code, "malformed");
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod attached;
mod command;
mod examination;
mod gaps;
mod jwks;
mod keyring;
mod logs;
mod trust;
mod unpack;
mod verdict;
mod words;

pub use attached::{Given, verify_with};
pub use command::{read_trust, report};
pub use examination::verify;
pub use trust::{Trust, TrustError};
pub use unpack::{Unpacked, unpack};
pub use verdict::{
    Attached, Claimed, Finding, Gap, MessageFacts, Outcome, PartyKeys, Problem, ShownField, Standing, Verdict,
};
