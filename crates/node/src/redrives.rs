//! Which dead letter was sent again as which message, and who did it.

use crate::node::{Node, NodeError};
use serde::Serialize;
use store::{Migration, Row, StoreError, Tx};

/// Which letter was sent again as which.
pub(crate) const SCHEMA: Migration = Migration {
    name: "node-redrives",
    sql: "
CREATE TABLE redrives (
    message BIGINT PRIMARY KEY,
    formerly TEXT NOT NULL,
    officer TEXT NOT NULL,
    at BIGINT NOT NULL
);
",
};

/// What took the place of a letter is found by the letter.
pub(crate) const BY_FORMER: Migration = Migration {
    name: "node-redrives-by-former",
    sql: "
CREATE INDEX redrives_by_former ON redrives (formerly);
",
};

store::statements! {
    REDRIVEN = "INSERT INTO redrives (message, formerly, officer, at) VALUES (?1, ?2, ?3, ?4)";
    REPLACES = "SELECT f.id, f.exchange_id, f.message_type, r.officer, r.at
        FROM messages m JOIN redrives r ON r.message = m.id
            JOIN messages f ON f.exchange_id = r.formerly AND f.direction = 'sent'
        WHERE m.exchange_id = ?1 AND m.direction = 'sent'";
    REPLACED_BY = "SELECT m.id, m.exchange_id, m.message_type, r.officer, r.at
        FROM redrives r JOIN messages m ON m.id = r.message WHERE r.formerly = ?1";
}

/// The other message when one took the place of another that was never delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replacement {
    /// Its number here.
    pub message: i64,
    /// Its identity between nodes, once it has one.
    pub exchange_id: Option<String>,
    /// Its type, as in `DOCUMENT` or `CD001C`.
    pub message_type: String,
    /// The officer who sent the one again as the other.
    pub officer: String,
    /// When, in microseconds since 1970.
    pub at: i64,
}

/// What a message replaces and is replaced by.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
pub struct Replacements {
    /// The dead letter whose place it took.
    pub replaces: Option<Replacement>,
    /// The message that took its place, as it was never delivered itself.
    pub replaced_by: Option<Replacement>,
}

/// Notes that `officer` sent the letter with the identity `formerly` again as `message`.
pub(crate) fn record(
    tx: &mut dyn Tx,
    message: i64,
    formerly: &str,
    (officer, at): (&str, base::Timestamp),
) -> Result<(), StoreError> {
    tx.execute(REDRIVEN, &[message.into(), formerly.into(), officer.into(), at.into()]).map(drop)
}

/// What the message that we sent with this identity replaces, and is replaced by.
pub(crate) fn of(tx: &mut dyn Tx, exchange_id: &str) -> Result<Replacements, StoreError> {
    let mut one = |statement| -> Result<Option<Replacement>, StoreError> {
        tx.query(statement, &[exchange_id.into()])?.first().map(from_row).transpose()
    };
    Ok(Replacements { replaces: one(REPLACES)?, replaced_by: one(REPLACED_BY)? })
}

impl Node {
    /// What the message that this node sent with this identity between nodes replaces, and is replaced by.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn replacements(&self, exchange_id: String) -> Result<Replacements, NodeError> {
        self.read(move |tx| Ok(of(tx, &exchange_id)?)).await
    }
}

fn from_row(row: &Row) -> Result<Replacement, StoreError> {
    Ok(Replacement {
        message: row.int(0)?,
        exchange_id: row.opt_text(1)?.map(str::to_owned),
        message_type: row.text(2)?.to_owned(),
        officer: row.text(3)?.to_owned(),
        at: row.int(4)?,
    })
}
