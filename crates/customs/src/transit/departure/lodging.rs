//! From the declaration to its acceptance, and its invalidation.

use super::decide::{Work, mrn_of};
use super::{Event, Letter, Movement, Phase, UseStatus, gate, guarantees, underway};
use crate::period::deadline;
use crate::transit::{AdditionalType, Declaration, Reference};
use crate::{ErrorCode, Facts, FunctionalError, NoticeCode, Refusal, RefusalKind, TimerKind};
use base::{Date, Eori, Lrn, Mrn, Timestamp};

pub(super) fn declare(
    work: &mut Work,
    lrn: Lrn,
    declaration: Box<Declaration>,
    facts: &Facts,
) -> Result<(), Refusal> {
    gate::check(work, "CC015C", &declaration, facts)?;
    note_limit(work, declaration.limit, declaration.authorised_consignor, facts);
    let at = facts.now;
    match declaration.additional {
        AdditionalType::PreLodged => {
            work.event(Event::PreLodged { lrn: lrn.clone(), declaration, at });
            work.letter(Letter::Acknowledged { lrn });
            work.set(TimerKind::Presentation, deadline(at.date(), facts.profile.presentation_days));
        }
        AdditionalType::Standard => {
            let mrn = offered(facts)?;
            work.event(Event::Accepted { lrn: lrn.clone(), declaration, mrn: mrn.clone(), at });
            work.letter(Letter::Acknowledged { lrn: lrn.clone() });
            accepted(work, lrn, mrn, facts)?;
        }
    }
    Ok(())
}

/// A second declaration under the LRN of a movement that stands.
pub(super) fn duplicate(movement: &Movement, lrn: &Lrn) -> Refusal {
    let pointer = "/CC015C/TransitOperation/LRN";
    let error = FunctionalError::new(pointer, ErrorCode::Duplicate, "C0467", Some(lrn.as_str()));
    let mut refusal = Refusal::invalid("CC015C", vec![error]);
    refusal.kind = RefusalKind::Duplicate;
    refusal.words = format!(
        "a movement with LRN `{lrn}` of this declarant is in state `{}`; use another LRN",
        movement.phase
    );
    refusal
}

pub(super) fn present(
    work: &mut Work,
    movement: &Movement,
    holder: Option<&Eori>,
    limit: Option<Date>,
    facts: &Facts,
) -> Result<(), Refusal> {
    if holder.is_some() && holder != movement.holder() {
        let pointer = "/CC170C/HolderOfTheTransitProcedure/identificationNumber";
        let error = FunctionalError::new(pointer, ErrorCode::Rule, "R0520", holder.map(Eori::as_str));
        return Err(Refusal::invalid("CC170C", vec![error]));
    }
    let may_set = movement.declaration.authorised_consignor;
    note_limit(work, limit, may_set, facts);
    let limit = limit.filter(|_| may_set);
    let mrn = offered(facts)?;
    work.event(Event::Presented { mrn: mrn.clone(), at: facts.now, limit });
    work.cancel(TimerKind::Presentation);
    accepted(work, movement.lrn.clone(), mrn, facts)
}

/// What follows acceptance: the MRN goes out; then control if risk analysis selects, or release if it is automatic.
fn accepted(work: &mut Work, lrn: Lrn, mrn: Mrn, facts: &Facts) -> Result<(), Refusal> {
    let accepted = facts.now.date();
    work.letter(Letter::MrnAllocated { lrn, mrn: mrn.clone(), accepted });
    underway::after_acceptance(work, facts)
}

fn offered(facts: &Facts) -> Result<Mrn, Refusal> {
    match &facts.offered_mrn {
        Some(mrn) if mrn.country() == facts.country() && mrn.check_digit_holds() => Ok(mrn.clone()),
        Some(mrn) => Err(Refusal::fact_missing(format!(
            "the offered MRN `{mrn}` is not one of {}; issue it from this administration's counter",
            facts.administration
        ))),
        None => Err(Refusal::fact_missing("no MRN is offered, so the declaration cannot be accepted")),
    }
}

/// Notes a limit date that does not count, since only an authorised consignor may set one (C0839, C0840), and one that
/// lies in the past.
fn note_limit(work: &mut Work, limit: Option<Date>, may_set: bool, facts: &Facts) {
    let Some(limit) = limit else { return };
    if !may_set {
        let words = format!(
            "the limit date {limit} does not count: no authorisation C521 is declared (C0839, C0840); \
             the office sets it at release"
        );
        work.notice(NoticeCode::LimitNotCounted, words);
    } else if limit < facts.now.date() {
        work.notice(NoticeCode::LimitInThePast, format!("the limit date {limit} lies in the past"));
    }
}

