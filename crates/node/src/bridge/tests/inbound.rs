//! Messages as commands, and what is wrong with them.

use super::super::{Inbound, Letter, inbound, rejection};
use super::samples::declarations;
use super::world::{arrival, message};
use super::{administration, now};
use base::{Mrn, OfficeReference};
use customs::guarantee::account;
use customs::transit::{departure, destination, passage};
use customs::{FunctionalError, Refusal};
use wire::{Document, MessageType};

fn office(text: &str) -> OfficeReference {
    text.parse().unwrap()
}

fn mrn() -> Mrn {
    "23GB000060KNEJKEJ3".parse().unwrap()
}

fn from_partner(kind: MessageType, to: &str) -> Document {
    let mut document = message(kind, &office(&format!("{to}000060")));
    document.set("messageSender", "NTA.GB");
    document.set("TransitOperation/MRN", mrn());
    document.set("CustomsOfficeOfDeparture/referenceNumber", "GB000060");
    document.set("CustomsOfficeOfDestinationDeclared/referenceNumber", "FR000060");
    for transit in ["FR001260", "DE005600", "FR001261", "FR001260"] {
        document.add("CustomsOfficeOfTransitDeclared").set("referenceNumber", transit);
    }
    document
}

fn shown(errors: &[FunctionalError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_transit_record_reaches_every_office_of_the_country_once() {
    let asked = inbound(&from_partner(MessageType::CD050C, "FR")).unwrap();
    let offices: Vec<_> = asked
        .iter()
        .map(|one| match one {
            Inbound::Passage { office: Some(office), command: passage::Command::Announce { .. } } => {
                office.as_str()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(offices, ["FR001260", "FR001261"]);
    let stray = inbound(&from_partner(MessageType::CD050C, "IT")).unwrap_err();
    assert_eq!(
        shown(&stray),
        ["14 at /CD050C/CustomsOfficeOfTransitDeclared/referenceNumber (G0130, found `FR001260`)"]
    );
}

#[test]
fn a_cancellation_reaches_transit_and_destination() {
    let mut document = from_partner(MessageType::CD010C, "FR");
    document.set("Invalidation/decisionDateAndTime", now().message_form());
    let asked = inbound(&document).unwrap();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[2], Inbound::Destination(destination::Command::Cancel { mrn: mrn(), decided: now() }));
}

#[test]
fn one_question_a_guarantee_however_many_references() {
    let mut document = from_partner(MessageType::CD203C, "GB");
    document.set("HolderOfTheTransitProcedure/identificationNumber", "GB123456789000");
    document.add("CountryInvolved").set("country", "IT");
    let guarantee = document.add("Guarantee");
    guarantee.set("guaranteeType", "1");
    for (grn, amount) in
        [("23GB0000010000058", "10.00"), ("20XI0000010000110", "1"), ("23GB0000010000058", "2.50")]
    {
        let line = guarantee.add("GuaranteeReference");
        line.set("GRN", grn);
        line.set("accessCode", "AC01");
        line.set("amountConcerned", amount);
        line.set("currency", "EUR");
    }
    let asked = inbound(&document).unwrap();
    let [Inbound::Guarantee(commands)] = asked.as_slice() else { panic!("{asked:?}") };
    let amounts: Vec<String> = commands
        .iter()
        .map(|command| match command {
            account::Command::Use { amount, .. } => amount.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(amounts, ["12.50 EUR", "1.00 EUR"]);
}

#[test]
fn references_that_contradict_each_other_are_no_question() {
    let asked = |second: (&str, &str, &str), kind: &str| {
        let mut document = from_partner(MessageType::CD203C, "GB");
        document.set("HolderOfTheTransitProcedure/identificationNumber", "GB123456789000");
        for (kind, (code, amount, currency)) in [("1", ("AC01", "10.00", "EUR")), (kind, second)] {
            let guarantee = document.add("Guarantee");
            guarantee.set("guaranteeType", kind);
            let line = guarantee.add("GuaranteeReference");
            line.set("GRN", "23GB0000010000058");
            line.set("accessCode", code);
            line.set("amountConcerned", amount);
            line.set("currency", currency);
        }
        inbound(&document).map(|asked| asked.len()).map_err(|errors| shown(&errors).join("; "))
    };
    let at = "14 at /CD203C/Guarantee[2]";
    assert_eq!(asked(("AC01", "2.50", "EUR"), "1"), Ok(1));
    assert_eq!(
        asked(("AC02", "2.50", "EUR"), "1"),
        Err(format!("{at}/GuaranteeReference[1]/accessCode (TW007)"))
    );
    assert_eq!(asked(("AC01", "2.50", "EUR"), "0"), Err(format!("{at}/guaranteeType (TW007, found `0`)")));
    let most = "99999999999999.99";
    assert_eq!(
        asked(("AC01", most, "EUR"), "1"),
        Err(format!("{at}/GuaranteeReference[1]/amountConcerned (TW008, found `{most}`)"))
    );
}

#[test]
fn a_refusal_goes_to_the_room_that_wrote_what_is_refused() {
    let nack = |root: &str, to: &str| {
        let mut document = from_partner(MessageType::CD906C, to);
        document.set("Header/MRN", mrn());
        let error = document.add("FunctionalError");
        error.set("errorPointer", format!("/{root}/TransitOperation/MRN"));
        error.set("errorCode", "90");
        inbound(&document).unwrap()
    };
    let noted = |asked: &[Inbound]| match asked {
        [] => "nobody",
        [Inbound::Departure(departure::Command::NoteNack { .. })] => "departure",
        [Inbound::Passage { office: None, command: passage::Command::NoteNack { .. } }] => "transit",
        [Inbound::Destination(destination::Command::NoteNack { .. })] => "destination",
        other => panic!("{other:?}"),
    };
    assert_eq!(noted(&nack("CD001C", "GB")), "departure");
    assert_eq!(noted(&nack("CD118C", "FR")), "transit");
    assert_eq!(noted(&nack("CD018C", "FR")), "destination");
    assert_eq!(noted(&nack("CD205C", "FR")), "nobody");
    assert_eq!(noted(&nack("", "GB")), "departure", "told by the country of the movement");
    assert_eq!(noted(&nack("", "FR")), "nobody");
    let mut bare = from_partner(MessageType::CD906C, "GB");
    bare.remove("TransitOperation");
    assert_eq!(noted(&inbound(&bare).unwrap()), "nobody");
}

#[test]
fn what_is_wrong_with_a_declaration_is_said_with_its_place() {
    let Some((_, mut document)) = declarations().into_iter().next() else {
        return;
    };
    document.set("TransitOperation/declarationType", "T9");
    document.set("HolderOfTheTransitProcedure/identificationNumber", "nobody");
    document.set("Guarantee/GuaranteeReference/accessCode", "A 1B");
    let errors = inbound(&document).unwrap_err();
    assert_eq!(
        shown(&errors),
        [
            "12 at /CC015C/TransitOperation/declarationType (CL231, found `T9`)",
            "14 at /CC015C/Guarantee[1]/GuaranteeReference[1]/accessCode (C0086, found `****`)",
            "14 at /CC015C/HolderOfTheTransitProcedure/identificationNumber (R0850, found `nobody`)",
        ]
    );
    let refusal = Refusal::invalid("CC015C", errors);
    let letter = rejection(&document, &refusal, None, now()).unwrap();
    assert_eq!(letter.message_type(), "CC056C");
    let Letter::Departure(departure::Letter::Rejected(rejected)) = letter else { panic!("CC056C") };
    assert_eq!((rejected.business_type.as_str(), rejected.errors.len()), ("015", 3));
}

#[test]
fn a_refused_arrival_is_answered_by_destination_even_when_the_trader_is_unnameable() {
    let mut document = arrival(&mrn(), &office("FR000060"), false);
    document.set("TraderAtDestination/identificationNumber", "nobody");
    let errors = inbound(&document).unwrap_err();
    assert_eq!(
        shown(&errors),
        ["14 at /CC007C/TraderAtDestination/identificationNumber (R0850, found `nobody`)"]
    );
    let letter = rejection(&document, &Refusal::invalid("CC007C", errors), None, now()).unwrap();
    assert_eq!(letter.message_type(), "CC057C");
}

#[test]
fn a_message_that_no_room_takes_is_out_of_sequence() {
    let document = message(MessageType::CC141C, &office("GB000060"));
    let errors = inbound(&document).unwrap_err();
    assert_eq!(shown(&errors), ["92 at /CC141C (G0009)"]);
    let partner = from_partner(MessageType::CD002C, "FR");
    let refusal = Refusal::invalid("CD002C", inbound(&partner).unwrap_err());
    let letter = rejection(&partner, &refusal, Some(administration("GB")), now()).unwrap();
    assert_eq!(letter.message_type(), "CD906C");
    let nack = from_partner(MessageType::CD906C, "FR");
    assert_eq!(
        rejection(&nack, &Refusal::invalid("CD906C", Vec::new()), Some(administration("GB")), now()),
        None
    );
}

#[test]
fn an_amendment_of_guarantees_alone_can_be_told_from_any_other() {
    let Some((_, declaration)) = declarations().into_iter().next() else {
        return;
    };
    let content = |document: &Document| match inbound(document).unwrap().remove(0) {
        Inbound::Departure(
            departure::Command::Declare { declaration, .. } | departure::Command::Amend { declaration, .. },
        ) => (declaration.content, declaration.commodities),
        other => panic!("{other:?}"),
    };
    let mut amendment = wire::carry(&declaration, MessageType::CC013C);
    amendment.set("preparationDateAndTime", now().message_form());
    amendment.set("TransitOperation/amendmentTypeFlag", 1);
    amendment.set("Guarantee/GuaranteeReference/amountToBeCovered", "1.00");
    assert_eq!(content(&amendment), content(&declaration));
    amendment.set("Consignment/grossMass", "1.5");
    assert_ne!(content(&amendment).0, content(&declaration).0);
    assert_eq!(content(&amendment).1, content(&declaration).1);
    amendment.set(
        "Consignment/HouseConsignment/ConsignmentItem/Commodity/CommodityCode/harmonizedSystemSubHeadingCode",
        "999999",
    );
    assert_ne!(content(&amendment).1, content(&declaration).1);
}
