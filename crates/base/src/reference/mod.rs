//! Reference data: code lists, customs offices and exchange rates, each with the dates from which it holds.
//!
//! Administrations publish code lists (CL008 countries, CL017 kinds of packages and so on) and the list of customs
//! offices as exports that replace each other. A [`Catalogue`] keeps every export as a version under its snapshot
//! date, so that a decision taken last year is still read with last year's lists. What a list says of a code on a day
//! is one of three things ([`Lookup`]): it is there, it is not there, or the list was never loaded. The third is never
//! taken for either of the others.
//!
//! An export is read into an [`Import`], compared with what is there ([`Catalogue::preview`]) and only then activated
//! ([`Catalogue::activate`]):
//!
//! ```
//! use base::reference::{Catalogue, Import, Lookup};
//!
//! let export = r#"{"codeList": "CL027", "name": "Flag", "snapshot": "2026-01-01", "entries": [
//!     {"state": "valid", "activeFrom": "2026-01-01", "code": "0", "description": "no"},
//!     {"state": "valid", "activeFrom": "2026-01-01", "code": "1", "description": "yes"}]}"#;
//! let import = Import::read([("Flag.json".to_owned(), export.to_owned())]).map_err(|mut all| all.remove(0))?;
//!
//! let mut catalogue = Catalogue::default();
//! assert_eq!(catalogue.preview(&import).lists[0].difference.added.len(), 2);
//! catalogue.activate(import);
//! let today = base::Date::parse("2026-11-24")?;
//! assert_eq!(catalogue.lookup("CL027", "1", today), Lookup::Present);
//! assert_eq!(catalogue.lookup("CL027", "2", today), Lookup::Absent);
//! assert_eq!(catalogue.lookup("CL029", "1", today), Lookup::NotLoaded);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here reads files: whoever does hands in names and texts.

mod catalogue;
pub mod corridor;
mod difference;
mod export;
mod failure;
mod import;
mod index;
mod list;
mod office;
mod rates;
mod version;

pub use catalogue::{Activated, Catalogue, ListPreview, OfficePreview, Preview};
pub use difference::{Change, Difference, list_difference, office_difference};
pub use export::parse_list;
pub use failure::{Place, ReferenceError};
pub use import::Import;
pub use index::{Index, IndexRow, parse_index};
pub use list::{CodeList, Entry, Extent, ListCode, Lookup, State};
pub use office::{Office, OfficeTable, Role, Validity, parse_offices};
pub use rates::{ExchangeRates, NoRate, Rate};
pub use version::{Added, Snapshot, Version, Versions};
