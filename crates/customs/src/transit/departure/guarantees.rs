//! Registration of guarantees: the amounts are locked with the offices of guarantee before goods are released
//! (UCC Art 89, 95; DA Art 82).

use super::command::GuaranteeAnswer;
use super::decide::{Work, mrn_of};
use super::letter::{GuaranteeRequest, GuaranteeSettlement};
use super::{Event, GuaranteeUse, Letter, Movement, Phase, UseStatus, underway};
use crate::facts::NotInEuro;
use crate::guarantee::{GuaranteeClaim, claim};
use crate::period::deadline;
use crate::refusal::{AMOUNT_TOO_LARGE, NOT_ASKED};
use crate::transit::Declaration;
use crate::{ErrorCode, Facts, FunctionalError, NoticeCode, Refusal, TimerKind};
use base::{Administration, Country, Date, Grn, Mrn, OfficeReference};
use std::collections::BTreeMap;

/// The claims of a declaration on guarantees under a reference, each GRN once.
fn claims(declaration: &Declaration, facts: &Facts) -> Result<Vec<GuaranteeClaim>, NotInEuro> {
    let mut claims = Vec::new();
    let monitored = declaration.guarantees.iter().filter(|guarantee| guarantee.kind.has_reference());
    for guarantee in monitored {
        for line in &guarantee.references {
            // The gate demanded all three; a line without them claims nothing.
            let (Some(grn), Some(code), Some(amount)) = (&line.grn, &line.access_code, line.amount) else {
                continue;
            };
            let more = GuaranteeClaim {
                kind: guarantee.kind,
                grn: grn.clone(),
                access_code: code.clone(),
                amount: facts.in_euro(amount)?,
            };
            // The gate refused contradictions; only a rate that was not loaded then can still make a sum too large.
            claim(&mut claims, more).map_err(|_| NotInEuro::TooLarge)?;
        }
    }
    Ok(claims)
}

/// Why guarantees cannot be registered now, for the officer.
fn note_hindrance(work: &mut Work, why: NotInEuro, mrn: &Mrn) {
    let (code, words) = match why {
        NotInEuro::NoRate(currency) => (
            NoticeCode::RateMissing,
            format!(
                "no rate from {currency} to EUR is loaded (R0267); load it, then decide release of `{mrn}`"
            ),
        ),
        NotInEuro::TooLarge => (
            NoticeCode::AmountTooLarge,
            format!(
                "an amount to be covered for `{mrn}` has more than 16 digits in EUR ({AMOUNT_TOO_LARGE}); \
                 do not release it"
            ),
        ),
    };
    work.notice(code, words);
}

/// Registers the guarantees, or releases at once when none is monitored. Returns whether it could.
pub(super) fn register(work: &mut Work, facts: &Facts) -> Result<bool, Refusal> {
    let Some(movement) = work.state.clone() else {
        return Ok(false);
    };
    let mrn = mrn_of(&movement)?;
    let claims = match claims(&movement.declaration, facts) {
        Ok(claims) => claims,
        Err(why) => {
            note_hindrance(work, why, &mrn);
            return Ok(false);
        }
    };
    note_unmonitored(work, &movement.declaration);
    let asked = |claim: &GuaranteeClaim| GuaranteeUse {
        kind: claim.kind,
        amount: claim.amount,
        status: UseStatus::Asked,
        office: None,
    };
    let uses = claims.iter().map(|claim| (claim.grn.clone(), asked(claim))).collect();
    if claims.is_empty() {
        return underway::release(work, facts).map(|()| true);
    }
    let Some(holder) = movement.holder().cloned() else {
        return Err(Refusal::fact_missing(format!("the holder of `{mrn}` has no identification")));
    };
    work.event(Event::RegistrationStarted { guarantees: uses });
    let mut requests: BTreeMap<Country, Vec<GuaranteeClaim>> = BTreeMap::new();
    for claim in claims {
        requests.entry(claim.grn.country()).or_default().push(claim);
    }
    let declaration = &movement.declaration;
    for (country, uses) in requests {
        work.letter(Letter::GuaranteeUse(GuaranteeRequest {
            to: Administration::of(country),
            mrn: mrn.clone(),
            accepted: movement.accepted.unwrap_or(facts.now.date()),
            departure: declaration.office_of_departure.clone(),
            destination: declaration.office_of_destination.clone(),
            holder: holder.clone(),
            countries: countries(declaration),
            uses,
        }));
    }
    Ok(true)
}

/// Registers after an amendment; without a rate the movement goes back to where it was accepted.
pub(super) fn register_again(work: &mut Work, facts: &Facts) -> Result<(), Refusal> {
    if !register(work, facts)? {
        work.event(Event::RegistrationHeld);
    }
    Ok(())
}

/// The countries of a movement, departure first, each once.
fn countries(declaration: &Declaration) -> Vec<Country> {
    let mut countries = vec![declaration.office_of_departure.country()];
    let onward = declaration.offices_of_transit.iter().map(|transit| transit.office.country());
    for country in onward.chain([declaration.office_of_destination.country()]) {
        if !countries.contains(&country) {
            countries.push(country);
        }
    }
    countries
}

