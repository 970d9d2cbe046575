//! The two algorithms of signatures under statements, and the public keys that verify them.
//!
//! A key has one algorithm for its whole life. A verifier takes the algorithm from the key that its register names and
//! compares the protected header with it, never the other way round: what is signed cannot choose how it is checked.

use crate::{Digest, EvidenceError, KeyId, PublicKey};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use coset::{RegisteredLabelWithPrivate, iana};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The group order of P-256 (FIPS 186-5, SEC 2 section 2.4.2), big-endian.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Half of [`P256_ORDER`], rounded down.
const P256_HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde,
    0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// An algorithm of signatures (RFC 9053 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Ed25519; COSE algorithm -8.
    EdDsa,
    /// ECDSA on P-256 with SHA-256; COSE algorithm -7. What most hardware security modules offer.
    Es256,
}

impl Algorithm {
    /// Its number in the COSE registry.
    pub fn number(self) -> i64 {
        match self {
            Self::EdDsa => -8,
            Self::Es256 => -7,
        }
    }

    /// The algorithm with this number in the COSE registry, if it is one of the two.
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::EdDsa, Self::Es256].into_iter().find(|algorithm| algorithm.number() == number)
    }

    pub(crate) fn cose(self) -> iana::Algorithm {
        match self {
            Self::EdDsa => iana::Algorithm::EdDSA,
            Self::Es256 => iana::Algorithm::ES256,
        }
    }

    pub(crate) fn from_cose(label: &RegisteredLabelWithPrivate<iana::Algorithm>) -> Option<Self> {
        let same = |algorithm: &Self| *label == RegisteredLabelWithPrivate::Assigned(algorithm.cose());
        [Self::EdDsa, Self::Es256].into_iter().find(same)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        })
    }
}

/// A public key on P-256, for verifying ES256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct P256PublicKey([u8; 64]);

impl P256PublicKey {
    /// From the coordinates x ‖ y, each of 32 bytes, big-endian.
    ///
    /// # Errors
    /// When they are not a point of the curve.
    pub fn from_coordinates(coordinates: [u8; 64]) -> Result<Self, EvidenceError> {
        let key = Self(coordinates);
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.point())
            .parse()
            .map_err(|_| EvidenceError::Key { what: "P-256", reason: "it is not a point of the curve" })?;
        Ok(key)
    }

    /// The coordinates x ‖ y.
    pub fn coordinates(&self) -> &[u8; 64] {
        &self.0
    }

    /// The uncompressed point of SEC 1 section 2.3.3: 4 ‖ x ‖ y.
    pub fn point(&self) -> [u8; 65] {
        let mut point = [4u8; 65];
        for (slot, byte) in point.iter_mut().skip(1).zip(self.0) {
            *slot = byte;
        }
        point
    }

    /// Its COSE key thumbprint.
    pub fn key_id(&self) -> KeyId {
        KeyId::of_point(&self.0)
    }

    /// Verifies r ‖ s over `message`. Only the lower of the two values of s that hold is accepted, as anybody can make
    /// the other one, and with it a second statement that its signer never made.
    ///
    /// # Errors
    /// When it does not hold; `what` names the signed thing in the error.
    pub fn verify(&self, what: &'static str, message: &[u8], signature: &[u8]) -> Result<(), EvidenceError> {
        let wrong = || EvidenceError::Signature { what, key: self.key_id().short() };
        let s: &[u8] = signature.get(32..64).ok_or_else(wrong)?;
        if s > P256_HALF_ORDER.as_slice() {
            return Err(wrong());
        }
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.point())
            .verify(message, signature)
            .map_err(|_| wrong())
    }
}

impl fmt::Debug for P256PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "P256PublicKey({})", hexadecimal(&self.0))
    }
}

/// A signature as it is accepted: of ES256 with the lower of the two values of s.
pub fn normalised(algorithm: Algorithm, signature: [u8; 64]) -> [u8; 64] {
    match algorithm {
        Algorithm::EdDsa => signature,
        Algorithm::Es256 => with_low_s(signature),
    }
}

/// The signature r ‖ s with the lower of the two values of s that hold (see [`P256PublicKey::verify`]).
fn with_low_s(mut signature: [u8; 64]) -> [u8; 64] {
    let high = signature.get(32..).is_some_and(|s| s > P256_HALF_ORDER.as_slice());
    if high {
        let mut borrow = 0i16;
        for (byte, order) in signature.iter_mut().skip(32).zip(P256_ORDER).rev() {
            let difference = i16::from(order) - i16::from(*byte) - borrow;
            borrow = i16::from(difference < 0);
            *byte = difference.rem_euclid(256).to_le_bytes()[0];
        }
    }
    signature
}

/// The public key that verifies an administration's statements: Ed25519 or P-256.
///
/// Its text is 64 hexadecimal digits for Ed25519, and `es256:` with the 128 digits of x ‖ y for P-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum VerifyingKey {
    /// A key of EdDSA.
    EdDsa(PublicKey),
    /// A key of ES256.
    Es256(P256PublicKey),
}

