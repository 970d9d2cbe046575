//! What the office of destination is asked to do.

use super::Trigger;
use crate::FunctionalError;
use crate::transit::ResultCode;
use base::{Date, Eori, Mrn, OfficeReference, Timestamp};
use serde::{Deserialize, Serialize};

/// A command to the office of destination: a message from a partner or the trader, or a decision of an officer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// CD001C: a movement is announced.
    Announce {
        /// The movement.
        mrn: Mrn,
        /// The office of departure.
        departure: OfficeReference,
        /// The declared office of destination.
        destination: OfficeReference,
        /// How many seals were affixed, over all transport equipment.
        seals: u32,
    },
    /// CC007C: the consignment has arrived.
    NotifyArrival {
        /// The movement.
        mrn: Mrn,
        /// The actual office of destination.
        office: OfficeReference,
        /// The trader at destination.
        trader: Eori,
        /// When it arrived.
        at: Timestamp,
        /// Simplified procedure: the trader is an authorised consignee.
        simplified: bool,
    },
    /// An officer permits unloading.
    PermitUnloading,
    /// CC044C: what was found on unloading.
    Remark {
        /// The movement.
        mrn: Mrn,
        /// The actual office of destination.
        office: OfficeReference,
        /// The trader at destination.
        trader: Eori,
        /// The remark.
        remark: UnloadingRemark,
    },
    /// An officer records the result of control.
    RecordResult {
        /// The result.
        code: ResultCode,
        /// Seals in good state, when the officer says so; else what the consignee said holds (C0810).
        seals_intact: Option<bool>,
        /// Remarks; needed when the result is not clean (C0930).
        text: Option<String>,
    },
    /// An officer releases goods whose discrepancies are resolved.
    ReleaseGoods,
    /// CD010C: the movement is cancelled.
    Cancel {
        /// The movement.
        mrn: Mrn,
        /// When that was decided.
        decided: Timestamp,
    },
    /// CD906C: departure refuses a message of ours.
    NoteNack {
        /// The movement.
        mrn: Mrn,
        /// What is wrong with it.
        errors: Vec<FunctionalError>,
    },
}

/// What an authorised consignee found on unloading (CC044C).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnloadingRemark {
    /// Everything is as declared (G0205).
    pub conform: bool,
    /// Unloading is complete; until then further remarks follow (G0186).
    pub complete: bool,
    /// The day of unloading.
    pub on: Date,
    /// Seals in good state, when there were seals.
    pub seals_intact: Option<bool>,
    /// In words.
    pub text: Option<String>,
}

impl Command {
    /// What it triggers in the transition table.
    pub fn trigger(&self) -> Trigger {
        match self {
            Self::Announce { .. } => Trigger::Announce,
            Self::NotifyArrival { .. } => Trigger::NotifyArrival,
            Self::PermitUnloading => Trigger::PermitUnloading,
            Self::Remark { .. } => Trigger::Remark,
            Self::RecordResult { .. } => Trigger::RecordResult,
            Self::ReleaseGoods => Trigger::ReleaseGoods,
            Self::Cancel { .. } => Trigger::Cancel,
            Self::NoteNack { .. } => Trigger::NoteNack,
        }
    }

    /// The message that carries it; none for officers.
    pub fn message(&self) -> Option<&'static str> {
        Some(match self {
            Self::Announce { .. } => "CD001C",
            Self::NotifyArrival { .. } => "CC007C",
            Self::Remark { .. } => "CC044C",
            Self::Cancel { .. } => "CD010C",
            Self::NoteNack { .. } => "CD906C",
            Self::PermitUnloading | Self::RecordResult { .. } | Self::ReleaseGoods => return None,
        })
    }

    /// The movement that it names; officers act on the movement before them.
    pub fn mrn(&self) -> Option<&Mrn> {
        match self {
            Self::Announce { mrn, .. }
            | Self::NotifyArrival { mrn, .. }
            | Self::Remark { mrn, .. }
            | Self::Cancel { mrn, .. }
            | Self::NoteNack { mrn, .. } => Some(mrn),
            Self::PermitUnloading | Self::RecordResult { .. } | Self::ReleaseGoods => None,
        }
    }
}
