//! How a command is refused: which rule it breaks, and where.

use base::{Lrn, Mrn};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest error pointer or original value that a message can carry (an..512).
const TEXT_LIMIT: usize = 512;

/// Codes of functional errors (code list CL180).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ErrorCode {
    /// 12: a value is not in its code list.
    CodeList,
    /// 13: a condition demands something that is missing.
    ConditionMissing,
    /// 14: a rule is broken.
    Rule,
    /// 15: a condition forbids something that is there.
    ConditionNotAllowed,
    /// 26: a duplicate.
    Duplicate,
    /// 90: no movement with this MRN is known.
    UnknownMrn,
    /// 92: the message does not fit the state of the movement.
    OutOfSequence,
    /// 93: the MRN itself is wrong.
    InvalidMrn,
}

impl ErrorCode {
    /// The code as messages carry it.
    pub fn code(self) -> &'static str {
        match self {
            Self::CodeList => "12",
            Self::ConditionMissing => "13",
            Self::Rule => "14",
            Self::ConditionNotAllowed => "15",
            Self::Duplicate => "26",
            Self::UnknownMrn => "90",
            Self::OutOfSequence => "92",
            Self::InvalidMrn => "93",
        }
    }

    /// The code with this number, if rooms use it.
    pub fn parse(code: &str) -> Option<Self> {
        [
            Self::CodeList,
            Self::ConditionMissing,
            Self::Rule,
            Self::ConditionNotAllowed,
            Self::Duplicate,
            Self::UnknownMrn,
            Self::OutOfSequence,
            Self::InvalidMrn,
        ]
        .into_iter()
        .find(|known| known.code() == code)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

/// One functional error, as CC056C, CC057C and CD906C carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionalError {
    /// Where: the XPath of the element, or the root element for 92 (G0009).
    pub pointer: String,
    /// What kind of error.
    pub code: ErrorCode,
    /// The rule that is broken, by its identifier (an..7). Where no numbered rule, condition or guideline says what is
    /// wrong, it is one of this node's own, which say: `TW001` addressed to another administration, `TW002` its sender
    /// may not send it, `TW003` it names no trader for whom its sender may act, `TW004` not the declared office of
    /// destination, `TW005` an answer that was not asked for, `TW006` registered already, `TW007` lines on one
    /// guarantee differ in type or access code, `TW008` the amount is more than a message can carry, `TW009` a guarantee
    /// of another country.
    pub reason: String,
    /// The value that was found there, if any.
    pub value: Option<String>,
}

impl FunctionalError {
    /// An error 90 or 93: its pointer includes the MRN of the rejected message (G0009), as in
    /// `/CC007C/TransitOperation/MRN[.='23GB000060KNEJKEJ3']`. An MRN has no apostrophe; what is no MRN is left out.
    pub fn at_mrn(pointer: impl AsRef<str>, code: ErrorCode, reason: &str, mrn: Option<&str>) -> Self {
        let pointer = pointer.as_ref();
        let shown = mrn.filter(|mrn| {
            let room = pointer.len() + mrn.len() + "[.='']".len() <= TEXT_LIMIT;
            room && !mrn.is_empty() && mrn.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        match shown {
            Some(mrn) => Self::new(format!("{pointer}[.='{mrn}']"), code, reason, Some(mrn)),
            None => Self::new(pointer, code, reason, mrn),
        }
    }

    /// An error at `pointer` under the rule `reason`; pointer and value are cut to what a message can carry.
    pub fn new(pointer: impl AsRef<str>, code: ErrorCode, reason: &str, value: Option<&str>) -> Self {
        let cut = |text: &str| text.chars().take(TEXT_LIMIT).collect::<String>();
        Self {
            pointer: cut(pointer.as_ref()),
            code,
            reason: reason.to_owned(),
            value: value.filter(|value| !value.is_empty()).map(cut),
        }
    }
}

impl fmt::Display for FunctionalError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at {} ({}", self.code, self.pointer, self.reason)?;
        match &self.value {
            Some(value) => write!(out, ", found `{value}`)"),
            None => out.write_str(")"),
        }
    }
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RefusalKind {
    /// Its content breaks rules or conditions.
    Invalid,
    /// It names a movement that this office does not know, or none with a right check digit.
    UnknownMovement,
    /// It does not fit the state of the movement.
    OutOfSequence,
    /// The movement it would create exists already.
    Duplicate,
    /// The node did not supply a fact that the decision needs; the sender did nothing wrong.
    FactMissing,
}

/// Which message, if any, answers the sender of a refused message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// CC056C, rejection from the office of departure.
    RejectionAtDeparture,
    /// CC057C, rejection from the office of destination.
    RejectionAtDestination,
    /// CD906C, functional refusal between administrations.
    Nack,
    /// None: the command came from an officer or a timer, who see the words.
    None,
}

/// A command that is refused, with the rules it breaks. A state never changes by a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{words}")]
pub struct Refusal {
    /// Why.
    pub kind: RefusalKind,
    /// The message that is refused, as in `CC015C`; none for an officer's command or a timer.
    pub message: Option<String>,
    /// What is wrong with it.
    pub errors: Vec<FunctionalError>,
    /// In plain words, one line.
    pub words: String,
}

impl Refusal {
    /// Content that breaks rules.
    pub fn invalid(message: &str, errors: Vec<FunctionalError>) -> Self {
        let words = match errors.first() {
            Some(first) => format!("{message} breaks {} rule(s); the first is {first}", errors.len()),
            None => format!("{message} is refused"),
        };
        Self { kind: RefusalKind::Invalid, message: Some(message.to_owned()), errors, words }
    }

