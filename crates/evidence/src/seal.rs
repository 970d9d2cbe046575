//! Sealed parts: content that only the recipient can open (HPKE, RFC 9180, base mode).
//!
//! The suite is DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305. A sealed part is
//! `encapsulated key (32 bytes) ‖ ciphertext ‖ tag (16 bytes)`, where the plaintext is
//! `part secret (32 bytes) ‖ content`. The HPKE `info` is [`SEAL_INFO`]; the additional data is [`part_aad`].
//! Who sealed it is not known from the part: the signed manifest states the digest of the sealed bytes.

use crate::{
    Digest, EvidenceError, SealingKey, SealingPublicKey, cbor::Writer, disclosure::PartSecret, keys,
};
use hpke::aead::{AeadTag, ChaCha20Poly1305};
use hpke::inout::InOutBuf;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, kdf::HkdfSha256};
use std::convert::Infallible;

/// The HPKE `info`: it keeps these ciphertexts apart from any other use of the same key.
pub const SEAL_INFO: &[u8] = b"tidewaiter sealed part 1";

/// How many bytes a sealed part has beyond its content: encapsulated key, part secret, tag.
pub const SEAL_OVERHEAD: usize = ENCAPSULATED + SECRET + TAG;

const ENCAPSULATED: usize = 32;
const SECRET: usize = 32;
const TAG: usize = 16;

type Encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey;

/// The facts that a sealed part is bound to: deterministic CBOR of `[binding, index]`, where `binding` is
/// [`Manifest::binding`](crate::Manifest::binding) (byte string of 32) and `index` counts the parts from 0.
///
/// So a part opens only under the very manifest that it was sealed for: its message, parties, agreement, clause,
/// expiry, the digest of its content (the plaintext root) and all the rest. The digests of the sealed bytes, which
/// follow from the seal, are bound the other way round: the manifest is signed, and states them.
pub fn part_aad(binding: &Digest, index: usize) -> Vec<u8> {
    let mut aad = Writer::new();
    aad.array(2).bytes(binding.as_bytes()).uint(index as u64);
    aad.finish()
}

/// Random bytes from the caller, in the form that the HPKE library asks for.
struct Given<'a>(&'a mut dyn FnMut(&mut [u8]));

