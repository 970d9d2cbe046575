//! Builders and places for the tests of the store.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use base::{Administration, Digest, MessageId, Timestamp};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use store::testing::{PgServer, postgres};
use store::{Execution, Location, MemoryDisk, Migration, Store, outbox};

/// A read table as the node has them, with every type.
pub const TABLES: &[Migration] = &[Migration {
    name: "things",
    sql: "create table things (id BIGINT not null primary key, name TEXT, weight REAL, picture BLOB);
          create index things_name on things (name)",
}];

/// The server of this test run, which stops when the process ends.
static SERVER: OnceLock<Option<PgServer>> = OnceLock::new();

static PLACES: AtomicU32 = AtomicU32::new(0);

/// A fresh place for a store. What it holds keeps the place alive and is cleaned away with it.
pub struct Place {
    pub location: Location,
    pub disk: Option<MemoryDisk>,
    pub server: Option<PgServer>,
    _directory: Option<tempfile::TempDir>,
}

impl Place {
    pub fn file() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::SqliteFile(directory.path().join("node.db"));
        Some(Self { location, disk: None, server: None, _directory: Some(directory) })
    }

    pub fn memory() -> Option<Self> {
        let disk = MemoryDisk::open(&format!("place {}", PLACES.fetch_add(1, Ordering::Relaxed))).unwrap();
        Some(Self { location: disk.location(), disk: Some(disk), server: None, _directory: None })
    }

    pub fn server() -> Option<Self> {
        let server = SERVER.get_or_init(postgres).clone()?;
        let schema = format!("t{}_{}", std::process::id(), PLACES.fetch_add(1, Ordering::Relaxed));
        let location = server.location(&schema);
        Some(Self { location, disk: None, server: Some(server), _directory: None })
    }

    pub fn open(&self, execution: Execution) -> Store {
        Store::open(&self.location, execution, TABLES).unwrap()
    }

    pub fn store(&self) -> Store {
        self.open(Execution::WriterThread)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.server.is_some() {
            // A test that failed may still hold the store; the private server goes away anyway.
            let _ = store::destroy(&self.location);
        }
    }
}

/// One test for each engine.
#[macro_export]
macro_rules! on_every_engine {
    ($($(#[$attribute:meta])* fn $name:ident($place:ident) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $(#[$attribute])*
            fn given($place: &$crate::support::Place) $body
            #[test]
            fn sqlite_file() {
                $crate::support::Place::file().iter().for_each(given);
            }
            #[test]
            fn sqlite_memory() {
                $crate::support::Place::memory().iter().for_each(given);
            }
            #[test]
            fn postgresql() {
                $crate::support::Place::server().iter().for_each(given);
            }
        }
    )+};
}

pub fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

pub fn france() -> Administration {
    Administration::parse("NTA.FR").unwrap()
}

/// The `number`-th message id.
pub fn message_id(number: u64) -> MessageId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    MessageId::new(at(0), random)
}

pub fn digest(byte: u8) -> Digest {
    Digest([byte; 32])
}

/// A letter to France on a channel, with good defaults for the rest.
pub fn letter<'l>(
    recipient: &'l Administration,
    number: u64,
    channel: &'l str,
    sequence: i64,
) -> outbox::Letter<'l> {
    outbox::Letter {
        message_id: message_id(number),
        recipient,
        channel,
        sequence,
        clause: "4.2",
        purpose: "transit",
        agreement: "ctc@3",
        message_type: "CD001C",
        lane: 1,
        created: at(10),
        expires: at(1_000_000),
        cleared: b"cleared",
    }
}
