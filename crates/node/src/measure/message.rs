//! The message that the benchmark of the exchange sends: an error report (CD906C) of the size that is wanted, which goes
//! the way of every message between administrations and has no effect beyond the record of its recipient.

use crate::effort::Step;
use crate::messages::{self, Direction, NewMessage, outcome};
use crate::node::{Node, NodeError};
use crate::post::{self, Posted, Writer};
use crate::proceeding::ProceedingError;
use base::{Administration, MessageId, Mrn};
use wire::{Document, MessageType};

const KIND: MessageType = MessageType::CD906C;

/// The longest text of an error.
const TEXT: usize = 512;

impl Node {
    /// Sends a message of about `size` bytes about the movement number `subject`, and tells its identity. Messages about
    /// one movement go in order; those about different ones do not wait for each other.
    ///
    /// # Errors
    /// When the store fails, or the policy does not let it leave.
    pub async fn send_measured(
        &self,
        to: &Administration,
        subject: usize,
        number: usize,
        size: usize,
    ) -> Result<MessageId, NodeError> {
        let (now, own, to) = (self.now(), self.administration().clone(), to.clone());
        let malformed = |reason: String| ProceedingError::Render { message_type: KIND.to_string(), reason };
        let mut document = Document::new(KIND);
        document.set("messageSender", &own);
        document.set("messageRecipient", &to);
        document.set("preparationDateAndTime", now.message_form());
        document.set("messageIdentification", format!("B{number}"));
        document.set("messageType", KIND.as_str());
        document.set("Header/MRN", movement(subject).map_err(|error| malformed(error.to_string()))?);
        fill(&mut document, size);
        let body = wire::write(&document)
            .map_err(|errors| malformed(errors.first().map(ToString::to_string).unwrap_or_default()))?;
        let sent = self
            .write_as(Step::Post, move |tx, bureau| -> Result<_, ProceedingError> {
                let id = messages::record(
                    tx,
                    &NewMessage {
                        at: now,
                        direction: Direction::Sent,
                        from_party: own.country().to_string(),
                        to_party: to.country().to_string(),
                        message_type: KIND.as_str(),
                        identification: &format!("B{number}"),
                        correlation: None,
                        movement: "",
                        owner: "",
                        cause: 0,
                        outcome: outcome::QUEUED,
                        body: &body,
                    },
                )?;
                if let Posted::Withheld(reason) =
                    post::post(tx, bureau, &to, (id, Writer::Departure), document, now)?
                {
                    return Err(ProceedingError::Render { message_type: KIND.to_string(), reason });
                }
                let rows = tx.query("SELECT exchange_id FROM messages WHERE id = ?1", &[id.into()])?;
                Ok(rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()?.unwrap_or_default())
            })
            .await?;
        self.wake_sender();
        Ok(MessageId::parse(&sent).map_err(|error| malformed(error.to_string()))?)
    }
}

/// The MRN of a movement of a third country, with its check digit.
fn movement(subject: usize) -> Result<Mrn, base::Invalid> {
    let unchecked = Mrn::parse(&format!("26IT{subject:012}J0"))?;
    Mrn::parse(&format!("26IT{subject:012}J{}", unchecked.expected_check_digit()))
}

/// Adds errors until the message has about `size` bytes.
fn fill(document: &mut Document, size: usize) {
    /// An error without its text, and a message without errors, as XML.
    const ERROR: usize = 190;
    const REST: usize = 600;
    let mut left = size.saturating_sub(REST).max(ERROR + 1);
    while left > ERROR {
        let length = (left - ERROR).min(TEXT);
        let error = document.add("FunctionalError");
        error.set("errorPointer", "/CD050C/TransitOperation/MRN");
        error.set("errorCode", "12");
        error.set("errorReason", "G0009");
        error.set("originalAttributeValue", "x".repeat(length));
        left -= ERROR + length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_about_the_size_that_is_wanted() {
        for size in [2048, 65_536, 1 << 20] {
            let mut document = Document::new(KIND);
            document.set("messageSender", "NTA.GB");
            document.set("messageRecipient", "NTA.FR");
            document.set("preparationDateAndTime", "2026-11-24T06:00:00");
            document.set("messageIdentification", "B1");
            document.set("messageType", KIND.as_str());
            document.set("Header/MRN", movement(7).unwrap());
            fill(&mut document, size);
            let length = wire::write(&document).unwrap().len();
            assert!((size * 9 / 10..=size * 11 / 10).contains(&length), "{size}: {length}");
        }
    }
}
