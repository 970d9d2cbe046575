//! The decision point and a slow interpreter of the documents agree, and nothing leaves that the documents withhold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(dead_code)]

mod world;

use agreements::{Agreement, DecisionPoint, Overlay, Suspension};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use world::{Answer, Record, dictionary, drafts, interpret, overlays, records, requests, sound, suspensions};

/// Worlds per property, and requests per world.
fn worlds() -> ProptestConfig {
    let full = std::env::var("TIDEWAITER_FULL").is_ok_and(|value| value == "1");
    ProptestConfig::with_cases(if full { 2_000 } else { 150 })
}
const REQUESTS: usize = 10;

fn point(drafts: &[agreements::Draft], laws: &[Overlay], suspensions: &[Suspension]) -> DecisionPoint {
    let agreements = drafts.iter().map(|draft| Agreement::new(draft.clone()).unwrap()).collect();
    DecisionPoint::new(agreements, laws.to_vec())
        .unwrap()
        .with_dictionary(dictionary())
        .with_suspensions(suspensions.to_vec())
}

fn answer(point: &DecisionPoint, record: &Record, request: &agreements::Request) -> Answer {
    match point.clear(record.clone(), request) {
        Ok(cleared) => Ok((
            cleared.agreement().id.to_string(),
            cleared.clause().to_string(),
            cleared.document().elements.iter().map(|(path, _)| path.clone()).collect(),
        )),
        Err(refused) => {
            Err((refused.ground.code().to_owned(), refused.clause.map(|clause| clause.to_string())))
        }
    }
}

proptest! {
    #![proptest_config(worlds())]

    #[test]
    fn decisions_agree_with_the_document(
        a in drafts("a"), b in drafts("b"), laws in overlays(), suspensions in suspensions(),
        asked in prop::collection::vec((records(), requests()), REQUESTS),
    ) {
        let drafts = [sound(a), sound(b)];
        let point = point(&drafts, &laws, &suspensions);
        for (record, request) in asked {
            let expected = interpret(&drafts, &laws, &suspensions, &record, &request);
            prop_assert_eq!(answer(&point, &record, &request), expected, "{:?} {:?}", record, request);
        }
    }

    #[test]
    fn a_cleared_document_is_a_part_of_the_old_and_accounts_for_the_rest(
        a in drafts("a"), laws in overlays(), asked in prop::collection::vec((records(), requests()), REQUESTS),
    ) {
        let point = point(&[sound(a)], &laws, &[]);
        for (record, request) in asked {
            let Ok(cleared) = point.clear(record.clone(), &request) else { continue };
            let kept = &cleared.document().elements;
            prop_assert!(kept.iter().all(|element| record.elements.contains(element)));
            prop_assert_eq!(kept.len() + cleared.record().withheld.len(), record.elements.len());
            prop_assert!(kept.iter().all(|(path, _)| cleared.record().permitted.contains(path)));
        }
    }

    #[test]
    fn national_law_only_narrows(
        a in drafts("a"), laws in overlays(), asked in prop::collection::vec((records(), requests()), REQUESTS),
    ) {
        let drafts = [sound(a)];
        let (free, bound) = (point(&drafts, &[], &[]), point(&drafts, &laws, &[]));
        for (record, request) in asked {
            if let Ok(with_law) = bound.clear(record.clone(), &request) {
                let without = free.clear(record, &request);
                prop_assert!(without.is_ok());
                // The clause may be another, but each element must be permitted without the law under that clause.
                let kept = &with_law.document().elements;
                let alone = Record { elements: kept.clone(), ..with_law.document().clone() };
                let again = free.clear(alone, &request).unwrap();
                prop_assert_eq!(&again.document().elements, kept);
            }
        }
    }
}

/// Without this the properties above could hold because nothing is ever cleared.
#[test]
fn the_world_reaches_every_outcome() {
    let mut runner = TestRunner::deterministic();
    let world = (drafts("a"), overlays(), suspensions(), prop::collection::vec((records(), requests()), 20));
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..100 {
        let (draft, laws, suspensions, asked) = world.new_tree(&mut runner).unwrap().current();
        let point = point(&[sound(draft)], &laws, &suspensions);
        for (record, request) in asked {
            let outcome = match answer(&point, &record, &request) {
                Ok(_) => "cleared".to_owned(),
                Err((ground, _)) => ground,
            };
            *outcomes.entry(outcome).or_default() += 1;
        }
    }
    for outcome in [
        "cleared",
        "national_law",
        "no_agreement",
        "not_disclosed",
        "not_in_force",
        "out_of_scope",
        "purpose_not_permitted",
        "record_type_not_permitted",
        "suspended",
    ] {
        assert!(outcomes.get(outcome).is_some_and(|count| *count >= 10), "{outcome}: {outcomes:?}");
    }
}
