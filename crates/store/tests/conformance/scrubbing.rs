//! What a server must be told and allowed, and what must have ended, before its files forget what was erased.

use crate::support::{Place, TABLES};
use postgres::{Client, NoTls};
use store::testing::private_postgres;
use store::{Execution, Location, Store, StoreError};

fn erase_a_thing(store: &Store) {
    for sql in ["insert into things (id, name) values (1, 'a name')", "delete from things"] {
        store
            .write(move |tx| tx.execute(sql, &[]).map(drop))
            .unwrap_or_else(|error: StoreError| panic!("{error}"));
    }
}

fn client(location: &Location) -> Client {
    let Location::Postgres { url, schema } = location else { panic!() };
    let mut client = Client::connect(url, NoTls).unwrap();
    client.batch_execute(&format!("set search_path to {schema}")).unwrap();
    client
}

/// The size of the table's file, and its number, which a rewriting changes.
fn file_of_things(client: &mut Client) -> (i64, u32) {
    let row =
        client.query_one("select pg_relation_size('things'), pg_relation_filenode('things')", &[]).unwrap();
    (row.get(0), row.get(1))
}

#[test]
fn what_an_older_transaction_may_see_is_not_called_forgotten() {
    let Some(place) = Place::server() else { return };
    let store = place.store();
    let mut reader = client(&place.location);
    reader.batch_execute("begin isolation level repeatable read; select 1").unwrap();
    erase_a_thing(&store);
    let mut looking = client(&place.location);
    let (_, before) = file_of_things(&mut looking);
    let location = place.location.clone();
    let scrubbing = std::thread::spawn(move || store::scrub(&location, &["things"]));
    // It is rewritten, and still holds what the reader may see.
    while file_of_things(&mut looking).1 == before {
        std::thread::yield_now();
    }
    assert!(file_of_things(&mut looking).0 > 0 && !scrubbing.is_finished());
    reader.batch_execute("commit").unwrap();
    scrubbing.join().unwrap().unwrap();
    assert_eq!(file_of_things(&mut looking).0, 0);
    store.close();
}

#[test]
fn what_the_server_keeps_all_the_same_is_said() {
    let Some(server) = private_postgres(&["wal_recycle=off"]) else { return };
    let mut administrator = client(&server.location("public"));
    administrator
        .batch_execute("create role plain login; grant create on database postgres to plain")
        .unwrap();
    let Location::Postgres { url, schema } = server.location("things_of_plain") else { panic!() };
    let location = Location::Postgres { url: url.replace("tidewaiter@", "plain@"), schema };
    let store = Store::open(&location, Execution::WriterThread, TABLES).unwrap();
    erase_a_thing(&store);
    let said = |location: &Location| store::scrub(location, &["things"]).unwrap().join("; ");
    assert!(said(&location).contains("grant pg_checkpoint to ROLE"), "{}", said(&location));
    administrator
        .batch_execute("grant pg_checkpoint to plain; grant execute on function pg_switch_wal() to plain")
        .unwrap();
    assert_eq!(said(&location), "");
    administrator.query("select pg_create_physical_replication_slot('replica', true)", &[]).unwrap();
    assert_eq!(said(&location), "a replication slot keeps old files of the write-ahead log");
    store.close();
}

#[test]
fn a_server_that_recycles_its_log_is_warned_of() {
    let Some(server) = private_postgres(&[]) else { return };
    let location = server.location("things");
    let store = Store::open(&location, Execution::WriterThread, TABLES).unwrap();
    erase_a_thing(&store);
    let said = store::scrub(&location, &["things"]).unwrap();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("`wal_recycle` is on"), "{said:?}");
    store.close();
}
