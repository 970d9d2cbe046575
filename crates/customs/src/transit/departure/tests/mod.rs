//! The office of departure, as law reads it.

mod golden;
mod random;
mod refusals;
mod table;

use super::*;
use crate::fixtures::*;
use crate::guarantee::InvalidReason;
use crate::transit::{AdditionalType, Declaration, Reference, ResultCode};
use crate::{Facts, NoticeCode, Refusal, TimerChange, TimerKind};
use base::{Grn, GuaranteeType, Timestamp};

/// A movement and what has been sent about it.
pub(super) struct Case {
    pub state: State,
    pub facts: Facts,
    pub last: Decision,
}

impl Case {
    pub fn new() -> Self {
        Self { state: None, facts: facts("NTA.GB"), last: Decision::default() }
    }

    /// Given: commands that must succeed.
    pub fn given(commands: impl IntoIterator<Item = Command>) -> Self {
        let mut case = Self::new();
        for command in commands {
            case.when(command);
        }
        case
    }

    pub fn with(mut self, facts: Facts) -> Self {
        self.facts = facts;
        self
    }

    /// When: the message types sent.
    pub fn when(&mut self, command: Command) -> Vec<&'static str> {
        self.last = decide(&self.state, command, &self.facts).expect("the command is accepted");
        for event in &self.last.events {
            apply(&mut self.state, event);
        }
        self.last.letters.iter().map(Letter::message_type).collect()
    }

    pub fn refuses(&self, command: Command) -> Refusal {
        decide(&self.state, command, &self.facts).expect_err("the command is refused")
    }

    pub fn phase(&self) -> Phase {
        self.movement().phase
    }

    pub fn movement(&self) -> &Movement {
        self.state.as_ref().expect("there is a movement")
    }

    pub fn noticed(&self, code: NoticeCode) -> bool {
        self.last.notices.iter().any(|notice| notice.code == code)
    }
}

pub(super) fn declare(declaration: Declaration) -> Command {
    Command::Declare { lrn: lrn(), declaration: Box::new(declaration) }
}

pub(super) fn prelodged() -> Declaration {
    Declaration { additional: AdditionalType::PreLodged, ..declaration() }
}

/// Three guarantees in three countries.
pub(super) fn three_guarantees() -> Declaration {
    let lines = ["GB", "FR", "IT"].map(|country| line(country, eur("100.00")));
    Declaration { guarantees: vec![guarantee(GuaranteeType::COMPREHENSIVE, lines.to_vec())], ..declaration() }
}

pub(super) fn answer(country: &str, reasons: &[InvalidReason]) -> Command {
    Command::AnswerGuarantee { mrn: mrn(), answers: vec![one_answer(grn(country), country, reasons)] }
}

fn one_answer(grn: Grn, country: &str, reasons: &[InvalidReason]) -> GuaranteeAnswer {
    GuaranteeAnswer {
        grn,
        office: Some(office(&format!("{country}000001"))),
        reasons: reasons.to_vec(),
        not_valid_in: Vec::new(),
    }
}

pub(super) fn amend(declaration: Declaration, guarantees_only: bool) -> Command {
    let reference = if guarantees_only { Reference::Mrn(mrn()) } else { Reference::Lrn(lrn()) };
    Command::Amend { reference, declaration: Box::new(declaration), guarantees_only, submitted: now() }
}

pub(super) fn withdraw(reference: Reference) -> Command {
    Command::RequestInvalidation { reference, requested: now(), justification: Some("sold elsewhere".into()) }
}

pub(super) fn cross(at: &str) -> Command {
    Command::NoteCrossing { mrn: mrn(), office: office(at), on: day("2026-11-25") }
}

pub(super) fn arrive(at: &str) -> Command {
    Command::NoteArrival {
        mrn: mrn(),
        office: office(at),
        at: Timestamp::parse("2026-11-26T09:00:00Z").unwrap(),
    }
}

pub(super) fn results(code: &str) -> Command {
    Command::NoteResults {
        mrn: mrn(),
        office: office("IT279100"),
        code: ResultCode::parse(code).unwrap(),
        on: day("2026-11-26"),
        seals_intact: None,
        text: Some("as found".into()),
    }
}

pub(super) fn released() -> Vec<Command> {
    vec![declare(declaration()), answer("GB", &[])]
}
