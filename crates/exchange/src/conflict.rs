//! Conflict proofs in the protocol: the recipient's answer to a message id that was used before.

use crate::incoming::{Incoming, Receiver};
use crate::response::{AnswerError, signer};
use base::{Digest, Timestamp};
pub use evidence::Conflict;
use evidence::key_register::{KeyLookup, SignedAt};
use evidence::{EvidenceError, Manifest, digest_of};

/// Signs the proof that the sender of `incoming` used its id before, for the statement with the digest `first`. The
/// signature of `incoming` must have been verified.
///
/// # Errors
/// When it cannot be signed.
pub fn prove_conflict(
    incoming: &Incoming<'_>,
    first: Digest,
    receiver: &Receiver<'_>,
    now: Timestamp,
) -> Result<Vec<u8>, EvidenceError> {
    let conflict = Conflict {
        by: receiver.administration.clone(),
        message_id: incoming.message_id(),
        sender: incoming.sender().clone(),
        first,
        second: incoming.digest(),
        at: now,
    };
    conflict.sign(&receiver.keys.sign)
}

/// Verifies a conflict proof (the body of [`crate::Response::Conflict`]) that answers a statement of one's own.
///
/// # Errors
/// Names the first thing that does not hold.
pub fn verify_conflict<K: KeyLookup + ?Sized>(
    bytes: &[u8],
    statement: &[u8],
    keys: &K,
    now: Timestamp,
) -> Result<Conflict, AnswerError> {
    let manifest = evidence::Statement::read(statement)?.manifest().clone();
    verify(bytes, statement, &manifest, keys, now)
}

pub(crate) fn verify<K: KeyLookup + ?Sized>(
    bytes: &[u8],
    statement: &[u8],
    manifest: &Manifest,
    keys: &K,
    now: Timestamp,
) -> Result<Conflict, AnswerError> {
    let claim = Conflict::read(bytes)?;
    let at = SignedAt::stating(claim.conflict().at, now);
    let key = signer(keys, manifest.to(), claim.key_id(), &at)?;
    let conflict = claim.verify(key)?;
    let about = conflict.by == *manifest.to()
        && conflict.sender == *manifest.from()
        && conflict.message_id == manifest.message_id
        && conflict.second == digest_of(statement);
    if about {
        Ok(conflict)
    } else {
        Err(AnswerError::other("conflict proof", "it is about another message"))
    }
}
