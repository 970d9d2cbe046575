//! Transfers: offered messages whose attachments are not all here. A row goes when the message is received, refused for
//! good, or given up; nothing of it has had an effect before.

use crate::attachments;
use crate::db::{first, limit_value, only};
use crate::{Migration, StoreError, Tx, Value};
use base::{Administration, Digest, MessageId, Timestamp};

pub(crate) const SCHEMA: Migration = Migration {
    name: "transfers",
    sql: "create table transfer (
            sender TEXT not null, message_id TEXT not null, digest BLOB not null, statement BLOB not null,
            size BIGINT not null, expires BIGINT not null, touched BIGINT not null, spoiled BIGINT not null,
            primary key (sender, message_id));
        create index transfer_digest on transfer (digest);
        create index transfer_expires on transfer (expires)",
};

crate::statements! {
    OFFER = "insert into transfer (sender, message_id, digest, statement, size, expires, touched, spoiled)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)";
    TRANSFER = "select digest, statement, size, expires, spoiled from transfer where sender = ?1 and message_id = ?2";
    BY_DIGEST = "select message_id, statement, expires, spoiled from transfer where sender = ?1 and digest = ?2";
    TOUCH_TRANSFER = "update transfer set touched = ?3 where sender = ?1 and message_id = ?2";
    SPOIL = "update transfer set spoiled = 1 where sender = ?1 and message_id = ?2";
    END = "delete from transfer where sender = ?1 and message_id = ?2";
    LOAD = "select count(*), coalesce(sum(size), 0) from transfer where sender = ?1";
    ALL_LOAD = "select coalesce(sum(size), 0) from transfer";
    OVER = "select sender, message_id from transfer where expires <= ?1 or touched < ?2 limit ?3";
}

/// An offered message whose attachments are not all here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The identity of the message.
    pub message_id: String,
    /// The SHA-256 of its statement.
    pub digest: Digest,
    /// The signed statement.
    pub statement: Vec<u8>,
    /// When the message expires.
    pub expires: Timestamp,
    /// Whether a chunk of it, as it was signed, does not open.
    pub spoiled: bool,
}

/// Takes up an offer: `size` is the room that its attachments need.
///
/// # Errors
/// [`StoreError::Constraint`] when the message is offered already.
pub fn offer(
    tx: &mut dyn Tx,
    sender: &Administration,
    (message_id, digest, statement): (MessageId, Digest, &[u8]),
    size: i64,
    (expires, at): (Timestamp, Timestamp),
) -> Result<(), StoreError> {
    let row: [Value; 7] = [
        sender.as_str().into(),
        message_id.to_string().into(),
        digest.into(),
        statement.into(),
        size.into(),
        expires.into(),
        at.into(),
    ];
    tx.execute(OFFER, &row).map(drop)
}

/// The transfer of a message, if it is under way.
///
/// # Errors
/// When the database fails.
pub fn transfer(
    tx: &mut dyn Tx,
    sender: &Administration,
    message_id: MessageId,
) -> Result<Option<Transfer>, StoreError> {
    let id = message_id.to_string();
    let row = first(tx.query(TRANSFER, &[sender.as_str().into(), id.as_str().into()])?);
    row.map(|row| {
        Ok(Transfer {
            message_id: id,
            digest: Digest(row.array(0)?),
            statement: row.bytes(1)?.to_vec(),
            expires: row.timestamp(3)?,
            spoiled: row.flag(4)?,
        })
    })
    .transpose()
}

/// The transfer of a statement, if it is under way.
///
/// # Errors
/// When the database fails.
pub fn transfer_of(
    tx: &mut dyn Tx,
    sender: &Administration,
    digest: Digest,
) -> Result<Option<Transfer>, StoreError> {
    let row = first(tx.query(BY_DIGEST, &[sender.as_str().into(), digest.into()])?);
    row.map(|row| {
        Ok(Transfer {
            message_id: row.text(0)?.to_owned(),
            digest,
            statement: row.bytes(1)?.to_vec(),
            expires: row.timestamp(2)?,
            spoiled: row.flag(3)?,
        })
    })
    .transpose()
}

/// Notes that something came for a transfer.
///
/// # Errors
/// When the database fails.
pub fn touch(
    tx: &mut dyn Tx,
    sender: &Administration,
    message_id: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    Ok(tx.execute(TOUCH_TRANSFER, &[sender.as_str().into(), message_id.into(), at.into()])? == 1)
}

/// Notes that a chunk does not open although it is the one that was signed.
///
/// # Errors
/// When the database fails.
pub fn spoil(tx: &mut dyn Tx, sender: &Administration, message_id: &str) -> Result<(), StoreError> {
    tx.execute(SPOIL, &[sender.as_str().into(), message_id.into()]).map(drop)
}

/// Ends a transfer; its attachments stay as they are.
///
/// # Errors
/// When the database fails.
pub fn end(tx: &mut dyn Tx, sender: &Administration, message_id: &str) -> Result<(), StoreError> {
    tx.execute(END, &[sender.as_str().into(), message_id.into()]).map(drop)
}

/// Ends a transfer that will not be completed, and erases what is here of its attachments.
///
/// # Errors
/// When the database fails.
pub fn give_up(tx: &mut dyn Tx, sender: &Administration, message_id: &str) -> Result<(), StoreError> {
    end(tx, sender, message_id)?;
    attachments::give_up(tx, sender, message_id)
}

/// How many transfers of a partner are under way, and how many bytes they need in all.
///
/// # Errors
/// When the database fails.
pub fn load(tx: &mut dyn Tx, sender: &Administration) -> Result<(i64, i64), StoreError> {
    let row = only(tx.query(LOAD, &[sender.as_str().into()])?)?;
    Ok((row.int(0)?, row.int(1)?))
}

/// How many bytes the transfers of all partners need.
///
/// # Errors
/// When the database fails.
pub fn load_of_all(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    only(tx.query(ALL_LOAD, &[])?)?.int(0)
}

/// Transfers that have expired, or that nothing came for since `idle`: sender and message.
///
/// # Errors
/// When the database fails.
pub fn over(
    tx: &mut dyn Tx,
    now: Timestamp,
    idle: Timestamp,
    limit: usize,
) -> Result<Vec<(String, String)>, StoreError> {
    let rows = tx.query(OVER, &[now.into(), idle.into(), limit_value(limit)])?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}
