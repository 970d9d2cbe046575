//! The decisions of an office of guarantee.

use super::{
    Account, AskedUse, Command, Event, Letter, State, TRANSITIONS, Terms, Trigger, UseAnswer, UsePhase, apply,
};
use crate::draft::Draft;
use crate::guarantee::InvalidReason;
use crate::guarantee::ledger::{Entry, EntryReason, LedgerAccount};
use crate::refusal::{FOREIGN_GUARANTEE, REGISTERED};
use crate::{ErrorCode, Facts, FunctionalError, Nack, NoticeCode, Refusal, RefusalKind, Reply};
use base::{
    AccessCode, Administration, Country, Currency, Date, Eori, Grn, GuaranteeType, Invalid, Money, Mrn,
};

/// What a command leads to at an office of guarantee.
pub type Decision = crate::Decision<Event, Letter>;

type Work = Draft<State, Event, Letter>;

/// Decides a command. Every question (CD203C) gets an answer, even about a guarantee that is not registered here.
///
/// # Errors
/// When the guarantee is unknown to a cancellation or credit, or the message does not fit the use. [`refuse`] makes the
/// letter that tells the sender.
pub fn decide(state: &State, command: Command, facts: &Facts) -> Result<Decision, Refusal> {
    let mut work = Draft::new(state, apply);
    match (state, command) {
        (None, Command::Register { grn, terms }) => register(&mut work, grn, terms, facts)?,
        (Some(account), Command::Register { grn, .. }) => return Err(registered_already(account, &grn)),
        (None, command @ Command::Use { .. }) => {
            let question = Question::of(command);
            if let Some(question) = question {
                work.letter(question.answer(None, vec![InvalidReason::Unknown]));
            }
        }
        (None, command) => return Err(unknown(&command)),
        (Some(account), command) => {
            check_sequence(account, &command)?;
            decide_known(&mut work, account, command, facts)?;
        }
    }
    Ok(work.done())
}

fn check_sequence(account: &Account, command: &Command) -> Result<(), Refusal> {
    if command.grn().is_some_and(|grn| *grn != account.grn) {
        return Err(unknown(command));
    }
    let Some(mrn) = command.mrn() else { return Ok(()) };
    let phase = account.usage(mrn);
    let trigger = command.trigger();
    if TRANSITIONS.iter().any(|row| row.from == phase && row.on == trigger) {
        return Ok(());
    }
    Err(if phase == UsePhase::None {
        Refusal::unknown(command.message(), Some(mrn))
    } else {
        Refusal::out_of_sequence(command.message(), trigger, &phase.to_string())
    })
}

fn decide_known(work: &mut Work, account: &Account, command: Command, facts: &Facts) -> Result<(), Refusal> {
    match command {
        // Refused above: a guarantee is registered once.
        Command::Register { .. } => Ok(()),
        command @ Command::Use { .. } => match Question::of(command) {
            Some(question) => used(work, account, question, facts),
            None => Ok(()),
        },
        Command::Cancel { mrn, on, .. } => {
            if account.usage(&mrn) != UsePhase::Locked {
                work.notice(
                    NoticeCode::NoEffect,
                    format!("`{mrn}` has nothing locked, so nothing was cancelled"),
                );
                return Ok(());
            }
            let entry = unlock(account, &mrn, EntryReason::Cancelled, LedgerAccount::Available, facts)?;
            work.event(Event::Cancelled { mrn, on, entry });
            Ok(())
        }
        Command::Credit { mrn, arrived, .. } => {
            if account.usage(&mrn) != UsePhase::Locked {
                work.notice(NoticeCode::NoEffect, format!("`{mrn}` was credited before"));
                return Ok(());
            }
            let to = if account.terms.single_use() { LedgerAccount::Spent } else { LedgerAccount::Available };
            let entry = unlock(account, &mrn, EntryReason::Credited, to, facts)?;
            work.event(Event::Credited { mrn, arrived, entry });
            Ok(())
        }
        Command::Revoke { on } => {
            if account.revoked.is_some() {
                return Err(Refusal::out_of_sequence(None, Trigger::Revoke, "revoked"));
            }
            work.event(Event::Revoked { on });
            Ok(())
        }
    }
}

