//! Commands: each for itself, many to a commit.

use crate::support::{Place, at, france, letter};
use crate::{entry, hold_the_writer, on_every_engine, put, read, things, write};
use std::sync::mpsc::channel;
use store::{Execution, StoreError, Tx, counter, journal, log, outbox, state, timers};

on_every_engine! {
    fn a_failing_command_leaves_no_trace_and_harms_no_other(place) {
        let store = place.store();
        let (answer, answers) = channel();
        let blocked = hold_the_writer(&store);
        for id in 0..6 {
            let answer = answer.clone();
            let command = move |tx: &mut dyn Tx| -> Result<(), StoreError> {
                put(tx, 100 + id)?;
                match id {
                    1 => Err(StoreError::Closed),
                    2 => put(tx, 100).map(drop),
                    3 => panic!("on purpose"),
                    4 => {
                        // The failure is ignored, but the command is lost all the same.
                        assert!(put(tx, 100).is_err());
                        assert!(matches!(put(tx, 999), Err(StoreError::Poisoned { .. })));
                        Ok(())
                    }
                    _ => Ok(()),
                }
            };
            store.write_then(command, move |outcome| answer.send((id, outcome)).unwrap());
        }
        drop(blocked);
        let mut outcomes: Vec<_> = answers.iter().take(6).collect();
        outcomes.sort_by_key(|(id, _)| *id);
        assert_eq!(outcomes[0].1, Ok(()));
        assert_eq!(outcomes[1].1, Err(StoreError::Closed));
        assert!(matches!(outcomes[2].1, Err(StoreError::Constraint { .. })), "{:?}", outcomes[2].1);
        assert_eq!(outcomes[3].1, Err(StoreError::Panicked { reason: "on purpose".to_owned() }));
        assert!(matches!(outcomes[4].1, Err(StoreError::Poisoned { .. })));
        assert_eq!(outcomes[5].1, Ok(()));
        assert_eq!(things(&store), [100, 105]);
    }

    fn many_commands_share_a_commit(place) {
        let store = place.store();
        let before = store.statistics();
        let (answer, answers) = channel();
        let blocked = hold_the_writer(&store);
        for id in 0..640 {
            let answer = answer.clone();
            store.write_then(move |tx| put(tx, id), move |outcome| answer.send(outcome).unwrap());
        }
        drop(blocked);
        assert!(answers.iter().take(640).all(|outcome| outcome == Ok(1)));
        let after = store.statistics();
        // The queue was full when the writer came to it: groups of 64, and one for the command that held it.
        assert_eq!(after.commands - before.commands, 641);
        assert!(after.commits - before.commits <= 12, "{after:?}");
        assert_eq!(things(&store).len(), 640);
    }

    fn inline_commands_commit_one_by_one(place) {
        let store = place.open(Execution::Inline);
        for id in 0..5 {
            write(&store, move |tx| put(tx, id));
        }
        let statistics = store.statistics();
        assert_eq!((statistics.commands, statistics.commits), (5, 5));
        let (answer, answers) = channel();
        let again = store.clone();
        // With nobody else in between, an answer may start the next command.
        store.write_then(|tx| put(tx, 5), move |outcome: Result<u64, StoreError>| {
            outcome.unwrap();
            again.write_then(|tx| put(tx, 6), move |outcome: Result<u64, StoreError>| answer.send(outcome).unwrap());
        });
        assert_eq!(answers.recv().unwrap(), Ok(1));
        assert_eq!(things(&store), [0, 1, 2, 3, 4, 5, 6]);
    }

    fn a_command_inside_a_command_is_refused(place) {
        for execution in [Execution::Inline, Execution::WriterThread] {
            let store = place.open(execution);
            let inner = store.clone();
            let nested_write = store.write(move |_| inner.write(|tx| put(tx, 1)));
            assert_eq!(nested_write, Err(StoreError::Nested));
            let inner = store.clone();
            let nested_read = store.write(move |_| inner.read(|tx| tx.query("select 1", &[])));
            assert_eq!(nested_read, Err(StoreError::Nested));
            let read_in_read = store.read(|_| store.read(|tx| tx.query("select 1", &[])));
            assert_eq!(read_in_read, Err(StoreError::Nested));
            store.close();
        }
    }

    fn a_read_cannot_write_and_sees_a_snapshot(place) {
        let store = place.store();
        assert!(store.read(|tx| put(tx, 1)).is_err());
        assert!(things(&store).is_empty());
        write(&store, |tx| put(tx, 2));
        assert_eq!(things(&store), [2]);
        let panicked = store.read(|_| -> Result<(), StoreError> { panic!("on purpose") });
        assert_eq!(panicked, Err(StoreError::Panicked { reason: "on purpose".to_owned() }));
        assert_eq!(things(&store), [2]);
    }

    fn one_command_is_one_transaction(place) {
        let store = place.store();
        let everything = |tx: &mut dyn Tx| -> Result<(), StoreError> {
            let number = counter::next(tx, "mrn")?;
            journal::append(tx, &entry("departure/A", b"one"))?;
            state::save(tx, "departure", "A", 0, b"state")?;
            put(tx, number)?;
            outbox::enqueue(tx, &letter(&france(), 1, "A", 1))?;
            timers::set(tx, "departure", "A", "arrival", at(1), b"")?;
            log::append(tx, b"entry", [1; 32], at(1)).map(drop)
        };
        let refused: Result<(), StoreError> = store.write(move |tx| everything(tx).and(Err(StoreError::Closed)));
        assert_eq!(refused, Err(StoreError::Closed));
        for table in ["counter", "journal", "state", "things", "outbox", "timers", "log"] {
            let rows = read(&store, |tx| tx.query(&format!("select count(*) from {table}"), &[]));
            assert_eq!(rows[0].int(0).unwrap(), 0, "{table}");
        }
        write(&store, everything);
        assert_eq!(things(&store), [1]);
    }

    fn what_is_queued_at_the_close_is_still_done(place) {
        let store = place.store();
        let (answer, answers) = channel();
        let blocked = hold_the_writer(&store);
        for id in 0..100 {
            let answer = answer.clone();
            store.write_then(move |tx| put(tx, id), move |outcome: Result<u64, StoreError>| answer.send(outcome).unwrap());
        }
        drop(blocked);
        store.close();
        assert_eq!(answers.try_iter().filter(Result::is_ok).count(), 100);
        assert_eq!(things(&place.store()).len(), 100);
    }
}

