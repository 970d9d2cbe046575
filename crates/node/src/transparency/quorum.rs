//! Which witnesses the agreements ask for, and whether they have cosigned the node's log.

use super::LogError;
use super::tree::count;
use crate::bureau::Bureau;
use base::Timestamp;
use evidence::{
    Checkpoint, Cosignature, CosignedCheckpoint, Quorum, QuorumResult, SignatureType, SignedNote,
};
use serde::Serialize;
use std::collections::BTreeMap;
use store::witnessing::SavedCosignature;
use store::{Tx, log, witnessing};

/// How many cosignatures are looked through for the latest checkpoint with a quorum: with ten witnesses, some minutes'.
const RECENT: usize = 2048;

/// How long witnesses have to cosign before a quorum counts as missed: several times what a sound federation needs.
const GRACE_MICROS: i64 = 30_000_000;

/// The quorum of one agreement, and how the node's log stands with it.
#[derive(Clone, Debug, Serialize)]
pub struct QuorumView {
    /// The agreement, as in `common-transit version 1`.
    pub agreement: String,
    /// How many witnesses must cosign.
    pub needed: usize,
    /// Of whom.
    pub witnesses: Vec<String>,
    /// The size of the latest checkpoint that enough have cosigned.
    pub covered: Option<u64>,
    /// Whether everything that is half a minute old is covered.
    pub met: bool,
}

/// The quorums that bind this administration today, by agreement.
pub(super) fn quorums(bureau: &Bureau, now: Timestamp) -> Result<Vec<(String, Quorum)>, LogError> {
    let today = now.date();
    let mut found = Vec::new();
    for compiled in bureau.decision_point.agreements() {
        let agreement = compiled.agreement();
        let ended = agreement.in_force.until.is_some_and(|until| until < today);
        let Some(witnessing) = &agreement.witnessing else { continue };
        if agreement.in_force.from <= today && !ended && agreement.has_party(&bureau.administration) {
            let needed = usize::try_from(witnessing.needed).unwrap_or(usize::MAX);
            let quorum = Quorum::new(needed, witnessing.witnesses.clone())?;
            found.push((format!("{} version {}", agreement.id, agreement.version), quorum));
        }
    }
    Ok(found)
}

/// How the node's log stands with each quorum.
pub(super) fn standing(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    now: Timestamp,
) -> Result<Vec<QuorumView>, LogError> {
    let quorums = quorums(bureau, now)?;
    if quorums.is_empty() {
        return Ok(Vec::new());
    }
    let due = log::latest_checkpoint_before(tx, now.plus_micros(-GRACE_MICROS))?;
    let recent = by_size(witnessing::recent_cosignatures(tx, RECENT)?);
    let mut views = Vec::new();
    for (agreement, quorum) in quorums {
        let mut covered = None;
        for (size, saved) in recent.iter().rev() {
            if result(bureau, &quorum, *size, saved)?.met() {
                covered = Some(count(*size));
                break;
            }
        }
        views.push(QuorumView {
            agreement,
            needed: quorum.needed(),
            witnesses: quorum.witnesses().iter().map(ToString::to_string).collect(),
            covered,
            met: due.as_ref().is_none_or(|due| covered.is_some_and(|covered| covered >= count(due.size))),
        });
    }
    Ok(views)
}

/// What a quorum says of the cosignatures that were kept for a size. They were verified when they were kept.
pub(super) fn result(
    bureau: &Bureau,
    quorum: &Quorum,
    size: i64,
    saved: &[SavedCosignature],
) -> Result<QuorumResult, LogError> {
    let cosigned = CosignedCheckpoint {
        checkpoint: Checkpoint::new(&bureau.administration, count(size), [0; 32]),
        cosignatures: saved
            .iter()
            .map(|saved| Cosignature {
                witness: saved.witness.clone(),
                at: saved.at,
                signature_type: SignatureType::Cosignature,
            })
            .collect(),
    };
    Ok(quorum.evaluate(&bureau.administration, &cosigned)?)
}

/// Cosignatures by the size of their checkpoint.
pub(super) fn by_size(saved: Vec<SavedCosignature>) -> BTreeMap<i64, Vec<SavedCosignature>> {
    let mut sizes: BTreeMap<i64, Vec<SavedCosignature>> = BTreeMap::new();
    for cosignature in saved {
        sizes.entry(cosignature.size).or_default().push(cosignature);
    }
    sizes
}

/// A checkpoint's note with the cosignatures that were kept for it.
pub(super) fn cosigned_note(note: &str, saved: &[SavedCosignature]) -> Result<String, LogError> {
    let note = SignedNote::parse("checkpoint", note)?;
    let lines = saved.iter().map(|saved| evidence::NoteSignature::parse_lines("cosignature", &saved.lines));
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    Ok(note.with(lines.into_iter().flatten()).to_note())
}
