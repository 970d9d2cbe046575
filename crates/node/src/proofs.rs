//! What proves each message between nodes: the secret of its content, its place in our log, and whether and why its
//! content was erased.

use base::{MessageId, Timestamp};
use store::{Migration, Row, StoreError, Tx, Value};

/// Adds the place in our log to messages, and the record of erasures.
pub(crate) const SCHEMA: Migration = Migration {
    name: "proofs-0001",
    sql: "
ALTER TABLE messages ADD COLUMN leaf_index BIGINT;
CREATE TABLE erasures (
    message BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    by_whom TEXT NOT NULL,
    ground TEXT NOT NULL
)",
};

/// Keeps the secret of a message that came, and its place in our log. With the secret, and only with it, the content on
/// record can be shown to be what the signed statement commits to; erasing it leaves the statement's proofs valid and
/// mute.
///
/// # Errors
/// When the store fails.
pub(crate) fn keep_received(
    tx: &mut dyn Tx,
    (message, message_id): (i64, &MessageId),
    secret: &[u8; 32],
    leaf_index: i64,
) -> Result<(), StoreError> {
    // A repeat under another identity is answered with the number of the first, whose proof this is not.
    tx.execute(
        "UPDATE messages SET secret = ?3, leaf_index = ?4 WHERE id = ?1 AND exchange_id = ?2",
        &[message.into(), message_id.to_string().into(), secret.as_slice().into(), leaf_index.into()],
    )?;
    Ok(())
}

/// The same for a message that we send. Its identity is ours, so no partner's message can have it among those sent.
///
/// # Errors
/// When the store fails.
pub(crate) fn keep_sent(
    tx: &mut dyn Tx,
    message_id: &MessageId,
    secret: &[u8; 32],
    leaf_index: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE messages SET secret = ?2, leaf_index = ?3 WHERE exchange_id = ?1 AND direction = 'sent'",
        &[message_id.to_string().into(), secret.as_slice().into(), leaf_index.into()],
    )?;
    Ok(())
}

/// Why there is no content any more.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Erasure {
    /// When it was erased, in microseconds since 1970.
    pub at: i64,
    /// Who erased it: an officer's name, or `retention`.
    pub by: String,
    /// On what ground.
    pub ground: String,
}

impl Erasure {
    /// When it was erased.
    pub fn moment(&self) -> Timestamp {
        Timestamp::from_micros(self.at)
    }
}

/// A message between nodes with what is kept to prove it.
pub(crate) struct Kept {
    pub(crate) id: i64,
    pub(crate) sent: bool,
    pub(crate) message_id: MessageId,
    pub(crate) secret: Option<[u8; 32]>,
    pub(crate) leaf_index: Option<i64>,
    pub(crate) body: Vec<u8>,
    pub(crate) erasure: Option<Erasure>,
}

/// A message on record, by its number; `None` when there is none, or when it never was between nodes.
///
/// # Errors
/// When the store fails.
pub(crate) fn find(tx: &mut dyn Tx, message: i64) -> Result<Option<Kept>, StoreError> {
    let rows = tx.query(
        "SELECT m.id, m.direction, m.exchange_id, m.secret, m.leaf_index, b.body, e.at, e.by_whom, e.ground \
         FROM messages m JOIN bodies b ON b.message = m.id LEFT JOIN erasures e ON e.message = m.id \
         WHERE m.id = ?1 AND m.exchange_id IS NOT NULL",
        &[message.into()],
    )?;
    rows.first().map(kept).transpose()
}

fn kept(row: &Row) -> Result<Kept, StoreError> {
    let secret = match row.opt_bytes(3)? {
        Some(_) => Some(row.array(3)?),
        None => None,
    };
    let erasure = match row.opt_int(6)? {
        Some(at) => Some(Erasure { at, by: row.text(7)?.to_owned(), ground: row.text(8)?.to_owned() }),
        None => None,
    };
    let message_id = row.text(2)?;
    Ok(Kept {
        id: row.int(0)?,
        sent: row.text(1)? == "sent",
        message_id: message_id.parse().map_err(|_| StoreError::Damaged {
            what: "message id",
            reason: format!("`{message_id}` is none"),
        })?,
        secret,
        leaf_index: row.opt_int(4)?,
        body: row.bytes(5)?.to_vec(),
        erasure,
    })
}

/// The numbers of the messages that have this identity between nodes, oldest first.
///
/// # Errors
/// When the store fails.
pub(crate) fn numbers_of(tx: &mut dyn Tx, message_id: &str) -> Result<Vec<i64>, StoreError> {
    let of: Value = message_id.into();
    tx.query("SELECT id FROM messages WHERE exchange_id = ?1 ORDER BY id", &[of])?
        .iter()
        .map(|row| row.int(0))
        .collect()
}
