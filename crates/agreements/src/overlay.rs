//! National law as an overlay on agreements: it can only forbid.
//!
//! An overlay is never shown to the partner; the refusal code is. There is no way to write a permission in one.

use crate::dictionary::DataClass;
use crate::name::{Identifier, Term};
use crate::pattern::Pattern;
use crate::request::Request;
use base::Administration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What one administration's own law forbids it to give, whatever its agreements permit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// The administration whose law it is.
    pub administration: Administration,
    /// The prohibitions.
    #[serde(default)]
    pub prohibitions: Vec<Prohibition>,
}

/// A prohibition. Each list that is not empty narrows it; all that are stated must apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prohibition {
    /// Its identifier, unique in the overlay.
    pub id: Identifier,
    /// The law, by its citation.
    pub law: String,
    /// The ground given to the partner, if the agreement lists it; otherwise `law_prevents`.
    pub ground: Term,
    /// The recipients it concerns.
    #[serde(default)]
    pub recipients: BTreeSet<Administration>,
    /// The purposes.
    #[serde(default)]
    pub purposes: BTreeSet<Term>,
    /// The types of record.
    #[serde(default)]
    pub record_types: BTreeSet<Identifier>,
    /// The categories of data.
    #[serde(default)]
    pub categories: BTreeSet<Term>,
    /// Whether it concerns personal data only.
    #[serde(default)]
    pub personal_only: bool,
    /// The elements; whole classes of data when empty.
    #[serde(default)]
    pub paths: BTreeSet<Pattern>,
}

impl Prohibition {
    /// Whether it names elements, and concerns a request about this type of record.
    pub(crate) fn names_elements(&self, record_type: &str, request: &Request) -> bool {
        !self.paths.is_empty()
            && (self.recipients.is_empty() || self.recipients.contains(&request.recipient))
            && (self.purposes.is_empty() || self.purposes.contains(&request.purpose))
            && (self.record_types.is_empty() || self.record_types.contains(record_type))
    }

    /// Whether it forbids this element of a request that it concerns.
    pub(crate) fn forbids(&self, class: &DataClass, path: &str) -> bool {
        (self.categories.is_empty() || self.categories.contains(&class.category))
            && (class.personal || !self.personal_only)
            && self.paths.iter().any(|pattern| pattern.matches(path))
    }
}

/// Why an overlay cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverlayError {
    /// The TOML is malformed, or a field is unknown, missing or wrong.
    #[error("line {line}: {problem}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// Two prohibitions have the same identifier.
    #[error("prohibition `{0}` occurs twice; give each its own id")]
    Repeated(Identifier),
}

impl Overlay {
    /// Reads an overlay from TOML.
    ///
    /// # Errors
    /// When it is malformed, has an unknown field or two prohibitions of the same identifier.
    pub fn from_toml(text: &str) -> Result<Self, OverlayError> {
        let overlay: Self = toml::from_str(text).map_err(|error| OverlayError::Malformed {
            line: error.span().map_or(1, |span| crate::author::line_of(text, span.start)),
            problem: error.message().lines().collect::<Vec<_>>().join(" "),
        })?;
        let mut seen = BTreeSet::new();
        match overlay.prohibitions.iter().find(|prohibition| !seen.insert(&prohibition.id)) {
            Some(repeated) => Err(OverlayError::Repeated(repeated.id.clone())),
            None => Ok(overlay),
        }
    }
}
