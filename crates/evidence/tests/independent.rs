//! Our evidence, verified by libraries that know nothing of this project (see `verify.py`).
//!
//! `TIDEWAITER_PYTHON` names a Python that has what `requirements.txt` lists. Without it the test says that it skips;
//! with `TIDEWAITER_REQUIRE_TOOLS=1` it fails then.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base::{Administration, Digest, MessageId, Timestamp};
use evidence::disclosure::{LeafTree, PartSecret};
use evidence::merkle::{Appended, Frontier};
use evidence::{
    AgreementReference, Channel, Checkpoint, Encryption, EvidenceError, KeySet, Keys, Manifest,
    P256PublicKey, PartManifest, Receipt, Seed, Signer, Stage, StageName, StagedStatement, Statement,
    StatementKey, Suite, VerifyingKey, digest_of, part_aad, seal,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CONTENT: &str = "<CD001C>declared</CD001C>";

fn keys(first: u8) -> Keys {
    let seed = |offset| Seed::from_bytes([first + offset; 32]);
    let set = KeySet { sign: seed(0), enc: seed(1), log: seed(2), witness: seed(3) };
    set.keys().unwrap()
}

/// A key of ES256 behind the port for devices.
struct Token(EcdsaKeyPair);

impl Signer for Token {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], EvidenceError> {
        let signature = self.0.sign(&SystemRandom::new(), message).unwrap();
        Ok(signature.as_ref().try_into().unwrap())
    }
}

fn es256() -> StatementKey {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let coordinates = pair.public_key().as_ref()[1..].try_into().unwrap();
    let public = VerifyingKey::Es256(P256PublicKey::from_coordinates(coordinates).unwrap());
    StatementKey::behind(std::sync::Arc::new(Token(pair)), public)
}

