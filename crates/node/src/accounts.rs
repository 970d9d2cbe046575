//! Guarantee accounts, as officers register and read them.

use crate::node::{Node, NodeError};
use crate::proceeding::{Cause, Proceeding, Submission};
use crate::room::{self, Room};
use crate::rooms::Guarantee;
use base::{AccessCode, Country, Currency, Date, Eori, Grn, GuaranteeType, Money, OfficeReference};
use customs::guarantee::account;
use customs::guarantee::ledger::{EntryReason, StatementLine, statement};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::state;

/// A guarantee account.
#[derive(Clone, Debug, Serialize)]
pub struct GuaranteeView {
    /// The guarantee.
    pub grn: String,
    /// Its type (CL251).
    pub kind: String,
    /// Who may use it.
    pub holders: Vec<String>,
    /// `valid` or `revoked`.
    pub state: String,
    /// The reference amount.
    pub reference_amount: String,
    /// What is available.
    pub available: String,
    /// What movements have locked.
    pub locked: String,
    /// Whether the ledger sums to zero.
    pub balanced: bool,
    /// The locks, by movement.
    pub locks: Vec<LockView>,
    /// The account statement, oldest first; empty in lists.
    pub entries: Vec<EntryView>,
}

/// What one movement has locked.
#[derive(Clone, Debug, Serialize)]
pub struct LockView {
    /// The movement.
    pub mrn: String,
    /// How much.
    pub amount: String,
    /// Since when, in microseconds since 1970; 0 in lists.
    pub since: i64,
}

/// One line of an account statement.
#[derive(Clone, Debug, Serialize)]
pub struct EntryView {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// What was booked.
    pub words: String,
    /// The account that was debited.
    pub debit: String,
    /// The account that was credited.
    pub credit: String,
    /// How much.
    pub amount: String,
    /// What was available afterwards.
    pub balance: String,
}

/// What an officer states to register a guarantee.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuaranteeRegistration {
    /// The guarantee.
    pub grn: Grn,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: GuaranteeType,
    /// Who may use it.
    pub holders: BTreeSet<Eori>,
    /// Its access code.
    pub access_code: AccessCode,
    /// What can be at risk at one time, in euro.
    pub reference_amount: Money,
    /// The share that the guarantor answers for: 100, 50, 30 or 0.
    #[serde(default = "whole")]
    pub percentage: u8,
    /// The first day of use; today when left out.
    #[serde(default)]
    pub valid_from: Option<Date>,
    /// The last day of use.
    #[serde(default)]
    pub valid_until: Option<Date>,
    /// Countries where it is not valid.
    #[serde(default)]
    pub not_valid_in: BTreeSet<Country>,
    /// The office that monitors it; the first office of guarantee of the register when left out.
    #[serde(default)]
    pub office: Option<OfficeReference>,
}

fn whole() -> u8 {
    100
}

impl Node {
    /// All guarantee accounts, without their statements.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn guarantee_accounts(&self) -> Result<Vec<GuaranteeView>, NodeError> {
        self.read(|tx| -> Result<_, NodeError> {
            let mut accounts = Vec::new();
            for (key, _) in state::list(tx, Guarantee::NAME, "", 1000)? {
                if let Some(account) = room::load::<Guarantee>(tx, &key)? {
                    accounts.push(account_view(&account, &[]));
                }
            }
            Ok(accounts)
        })
        .await
    }

    /// One guarantee account with its statement.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn guarantee_account(&self, grn: &Grn) -> Result<Option<GuaranteeView>, NodeError> {
        let key = grn.to_string();
        self.read(move |tx| -> Result<_, NodeError> {
            let Some(account) = room::load::<Guarantee>(tx, &key)? else {
                return Ok(None);
            };
            let events = room::events::<Guarantee>(tx, &key)?;
            Ok(Some(account_view(&account, &events)))
        })
        .await
    }

    /// Registers a guarantee at our office of guarantee.
    ///
    /// # Errors
    /// When the store fails. A refusal is no error.
    pub async fn register_guarantee(
        &self,
        officer: &crate::principals::Principal,
        registration: GuaranteeRegistration,
    ) -> Result<Submission, NodeError> {
        let (actor, now) = (officer.name.clone(), self.now());
        self.write(move |tx, bureau| -> Result<_, NodeError> {
            let office = registration.office.unwrap_or_else(|| bureau.office_of_guarantee(now));
            let grn = registration.grn.clone();
            let terms = account::Terms {
                kind: registration.kind,
                holders: registration.holders,
                access_code: registration.access_code,
                reference_amount: registration.reference_amount,
                percentage: registration.percentage,
                valid_from: registration.valid_from.unwrap_or_else(|| now.date()),
                valid_until: registration.valid_until,
                not_valid_in: registration.not_valid_in,
                office,
            };
            let command = account::Command::Register { grn: grn.clone(), terms: Box::new(terms) };
            let mut proceeding = Proceeding::new(tx, bureau, now, &actor);
            let mut submission = proceeding.answer_for(&Cause::internal(), vec![command])?;
            submission.movement = grn.to_string();
            Ok(submission)
        })
        .await
    }
}

/// Cents as an amount in euro.
fn euro(cents: i64) -> String {
    let amount = Money::from_minor(cents.abs(), Currency::EUR);
    let sign = if cents < 0 { "-" } else { "" };
    amount.map_or_else(|_| format!("{cents} cents"), |amount| format!("{sign}{amount}"))
}

fn account_view(account: &account::Account, events: &[account::Event]) -> GuaranteeView {
    let entries: Vec<_> = events.iter().filter_map(account::Event::entry).collect();
    let lines: Vec<StatementLine> = statement(entries.iter().copied());
    let locked_since = |mrn: &base::Mrn| {
        let lock = entries
            .iter()
            .rev()
            .find(|entry| entry.reason() == EntryReason::Locked && entry.mrn() == Some(mrn));
        lock.map_or(0, |entry| entry.at().as_micros())
    };
    let locks = account.ledger.locks().map(|(mrn, amount)| LockView {
        mrn: mrn.to_string(),
        amount: euro(amount),
        since: locked_since(mrn),
    });
    let view = |(line, entry): (&StatementLine, &&customs::guarantee::ledger::Entry)| {
        let [(from, _), (to, _)] = entry.postings();
        EntryView {
            at: line.at.as_micros(),
            words: match line.reason {
                EntryReason::Registered => "guarantee registered",
                EntryReason::Locked => "locked for a movement",
                EntryReason::Cancelled => "use cancelled",
                EntryReason::Credited => "movement discharged",
            }
            .to_owned(),
            debit: from.to_string(),
            credit: to.to_string(),
            amount: euro(line.amount),
            balance: euro(line.available),
        }
    };
    GuaranteeView {
        grn: account.grn.to_string(),
        kind: account.terms.kind.to_string(),
        holders: account.terms.holders.iter().map(ToString::to_string).collect(),
        state: if account.revoked.is_some() { "revoked" } else { "valid" }.to_owned(),
        reference_amount: account.terms.reference_amount.to_string(),
        available: euro(account.ledger.available()),
        locked: euro(account.ledger.exposure()),
        balanced: account.ledger.sum() == 0,
        locks: locks.collect(),
        entries: lines.iter().zip(&entries).map(view).collect(),
    }
}
