//! Between the wire and the rooms of transit: what a message asks of which room, and how a room's letter is written.
//!
//! Wire types are never domain types: this is the one place that knows both. [`inbound`] reads a message as commands;
//! [`outbound`] writes a letter as a message; [`rejection`] makes the letter about a message that reached no room.

mod inbound;
mod outbound;
#[cfg(test)]
mod tests;

pub use inbound::{inbound, rejection};
pub use outbound::outbound;

use base::{Administration, OfficeReference, Timestamp};
use customs::Recipient;
use customs::guarantee::account;
use customs::transit::{departure, destination, passage};
use wire::Document;

/// What a message asks of one room. A message may concern several: a cancellation reaches every record of a movement.
#[derive(Clone, Debug, PartialEq)]
pub enum Inbound {
    /// The office of departure; the command names the movement by LRN or MRN.
    Departure(departure::Command),
    /// The office of transit named, or every office of transit here that has a record of the movement when none is.
    Passage {
        /// The office, when the message names it.
        office: Option<OfficeReference>,
        /// What is asked.
        command: passage::Command,
    },
    /// The office of destination.
    Destination(destination::Command),
    /// The accounts of the guarantees named, one command each; their answers travel in one message.
    Guarantee(Vec<account::Command>),
}

/// A letter of any room.
#[derive(Clone, Debug, PartialEq)]
pub enum Letter {
    /// From an office of departure.
    Departure(departure::Letter),
    /// From an office of transit.
    Passage(passage::Letter),
    /// From an office of destination.
    Destination(destination::Letter),
    /// From an office of guarantee: the answers to one CD203C, gathered into one CD205C.
    GuaranteeResult(account::UseResult),
    /// From an office of guarantee: a functional refusal.
    GuaranteeNack(customs::Nack),
}

impl Letter {
    /// The message that carries it.
    pub fn message_type(&self) -> &'static str {
        match self {
            Self::Departure(letter) => letter.message_type(),
            Self::Passage(letter) => letter.message_type(),
            Self::Destination(letter) => letter.message_type(),
            Self::GuaranteeResult(_) => "CD205C",
            Self::GuaranteeNack(_) => "CD906C",
        }
    }

    /// To whom it goes.
    pub fn recipient(&self) -> Recipient {
        match self {
            Self::Departure(letter) => letter.recipient(),
            Self::Passage(letter) => letter.recipient(),
            Self::Destination(letter) => letter.recipient(),
            Self::GuaranteeResult(result) => Recipient::Administration(result.to.clone()),
            Self::GuaranteeNack(nack) => Recipient::Administration(nack.to.clone()),
        }
    }
}

/// What the writing of a letter needs besides the letter.
#[derive(Clone, Copy, Debug)]
pub struct OutboundContext<'a> {
    /// The declaration as it now stands: CC015C, or the CC013C that amended it. Known at departure only.
    pub declaration: Option<&'a Document>,
    /// The record that this room got: CD001C at destination, CD050C at an office of transit.
    pub record: Option<&'a Document>,
    /// The message that the letter answers, when it answers one.
    pub cause: Option<&'a Document>,
    /// Our administration.
    pub sender: &'a Administration,
    /// The recipient's name for the header: an administration, or the trader as it named itself.
    pub recipient: &'a str,
    /// When.
    pub now: Timestamp,
    /// The identification that this message gets.
    pub identification: &'a str,
    /// The identification of the message that it answers, when it answers one (R0008).
    pub correlation: Option<&'a str>,
}
