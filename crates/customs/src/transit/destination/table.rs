//! The transition table of the office of destination.

use super::Phase::{self, *};
use crate::Transition;
use std::fmt;

/// What moves a movement: a message, an officer, or a step that follows in the same decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // The text of each is below, in `Display`.
pub enum Trigger {
    Announce,
    NotifyArrival,
    PermitUnloading,
    Remark,
    RecordResult,
    ReleaseGoods,
    Cancel,
    NoteNack,
    ThenPermit,
    ThenResult,
}

impl Trigger {
    /// All triggers that a command has.
    pub const COMMANDS: [Self; 8] = [
        Self::Announce,
        Self::NotifyArrival,
        Self::PermitUnloading,
        Self::Remark,
        Self::RecordResult,
        Self::ReleaseGoods,
        Self::Cancel,
        Self::NoteNack,
    ];
}

impl fmt::Display for Trigger {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Announce => "CD001C arrival record",
            Self::NotifyArrival => "CC007C arrival notification",
            Self::PermitUnloading => "officer: unloading",
            Self::Remark => "CC044C unloading remarks",
            Self::RecordResult => "officer: control result",
            Self::ReleaseGoods => "officer: release",
            Self::Cancel => "CD010C cancellation",
            Self::NoteNack => "CD906C refusal by a partner",
            Self::ThenPermit => "then: automatic permission",
            Self::ThenResult => "then: automatic result",
        })
    }
}

const fn row(
    from: Phase,
    on: Trigger,
    when: &'static str,
    to: Phase,
    sends: &'static [&'static str],
) -> Transition<Phase, Trigger> {
    Transition { from, on, when, to, sends }
}

const CLEAN: &[&str] = &["CD018C", "CC025C"];

/// Every transition of the office of destination. What is not here is out of sequence (error 92).
///
/// A cancellation may cross an arrival that departure does not know of yet: it is noted.
pub const TRANSITIONS: &[Transition<Phase, Trigger>] = &[
    row(Absent, Trigger::Announce, "", Announced, &[]),
    row(Announced, Trigger::NotifyArrival, "", Arrived, &["CD006C"]),
    row(Announced, Trigger::Cancel, "", Cancelled, &[]),
    row(Arrived, Trigger::ThenPermit, "authorised consignee", Unloading, &["CC043C"]),
    row(Arrived, Trigger::ThenResult, "normal procedure, no seals", Released, CLEAN),
    row(Arrived, Trigger::PermitUnloading, "authorised consignee", Unloading, &["CC043C"]),
    row(Arrived, Trigger::RecordResult, "clean", Released, CLEAN),
    row(Arrived, Trigger::RecordResult, "discrepancies", UnderResolution, &["CD018C"]),
    row(Unloading, Trigger::Remark, "incomplete", Unloading, &[]),
    row(Unloading, Trigger::Remark, "complete", Unloaded, &[]),
    row(Unloaded, Trigger::ThenResult, "conform, state of seals told", Released, CLEAN),
    row(Unloaded, Trigger::RecordResult, "clean", Released, CLEAN),
    row(Unloaded, Trigger::RecordResult, "discrepancies", UnderResolution, &["CD018C"]),
    row(UnderResolution, Trigger::ReleaseGoods, "", Released, &["CC025C"]),
    row(Arrived, Trigger::Cancel, "noted", Arrived, &[]),
    row(Unloading, Trigger::Cancel, "noted", Unloading, &[]),
    row(Unloaded, Trigger::Cancel, "noted", Unloaded, &[]),
    row(UnderResolution, Trigger::Cancel, "noted", UnderResolution, &[]),
    row(Released, Trigger::Cancel, "noted", Released, &[]),
    row(Arrived, Trigger::NoteNack, "", Arrived, &[]),
    row(Unloading, Trigger::NoteNack, "", Unloading, &[]),
    row(Unloaded, Trigger::NoteNack, "", Unloaded, &[]),
    row(UnderResolution, Trigger::NoteNack, "", UnderResolution, &[]),
    row(Released, Trigger::NoteNack, "", Released, &[]),
];

/// Whether anything can happen in this phase on this trigger.
pub(super) fn allows(phase: Phase, trigger: Trigger) -> bool {
    TRANSITIONS.iter().any(|row| row.from == phase && row.on == trigger)
}
