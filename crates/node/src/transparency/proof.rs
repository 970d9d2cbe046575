//! What stands behind one entry of the node's log: everything that a court needs, from this side.

use super::LogError;
use super::quorum::{by_size, cosigned_note, quorums, result};
use super::tree::{count, inclusion_path, row};
use crate::bureau::Bureau;
use crate::node::{Node, NodeError};
use base::Timestamp;
use evidence::merkle::{Hash, leaf_hash};
use store::witnessing::SavedCosignature;
use store::{Tx, log, witnessing};

/// How many checkpoints above an entry are looked at for a quorum: the first ones are the oldest proof.
const CANDIDATES: usize = 2048;

/// An entry, a checkpoint over it with its cosignatures, and the path between the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// Where the entry is, from 0.
    pub index: u64,
    /// The entry.
    pub entry: Vec<u8>,
    /// Its leaf hash.
    pub leaf: Hash,
    /// The size of the checkpoint's tree.
    pub size: u64,
    /// The inclusion path of the entry in that tree.
    pub path: Vec<Hash>,
    /// The checkpoint as a signed note, with the cosignatures under it.
    pub note: String,
}

impl Node {
    /// The proof of an entry of the log; `None` when there is no such entry or no checkpoint over it yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn log_proof(&self, index: u64) -> Result<Option<LogProof>, NodeError> {
        let (bureau, now) = (self.bureau(), self.now());
        self.read(move |tx| log_proof(tx, &bureau, index, now)).await.map_err(NodeError::Log)
    }
}

/// The proof of an entry: in the first checkpoint over it with the quorums of all agreements; if there is none yet, in
/// that with the most cosignatures; if there is none either, in the first.
///
/// # Errors
/// When the store fails.
pub(crate) fn log_proof(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    index: u64,
    now: Timestamp,
) -> Result<Option<LogProof>, LogError> {
    let Some(entry) = log::entry(tx, row(index))? else { return Ok(None) };
    let quorums = quorums(bureau, now)?;
    let mut best: (usize, i64, Vec<SavedCosignature>) = (0, 0, Vec::new());
    for (size, saved) in by_size(witnessing::cosignatures_over(tx, row(index), CANDIDATES)?) {
        let mut met = true;
        for (_, quorum) in &quorums {
            met &= result(bureau, quorum, size, &saved)?.met();
        }
        if saved.len() > best.0 {
            best = (saved.len(), size, saved);
        }
        if met {
            break;
        }
    }
    let checkpoint = match best {
        (0, ..) => log::first_checkpoint_over(tx, row(index))?,
        (_, size, _) => log::checkpoint(tx, size)?,
    };
    let Some(checkpoint) = checkpoint else { return Ok(None) };
    let size = count(checkpoint.size);
    Ok(Some(LogProof {
        index,
        leaf: leaf_hash(&entry),
        entry,
        size,
        path: inclusion_path(tx, index, size)?,
        note: cosigned_note(&checkpoint.note, &best.2)?,
    }))
}
