//! What the sender of a message, or an officer, is told about what became of it.

use crate::messages::outcome;
use customs::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What became of a message or decision. It is kept, so that a repeat is answered as the first time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Submission {
    /// The number of the message on record; 0 for a decision.
    pub message: i64,
    /// The movement, by MRN when it has one.
    pub movement: String,
    /// Whether it had its effect.
    pub accepted: bool,
    /// Whether this node failed on it and holds it for an officer.
    pub held: bool,
    /// The messages that answer it: number and type.
    pub replies: Vec<(i64, String)>,
    /// What was wrong, one entry an error.
    pub errors: Vec<SubmissionError>,
    /// What was wrong, in words.
    pub words: String,
    /// Code lists that are not loaded here, so that nothing was checked against them.
    pub not_checked: BTreeSet<String>,
}

/// One error of a rejected message, in the terms of the answering message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SubmissionError {
    /// The line, for an error of structure.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u32>,
    /// The column, for an error of structure.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<u32>,
    /// XPath of the element.
    pub pointer: String,
    /// The code: CL030 for structure, CL180 for rules.
    pub code: String,
    /// The rule, or what is wrong.
    pub reason: String,
    /// The value that is wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<String>,
}

impl Submission {
    /// A message that had its effect, or asked for none.
    pub(crate) fn noted(message: i64) -> Self {
        Self { message, accepted: true, ..Self::default() }
    }

    /// A message on which this node failed.
    pub(crate) fn held(message: i64) -> Self {
        Self {
            message,
            accepted: true,
            held: true,
            words: "it is on record, and held for an officer".to_owned(),
            ..Self::default()
        }
    }

    /// The outcome that goes on record with the message.
    pub(crate) fn outcome(&self) -> &'static str {
        match (self.held, self.accepted) {
            (true, _) => outcome::HELD,
            (false, true) => outcome::ACCEPTED,
            (false, false) => outcome::REJECTED,
        }
    }
}

/// The submission of a refused message.
pub(crate) fn refused(message: i64, movement: &str, refusal: &Refusal) -> Submission {
    let errors = refusal.errors.iter().map(|error| SubmissionError {
        line: None,
        column: None,
        pointer: error.pointer.clone(),
        code: error.code.code().to_owned(),
        reason: error.reason.clone(),
        value: error.value.clone(),
    });
    Submission {
        message,
        movement: movement.to_owned(),
        errors: errors.collect(),
        words: refusal.words.clone(),
        ..Submission::default()
    }
}

/// The submission of a message that does not follow its structure.
pub(crate) fn malformed(message: i64, rejection: &wire::Rejection) -> Submission {
    let errors = rejection.errors.iter().map(|error| SubmissionError {
        line: Some(error.line),
        column: Some(error.column),
        pointer: error.path.clone(),
        code: error.code.to_string(),
        reason: error.message.clone(),
        value: error.value.clone(),
    });
    Submission { message, errors: errors.collect(), words: rejection.to_string(), ..Submission::default() }
}
