//! The ledger of a guarantee: every lock and release is a balanced entry, so that an auditor can recompute each balance.
//!
//! Amounts are whole cents of a euro. A guarantee has four kinds of account; their sum is always zero:
//!
//! | Account | Holds |
//! |---|---|
//! | `reference` | the reference amount, negative: what the guarantor answers for |
//! | `available` | what can still be locked; never negative |
//! | `locked:MRN` | what one movement has locked; never negative |
//! | `spent` | what a guarantee for one use has used up |

use base::{Invalid, Mrn, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// An account of the ledger of one guarantee.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LedgerAccount {
    /// What the guarantor answers for, negative.
    Reference,
    /// What can still be locked.
    Available,
    /// What a movement has locked.
    Locked(Mrn),
    /// What a guarantee for one use has used up.
    Spent,
}

impl LedgerAccount {
    /// Parses `reference`, `available`, `spent` or `locked:` and an MRN.
    ///
    /// # Errors
    /// When the text is none of those.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "reference" => Ok(Self::Reference),
            "available" => Ok(Self::Available),
            "spent" => Ok(Self::Spent),
            other => match other.strip_prefix("locked:") {
                Some(mrn) => Ok(Self::Locked(Mrn::parse(mrn)?)),
                None => Err(Invalid::new(
                    "ledger account",
                    text,
                    "it must be reference, available, spent or locked:MRN",
                )),
            },
        }
    }
}

impl fmt::Display for LedgerAccount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference => out.pad("reference"),
            Self::Available => out.pad("available"),
            Self::Spent => out.pad("spent"),
            Self::Locked(mrn) => out.pad(&format!("locked:{mrn}")),
        }
    }
}

impl TryFrom<String> for LedgerAccount {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<LedgerAccount> for String {
    fn from(account: LedgerAccount) -> String {
        account.to_string()
    }
}

/// Why an entry was booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryReason {
    /// The guarantee was registered.
    Registered,
    /// An amount was locked for a movement (CD203C).
    Locked,
    /// A use was cancelled (CD204C).
    Cancelled,
    /// The movement was discharged (CD209C).
    Credited,
}

/// One balanced booking: an amount moves from one account to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "EntryForm", into = "EntryForm")]
pub struct Entry {
    at: Timestamp,
    reason: EntryReason,
    from: LedgerAccount,
    to: LedgerAccount,
    amount: i64,
}

/// The written form of an entry, checked when it is read.
#[derive(Serialize, Deserialize)]
struct EntryForm {
    at: Timestamp,
    reason: EntryReason,
    from: LedgerAccount,
    to: LedgerAccount,
    amount: i64,
}

impl Entry {
    /// Moves `amount` cents from one account to another.
    ///
    /// # Errors
    /// When the amount is negative or the accounts are the same.
    pub fn transfer(
        at: Timestamp,
        reason: EntryReason,
        from: LedgerAccount,
        to: LedgerAccount,
        amount: i64,
    ) -> Result<Self, Invalid> {
        if amount < 0 || from == to {
            let why = "it must move an amount of 0 or more between two accounts";
            return Err(Invalid::new("ledger entry", &amount.to_string(), why));
        }
        Ok(Self { at, reason, from, to, amount })
    }

    /// When it was booked.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Why it was booked.
    pub fn reason(&self) -> EntryReason {
        self.reason
    }

    /// The amount moved, in cents.
    pub fn amount(&self) -> i64 {
        self.amount
    }

    /// The movement that it concerns, if it is about a lock.
    pub fn mrn(&self) -> Option<&Mrn> {
        [&self.from, &self.to].into_iter().find_map(|account| match account {
            LedgerAccount::Locked(mrn) => Some(mrn),
            _ => None,
        })
    }

    /// Its two postings; they sum to zero.
    pub fn postings(&self) -> [(&LedgerAccount, i64); 2] {
        // The constructor admits no negative amount, so this cannot overflow.
        [(&self.from, -self.amount), (&self.to, self.amount)]
    }
}

impl From<Entry> for EntryForm {
    fn from(entry: Entry) -> Self {
        Self { at: entry.at, reason: entry.reason, from: entry.from, to: entry.to, amount: entry.amount }
    }
}

impl TryFrom<EntryForm> for Entry {
    type Error = Invalid;
    fn try_from(form: EntryForm) -> Result<Self, Invalid> {
        Self::transfer(form.at, form.reason, form.from, form.to, form.amount)
    }
}

/// The balances of one guarantee, in cents. Entries themselves live in the events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    balances: BTreeMap<LedgerAccount, i64>,
}

impl Ledger {
    /// Books an entry. A movement's account is closed when its lock ends.
    pub fn post(&mut self, entry: &Entry) {
        for (account, amount) in entry.postings() {
            let balance = self.balances.entry(account.clone()).or_default();
            *balance = balance.saturating_add(amount);
        }
        if matches!(entry.from, LedgerAccount::Locked(_)) && self.balance(&entry.from) == 0 {
            self.balances.remove(&entry.from);
        }
    }

    /// Whether an account is open, be it with a balance of zero.
    pub fn is_open(&self, account: &LedgerAccount) -> bool {
        self.balances.contains_key(account)
    }

    /// The balance of an account, in cents.
    pub fn balance(&self, account: &LedgerAccount) -> i64 {
        self.balances.get(account).copied().unwrap_or(0)
    }

    /// The sum of all balances: always zero.
    pub fn sum(&self) -> i128 {
        self.balances.values().map(|balance| i128::from(*balance)).sum()
    }

    /// What can still be locked, in cents.
    pub fn available(&self) -> i64 {
        self.balance(&LedgerAccount::Available)
    }

    /// What all movements together have locked, in cents.
    pub fn exposure(&self) -> i64 {
        self.locks().map(|(_, amount)| amount).sum()
    }

    /// What each movement has locked, in cents.
    pub fn locks(&self) -> impl Iterator<Item = (&Mrn, i64)> {
        self.balances.iter().filter_map(|(account, amount)| match account {
            LedgerAccount::Locked(mrn) => Some((mrn, *amount)),
            _ => None,
        })
    }
}

/// A line of a statement: an entry, and the balances after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementLine {
    /// When it was booked.
    pub at: Timestamp,
    /// Why.
    pub reason: EntryReason,
    /// The movement, if it is about a lock.
    pub mrn: Option<Mrn>,
    /// The amount moved, in cents.
    pub amount: i64,
    /// What could still be locked after it, in cents.
    pub available: i64,
    /// What was locked after it, in cents.
    pub exposure: i64,
}

/// The statement of a guarantee, recomputed from its entries from the first on.
pub fn statement<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<StatementLine> {
    let mut ledger = Ledger::default();
    entries
        .into_iter()
        .map(|entry| {
            ledger.post(entry);
            StatementLine {
                at: entry.at,
                reason: entry.reason,
                mrn: entry.mrn().cloned(),
                amount: entry.amount,
                available: ledger.available(),
                exposure: ledger.exposure(),
            }
        })
        .collect()
}
