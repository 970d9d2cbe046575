//! The rows of the node's Merkle log: entries, leaf hashes, frontier and checkpoints. The hashing is `evidence`'s.

use crate::db::{first, limit_value, only};
use crate::{Migration, Row, StoreError, Tx, settings};
use base::Timestamp;

pub(crate) const SCHEMA: Migration = Migration {
    name: "log",
    sql: "create table log (
            leaf_index BIGINT not null primary key, leaf_hash BLOB not null, at BIGINT not null, entry BLOB not null);
        create table log_frontier (one BIGINT not null primary key check (one = 1), body BLOB not null);
        create table log_checkpoint (size BIGINT not null primary key, at BIGINT not null, note TEXT not null)",
};

crate::statements! {
    APPEND = "insert into log (leaf_index, leaf_hash, at, entry) values
        ((select coalesce(max(leaf_index), -1) + 1 from log), ?1, ?2, ?3) returning leaf_index";
    SIZE = "select coalesce(max(leaf_index), -1) + 1 from log";
    LEAVES = "select leaf_hash from log where leaf_index >= ?1 and leaf_index < ?2 order by leaf_index";
    ENTRY = "select entry from log where leaf_index = ?1";
    SAVE_FRONTIER = "insert into log_frontier (one, body) values (1, ?1)
        on conflict (one) do update set body = excluded.body";
    LOAD_FRONTIER = "select body from log_frontier";
    SAVE_CHECKPOINT = "insert into log_checkpoint (size, at, note) values (?1, ?2, ?3)";
    LATEST_CHECKPOINT = "select size, at, note from log_checkpoint order by size desc limit 1";
    CHECKPOINT = "select size, at, note from log_checkpoint where size = ?1";
    FIRST_COVERING = "select size, at, note from log_checkpoint where size > ?1 order by size limit 1";
    LATEST_BEFORE = "select size, at, note from log_checkpoint where at <= ?1 order by size desc limit 1";
    LAST_AGED = "select max(size) from log_checkpoint where at < ?1";
    AGED = "select c.size, (select count(*) from log_cosignature s where s.size = c.size) from log_checkpoint c
        where c.size > ?1 and c.size < ?2 order by c.size limit ?3";
    DROP_CHECKPOINT = "delete from log_checkpoint where size = ?1";
    ENTRIES = "select entry from log where leaf_index >= ?1 and leaf_index < ?2 order by leaf_index";
}

/// A signed head of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCheckpoint {
    /// The number of leaves it covers.
    pub size: i64,
    /// When it was saved.
    pub at: Timestamp,
    /// The signed note (C2SP tlog-checkpoint).
    pub note: String,
}

/// Appends an entry with its leaf hash and gives its index, from 0, without gaps.
///
/// # Errors
/// When the database fails.
pub fn append(tx: &mut dyn Tx, entry: &[u8], leaf_hash: [u8; 32], at: Timestamp) -> Result<i64, StoreError> {
    only(tx.query(APPEND, &[leaf_hash.into(), at.into(), entry.into()])?)?.int(0)
}

/// The number of leaves.
///
/// # Errors
/// When the database fails.
pub fn size(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    only(tx.query(SIZE, &[])?)?.int(0)
}

/// The leaf hashes from index `from` up to but without `to`.
///
/// # Errors
/// When the database fails.
pub fn leaves(tx: &mut dyn Tx, from: i64, to: i64) -> Result<Vec<[u8; 32]>, StoreError> {
    tx.query(LEAVES, &[from.into(), to.into()])?.iter().map(|row| row.array(0)).collect()
}

/// The entry at an index.
///
/// # Errors
/// When the database fails.
pub fn entry(tx: &mut dyn Tx, index: i64) -> Result<Option<Vec<u8>>, StoreError> {
    first(tx.query(ENTRY, &[index.into()])?).map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
}

/// The entries from index `from` up to but without `to`.
///
/// # Errors
/// When the database fails.
pub fn entries(tx: &mut dyn Tx, from: i64, to: i64) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows = tx.query(ENTRIES, &[from.into(), to.into()])?;
    rows.iter().map(|row| row.bytes(0).map(<[u8]>::to_vec)).collect()
}

/// Saves the frontier: the roots of the complete subtrees, in the caller's encoding.
///
/// # Errors
/// When the database fails.
pub fn save_frontier(tx: &mut dyn Tx, frontier: &[u8]) -> Result<(), StoreError> {
    tx.execute(SAVE_FRONTIER, &[frontier.into()]).map(drop)
}

