//! The least and the most that a declaration can say, made from the message table.

use super::now;
use super::samples::play;
use base::Grn;
use wire::{Document, ElementFacts, Limits, MessageType};

/// How much of the structure a made declaration fills.
#[derive(Clone, Copy, PartialEq)]
enum Extent {
    /// What the structure demands.
    Least,
    /// Everything, groups twice where they may repeat, texts at full length.
    Most,
}

/// The elements that make a declaration one that can travel, by the end of their path.
const CHOSEN: &[(&str, &str)] = &[
    ("messageSender", "GB123456789000"),
    ("messageRecipient", "NTA.GB"),
    ("messageType", "CC015C"),
    ("TransitOperation/declarationType", "T1"),
    ("TransitOperation/additionalDeclarationType", "A"),
    ("TransitOperation/security", "0"),
    ("CustomsOfficeOfDeparture/referenceNumber", "GB000060"),
    ("CustomsOfficeOfDestinationDeclared/referenceNumber", "IT279100"),
    ("CustomsOfficeOfTransitDeclared/referenceNumber", "FR001260"),
    ("HolderOfTheTransitProcedure/identificationNumber", "GB123456789000"),
    ("Representative/identificationNumber", "GB123456789001"),
    ("currency", "GBP"),
    ("accessCode", "AC01"),
    ("numberOfSeals", "1"),
];

/// A value of a format, as long as it may be.
fn value(path: &str, format: &str, number: usize, extent: Extent) -> String {
    if let Some((_, chosen)) =
        CHOSEN.iter().find(|(end, _)| path == *end || path.ends_with(&format!("/{end}")))
    {
        return (*chosen).to_owned();
    }
    if path.ends_with("guaranteeType") {
        // Cash needs no reference; a comprehensive guarantee does.
        return if extent == Extent::Least { "3" } else { "1" }.to_owned();
    }
    let bound =
        || format.chars().filter(char::is_ascii_digit).collect::<String>().parse::<usize>().unwrap_or(1);
    match format {
        "GRN" => Grn::issue(2026, "GB".parse().unwrap(), "7").unwrap().to_string(),
        "CORefNum" => "FR001260".to_owned(),
        "CountryCode" => "FR".to_owned(),
        "LanguageCode" => "FR".to_owned(),
        "Date" => now().date().to_string(),
        "DateTime" => now().message_form(),
        "Flag" => "1".to_owned(),
        "GNSSLatitude" => "50.12345".to_owned(),
        "GNSSLongitude" => "4.12345".to_owned(),
        "TIRcarnetNumber" => "25000000".to_owned(),
        "TINNew" => "GB123456789000".to_owned(),
        "a3" => "EUR".to_owned(),
        "n1" => "1".to_owned(),
        "n2" => "10".to_owned(),
        format if format.starts_with("Decimal") => "12345.67".to_owned(),
        format if format.starts_with("Numeric") || format == "DeclarationGoodsItemNumber" => {
            number.to_string()
        }
        format if format.starts_with("EmailAddress") => format!("{}@example.eu", "a".repeat(245)),
        format if format.starts_with("trimmed") || format.starts_with("an..") => "é".repeat(bound()),
        format if format.starts_with('a') => "A".repeat(bound()),
        format if format.starts_with("Alpha") => "A".to_owned(),
        format if format.starts_with("UCR") => "U".repeat(35),
        format if format.starts_with("Conveyance") => "C".repeat(17),
        other => panic!("no value for format {other} at {path}"),
    }
}

fn fill(out: &mut String, prefix: &str, elements: &[(String, ElementFacts)], number: usize, extent: Extent) {
    for (path, facts) in elements {
        let name = match path.strip_prefix(prefix) {
            Some(name) if !name.is_empty() && !name.contains('/') => name,
            _ => continue,
        };
        let times = match extent {
            Extent::Least => facts.min,
            Extent::Most => facts.max.min(2),
        };
        for repetition in 1..=usize::try_from(times).unwrap() {
            out.push_str(&format!("<{name}>"));
            match facts.format {
                Some(format) => {
                    // Elements count their group; a group counts itself.
                    let number = if times > 1 { repetition } else { number };
                    out.push_str(&value(path, format, number, extent));
                }
                None => fill(out, &format!("{path}/"), elements, repetition, extent),
            }
            out.push_str(&format!("</{name}>"));
        }
    }
}

