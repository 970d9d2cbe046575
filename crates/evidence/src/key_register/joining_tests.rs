//! A fourth party, which has accepted the cards of three, is let into their register.

use super::tests::{DAY, card, cards, genesis, sign_key, signed, tomorrow};
use super::*;
use crate::samples::{administration, keys, moment};
use proptest::prelude::*;

const AGREEMENT: &str = "common-transit";
const ALL: [(&str, u8); 3] = [("GB", 1), ("FR", 2), ("IT", 3)];

/// The version that lets Germany in.
fn admitting() -> KeyRegister {
    let issued = tomorrow();
    let mut next = genesis().register().next(issued, issued.plus_seconds(90 * DAY));
    next.admit(&card("DE", 4));
    next
}

fn joins(register: &KeyRegister, by: &[(&str, u8)], signers: Option<u64>) -> Result<(), RegisterError> {
    joins_with(&cards(), register, by, signers)
}

/// Germany has accepted these cards of the three other parties of its agreement.
fn joins_with(
    cards: &[PublicKeys],
    register: &KeyRegister,
    by: &[(&str, u8)],
    signers: Option<u64>,
) -> Result<(), RegisterError> {
    let (own, suspended) = (card("DE", 4), BTreeSet::new());
    let pinned = Pinned { own: &own, cards, others: 3, signers, suspended: &suspended };
    signed(register.clone(), by).joins(AGREEMENT, &pinned, tomorrow())
}

/// A register that names nobody but Great Britain and Germany, as Great Britain alone can make it.
fn by_one_alone(change: u64) -> KeyRegister {
    let threshold = Threshold { change: 1, revocation: 1 };
    let (issued, expires) = (tomorrow(), tomorrow().plus_seconds(90 * DAY));
    let first = KeyRegister::genesis(AGREEMENT, &cards()[..1], threshold, moment(), expires).unwrap();
    let mut next = first.next(issued, expires);
    next.admit(&card("DE", 4));
    KeyRegister { threshold: Threshold { change, revocation: 1 }, ..next }
}

#[test]
fn the_first_partner_alone_gives_a_newcomer_no_register() {
    let by = [("GB", 1), ("DE", 4)];
    for (signers, needed) in [(None, 3), (Some(2), 2), (Some(9), 3)] {
        let refused = joins_with(&cards()[..1], &by_one_alone(2), &by, signers);
        match refused {
            Err(RegisterError::TooFewToJoin { needed: asked, found: 1 }) => assert_eq!(asked, needed),
            Err(RegisterError::LowThreshold { needed: 3, found: 2 }) => assert_eq!(signers, Some(9)),
            other => panic!("{other:?}"),
        }
    }
    // Where one signer is enough by the agreement, the register cannot be changed without the newcomer at least.
    let low = Err(RegisterError::LowThreshold { needed: 2, found: 1 });
    assert_eq!(joins_with(&cards()[..1], &by_one_alone(1), &by, Some(1)), low);
    assert_eq!(joins_with(&cards()[..1], &by_one_alone(1), &by, None), low);
    joins_with(&cards()[..1], &by_one_alone(2), &by, Some(1)).unwrap();
}

#[test]
fn a_newcomer_approves_what_those_have_approved_that_it_asks_for() {
    let (own, cards, nobody) = (card("DE", 4), cards(), BTreeSet::new());
    let pinned = |signers| Pinned { own: &own, cards: &cards, others: 3, signers, suspended: &nobody };
    let proposed = |register: &KeyRegister, seed: u8| {
        Proposal::sign(register, &administration("GB"), sign_key(seed), tomorrow()).unwrap()
    };
    let approvals = |of: &KeyRegister, by: &[(&str, u8)]| signed(of.clone(), by).approvals().to_vec();
    // A number that no register will ever have, which would bar every honest one.
    let far = KeyRegister { version: 1 << 50, previous: Some(Digest([7; 32])), ..admitting() };
    for register in [&far, &admitting()] {
        let alone =
            proposed(register, 1).is_joined(&approvals(register, &[("GB", 1)]), &pinned(None), tomorrow());
        assert_eq!(alone, Err(RegisterError::TooFewToJoin { needed: 3, found: 1 }));
        let others = approvals(&by_one_alone(2), &ALL);
        let of_another = proposed(register, 1).is_joined(&others, &pinned(Some(2)), tomorrow());
        assert_eq!(of_another, Err(RegisterError::TooFewToJoin { needed: 2, found: 1 }));
    }
    let register = admitting();
    proposed(&register, 1).is_joined(&approvals(&register, &ALL[1..]), &pinned(None), tomorrow()).unwrap();
    proposed(&register, 1)
        .is_joined(&approvals(&register, &ALL[1..2]), &pinned(Some(2)), tomorrow())
        .unwrap();
    let stranger = proposed(&register, 9).is_joined(&approvals(&register, &ALL), &pinned(None), tomorrow());
    assert!(stranger.is_err(), "its proposer's key is not that of the card");
}

