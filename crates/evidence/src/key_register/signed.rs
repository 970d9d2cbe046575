//! A register with the approvals of its stewards.

use super::error::RegisterError;
use super::{KeyRegister, MAX_REGISTER, MAX_STEWARDS, Steward};
use crate::cbor::{Reader, Writer};
use crate::cose::{self, Claims, Profile, Unverified};
use crate::{Administration, Digest, EvidenceError, KeyId, StatementKey, Timestamp, digest_of};
use std::collections::{BTreeMap, BTreeSet};

const WHAT: &str = "signed key register";
const FORM: u64 = 1;

const PROFILE: Profile = Profile {
    what: "register approval",
    content_type: "application/vnd.tidewaiter.register-approval+cbor",
    // A digest, the headers with an agreement's name, and a signature.
    limit: 1024,
};

/// A steward's signature for one version of a register: COSE_Sign1 over the map `{1: 1, 2: digest of the document}`. The
/// CWT claims name the steward (issuer), and the agreement, `#` and the version (subject).
#[derive(Clone, Debug)]
pub struct Approval {
    bytes: Vec<u8>,
    unverified: Unverified,
    steward: Administration,
}

impl Approval {
    /// Signs a version of a register for `steward`.
    ///
    /// # Errors
    /// When the register breaks a rule or the key cannot be reached.
    pub fn sign(
        register: &KeyRegister,
        steward: &Administration,
        key: &StatementKey,
        now: Timestamp,
    ) -> Result<Self, RegisterError> {
        let mut payload = Writer::new();
        payload.map(2).uint(1).uint(FORM).uint(2).bytes(register.digest()?.as_bytes());
        let claims = Claims::new(steward.as_str(), subject(register), now);
        Self::read(&cose::sign(&PROFILE, &claims, payload.finish(), key)?)
    }

    /// Reads an approval; whose it is and what it approves is not verified yet.
    ///
    /// # Errors
    /// When it is not in the one accepted encoding.
    pub fn read(bytes: &[u8]) -> Result<Self, RegisterError> {
        let unverified = cose::read(&PROFILE, bytes)?;
        let steward = Administration::parse(&unverified.claims().issuer)
            .map_err(|error| EvidenceError::malformed(PROFILE.what, error.to_string()))?;
        Ok(Self { bytes: bytes.to_vec(), unverified, steward })
    }

    /// Who says that it approves.
    pub fn steward(&self) -> &Administration {
        &self.steward
    }

    /// The key that it says it is signed with.
    pub fn key_id(&self) -> KeyId {
        self.unverified.key_id()
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Confirms that it is by `steward`, under its key, and approves `register`.
    ///
    /// # Errors
    /// When it is another's, of another document, or its signature does not hold.
    pub fn verify(&self, register: &KeyRegister, steward: &Steward) -> Result<(), RegisterError> {
        if self.steward != steward.administration || self.key_id() != steward.key.key_id() {
            return Err(EvidenceError::malformed(PROFILE.what, "it is not by this steward").into());
        }
        let mut input = Reader::new(PROFILE.what, self.unverified.payload());
        input.map_of(2)?;
        input.key(1)?;
        let form = input.uint()?;
        input.key(2)?;
        let digest = Digest(input.bytes_of()?);
        input.end()?;
        if form != FORM
            || digest != register.digest()?
            || self.unverified.claims().subject != subject(register)
        {
            return Err(EvidenceError::malformed(PROFILE.what, "it approves another document").into());
        }
        Ok(self.unverified.verify(steward.key)?)
    }
}

fn subject(register: &KeyRegister) -> String {
    format!("{}#{}", register.agreement, register.version)
}

/// A register and its approvals: what partners exchange, what a node keeps, and what a file of evidence holds. Its
/// encoding is deterministic CBOR, `[1, document, [approval, ...]]`, all byte strings, approvals in order of their
/// bytes.
#[derive(Clone, Debug)]
pub struct SignedRegister {
    register: KeyRegister,
    document: Vec<u8>,
    approvals: Vec<Approval>,
}

/// An administration that has approved two versions of one number with one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoubleApproval {
    /// Who.
    pub steward: Administration,
    /// With which key.
    pub key: KeyId,
}

