//! The letters off the golden path, each written over every real declaration.

use super::super::outbound::RenderError;
use super::super::{Letter, OutboundContext, inbound, outbound};
use super::samples::declarations;
use super::{Written, administration, now};
use base::{Date, Grn, GuaranteeType, Lrn, Mrn, OfficeReference};
use customs::guarantee::InvalidReason;
use customs::guarantee::account::{UseAnswer, UseResult};
use customs::transit::departure::{self, Arrival, GuaranteeClaim, GuaranteeRequest, GuaranteeSettlement};
use customs::transit::{ControlType, Reference, RequestedDocument, ResultCode, destination, passage};
use customs::{ErrorCode, FunctionalError, Nack};
use wire::{Document, MessageType};

fn office(text: &str) -> OfficeReference {
    text.parse().unwrap()
}

fn mrn() -> Mrn {
    "23GB000060KNEJKEJ3".parse().unwrap()
}

fn lrn() -> Lrn {
    "L1".parse().unwrap()
}

fn grn(serial: usize) -> Grn {
    Grn::issue(2026, "GB".parse().unwrap(), &serial.to_string()).unwrap()
}

fn today() -> Date {
    now().date()
}

fn errors() -> Vec<FunctionalError> {
    vec![
        FunctionalError::new(
            "/CC015C/Guarantee[1]/GuaranteeReference[1]/GRN",
            ErrorCode::Rule,
            "R0318",
            Some("x\n y"),
        ),
        FunctionalError::new("/CC015C", ErrorCode::OutOfSequence, "G0009", None),
    ]
}

fn context<'a>(
    document: Option<&'a Document>,
    sender: &'a base::Administration,
    recipient: &'a str,
) -> OutboundContext<'a> {
    OutboundContext {
        declaration: document,
        record: None,
        cause: document,
        sender,
        recipient,
        now: now(),
        identification: "M1",
        correlation: Some("T1"),
    }
}

fn settlement<T>(at: T, references: usize) -> GuaranteeSettlement<T> {
    let kinds = [GuaranteeType::COMPREHENSIVE, GuaranteeType::WAIVER];
    GuaranteeSettlement {
        to: administration("GB"),
        mrn: mrn(),
        departure: office("GB000060"),
        at,
        references: (0..references).map(|n| (kinds[n % 2], grn(n), office("GB000001"))).collect(),
    }
}

fn to_traders() -> Vec<departure::Letter> {
    use departure::Letter as L;
    let invalidated = |reference, requested| L::InvalidationDecided {
        reference,
        requested,
        decided: now(),
        granted: true,
        justification: Some("sold\telsewhere".into()),
    };
    let rejected = |errors| {
        L::Rejected(departure::Rejection {
            reference: Some(Reference::Lrn(lrn())),
            business_type: "015".into(),
            at: now(),
            errors,
            words: "it breaks a rule".into(),
        })
    };
    let control = |code: &str| ControlType { code: code.into(), text: None };
    let document = RequestedDocument { code: "C605".into(), description: Some("the original".into()) };
    vec![
        L::AmendmentAccepted { reference: Reference::Mrn(mrn()), submitted: now(), accepted: now() },
        L::AmendmentAccepted { reference: Reference::Lrn(lrn()), submitted: now(), accepted: now() },
        invalidated(Reference::Lrn(lrn()), Some(now())),
        invalidated(Reference::Mrn(mrn()), None),
        L::ControlDecided {
            mrn: mrn(),
            at: now(),
            controls: vec![control("10"), control("50")],
            documents: vec![document],
        },
        L::NotReleased { mrn: mrn(), submitted: now(), code: "C1".into(), text: String::new() },
        L::GuaranteeNotValid {
            mrn: mrn(),
            accepted: today(),
            references: vec![
                (grn(1), vec![InvalidReason::Amount, InvalidReason::Holder]),
                (grn(2), vec![InvalidReason::Unknown]),
            ],
        },
        L::DiscrepanciesFound { mrn: mrn(), on: today(), text: Some("a".repeat(600)) },
        L::DiscrepanciesFound { mrn: mrn(), on: today(), text: None },
        L::WrittenOff { mrn: mrn(), on: today() },
        rejected(errors()),
        rejected(Vec::new()),
    ]
}

fn between_administrations() -> Vec<departure::Letter> {
    use departure::Letter as L;
    vec![
        L::GuaranteeUseCancelled(settlement(today(), 250)),
        L::AmountCredited(settlement(now(), 3)),
        L::MovementCancelled {
            to: administration("FR"),
            mrn: mrn(),
            decided: now(),
            departure: office("GB000060"),
            destination: office("FR000060"),
            offices_of_transit: vec![office("FR001260"), office("FR001261")],
        },
        L::ArrivalForwarded {
            to: administration("FR"),
            mrn: mrn(),
            arrival: Arrival { office: office("IT279100"), at: now() },
            departure: office("GB000060"),
            destination: office("IT279100"),
            offices_of_transit: vec![office("FR001260")],
        },
        L::Nack(Nack { to: administration("FR"), mrn: Some(mrn()), errors: errors() }),
        L::Nack(Nack { to: administration("FR"), mrn: None, errors: Vec::new() }),
    ]
}

#[test]
fn every_letter_to_a_trader_is_a_valid_message_over_every_real_declaration() {
    let (sender, mut written) = (administration("GB"), Written::default());
    for (_, declaration) in declarations() {
        for letter in to_traders() {
            let context = context(Some(&declaration), &sender, "GB123456789000");
            let message = outbound(&Letter::Departure(letter), &context).unwrap();
            assert_eq!(message.text("correlationIdentifier"), Some("T1"));
            written.write(&message);
        }
    }
    written.judge("traders");
}

