//! The office of guarantee, as law reads it.

mod refusals;
mod table;

use super::*;
use crate::fixtures::*;
use crate::guarantee::InvalidReason;
use crate::guarantee::ledger::{Entry, LedgerAccount, statement};
use crate::{Facts, NoticeCode};
use base::{Date, Grn, GuaranteeType, Money, Mrn, ProcedureLetter, Timestamp};
use std::collections::BTreeSet;

fn terms() -> Terms {
    Terms {
        kind: GuaranteeType::COMPREHENSIVE,
        holders: BTreeSet::from(["GB123456789000".parse().unwrap()]),
        access_code: "AC01".parse().unwrap(),
        reference_amount: eur("10000.00"),
        percentage: 50,
        valid_from: day("2026-01-01"),
        valid_until: Some(day("2026-12-31")),
        not_valid_in: BTreeSet::new(),
        office: office("GB000001"),
    }
}

fn register(terms: Terms) -> Command {
    Command::Register { grn: grn("GB"), terms: Box::new(terms) }
}

fn usage(mrn: Mrn, amount: Money) -> Command {
    Command::Use {
        grn: grn("GB"),
        mrn,
        departure: office("FR001260"),
        holder: "GB123456789000".parse().unwrap(),
        kind: GuaranteeType::COMPREHENSIVE,
        access_code: "AC01".parse().unwrap(),
        amount,
        countries: ["FR", "IT"].map(|country| country.parse().unwrap()).to_vec(),
    }
}

fn cancel(mrn: Mrn) -> Command {
    Command::Cancel { grn: grn("GB"), mrn, on: day("2026-11-25") }
}

fn credit(mrn: Mrn) -> Command {
    Command::Credit { grn: grn("GB"), mrn, arrived: now() }
}

struct Case {
    state: State,
    facts: Facts,
    last: Decision,
    entries: Vec<Entry>,
}

impl Case {
    fn given(commands: impl IntoIterator<Item = Command>) -> Self {
        let mut facts = facts("NTA.GB");
        facts.offered_mrn = None;
        let mut case = Self { state: None, facts, last: Decision::default(), entries: Vec::new() };
        for command in commands {
            case.when(command);
        }
        case
    }

    /// When: the reasons of the answer, if there is one.
    fn when(&mut self, command: Command) -> Option<Vec<InvalidReason>> {
        self.last = decide(&self.state, command, &self.facts).expect("the command is accepted");
        for event in &self.last.events {
            apply(&mut self.state, event);
            self.entries.extend(event.entry().cloned());
        }
        self.last.letters.iter().find_map(|letter| match letter {
            Letter::Answer(answer) => Some(answer.reasons.clone()),
            Letter::Nack(_) => None,
        })
    }

    fn account(&self) -> &Account {
        self.state.as_ref().expect("there is an account")
    }

    fn refuses(&self, command: Command) -> String {
        let refusal = decide(&self.state, command, &self.facts).expect_err("the command is refused");
        refusal.errors.first().map(ToString::to_string).unwrap_or(refusal.words)
    }
}

const VALID: Option<Vec<InvalidReason>> = Some(Vec::new());

#[test]
fn the_table_as_people_read_it() {
    insta::assert_snapshot!(crate::table(TRANSITIONS));
}

#[test]
fn an_amount_is_locked_and_freed_by_discharge() {
    let mut case = Case::given([register(terms())]);
    assert_eq!(case.when(usage(mrn(), eur("4000.00"))), VALID);
    assert_eq!((case.account().ledger.available(), case.account().ledger.exposure()), (600_000, 400_000));
    case.when(credit(mrn()));
    assert_eq!((case.account().ledger.available(), case.account().ledger.exposure()), (1_000_000, 0));
    assert_eq!(case.account().usage(&mrn()), UsePhase::Credited);
}

