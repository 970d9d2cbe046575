use super::*;
use crate::samples::manifest;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 .:/\u{e0}-\u{ff}-]{1,60}"
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn part() -> impl Strategy<Value = PartManifest> {
    (text(), text(), digest(), digest(), any::<u64>(), any::<bool>()).prop_map(
        |(name, media_type, ciphertext, plaintext_root, size, whole)| PartManifest {
            name,
            media_type,
            ciphertext,
            plaintext_root,
            size,
            leaves: if whole { LeafScheme::Whole } else { LeafScheme::Fields },
        },
    )
}

fn parts() -> impl Strategy<Value = Vec<PartManifest>> {
    prop::collection::vec(part(), 0..=MAX_PARTS).prop_map(|mut parts| {
        for (index, part) in parts.iter_mut().enumerate() {
            part.name = format!("{index} {}", part.name);
        }
        parts
    })
}

fn any_manifest() -> impl Strategy<Value = Manifest> {
    let ids = (any::<i64>(), any::<[u8; 10]>(), "[A-Z]{2}", "[A-Z]{2}", "[!-~]{1,64}", 1u64..);
    let agreement = (text(), any::<u32>(), digest(), text(), text());
    let times = (any::<i64>(), 1i64..i64::MAX, any::<bool>());
    (ids, agreement, times, parts(), digest(), any::<[u8; 16]>()).prop_map(
        |(
            (time, random, from, to, subject, sequence),
            agreement,
            (created, life, exercise),
            parts,
            key,
            nonce,
        )| {
            let created = created.min(i64::MAX - 1);
            Manifest {
                message_id: MessageId::new(Timestamp::from_micros(time), random),
                channel: Channel::parse(&format!("NTA.{from}>NTA.{to}/{subject}")).unwrap(),
                sequence,
                agreement: AgreementReference { id: agreement.0, version: agreement.1, hash: agreement.2 },
                clause: agreement.3,
                purpose: agreement.4,
                created: Timestamp::from_micros(created),
                expires: Timestamp::from_micros(created.saturating_add(life)),
                exercise,
                parts,
                encryption: Encryption {
                    suite: Suite::HpkeX25519ChaCha20Poly1305,
                    recipient_key: KeyId::from_bytes(key.0),
                },
                nonce,
            }
        },
    )
}

proptest! {
    #[test]
    fn a_manifest_is_read_as_it_is_written(manifest in any_manifest()) {
        let bytes = manifest.to_cbor().unwrap();
        crate::cbor::check("manifest", &bytes).unwrap();
        prop_assert_eq!(Manifest::from_cbor(&bytes).unwrap(), manifest);
        prop_assert!(bytes.len() < crate::statement::MAX_STATEMENT / 2);
    }

    #[test]
    fn a_changed_bit_gives_another_manifest_or_none(manifest in any_manifest(), bit in any::<prop::sample::Index>()) {
        let mut bytes = manifest.to_cbor().unwrap();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = Manifest::from_cbor(&bytes) {
            prop_assert_ne!(&other, &manifest);
            prop_assert_eq!(other.to_cbor().unwrap(), bytes);
        }
    }

    #[test]
    fn noise_is_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Manifest::from_cbor(&bytes).is_err());
    }
}

