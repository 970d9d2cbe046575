//! Where a node's state lives: one port, two databases, one transaction per command.
//!
//! A command is a closure over a [`Tx`]. Everything that one legal act changes (journal rows, current state, outbox
//! and inbox rows, timers, log leaves, read tables) is written through that one [`Tx`] and becomes durable together
//! or not at all. [`Store::write`] returns only when the commit is on disk.
//!
//! ```
//! use store::{Execution, Location, Store, StoreError, counter};
//!
//! let location: Location = "memory:example".parse()?;
//! let store = Store::open(&location, Execution::Inline, &[])?;
//! let number = store.write(|tx| counter::next(tx, "declarations"))?;
//! assert_eq!(number, 1);
//! let read = store.read(|tx| counter::current(tx, "declarations"))?;
//! assert_eq!(read, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Two engines, one text
//! SQL is written once, in the portable part that SQLite and PostgreSQL (13 or later) share, with the placeholders
//! `?1`, `?2` and, in [`Migration`]s, the types `BIGINT`, `REAL`, `TEXT` and `BLOB`. A room names its statements with
//! [`statements!`], and a test prepares every one of them on both engines.
//!
//! # What this room does not do
//! No connection here is encrypted: a PostgreSQL server is reached over a Unix socket, loopback or a network that the
//! operator protects. A session-level pool such as pgbouncer's transaction mode must not stand in between, because the
//! writer's claim on its schema is a session lock. Nothing here is asynchronous: [`Store::write`] and [`Store::read`]
//! block, so an async edge calls [`Store::write_then`], and opens, reads and closes on threads where blocking is allowed
//! (the PostgreSQL client panics on a thread that drives an async runtime).

// This room is shell: it measures how long a group stays open and how long a lock may take, and waits for both.
#![allow(clippy::disallowed_methods)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod attachments;
pub mod counter;
mod db;
mod dialect;
mod error;
pub mod inbox;
pub mod journal;
mod location;
pub mod log;
mod memory;
mod migrate;
pub mod outbox;
mod pool;
mod postgres;
mod scrub;
mod session;
pub mod settings;
mod sqlite;
pub mod state;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tiles;
pub mod timers;
pub mod transfers;
pub mod witnessing;
mod writer;

pub mod stages;
mod store;

pub use db::{Engine, Row, Tx, Value};
pub use error::StoreError;
pub use location::{Location, destroy};
pub use memory::MemoryDisk;
pub use migrate::Migration;
pub use scrub::scrub;
pub use store::{Execution, Statistics, Store};

/// Every statement of this room, by name: what the house rule "every statement prepares on both engines" runs over.
pub fn statements() -> Vec<(&'static str, &'static str)> {
    [
        attachments::STATEMENTS,
        counter::STATEMENTS,
        inbox::STATEMENTS,
        journal::STATEMENTS,
        log::STATEMENTS,
        migrate::STATEMENTS,
        outbox::STATEMENTS,
        outbox::CONTENT_STATEMENTS,
        outbox::DEAD_STATEMENTS,
        outbox::QUEUE_STATEMENTS,
        stages::STATEMENTS,
        settings::STATEMENTS,
        state::STATEMENTS,
        tiles::STATEMENTS,
        timers::STATEMENTS,
        transfers::STATEMENTS,
        witnessing::STATEMENTS,
    ]
    .concat()
}
