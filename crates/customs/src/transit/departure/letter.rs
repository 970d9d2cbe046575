//! The letters of the office of departure.

use crate::guarantee::{GuaranteeClaim, InvalidReason};
use crate::transit::{ControlResult, ControlType, Reference, RequestedDocument, ResultCode};
use crate::{FunctionalError, Nack, Recipient};
use base::{
    Administration, Country, Date, Eori, Grn, GuaranteeType, Lrn, Money, Mrn, OfficeReference, Timestamp,
};
use serde::{Deserialize, Serialize};

/// A letter of the office of departure: to whom it goes, and what it says beyond the declaration itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Letter {
    /// CC928C: the declaration has arrived and is well-formed.
    Acknowledged {
        /// The declarant's reference.
        lrn: Lrn,
    },
    /// CC028C: accepted under this MRN.
    MrnAllocated {
        /// The declarant's reference.
        lrn: Lrn,
        /// Ours.
        mrn: Mrn,
        /// The day of acceptance.
        accepted: Date,
    },
    /// CC004C: the amendment is accepted.
    AmendmentAccepted {
        /// The movement.
        reference: Reference,
        /// When the amendment was submitted.
        submitted: Timestamp,
        /// When it was accepted.
        accepted: Timestamp,
    },
    /// CC009C: the decision on invalidation.
    InvalidationDecided {
        /// The movement.
        reference: Reference,
        /// When the trader asked for it; none when customs began it (C0129).
        requested: Option<Timestamp>,
        /// When it was decided.
        decided: Timestamp,
        /// Whether the declaration is now invalid (R0102).
        granted: bool,
        /// Why.
        justification: Option<String>,
    },
    /// CC060C of notification type 0: the goods will be controlled.
    ControlDecided {
        /// The movement.
        mrn: Mrn,
        /// When it was decided.
        at: Timestamp,
        /// The controls; never empty (C0452).
        controls: Vec<ControlType>,
        /// Documents to bring along (C0455).
        documents: Vec<RequestedDocument>,
    },
    /// CC051C: the goods are not released for transit.
    NotReleased {
        /// The movement.
        mrn: Mrn,
        /// When the declaration was lodged.
        submitted: Timestamp,
        /// Why, as a code (CL211).
        code: String,
        /// Why, in words.
        text: String,
    },
    /// CD203C: the guarantees of one country are to be used. Goes to our own administration for our own guarantees.
    GuaranteeUse(GuaranteeRequest),
    /// CC055C: guarantees are not valid.
    GuaranteeNotValid {
        /// The movement.
        mrn: Mrn,
        /// The day of acceptance.
        accepted: Date,
        /// The guarantees refused, and why.
        references: Vec<(Grn, Vec<InvalidReason>)>,
    },
    /// CD204C: the use of guarantees of one country is cancelled.
    GuaranteeUseCancelled(GuaranteeSettlement<Date>),
    /// CC029C: released for transit.
    Released(ReleaseFacts),
    /// CD001C: the anticipated arrival record, for the office of destination.
    ArrivalRecord {
        /// The administration of destination.
        to: Administration,
        /// What was decided.
        release: ReleaseFacts,
    },
    /// CD050C: the anticipated transit record, one for all offices of transit of a country (G0130).
    TransitRecord {
        /// The administration of transit.
        to: Administration,
        /// What was decided.
        release: ReleaseFacts,
    },
    /// CD010C: the movement is cancelled after release.
    MovementCancelled {
        /// An administration that holds a record.
        to: Administration,
        /// The movement.
        mrn: Mrn,
        /// When it was decided.
        decided: Timestamp,
        /// The office of departure.
        departure: OfficeReference,
        /// The declared office of destination.
        destination: OfficeReference,
        /// The offices of transit of that administration that hold an open record (G0170).
        offices_of_transit: Vec<OfficeReference>,
    },
    /// CD024C: the movement has arrived, for offices that hold a record but were not used.
    ArrivalForwarded {
        /// The administration of those offices.
        to: Administration,
        /// The movement.
        mrn: Mrn,
        /// Where and when it arrived.
        arrival: super::Arrival,
        /// The office of departure.
        departure: OfficeReference,
        /// The declared office of destination.
        destination: OfficeReference,
        /// Offices of transit of that administration where it did not cross (G0150).
        offices_of_transit: Vec<OfficeReference>,
    },
    /// CC019C: discrepancies were found at destination.
    DiscrepanciesFound {
        /// The movement.
        mrn: Mrn,
        /// The day of notification.
        on: Date,
        /// In words.
        text: Option<String>,
    },
    /// CC045C: the movement is written off.
    WrittenOff {
        /// The movement.
        mrn: Mrn,
        /// The day of write-off.
        on: Date,
    },
    /// CD209C: the amounts locked in one country are free again.
    AmountCredited(GuaranteeSettlement<Timestamp>),
    /// CC056C: a trader's message is refused.
    Rejected(Rejection),
    /// CD906C: a partner's message is refused.
    Nack(Nack),
}