fn register(work: &mut Work, grn: Grn, terms: Box<Terms>, facts: &Facts) -> Result<(), Refusal> {
    check_terms(&grn, &terms, facts)?;
    let entry = Entry::transfer(
        facts.now,
        EntryReason::Registered,
        LedgerAccount::Reference,
        LedgerAccount::Available,
        terms.reference_amount.minor(),
    )
    .map_err(unbookable)?;
    work.event(Event::Registered { grn, terms, entry });
    Ok(())
}

fn check_terms(grn: &Grn, terms: &Terms, facts: &Facts) -> Result<(), Refusal> {
    let broken = |rule: &str, value: &str, words: String| {
        Err(Refusal {
            kind: RefusalKind::Invalid,
            message: None,
            errors: vec![FunctionalError::new("guarantee", ErrorCode::Rule, rule, Some(value))],
            words,
        })
    };
    let kind = terms.kind.to_string();
    if grn.country() != facts.country() {
        let words = format!("`{grn}` is a guarantee of {}, not of {}", grn.country(), facts.country());
        return broken(FOREIGN_GUARANTEE, grn.as_str(), words);
    }
    if !terms.kind.has_reference() {
        return broken("C0086", &kind, format!("guarantees of type {kind} have no reference (CL286)"));
    }
    if grn.is_voucher() != (terms.kind == GuaranteeType::VOUCHER) {
        return broken(
            "R0318",
            grn.as_str(),
            format!("`{grn}` has a voucher suffix exactly for type 4 (R0318)"),
        );
    }
    if !facts.profile.lenient_grn_check_digit && !grn.check_digit_holds() {
        let words = format!("the check digit of `{grn}` should be {} (R0028)", grn.expected_check_digit());
        return broken("R0028", grn.as_str(), words);
    }
    if terms.reference_amount.currency() != Currency::EUR {
        let words = format!("the reference amount is in {}, not EUR", terms.reference_amount.currency());
        return broken("R0267", terms.reference_amount.currency().as_str(), words);
    }
    if ![0, 30, 50, 100].contains(&terms.percentage) {
        let words =
            format!("{} is no share of the reference amount; it must be 100, 50, 30 or 0", terms.percentage);
        return broken("DA 84", &terms.percentage.to_string(), words);
    }
    Ok(())
}

/// What CD203C asks about one guarantee.
struct Question {
    grn: Grn,
    mrn: Mrn,
    departure: base::OfficeReference,
    holder: Eori,
    kind: GuaranteeType,
    access_code: AccessCode,
    amount: Money,
    countries: Vec<Country>,
}

impl Question {
    fn of(command: Command) -> Option<Self> {
        match command {
            Command::Use { grn, mrn, departure, holder, kind, access_code, amount, countries } => {
                Some(Self { grn, mrn, departure, holder, kind, access_code, amount, countries })
            }
            _ => None,
        }
    }

    fn asked(&self) -> AskedUse {
        AskedUse { departure: self.departure.clone(), holder: self.holder.clone(), kind: self.kind }
    }

    fn answer(self, account: Option<&Account>, reasons: Vec<InvalidReason>) -> Letter {
        // Where it is not valid is told only to those who may use it.
        let not_valid_in = account
            .filter(|_| !reasons.contains(&InvalidReason::AccessCode))
            .map(|account| account.terms.not_valid_in.iter().copied().collect())
            .unwrap_or_default();
        Letter::Answer(UseAnswer {
            to: Administration::of(self.departure.country()),
            mrn: self.mrn,
            departure: self.departure,
            holder: self.holder,
            kind: self.kind,
            grn: self.grn,
            office: account.map(|account| account.terms.office.clone()),
            reasons,
            not_valid_in,
        })
    }
}

fn used(work: &mut Work, account: &Account, question: Question, facts: &Facts) -> Result<(), Refusal> {
    if account.usage(&question.mrn) == UsePhase::Locked && question.access_code == account.terms.access_code {
        check_repeated(account, &question)?;
        work.notice(NoticeCode::NoEffect, format!("`{}` has its amount locked already", question.mrn));
        work.letter(question.answer(Some(account), Vec::new()));
        return Ok(());
    }
    let reasons = reasons(account, &question, facts.now.date());
    let mrn = question.mrn.clone();
    if reasons.is_empty() {
        let entry = Entry::transfer(
            facts.now,
            EntryReason::Locked,
            LedgerAccount::Available,
            LedgerAccount::Locked(mrn.clone()),
            question.amount.minor(),
        )
        .map_err(unbookable)?;
        work.event(Event::Locked { mrn, asked: question.asked(), entry });
    } else {
        work.event(Event::UseRefused { mrn, reasons: reasons.clone(), amount: question.amount });
    }
    work.letter(question.answer(Some(account), reasons));
    Ok(())
}

