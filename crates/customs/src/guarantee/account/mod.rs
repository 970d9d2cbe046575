//! The account of one guarantee at its office of guarantee, under its GRN (IA 2015/2447 Art 155-158; DA Art 82).
//!
//! ```text
//! guarantee:         (nothing) --register--> valid --revoke--> revoked
//! one use of it:     (none) --CD203C--> Locked --CD204C--> Cancelled --CD203C--> Locked ...
//!                       ^  |              |
//!                       +--+ refused      +--CD209C--> Credited
//! ```
//!
//! Every question (CD203C) is answered (CD205C): with nothing when the amount is locked, else with the reasons. A
//! question asked again for the same movement gets the same answer and locks nothing more. A wrong access code gets
//! G03 alone: who cannot prove the right to use a guarantee learns nothing else about it.
//!
//! A guarantee for one use (type 2, and a voucher, type 4) is spent when its movement is discharged.

mod apply;
mod decide;
mod letter;
mod state;
mod table;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use decide::{Decision, decide, refuse};
pub use letter::{Letter, UseAnswer, UseResult};
pub use state::{Account, AskedUse, Command, Event, SETTLED_KEPT, Settlement, State, Terms};
pub use table::{TRANSITIONS, Trigger, UsePhase};
