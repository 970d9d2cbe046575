//! Elements that a message demands and the declaration may lack, each with its source.
//!
//! | Element | Missing in | Filled from |
//! |---|---|---|
//! | `containerIndicator` | CC015C of type D (C0822) | whether any transport equipment is a container |
//! | party's `name`, `Address` | parties identified by number (C0250) | the number, and its country; a register of economic operators would know better |
//! | guarantee's `amountToBeCovered`, `currency` | types that are not monitored | the amount covered, else zero euro |
//! | `customsOfficeAtBorderReferenceNumber` | transitional declarations (B1016) | the first office of transit, else of destination |
//! | transport means' type, number, nationality | transitional declarations (B1892, B1897) | nothing can: incomplete means are left out |
//! | item's `grossMass` | transitional declarations (B1860) | the house consignment's, when it is its only item; else the measure is left out |

use base::{Currency, Eori, Grn, Money};
use wire::{Document, Group};

/// What stands for a text that must be there and that nobody gave.
pub(super) const UNKNOWN: &str = "not declared";

/// The holder of the procedure must be in every message about a movement, and all that describes it may be absent.
pub(super) fn holder(message: &mut Document) {
    let described =
        message.group("HolderOfTheTransitProcedure").is_some_and(|holder| !holder.leaf_paths().is_empty());
    if !described {
        message.set("HolderOfTheTransitProcedure/name", UNKNOWN);
    }
}

pub(super) fn container_indicator(message: &mut Document) {
    if message.group("Consignment").is_some() && message.text("Consignment/containerIndicator").is_none() {
        let containers = message.texts("Consignment/TransportEquipment/containerIdentificationNumber");
        let indicator = u8::from(!containers.is_empty());
        message.set("Consignment/containerIndicator", indicator);
    }
}

/// The parties of a record, by their place in it.
const PARTIES: [&str; 5] = [
    "Consignment/Consignor",
    "Consignment/Consignee",
    "Consignment/HouseConsignment/Consignor",
    "Consignment/HouseConsignment/Consignee",
    "Consignment/HouseConsignment/ConsignmentItem/Consignee",
];

/// Names and addresses of all parties.
pub(super) fn parties(message: &mut Document) {
    let office = message.text("CustomsOfficeOfDeparture/referenceNumber").unwrap_or_default();
    let home: String = office.chars().take(2).collect();
    holder(message);
    for holder in message.groups_mut("HolderOfTheTransitProcedure") {
        party(holder, &home);
    }
    for place in PARTIES {
        for found in message.groups_mut(place) {
            // A group of which nothing was carried is no party, and is dropped on writing.
            if !found.leaf_paths().is_empty() {
                party(found, &home);
            }
        }
    }
}

fn party(group: &mut Group, home: &str) {
    let number = group.text("identificationNumber").or(group.text("TIRHolderIdentificationNumber"));
    let number = number.map(str::to_owned);
    let country = number
        .as_deref()
        .and_then(|number| Eori::parse(number).ok())
        .map_or_else(|| home.to_owned(), |number| number.country().to_string());
    if group.text("name").is_none() {
        group.set("name", number.as_deref().unwrap_or(UNKNOWN));
    }
    for (path, value) in
        [("Address/streetAndNumber", UNKNOWN), ("Address/city", UNKNOWN), ("Address/country", &country)]
    {
        if group.text(path).is_none() {
            group.set(path, value);
        }
    }
}

/// Amounts of guarantees, in the declared currency; where none was declared, what is covered in euro.
pub(super) fn guarantee_amounts(message: &mut Document, covered: &[(Grn, Money)]) {
    for line in message.groups_mut("Guarantee/GuaranteeReference") {
        if line.text("amountToBeCovered").is_none() || line.text("currency").is_none() {
            let grn = line.text("GRN").unwrap_or_default();
            let amount = covered.iter().find(|(known, _)| known.as_str() == grn).map(|(_, amount)| *amount);
            line.set("amountToBeCovered", amount.map_or_else(|| "0".to_owned(), Money::amount));
            line.set("currency", Currency::EUR);
        }
    }
}

/// The office at the border of active means of transport.
pub(super) fn border_offices(message: &mut Document) {
    let known = [
        "CustomsOfficeOfTransitDeclared/referenceNumber",
        "CustomsOfficeOfDestinationDeclared/referenceNumber",
    ];
    let Some(office) = known.into_iter().find_map(|path| message.text(path)).map(str::to_owned) else {
        return;
    };
    for means in message.groups_mut("Consignment/ActiveBorderTransportMeans") {
        if means.text("customsOfficeAtBorderReferenceNumber").is_none() {
            means.set("customsOfficeAtBorderReferenceNumber", &office);
        }
    }
}

/// What identifies a means of transport; a message that names one must name all.
const MEANS: [&str; 3] = ["typeOfIdentification", "identificationNumber", "nationality"];

/// Leaves out incomplete means of transport at `path`, and numbers the others anew (R0987).
pub(super) fn transport_means(message: &mut Document, path: &str) {
    let complete = |means: &Group| MEANS.iter().all(|name| means.text(name).is_some());
    if message.groups(path).into_iter().all(complete) {
        return;
    }
    let kept: Vec<Group> =
        message.groups(path).into_iter().filter(|means| complete(means)).cloned().collect();
    message.remove(path);
    let Some((parent, _)) = path.rsplit_once('/') else {
        return;
    };
    if let Some(parent) = message.groups_mut(parent).into_iter().next() {
        for (number, means) in (1..).zip(&kept) {
            parent.add_copy(means).set("sequenceNumber", number);
        }
    }
}

/// Gross masses of items that declare another measure only.
pub(super) fn gross_masses(message: &mut Document) {
    for house in message.groups_mut("Consignment/HouseConsignment") {
        let mass = house.text("grossMass").map(str::to_owned);
        let only = house.groups("ConsignmentItem").len() == 1;
        for item in house.groups_mut("ConsignmentItem") {
            if item.group("Commodity/GoodsMeasure").is_none()
                || item.text("Commodity/GoodsMeasure/grossMass").is_some()
            {
                continue;
            }
            match &mass {
                Some(mass) if only => item.set("Commodity/GoodsMeasure/grossMass", mass),
                _ => item.remove("Commodity/GoodsMeasure"),
            }
        }
    }
}