/// A repeated question must ask the same as the one that locked the amount: another amount would be taken as covered
/// and is not. Who wants another asks after a cancellation (CD204C).
fn check_repeated(account: &Account, question: &Question) -> Result<(), Refusal> {
    let amount = &question.amount;
    let same_amount = amount.currency() == Currency::EUR && amount.minor() == account.locked(&question.mrn);
    let same_terms = account.asked.get(&question.mrn).is_some_and(|asked| *asked == question.asked());
    if same_amount && same_terms {
        return Ok(());
    }
    let what = "a question about other terms than those under which the amount is locked";
    Err(Refusal::out_of_sequence(Some("CD203C"), what, &UsePhase::Locked.to_string()))
}

/// Why a guarantee may not be used as asked; empty when it may.
fn reasons(account: &Account, question: &Question, today: Date) -> Vec<InvalidReason> {
    let terms = &account.terms;
    if question.access_code != terms.access_code {
        return vec![InvalidReason::AccessCode];
    }
    let revoked = account.revoked.is_some_and(|from| from <= today);
    let expired = terms.valid_until.is_some_and(|until| until < today);
    let excluded = question.countries.iter().any(|country| terms.not_valid_in.contains(country));
    let ledger = &account.ledger;
    let used =
        terms.single_use() && (ledger.locks().next().is_some() || ledger.is_open(&LedgerAccount::Spent));
    let in_euro = question.amount.currency() == Currency::EUR;
    [
        (InvalidReason::Type, question.kind != terms.kind),
        (InvalidReason::Holder, !terms.holders.contains(&question.holder)),
        (InvalidReason::NotValid, revoked || expired || today < terms.valid_from),
        (InvalidReason::Country, excluded),
        (InvalidReason::VoucherUsed, used && terms.kind == GuaranteeType::VOUCHER),
        (InvalidReason::IndividualUsed, used && terms.kind == GuaranteeType::INDIVIDUAL),
        (InvalidReason::Amount, !used && (!in_euro || question.amount.minor() > account.ledger.available())),
    ]
    .into_iter()
    .filter(|(_, holds)| *holds)
    .map(|(reason, _)| reason)
    .collect()
}

fn unlock(
    account: &Account,
    mrn: &Mrn,
    reason: EntryReason,
    to: LedgerAccount,
    facts: &Facts,
) -> Result<Entry, Refusal> {
    let from = LedgerAccount::Locked(mrn.clone());
    Entry::transfer(facts.now, reason, from, to, account.locked(mrn)).map_err(unbookable)
}

fn unbookable(why: Invalid) -> Refusal {
    Refusal::fact_missing(why.to_string())
}

fn registered_already(account: &Account, grn: &Grn) -> Refusal {
    Refusal {
        kind: RefusalKind::Duplicate,
        message: None,
        errors: vec![FunctionalError::new("guarantee", ErrorCode::Duplicate, REGISTERED, Some(grn.as_str()))],
        words: format!("`{}` is registered already", account.grn),
    }
}

/// A cancellation or credit of a guarantee that is not registered here. No error code of CL180 says so; it is a rule
/// violation whose reason is G01, guarantee does not exist (CL252).
fn unknown(command: &Command) -> Refusal {
    let grn = command.grn().map_or("the guarantee", Grn::as_str);
    let message = command.message();
    let pointer = message
        .map_or("guarantee".to_owned(), |message| format!("/{message}/Guarantee/GuaranteeReference/GRN"));
    Refusal {
        kind: RefusalKind::UnknownMovement,
        message: message.map(str::to_owned),
        errors: vec![FunctionalError::new(pointer, ErrorCode::Rule, "G01", Some(grn))],
        words: format!("`{grn}` is not registered here"),
    }
}

/// The letter that tells the administration `sender` of its refused message; none for officers.
pub fn refuse(refusal: &Refusal, command: &Command, sender: Administration) -> Option<Letter> {
    (refusal.reply() == Reply::Nack).then(|| {
        Letter::Nack(Nack { to: sender, mrn: command.mrn().cloned(), errors: refusal.errors.clone() })
    })
}
