//! What a decision consists of, in every room.

use crate::FunctionalError;
use base::{Administration, Mrn, Timestamp};
use serde::{Deserialize, Serialize};

/// What a command leads to: facts to record, letters to send, timers to set, notices for the officer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision<E, L> {
    /// What happened, in order. Applying them is the only way a state changes.
    pub events: Vec<E>,
    /// Messages to send, in order.
    pub letters: Vec<L>,
    /// Timers to set or cancel, in order.
    pub timers: Vec<TimerChange>,
    /// What an officer should know.
    pub notices: Vec<Notice>,
}

impl<E, L> Default for Decision<E, L> {
    fn default() -> Self {
        Self { events: Vec::new(), letters: Vec::new(), timers: Vec::new(), notices: Vec::new() }
    }
}

/// A change to a timer of this movement. There is at most one timer of each kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimerChange {
    /// Set it, or move it when it is set already.
    Set {
        /// Which timer.
        kind: TimerKind,
        /// When it fires.
        due: Timestamp,
    },
    /// Cancel it, if it is set.
    Cancel {
        /// Which timer.
        kind: TimerKind,
    },
}

/// The timers that rooms set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TimerKind {
    /// A pre-lodged declaration must be presented within 30 days (UCC Art 171).
    Presentation,
    /// A movement under guarantee amendment must get a valid guarantee.
    GuaranteeAmendment,
    /// The consignment must arrive by the limit date and some days of grace (IA Art 310(1)).
    Arrival,
    /// Control results must follow the arrival advice within six days (IA Art 310(2)).
    ControlResults,
}

impl TimerKind {
    /// All kinds.
    pub const ALL: [Self; 4] =
        [Self::Presentation, Self::GuaranteeAmendment, Self::Arrival, Self::ControlResults];

    /// The name under which a store keeps it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Presentation => "presentation",
            Self::GuaranteeAmendment => "guarantee-amendment",
            Self::Arrival => "arrival",
            Self::ControlResults => "control-results",
        }
    }

    /// The kind with this name, if there is one.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Something an officer should know and may have to act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about.
    pub code: NoticeCode,
    /// In plain words.
    pub words: String,
}

impl Notice {
    pub(crate) fn new(code: NoticeCode, words: impl Into<String>) -> Self {
        Self { code, words: words.into() }
    }
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NoticeCode {
    /// A check could not be made because its reference data is not loaded.
    NotChecked,
    /// No exchange rate is loaded for a currency, so guarantees cannot be registered.
    RateMissing,
    /// An amount in euro is more than a message can carry, so guarantees cannot be registered.
    AmountTooLarge,
    /// The limit date lies in the past.
    LimitInThePast,
    /// A limit date does not count, since its declarant may not set it.
    LimitNotCounted,
    /// The consignment has not arrived in time.
    Overdue,
    /// Control results have not come in time.
    ResultsOverdue,
    /// A guarantee is of a type that no office monitors.
    Unmonitored,
    /// An office answered, reported or cancelled after the movement had ended or arrived.
    Late,
    /// There were seals, and nobody told their state.
    SealsNotTold,
    /// A partner refused one of our messages.
    PartnerRefused,
    /// Control results name discrepancies.
    Discrepancies,
    /// A decision of an officer is awaited.
    DecisionAwaited,
    /// A command had no effect because its effect was there already.
    NoEffect,
}

/// To whom a letter goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Recipient {
    /// The trader of this movement: the declarant at departure, the trader at destination there.
    Trader,
    /// An administration, perhaps our own: the node then hands the letter to its own rooms.
    Administration(Administration),
}

/// A functional refusal between administrations (CD906C).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nack {
    /// The administration whose message is refused.
    pub to: Administration,
    /// The movement that the message named.
    pub mrn: Option<Mrn>,
    /// What is wrong with it.
    pub errors: Vec<FunctionalError>,
}
