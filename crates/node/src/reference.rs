//! Reference data of a node: read from official exports, compared, activated, kept in the store.

use crate::config::{Config, ConfigError};
use crate::setup::open_store;
use base::reference::{Catalogue, ExchangeRates, Import, Lookup, Preview, corridor};
use base::{Currency, Date, Timestamp};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use store::{StoreError, Tx, settings};

/// The setting that holds the catalogue in force.
const CATALOGUE: &str = "reference/catalogue";

/// How many differences of one list are shown; an official list may bring thousands at once.
const SHOWN: usize = 12;

/// Why reference data cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// A file or folder cannot be read.
    #[error("cannot read `{0}`: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// The data is malformed: every fault, one a line.
    #[error("{0}")]
    Malformed(String),
    /// What the project ships is malformed.
    #[error(transparent)]
    Shipped(#[from] base::reference::ReferenceError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] crate::setup::OpenError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration is unusable.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Code lists as the codec asks for them.
pub struct Lists<'a>(pub &'a Catalogue);

impl wire::CodeLists for Lists<'_> {
    fn lookup(&self, list: &str, code: &str, on: Date) -> wire::Lookup {
        match self.0.lookup(list, code, on) {
            Lookup::Present => wire::Lookup::Present,
            Lookup::Absent => wire::Lookup::Absent,
            Lookup::NotLoaded => wire::Lookup::NotLoaded,
        }
    }
}

/// The catalogue that a run uses: what the project ships, and on top of it the export at `path`, if any.
///
/// # Errors
/// When the export cannot be read or is malformed.
pub fn read_catalogue_or_shipped(path: Option<&Path>) -> Result<Catalogue, ReferenceError> {
    match path {
        Some(path) => read_catalogue(path),
        None => Ok(corridor::catalogue()?),
    }
}

/// What the project ships with the export at `path` in force on top of it.
///
/// # Errors
/// When the export cannot be read or is malformed.
pub fn read_catalogue(path: &Path) -> Result<Catalogue, ReferenceError> {
    let mut catalogue = corridor::catalogue()?;
    catalogue.activate(read_import(path)?);
    Ok(catalogue)
}