impl VerifyingKey {
    /// The one algorithm of this key.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::EdDsa(_) => Algorithm::EdDsa,
            Self::Es256(_) => Algorithm::Es256,
        }
    }

    /// Reads the bytes that [`VerifyingKey::as_bytes`] gives.
    ///
    /// # Errors
    /// When they are not a key of this algorithm.
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, EvidenceError> {
        let size = |what| EvidenceError::Key { what, reason: "it has another length" };
        match algorithm {
            Algorithm::EdDsa => {
                let bytes = bytes.try_into().map_err(|_| size("Ed25519"))?;
                PublicKey::from_bytes(bytes).map(Self::EdDsa)
            }
            Algorithm::Es256 => {
                let bytes = bytes.try_into().map_err(|_| size("P-256"))?;
                P256PublicKey::from_coordinates(bytes).map(Self::Es256)
            }
        }
    }

    /// The 32 bytes of RFC 8032, or the 64 bytes x ‖ y.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::EdDsa(key) => key.as_bytes(),
            Self::Es256(key) => key.coordinates(),
        }
    }

    /// Its COSE key thumbprint.
    pub fn key_id(&self) -> KeyId {
        match self {
            Self::EdDsa(key) => key.key_id(),
            Self::Es256(key) => key.key_id(),
        }
    }

    /// Verifies a signature over `message`.
    ///
    /// # Errors
    /// When it does not hold; `what` names the signed thing in the error.
    pub fn verify(&self, what: &'static str, message: &[u8], signature: &[u8]) -> Result<(), EvidenceError> {
        match self {
            Self::EdDsa(key) => key.verify(what, message, signature),
            Self::Es256(key) => key.verify(what, message, signature),
        }
    }
}

impl From<PublicKey> for VerifyingKey {
    fn from(key: PublicKey) -> Self {
        Self::EdDsa(key)
    }
}

impl From<&PublicKey> for VerifyingKey {
    fn from(key: &PublicKey) -> Self {
        Self::EdDsa(*key)
    }
}

impl From<&VerifyingKey> for VerifyingKey {
    fn from(key: &VerifyingKey) -> Self {
        *key
    }
}

/// What stands before the digits of a P-256 key.
const ES256_PREFIX: &str = "es256:";

impl TryFrom<String> for VerifyingKey {
    type Error = EvidenceError;
    fn try_from(text: String) -> Result<Self, EvidenceError> {
        let wrong = || EvidenceError::Key {
            what: "signing",
            reason: "it must be 64 hexadecimal digits, or `es256:` and 128",
        };
        let Some(digits) = text.strip_prefix(ES256_PREFIX) else {
            return PublicKey::from_bytes(Digest::parse(&text).map_err(|_| wrong())?.0).map(Self::EdDsa);
        };
        let (x, y) = digits.split_at_checked(64).ok_or_else(wrong)?;
        let halves = [x, y].map(|half| Digest::parse(half).map_err(|_| wrong()));
        let mut coordinates = [0u8; 64];
        for (slots, half) in coordinates.chunks_mut(32).zip(halves) {
            slots.copy_from_slice(half?.as_bytes());
        }
        P256PublicKey::from_coordinates(coordinates).map(Self::Es256)
    }
}

impl From<VerifyingKey> for String {
    fn from(key: VerifyingKey) -> String {
        match key {
            VerifyingKey::EdDsa(key) => Digest(*key.as_bytes()).to_string(),
            VerifyingKey::Es256(key) => format!("{ES256_PREFIX}{}", hexadecimal(key.coordinates())),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{es256, keys};

    #[test]
    fn the_text_of_a_key_reads_back_and_tells_its_algorithm() {
        for key in [keys(1).sign.public(), es256(1).public()] {
            let text = String::from(key);
            assert_eq!(VerifyingKey::try_from(text.clone()).unwrap(), key);
            assert_eq!(VerifyingKey::from_bytes(key.algorithm(), key.as_bytes()).unwrap(), key);
            assert_eq!(text.starts_with("es256:"), key.algorithm() == Algorithm::Es256);
            assert!(VerifyingKey::try_from(text[..text.len() - 1].to_owned()).is_err());
            assert_eq!(Algorithm::from_number(key.algorithm().number()), Some(key.algorithm()));
        }
        let off_the_curve = format!("es256:{}", "11".repeat(64));
        assert!(VerifyingKey::try_from(off_the_curve).is_err());
        assert!(VerifyingKey::try_from("é".repeat(64)).is_err());
        assert_eq!(Algorithm::from_number(-37), None);
    }

    #[test]
    fn the_mirrored_signature_is_refused() {
        let key = es256(1);
        let signature = key.sign(b"message").unwrap();
        let public = key.public();
        public.verify("sample", b"message", &signature).unwrap();
        // n - s holds for ECDSA as well as s does.
        let mut mirrored = signature;
        let mut borrow = 0i16;
        for (byte, order) in mirrored.iter_mut().skip(32).zip(P256_ORDER).rev() {
            let difference = i16::from(order) - i16::from(*byte) - borrow;
            borrow = i16::from(difference < 0);
            *byte = u8::try_from(difference.rem_euclid(256)).unwrap();
        }
        let VerifyingKey::Es256(point) = public else { panic!("a key of ES256") };
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.point())
            .verify(b"message", &mirrored)
            .unwrap();
        assert!(public.verify("sample", b"message", &mirrored).is_err());
        assert_eq!(with_low_s(mirrored), signature);
        assert_eq!(with_low_s(signature), signature);
        assert!(public.verify("sample", b"message", &signature[..63]).is_err());
    }
}
