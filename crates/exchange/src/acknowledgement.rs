//! Acknowledgements: the recipient's proof that it has a message and will act upon it.

use crate::incoming::{Opened, Receiver};
use crate::response::{AnswerError, Response, not_active, signer};
use base::Timestamp;
use evidence::cbor::{Reader, Writer};
use evidence::key_register::{KeyLookup, RegisteredKey, SignedAt, Standing};
use evidence::merkle::{self, Appended, Hash};
use evidence::{
    Digest, EvidenceError, Included, Manifest, Purpose, Receipt, Stage, StageName, StagedStatement, TreeHead,
    digest_of,
};

const VERSION: u64 = 1;

/// Acknowledges a message whose leaf was just appended to the recipient's log: RECEIVED under the recipient's
/// signature, and the receipt of its log. Gives an encoded [`Response`]; keep it in the inbox, as a repeat must get the
/// same bytes.
///
/// # Errors
/// When `appended` is not about the message's leaf, or the answer cannot be signed.
pub fn acknowledge(
    opened: &Opened,
    receiver: &Receiver<'_>,
    appended: &Appended,
    now: Timestamp,
) -> Result<Vec<u8>, EvidenceError> {
    merkle::verify_inclusion(&opened.leaf, appended.index, appended.size, &appended.path, &appended.root)?;
    let head = TreeHead::sign(receiver.administration, appended.size, &appended.root, &receiver.keys.log)?;
    acknowledge_under(opened, receiver, &head, (appended.index, &appended.path), now)
}

/// Acknowledges one message of a batch under a tree head that all of the batch share, which saves a signature each.
/// `place` is the index of the message's leaf and its path in the head's tree.
///
/// # Errors
/// When the answer cannot be signed.
pub fn acknowledge_under(
    opened: &Opened,
    receiver: &Receiver<'_>,
    head: &TreeHead,
    place: (u64, &[Hash]),
    now: Timestamp,
) -> Result<Vec<u8>, EvidenceError> {
    let stage = Stage {
        by: receiver.administration.clone(),
        name: StageName::Received,
        message_id: Some(opened.manifest.message_id),
        statement: opened.digest,
        entry: Some((place.0, head.size())),
        at: now,
        reason: None,
    };
    respond(&stage, receiver, head, place)
}

/// RECEIVED and the receipt of the entry at `place`, as an encoded [`Response`].
pub(crate) fn respond(
    stage: &Stage,
    receiver: &Receiver<'_>,
    head: &TreeHead,
    (index, path): (u64, &[Hash]),
) -> Result<Vec<u8>, EvidenceError> {
    let receipt = head.receipt(index, path)?;
    let staged = StagedStatement::sign(stage, &receiver.keys.sign)?;
    let mut out = Writer::new();
    out.array(3).uint(VERSION).bytes(staged.as_bytes()).bytes(receipt.as_bytes());
    Ok(Response::Acknowledged(out.finish()).encode())
}

/// What an acknowledgement proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// When the recipient received the message, by its own clock.
    pub at: Timestamp,
    /// Where it is in the recipient's log, and the root that the log signed.
    pub included: Included,
    /// The staged statement RECEIVED.
    pub stage: Vec<u8>,
    /// The receipt of the recipient's log.
    pub receipt: Vec<u8>,
}

/// Verifies an acknowledgement (the body of [`Response::Acknowledged`]) of a statement of one's own: both signatures
/// under keys of the recipient that were active at the stated time, that both are about this statement, and that they
/// agree on where it is in the log. A log key must not be revoked `now`; a signing key that is counts for what the log
/// held before.
///
/// # Errors
/// Names the first thing that does not hold.
pub fn verify_acknowledgement<K: KeyLookup + ?Sized>(
    bytes: &[u8],
    statement: &[u8],
    keys: &K,
    now: Timestamp,
) -> Result<Acknowledged, AnswerError> {
    let manifest = evidence::Statement::read(statement)?.manifest().clone();
    verify(bytes, statement, &manifest, keys, now)
}

pub(crate) fn verify<K: KeyLookup + ?Sized>(
    bytes: &[u8],
    statement: &[u8],
    manifest: &Manifest,
    keys: &K,
    now: Timestamp,
) -> Result<Acknowledged, AnswerError> {
    let (staged, receipt) = pieces(bytes)?;

    let claim = StagedStatement::read(staged)?;
    // A tree head under a log key that is revoked now proves no place: whoever has the key signs any size. A place under
    // a log key that counts says that the log had the message before the other key was revoked.
    let at = SignedAt::stating(claim.stage().at, now);
    let included = verify_receipt(receipt, statement, manifest, &at, keys)?;
    let key = signer(keys, manifest.to(), claim.key_id(), &at.at_position(included.index))?;
    let stage = claim.verify(key)?;
    check_stage(&stage, statement, manifest)?;
    if stage.entry != Some((included.index, included.size)) {
        return Err(AnswerError::other(
            "acknowledgement",
            "its staged statement and its receipt name different log entries",
        ));
    }
    Ok(Acknowledged { at: stage.at, included, stage: staged.to_vec(), receipt: receipt.to_vec() })
}

/// The staged statement and the receipt in an acknowledgement, neither of them verified.
pub(crate) fn pieces(bytes: &[u8]) -> Result<(&[u8], &[u8]), AnswerError> {
    let mut input = Reader::new("acknowledgement", bytes);
    input.array_of(3)?;
    if input.uint()? != VERSION {
        return Err(AnswerError::other("acknowledgement", "its version is not 1"));
    }
    let (staged, receipt) = (input.bytes()?, input.bytes()?);
    input.end()?;
    Ok((staged, receipt))
}

fn check_stage(stage: &Stage, statement: &[u8], manifest: &Manifest) -> Result<(), AnswerError> {
    let digest: Digest = digest_of(statement);
    if stage.by != *manifest.to() {
        return Err(AnswerError::other("acknowledgement", "it is not by the recipient"));
    }
    if stage.name != StageName::Received {
        return Err(AnswerError::other("acknowledgement", "its stage is not received"));
    }
    if stage.message_id != Some(manifest.message_id) || stage.statement != digest {
        return Err(AnswerError::other("acknowledgement", "it is about another message"));
    }
    Ok(())
}

fn verify_receipt<K: KeyLookup + ?Sized>(
    receipt: &[u8],
    statement: &[u8],
    manifest: &Manifest,
    at: &SignedAt,
    keys: &K,
) -> Result<Included, AnswerError> {
    let (leaf, key) = (merkle::leaf_hash(statement), Receipt::key_id(receipt)?);
    match keys.standing(manifest.to(), Purpose::Log, key, at) {
        Standing::Active(RegisteredKey::Log(key)) => {
            Ok(Receipt::verify(receipt, &leaf, manifest.to(), &key)?)
        }
        standing => Err(not_active(manifest.to(), key, standing)),
    }
}
