//! The witnesses: what they cosigned of a log is the beginning of it as it was left, none ever went back, enough have
//! cosigned all of it, and nobody found two histories.

use super::records::Records;
use crate::stage::Stage;
use base::{Administration, Country};
use evidence::merkle::{self, Hash};
use evidence::{CosignedCheckpoint, NoteSignature, SignedNote, Witness, log_origin, witness_name};
use std::collections::{BTreeMap, BTreeSet};
use store::witnessing::SavedCosignature;

/// Compares what witnesses said with the logs.
pub(super) fn check(stage: &Stage, all: &BTreeMap<Country, Records>) -> Vec<String> {
    let mut findings = said(stage, all);
    for (country, records) in all {
        let mut covering = BTreeSet::new();
        for saved in &records.cosignatures {
            match holds(stage, *country, records, saved) {
                Ok(()) if usize::try_from(saved.size) == Ok(records.log.len()) => {
                    covering.insert(saved.witness.clone());
                }
                Ok(()) => {}
                Err(reason) => findings.push(format!(
                    "{country} keeps a cosignature of {} under {} leaves: {reason}",
                    saved.witness, saved.size
                )),
            }
        }
        let quorum = stage.federation.quorum();
        let own = Administration::of(*country);
        let witnesses = quorum.witnesses().iter().filter(|witness| **witness != own);
        let count = witnesses.filter(|witness| covering.contains(&witness_name(witness))).count();
        if !records.log.is_empty() && count < quorum.needed() {
            let needed = quorum.needed();
            findings.push(format!("{country}: {count} witnesses of {needed} have cosigned all of its log"));
        }
        for (_, words) in records.found.iter().filter(|(kind, _)| kind == "equivocation") {
            findings.push(format!("{country} has found: {words}"));
        }
    }
    findings
}

/// Whether what witnesses answered over time fits the logs as they were left, and each other.
fn said(stage: &Stage, all: &BTreeMap<Country, Records>) -> Vec<String> {
    let mut findings = Vec::new();
    let leaves: BTreeMap<Country, Vec<Hash>> = all
        .iter()
        .map(|(country, records)| (*country, records.log.iter().map(|(leaf, _)| *leaf).collect()))
        .collect();
    let mut latest: BTreeMap<(Country, Country), u64> = BTreeMap::new();
    let mut roots: BTreeMap<(Country, u64), Option<Hash>> = BTreeMap::new();
    for one in stage.cosigned() {
        let size = one.checkpoint.size;
        let about = format!("{} cosigned {size} leaves of the log of {}", one.witness, one.log);
        let last = latest.entry((one.witness, one.log)).or_default();
        if size < *last {
            findings.push(format!("{about} after {last}"));
        }
        *last = size;
        let root = roots.entry((one.log, size)).or_insert_with(|| {
            let tree = leaves.get(&one.log)?.get(..usize::try_from(size).ok()?)?;
            Some(merkle::root(tree))
        });
        if *root != Some(one.checkpoint.root.0) {
            findings.push(format!("{about}, which never were its first"));
        }
    }
    findings
}

/// Whether a cosignature that was kept is one of its witness, under a checkpoint of the log.
fn holds(stage: &Stage, country: Country, records: &Records, saved: &SavedCosignature) -> Result<(), String> {
    let words = |error: evidence::EvidenceError| error.to_string();
    let (_, note) =
        records.checkpoints.iter().find(|(size, _)| *size == saved.size).ok_or("there is no checkpoint")?;
    let lines = saved.lines.lines().map(|line| NoteSignature::parse("cosignature", line));
    let lines = lines.collect::<Result<Vec<_>, _>>().map_err(words)?;
    let note = SignedNote::parse("checkpoint", note).map_err(words)?.with(lines).to_note();
    let mut others = stage.federation.countries().iter().map(|other| Administration::of(*other));
    let witness = others.find(|other| witness_name(other) == saved.witness).ok_or("of a stranger")?;
    let card = |country: Country| stage.federation.card(country).ok_or("there is no card");
    let known = Witness::of(&witness, card(witness.country())?.witness);
    let origin = log_origin(&Administration::of(country));
    let verified =
        CosignedCheckpoint::verify(&note, &origin, &card(country)?.log, &[known]).map_err(words)?;
    verified.cosigned_by(&saved.witness).map(drop).ok_or_else(|| "it is not by the witness".to_owned())
}
