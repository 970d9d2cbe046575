//! Outbox and inbox.

use crate::support::{at, digest, france, letter, message_id};
use crate::{on_every_engine, read, write};
use base::Administration;
use std::collections::BTreeSet;
use store::{StoreError, inbox, outbox};

/// The letters to a recipient that are due beside those under way.
fn due_beside(
    store: &store::Store,
    recipient: &Administration,
    now: i64,
    (letters, bytes_under_way, under_way): (usize, i64, &[i64]),
) -> Vec<outbox::Claim> {
    let under_way = &under_way.iter().copied().collect::<BTreeSet<_>>();
    let space = outbox::Space { letters, bytes_under_way, under_way };
    read(store, |tx| outbox::due_to(tx, recipient, at(now), space))
}

/// The letters to France that are due.
fn due(store: &store::Store, now: i64, limit: usize) -> Vec<i64> {
    due_beside(store, &france(), now, (limit, 0, &[])).into_iter().map(|claim| claim.id).collect()
}

on_every_engine! {
    fn letters_of_a_channel_leave_in_order(place) {
        let store = place.store();
        let enqueue = |number: u64, channel: &'static str, sequence: i64| {
            store.write(move |tx| outbox::enqueue(tx, &letter(&france(), number, channel, sequence)))
        };
        assert_eq!(read(&store, |tx| outbox::next_sequence(tx, "A")), 1);
        for (number, channel, sequence) in [(1, "A", 1), (2, "A", 2), (3, "B", 1), (4, "A", 3)] {
            enqueue(number, channel, sequence).unwrap();
        }
        assert_eq!(read(&store, |tx| outbox::next_sequence(tx, "A")), 4);
        for wrong in [3, 5] {
            let expected = StoreError::OutOfSequence { series: "A".to_owned(), given: wrong, expected: 4 };
            assert_eq!(enqueue(9, "A", wrong), Err(expected));
        }
        assert!(matches!(enqueue(1, "C", 1), Err(StoreError::Constraint { .. })));
        let due = || due(&store, 10, 9);
        assert_eq!(due(), [1, 3]);
        assert!(write(&store, |tx| outbox::delivered(tx, 1, b"receipt", at(20))));
        assert!(!write(&store, |tx| outbox::delivered(tx, 1, b"another", at(21))));
        assert!(!write(&store, |tx| outbox::refused(tx, 1, "late", at(21))));
        assert_eq!(due(), [2, 3]);
        // A waiting letter that is given up does not let the one behind it overtake.
        assert!(write(&store, |tx| outbox::refused(tx, 4, "withdrawn", at(22))));
        assert_eq!(due(), [2, 3]);
        enqueue(5, "A", 4).unwrap();
        assert_eq!(due(), [2, 3]);
        assert!(write(&store, |tx| outbox::refused(tx, 2, "clause 4.2 does not allow it", at(23))));
        assert!(write(&store, |tx| outbox::expired(tx, 3, None, "late", at(24))));
        assert_eq!(due(), [5]);
        let counts = read(&store, |tx| outbox::counts(tx));
        assert_eq!(counts, outbox::Counts { ready: 1, waiting: 0, delivered: 1, refused: 2, expired: 1 });
        let first = read(&store, |tx| outbox::find(tx, message_id(1))).unwrap();
        assert_eq!((first.status, first.receipt.as_deref()), (outbox::Status::Delivered, Some(b"receipt".as_slice())));
        assert_eq!(first.settled, Some(at(20)));
        let second = read(&store, |tx| outbox::find(tx, message_id(2))).unwrap();
        assert_eq!(second.reason.as_deref(), Some("clause 4.2 does not allow it"));
        assert_eq!(read(&store, |tx| outbox::find(tx, message_id(77))), None);
    }

    fn urgent_letters_overtake_bulk(place) {
        let store = place.store();
        write(&store, |tx| {
            for (number, channel, lane) in [(1, "A", 2), (2, "B", 1), (3, "C", 0), (4, "D", 1)] {
                let france = france();
                let letter = outbox::Letter { lane, ..letter(&france, number, channel, 1) };
                outbox::enqueue(tx, &letter)?;
            }
            Ok(())
        });
        assert_eq!(due(&store, 10, 3), [3, 2, 4]);
        assert_eq!(due(&store, 9, 3), [0; 0]);
    }

    fn letters_are_taken_by_recipient(place) {
        let store = place.store();
        let italy = Administration::parse("NTA.IT").unwrap();
        let (to_italy, to_france) = (italy.clone(), france());
        write(&store, move |tx| {
            for (number, recipient, channel, lane) in
                [(1, &to_italy, "A", 1), (2, &to_france, "B", 1), (3, &to_italy, "C", 0), (4, &to_italy, "D", 1)]
            {
                outbox::enqueue(tx, &outbox::Letter { lane, ..letter(recipient, number, channel, 1) })?;
            }
            Ok(())
        });
        assert_eq!(read(&store, outbox::recipients), [france(), italy.clone()]);
        let due = |recipient: &Administration, now: i64, limit: usize, under_way: &[i64]| -> Vec<i64> {
            let found = due_beside(&store, recipient, now, (limit, 0, under_way));
            found.into_iter().map(|claim| claim.id).collect()
        };
        assert_eq!(due(&italy, 9, 5, &[]), [0; 0], "nothing is due yet");
        assert_eq!(due(&italy, 10, 2, &[]), [3, 1], "the urgent one first, and no more than asked for");
        assert_eq!(due(&italy, 10, 2, &[3]), [1, 4], "those under way take nothing from the others");
        assert_eq!(due(&italy, 10, 5, &[1, 3, 77]), [4], "what is under way is not taken again");
        assert_eq!(due(&italy, 10, 5, &[1, 3, 4]), [0; 0]);
        assert_eq!(due(&italy, 10, 0, &[]), [0; 0]);
        assert_eq!(due(&france(), 10, 5, &[]), [2]);
        assert!(write(&store, |tx| outbox::delivered(tx, 2, b"receipt", at(120))));
        assert_eq!(read(&store, outbox::recipients), std::slice::from_ref(&italy));
    }

    fn what_is_taken_fits_in_memory_with_what_is_under_way(place) {
        const MIB: i64 = 1024 * 1024;
        let store = place.store();
        write(&store, |tx| {
            let (france, large) = (france(), vec![7; 12 * 1024 * 1024]);
            for (number, channel) in [(1, "A"), (2, "B"), (3, "C"), (4, "D")] {
                let letter = letter(&france, number, channel, 1);
                outbox::enqueue(tx, &outbox::Letter { cleared: &large, ..letter })?;
            }
            Ok(())
        });
        let due = |bytes: i64, under_way: &[i64]| -> Vec<i64> {
            let found = due_beside(&store, &france(), 10, (64, bytes, under_way));
            found.into_iter().map(|claim| claim.id).collect()
        };
        assert_eq!(due(0, &[]), [1, 2], "a third would not fit");
        assert_eq!(due(24 * MIB, &[1, 2]), [0; 0], "nor does it in the next turn");
        assert_eq!(due(12 * MIB, &[2]), [1], "until one of them is settled");
        assert_eq!(due(40 * MIB, &[]), [0; 0]);
    }

    fn an_attempt_is_counted_when_it_ends(place) {
        let store = place.store();
        write(&store, |tx| {
            outbox::enqueue(tx, &letter(&france(), 1, "A", 1))?;
            outbox::enqueue(tx, &letter(&france(), 2, "B", 1))
        });
        let attempts = |now: i64| -> Vec<(i64, i64)> {
            let found = due_beside(&store, &france(), now, (9, 0, &[]));
            found.into_iter().map(|claim| (claim.id, claim.attempts)).collect()
        };
        let first = due_beside(&store, &france(), 10, (1, 0, &[])).pop().unwrap();
        assert_eq!((first.id, first.attempts, first.cleared.as_slice()), (1, 1, b"cleared".as_slice()));
        assert_eq!((first.recipient.clone(), first.message_id), (france(), message_id(1)));
        assert_eq!(read(&store, |tx| outbox::ready(tx, message_id(1))), Some(first));
        assert_eq!(attempts(10), [(1, 1), (2, 1)], "to look counts nothing");
        assert!(write(&store, |tx| outbox::postponed(tx, 2, at(500), "no answer")));
        assert_eq!(attempts(499), [(1, 1)]);
        assert_eq!(attempts(500), [(1, 1), (2, 2)]);
        assert!(write(&store, |tx| outbox::declined(tx, 2, at(501), "no clause")));
        assert!(write(&store, |tx| outbox::unsealed(tx, 2, at(502), "old key")));
        let postponed = read(&store, |tx| outbox::find(tx, message_id(2))).unwrap();
        assert_eq!((postponed.reason.as_deref(), postponed.attempts), (Some("old key"), 3));
        assert_eq!(postponed.available, at(502));
        assert!(write(&store, |tx| outbox::delivered(tx, 2, b"receipt", at(600))));
        assert_eq!(read(&store, |tx| outbox::find(tx, message_id(2))).unwrap().attempts, 4);
        assert_eq!(read(&store, |tx| outbox::ready(tx, message_id(2))), None);
    }

    fn a_trial_takes_a_sealed_letter_that_is_not_under_way(place) {
        let store = place.store();
        write(&store, |tx| {
            for (number, channel) in [(1, "A"), (2, "B"), (3, "C"), (4, "D")] {
                outbox::enqueue(tx, &letter(&france(), number, channel, 1))?;
            }
            Ok(())
        });
        let trial = |now: i64, under_way: &[i64]| -> Option<i64> {
            let under_way = under_way.iter().copied().collect::<BTreeSet<_>>();
            read(&store, |tx| outbox::due_for_trial(tx, &france(), at(now), &under_way)).map(|claim| claim.id)
        };
        assert_eq!((trial(9, &[]), trial(10, &[]), trial(10, &[1, 3])), (None, Some(1), Some(2)));
        for id in [2, 3] {
            assert!(write(&store, move |tx| outbox::sealed(tx, id, b"sealed", false)));
            assert!(write(&store, move |tx| outbox::postponed(tx, id, at(1000 - id), "away")));
        }
        // Sealed ones go before, though they are not due; the one that has waited longest for its turn first.
        assert_eq!((trial(10, &[]), trial(10, &[3]), trial(10, &[2, 3])), (Some(3), Some(2), Some(1)));
        assert_eq!(trial(10, &[1, 2, 3, 4]), None);
    }

    fn a_letter_is_sealed_once(place) {
        let store = place.store();
        write(&store, |tx| outbox::enqueue(tx, &letter(&france(), 1, "A", 1)));
        assert_eq!(read(&store, |tx| outbox::envelope(tx, 1)), None);
        assert!(write(&store, |tx| outbox::sealed(tx, 1, b"first", false)));
        assert!(!write(&store, |tx| outbox::sealed(tx, 1, b"second", false)));
        let claims = due_beside(&store, &france(), 10, (1, 0, &[]));
        assert_eq!(claims[0].envelope.as_deref(), Some(b"first".as_slice()));
        assert_eq!(read(&store, |tx| outbox::envelope(tx, 1)).as_deref(), Some(b"first".as_slice()));
        assert!(write(&store, |tx| outbox::refused(tx, 1, "never", at(20))));
        assert!(!write(&store, |tx| outbox::sealed(tx, 1, b"third", false)));
        assert_eq!(read(&store, |tx| outbox::envelope(tx, 1)), None, "nothing of a settled letter leaves");
        let missing = StoreError::NotFound { what: "letter", id: 9 };
        assert_eq!(store.write(|tx| outbox::sealed(tx, 9, b"x", false)), Err(missing.clone()));
        assert_eq!(store.write(|tx| outbox::delivered(tx, 9, b"x", at(1))), Err(missing.clone()));
        assert_eq!(store.write(|tx| outbox::postponed(tx, 9, at(1), "x")), Err(missing));
    }

    fn what_was_withdrawn_while_it_was_sealed_does_not_leave(place) {
        let store = place.store();
        write(&store, |tx| outbox::enqueue(tx, &letter(&france(), 1, "A", 1)));
        assert!(!write(&store, |tx| outbox::sealed(tx, 1, b"tombstone", true)), "it was not withdrawn");
        assert!(write(&store, |tx| outbox::withdraw(tx, 1, at(20))));
        assert!(!write(&store, |tx| outbox::sealed(tx, 1, b"content", false)));
        assert_eq!(read(&store, |tx| outbox::envelope(tx, 1)), None);
        assert!(write(&store, |tx| outbox::sealed(tx, 1, b"tombstone", true)));
        assert!(write(&store, |tx| outbox::expired(tx, 1, Some(b"receipt"), "late", at(30))));
        assert!(write(&store, |tx| outbox::erase(tx, message_id(1), None)));
        assert!(!write(&store, |tx| outbox::sealed(tx, 1, b"again", true)), "it is settled");
        assert_eq!(read(&store, |tx| outbox::envelope(tx, 1)), None);
    }

    fn a_repeat_finds_the_first_receipt(place) {
        let store = place.store();
        let record = |number: u64, sequence: i64| {
            store.write(move |tx| {
                let sender = france();
                let message = inbox::Inbound {
                    sender: &sender, message_id: message_id(number), channel: "A", sequence,
                    digest: digest(1), receipt: b"receipt", at: at(5),
                };
                inbox::record(tx, &message)
            })
        };
        assert_eq!(read(&store, |tx| inbox::find(tx, &france(), message_id(1))), None);
        assert_eq!(read(&store, |tx| inbox::expected_sequence(tx, &france(), "A")), 1);
        record(1, 1).unwrap();
        let found = read(&store, |tx| inbox::find(tx, &france(), message_id(1))).unwrap();
        assert_eq!((found.digest, found.receipt.as_slice()), (digest(1), b"receipt".as_slice()));
        assert!(matches!(record(1, 2), Err(StoreError::Constraint { .. })));
        let expected = StoreError::OutOfSequence { series: "A".to_owned(), given: 1, expected: 2 };
        assert_eq!(record(2, 1), Err(expected));
        record(2, 2).unwrap();
        assert_eq!(read(&store, |tx| inbox::expected_sequence(tx, &france(), "A")), 3);
        assert_eq!(read(&store, |tx| inbox::expected_sequence(tx, &france(), "B")), 1);
        let italy = Administration::parse("NTA.IT").unwrap();
        assert_eq!(read(&store, |tx| inbox::find(tx, &italy, message_id(1))), None);
    }
}
