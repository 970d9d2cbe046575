//! What a message asks of which room.

mod declaration;
mod guarantee;
mod partner;
mod reader;
mod trader;

use super::{Inbound, Letter};
use base::{Administration, Eori, Mrn, OfficeReference, Timestamp};
use customs::transit::{Reference, departure, destination};
use customs::{ErrorCode, FunctionalError, Nack, Refusal, Reply};
use reader::Reader;
use wire::Document;

/// Reads a message as what it asks of which rooms of the administration that it is addressed to.
///
/// A refusal by a partner (CD906C) that names no movement, and a forwarded arrival that concerns no office here, ask
/// nothing: they are noted by being on record.
///
/// # Errors
/// The functional errors of a message whose values are missing or not what they should be, and error 92 for a message
/// that no room here takes.
pub fn inbound(document: &Document) -> Result<Vec<Inbound>, Vec<FunctionalError>> {
    let reader = Reader::new(document);
    match document.message().as_str() {
        "CC015C" => declaration::declare(reader),
        "CC013C" => declaration::amend(reader),
        "CC014C" => trader::invalidation_request(reader),
        "CC170C" => trader::presentation(reader),
        "CC007C" => trader::arrival_notification(reader),
        "CC044C" => trader::unloading_remarks(reader),
        "CD001C" => partner::arrival_record(reader),
        "CD050C" => partner::transit_record(reader),
        "CD118C" => partner::frontier_crossed(reader),
        "CD006C" => partner::arrival_advice(reader),
        "CD024C" => partner::forwarded_arrival(reader),
        "CD018C" => partner::control_results(reader),
        "CD010C" => partner::cancellation(reader),
        "CD203C" => guarantee::usage(reader),
        "CD204C" => guarantee::cancellation(reader),
        "CD205C" => guarantee::result(reader),
        "CD209C" => guarantee::credit(reader),
        "CD906C" => Ok(partner::nack(reader)),
        "CD917C" => Ok(partner::structure_nack(reader)),
        other => {
            Err(vec![FunctionalError::new(format!("/{other}"), ErrorCode::OutOfSequence, "G0009", None)])
        }
    }
}

/// The administration to which a message is addressed, by country; `None` when the header names none.
fn addressee(document: &Document) -> Option<base::Country> {
    let recipient = document.text("messageRecipient")?;
    Administration::parse(recipient).ok().map(|administration| administration.country())
}

/// The letter about a message that is refused before any room saw it: CC056C or CC057C to the trader, CD906C to the
/// administration `sender`; none for a refusal of a refusal (G0085) and for a message that names too little to answer.
pub fn rejection(
    document: &Document,
    refusal: &Refusal,
    sender: Option<Administration>,
    now: Timestamp,
) -> Option<Letter> {
    let mrn = ["TransitOperation/MRN", "Header/MRN"]
        .into_iter()
        .find_map(|path| document.text(path))
        .and_then(|text| Mrn::parse(text).ok());
    match refusal.reply() {
        Reply::None => None,
        Reply::Nack if matches!(refusal.message.as_deref(), Some("CD906C" | "CD917C")) => None,
        Reply::Nack => Some(Letter::Departure(departure::Letter::Nack(Nack {
            to: sender?,
            mrn,
            errors: refusal.errors.clone(),
        }))),
        Reply::RejectionAtDeparture => {
            let lrn = || {
                document.text("TransitOperation/LRN").and_then(|text| text.parse().ok()).map(Reference::Lrn)
            };
            Some(Letter::Departure(departure::Letter::Rejected(departure::Rejection {
                reference: mrn.map(Reference::Mrn).or_else(lrn),
                business_type: refusal.rejection_type()?.to_owned(),
                at: now,
                errors: refusal.errors.clone(),
                words: refusal.words.clone(),
            })))
        }
        Reply::RejectionAtDestination => {
            let office = document.text("CustomsOfficeOfDestinationActual/referenceNumber")?;
            let trader = document.text("TraderAtDestination/identificationNumber");
            Some(Letter::Destination(destination::Letter::Rejected(destination::Rejection {
                mrn: mrn?,
                business_type: refusal.rejection_type()?.to_owned(),
                at: now,
                office: OfficeReference::parse(office).ok()?,
                trader: trader.and_then(|text| Eori::parse(text).ok()),
                errors: refusal.errors.clone(),
                words: refusal.words.clone(),
            })))
        }
    }
}
