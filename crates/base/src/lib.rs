//! The vocabulary of customs that every other room speaks.
//!
//! Each identifier of the field is a type of its own. It is parsed once, at the border of the system, and stays
//! parsed: a function that takes an [`Mrn`] never has to ask whether the text it was given is one.
//!
//! ```
//! use base::{Country, Mrn};
//!
//! let mrn: Mrn = "23GB000060KNEJKEJ3".parse()?;
//! assert_eq!(mrn.country(), Country::parse("GB")?);
//! assert!(mrn.check_digit_holds());
//! # Ok::<(), base::Invalid>(())
//! ```
//!
//! Every identifier displays as the text it was parsed from, orders as that text does, and has that text as its serde
//! form, through which it is checked again. Code lists, customs offices and exchange rates, which change with time, are
//! in [`reference`](mod@reference).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod administration;
pub mod check;
mod check_digit;
mod container;
mod country;
mod digest;
mod guarantee;
mod hs_code;
mod identifier;
mod message;
mod money;
mod movement_reference;
mod party;
pub mod reference;
mod seal;
mod time;
mod tir_carnet;

pub use administration::Administration;
pub use check::{KINDS, Verdict, check};
pub use container::ContainerNumber;
pub use country::Country;
pub use digest::Digest;
pub use guarantee::{AccessCode, Grn, GuaranteeReference, GuaranteeType};
pub use hs_code::HsCode;
pub use identifier::{Invalid, Kind};
pub use message::{MessageId, MessageIdentification};
pub use money::{Currency, Money};
pub use movement_reference::{Lrn, Mrn, ProcedureLetter};
pub use party::{Eori, OfficeReference, Ucr};
pub use seal::SealIdentifier;
pub use time::{Date, Timestamp};
pub use tir_carnet::TirCarnetNumber;