impl TryRng for Given<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        (self.0)(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Given<'_> {}

/// Seals a part for the holder of `recipient`. `random` must be a cryptographically secure source: whoever knows what
/// it gave can open the part.
///
/// # Errors
/// When the recipient's key is not usable.
pub fn seal(
    recipient: &SealingPublicKey,
    aad: &[u8],
    secret: &PartSecret,
    content: &[u8],
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<Vec<u8>, EvidenceError> {
    let unusable = EvidenceError::Key {
        what: "X25519",
        reason: "nothing can be sealed to it, as it is a point of small order",
    };
    let public = keys::kem_public(recipient)?;
    // One buffer for the whole: the content is copied once and encrypted in place.
    let mut sealed = Vec::with_capacity(content.len() + SEAL_OVERHEAD);
    sealed.extend([0u8; ENCAPSULATED]);
    sealed.extend_from_slice(secret.as_bytes());
    sealed.extend_from_slice(content);
    let (head, body) = sealed.split_at_mut_checked(ENCAPSULATED).ok_or_else(|| unusable.clone())?;
    let (encapsulated, tag) =
        hpke::single_shot_seal_inout_detached_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &public,
            SEAL_INFO,
            InOutBuf::from(body),
            aad,
            &mut Given(random),
        )
        .map_err(|_| unusable)?;
    head.copy_from_slice(&encapsulated.to_bytes());
    sealed.extend_from_slice(&tag.to_bytes());
    Ok(sealed)
}

/// Opens a sealed part: its secret and its content.
///
/// # Errors
/// When it was sealed for another key or bound to other facts, or was altered.
pub fn open(key: &SealingKey, aad: &[u8], sealed: &[u8]) -> Result<(PartSecret, Vec<u8>), EvidenceError> {
    let wrong = |_| EvidenceError::CannotOpen;
    let body = sealed.len().checked_sub(SEAL_OVERHEAD).ok_or(EvidenceError::CannotOpen)?;
    let (encapsulated, rest) = sealed.split_at_checked(ENCAPSULATED).ok_or(EvidenceError::CannotOpen)?;
    let (ciphertext, tag) = rest.split_at_checked(SECRET + body).ok_or(EvidenceError::CannotOpen)?;
    let encapsulated = Encapsulated::from_bytes(encapsulated).map_err(wrong)?;
    let tag = AeadTag::<ChaCha20Poly1305>::from_bytes(tag).map_err(wrong)?;
    let mut plaintext = ciphertext.to_vec();
    hpke::single_shot_open_inout_detached::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &key.private,
        &encapsulated,
        SEAL_INFO,
        InOutBuf::from(plaintext.as_mut_slice()),
        aad,
        &tag,
    )
    .map_err(wrong)?;
    let secret = plaintext.first_chunk::<SECRET>().copied().ok_or(EvidenceError::CannotOpen)?;
    plaintext.drain(..SECRET);
    Ok((PartSecret::from_bytes(secret), plaintext))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn aad() -> Vec<u8> {
        part_aad(&Digest([1; 32]), 0)
    }

    fn counting() -> impl FnMut(&mut [u8]) {
        let mut next = 0u8;
        move |slot: &mut [u8]| {
            slot.iter_mut().for_each(|byte| {
                next = next.wrapping_mul(31).wrapping_add(7);
                *byte = next;
            })
        }
    }

    fn sealed(content: &[u8]) -> (SealingKey, Vec<u8>) {
        let key = SealingKey::from_seed(&[3; 32]);
        let secret = PartSecret::from_bytes([4; 32]);
        let sealed = seal(&key.public(), &aad(), &secret, content, &mut counting()).unwrap();
        (key, sealed)
    }

    #[test]
    fn every_changed_bit_is_found() {
        let (key, sealed) = sealed(b"what was declared");
        assert_eq!(sealed.len(), 17 + SEAL_OVERHEAD);
        assert_eq!(
            open(&key, &aad(), &sealed).unwrap(),
            (PartSecret::from_bytes([4; 32]), b"what was declared".to_vec())
        );
        // One bit of each byte, as opening is slow in a debug build; the full run takes them all.
        let step = if std::env::var_os("TIDEWAITER_FULL").is_some() { 1 } else { 9 };
        for bit in (0..sealed.len() * 8).step_by(step) {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key, &aad(), &changed), Err(EvidenceError::CannotOpen), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(open(&key, &aad(), &sealed[..length]), Err(EvidenceError::CannotOpen));
        }
    }

    #[test]
    fn a_part_is_bound_to_its_manifest_and_place() {
        let (key, sealed) = sealed(b"content");
        for other in [part_aad(&Digest([2; 32]), 0), part_aad(&Digest([1; 32]), 1)] {
            assert_eq!(open(&key, &other, &sealed), Err(EvidenceError::CannotOpen));
        }
    }

    #[test]
    fn another_key_does_not_open_it_and_a_small_order_key_is_refused() {
        let (_, sealed) = sealed(b"content");
        let other = SealingKey::from_seed(&[9; 32]);
        assert_eq!(open(&other, &aad(), &sealed), Err(EvidenceError::CannotOpen));
        let zero = SealingPublicKey::from_bytes([0; 32]);
        let secret = PartSecret::from_bytes([4; 32]);
        assert!(seal(&zero, &aad(), &secret, b"content", &mut counting()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_sealed_is_opened(content in prop::collection::vec(any::<u8>(), 0..2000), secret in any::<[u8; 32]>()) {
            let key = &crate::samples::keys(1).enc;
            let secret = PartSecret::from_bytes(secret);
            let sealed = seal(&key.public(), &aad(), &secret, &content, &mut counting()).unwrap();
            prop_assert_eq!(open(key, &aad(), &sealed).unwrap(), (secret, content));
        }
    }
}