#[test]
fn what_a_suspended_party_signs_does_not_count_towards_joining() {
    let (own, cards, suspended) = (card("DE", 4), cards(), BTreeSet::from([administration("FR")]));
    let pinned = |signers| Pinned { own: &own, cards: &cards, others: 3, signers, suspended: &suspended };
    let joins = |by, signers| signed(admitting(), by).joins(AGREEMENT, &pinned(signers), tomorrow());
    let too_few = |needed, found| Err(RegisterError::TooFewToJoin { needed, found });
    assert_eq!(joins(&ALL, None), too_few(3, 2));
    assert_eq!(joins(&ALL[..2], Some(2)), too_few(2, 1));
    joins(&ALL, Some(2)).unwrap();
}

#[test]
fn more_than_half_must_sign_also_when_somebody_was_let_in() {
    assert_eq!((genesis().register().threshold.change, admitting().threshold.change), (2, 3));
    let mut fifth = admitting();
    fifth.admit(&card("ES", 5));
    assert_eq!(fifth.threshold, Threshold { change: 3, revocation: 1 });
    fifth.admit(&card("ES", 5));
    assert_eq!(fifth.stewards.len(), 5, "once");
    // What was not so before is left as the parties have made it.
    let mut few = KeyRegister { threshold: Threshold { change: 1, revocation: 1 }, ..admitting() };
    few.admit(&card("ES", 5));
    assert_eq!(few.threshold.change, 1);
}

#[test]
fn a_newcomer_takes_up_what_all_have_signed_or_as_many_as_its_agreement_says() {
    joins(&admitting(), &ALL, None).unwrap();
    // Its own signature is none of them.
    let by = [("GB", 1), ("FR", 2), ("DE", 4)];
    assert_eq!(joins(&admitting(), &by, None), Err(RegisterError::TooFewToJoin { needed: 3, found: 2 }));
    joins(&admitting(), &by, Some(2)).unwrap();
    let by = [("GB", 1), ("DE", 4)];
    let too_few = Err(RegisterError::TooFewToJoin { needed: 2, found: 1 });
    assert_eq!(joins(&admitting(), &by, Some(2)), too_few);
    // A later version is taken up as well, with the keys that the others have by then.
    let mut later = admitting().next(tomorrow(), tomorrow().plus_seconds(91 * DAY));
    let new = RegisteredKey::Sign(crate::samples::es256(7).public());
    let entry = later.entries_of(&administration("GB"), Purpose::Sign).next().unwrap().clone();
    later.put(KeyEntry { key: new, ..entry });
    joins(&later, &ALL, None).unwrap();
    joins(&later, &ALL[..2], Some(2)).unwrap();
    // Two of three may sign much, but give no keys to the third.
    let without = Err(RegisterError::OwnerHasNotSigned(administration("GB")));
    assert_eq!(joins(&later, &ALL[1..], Some(2)), without);
}

