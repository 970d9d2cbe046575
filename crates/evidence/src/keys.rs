//! The keys of an administration, by purpose.
//!
//! A key pair grows from a seed of 32 bytes that the caller drew from a good source, or lives behind the port of
//! [`crate::Signer`]; nothing here is random.
//! Keys of the TLS channel are made and kept elsewhere, as evidence never rests on them.

use crate::{Digest, EvidenceError, cbor::Writer, digest_of};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use hpke::{Deserializable, Kem, Serializable, kem::X25519HkdfSha256};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a key is for. A key has one purpose only, so that a signature made for one can never pass for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// The mutual TLS channel between nodes.
    Tls,
    /// Statements, staged statements and conflict proofs of the administration.
    Sign,
    /// Sealed parts: the key that others seal to (HPKE).
    Enc,
    /// Receipts and checkpoints of the administration's log.
    Log,
    /// Cosignatures under the checkpoints of other logs.
    Witness,
}

/// The identifier of a key: its COSE key thumbprint, SHA-256 over the deterministic COSE_Key (RFC 9679 section 3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(Digest);

impl Purpose {
    /// All purposes, in order.
    pub const ALL: [Self; 5] = [Self::Tls, Self::Sign, Self::Enc, Self::Log, Self::Witness];

    pub(crate) fn code(self) -> u64 {
        match self {
            Self::Tls => 1,
            Self::Sign => 2,
            Self::Enc => 3,
            Self::Log => 4,
            Self::Witness => 5,
        }
    }

    pub(crate) fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.code() == code)
    }

    /// The purpose of this name, as in `sign`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.to_string() == name)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Tls => "tls",
            Self::Sign => "sign",
            Self::Enc => "enc",
            Self::Log => "log",
            Self::Witness => "witness",
        })
    }
}

impl KeyId {
    // COSE_Key {1: 1 (OKP), -1: curve, -2: x}, in deterministic order (RFC 9053 section 7.2).
    fn of(curve: u64, x: &[u8; 32]) -> Self {
        let mut key = Writer::new();
        key.map(3).int(1).uint(1).int(-1).uint(curve).int(-2).bytes(x);
        Self(digest_of(&key.finish()))
    }

    // COSE_Key {1: 2 (EC2), -1: 1 (P-256), -2: x, -3: y}, in deterministic order (RFC 9053 section 7.1); both
    // coordinates are byte strings of full length (RFC 9679 section 4.2).
    pub(crate) fn of_point(coordinates: &[u8; 64]) -> Self {
        let (x, y) = coordinates.split_at(32);
        let mut key = Writer::new();
        key.map(4).int(1).uint(2).int(-1).uint(1).int(-2).bytes(x).int(-3).bytes(y);
        Self(digest_of(&key.finish()))
    }

    /// From 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Digest(bytes))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The first 16 hexadecimal digits, for lists and logs; never compare by them.
    pub fn short(&self) -> String {
        self.0.to_string().chars().take(16).collect()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "KeyId({})", self.short())
    }
}

/// The y coordinates, without the sign bit, of the Ed25519 points of small order. Under such a key a signature can
/// hold for many messages at once, so its owner could disown what was signed.
const SMALL_ORDER: [[u8; 32]; 7] = [
    with_ends(0x00, 0x00, 0x00),
    with_ends(0x01, 0x00, 0x00),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    with_ends(0xec, 0xff, 0x7f),
    with_ends(0xed, 0xff, 0x7f),
    with_ends(0xee, 0xff, 0x7f),
];

const fn with_ends(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

/// An Ed25519 public key (RFC 8032), for verifying.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Digest", into = "Digest")]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// From the 32 bytes of RFC 8032.
    ///
    /// # Errors
    /// When it is a point of small order.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, EvidenceError> {
        let mut unsigned = bytes;
        unsigned[31] &= 0x7f;
        if SMALL_ORDER.contains(&unsigned) {
            return Err(EvidenceError::Key {
                what: "Ed25519",
                reason: "it is a point of small order, under which a signature proves nothing",
            });
        }
        Ok(Self(bytes))
    }

    /// The 32 bytes of RFC 8032.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its COSE key thumbprint.
    pub fn key_id(&self) -> KeyId {
        const ED25519_CURVE: u64 = 6;
        KeyId::of(ED25519_CURVE, &self.0)
    }

    /// Verifies an Ed25519 signature over `message`.
    ///
    /// # Errors
    /// When it does not hold; `what` names the signed thing in the error.
    pub fn verify(&self, what: &'static str, message: &[u8], signature: &[u8]) -> Result<(), EvidenceError> {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(message, signature)
            .map_err(|_| EvidenceError::Signature { what, key: self.key_id().short() })
    }
}

impl TryFrom<Digest> for PublicKey {
    type Error = EvidenceError;
    fn try_from(bytes: Digest) -> Result<Self, EvidenceError> {
        Self::from_bytes(bytes.0)
    }
}

impl From<PublicKey> for Digest {
    fn from(key: PublicKey) -> Digest {
        Digest(key.0)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PublicKey({})", Digest(self.0))
    }
}

/// An X25519 public key that others seal to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealingPublicKey(Digest);

impl SealingPublicKey {
    /// From the 32 bytes of RFC 7748. A point of small order is refused when something is sealed to it, as
    /// RFC 9180 section 7.1.4 demands.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Digest(bytes))
    }

    /// The 32 bytes of RFC 7748.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Its COSE key thumbprint.
    pub fn key_id(&self) -> KeyId {
        const X25519_CURVE: u64 = 4;
        KeyId::of(X25519_CURVE, self.as_bytes())
    }
}

impl fmt::Debug for SealingPublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SealingPublicKey({})", self.0)
    }
}

/// An X25519 key pair, for opening what was sealed to it.
#[derive(Clone)]
pub struct SealingKey {
    pub(crate) private: <X25519HkdfSha256 as Kem>::PrivateKey,
    public: SealingPublicKey,
}

impl SealingKey {
    /// The key pair that grows from a secret seed (DeriveKeyPair, RFC 9180 section 7.1.3).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let (private, public) = X25519HkdfSha256::derive_keypair(seed);
        let mut bytes = [0u8; 32];
        for (slot, byte) in bytes.iter_mut().zip(public.to_bytes()) {
            *slot = byte;
        }
        Self { private, public: SealingPublicKey::from_bytes(bytes) }
    }

    /// The public half.
    pub fn public(&self) -> SealingPublicKey {
        self.public
    }

    /// The identifier of the public half.
    pub fn key_id(&self) -> KeyId {
        self.public.key_id()
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SealingKey({})", self.key_id().short())
    }
}

pub(crate) fn kem_public(
    key: &SealingPublicKey,
) -> Result<<X25519HkdfSha256 as Kem>::PublicKey, EvidenceError> {
    Deserializable::from_bytes(key.as_bytes())
        .map_err(|_| EvidenceError::Key { what: "X25519", reason: "it is not a public key of RFC 7748" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_small_order_are_refused_with_either_sign() {
        for mut point in SMALL_ORDER {
            assert!(PublicKey::from_bytes(point).is_err());
            point[31] |= 0x80;
            assert!(PublicKey::from_bytes(point).is_err());
        }
        assert!(PublicKey::from_bytes([9; 32]).is_ok());
    }

    #[test]
    fn keys_are_told_apart_by_curve() {
        assert_ne!(
            PublicKey::from_bytes([9; 32]).unwrap().key_id(),
            SealingPublicKey::from_bytes([9; 32]).key_id()
        );
    }
}
