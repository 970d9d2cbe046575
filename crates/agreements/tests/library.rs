//! The library of agreements: golden tests pass, and no projection breaks a message that the schemas make whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod schema;

use agreements::library::{COMMON_TRANSIT, common_transit};
use agreements::{
    Agreement, DecisionPoint, Dictionary, HEADER, Request, Term, Trigger, check, corridor_agreement,
};
use base::{Administration, Timestamp};
use schema::Element;
use std::collections::{BTreeMap, BTreeSet};

/// Every message that the spine sends between administrations, with the roles of giver and recipient.
const SENT: [(&str, &str, &str, &str); 16] = [
    ("CD001C", "transit_control", "departure", "destination"),
    ("CD003C", "transit_control", "departure", "destination"),
    ("CD006C", "transit_control", "destination", "departure"),
    ("CD010C", "transit_control", "departure", "destination"),
    ("CD010C", "transit_control", "departure", "transit"),
    ("CD018C", "transit_control", "destination", "departure"),
    ("CD024C", "transit_control", "departure", "transit"),
    ("CD024C", "transit_control", "departure", "destination"),
    ("CD050C", "transit_control", "departure", "transit"),
    ("CD118C", "transit_control", "transit", "departure"),
    ("CD203C", "guarantee_management", "departure", "guarantee"),
    ("CD204C", "guarantee_management", "departure", "guarantee"),
    ("CD205C", "guarantee_management", "guarantee", "departure"),
    ("CD209C", "guarantee_management", "departure", "guarantee"),
    ("CD906C", "error_handling", "guarantee", "departure"),
    ("CD917C", "error_handling", "destination", "departure"),
];

fn administration(country: &str) -> Administration {
    Administration::parse(&format!("NTA.{country}")).unwrap()
}

fn request(purpose: &str, from_role: &str, to_role: &str, trigger: Trigger) -> Request {
    let mut request = Request::automatic(
        (administration("GB"), Term::parse(from_role).unwrap()),
        (administration("FR"), Term::parse(to_role).unwrap()),
        Term::parse(purpose).unwrap(),
        Timestamp::parse("2026-11-24T06:00:00Z").unwrap(),
    );
    request.trigger = trigger;
    request
}

fn trigger_of(record_type: &str) -> Trigger {
    if record_type == "CD003C" { Trigger::OnRequest } else { Trigger::Automatic }
}

#[test]
fn the_model_passes_its_own_golden_tests() {
    let agreement = Agreement::from_toml(COMMON_TRANSIT).unwrap_or_else(|errors| panic!("{errors}"));
    let report = check(&agreement);
    assert!(report.passed(), "{report}");
    assert_eq!(report.golden_tests.len(), 8);
}

#[test]
fn a_corridor_gets_the_model_with_its_own_parties() {
    let parties = [administration("MN"), administration("CN"), administration("XI")];
    let agreement = corridor_agreement(&parties).unwrap();
    let report = check(&agreement);
    assert!(report.passed(), "{report}");
    assert_eq!(report.golden_tests.len(), 8);
    assert_eq!(agreement.id.as_str(), common_transit::ID);
    assert!(parties.iter().all(|party| agreement.has_party(party)));
    assert!(!agreement.has_party(&administration("GB")));
    let reversed: Vec<_> = parties.iter().rev().cloned().collect();
    assert!(corridor_agreement(&reversed).unwrap().parties == agreement.parties);
}

#[test]
fn a_corridor_within_one_country_has_an_agreement_that_gives_nothing() {
    let agreement = corridor_agreement(&[administration("GB")]).unwrap();
    assert!(check(&agreement).passed());
    assert!(corridor_agreement(&[]).is_err());
    assert!(corridor_agreement(&[administration("GB"), administration("GB")]).is_err());
}

#[test]
fn the_terms_that_rooms_use_are_those_of_the_model() {
    let agreement = Agreement::from_toml(COMMON_TRANSIT).unwrap();
    let has = |set: &BTreeSet<Term>, term: &str| assert!(set.contains(term), "{term}");
    for purpose in [
        common_transit::TRANSIT_CONTROL,
        common_transit::GUARANTEE_MANAGEMENT,
        common_transit::ERROR_HANDLING,
    ] {
        has(&agreement.purposes, purpose);
    }
    for role in [
        common_transit::DEPARTURE,
        common_transit::TRANSIT,
        common_transit::DESTINATION,
        common_transit::GUARANTEE,
    ] {
        has(&agreement.roles, role);
    }
    for (record_type, purpose, _, _) in SENT {
        let purposes: Vec<_> = agreement.purposes_of(record_type).into_iter().map(Term::as_str).collect();
        assert_eq!(purposes, [purpose], "{record_type}");
    }
}

