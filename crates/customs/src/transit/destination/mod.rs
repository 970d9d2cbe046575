//! The office of destination: it receives the consignment, tells departure at once, controls it, and reports the
//! results by which departure discharges the movement (UCC Art 233; IA 2015/2447 Art 306-312).
//!
//! ```text
//!            CD001C             CC007C                     result
//! (nothing) -------> Announced -------> Arrived ------------------------------> Released (CC025C)
//!                        | CD010C   CD006C | CC043C     CC044C         result      ^
//!                        v                 +-------> Unloading -----> Unloaded ----+
//!                    Cancelled                        |    ^ CC044C      |         | officer
//!                                                     +----+ incomplete  +--> UnderResolution
//! ```
//!
//! A normal arrival goes straight to control; an authorised consignee (CC007C with simplified procedure 1) unloads on
//! permission and reports what was found, in as many CC044C as unloading takes. CD018C follows every result. When
//! nothing is selected and clearance is automatic, the result is A2, considered satisfactory; remarks that do not
//! conform, broken seals, or seals whose state nobody told (C0440, C0810) always wait for an officer.
//!
//! A cancellation that overtakes or follows the arrival is noted for an officer and changes nothing.
//!
//! An arrival at another office than the declared one is a diversion (CD002C, CD003C), which is a later step: here it
//! is refused with error 14 at the office, reason TW004.

mod apply;
mod command;
mod decide;
mod letter;
mod state;
mod table;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use command::{Command, UnloadingRemark};
pub use decide::{Decision, decide, refuse};
pub use letter::{Letter, Rejection};
pub use state::{Event, Movement, Notification, Phase, State};
pub use table::{TRANSITIONS, Trigger};
