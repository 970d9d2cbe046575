//! The full tiles of the node's log (C2SP `tlog-tiles`). They never change; what is not in a full tile yet is read from
//! the leaves and from the roots of the tiles below. The hashing is `evidence`'s.

use crate::db::{first, only};
use crate::{Migration, StoreError, Tx};

pub(crate) const SCHEMA: Migration = Migration {
    name: "log-tiles",
    sql: "create table log_tile (
            level BIGINT not null, tile_index BIGINT not null, root BLOB not null, hashes BLOB not null,
            primary key (level, tile_index))",
};

crate::statements! {
    SAVE = "insert into log_tile (level, tile_index, root, hashes) values (?1, ?2, ?3, ?4)";
    COUNT = "select coalesce(max(tile_index), -1) + 1 from log_tile where level = ?1";
    HASHES = "select hashes from log_tile where level = ?1 and tile_index = ?2";
    ROOTS = "select root from log_tile where level = ?1 and tile_index >= ?2 and tile_index < ?3 order by tile_index";
}

/// Saves a full tile: its hashes one after the other, and the root over them.
///
/// # Errors
/// When it is there already, or the database fails.
pub fn save(tx: &mut dyn Tx, level: u8, index: i64, hashes: &[u8], root: [u8; 32]) -> Result<(), StoreError> {
    tx.execute(SAVE, &[i64::from(level).into(), index.into(), root.into(), hashes.into()]).map(drop)
}

/// How many full tiles of a level there are: they are saved in their order, without gaps.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut dyn Tx, level: u8) -> Result<i64, StoreError> {
    only(tx.query(COUNT, &[i64::from(level).into()])?)?.int(0)
}

/// The hashes of a full tile, one after the other.
///
/// # Errors
/// When the database fails.
pub fn hashes(tx: &mut dyn Tx, level: u8, index: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let row = first(tx.query(HASHES, &[i64::from(level).into(), index.into()])?);
    row.map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
}

/// The roots of the full tiles of a level from index `from` up to but without `to`.
///
/// # Errors
/// When the database fails.
pub fn roots(tx: &mut dyn Tx, level: u8, from: i64, to: i64) -> Result<Vec<[u8; 32]>, StoreError> {
    let rows = tx.query(ROOTS, &[i64::from(level).into(), from.into(), to.into()])?;
    rows.iter().map(|row| row.array(0)).collect()
}
