//! Opening, refusing, migrating and destroying.

use crate::support::{Place, TABLES};
use crate::{on_every_engine, put, read, things, write};
use store::{Engine, Execution, Location, Migration, Store, StoreError};

on_every_engine! {
    fn a_second_writer_is_refused_until_the_first_closes(place) {
        let store = place.store();
        let second = Store::open(&place.location, Execution::Inline, TABLES);
        assert!(matches!(second.err(), Some(StoreError::SecondWriter { .. })));
        // The server's patience with a dying writer makes this ten seconds each: once is enough there.
        if store.engine() == Engine::Sqlite {
            assert!(matches!(store::destroy(&place.location), Err(StoreError::SecondWriter { .. })));
        }
        write(&store, |tx| put(tx, 1));
        let clone = store.clone();
        store.close();
        assert_eq!(clone.write(|tx| put(tx, 2)), Err(StoreError::Closed));
        assert_eq!(clone.read(|tx| tx.query("select 1", &[])), Err(StoreError::Closed));
        let reopened = place.store();
        assert_eq!(things(&reopened), [1]);
    }

    fn a_destroyed_store_is_empty_again(place) {
        let store = place.store();
        write(&store, |tx| put(tx, 1));
        store.close();
        store::destroy(&place.location).unwrap();
        store::destroy(&place.location).unwrap();
        assert!(things(&place.store()).is_empty());
    }

    fn migrations_are_applied_once_and_never_change(place) {
        let first = Migration { name: "first", sql: "create table first (id BIGINT not null primary key)" };
        let second = Migration { name: "second", sql: "insert into first (id) values (2); alter table first add column b BLOB" };
        let open = |steps: &[Migration]| Store::open(&place.location, Execution::Inline, steps);
        open(&[first]).unwrap().close();
        for _ in 0..2 {
            let store = open(&[first, second]).unwrap();
            let rows = read(&store, |tx| tx.query("select id, b from first", &[]));
            assert_eq!(rows.len(), 1);
        }
        let reason = |steps: &[Migration]| match open(steps) {
            Err(StoreError::Migration { name, reason }) => format!("{name}: {reason}"),
            other => panic!("{:?}", other.map(|_| ())),
        };
        assert!(reason(&[first]).starts_with("second: the database has it but this program does not"));
        let changed = Migration { name: "first", sql: "create table first (id TEXT)" };
        assert!(reason(&[changed, second]).starts_with("first: its text has changed"));
        assert!(reason(&[second, first]).starts_with("second: the database has `first` in its place"));
        let broken = Migration { name: "broken", sql: "create table third (id BIGINT); create tible" };
        assert!(reason(&[first, second, broken]).starts_with("broken: "));
        // Nothing of a broken step stays.
        let third = Migration { name: "third", sql: "create table third (id BIGINT)" };
        open(&[first, second, third]).unwrap();
    }
}

#[test]
fn a_store_that_cannot_be_reached_says_where_and_why() {
    let nowhere = Location::SqliteFile("/nonexistent/node.db".into());
    let error = Store::open(&nowhere, Execution::Inline, &[]).err().unwrap().to_string();
    assert!(
        error.starts_with("the store `sqlite:/nonexistent/node.db` is not available: cannot lock"),
        "{error}"
    );
    // Port 1 of loopback: nobody listens there.
    let nobody: Location = "postgres://node:secret@127.0.0.1:1/customs".parse().unwrap();
    let error = Store::open(&nobody, Execution::Inline, &[]).err().unwrap().to_string();
    assert!(
        error.starts_with("the store `postgres://node@127.0.0.1:1/customs?schema=tidewaiter` is not"),
        "{error}"
    );
    assert!(!error.contains("secret"));
}

#[test]
fn each_engine_names_itself() {
    let engines = [Place::file(), Place::memory()].map(|place| place.unwrap().store().engine());
    assert_eq!(engines, [Engine::Sqlite, Engine::Sqlite]);
    if let Some(place) = Place::server() {
        assert_eq!(place.store().engine(), Engine::Postgres);
    }
}
