//! Conflict proofs: the recipient shows that a sender used one message id for two different messages.

use crate::cbor::{Reader, Writer};
use crate::cose::{self, Claims, Profile, Unverified};
use crate::{Administration, Digest, EvidenceError, KeyId, MessageId, StatementKey, Timestamp, VerifyingKey};

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
    /// Signs the proof.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn sign(&self, key: &StatementKey) -> Result<Vec<u8>, EvidenceError> {
        cose::sign(&PROFILE, &self.claims(), self.to_cbor(), key)
    }

    /// Reads a proof without verifying it, to learn who claims to have signed it.
    ///
    /// # Errors
    /// When it is not in the one accepted encoding, or its claims contradict its content.
    pub fn read(bytes: &[u8]) -> Result<ConflictClaim, EvidenceError> {
        let unverified = cose::read(&PROFILE, bytes)?;
        let conflict = Self::from_cbor(&unverified.claims().issuer, unverified.payload())?;
        unverified.claims().must_be(PROFILE.what, &conflict.claims())?;
        Ok(ConflictClaim { unverified, conflict })
    }

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

    fn from_cbor(by: &str, bytes: &[u8]) -> Result<Self, EvidenceError> {
        let wrong = |error: base::Invalid| EvidenceError::malformed(PROFILE.what, error.to_string());
        let mut input = Reader::new(PROFILE.what, bytes);
        input.map_of(6)?;
        input.key(1)?;
        if input.uint()? != VERSION {
            return Err(EvidenceError::malformed(PROFILE.what, "its version is not 1"));
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
            return Err(EvidenceError::malformed(PROFILE.what, "its two statements are the same"));
        }
        Ok(Self { by: Administration::parse(by).map_err(wrong)?, message_id, sender, first, second, at })
    }
}

/// A conflict proof that was read and is not verified yet.
#[derive(Clone, Debug)]
pub struct ConflictClaim {
    unverified: Unverified,
    conflict: Conflict,
}

impl ConflictClaim {
    /// What is claimed.
    pub fn conflict(&self) -> &Conflict {
        &self.conflict
    }

    /// The key that it says it is signed with.
    pub fn key_id(&self) -> KeyId {
        self.unverified.key_id()
    }

    /// Verifies the signature and gives what it says.
    ///
    /// # Errors
    /// When it names another key or the signature does not hold.
    pub fn verify(self, key: impl Into<VerifyingKey>) -> Result<Conflict, EvidenceError> {
        self.unverified.verify(key)?;
        Ok(self.conflict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{administration, every_bit_counts, keys, moment};

    #[test]
    fn every_bit_of_a_conflict_proof_counts() {
        let conflict = Conflict {
            by: administration("FR"),
            message_id: MessageId::new(moment(), [1; 10]),
            sender: administration("GB"),
            first: Digest([1; 32]),
            second: Digest([2; 32]),
            at: moment(),
        };
        let key = &keys(2).sign;
        let proof = conflict.sign(key).unwrap();
        let verified = |bytes: &[u8]| Conflict::read(bytes).and_then(|claim| claim.verify(key.public()));
        assert_eq!(verified(&proof).unwrap(), conflict);
        every_bit_counts(&proof, |bytes| verified(bytes).is_ok());
        let same = Conflict { second: conflict.first, ..conflict };
        assert!(Conflict::read(&same.sign(key).unwrap()).is_err());
    }
}