/// A request to use the guarantees of one country for a movement (CD203C).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuaranteeRequest {
    /// The administration that monitors the guarantees.
    pub to: Administration,
    /// The movement.
    pub mrn: Mrn,
    /// The day of acceptance.
    pub accepted: Date,
    /// The office of departure.
    pub departure: OfficeReference,
    /// The declared office of destination.
    pub destination: OfficeReference,
    /// The holder of the transit procedure.
    pub holder: Eori,
    /// The countries that the movement touches, departure first.
    pub countries: Vec<Country>,
    /// The guarantees, with amounts in euro; each GRN once.
    pub uses: Vec<GuaranteeClaim>,
}

/// The end of the use of guarantees of one country: cancelled on a day (CD204C), or credited by an arrival (CD209C).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuaranteeSettlement<T> {
    /// The administration that monitors the guarantees.
    pub to: Administration,
    /// The movement.
    pub mrn: Mrn,
    /// The office of departure.
    pub departure: OfficeReference,
    /// The day of cancellation, or the moment of arrival.
    pub at: T,
    /// The guarantees, by type, reference and monitoring office.
    pub references: Vec<(GuaranteeType, Grn, OfficeReference)>,
}

/// What the release decided, for CC029C, CD001C and CD050C.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFacts {
    /// The declarant's reference.
    pub lrn: Lrn,
    /// The movement.
    pub mrn: Mrn,
    /// The day of acceptance.
    pub accepted: Date,
    /// The day of release.
    pub released: Date,
    /// The day by which the consignment must arrive.
    pub limit: Date,
    /// The result of control at departure.
    pub control: ControlResult,
    /// The amounts covered, in euro, by reference.
    pub covered: Vec<(Grn, Money)>,
}

/// The rejection of a trader's message (CC056C).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The movement that the message named.
    pub reference: Option<Reference>,
    /// The number of the rejected message, as in `015` (CL560).
    pub business_type: String,
    /// When it was rejected.
    pub at: Timestamp,
    /// What is wrong with it. Its rejection code is 12, functional errors, when there are any, else 4 with the words.
    pub errors: Vec<FunctionalError>,
    /// In words.
    pub words: String,
}

impl Letter {
    /// The message that carries it.
    pub fn message_type(&self) -> &'static str {
        match self {
            Self::Acknowledged { .. } => "CC928C",
            Self::MrnAllocated { .. } => "CC028C",
            Self::AmendmentAccepted { .. } => "CC004C",
            Self::InvalidationDecided { .. } => "CC009C",
            Self::ControlDecided { .. } => "CC060C",
            Self::NotReleased { .. } => "CC051C",
            Self::GuaranteeUse(_) => "CD203C",
            Self::GuaranteeNotValid { .. } => "CC055C",
            Self::GuaranteeUseCancelled(_) => "CD204C",
            Self::Released(_) => "CC029C",
            Self::ArrivalRecord { .. } => "CD001C",
            Self::TransitRecord { .. } => "CD050C",
            Self::MovementCancelled { .. } => "CD010C",
            Self::ArrivalForwarded { .. } => "CD024C",
            Self::DiscrepanciesFound { .. } => "CC019C",
            Self::WrittenOff { .. } => "CC045C",
            Self::AmountCredited(_) => "CD209C",
            Self::Rejected(_) => "CC056C",
            Self::Nack(_) => "CD906C",
        }
    }

    /// To whom it goes.
    pub fn recipient(&self) -> Recipient {
        let to = match self {
            Self::GuaranteeUse(request) => &request.to,
            Self::GuaranteeUseCancelled(settlement) => &settlement.to,
            Self::AmountCredited(settlement) => &settlement.to,
            Self::ArrivalRecord { to, .. }
            | Self::TransitRecord { to, .. }
            | Self::MovementCancelled { to, .. }
            | Self::ArrivalForwarded { to, .. } => to,
            Self::Nack(nack) => &nack.to,
            _ => return Recipient::Trader,
        };
        Recipient::Administration(to.clone())
    }

    /// The movement that it is about, once it has an MRN.
    pub fn mrn(&self) -> Option<&Mrn> {
        match self {
            Self::Acknowledged { .. } => None,
            Self::AmendmentAccepted { reference, .. } | Self::InvalidationDecided { reference, .. } => {
                reference.mrn()
            }
            Self::MrnAllocated { mrn, .. }
            | Self::ControlDecided { mrn, .. }
            | Self::NotReleased { mrn, .. }
            | Self::GuaranteeNotValid { mrn, .. }
            | Self::MovementCancelled { mrn, .. }
            | Self::ArrivalForwarded { mrn, .. }
            | Self::DiscrepanciesFound { mrn, .. }
            | Self::WrittenOff { mrn, .. } => Some(mrn),
            Self::GuaranteeUse(request) => Some(&request.mrn),
            Self::GuaranteeUseCancelled(settlement) => Some(&settlement.mrn),
            Self::AmountCredited(settlement) => Some(&settlement.mrn),
            Self::Released(release)
            | Self::ArrivalRecord { release, .. }
            | Self::TransitRecord { release, .. } => Some(&release.mrn),
            Self::Rejected(rejection) => rejection.reference.as_ref().and_then(Reference::mrn),
            Self::Nack(nack) => nack.mrn.as_ref(),
        }
    }
}

/// The result code of a movement released without control (G0126).
pub(super) fn uncontrolled(authorised_consignor: bool) -> ResultCode {
    if authorised_consignor { ResultCode::simplified() } else { ResultCode::considered_satisfactory() }
}
