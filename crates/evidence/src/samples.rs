//! What the tests of this room share: keys and a manifest with good values, of which a test changes the one it is about.

use crate::disclosure::LeafScheme;
use crate::{
    Administration, AgreementReference, Channel, Digest, Encryption, EvidenceError, KeySet, Keys, Manifest,
    MessageId, P256PublicKey, PartManifest, Signer, Statement, StatementKey, Suite, Timestamp,
};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// The keys of a seed. They are grown once: in a debug build that takes milliseconds, which adds up in a property test.
pub(crate) fn keys(seed: u8) -> &'static Keys {
    static GROWN: Mutex<BTreeMap<u8, &'static Keys>> = Mutex::new(BTreeMap::new());
    GROWN.lock().unwrap().entry(seed).or_insert_with(|| {
        let mut next = seed;
        let set = KeySet::draw(&mut |slot| {
            slot.fill(next);
            next = next.wrapping_add(50);
        });
        Box::leak(Box::new(set.keys().unwrap()))
    })
}

/// A key of ES256, as a device holds it.
struct Token(EcdsaKeyPair);

impl Signer for Token {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], EvidenceError> {
        let signature = self.0.sign(&SystemRandom::new(), message).unwrap();
        Ok(signature.as_ref().try_into().unwrap())
    }
}

/// The key of ES256 whose private scalar is 32 times `seed`.
pub(crate) fn es256(seed: u8) -> StatementKey {
    let scalar = PrivateKey::from_private_key(&ECDH_P256, &[seed; 32]).unwrap();
    let point = scalar.compute_public_key().unwrap();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &[seed; 32], point.as_ref()).unwrap();
    let public = P256PublicKey::from_coordinates(point.as_ref()[1..].try_into().unwrap()).unwrap();
    StatementKey::behind(std::sync::Arc::new(Token(pair)), crate::VerifyingKey::Es256(public))
}

pub(crate) fn administration(code: &str) -> Administration {
    Administration::parse(&format!("NTA.{code}")).unwrap()
}

pub(crate) fn moment() -> Timestamp {
    Timestamp::parse("2026-11-24T06:00:00.123456Z").unwrap()
}

pub(crate) fn manifest() -> Manifest {
    Manifest {
        message_id: MessageId::new(moment(), [7; 10]),
        channel: Channel::parse("NTA.GB>NTA.FR/24GB0000601001EBD4").unwrap(),
        sequence: 3,
        agreement: AgreementReference { id: "common-transit".to_owned(), version: 1, hash: Digest([1; 32]) },
        clause: "Art. 27".to_owned(),
        purpose: "transit-movement".to_owned(),
        created: moment(),
        expires: moment().plus_seconds(86_400),
        exercise: false,
        parts: vec![PartManifest {
            name: "CD001C".to_owned(),
            media_type: "application/xml".to_owned(),
            ciphertext: Digest([2; 32]),
            plaintext_root: Digest([3; 32]),
            size: 1234,
            leaves: LeafScheme::Whole,
        }],
        encryption: Encryption {
            suite: Suite::HpkeX25519ChaCha20Poly1305,
            recipient_key: keys(2).enc.key_id(),
        },
        nonce: [9; 16],
    }
}

pub(crate) fn statement() -> Statement {
    Statement::sign(&manifest(), &keys(1).sign).unwrap()
}

/// Asserts that no copy of `bytes` with one bit changed, and none that is cut, is accepted.
pub(crate) fn every_bit_counts(bytes: &[u8], accepts: impl Fn(&[u8]) -> bool) {
    assert!(accepts(bytes));
    let mut changed = bytes.to_vec();
    for bit in 0..bytes.len() * 8 {
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepts(&changed), "bit {bit} of {} does not count", bytes.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
    }
    for length in 0..bytes.len() {
        assert!(!accepts(&bytes[..length]), "{length} of {} bytes are accepted", bytes.len());
    }
    changed.push(0);
    assert!(!accepts(&changed), "a trailing byte is accepted");
}
