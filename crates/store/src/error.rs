//! What can go wrong between a command and its durable commit.

use crate::Engine;

/// Longest piece of a statement that an error quotes: enough to recognise it, short enough for one log line.
const QUOTED_STATEMENT: usize = 96;

/// Why a command or a read did not happen. It can be cloned because every command of a lost group gets the same answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be opened or its connection was lost.
    #[error("the store `{location}` is not available: {reason}")]
    Unavailable {
        /// Where the database is, without its password.
        location: String,
        /// What the operating system or server said.
        reason: String,
    },
    /// Another process already writes to this store.
    #[error("the store `{location}` already has a writer: stop the other node or choose another store")]
    SecondWriter {
        /// Where the database is, without its password.
        location: String,
    },
    /// The engine refused a statement.
    #[error("{engine} refused `{statement}`: {reason}")]
    Statement {
        /// The engine.
        engine: Engine,
        /// The beginning of the statement.
        statement: String,
        /// The engine's reason.
        reason: String,
    },
    /// A statement would have broken a unique, not-null or other constraint of the schema.
    #[error("`{statement}` breaks a constraint: {reason}")]
    Constraint {
        /// The beginning of the statement.
        statement: String,
        /// The engine's reason, which names the constraint.
        reason: String,
    },
    /// The disk has no space left. Nothing of the command is stored, and the next one may succeed again.
    #[error("the store's disk is full ({reason}): free space or give it a larger disk")]
    Full {
        /// The engine's reason.
        reason: String,
    },
    /// A parameter cannot be stored alike in both engines.
    #[error("parameter ?{position} cannot be stored: {reason}")]
    Parameter {
        /// The position, from 1.
        position: usize,
        /// The rule it breaks.
        reason: &'static str,
    },
    /// A command went on after one of its statements had failed; PostgreSQL cannot, so neither engine does.
    #[error("a statement of this command failed before: {reason}")]
    Poisoned {
        /// What the failed statement reported.
        reason: String,
    },
    /// A column does not hold what the reader expects.
    #[error("column {index} holds {found} where {expected} was expected")]
    Column {
        /// The column, from 0.
        index: usize,
        /// The kind that was asked for.
        expected: &'static str,
        /// The kind that is there.
        found: &'static str,
    },
    /// A stored value is not what this program wrote.
    #[error("the stored {what} is damaged: {reason}")]
    Damaged {
        /// The thing.
        what: &'static str,
        /// How one can tell.
        reason: String,
    },
    /// Someone else saved this state first (optimistic version check).
    #[error("`{room}` `{key}` is at version {found}, not at {expected}: load it again and decide anew")]
    Conflict {
        /// The room of the state.
        room: String,
        /// The key within the room.
        key: String,
        /// The version that the caller had loaded.
        expected: i64,
        /// The version that is stored (0 when there is none).
        found: i64,
    },
    /// A number is not the next one of its gapless or rising series.
    #[error("sequence {given} of `{series}` is out of order: the next is {expected}")]
    OutOfSequence {
        /// The channel, or `checkpoint`.
        series: String,
        /// The number that was given.
        given: i64,
        /// The number that would be taken.
        expected: i64,
    },
    /// There is no such row.
    #[error("there is no {what} {id}")]
    NotFound {
        /// The kind of row.
        what: &'static str,
        /// Its number.
        id: i64,
    },
    /// The commit of the group failed: nothing of any of its commands is stored, unless the reason says that the
    /// outcome is unknown.
    #[error("the commit failed: {reason}")]
    Commit {
        /// The engine's reason.
        reason: String,
    },
    /// The command panicked; nothing of it is stored and the writer goes on.
    #[error("the command panicked: {reason}")]
    Panicked {
        /// The panic message.
        reason: String,
    },
    /// The writer's queue is full; the caller should slow down and try again.
    #[error("{limit} commands are waiting already: try again later")]
    Overloaded {
        /// The queue's limit.
        limit: usize,
    },
    /// A command or read was started inside another of the same store, which would wait for itself for ever.
    #[error("a command cannot start another command or read of the same store: use the transaction it has")]
    Nested,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// The schema cannot be brought up to date.
    #[error("migration `{name}`: {reason}")]
    Migration {
        /// The migration.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    /// Reports a damaged value.
    pub(crate) fn damaged(what: &'static str, reason: impl ToString) -> Self {
        Self::Damaged { what, reason: reason.to_string() }
    }

    /// Reports that a statement failed, as a broken constraint when `constraint` says so.
    pub(crate) fn statement(engine: Engine, sql: &str, constraint: bool, reason: impl ToString) -> Self {
        let mut statement: String = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((cut, _)) = statement.char_indices().nth(QUOTED_STATEMENT) {
            statement.truncate(cut);
            statement.push_str("...");
        }
        let reason = reason.to_string();
        if constraint {
            Self::Constraint { statement, reason }
        } else {
            Self::Statement { engine, statement, reason }
        }
    }
}
