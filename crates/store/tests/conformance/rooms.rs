//! Journal, state, counters, timers, log and settings.

use crate::support::at;
use crate::{entry, on_every_engine, read, write};
use store::{StoreError, Value, counter, journal, log, settings, state, timers};

on_every_engine! {
    fn the_journal_keeps_digests_when_content_is_erased(place) {
        let store = place.store();
        let seqs = write(&store, |tx| {
            let first = journal::append(tx, &entry("departure/A", b"one"))?;
            let other = journal::append(tx, &entry("departure/B", b"two"))?;
            let last = journal::append(tx, &entry("departure/A", b"three"))?;
            Ok([first, other, last])
        });
        assert_eq!(seqs, [1, 2, 3]);
        let before = read(&store, |tx| journal::read(tx, "departure/A"));
        assert_eq!(before.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 3]);
        assert!(before.iter().all(journal::Recorded::holds));
        assert_eq!(before[0].content.as_ref().unwrap().body, b"one");
        // SHA-256 of sixteen bytes of 9 and `one`, by another tool.
        let expected = "1d44d8808893e6369ff8183fd5c2115089b1f170090a8dd5703ec6a7c629634f";
        assert_eq!(before[0].digest.to_string(), expected);
        write(&store, |tx| journal::erase(tx, 1).and_then(|()| journal::erase(tx, 1)));
        let after = read(&store, |tx| journal::after(tx, 0, 2));
        assert_eq!(after.len(), 2);
        assert_eq!(after[0].content, None);
        assert_eq!((after[0].digest, after[0].facts_digest), (before[0].digest, before[0].facts_digest));
        assert!(after[0].holds());
        let raw = read(&store, |tx| tx.query("select salt, body, facts from journal where seq = 1", &[]));
        assert!((0..3).all(|column| *raw[0].value(column).unwrap() == Value::Null));
        let missing = store.write(|tx| journal::erase(tx, 99));
        assert_eq!(missing, Err(StoreError::NotFound { what: "journal row", id: 99 }));
        assert_eq!(read(&store, |tx| journal::after(tx, 2, 9)).len(), 1);
    }

    fn a_changed_journal_row_is_noticed(place) {
        let store = place.store();
        write(&store, |tx| {
            journal::append(tx, &entry("departure/A", b"one"))?;
            tx.execute("update journal set body = ?1", &[b"two".as_slice().into()])
        });
        assert!(!read(&store, |tx| journal::read(tx, "departure/A"))[0].holds());
    }

    fn state_is_saved_by_whoever_loaded_it_last(place) {
        let store = place.store();
        assert_eq!(read(&store, |tx| state::load(tx, "departure", "M1")), None);
        assert_eq!(write(&store, |tx| state::save(tx, "departure", "M1", 0, b"a")), 1);
        assert_eq!(write(&store, |tx| state::save(tx, "departure", "M1", 1, b"b")), 2);
        for stale in [0, 1, 3] {
            let outcome = store.write(move |tx| state::save(tx, "departure", "M1", stale, b"c"));
            let conflict = StoreError::Conflict {
                room: "departure".to_owned(), key: "M1".to_owned(), expected: stale, found: 2,
            };
            assert_eq!(outcome, Err(conflict));
        }
        let never = store.write(|tx| state::save(tx, "departure", "M2", 4, b"c"));
        assert!(matches!(never, Err(StoreError::Conflict { found: 0, .. })));
        let stored = read(&store, |tx| state::load(tx, "departure", "M1")).unwrap();
        assert_eq!((stored.version, stored.body.as_slice()), (2, b"b".as_slice()));
    }

    fn states_are_listed_page_by_page(place) {
        let store = place.store();
        write(&store, |tx| {
            for key in ["c", "B", "a", "d"] {
                state::save(tx, "departure", key, 0, key.as_bytes())?;
            }
            state::save(tx, "destination", "z", 0, b"z")
        });
        let keys = |after: &'static str| -> Vec<String> {
            read(&store, |tx| state::list(tx, "departure", after, 3)).into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(keys(""), ["B", "a", "c"]);
        assert_eq!(keys("c"), ["d"]);
    }

    fn counters_have_no_gaps(place) {
        let store = place.store();
        assert_eq!(write(&store, |tx| counter::next(tx, "mrn")), 1);
        let failed: Result<i64, StoreError> = store.write(|tx| {
            counter::next(tx, "mrn")?;
            Err(StoreError::Closed)
        });
        assert!(failed.is_err());
        assert_eq!(write(&store, |tx| counter::next(tx, "mrn")), 2);
        assert_eq!(write(&store, |tx| counter::next(tx, "grn")), 1);
        assert_eq!(read(&store, |tx| counter::current(tx, "mrn")), 2);
        assert_eq!(read(&store, |tx| counter::current(tx, "none")), 0);
    }

    fn a_timer_fires_once(place) {
        let store = place.store();
        write(&store, |tx| {
            timers::set(tx, "departure", "M1", "arrival", at(50), b"x")?;
            timers::set(tx, "departure", "M2", "arrival", at(40), b"")?;
            timers::set(tx, "departure", "M1", "enquiry", at(90), b"")
        });
        assert_eq!(read(&store, |tx| timers::next(tx)), Some(at(40)));
        let due = |now: i64| read(&store, |tx| timers::due(tx, at(now), 9));
        assert_eq!(due(39), []);
        let both = due(50);
        assert_eq!(both.iter().map(|timer| timer.key.as_str()).collect::<Vec<_>>(), ["M2", "M1"]);
        assert_eq!((both[1].kind.as_str(), both[1].payload.as_slice()), ("arrival", b"x".as_slice()));
        let (first, second) = (both[0].id, both[1].id);
        assert!(write(&store, move |tx| timers::done(tx, first)));
        assert!(!write(&store, move |tx| timers::done(tx, first)));
        // Set anew before it was done: the old firing has no effect, the new one has.
        write(&store, |tx| timers::set(tx, "departure", "M1", "arrival", at(70), b"y"));
        assert!(!write(&store, move |tx| timers::done(tx, second)));
        assert_eq!(due(50), []);
        assert_eq!(due(70)[0].payload, b"y");
        assert!(write(&store, |tx| timers::cancel(tx, "departure", "M1", "arrival")));
        assert!(!write(&store, |tx| timers::cancel(tx, "departure", "M1", "arrival")));
        assert_eq!(due(1000).len(), 1);
        // Numbers are never given twice, even when all timers are gone.
        let last = due(1000)[0].id;
        write(&store, move |tx| timers::done(tx, last));
        assert_eq!(read(&store, |tx| timers::next(tx)), None);
        write(&store, |tx| timers::set(tx, "departure", "M3", "arrival", at(1), b""));
        assert!(due(1)[0].id > last);
    }

    fn the_log_grows_without_gaps(place) {
        let store = place.store();
        assert_eq!(read(&store, |tx| log::size(tx)), 0);
        assert_eq!(read(&store, |tx| log::load_frontier(tx)), b"");
        for index in 0..4_u8 {
            let given = write(&store, move |tx| {
                log::save_frontier(tx, &[index; 3])?;
                log::append(tx, &[index], [index; 32], at(index.into()))
            });
            assert_eq!(given, i64::from(index));
        }
        let lost: Result<i64, StoreError> = store.write(|tx| {
            log::append(tx, b"lost", [9; 32], at(9))?;
            Err(StoreError::Closed)
        });
        assert!(lost.is_err());
        assert_eq!(read(&store, |tx| log::size(tx)), 4);
        assert_eq!(read(&store, |tx| log::leaves(tx, 1, 3)), [[1; 32], [2; 32]]);
        assert_eq!(read(&store, |tx| log::leaves(tx, 0, 99)).len(), 4);
        assert_eq!(read(&store, |tx| log::entry(tx, 2)).as_deref(), Some([2].as_slice()));
        assert_eq!(read(&store, |tx| log::entry(tx, 4)), None);
        assert_eq!(read(&store, |tx| log::load_frontier(tx)), [3; 3]);
    }

    fn a_checkpoint_never_goes_back(place) {
        let store = place.store();
        write(&store, |tx| (0..5).try_for_each(|_| log::append(tx, b"e", [1; 32], at(1)).map(drop)));
        let save = |size: i64, note: &'static str| store.write(move |tx| log::save_checkpoint(tx, size, note, at(size)));
        assert_eq!(read(&store, |tx| log::latest_checkpoint(tx)), None);
        save(3, "three").unwrap();
        save(3, "three").unwrap();
        for (size, note) in [(3, "other"), (2, "two"), (6, "six")] {
            assert!(matches!(save(size, note), Err(StoreError::OutOfSequence { given, .. }) if given == size));
        }
        save(5, "five").unwrap();
        let latest = read(&store, |tx| log::latest_checkpoint(tx)).unwrap();
        assert_eq!((latest.size, latest.at, latest.note.as_str()), (5, at(5), "five"));
    }

    fn settings_are_kept(place) {
        let store = place.store();
        assert_eq!(read(&store, |tx| settings::get(tx, "identity")), None);
        write(&store, |tx| settings::put(tx, "identity", b"a"));
        write(&store, |tx| settings::put(tx, "identity", b""));
        assert_eq!(read(&store, |tx| settings::get(tx, "identity")).as_deref(), Some(b"".as_slice()));
    }
}
