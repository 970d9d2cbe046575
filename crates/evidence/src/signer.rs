//! Keys that sign, and the port behind which they live: in this process, or in a device that never shows them.

use crate::algorithm::normalised;
use crate::{Algorithm, EvidenceError, KeyId, PublicKey, VerifyingKey};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use std::fmt;
use std::sync::Arc;

/// The port to a private key: signs with the one algorithm of its key. It may fail, as a device may be away.
pub trait Signer: Send + Sync {
    /// Signs `message`: R ‖ S of RFC 8032 for EdDSA, r ‖ s for ES256 (over the SHA-256 of the message).
    ///
    /// # Errors
    /// When the key cannot be reached; [`EvidenceError::Signer`] says why.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], EvidenceError>;
}

/// An Ed25519 key pair in this process.
struct InMemory(Ed25519KeyPair);

impl InMemory {
    fn from_seed(seed: &[u8; 32]) -> Result<(Self, PublicKey), EvidenceError> {
        let unusable = EvidenceError::Key { what: "Ed25519", reason: "the seed does not make a key pair" };
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| unusable.clone())?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| unusable)?;
        Ok((Self(pair), PublicKey::from_bytes(public)?))
    }
}

impl Signer for InMemory {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], EvidenceError> {
        let signature = self.0.sign(message);
        let wrong = |_| EvidenceError::Signer { reason: "a signature has another length".to_owned() };
        signature.as_ref().try_into().map_err(wrong)
    }
}

/// An Ed25519 key that signs receipts, checkpoints and cosignatures. It is never shown and never serialised; its seed
/// is, in [`crate::KeySet`].
#[derive(Clone)]
pub struct SigningKey {
    signer: Arc<dyn Signer>,
    public: PublicKey,
}

impl SigningKey {
    /// The key pair that grows from a secret seed (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// When the seed is not usable.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, EvidenceError> {
        let (signer, public) = InMemory::from_seed(seed)?;
        Ok(Self { signer: Arc::new(signer), public })
    }

    /// A key that lives behind a port.
    pub fn behind(signer: Arc<dyn Signer>, public: PublicKey) -> Self {
        Self { signer, public }
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// The identifier of the public half.
    pub fn key_id(&self) -> KeyId {
        self.public.key_id()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; 64], EvidenceError> {
        self.signer.sign(message)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SigningKey({})", self.key_id().short())
    }
}

/// A key that signs statements, staged statements, conflict proofs and key registers, with the one algorithm that is
/// its own.
#[derive(Clone)]
pub struct StatementKey {
    signer: Arc<dyn Signer>,
    public: VerifyingKey,
}

impl StatementKey {
    /// The EdDSA key that grows from a secret seed (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// When the seed is not usable.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, EvidenceError> {
        let (signer, public) = InMemory::from_seed(seed)?;
        Ok(Self { signer: Arc::new(signer), public: public.into() })
    }

    /// A key that lives behind a port.
    pub fn behind(signer: Arc<dyn Signer>, public: VerifyingKey) -> Self {
        Self { signer, public }
    }

    /// The public half.
    pub fn public(&self) -> VerifyingKey {
        self.public
    }

    /// The identifier of the public half.
    pub fn key_id(&self) -> KeyId {
        self.public.key_id()
    }

    /// The algorithm that it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; 64], EvidenceError> {
        Ok(normalised(self.algorithm(), self.signer.sign(message)?))
    }
}

impl fmt::Debug for StatementKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "StatementKey({}, {})", self.algorithm(), self.key_id().short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{es256, manifest};
    use crate::{Digest, Statement};

    fn bytes(hex: &str) -> [u8; 32] {
        Digest::parse(hex).unwrap().0
    }

    #[test]
    fn signatures_are_those_of_rfc_8032() {
        // Section 7.1, test 2.
        let seed = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = SigningKey::from_seed(&seed).unwrap();
        assert_eq!(
            key.public().as_bytes(),
            &bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        );
        let signature = key.sign(&[0x72]).unwrap();
        assert_eq!(
            signature[..32],
            bytes("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da")
        );
        assert_eq!(
            signature[32..],
            bytes("085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
        );
        key.public().verify("sample", &[0x72], &signature).unwrap();
        assert!(key.public().verify("sample", &[0x73], &signature).is_err());
    }

    /// A device that has been unplugged.
    struct Away;

    impl Signer for Away {
        fn sign(&self, _: &[u8]) -> Result<[u8; 64], EvidenceError> {
            Err(EvidenceError::Signer { reason: "the token is not present".to_owned() })
        }
    }

    #[test]
    fn a_device_that_is_away_is_an_error_and_no_signature() {
        let key = StatementKey::behind(Arc::new(Away), es256(1).public());
        let error = Statement::sign(&manifest(), &key).unwrap_err().to_string();
        assert_eq!(error, "the private key cannot sign now: the token is not present");
    }
}
