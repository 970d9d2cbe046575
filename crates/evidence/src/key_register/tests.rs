use super::*;
use crate::samples::{administration, es256, every_bit_counts, keys, moment};
use crate::{EvidenceError, Keys, StatementKey};
use proptest::prelude::*;

pub(super) const DAY: i64 = 86_400;

pub(super) fn card(code: &str, seed: u8) -> PublicKeys {
    let from = moment().plus_seconds(-DAY);
    let tls = Digest([seed; 32]);
    keys(seed).card(administration(code), tls, from, from.plus_seconds(700 * DAY)).unwrap()
}

pub(super) fn cards() -> [PublicKeys; 3] {
    [card("GB", 1), card("FR", 2), card("IT", 3)]
}

const TWO_OF_THREE: Threshold = Threshold { change: 2, revocation: 1 };

pub(super) fn genesis() -> SignedRegister {
    let expires = moment().plus_seconds(90 * DAY);
    let register = KeyRegister::genesis("common-transit", &cards(), TWO_OF_THREE, moment(), expires).unwrap();
    signed(register, &[("GB", 1), ("FR", 2), ("IT", 3)])
}

pub(super) fn sign_key(seed: u8) -> &'static StatementKey {
    let Keys { sign, .. } = keys(seed);
    sign
}

pub(super) fn signed(register: KeyRegister, by: &[(&str, u8)]) -> SignedRegister {
    let mut signed = SignedRegister::proposal(register).unwrap();
    for (code, seed) in by {
        let steward = administration(code);
        let approval = Approval::sign(signed.register(), &steward, sign_key(*seed), moment()).unwrap();
        signed.add(approval);
    }
    signed
}

fn next() -> KeyRegister {
    let issued = moment().plus_seconds(DAY);
    genesis().register().next(issued, issued.plus_seconds(90 * DAY))
}

pub(super) fn tomorrow() -> Timestamp {
    moment().plus_seconds(DAY)
}

/// A new signing key of Great Britain.
fn new_key() -> KeyEntry {
    KeyEntry {
        administration: administration("GB"),
        key: RegisteredKey::Sign(es256(7).public()),
        from: tomorrow(),
        until: tomorrow().plus_seconds(700 * DAY),
        revocation: None,
    }
}

fn revoke(register: &mut KeyRegister, code: &str, position: u64) {
    let entry = register
        .entries
        .iter_mut()
        .find(|entry| entry.administration == administration(code) && entry.key.purpose() == Purpose::Sign);
    let reason = RevocationReason::Compromised;
    entry.unwrap().revocation = Some(Revocation { effective: tomorrow(), position, reason });
}

#[test]
fn a_register_is_read_as_it_is_written_and_every_bit_counts() {
    let mut register = next();
    register.put(new_key());
    revoke(&mut register, "FR", 12);
    let signed = signed(register.clone(), &[("GB", 1), ("FR", 2)]);
    let again = SignedRegister::read(&signed.to_bytes()).unwrap();
    assert_eq!((again.register(), again.digest()), (&register, signed.digest()));
    let stewards = &register.stewards;
    every_bit_counts(&signed.to_bytes(), |bytes| {
        SignedRegister::read(bytes).is_ok_and(|read| read.approved_by(stewards).len() == 2)
    });
}

#[test]
fn the_genesis_is_made_of_the_cards_and_signed_by_all() {
    genesis().starts("common-transit", moment()).unwrap();
    assert!(genesis().register().is_genesis_of(&cards()));
    let [gb, fr, _] = cards();
    assert!(!genesis().register().is_genesis_of(&[gb, fr]));
    assert!(!genesis().register().is_genesis_of(&[card("GB", 1), card("FR", 2), card("IT", 4)]));
    let few = signed(genesis().register().clone(), &[("GB", 1), ("FR", 2)]);
    let error = few.starts("common-transit", moment()).unwrap_err();
    assert_eq!(error, RegisterError::TooFewApprovals { of: 1, needed: 3, found: 2 });
    assert!(matches!(genesis().starts("other", moment()), Err(RegisterError::OtherAgreement { .. })));
    let early = genesis().starts("common-transit", moment().plus_seconds(-CLOCK));
    assert!(matches!(early, Err(RegisterError::Time { .. })));
}

