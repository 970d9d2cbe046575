//! What of the log is given to whom.
//!
//! Checkpoints and tiles of hashes may be shown to anyone: a leaf hash reveals nothing, as its statement holds a nonce.
//! Entries may not: who talks to whom about what is itself confidential. A partner gets the entries that it is a party
//! of; bundles are for auditors with a mandate.

use super::LogError;
use super::monitor::SeenLogs;
use super::quorum::cosigned_note;
use super::tree::{StoredTiles, count, row};
use crate::node::{Node, NodeError};
use base::Administration;
use evidence::Statement;
use evidence::tile::{self, Tile, TilePath, TileReader};
use store::{Tx, log, witnessing};

/// Something of the log that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogResource {
    /// Hashes: they never change at their address.
    Hashes(Vec<u8>),
    /// Entries: confidential.
    Entries(Vec<u8>),
}

impl Node {
    /// The latest checkpoint, with the cosignatures that it has so far; `None` when there is none yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn log_checkpoint(&self) -> Result<Option<String>, NodeError> {
        let note = |tx: &mut dyn Tx| -> Result<Option<String>, LogError> {
            let Some(latest) = log::latest_checkpoint(tx)? else { return Ok(None) };
            let saved = witnessing::cosignatures(tx, latest.size)?;
            cosigned_note(&latest.note, &saved).map(Some)
        };
        self.read(note).await.map_err(NodeError::Log)
    }

    /// What is at an address below the log's prefix, as in `tile/0/x001/067`; `None` when it is no address, or nothing
    /// that a checkpoint covers is there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn log_resource(&self, path: TilePath) -> Result<Option<LogResource>, NodeError> {
        let found = move |tx: &mut dyn Tx| -> Result<Option<LogResource>, LogError> {
            let size = log::latest_checkpoint(tx)?.map_or(0, |latest| count(latest.size));
            let wanted = path.tile();
            let there = Tile::in_tree(wanted.level(), wanted.index(), size);
            if there.is_none_or(|there| there.width() < wanted.width()) {
                return Ok(None);
            }
            match path {
                TilePath::Hashes(tile) => {
                    let hashes = StoredTiles(tx).read(tile)?;
                    Ok(Some(LogResource::Hashes(tile::encode_hashes(&hashes))))
                }
                TilePath::Entries(tile) => {
                    let from = row(tile.index().saturating_mul(tile::WIDTH));
                    let entries = log::entries(tx, from, from.saturating_add(i64::from(tile.width())))?;
                    let bundle = tile::encode_entries(entries.iter().map(Vec::as_slice))?;
                    Ok(Some(LogResource::Entries(bundle)))
                }
            }
        };
        self.read(found).await.map_err(NodeError::Log)
    }

    /// One entry of the log, for the staff and auditors of this administration.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn log_entry(&self, index: u64) -> Result<Option<Vec<u8>>, NodeError> {
        self.read(move |tx| -> Result<_, LogError> { Ok(log::entry(tx, row(index))?) })
            .await
            .map_err(NodeError::Log)
    }

    /// One entry of the log for a partner: `None` when there is none, or it is not about a message of that partner.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn log_entry_for(
        &self,
        partner: &Administration,
        index: u64,
    ) -> Result<Option<Vec<u8>>, NodeError> {
        let entry = self.log_entry(index).await?;
        Ok(entry.filter(|entry| is_party(entry, partner)))
    }

    /// The latest checkpoint of every log that this node has cosigned, for a partner: JSON with the notes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn seen_logs(&self) -> Result<Vec<u8>, NodeError> {
        let witnessed = self
            .read(|tx| -> Result<_, LogError> { Ok(witnessing::all_witnessed(tx)?) })
            .await
            .map_err(NodeError::Log)?;
        let seen = SeenLogs { checkpoints: witnessed.into_iter().map(|seen| seen.note).collect() };
        // A list of texts turns into JSON without fail.
        Ok(serde_json::to_vec(&seen).unwrap_or_default())
    }
}

/// Whether an entry is a statement from or to an administration.
fn is_party(entry: &[u8], administration: &Administration) -> bool {
    Statement::read(entry).is_ok_and(|statement| {
        let manifest = statement.manifest();
        manifest.from() == administration || manifest.to() == administration
    })
}
