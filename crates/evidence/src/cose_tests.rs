use super::*;
use crate::samples::{keys, moment};
use coset::CborSerializable;

const PROFILE: Profile =
    Profile { what: "sample", content_type: "application/vnd.tidewaiter.sample+cbor", limit: 2048 };

fn claims() -> Claims {
    Claims::new("NTA.GB", "subject", moment())
}

/// A document of the accepted shape, whose header a test changes before it is signed.
fn with_header(change: impl Fn(&mut Header)) -> Vec<u8> {
    let key = &keys(1).sign;
    let claims = ClaimsSetBuilder::new()
        .issuer("NTA.GB".to_owned())
        .subject("subject".to_owned())
        .issued_at(NumericDate::WholeSeconds(claims().issued_at))
        .build();
    let mut header = HeaderBuilder::new()
        .algorithm(iana::Algorithm::EdDSA)
        .content_type(PROFILE.content_type.to_owned())
        .key_id(key.key_id().as_bytes().to_vec())
        .value(CWT_CLAIMS, claims.to_cbor_value().unwrap())
        .build();
    change(&mut header);
    CoseSign1Builder::new()
        .protected(header)
        .payload(b"payload".to_vec())
        .create_signature(&[], |message| key.sign(message).unwrap().to_vec())
        .build()
        .to_tagged_vec()
        .unwrap()
}

fn verified(bytes: &[u8]) -> Result<(), EvidenceError> {
    read(&PROFILE, bytes)?.verify(keys(1).sign.public())
}

fn critical(number: i64) -> RegisteredLabelWithPrivate<iana::HeaderParameter> {
    RegisteredLabelWithPrivate::from_cbor_value(Value::from(number)).unwrap()
}

#[test]
fn what_is_signed_is_the_documented_shape() {
    let bytes = sign(&PROFILE, &claims(), b"payload".to_vec(), &keys(1).sign).unwrap();
    assert_eq!(bytes, with_header(|_| {}));
    assert_eq!(bytes[..2], [0xd2, 0x84]);
    verified(&bytes).unwrap();
    let read = read(&PROFILE, &bytes).unwrap();
    assert_eq!((read.claims(), read.payload()), (&claims(), &b"payload"[..]));
}

#[test]
fn every_bit_counts() {
    let key = &keys(1).sign;
    let bytes = sign(&PROFILE, &claims(), b"payload".to_vec(), key).unwrap();
    let holds = |bytes: &[u8]| read(&PROFILE, bytes).and_then(|read| read.verify(key.public()));
    crate::samples::every_bit_counts(&bytes, |bytes| holds(bytes).is_ok());
}

#[test]
fn a_document_under_es256_holds_under_its_key_alone() {
    let key = crate::samples::es256(1);
    let bytes = sign(&PROFILE, &claims(), b"payload".to_vec(), &key).unwrap();
    let holds = |bytes: &[u8]| read(&PROFILE, bytes).and_then(|read| read.verify(key.public()));
    crate::samples::every_bit_counts(&bytes, |bytes| holds(bytes).is_ok());
    assert!(matches!(verified(&bytes), Err(EvidenceError::KeyId { .. })));
    let other = crate::samples::es256(2).public();
    assert!(read(&PROFILE, &bytes).unwrap().verify(other).is_err());
}

#[test]
fn critical_parameters_must_be_known_and_present() {
    verified(&with_header(|header| header.crit = vec![critical(15)])).unwrap();
    let unknown = with_header(|header| {
        header.crit = vec![critical(16)];
        header.rest.push((Label::Int(16), Value::from("type")));
    });
    assert!(matches!(verified(&unknown), Err(EvidenceError::UnknownCritical { label, .. }) if label == "16"));
    let absent = with_header(|header| {
        header.crit = vec![critical(3)];
        header.content_type = None;
    });
    assert!(matches!(verified(&absent), Err(EvidenceError::UnknownCritical { label, .. }) if label == "3"));
    let text = with_header(|header| {
        header.crit = vec![RegisteredLabelWithPrivate::Text("must".to_owned())];
        header.rest.push((Label::Text("must".to_owned()), Value::Null));
    });
    assert!(matches!(verified(&text), Err(EvidenceError::UnknownCritical { label, .. }) if label == "must"));
}

