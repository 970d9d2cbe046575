//! What is to be played: declarations, the countries and guarantees that they name, and how each has to end.

use base::{AccessCode, Country, Currency, Date, Grn, GuaranteeType, Lrn, Money, OfficeReference};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use wire::{Document, Limits, MessageType};

/// How a declaration has to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Written off, with its guarantees released.
    WrittenOff,
    /// Rejected with this message: `CC917C` when it breaks the schema, `CC056C` when it breaks a rule.
    Rejected(String),
}

/// One use of a guarantee.
#[derive(Clone, Debug)]
pub struct GuaranteeUse {
    /// The guarantee.
    pub grn: Grn,
    /// Its type.
    pub kind: GuaranteeType,
    /// The access code that the declaration gives.
    pub access_code: AccessCode,
    /// The amount to be covered.
    pub amount: Money,
}

/// Where the goods go and what covers them.
#[derive(Clone, Debug)]
pub struct Route {
    /// The declarant's reference.
    pub lrn: Lrn,
    /// The office of departure.
    pub departure: OfficeReference,
    /// The declared office of destination.
    pub destination: OfficeReference,
    /// The declared offices of transit, in order.
    pub transit: Vec<OfficeReference>,
    /// The guarantees with a reference.
    pub guarantees: Vec<GuaranteeUse>,
    /// The holder of the transit procedure.
    pub holder: String,
    /// Whether the goods are delivered to an authorised consignee: when they left from an authorised consignor.
    pub authorised: bool,
}

/// One declaration to be played.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// Its place among the declarations, from 0.
    pub index: usize,
    /// The file that it came from.
    pub file: PathBuf,
    /// Its bytes, as they are submitted.
    pub xml: Vec<u8>,
    /// The declaration, when it is legible.
    pub document: Option<Document>,
    /// Its route, when it is legible.
    pub route: Option<Route>,
    /// The administration to which it is addressed, when that is legible.
    pub addressed_to: Option<Country>,
    /// How it has to end.
    pub expectation: Expectation,
}

/// Why there is nothing to play.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A file cannot be read.
    #[error("cannot read `{0}`: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// No declaration names a country.
    #[error("no declaration names a country: give at least one legible CC015C declaration")]
    NoCountry,
    /// Two files declare the same reference at the same administration.
    #[error(
        "LRN `{lrn}` is declared twice, in `{first}` and `{second}`: give each declaration a reference of its own"
    )]
    SameReference {
        /// The reference.
        lrn: Lrn,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Two uses of a guarantee contradict each other.
    #[error("guarantee `{0}` is declared with two different {1}: a corridor registers each guarantee once")]
    Contradiction(Grn, &'static str),
}

impl Declaration {
    /// Reads one declaration; `codes` are the code lists that the nodes will check it against.
    ///
    /// # Errors
    /// When the file cannot be read. A malformed declaration is no error: it is one that has to be rejected.
    pub fn load(index: usize, file: &Path, codes: &dyn wire::CodeLists, on: Date) -> Result<Self, PlanError> {
        let xml = std::fs::read(file).map_err(|error| PlanError::Unreadable(file.to_owned(), error))?;
        Ok(Self::parse(index, file, xml, codes, on))
    }

    /// As [`Declaration::load`], from bytes.
    pub fn parse(index: usize, file: &Path, xml: Vec<u8>, codes: &dyn wire::CodeLists, on: Date) -> Self {
        let country_of = |party: &str| party.strip_prefix("NTA.").and_then(|code| Country::parse(code).ok());
        let mut declaration = Self {
            index,
            file: file.to_owned(),
            xml,
            document: None,
            route: None,
            addressed_to: None,
            expectation: Expectation::Rejected("CC917C".to_owned()),
        };
        match wire::read(&declaration.xml, &Limits::default()) {
            Err(rejection) => {
                declaration.addressed_to = rejection.header.recipient.as_deref().and_then(country_of);
            }
            Ok(document) => {
                declaration.addressed_to = document.text("messageRecipient").and_then(country_of);
                let codes = wire::check_codes(&document, codes, on);
                declaration.route = Route::of(&document);
                let acceptable = document.message() == MessageType::CC015C && declaration.route.is_some();
                declaration.expectation = if acceptable && codes.errors.is_empty() {
                    Expectation::WrittenOff
                } else {
                    Expectation::Rejected("CC056C".to_owned())
                };
                declaration.document = Some(document);
            }
        }
        declaration
    }

    /// The country whose node it is submitted to: that of the office of departure, or where it is addressed.
    pub fn departure_country(&self) -> Country {
        let fallback = || Country::parse("GB").unwrap_or_else(|_| unreachable!("GB is a country code"));
        let departure = self.route.as_ref().map(|route| route.departure.country());
        departure.or(self.addressed_to).unwrap_or_else(fallback)
    }
}

impl Route {
    fn of(document: &Document) -> Option<Self> {
        let office = |path: &str| document.text(path).and_then(|text| OfficeReference::parse(text).ok());
        let authorisations = document.texts("Authorisation/type");
        Some(Self {
            lrn: document.text("TransitOperation/LRN").and_then(|text| Lrn::parse(text).ok())?,
            departure: office("CustomsOfficeOfDeparture/referenceNumber")?,
            destination: office("CustomsOfficeOfDestinationDeclared/referenceNumber")?,
            transit: document
                .texts("CustomsOfficeOfTransitDeclared/referenceNumber")
                .into_iter()
                .filter_map(|text| OfficeReference::parse(text).ok())
                .collect(),
            guarantees: guarantees(document),
            holder: document
                .text("HolderOfTheTransitProcedure/identificationNumber")
                .unwrap_or_default()
                .to_owned(),
            authorised: authorisations.contains(&"C521"),
        })
    }

    /// The countries that take part: of the offices and of the guarantees.
    pub fn countries(&self) -> BTreeSet<Country> {
        let offices = [&self.departure, &self.destination].into_iter().chain(&self.transit);
        let guarantees = self.guarantees.iter().map(|guarantee| guarantee.grn.country());
        offices.map(OfficeReference::country).chain(guarantees).collect()
    }
}

fn guarantees(document: &Document) -> Vec<GuaranteeUse> {
    let mut uses = Vec::new();
    for guarantee in document.groups("Guarantee") {
        let Some(kind) = guarantee.text("guaranteeType").and_then(|text| GuaranteeType::parse(text).ok())
        else {
            continue;
        };
        for reference in guarantee.groups("GuaranteeReference") {
            let grn = reference.text("GRN").and_then(|text| Grn::parse(text).ok());
            let access_code = reference.text("accessCode").and_then(|text| AccessCode::parse(text).ok());
            let currency = reference.text("currency").and_then(|text| Currency::parse(text).ok());
            let amount = reference.text("amountToBeCovered").unwrap_or("0");
            let amount = Money::parse(amount, currency.unwrap_or(Currency::EUR));
            if let (Some(grn), Some(access_code), Ok(amount)) = (grn, access_code, amount) {
                uses.push(GuaranteeUse { grn, kind, access_code, amount });
            }
        }
    }
    uses
}

/// A guarantee as the corridor registers it before anything is declared.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The guarantee.
    pub grn: Grn,
    /// Its type.
    pub kind: GuaranteeType,
    /// Its access code.
    pub access_code: AccessCode,
    /// The holders that may use it.
    pub holders: BTreeSet<String>,
    /// How often it is used.
    pub uses: u64,
    /// The greatest amount of one use.
    pub greatest: Money,
}

