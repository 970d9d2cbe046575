//! The letters of the office of destination.

use crate::transit::ResultCode;
use crate::{FunctionalError, Nack, Recipient};
use base::{Administration, Date, Eori, Mrn, OfficeReference, Timestamp};
use serde::{Deserialize, Serialize};

/// A letter of the office of destination: to whom it goes, and what it says beyond the record itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Letter {
    /// CD006C: the consignment has arrived.
    ArrivalAdvice {
        /// The administration of departure.
        to: Administration,
        /// The movement.
        mrn: Mrn,
        /// When it arrived.
        at: Timestamp,
        /// The office of departure.
        departure: OfficeReference,
        /// The actual office of destination.
        office: OfficeReference,
    },
    /// CC043C: the authorised consignee may unload.
    UnloadingPermission {
        /// The movement.
        mrn: Mrn,
        /// The actual office of destination.
        office: OfficeReference,
        /// The trader at destination.
        trader: Eori,
    },
    /// CD018C: the results of control.
    ControlResults {
        /// The administration of departure.
        to: Administration,
        /// The movement.
        mrn: Mrn,
        /// The office of departure.
        departure: OfficeReference,
        /// The actual office of destination.
        office: OfficeReference,
        /// The result.
        code: ResultCode,
        /// The day of control.
        on: Date,
        /// Seals in good state, when somebody told it (C0810).
        seals_intact: Option<bool>,
        /// Remarks. Under B1 and A5 there are always some, and they are also the other things to report (C0930).
        text: Option<String>,
    },
    /// CC025C: the goods are released from transit.
    GoodsReleased {
        /// The movement.
        mrn: Mrn,
        /// The day.
        on: Date,
        /// The actual office of destination.
        office: OfficeReference,
        /// The trader at destination.
        trader: Eori,
    },
    /// CC057C: a trader's message is refused.
    Rejected(Rejection),
    /// CD906C: a partner's message is refused.
    Nack(Nack),
}

/// The rejection of a trader's message (CC057C).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The MRN that the message named.
    pub mrn: Mrn,
    /// The number of the rejected message: `007` or `044` (CL570).
    pub business_type: String,
    /// When it was rejected.
    pub at: Timestamp,
    /// The office that the message named.
    pub office: OfficeReference,
    /// The trader at destination, when it is named as traders are.
    pub trader: Option<Eori>,
    /// What is wrong with it. Its rejection code is 12, functional errors, when there are any, else 4 with the words.
    pub errors: Vec<FunctionalError>,
    /// In words.
    pub words: String,
}

impl Letter {
    /// The message that carries it.
    pub fn message_type(&self) -> &'static str {
        match self {
            Self::ArrivalAdvice { .. } => "CD006C",
            Self::UnloadingPermission { .. } => "CC043C",
            Self::ControlResults { .. } => "CD018C",
            Self::GoodsReleased { .. } => "CC025C",
            Self::Rejected(_) => "CC057C",
            Self::Nack(_) => "CD906C",
        }
    }

    /// To whom it goes.
    pub fn recipient(&self) -> Recipient {
        match self {
            Self::ArrivalAdvice { to, .. }
            | Self::ControlResults { to, .. }
            | Self::Nack(Nack { to, .. }) => Recipient::Administration(to.clone()),
            Self::UnloadingPermission { .. } | Self::GoodsReleased { .. } | Self::Rejected(_) => {
                Recipient::Trader
            }
        }
    }

    /// The movement that it is about.
    pub fn mrn(&self) -> Option<&Mrn> {
        match self {
            Self::ArrivalAdvice { mrn, .. }
            | Self::UnloadingPermission { mrn, .. }
            | Self::ControlResults { mrn, .. }
            | Self::GoodsReleased { mrn, .. } => Some(mrn),
            Self::Rejected(rejection) => Some(&rejection.mrn),
            Self::Nack(nack) => nack.mrn.as_ref(),
        }
    }
}
