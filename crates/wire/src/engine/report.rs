//! Errors with their line, column and XPath.

use super::{Engine, Sink, Stop};
use crate::cl030;
use crate::element::Frame;
use crate::error::XmlError;

/// The most characters of a value that are reported: an..512 in the messages that do.
pub(super) const MOST_VALUE: usize = 512;

impl<'a, S: Sink> Engine<'a, '_, S> {
    /// Reports an error of the innermost open element.
    pub(super) fn report_last(
        &mut self,
        code: u8,
        message: String,
        value: Option<String>,
    ) -> Result<(), Stop> {
        let Some(place) = self.open.last().copied() else {
            return Ok(());
        };
        let path = self.path();
        self.push_error(&place, code, path, message, value)
    }

    pub(super) fn push_error(
        &mut self,
        place: &Frame<'a>,
        code: u8,
        path: String,
        message: String,
        value: Option<String>,
    ) -> Result<(), Stop> {
        let (line, column) = self.places.of(place.close);
        let (first_line, first_column) = self.places.of(place.from);
        let column = if line == first_line { first_column } else { column };
        self.errors.push(XmlError { line, column, code, path, message, value });
        if self.errors.len() >= self.limits.errors { Err(Stop::TooManyErrors) } else { Ok(()) }
    }

    /// Reports an error of namespaces. libxml2 finds them while it parses, so they come before all others.
    pub(super) fn push_namespace_error(&mut self, offset: usize, message: String) -> Result<(), Stop> {
        let error = self.error(offset, cl030::NOT_WELL_FORMED, message);
        self.namespace_errors.push(error);
        if self.namespace_errors.len() >= self.limits.errors { Err(Stop::TooManyErrors) } else { Ok(()) }
    }

    /// An error at an offset rather than of an element.
    pub(super) fn error(&mut self, offset: usize, code: u8, message: String) -> XmlError {
        let (line, column) = self.places.of(offset);
        let path = if self.open.is_empty() { "/".to_owned() } else { self.path() };
        XmlError { line, column, code, path, message, value: None }
    }

    /// XPath of the innermost open element.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for frame in &self.open {
            frame.append_to(&mut path);
        }
        path
    }

    /// XPath of an element about to be opened.
    pub(super) fn path_of(&self, frame: &Frame<'a>) -> String {
        let mut path = self.path();
        frame.append_to(&mut path);
        path
    }
}
