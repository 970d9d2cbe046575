//! Reading typed values out of a message, with a functional error for each that is missing or wrong.

use base::Invalid;
use customs::{ErrorCode, FunctionalError};
use wire::{Document, FieldError, Group};

/// Reads values out of a message and collects what is wrong.
pub(super) struct Reader<'a> {
    document: &'a Document,
    errors: Vec<FunctionalError>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        Self { document, errors: Vec::new() }
    }

    /// The message that is read.
    pub(super) fn document(&self) -> &'a Document {
        self.document
    }

    /// The message type, as in `CC015C`.
    pub(super) fn message(&self) -> &'static str {
        self.document.message().as_str()
    }

    /// A value that may be absent.
    pub(super) fn optional<T>(&mut self, path: &str) -> Option<T>
    where
        T: std::str::FromStr<Err = Invalid>,
    {
        self.optional_in(self.document.root(), "", path)
    }

    /// A value that must be there; `None` when it is not, which is noted.
    pub(super) fn required<T>(&mut self, path: &str) -> Option<T>
    where
        T: std::str::FromStr<Err = Invalid>,
    {
        self.required_in(self.document.root(), "", path)
    }

    /// A value that may be absent from a group whose place in the message is `at`.
    pub(super) fn optional_in<T>(&mut self, group: &Group, at: &str, path: &str) -> Option<T>
    where
        T: std::str::FromStr<Err = Invalid>,
    {
        match group.parse(path) {
            Ok(value) => value,
            Err(wrong) => {
                self.note(at, wrong);
                None
            }
        }
    }

    /// A value that must be in a group whose place in the message is `at`.
    pub(super) fn required_in<T>(&mut self, group: &Group, at: &str, path: &str) -> Option<T>
    where
        T: std::str::FromStr<Err = Invalid>,
    {
        match group.require(path) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.note(at, wrong);
                None
            }
        }
    }

    /// A moment of the form that messages use (G0002).
    pub(super) fn moment(&mut self, path: &str) -> Option<base::Timestamp> {
        let text = self.document.text(path)?;
        match base::Timestamp::parse_message_form(text) {
            Ok(moment) => Some(moment),
            Err(reason) => {
                self.note("", FieldError::Invalid { path: path.to_owned(), reason });
                None
            }
        }
    }

    /// A moment that must be there.
    pub(super) fn required_moment(&mut self, path: &str) -> Option<base::Timestamp> {
        if self.document.text(path).is_none() {
            self.note("", FieldError::Missing { path: path.to_owned() });
        }
        self.moment(path)
    }

    /// A flag: `1` is yes.
    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        self.document.text(path).map(|text| text == "1")
    }

    /// Notes an error that the caller found.
    pub(super) fn push(&mut self, path: &str, code: ErrorCode, reason: &str, value: Option<&str>) {
        let pointer = format!("/{}/{path}", self.message());
        self.errors.push(FunctionalError::new(pointer, code, reason, value));
    }

    fn note(&mut self, at: &str, wrong: FieldError) {
        let place = |path: &str| {
            if at.is_empty() { path.to_owned() } else { format!("{at}/{path}") }
        };
        match wrong {
            FieldError::Missing { path } => {
                self.push(&place(&path), ErrorCode::ConditionMissing, MISSING, None);
            }
            FieldError::Invalid { path, reason } => {
                let (code, rule) = rule_of(&reason);
                if code == ErrorCode::InvalidMrn {
                    let pointer = format!("/{}/{}", self.message(), place(&path));
                    self.errors.push(FunctionalError::at_mrn(pointer, code, rule, Some(&reason.input)));
                } else {
                    self.push(&place(&path), code, rule, Some(&reason.input));
                }
            }
        }
    }

    /// The value, unless errors were found.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Vec<FunctionalError>> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.errors),
        }
    }
}

/// The reason for something missing that no numbered condition demands here: the guideline on error pointers, as for
/// messages out of sequence.
const MISSING: &str = "G0009";

/// The error code and the rule that a wrong value breaks.
fn rule_of(reason: &Invalid) -> (ErrorCode, &'static str) {
    match reason.kind.0 {
        "EORI" => (ErrorCode::Rule, "R0850"),
        "MRN" => (ErrorCode::InvalidMrn, "R0028"),
        "GRN" => (ErrorCode::Rule, "R0028"),
        "access code" => (ErrorCode::Rule, "C0086"),
        "amount" => (ErrorCode::Rule, "G0021"),
        "currency" => (ErrorCode::CodeList, "CL048"),
        "country code" => (ErrorCode::CodeList, "CL008"),
        "guarantee type" => (ErrorCode::CodeList, "CL251"),
        "declaration type" => (ErrorCode::CodeList, "CL231"),
        "additional declaration type" => (ErrorCode::CodeList, "CL042"),
        "security indicator" => (ErrorCode::CodeList, "CL217"),
        "control result code" => (ErrorCode::CodeList, "CL197"),
        "invalid guarantee reason" => (ErrorCode::CodeList, "CL252"),
        "customs office reference" => (ErrorCode::CodeList, "CL141"),
        _ => (ErrorCode::Rule, "G0002"),
    }
}
