//! The keys of logs and witnesses: this node's own and its partners', those of the present and those of the past.

use crate::bureau::Bureau;
use base::{Administration, Timestamp};
use evidence::{CosignedCheckpoint, EvidenceError, PublicKey, Witness, log_origin};
use exchange::Register;
use std::collections::BTreeSet;

/// The partner whose log has this origin.
pub(super) fn owner_of(bureau: &Bureau, origin: &str) -> Option<Administration> {
    bureau.partners.keys().find(|partner| log_origin(partner) == origin).cloned()
}

/// The log keys of a partner: those valid at `moment`, or all that are known. Several while they are rotated.
pub(super) fn log_keys(bureau: &Bureau, origin: &str, moment: Option<Timestamp>) -> Vec<PublicKey> {
    let Some(owner) = owner_of(bureau, origin) else { return Vec::new() };
    let cards = bureau.cards(&owner).into_iter();
    cards.filter(|card| moment.is_none_or(|moment| card.valid_at(moment))).map(|card| card.log).collect()
}

/// The log keys of this node: the one that it signs with, and those that it had.
pub(super) fn own_log_keys(bureau: &Bureau) -> BTreeSet<PublicKey> {
    let had = bureau.cards(&bureau.administration).into_iter().map(|card| card.log);
    had.chain([bureau.identity.keys.log.public()]).collect()
}

/// A partner as a witness, once for each of its witness keys.
pub(super) fn witnesses_of(bureau: &Bureau, partner: &Administration) -> Vec<Witness> {
    let cards = bureau.cards(partner).into_iter();
    cards.map(|card| Witness::of(partner, card.witness)).collect()
}

/// A checkpoint of this node's log with the cosignatures of `witnesses`, under whichever of our log keys signed it.
pub(super) fn verify_own(
    bureau: &Bureau,
    note: &str,
    witnesses: &[Witness],
) -> Result<CosignedCheckpoint, EvidenceError> {
    let origin = log_origin(&bureau.administration);
    let mut refused = EvidenceError::Key { what: "log", reason: "this node has none" };
    for key in own_log_keys(bureau) {
        match CosignedCheckpoint::verify(note, &origin, &key, witnesses) {
            Ok(cosigned) => return Ok(cosigned),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}
