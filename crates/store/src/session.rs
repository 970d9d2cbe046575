//! A connection as the writer and the readers use it: what the two adapters have in common.

use crate::db::check_parameters;
use crate::{Engine, Row, StoreError, Tx, Value};

/// One connection. A writing session opens a group, marks a savepoint before each command and commits once; a reading
/// session opens and ends snapshots. No session does both at a time.
pub(crate) trait Session: Send {
    /// The engine.
    fn engine(&self) -> Engine;

    /// Puts a savepoint before the next command, opening the group's transaction first when there is none (and
    /// reconnecting first when the connection was lost between groups).
    fn mark(&mut self) -> Result<(), StoreError>;

    /// Rolls back to the last mark.
    fn undo(&mut self) -> Result<(), StoreError>;

    /// Makes the group durable.
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Gives the group up, whatever state the connection is in.
    fn abandon(&mut self);

    /// Opens a read-only snapshot.
    fn open_snapshot(&mut self) -> Result<(), StoreError>;

    /// Ends the snapshot.
    fn end_snapshot(&mut self) -> Result<(), StoreError>;

    /// Runs a statement without rows.
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError>;

    /// Runs a statement with rows.
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError>;

    /// Runs statements of the schema, already in the engine's own words.
    fn batch(&mut self, sql: &str) -> Result<(), StoreError>;

    /// Compiles a statement without running it.
    fn prepare(&mut self, sql: &str) -> Result<(), StoreError>;
}

/// The transaction that one command sees. After a failed statement it refuses everything: PostgreSQL can do nothing
/// but roll back then, and a command must not behave differently on SQLite.
pub(crate) struct CommandTx<'s> {
    session: &'s mut dyn Session,
    failed: Option<StoreError>,
}

impl<'s> CommandTx<'s> {
    /// A transaction over the open group or snapshot of `session`.
    pub(crate) fn new(session: &'s mut dyn Session) -> Self {
        Self { session, failed: None }
    }

    /// Ends the command and tells which statement of it failed first.
    pub(crate) fn into_failure(self) -> Option<StoreError> {
        self.failed
    }

    fn run<T>(
        &mut self,
        params: &[Value],
        statement: impl FnOnce(&mut dyn Session) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(first) = &self.failed {
            return Err(StoreError::Poisoned { reason: first.to_string() });
        }
        let outcome = check_parameters(params).and_then(|()| statement(self.session));
        if let Err(error) = &outcome {
            self.failed = Some(error.clone());
        }
        outcome
    }
}

impl Tx for CommandTx<'_> {
    fn engine(&self) -> Engine {
        self.session.engine()
    }

    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        #[cfg(feature = "testing")]
        crate::testing::heard(sql);
        self.run(params, |session| session.execute(sql, params))
    }

    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        #[cfg(feature = "testing")]
        crate::testing::heard(sql);
        self.run(params, |session| session.query(sql, params))
    }
}
