//! Salted leaves: how a part of a message can be shown later, with proof, without showing the rest.
//!
//! The manifest holds, for each part, the RFC 9162 root over salted leaves
//! `SHA-256(0x00 ‖ salt ‖ path length in 4 bytes ‖ path ‖ value)`. The salts come from the part's secret, which is
//! sealed to the recipient together with the content and kept by both sides; without it a digest tells nothing about
//! the content, however guessable that is, and once it is erased the proofs still hold and reveal nothing.
//!
//! A part has one leaf for now, its whole content, under the empty path [`WHOLE`].

use crate::{Digest, EvidenceError, merkle};
use aws_lc_rs::{digest, hmac};
use std::fmt;
use zeroize::Zeroizing;

/// The path of the leaf that holds the whole content of a part.
pub const WHOLE: &str = "";

/// The secret of a part, from which the salt of each of its leaves follows.
#[derive(Clone, PartialEq, Eq)]
pub struct PartSecret(Zeroizing<[u8; 32]>);

impl PartSecret {
    /// Draws a secret from `random`, which must be a cryptographically secure source.
    pub fn draw(random: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut secret = Zeroizing::new([0u8; 32]);
        random(secret.as_mut_slice());
        Self(secret)
    }

    /// From 32 bytes, as when it was stored.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The 32 bytes, for storing it where it can be erased.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The salt of the leaf at `path`: the first 16 bytes of HMAC-SHA-256 under the secret. Showing one salt tells
    /// nothing about another.
    pub fn salt(&self, path: &str) -> [u8; 16] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let mut salt = [0u8; 16];
        for (slot, byte) in salt.iter_mut().zip(hmac::sign(&key, path.as_bytes()).as_ref()) {
            *slot = *byte;
        }
        salt
    }
}

impl fmt::Debug for PartSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PartSecret(secret)")
    }
}

/// The salted leaf of `value` at `path`. The length before the path keeps two leaves apart whose path and value only
/// together read alike.
pub fn leaf(salt: &[u8; 16], path: &str, value: &[u8]) -> merkle::Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&[0x00]);
    context.update(salt);
    context.update(&u32::try_from(path.len()).unwrap_or(u32::MAX).to_be_bytes());
    context.update(path.as_bytes());
    context.update(value);
    merkle::finished(context)
}

/// The plaintext root of a part with this secret and content, as its manifest states it.
pub fn root(secret: &PartSecret, content: &[u8]) -> Digest {
    Digest(merkle::root(&[leaf(&secret.salt(WHOLE), WHOLE, content)]))
}

/// Verifies that `content`, shown with its salt, is the whole of the part whose manifest states `root`.
///
/// # Errors
/// When it is not.
pub fn verify_whole(root: &Digest, salt: &[u8; 16], content: &[u8]) -> Result<(), EvidenceError> {
    merkle::verify_inclusion(&leaf(salt, WHOLE, content), 0, 1, &[], root.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest_of;

    #[test]
    fn a_leaf_is_the_documented_hash() {
        let salt = [5u8; 16];
        let mut bytes = vec![0x00];
        bytes.extend(salt);
        bytes.extend([0, 0, 0, 3]);
        bytes.extend(b"a/bvalue");
        assert_eq!(leaf(&salt, "a/b", b"value"), digest_of(&bytes).0);
    }

    #[test]
    fn path_and_value_do_not_run_into_each_other() {
        let salt = [0u8; 16];
        assert_ne!(leaf(&salt, "ab", b"c"), leaf(&salt, "a", b"bc"));
    }

    #[test]
    fn content_is_proved_with_its_salt_and_not_with_another() {
        let secret = PartSecret::from_bytes([1; 32]);
        let root = root(&secret, b"content");
        verify_whole(&root, &secret.salt(WHOLE), b"content").unwrap();
        assert!(verify_whole(&root, &secret.salt(WHOLE), b"contents").is_err());
        assert!(verify_whole(&root, &secret.salt("x"), b"content").is_err());
        assert_ne!(root, super::root(&PartSecret::from_bytes([2; 32]), b"content"));
        assert!(!format!("{secret:?}").contains('1'));
    }
}
