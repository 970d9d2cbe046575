//! What must hold when a run is over, read from the nodes' disks.

mod attachments;
mod conduct;
mod documents;
mod letters;
mod logs;
mod records;
mod stages;
#[cfg(test)]
mod tests;
mod witnesses;

use crate::consignments::Consignment;
use crate::run::Aftermath;
use base::{Country, OfficeReference};
use records::Records;
use std::collections::{BTreeMap, BTreeSet};

/// What a consignment must have led to.
pub(crate) struct Expected {
    lrn: String,
    trader: String,
    departure: Country,
    transit: Vec<OfficeReference>,
    destination: Country,
    authorised: bool,
    pre_lodged: bool,
    controlled: bool,
    guarantees: BTreeSet<base::Grn>,
}

impl Expected {
    /// What follows from a consignment that has to be written off.
    pub(crate) fn of(consignment: &Consignment) -> Self {
        let declaration = &consignment.declaration;
        let route = declaration.route.as_ref();
        let text = |path: &str| declaration.document.as_ref().and_then(|document| document.text(path));
        Self {
            lrn: route.map(|route| route.lrn.to_string()).unwrap_or_default(),
            trader: consignment.trader.clone(),
            departure: declaration.departure_country(),
            transit: route.map(|route| route.transit.clone()).unwrap_or_default(),
            destination: route.map_or(declaration.departure_country(), |route| route.destination.country()),
            authorised: route.is_some_and(|route| route.authorised),
            pre_lodged: text("TransitOperation/additionalDeclarationType") == Some("D"),
            controlled: consignment.controlled,
            guarantees: route
                .iter()
                .flat_map(|route| &route.guarantees)
                .map(|used| used.grn.clone())
                .collect(),
        }
    }
}

/// Checks everything, and ends the trace with the heads of logs and journals: they stand for every byte in them.
pub(crate) fn everything(aftermath: &Aftermath) -> Vec<String> {
    let Aftermath { stage, expected, at } = aftermath;
    let mut findings = Vec::new();
    let mut all = BTreeMap::new();
    for country in stage.federation.countries() {
        match Records::read(&stage.federation, *country) {
            Ok(records) => {
                stage.note_at(*at, country.as_str(), records.head(), None);
                all.insert(*country, records);
            }
            Err(error) => findings.push(format!("the disk of {country} does not read back: {error}")),
        }
    }
    for (country, records) in &all {
        findings.extend(records.findings().into_iter().map(|finding| format!("{country}: {finding}")));
    }
    findings.extend(conduct::check(stage, &all, expected));
    findings.extend(letters::check(stage, &all));
    findings.extend(documents::check(stage, &all));
    findings.extend(logs::check(stage, &all));
    findings.extend(stages::check(stage, &all));
    findings.extend(attachments::check(stage, &all));
    findings.extend(witnesses::check(stage, &all));
    findings
}
