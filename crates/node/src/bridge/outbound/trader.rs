//! Notifications and rejections for traders.

use super::{OutboundContext, RenderError, copy, errors, line};
use base::{Date, Grn};
use customs::guarantee::InvalidReason;
use customs::transit::{ControlType, Reference, RequestedDocument, departure, destination};
use wire::{Document, MessageType};

/// Rejection code 12: functional errors (CL226).
const FUNCTIONAL: &str = "12";

/// Rejection code 4: other reasons, given in words (CL226, C0492).
const OTHER: &str = "4";

/// The notification type of CC060C that decides on control (CL384).
const DECISION_TO_CONTROL: &str = "0";

/// The control type that must be described (CL716, C0451).
const OTHER_CONTROL: &str = "50";

/// A notification of the office of departure: what the declaration says of office, holder and representative, and what
/// the letter adds.
pub(super) fn notification(
    target: MessageType,
    letter: &departure::Letter,
    context: &OutboundContext<'_>,
) -> Result<Document, RenderError> {
    use departure::Letter as L;
    let mut message = about(target, context)?;
    match letter {
        L::Acknowledged { lrn } => message.set("TransitOperation/LRN", lrn),
        L::MrnAllocated { lrn, mrn, accepted } => {
            message.set("TransitOperation/LRN", lrn);
            message.set("TransitOperation/MRN", mrn);
            message.set("TransitOperation/declarationAcceptanceDate", accepted);
        }
        L::AmendmentAccepted { reference, submitted, accepted } => {
            identify(&mut message, reference);
            message.set("TransitOperation/amendmentSubmissionDateAndTime", submitted.message_form());
            message.set("TransitOperation/amendmentAcceptanceDateAndTime", accepted.message_form());
        }
        L::InvalidationDecided { reference, requested, decided, granted, justification } => {
            identify(&mut message, reference);
            message.set_if("Invalidation/requestDateAndTime", requested.map(base::Timestamp::message_form));
            message.set("Invalidation/decisionDateAndTime", decided.message_form());
            message.set("Invalidation/decision", u8::from(*granted));
            message.set("Invalidation/initiatedByCustoms", u8::from(requested.is_none()));
            message.set_if("Invalidation/justification", justification.as_deref().and_then(line));
        }
        L::ControlDecided { mrn, at, controls, documents } => {
            message.set("TransitOperation/MRN", mrn);
            message.set("TransitOperation/controlNotificationDateAndTime", at.message_form());
            message.set("TransitOperation/notificationType", DECISION_TO_CONTROL);
            control(&mut message, controls, documents);
        }
        L::NotReleased { mrn, submitted, code, text } => {
            message.set("TransitOperation/MRN", mrn);
            message.set("TransitOperation/declarationSubmissionDateAndTime", submitted.message_form());
            message.set("TransitOperation/noReleaseMotivationCode", code);
            let text = line(text).unwrap_or_else(|| "not released".to_owned());
            message.set("TransitOperation/noReleaseMotivationText", text);
        }
        L::GuaranteeNotValid { mrn, accepted, references } => {
            message.set("TransitOperation/MRN", mrn);
            message.set("TransitOperation/declarationAcceptanceDate", accepted);
            guarantees_not_valid(&mut message, references);
        }
        L::DiscrepanciesFound { mrn, on, text } => {
            message.set("TransitOperation/MRN", mrn);
            message.set("TransitOperation/discrepanciesNotificationDate", on);
            let text = text.as_deref().and_then(line);
            message.set_if("TransitOperation/discrepanciesNotificationText", text);
        }
        L::WrittenOff { mrn, on } => write_off(&mut message, mrn, *on),
        // The other letters are written elsewhere: they are records, or go to administrations.
        _ => {}
    }
    Ok(message)
}

fn write_off(message: &mut Document, mrn: &base::Mrn, on: Date) {
    message.set("TransitOperation/MRN", mrn);
    message.set("TransitOperation/writeOffDate", on);
}

/// A message about the declaration, with its office, holder and representative, as far as the target knows them.
fn about(target: MessageType, context: &OutboundContext<'_>) -> Result<Document, RenderError> {
    let source = context
        .declaration
        .or(context.cause)
        .ok_or(RenderError::SourceMissing { message: target.as_str(), what: "the declaration" })?;
    let mut message = wire::carry(source, target);
    // Identification and dates of the target are the letter's to say; the declaration's are about itself.
    message.remove("TransitOperation");
    for group in
        ["CustomsOfficeOfTransitDeclared", "Guarantee", "GuaranteeReference", "Authorisation", "Consignment"]
    {
        message.remove(group);
    }
    message.remove("FunctionalError");
    message.remove("Invalidation");
    super::complete::holder(&mut message);
    Ok(message)
}

