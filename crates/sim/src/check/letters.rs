//! The letters between the nodes: each arrived once, in order, is in both logs, and both sides hold the same receipt.

use super::records::{Posted, Received, Records};
use crate::stage::Stage;
use base::{Administration, Country};
use evidence::merkle::{self, Hash};
use exchange::{Envelope, Outcome};
use std::collections::{BTreeMap, BTreeSet};

/// Compares what was sent with what was received.
pub(super) fn check(stage: &Stage, all: &BTreeMap<Country, Records>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut known = BTreeSet::new();
    for (sender, records) in all {
        let mut sequences: BTreeMap<&str, i64> = BTreeMap::new();
        for letter in &records.outbox {
            known.insert((Administration::of(*sender).to_string(), letter.message_id.clone()));
            let last = sequences.entry(&letter.channel).or_default();
            if letter.sequence != *last + 1 {
                findings.push(format!(
                    "{} has number {} after {last} at its sender",
                    letter.channel, letter.sequence
                ));
            }
            *last = letter.sequence;
            if let Err(reason) = check_letter(stage, all, *sender, letter) {
                let (id, channel) = (&letter.message_id, &letter.channel);
                findings.push(format!("letter {id}, number {} of {channel}: {reason}", letter.sequence));
            }
        }
    }
    for (recipient, records) in all {
        findings.extend(
            check_inbox(&records.inbox, &known).into_iter().map(|finding| format!("{recipient}: {finding}")),
        );
        let (sent, received, told) = (records.outbox.len(), records.inbox.len(), records.told.len());
        if records.log.len() != sent + received + told {
            let leaves = records.log.len();
            findings.push(format!(
                "{recipient}: {leaves} leaves for {sent} letters sent, {received} received and {told} statements about \
                 letters sent"
            ));
        }
    }
    findings
}

fn check_letter(
    stage: &Stage,
    all: &BTreeMap<Country, Records>,
    sender: Country,
    letter: &Posted,
) -> Result<(), String> {
    if letter.status != "delivered" {
        return Err(format!("it is {} at the end", letter.status));
    }
    let recipient = Administration::parse(&letter.recipient).map_err(|invalid| invalid.to_string())?;
    let card = stage.federation.card(recipient.country()).ok_or("its recipient has no card")?;
    // At which moment does not matter: cards know no revocations.
    let outcome = exchange::verify_response(
        &letter.receipt,
        &letter.envelope,
        std::slice::from_ref(card),
        card.valid_from,
    );
    let Ok(Outcome::Acknowledged(acknowledged)) = outcome else {
        return Err("its receipt does not hold".to_owned());
    };
    let included = acknowledged.included;
    let recipient_log = all.get(&recipient.country()).map(|records| records.log.as_slice());
    let tree = usize::try_from(included.size).ok().and_then(|size| recipient_log?.get(..size));
    let tree: Option<Vec<Hash>> = tree.map(|tree| tree.iter().map(|(leaf, _)| *leaf).collect());
    if tree.is_none_or(|tree| merkle::root(&tree) != included.root.0) {
        return Err("its receipt is of a tree that the recipient's log never was".to_owned());
    }
    let envelope = Envelope::decode(&letter.envelope).map_err(|refusal| refusal.to_string())?;
    let in_log = |country: Country| {
        let log = all.get(&country).map(|records| records.log.as_slice()).unwrap_or_default();
        log.iter().filter(|(_, entry)| entry == envelope.statement).count()
    };
    for country in [sender, recipient.country()] {
        if in_log(country) != 1 {
            return Err(format!("its statement is {} times in the log of {country}", in_log(country)));
        }
    }
    let inbox = all.get(&recipient.country()).map(|records| records.inbox.as_slice()).unwrap_or_default();
    let from = Administration::of(sender);
    let rows: Vec<&Received> = inbox
        .iter()
        .filter(|row| row.sender == from.as_str() && row.message_id == letter.message_id)
        .collect();
    let [row] = rows.as_slice() else {
        return Err(format!("its recipient has it {} times", rows.len()));
    };
    if row.digest != evidence::digest_of(envelope.statement) {
        return Err("its recipient has another statement".to_owned());
    }
    if row.receipt != letter.receipt {
        return Err("its recipient gave another receipt".to_owned());
    }
    if row.channel != letter.channel || row.sequence != letter.sequence {
        return Err(format!("its recipient has it as number {} of {}", row.sequence, row.channel));
    }
    Ok(())
}

/// Whether everything in an inbox was sent, and each channel is without gaps.
fn check_inbox(inbox: &[Received], known: &BTreeSet<(String, String)>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut sequences: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for row in inbox {
        if !known.contains(&(row.sender.clone(), row.message_id.clone())) {
            findings.push(format!("{} was received, and {} never sent it", row.message_id, row.sender));
        }
        let last = sequences.entry((&row.sender, &row.channel)).or_default();
        if row.sequence != *last + 1 {
            findings
                .push(format!("{} has number {} after {last} at its recipient", row.channel, row.sequence));
        }
        *last = row.sequence;
    }
    findings
}
