//! Guarantees: what secures the customs debt of a movement (UCC Art 89-98; DA Art 81-86; IA Art 147-164).
//!
//! [`account`] decides for one guarantee, under its GRN; [`ledger`] books every lock and release by double entry.

pub mod account;
mod claim;
pub mod ledger;
mod reason;

pub use claim::{Contradiction, GuaranteeClaim, claim};
pub use reason::InvalidReason;
