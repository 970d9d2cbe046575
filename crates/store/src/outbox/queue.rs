//! How much waits for each recipient, kept with every letter, so that looking at it never counts rows.

use super::Status;
use crate::db::{Row, first, parsed};
use crate::{StoreError, Tx};
use base::{Administration, MessageId, Timestamp};

crate::statements! {
    GROWN = "insert into outbox_queue (recipient, letters, bytes, delivered, refused, expired) values (?1, 1, ?2, 0, 0, 0)
        on conflict (recipient) do update set letters = outbox_queue.letters + 1,
            bytes = outbox_queue.bytes + excluded.bytes";
    SHRUNK = "update outbox_queue set letters = letters - 1, bytes = bytes - ?2, delivered = delivered + ?3,
            refused = refused + ?4, expired = expired + ?5, last_delivery = coalesce(?6, last_delivery)
        where recipient = ?1";
    QUEUES = "select recipient, letters, bytes, delivered, refused, expired, last_delivery from outbox_queue
        order by recipient";
    QUEUE = "select recipient, letters, bytes, delivered, refused, expired, last_delivery from outbox_queue
        where recipient = ?1";
    WAITING_FOR = "select letters, bytes from outbox_queue where recipient = ?1";
    OLDEST = "select created, reason from outbox where status in ('ready', 'waiting') and recipient = ?1
        order by id limit 1";
    STATUS = "select status from outbox where message_id = ?1";
    OFTEN_REFUSED = "select message_id, reason from outbox
        where status = 'ready' and refusals >= 3 and recipient = ?1 order by id limit 1";
}

/// Where the letter of a message stands; `None` when there is none.
///
/// # Errors
/// When the database fails.
pub fn status_of(tx: &mut dyn Tx, message_id: &str) -> Result<Option<Status>, StoreError> {
    first(tx.query(STATUS, &[message_id.into()])?).map(|row| Status::parse(row.text(0)?)).transpose()
}

/// A letter that its recipient has refused again and again, and may yet take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// Its identity.
    pub message_id: MessageId,
    /// What the recipient said last.
    pub reason: String,
}

/// What waits for one recipient, and what became of the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The recipient.
    pub recipient: Administration,
    /// Letters that are not settled.
    pub letters: i64,
    /// The bytes of their contents.
    pub bytes: i64,
    /// Letters that were delivered.
    pub delivered: i64,
    /// Letters that were refused.
    pub refused: i64,
    /// Letters that expired.
    pub expired: i64,
    /// When the last one was delivered.
    pub last_delivery: Option<Timestamp>,
    /// When the oldest that is not settled was made.
    pub oldest: Option<Timestamp>,
    /// Why that one was not delivered at its last attempt.
    pub problem: Option<String>,
    /// The oldest that was refused three times or more without being settled.
    pub declined: Option<Declined>,
}

/// Counts a letter that was put in.
pub(super) fn grown(tx: &mut dyn Tx, recipient: &str, bytes: usize) -> Result<(), StoreError> {
    tx.execute(GROWN, &[recipient.into(), i64::try_from(bytes).unwrap_or(i64::MAX).into()]).map(drop)
}

/// Counts a letter that was settled.
pub(super) fn shrunk(
    tx: &mut dyn Tx,
    recipient: &str,
    bytes: i64,
    status: Status,
    at: Timestamp,
) -> Result<(), StoreError> {
    let one = |wanted: Status| i64::from(status == wanted);
    let delivery = (status == Status::Delivered).then_some(at.as_micros());
    let row = [
        recipient.into(),
        bytes.into(),
        one(Status::Delivered).into(),
        one(Status::Refused).into(),
        one(Status::Expired).into(),
        delivery.map_or(crate::Value::Null, Into::into),
    ];
    tx.execute(SHRUNK, &row).map(drop)
}

/// How many letters wait for a recipient, and the bytes of their contents.
///
/// # Errors
/// When the database fails.
pub fn waiting_for(tx: &mut dyn Tx, recipient: &Administration) -> Result<(i64, i64), StoreError> {
    let row = first(tx.query(WAITING_FOR, &[recipient.as_str().into()])?);
    row.map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
}

/// What waits for every recipient that ever had a letter.
///
/// # Errors
/// When the database fails.
pub fn queues(tx: &mut dyn Tx) -> Result<Vec<Queue>, StoreError> {
    let rows = tx.query(QUEUES, &[])?;
    rows.iter().map(|row| of_row(tx, row)).collect()
}

/// What waits for one recipient; `None` when it never had a letter.
///
/// # Errors
/// When the database fails.
pub fn queue(tx: &mut dyn Tx, recipient: &Administration) -> Result<Option<Queue>, StoreError> {
    let rows = tx.query(QUEUE, &[recipient.as_str().into()])?;
    first(rows).map(|row| of_row(tx, &row)).transpose()
}

fn of_row(tx: &mut dyn Tx, row: &Row) -> Result<Queue, StoreError> {
    let oldest = first(tx.query(OLDEST, &[row.text(0)?.into()])?);
    let declined = first(tx.query(OFTEN_REFUSED, &[row.text(0)?.into()])?);
    let declined = declined.map(|row| -> Result<_, StoreError> {
        let reason = row.opt_text(1)?.unwrap_or_default().to_owned();
        Ok(Declined { message_id: parsed("message id", row.text(0)?)?, reason })
    });
    Ok(Queue {
        declined: declined.transpose()?,
        recipient: parsed("recipient", row.text(0)?)?,
        letters: row.int(1)?,
        bytes: row.int(2)?,
        delivered: row.int(3)?,
        refused: row.int(4)?,
        expired: row.int(5)?,
        last_delivery: row.opt_timestamp(6)?,
        oldest: oldest.as_ref().map(|oldest| oldest.timestamp(0)).transpose()?,
        problem: oldest.as_ref().map(|oldest| oldest.opt_text(1)).transpose()?.flatten().map(str::to_owned),
    })
}
