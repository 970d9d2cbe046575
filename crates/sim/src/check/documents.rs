//! The documents: each that was sent is with its recipient once, to the byte, and nothing else is.

use super::records::Records;
use crate::stage::Stage;
use base::Country;
use std::collections::{BTreeMap, BTreeSet};

/// Compares what was sent with what was received.
pub(super) fn check(stage: &Stage, all: &BTreeMap<Country, Records>) -> Vec<String> {
    let mut findings = Vec::new();
    let sent = stage.sent();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for one in &sent {
        known.insert(&one.exchange_id);
        let received = all.get(&one.to).map(|records| records.documents.as_slice()).unwrap_or_default();
        let copies: Vec<_> = received.iter().filter(|(id, _)| *id == one.exchange_id).collect();
        match copies.as_slice() {
            [(_, body)] if *body == one.body => {}
            [_] => findings.push(format!("{} changed from {} to {}", one.exchange_id, one.from, one.to)),
            copies => findings.push(format!(
                "{} of {} is {} times on record at {}",
                one.exchange_id,
                one.from,
                copies.len(),
                one.to
            )),
        }
    }
    for (country, records) in all {
        for (id, _) in records.documents.iter().filter(|(id, _)| !known.contains(id.as_str())) {
            findings.push(format!("{country} has the document {id}, which nobody sent"));
        }
    }
    findings
}
