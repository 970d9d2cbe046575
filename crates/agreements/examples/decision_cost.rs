//! Prints what a decision costs: `cargo run --release -p tidewaiter-agreements --example decision_cost`.

#![allow(clippy::disallowed_methods)] // measuring is what this program is for

use agreements::library::common_transit;
use agreements::{DecisionPoint, Request, Term, corridor_agreement};
use base::{Administration, Timestamp};
use std::collections::BTreeSet;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (france, britain) = (Administration::parse("NTA.FR")?, Administration::parse("NTA.GB")?);
    let begun = Instant::now();
    let agreement = corridor_agreement(&[france.clone(), britain.clone()])?;
    println!("read and check: {:?}", begun.elapsed());
    let begun = Instant::now();
    let point = DecisionPoint::new(vec![agreement], Vec::new())?;
    println!("compile, validate and load: {:?}", begun.elapsed());
    let paths: BTreeSet<String> = [
        "messageSender",
        "messageRecipient",
        "TransitOperation/MRN",
        "TransitOperation/declarationType",
        "CustomsOfficeOfDeparture/referenceNumber",
        "HolderOfTheTransitProcedure/name",
        "HolderOfTheTransitProcedure/Address/city",
        "ControlResult/code",
        "ControlResult/text",
        "RiskAnalysisIdentification/code",
        "Consignment/grossMass",
        "Consignment/containerIndicator",
        "Consignment/TransportEquipment/Seal/identifier",
        "Consignment/Consignee/name",
        "Consignment/HouseConsignment/grossMass",
        "Consignment/HouseConsignment/ConsignmentItem/goodsItemNumber",
        "Consignment/HouseConsignment/ConsignmentItem/Commodity/descriptionOfGoods",
        "Consignment/HouseConsignment/ConsignmentItem/PreviousDocument/type",
        "Consignment/HouseConsignment/ConsignmentItem/AdditionalInformation/text",
        "Consignment/AdditionalSupplyChainActor/role",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    let request = Request::automatic(
        (britain, Term::parse(common_transit::DEPARTURE)?),
        (france, Term::parse(common_transit::DESTINATION)?),
        Term::parse(common_transit::TRANSIT_CONTROL)?,
        Timestamp::parse("2026-11-24T06:00:00Z")?,
    );
    const DECISIONS: u32 = 1000;
    let begun = Instant::now();
    for _ in 0..DECISIONS {
        point.preview("CD001C", &paths, &request)?;
    }
    println!("one decision on {} elements: {:?}", paths.len(), begun.elapsed() / DECISIONS);
    Ok(())
}
