//! Duties: what an agreement obliges to, and by when. They are a table, not policy: Cedar decides who may see what,
//! and has no notion of having to do something later.

use crate::name::{Identifier, Term};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What must be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// Answer a request.
    Reply,
    /// Report what came of it.
    Outcome,
    /// Erase the data.
    Erase,
    /// Notify a breach.
    NotifyBreach,
    /// Return an original document.
    ReturnOriginal,
    /// Say how useful the information was.
    Feedback,
}

/// The unit of a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days of the deadline's calendar.
    Days,
    /// Calendar months.
    Months,
    /// Calendar years.
    Years,
}

/// Which days count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calendar {
    /// Every day.
    Calendar,
    /// The working days of the party that owes the duty.
    Working,
}

/// By when: an amount of time from an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// How much.
    pub amount: u32,
    /// Of what.
    pub unit: Unit,
    /// Counting which days.
    pub calendar: Calendar,
    /// In whose time zone: an IANA name, or `UTC`.
    pub zone: String,
    /// From which event, as in `request_date`.
    pub from: Term,
}

/// An obligation under a clause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Obligation {
    /// Its identifier.
    pub id: Identifier,
    /// The clause it rests on.
    pub clause: Identifier,
    /// What must be done.
    pub duty: Duty,
    /// The records that bring it about, by type.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub record_types: BTreeSet<Identifier>,
    /// By when, if a limit is agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
}

/// What happens when retention ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtExpiry {
    /// The data is erased and the erasure proved to the originator.
    Erase,
    /// The data is reviewed by an official.
    Review,
}

/// How long data of a category may be kept, counted from receipt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The clause it rests on.
    pub clause: Identifier,
    /// The category; all that have no row of their own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Term>,
    /// For how many days.
    pub days: u32,
    /// What happens then.
    pub at_expiry: AtExpiry,
}

/// How strictly like is given for like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReciprocityMode {
    /// Only what the other would give.
    LikeForLike,
    /// As far as possible.
    BestEffort,
    /// Not considered.
    None,
}

/// Reciprocity under a clause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reciprocity {
    /// The clause.
    pub clause: Identifier,
    /// How strictly.
    pub mode: ReciprocityMode,
    /// Over how many days it is counted.
    pub window_days: u32,
}

/// The most requests that a party makes under a clause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// The clause.
    pub clause: Identifier,
    /// How many.
    pub requests: u32,
    /// In how many days.
    pub window_days: u32,
}

/// A step in settling a dispute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisputeStep {
    /// Who deals with it, as in `contact_points`.
    pub forum: Term,
    /// For how many days, before the next step.
    pub days: u32,
}

/// How disputes are settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dispute {
    /// The clause.
    pub clause: Identifier,
    /// What happens to the exchange meanwhile, as in `continues`.
    pub effect_on_exchange: Term,
    /// The steps, in order.
    pub steps: Vec<DisputeStep>,
}

/// What follows on a breach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breach {
    /// The clause.
    pub clause: Identifier,
    /// The clauses that a notice of breach suspends.
    pub suspends: BTreeSet<Identifier>,
    /// How many days the other party has to put it right.
    pub cure_days: u32,
}
