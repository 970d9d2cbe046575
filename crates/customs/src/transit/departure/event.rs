//! What can happen to a movement at its office of departure.

use super::command::GuaranteeAnswer;
use super::{Arrival, GuaranteeUse};
use crate::FunctionalError;
use crate::transit::{ControlResult, ControlType, Declaration, RequestedDocument};
use base::{Date, Grn, Lrn, Mrn, OfficeReference, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Something that happened to a movement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A declaration was lodged before the goods are presented.
    PreLodged {
        /// The declarant's reference.
        lrn: Lrn,
        /// What is declared.
        declaration: Box<Declaration>,
        /// When.
        at: Timestamp,
    },
    /// A declaration was accepted at once.
    Accepted {
        /// The declarant's reference.
        lrn: Lrn,
        /// What is declared.
        declaration: Box<Declaration>,
        /// Our reference.
        mrn: Mrn,
        /// When.
        at: Timestamp,
    },
    /// The goods of a pre-lodged declaration were presented, and it was accepted.
    Presented {
        /// Our reference.
        mrn: Mrn,
        /// When.
        at: Timestamp,
        /// The limit date, when the declarant sets it.
        limit: Option<Date>,
    },
    /// It was amended.
    Amended {
        /// What is declared now.
        declaration: Box<Declaration>,
        /// When.
        at: Timestamp,
    },
    /// Control was ordered.
    ControlDecided {
        /// The controls.
        controls: Vec<ControlType>,
        /// Documents asked for.
        documents: Vec<RequestedDocument>,
        /// When.
        at: Timestamp,
    },
    /// The result of control was recorded.
    ControlRecorded {
        /// The result.
        result: ControlResult,
    },
    /// Offices of guarantee were asked.
    RegistrationStarted {
        /// The guarantees that are monitored.
        guarantees: BTreeMap<Grn, GuaranteeUse>,
    },
    /// The amendment stands, but its guarantees cannot be registered yet; the movement is back where it was accepted.
    RegistrationHeld,
    /// Offices of guarantee answered.
    GuaranteesAnswered {
        /// Their answers.
        answers: Vec<GuaranteeAnswer>,
    },
    /// A guarantee was refused; the uses that had been locked are cancelled.
    GuaranteesRefused,
    /// The goods were released for transit.
    Released {
        /// The result of control.
        control: ControlResult,
        /// The day.
        on: Date,
        /// The day by which they must arrive.
        limit: Date,
        /// The offices of transit that now hold a record.
        offices_of_transit: Vec<OfficeReference>,
    },
    /// The goods were not released.
    NotReleased {
        /// Why, as a code.
        code: String,
        /// Why, in words.
        text: String,
    },
    /// A request to invalidate was refused.
    InvalidationRefused {
        /// When.
        at: Timestamp,
    },
    /// The declaration was invalidated.
    Invalidated {
        /// On customs' own initiative, or the trader's request.
        by_customs: bool,
        /// When.
        at: Timestamp,
        /// Why.
        justification: Option<String>,
    },
    /// A guarantee that was locked after the movement had ended was let go.
    LateUseCancelled {
        /// The guarantees.
        grns: Vec<Grn>,
    },
    /// The consignment crossed a frontier.
    FrontierCrossed {
        /// The office of transit.
        office: OfficeReference,
        /// The day.
        on: Date,
    },
    /// It arrived.
    Arrived(Arrival),
    /// Control results came from destination.
    ResultsNoted {
        /// The result.
        result: ControlResult,
    },
    /// They name discrepancies.
    DiscrepanciesFound,
    /// The discrepancies were resolved.
    Resolved {
        /// How.
        text: String,
    },
    /// The movement was written off.
    WrittenOff {
        /// The day.
        on: Date,
    },
    /// It has not arrived in time, or control results have not come in time.
    BecameOverdue,
    /// A partner refused a message of ours.
    PartnerRefused {
        /// What the partner found wrong.
        errors: Vec<FunctionalError>,
    },
}

impl Event {
    /// Its name, for the journal.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::PreLodged { .. } => "PreLodged",
            Self::Accepted { .. } => "Accepted",
            Self::Presented { .. } => "Presented",
            Self::Amended { .. } => "Amended",
            Self::ControlDecided { .. } => "ControlDecided",
            Self::ControlRecorded { .. } => "ControlRecorded",
            Self::RegistrationStarted { .. } => "RegistrationStarted",
            Self::RegistrationHeld => "RegistrationHeld",
            Self::GuaranteesAnswered { .. } => "GuaranteesAnswered",
            Self::GuaranteesRefused => "GuaranteesRefused",
            Self::Released { .. } => "Released",
            Self::NotReleased { .. } => "NotReleased",
            Self::InvalidationRefused { .. } => "InvalidationRefused",
            Self::Invalidated { .. } => "Invalidated",
            Self::LateUseCancelled { .. } => "LateUseCancelled",
            Self::FrontierCrossed { .. } => "FrontierCrossed",
            Self::Arrived(_) => "Arrived",
            Self::ResultsNoted { .. } => "ResultsNoted",
            Self::DiscrepanciesFound => "DiscrepanciesFound",
            Self::Resolved { .. } => "Resolved",
            Self::WrittenOff { .. } => "WrittenOff",
            Self::BecameOverdue => "BecameOverdue",
            Self::PartnerRefused { .. } => "PartnerRefused",
        }
    }
}
