use super::*;
use crate::Quorum;
use crate::samples::{administration, every_bit_counts, keys, moment};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn ml_dsa() -> &'static MlDsaSigningKey {
    static GROWN: std::sync::OnceLock<MlDsaSigningKey> = std::sync::OnceLock::new();
    GROWN.get_or_init(|| MlDsaSigningKey::from_seed(&[3; 32]).unwrap())
}

fn note() -> SignedNote {
    let checkpoint = Checkpoint::new(&administration("GB"), 42, [6; 32]);
    SignedNote::parse("checkpoint", &checkpoint.sign(&keys(1).log).unwrap()).unwrap()
}

fn cosigned(by: &[(&str, u8)]) -> SignedNote {
    let note = note();
    let lines = by.iter().map(|(country, seed)| {
        let key = CosigningKey::Ed25519(&keys(*seed).witness);
        cosign(&note, &witness_name(&administration(country)), &key, moment()).unwrap()
    });
    let lines: Vec<_> = lines.collect();
    note.with(lines)
}

fn witnesses() -> Vec<Witness> {
    [("FR", 2), ("IT", 3), ("DE", 4)]
        .map(|(country, seed)| Witness::of(&administration(country), keys(seed).witness.public()))
        .to_vec()
}

fn verified(note: &str) -> Result<CosignedCheckpoint, EvidenceError> {
    CosignedCheckpoint::verify(note, "tidewaiter.example/GB", &keys(1).log.public(), &witnesses())
}

#[test]
fn a_cosigned_checkpoint_says_who_saw_it_and_when() {
    let found = verified(&cosigned(&[("FR", 2), ("IT", 3)]).to_note()).unwrap();
    assert_eq!(found.checkpoint.size, 42);
    let names: Vec<_> = found.cosignatures.iter().map(|found| found.witness.as_str()).collect();
    assert_eq!(names, ["tidewaiter.example/FR/witness", "tidewaiter.example/IT/witness"]);
    let second = Timestamp::parse("2026-11-24T06:00:00Z").unwrap();
    assert!(found.cosignatures.iter().all(|found| found.at == second));
}

#[test]
fn every_bit_of_a_cosigned_checkpoint_counts() {
    // With both cosignatures demanded, so that a line that no longer names its witness is missed.
    let holds = |bytes: &[u8]| {
        std::str::from_utf8(bytes)
            .is_ok_and(|note| verified(note).is_ok_and(|found| found.cosignatures.len() == 2))
    };
    every_bit_counts(cosigned(&[("FR", 2), ("IT", 3)]).to_note().as_bytes(), holds);
}

#[test]
fn an_ml_dsa_44_cosignature_stands_beside_an_ed25519_one() {
    let name = "witness.example/pq";
    let line = cosign(&note(), name, &CosigningKey::MlDsa44(ml_dsa()), moment()).unwrap();
    let both = cosigned(&[("FR", 2)]).with([line]).to_note();
    let mut known = witnesses();
    known.push(Witness::ml_dsa_44(name, ml_dsa().public().clone()).unwrap());
    let key = keys(1).log.public();
    let found = CosignedCheckpoint::verify(&both, "tidewaiter.example/GB", &key, &known).unwrap();
    let types: Vec<_> = found.cosignatures.iter().map(|found| found.signature_type).collect();
    assert_eq!(types, [SignatureType::Cosignature, SignatureType::MlDsa44Cosignature]);
    let encoded = known[3].verifier_key();
    assert!(encoded.starts_with("witness.example/pq+") && encoded.len() > 1312);
    // Under another name or for another log the same bytes prove nothing.
    let renamed = both.replace(" witness.example/pq ", " witness.example/other ");
    known.push(Witness::ml_dsa_44("witness.example/other", ml_dsa().public().clone()).unwrap());
    let found = CosignedCheckpoint::verify(&renamed, "tidewaiter.example/GB", &key, &known).unwrap();
    assert_eq!(found.cosignatures.len(), 1, "its key identifier is of the old name");
}

#[test]
fn an_altered_ml_dsa_44_cosignature_is_refused() {
    let name = "witness.example/pq";
    let line = cosign(&note(), name, &CosigningKey::MlDsa44(ml_dsa()), moment()).unwrap();
    let known = [Witness::ml_dsa_44(name, ml_dsa().public().clone()).unwrap()];
    let verify = |signature: Vec<u8>| {
        let id = NoteKeyId::of(name, SignatureType::MlDsa44Cosignature, ml_dsa().public().as_bytes());
        let note = note().with([NoteSignature::new(name, id, signature).unwrap()]).to_note();
        CosignedCheckpoint::verify(&note, "tidewaiter.example/GB", &keys(1).log.public(), &known)
    };
    assert!(verify(line.signature().to_vec()).is_ok());
    // The time, the signature's first and last bytes, and one too few and too many.
    for at in [0, 7, 8, 100, 2427] {
        let mut altered = line.signature().to_vec();
        altered[at] ^= 1;
        assert!(verify(altered).is_err(), "byte {at}");
    }
    assert!(verify(line.signature()[..2427].to_vec()).is_err());
    assert!(verify([line.signature(), &[0]].concat()).is_err());
    assert!(MlDsaPublicKey::from_bytes(&[1; 1311]).is_err());
}

