//! Code lists: which values a field may hold, and when.

use crate::{Date, Invalid, identifier::text_identifier};
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;

/// The name of a code list in message descriptions: `CL` and three digits, as in `CL017`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ListCode(String);

impl ListCode {
    /// Parses `CL` and three digits.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let digits = text.strip_prefix("CL").unwrap_or_default();
        if digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("code list", text, "it must be `CL` and three digits, as in `CL017`"))
        }
    }
}

text_identifier!(ListCode);

impl Borrow<str> for ListCode {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The state of an entry in an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The code may be used.
    Valid,
    /// The code was withdrawn on the day from which the entry is valid.
    Invalid,
}

/// One line of a code list. A code may have several, one for each period.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// The value, as messages write it.
    pub code: String,
    /// The first day on which the entry holds; without one it has always held, as in lists that belong to a schema.
    pub valid_from: Option<Date>,
    /// The last day on which it holds; without one it holds until a later entry of the same code.
    pub valid_until: Option<Date>,
    /// Whether the code may be used from that day on or was withdrawn.
    pub state: State,
    /// What the code means; empty in lists that give no text.
    pub description: String,
}

/// Whether a list says everything there is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// A code that is not in the list does not exist.
    Complete,
    /// The list is a selection: of a code that is not in it, nothing is known.
    Partial,
}

/// What reference data says of a code on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    /// The code is in the list and valid on that day.
    Present,
    /// The list is loaded and the code is not in it, or not valid on that day (functional error 12).
    Absent,
    /// The list is not loaded, or only a selection that does not have the code: the check cannot be made.
    NotLoaded,
}

/// A code list as one export gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct CodeList {
    code: ListCode,
    name: String,
    extent: Extent,
    entries: Vec<Entry>,
}

/// The serde form of [`CodeList`], before its entries are put in order.
#[derive(Deserialize)]
struct Stored {
    code: ListCode,
    name: String,
    extent: Extent,
    entries: Vec<Entry>,
}

impl From<Stored> for CodeList {
    fn from(stored: Stored) -> Self {
        Self::new(stored.code, stored.name, stored.extent, stored.entries)
    }
}

impl CodeList {
    /// A list of these entries, which are put in order of code and first day.
    pub fn new(code: ListCode, name: impl Into<String>, extent: Extent, mut entries: Vec<Entry>) -> Self {
        // INVARIANT: `entry` searches by this order.
        entries.sort();
        Self { code, name: name.into(), extent, entries }
    }

    /// The list's number, as in `CL017`.
    pub fn code(&self) -> &ListCode {
        &self.code
    }

    /// The list's name, as in `KindOfPackages`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is complete.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// All entries in order of code and first day.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry that lets `code` be used on that day: of the entries that have begun, the last one decides, and it
    /// must be valid and not have ended.
    pub fn entry(&self, code: &str, on: Date) -> Option<&Entry> {
        let first = self.entries.partition_point(|entry| entry.code.as_str() < code);
        let of_code = self.entries.iter().skip(first).take_while(|entry| entry.code == code);
        of_code
            .filter(|entry| entry.valid_from.is_none_or(|from| from <= on))
            .last()
            .filter(|entry| entry.state == State::Valid && entry.valid_until.is_none_or(|until| on <= until))
    }

    /// What the list says of `code` on that day.
    pub fn lookup(&self, code: &str, on: Date) -> Lookup {
        match (self.entry(code, on), self.extent) {
            (Some(_), _) => Lookup::Present,
            (None, Extent::Complete) => Lookup::Absent,
            (None, Extent::Partial) => Lookup::NotLoaded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(code: &str, from: Option<&str>, until: Option<&str>, state: State) -> Entry {
        let day = |text: &str| Date::parse(text).unwrap();
        Entry {
            code: code.to_owned(),
            valid_from: from.map(day),
            valid_until: until.map(day),
            state,
            description: String::new(),
        }
    }

    #[test]
    fn the_last_entry_that_has_begun_decides() {
        let list = CodeList::new(
            ListCode::parse("CL999").unwrap(),
            "Test",
            Extent::Complete,
            vec![
                entry("B", Some("2025-01-01"), None, State::Invalid),
                entry("B", Some("2024-01-01"), None, State::Valid),
                entry("A", None, Some("2024-06-30"), State::Valid),
                entry("B", Some("2026-01-01"), None, State::Valid),
            ],
        );
        let cases = [
            ("A", "1999-01-01", Lookup::Present),
            ("A", "2024-06-30", Lookup::Present),
            ("A", "2024-07-01", Lookup::Absent),
            ("B", "2023-12-31", Lookup::Absent),
            ("B", "2024-12-31", Lookup::Present),
            ("B", "2025-06-01", Lookup::Absent),
            ("B", "2026-01-01", Lookup::Present),
            ("C", "2026-01-01", Lookup::Absent),
        ];
        for (code, day, expected) in cases {
            assert_eq!(list.lookup(code, Date::parse(day).unwrap()), expected, "{code} on {day}");
        }
    }

    #[test]
    fn a_selection_never_says_absent() {
        let only = vec![entry("A", None, None, State::Valid)];
        let list = CodeList::new(ListCode::parse("CL999").unwrap(), "Test", Extent::Partial, only);
        let today = Date::parse("2026-11-24").unwrap();
        assert_eq!(list.lookup("A", today), Lookup::Present);
        assert_eq!(list.lookup("B", today), Lookup::NotLoaded);
    }
}
