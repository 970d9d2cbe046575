//! Outbox and inbox.

use crate::support::{at, digest, france, letter, message_id};
use crate::{on_every_engine, read, write};
use store::{StoreError, inbox, outbox};

/// The letters to France that are due: claimed for no time at all, so that they stay so.
fn due(store: &store::Store, now: i64, limit: usize) -> Vec<i64> {
    let claims = write(store, move |tx| outbox::claim_to(tx, "w", &france(), at(now), 0, (limit, 0)));
    claims.into_iter().map(|claim| claim.id).collect()
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

    fn letters_are_claimed_by_recipient(place) {
        let store = place.store();
        let italy = base::Administration::parse("NTA.IT").unwrap();
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
        let claim = |recipient: &base::Administration, now: i64, limit: usize| -> Vec<(i64, i64)> {
            let recipient = recipient.clone();
            let claims =
                write(&store, move |tx| outbox::claim_to(tx, "w", &recipient, at(now), 100, (limit, 0)));
            claims.into_iter().map(|claim| (claim.id, claim.attempts)).collect()
        };
        assert_eq!(claim(&italy, 9, 5), [], "nothing is due yet");
        assert_eq!(claim(&italy, 10, 2), [(3, 1), (1, 1)], "the urgent one first, and no more than asked for");
        assert_eq!(claim(&italy, 10, 5), [(4, 1)], "what is leased is not claimed again");
        assert_eq!(claim(&france(), 10, 5), [(2, 1)]);
        assert_eq!(claim(&italy, 110, 1), [(3, 2)], "the leases ran out");
        assert!(write(&store, |tx| outbox::delivered(tx, 2, b"receipt", at(120))));
        assert_eq!(read(&store, outbox::recipients), std::slice::from_ref(&italy));
    }

    fn a_claim_fits_in_memory_with_what_is_under_way(place) {
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
        let claim = |now: i64, under_way: i64| -> Vec<i64> {
            let claims =
                write(&store, move |tx| outbox::claim_to(tx, "w", &france(), at(now), 100, (64, under_way)));
            claims.into_iter().map(|claim| claim.id).collect()
        };
        assert_eq!(claim(10, 0), [1, 2], "a third would not fit");
        assert_eq!(claim(11, 24 * MIB), [0; 0], "nor does it in the next turn");
        assert_eq!(claim(12, 12 * MIB), [3], "until one of them is settled");
        assert_eq!(claim(13, 40 * MIB), [0; 0]);
    }

    fn a_claim_is_a_lease(place) {
        let store = place.store();
        write(&store, |tx| {
            outbox::enqueue(tx, &letter(&france(), 1, "A", 1))?;
            outbox::enqueue(tx, &letter(&france(), 2, "B", 1))
        });
        let claim = |worker: &'static str, now: i64, limit: usize| {
            write(&store, move |tx| outbox::claim_to(tx, worker, &france(), at(now), 100, (limit, 0)))
        };
        let first = claim("w1", 10, 1);
        assert_eq!(first.len(), 1);
        assert_eq!((first[0].id, first[0].attempts, first[0].cleared.as_slice()), (1, 1, b"cleared".as_slice()));
        assert_eq!((first[0].recipient.clone(), first[0].message_id), (france(), message_id(1)));
        assert_eq!(claim("w2", 10, 9).iter().map(|claim| claim.id).collect::<Vec<_>>(), [2]);
        assert_eq!(claim("w3", 109, 9), []);
        // The lease of w1 runs out, w2 says what became of its letter.
        assert!(write(&store, |tx| outbox::postponed(tx, 2, at(500), "no answer")));
        let again = claim("w3", 110, 9);
        assert_eq!((again.len(), again[0].id, again[0].attempts), (1, 1, 2));
        let postponed = read(&store, |tx| outbox::find(tx, message_id(2))).unwrap();
        assert_eq!((postponed.reason.as_deref(), postponed.worker), (Some("no answer"), None));
        assert_eq!(postponed.available, at(500));
        let last = claim("w1", 500, 9);
        assert_eq!(last.iter().map(|claim| claim.id).collect::<Vec<_>>(), [1, 2]);
    }

    fn a_letter_is_sealed_once(place) {
        let store = place.store();
        write(&store, |tx| outbox::enqueue(tx, &letter(&france(), 1, "A", 1)));
        assert_eq!(read(&store, |tx| outbox::envelope(tx, 1)), None);
        assert!(write(&store, |tx| outbox::sealed(tx, 1, b"first")));
        assert!(!write(&store, |tx| outbox::sealed(tx, 1, b"second")));
        let claims = write(&store, |tx| outbox::claim_to(tx, "w", &france(), at(10), 1, (1, 0)));
        assert_eq!(claims[0].envelope.as_deref(), Some(b"first".as_slice()));
        assert_eq!(read(&store, |tx| outbox::envelope(tx, 1)).as_deref(), Some(b"first".as_slice()));
        let missing = StoreError::NotFound { what: "letter", id: 9 };
        assert_eq!(store.write(|tx| outbox::sealed(tx, 9, b"x")), Err(missing.clone()));
        assert_eq!(store.write(|tx| outbox::delivered(tx, 9, b"x", at(1))), Err(missing.clone()));
        assert_eq!(store.write(|tx| outbox::postponed(tx, 9, at(1), "x")), Err(missing));
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
        let italy = base::Administration::parse("NTA.IT").unwrap();
        assert_eq!(read(&store, |tx| inbox::find(tx, &italy, message_id(1))), None);
    }
}