#[test]
fn a_snapshot_stays_as_it_was_while_others_write() {
    for place in [Place::file(), Place::server()].into_iter().flatten() {
        let store = place.store();
        write(&store, |tx| put(tx, 1));
        let count = |tx: &mut dyn Tx| tx.query("select count(*) from things", &[])?[0].int(0);
        let (before, after) = read(&store, |tx| {
            let before = count(tx)?;
            let writer = store.clone();
            std::thread::spawn(move || writer.write(|tx| put(tx, 2)).unwrap()).join().unwrap();
            Ok((before, count(tx)?))
        });
        assert_eq!((before, after), (1, 1));
        assert_eq!(things(&store), [1, 2]);
    }
}

#[test]
fn a_full_queue_says_so() {
    let place = Place::memory().unwrap();
    let store = place.store();
    let blocked = hold_the_writer(&store);
    let (answer, answers) = channel();
    for id in 0..8193 {
        let answer = answer.clone();
        store.write_then(move |tx| put(tx, id), move |outcome| answer.send(outcome).unwrap());
    }
    assert_eq!(answers.try_recv().unwrap(), Err(StoreError::Overloaded { limit: 8192 }));
    drop(blocked);
    assert!(answers.iter().take(8192).all(|outcome| outcome == Ok(1)));
}

#[test]
fn a_failed_commit_is_everyones() {
    let place = Place::memory().unwrap();
    let store = place.store();
    let (answer, answers) = channel();
    let blocked = hold_the_writer(&store);
    // The command that holds the writer and those behind it are one group.
    place.disk.as_ref().unwrap().fail_next_commits(1);
    for id in 0..3 {
        let answer = answer.clone();
        let command = move |tx: &mut dyn Tx| {
            put(tx, id)?;
            if id == 1 { Err(StoreError::Closed) } else { Ok(()) }
        };
        store.write_then(command, move |outcome| answer.send(outcome).unwrap());
    }
    drop(blocked);
    // The refusal is overruled too: it may rest on what its neighbour wrote.
    assert!(answers.iter().take(3).all(|outcome| matches!(outcome, Err(StoreError::Commit { .. }))));
    assert!(things(&store).is_empty());
    write(&store, |tx| put(tx, 7));
    assert_eq!(things(&store), [7]);
}
