//! Agreements between customs administrations: what may be told to whom, for which purpose, under which clause.
//!
//! An [`Agreement`] is a closed, typed document that its parties sign. Each node compiles it, by itself and
//! deterministically, into Cedar policies and a table of everything that is not policy; nodes compare the compiled
//! hashes before it comes into force. A [`DecisionPoint`] holds the agreements of one administration, with its
//! national law as an overlay that can only forbid, and decides about every document that is to leave. What it lets
//! through is a [`Cleared`] document: a projection onto the elements that the agreement lists, with the label that
//! the recipient must keep. Nothing else can be sent.
//!
//! ```
//! use agreements::{DecisionPoint, Disclosable, Request, Term, corridor_agreement, library::common_transit};
//! use base::{Administration, Timestamp};
//!
//! struct Record(Vec<(String, String)>);
//!
//! impl Disclosable for Record {
//!     fn record_type(&self) -> &str {
//!         "CD118C"
//!     }
//!     fn paths(&self) -> Vec<String> {
//!         self.0.iter().map(|(path, _)| path.clone()).collect()
//!     }
//!     fn project(self, permitted: &dyn Fn(&str) -> bool) -> Self {
//!         Self(self.0.into_iter().filter(|(path, _)| permitted(path)).collect())
//!     }
//! }
//!
//! let (france, britain) = (Administration::parse("NTA.FR")?, Administration::parse("NTA.GB")?);
//! let agreement = corridor_agreement(&[france.clone(), britain.clone()])?;
//! let point = DecisionPoint::new(vec![agreement], Vec::new())?;
//! let crossing = Record(vec![
//!     ("TransitOperation/MRN".to_owned(), "23GB000060KNEJKEJ3".to_owned()),
//!     ("Photo".to_owned(), "of the driver".to_owned()),
//! ]);
//! let request = Request::automatic(
//!     (france, Term::parse(common_transit::TRANSIT)?),
//!     (britain, Term::parse(common_transit::DEPARTURE)?),
//!     Term::parse(common_transit::TRANSIT_CONTROL)?,
//!     Timestamp::parse("2026-11-24T06:00:00Z")?,
//! );
//! let cleared = point.clear(crossing, &request)?;
//! assert_eq!(cleared.document().paths(), ["TransitOperation/MRN"]);
//! assert!(cleared.record().withheld.contains_key("Photo"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod answers;
mod author;
mod canonical;
mod check;
mod clearance;
mod coherence;
mod compile;
mod decision;
mod dictionary;
pub mod disclosure;
pub mod document;
pub mod duty;
mod evaluate;
mod explain;
mod label;
mod leaves;
pub mod library;
mod name;
mod onward;
mod overlay;
mod pattern;
mod reception;
mod request;
mod scope;
mod signing;
mod staleness;
mod suspension;
mod terms;
mod witnessing;

pub use author::{AuthoringError, AuthoringErrors};
pub use check::{CheckReport, GoldenResult, check};
pub use clearance::{Cleared, DecisionRecord, Ground, Refused, Withheld};
pub use coherence::Fault;
pub use compile::{CompileError, Compiled, compile};
pub use decision::DecisionPoint;
pub use dictionary::{DataClass, Dictionary, DictionaryError, HEADER};
pub use disclosure::{Handling, Trigger};
pub use document::{Agreement, AgreementReference, Draft, OnwardRule};
pub use explain::explain;
pub use label::{Label, Origin};
pub use library::corridor_agreement;
pub use name::{Identifier, Term};
pub use onward::ORIGINATOR_CONSENTS;
pub use overlay::{Overlay, OverlayError, Prohibition};
pub use pattern::Pattern;
pub use reception::Incoming;
pub use request::{Disclosable, Request};
pub use scope::{HsRange, Scope, Subject};
pub use signing::RegisterSigners;
pub use staleness::{GRACE_DAYS, Staleness};
pub use suspension::Suspension;
pub use witnessing::Witnessing;
