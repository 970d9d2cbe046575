//! The server ends a connection, or the network does: between groups nobody notices, inside a group its commands hear
//! so, and a commit whose answer was lost is looked up.

use crate::support::{Place, TABLES};
use crate::{hold_the_writer, put, read, things, write};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use store::{Execution, Location, Store, StoreError};

/// Ends the server process that runs the statement.
const END_MYSELF: &str = "select pg_terminate_backend(pg_backend_pid())";

#[test]
fn a_connection_lost_between_groups_is_made_anew() {
    let Some(place) = Place::server() else { return };
    let store = place.store();
    let pid = write(&store, |tx| tx.query("select pg_backend_pid()", &[])?[0].int(0));
    let reader = read(&store, |tx| tx.query("select pg_backend_pid()", &[])?[0].int(0));
    // Another store of the same server, because this one must not notice.
    let other = Place::server().unwrap();
    let ended = write(&other.store(), move |tx| {
        let sql = "select pg_terminate_backend(?1, 5000), pg_terminate_backend(?2, 5000)";
        tx.query(sql, &[pid.into(), reader.into()])?[0].flag(0)
    });
    assert!(ended);
    write(&store, |tx| put(tx, 1));
    assert_eq!(things(&store), [1]);
}

#[test]
fn a_connection_lost_inside_a_group_loses_the_group() {
    let Some(place) = Place::server() else { return };
    let store = place.store();
    let (answer, answers) = channel();
    let blocked = hold_the_writer(&store);
    for id in 0..4 {
        let answer = answer.clone();
        let command = move |tx: &mut dyn store::Tx| {
            put(tx, id)?;
            if id == 1 { tx.query(END_MYSELF, &[]).map(drop) } else { Ok(()) }
        };
        store.write_then(command, move |outcome| answer.send(outcome).unwrap());
    }
    drop(blocked);
    let outcomes: Vec<_> = answers.iter().take(4).collect();
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome, Err(StoreError::Unavailable { .. }))),
        "{outcomes:?}"
    );
    assert!(things(&store).is_empty());
    write(&store, |tx| put(tx, 7));
    assert_eq!(things(&store), [7]);
}

#[test]
fn a_commit_that_the_server_did_not_reach_is_reported() {
    let Some(place) = Place::server() else { return };
    let store = place.store();
    write(&store, |tx| {
        tx.execute(
            "create function die() returns trigger language plpgsql as
             $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$",
            &[],
        )?;
        tx.execute(
            "create constraint trigger die after insert on things deferrable initially deferred
             for each row when (new.id = 13) execute function die()",
            &[],
        )
    });
    let outcome = store.write(|tx| put(tx, 13));
    let Err(StoreError::Commit { reason }) = outcome else { panic!("{outcome:?}") };
    assert!(!reason.contains("unknown"), "{reason}");
    assert!(things(&store).is_empty());
    write(&store, |tx| put(tx, 14));
    assert_eq!(things(&store), [14]);
}

#[test]
fn a_commit_whose_answer_was_lost_is_looked_up() {
    let Some(place) = Place::server() else { return };
    let Location::Postgres { url, schema } = &place.location else { panic!() };
    let Some(address) = url.rsplit_once('@').and_then(|(_, rest)| rest.split('/').next()) else { panic!() };
    let (port, swallow) = proxy(address.to_owned());
    let location = Location::Postgres {
        url: url.replace(address, &format!("127.0.0.1:{port}")),
        schema: schema.clone(),
    };
    let store = Store::open(&location, Execution::WriterThread, TABLES).unwrap();
    swallow.store(true, Ordering::SeqCst);
    assert_eq!(store.write(|tx| put(tx, 1)), Ok(1));
    assert!(!swallow.load(Ordering::SeqCst), "the proxy did not see the commit");
    assert_eq!(things(&store), [1]);
    write(&store, |tx| put(tx, 2));
    assert_eq!(things(&store), [1, 2]);
}

/// A network that, when told so, swallows the answer to the next commit and breaks the connection.
fn proxy(server: String) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let swallow = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&swallow);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
            let committing = Arc::new(AtomicBool::new(false));
            let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let (told, seen) = (Arc::clone(&told), Arc::clone(&committing));
            std::thread::spawn(move || {
                carry(from, to, |bytes| {
                    let is_commit = bytes.windows(7).any(|window| window == b"commit\0");
                    if is_commit && told.swap(false, Ordering::SeqCst) {
                        seen.store(true, Ordering::SeqCst);
                    }
                    true
                });
            });
            std::thread::spawn(move || carry(server, client, |_| !committing.load(Ordering::SeqCst)));
        }
    });
    (port, swallow)
}

/// Carries bytes until one side ends or `passes` says no.
fn carry(mut from: TcpStream, mut to: TcpStream, passes: impl Fn(&[u8]) -> bool) {
    let mut buffer = [0; 65536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !passes(&buffer[..length]) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
