use super::*;
use crate::merkle::Frontier;
use crate::samples::{administration, every_bit_counts, keys, manifest, statement};

#[test]
fn a_statement_proves_its_manifest() {
    let statement = statement();
    let read = Statement::verify(statement.as_bytes(), keys(1).sign.public()).unwrap();
    assert_eq!(read, manifest());
    assert_eq!(Statement::read(statement.as_bytes()).unwrap().key_id(), keys(1).sign.key_id());
}

#[test]
fn the_same_manifest_gives_the_same_bytes() {
    assert_eq!(statement(), statement());
    assert_eq!(statement().digest(), digest_of(statement().as_bytes()));
    assert_eq!(statement().leaf(), digest_of(&[&[0], statement().as_bytes()].concat()).0);
}

#[test]
fn every_bit_of_a_statement_counts() {
    let key = keys(1).sign.public();
    every_bit_counts(statement().as_bytes(), |bytes| Statement::verify(bytes, key).is_ok());
}

#[test]
fn another_key_is_refused() {
    let verified = Statement::verify(statement().as_bytes(), keys(2).sign.public());
    assert!(matches!(verified, Err(EvidenceError::KeyId { .. })));
}

#[test]
fn claims_that_contradict_the_manifest_are_refused() {
    let right = claims(&manifest());
    for claims in [
        Claims { issuer: "NTA.IT".to_owned(), ..right.clone() },
        Claims { subject: "another".to_owned(), ..right.clone() },
        Claims { issued_at: right.issued_at + 1, ..right.clone() },
    ] {
        let bytes = cose::sign(&PROFILE, &claims, manifest().to_cbor().unwrap(), &keys(1).sign).unwrap();
        assert!(matches!(Statement::read(&bytes), Err(EvidenceError::Claim { .. })));
    }
}

#[test]
fn the_largest_manifest_fits_into_a_statement() {
    let mut manifest = manifest();
    let part = manifest.parts[0].clone();
    manifest.parts = (10..26)
        .map(|n| crate::PartManifest {
            name: format!("{n}{}", "n".repeat(126)),
            media_type: "m".repeat(128),
            size: u64::MAX,
            ..part.clone()
        })
        .collect();
    manifest.clause = "c".repeat(128);
    manifest.purpose = "p".repeat(128);
    manifest.agreement.id = "a".repeat(128);
    let statement = Statement::sign(&manifest, &keys(1).sign).unwrap();
    assert_eq!(Statement::verify(statement.as_bytes(), keys(1).sign.public()).unwrap(), manifest);
}

#[test]
fn a_transparent_statement_gives_back_the_registered_form_and_its_receipts() {
    let statement = statement();
    let receipts = [3, 4].map(|seed| {
        Receipt::issue(&administration("FR"), &Frontier::new().append(statement.leaf()), &keys(seed).log)
            .unwrap()
    });
    let transparent = statement.transparent(&receipts).unwrap();
    let (registered, found) = Statement::from_transparent(&transparent).unwrap();
    assert_eq!(registered, statement);
    assert_eq!(found, receipts.clone().map(Receipt::into_bytes));
    assert!(Statement::from_transparent(statement.as_bytes()).is_err());
    assert!(Statement::read(&transparent).is_err(), "a log entry is the registered form");
    assert!(statement.transparent(&[]).is_err());
    for length in 0..transparent.len() {
        assert!(Statement::from_transparent(&transparent[..length]).is_err());
    }
}