fn declaration(extent: Extent) -> Document {
    let mut body = String::new();
    fill(&mut body, "", &wire::elements(MessageType::CC015C), 1, extent);
    let xml = format!(
        "<ncts:CC015C xmlns:ncts=\"http://ncts.dgtaxud.ec\" PhaseID=\"NCTS5.1\">{body}</ncts:CC015C>"
    );
    wire::read(xml.as_bytes(), &Limits::default()).unwrap_or_else(|why| panic!("{why}: {:#?}", why.errors))
}

#[test]
fn a_declaration_that_says_the_least_travels() {
    let least = declaration(Extent::Least);
    assert!(least.leaf_paths().len() < 40, "{:#?}", least.leaf_paths());
    for simplified in [false, true] {
        play("least", &least, simplified).written.judge("least");
    }
}

#[test]
fn a_declaration_that_says_everything_travels() {
    let most = declaration(Extent::Most);
    assert!(most.leaf_paths().len() > 600, "{}", most.leaf_paths().len());
    for simplified in [false, true] {
        let world = play("most", &most, simplified);
        world.written.judge("most");
        let release =
            world.to_trader.iter().find(|document| document.message() == MessageType::CC029C).unwrap();
        assert_eq!(release.groups("Consignment/HouseConsignment/ConsignmentItem").len(), 4);
    }
}

#[test]
fn incomplete_means_of_transport_and_masses_are_left_out_and_never_made_up() {
    let mut partial = declaration(Extent::Most);
    for means in partial.groups_mut("Consignment/DepartureTransportMeans").into_iter().take(1) {
        means.remove("nationality");
    }
    for means in partial.groups_mut("Consignment/ActiveBorderTransportMeans") {
        means.remove("typeOfIdentification");
    }
    partial.remove("Consignment/HouseConsignment/ConsignmentItem/Commodity/GoodsMeasure/grossMass");
    partial.remove("Consignment/containerIndicator");
    for party in ["Consignor", "Consignee", "HouseConsignment/Consignor", "HouseConsignment/Consignee"] {
        partial.remove(&format!("Consignment/{party}/name"));
        partial.remove(&format!("Consignment/{party}/Address"));
    }
    let world = play("partial", &partial, true);
    world.written.judge("partial");
    let release = world.to_trader.iter().find(|document| document.message() == MessageType::CC029C).unwrap();
    assert_eq!(release.texts("Consignment/DepartureTransportMeans/sequenceNumber"), ["1"], "numbered anew");
    assert!(release.groups("Consignment/ActiveBorderTransportMeans").is_empty());
    assert!(release.groups("Consignment/HouseConsignment/ConsignmentItem/Commodity/GoodsMeasure").is_empty());
    assert_eq!(release.text("Consignment/containerIndicator"), Some("1"), "there are containers");
}

#[test]
fn the_mass_of_a_single_item_is_that_of_its_house() {
    let mut single = declaration(Extent::Most);
    for house in single.groups_mut("Consignment/HouseConsignment") {
        let item = house.groups("ConsignmentItem").first().map(|item| (*item).clone()).unwrap();
        house.remove("ConsignmentItem");
        house.add_copy(&item).remove("Commodity/GoodsMeasure/grossMass");
        house.set("grossMass", "77.5");
    }
    let world = play("single", &single, false);
    let release = world.to_trader.iter().find(|document| document.message() == MessageType::CC029C).unwrap();
    let masses =
        release.texts("Consignment/HouseConsignment/ConsignmentItem/Commodity/GoodsMeasure/grossMass");
    assert_eq!(masses, ["77.5", "77.5"]);
}
