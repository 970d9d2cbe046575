//! How many parties must have signed the key register that a party takes up which joins later.
//!
//! ```toml
//! [key_register]
//! clause = "evidence.keys"
//! signers = 3
//! ```
//!
//! Whoever joins cannot follow the register from its first version, and a register's own threshold is the word of those who
//! signed it. So the number stands in the agreement, which the newcomer's operator has read. Without this section every
//! other party must have signed.

use crate::name::Identifier;
use serde::{Deserialize, Serialize};

/// The rule of an agreement for joining its key register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterSigners {
    /// The clause it rests on.
    pub clause: Identifier,
    /// How many of the other parties must have signed; all of them where they are fewer.
    pub signers: u64,
}