/// MRN once there is one, else LRN (C0467).
fn identify(message: &mut Document, reference: &Reference) {
    match reference {
        Reference::Lrn(lrn) => message.set("TransitOperation/LRN", lrn),
        Reference::Mrn(mrn) => message.set("TransitOperation/MRN", mrn),
    }
}

fn control(message: &mut Document, controls: &[ControlType], documents: &[RequestedDocument]) {
    for (number, control) in (1..).zip(controls.iter().take(99)) {
        let group = message.add("TypeOfControls");
        group.set("sequenceNumber", number);
        group.set("type", &control.code);
        let unspecified = || (control.code == OTHER_CONTROL).then(|| "as the officer decides".to_owned());
        group.set_if("text", control.text.as_deref().and_then(line).or_else(unspecified));
    }
    for (number, document) in (1..).zip(documents.iter().take(99)) {
        let group = message.add("RequestedDocument");
        group.set("sequenceNumber", number);
        group.set("documentType", &document.code);
        group.set_if("description", document.description.as_deref().and_then(line));
    }
}

fn guarantees_not_valid(message: &mut Document, references: &[(Grn, Vec<InvalidReason>)]) {
    for (number, (grn, reasons)) in (1..).zip(references.iter().take(99)) {
        let group = message.add("GuaranteeReference");
        group.set("sequenceNumber", number);
        group.set("GRN", grn);
        for (number, reason) in (1..).zip(reasons.iter().take(9)) {
            let entry = group.add("InvalidGuaranteeReason");
            entry.set("sequenceNumber", number);
            entry.set("code", reason);
        }
    }
}

const HOLDER: &[&str] = &["identificationNumber", "TIRHolderIdentificationNumber", "name", "Address"];

/// CC056C: holder, representative and office as in the rejected message (G0868), else as declared.
pub(super) fn rejected(
    target: MessageType,
    rejection: &departure::Rejection,
    context: &OutboundContext<'_>,
) -> Result<Document, RenderError> {
    let sources = [context.cause, context.declaration];
    let source = sources
        .into_iter()
        .flatten()
        .find(|document| document.group("HolderOfTheTransitProcedure").is_some())
        .ok_or(RenderError::SourceMissing { message: target.as_str(), what: "the rejected message" })?;
    let mut message = Document::new(target);
    if let Some(reference) = &rejection.reference {
        identify(&mut message, reference);
    }
    message.set("TransitOperation/businessRejectionType", &rejection.business_type);
    message.set("TransitOperation/rejectionDateAndTime", rejection.at.message_form());
    reason(&mut message, rejection.errors.is_empty(), &rejection.words);
    copy(source, &mut message, "CustomsOfficeOfDeparture", &["referenceNumber"]);
    copy(source, &mut message, "HolderOfTheTransitProcedure", HOLDER);
    super::complete::holder(&mut message);
    copy(source, &mut message, "Representative", &["identificationNumber", "status"]);
    errors(&mut message, &rejection.errors);
    Ok(message)
}

/// CC057C: trader and office as in the rejected message (G0868).
pub(super) fn rejected_at_destination(
    target: MessageType,
    rejection: &destination::Rejection,
    context: &OutboundContext<'_>,
) -> Document {
    let mut message = Document::new(target);
    message.set("TransitOperation/MRN", &rejection.mrn);
    message.set("TransitOperation/businessRejectionType", &rejection.business_type);
    message.set("TransitOperation/rejectionDateAndTime", rejection.at.message_form());
    reason(&mut message, rejection.errors.is_empty(), &rejection.words);
    message.set("CustomsOfficeOfDestinationActual/referenceNumber", &rejection.office);
    let named = context.cause.and_then(|cause| cause.text("TraderAtDestination/identificationNumber"));
    let trader = named.or(rejection.trader.as_ref().map(base::Eori::as_str));
    message.set("TraderAtDestination/identificationNumber", trader.unwrap_or(super::complete::UNKNOWN));
    errors(&mut message, &rejection.errors);
    message
}

fn reason(message: &mut Document, in_words_only: bool, words: &str) {
    let words = line(words);
    message.set("TransitOperation/rejectionCode", if in_words_only { OTHER } else { FUNCTIONAL });
    let said = words.or_else(|| in_words_only.then(|| "no reason was given".to_owned()));
    message.set_if("TransitOperation/rejectionReason", said);
}
