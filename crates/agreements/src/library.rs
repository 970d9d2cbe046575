//! The library of agreement documents that the project ships.

use crate::author::AuthoringErrors;
use crate::document::{Agreement, Party};
use crate::name::Term;
use base::Administration;
use std::collections::{BTreeMap, BTreeSet};

/// The model arrangement for common transit, in its authoring form.
pub const COMMON_TRANSIT: &str = include_str!("../../../agreements/common-transit.toml");

/// The terms of the model arrangement for common transit.
pub mod common_transit {
    /// The identifier of the agreement.
    pub const ID: &str = "common-transit";
    /// The purpose of messages that keep goods under customs control from departure to destination.
    pub const TRANSIT_CONTROL: &str = "transit_control";
    /// The purpose of messages between the offices of departure and of guarantee.
    pub const GUARANTEE_MANAGEMENT: &str = "guarantee_management";
    /// The purpose of messages that report an error in another.
    pub const ERROR_HANDLING: &str = "error_handling";
    /// The purpose of documents that officers send each other.
    pub const DOCUMENT_EXCHANGE: &str = "document_exchange";
    /// The role of either side of an exchange of documents.
    pub const CORRESPONDENT: &str = "correspondent";
    /// The role of the office of departure.
    pub const DEPARTURE: &str = "departure";
    /// The role of an office of transit.
    pub const TRANSIT: &str = "transit";
    /// The role of the office of destination.
    pub const DESTINATION: &str = "destination";
    /// The role of the office of guarantee.
    pub const GUARANTEE: &str = "guarantee";
}

/// The model arrangement for common transit between these administrations, version 1.
///
/// The golden tests of the model are carried over to the new parties, the first party of the model becoming the first
/// of these; a test whose two sides would fall together is left out.
///
/// # Errors
/// When no administration is given or one is given twice.
pub fn corridor_agreement(parties: &[Administration]) -> Result<Agreement, AuthoringErrors> {
    let mut draft = Agreement::from_toml(COMMON_TRANSIT)?.into_draft();
    let places: BTreeMap<Administration, usize> = draft
        .parties
        .iter()
        .enumerate()
        .map(|(position, party)| (party.administration.clone(), position))
        .collect();
    let stand_in = |model: &Administration| match places.get(model) {
        Some(position) => parties.get(position % parties.len().max(1)).cloned(),
        // A stranger in a test must stay one.
        None => (!parties.contains(model)).then(|| model.clone()),
    };
    draft.golden_tests = std::mem::take(&mut draft.golden_tests)
        .into_iter()
        .filter_map(|mut test| {
            (test.from, test.to) = (stand_in(&test.from)?, stand_in(&test.to)?);
            (test.from != test.to).then_some(test)
        })
        .collect();
    draft.parties = parties
        .iter()
        .map(|administration| Party {
            administration: administration.clone(),
            authority: format!("Customs administration of {}", administration.country()),
            accepted_annexes: BTreeSet::new(),
            reservations: BTreeSet::new(),
        })
        .collect();
    Agreement::new(draft).map_err(AuthoringErrors::of_faults)
}

impl Agreement {
    /// The purposes for which the agreement lets records of this type be given.
    pub fn purposes_of(&self, record_type: &str) -> BTreeSet<&Term> {
        self.disclosures
            .iter()
            .filter(|row| row.record_types.contains(record_type))
            .map(|row| &row.purpose)
            .collect()
    }
}