/// Everything that one run plays.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The declarations, in the order given.
    pub declarations: Vec<Declaration>,
    /// The countries that take part.
    pub countries: BTreeSet<Country>,
    /// The guarantees to register.
    pub registrations: BTreeMap<Grn, Registration>,
}

impl Plan {
    /// Plans a run of `declarations`.
    ///
    /// # Errors
    /// When no country is named, or a guarantee is declared with two types or access codes.
    pub fn of(declarations: Vec<Declaration>) -> Result<Self, PlanError> {
        let mut countries = BTreeSet::new();
        let mut registrations: BTreeMap<Grn, Registration> = BTreeMap::new();
        let mut references: BTreeMap<(Country, Lrn), &Path> = BTreeMap::new();
        for declaration in &declarations {
            countries.extend(declaration.addressed_to);
            let Some(route) = &declaration.route else { continue };
            // A declaration that has to be rejected may well repeat a reference.
            let place = (declaration.departure_country(), route.lrn.clone());
            if declaration.expectation == Expectation::WrittenOff
                && let Some(first) = references.insert(place, &declaration.file)
            {
                let (first, second) = (first.to_owned(), declaration.file.clone());
                return Err(PlanError::SameReference { lrn: route.lrn.clone(), first, second });
            }
            countries.extend(route.countries());
            for used in &route.guarantees {
                register(&mut registrations, used, &route.holder)?;
            }
        }
        if countries.is_empty() {
            return Err(PlanError::NoCountry);
        }
        Ok(Self { declarations, countries, registrations })
    }
}

fn register(
    all: &mut BTreeMap<Grn, Registration>,
    used: &GuaranteeUse,
    holder: &str,
) -> Result<(), PlanError> {
    let registration = all.entry(used.grn.clone()).or_insert_with(|| Registration {
        grn: used.grn.clone(),
        kind: used.kind,
        access_code: used.access_code.clone(),
        holders: BTreeSet::new(),
        uses: 0,
        greatest: used.amount,
    });
    if registration.kind != used.kind {
        return Err(PlanError::Contradiction(used.grn.clone(), "types"));
    }
    if registration.access_code != used.access_code {
        return Err(PlanError::Contradiction(used.grn.clone(), "access codes"));
    }
    registration.holders.insert(holder.to_owned());
    registration.uses += 1;
    if used.amount.minor() > registration.greatest.minor() {
        registration.greatest = used.amount;
    }
    Ok(())
}
