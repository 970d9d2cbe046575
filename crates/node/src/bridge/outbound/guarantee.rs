//! CD203C, CD204C, CD205C and CD209C: guarantees in use.

use super::OutboundContext;
use base::{Date, GuaranteeType, Timestamp};
use customs::guarantee::InvalidReason;
use customs::guarantee::account::UseResult;
use customs::transit::departure::{GuaranteeRequest, GuaranteeSettlement};
use wire::{Document, Group, MessageType};

/// The most references that one guarantee group can hold.
const REFERENCES: usize = 99;

/// The most guarantee groups that a message can hold.
const GUARANTEES: usize = 9;

/// Guarantee groups by type, each with its references, as many groups as the references need.
fn guarantees<T>(
    message: &mut Document,
    entries: &[T],
    kind: impl Fn(&T) -> GuaranteeType,
    fill: impl Fn(&mut Group, &T),
) {
    let mut kinds: Vec<GuaranteeType> = Vec::new();
    for entry in entries {
        if !kinds.contains(&kind(entry)) {
            kinds.push(kind(entry));
        }
    }
    let mut number = 0;
    for one in kinds {
        let of_kind: Vec<&T> = entries.iter().filter(|entry| kind(entry) == one).collect();
        for chunk in of_kind.chunks(REFERENCES) {
            number += 1;
            if number > GUARANTEES {
                return;
            }
            let group = message.add("Guarantee");
            group.set("sequenceNumber", number);
            group.set("guaranteeType", one);
            for (position, entry) in (1..).zip(chunk) {
                let reference = group.add("GuaranteeReference");
                reference.set("sequenceNumber", position);
                fill(reference, entry);
            }
        }
    }
}

/// CD203C. Destination and goods go along where the type of guarantee asks for them (C0233, C0815).
pub(super) fn request(
    target: MessageType,
    request: &GuaranteeRequest,
    context: &OutboundContext<'_>,
) -> Document {
    let mut message = Document::new(target);
    message.set("TransitOperation/MRN", &request.mrn);
    message.set("TransitOperation/declarationAcceptanceDate", request.accepted);
    message.set("CustomsOfficeOfDeparture/referenceNumber", &request.departure);
    let names = |kind| request.uses.iter().any(|claim| claim.kind == kind);
    if names(GuaranteeType::INDIVIDUAL) {
        message.set("CustomsOfficeOfDestinationDeclared/referenceNumber", &request.destination);
    }
    message.set("HolderOfTheTransitProcedure/identificationNumber", &request.holder);
    for (number, country) in (1..).zip(request.countries.iter().take(99)) {
        let group = message.add("CountryInvolved");
        group.set("sequenceNumber", number);
        group.set("country", country);
    }
    guarantees(
        &mut message,
        &request.uses,
        |claim| claim.kind,
        |reference, claim| {
            reference.set("GRN", &claim.grn);
            reference.set("accessCode", &claim.access_code);
            reference.set("amountConcerned", claim.amount.amount());
            reference.set("currency", claim.amount.currency());
        },
    );
    if names(GuaranteeType::INDIVIDUAL) || names(GuaranteeType::INDIVIDUAL_MULTIPLE) {
        goods(&mut message, context);
    }
    message
}

/// The commodity codes of the declaration. Items without a code are left out, since the group demands one.
fn goods(message: &mut Document, context: &OutboundContext<'_>) {
    let Some(declaration) = context.declaration else {
        return;
    };
    let mut houses = 0;
    for house in declaration.groups("Consignment/HouseConsignment") {
        let coded =
            |item: &&Group| item.text("Commodity/CommodityCode/harmonizedSystemSubHeadingCode").is_some();
        let items: Vec<&Group> = house.groups("ConsignmentItem").into_iter().filter(coded).collect();
        if items.is_empty() {
            continue;
        }
        houses += 1;
        let group = message.add("Consignment/HouseConsignment");
        group.set("sequenceNumber", houses);
        for (number, item) in (1..).zip(items) {
            let entry = group.add("ConsignmentItem");
            entry.set("sequenceNumber", number);
            entry.set_if("Commodity/cusCode", item.text("Commodity/cusCode"));
            for code in ["harmonizedSystemSubHeadingCode", "combinedNomenclatureCode"] {
                let path = format!("Commodity/CommodityCode/{code}");
                entry.set_if(&path, item.text(&path));
            }
        }
    }
}

fn settlement<T>(target: MessageType, settlement: &GuaranteeSettlement<T>) -> Document {
    let mut message = Document::new(target);
    message.set("TransitOperation/MRN", &settlement.mrn);
    message.set("CustomsOfficeOfDeparture/referenceNumber", &settlement.departure);
    guarantees(
        &mut message,
        &settlement.references,
        |(kind, ..)| *kind,
        |reference, (_, grn, office)| {
            reference.set("GRN", grn);
            reference.set("CustomsOfficeOfGuarantee/referenceNumber", office);
        },
    );
    message
}

/// CD204C, dated by the cancellation of use (C0255).
pub(super) fn cancellation(target: MessageType, letter: &GuaranteeSettlement<Date>) -> Document {
    let mut message = settlement(target, letter);
    message.set("TransitOperation/usageCancellationDate", letter.at);
    message
}

/// CD209C.
pub(super) fn credit(target: MessageType, letter: &GuaranteeSettlement<Timestamp>) -> Document {
    let mut message = settlement(target, letter);
    message.set("TransitOperation/arrivalDateAndTimeActual", letter.at.message_form());
    message
}

/// CD205C.
pub(super) fn result(target: MessageType, result: &UseResult) -> Document {
    let mut message = Document::new(target);
    message.set("TransitOperation/MRN", &result.mrn);
    message.set("CustomsOfficeOfDeparture/referenceNumber", &result.departure);
    message.set("HolderOfTheTransitProcedure/identificationNumber", &result.holder);
    guarantees(
        &mut message,
        &result.answers,
        |answer| answer.kind,
        |reference, answer| {
            reference.set("GRN", &answer.grn);
            reference.set_if("CustomsOfficeOfGuarantee/referenceNumber", answer.office.as_ref());
            for (number, country) in (1..).zip(answer.not_valid_in.iter().take(REFERENCES)) {
                let group = reference.add("ValidityLimitation");
                group.set("sequenceNumber", number);
                group.set("guaranteeNotValidIn", country);
            }
            reasons(reference, &answer.reasons);
        },
    );
    message
}

fn reasons(reference: &mut Group, reasons: &[InvalidReason]) {
    for (number, reason) in (1..).zip(reasons.iter().take(GUARANTEES)) {
        let group = reference.add("InvalidGuaranteeReason");
        group.set("sequenceNumber", number);
        group.set("code", reason);
    }
}
