//! What tests start from: a declaration from Great Britain through France to Italy, and the facts around it.

use crate::transit::{
    AdditionalType, Declaration, DeclarationType, Guarantee, GuaranteeLine, Holder, Security, TransitOffice,
};
use crate::{Facts, Profile, Release, Selection, Transition};
use base::{
    Administration, Currency, Date, Grn, GuaranteeType, Lrn, Money, Mrn, OfficeReference, ProcedureLetter,
    Timestamp,
};
use rust_decimal::Decimal;
use std::fmt::{Debug, Display};

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-24T06:00:00Z").unwrap()
}

pub(crate) fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

pub(crate) fn office(text: &str) -> OfficeReference {
    text.parse().unwrap()
}

pub(crate) fn lrn() -> Lrn {
    "TRANSIT-0001".parse().unwrap()
}

pub(crate) fn mrn() -> Mrn {
    Mrn::issue(day("2026-11-24"), &office("GB000060"), 7, ProcedureLetter::J).unwrap()
}

pub(crate) fn other_mrn() -> Mrn {
    Mrn::issue(day("2026-11-24"), &office("GB000060"), 8, ProcedureLetter::J).unwrap()
}

pub(crate) fn grn(country: &str) -> Grn {
    Grn::issue(2026, country.parse().unwrap(), "1").unwrap()
}

pub(crate) fn eur(amount: &str) -> Money {
    Money::parse(amount, Currency::EUR).unwrap()
}

pub(crate) fn gbp(amount: &str) -> Money {
    Money::parse(amount, Currency::parse("GBP").unwrap()).unwrap()
}

pub(crate) fn facts(administration: &str) -> Facts {
    let mut facts = Facts::new(now(), Administration::parse(administration).unwrap(), Profile::default());
    facts.offered_mrn = Some(mrn());
    facts.rates.insert(Currency::parse("GBP").unwrap(), Decimal::new(12, 1));
    facts
}

pub(crate) fn by_officer(mut facts: Facts) -> Facts {
    facts.profile.release = Release::ByOfficer;
    facts.profile.clearance = Release::ByOfficer;
    facts
}

pub(crate) fn selected(mut facts: Facts) -> Facts {
    facts.selection = Selection::Selected(Vec::new());
    facts
}

pub(crate) fn line(country: &str, amount: Money) -> GuaranteeLine {
    GuaranteeLine {
        grn: Some(grn(country)),
        access_code: Some("AC01".parse().unwrap()),
        amount: Some(amount),
    }
}

pub(crate) fn guarantee(kind: GuaranteeType, references: Vec<GuaranteeLine>) -> Guarantee {
    Guarantee { kind, other_reference: None, references }
}

/// GB000060 to IT279100 by way of FR001260, one comprehensive guarantee of GB over GBP 1,000.
pub(crate) fn declaration() -> Declaration {
    Declaration {
        kind: DeclarationType::T1,
        additional: AdditionalType::Standard,
        security: Security::None,
        office_of_departure: office("GB000060"),
        office_of_destination: office("IT279100"),
        offices_of_transit: vec![TransitOffice { office: office("FR001260"), estimated: None }],
        holder: Holder { identification: Some("GB123456789000".parse().unwrap()), name: None },
        representative: None,
        authorised_consignor: false,
        limit: None,
        guarantees: vec![guarantee(GuaranteeType::COMPREHENSIVE, vec![line("GB", gbp("1000.00"))])],
        content: None,
        commodities: None,
    }
}

/// Whether a decision walks along the table: from `phases[0]` by `trigger`, then by continuations, sending what the rows
/// say. Returns the rows walked.
pub(crate) fn walk<P: Copy + PartialEq + Debug, T: Copy + PartialEq + Debug + Display>(
    table: &[Transition<P, T>],
    trigger: T,
    continuations: &[T],
    phases: &[P],
    letters: &[&str],
) -> Option<Vec<usize>> {
    let mut hops: Vec<(P, P)> = phases.windows(2).map(|pair| (pair[0], pair[1])).collect();
    if hops.is_empty() {
        hops.push((phases[0], phases[0]));
    }
    let mut paths: Vec<Vec<usize>> = vec![Vec::new()];
    for (number, (from, to)) in hops.into_iter().enumerate() {
        let fits = |row: &Transition<P, T>| {
            let on = if number == 0 { row.on == trigger } else { continuations.contains(&row.on) };
            row.from == from && row.to == to && on
        };
        let rows: Vec<usize> = (0..table.len()).filter(|row| fits(&table[*row])).collect();
        paths = paths
            .iter()
            .flat_map(|path| rows.iter().map(move |row| path.iter().copied().chain([*row]).collect()))
            .collect();
    }
    paths.into_iter().find(|path| {
        let sends: Vec<&str> = path.iter().flat_map(|row| table[*row].sends.iter().copied()).collect();
        let all_listed =
            letters.iter().all(|sent| sends.iter().any(|listed| listed.trim_end_matches('*') == *sent));
        let none_missing =
            sends.iter().filter(|listed| !listed.ends_with('*')).all(|listed| letters.contains(listed));
        all_listed && none_missing
    })
}

/// Drops repetitions of the same phase in a row.
pub(crate) fn distinct<P: PartialEq>(mut phases: Vec<P>) -> Vec<P> {
    phases.dedup();
    phases
}
