//! The federation in a simulated network: real nodes with the real store, on disks in memory, under link loss, delay,
//! duplication, crashes and failing disks.
//!
//! Everything random follows from one seed, and nothing else decides anything: no system clock, no thread, no order of
//! a hash table. So [`run`] of a seed gives the same [`Trace`] every time, to the letter, and a failure found anywhere
//! is found again by its seed:
//!
//! ```text
//! cargo xtask simulate --seed 17 --trace
//! ```
//!
//! What must not have happened in a run is in [`Run::violations`]; empty, it says that every movement is written off,
//! each legal event happened once, ledgers balance, every letter arrived once and in the order of its channel, both logs
//! list the same statements, no log ever became anything but longer, receipts verify, and journals rebuild states.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod activities;
mod check;
mod clock;
mod consignments;
mod dice;
mod documents;
mod faults;
mod member;
mod officers;
mod panics;
mod play;
mod reception;
mod run;
mod stage;
mod sweep;
mod trace;
mod transport;
mod world;

pub use activities::{Activity, Done};
pub use clock::BEGINNING;
pub use dice::Dice;
pub use faults::{Counts, Fault};
pub use member::Member;
pub use run::{Run, Scenario, play};
pub use sweep::{Befell, Failure, Level, Sweep, sweep};
pub use trace::{Line, Trace};
pub use world::WorldError;

/// Runs the scenario of a seed.
///
/// # Errors
/// When the federation cannot be built.
pub fn run(seed: u64) -> Result<Run, WorldError> {
    play(&Scenario::of(seed))
}