#[test]
fn unknown_witnesses_prove_nothing_and_false_ones_spoil_the_note() {
    let unknown = cosigned(&[("XI", 9)]).to_note();
    assert!(verified(&unknown).unwrap().cosignatures.is_empty());
    // France's name and key identifier over a signature for another checkpoint.
    let other = Checkpoint::new(&administration("GB"), 41, [6; 32]).sign(&keys(1).log).unwrap();
    let other = SignedNote::parse("checkpoint", &other).unwrap();
    let key = CosigningKey::Ed25519(&keys(2).witness);
    let line = cosign(&other, &witness_name(&administration("FR")), &key, moment()).unwrap();
    assert!(matches!(verified(&note().with([line]).to_note()), Err(EvidenceError::Signature { .. })));
}

#[test]
fn a_signature_of_the_log_never_passes_for_a_cosignature() {
    // The same key as log and witness: the message and the key identifier differ all the same.
    let key = &keys(2).witness;
    let mut checkpoint = Checkpoint::new(&administration("GB"), 42, [6; 32]);
    checkpoint.origin = witness_name(&administration("FR"));
    let line = SignedNote::parse("checkpoint", &checkpoint.sign(key).unwrap()).unwrap();
    let note = note().with(line.signatures().to_vec()).to_note();
    assert!(verified(&note).unwrap().cosignatures.is_empty());
}

#[test]
fn a_quorum_is_met_by_enough_of_the_named_witnesses() {
    let of = |needed, countries: &[&str]| {
        Quorum::new(needed, countries.iter().map(|country| administration(country)).collect::<BTreeSet<_>>())
    };
    let gb = administration("GB");
    let found = verified(&cosigned(&[("FR", 2), ("IT", 3)]).to_note()).unwrap();
    let met = |quorum: Quorum| quorum.evaluate(&gb, &found).unwrap().met();
    assert!(met(Quorum::none()));
    assert!(met(of(2, &["FR", "IT", "DE"]).unwrap()));
    assert!(!met(of(3, &["FR", "IT", "DE"]).unwrap()));
    assert!(!met(of(2, &["FR", "DE"]).unwrap()));
    // The owner of the log is no witness of it.
    let result = of(2, &["FR", "GB"]).unwrap().evaluate(&gb, &found).unwrap();
    assert!(!result.met() && result.missing.is_empty() && result.met_at().is_none());
    let result = of(1, &["FR", "DE"]).unwrap().evaluate(&gb, &found).unwrap();
    assert_eq!(result.missing, [administration("DE")]);
    assert_eq!(result.met_at(), Some(Timestamp::parse("2026-11-24T06:00:00Z").unwrap()));
    assert!(of(3, &["FR", "IT"]).is_err());
    assert!(of(1, &["FR"]).unwrap().evaluate(&administration("FR"), &found).is_err());
}

#[test]
fn a_time_out_of_range_is_refused() {
    let key = CosigningKey::Ed25519(&keys(2).witness);
    let before = Timestamp::parse("1969-12-31T23:59:59Z").unwrap();
    assert!(cosign(&note(), "w", &key, before).is_err());
    assert!(timestamped(&[0xff; 72]).is_err());
    assert!(timestamped(&[0x7f; 72]).is_err());
    assert!(timestamped(&[0; 7]).is_err());
}

proptest! {
    #[test]
    fn a_cosignature_is_read_with_the_second_it_was_made(micros in 0i64..4_000_000_000_000_000) {
        let key = CosigningKey::Ed25519(&keys(2).witness);
        let name = witness_name(&administration("FR"));
        let line = cosign(&note(), &name, &key, Timestamp::from_micros(micros)).unwrap();
        let found = verified(&note().with([line]).to_note()).unwrap();
        prop_assert_eq!(found.cosignatures[0].at.as_micros(), micros - micros % 1_000_000);
    }
}

#[test]
fn a_witness_finds_its_own_cosignatures_alone() {
    let key = keys(1).log.public();
    let read = |note: &SignedNote| Checkpoint::verify_note(note, "tidewaiter.example/GB", &key).unwrap();
    let note = cosigned(&[("FR", 2), ("IT", 3)]);
    let counts = witnesses().into_iter().map(|known| known.cosignatures(&note, &read(&note)).unwrap().len());
    assert_eq!(counts.collect::<Vec<_>>(), [1, 1, 0]);
    // Italy's name over another key: not a cosignature of the key that is known, and so not looked at.
    let note = cosigned(&[("IT", 9)]);
    assert_eq!(witnesses()[1].cosignatures(&note, &read(&note)).unwrap(), Vec::new());
}

#[test]
fn a_witness_is_read_from_its_verifier_key() {
    let name = witness_name(&administration("FR"));
    let witnesses = [
        Witness::ed25519(&name, keys(2).witness.public()).unwrap(),
        Witness::ml_dsa_44(&name, ml_dsa().public().clone()).unwrap(),
    ];
    for witness in &witnesses {
        assert_eq!(Witness::from_verifier_key(&witness.verifier_key()).unwrap(), *witness);
    }
    let text = witnesses[1].verifier_key();
    let log = note::verifier_key("log", SignatureType::Ed25519, keys(2).log.public().as_bytes());
    for (wrong, reason) in [
        (text.replacen("/FR/", "/GB/", 1), "its hash is not that of its name and key"),
        ("a+b".to_owned(), "it is not as in `name+hash+base64`"),
        (format!("{text}="), "its key is not in base64"),
        (log, "it is the key of a log and not of a witness"),
    ] {
        let refused = Witness::from_verifier_key(&wrong).unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
    }
}
