//! The attachments: each that went with a document is with the recipient once, to the byte, and nothing is left under way.

use super::records::{Kept, Records};
use crate::stage::Stage;
use base::Country;
use std::collections::{BTreeMap, BTreeSet};

/// Compares what was attached with what arrived.
pub(super) fn check(stage: &Stage, all: &BTreeMap<Country, Records>) -> Vec<String> {
    let mut findings = Vec::new();
    let sent = stage.sent();
    let mut known: BTreeSet<(Country, &str)> = BTreeSet::new();
    for one in &sent {
        let (id, to) = (one.exchange_id.as_str(), one.to);
        let kept = all.get(&to).map(|records| records.attachments.as_slice()).unwrap_or_default();
        let kept: Vec<&Kept> = kept.iter().filter(|kept| kept.message_id == id).collect();
        known.extend([(to, id), (one.from, id)]);
        let wrong = match (&one.attachment, kept.as_slice()) {
            (None, []) => continue,
            (Some(content), [kept]) => match &kept.content {
                Ok(arrived) if **arrived == **content => continue,
                Ok(_) => "has another content".to_owned(),
                Err(reason) => format!("is {} and cannot be read: {reason}", kept.state),
            },
            (_, kept) => format!("is there {} times", kept.len()),
        };
        findings.push(format!("at {to} the attachment of {id} {wrong}"));
    }
    for (country, records) in all {
        for id in &records.transfers {
            findings.push(format!("{country} still waits for chunks of {id}"));
        }
        let strange = |kept: &&Kept| {
            !kept.message_id.is_empty() && !known.contains(&(*country, kept.message_id.as_str()))
        };
        for kept in records.attachments.iter().filter(strange) {
            findings.push(format!("{country} has an attachment of {}, which nobody sent", kept.message_id));
        }
    }
    findings
}