#[test]
fn a_parameter_that_is_not_critical_may_be_unknown() {
    verified(&with_header(|header| header.rest.push((Label::Int(1000), Value::from(1))))).unwrap();
}

#[test]
fn other_algorithms_keys_and_content_types_are_refused() {
    let named = |algorithm| {
        let label = RegisteredLabelWithPrivate::Assigned(algorithm);
        verified(&with_header(|header| header.alg = Some(label.clone())))
    };
    // The key has its algorithm; what the header names is compared with it.
    let expected = "EdDSA (-8)";
    assert_eq!(named(iana::Algorithm::ES256), Err(EvidenceError::Algorithm { what: "sample", expected }));
    let expected = "EdDSA (-8) or ES256 (-7)";
    assert_eq!(named(iana::Algorithm::ES384), Err(EvidenceError::Algorithm { what: "sample", expected }));
    assert!(verified(&with_header(|header| header.alg = None)).is_err());
    let id = keys(2).sign.key_id();
    let other = with_header(|header| header.key_id = id.as_bytes().to_vec());
    assert!(matches!(verified(&other), Err(EvidenceError::KeyId { .. })));
    assert!(verified(&with_header(|header| header.key_id = vec![1; 31])).is_err());
    assert!(verified(&with_header(|header| header.content_type = None)).is_err());
    let other = ContentType::Text("application/xml".to_owned());
    assert!(verified(&with_header(|header| header.content_type = Some(other.clone()))).is_err());
    assert!(verified(&with_header(|header| header.rest.clear())).is_err());
}

#[test]
fn the_unprotected_header_untagged_and_detached_forms_are_refused() {
    let mut signed = CoseSign1::from_tagged_slice(&with_header(|_| {})).unwrap();
    let untagged = signed.clone().to_vec().unwrap();
    assert!(verified(&untagged).is_err());
    let mut detached = signed.clone();
    detached.payload = None;
    assert!(verified(&detached.to_tagged_vec().unwrap()).is_err());
    // An algorithm in the unprotected header proves nothing, even when it is the right one.
    signed.unprotected = HeaderBuilder::new().algorithm(iana::Algorithm::EdDSA).build();
    assert!(verified(&signed.to_tagged_vec().unwrap()).is_err());
}

#[test]
fn a_protected_header_in_another_encoding_is_refused_though_signed() {
    let key = &keys(1).sign;
    let mut signed = CoseSign1::from_tagged_slice(&with_header(|_| {})).unwrap();
    let original = signed.protected.original_data.clone().unwrap();
    // {1: -8, ...} with the value -8 in two bytes instead of one, and with its first pair twice.
    let longer = [&original[..2], &[0x38, 0x07], &original[3..]].concat();
    let twice = [&[original[0] + 1], &original[1..3], &original[1..]].concat();
    for (protected, name) in [(longer, "longer"), (twice, "twice")] {
        let message = Value::Array(vec![
            Value::from("Signature1"),
            Value::Bytes(protected.clone()),
            Value::Bytes(vec![]),
            Value::Bytes(b"payload".to_vec()),
        ]);
        let mut bytes = Vec::new();
        coset::cbor::into_writer(&message, &mut bytes).unwrap();
        signed.signature = key.sign(&bytes).unwrap().to_vec();
        let array = Value::Array(vec![
            Value::Bytes(protected),
            Value::Map(vec![]),
            Value::Bytes(b"payload".to_vec()),
            Value::Bytes(signed.signature.clone()),
        ]);
        let mut bytes = Vec::new();
        coset::cbor::into_writer(&Value::Tag(18, Box::new(array)), &mut bytes).unwrap();
        assert!(matches!(verified(&bytes), Err(EvidenceError::Malformed { .. })), "{name}");
    }
}

#[test]
fn a_document_over_its_limit_is_neither_signed_nor_read() {
    let signed = sign(&PROFILE, &claims(), vec![0; 2048], &keys(1).sign);
    assert!(matches!(signed, Err(EvidenceError::TooLarge { .. })));
    assert!(matches!(verified(&[0; 2049]), Err(EvidenceError::TooLarge { .. })));
}

#[test]
fn moments_are_cut_to_whole_seconds_also_before_1970() {
    assert_eq!(Claims::new("i", "s", Timestamp::from_micros(1_999_999)).issued_at, 1);
    assert_eq!(Claims::new("i", "s", Timestamp::from_micros(-1)).issued_at, -1);
}
