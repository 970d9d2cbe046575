//! What an office of transit knows, is asked, and says.

use crate::{FunctionalError, Nack, Recipient, Transition};
use base::{Administration, Date, Mrn, OfficeReference, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The state of this room for one movement at one office: nothing, or a passage.
pub type State = Option<Passage>;

/// A movement as an office of transit knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// Where it stands.
    pub phase: Phase,
    /// The movement.
    pub mrn: Mrn,
    /// This office.
    pub office: OfficeReference,
    /// The office of departure, which owns the movement.
    pub departure: OfficeReference,
    /// The declared office of destination.
    pub destination: OfficeReference,
    /// The day of the crossing.
    pub crossed: Option<Date>,
}

/// Where a movement stands at an office of transit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// There is no record. Only in the transition table, never in a state.
    Absent,
    /// The anticipated transit record is here.
    Announced,
    /// The consignment has crossed. Final.
    Crossed,
    /// The movement arrived without crossing here. Final.
    Closed,
    /// The movement was cancelled. Final.
    Cancelled,
}

impl Phase {
    /// All phases.
    pub const ALL: [Self; 5] = [Self::Absent, Self::Announced, Self::Crossed, Self::Closed, Self::Cancelled];

    /// The name, as shown and stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "Absent",
            Self::Announced => "Announced",
            Self::Crossed => "Crossed",
            Self::Closed => "Closed",
            Self::Cancelled => "Cancelled",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// A command to an office of transit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// CD050C: a movement is announced.
    Announce {
        /// The movement.
        mrn: Mrn,
        /// This office.
        office: OfficeReference,
        /// The office of departure.
        departure: OfficeReference,
        /// The declared office of destination.
        destination: OfficeReference,
    },
    /// The carrier presents the consignment, and it crosses the frontier here.
    Cross {
        /// The movement.
        mrn: Mrn,
        /// This office.
        office: OfficeReference,
        /// The day.
        on: Date,
    },
    /// CD010C: the movement is cancelled.
    Cancel {
        /// The movement.
        mrn: Mrn,
        /// When that was decided.
        decided: Timestamp,
    },
    /// CD024C or CD006C: the movement has arrived elsewhere.
    NoteArrival {
        /// The movement.
        mrn: Mrn,
        /// When it arrived, when the message says so.
        at: Option<Timestamp>,
    },
    /// CD906C: departure refuses a message of ours.
    NoteNack {
        /// The movement.
        mrn: Mrn,
        /// What is wrong with it.
        errors: Vec<FunctionalError>,
    },
}

impl Command {
    /// What it triggers in the transition table.
    pub fn trigger(&self) -> Trigger {
        match self {
            Self::Announce { .. } => Trigger::Announce,
            Self::Cross { .. } => Trigger::Cross,
            Self::Cancel { .. } => Trigger::Cancel,
            Self::NoteArrival { .. } => Trigger::NoteArrival,
            Self::NoteNack { .. } => Trigger::NoteNack,
        }
    }

    /// The message that carries it; none for the carrier at the frontier.
    pub fn message(&self) -> Option<&'static str> {
        match self {
            Self::Announce { .. } => Some("CD050C"),
            Self::Cross { .. } => None,
            Self::Cancel { .. } => Some("CD010C"),
            Self::NoteArrival { .. } => Some("CD024C"),
            Self::NoteNack { .. } => Some("CD906C"),
        }
    }

    /// The movement that it names.
    pub fn mrn(&self) -> &Mrn {
        match self {
            Self::Announce { mrn, .. }
            | Self::Cross { mrn, .. }
            | Self::Cancel { mrn, .. }
            | Self::NoteArrival { mrn, .. }
            | Self::NoteNack { mrn, .. } => mrn,
        }
    }
}