    /// A movement that is not known here: error 90, or 93 when its check digit shows that it cannot exist.
    pub(crate) fn unknown(message: Option<&str>, mrn: Option<&Mrn>) -> Self {
        let named = mrn.map_or("the movement".to_owned(), |mrn| format!("`{mrn}`"));
        let (code, reason, words) = match mrn {
            Some(mrn) if !mrn.check_digit_holds() => (
                ErrorCode::InvalidMrn,
                CHECK_DIGIT,
                format!(
                    "{named} is no valid MRN: its check digit should be {} (R0028)",
                    mrn.expected_check_digit()
                ),
            ),
            _ => (ErrorCode::UnknownMrn, GUIDELINE, format!("{named} is not known at this office")),
        };
        let pointer = message.map_or("MRN".to_owned(), |message| format!("/{message}/TransitOperation/MRN"));
        let error = FunctionalError::at_mrn(pointer, code, reason, mrn.map(Mrn::as_str));
        let errors = vec![error];
        Self { kind: RefusalKind::UnknownMovement, message: message.map(str::to_owned), errors, words }
    }

    /// A declaration that is not known here under its local reference, by which it goes until it has an MRN (C0467):
    /// error 90 at the LRN.
    pub(crate) fn unknown_lrn(message: Option<&str>, lrn: &Lrn) -> Self {
        let pointer = message.map_or("LRN".to_owned(), |message| format!("/{message}/TransitOperation/LRN"));
        let error = FunctionalError::new(pointer, ErrorCode::UnknownMrn, "C0467", Some(lrn.as_str()));
        Self {
            kind: RefusalKind::UnknownMovement,
            message: message.map(str::to_owned),
            errors: vec![error],
            words: format!("no declaration with LRN `{lrn}` is known at this office"),
        }
    }

    /// Out of sequence: error 92 at the root element (G0009).
    pub(crate) fn out_of_sequence(message: Option<&str>, what: impl fmt::Display, phase: &str) -> Self {
        // A command of an officer has no root element; it points at the movement.
        let pointer = message.map_or("movement".to_owned(), |message| format!("/{message}"));
        let errors = vec![FunctionalError::new(pointer, ErrorCode::OutOfSequence, GUIDELINE, None)];
        Self {
            kind: RefusalKind::OutOfSequence,
            message: message.map(str::to_owned),
            errors,
            words: format!("{what} does not fit a movement in state `{phase}`"),
        }
    }

    /// A fact that the node should have supplied.
    pub(crate) fn fact_missing(words: impl Into<String>) -> Self {
        Self { kind: RefusalKind::FactMissing, message: None, errors: Vec::new(), words: words.into() }
    }

    /// Which message answers the sender.
    pub fn reply(&self) -> Reply {
        match self.message.as_deref() {
            Some("CC007C" | "CC044C") => Reply::RejectionAtDestination,
            Some(message) if message.starts_with("CC") => Reply::RejectionAtDeparture,
            Some(_) => Reply::Nack,
            None => Reply::None,
        }
    }

    /// The business rejection type of CC056C and CC057C: the number of the rejected message, as in `015` (CL560, CL570).
    pub fn rejection_type(&self) -> Option<&str> {
        self.message
            .as_deref()
            .filter(|message| message.starts_with("CC"))
            .and_then(|message| message.get(2..5))
    }
}

/// CC056C and CC057C demand a reason of up to seven characters; no numbered rule stands behind errors 90 and 92, so
/// their reason is the guideline that says where they point.
const GUIDELINE: &str = "G0009";

/// The rule on check digits.
const CHECK_DIGIT: &str = "R0028";

/// TW001: it is for another administration.
pub(crate) const ADDRESSEE: &str = "TW001";

/// TW004: an office of destination that is not the declared one, which would be a diversion.
pub(crate) const NOT_DECLARED: &str = "TW004";

/// TW005: an answer that was not asked for.
pub(crate) const NOT_ASKED: &str = "TW005";

/// TW006: registered already.
pub(crate) const REGISTERED: &str = "TW006";

/// TW007: lines on one guarantee differ in type or access code.
pub(crate) const LINES_DIFFER: &str = "TW007";

/// TW008: the amount is more than a message can carry.
pub(crate) const AMOUNT_TOO_LARGE: &str = "TW008";

/// TW009: a guarantee of another country.
pub(crate) const FOREIGN_GUARANTEE: &str = "TW009";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::mrn;

    #[test]
    fn errors_about_an_mrn_point_at_its_value() {
        let at = |pointer: &str, mrn: Option<&str>| {
            FunctionalError::at_mrn(pointer, ErrorCode::UnknownMrn, GUIDELINE, mrn).pointer
        };
        let mrn = mrn();
        let path = "/CC007C/TransitOperation/MRN";
        assert_eq!(at(path, Some(mrn.as_str())), format!("{path}[.='{mrn}']"));
        assert_eq!(at(path, None), path);
        assert_eq!(at(path, Some("26' or '1'='1")), path, "what is no MRN is no part of an XPath");
        let longest = "x".repeat(TEXT_LIMIT - mrn.as_str().len() - 6);
        assert_eq!(at(&longest, Some(mrn.as_str())).len(), TEXT_LIMIT);
        let longer = format!("{longest}x");
        assert_eq!(at(&longer, Some(mrn.as_str())), longer, "never cut within the value");
    }
}
