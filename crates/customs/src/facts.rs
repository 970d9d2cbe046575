//! What a decision needs from outside: fetched by the node before it decides, and recorded with the event.

use base::{Administration, Country, Currency, Money, Mrn, OfficeReference, ProcedureLetter, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use crate::transit::{ControlType, Security};

/// Everything from outside that a decision may depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The moment of the decision.
    pub now: Timestamp,
    /// The administration that decides.
    pub administration: Administration,
    /// The MRN that a declaration gets if it is accepted by this decision. The node issues it with
    /// [`base::Mrn::issue`] from its counter and with [`Profile::letter`].
    pub offered_mrn: Option<Mrn>,
    /// Euro for one unit of a currency. The euro itself needs no entry.
    pub rates: BTreeMap<Currency, Decimal>,
    /// How this corridor and administration work.
    pub profile: Profile,
    /// The offices that the command names and the register knows, with their roles; `None` when no register of offices
    /// is loaded. Checks then say that they were not made.
    pub offices: Option<BTreeMap<OfficeReference, BTreeSet<OfficeRole>>>,
    /// What risk analysis says.
    pub selection: Selection,
}

impl Facts {
    /// Facts with nothing loaded and nothing selected.
    pub fn new(now: Timestamp, administration: Administration, profile: Profile) -> Self {
        Self {
            now,
            administration,
            offered_mrn: None,
            rates: BTreeMap::new(),
            profile,
            offices: None,
            selection: Selection::None,
        }
    }

    /// The country of the administration that decides.
    pub fn country(&self) -> Country {
        self.administration.country()
    }

    /// An amount in euro, rounded up to the cent (R0267).
    pub(crate) fn in_euro(&self, amount: Money) -> Result<Money, NotInEuro> {
        let currency = amount.currency();
        if currency == Currency::EUR {
            return Ok(amount);
        }
        // A rate of nothing is as good as none.
        let rate = self.rates.get(&currency).filter(|rate| **rate > Decimal::ZERO);
        let rate = rate.ok_or(NotInEuro::NoRate(currency))?;
        amount.converted(*rate, Currency::EUR).ok_or(NotInEuro::TooLarge)
    }

    /// Whether an office has a role; `None` when no register is loaded.
    pub(crate) fn has_role(&self, office: &OfficeReference, role: OfficeRole) -> Option<bool> {
        let offices = self.offices.as_ref()?;
        Some(offices.get(office).is_some_and(|roles| roles.contains(&role)))
    }
}

/// Why an amount cannot be told in euro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotInEuro {
    /// No rate is loaded for its currency.
    NoRate(Currency),
    /// In euro it has more digits than a message can carry.
    TooLarge,
}

/// The roles of customs offices that transit asks for (the office table's codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OfficeRole {
    /// DEP: office of departure (CL171).
    Departure,
    /// DES: office of destination (CL172).
    Destination,
    /// TRA: office of transit (CL173).
    Transit,
    /// GUA: office of guarantee (CL174).
    Guarantee,
    /// EXT: office of exit for transit (CL175).
    ExitForTransit,
    /// ENQ: competent authority of enquiry (CL176).
    Enquiry,
    /// REC: competent authority of recovery (CL177).
    Recovery,
}

impl OfficeRole {
    /// The role with this code of the office table, if transit asks for it.
    pub fn parse(code: &str) -> Option<Self> {
        Some(match code {
            "DEP" => Self::Departure,
            "DES" => Self::Destination,
            "TRA" => Self::Transit,
            "GUA" => Self::Guarantee,
            "EXT" => Self::ExitForTransit,
            "ENQ" => Self::Enquiry,
            "REC" => Self::Recovery,
            _ => return None,
        })
    }

    /// The code list of the offices that have the role.
    pub fn code_list(self) -> &'static str {
        match self {
            Self::Departure => "CL171",
            Self::Destination => "CL172",
            Self::Transit => "CL173",
            Self::Guarantee => "CL174",
            Self::ExitForTransit => "CL175",
            Self::Enquiry => "CL176",
            Self::Recovery => "CL177",
        }
    }
}

/// What risk analysis says about a declaration or an arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selection {
    /// Not selected for control.
    #[default]
    None,
    /// Selected, for these controls.
    Selected(Vec<ControlType>),
}

/// Whether the next step follows by itself or waits for an officer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Release {
    /// It follows by itself when nothing is selected for control.
    #[default]
    Automatic,
    /// An officer decides each time.
    ByOfficer,
}

/// How a corridor and an administration work: the part of law that differs from place to place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Accept guarantee references with a wrong check digit: some registers hold numbers older than the rule (R0028).
    pub lenient_grn_check_digit: bool,
    /// Release for transit at departure.
    pub release: Release,
    /// Unloading permission and control results at destination.
    pub clearance: Release,
    /// Days from release to the limit date when the office of departure sets it (IA Art 297).
    pub transit_days: u16,
    /// Days after the limit date until a movement that has not arrived is overdue (IA Art 310(1)).
    pub arrival_grace_days: u16,
    /// Days that control results may take after the arrival advice (IA Art 310(2)).
    pub results_days: u16,
    /// Days in which the holder may put a guarantee right.
    pub guarantee_amendment_days: u16,
    /// Days in which goods of a pre-lodged declaration must be presented (UCC Art 171).
    pub presentation_days: u16,
    /// Position 17 of the MRN by the declaration's security data. The default is R0410; published examples of some
    /// administrations differ from it, so it is a matter of the profile.
    pub procedure_letters: BTreeMap<Security, ProcedureLetter>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            lenient_grn_check_digit: false,
            release: Release::Automatic,
            clearance: Release::Automatic,
            transit_days: 8,
            arrival_grace_days: 7,
            results_days: 6,
            guarantee_amendment_days: 10,
            presentation_days: 30,
            procedure_letters: BTreeMap::from([
                (Security::None, ProcedureLetter::J),
                (Security::Entry, ProcedureLetter::L),
                (Security::Exit, ProcedureLetter::K),
                (Security::Both, ProcedureLetter::M),
            ]),
        }
    }
}

impl Profile {
    /// The procedure letter of an MRN for a declaration with this security data.
    pub fn letter(&self, security: Security) -> ProcedureLetter {
        self.procedure_letters.get(&security).copied().unwrap_or(ProcedureLetter::J)
    }
}
