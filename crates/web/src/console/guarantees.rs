//! Guarantee accounts and their statements.

use super::failure::Failure;
use super::frame::{Frame, Section, page};
use super::moment::Moment;
use super::visit::Visit;
use super::{names, paths};
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use base::Grn;
use node::GuaranteeView;

/// An account, without its entries.
#[derive(Clone, Debug)]
pub struct Account {
    grn: String,
    address: String,
    kind: String,
    holders: String,
    state: String,
    tone: &'static str,
    reference_amount: String,
    available: String,
    locked: String,
    locks: usize,
    balanced: bool,
}

impl From<&GuaranteeView> for Account {
    fn from(view: &GuaranteeView) -> Self {
        Self {
            grn: view.grn.clone(),
            address: paths::guarantee(&view.grn),
            kind: names::guarantee_kind(&view.kind).to_owned(),
            holders: view.holders.join(", "),
            state: names::words(&view.state),
            tone: names::tone(&view.state),
            reference_amount: view.reference_amount.clone(),
            available: view.available.clone(),
            locked: view.locked.clone(),
            locks: view.locks.len(),
            balanced: view.balanced,
        }
    }
}

/// The list of accounts.
#[derive(Template)]
#[template(path = "guarantees.html")]
pub struct GuaranteesPage {
    frame: Frame,
    accounts: Vec<Account>,
}

impl GuaranteesPage {
    /// The page of these accounts.
    pub fn new(frame: Frame, views: &[GuaranteeView]) -> Self {
        Self { frame, accounts: views.iter().map(Account::from).collect() }
    }
}

/// An amount that a movement holds.
#[derive(Clone, Debug)]
pub struct Lock {
    mrn: String,
    address: String,
    amount: String,
    since: Moment,
}

/// A ledger entry: one amount from one account to another.
#[derive(Clone, Debug)]
pub struct Entry {
    at: Moment,
    words: String,
    debit: String,
    credit: String,
    amount: String,
    balance: String,
}

/// The statement of one account.
#[derive(Template)]
#[template(path = "guarantee.html")]
pub struct GuaranteePage {
    frame: Frame,
    account: Account,
    locks: Vec<Lock>,
    entries: Vec<Entry>,
}

impl GuaranteePage {
    /// The statement of this account.
    pub fn new(frame: Frame, view: &GuaranteeView) -> Self {
        let lock = |lock: &node::LockView| Lock {
            mrn: lock.mrn.clone(),
            address: paths::movement(&lock.mrn),
            amount: lock.amount.clone(),
            since: Moment::from_micros(lock.since),
        };
        let entry = |entry: &node::EntryView| Entry {
            at: Moment::from_micros(entry.at),
            words: entry.words.clone(),
            debit: entry.debit.clone(),
            credit: entry.credit.clone(),
            amount: entry.amount.clone(),
            balance: entry.balance.clone(),
        };
        Self {
            frame,
            account: Account::from(view),
            locks: view.locks.iter().map(lock).collect(),
            entries: view.entries.iter().map(entry).collect(),
        }
    }
}

/// `GET /console/guarantees`.
pub async fn list(visit: Visit) -> Result<Response, Failure> {
    let visit = visit.within(Section::Guarantees);
    let views = visit.node.guarantee_accounts().await.map_err(visit.failed())?;
    Ok(page(StatusCode::OK, &GuaranteesPage::new(visit.frame, &views)))
}

/// `GET /console/guarantees/{grn}`.
pub async fn show(visit: Visit, Path(grn): Path<String>) -> Result<Response, Failure> {
    let visit = visit.within(Section::Guarantees);
    let parsed = Grn::parse(&grn)
        .map_err(|invalid| Failure::absent(&visit.frame, format!("No such account: {invalid}.")))?;
    let view = visit.node.guarantee_account(&parsed).await.map_err(visit.failed())?;
    let Some(view) = view else {
        let words =
            format!("No guarantee `{parsed}` is registered at this administration's office of guarantee.");
        return Err(Failure::absent(&visit.frame, words));
    };
    Ok(page(StatusCode::OK, &GuaranteePage::new(visit.frame, &view)))
}