/// The pairs of the sample manifest, each as its bytes.
fn pairs() -> Vec<Vec<u8>> {
    let bytes = manifest().to_cbor().unwrap();
    let mut starts = Vec::new();
    let mut at = 1;
    for key in 1..=13u8 {
        let found = (at..bytes.len()).find(|position| {
            bytes[*position] == key
                && crate::cbor::check("tail", &[&[0xa0 + 14 - key], &bytes[*position..]].concat()).is_ok()
        });
        at = found.unwrap();
        starts.push(at);
    }
    starts.push(bytes.len());
    starts.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

fn assembled(pairs: &[Vec<u8>]) -> Vec<u8> {
    [&[0xa0 + u8::try_from(pairs.len()).unwrap()], &pairs.concat()[..]].concat()
}

#[test]
fn missing_repeated_misplaced_and_unknown_fields_are_refused() {
    assert_eq!(Manifest::from_cbor(&assembled(&pairs())).unwrap(), manifest());
    for field in 0..13 {
        let mut missing = pairs();
        missing.remove(field);
        assert!(Manifest::from_cbor(&assembled(&missing)).is_err(), "field {field} missing");
        let mut twice = pairs();
        twice.insert(field, twice[field].clone());
        assert!(Manifest::from_cbor(&assembled(&twice)).is_err(), "field {field} twice");
        if field > 0 {
            let mut swapped = pairs();
            swapped.swap(field, field - 1);
            assert!(Manifest::from_cbor(&assembled(&swapped)).is_err(), "field {field} misplaced");
        }
    }
    let mut unknown = pairs();
    unknown.push(vec![14, 0]);
    assert!(Manifest::from_cbor(&assembled(&unknown)).is_err());
    let indefinite = [&[0xbf], &pairs().concat()[..], &[0xff]].concat();
    assert!(Manifest::from_cbor(&indefinite).is_err());
    let longer_sequence = {
        let mut pairs = pairs();
        pairs[3] = vec![4, 0x18, 3];
        assembled(&pairs)
    };
    assert!(Manifest::from_cbor(&longer_sequence).is_err());
    let trailing = [&assembled(&pairs())[..], &[0]].concat();
    assert!(Manifest::from_cbor(&trailing).is_err());
}

#[test]
fn fields_outside_their_limits_are_refused() {
    type Change = fn(&mut Manifest);
    let changes: [(&str, Change); 10] = [
        ("sequence", |m| m.sequence = 0),
        ("expires", |m| m.expires = m.created),
        ("17 parts", |m| {
            m.parts = (0..17).map(|n| PartManifest { name: n.to_string(), ..m.parts[0].clone() }).collect()
        }),
        ("same name", |m| m.parts.push(m.parts[0].clone())),
        ("empty clause", |m| m.clause.clear()),
        ("long purpose", |m| m.purpose = "x".repeat(129)),
        ("line break", |m| m.agreement.id = "a\nb".to_owned()),
        ("empty agreement", |m| m.agreement.id.clear()),
        ("empty part name", |m| m.parts[0].name.clear()),
        ("long media type", |m| m.parts[0].media_type = "x".repeat(129)),
    ];
    for (name, change) in changes {
        let mut changed = manifest();
        change(&mut changed);
        assert!(changed.to_cbor().is_err(), "{name}");
    }
}

#[test]
fn another_version_and_suite_are_refused() {
    let mut version = pairs();
    version[0] = vec![1, 2];
    assert!(Manifest::from_cbor(&assembled(&version)).is_err());
    let mut suite = pairs();
    suite[11][2] = 3;
    assert!(Manifest::from_cbor(&assembled(&suite)).is_err());
}

#[test]
fn the_binding_covers_every_field_but_the_ciphertext_digests() {
    type Change = fn(&mut Manifest);
    let binding = manifest().binding().unwrap();
    let mut resealed = manifest();
    resealed.parts[0].ciphertext = Digest([0x55; 32]);
    assert_eq!(resealed.binding().unwrap(), binding);
    let changes: [Change; 17] = [
        |m| m.message_id = MessageId::new(m.created, [8; 10]),
        |m| m.channel = Channel::parse("NTA.IT>NTA.FR/24GB0000601001EBD4").unwrap(),
        |m| m.channel = Channel::parse("NTA.GB>NTA.IT/24GB0000601001EBD4").unwrap(),
        |m| m.channel = Channel::parse("NTA.GB>NTA.FR/24GB0000601001EBD5").unwrap(),
        |m| m.sequence += 1,
        |m| m.agreement.version += 1,
        |m| m.agreement.hash = Digest([8; 32]),
        |m| m.clause.push('a'),
        |m| m.purpose.push('a'),
        |m| m.expires = m.expires.plus_micros(1),
        |m| m.exercise = !m.exercise,
        |m| m.parts[0].name.push('a'),
        |m| m.parts[0].plaintext_root = Digest([8; 32]),
        |m| m.parts[0].size += 1,
        |m| m.parts[0].leaves = LeafScheme::Fields,
        |m| m.encryption.recipient_key = KeyId::from_bytes([8; 32]),
        |m| m.nonce[0] ^= 1,
    ];
    for (at, change) in changes.iter().enumerate() {
        let mut changed = manifest();
        change(&mut changed);
        assert_ne!(changed.binding().unwrap(), binding, "change {at}");
    }
}
