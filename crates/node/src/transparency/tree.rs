//! Roots and proofs from the store. A full tile is one row; of what is in no full tile yet, leaf hashes are read from the
//! log's rows, and the hashes of higher levels are the roots of the full tiles below.

use super::LogError;
use evidence::merkle::{Frontier, Hash};
use evidence::tile::{self, Tile, TileReader, TiledTree};
use store::{Tx, log, tiles};

/// How many levels of tiles a log of 2^63 entries has.
const LEVELS: u8 = 8;

/// The tiles of the node's log as they are in a transaction.
pub(super) struct StoredTiles<'t>(pub(super) &'t mut dyn Tx);

impl TileReader for StoredTiles<'_> {
    type Error = LogError;

    fn read(&mut self, tile: Tile) -> Result<Vec<Hash>, LogError> {
        let missing = || LogError::Missing(tile.path());
        let index = row(tile.index());
        if let Some(bytes) = tiles::hashes(self.0, tile.level(), index)? {
            let mut hashes = tile::decode_hashes(Tile::full(tile.level(), tile.index()), &bytes)?;
            // A smaller tree has the first hashes of what is a full tile by now.
            hashes.truncate(usize::from(tile.width()));
            return Ok(hashes);
        }
        let from = row(tile.index().saturating_mul(tile::WIDTH));
        let to = from.saturating_add(i64::from(tile.width()));
        let hashes = match tile.level().checked_sub(1) {
            None => log::leaves(self.0, from, to)?,
            Some(below) => tiles::roots(self.0, below, from, to)?,
        };
        if hashes.len() == usize::from(tile.width()) { Ok(hashes) } else { Err(missing()) }
    }
}

/// The tree that the node's log had at a size.
pub(super) fn tree(tx: &mut dyn Tx, size: u64) -> TiledTree<StoredTiles<'_>> {
    TiledTree::new(size, StoredTiles(tx))
}

/// The root of the node's log at a size.
///
/// # Errors
/// When the log is shorter, or the store fails.
pub fn root_at(tx: &mut dyn Tx, size: u64) -> Result<Hash, LogError> {
    tree(tx, size).root()
}

/// The inclusion path of an entry in the tree that the node's log had at a size.
///
/// # Errors
/// When there is no such entry, or the store fails.
pub fn inclusion_path(tx: &mut dyn Tx, index: u64, size: u64) -> Result<Vec<Hash>, LogError> {
    tree(tx, size).inclusion_path(index)
}

/// Saves up to `limit` tiles that have become full, and gives the frontier of the log with whether all are saved.
///
/// # Errors
/// When the store fails.
pub fn fill_tiles(tx: &mut dyn Tx, limit: u64) -> Result<(Frontier, bool), LogError> {
    let bytes = log::load_frontier(tx)?;
    let frontier = if bytes.is_empty() { Frontier::new() } else { Frontier::from_bytes(&bytes)? };
    let (mut left, mut below) = (limit, frontier.size());
    for level in 0..LEVELS {
        let (have, full) = (count(tiles::count(tx, level)?), below / tile::WIDTH);
        let to = full.min(have.saturating_add(left));
        for index in have..to {
            let hashes = StoredTiles(tx).read(Tile::full(level, index))?;
            tiles::save(tx, level, row(index), &tile::encode_hashes(&hashes), Tile::root_of(&hashes))?;
        }
        left = left.saturating_sub(to.saturating_sub(have));
        if to < full {
            return Ok((frontier, false));
        }
        below = full;
    }
    Ok((frontier, true))
}

/// A number of the log as the store counts it.
pub(super) fn row(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number of the store as the log counts it.
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
