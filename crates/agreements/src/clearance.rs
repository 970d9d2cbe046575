//! The outcome of a decision: a cleared document, or a refusal with its ground. Both carry the record of the decision.

use crate::document::AgreementReference;
use crate::label::Label;
use crate::name::{Identifier, Term};
use base::{Administration, Digest, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Why nothing may be given, or why something may not be received: a closed list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code", content = "detail")]
pub enum Ground {
    /// No agreement binds both administrations.
    NoAgreement,
    /// The agreement named is not the one in force here: other version or other compiled hash.
    AgreementDiffers,
    /// The agreement is not in force on the day.
    NotInForce,
    /// The agreement has no such clause.
    UnknownClause,
    /// The agreement does not know the purpose.
    PurposeNotPermitted,
    /// No disclosure for the purpose covers this type of record.
    RecordTypeNotPermitted,
    /// The subject lies outside the scope of the agreement.
    OutOfScope,
    /// The clause is suspended.
    Suspended,
    /// The document derives from foreign data that may not be passed on like this.
    Onward,
    /// No disclosure lets anything of the document through.
    NotDisclosed,
    /// National law forbids it; the code is one that the agreement lists as a ground of refusal.
    NationalLaw(Term),
    /// A fault of this node: an evaluation error, or a projection that held more than was permitted.
    Fault,
}

impl Ground {
    /// The code, as sent to the partner and expected by golden tests.
    pub fn code(&self) -> &str {
        match self {
            Self::NoAgreement => "no_agreement",
            Self::AgreementDiffers => "agreement_differs",
            Self::NotInForce => "not_in_force",
            Self::UnknownClause => "unknown_clause",
            Self::PurposeNotPermitted => "purpose_not_permitted",
            Self::RecordTypeNotPermitted => "record_type_not_permitted",
            Self::OutOfScope => "out_of_scope",
            Self::Suspended => "suspended",
            Self::Onward => "onward",
            Self::NotDisclosed => "not_disclosed",
            Self::NationalLaw(_) => "national_law",
            Self::Fault => "fault",
        }
    }

    /// How far a decision came before it failed: of several agreements, the one that came furthest gives the ground.
    pub(crate) fn progress(&self) -> u8 {
        match self {
            Self::NoAgreement => 0,
            Self::AgreementDiffers => 1,
            Self::NotInForce => 2,
            Self::UnknownClause => 3,
            Self::PurposeNotPermitted => 4,
            Self::RecordTypeNotPermitted => 5,
            Self::OutOfScope => 6,
            Self::Suspended => 7,
            Self::Onward => 8,
            Self::NotDisclosed => 9,
            Self::NationalLaw(_) => 10,
            Self::Fault => 11,
        }
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NationalLaw(code) => write!(out, "national_law: {code}"),
            other => out.write_str(other.code()),
        }
    }
}

/// Why one element was withheld from a document that was cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// The data dictionary does not know the element, so it counts as personal.
    UnknownElement,
    /// The agreement does not cover the category.
    CategoryNotCovered,
    /// There is no legal basis for transferring personal data of the category, or it has expired.
    NoTransferBasis,
    /// No disclosure lets this class of data through.
    ClassNotDisclosed,
    /// No disclosure lists the element.
    NotListed,
    /// It would be permitted under another clause than the one that governs the message.
    OtherClause,
    /// National law forbids it.
    NationalLaw,
}

/// What was decided, on which grounds: kept for ever, so that the decision can be replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// The agreement that governed.
    pub agreement: Option<AgreementReference>,
    /// SHA-256 over the compiled hash and the national overlay.
    pub policy: Digest,
    /// SHA-256 over the request, the record type, the elements and the suspensions.
    pub facts: Digest,
    /// SHA-256 of the data dictionary.
    pub dictionary: Digest,
    /// The clause.
    pub clause: Option<Identifier>,
    /// The disclosures that let something through.
    pub disclosures: Vec<Identifier>,
    /// The ground, when refused.
    pub ground: Option<Ground>,
    /// Why, in words.
    pub reason: String,
    /// When it was decided: the moment of the request.
    pub at: Timestamp,
    /// The elements that were let through.
    pub permitted: Vec<String>,
    /// The elements that were withheld, and why.
    pub withheld: BTreeMap<String, Withheld>,
}

/// A document that may be given to one recipient for one purpose under one clause.
///
/// Only [`crate::DecisionPoint::clear`] makes one. What accepts a `Cleared` therefore accepts nothing that was not
/// decided:
///
/// ```compile_fail
/// # use agreements::{AgreementReference, Cleared, DecisionRecord, Identifier, Label, Term};
/// # use base::Administration;
/// fn forge(
///     document: String, sender: Administration, recipient: Administration, purpose: Term,
///     agreement: AgreementReference, clause: Identifier, label: Label, record: DecisionRecord,
/// ) -> Cleared<String> {
///     Cleared { document, sender, recipient, purpose, agreement, clause, label, record }
/// }
/// ```
///
/// nor can the document inside be exchanged for another:
///
/// ```compile_fail
/// # use agreements::Cleared;
/// fn exchange(cleared: &mut Cleared<String>) {
///     cleared.document = String::from("something else");
/// }
/// ```
pub struct Cleared<T> {
    pub(crate) document: T,
    pub(crate) sender: Administration,
    pub(crate) recipient: Administration,
    pub(crate) purpose: Term,
    pub(crate) agreement: AgreementReference,
    pub(crate) clause: Identifier,
    pub(crate) label: Label,
    pub(crate) record: DecisionRecord,
}

impl<T> Cleared<T> {
    /// The projection that may be given.
    pub fn document(&self) -> &T {
        &self.document
    }

    /// Who gives it.
    pub fn sender(&self) -> &Administration {
        &self.sender
    }

    /// To whom it may be given.
    pub fn recipient(&self) -> &Administration {
        &self.recipient
    }

    /// For which purpose.
    pub fn purpose(&self) -> &Term {
        &self.purpose
    }

    /// Under which agreement.
    pub fn agreement(&self) -> &AgreementReference {
        &self.agreement
    }

    /// Under which clause.
    pub fn clause(&self) -> &Identifier {
        &self.clause
    }

    /// The label that the recipient must keep with it.
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// The record of the decision.
    pub fn record(&self) -> &DecisionRecord {
        &self.record
    }

    /// The projection and the record, once it has been sent.
    pub fn into_parts(self) -> (T, Label, DecisionRecord) {
        (self.document, self.label, self.record)
    }
}

// By hand, so that a cleared document that lands in a log leaves nothing of its content there.
impl<T> fmt::Debug for Cleared<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Cleared")
            .field("agreement", &self.agreement)
            .field("clause", &self.clause)
            .field("recipient", &self.recipient)
            .finish_non_exhaustive()
    }
}

/// A refusal: to give, or to receive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused: {ground}{}: {}", clause_words(.clause.as_ref()), record.reason)]
pub struct Refused {
    /// The clause under which it was asked, when there is one.
    pub clause: Option<Identifier>,
    /// The ground.
    pub ground: Ground,
    /// The record of the decision.
    pub record: Box<DecisionRecord>,
}

fn clause_words(clause: Option<&Identifier>) -> String {
    clause.map_or_else(String::new, |clause| format!(" under clause `{clause}`"))
}
