//! What an office of guarantee knows of one guarantee, what it is asked, and what can happen.

use super::{Trigger, UsePhase};
use crate::guarantee::InvalidReason;
use crate::guarantee::ledger::{Entry, Ledger, LedgerAccount};
use base::{AccessCode, Country, Date, Eori, Grn, GuaranteeType, Money, Mrn, OfficeReference, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The state of this room for one GRN: nothing, or an account.
pub type State = Option<Account>;

/// How many ended uses an account remembers, so that a repeated CD204C or CD209C is known as such. The journal keeps
/// all; this bounds what is loaded for every decision.
pub const SETTLED_KEPT: usize = 1_000;

/// The account of one guarantee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The guarantee.
    pub grn: Grn,
    /// What was agreed when it was registered.
    pub terms: Terms,
    /// The day from which it is revoked.
    pub revoked: Option<Date>,
    /// Its balances.
    pub ledger: Ledger,
    /// What each movement with an open lock asked for, beside the amount, which the ledger knows.
    pub asked: BTreeMap<Mrn, AskedUse>,
    /// Uses that have ended, oldest first, at most [`SETTLED_KEPT`].
    pub settled: VecDeque<(Mrn, Settlement)>,
}

/// What a movement asked for when its amount was locked: a repeated question must ask the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedUse {
    /// The office of departure.
    pub departure: OfficeReference,
    /// The holder of the transit procedure.
    pub holder: Eori,
    /// The type that the declaration names.
    pub kind: GuaranteeType,
}

/// How a use ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settlement {
    /// Cancelled before the goods moved (CD204C).
    Cancelled,
    /// Discharged (CD209C).
    Credited,
}

/// What was agreed for a guarantee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Its type (CL286).
    pub kind: GuaranteeType,
    /// Who may use it: the holder, and whoever else the guarantor has agreed to.
    pub holders: BTreeSet<Eori>,
    /// The code that proves the right to use it.
    pub access_code: AccessCode,
    /// The reference amount in euro: what can be at risk at one time.
    pub reference_amount: Money,
    /// The share of the reference amount that the guarantor answers for: 100, 50, 30 or 0 (DA Art 84).
    pub percentage: u8,
    /// The first day on which it can be used.
    pub valid_from: Date,
    /// The last day, when it has one.
    pub valid_until: Option<Date>,
    /// Countries where it is not valid.
    pub not_valid_in: BTreeSet<Country>,
    /// The office that monitors it.
    pub office: OfficeReference,
}

impl Terms {
    /// Whether it serves one movement only: an individual undertaking (2) or a voucher (4).
    pub fn single_use(&self) -> bool {
        self.kind == GuaranteeType::INDIVIDUAL || self.kind == GuaranteeType::VOUCHER
    }
}

impl Account {
    /// Where its use for a movement stands.
    pub fn usage(&self, mrn: &Mrn) -> UsePhase {
        if self.ledger.is_open(&LedgerAccount::Locked(mrn.clone())) {
            return UsePhase::Locked;
        }
        match self.settled.iter().rev().find(|(settled, _)| settled == mrn) {
            Some((_, Settlement::Cancelled)) => UsePhase::Cancelled,
            Some((_, Settlement::Credited)) => UsePhase::Credited,
            None => UsePhase::None,
        }
    }

    /// What a movement has locked, in cents.
    pub fn locked(&self, mrn: &Mrn) -> i64 {
        self.ledger.balance(&LedgerAccount::Locked(mrn.clone()))
    }
}

