//! What benchmarks ask of a node and of the store: counts, bodies, and bare durable inserts to compare with.

use crate::node::{Node, NodeError};
use crate::views;
use std::sync::atomic::{AtomicI64, Ordering};
use store::{Execution, Location, Migration, Store, StoreError};
use tokio::sync::oneshot;

/// How many messages are read at once when their bodies are collected.
const PAGE: i64 = views::PAGE_LIMIT;

/// Why the bare arm of a benchmark failed.
#[derive(Debug, thiserror::Error)]
pub enum BareError {
    /// The location cannot be read.
    #[error(transparent)]
    Location(#[from] base::Invalid),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The writer is gone.
    #[error("the store has stopped")]
    Stopped,
}

impl Node {
    /// Commands and durable commits of this node's store since it was opened.
    pub fn store_statistics(&self) -> (u64, u64) {
        let statistics = self.store().statistics();
        (statistics.commands, statistics.commits)
    }

    /// The bodies of the messages that were put on record since this was last asked. Of a message between two nodes
    /// the sender's record counts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn new_message_bodies(&self) -> Result<Vec<Vec<u8>>, NodeError> {
        let mut after = self.measured().load(Ordering::Relaxed);
        let mut bodies = Vec::new();
        loop {
            let page = self.read(move |tx| -> Result<_, NodeError> {
                let rows = views::messages(tx, None, None, after, PAGE)?;
                let mut bodies = Vec::new();
                for row in &rows {
                    let ours = row.direction == "sent" || row.from_party == "trader";
                    if ours && let Some((_, _, body)) = views::message_with_body(tx, row.id)? {
                        bodies.push(body);
                    }
                }
                Ok((rows.last().map(|row| row.id), bodies))
            });
            let (last, page) = page.await?;
            bodies.extend(page);
            let Some(last) = last else { break };
            after = last;
        }
        self.measured().store(after, Ordering::Relaxed);
        Ok(bodies)
    }
}

/// The cursor of [`Node::new_message_bodies`].
pub(crate) type Measured = AtomicI64;

/// One table in a database of its own, for the bare arm: the same bytes, the same group commit, nothing else.
pub struct BareStore {
    store: Store,
}

const TABLE: &[Migration] =
    &[Migration { name: "bare-0001", sql: "CREATE TABLE bare (id BIGINT PRIMARY KEY, body BLOB NOT NULL)" }];

impl BareStore {
    /// Opens it at a location, as in [`crate::Config::store`].
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(location: &str) -> Result<Self, BareError> {
        let location: Location = location.parse()?;
        Ok(Self { store: Store::open(&location, Execution::WriterThread, TABLE)? })
    }

    /// Inserts each body by a command of its own, all at once, and returns when all are durable.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn insert_all(&self, bodies: Vec<Vec<u8>>) -> Result<(), BareError> {
        let mut answers = Vec::new();
        for body in bodies {
            let (answer, answered) = oneshot::channel();
            self.store.write_then(
                move |tx| {
                    tx.execute("INSERT INTO bare (id, body) VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM bare), ?1)", &[
                        body.into(),
                    ])
                },
                move |result: Result<u64, StoreError>| {
                    // The benchmark waits for every answer.
                    let _ = answer.send(result);
                },
            );
            answers.push(answered);
        }
        for answer in answers {
            answer.await.map_err(|_| BareError::Stopped)??;
        }
        Ok(())
    }

    /// Closes it.
    pub async fn close(self) {
        let _ = tokio::task::spawn_blocking(move || self.store.close()).await;
    }
}

/// A PostgreSQL server of our own for a measurement, stopped when it is dropped; `None` where none is installed.
pub fn private_postgres() -> Option<PrivatePostgres> {
    store::testing::postgres().map(PrivatePostgres)
}

/// A private PostgreSQL server.
pub struct PrivatePostgres(store::testing::PgServer);

impl PrivatePostgres {
    /// The URL of its database.
    pub fn url(&self) -> String {
        self.0.url().to_string()
    }
}
