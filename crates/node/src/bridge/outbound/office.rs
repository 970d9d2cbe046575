//! Short messages between administrations, and the release at destination: what they say is all in the letter.

use super::{OutboundContext, line};
use base::{Date, Eori, Mrn, OfficeReference, Timestamp};
use customs::transit::{departure, destination};
use wire::{Document, MessageType};

/// The release indicator of a full release (CL164).
const FULL_RELEASE: &str = "1";

fn about(target: MessageType, mrn: &Mrn, departure: &OfficeReference) -> Document {
    let mut message = Document::new(target);
    message.set("TransitOperation/MRN", mrn);
    message.set("CustomsOfficeOfDeparture/referenceNumber", departure);
    message
}

fn offices_of_transit(message: &mut Document, offices: &[OfficeReference]) {
    for (number, office) in (1..).zip(offices.iter().take(9)) {
        let group = message.add("CustomsOfficeOfTransitDeclared");
        group.set("sequenceNumber", number);
        group.set("referenceNumber", office);
    }
}

/// CD118C.
pub(super) fn frontier_crossed(
    target: MessageType,
    mrn: &Mrn,
    departure: &OfficeReference,
    office: &OfficeReference,
    on: Date,
) -> Document {
    let mut message = about(target, mrn, departure);
    message.set("TransitOperation/passageDate", on);
    message.set("CustomsOfficeOfTransitActual/referenceNumber", office);
    message
}

/// CD006C.
pub(super) fn arrival_advice(
    target: MessageType,
    mrn: &Mrn,
    at: Timestamp,
    departure: &OfficeReference,
    office: &OfficeReference,
) -> Document {
    let mut message = about(target, mrn, departure);
    message.set("TransitOperation/arrivalDateAndTimeActual", at.message_form());
    message.set("CustomsOfficeOfDestinationActual/referenceNumber", office);
    message
}

/// CD010C.
pub(super) fn cancelled(target: MessageType, letter: &departure::Letter) -> Document {
    let departure::Letter::MovementCancelled {
        mrn,
        decided,
        departure,
        destination,
        offices_of_transit: offices,
        ..
    } = letter
    else {
        return Document::new(target);
    };
    let mut message = about(target, mrn, departure);
    message.set("Invalidation/decisionDateAndTime", decided.message_form());
    message.set("CustomsOfficeOfDestinationDeclared/referenceNumber", destination);
    offices_of_transit(&mut message, offices);
    message
}

/// CD024C.
pub(super) fn arrival_forwarded(target: MessageType, letter: &departure::Letter) -> Document {
    let departure::Letter::ArrivalForwarded {
        mrn,
        arrival,
        departure,
        destination,
        offices_of_transit: offices,
        ..
    } = letter
    else {
        return Document::new(target);
    };
    let mut message = about(target, mrn, departure);
    message.set("TransitOperation/arrivalDateAndTimeActual", arrival.at.message_form());
    message.set("CustomsOfficeOfDestinationDeclared/referenceNumber", destination);
    message.set("CustomsOfficeOfDestinationActual/referenceNumber", &arrival.office);
    offices_of_transit(&mut message, offices);
    message
}

/// CD018C. The binding itinerary is reported back as in the record (G0042).
pub(super) fn control_results(
    target: MessageType,
    letter: &destination::Letter,
    context: &OutboundContext<'_>,
) -> Document {
    let destination::Letter::ControlResults { mrn, departure, office, code, on, seals_intact, text, .. } =
        letter
    else {
        return Document::new(target);
    };
    let mut message = about(target, mrn, departure);
    let bound = context.record.and_then(|record| record.text("TransitOperation/bindingItinerary"));
    message.set("TransitOperation/bindingItinerary", bound.unwrap_or("0"));
    let text = text.as_deref().and_then(line);
    if !code.is_clean() {
        message.set_if("TransitOperation/otherThingsToReport", text.as_ref());
    }
    message.set("CustomsOfficeOfDestinationActual/referenceNumber", office);
    message.set("ControlResult/code", code);
    message.set("ControlResult/date", on);
    message.set_if("ControlResult/stateOfSeals", seals_intact.map(u8::from));
    message.set_if("ControlResult/text", text);
    message
}

/// CC025C.
pub(super) fn goods_released(
    target: MessageType,
    mrn: &Mrn,
    on: Date,
    office: &OfficeReference,
    trader: &Eori,
) -> Document {
    let mut message = Document::new(target);
    message.set("TransitOperation/MRN", mrn);
    message.set("TransitOperation/releaseDate", on);
    message.set("TransitOperation/releaseIndicator", FULL_RELEASE);
    message.set("CustomsOfficeOfDestinationActual/referenceNumber", office);
    message.set("TraderAtDestination/identificationNumber", trader);
    message
}