#[test]
fn the_next_version_needs_as_many_stewards_as_the_one_before_says_and_the_owner() {
    let mut register = next();
    register.put(new_key());
    let by = |by: &[(&str, u8)]| signed(register.clone(), by).succeeds(&genesis(), tomorrow());
    assert_eq!(by(&[("GB", 1), ("FR", 2)]), Ok(true));
    assert_eq!(by(&[("GB", 1)]), Err(RegisterError::TooFewApprovals { of: 1, needed: 2, found: 1 }));
    assert_eq!(by(&[("FR", 2), ("IT", 3)]), Err(RegisterError::OwnerHasNotSigned(administration("GB"))));
    // A key that no steward has counts for nothing.
    assert_eq!(
        by(&[("GB", 1), ("FR", 9)]),
        Err(RegisterError::TooFewApprovals { of: 1, needed: 2, found: 1 })
    );
}

/// Whoever may hand on a register can add to it what names a steward's key: that is no veto.
#[test]
fn an_approval_that_does_not_hold_counts_for_nothing() {
    let mut register = next();
    register.put(new_key());
    let of_another =
        |code, seed| Approval::sign(&next(), &administration(code), sign_key(seed), moment()).unwrap();
    let mut enough = signed(register.clone(), &[("GB", 1), ("FR", 2)]);
    enough.add(of_another("IT", 3));
    // Beside the one that holds there may be one under the same key that does not.
    enough.approvals_mut().push(of_another("GB", 1));
    assert_eq!(enough.succeeds(&genesis(), tomorrow()), Ok(true));
    let mut few = signed(register, &[("GB", 1)]);
    few.add(of_another("FR", 2));
    let error = few.succeeds(&genesis(), tomorrow()).unwrap_err();
    assert_eq!(error, RegisterError::TooFewApprovals { of: 1, needed: 2, found: 1 });
}

/// What TUF lists as attacks on a document of keys, each refused with its own reason.
#[test]
fn rollback_freeze_mix_and_match_and_gaps_are_refused() {
    let all = [("GB", 1), ("FR", 2), ("IT", 3)];
    let (first, second) = (genesis(), signed(next(), &all));
    assert_eq!(second.succeeds(&first, tomorrow()), Ok(true));
    assert_eq!(second.succeeds(&second, tomorrow()), Ok(false));
    assert_eq!(first.succeeds(&second, tomorrow()), Err(RegisterError::Rollback { have: 2, found: 1 }));
    let frozen = second.register().is_in_time(tomorrow().plus_seconds(90 * DAY));
    assert!(matches!(frozen, Err(RegisterError::Time { .. })), "freeze");
    assert!(second.register().stale_at(tomorrow().plus_seconds(90 * DAY)), "freeze");
    let future = second.succeeds(&first, tomorrow().plus_seconds(-CLOCK));
    assert!(matches!(future, Err(RegisterError::Time { .. })), "issued in the future");
    let foreign = signed(KeyRegister { agreement: "other".to_owned(), ..next() }, &all);
    assert!(matches!(foreign.succeeds(&first, tomorrow()), Err(RegisterError::OtherAgreement { .. })));
    let gap = signed(KeyRegister { version: 3, ..next() }, &all).succeeds(&first, tomorrow());
    assert_eq!(gap, Err(RegisterError::Gap { expected: 2, found: 3 }));
    let previous = Some(Digest([1; 32]));
    let other = signed(KeyRegister { previous, ..next() }, &all).succeeds(&first, tomorrow());
    assert!(matches!(other, Err(RegisterError::OtherPrevious { .. })));
}

const CLOCK: i64 = 301;

/// A node that was away for a year finds versions that ran out long ago on its way to the one in use.
#[test]
fn whoever_was_away_catches_up_over_versions_that_ran_out() {
    let (first, mut last) = (genesis(), genesis());
    let back = moment().plus_seconds(365 * DAY);
    first.starts("common-transit", back).unwrap();
    for month in 1..=12 {
        let issued = moment().plus_seconds(month * 30 * DAY);
        let next = last.register().next(issued, issued.plus_seconds(90 * DAY));
        let next = signed(next, &[("GB", 1), ("IT", 3)]);
        assert_eq!(next.succeeds(&last, back), Ok(true), "{month}");
        last = next;
    }
    last.register().is_in_time(back).unwrap();
}

#[test]
fn a_fork_is_refused_and_proves_who_signed_both() {
    let ours = signed(next(), &[("GB", 1), ("FR", 2)]);
    let mut register = next();
    register.put(new_key());
    let theirs = signed(register, &[("GB", 1), ("IT", 3)]);
    assert!(matches!(theirs.succeeds(&ours, tomorrow()), Err(RegisterError::Fork { version: 2, .. })));
    let stewards = &genesis().register().stewards.clone();
    let double = theirs.double_approvals(&ours, stewards);
    let key = keys(1).sign.key_id();
    assert_eq!(double, [DoubleApproval { steward: administration("GB"), key }]);
    assert_eq!(ours.double_approvals(&ours, stewards), []);
}

