//! The transition table of the office of departure.

use super::Phase::{self, *};
use crate::Transition;
use std::fmt;

/// What moves a movement: a message, an officer, a timer, or a step that follows in the same decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // The text of each is below, in `Display`.
pub enum Trigger {
    Declare,
    PreLodge,
    Amend,
    RequestInvalidation,
    Present,
    DecideControl,
    RecordControl,
    DecideRelease,
    RefuseRelease,
    AnswerGuarantee,
    Invalidate,
    NoteCrossing,
    NoteArrival,
    NoteResults,
    Resolve,
    NoteNack,
    PresentationExpired,
    AmendmentExpired,
    ArrivalOverdue,
    ResultsOverdue,
    ThenSelected,
    ThenRegister,
}

impl Trigger {
    /// All triggers that a command has.
    pub const COMMANDS: [Self; 20] = [
        Self::Declare,
        Self::PreLodge,
        Self::Amend,
        Self::RequestInvalidation,
        Self::Present,
        Self::DecideControl,
        Self::RecordControl,
        Self::DecideRelease,
        Self::RefuseRelease,
        Self::AnswerGuarantee,
        Self::Invalidate,
        Self::NoteCrossing,
        Self::NoteArrival,
        Self::NoteResults,
        Self::Resolve,
        Self::NoteNack,
        Self::PresentationExpired,
        Self::AmendmentExpired,
        Self::ArrivalOverdue,
        Self::ResultsOverdue,
    ];
}

