//! The keys of logs and witnesses: this node's own and its partners', those of the present and those of the past.
//!
//! A partner's keys are those of the key registers; those of its card count while it is in none.

use crate::bureau::Bureau;
use base::{Administration, Timestamp};
use evidence::key_register::RegisteredKey;
use evidence::{CosignedCheckpoint, EvidenceError, PublicKey, Purpose, Witness, log_origin};
use exchange::Register;
use std::collections::BTreeSet;

/// The partner whose log has this origin.
pub(super) fn owner_of(bureau: &Bureau, origin: &str) -> Option<Administration> {
    bureau.partners.keys().find(|partner| log_origin(partner) == origin).cloned()
}

/// The log keys of a partner: those valid at `moment`, or all that are known. Several while they are rotated.
pub(super) fn log_keys(bureau: &Bureau, origin: &str, moment: Option<Timestamp>) -> Vec<PublicKey> {
    let Some(owner) = owner_of(bureau, origin) else { return Vec::new() };
    partner_keys(bureau, &owner, Purpose::Log, moment)
}

/// The log keys of a partner that a register has revoked: what they sign contradicts nothing that the log itself says.
pub(super) fn revoked_log_keys(bureau: &Bureau, owner: &Administration) -> BTreeSet<PublicKey> {
    let entries = bureau.registered(owner, Purpose::Log).into_iter();
    entries
        .filter(|entry| entry.revocation.is_some())
        .filter_map(|entry| match entry.key {
            RegisteredKey::Log(key) => Some(key),
            _ => None,
        })
        .collect()
}

/// A partner as a witness, once for each of its witness keys that are valid at `moment`, and for each of its ML-DSA-44
/// keys that the configuration names. Those are an addition: without one of the first it has not cosigned.
pub(super) fn witnesses_of(bureau: &Bureau, partner: &Administration, moment: Timestamp) -> Vec<Witness> {
    let keys = partner_keys(bureau, partner, Purpose::Witness, Some(moment));
    let keys = keys.into_iter().map(|key| Witness::of(partner, key));
    keys.chain(bureau.ml_dsa.of_partner(partner)).collect()
}

fn partner_keys(
    bureau: &Bureau,
    partner: &Administration,
    purpose: Purpose,
    moment: Option<Timestamp>,
) -> Vec<PublicKey> {
    let within = |from, until| moment.is_none_or(|moment| from <= moment && moment < until);
    let entries = bureau.registered(partner, purpose);
    // What one register has revoked counts in no other.
    let revoked = |key| {
        let gone = |at: Timestamp| moment.is_some_and(|moment| at <= moment);
        let mut same = entries.iter().filter(|entry| entry.key == key);
        same.any(|entry| entry.revocation.is_some_and(|revoked| gone(revoked.effective)))
    };
    let mut keys = BTreeSet::new();
    for entry in &entries {
        let until = entry.revocation.map_or(entry.until, |revoked| entry.until.min(revoked.effective));
        if let RegisteredKey::Log(key) | RegisteredKey::Witness(key) = entry.key
            && within(entry.from, until)
            && !revoked(entry.key)
        {
            keys.insert(key);
        }
    }
    // What was signed before there was a register was signed with a key of the card.
    if entries.is_empty() || moment.is_none() {
        for card in bureau.cards(partner) {
            if within(card.valid_from, card.valid_until) {
                keys.insert(if purpose == Purpose::Log { card.log } else { card.witness });
            }
        }
    }
    keys.into_iter().collect()
}

/// A checkpoint of this node's log with the cosignatures of `witnesses`, under whichever of our log keys signed it: it may
/// be from before the key was rotated.
pub(super) fn verify_own(
    bureau: &Bureau,
    note: &str,
    witnesses: &[Witness],
) -> Result<CosignedCheckpoint, EvidenceError> {
    let origin = log_origin(&bureau.administration);
    let keys = bureau.identity.ring.log.iter().map(|key| key.public());
    let keys: BTreeSet<PublicKey> = keys.chain([bureau.identity.keys.log.public()]).collect();
    let mut refused = EvidenceError::Key { what: "log", reason: "this node has none" };
    for key in keys {
        match CosignedCheckpoint::verify(note, &origin, &key, witnesses) {
            Ok(cosigned) => return Ok(cosigned),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}