/// The frontier as it was saved last; empty when it never was.
///
/// # Errors
/// When the database fails.
pub fn load_frontier(tx: &mut dyn Tx) -> Result<Vec<u8>, StoreError> {
    first(tx.query(LOAD_FRONTIER, &[])?)
        .map_or_else(|| Ok(Vec::new()), |row| row.bytes(0).map(<[u8]>::to_vec))
}

/// Saves a checkpoint under compare-and-swap: it must cover more than the latest one (or be the very same), and not
/// more than there is. So two heads of one size can never both be published, which would fork the log.
///
/// # Errors
/// [`StoreError::OutOfSequence`] when it covers less than the latest, the same otherwise, or more than the log holds.
pub fn save_checkpoint(tx: &mut dyn Tx, size: i64, note: &str, at: Timestamp) -> Result<(), StoreError> {
    let latest = latest_checkpoint(tx)?;
    if latest.as_ref().is_some_and(|latest| latest.size == size && latest.note == note) {
        return Ok(());
    }
    let covered = latest.map_or(0, |latest| latest.size.saturating_add(1));
    let leaves = self::size(tx)?;
    if size < covered || size > leaves {
        return Err(StoreError::OutOfSequence {
            series: "checkpoint".to_owned(),
            given: size,
            expected: covered.max(leaves),
        });
    }
    tx.execute(SAVE_CHECKPOINT, &[size.into(), at.into(), note.into()]).map(drop)
}

/// The checkpoint that covers most.
///
/// # Errors
/// When the database fails.
pub fn latest_checkpoint(tx: &mut dyn Tx) -> Result<Option<SavedCheckpoint>, StoreError> {
    checkpoint_in(tx.query(LATEST_CHECKPOINT, &[])?)
}

/// The checkpoint that covers most of those that were saved up to a moment.
///
/// # Errors
/// When the database fails.
pub fn latest_checkpoint_before(
    tx: &mut dyn Tx,
    moment: Timestamp,
) -> Result<Option<SavedCheckpoint>, StoreError> {
    checkpoint_in(tx.query(LATEST_BEFORE, &[moment.into()])?)
}

/// The checkpoint of a size.
///
/// # Errors
/// When the database fails.
pub fn checkpoint(tx: &mut dyn Tx, size: i64) -> Result<Option<SavedCheckpoint>, StoreError> {
    checkpoint_in(tx.query(CHECKPOINT, &[size.into()])?)
}

/// The smallest checkpoint that covers the leaf at `index`.
///
/// # Errors
/// When the database fails.
pub fn first_checkpoint_over(tx: &mut dyn Tx, index: i64) -> Result<Option<SavedCheckpoint>, StoreError> {
    checkpoint_in(tx.query(FIRST_COVERING, &[index.into()])?)
}

/// The setting that says up to which size checkpoints were looked at for pruning.
const PRUNED: &str = "checkpoints-pruned";

/// Forgets checkpoints from before a moment that no witness has cosigned, and of which a later one from before it says
/// more: the log can sign for their entries again at any time, and they prove no moment. Looks at `limit` of them, and says
/// whether there may be more.
///
/// # Errors
/// When the database fails.
pub fn prune_checkpoints(tx: &mut dyn Tx, before: Timestamp, limit: usize) -> Result<bool, StoreError> {
    let Some(last) = only(tx.query(LAST_AGED, &[before.into()])?)?.opt_int(0)? else { return Ok(false) };
    let looked_at =
        settings::get(tx, PRUNED)?.and_then(|bytes| bytes.try_into().ok()).map_or(0, i64::from_be_bytes);
    let aged = tx.query(AGED, &[looked_at.into(), last.into(), limit_value(limit)])?;
    for row in &aged {
        if row.int(1)? == 0 {
            tx.execute(DROP_CHECKPOINT, &[row.int(0)?.into()])?;
        }
    }
    if let Some(row) = aged.last() {
        settings::put(tx, PRUNED, &row.int(0)?.to_be_bytes())?;
    }
    Ok(aged.len() == limit)
}

fn checkpoint_in(rows: Vec<Row>) -> Result<Option<SavedCheckpoint>, StoreError> {
    let saved = |row: Row| {
        Ok(SavedCheckpoint { size: row.int(0)?, at: row.timestamp(1)?, note: row.text(2)?.to_owned() })
    };
    first(rows).map(saved).transpose()
}
