//! The transition table of the use of a guarantee for one movement.

use self::UsePhase::*;
use crate::Transition;
use std::fmt;

/// Where the use of a guarantee for one movement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UsePhase {
    /// Not used, or a use was refused.
    None,
    /// An amount is locked.
    Locked,
    /// The use was cancelled.
    Cancelled,
    /// The movement was discharged.
    Credited,
}

impl UsePhase {
    /// All phases.
    pub const ALL: [Self; 4] = [Self::None, Self::Locked, Self::Cancelled, Self::Credited];
}

impl fmt::Display for UsePhase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::None => "None",
            Self::Locked => "Locked",
            Self::Cancelled => "Cancelled",
            Self::Credited => "Credited",
        })
    }
}

/// What moves the use of a guarantee, or the guarantee itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // The text of each is below, in `Display`.
pub enum Trigger {
    Register,
    Use,
    Cancel,
    Credit,
    Revoke,
}

impl Trigger {
    /// The triggers that concern the use for one movement.
    pub const OF_USE: [Self; 3] = [Self::Use, Self::Cancel, Self::Credit];
}

impl fmt::Display for Trigger {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Register => "officer: registration",
            Self::Use => "CD203C guarantee use",
            Self::Cancel => "CD204C use cancellation",
            Self::Credit => "CD209C credit",
            Self::Revoke => "officer: revocation",
        })
    }
}

const fn row(
    from: UsePhase,
    on: Trigger,
    when: &'static str,
    to: UsePhase,
    sends: &'static [&'static str],
) -> Transition<UsePhase, Trigger> {
    Transition { from, on, when, to, sends }
}

/// Every transition of the use of a guarantee for one movement. What is not here is out of sequence (error 92).
pub const TRANSITIONS: &[Transition<UsePhase, Trigger>] = &[
    row(None, Trigger::Use, "valid", Locked, &["CD205C"]),
    row(None, Trigger::Use, "not valid", None, &["CD205C"]),
    row(None, Trigger::Cancel, "no effect", None, &[]),
    row(Locked, Trigger::Use, "same question, or wrong access code", Locked, &["CD205C"]),
    row(Locked, Trigger::Cancel, "", Cancelled, &[]),
    row(Locked, Trigger::Credit, "", Credited, &[]),
    row(Cancelled, Trigger::Use, "valid", Locked, &["CD205C"]),
    row(Cancelled, Trigger::Use, "not valid", Cancelled, &["CD205C"]),
    row(Cancelled, Trigger::Cancel, "repeated, no effect", Cancelled, &[]),
    row(Credited, Trigger::Credit, "repeated, no effect", Credited, &[]),
];
