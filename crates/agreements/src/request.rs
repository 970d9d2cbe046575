//! What is asked of the decision point, and what it is asked about.

use crate::disclosure::Trigger;
use crate::label::Label;
use crate::name::{Identifier, Term};
use crate::scope::Subject;
use base::{Administration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// The wish to give a document to another administration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Who gives.
    pub sender: Administration,
    /// The role in which it acts in this case, as in `departure`.
    pub sender_role: Term,
    /// Who is to receive.
    pub recipient: Administration,
    /// The role in which the recipient acts.
    pub recipient_role: Term,
    /// The purpose.
    pub purpose: Term,
    /// What set it off.
    pub trigger: Trigger,
    /// When.
    pub on: Timestamp,
    /// The agreement to decide under; the one that prevails when absent.
    pub agreement: Option<Identifier>,
    /// What it is about, for agreements whose scope is limited.
    pub subject: Subject,
    /// The facts that disclosures depend on. A fact that is not stated does not hold.
    pub facts: BTreeMap<Term, bool>,
    /// The labels of the foreign data from which the document was derived.
    pub sources: Vec<Label>,
}

impl Request {
    /// A request set off by an event of the procedure, without further facts.
    pub fn automatic(
        sender: (Administration, Term),
        recipient: (Administration, Term),
        purpose: Term,
        on: Timestamp,
    ) -> Self {
        Self {
            sender: sender.0,
            sender_role: sender.1,
            recipient: recipient.0,
            recipient_role: recipient.1,
            purpose,
            trigger: Trigger::Automatic,
            on,
            agreement: None,
            subject: Subject::default(),
            facts: BTreeMap::new(),
            sources: Vec::new(),
        }
    }
}

/// A document of which parts may be given away.
pub trait Disclosable: Sized {
    /// The type of record, as agreements name it: `CD001C`.
    fn record_type(&self) -> &str;

    /// The path of every element that carries a value, without positions, as in `TransitOperation/MRN`. Repeats do
    /// no harm.
    fn paths(&self) -> Vec<String>;

    /// A new document holding the elements whose path is permitted, and nothing else. The decision point checks the
    /// result by its `paths` and refuses one that holds more.
    fn project(self, permitted: &dyn Fn(&str) -> bool) -> Self;
}
