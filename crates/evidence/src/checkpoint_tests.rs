use super::*;
use crate::samples::{administration, every_bit_counts, keys};
use proptest::prelude::*;

fn checkpoint() -> Checkpoint {
    Checkpoint::new(&administration("GB"), 42, [6; 32])
}

fn note() -> String {
    checkpoint().sign(&keys(1).log).unwrap()
}

fn verified(note: &str) -> Result<Checkpoint, EvidenceError> {
    Checkpoint::verify(note, "tidewaiter.example/GB", &keys(1).log.public())
}

/// Any text under the log's signature.
fn signed(text: &str) -> String {
    let key = &keys(1).log;
    let id = NoteKeyId::of("tidewaiter.example/GB", SignatureType::Ed25519, key.public().as_bytes());
    let signature = key.sign(text.as_bytes()).unwrap().to_vec();
    let signature = NoteSignature::new("tidewaiter.example/GB", id, signature).unwrap();
    SignedNote::new(text.to_owned(), vec![signature]).to_note()
}

#[test]
fn a_checkpoint_is_a_signed_note() {
    let note = note();
    let lines: Vec<_> = note.split('\n').collect();
    assert_eq!(
        lines[..4],
        ["tidewaiter.example/GB", "42", "BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY=", ""]
    );
    assert!(
        lines[4].starts_with("\u{2014} tidewaiter.example/GB ") && lines[5].is_empty() && lines.len() == 6
    );
    assert_eq!(verified(&note).unwrap(), checkpoint());
}

#[test]
fn every_bit_of_a_checkpoint_counts() {
    let key = keys(1).log.public();
    let holds = |note: &str| Checkpoint::verify(note, "tidewaiter.example/GB", &key).is_ok();
    every_bit_counts(note().as_bytes(), |bytes| std::str::from_utf8(bytes).is_ok_and(holds));
}

#[test]
fn another_log_and_key_are_refused() {
    assert!(Checkpoint::verify(&note(), "tidewaiter.example/FR", &keys(1).log.public()).is_err());
    let unsigned = Checkpoint::verify(&note(), "tidewaiter.example/GB", &keys(2).log.public());
    assert!(matches!(unsigned, Err(EvidenceError::Signature { .. })));
}

#[test]
fn signatures_of_witnesses_are_passed_over_and_a_false_one_of_the_log_is_not() {
    let mut witness = checkpoint();
    witness.origin = "witness.example/w1".to_owned();
    let line = |note: &str| note.lines().last().unwrap().to_owned() + "\n";
    let cosignature = line(&witness.sign(&keys(5).witness).unwrap());
    assert!(verified(&(note() + &cosignature)).is_ok());
    let other = Checkpoint { size: 41, ..checkpoint() };
    let false_line = line(&other.sign(&keys(1).log).unwrap());
    assert!(verified(&(note() + &false_line)).is_err());
    assert!(verified(&(note() + &cosignature.repeat(31))).is_ok());
    assert!(verified(&(note() + &cosignature.repeat(32))).is_err());
    assert!(verified(&(note() + &cosignature.repeat(100))).is_err());
}

#[test]
fn extension_lines_are_signed_and_allowed() {
    let text = checkpoint().text() + "an extension\n";
    let note = signed(&text);
    assert_eq!(verified(&note).unwrap(), checkpoint());
    assert!(verified(&note.replace("an ext", "no ext")).is_err());
}

#[test]
fn other_forms_are_refused_though_signed() {
    let root = STANDARD.encode([6; 32]);
    for (name, text) in [
        ("leading zero", format!("tidewaiter.example/GB\n042\n{root}\n")),
        ("sign", format!("tidewaiter.example/GB\n+42\n{root}\n")),
        ("no size", format!("tidewaiter.example/GB\n\n{root}\n")),
        ("short root", "tidewaiter.example/GB\n42\nBgYG\n".to_owned()),
        ("no root", "tidewaiter.example/GB\n42\n".to_owned()),
        ("control character", format!("tidewaiter.example/GB\n42\n{root}\n\t\n")),
        ("blank extension", format!("tidewaiter.example/GB\n42\n{root}\n\nx\n")),
    ] {
        assert!(verified(&signed(&text)).is_err(), "{name}");
    }
    assert!(verified(&"x".repeat(note::MAX_NOTE + 1)).is_err());
}

#[test]
fn an_origin_that_cannot_name_a_key_is_refused() {
    for origin in ["", "a b", "a+b", "a\nb"] {
        let checkpoint = Checkpoint { origin: origin.to_owned(), ..checkpoint() };
        assert!(checkpoint.sign(&keys(1).log).is_err(), "{origin:?}");
    }
}

#[test]
fn the_verifier_key_has_the_form_of_signed_note_tools() {
    // The example of golang.org/x/mod/sumdb/note, whose private key is the seed below.
    let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let bytes = STANDARD.decode(key.rsplit('+').next().unwrap()).unwrap();
    let public = PublicKey::from_bytes(bytes[1..].try_into().unwrap()).unwrap();
    assert_eq!(Checkpoint::verifier_key("PeterNeumann", &public), key);
}

proptest! {
    #[test]
    fn a_checkpoint_is_read_as_it_is_signed(size in any::<u64>(), root in any::<[u8; 32]>()) {
        let checkpoint = Checkpoint::new(&administration("GB"), size, root);
        prop_assert_eq!(verified(&checkpoint.sign(&keys(1).log).unwrap()).unwrap(), checkpoint);
    }

    #[test]
    fn noise_is_refused_without_panic(note in "[ -~\n\u{2014}]{0,200}") {
        prop_assert!(verified(&note).is_err());
    }
}
