//! What the office of departure knows of a movement.

use crate::guarantee::InvalidReason;
use crate::transit::{ControlResult, Declaration};
use base::{Country, Date, Eori, Grn, GuaranteeType, Lrn, Money, Mrn, OfficeReference, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The state of this room for one movement: nothing, or a movement.
pub type State = Option<Movement>;

/// Where a movement stands at the office of departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// There is no movement. Only in the transition table, never in a state.
    Absent,
    /// Lodged before the goods are presented.
    PreLodged,
    /// Accepted, under an MRN.
    Accepted,
    /// Selected for control.
    UnderControl,
    /// Offices of guarantee have been asked.
    GuaranteeRegistration,
    /// A guarantee was refused; the holder may put it right.
    GuaranteeUnderAmendment,
    /// Released for transit.
    Released,
    /// Arrived at its destination.
    Arrived,
    /// Control results name discrepancies to be resolved.
    UnderResolution,
    /// Discharged. Final.
    WrittenOff,
    /// Invalidated, before or after release. Final.
    Cancelled,
    /// Not released for transit. Final.
    NotReleased,
}

impl Phase {
    /// All phases.
    pub const ALL: [Self; 12] = [
        Self::Absent,
        Self::PreLodged,
        Self::Accepted,
        Self::UnderControl,
        Self::GuaranteeRegistration,
        Self::GuaranteeUnderAmendment,
        Self::Released,
        Self::Arrived,
        Self::UnderResolution,
        Self::WrittenOff,
        Self::Cancelled,
        Self::NotReleased,
    ];

    /// Whether nothing can change it any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::WrittenOff | Self::Cancelled | Self::NotReleased)
    }

    /// The name, as shown and stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "Absent",
            Self::PreLodged => "PreLodged",
            Self::Accepted => "Accepted",
            Self::UnderControl => "UnderControl",
            Self::GuaranteeRegistration => "GuaranteeRegistration",
            Self::GuaranteeUnderAmendment => "GuaranteeUnderAmendment",
            Self::Released => "Released",
            Self::Arrived => "Arrived",
            Self::UnderResolution => "UnderResolution",
            Self::WrittenOff => "WrittenOff",
            Self::Cancelled => "Cancelled",
            Self::NotReleased => "NotReleased",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// A transit movement at its office of departure, which owns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Where it stands.
    pub phase: Phase,
    /// The declarant's reference.
    pub lrn: Lrn,
    /// Our reference, from acceptance on. It never changes.
    pub mrn: Option<Mrn>,
    /// What is declared, with all amendments.
    pub declaration: Declaration,
    /// When the declaration was lodged.
    pub lodged: Timestamp,
    /// The day of acceptance.
    pub accepted: Option<Date>,
    /// How often it was amended.
    pub amendments: u32,
    /// The result of control at departure.
    pub control: Option<ControlResult>,
    /// The guarantees in use, by reference, from registration on.
    pub guarantees: BTreeMap<Grn, GuaranteeUse>,
    /// The day of release.
    pub released: Option<Date>,
    /// The day by which the consignment must arrive.
    pub limit: Option<Date>,
    /// Offices of transit that hold a record, and the day when the consignment crossed there.
    pub crossings: BTreeMap<OfficeReference, Option<Date>>,
    /// Where and when it arrived.
    pub arrival: Option<Arrival>,
    /// The result of control at destination.
    pub result: Option<ControlResult>,
    /// It has not arrived in time, or control results have not.
    pub overdue: bool,
    /// Why it ended without write-off.
    pub ended_because: Option<String>,
}

/// One guarantee in use for a movement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuaranteeUse {
    /// Its type.
    pub kind: GuaranteeType,
    /// The amount covered, in euro (R0267).
    pub amount: Money,
    /// Where the use stands.
    pub status: UseStatus,
    /// The office that monitors the guarantee, known from its answer.
    pub office: Option<OfficeReference>,
}

/// Where the use of a guarantee stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UseStatus {
    /// The office of guarantee has been asked.
    Asked,
    /// It has locked the amount.
    Locked,
    /// It has refused.
    Refused(Vec<InvalidReason>),
    /// We have cancelled the use (CD204C).
    Cancelled,
    /// We have discharged it (CD209C).
    Credited,
}

/// Where and when a consignment arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// The actual office of destination.
    pub office: OfficeReference,
    /// When it arrived.
    pub at: Timestamp,
}

impl Movement {
    /// Who the guarantees are used for.
    pub fn holder(&self) -> Option<&Eori> {
        self.declaration.holder.identification.as_ref()
    }

    /// The guarantees whose use has this status, per guarantee country.
    pub(super) fn uses(&self, wanted: &UseStatus) -> BTreeMap<Country, Vec<(Grn, GuaranteeUse)>> {
        let mut found: BTreeMap<Country, Vec<(Grn, GuaranteeUse)>> = BTreeMap::new();
        for (grn, usage) in self.guarantees.iter().filter(|(_, usage)| usage.status == *wanted) {
            found.entry(grn.country()).or_default().push((grn.clone(), usage.clone()));
        }
        found
    }
}