#[test]
fn the_statement_of_a_year_can_be_recomputed() {
    let mut case =
        Case::given([register(terms()), usage(mrn(), eur("4000.00")), usage(other_mrn(), eur("0.01"))]);
    case.when(cancel(other_mrn()));
    case.when(credit(mrn()));
    let lines: Vec<String> = statement(&case.entries)
        .iter()
        .map(|line| {
            format!(
                "{:?} {} available {} exposure {}",
                line.reason, line.amount, line.available, line.exposure
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    Registered 1000000 available 1000000 exposure 0
    Locked 400000 available 600000 exposure 400000
    Locked 1 available 599999 exposure 400001
    Cancelled 1 available 600000 exposure 400000
    Credited 400000 available 1000000 exposure 0
    ");
}

#[test]
fn the_same_question_gets_the_same_answer_and_locks_once() {
    let mut case = Case::given([register(terms())]);
    for _ in 0..3 {
        assert_eq!(case.when(usage(mrn(), eur("4000.00"))), VALID);
        assert_eq!(case.account().ledger.exposure(), 400_000);
    }
    case.when(cancel(mrn()));
    case.when(cancel(mrn()));
    assert_eq!(case.last.notices[0].code, NoticeCode::NoEffect);
    assert_eq!(case.account().ledger.available(), 1_000_000);
}

#[test]
fn uses_stop_where_the_reference_amount_ends() {
    let mut case = Case::given([register(terms())]);
    let number =
        |serial| Mrn::issue(day("2026-11-24"), &office("FR001260"), serial, ProcedureLetter::J).unwrap();
    let accepted = (0..64).filter(|serial| case.when(usage(number(*serial), eur("300.00"))) == VALID).count();
    assert_eq!(accepted, 33, "10,000 / 300");
    assert_eq!(case.when(usage(number(99), eur("100.01"))), Some(vec![InvalidReason::Amount]));
    assert_eq!(case.when(usage(number(99), eur("100.00"))), VALID);
}

#[test]
fn a_guarantee_for_one_use_is_spent_by_discharge_and_not_by_cancellation() {
    let individual = |mrn| {
        let mut question = usage(mrn, eur("500.00"));
        if let Command::Use { kind, .. } = &mut question {
            *kind = GuaranteeType::INDIVIDUAL;
        }
        question
    };
    let mut case = Case::given([register(Terms { kind: GuaranteeType::INDIVIDUAL, ..terms() })]);
    assert_eq!(case.when(individual(mrn())), VALID);
    assert_eq!(case.when(individual(other_mrn())), Some(vec![InvalidReason::IndividualUsed]));
    case.when(cancel(mrn()));
    assert_eq!(case.when(individual(other_mrn())), VALID);
    case.when(credit(other_mrn()));
    assert_eq!(case.account().ledger.balance(&LedgerAccount::Spent), 50_000);
    assert_eq!(case.when(individual(mrn())), Some(vec![InvalidReason::IndividualUsed]));
}

#[test]
fn a_voucher_is_used_once() {
    let voucher: Grn = format!("{}A000001", grn("GB")).parse().unwrap();
    let question = |mrn| Command::Use {
        grn: format!("{}A000001", grn("GB")).parse().unwrap(),
        mrn,
        departure: office("FR001260"),
        holder: "GB123456789000".parse().unwrap(),
        kind: GuaranteeType::VOUCHER,
        access_code: "AC01".parse().unwrap(),
        amount: eur("10000.00"),
        countries: Vec::new(),
    };
    let terms = Terms { kind: GuaranteeType::VOUCHER, ..terms() };
    let mut case = Case::given([Command::Register { grn: voucher, terms: Box::new(terms) }]);
    assert_eq!(case.when(question(mrn())), VALID);
    assert_eq!(case.when(question(other_mrn())), Some(vec![InvalidReason::VoucherUsed]));
}

#[test]
fn a_waiver_may_lock_nothing_and_is_still_in_use() {
    let mut case = Case::given([register(terms())]);
    assert_eq!(case.when(usage(mrn(), eur("0.00"))), VALID);
    assert_eq!(case.account().usage(&mrn()), UsePhase::Locked);
    case.when(credit(mrn()));
    assert_eq!(case.account().usage(&mrn()), UsePhase::Credited);
}

#[test]
fn a_revoked_guarantee_keeps_its_locks_and_takes_no_more() {
    let mut case = Case::given([register(terms()), usage(mrn(), eur("1.00"))]);
    case.when(Command::Revoke { on: day("2026-11-24") });
    assert_eq!(case.when(usage(other_mrn(), eur("1.00"))), Some(vec![InvalidReason::NotValid]));
    case.when(credit(mrn()));
    assert_eq!(case.account().ledger.exposure(), 0);
    assert_eq!(case.refuses(Command::Revoke { on: day("2026-11-25") }), "92 at movement (G0009)");
}

#[test]
fn answers_to_one_question_make_one_message() {
    let mut case = Case::given([register(terms())]);
    case.when(usage(mrn(), eur("1.00")));
    let Letter::Answer(first) = case.last.letters[0].clone() else { panic!("CD205C") };
    let result = UseResult::gather(vec![first.clone(), first.clone()]).unwrap();
    assert_eq!((result.to.as_str(), result.answers.len()), ("NTA.FR", 2));
    let other = UseAnswer { mrn: other_mrn(), ..first.clone() };
    assert_eq!(UseResult::gather(vec![first, other]), None);
    assert_eq!(UseResult::gather(Vec::new()), None);
}

#[test]
fn an_account_remembers_a_bounded_number_of_ended_uses() {
    let mut case = Case::given([register(terms())]);
    let number =
        |serial| Mrn::issue(day("2026-11-24"), &office("FR001260"), serial, ProcedureLetter::J).unwrap();
    for serial in 0..=SETTLED_KEPT as u64 {
        case.when(usage(number(serial), eur("1.00")));
        case.when(credit(number(serial)));
    }
    assert_eq!(case.account().settled.len(), SETTLED_KEPT);
    assert_eq!(case.account().usage(&number(0)), UsePhase::None);
    assert_eq!(case.account().usage(&number(1)), UsePhase::Credited);
}

#[test]
fn a_guarantee_is_valid_on_its_first_and_last_day() {
    for (moment, expected) in [
        ("2025-12-31T23:59:59Z", Some(vec![InvalidReason::NotValid])),
        ("2026-01-01T00:00:00Z", VALID),
        ("2026-12-31T23:59:59Z", VALID),
        ("2027-01-01T00:00:00Z", Some(vec![InvalidReason::NotValid])),
    ] {
        let mut case = Case::given([register(terms())]);
        case.facts.now = Timestamp::parse(moment).unwrap();
        let today: Date = case.facts.now.date();
        assert_eq!(case.when(usage(mrn(), eur("1.00"))), expected, "on {today}");
    }
}
