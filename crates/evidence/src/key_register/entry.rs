//! One key in a register.

use crate::{
    Administration, Algorithm, Digest, EvidenceError, KeyId, PublicKey, PublicKeys, Purpose,
    SealingPublicKey, Timestamp, VerifyingKey,
};
use std::fmt;

/// The number of a TLS key's kind: SHA-256 of its subject public key info.
const SPKI_SHA256: i64 = 0;
/// The number of a sealing key's kind: DHKEM(X25519, HKDF-SHA256) in the registry of RFC 9180 section 7.1.
const X25519_KEM: i64 = 0x20;

/// A key with its purpose. A purpose fixes what kind of key can serve it, so no entry can confuse the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RegisteredKey {
    /// The channel between nodes: SHA-256 of the key's subject public key info.
    Tls(Digest),
    /// Statements, staged statements and conflict proofs.
    Sign(VerifyingKey),
    /// What is sent to its owner is sealed to it.
    Enc(SealingPublicKey),
    /// Receipts and checkpoints of its owner's log.
    Log(PublicKey),
    /// Its owner's cosignatures under checkpoints of others.
    Witness(PublicKey),
}

impl RegisteredKey {
    /// What it is for.
    pub fn purpose(&self) -> Purpose {
        match self {
            Self::Tls(_) => Purpose::Tls,
            Self::Sign(_) => Purpose::Sign,
            Self::Enc(_) => Purpose::Enc,
            Self::Log(_) => Purpose::Log,
            Self::Witness(_) => Purpose::Witness,
        }
    }

    /// Its identifier: the COSE key thumbprint, and for TLS the digest itself.
    pub fn key_id(&self) -> KeyId {
        match self {
            Self::Tls(digest) => KeyId::from_bytes(digest.0),
            Self::Sign(key) => key.key_id(),
            Self::Enc(key) => key.key_id(),
            Self::Log(key) | Self::Witness(key) => key.key_id(),
        }
    }

    /// The key that verifies signatures, if it is one of those.
    pub fn verifying(&self) -> Option<VerifyingKey> {
        match self {
            Self::Sign(key) => Some(*key),
            Self::Log(key) | Self::Witness(key) => Some((*key).into()),
            Self::Tls(_) | Self::Enc(_) => None,
        }
    }

    pub(super) fn algorithm(&self) -> i64 {
        match self {
            Self::Tls(_) => SPKI_SHA256,
            Self::Sign(key) => key.algorithm().number(),
            Self::Enc(_) => X25519_KEM,
            Self::Log(_) | Self::Witness(_) => Algorithm::EdDsa.number(),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Tls(digest) => digest.as_bytes(),
            Self::Sign(key) => key.as_bytes(),
            Self::Enc(key) => key.as_bytes(),
            Self::Log(key) | Self::Witness(key) => key.as_bytes(),
        }
    }

    pub(super) fn read(purpose: u64, algorithm: i64, bytes: &[u8]) -> Result<Self, EvidenceError> {
        let wrong = || {
            let reason = format!("purpose {purpose} does not go with algorithm {algorithm} and this key");
            EvidenceError::malformed("key register", reason)
        };
        let purpose = Purpose::from_code(purpose).ok_or_else(wrong)?;
        let of_32 = || <[u8; 32]>::try_from(bytes).map_err(|_| wrong());
        let signing = Algorithm::from_number(algorithm);
        match (purpose, algorithm, signing) {
            (Purpose::Tls, SPKI_SHA256, _) => Ok(Self::Tls(Digest(of_32()?))),
            (Purpose::Sign, _, Some(signing)) => VerifyingKey::from_bytes(signing, bytes).map(Self::Sign),
            (Purpose::Enc, X25519_KEM, _) => Ok(Self::Enc(SealingPublicKey::from_bytes(of_32()?))),
            (Purpose::Log, _, Some(Algorithm::EdDsa)) => PublicKey::from_bytes(of_32()?).map(Self::Log),
            (Purpose::Witness, _, Some(Algorithm::EdDsa)) => {
                PublicKey::from_bytes(of_32()?).map(Self::Witness)
            }
            _ => Err(wrong()),
        }
    }
}

/// Why a key was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RevocationReason {
    /// Someone else has it, or may have it; code 1.
    Compromised,
    /// Another key took its place; code 2.
    Superseded,
    /// Its owner uses it no longer; code 3.
    Withdrawn,
}

impl RevocationReason {
    const ALL: [Self; 3] = [Self::Compromised, Self::Superseded, Self::Withdrawn];

    pub(super) fn code(self) -> u64 {
        match self {
            Self::Compromised => 1,
            Self::Superseded => 2,
            Self::Withdrawn => 3,
        }
    }

    pub(super) fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The reason of this name, as in `compromised`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.to_string() == name)
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Compromised => "compromised",
            Self::Superseded => "superseded",
            Self::Withdrawn => "withdrawn",
        })
    }
}

/// From when on a key counts no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// From this moment on nothing that arrives under the key is taken.
    pub effective: Timestamp,
    /// What its owner's log holds at this position or later was not signed by its owner; what it holds before stays
    /// valid.
    pub position: u64,
    /// Why.
    pub reason: RevocationReason,
}

/// A key in a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// Whose key it is.
    pub administration: Administration,
    /// The key and its purpose.
    pub key: RegisteredKey,
    /// The first moment of validity.
    pub from: Timestamp,
    /// The first moment at which it is valid no longer.
    pub until: Timestamp,
    /// Its revocation.
    pub revocation: Option<Revocation>,
}

impl KeyEntry {
    /// The five entries that a card makes.
    pub fn of_card(card: &PublicKeys) -> [Self; 5] {
        let keys = [
            RegisteredKey::Tls(card.tls_spki),
            RegisteredKey::Sign(card.sign),
            RegisteredKey::Enc(card.enc),
            RegisteredKey::Log(card.log),
            RegisteredKey::Witness(card.witness),
        ];
        keys.map(|key| Self {
            administration: card.administration.clone(),
            key,
            from: card.valid_from,
            until: card.valid_until,
            revocation: None,
        })
    }

    /// Whether it is valid and not revoked at `moment`, by one's own clock.
    pub fn in_force_at(&self, moment: Timestamp) -> bool {
        let revoked = self.revocation.is_some_and(|revocation| revocation.effective <= moment);
        self.from <= moment && moment < self.until && !revoked
    }

    /// What an entry is known by, and the order of entries.
    pub(super) fn name(&self) -> (&Administration, Purpose, KeyId) {
        (&self.administration, self.key.purpose(), self.key.key_id())
    }
}
