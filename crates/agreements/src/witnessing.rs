//! Witnessing: which administrations must have cosigned the log of a party before the parties rely on it.
//!
//! ```toml
//! [witnessing]
//! clause = "evidence.witnesses"
//! needed = 2
//! witnesses = ["NTA.DE", "NTA.FR", "NTA.GB"]
//! ```
//!
//! A party is no witness of its own log, so that of three parties who witness each other at most two can be needed.
//! Without this section no witness is needed.

use crate::name::Identifier;
use base::Administration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The quorum of witnesses of an agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witnessing {
    /// The clause it rests on.
    pub clause: Identifier,
    /// How many of the witnesses must have cosigned a checkpoint.
    pub needed: u32,
    /// The administrations that witness the logs of the parties; they need not be parties.
    pub witnesses: BTreeSet<Administration>,
}

impl Witnessing {
    /// Those that can witness the log of `owner`.
    pub fn witnesses_of(&self, owner: &Administration) -> BTreeSet<Administration> {
        self.witnesses.iter().filter(|witness| *witness != owner).cloned().collect()
    }
}