/// Everything that the schema makes mandatory is permitted; and of a group that is optional, either nothing is
/// permitted or everything that the schema then makes mandatory.
#[test]
fn every_mandatory_element_is_permitted() {
    let Some(schemas) = schema::load() else { return };
    let parties = [administration("GB"), administration("FR")];
    let point = DecisionPoint::new(vec![corridor_agreement(&parties).unwrap()], Vec::new()).unwrap();
    for (record_type, purpose, from_role, to_role) in SENT {
        let root = schemas.message(record_type);
        let paths: BTreeSet<String> = root.leaves().into_iter().collect();
        assert!(paths.len() >= 10, "{record_type} has {} elements", paths.len());
        let request = request(purpose, from_role, to_role, trigger_of(record_type));
        let record = point
            .preview(record_type, &paths, &request)
            .unwrap_or_else(|refused| panic!("{record_type}: {refused}"));
        let permitted: BTreeSet<&str> = record.permitted.iter().map(String::as_str).collect();
        let mut broken = Vec::new();
        whole(&root, "", &permitted, &mut broken);
        assert_eq!(broken, Vec::<String>::new(), "{record_type}");
    }
}

/// Collects what a present group lacks.
fn whole(group: &Element, prefix: &str, permitted: &BTreeSet<&str>, broken: &mut Vec<String>) {
    for child in &group.children {
        let path = if prefix.is_empty() { child.name.clone() } else { format!("{prefix}/{}", child.name) };
        let present = if child.children.is_empty() {
            permitted.contains(path.as_str())
        } else {
            permitted.iter().any(|leaf| leaf.starts_with(&format!("{path}/")))
        };
        if child.mandatory && !present {
            broken.push(path.clone());
        }
        if present {
            whole(child, &path, permitted, broken);
        }
    }
}

#[test]
fn the_dictionary_knows_every_element_of_these_messages() {
    let Some(schemas) = schema::load() else { return };
    let dictionary = Dictionary::built_in().unwrap();
    let unknown: BTreeSet<String> = SENT
        .iter()
        .flat_map(|(record_type, ..)| schemas.message(record_type).leaves())
        .filter(|path| dictionary.class(path).is_none())
        .collect();
    assert_eq!(unknown, BTreeSet::new());
}

#[test]
fn what_is_withheld_of_a_full_message_is_what_the_purpose_does_not_need() {
    let Some(schemas) = schema::load() else { return };
    let parties = [administration("GB"), administration("FR")];
    let point = DecisionPoint::new(vec![corridor_agreement(&parties).unwrap()], Vec::new()).unwrap();
    let dictionary = Dictionary::built_in().unwrap();
    let mut lines = String::new();
    for (record_type, purpose, from_role, to_role) in SENT {
        let paths: BTreeSet<String> = schemas.message(record_type).leaves().into_iter().collect();
        let request = request(purpose, from_role, to_role, trigger_of(record_type));
        let record = point.preview(record_type, &paths, &request).unwrap();
        lines.push_str(&format!(
            "{record_type} {from_role} to {to_role}: {} of {} under {}\n",
            record.permitted.len(),
            paths.len(),
            record.clause.unwrap()
        ));
        let mut categories: BTreeMap<&str, usize> = BTreeMap::new();
        for path in record.withheld.keys() {
            *categories.entry(dictionary.class(path).unwrap().category.as_str()).or_default() += 1;
        }
        for (category, count) in categories {
            lines.push_str(&format!("  withheld of {category}: {count}\n"));
        }
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn a_header_alone_is_not_worth_sending() {
    let parties = [administration("GB"), administration("FR")];
    let point = DecisionPoint::new(vec![corridor_agreement(&parties).unwrap()], Vec::new()).unwrap();
    let request = request("transit_control", "departure", "transit", Trigger::Automatic);
    let paths = BTreeSet::from(["messageSender".to_owned(), "Consignment/Consignor/name".to_owned()]);
    let refused = point.preview("CD050C", &paths, &request).unwrap_err();
    assert_eq!(refused.ground.code(), "not_disclosed");
    let dictionary = Dictionary::built_in().unwrap();
    assert_eq!(dictionary.class("messageSender").unwrap().category.as_str(), HEADER);
}

#[test]
fn the_model_explains_itself() {
    let agreement = Agreement::from_toml(COMMON_TRANSIT).unwrap();
    insta::assert_snapshot!(agreements::explain(&agreement, &administration("FR")));
}