/// Something that happened at an office of transit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The record came.
    Announced {
        /// The movement.
        mrn: Mrn,
        /// This office.
        office: OfficeReference,
        /// The office of departure.
        departure: OfficeReference,
        /// The declared office of destination.
        destination: OfficeReference,
    },
    /// The consignment crossed.
    Crossed {
        /// The day.
        on: Date,
    },
    /// The movement was cancelled.
    Cancelled {
        /// When.
        decided: Timestamp,
    },
    /// It arrived without crossing here.
    Closed {
        /// When it arrived, when known.
        arrived: Option<Timestamp>,
    },
    /// Departure refused a message of ours.
    PartnerRefused {
        /// What is wrong with it.
        errors: Vec<FunctionalError>,
    },
}

impl Event {
    /// Its name, for the journal.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Announced { .. } => "Announced",
            Self::Crossed { .. } => "Crossed",
            Self::Cancelled { .. } => "Cancelled",
            Self::Closed { .. } => "Closed",
            Self::PartnerRefused { .. } => "PartnerRefused",
        }
    }
}

/// A letter of an office of transit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Letter {
    /// CD118C: the consignment has crossed the frontier.
    FrontierCrossed {
        /// The administration of departure.
        to: Administration,
        /// The movement.
        mrn: Mrn,
        /// The office of departure.
        departure: OfficeReference,
        /// This office.
        office: OfficeReference,
        /// The day.
        on: Date,
    },
    /// CD906C: a partner's message is refused.
    Nack(Nack),
}

impl Letter {
    /// The message that carries it.
    pub fn message_type(&self) -> &'static str {
        match self {
            Self::FrontierCrossed { .. } => "CD118C",
            Self::Nack(_) => "CD906C",
        }
    }

    /// To whom it goes.
    pub fn recipient(&self) -> Recipient {
        match self {
            Self::FrontierCrossed { to, .. } | Self::Nack(Nack { to, .. }) => {
                Recipient::Administration(to.clone())
            }
        }
    }

    /// The movement that it is about.
    pub fn mrn(&self) -> Option<&Mrn> {
        match self {
            Self::FrontierCrossed { mrn, .. } => Some(mrn),
            Self::Nack(nack) => nack.mrn.as_ref(),
        }
    }
}

/// What moves a passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // The text of each is below, in `Display`.
pub enum Trigger {
    Announce,
    Cross,
    Cancel,
    NoteArrival,
    NoteNack,
}

impl Trigger {
    /// All triggers.
    pub const COMMANDS: [Self; 5] =
        [Self::Announce, Self::Cross, Self::Cancel, Self::NoteArrival, Self::NoteNack];
}

impl fmt::Display for Trigger {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Announce => "CD050C transit record",
            Self::Cross => "carrier: frontier crossing",
            Self::Cancel => "CD010C cancellation",
            Self::NoteArrival => "CD006C, CD024C arrival",
            Self::NoteNack => "CD906C refusal by a partner",
        })
    }
}

const fn row(
    from: Phase,
    on: Trigger,
    to: Phase,
    sends: &'static [&'static str],
) -> Transition<Phase, Trigger> {
    Transition { from, on, when: "", to, sends }
}

/// Every transition of an office of transit. What is not here is out of sequence (error 92).
pub const TRANSITIONS: &[Transition<Phase, Trigger>] = &[
    row(Phase::Absent, Trigger::Announce, Phase::Announced, &[]),
    row(Phase::Announced, Trigger::Cross, Phase::Crossed, &["CD118C"]),
    row(Phase::Announced, Trigger::Cancel, Phase::Cancelled, &[]),
    row(Phase::Announced, Trigger::NoteArrival, Phase::Closed, &[]),
    // The crossing may not be known at departure yet when it cancels or closes the record.
    row(Phase::Crossed, Trigger::Cancel, Phase::Crossed, &[]),
    row(Phase::Crossed, Trigger::NoteArrival, Phase::Crossed, &[]),
    row(Phase::Crossed, Trigger::NoteNack, Phase::Crossed, &[]),
];
