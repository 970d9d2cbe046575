//! The logs of the nodes against each other and over time: both sides of a channel list the same statements in the same
//! order, and no log ever became anything but longer.

use super::records::Records;
use crate::stage::Stage;
use base::{Administration, Country};
use evidence::merkle::{self, Hash};
use evidence::{Checkpoint, PublicKey, Statement, log_origin};
use std::collections::{BTreeMap, BTreeSet};

/// The statements of a channel in the order of a log: number and leaf.
type Listed = Vec<(u64, Hash)>;

/// Compares the logs with each other, and each with the checkpoints that were seen of it.
pub(super) fn check(stage: &Stage, all: &BTreeMap<Country, Records>) -> Vec<String> {
    let mut findings = Vec::new();
    let lists: BTreeMap<Country, BTreeMap<String, Listed>> =
        all.iter().map(|(country, records)| (*country, channels(records))).collect();
    let names: BTreeSet<&String> = lists.values().flat_map(BTreeMap::keys).collect();
    for name in names {
        let sides: Vec<(&Country, &Listed)> =
            lists.iter().filter_map(|(country, channels)| Some((country, channels.get(name)?))).collect();
        for (country, listed) in &sides {
            let numbers: Vec<u64> = listed.iter().map(|(number, _)| *number).collect();
            if !numbers.iter().copied().eq(1..=numbers.len() as u64) {
                findings.push(format!("{country} logged channel {name} in the order {numbers:?}"));
            }
        }
        match sides.as_slice() {
            [(_, one), (_, other)] if one == other => {}
            [(one, _), (other, _)] => {
                findings.push(format!("the logs of {one} and {other} list different statements of {name}"));
            }
            _ => findings.push(format!("channel {name} is in {} logs instead of two", sides.len())),
        }
    }
    for (country, records) in all {
        let leaves: Vec<Hash> = records.log.iter().map(|(leaf, _)| *leaf).collect();
        let Some(key) = stage.federation.card(*country).map(|card| card.log) else { continue };
        if let Err(reason) = only_grew(*country, &stage.checkpoints(*country), &leaves, &key) {
            findings.push(format!("{country}: {reason}"));
        }
    }
    findings
}

/// The statements of a log by channel.
fn channels(records: &Records) -> BTreeMap<String, Listed> {
    let mut channels: BTreeMap<String, Listed> = BTreeMap::new();
    for (leaf, entry) in &records.log {
        if let Ok(claim) = Statement::read(entry) {
            let manifest = claim.manifest();
            channels.entry(manifest.channel.to_string()).or_default().push((manifest.sequence, *leaf));
        }
    }
    channels
}

/// Whether each checkpoint extends the one that was seen before it, and the log as it was left extends the last.
fn only_grew(country: Country, notes: &[String], leaves: &[Hash], key: &PublicKey) -> Result<(), String> {
    let origin = log_origin(&Administration::of(country));
    let mut last: Option<Checkpoint> = None;
    for note in notes {
        let next = Checkpoint::verify(note, &origin, key).map_err(|error| error.to_string())?;
        if let Some(last) = &last {
            extends(last, (next.size, next.root.0), leaves).map_err(|reason| {
                format!("the checkpoint of size {} after {}: {reason}", next.size, last.size)
            })?;
        }
        last = Some(next);
    }
    let Some(last) = last else { return Ok(()) };
    extends(&last, (leaves.len() as u64, merkle::root(leaves)), leaves).map_err(|reason| {
        format!("the log as it was left, after the checkpoint of size {}: {reason}", last.size)
    })
}

fn extends(old: &Checkpoint, (size, root): (u64, Hash), leaves: &[Hash]) -> Result<(), String> {
    let place = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    let tree = leaves.get(..place(size)).ok_or("it covers more than there is")?;
    let path = merkle::consistency_path(tree, place(old.size)).ok_or("the log went back")?;
    merkle::verify_consistency(old.size, &old.root.0, size, &root, &path).map_err(|error| error.to_string())
}
