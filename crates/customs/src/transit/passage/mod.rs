//! The office of transit: it knows of the movement in advance and watches it cross the frontier (IA 2015/2447 Art 304).
//!
//! ```text
//!            CD050C               frontier crossing
//! (nothing) -------> Announced ---------------------> Crossed (CD118C to the office of departure)
//!                        | CD010C          | CD006C, CD024C
//!                        v                 v
//!                    Cancelled           Closed
//! ```
//!
//! There is one state per movement and office: an administration with two offices of transit on the way has two. An
//! arrival at an office without a record asks departure for one (CD114C); that, and its answer, is a later step, so
//! here a crossing without a record is refused with error 90.

mod apply;
mod decide;
mod state;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use decide::{Decision, decide, refuse};
pub use state::{Command, Event, Letter, Passage, Phase, State, TRANSITIONS, Trigger};