#[test]
fn one_signature_of_the_owner_revokes_and_nothing_else() {
    let mut register = next();
    register.expires = genesis().register().expires;
    revoke(&mut register, "GB", 100);
    let by = |register: &KeyRegister, by| signed(register.clone(), by).succeeds(&genesis(), tomorrow());
    assert_eq!(by(&register, &[("GB", 1)]), Ok(true));
    // Of another's key only as many as may change anything can decide.
    assert!(matches!(by(&register, &[("FR", 2)]), Err(RegisterError::OwnerHasNotSigned(_))));
    assert_eq!(by(&register, &[("FR", 2), ("IT", 3)]), Ok(true));
    let mut longer = register.clone();
    longer.expires = longer.expires.plus_seconds(1);
    assert!(matches!(by(&longer, &[("GB", 1)]), Err(RegisterError::TooFewApprovals { needed: 2, .. })));
    let mut more = register;
    more.put(new_key());
    assert!(matches!(by(&more, &[("GB", 1)]), Err(RegisterError::TooFewApprovals { needed: 2, .. })));
}

/// The owner's own signature stops a key from now on; that it had stopped earlier needs as many as any change.
#[test]
fn the_owner_alone_repudiates_nothing_of_the_past() {
    let mut register = next();
    register.expires = genesis().register().expires;
    revoke(&mut register, "GB", 100);
    let first = signed(register.clone(), &[("GB", 1)]);
    let refusal = |result: Result<bool, RegisterError>| match result {
        Err(RegisterError::EntryChanged { change, .. }) => change,
        other => panic!("{other:?}"),
    };
    let moved = |register: &KeyRegister, effective: Timestamp, position: u64| {
        let mut moved = register.clone();
        let revoked = moved.entries.iter_mut().find(|entry| {
            entry.administration == administration("GB") && entry.key.purpose() == Purpose::Sign
        });
        let reason = RevocationReason::Compromised;
        revoked.unwrap().revocation = Some(Revocation { effective, position, reason });
        moved
    };
    let both = [("GB", 1), ("FR", 2)];
    let skewed = moved(&register, tomorrow().plus_seconds(-300), 0);
    assert_eq!(signed(skewed, &both[..1]).succeeds(&genesis(), tomorrow()), Ok(true));
    let early = moved(&register, tomorrow().plus_seconds(-301), 0);
    let alone = signed(early.clone(), &both[..1]).succeeds(&genesis(), tomorrow());
    assert!(refusal(alone).starts_with("revokes from before its issue on"));
    assert_eq!(signed(early, &both).succeeds(&genesis(), tomorrow()), Ok(true));
    // Nor is what was said of a revocation lowered later.
    let later = tomorrow().plus_seconds(1);
    for (effective, position) in [(tomorrow(), 99), (tomorrow().plus_micros(-1), 100)] {
        let second = moved(&register, effective, position).next(later, register.expires);
        let second = KeyRegister { previous: Some(first.digest()), ..second };
        let alone = signed(second.clone(), &both[..1]).succeeds(&first, later);
        assert!(refusal(alone).ends_with("the revocation of"));
        assert_eq!(signed(second, &both).succeeds(&first, later), Ok(true));
    }
}

