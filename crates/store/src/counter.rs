//! Numbers that are given out one by one, without gaps among what is committed: MRN serials, guarantee account
//! entries, message numbers.

use crate::db::{first, only};
use crate::{Migration, StoreError, Tx};

pub(crate) const SCHEMA: Migration = Migration {
    name: "counter",
    sql: "create table counter (name TEXT not null primary key, value BIGINT not null)",
};

crate::statements! {
    NEXT = "insert into counter (name, value) values (?1, 1)
        on conflict (name) do update set value = counter.value + 1 returning value";
    CURRENT = "select value from counter where name = ?1";
}

/// The next number of a series, from 1. A command that fails gives its number back.
///
/// # Errors
/// When the database fails.
pub fn next(tx: &mut dyn Tx, name: &str) -> Result<i64, StoreError> {
    only(tx.query(NEXT, &[name.into()])?)?.int(0)
}

/// The last number that was given out, 0 when none was.
///
/// # Errors
/// When the database fails.
pub fn current(tx: &mut dyn Tx, name: &str) -> Result<i64, StoreError> {
    first(tx.query(CURRENT, &[name.into()])?).map_or(Ok(0), |row| row.int(0))
}