/// A command to an office of guarantee, for one guarantee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// An officer registers a guarantee.
    Register {
        /// The guarantee.
        grn: Grn,
        /// What was agreed.
        terms: Box<Terms>,
    },
    /// CD203C: a movement wants to use it.
    Use {
        /// The guarantee.
        grn: Grn,
        /// The movement.
        mrn: Mrn,
        /// The office of departure.
        departure: OfficeReference,
        /// The holder of the transit procedure.
        holder: Eori,
        /// The type that the declaration names.
        kind: GuaranteeType,
        /// The proof that the holder may use it.
        access_code: AccessCode,
        /// The amount, in euro.
        amount: Money,
        /// The countries that the movement touches.
        countries: Vec<Country>,
    },
    /// CD204C: the use is cancelled.
    Cancel {
        /// The guarantee.
        grn: Grn,
        /// The movement.
        mrn: Mrn,
        /// The day.
        on: Date,
    },
    /// CD209C: the movement is discharged.
    Credit {
        /// The guarantee.
        grn: Grn,
        /// The movement.
        mrn: Mrn,
        /// When the consignment arrived.
        arrived: Timestamp,
    },
    /// An officer revokes the guarantee: it cannot be used from that day on; locks stay.
    Revoke {
        /// The day.
        on: Date,
    },
}

impl Command {
    /// What it triggers in the transition table.
    pub fn trigger(&self) -> Trigger {
        match self {
            Self::Register { .. } => Trigger::Register,
            Self::Use { .. } => Trigger::Use,
            Self::Cancel { .. } => Trigger::Cancel,
            Self::Credit { .. } => Trigger::Credit,
            Self::Revoke { .. } => Trigger::Revoke,
        }
    }

    /// The message that carries it; none for officers.
    pub fn message(&self) -> Option<&'static str> {
        match self {
            Self::Use { .. } => Some("CD203C"),
            Self::Cancel { .. } => Some("CD204C"),
            Self::Credit { .. } => Some("CD209C"),
            Self::Register { .. } | Self::Revoke { .. } => None,
        }
    }

    /// The guarantee that it names; officers revoke the one before them.
    pub fn grn(&self) -> Option<&Grn> {
        match self {
            Self::Register { grn, .. }
            | Self::Use { grn, .. }
            | Self::Cancel { grn, .. }
            | Self::Credit { grn, .. } => Some(grn),
            Self::Revoke { .. } => None,
        }
    }

    /// The movement that it names, if any.
    pub fn mrn(&self) -> Option<&Mrn> {
        match self {
            Self::Use { mrn, .. } | Self::Cancel { mrn, .. } | Self::Credit { mrn, .. } => Some(mrn),
            Self::Register { .. } | Self::Revoke { .. } => None,
        }
    }
}

/// Something that happened to a guarantee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It was registered.
    Registered {
        /// The guarantee.
        grn: Grn,
        /// What was agreed.
        terms: Box<Terms>,
        /// The booking of the reference amount.
        entry: Entry,
    },
    /// An amount was locked.
    Locked {
        /// The movement.
        mrn: Mrn,
        /// What was asked for, beside the amount.
        asked: AskedUse,
        /// The booking.
        entry: Entry,
    },
    /// A use was refused.
    UseRefused {
        /// The movement.
        mrn: Mrn,
        /// Why.
        reasons: Vec<InvalidReason>,
        /// The amount asked for.
        amount: Money,
    },
    /// A use was cancelled.
    Cancelled {
        /// The movement.
        mrn: Mrn,
        /// The day that the message names.
        on: Date,
        /// The booking.
        entry: Entry,
    },
    /// A movement was discharged.
    Credited {
        /// The movement.
        mrn: Mrn,
        /// When it arrived.
        arrived: Timestamp,
        /// The booking.
        entry: Entry,
    },
    /// It was revoked.
    Revoked {
        /// The day.
        on: Date,
    },
}

impl Event {
    /// Its name, for the journal.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Registered { .. } => "Registered",
            Self::Locked { .. } => "Locked",
            Self::UseRefused { .. } => "UseRefused",
            Self::Cancelled { .. } => "Cancelled",
            Self::Credited { .. } => "Credited",
            Self::Revoked { .. } => "Revoked",
        }
    }

    /// The booking that it made, if any: the lines of a [`crate::guarantee::ledger::statement`].
    pub fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Registered { entry, .. }
            | Self::Locked { entry, .. }
            | Self::Cancelled { entry, .. }
            | Self::Credited { entry, .. } => Some(entry),
            Self::UseRefused { .. } | Self::Revoked { .. } => None,
        }
    }
}
