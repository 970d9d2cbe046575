//! A fourth party, which has accepted the cards of three, is let into their register.

use super::tests::{DAY, card, cards, genesis, signed, tomorrow};
use super::*;
use crate::samples::{administration, keys};
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
    let (own, cards) = (card("DE", 4), cards());
    let pinned = Pinned { own: &own, cards: &cards, signers };
    signed(register.clone(), by).joins(AGREEMENT, &pinned, tomorrow())
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
    let too_low = Err(RegisterError::LowThreshold { needed: 2, found: 1 });
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
    let pinned = Pinned { own: &own, cards: &cards, signers: None };
    let all = signed(admitting(), &ALL);
    let late = tomorrow().plus_seconds(90 * DAY);
    assert!(matches!(all.joins(AGREEMENT, &pinned, late), Err(RegisterError::Time { .. })), "freeze");
    let other = all.joins("other", &pinned, tomorrow());
    assert!(matches!(other, Err(RegisterError::OtherAgreement { .. })));
    assert!(matches!(
        joins(&KeyRegister { threshold: Threshold { change: 1, revocation: 1 }, ..admitting() }, &ALL, None),
        Ok(())
    ));
    let alone = Pinned { own: &own, cards: &[], signers: Some(1) };
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
