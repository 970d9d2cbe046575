//! What the project ships for its own corridors: a few customs offices of Great Britain, Northern Ireland, France and
//! Italy, the codes that their declarations use, and illustrative exchange rates.
//!
//! Written by the project, not copied from an export. Reference numbers of offices and codes are facts; names of offices
//! and descriptions of codes are our own words. Short lists whose every code is known are complete; the others are
//! selections ([`super::Extent::Partial`]), which never say that a code does not exist. An administration imports the official
//! lists, and from then on these are not read any more.

use super::{
    catalogue::Catalogue,
    export::parse_list,
    failure::{Place, ReferenceError},
    import::Import,
    office::parse_offices,
    version::Snapshot,
};
use serde_json::Value;

const LISTS_FILE: &str = "crates/base/data/corridor-lists.json";
const LISTS: &str = include_str!("../../data/corridor-lists.json");
const OFFICES_FILE: &str = "crates/base/data/corridor-offices.tsv";
const OFFICES: &str = include_str!("../../data/corridor-offices.tsv");
pub(super) const RATES_FILE: &str = "crates/base/data/corridor-rates.tsv";
pub(super) const RATES: &str = include_str!("../../data/corridor-rates.tsv");

/// A catalogue of the shipped lists and offices, on top of which official ones may be imported.
///
/// # Errors
/// Never, as a test shows; the files are read like any others.
pub fn catalogue() -> Result<Catalogue, ReferenceError> {
    let lists: Vec<Value> = serde_json::from_str(LISTS).map_err(|wrong| {
        ReferenceError::new(
            LISTS_FILE,
            Place::Line(wrong.line().max(1)),
            wrong.to_string(),
            "write an array of code lists",
        )
    })?;
    let mut import = Import::default();
    for list in lists {
        let (snapshot, list) = parse_list(LISTS_FILE, &list.to_string())?;
        import.names.insert(list.code().clone(), list.name().to_owned());
        import.lists.push((snapshot, list));
    }
    let mut offices = parse_offices(OFFICES_FILE, OFFICES)?;
    offices.partial = true;
    let snapshot = Snapshot { date: None, source: OFFICES_FILE.to_owned() };
    import.offices = Some((snapshot, offices));
    Ok(Catalogue::shipped(import))
}