/// Two of three may change much, but not speak for the third: neither by giving it a steward key of theirs, nor by
/// dropping it as a steward, be it to bring it back later.
#[test]
fn nobody_is_replaced_without_its_own_signature() {
    let fr = administration("FR");
    let refused = Err(RegisterError::OwnerHasNotSigned(fr.clone()));
    let by = |register: &KeyRegister, by| signed(register.clone(), by).succeeds(&genesis(), tomorrow());
    let mut replaced = next();
    let steward = replaced.stewards.iter_mut().find(|steward| steward.administration == fr);
    steward.unwrap().key = es256(7).public();
    replaced.put(KeyEntry {
        administration: fr.clone(),
        key: RegisteredKey::Sign(es256(8).public()),
        ..new_key()
    });
    let with_new_key = |by: &[(&str, u8)]| {
        let mut signed = signed(replaced.clone(), by);
        signed.add(Approval::sign(&replaced, &fr, &es256(7), moment()).unwrap());
        signed.succeeds(&genesis(), tomorrow())
    };
    assert_eq!(with_new_key(&[("GB", 1), ("IT", 3)]), refused);
    assert_eq!(with_new_key(&[("GB", 1), ("IT", 3), ("FR", 2)]), Ok(true));
    let mut dropped = next();
    dropped.stewards.retain(|steward| steward.administration != fr);
    assert_eq!(by(&dropped, &[("GB", 1), ("IT", 3)]), refused);
    assert_eq!(by(&dropped, &[("GB", 1), ("IT", 3), ("FR", 2)]), Ok(true));
    // Who is in it with keys and is no steward cannot be made one by others.
    let without = signed(dropped.clone(), &[]);
    let mut back = dropped.next(tomorrow(), tomorrow().plus_seconds(DAY));
    back.stewards.push(Steward { administration: fr.clone(), key: es256(7).public() });
    back.sort();
    let mut back = signed(back, &[("GB", 1), ("IT", 3)]);
    back.add(Approval::sign(&back.register().clone(), &fr, &es256(7), moment()).unwrap());
    assert_eq!(back.succeeds(&without, tomorrow()), refused);
    // A newcomer speaks for itself with the key that it brings.
    let mut newcomer = next();
    newcomer.admit(&card("DE", 4));
    assert_eq!(by(&newcomer, &[("GB", 1), ("IT", 3), ("DE", 4)]), Ok(true));
    let unasked = Err(RegisterError::OwnerHasNotSigned(administration("DE")));
    assert_eq!(by(&newcomer, &[("GB", 1), ("FR", 2), ("IT", 3)]), unasked);
}

#[test]
fn what_was_said_is_not_taken_back() {
    let all = [("GB", 1), ("FR", 2), ("IT", 3)];
    let mut register = next();
    revoke(&mut register, "GB", 100);
    let second = signed(register.clone(), &all);
    let third = |change: &dyn Fn(&mut KeyRegister)| {
        let mut third = register.next(tomorrow().plus_seconds(1), tomorrow().plus_seconds(DAY));
        change(&mut third);
        third.validate().unwrap();
        match signed(third, &all).succeeds(&second, tomorrow().plus_seconds(2)) {
            Err(RegisterError::EntryChanged { change, .. }) => change,
            other => panic!("{other:?}"),
        }
    };
    let revoked = |entry: &KeyEntry| entry.revocation.is_some();
    let of = |register: &mut KeyRegister| {
        register.entries.iter().position(|entry| entry.revocation.is_some()).unwrap()
    };
    assert_eq!(third(&|third| third.entries.retain(|entry| !revoked(entry))), "drops");
    assert_eq!(third(&|third| drop(third.entries.remove(0))), "drops");
    assert_eq!(
        third(&|third| {
            let index = of(third);
            third.entries[index].revocation = None;
        }),
        "takes back the revocation of"
    );
    assert_eq!(third(&|third| revoke(third, "GB", 101)), "puts off the revocation of");
    let earlier = |third: &mut KeyRegister| {
        let start = &mut third.entries[0].from;
        *start = start.plus_micros(-1);
    };
    assert_eq!(third(&earlier), "moves the start of");
}

#[test]
fn a_key_stands_by_validity_purpose_and_position() {
    let mut register = next();
    register.put(new_key());
    revoke(&mut register, "GB", 100);
    let gb = administration("GB");
    let old = keys(1).sign.key_id();
    let stand = |key, purpose, signed: SignedAt| register.standing(&gb, purpose, key, &signed);
    let (before, after) = (SignedAt::arriving(moment()), SignedAt::arriving(tomorrow()));
    // What comes in counts until the revocation takes effect; what the log had before counts for ever.
    assert!(matches!(stand(old, Purpose::Sign, before), Standing::Active(_)));
    assert!(matches!(stand(old, Purpose::Sign, after), Standing::Revoked(_)));
    assert!(matches!(stand(old, Purpose::Sign, after.at_position(99)), Standing::Active(_)));
    assert!(matches!(stand(old, Purpose::Sign, after.at_position(100)), Standing::Revoked(_)));
    // What others saw before counts wherever it is, so that a low position repudiates nothing that they hold.
    assert!(matches!(stand(old, Purpose::Sign, before.at_position(100)), Standing::Active(_)));
    // A thief may state any moment.
    let stated = SignedAt::stating(moment(), tomorrow());
    assert!(matches!(stand(old, Purpose::Sign, stated), Standing::Revoked(_)));
    let new = es256(7).key_id();
    assert_eq!(stand(new, Purpose::Sign, before), Standing::NotYet { from: tomorrow() });
    assert!(matches!(stand(new, Purpose::Sign, after), Standing::Active(RegisteredKey::Sign(_))));
    let late = SignedAt::arriving(tomorrow().plus_seconds(700 * DAY));
    assert!(matches!(stand(new, Purpose::Sign, late), Standing::Expired { .. }));
    assert_eq!(stand(keys(1).log.key_id(), Purpose::Sign, after), Standing::WrongPurpose(Purpose::Log));
    assert_eq!(stand(keys(2).sign.key_id(), Purpose::Sign, after), Standing::Unknown);
    let of_cards = cards().as_slice().standing(&gb, Purpose::Sign, old, &after);
    assert!(matches!(of_cards, Standing::Active(_)), "cards know no revocation");
}