impl fmt::Display for Trigger {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Declare => "CC015C type A",
            Self::PreLodge => "CC015C type D",
            Self::Amend => "CC013C amendment",
            Self::RequestInvalidation => "CC014C invalidation request",
            Self::Present => "CC170C presentation",
            Self::DecideControl => "officer: control",
            Self::RecordControl => "officer: control result",
            Self::DecideRelease => "officer: release",
            Self::RefuseRelease => "officer: no release",
            Self::AnswerGuarantee => "CD205C guarantee use result",
            Self::Invalidate => "officer: invalidation",
            Self::NoteCrossing => "CD118C frontier crossed",
            Self::NoteArrival => "CD006C arrival advice",
            Self::NoteResults => "CD018C control results",
            Self::Resolve => "officer: discrepancies resolved",
            Self::NoteNack => "CD906C refusal by a partner",
            Self::PresentationExpired => "timer: presentation",
            Self::AmendmentExpired => "timer: guarantee amendment",
            Self::ArrivalOverdue => "timer: arrival",
            Self::ResultsOverdue => "timer: control results",
            Self::ThenSelected => "then: selected for control",
            Self::ThenRegister => "then: automatic release",
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

const RELEASE: &[&str] = &["CC029C", "CD001C", "CD050C*"];
const NO_MONITORED: &str = "no guarantee under a reference";
const MONITORED: &str = "guarantees under a reference";

/// Every transition of the office of departure. What is not here is out of sequence (error 92).
///
/// Arrivals, results, answers and crossings may overtake an end that another office does not know of yet: they are
/// noted.
pub const TRANSITIONS: &[Transition<Phase, Trigger>] = &[
    row(Absent, Trigger::PreLodge, "", PreLodged, &["CC928C"]),
    row(Absent, Trigger::Declare, "", Accepted, &["CC928C", "CC028C"]),
    row(PreLodged, Trigger::Amend, "flag 0", PreLodged, &["CC004C"]),
    row(PreLodged, Trigger::Present, "", Accepted, &["CC028C"]),
    row(PreLodged, Trigger::RequestInvalidation, "", Cancelled, &["CC009C"]),
    row(PreLodged, Trigger::Invalidate, "", Cancelled, &["CC009C"]),
    row(PreLodged, Trigger::PresentationExpired, "", Cancelled, &["CC009C"]),
    row(Accepted, Trigger::ThenSelected, "", UnderControl, &["CC060C"]),
    row(Accepted, Trigger::ThenRegister, MONITORED, GuaranteeRegistration, &["CD203C*"]),
    row(Accepted, Trigger::ThenRegister, NO_MONITORED, Released, RELEASE),
    row(Accepted, Trigger::DecideControl, "", UnderControl, &["CC060C"]),
    row(Accepted, Trigger::DecideRelease, MONITORED, GuaranteeRegistration, &["CD203C*"]),
    row(Accepted, Trigger::DecideRelease, NO_MONITORED, Released, RELEASE),
    row(Accepted, Trigger::RefuseRelease, "", NotReleased, &["CC051C"]),
    row(Accepted, Trigger::RequestInvalidation, "", Cancelled, &["CC009C"]),
    row(Accepted, Trigger::Invalidate, "", Cancelled, &["CC009C"]),
    row(UnderControl, Trigger::DecideControl, "again", UnderControl, &["CC060C"]),
    row(UnderControl, Trigger::RecordControl, "satisfactory", Accepted, &[]),
    row(UnderControl, Trigger::RecordControl, "unsatisfactory", NotReleased, &["CC051C"]),
    row(UnderControl, Trigger::DecideRelease, MONITORED, GuaranteeRegistration, &["CD203C*"]),
    row(UnderControl, Trigger::DecideRelease, NO_MONITORED, Released, RELEASE),
    row(UnderControl, Trigger::RefuseRelease, "", NotReleased, &["CC051C"]),
    row(UnderControl, Trigger::RequestInvalidation, "refused, UCC Art 174(1)", UnderControl, &["CC009C"]),
    row(UnderControl, Trigger::Invalidate, "", Cancelled, &["CC009C"]),
    row(GuaranteeRegistration, Trigger::AnswerGuarantee, "others are awaited", GuaranteeRegistration, &[]),
    row(GuaranteeRegistration, Trigger::AnswerGuarantee, "all locked", Released, RELEASE),
    row(
        GuaranteeRegistration,
        Trigger::AnswerGuarantee,
        "all answered, one refused",
        GuaranteeUnderAmendment,
        &["CC055C", "CD204C*"],
    ),
    row(GuaranteeRegistration, Trigger::RefuseRelease, "", NotReleased, &["CC051C", "CD204C*"]),
    row(GuaranteeRegistration, Trigger::RequestInvalidation, "", Cancelled, &["CC009C", "CD204C*"]),
    row(GuaranteeRegistration, Trigger::Invalidate, "", Cancelled, &["CC009C", "CD204C*"]),
    row(
        GuaranteeUnderAmendment,
        Trigger::Amend,
        "flag 1, guarantees under a reference",
        GuaranteeRegistration,
        &["CC004C", "CD203C*"],
    ),
    row(
        GuaranteeUnderAmendment,
        Trigger::Amend,
        "flag 1, no guarantee under a reference",
        Released,
        &["CC004C", "CC029C", "CD001C", "CD050C*"],
    ),
    row(GuaranteeUnderAmendment, Trigger::Amend, "flag 1, no exchange rate", Accepted, &["CC004C"]),
    row(GuaranteeUnderAmendment, Trigger::AmendmentExpired, "", NotReleased, &["CC051C"]),
    row(GuaranteeUnderAmendment, Trigger::RefuseRelease, "", NotReleased, &["CC051C"]),
    row(GuaranteeUnderAmendment, Trigger::RequestInvalidation, "", Cancelled, &["CC009C"]),
    row(GuaranteeUnderAmendment, Trigger::Invalidate, "", Cancelled, &["CC009C"]),
    row(Released, Trigger::NoteCrossing, "", Released, &[]),
    row(Released, Trigger::NoteArrival, "", Arrived, &["CD024C*"]),
    row(Released, Trigger::Invalidate, "", Cancelled, &["CC009C", "CD010C", "CD204C*"]),
    row(Released, Trigger::ArrivalOverdue, "", Released, &[]),
    row(Arrived, Trigger::NoteCrossing, "not noted before", Arrived, &[]),
    row(Arrived, Trigger::NoteResults, "clean", WrittenOff, &["CC045C", "CD209C*"]),
    row(Arrived, Trigger::NoteResults, "discrepancies", UnderResolution, &["CC019C"]),
    row(Arrived, Trigger::ResultsOverdue, "", Arrived, &[]),
    row(UnderResolution, Trigger::NoteCrossing, "not noted before", UnderResolution, &[]),
    row(UnderResolution, Trigger::Resolve, "", WrittenOff, &["CC045C", "CD209C*"]),
    row(WrittenOff, Trigger::NoteCrossing, "not noted before", WrittenOff, &[]),
    row(Cancelled, Trigger::NoteCrossing, "not noted before", Cancelled, &[]),
    row(Cancelled, Trigger::NoteArrival, "noted", Cancelled, &[]),
    row(Cancelled, Trigger::NoteResults, "noted", Cancelled, &[]),
    row(NotReleased, Trigger::NoteArrival, "noted", NotReleased, &[]),
    row(NotReleased, Trigger::NoteResults, "noted", NotReleased, &[]),
    row(Cancelled, Trigger::AnswerGuarantee, "was awaited", Cancelled, &["CD204C*"]),
    row(NotReleased, Trigger::AnswerGuarantee, "was awaited", NotReleased, &["CD204C*"]),
    row(Accepted, Trigger::NoteNack, "", Accepted, &[]),
    row(UnderControl, Trigger::NoteNack, "", UnderControl, &[]),
    row(GuaranteeRegistration, Trigger::NoteNack, "", GuaranteeRegistration, &[]),
    row(GuaranteeUnderAmendment, Trigger::NoteNack, "", GuaranteeUnderAmendment, &[]),
    row(Released, Trigger::NoteNack, "", Released, &[]),
    row(Arrived, Trigger::NoteNack, "", Arrived, &[]),
    row(UnderResolution, Trigger::NoteNack, "", UnderResolution, &[]),
    row(WrittenOff, Trigger::NoteNack, "", WrittenOff, &[]),
    row(Cancelled, Trigger::NoteNack, "", Cancelled, &[]),
    row(NotReleased, Trigger::NoteNack, "", NotReleased, &[]),
];

/// Whether anything can happen in this phase on this trigger.
pub(super) fn allows(phase: Phase, trigger: Trigger) -> bool {
    TRANSITIONS.iter().any(|row| row.from == phase && row.on == trigger)
}
