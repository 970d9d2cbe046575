//! The office of departure: it accepts the declaration, secures the debt by guarantees, releases the goods for transit
//! and discharges the movement when they have arrived (UCC Art 158-174, 226-236; IA 2015/2447 Art 291-312).
//!
//! ```text
//!            CC015C D            CC170C             release             CD205C all positive
//! (nothing) ---------> PreLodged ------> Accepted ---------> GuaranteeRegistration ----------> Released
//!     |                                  ^  |  ^                 |            ^                   | CD006C
//!     +----------------------------------+  |  | satisfactory    | negative   | CC013C            v
//!                  CC015C A                 v  |                 v            |                Arrived
//!                                     UnderControl      GuaranteeUnderAmendment                   | CD018C
//!                                           |                    |                                v
//!                                           +--> NotReleased <---+ timer     WrittenOff <-- (UnderResolution)
//! ```
//!
//! The whole is in [`TRANSITIONS`]: what has no row there is refused as out of sequence. Choices that the sources leave
//! open:
//! * A second declaration under the LRN of a movement, be it open or ended, gets error 26 at the LRN with reason C0467,
//!   the condition that makes the LRN the movement's key until it has an MRN. No numbered rule forbids it.
//! * A missing exchange rate is no fault of the trader: the movement stays accepted, the officer gets a notice, and
//!   release can be decided again once the rate is loaded.
//! * A request to invalidate while goods are selected for control is refused by CC009C (UCC Art 174(1)).
//! * Guarantees still asked for when a movement ends are cancelled when the office of guarantee answers, since only
//!   its answer names the office that CD204C must name.
//! * A limit date in the past is noted, not refused. So is one that a declarant without the authorisation C521 sets
//!   (C0839, C0840): it does not count, and this office sets its own.
//! * Lines on one guarantee are one claim on their sum; lines that contradict each other are refused.

mod apply;
mod arrival;
mod command;
mod decide;
mod event;
mod gate;
mod guarantees;
mod letter;
mod lodging;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod underway;

pub use crate::guarantee::GuaranteeClaim;
pub use apply::apply;
pub use command::{Command, GuaranteeAnswer};
pub use decide::{Decision, decide, refuse};
pub use event::Event;
pub use letter::{GuaranteeRequest, GuaranteeSettlement, Letter, Rejection, ReleaseFacts};
pub use state::{Arrival, GuaranteeUse, Movement, Phase, State, UseStatus};
pub use table::{TRANSITIONS, Trigger};
