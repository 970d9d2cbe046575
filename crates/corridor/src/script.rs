//! The messages that the trader of a corridor sends after the declaration: presentation, arrival, unloading remarks.
//!
//! Each has a message identification that follows from the declaration, so that sending it again after a node was
//! killed is a repeat and not a second message.

use crate::plan::{Declaration, Route};
use base::Administration;
use wire::{Document, MessageType};

/// The presentation of a pre-lodged declaration (CC170C).
///
/// # Errors
/// In words, when the declaration is not legible or the message would not be valid.
pub fn presentation(declaration: &Declaration) -> Result<Vec<u8>, String> {
    let (source, route) = legible(declaration)?;
    let mut message = wire::carry(source, MessageType::CC170C);
    head(&mut message, declaration, &Administration::of(route.departure.country()), "P");
    message.set("TransitOperation/LRN", &route.lrn);
    message.set("TransitOperation/limitDate", default_limit(source));
    write(&message)
}

/// The arrival notification at the office of destination (CC007C), under the simplified procedure when the goods go to
/// an authorised consignee.
///
/// # Errors
/// In words, when the declaration is not legible or the message would not be valid.
pub fn arrival(declaration: &Declaration, mrn: &str) -> Result<Vec<u8>, String> {
    let (source, route) = legible(declaration)?;
    let mut message = Document::new(MessageType::CC007C);
    head(&mut message, declaration, &Administration::of(route.destination.country()), "A");
    message.set("TransitOperation/MRN", mrn);
    message.set("TransitOperation/arrivalNotificationDateAndTime", prepared(source));
    message.set("TransitOperation/simplifiedProcedure", u8::from(route.authorised));
    message.set("TransitOperation/incidentFlag", 0);
    if route.authorised {
        let authorisation = message.add("Authorisation");
        authorisation.set("sequenceNumber", 1);
        authorisation.set("type", "C522");
        authorisation.set("referenceNumber", format!("{}ACE{}", route.destination.country(), "20240001"));
    }
    message.set("CustomsOfficeOfDestinationActual/referenceNumber", &route.destination);
    message.set("TraderAtDestination/identificationNumber", trader_at_destination(route));
    message.set("Consignment/LocationOfGoods/typeOfLocation", "B");
    message.set("Consignment/LocationOfGoods/qualifierOfIdentification", "V");
    message.set("Consignment/LocationOfGoods/CustomsOffice/referenceNumber", &route.destination);
    write(&message)
}

/// The unloading remarks of an authorised consignee who found everything as declared (CC044C).
///
/// # Errors
/// In words, when the declaration is not legible or the message would not be valid.
pub fn unloading_remarks(declaration: &Declaration, mrn: &str) -> Result<Vec<u8>, String> {
    let (source, route) = legible(declaration)?;
    let mut message = Document::new(MessageType::CC044C);
    head(&mut message, declaration, &Administration::of(route.destination.country()), "U");
    message.set("TransitOperation/MRN", mrn);
    message.set("CustomsOfficeOfDestinationActual/referenceNumber", &route.destination);
    message.set("TraderAtDestination/identificationNumber", trader_at_destination(route));
    message.set("UnloadingRemark/conform", 1);
    message.set("UnloadingRemark/unloadingCompletion", 1);
    message.set("UnloadingRemark/unloadingDate", prepared(source).get(..10).unwrap_or("2024-11-30"));
    if !source.groups("Consignment/TransportEquipment/Seal").is_empty() {
        message.set("UnloadingRemark/stateOfSeals", 1);
    }
    write(&message)
}

fn legible(declaration: &Declaration) -> Result<(&Document, &Route), String> {
    match (&declaration.document, &declaration.route) {
        (Some(document), Some(route)) => Ok((document, route)),
        _ => Err(format!("`{}` is not legible", declaration.file.display())),
    }
}

/// The header: from the declarant, to the administration, with an identification of its own.
fn head(message: &mut Document, declaration: &Declaration, to: &Administration, step: &str) {
    let source = declaration.document.as_ref();
    let text = |path: &str| source.and_then(|document| document.text(path)).unwrap_or_default().to_owned();
    let identification: String =
        format!("{step}{}-{}", declaration.index, text("messageIdentification")).chars().take(35).collect();
    message.set("messageSender", text("messageSender"));
    message.set("messageRecipient", to);
    message.set("preparationDateAndTime", text("preparationDateAndTime"));
    message.set("messageIdentification", identification);
    let kind = message.message();
    message.set("messageType", kind.as_str());
}

fn prepared(source: &Document) -> String {
    source.text("preparationDateAndTime").unwrap_or_default().to_owned()
}

fn default_limit(source: &Document) -> String {
    let declared = source.text("TransitOperation/limitDate").map(str::to_owned);
    declared.unwrap_or_else(|| prepared(source).chars().take(10).collect())
}

fn trader_at_destination(route: &Route) -> String {
    format!("{}954131533000", route.destination.country())
}

fn write(message: &Document) -> Result<Vec<u8>, String> {
    wire::write(message).map_err(|errors| {
        errors.iter().map(|error| format!("{}: {}", error.path, error.message)).collect::<Vec<_>>().join("; ")
    })
}