impl SignedRegister {
    /// A register that nobody has approved yet.
    ///
    /// # Errors
    /// When it breaks a rule that holds for every version by itself.
    pub fn proposal(register: KeyRegister) -> Result<Self, RegisterError> {
        Ok(Self { document: register.to_cbor()?, register, approvals: Vec::new() })
    }

    /// Reads a signed register, strictly. Approvals are counted by [`SignedRegister::approved_by`].
    ///
    /// # Errors
    /// When it is not in the one accepted encoding, or the register breaks a rule.
    pub fn read(bytes: &[u8]) -> Result<Self, RegisterError> {
        cose::within(WHAT, bytes, MAX_REGISTER)?;
        let wrong = |reason: &str| RegisterError::from(EvidenceError::malformed(WHAT, reason));
        let mut input = Reader::new(WHAT, bytes);
        input.array_of(3)?;
        if input.uint()? != FORM {
            return Err(wrong("its form is not 1"));
        }
        let document = input.bytes()?;
        let count = input.array()?;
        // Those of the version before and those of this one.
        if count > 2 * MAX_STEWARDS as u64 {
            return Err(wrong("it has more approvals than stewards"));
        }
        let mut approvals: Vec<Approval> = Vec::new();
        for _ in 0..count {
            let approval = Approval::read(input.bytes()?)?;
            if approvals.last().is_some_and(|last| last.bytes >= approval.bytes) {
                return Err(wrong("its approvals are repeated or out of order"));
            }
            approvals.push(approval);
        }
        input.end()?;
        let register = KeyRegister::from_cbor(document)?;
        Ok(Self { register, document: document.to_vec(), approvals })
    }

    /// Writes the one encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.array(3).uint(FORM).bytes(&self.document).array(self.approvals.len());
        for approval in &self.approvals {
            out.bytes(&approval.bytes);
        }
        out.finish()
    }

    /// The register.
    pub fn register(&self) -> &KeyRegister {
        &self.register
    }

    /// The SHA-256 of the document, by which the next version refers to it.
    pub fn digest(&self) -> Digest {
        digest_of(&self.document)
    }

    /// The approvals, counted or not.
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// Adds an approval. A second one of the same steward with the same key changes nothing.
    pub fn add(&mut self, approval: Approval) {
        let known =
            |other: &Approval| other.steward == approval.steward && other.key_id() == approval.key_id();
        if self.approvals.iter().any(known) || self.approvals.len() >= 2 * MAX_STEWARDS {
            return;
        }
        self.approvals.push(approval);
        self.approvals.sort_by(|left, right| left.bytes.cmp(&right.bytes));
    }

    /// Which of these stewards have approved. What anybody else signed counts for nothing, and so does what names a
    /// steward's key and does not hold: else whoever can add an approval could veto what the others have approved.
    pub fn approved_by(&self, stewards: &[Steward]) -> BTreeSet<Administration> {
        let holds = |steward: &&Steward| {
            self.approvals.iter().any(|approval| approval.verify(&self.register, steward).is_ok())
        };
        stewards.iter().filter(holds).map(|steward| steward.administration.clone()).collect()
    }

    /// Who has approved both this and another document with the same agreement and version, under these stewards' keys:
    /// the two together prove it to anybody. Empty when they are no fork.
    pub fn double_approvals(&self, other: &Self, stewards: &[Steward]) -> Vec<DoubleApproval> {
        let name = |signed: &Self| (signed.register.agreement.clone(), signed.register.version);
        if name(self) != name(other) || self.document == other.document {
            return Vec::new();
        }
        let (ours, theirs) = (self.approved_by(stewards), other.approved_by(stewards));
        let keys: BTreeMap<_, _> =
            stewards.iter().map(|steward| (&steward.administration, steward.key.key_id())).collect();
        let both = ours.intersection(&theirs);
        let double = both.filter_map(|steward| {
            Some(DoubleApproval { steward: steward.clone(), key: *keys.get(steward)? })
        });
        double.collect()
    }
}

#[cfg(test)]
impl SignedRegister {
    pub(super) fn approvals_mut(&mut self) -> &mut Vec<Approval> {
        &mut self.approvals
    }
}
