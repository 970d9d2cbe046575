//! What the office of destination knows of a movement, and what can happen to it there.

use super::UnloadingRemark;
use crate::FunctionalError;
use crate::transit::ControlResult;
use base::{Date, Eori, Mrn, OfficeReference, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The state of this room for one movement: nothing, or a movement.
pub type State = Option<Movement>;

/// Where a movement stands at the office of destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// There is no record. Only in the transition table, never in a state.
    Absent,
    /// The anticipated arrival record is here.
    Announced,
    /// The consignment is here.
    Arrived,
    /// An authorised consignee may unload.
    Unloading,
    /// Unloaded; control results are awaited.
    Unloaded,
    /// Results name discrepancies; the goods are held.
    UnderResolution,
    /// The goods are released from transit. Final.
    Released,
    /// The movement was cancelled before arrival. Final.
    Cancelled,
}

impl Phase {
    /// All phases.
    pub const ALL: [Self; 8] = [
        Self::Absent,
        Self::Announced,
        Self::Arrived,
        Self::Unloading,
        Self::Unloaded,
        Self::UnderResolution,
        Self::Released,
        Self::Cancelled,
    ];

    /// The name, as shown and stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "Absent",
            Self::Announced => "Announced",
            Self::Arrived => "Arrived",
            Self::Unloading => "Unloading",
            Self::Unloaded => "Unloaded",
            Self::UnderResolution => "UnderResolution",
            Self::Released => "Released",
            Self::Cancelled => "Cancelled",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// A movement as the office of destination knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Where it stands.
    pub phase: Phase,
    /// The movement.
    pub mrn: Mrn,
    /// The office of departure, which owns it.
    pub departure: OfficeReference,
    /// The declared office of destination.
    pub destination: OfficeReference,
    /// How many seals were affixed.
    pub seals: u32,
    /// The arrival, once notified.
    pub arrival: Option<Notification>,
    /// The last unloading remark.
    pub remark: Option<UnloadingRemark>,
    /// The result of control.
    pub result: Option<ControlResult>,
    /// The day of release from transit.
    pub released: Option<Date>,
}

/// An arrival as notified by the trader (CC007C).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The actual office of destination.
    pub office: OfficeReference,
    /// The trader at destination.
    pub trader: Eori,
    /// When it arrived.
    pub at: Timestamp,
    /// The trader is an authorised consignee.
    pub simplified: bool,
}

/// Something that happened at the office of destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The record came.
    Announced {
        /// The movement.
        mrn: Mrn,
        /// The office of departure.
        departure: OfficeReference,
        /// The declared office of destination.
        destination: OfficeReference,
        /// How many seals were affixed.
        seals: u32,
    },
    /// The consignment arrived.
    Arrived(Notification),
    /// Unloading was permitted.
    UnloadingPermitted,
    /// The consignee reported.
    Remarked(UnloadingRemark),
    /// The result of control was recorded and reported.
    ResultRecorded {
        /// The result.
        result: ControlResult,
        /// Whether it ends the procedure.
        clean: bool,
    },
    /// The goods were released from transit.
    Released {
        /// The day.
        on: Date,
    },
    /// The movement was cancelled.
    Cancelled {
        /// When.
        decided: Timestamp,
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
            Self::Arrived(_) => "Arrived",
            Self::UnloadingPermitted => "UnloadingPermitted",
            Self::Remarked(_) => "Remarked",
            Self::ResultRecorded { .. } => "ResultRecorded",
            Self::Released { .. } => "Released",
            Self::Cancelled { .. } => "Cancelled",
            Self::PartnerRefused { .. } => "PartnerRefused",
        }
    }
}
