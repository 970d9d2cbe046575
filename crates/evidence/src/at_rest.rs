//! Sealing of secrets at rest: AES-256-GCM under a key that its owner derives from a passphrase.

use crate::EvidenceError;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, EvidenceError> {
    let unusable = |_| EvidenceError::Key { what: "AES-256", reason: "the library refuses it" };
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(unusable)
}

/// Seals `secret` and binds it to `bound`. A key and nonce must never be used together twice.
///
/// # Errors
/// When the library refuses.
pub fn seal_at_rest(
    key: &[u8; 32],
    nonce: [u8; 12],
    bound: &[u8],
    mut secret: Zeroizing<Vec<u8>>,
) -> Result<Vec<u8>, EvidenceError> {
    let failed = |_| EvidenceError::value("secret", "length", "it is too long to be sealed");
    let nonce = Nonce::assume_unique_for_key(nonce);
    cipher(key)?.seal_in_place_append_tag(nonce, Aad::from(bound), &mut *secret).map_err(failed)?;
    Ok(secret.to_vec())
}

/// Opens what [`seal_at_rest`] sealed.
///
/// # Errors
/// [`EvidenceError::CannotOpen`] when the key is another, or anything was altered.
pub fn open_at_rest(
    key: &[u8; 32],
    nonce: [u8; 12],
    bound: &[u8],
    sealed: Vec<u8>,
) -> Result<Zeroizing<Vec<u8>>, EvidenceError> {
    let mut sealed = Zeroizing::new(sealed);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let opened = cipher(key)?.open_in_place(nonce, Aad::from(bound), &mut sealed);
    opened.map(|plain| Zeroizing::new(plain.to_vec())).map_err(|_| EvidenceError::CannotOpen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_with_its_key_and_what_it_is_bound_to() {
        let sealed = || seal_at_rest(&[1; 32], [2; 12], b"how", Zeroizing::new(b"secret".to_vec())).unwrap();
        assert!(!sealed().windows(6).any(|window| window == b"secret"));
        assert_eq!(open_at_rest(&[1; 32], [2; 12], b"how", sealed()).unwrap().as_slice(), b"secret");
        assert!(open_at_rest(&[3; 32], [2; 12], b"how", sealed()).is_err());
        assert!(open_at_rest(&[1; 32], [3; 12], b"how", sealed()).is_err());
        assert!(open_at_rest(&[1; 32], [2; 12], b"now", sealed()).is_err());
        crate::samples::every_bit_counts(&sealed(), |bytes| {
            open_at_rest(&[1; 32], [2; 12], b"how", bytes.to_vec()).is_ok()
        });
    }
}