#[test]
fn every_letter_between_administrations_is_valid_without_any_document() {
    let (sender, mut written) = (administration("GB"), Written::default());
    for letter in between_administrations() {
        let answers = letter.message_type() == "CD906C";
        let message = outbound(&Letter::Departure(letter), &context(None, &sender, "NTA.FR")).unwrap();
        assert_eq!(message.text("correlationIdentifier").is_some(), answers, "only an answer correlates");
        written.write(&message);
    }
    written.judge("administrations");
}

#[test]
fn a_letter_that_rests_on_a_declaration_cannot_be_written_without_it() {
    let sender = administration("GB");
    let letter = Letter::Departure(departure::Letter::WrittenOff { mrn: mrn(), on: today() });
    let error = outbound(&letter, &context(None, &sender, "GB1")).unwrap_err();
    assert_eq!(error, RenderError::SourceMissing { message: "CC045C", what: "the declaration" });
    assert_eq!(error.to_string(), "CC045C cannot be written without the declaration");
}

#[test]
fn guarantees_are_grouped_by_type_and_split_where_a_group_is_full() {
    let sender = administration("GB");
    let letter = Letter::Departure(departure::Letter::GuaranteeUseCancelled(settlement(today(), 250)));
    let message = outbound(&letter, &context(None, &sender, "NTA.GB")).unwrap();
    let sizes: Vec<usize> =
        message.groups("Guarantee").iter().map(|group| group.groups("GuaranteeReference").len()).collect();
    assert_eq!(sizes, [99, 26, 99, 26]);
    assert_eq!(message.texts("Guarantee/sequenceNumber"), ["1", "2", "3", "4"]);
}

#[test]
fn what_an_individual_guarantee_is_asked_for_names_destination_and_goods() {
    let (sender, mut written) = (administration("GB"), Written::default());
    for (name, declaration) in declarations() {
        let request = GuaranteeRequest {
            to: administration("GB"),
            mrn: mrn(),
            accepted: today(),
            departure: office("GB000060"),
            destination: office("IT279100"),
            holder: "GB123456789000".parse().unwrap(),
            countries: vec!["GB".parse().unwrap(), "IT".parse().unwrap()],
            uses: vec![GuaranteeClaim {
                kind: GuaranteeType::INDIVIDUAL,
                grn: grn(1),
                access_code: "AC01".parse().unwrap(),
                amount: base::Money::parse("12.50", base::Currency::EUR).unwrap(),
            }],
        };
        let letter = Letter::Departure(departure::Letter::GuaranteeUse(request));
        let message =
            written.write(&outbound(&letter, &context(Some(&declaration), &sender, "NTA.GB")).unwrap());
        assert_eq!(message.text("CustomsOfficeOfDestinationDeclared/referenceNumber"), Some("IT279100"));
        let codes = "Consignment/HouseConsignment/ConsignmentItem/Commodity/CommodityCode/harmonizedSystemSubHeadingCode";
        assert_eq!(message.texts(codes), declaration.texts(codes), "{name}");
    }
    written.judge("individual");
}

#[test]
fn the_letters_of_destination_transit_and_guarantee_are_valid() {
    let (sender, mut written) = (administration("FR"), Written::default());
    let rejected = |errors| {
        Letter::Destination(destination::Letter::Rejected(destination::Rejection {
            mrn: mrn(),
            business_type: "007".into(),
            at: now(),
            office: office("FR000060"),
            trader: None,
            errors,
            words: "it breaks a rule".into(),
        }))
    };
    let results = |code: &str, text: Option<&str>| {
        Letter::Destination(destination::Letter::ControlResults {
            to: administration("GB"),
            mrn: mrn(),
            departure: office("GB000060"),
            office: office("FR000060"),
            code: ResultCode::parse(code).unwrap(),
            on: today(),
            seals_intact: Some(true),
            text: text.map(str::to_owned),
        })
    };
    let answer = |reasons: Vec<InvalidReason>, serial| UseAnswer {
        to: administration("GB"),
        mrn: mrn(),
        departure: office("GB000060"),
        holder: "GB123456789000".parse().unwrap(),
        kind: GuaranteeType::COMPREHENSIVE,
        grn: grn(serial),
        office: reasons.is_empty().then(|| office("FR000001")),
        reasons,
        not_valid_in: vec!["XI".parse().unwrap()],
    };
    let gathered =
        UseResult::gather(vec![answer(Vec::new(), 1), answer(vec![InvalidReason::Unknown], 2)]).unwrap();
    let nack = Nack { to: administration("GB"), mrn: Some(mrn()), errors: errors() };
    let letters = [
        rejected(errors()),
        rejected(Vec::new()),
        results("A1", None),
        results("B1", Some("two pallets missing")),
        Letter::GuaranteeResult(gathered),
        Letter::GuaranteeNack(nack.clone()),
        Letter::Passage(passage::Letter::Nack(nack.clone())),
        Letter::Destination(destination::Letter::Nack(nack)),
    ];
    for letter in &letters {
        let message = written.write(&outbound(letter, &context(None, &sender, "NTA.GB")).unwrap());
        let other = message.text("TransitOperation/otherThingsToReport");
        let discrepancies = message.text("ControlResult/code") == Some("B1");
        assert_eq!(other.is_some(), discrepancies, "C0930");
        if message.message() == MessageType::CD205C {
            let command = inbound(&message).unwrap();
            let text = format!("{command:?}");
            assert!(text.contains("reasons: [Unknown]") && text.contains("reasons: []"), "{text}");
        }
    }
    written.judge("others");
}
