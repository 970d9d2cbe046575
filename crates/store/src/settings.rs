//! Single values of a node that change rarely: its identity, the state of an import.

use crate::db::first;
use crate::{Migration, StoreError, Tx};

pub(crate) const SCHEMA: Migration = Migration {
    name: "settings",
    sql: "create table settings (name TEXT not null primary key, value BLOB not null)",
};

crate::statements! {
    GET = "select value from settings where name = ?1";
    PUT = "insert into settings (name, value) values (?1, ?2)
        on conflict (name) do update set value = excluded.value";
}

/// The value of a setting.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut dyn Tx, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    first(tx.query(GET, &[key.into()])?).map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
}

/// Sets it.
///
/// # Errors
/// When the database fails.
pub fn put(tx: &mut dyn Tx, key: &str, value: &[u8]) -> Result<(), StoreError> {
    tx.execute(PUT, &[key.into(), value.into()]).map(drop)
}
