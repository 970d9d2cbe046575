//! Answers of Cedar, remembered: the same question has the same answer, for as long as the agreements are loaded.
//!
//! Policies, entities and law never change while a decision point lives, and the moment is no part of a question (what
//! time does to a clause, as expiry and suspension, is decided beside Cedar or is in the question). So an answer that is
//! remembered is the answer that Cedar would give again; records, grounds and digests are made anew for each decision.

use crate::disclosure::Trigger;
use crate::evaluate::{Evaluator, Verdict};
use crate::name::{Identifier, Term};
use crate::request::Request;
use base::Administration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Most questions that are remembered: parties, roles, purposes and types of record of a large agreement. When there are
/// more, all are forgotten and asked again.
const MOST_QUESTIONS: usize = 4096;

/// Everything that an answer depends on, besides the class of data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    record_type: String,
    purpose: Term,
    sender: Administration,
    sender_role: Term,
    recipient: Administration,
    recipient_role: Term,
    trigger: Trigger,
    facts: BTreeMap<Term, bool>,
    suspended: BTreeSet<Identifier>,
}

/// The verdicts on the classes of data that have been asked about under one question.
type Verdicts = Arc<Mutex<BTreeMap<(Term, bool), Verdict>>>;

/// What has been asked of one agreement.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<BTreeMap<Question, Verdicts>>);

/// The answers to one question, asked when they are first needed.
pub(crate) struct Answers<'a> {
    evaluator: &'a Evaluator,
    request: &'a Request,
    record_type: &'a str,
    suspended: &'a BTreeSet<Identifier>,
    verdicts: Verdicts,
}

impl Memory {
    /// The answers to what a request asks about a type of record. The caller has checked that purpose, roles and record
    /// type are ones that the agreement enumerates.
    pub(crate) fn answers<'a>(
        &self,
        evaluator: &'a Evaluator,
        request: &'a Request,
        record_type: &'a str,
        suspended: &'a BTreeSet<Identifier>,
    ) -> Answers<'a> {
        let question = Question {
            record_type: record_type.to_owned(),
            purpose: request.purpose.clone(),
            sender: request.sender.clone(),
            sender_role: request.sender_role.clone(),
            recipient: request.recipient.clone(),
            recipient_role: request.recipient_role.clone(),
            trigger: request.trigger,
            facts: request.facts.clone(),
            suspended: suspended.clone(),
        };
        let mut questions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if questions.len() >= MOST_QUESTIONS && !questions.contains_key(&question) {
            questions.clear();
        }
        let verdicts = Arc::clone(questions.entry(question).or_default());
        Answers { evaluator, request, record_type, suspended, verdicts }
    }
}

impl Answers<'_> {
    /// Whether the recipient may receive data of this class. A failure is not remembered.
    pub(crate) fn on(&self, category: &Term, personal: bool) -> Verdict {
        let class = (category.clone(), personal);
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = verdicts.get(&class) {
            return verdict.clone();
        }
        let context = match self.evaluator.context(self.request, self.record_type, self.suspended) {
            Ok(context) => context,
            Err(problem) => return Verdict::Failed(problem),
        };
        let verdict =
            self.evaluator.ask(&self.request.recipient, self.record_type, (category, personal), context);
        if !matches!(verdict, Verdict::Failed(_)) {
            verdicts.insert(class, verdict.clone());
        }
        verdict
    }
}
