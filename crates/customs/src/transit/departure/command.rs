//! What the office of departure is asked to do.

use crate::FunctionalError;
use crate::guarantee::InvalidReason;
use crate::transit::{ControlType, Declaration, Reference, RequestedDocument, ResultCode};
use base::{Country, Date, Eori, Grn, Lrn, Mrn, OfficeReference, Timestamp};
use serde::{Deserialize, Serialize};

use super::Trigger;

/// A command to the office of departure: a message from the trader or a partner, a decision of an officer, or a timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// CC015C: a declaration.
    Declare {
        /// The declarant's reference.
        lrn: Lrn,
        /// What is declared.
        declaration: Box<Declaration>,
    },
    /// CC013C: an amendment.
    Amend {
        /// The movement.
        reference: Reference,
        /// What is declared now.
        declaration: Box<Declaration>,
        /// Amendment type flag 1: only guarantees change, as an answer to CC055C (R0520).
        guarantees_only: bool,
        /// When the trader prepared the message.
        submitted: Timestamp,
    },
    /// CC014C: the trader asks to invalidate the declaration.
    RequestInvalidation {
        /// The movement.
        reference: Reference,
        /// When the trader asked.
        requested: Timestamp,
        /// Why.
        justification: Option<String>,
    },
    /// CC170C: the goods of a pre-lodged declaration are presented.
    Present {
        /// The declarant's reference.
        lrn: Lrn,
        /// The holder of the procedure.
        holder: Option<Eori>,
        /// The limit date, when the declarant sets it.
        limit: Option<Date>,
    },
    /// An officer orders control.
    DecideControl {
        /// The controls; documentary control when empty.
        controls: Vec<ControlType>,
        /// Documents to bring along.
        documents: Vec<RequestedDocument>,
    },
    /// An officer records the result of control.
    RecordControl {
        /// The result.
        code: ResultCode,
        /// Remarks.
        text: Option<String>,
    },
    /// An officer decides to release: guarantees are registered, and release follows.
    DecideRelease,
    /// An officer decides not to release.
    RefuseRelease {
        /// Why, as a code (CL211).
        code: String,
        /// Why, in words.
        text: String,
    },
    /// CD205C: the offices of guarantee of one country answer.
    AnswerGuarantee {
        /// The movement.
        mrn: Mrn,
        /// The answers, by guarantee.
        answers: Vec<GuaranteeAnswer>,
    },
    /// An officer invalidates the declaration on customs' own initiative.
    Invalidate {
        /// Why.
        justification: String,
    },
    /// CD118C: the consignment has crossed a frontier.
    NoteCrossing {
        /// The movement.
        mrn: Mrn,
        /// The office of transit.
        office: OfficeReference,
        /// The day.
        on: Date,
    },
    /// CD006C: it has arrived.
    NoteArrival {
        /// The movement.
        mrn: Mrn,
        /// The actual office of destination.
        office: OfficeReference,
        /// When.
        at: Timestamp,
    },
    /// CD018C: the results of control at destination.
    NoteResults {
        /// The movement.
        mrn: Mrn,
        /// The actual office of destination.
        office: OfficeReference,
        /// The result.
        code: ResultCode,
        /// The day of control.
        on: Date,
        /// Seals in good state, when the office says so.
        seals_intact: Option<bool>,
        /// Remarks.
        text: Option<String>,
    },
    /// An officer finds the discrepancies resolved.
    Resolve {
        /// How.
        text: String,
    },
    /// CD906C: a partner refuses a message of ours.
    NoteNack {
        /// The movement.
        mrn: Mrn,
        /// What the partner found wrong.
        errors: Vec<FunctionalError>,
    },
    /// The time for presentation of pre-lodged goods is over.
    PresentationExpired,
    /// The time for guarantee amendment is over.
    AmendmentExpired,
    /// The time for arrival is over.
    ArrivalOverdue,
    /// The time for control results is over.
    ResultsOverdue,
}

/// The answer of an office of guarantee for one guarantee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuaranteeAnswer {
    /// The guarantee.
    pub grn: Grn,
    /// The office that monitors it (C0417: may be absent when the guarantee is unknown).
    pub office: Option<OfficeReference>,
    /// Why it may not be used; empty when it may.
    pub reasons: Vec<InvalidReason>,
    /// Countries where it is not valid.
    pub not_valid_in: Vec<Country>,
}

impl Command {
    /// What it triggers in the transition table.
    pub fn trigger(&self) -> Trigger {
        match self {
            Self::Declare { declaration, .. } => match declaration.additional {
                crate::transit::AdditionalType::Standard => Trigger::Declare,
                crate::transit::AdditionalType::PreLodged => Trigger::PreLodge,
            },
            Self::Amend { .. } => Trigger::Amend,
            Self::RequestInvalidation { .. } => Trigger::RequestInvalidation,
            Self::Present { .. } => Trigger::Present,
            Self::DecideControl { .. } => Trigger::DecideControl,
            Self::RecordControl { .. } => Trigger::RecordControl,
            Self::DecideRelease => Trigger::DecideRelease,
            Self::RefuseRelease { .. } => Trigger::RefuseRelease,
            Self::AnswerGuarantee { .. } => Trigger::AnswerGuarantee,
            Self::Invalidate { .. } => Trigger::Invalidate,
            Self::NoteCrossing { .. } => Trigger::NoteCrossing,
            Self::NoteArrival { .. } => Trigger::NoteArrival,
            Self::NoteResults { .. } => Trigger::NoteResults,
            Self::Resolve { .. } => Trigger::Resolve,
            Self::NoteNack { .. } => Trigger::NoteNack,
            Self::PresentationExpired => Trigger::PresentationExpired,
            Self::AmendmentExpired => Trigger::AmendmentExpired,
            Self::ArrivalOverdue => Trigger::ArrivalOverdue,
            Self::ResultsOverdue => Trigger::ResultsOverdue,
        }
    }

    /// The message that carries it; none for officers and timers.
    pub fn message(&self) -> Option<&'static str> {
        Some(match self {
            Self::Declare { .. } => "CC015C",
            Self::Amend { .. } => "CC013C",
            Self::RequestInvalidation { .. } => "CC014C",
            Self::Present { .. } => "CC170C",
            Self::AnswerGuarantee { .. } => "CD205C",
            Self::NoteCrossing { .. } => "CD118C",
            Self::NoteArrival { .. } => "CD006C",
            Self::NoteResults { .. } => "CD018C",
            Self::NoteNack { .. } => "CD906C",
            _ => return None,
        })
    }

    /// The MRN that it names, if it names one.
    pub fn mrn(&self) -> Option<&Mrn> {
        match self {
            Self::Amend { reference, .. } | Self::RequestInvalidation { reference, .. } => reference.mrn(),
            Self::AnswerGuarantee { mrn, .. }
            | Self::NoteCrossing { mrn, .. }
            | Self::NoteArrival { mrn, .. }
            | Self::NoteResults { mrn, .. }
            | Self::NoteNack { mrn, .. } => Some(mrn),
            _ => None,
        }
    }

    /// How the sender named the movement, for the rejection of a trader's message.
    pub fn reference(&self) -> Option<Reference> {
        match self {
            Self::Declare { lrn, .. } | Self::Present { lrn, .. } => Some(Reference::Lrn(lrn.clone())),
            Self::Amend { reference, .. } | Self::RequestInvalidation { reference, .. } => {
                Some(reference.clone())
            }
            _ => self.mrn().cloned().map(Reference::Mrn),
        }
    }
}