#[test]
fn a_newcomer_believes_nothing_that_a_register_says_of_itself() {
    // A party that it does not know.
    let mut stranger = admitting();
    stranger.admit(&card("ES", 5));
    let refused = Err(RegisterError::NoCard(administration("ES")));
    assert_eq!(joins(&stranger, &[("GB", 1), ("FR", 2), ("IT", 3), ("ES", 5)], None), refused);
    // Keys of such a party without a steward.
    let mut keys_only = admitting();
    KeyEntry::of_card(&card("ES", 5)).into_iter().for_each(|entry| keys_only.put(entry));
    assert_eq!(joins(&keys_only, &ALL, None), refused);
    // A threshold that one steward meets, whom the register made a steward itself.
    let alone = Threshold { change: 1, revocation: 1 };
    let mut lowered = KeyRegister { threshold: alone, ..admitting() };
    let too_low = Err(RegisterError::LowThreshold { needed: 3, found: 1 });
    assert_eq!(joins(&lowered, &ALL, Some(2)), too_low);
    lowered.stewards.retain(|steward| ["NTA.GB", "NTA.DE"].contains(&steward.administration.as_str()));
    assert!(matches!(
        joins(&lowered, &[("GB", 1)], None),
        Err(RegisterError::EntryChanged { change: "replaces, as the steward's,", .. })
    ));
    // Stewards that hold other keys than their cards say, though they are named right.
    let mut replaced = admitting();
    let france = replaced.stewards.iter_mut().find(|steward| steward.administration == administration("FR"));
    france.unwrap().key = keys(9).sign.public();
    assert!(matches!(
        joins(&replaced, &[("GB", 1), ("FR", 9), ("IT", 3)], None),
        Err(RegisterError::EntryChanged { change: "replaces, as the steward's,", .. })
    ));
    // A key of a card that people compared is missing.
    let mut dropped = admitting();
    dropped
        .entries
        .retain(|entry| entry.administration != administration("IT") || entry.key.purpose() != Purpose::Enc);
    let missing = joins(&dropped, &ALL, None);
    assert!(matches!(missing, Err(RegisterError::EntryChanged { change: "drops", .. })), "{missing:?}");
}

#[test]
fn a_newcomer_joins_what_lets_it_in_and_is_in_use() {
    let not_in = Err(RegisterError::NotAdmitted(administration("DE")));
    let before = genesis().register().next(tomorrow(), tomorrow().plus_seconds(90 * DAY));
    assert_eq!(joins(&before, &ALL, None), not_in, "older than its admission");
    let mut other_keys = admitting();
    let entry = other_keys.entries_of(&administration("DE"), Purpose::Sign).next().unwrap().clone();
    other_keys.put(KeyEntry { key: RegisteredKey::Sign(keys(8).sign.public()), ..entry });
    assert_eq!(joins(&other_keys, &ALL, None), not_in, "a key in its name that it has not");
    let (own, cards) = (card("DE", 4), cards());
    let nobody = BTreeSet::new();
    let pinned = Pinned { own: &own, cards: &cards, others: 3, signers: None, suspended: &nobody };
    let all = signed(admitting(), &ALL);
    let late = tomorrow().plus_seconds(90 * DAY);
    assert!(matches!(all.joins(AGREEMENT, &pinned, late), Err(RegisterError::Time { .. })), "freeze");
    let other = all.joins("other", &pinned, tomorrow());
    assert!(matches!(other, Err(RegisterError::OtherAgreement { .. })));
    // Half of the four could make two versions of one number, whoever signed this one.
    let half = KeyRegister { threshold: Threshold { change: 2, revocation: 1 }, ..admitting() };
    assert_eq!(joins(&half, &ALL, None), Err(RegisterError::LowThreshold { needed: 3, found: 2 }));
    let alone = Pinned { cards: &[], signers: Some(1), ..pinned };
    assert!(all.joins(AGREEMENT, &alone, tomorrow()).is_err(), "it has accepted nobody's card");
}

proptest! {
    /// Whatever a minority makes of a register, with any stewards' names under its own keys: who has pinned the cards does
    /// not take it up.
    #[test]
    fn no_minority_makes_a_register_that_a_newcomer_takes_up(
        dishonest in 1usize..3,
        change in 1u64..4,
        stewards in prop::collection::vec(any::<bool>(), 3),
        strange in any::<bool>(),
        dropped in any::<bool>(),
    ) {
        let mut register = admitting();
        let ours = &ALL[..dishonest];
        for ((code, seed), fake) in ALL[dishonest..].iter().zip(&stewards) {
            let name = administration(code);
            if dropped {
                register.stewards.retain(|steward| steward.administration != name);
                register.entries.retain(|entry| entry.administration != name);
            } else if *fake {
                let steward = register.stewards.iter_mut().find(|steward| steward.administration == name);
                steward.unwrap().key = keys(seed + 20).sign.public();
            }
        }
        if strange {
            register.admit(&card("ES", 5));
        }
        let count = register.stewards.len() as u64;
        register.threshold = Threshold { change: change.min(count), revocation: 1 };
        let mut by: Vec<(&str, u8)> = ours.to_vec();
        by.extend(ALL[dishonest..].iter().map(|(code, seed)| (*code, seed + 20)));
        by.push(("ES", 5));
        let signers = Some(dishonest as u64 + 1);
        if register.validate().is_ok() {
            let result = joins(&register, &by, signers);
            prop_assert!(result.is_err(), "{register:?}");
        }
    }
}