pub(super) fn amend(
    work: &mut Work,
    movement: &Movement,
    declaration: Box<Declaration>,
    guarantees_only: bool,
    submitted: Timestamp,
    facts: &Facts,
) -> Result<(), Refusal> {
    check_amendment(work, movement, &declaration, guarantees_only)?;
    gate::check(work, "CC013C", &declaration, facts)?;
    note_limit(work, declaration.limit, declaration.authorised_consignor, facts);
    work.event(Event::Amended { declaration, at: facts.now });
    work.letter(Letter::AmendmentAccepted { reference: reference(movement), submitted, accepted: facts.now });
    if movement.phase == Phase::GuaranteeUnderAmendment {
        work.cancel(TimerKind::GuaranteeAmendment);
        guarantees::register_again(work, facts)?;
    }
    Ok(())
}

/// R0520: under guarantee amendment the flag is 1 and nothing but guarantees differs; otherwise it is 0 and certain
/// parts stay as they were.
fn check_amendment(
    work: &mut Work,
    movement: &Movement,
    amended: &Declaration,
    guarantees_only: bool,
) -> Result<(), Refusal> {
    let before = &movement.declaration;
    let mut found = Vec::new();
    let mut broken = |at: &str, value: Option<&str>| {
        found.push(FunctionalError::new(format!("/CC013C/{at}"), ErrorCode::Rule, "R0520", value));
    };
    let expected = movement.phase == Phase::GuaranteeUnderAmendment;
    if guarantees_only != expected {
        let flag = if guarantees_only { "1" } else { "0" };
        broken("TransitOperation/amendmentTypeFlag", Some(flag));
    }
    if amended.kind != before.kind {
        broken("TransitOperation/declarationType", Some(amended.kind.code()));
    }
    if amended.additional != before.additional {
        broken("TransitOperation/additionalDeclarationType", Some(amended.additional.code()));
    }
    if amended.security != before.security {
        broken("TransitOperation/security", Some(amended.security.code()));
    }
    if amended.office_of_departure != before.office_of_departure {
        broken("CustomsOfficeOfDeparture/referenceNumber", Some(amended.office_of_departure.as_str()));
    }
    if amended.holder != before.holder {
        broken("HolderOfTheTransitProcedure", amended.holder.identification.as_ref().map(Eori::as_str));
    }
    if amended.representative != before.representative {
        broken("Representative", amended.representative.as_ref().map(Eori::as_str));
    }
    if guarantees_only {
        match (&before.content, &amended.content) {
            (Some(before), Some(after)) if before != after => broken("Consignment", None),
            (Some(_), Some(_)) => {}
            _ => work.notice(
                NoticeCode::NotChecked,
                "whether the amendment changes more than guarantees was not checked (R0520)",
            ),
        }
    } else if let (Some(before), Some(after)) = (&before.commodities, &amended.commodities)
        && before != after
    {
        broken("Consignment/HouseConsignment/ConsignmentItem/Commodity/CommodityCode", None);
    }
    if found.is_empty() { Ok(()) } else { Err(Refusal::invalid("CC013C", found)) }
}

/// How messages with the trader name the movement (C0467).
pub(super) fn reference(movement: &Movement) -> Reference {
    match &movement.mrn {
        Some(mrn) => Reference::Mrn(mrn.clone()),
        None => Reference::Lrn(movement.lrn.clone()),
    }
}

pub(super) fn invalidate_on_request(
    work: &mut Work,
    movement: &Movement,
    requested: Timestamp,
    justification: Option<String>,
    facts: &Facts,
) {
    // The trader has been told of the examination, so it comes first (UCC Art 174(1), second subparagraph).
    let granted = movement.phase != Phase::UnderControl;
    let why = if granted {
        justification
    } else {
        Some("the goods are selected for examination, which comes first (UCC Art 174(1))".to_owned())
    };
    work.event(if granted {
        Event::Invalidated { by_customs: false, at: facts.now, justification: why.clone() }
    } else {
        Event::InvalidationRefused { at: facts.now }
    });
    work.letter(Letter::InvalidationDecided {
        reference: reference(movement),
        requested: Some(requested),
        decided: facts.now,
        granted,
        justification: why,
    });
    if granted {
        end(work, movement, facts);
    }
}

pub(super) fn invalidate(work: &mut Work, movement: &Movement, justification: String, facts: &Facts) {
    work.event(Event::Invalidated {
        by_customs: true,
        at: facts.now,
        justification: Some(justification.clone()),
    });
    work.letter(Letter::InvalidationDecided {
        reference: reference(movement),
        requested: None,
        decided: facts.now,
        granted: true,
        justification: Some(justification),
    });
    if movement.phase == Phase::Released
        && let Ok(mrn) = mrn_of(movement)
    {
        underway::recall_records(work, movement, &mrn, facts);
    }
    end(work, movement, facts);
}

/// Ends a movement that will not be discharged: guarantees are let go, timers stop.
pub(super) fn end(work: &mut Work, movement: &Movement, facts: &Facts) {
    guarantees::cancel(work, movement, &UseStatus::Locked, facts);
    let timer = match movement.phase {
        Phase::PreLodged => TimerKind::Presentation,
        Phase::GuaranteeUnderAmendment => TimerKind::GuaranteeAmendment,
        Phase::Released => TimerKind::Arrival,
        _ => return,
    };
    work.cancel(timer);
}
