//! Answers that count no more, because a key that signed them was revoked: their sender would wait for ever for one that it
//! can believe.
//!
//! The byte-identical repeat of an answer is the rule, also after a key was rotated. The exception is decided as the sender
//! decides what it believes: the receipt under a revoked log key, and the statement under a revoked signing key unless a log
//! key that counts proves it older. Then the same entry is receipted once more under the keys of now.

use crate::acknowledgement::{self, respond};
use crate::incoming::{Incoming, Receiver};
use crate::register::{Register, Under};
use crate::response::Response;
use base::Timestamp;
use evidence::key_register::{KeyLookup, SignedAt, Standing};
use evidence::merkle::{self, Appended};
use evidence::{EvidenceError, Purpose, Receipt, Stage, StageName, StagedStatement, TreeHead};

/// What to do about an answer that counts no more.
pub(crate) enum Withdrawn {
    /// Receipt the entry at this index of one's own log again.
    Receipt {
        /// The index.
        index: u64,
    },
    /// Give this refusal, which says the same under the key of now.
    Refusal(Vec<u8>),
}

/// Whether the answer that a message got counts no more. `None` while it does, and when nothing better can be given: the keys
/// that are in use must count themselves.
pub(crate) fn withdrawn(
    incoming: &Incoming<'_>,
    response: &[u8],
    receiver: &Receiver<'_>,
    register: &dyn Register,
    now: Timestamp,
) -> Result<Option<Withdrawn>, EvidenceError> {
    let keys = Under { register, agreement: &incoming.manifest().agreement.id, now };
    let standing = |purpose, key, at: SignedAt| keys.standing(receiver.administration, purpose, key, &at);
    let revoked = |purpose, key, at| matches!(standing(purpose, key, at), Standing::Revoked(_));
    let in_use = |purpose, key| standing(purpose, key, SignedAt::arriving(now)).active().is_some();
    let signs = in_use(Purpose::Sign, receiver.keys.sign.key_id());
    // What is on record was made here; what cannot be read is given as it is.
    Ok(match Response::decode(response) {
        Ok(Response::Acknowledged(body)) => {
            let Ok((staged, receipt)) = acknowledgement::pieces(&body) else { return Ok(None) };
            let claim = StagedStatement::read(staged)?;
            let Some((index, _)) = claim.stage().entry else { return Ok(None) };
            let at = SignedAt::stating(claim.stage().at, now);
            let gone = revoked(Purpose::Log, Receipt::key_id(receipt)?, at)
                || revoked(Purpose::Sign, claim.key_id(), at.at_position(index));
            let better = signs && in_use(Purpose::Log, receiver.keys.log.key_id());
            (gone && better).then_some(Withdrawn::Receipt { index })
        }
        Ok(Response::Refused(staged)) => {
            let claim = StagedStatement::read(&staged)?;
            let gone = revoked(Purpose::Sign, claim.key_id(), SignedAt::stating(claim.stage().at, now));
            if gone && signs {
                let again = Stage { at: now, ..claim.stage().clone() };
                let again = StagedStatement::sign(&again, &receiver.keys.sign)?;
                Some(Withdrawn::Refusal(Response::Refused(again.into_bytes()).encode()))
            } else {
                None
            }
        }
        _ => None,
    })
}

/// The moment that an encoded answer of one's own states; `None` when it states none. An answer that takes its place says when
/// that was given, so that the first one must be kept for as long as it matters when a message was received.
pub fn answered_at(response: &[u8]) -> Option<Timestamp> {
    let staged = match Response::decode(response).ok()? {
        Response::Acknowledged(body) => StagedStatement::read(acknowledgement::pieces(&body).ok()?.0).ok()?,
        Response::Refused(staged) => StagedStatement::read(&staged).ok()?,
        _ => return None,
    };
    Some(staged.stage().at)
}

/// Acknowledges a message once more ([`crate::Assessment::Withdrawn`]) under the keys of now: `place` is that of the leaf
/// that it has had in one's own log since it came, in the tree of now. Gives an encoded [`Response`]; keep it in the inbox in
/// place of the first one, as a repeat must get the same bytes from now on, and the first one elsewhere.
///
/// # Errors
/// When `place` is not that of the message's leaf, or the answer cannot be signed.
pub fn acknowledge_again(
    incoming: &Incoming<'_>,
    receiver: &Receiver<'_>,
    place: &Appended,
    now: Timestamp,
) -> Result<Vec<u8>, EvidenceError> {
    let leaf = merkle::leaf_hash(incoming.statement());
    merkle::verify_inclusion(&leaf, place.index, place.size, &place.path, &place.root)?;
    let head = TreeHead::sign(receiver.administration, place.size, &place.root, &receiver.keys.log)?;
    let stage = Stage {
        by: receiver.administration.clone(),
        name: StageName::Received,
        message_id: Some(incoming.message_id()),
        statement: incoming.digest(),
        entry: Some((place.index, place.size)),
        at: now,
        reason: None,
    };
    respond(&stage, receiver, &head, (place.index, &place.path))
}
