//! What is wrong with a file of reference data, where, and how to mend it.

use std::fmt;

/// Where in a file something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A line, counted from 1.
    Line(usize),
    /// An entry of a code list, counted from 1.
    Entry(usize),
}

/// Why a file of reference data cannot be used.
///
/// ```
/// let wrong = base::reference::parse_list("Flag.json", "[]").unwrap_err();
/// assert!(wrong.to_string().starts_with("Flag.json, line 1: "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{place}: {reason}; {fix}")]
pub struct ReferenceError {
    /// The name of the file.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// What is wrong, in words.
    pub reason: String,
    /// What to do about it, in words.
    pub fix: String,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => Ok(()),
            Self::Line(line) => write!(out, ", line {line}"),
            Self::Entry(entry) => write!(out, ", entry {entry}"),
        }
    }
}

impl ReferenceError {
    pub(super) fn new(file: &str, place: Place, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place, reason: reason.into(), fix: fix.into() }
    }
}
