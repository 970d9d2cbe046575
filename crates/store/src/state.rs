//! The current state of each procedure, saved under an optimistic version.

use crate::db::{first, limit_value};
use crate::{Migration, StoreError, Tx};

pub(crate) const SCHEMA: Migration = Migration {
    name: "state",
    sql: "create table state (room TEXT not null, key TEXT not null, version BIGINT not null, body BLOB not null,
        primary key (room, key))",
};

crate::statements! {
    LOAD = "select version, body from state where room = ?1 and key = ?2";
    CREATE = "insert into state (room, key, version, body) values (?1, ?2, 1, ?3) on conflict (room, key) do nothing";
    UPDATE = "update state set version = version + 1, body = ?4 where room = ?1 and key = ?2 and version = ?3";
    LIST = "select key, version, body from state where room = ?1 and key > ?2 order by key limit ?3";
}

/// A state as it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its version, 1 when it was saved for the first time.
    pub version: i64,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// Loads the state of `key` in a procedure's room, such as `departure` and an MRN.
///
/// # Errors
/// When the database fails.
pub fn load(tx: &mut dyn Tx, room: &str, key: &str) -> Result<Option<Stored>, StoreError> {
    let row = first(tx.query(LOAD, &[room.into(), key.into()])?);
    row.map(|row| Ok(Stored { version: row.int(0)?, body: row.bytes(1)?.to_vec() })).transpose()
}

/// Saves a state that was loaded at `expected_version` (0 when there was none) and gives its new version.
///
/// # Errors
/// [`StoreError::Conflict`] when another command has saved it meanwhile.
pub fn save(
    tx: &mut dyn Tx,
    room: &str,
    key: &str,
    expected_version: i64,
    body: &[u8],
) -> Result<i64, StoreError> {
    let changed = if expected_version == 0 {
        tx.execute(CREATE, &[room.into(), key.into(), body.into()])?
    } else {
        tx.execute(UPDATE, &[room.into(), key.into(), expected_version.into(), body.into()])?
    };
    if changed == 1 {
        return Ok(expected_version.saturating_add(1));
    }
    let found = load(tx, room, key)?.map_or(0, |stored| stored.version);
    Err(StoreError::Conflict {
        room: room.to_owned(),
        key: key.to_owned(),
        expected: expected_version,
        found,
    })
}

/// The states of a room whose key comes after `after` (`""` for the first), in the order of their keys' bytes.
///
/// # Errors
/// When the database fails.
pub fn list(
    tx: &mut dyn Tx,
    room: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<(String, Stored)>, StoreError> {
    let rows = tx.query(LIST, &[room.into(), after.into(), limit_value(limit)])?;
    let read = rows.iter().map(|row| {
        Ok((row.text(0)?.to_owned(), Stored { version: row.int(1)?, body: row.bytes(2)?.to_vec() }))
    });
    read.collect()
}
