//! Conflict proofs: the recipient shows that a sender used one message id for two different messages.

use crate::incoming::{Incoming, Receiver};
use crate::response::{AnswerError, signer};
use base::{Administration, Digest, MessageId, Timestamp};
use evidence::cbor::{Reader, Writer};
use evidence::cose::{self, Claims, Profile};
use evidence::key_register::{KeyLookup, SignedAt};
use evidence::{EvidenceError, Manifest, digest_of};

const PROFILE: Profile = Profile {
    what: "conflict proof",
    content_type: "application/vnd.tidewaiter.conflict+cbor",
    // Two digests, an id, a moment, the headers and a signature take under 500 bytes.
    limit: 1024,
};
const VERSION: u64 = 1;

/// What a conflict proof says. In deterministic CBOR a map of six fields: 1 version (1), 2 message id, 3 sender,
/// 4 digest of the first statement, 5 digest of the second, 6 moment in microseconds. The CWT claims name the
/// recipient (issuer) and the message id (subject). Whoever holds both statements can check that the sender signed
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The recipient, who signs.
    pub by: Administration,
    /// The id that was used twice.
    pub message_id: MessageId,
    /// Who used it.
    pub sender: Administration,
    /// The SHA-256 of the statement that came first and was answered.
    pub first: Digest,
    /// The SHA-256 of the statement that came later.
    pub second: Digest,
    /// When the second came.
    pub at: Timestamp,
}

impl Conflict {
    fn claims(&self) -> Claims {
        Claims::new(self.by.as_str(), self.message_id.to_string(), self.at)
    }

    fn to_cbor(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.map(6).uint(1).uint(VERSION);
        out.uint(2).bytes(self.message_id.as_bytes());
        out.uint(3).text(self.sender.as_str());
        out.uint(4).bytes(self.first.as_bytes());
        out.uint(5).bytes(self.second.as_bytes());
        out.uint(6).int(self.at.as_micros());
        out.finish()
    }

    fn from_cbor(by: &str, bytes: &[u8]) -> Result<Self, AnswerError> {
        let wrong = |error: base::Invalid| AnswerError::other(PROFILE.what, error);
        let mut input = Reader::new(PROFILE.what, bytes);
        input.map_of(6)?;
        input.key(1)?;
        if input.uint()? != VERSION {
            return Err(AnswerError::other(PROFILE.what, "its version is not 1"));
        }
        input.key(2)?;
        let message_id = MessageId::from_bytes(input.bytes_of()?).map_err(wrong)?;
        input.key(3)?;
        let sender = Administration::parse(input.text()?).map_err(wrong)?;
        input.key(4)?;
        let first = Digest(input.bytes_of()?);
        input.key(5)?;
        let second = Digest(input.bytes_of()?);
        input.key(6)?;
        let at = Timestamp::from_micros(input.int()?);
        input.end()?;
        if first == second {
            return Err(AnswerError::other(PROFILE.what, "its two statements are the same"));
        }
        Ok(Self { by: Administration::parse(by).map_err(wrong)?, message_id, sender, first, second, at })
    }
}

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
    cose::sign(&PROFILE, &conflict.claims(), conflict.to_cbor(), &receiver.keys.sign)
}

/// Verifies a conflict proof (the body of [`crate::Response::Conflict`]) that answers a statement of one's own.
///
/// # Errors
/// Names the first thing that does not hold.
pub fn verify_conflict<K: KeyLookup + ?Sized>(
    bytes: &[u8],
    statement: &[u8],
    keys: &K,
) -> Result<Conflict, AnswerError> {
    let manifest = evidence::Statement::read(statement)?.manifest().clone();
    verify(bytes, statement, &manifest, keys)
}

pub(crate) fn verify<K: KeyLookup + ?Sized>(
    bytes: &[u8],
    statement: &[u8],
    manifest: &Manifest,
    keys: &K,
) -> Result<Conflict, AnswerError> {
    let unverified = cose::read(&PROFILE, bytes)?;
    let conflict = Conflict::from_cbor(&unverified.claims().issuer, unverified.payload())?;
    unverified.claims().must_be(PROFILE.what, &conflict.claims())?;
    let at = SignedAt::stating(conflict.at, conflict.at);
    let key = signer(keys, manifest.to(), unverified.key_id(), &at)?;
    unverified.verify(key)?;
    let about = conflict.by == *manifest.to()
        && conflict.sender == *manifest.from()
        && conflict.message_id == manifest.message_id
        && conflict.second == digest_of(statement);
    if about { Ok(conflict) } else { Err(AnswerError::other(PROFILE.what, "it is about another message")) }
}
