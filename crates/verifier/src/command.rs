//! What the command line of the verifier and that of the node share.

use crate::trust::{Trust, TrustError};
use crate::verdict::Verdict;
use crate::words;

/// Reads the anchors that were given: each a file with a card or register, or a fingerprint. `read` gives the content of a
/// file of this name, or nothing when there is none.
///
/// # Errors
/// When one is neither such a file nor a fingerprint.
pub fn read_trust(given: &[String], read: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Trust, TrustError> {
    given.iter().try_fold(Trust::nobody(), |trust, anchor| match read(anchor) {
        Some(content) => trust.with_file(&content),
        None => trust.with_fingerprint(anchor),
    })
}

/// The verdict in words.
pub fn report(verdict: &Verdict) -> String {
    words::text(verdict)
}
