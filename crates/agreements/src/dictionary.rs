//! The data dictionary: which class of data each element of a message is.
//!
//! A proof about an agreement says nothing about an element that is classified wrongly, so the dictionary is data
//! under change control, and what it does not know is personal and is not given to anyone.

use crate::canonical;
use crate::disclosure::Handling;
use crate::name::Term;
use crate::pattern::Pattern;
use base::Digest;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// The dictionary of the NCTS common domain messages.
const BUILT_IN: &str = include_str!("../data/dictionary.toml");

/// The category of what identifies a message and its parties, without which no message can be sent. A message of
/// which only this may be given is not worth sending.
pub const HEADER: &str = "header";

/// The class of an element: the unit of decision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataClass {
    /// The category.
    pub category: Term,
    /// Whether it is personal data.
    pub personal: bool,
    /// How it is handled by default.
    pub handling: Handling,
}

/// Which class each element is.
#[derive(Clone, Debug)]
pub struct Dictionary {
    classes: Vec<DataClass>,
    by_name: HashMap<String, Vec<(Pattern, usize)>>,
    digest: Digest,
}

/// Why a dictionary cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("data dictionary, line {line}: {problem}; correct the entry")]
pub struct DictionaryError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    entries: Vec<Entry>,
}

/// Elements of the same class: every element name in every group. A group is a pattern; the empty one is the root.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    category: Term,
    personal: bool,
    handling: Handling,
    groups: Vec<String>,
    elements: Vec<String>,
}

impl Dictionary {
    /// The dictionary that the project ships.
    ///
    /// # Errors
    /// Never in a build whose tests pass: they read it.
    pub fn built_in() -> Result<Arc<Self>, DictionaryError> {
        static READ: LazyLock<Result<Arc<Dictionary>, DictionaryError>> =
            LazyLock::new(|| Dictionary::from_toml(BUILT_IN).map(Arc::new));
        READ.clone()
    }

    /// Reads a dictionary. The first entry that matches an element decides its class.
    ///
    /// # Errors
    /// When the TOML is malformed, a field is unknown or a name is not one.
    pub fn from_toml(text: &str) -> Result<Self, DictionaryError> {
        let file: File = toml::from_str(text).map_err(|error| DictionaryError {
            line: error.span().map_or(1, |span| crate::author::line_of(text, span.start)),
            problem: error.message().lines().collect::<Vec<_>>().join(" "),
        })?;
        let mut classes = Vec::new();
        let mut by_name: HashMap<String, Vec<(Pattern, usize)>> = HashMap::new();
        for entry in file.entries {
            for group in &entry.groups {
                for element in &entry.elements {
                    let path = if group.is_empty() { element.clone() } else { format!("{group}/{element}") };
                    let wrong = |problem: String| DictionaryError { line: 1, problem };
                    let pattern = Pattern::parse(&path).map_err(|error| wrong(error.to_string()))?;
                    let Some(name) = pattern.last_name() else {
                        return Err(wrong(format!("`{path}` does not end in an element name")));
                    };
                    by_name.entry(name.to_owned()).or_default().push((pattern, classes.len()));
                }
            }
            classes.push(DataClass {
                category: entry.category,
                personal: entry.personal,
                handling: entry.handling,
            });
        }
        Ok(Self { classes, by_name, digest: canonical::digest(text.as_bytes()) })
    }

    /// The class of an element, or `None` when it is unknown and so personal and denied.
    pub fn class(&self, path: &str) -> Option<&DataClass> {
        let name = path.rsplit('/').next()?;
        let (_, position) = self.by_name.get(name)?.iter().find(|(pattern, _)| pattern.matches(path))?;
        self.classes.get(*position)
    }

    /// SHA-256 of the file.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_dictionary_classifies() {
        let dictionary = Dictionary::built_in().unwrap();
        let class =
            |path: &str| dictionary.class(path).map(|class| format!("{} {}", class.category, class.personal));
        assert_eq!(class("TransitOperation/MRN").unwrap(), "identification false");
        assert_eq!(class("HolderOfTheTransitProcedure/Address/city").unwrap(), "party true");
        assert_eq!(
            class("Consignment/HouseConsignment/ConsignmentItem/Consignee/name").unwrap(),
            "party true"
        );
        assert_eq!(
            class("Consignment/HouseConsignment/AdditionalInformation/text").unwrap(),
            "free_text true"
        );
        assert_eq!(class("messageSender").unwrap(), "header false");
    }

    #[test]
    fn what_is_not_listed_is_unknown() {
        let dictionary = Dictionary::built_in().unwrap();
        for path in ["", "Photo", "Consignment/Photo", "Consignment/messageSender", "Representative/name"] {
            assert_eq!(dictionary.class(path), None, "{path}");
        }
    }

    #[test]
    fn a_wrong_entry_is_reported_with_its_line() {
        let error = Dictionary::from_toml("[[entries]]\ncategory = \"Goods\"\n").unwrap_err();
        assert_eq!(error.line, 2, "{error}");
    }
}