fn read_import(path: &Path) -> Result<Import, ReferenceError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |error| ReferenceError::Unreadable(path, error)
    };
    let mut files = Vec::new();
    if std::fs::metadata(path).map_err(unreadable(path))?.is_dir() {
        for entry in std::fs::read_dir(path).map_err(unreadable(path))? {
            files.push(entry.map_err(unreadable(path))?.path());
        }
    } else {
        files.push(path.to_owned());
    }
    files.sort();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json" || ending == "tsv"));
    let mut texts = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(unreadable(&file))?;
        texts.push((
            file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            text,
        ));
    }
    Import::read(texts).map_err(|errors| {
        ReferenceError::Malformed(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

/// Puts a catalogue in force: the node uses it from its next start on.
///
/// # Errors
/// When the store fails.
pub fn store_catalogue(tx: &mut dyn Tx, catalogue: &Catalogue, now: Timestamp) -> Result<(), ReferenceError> {
    let body = serde_json::to_vec(catalogue).map_err(|error| ReferenceError::Malformed(error.to_string()))?;
    settings::put(tx, CATALOGUE, &body)?;
    Ok(settings::put(tx, "reference/activated", now.to_string().as_bytes())?)
}

/// The catalogue in force at a node: the stored one, or what the project ships.
///
/// # Errors
/// When the store fails or holds something else.
pub fn stored_catalogue(tx: &mut dyn Tx) -> Result<Catalogue, ReferenceError> {
    match settings::get(tx, CATALOGUE)? {
        Some(body) => {
            serde_json::from_slice(&body).map_err(|error| ReferenceError::Malformed(error.to_string()))
        }
        None => Ok(corridor::catalogue()?),
    }
}

/// Euro for one unit of each currency for which a rate is known on a day, to eight decimals, rounded up so that a
/// guarantee never covers less than was declared.
pub fn euro_rates(rates: &ExchangeRates, on: Date) -> BTreeMap<Currency, Decimal> {
    let mut euro = BTreeMap::new();
    for rate in rates.iter() {
        if let Ok(per_euro) = rates.per_euro(rate.currency, on) {
            let strategy = rust_decimal::RoundingStrategy::ToPositiveInfinity;
            if let Some(for_one) = Decimal::ONE.checked_div(per_euro) {
                euro.insert(rate.currency, for_one.round_dp_with_strategy(8, strategy));
            }
        }
    }
    euro
}

/// Reads an export, says what it would change at the node of `config` (or against the shipped sets), and activates it
/// if asked. The lines are for people.
///
/// # Errors
/// When the export is malformed, or the node's store cannot be opened.
pub fn import(path: &Path, config: Option<&Path>, activate: bool) -> Result<Vec<String>, ReferenceError> {
    let import = read_import(path)?;
    let Some(config) = config else {
        let mut lines = describe(&corridor::catalogue()?.preview(&import));
        lines.push("nothing was activated: name a node with --config and add --activate".to_owned());
        return Ok(lines);
    };
    let store = open_store(&Config::load(config)?)?;
    let mut catalogue = store.read(|tx| stored_catalogue(tx))?;
    let mut lines = describe(&catalogue.preview(&import));
    if activate {
        let activated = catalogue.activate(import);
        let now = crate::clock::World::system().clock.now();
        store.write(move |tx| store_catalogue(tx, &catalogue, now))?;
        let offices = if activated.offices { ", and the customs offices" } else { "" };
        lines.push(format!(
            "activated {} list version(s){offices}; {} were known already",
            activated.lists, activated.known
        ));
    } else {
        lines.push("nothing was activated: add --activate".to_owned());
    }
    store.close();
    Ok(lines)
}

/// The lists and offices in force at a node. The lines are for people.
///
/// # Errors
/// When the node's store cannot be opened.
pub fn list(config: &Path) -> Result<Vec<String>, ReferenceError> {
    let store = open_store(&Config::load(config)?)?;
    let catalogue = store.read(|tx| stored_catalogue(tx))?;
    store.close();
    let mut lines = Vec::new();
    for (code, name) in catalogue.names() {
        let words = match catalogue.list_versions(code.as_str()).and_then(|versions| versions.latest()) {
            Some(version) => format!("{} entries", version.content.entries().len()),
            None => "not loaded".to_owned(),
        };
        lines.push(format!("{code:<7} {name:<44} {words}"));
    }
    let offices = catalogue.office_versions().latest().map_or(0, |version| version.content.offices.len());
    lines.push(format!("customs offices: {offices}"));
    Ok(lines)
}

fn describe(preview: &Preview) -> Vec<String> {
    let mut lines = Vec::new();
    for list in &preview.lists {
        let difference = &list.difference;
        lines.push(format!(
            "{} {}: {} added, {} removed, {} changed",
            list.list,
            list.name,
            difference.added.len(),
            difference.removed.len(),
            difference.changed.len()
        ));
        let added = difference.added.iter().map(|entry| format!("  + {} {}", entry.code, entry.description));
        let removed =
            difference.removed.iter().map(|entry| format!("  - {} {}", entry.code, entry.description));
        let changed = difference.changed.iter().map(|change| format!("  ~ {}", change.after.code));
        let all: Vec<String> = removed.chain(changed).chain(added).collect();
        lines.extend(all.iter().take(SHOWN).cloned());
        if all.len() > SHOWN {
            lines.push(format!("  and {} more", all.len() - SHOWN));
        }
    }
    if let Some(offices) = &preview.offices {
        let difference = &offices.difference;
        lines.push(format!(
            "customs offices: {} added, {} removed, {} changed",
            difference.added.len(),
            difference.removed.len(),
            difference.changed.len()
        ));
    }
    for (code, name) in &preview.not_loaded {
        lines.push(format!("{code} {name}: not loaded, so nothing is checked against it"));
    }
    lines.extend(preview.warnings.iter().map(|warning| format!("note: {warning}")));
    lines
}
