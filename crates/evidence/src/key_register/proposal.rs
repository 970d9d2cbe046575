//! A proposal for the next version of a register, and the record that a version was taken up.

use super::KeyRegister;
use super::error::RegisterError;
use super::{MAX_REGISTER, Steward};
use crate::cbor::{Reader, Writer};
use crate::cose::{self, Claims, Profile, Unverified};
use crate::{Administration, Digest, EvidenceError, KeyId, StatementKey, Timestamp};

const PROPOSAL: Profile = Profile {
    what: "register proposal",
    content_type: "application/vnd.tidewaiter.register-proposal+cbor",
    limit: MAX_REGISTER,
};

const ADOPTION: Profile = Profile {
    what: "register adoption",
    content_type: "application/vnd.tidewaiter.register-adoption+cbor",
    limit: 1024,
};

const FORM: u64 = 1;

/// A register that a steward proposes to the others: COSE_Sign1 over the document. It is no approval: a steward approves
/// one document a version only, and may give way to another's proposal as long as it has only proposed.
#[derive(Clone, Debug)]
pub struct Proposal {
    bytes: Vec<u8>,
    register: KeyRegister,
    by: Administration,
    unverified: Unverified,
}

impl Proposal {
    /// Proposes a register.
    ///
    /// # Errors
    /// When it breaks a rule or the key cannot be reached.
    pub fn sign(
        register: &KeyRegister,
        by: &Administration,
        key: &StatementKey,
        now: Timestamp,
    ) -> Result<Self, RegisterError> {
        let claims = Claims::new(by.as_str(), &register.agreement, now);
        Self::read(&cose::sign(&PROPOSAL, &claims, register.to_cbor()?, key)?)
    }

    /// Reads a proposal; whose it is is not verified yet.
    ///
    /// # Errors
    /// When it is not in the one accepted encoding, or the register breaks a rule.
    pub fn read(bytes: &[u8]) -> Result<Self, RegisterError> {
        let unverified = cose::read(&PROPOSAL, bytes)?;
        let register = KeyRegister::from_cbor(unverified.payload())?;
        let by = Administration::parse(&unverified.claims().issuer)
            .map_err(|error| EvidenceError::malformed(PROPOSAL.what, error.to_string()))?;
        if unverified.claims().subject != register.agreement {
            return Err(EvidenceError::malformed(PROPOSAL.what, "it names another agreement").into());
        }
        Ok(Self { bytes: bytes.to_vec(), register, by, unverified })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is proposed.
    pub fn register(&self) -> &KeyRegister {
        &self.register
    }

    /// Who says that it proposes it.
    pub fn by(&self) -> &Administration {
        &self.by
    }

    /// Confirms that one of these stewards proposes it.
    ///
    /// # Errors
    /// When its key is no steward's or the signature does not hold.
    pub fn verify(&self, stewards: &[Steward]) -> Result<(), RegisterError> {
        let key = self.unverified.key_id();
        let of = |steward: &&Steward| steward.administration == self.by && steward.key.key_id() == key;
        let steward = stewards.iter().find(of).ok_or_else(|| EvidenceError::KeyId {
            what: PROPOSAL.what,
            expected: format!("that of the steward `{}`", self.by),
            found: key.short(),
        })?;
        Ok(self.unverified.verify(steward.key)?)
    }
}

/// The entry of a node's log that says which version of a register it took up, and when: COSE_Sign1 over the map `{1: 1, 2:
/// agreement, 3: version, 4: digest of the document}`, signed with the key for statements.
#[derive(Clone, Debug)]
pub struct Adoption {
    /// Who took it up.
    pub by: Administration,
    /// The agreement.
    pub agreement: String,
    /// The version.
    pub version: u64,
    /// The digest of the document.
    pub digest: Digest,
    /// When.
    pub at: Timestamp,
}

impl Adoption {
    fn claims(&self) -> Claims {
        Claims::new(self.by.as_str(), &self.agreement, self.at)
    }

    /// Signs the entry.
    ///
    /// # Errors
    /// When the key cannot be reached.
    pub fn sign(&self, key: &StatementKey) -> Result<Vec<u8>, RegisterError> {
        let mut out = Writer::new();
        out.map(4).uint(1).uint(FORM).uint(2).text(&self.agreement).uint(3).uint(self.version);
        out.uint(4).bytes(self.digest.as_bytes());
        Ok(cose::sign(&ADOPTION, &self.claims(), out.finish(), key)?)
    }

    /// Reads and verifies an entry; `key` gives the key with the identifier that the entry names. The moment is known to
    /// the second.
    ///
    /// # Errors
    /// When it is not in the one accepted encoding, or its signature does not hold.
    pub fn verify(
        bytes: &[u8],
        key: impl FnOnce(&Administration, KeyId) -> Option<crate::VerifyingKey>,
    ) -> Result<Self, RegisterError> {
        let unverified = cose::read(&ADOPTION, bytes)?;
        let wrong = |reason: String| EvidenceError::malformed(ADOPTION.what, reason);
        let by =
            Administration::parse(&unverified.claims().issuer).map_err(|error| wrong(error.to_string()))?;
        let mut input = Reader::new(ADOPTION.what, unverified.payload());
        input.map_of(4)?;
        input.key(1)?;
        if input.uint()? != FORM {
            return Err(wrong("its form is not 1".to_owned()).into());
        }
        input.key(2)?;
        let agreement = input.text()?.to_owned();
        input.key(3)?;
        let version = input.uint()?;
        input.key(4)?;
        let digest = Digest(input.bytes_of()?);
        input.end()?;
        let at = Timestamp::from_micros(unverified.claims().issued_at.saturating_mul(1_000_000));
        let adoption = Self { by, agreement, version, digest, at };
        unverified.claims().must_be(ADOPTION.what, &adoption.claims())?;
        let key = key(&adoption.by, unverified.key_id()).ok_or_else(|| EvidenceError::KeyId {
            what: ADOPTION.what,
            expected: format!("a key of `{}`", adoption.by),
            found: unverified.key_id().short(),
        })?;
        unverified.verify(key)?;
        Ok(adoption)
    }
}
