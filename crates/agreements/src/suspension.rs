//! Suspension: the switch that each party holds alone.

use crate::document::Agreement;
use crate::name::Identifier;
use base::{Administration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The suspension of a clause, or of a whole agreement, by one party. It needs no consent and takes effect at its
/// moment; resuming takes both parties.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Suspension {
    /// The agreement, in every version.
    pub agreement: Identifier,
    /// The clause; the whole agreement when absent.
    pub clause: Option<Identifier>,
    /// The party that suspends. It concerns only what this party gives or receives.
    pub by: Administration,
    /// From this moment.
    pub from: Timestamp,
    /// Until this moment, when it has been resumed.
    pub until: Option<Timestamp>,
}

/// The clauses that one of the two administrations has suspended at the moment.
pub(crate) fn clauses(
    suspensions: &[Suspension],
    agreement: &Agreement,
    between: [&Administration; 2],
    on: Timestamp,
) -> BTreeSet<Identifier> {
    let applies = |suspension: &&Suspension| {
        suspension.agreement == agreement.id
            && between.contains(&&suspension.by)
            && suspension.from <= on
            && suspension.until.is_none_or(|until| on < until)
    };
    let mut clauses = BTreeSet::new();
    for suspension in suspensions.iter().filter(applies) {
        match &suspension.clause {
            // A suspension may name a clause of another version; Cedar's enumeration has only those of this one.
            Some(clause) if agreement.clause(clause.as_str()).is_none() => {}
            Some(clause) => drop(clauses.insert(clause.clone())),
            None => clauses.extend(agreement.clauses.iter().map(|clause| clause.id.clone())),
        }
    }
    clauses
}
