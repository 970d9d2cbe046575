//! How a room's letter is written as a message.
//!
//! What the letter itself does not say is carried over from the declaration or the record. Elements that a target
//! demands and its source may lack are filled from sources named in [`complete`], or their optional group is left out.

mod complete;
mod guarantee;
mod office;
mod records;
mod trader;

use super::{Letter, OutboundContext};
use customs::transit::{departure, destination, passage};
use customs::{FunctionalError, Nack, Recipient};
use wire::{Document, MessageType};

/// Why a letter could not be written. None of these is the doing of a trader or a partner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// There is no such message.
    #[error("`{0}` is no message of the wire")]
    UnknownMessage(String),
    /// The document that the letter rests on is not at hand.
    #[error("{message} cannot be written without {what}")]
    SourceMissing {
        /// The message to be written.
        message: &'static str,
        /// What is missing.
        what: &'static str,
    },
}

/// Writes a letter as a message, ready for [`wire::write`].
///
/// # Errors
/// When the declaration or record that the letter rests on is not in the context.
pub fn outbound(letter: &Letter, context: &OutboundContext<'_>) -> Result<Document, RenderError> {
    let target = message_type(letter.message_type())?;
    let mut message = match letter {
        Letter::Departure(letter) => departure_letter(letter, target, context)?,
        Letter::Passage(passage::Letter::FrontierCrossed { mrn, departure, office, on, .. }) => {
            office::frontier_crossed(target, mrn, departure, office, *on)
        }
        Letter::Destination(letter) => destination_letter(letter, target, context)?,
        Letter::GuaranteeResult(result) => guarantee::result(target, result),
        Letter::Passage(passage::Letter::Nack(refusal)) | Letter::GuaranteeNack(refusal) => {
            nack(target, refusal)
        }
    };
    let answers = match letter.recipient() {
        Recipient::Trader => true,
        // Between administrations only these answer a message; what else follows from one stands for itself (R0008).
        Recipient::Administration(_) => matches!(letter.message_type(), "CD205C" | "CD906C"),
    };
    header(&mut message, target, context, answers);
    Ok(message)
}

fn message_type(name: &'static str) -> Result<MessageType, RenderError> {
    MessageType::parse(name).ok_or_else(|| RenderError::UnknownMessage(name.to_owned()))
}

fn departure_letter(
    letter: &departure::Letter,
    target: MessageType,
    context: &OutboundContext<'_>,
) -> Result<Document, RenderError> {
    use departure::Letter as L;
    match letter {
        L::Nack(refusal) => Ok(nack(target, refusal)),
        L::Rejected(rejection) => trader::rejected(target, rejection, context),
        L::GuaranteeUse(request) => Ok(guarantee::request(target, request, context)),
        L::GuaranteeUseCancelled(settlement) => Ok(guarantee::cancellation(target, settlement)),
        L::AmountCredited(settlement) => Ok(guarantee::credit(target, settlement)),
        L::Released(release) => records::released(target, release, context),
        L::ArrivalRecord { release, .. } => records::record(target, release, context),
        L::TransitRecord { release, .. } => records::record(target, release, context),
        L::MovementCancelled { .. } => Ok(office::cancelled(target, letter)),
        L::ArrivalForwarded { .. } => Ok(office::arrival_forwarded(target, letter)),
        letter => trader::notification(target, letter, context),
    }
}

fn destination_letter(
    letter: &destination::Letter,
    target: MessageType,
    context: &OutboundContext<'_>,
) -> Result<Document, RenderError> {
    use destination::Letter as L;
    match letter {
        L::ArrivalAdvice { mrn, at, departure, office, .. } => {
            Ok(office::arrival_advice(target, mrn, *at, departure, office))
        }
        L::UnloadingPermission { mrn, office, trader } => {
            records::unloading_permission(target, mrn, office, trader, context)
        }
        L::ControlResults { .. } => Ok(office::control_results(target, letter, context)),
        L::GoodsReleased { mrn, on, office, trader } => {
            Ok(office::goods_released(target, mrn, *on, office, trader))
        }
        L::Rejected(rejection) => Ok(trader::rejected_at_destination(target, rejection, context)),
        L::Nack(refusal) => Ok(nack(target, refusal)),
    }
}

fn header(message: &mut Document, target: MessageType, context: &OutboundContext<'_>, answers: bool) {
    message.set("messageSender", context.sender);
    message.set("messageRecipient", context.recipient);
    message.set("preparationDateAndTime", context.now.message_form());
    message.set("messageIdentification", context.identification);
    message.set("messageType", target.as_str());
    message.remove("correlationIdentifier");
    message.set_if("correlationIdentifier", context.correlation.filter(|_| answers));
}

/// CD906C.
fn nack(target: MessageType, refusal: &Nack) -> Document {
    let mut message = Document::new(target);
    message.set_if("Header/MRN", refusal.mrn.as_ref());
    errors(&mut message, &refusal.errors);
    if refusal.errors.is_empty() {
        // The message must name an error; without one it points at the whole of what is refused.
        let error = FunctionalError::new("/", customs::ErrorCode::Rule, "G0009", None);
        errors(&mut message, &[error]);
    }
    message
}

/// The most errors that a message can name.
const ERRORS: usize = 9_999;

/// Functional errors, in CC056C, CC057C and CD906C.
fn errors(message: &mut Document, errors: &[FunctionalError]) {
    for error in errors.iter().take(ERRORS) {
        let group = message.add("FunctionalError");
        group.set("errorPointer", line(&error.pointer).unwrap_or_else(|| "/".to_owned()));
        group.set("errorCode", error.code);
        group.set("errorReason", error.reason.chars().take(7).collect::<String>());
        group.set_if("originalAttributeValue", error.value.as_deref().and_then(line));
    }
}

/// The longest free text of a message (an..512).
const TEXT: usize = 512;

/// Text as an element can carry it: one line without control characters, at most 512 characters, not empty.
fn line(text: &str) -> Option<String> {
    let words =
        text.split(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'));
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let line: String = line.chars().take(TEXT).collect();
    let line = line.trim_end().to_owned();
    (!line.is_empty()).then_some(line)
}

/// Copies a group from one message to another, as far as it is there, keeping only these elements; `true` when it is.
fn copy(from: &Document, to: &mut Document, group: &str, wanted: &[&str]) -> bool {
    let Some(found) = from.group(group) else {
        return false;
    };
    let mut found = found.clone();
    found.retain(&|path| wanted.iter().any(|name| path == *name || path.starts_with(&format!("{name}/"))));
    let there = !found.is_empty();
    if there {
        to.add_copy(&found);
    }
    there
}
