//! Tiles of the log, cosignatures, and what the node has witnessed of others.

use crate::support::at;
use crate::{on_every_engine, read, write};
use store::witnessing::{Finding, SavedCosignature, Seen, Witnessed};
use store::{StoreError, log, tiles, witnessing};

on_every_engine! {
    fn full_tiles_are_kept_with_their_roots(place) {
        let store = place.store();
        assert_eq!(read(&store, |tx| tiles::count(tx, 0)), 0);
        for index in 0..3_u8 {
            write(&store, move |tx| tiles::save(tx, 0, index.into(), &[index; 8192], [index; 32]));
        }
        write(&store, |tx| tiles::save(tx, 1, 0, &[9; 8192], [9; 32]));
        assert_eq!(read(&store, |tx| tiles::count(tx, 0)), 3);
        assert_eq!(read(&store, |tx| tiles::count(tx, 1)), 1);
        assert_eq!(read(&store, |tx| tiles::hashes(tx, 0, 2)), Some(vec![2; 8192]));
        assert_eq!(read(&store, |tx| tiles::hashes(tx, 0, 3)), None);
        assert_eq!(read(&store, |tx| tiles::roots(tx, 0, 1, 9)), [[1; 32], [2; 32]]);
        // A full tile never changes.
        assert!(store.write(|tx| tiles::save(tx, 0, 2, &[7; 8192], [7; 32])).is_err());
        assert_eq!(read(&store, |tx| tiles::hashes(tx, 0, 2)), Some(vec![2; 8192]));
    }

    fn checkpoints_are_found_by_size_and_by_leaf(place) {
        let store = place.store();
        write(&store, |tx| (0..9_u8).try_for_each(|n| log::append(tx, &[n], [n; 32], at(1)).map(drop)));
        write(&store, |tx| [3, 6, 9].iter().try_for_each(|size| log::save_checkpoint(tx, *size, "note", at(*size))));
        let over = |index: i64| read(&store, move |tx| log::first_checkpoint_over(tx, index)).map(|found| found.size);
        assert_eq!([over(0), over(2), over(3), over(8), over(9)], [Some(3), Some(3), Some(6), Some(9), None]);
        assert_eq!(read(&store, |tx| log::checkpoint(tx, 6)).unwrap().at, at(6));
        assert_eq!(read(&store, |tx| log::checkpoint(tx, 5)), None);
        assert_eq!(read(&store, |tx| log::entries(tx, 7, 99)), [[7], [8]]);
    }

    fn checkpoints_that_nobody_cosigned_are_forgotten_when_a_later_one_has_aged(place) {
        let store = place.store();
        write(&store, |tx| (0..9_u8).try_for_each(|n| log::append(tx, &[n], [n; 32], at(1)).map(drop)));
        write(&store, |tx| (1..=9).try_for_each(|size| log::save_checkpoint(tx, size, "note", at(size))));
        let cosigned = SavedCosignature { size: 3, witness: "w".into(), at: at(3), lines: "a\n".into() };
        write(&store, move |tx| witnessing::save_cosignature(tx, &cosigned));
        let kept = || {
            let of = |size| read(&store, move |tx| log::checkpoint(tx, size)).is_some();
            (1..=9).filter(|size| of(*size)).collect::<Vec<i64>>()
        };
        let prune = |before, limit| write(&store, move |tx| log::prune_checkpoints(tx, at(before), limit));
        assert!(!prune(1, 9), "none is that old");
        // Of those before 7 the last stays, for it says what was due then, and the one that was cosigned.
        assert!(prune(7, 2));
        assert_eq!(kept(), [3, 4, 5, 6, 7, 8, 9]);
        while prune(7, 2) {}
        assert_eq!(kept(), [3, 6, 7, 8, 9]);
        assert_eq!(read(&store, |tx| log::latest_checkpoint_before(tx, at(6))).unwrap().size, 6);
        assert!(!prune(100, 9));
        assert_eq!(kept(), [3, 9]);
        // An entry whose checkpoint is gone is covered by the next one.
        assert_eq!(read(&store, |tx| log::first_checkpoint_over(tx, 4)).unwrap().size, 9);
    }

    fn the_first_cosignature_of_a_witness_counts(place) {
        let store = place.store();
        let line = |size: i64, witness: &str, line: &str| SavedCosignature {
            size, witness: witness.to_owned(), at: at(size), lines: line.to_owned(),
        };
        for saved in [line(3, "w1", "a\n"), line(3, "w1", "b\n"), line(3, "w2", "c\n"), line(5, "w1", "d\n")] {
            write(&store, move |tx| witnessing::save_cosignature(tx, &saved));
        }
        assert_eq!(read(&store, |tx| witnessing::cosignatures(tx, 3)), [line(3, "w1", "a\n"), line(3, "w2", "c\n")]);
        assert_eq!(read(&store, |tx| witnessing::latest_cosignature(tx, "w1")), Some(line(5, "w1", "d\n")));
        assert_eq!(read(&store, |tx| witnessing::latest_cosignature(tx, "w3")), None);
    }

    fn a_witness_moves_on_only_from_what_it_checked(place) {
        let store = place.store();
        let save = |after: Option<i64>, size: i64| {
            let next = Witnessed { size, at: at(size), note: format!("note {size}") };
            store.write(move |tx| witnessing::save_witnessed(tx, "log", after, &next))
        };
        save(None, 4).unwrap();
        assert!(matches!(save(None, 5), Err(StoreError::OutOfSequence { expected: 4, .. })));
        save(Some(4), 7).unwrap();
        // Two requests were checked against 4; the second must not roll the first back.
        assert!(matches!(save(Some(4), 6), Err(StoreError::OutOfSequence { expected: 7, .. })));
        let latest = read(&store, |tx| witnessing::witnessed(tx, "log")).unwrap();
        assert_eq!((latest.size, latest.note.as_str()), (7, "note 7"));
        assert_eq!(read(&store, |tx| witnessing::all_witnessed(tx)), [latest]);
        assert_eq!(read(&store, |tx| witnessing::witnessed(tx, "other")), None);
    }

    fn a_finding_is_recorded_once(place) {
        let store = place.store();
        let finding = |source: &str| Finding {
            id: 0, at: at(1), origin: "log".to_owned(), source: source.to_owned(), kind: "equivocation".to_owned(),
            words: "two roots".to_owned(), proof: Some(vec![1, 2]), seen: None,
        };
        let record = |source: &'static str, digest: u8| {
            let finding = finding(source);
            write(&store, move |tx| witnessing::record_finding(tx, &finding, [digest; 32]))
        };
        assert!(record("NTA.FR", 1));
        assert!(!record("NTA.IT", 1));
        assert!(record("NTA.IT", 2));
        let found = read(&store, |tx| witnessing::findings(tx, 9));
        assert_eq!(found.iter().map(|found| found.source.as_str()).collect::<Vec<_>>(), ["NTA.IT", "NTA.FR"]);
        assert_eq!(read(&store, |tx| witnessing::finding_of(tx, 1)), Some(Finding { id: 1, ..finding("NTA.FR") }));
        assert_eq!(read(&store, |tx| witnessing::finding_of(tx, 3)), None);
        assert_eq!(read(&store, |tx| witnessing::findings(tx, 1)).len(), 1);
    }

    fn a_finding_is_seen_once_and_stays_on_record(place) {
        let store = place.store();
        for (digest, kind) in [(1u8, "equivocation"), (2, "unproved"), (3, "unproved")] {
            let finding = Finding {
                id: 0, at: at(1), origin: "log".to_owned(), source: "NTA.FR".to_owned(), kind: kind.to_owned(),
                words: "two roots".to_owned(), proof: None, seen: None,
            };
            assert!(write(&store, move |tx| witnessing::record_finding(tx, &finding, [digest; 32])));
        }
        let unseen = || read(&store, witnessing::unseen_findings);
        assert_eq!(unseen(), [("equivocation".to_owned(), 1), ("unproved".to_owned(), 2)]);
        let seen = |by: &str| Seen { at: at(2), by: by.to_owned(), note: "asked them".to_owned() };
        let see = |id, by: &'static str| write(&store, move |tx| witnessing::see_finding(tx, id, &seen(by)));
        assert!(see(2, "j.doe"));
        assert!(!see(2, "a.other"), "the first one stands");
        assert!(!see(9, "j.doe"));
        assert_eq!(unseen(), [("equivocation".to_owned(), 1), ("unproved".to_owned(), 1)]);
        let found = read(&store, |tx| witnessing::finding_of(tx, 2)).unwrap();
        assert_eq!((found.seen, found.words.as_str()), (Some(seen("j.doe")), "two roots"));
        // What nobody has seen to comes first, so that none of it is out of reach.
        let listed = read(&store, |tx| witnessing::findings(tx, 9));
        assert_eq!(listed.iter().map(|found| found.id).collect::<Vec<_>>(), [3, 1, 2]);
    }
}
