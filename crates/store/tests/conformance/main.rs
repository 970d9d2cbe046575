//! One suite for every engine: what a room does, it does on all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod attachments;
mod crash;
mod group_commit;
mod letters;
mod lost_connection;
mod opening;
mod rooms;
mod scrubbing;
mod values;
mod witnessing;

use store::{Store, StoreError, Tx, journal};
use support::at;

/// A command that only fails by the store.
fn write<T: Send + 'static>(
    store: &Store,
    command: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(command).unwrap()
}

/// A read that only fails by the store.
fn read<T>(store: &Store, read: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError>) -> T {
    store.read(read).unwrap()
}

/// Puts a thing into the read table.
fn put(tx: &mut dyn Tx, id: i64) -> Result<u64, StoreError> {
    tx.execute("insert into things (id) values (?1)", &[id.into()])
}

/// The things in the read table.
fn things(store: &Store) -> Vec<i64> {
    read(store, |tx| {
        tx.query("select id from things order by id", &[])?.iter().map(|row| row.int(0)).collect()
    })
}

fn entry<'e>(stream: &'e str, body: &'e [u8]) -> journal::JournalEntry<'e> {
    journal::JournalEntry { stream, kind: "released", at: at(7), salt: [9; 16], body, facts: b"facts" }
}

/// Keeps the writer busy until dropped, so that what is sent meanwhile queues up.
fn hold_the_writer(store: &Store) -> std::sync::mpsc::Sender<()> {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (started, has_started) = std::sync::mpsc::channel();
    let command = move |_: &mut dyn Tx| -> Result<(), StoreError> {
        started.send(()).unwrap();
        // Ends with an error when the sender is dropped.
        let _ = released.recv();
        Ok(())
    };
    store.write_then(command, |_| ());
    has_started.recv().unwrap();
    release
}
