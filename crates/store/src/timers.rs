//! Deadlines of procedures: the arrival that is due, the enquiry that must start, the letter that expires.
//!
//! A timer that is over keeps its row, without moment and payload: so the highest number never falls, and no number is
//! ever given twice.

use crate::db::limit_value;
use crate::{Migration, StoreError, Tx};
use base::Timestamp;

pub(crate) const SCHEMA: Migration = Migration {
    name: "timers",
    sql: "create table timers (
            id BIGINT not null primary key, room TEXT not null, key TEXT not null, kind TEXT not null,
            due BIGINT, payload BLOB);
        create unique index timers_owner on timers (room, key, kind);
        create index timers_due on timers (due, id) where due is not null",
};

crate::statements! {
    SET = "insert into timers (id, room, key, kind, due, payload)
        values ((select coalesce(max(id), 0) + 1 from timers), ?1, ?2, ?3, ?4, ?5)
        on conflict (room, key, kind) do update set id = excluded.id, due = excluded.due, payload = excluded.payload";
    CANCEL = "update timers set due = null, payload = null
        where room = ?1 and key = ?2 and kind = ?3 and due is not null";
    DUE = "select id, room, key, kind, due, payload from timers where due <= ?1 order by due, id limit ?2";
    NEXT = "select min(due) from timers";
    DONE = "update timers set due = null, payload = null where id = ?1 and due is not null";
}

/// A timer whose moment has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its number, for [`done`]. Setting a timer again gives it a new one.
    pub id: i64,
    /// The room of its owner.
    pub room: String,
    /// The key of its owner.
    pub key: String,
    /// What it is for.
    pub kind: String,
    /// Its moment.
    pub due: Timestamp,
    /// What its owner left with it.
    pub payload: Vec<u8>,
}

/// Sets a timer. An owner has one of each kind at most: an earlier one is replaced.
///
/// # Errors
/// When the database fails.
pub fn set(
    tx: &mut dyn Tx,
    room: &str,
    key: &str,
    kind: &str,
    due: Timestamp,
    payload: &[u8],
) -> Result<(), StoreError> {
    tx.execute(SET, &[room.into(), key.into(), kind.into(), due.into(), payload.into()]).map(drop)
}

/// Cancels a timer and tells whether there was one.
///
/// # Errors
/// When the database fails.
pub fn cancel(tx: &mut dyn Tx, room: &str, key: &str, kind: &str) -> Result<bool, StoreError> {
    tx.execute(CANCEL, &[room.into(), key.into(), kind.into()]).map(|rows| rows == 1)
}

/// The timers whose moment has come, earliest first.
///
/// # Errors
/// When the database fails.
pub fn due(tx: &mut dyn Tx, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
    let rows = tx.query(DUE, &[now.into(), limit_value(limit)])?;
    let read = rows.iter().map(|row| {
        Ok(Due {
            id: row.int(0)?,
            room: row.text(1)?.to_owned(),
            key: row.text(2)?.to_owned(),
            kind: row.text(3)?.to_owned(),
            due: row.timestamp(4)?,
            payload: row.bytes(5)?.to_vec(),
        })
    });
    read.collect()
}

/// The earliest moment for which a timer is set: until then nobody need look.
///
/// # Errors
/// When the database fails.
pub fn next(tx: &mut dyn Tx) -> Result<Option<Timestamp>, StoreError> {
    crate::db::only(tx.query(NEXT, &[])?)?.opt_timestamp(0)
}

/// Ends a timer, in the same command as its effect. `false` means that it has been ended, cancelled or set anew since
/// it was found due, and that its effect must not happen.
///
/// # Errors
/// When the database fails.
pub fn done(tx: &mut dyn Tx, id: i64) -> Result<bool, StoreError> {
    tx.execute(DONE, &[id.into()]).map(|rows| rows == 1)
}
