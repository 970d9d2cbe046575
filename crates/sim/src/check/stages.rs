//! The staged statements: each that a recipient made is with the sender of the letter, once and to the byte, and every
//! document stands at its sender where its recipient's officer put it.

use super::records::{Records, Standing};
use crate::documents::Sent;
use crate::stage::Stage;
use base::{Administration, Country};
use std::collections::{BTreeMap, BTreeSet};

/// The numbers of the stages in which a document ends that was decided on: decided, and delivered.
const DECIDED: i64 = 2;
const DELIVERED: i64 = 3;

/// Compares what was stated with what the senders know.
pub(super) fn check(stage: &Stage, all: &BTreeMap<Country, Records>) -> Vec<String> {
    let mut findings = Vec::new();
    // By sender, letter and stage.
    let mut known: BTreeSet<(Country, &str, i64)> = BTreeSet::new();
    for (recipient, records) in all {
        for one in &records.stated {
            let (id, number) = (&one.message_id, one.stage);
            let mut wrong = |words: &str| {
                findings.push(format!("stage {number} of {id}, which {recipient} stated: {words}"));
            };
            let sender = Administration::parse(&one.sender).map(|sender| sender.country());
            let Some((sender, theirs)) = sender.ok().and_then(|sender| all.get_key_value(&sender)) else {
                wrong("it is for a stranger");
                continue;
            };
            known.insert((*sender, id, number));
            if !one.taken || !one.reason.is_empty() {
                wrong(&format!("{sender} has not taken it: {}", one.reason));
                continue;
            }
            let told = theirs.told.iter().find(|told| told.message_id == *id && told.stage == number);
            if told.is_none_or(|told| told.statement != one.statement) {
                wrong(&format!("{sender} has no such statement, or another"));
            }
            let entries = theirs.log.iter().filter(|(_, entry)| *entry == one.statement).count();
            if entries != 1 {
                wrong(&format!("it is {entries} times in the log of {sender}"));
            }
        }
    }
    for (sender, records) in all {
        for told in
            records.told.iter().filter(|told| !known.contains(&(*sender, &told.message_id, told.stage)))
        {
            let (id, number) = (&told.message_id, told.stage);
            findings.push(format!("{sender} has a stage {number} of {id}, which nobody stated"));
        }
    }
    for sent in stage.sent() {
        findings.extend(check_document(stage, all, &sent).err());
    }
    findings
}

/// Whether a document ended at its sender as it did at its recipient.
fn check_document(stage: &Stage, all: &BTreeMap<Country, Records>, sent: &Sent) -> Result<(), String> {
    let Sent { from, to, exchange_id, .. } = sent;
    let here = standing(all, *to, "received", exchange_id)?;
    let there = standing(all, *from, "sent", exchange_id)?;
    let about = format!("the document {exchange_id} of {from}");
    let accepted = match here.standing.as_str() {
        "accepted" => true,
        "declined" => false,
        other => return Err(format!("{about} is {other} at {to} at the end")),
    };
    if stage.decided(*to, exchange_id).is_some_and(|decided| decided != accepted) {
        return Err(format!("{about} is {} at {to}, whose officer decided otherwise", here.standing));
    }
    if there.standing != here.standing {
        return Err(format!("{about} is {} there and {} at {to}", there.standing, here.standing));
    }
    let told = all.get(from).map(|records| records.told.as_slice()).unwrap_or_default();
    let last = told.iter().filter(|told| told.message_id == *exchange_id).map(|told| told.stage).max();
    let due = if accepted && here.opened { DELIVERED } else { DECIDED };
    if last != Some(due) {
        return Err(format!("{about} ended there in stage {last:?} instead of {due}"));
    }
    Ok(())
}

fn standing<'r>(
    all: &'r BTreeMap<Country, Records>,
    country: Country,
    direction: &str,
    exchange_id: &str,
) -> Result<&'r Standing, String> {
    let standings = all.get(&country).map(|records| records.standings.as_slice()).unwrap_or_default();
    let found = standings.iter().find(|one| one.direction == direction && one.exchange_id == exchange_id);
    found.ok_or_else(|| format!("{country} has no standing of the document {exchange_id}"))
}