fn note_unmonitored(work: &mut Work, declaration: &Declaration) {
    for guarantee in declaration.guarantees.iter().filter(|guarantee| !guarantee.kind.has_reference()) {
        let words = format!("a guarantee of type {} is accepted without monitoring", guarantee.kind);
        work.notice(NoticeCode::Unmonitored, words);
    }
}

/// An office of guarantee answers: when all have, the goods are released or the holder is asked to amend.
pub(super) fn answered(
    work: &mut Work,
    movement: &Movement,
    answers: Vec<GuaranteeAnswer>,
    facts: &Facts,
) -> Result<(), Refusal> {
    check_answers(movement, &answers)?;
    let ended = movement.phase != Phase::GuaranteeRegistration;
    work.event(Event::GuaranteesAnswered { answers });
    let Some(after) = work.state.clone() else {
        return Ok(());
    };
    if ended {
        let late: Vec<Grn> =
            after.uses(&UseStatus::Locked).into_values().flatten().map(|(grn, _)| grn).collect();
        if !late.is_empty() {
            work.notice(
                NoticeCode::Late,
                "guarantees were locked after the movement had ended; they are let go",
            );
            cancel(work, &after, &UseStatus::Locked, facts);
            work.event(Event::LateUseCancelled { grns: late });
        }
        return Ok(());
    }
    if after.guarantees.values().any(|usage| usage.status == UseStatus::Asked) {
        return Ok(());
    }
    let refused: Vec<_> = after
        .guarantees
        .iter()
        .filter_map(|(grn, usage)| match &usage.status {
            UseStatus::Refused(reasons) => Some((grn.clone(), reasons.clone())),
            _ => None,
        })
        .collect();
    if refused.is_empty() {
        return underway::release(work, facts);
    }
    work.letter(Letter::GuaranteeNotValid {
        mrn: mrn_of(movement)?,
        accepted: movement.accepted.unwrap_or(facts.now.date()),
        references: refused,
    });
    cancel(work, &after, &UseStatus::Locked, facts);
    work.event(Event::GuaranteesRefused);
    let days = facts.profile.guarantee_amendment_days;
    work.set(TimerKind::GuaranteeAmendment, deadline(facts.now.date(), days));
    Ok(())
}

/// Every answer must be to a question: each guarantee asked and not yet answered.
fn check_answers(movement: &Movement, answers: &[GuaranteeAnswer]) -> Result<(), Refusal> {
    let asked =
        |grn: &Grn| matches!(movement.guarantees.get(grn), Some(usage) if usage.status == UseStatus::Asked);
    if !answers.iter().any(|answer| asked(&answer.grn)) {
        let what = "an answer that is not awaited";
        return Err(Refusal::out_of_sequence(Some("CD205C"), what, movement.phase.as_str()));
    }
    let at = "/CD205C/Guarantee/GuaranteeReference";
    let mut found = Vec::new();
    for answer in answers {
        let grn = Some(answer.grn.as_str());
        if !asked(&answer.grn) {
            found.push(FunctionalError::new(format!("{at}/GRN"), ErrorCode::Rule, NOT_ASKED, grn));
        } else if answer.reasons.is_empty() && answer.office.is_none() {
            // Without the office no later message could end the use.
            let pointer = format!("{at}/CustomsOfficeOfGuarantee");
            found.push(FunctionalError::new(pointer, ErrorCode::ConditionMissing, "C0417", grn));
        }
    }
    if found.is_empty() { Ok(()) } else { Err(Refusal::invalid("CD205C", found)) }
}

/// CD204C to each country whose guarantees have this status.
pub(super) fn cancel(work: &mut Work, movement: &Movement, status: &UseStatus, facts: &Facts) {
    let Some(mrn) = &movement.mrn else { return };
    for letter in settlements(movement, mrn, status, facts.now.date()) {
        work.letter(Letter::GuaranteeUseCancelled(letter));
    }
}

/// One settlement per country for all guarantees in use with this status.
pub(super) fn settlements<T: Copy>(
    movement: &Movement,
    mrn: &Mrn,
    status: &UseStatus,
    at: T,
) -> Vec<GuaranteeSettlement<T>> {
    let uses = movement.uses(status);
    uses.into_iter()
        .map(|(country, uses)| GuaranteeSettlement {
            to: Administration::of(country),
            mrn: mrn.clone(),
            departure: movement.declaration.office_of_departure.clone(),
            at,
            references: uses
                .into_iter()
                .filter_map(|(grn, usage)| Some((usage.kind, grn, usage.office?)))
                .collect::<Vec<(_, Grn, OfficeReference)>>(),
        })
        .filter(|settlement| !settlement.references.is_empty())
        .collect()
}

/// The day by which the consignment must arrive: the declared one, or the office's own (IA Art 297).
pub(super) fn limit(movement: &Movement, facts: &Facts) -> Date {
    let days = i32::from(facts.profile.transit_days);
    movement.limit.unwrap_or(facts.now.date().plus_days(days))
}
