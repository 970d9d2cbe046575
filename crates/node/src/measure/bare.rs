//! The bare arm of a benchmark: durable inserts of the same bytes by the same group commit, and nothing else.

use std::time::{Duration, Instant};
use store::{Execution, Location, Migration, Store, StoreError};
use tokio::sync::oneshot;

/// Why a bare arm of a benchmark failed.
#[derive(Debug, thiserror::Error)]
pub enum BareError {
    /// A location or a name is not what it must be.
    #[error(transparent)]
    Invalid(#[from] base::Invalid),
    /// A cryptographic function failed.
    #[error(transparent)]
    Evidence(#[from] evidence::EvidenceError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The writer is gone.
    #[error("the store has stopped")]
    Stopped,
}

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

    /// Inserts rows as [`BareStore::insert_all`] does, but at most `group` of them are under way at once, so that no
    /// commit carries more. Returns what it took.
    ///
    /// # Errors
    /// When the store fails.
    #[allow(clippy::disallowed_methods, reason = "measuring is what this is for")]
    pub async fn insert_groups(&self, rows: Vec<Vec<u8>>, group: usize) -> Result<Duration, BareError> {
        let mut rows = rows.into_iter();
        let mut spent = Duration::ZERO;
        loop {
            let wave: Vec<Vec<u8>> = rows.by_ref().take(group.max(1)).collect();
            if wave.is_empty() {
                return Ok(spent);
            }
            let started = Instant::now();
            self.insert_all(wave).await?;
            spent += started.elapsed();
        }
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
