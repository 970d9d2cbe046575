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

mod administration;
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

pub use administration::Administration;
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
