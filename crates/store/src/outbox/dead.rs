//! Dead letters: those that will never be delivered, until an officer has dealt with each.

use super::{Status, limit_value};
use crate::db::{Row, first, parsed};
use crate::{StoreError, Tx};
use base::{Administration, MessageId, Timestamp};

crate::statements! {
    DEAD = "select id, message_id, recipient, channel, sequence, clause, purpose, message_type, lane, created, expires,
            status, reason, settled, closed, closing
        from outbox where status in ('refused', 'expired') and closed is null and id > ?1 order by id limit ?2";
    DEALT_WITH = "select id, message_id, recipient, channel, sequence, clause, purpose, message_type, lane, created,
            expires, status, reason, settled, closed, closing
        from outbox where closed is not null and id < ?1 order by id desc limit ?2";
    DEAD_LETTER = "select id, message_id, recipient, channel, sequence, clause, purpose, message_type, lane, created,
            expires, status, reason, settled, closed, closing
        from outbox where id = ?1 and status in ('refused', 'expired')";
    CLOSE = "update outbox set closed = ?2, closing = ?3
        where id = ?1 and status in ('refused', 'expired') and closed is null";
}

/// A letter that will never be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its row.
    pub id: i64,
    /// Its identity.
    pub message_id: MessageId,
    /// Who was to get it.
    pub recipient: Administration,
    /// Its channel.
    pub channel: String,
    /// Its place in the channel.
    pub sequence: i64,
    /// The clause that allowed it.
    pub clause: String,
    /// The purpose it was sent for.
    pub purpose: String,
    /// The type of message.
    pub message_type: String,
    /// Its priority.
    pub lane: i64,
    /// When it was made.
    pub created: Timestamp,
    /// When it stopped being worth sending.
    pub expires: Timestamp,
    /// Refused or expired.
    pub status: Status,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// When an officer dealt with it.
    pub closed: Option<Timestamp>,
    /// How.
    pub closing: Option<String>,
}

/// Dead letters that nobody has dealt with, after a row, oldest first.
///
/// # Errors
/// When the database fails.
pub fn dead(tx: &mut dyn Tx, after: i64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
    tx.query(DEAD, &[after.into(), limit_value(limit)])?.iter().map(of_row).collect()
}

/// Dead letters that an officer has dealt with, before a row, newest first.
///
/// # Errors
/// When the database fails.
pub fn dealt_with(tx: &mut dyn Tx, before: i64, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
    tx.query(DEALT_WITH, &[before.into(), limit_value(limit)])?.iter().map(of_row).collect()
}

/// One dead letter, dealt with or not.
///
/// # Errors
/// When the database fails.
pub fn dead_letter(tx: &mut dyn Tx, id: i64) -> Result<Option<DeadLetter>, StoreError> {
    first(tx.query(DEAD_LETTER, &[id.into()])?).as_ref().map(of_row).transpose()
}

/// Notes how an officer dealt with a dead letter. `false` means that somebody had already, or that it is none.
///
/// # Errors
/// When the database fails.
pub fn close(tx: &mut dyn Tx, id: i64, how: &str, at: Timestamp) -> Result<bool, StoreError> {
    tx.execute(CLOSE, &[id.into(), at.into(), how.into()]).map(|rows| rows == 1)
}

fn of_row(row: &Row) -> Result<DeadLetter, StoreError> {
    Ok(DeadLetter {
        id: row.int(0)?,
        message_id: parsed("message id", row.text(1)?)?,
        recipient: parsed("recipient", row.text(2)?)?,
        channel: row.text(3)?.to_owned(),
        sequence: row.int(4)?,
        clause: row.text(5)?.to_owned(),
        purpose: row.text(6)?.to_owned(),
        message_type: row.text(7)?.to_owned(),
        lane: row.int(8)?,
        created: row.timestamp(9)?,
        expires: row.timestamp(10)?,
        status: Status::parse(row.text(11)?)?,
        reason: row.opt_text(12)?.unwrap_or("its time was over").to_owned(),
        since: row.opt_timestamp(13)?,
        closed: row.opt_timestamp(14)?,
        closing: row.opt_text(15)?.map(str::to_owned),
    })
}