#[test]
fn the_key_to_seal_to_is_the_youngest_that_is_in_force() {
    let mut register = next();
    let key = keys(8).enc.public();
    register.put(KeyEntry { key: RegisteredKey::Enc(key), ..new_key() });
    let gb = administration("GB");
    assert_eq!(register.sealing_key(&gb, moment()), Some(keys(1).enc.public()));
    assert_eq!(register.sealing_key(&gb, tomorrow()), Some(key));
    assert_eq!(register.sealing_key(&administration("DE"), tomorrow()), None);
}

#[test]
fn rules_that_hold_for_every_version() {
    type Breaking<'a> = (&'a str, &'a dyn Fn(&mut KeyRegister));
    let broken: [Breaking<'_>; 9] = [
        ("visible ASCII", &|register| register.agreement.clear()),
        ("versions count", &|register| register.version = 1),
        ("at most 400 days", &|register| register.expires = register.issued.plus_seconds(401 * DAY)),
        ("at most 400 days", &|register| register.expires = register.issued),
        ("revocation <= change", &|register| register.threshold.change = 4),
        ("revocation <= change", &|register| register.threshold.revocation = 0),
        ("a key of its own", &|register| register.stewards[0] = register.stewards[1].clone()),
        ("is empty", &|register| register.entries[0].until = register.entries[0].from),
        ("is listed once", &|register| {
            let (stolen, owner) = (register.entries[0].clone(), administration("IT"));
            register.entries.push(KeyEntry { administration: owner, ..stolen });
        }),
    ];
    for (words, change) in broken {
        let mut register = next();
        change(&mut register);
        let error = register.to_cbor().unwrap_err();
        assert!(matches!(&error, RegisterError::Evidence(EvidenceError::Value { .. })));
        assert!(error.to_string().contains(words), "{error}");
    }
}

proptest! {
    #[test]
    fn only_one_encoding_is_accepted(at in 0usize..900, byte in any::<u8>()) {
        let mut bytes = next().to_cbor().unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(read) = KeyRegister::from_cbor(&bytes) {
            prop_assert_eq!(read.to_cbor().unwrap(), bytes);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(SignedRegister::read(&bytes).is_err());
    }
}

#[test]
fn a_proposal_is_its_stewards_and_no_approval() {
    let (gb, stewards) = (administration("GB"), next().stewards);
    let proposal = Proposal::sign(&next(), &gb, sign_key(1), moment()).unwrap();
    let again = Proposal::read(proposal.as_bytes()).unwrap();
    again.verify(&stewards).unwrap();
    assert_eq!((again.register(), again.by()), (&next(), &gb));
    assert!(Approval::read(proposal.as_bytes()).is_err());
    let stranger = Proposal::sign(&next(), &gb, sign_key(9), moment()).unwrap();
    assert!(stranger.verify(&stewards).is_err());
    every_bit_counts(proposal.as_bytes(), |bytes| {
        Proposal::read(bytes).is_ok_and(|read| read.verify(&stewards).is_ok())
    });
}

#[test]
fn a_log_entry_says_which_version_was_taken_up() {
    let adoption = Adoption {
        by: administration("GB"),
        agreement: "common-transit".to_owned(),
        version: 2,
        digest: next().digest().unwrap(),
        at: moment(),
    };
    let entry = adoption.sign(sign_key(1)).unwrap();
    let key = |_: &Administration, id| (id == sign_key(1).key_id()).then(|| sign_key(1).public());
    let read = Adoption::verify(&entry, key).unwrap();
    assert_eq!((read.version, read.digest, &read.by), (2, adoption.digest, &adoption.by));
    assert!(Adoption::verify(&entry, |_, _| None).is_err());
    every_bit_counts(&entry, |bytes| Adoption::verify(bytes, key).is_ok());
}
