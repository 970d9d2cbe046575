//! What may still flow when the key register of the agreement has expired and was not renewed in time.
//!
//! ```toml
//! [stale_register]
//! clause = "evidence.keys"
//! grace_days = 7
//! continuing = ["error_handling"]
//! ```
//!
//! Everything flows during the grace period, with a warning; after it only what is for the purposes that continue.
//! Without this section everything stops after [`GRACE_DAYS`] days. An agreement without a key register has none that
//! could expire.

use crate::name::{Identifier, Term};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The grace period where the agreement names none: a fortnight, in which partners are reached even over holidays.
pub const GRACE_DAYS: u16 = 14;

/// The policy of an agreement for a stale key register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staleness {
    /// The clause it rests on.
    pub clause: Identifier,
    /// How many days after the expiry everything still flows.
    pub grace_days: u16,
    /// The purposes for which messages flow on after that: those that harm nobody if a key was stolen meanwhile.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub continuing: BTreeSet<Term>,
}
