//! What is wrong with a message, in the terms of code list CL030 that CC917C and CD917C report.

use crate::{Header, MessageType};
use std::fmt;

/// The kinds of XML error: the values of code list CL030 that phase-5 schemas can give rise to.
///
/// 56 and 57 (exclusive bounds) are not among them: no phase-5 format has an exclusive bound.
pub mod cl030 {
    /// The value is not in the enumeration.
    pub const NOT_IN_ENUMERATION: u8 = 12;
    /// A required element or attribute is missing.
    pub const MISSING: u8 = 13;
    /// The element, attribute or text is not expected here.
    pub const NOT_EXPECTED: u8 = 15;
    /// Any other error: a limit of the reader, a document that is no message.
    pub const OTHER: u8 = 18;
    /// The element occurs more often than allowed.
    pub const TOO_MANY: u8 = 35;
    /// The value is longer than allowed.
    pub const TOO_LONG: u8 = 39;
    /// The value is shorter than allowed.
    pub const TOO_SHORT: u8 = 40;
    /// The value is not of its type: no date, no number, too many digits.
    pub const WRONG_TYPE: u8 = 50;
    /// The value does not match its pattern.
    pub const PATTERN: u8 = 51;
    /// The file is not well-formed XML.
    pub const NOT_WELL_FORMED: u8 = 52;
    /// A character that XML or the encoding does not allow.
    pub const BAD_CHARACTER: u8 = 53;
    /// The value is below the lowest allowed.
    pub const BELOW_MINIMUM: u8 = 54;
    /// The value is above the highest allowed.
    pub const ABOVE_MAXIMUM: u8 = 55;
}

/// One error, with what CC917C and CD917C want to know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XmlError {
    /// The line, from 1, on which the start tag of the element ends; for XML that is not well-formed, of the place
    /// where reading stopped. The same as xmllint reports.
    pub line: u32,
    /// The column in characters, from 1, of the start tag's `<` (of its `>` where the tag spans lines).
    pub column: u32,
    /// The kind of error: a value of code list CL030, see [`cl030`].
    pub code: u8,
    /// XPath of the element with positions, e.g. `/CC015C/Consignment[1]/HouseConsignment[2]/grossMass`; where an
    /// element is missing, of the missing element.
    pub path: String,
    /// The error in words.
    pub message: String,
    /// The value that was found, cut to 512 characters (an..512 in the messages that report it).
    pub value: Option<String>,
}

impl fmt::Display for XmlError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "line {} column {}: {} (code {}, at {})",
            self.line, self.column, self.message, self.code, self.path
        )
    }
}

impl std::error::Error for XmlError {}

/// Why a file was not read as a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The message that the root element names, if it names one.
    pub message: Option<MessageType>,
    /// All errors found, in the order in which they were found; never empty.
    pub errors: Vec<XmlError>,
    /// The header as far as it was legible, so that the sender can be answered.
    pub header: Box<Header>,
}

impl fmt::Display for Rejection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.message.map_or("unknown message", MessageType::as_str);
        match self.errors.first() {
            Some(first) => {
                write!(out, "{name} refused with {} errors, the first: {first}", self.errors.len())
            }
            None => write!(out, "{name} refused"),
        }
    }
}

impl std::error::Error for Rejection {}

/// What [`crate::validate`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The message that the root element names, if it names one.
    pub message: Option<MessageType>,
    /// All errors found, in the order in which they were found.
    pub errors: Vec<XmlError>,
}

impl Verdict {
    /// Whether the file is a valid message: equal to what xmllint says of it.
    pub fn is_valid(&self) -> bool {
        self.message.is_some() && self.errors.is_empty()
    }
}

/// A value that is missing from a document or is not the identifier it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The document has no such element.
    #[error("`{path}` is missing")]
    Missing {
        /// The path that was asked for.
        path: String,
    },
    /// The element's text is not the identifier it should be.
    #[error("`{path}`: {reason}")]
    Invalid {
        /// The path that was asked for.
        path: String,
        /// Why the text is not valid.
        #[source]
        reason: base::Invalid,
    },
}
