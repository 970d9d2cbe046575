//! Receipts that partners gave for our letters, compared with the checkpoints that their logs show afterwards.
//!
//! A receipt is a promise: this statement is in our log, at this place. A log that gives the receipt to the sender and another
//! history to the world breaks it, and receipt and checkpoint together prove so.

use super::LogError;
use super::keys::log_keys;
use crate::node::Node;
use base::Administration;
use evidence::merkle::Hash;
use evidence::{Checkpoint, Digest, SignedNote, View, log_origin};
use store::witnessing;

/// A receipt that has not been compared yet.
#[derive(Clone, Debug)]
pub(crate) struct Receipted {
    /// The receipt (RFC 9942).
    pub(crate) receipt: Vec<u8>,
    /// The hash of the statement that it is for.
    pub(crate) leaf: Hash,
    /// The size of the tree that it proves the statement in.
    pub(crate) size: u64,
    /// The root of that tree.
    pub(crate) root: Digest,
}

impl Node {
    /// Keeps a receipt that a partner gave, to be compared when its log has shown a checkpoint that covers it. One is
    /// kept at a time: it stands for all that the log held then.
    pub(crate) fn keep_receipt(&self, partner: &Administration, receipted: Receipted) {
        self.log_operator().receipts().entry(partner.clone()).or_insert(receipted);
    }

    /// Whether no receipt of a partner is kept, so that the next one is.
    pub(crate) fn awaits_receipt(&self, partner: &Administration) -> bool {
        !self.log_operator().receipts().contains_key(partner)
    }

    /// Compares the kept receipt of a partner with the latest checkpoint that this node cosigned of its log.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn compare_receipt(&self, partner: &Administration) -> Result<(), LogError> {
        let Some(kept) = self.log_operator().receipts().get(partner).cloned() else { return Ok(()) };
        let origin = log_origin(partner);
        let saved = self
            .read({
                let origin = origin.clone();
                move |tx| -> Result<_, LogError> { Ok(witnessing::witnessed(tx, &origin)?) }
            })
            .await?;
        let Some(saved) = saved else { return Ok(()) };
        let note = SignedNote::parse("witnessed checkpoint", &saved.note)?;
        let keys = log_keys(&self.bureau(), &origin, None);
        let large = keys.iter().find_map(|key| Checkpoint::verify_note(&note, &origin, key).ok());
        let Some(large) = large.filter(|large| large.size >= kept.size) else { return Ok(()) };
        let small = Checkpoint { origin: origin.clone(), size: kept.size, root: kept.root };
        let view = View::Receipt { receipt: kept.receipt.clone(), leaf: kept.leaf };
        let large = (large, note.to_note());
        if self.relate(partner, (small, view), large, "this node, in a receipt", &keys).await? {
            let mut receipts = self.log_operator().receipts();
            if receipts.get(partner).is_some_and(|still| still.receipt == kept.receipt) {
                receipts.remove(partner);
            }
        }
        Ok(())
    }
}
