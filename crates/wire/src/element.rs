//! The elements that are open while a file is read.

use crate::format::Format;
use crate::lexer::quoted;
use crate::table::{ElementSpec, GroupSpec};
use std::fmt::Write;

/// An open element.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// The name as it stands in the start tag, which the end tag must repeat.
    pub(crate) raw_name: &'a str,
    /// The name for paths.
    pub(crate) name: &'a str,
    /// The offset of the start tag's `<`.
    pub(crate) from: usize,
    /// The offset of the start tag's `>` or `/>`.
    pub(crate) close: usize,
    /// Which of the elements of this name in its parent it is, from 1; 0 for the root and unknown elements.
    pub(crate) number: u32,
    /// How many namespace declarations were in force around it.
    pub(crate) mark: usize,
    pub(crate) holds: Holds,
}

/// What an open element holds according to the table.
#[derive(Clone, Copy)]
pub(crate) enum Holds {
    Group {
        spec: &'static GroupSpec,
        /// The element that was read last, or may come next.
        next: usize,
        /// Where the counts of its elements begin.
        base: usize,
        had_text: bool,
    },
    Text {
        element: &'static ElementSpec,
        format: &'static Format,
        has_error: bool,
    },
    /// The element should not be here, so nothing is known of what it holds.
    Unknown,
}

/// An element that was reported as missing but may yet come, out of order.
pub(crate) struct Tentative {
    /// How many elements were open.
    pub(crate) depth: usize,
    /// Which element of the group is missing.
    pub(crate) index: usize,
    /// Which error reports it.
    pub(crate) error: usize,
    /// The path of the element that stands where it should be.
    pub(crate) culprit: String,
    /// Whether another error already says that the culprit is out of place.
    pub(crate) culprit_reported: bool,
}

impl Frame<'_> {
    /// Appends this element's step to a path. Elements with elements have their position, others only when they repeat.
    pub(crate) fn append_to(&self, path: &mut String) {
        let is_group = matches!(self.holds, Holds::Group { .. });
        // Writing to a string cannot fail.
        let _ = if self.number > 1 || (is_group && self.number > 0) {
            write!(path, "/{}[{}]", quoted(self.name), self.number)
        } else {
            write!(path, "/{}", quoted(self.name))
        };
    }
}
