//! The message header that all phase-5 messages share.

use serde::{Deserialize, Serialize};

/// The header of a message, each field as it stands in the file and only where it is legible.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// `messageSender`: an EORI number, or `NTA.` and a country.
    pub sender: Option<String>,
    /// `messageRecipient`, of the same form.
    pub recipient: Option<String>,
    /// `preparationDateAndTime`: UTC without saying so (G0002).
    pub prepared: Option<String>,
    /// `messageIdentification`: unique for the sender.
    pub identification: Option<String>,
    /// `messageType`: the schemas let it differ from the root element.
    pub message_type: Option<String>,
    /// `correlationIdentifier`: the identification of the message that this one answers (R0008).
    pub correlation: Option<String>,
}

/// The elements of the header, which all messages begin with.
pub(crate) const ELEMENTS: [&str; 6] = [
    "messageSender",
    "messageRecipient",
    "preparationDateAndTime",
    "messageIdentification",
    "messageType",
    "correlationIdentifier",
];
