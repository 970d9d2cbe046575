//! What partners sent: each message once, with the receipt that a repeat gets again.

use crate::db::{first, only};
use crate::{Migration, StoreError, Tx};
use base::{Administration, Digest, MessageId, Timestamp};

pub(crate) const SCHEMA: Migration = Migration {
    name: "inbox",
    sql: "create table inbox (
            sender TEXT not null, message_id TEXT not null, channel TEXT not null, sequence BIGINT not null,
            digest BLOB not null, receipt BLOB not null, at BIGINT not null, primary key (sender, message_id));
        create unique index inbox_channel on inbox (sender, channel, sequence)",
};

crate::statements! {
    FIND = "select digest, receipt from inbox where sender = ?1 and message_id = ?2";
    RECORD = "insert into inbox (sender, message_id, channel, sequence, digest, receipt, at)
        select ?1, ?2, ?3, ?4, ?5, ?6, ?7
        where ?4 > (select coalesce(max(sequence), 0) from inbox where sender = ?1 and channel = ?3)";
    RENEW = "update inbox set receipt = ?3 where sender = ?1 and message_id = ?2";
    LAST = "select coalesce(max(sequence), 0) from inbox where sender = ?1 and channel = ?2";
}

/// A message that has been received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The digest of its statement: another one under the same id is a conflict.
    pub digest: Digest,
    /// The receipt that was given and is given again.
    pub receipt: Vec<u8>,
}

/// A message to be recorded, with the receipt it gets.
#[derive(Clone, Copy, Debug)]
pub struct Inbound<'m> {
    /// Who sent it.
    pub sender: &'m Administration,
    /// Its identity, unique for the sender.
    pub message_id: MessageId,
    /// The channel: the stream of one sender, recipient and subject.
    pub channel: &'m str,
    /// Its place in the channel, from 1.
    pub sequence: i64,
    /// The digest of its statement.
    pub digest: Digest,
    /// The receipt.
    pub receipt: &'m [u8],
    /// When it came.
    pub at: Timestamp,
}

/// Finds a message by its sender and identity.
///
/// # Errors
/// When the database fails.
pub fn find(
    tx: &mut dyn Tx,
    sender: &Administration,
    message_id: MessageId,
) -> Result<Option<Received>, StoreError> {
    let row = first(tx.query(FIND, &[sender.as_str().into(), message_id.to_string().into()])?);
    row.map(|row| Ok(Received { digest: Digest(row.array(0)?), receipt: row.bytes(1)?.to_vec() })).transpose()
}

/// Records a message, in the same command as its effects.
///
/// # Errors
/// [`StoreError::OutOfSequence`] when its channel is further already; [`StoreError::Constraint`] when the message has
/// been recorded before, which [`find`] should have told.
pub fn record(tx: &mut dyn Tx, message: &Inbound<'_>) -> Result<(), StoreError> {
    let row = [
        message.sender.as_str().into(),
        message.message_id.to_string().into(),
        message.channel.into(),
        message.sequence.into(),
        message.digest.into(),
        message.receipt.into(),
        message.at.into(),
    ];
    if tx.execute(RECORD, &row)? == 1 {
        return Ok(());
    }
    Err(StoreError::OutOfSequence {
        series: message.channel.to_owned(),
        given: message.sequence,
        expected: expected_sequence(tx, message.sender, message.channel)?,
    })
}

/// Keeps another receipt in place of the one that a message got: a key under that one was revoked since.
///
/// # Errors
/// When the database fails.
pub fn renew(
    tx: &mut dyn Tx,
    sender: &Administration,
    message_id: MessageId,
    receipt: &[u8],
) -> Result<(), StoreError> {
    let row = [sender.as_str().into(), message_id.to_string().into(), receipt.into()];
    tx.execute(RENEW, &row).map(drop)
}

/// The sequence that the next message of a channel must have, from 1.
///
/// # Errors
/// When the database fails.
pub fn expected_sequence(tx: &mut dyn Tx, sender: &Administration, channel: &str) -> Result<i64, StoreError> {
    let last = only(tx.query(LAST, &[sender.as_str().into(), channel.into()])?)?.int(0)?;
    Ok(last.saturating_add(1))
}
