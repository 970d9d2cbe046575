//! From the road to discharge: crossings, arrival, control results, write-off (IA 2015/2447 Art 304-312).

use super::decide::{Work, mrn_of};
use super::underway::not_crossed;
use super::{Arrival, Event, Letter, Movement, UseStatus, guarantees};
use crate::period::deadline;
use crate::refusal::NOT_DECLARED;
use crate::transit::ControlResult;
use crate::{ErrorCode, Facts, FunctionalError, NoticeCode, Refusal, TimerKind};
use base::{Administration, Date, OfficeReference};

pub(super) fn crossing(
    work: &mut Work,
    movement: &Movement,
    office: OfficeReference,
    on: Date,
) -> Result<(), Refusal> {
    let what = format!("a crossing at `{office}`");
    match movement.crossings.get(&office) {
        Some(None) => {}
        // Crossed there already.
        Some(Some(_)) => {
            return Err(Refusal::out_of_sequence(Some("CD118C"), what, movement.phase.as_str()));
        }
        None => {
            let pointer = "/CD118C/CustomsOfficeOfTransitActual/referenceNumber";
            let error = FunctionalError::new(pointer, ErrorCode::Rule, "G0150", Some(office.as_str()));
            return Err(Refusal::invalid("CD118C", vec![error]));
        }
    }
    if movement.phase.is_final() {
        work.notice(NoticeCode::Late, format!("{what} was reported after the movement had ended"));
    }
    work.event(Event::FrontierCrossed { office, on });
    Ok(())
}

/// What another office reported before it knew that the movement had ended: an officer has to know.
pub(super) fn late(work: &mut Work, movement: &Movement, what: String) {
    let words = format!("{what} was reported, and the movement is in state `{}`", movement.phase);
    work.notice(NoticeCode::Late, words);
}

pub(super) fn arrive(
    work: &mut Work,
    movement: &Movement,
    arrival: Arrival,
    facts: &Facts,
) -> Result<(), Refusal> {
    let mrn = mrn_of(movement)?;
    let declared = &movement.declaration.office_of_destination;
    if arrival.office.country() != declared.country() {
        // Another country would first have asked for the record (CD002C): without it, it knows nothing of the movement.
        let pointer = "/CD006C/CustomsOfficeOfDestinationActual/referenceNumber";
        let error =
            FunctionalError::new(pointer, ErrorCode::Rule, NOT_DECLARED, Some(arrival.office.as_str()));
        return Err(Refusal::invalid("CD006C", vec![error]));
    }
    let mut unused = not_crossed(movement);
    if arrival.office != *declared {
        unused.entry(declared.country()).or_default();
    }
    work.event(Event::Arrived(arrival.clone()));
    for (country, offices_of_transit) in unused {
        work.letter(Letter::ArrivalForwarded {
            to: Administration::of(country),
            mrn: mrn.clone(),
            arrival: arrival.clone(),
            departure: movement.declaration.office_of_departure.clone(),
            destination: declared.clone(),
            offices_of_transit,
        });
    }
    work.cancel(TimerKind::Arrival);
    work.set(TimerKind::ControlResults, deadline(arrival.at.date(), facts.profile.results_days));
    Ok(())
}

pub(super) fn results(
    work: &mut Work,
    movement: &Movement,
    office: &OfficeReference,
    result: ControlResult,
    seals_intact: Option<bool>,
    facts: &Facts,
) -> Result<(), Refusal> {
    if movement.arrival.as_ref().is_some_and(|arrival| arrival.office != *office) {
        let pointer = "/CD018C/CustomsOfficeOfDestinationActual/referenceNumber";
        let error = FunctionalError::new(pointer, ErrorCode::Rule, "G0042", Some(office.as_str()));
        return Err(Refusal::invalid("CD018C", vec![error]));
    }
    let clean = result.code.is_clean() && seals_intact != Some(false);
    work.event(Event::ResultsNoted { result: result.clone() });
    work.cancel(TimerKind::ControlResults);
    if clean {
        return write_off(work, movement, facts);
    }
    work.event(Event::DiscrepanciesFound);
    work.notice(NoticeCode::Discrepancies, format!("control results are {}", result.code));
    work.letter(Letter::DiscrepanciesFound {
        mrn: mrn_of(movement)?,
        on: facts.now.date(),
        text: result.text,
    });
    Ok(())
}

pub(super) fn write_off(work: &mut Work, movement: &Movement, facts: &Facts) -> Result<(), Refusal> {
    let mrn = mrn_of(movement)?;
    let on = facts.now.date();
    let arrived = movement.arrival.as_ref().map_or(facts.now, |arrival| arrival.at);
    let credits = guarantees::settlements(movement, &mrn, &UseStatus::Locked, arrived);
    work.event(Event::WrittenOff { on });
    work.letter(Letter::WrittenOff { mrn, on });
    for credit in credits {
        work.letter(Letter::AmountCredited(credit));
    }
    Ok(())
}
