//! ML-DSA-44 (FIPS 204) keys for cosignatures that a quantum computer cannot forge.

use crate::EvidenceError;
use aws_lc_rs::signature::{KeyPair, ML_DSA_44, ML_DSA_44_SIGNING, PqdsaKeyPair, UnparsedPublicKey};
use std::fmt;

/// The bytes of a public key (FIPS 204 table 2).
const PUBLIC_KEY: usize = 1312;
/// The bytes of a signature (FIPS 204 table 2).
const SIGNATURE: usize = 2420;

/// An ML-DSA-44 public key, for verifying.
#[derive(Clone, PartialEq, Eq)]
pub struct MlDsaPublicKey(Box<[u8; PUBLIC_KEY]>);

impl MlDsaPublicKey {
    /// From the 1312 bytes of FIPS 204.
    ///
    /// # Errors
    /// When there are more or fewer.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let bytes: [u8; PUBLIC_KEY] = bytes
            .try_into()
            .map_err(|_| EvidenceError::Key { what: "ML-DSA-44", reason: "a public key has 1312 bytes" })?;
        Ok(Self(Box::new(bytes)))
    }

    /// The 1312 bytes of FIPS 204.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0[..]
    }

    /// Verifies a signature with an empty context.
    ///
    /// # Errors
    /// When it does not hold; `what` names the signed thing in the error.
    pub fn verify(&self, what: &'static str, message: &[u8], signature: &[u8]) -> Result<(), EvidenceError> {
        UnparsedPublicKey::new(&ML_DSA_44, self.as_bytes())
            .verify(message, signature)
            .map_err(|_| EvidenceError::Signature { what, key: self.short() })
    }

    /// The first digits of its SHA-256, for errors and lists; never compare by them.
    fn short(&self) -> String {
        crate::digest_of(self.as_bytes()).to_string().chars().take(16).collect()
    }
}

impl fmt::Debug for MlDsaPublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "MlDsaPublicKey({})", self.short())
    }
}

/// An ML-DSA-44 key pair, for signing. It is never shown and never serialised.
pub struct MlDsaSigningKey {
    pair: PqdsaKeyPair,
    public: MlDsaPublicKey,
}

impl MlDsaSigningKey {
    /// The key pair that grows from a secret seed (ML-DSA.KeyGen_internal, FIPS 204 algorithm 6).
    ///
    /// # Errors
    /// When the seed is not usable.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, EvidenceError> {
        let unusable = EvidenceError::Key { what: "ML-DSA-44", reason: "the seed does not make a key pair" };
        let pair = PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, seed).map_err(|_| unusable)?;
        let public = MlDsaPublicKey::from_bytes(pair.public_key().as_ref())?;
        Ok(Self { pair, public })
    }

    /// The public half.
    pub fn public(&self) -> &MlDsaPublicKey {
        &self.public
    }

    /// Signs with an empty context. The library draws randomness for it (hedged signing, FIPS 204 section 3.4), so
    /// that no two signatures are alike.
    ///
    /// # Errors
    /// When the library fails.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, EvidenceError> {
        let mut signature = vec![0u8; SIGNATURE];
        let length = self.pair.sign(message, &mut signature).map_err(|_| EvidenceError::Key {
            what: "ML-DSA-44",
            reason: "the library could not sign with it",
        })?;
        signature.truncate(length);
        Ok(signature)
    }
}

impl fmt::Debug for MlDsaSigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "MlDsaSigningKey({})", self.public.short())
    }
}
