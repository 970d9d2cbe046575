//! Staged statements: those that we signed about partners' messages, on their way back; and those that partners signed
//! about ours.
//!
//! A statement of ours is queued in the same command as the decision that it tells of, and leaves the queue when the
//! partner has taken it. A statement of a partner's is kept with the letter that it is about, once for each stage.

use crate::db::{Row, limit_value, parsed};
use crate::{Migration, StoreError, Tx};
use base::{Administration, MessageId, Timestamp};

pub(crate) const SCHEMA: Migration = Migration {
    name: "stages",
    sql: "create table stage_queue (
            id BIGINT not null primary key, recipient TEXT not null, message_id TEXT not null, stage BIGINT not null,
            statement BLOB not null, available BIGINT not null, attempts BIGINT not null, taken BIGINT, reason TEXT);
        create unique index stage_once on stage_queue (recipient, message_id, stage);
        create index stage_turn on stage_queue (recipient, id) where taken is null;
        create table stage_received (
            message_id TEXT not null, stage BIGINT not null, at BIGINT not null, code TEXT not null, words TEXT not null,
            statement BLOB not null, entered BIGINT not null, primary key (message_id, stage))",
};

crate::statements! {
    QUEUE = "insert into stage_queue (id, recipient, message_id, stage, statement, available, attempts)
        values ((select coalesce(max(id), 0) + 1 from stage_queue), ?1, ?2, ?3, ?4, ?5, 0)
        on conflict (recipient, message_id, stage) do nothing";
    NEXT_RECIPIENT = "select min(recipient) from stage_queue where taken is null and recipient > ?1";
    WAITING = "select id, statement from stage_queue where taken is null and recipient = ?1 and available <= ?2
        order by id limit ?3";
    COUNT = "select count(*) from stage_queue where taken is null";
    TAKEN = "update stage_queue set taken = ?2, reason = ?3 where id = ?1 and taken is null";
    POSTPONED = "update stage_queue set available = ?2, attempts = attempts + 1, reason = ?3
        where id = ?1 and taken is null";
    RECEIVE = "insert into stage_received (message_id, stage, at, code, words, statement, entered)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict (message_id, stage) do nothing";
    OURS = "select statement from stage_queue where recipient = ?1 and message_id = ?2 order by stage";
    OF_MESSAGE = "select message_id, stage, at, code, words, statement from stage_received where message_id = ?1
        order by stage";
}

/// A statement of ours that a partner has not taken yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its row.
    pub id: i64,
    /// The signed statement.
    pub statement: Vec<u8>,
}

/// A statement that a partner signed about a letter of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The letter.
    pub message_id: MessageId,
    /// The code of the stage.
    pub stage: i64,
    /// When the letter came to it, by the partner's clock.
    pub at: Timestamp,
    /// The code of the outcome; empty when there is none.
    pub code: String,
    /// The outcome in words.
    pub words: String,
    /// The signed statement.
    pub statement: Vec<u8>,
}

/// Queues a statement for the sender of the message that it is about. `false` means that this stage of the message was
/// stated before: that statement stands.
///
/// # Errors
/// When the database fails.
pub fn queue(
    tx: &mut dyn Tx,
    recipient: &Administration,
    message_id: MessageId,
    stage: i64,
    statement: &[u8],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let row = [
        recipient.as_str().into(),
        message_id.to_string().into(),
        stage.into(),
        statement.into(),
        now.into(),
    ];
    tx.execute(QUEUE, &row).map(|rows| rows == 1)
}

/// The partners for whom statements wait.
///
/// # Errors
/// When the database fails.
pub fn recipients(tx: &mut dyn Tx) -> Result<Vec<Administration>, StoreError> {
    let mut found: Vec<Administration> = Vec::new();
    loop {
        let after = found.last().map_or("", |last| last.as_str());
        match crate::db::only(tx.query(NEXT_RECIPIENT, &[after.into()])?)?.opt_text(0)? {
            Some(recipient) => found.push(parsed("recipient", recipient)?),
            None => return Ok(found),
        }
    }
}

/// The oldest statements that wait for a partner and are due.
///
/// # Errors
/// When the database fails.
pub fn waiting(
    tx: &mut dyn Tx,
    recipient: &Administration,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Waiting>, StoreError> {
    let rows = tx.query(WAITING, &[recipient.as_str().into(), now.into(), limit_value(limit)])?;
    rows.iter().map(|row| Ok(Waiting { id: row.int(0)?, statement: row.bytes(1)?.to_vec() })).collect()
}

/// How many statements wait.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    crate::db::only(tx.query(COUNT, &[])?)?.int(0)
}

/// Notes that the partner took a statement, or will never take it and why.
///
/// # Errors
/// When the database fails.
pub fn taken(tx: &mut dyn Tx, id: i64, refused: Option<&str>, at: Timestamp) -> Result<(), StoreError> {
    tx.execute(TAKEN, &[id.into(), at.into(), refused.into()]).map(drop)
}

/// Puts a statement off after a failed attempt.
///
/// # Errors
/// When the database fails.
pub fn postponed(tx: &mut dyn Tx, id: i64, until: Timestamp, reason: &str) -> Result<(), StoreError> {
    tx.execute(POSTPONED, &[id.into(), until.into(), reason.into()]).map(drop)
}

/// Keeps a partner's statement about a letter of ours. `false` means that this stage of the letter is known.
///
/// # Errors
/// When the database fails.
pub fn receive(tx: &mut dyn Tx, attached: &Attached, now: Timestamp) -> Result<bool, StoreError> {
    let row = [
        attached.message_id.to_string().into(),
        attached.stage.into(),
        attached.at.into(),
        attached.code.as_str().into(),
        attached.words.as_str().into(),
        attached.statement.as_slice().into(),
        now.into(),
    ];
    tx.execute(RECEIVE, &row).map(|rows| rows == 1)
}

/// The statements of the partner about a letter of ours, in the order of stages.
///
/// # Errors
/// When the database fails.
pub fn of_message(tx: &mut dyn Tx, message_id: MessageId) -> Result<Vec<Attached>, StoreError> {
    tx.query(OF_MESSAGE, &[message_id.to_string().into()])?.iter().map(attached).collect()
}

fn attached(row: &Row) -> Result<Attached, StoreError> {
    Ok(Attached {
        message_id: parsed("message id", row.text(0)?)?,
        stage: row.int(1)?,
        at: row.timestamp(2)?,
        code: row.text(3)?.to_owned(),
        words: row.text(4)?.to_owned(),
        statement: row.bytes(5)?.to_vec(),
    })
}

/// What we signed about a partner's message, in the order of the stages.
///
/// # Errors
/// When the database fails.
pub fn ours(
    tx: &mut dyn Tx,
    sender: &Administration,
    message_id: MessageId,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows = tx.query(OURS, &[sender.as_str().into(), message_id.to_string().into()])?;
    rows.iter().map(|row| Ok(row.bytes(0)?.to_vec())).collect()
}
