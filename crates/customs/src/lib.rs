//! Customs procedures as pure decision functions, one room each.
//!
//! Every room has the same door: `decide(&state, command, &facts)` says what happens, or refuses and names the rule;
//! `apply(&mut state, &event)` is the only way a state changes. Nothing here reads a clock, a file or a network: what
//! comes from outside is in the facts, so that any decision can be run again years later.
//!
//! ```
//! use base::{Administration, Timestamp};
//! use customs::{Facts, Profile, transit::passage};
//!
//! let now = Timestamp::parse("2026-11-24T06:00:00Z")?;
//! let facts = Facts::new(now, Administration::parse("NTA.FR")?, Profile::default());
//! let mrn = "23GB000060KNEJKEJ3".parse()?;
//! let command = passage::Command::Cross { mrn, office: "FR000060".parse()?, on: now.date() };
//! let refusal = passage::decide(&None, command, &facts).expect_err("there is no record of this movement");
//! assert!(refusal.words.contains("23GB000060KNEJKEJ3"));
//! # Ok::<(), base::Invalid>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod decision;
mod draft;
mod facts;
#[cfg(test)]
mod fixtures;
pub mod guarantee;
mod period;
mod refusal;
pub mod transit;
mod transition;

pub use decision::{Decision, Nack, Notice, NoticeCode, Recipient, TimerChange, TimerKind};
pub use facts::{Facts, OfficeRole, Profile, Release, Selection};
pub use refusal::{ErrorCode, FunctionalError, Refusal, RefusalKind, Reply};
pub use transition::{Transition, table};
