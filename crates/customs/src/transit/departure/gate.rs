//! The gate: what a declaration must satisfy so that this office can work with it. Conditions and rules at large belong
//! to the rule engine; here are those on which the decisions themselves rest.

use crate::facts::NotInEuro;
use crate::guarantee::{Contradiction, GuaranteeClaim, claim};
use crate::refusal::ADDRESSEE;
use crate::transit::{Declaration, DeclarationType, Guarantee, GuaranteeLine};
use crate::{ErrorCode, Facts, FunctionalError, NoticeCode, OfficeRole, Refusal};
use base::{Currency, Grn, GuaranteeType, Money, OfficeReference};

use super::decide::Work;

/// Checks a declaration that came as `message` (CC015C or CC013C).
pub(super) fn check(
    work: &mut Work,
    message: &str,
    declaration: &Declaration,
    facts: &Facts,
) -> Result<(), Refusal> {
    let mut found = Vec::new();
    check_offices(message, declaration, facts, &mut found);
    check_guarantees(message, declaration, facts, &mut found);
    if facts.offices.is_none() {
        work.notice(
            NoticeCode::NotChecked,
            "roles of customs offices were not checked: no register of offices is loaded (CL171, CL172, CL173)",
        );
    }
    if found.is_empty() { Ok(()) } else { Err(Refusal::invalid(message, found)) }
}

fn check_offices(message: &str, declaration: &Declaration, facts: &Facts, found: &mut Vec<FunctionalError>) {
    let departure = &declaration.office_of_departure;
    if departure.country() != facts.country() {
        // An office of another country cannot be the one that this message is for.
        found.push(FunctionalError::new(
            format!("/{message}/CustomsOfficeOfDeparture/referenceNumber"),
            ErrorCode::Rule,
            ADDRESSEE,
            Some(departure.as_str()),
        ));
    }
    let mut role = |office: &OfficeReference, role: OfficeRole, at: String| {
        if facts.has_role(office, role) == Some(false) {
            let pointer = format!("/{message}/{at}/referenceNumber");
            found.push(FunctionalError::new(
                pointer,
                ErrorCode::CodeList,
                role.code_list(),
                Some(office.as_str()),
            ));
        }
    };
    role(departure, OfficeRole::Departure, "CustomsOfficeOfDeparture".to_owned());
    role(
        &declaration.office_of_destination,
        OfficeRole::Destination,
        "CustomsOfficeOfDestinationDeclared".to_owned(),
    );
    for (position, transit) in (1..).zip(&declaration.offices_of_transit) {
        role(&transit.office, OfficeRole::Transit, format!("CustomsOfficeOfTransitDeclared[{position}]"));
    }
}

fn check_guarantees(
    message: &str,
    declaration: &Declaration,
    facts: &Facts,
    found: &mut Vec<FunctionalError>,
) {
    for (position, guarantee) in (1..).zip(&declaration.guarantees) {
        let at = format!("/{message}/Guarantee[{position}]");
        let is_tir = declaration.kind == DeclarationType::Tir;
        if is_tir != (guarantee.kind == GuaranteeType::TIR) {
            let kind = guarantee.kind.to_string();
            found.push(FunctionalError::new(
                format!("{at}/guaranteeType"),
                ErrorCode::Rule,
                "R0900",
                Some(&kind),
            ));
        }
        check_references(&at, guarantee, facts, found);
    }
    check_claims(message, declaration, facts, found);
    let monitored = declaration.guarantees.iter().any(|guarantee| guarantee.kind.has_reference());
    if monitored && declaration.holder.identification.is_none() {
        // The office of guarantee compares the holder by identification (CD203C), so without one none can be used.
        found.push(FunctionalError::new(
            format!("/{message}/HolderOfTheTransitProcedure/identificationNumber"),
            ErrorCode::ConditionMissing,
            "G0120",
            None,
        ));
    }
}