fn python() -> Option<String> {
    let python = std::env::var("TIDEWAITER_PYTHON").ok().filter(|path| !path.is_empty());
    if python.is_none() {
        let required = std::env::var("TIDEWAITER_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
        assert!(
            !required,
            "TIDEWAITER_PYTHON must name a Python with crates/evidence/tests/requirements.txt"
        );
        eprintln!("skipped: set TIDEWAITER_PYTHON to a Python with crates/evidence/tests/requirements.txt");
    }
    python
}

/// Everything that a message leaves behind, in the files that `verify.py` reads, and what it must prove.
fn write_evidence(directory: &Path) -> Value {
    let (sender, recipient) = (keys(10), keys(20));
    let at = Timestamp::parse("2026-11-24T06:00:00.5Z").unwrap();
    let fr = Administration::parse("NTA.FR").unwrap();
    let channel = Channel::parse("NTA.GB>NTA.FR/24GB0000601001EBD4").unwrap();
    let id = MessageId::new(at, [5; 10]);
    let secret = PartSecret::from_bytes([6; 32]);
    let tree = LeafTree::new(&secret, CONTENT.as_bytes(), &[]).unwrap();
    let mut next = 0u8;
    let mut random = |slot: &mut [u8]| {
        slot.iter_mut().for_each(|byte| {
            next = next.wrapping_add(77);
            *byte = next;
        });
    };
    let mut manifest = Manifest {
        message_id: id,
        channel,
        sequence: 1,
        agreement: AgreementReference { id: "common-transit".to_owned(), version: 1, hash: Digest([7; 32]) },
        clause: "Art. 27".to_owned(),
        purpose: "transit-movement".to_owned(),
        created: at,
        expires: at.plus_seconds(86_400),
        exercise: false,
        parts: vec![PartManifest {
            name: "CD001C".to_owned(),
            media_type: "application/xml".to_owned(),
            ciphertext: Digest([0; 32]),
            plaintext_root: tree.root(),
            size: CONTENT.len() as u64,
            leaves: tree.scheme(),
        }],
        encryption: Encryption {
            suite: Suite::HpkeX25519ChaCha20Poly1305,
            recipient_key: recipient.enc.key_id(),
        },
        nonce: [8; 16],
    };
    let aad = part_aad(&manifest.binding().unwrap(), 0);
    let sealed = seal(&recipient.enc.public(), &aad, &secret, CONTENT.as_bytes(), &mut random).unwrap();
    manifest.parts[0].ciphertext = digest_of(&sealed);
    let statement = Statement::sign(&manifest, &sender.sign).unwrap();
    let device = es256();
    let by_device = Statement::sign(&manifest, &device).unwrap();
    let appended = append_after_others(&statement);
    let receipt = Receipt::issue(&fr, &appended, &recipient.log).unwrap();
    let stage = Stage {
        by: fr.clone(),
        name: StageName::Received,
        message_id: Some(id),
        statement: statement.digest(),
        entry: Some((appended.index, appended.size)),
        at,
        reason: None,
    };
    let staged = StagedStatement::sign(&stage, &recipient.sign).unwrap();
    let checkpoint = Checkpoint::new(&fr, appended.size, appended.root).sign(&recipient.log).unwrap();
    let facts = json!({
        "sign": String::from(sender.sign.public()),
        "es256": String::from(device.public()),
        "recipient_sign": String::from(recipient.sign.public()),
        "log": Digest(*recipient.log.public().as_bytes()).to_string(),
        "recipient_enc_seed": Digest([21; 32]).to_string(),
    });
    let transparent = statement.transparent(std::slice::from_ref(&receipt)).unwrap();
    for (name, bytes) in [
        ("statement.cbor", statement.as_bytes()),
        ("statement-es256.cbor", by_device.as_bytes()),
        ("transparent.cbor", &transparent),
        ("receipt.cbor", receipt.as_bytes()),
        ("staged.cbor", staged.as_bytes()),
        ("sealed.bin", &sealed),
        ("aad.cbor", &aad),
        ("checkpoint.txt", checkpoint.as_bytes()),
        ("facts.json", facts.to_string().as_bytes()),
    ] {
        std::fs::write(directory.join(name), bytes).unwrap();
    }
    let root = Digest(appended.root).to_string();
    let hex: String = id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "statement": {"issuer": "NTA.GB", "subject": "24GB0000601001EBD4", "message_id": hex},
        "es256": {"issuer": "NTA.GB", "subject": "24GB0000601001EBD4", "message_id": hex},
        "receipt": {"size": 12, "index": 11, "root": root, "log": "NTA.FR"},
        "staged": {"by": "NTA.FR", "entry": [11, 12]},
        "checkpoint": {"origin": "tidewaiter.example/FR", "size": 12, "root": root},
        "sealed": {"content": CONTENT},
    })
}

fn append_after_others(statement: &Statement) -> Appended {
    let mut log = Frontier::new();
    (0..11u8).for_each(|number| log.push([number; 32]));
    log.append(statement.leaf())
}

fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

fn verify(python: &str, directory: &Path) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verify.py");
    Command::new(python).arg(script).arg(directory).output().unwrap()
}

#[test]
fn independent_libraries_prove_the_same_facts() {
    let Some(python) = python() else { return };
    let directory = directory("evidence-proved");
    let expected = write_evidence(&directory);
    let output = verify(&python, &directory);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let proved: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(proved, expected);
}

#[test]
fn independent_libraries_refuse_what_was_altered() {
    let Some(python) = python() else { return };
    let whole = directory("evidence-whole");
    write_evidence(&whole);
    assert!(verify(&python, &whole).status.success());
    // One altered byte each: a digest in the manifest, the path, the stage, the sealed content, the note's root.
    for (name, from_end) in [
        ("statement.cbor", 100),
        ("statement-es256.cbor", 100),
        ("receipt.cbor", 80),
        ("staged.cbor", 100),
        ("sealed.bin", 30),
        ("checkpoint.txt", 130),
    ] {
        let directory = directory("evidence-altered");
        write_evidence(&directory);
        let path = directory.join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.len() - from_end;
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let output = verify(&python, &directory);
        assert!(
            !output.status.success(),
            "{name} was altered and still proved {}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
}