/// Lines on one guarantee must make one claim: the same type, the same access code, a sum that can be written. An amount
/// without a rate counts as nothing yet; that is no fault of the trader.
fn check_claims(message: &str, declaration: &Declaration, facts: &Facts, found: &mut Vec<FunctionalError>) {
    let mut claims = Vec::new();
    let Ok(nothing) = Money::from_minor(0, Currency::EUR) else { return };
    for (outer, guarantee) in (1..).zip(&declaration.guarantees) {
        let at = format!("/{message}/Guarantee[{outer}]");
        if !guarantee.kind.has_reference() {
            continue;
        }
        for (inner, line) in (1..).zip(&guarantee.references) {
            let (Some(grn), Some(code), Some(declared)) = (&line.grn, &line.access_code, line.amount) else {
                continue;
            };
            let (amount, mut wrong) = match facts.in_euro(declared) {
                Ok(amount) => (amount, None),
                Err(NotInEuro::TooLarge) => (declared, Some(Contradiction::Amount)),
                Err(NotInEuro::NoRate(_)) => (nothing, None),
            };
            if wrong.is_none() {
                let more = GuaranteeClaim {
                    kind: guarantee.kind,
                    grn: grn.clone(),
                    access_code: code.clone(),
                    amount,
                };
                wrong = claim(&mut claims, more).err();
            }
            let Some(wrong) = wrong else { continue };
            let reference = format!("{at}/GuaranteeReference[{inner}]");
            let (pointer, value) = match wrong {
                Contradiction::Kind => (format!("{at}/guaranteeType"), Some(guarantee.kind.to_string())),
                // The code is a secret, so it is not shown.
                Contradiction::AccessCode => (format!("{reference}/accessCode"), None),
                Contradiction::Amount => (format!("{reference}/amountToBeCovered"), Some(declared.amount())),
            };
            found.push(FunctionalError::new(pointer, ErrorCode::Rule, wrong.rule(), value.as_deref()));
        }
    }
}

fn check_references(at: &str, guarantee: &Guarantee, facts: &Facts, found: &mut Vec<FunctionalError>) {
    if guarantee.kind.has_reference() && guarantee.references.is_empty() {
        found.push(FunctionalError::new(
            format!("{at}/GuaranteeReference"),
            ErrorCode::ConditionMissing,
            "C0085",
            None,
        ));
    }
    for (position, line) in (1..).zip(&guarantee.references) {
        let at = format!("{at}/GuaranteeReference[{position}]");
        if guarantee.kind.has_reference() {
            check_line(&at, guarantee.kind, line, facts, found);
        } else if let Some(grn) = &line.grn {
            found.push(FunctionalError::new(
                format!("{at}/GRN"),
                ErrorCode::ConditionNotAllowed,
                "C0086",
                Some(grn.as_str()),
            ));
        }
    }
}

fn check_line(
    at: &str,
    kind: GuaranteeType,
    line: &GuaranteeLine,
    facts: &Facts,
    found: &mut Vec<FunctionalError>,
) {
    let missing = |name: &str, rule: &str| {
        FunctionalError::new(format!("{at}/{name}"), ErrorCode::ConditionMissing, rule, None)
    };
    let broken = |grn: &Grn, rule: &str| {
        FunctionalError::new(format!("{at}/GRN"), ErrorCode::Rule, rule, Some(grn.as_str()))
    };
    match &line.grn {
        None => found.push(missing("GRN", "C0086")),
        Some(grn) => {
            if grn.is_voucher() != (kind == GuaranteeType::VOUCHER) {
                found.push(broken(grn, "R0318"));
            }
            if !facts.profile.lenient_grn_check_digit && !grn.check_digit_holds() {
                found.push(broken(grn, "R0028"));
            }
        }
    }
    if line.access_code.is_none() {
        found.push(missing("accessCode", "C0086"));
    }
    if line.amount.is_none() {
        found.push(missing("amountToBeCovered", "B2101"));
    }
}
