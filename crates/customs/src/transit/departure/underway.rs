//! From acceptance to release, and what an officer, a timer or a partner adds on the way.

use super::decide::{Work, mrn_of};
use super::letter::uncontrolled;
use super::{Arrival, Command, Event, Letter, Movement, ReleaseFacts, arrival, guarantees, lodging};
use crate::period::deadline;
use crate::transit::{ControlResult, ControlType, RequestedDocument, ResultCode};
use crate::{Facts, NoticeCode, Refusal, Release, Selection, TimerKind};
use base::{Administration, Country, Mrn, OfficeReference};
use std::collections::BTreeMap;

/// Decides what concerns an accepted movement.
pub(super) fn decide(
    work: &mut Work,
    movement: &Movement,
    command: Command,
    facts: &Facts,
) -> Result<(), Refusal> {
    match command {
        Command::DecideControl { controls, documents } => control(work, movement, controls, documents, facts),
        Command::RecordControl { code, text } => record_control(work, movement, code, text, facts),
        Command::DecideRelease => {
            if guarantees::register(work, facts)? {
                return Ok(());
            }
            let words = work.decision.notices.last().map(|notice| notice.words.clone());
            Err(Refusal::fact_missing(words.unwrap_or_else(|| "release is not possible yet".to_owned())))
        }
        Command::RefuseRelease { code, text } => refuse_release(work, movement, code, text, facts),
        Command::AmendmentExpired => {
            let text = "no valid guarantee was given in time".to_owned();
            refuse_release(work, movement, GUARANTEE_NOT_VALID.to_owned(), text, facts)
        }
        Command::AnswerGuarantee { answers, .. } => guarantees::answered(work, movement, answers, facts),
        Command::NoteCrossing { office, on, .. } => arrival::crossing(work, movement, office, on),
        Command::NoteArrival { office, .. } if movement.phase.is_final() => {
            arrival::late(work, movement, format!("an arrival at `{office}`"));
            Ok(())
        }
        Command::NoteResults { office, code, .. } if movement.phase.is_final() => {
            arrival::late(work, movement, format!("the control result {code} of `{office}`"));
            Ok(())
        }
        Command::NoteArrival { office, at, .. } => {
            arrival::arrive(work, movement, Arrival { office, at }, facts)
        }
        Command::NoteResults { office, code, on, seals_intact, text, .. } => {
            let result = ControlResult { code, on, text };
            arrival::results(work, movement, &office, result, seals_intact, facts)
        }
        Command::Resolve { text } => {
            work.event(Event::Resolved { text });
            arrival::write_off(work, movement, facts)
        }
        Command::NoteNack { errors, .. } => {
            let first = errors.first().map_or_else(|| "no error named".to_owned(), ToString::to_string);
            work.notice(NoticeCode::PartnerRefused, format!("a partner refused our message: {first}"));
            work.event(Event::PartnerRefused { errors });
            Ok(())
        }
        Command::ArrivalOverdue => {
            overdue(
                work,
                NoticeCode::Overdue,
                "the consignment has not arrived in time; an enquiry is due (IA Art 310)",
            );
            Ok(())
        }
        Command::ResultsOverdue => {
            overdue(
                work,
                NoticeCode::ResultsOverdue,
                "control results have not come in time; ask the office of destination (IA Art 310)",
            );
            Ok(())
        }
        // Decided before acceptance, by `lodging`.
        Command::Declare { .. }
        | Command::Amend { .. }
        | Command::RequestInvalidation { .. }
        | Command::Present { .. }
        | Command::Invalidate { .. }
        | Command::PresentationExpired => Ok(()),
    }
}

/// The motivation code of CC051C when no valid guarantee was given. The values of CL211 are national; this office uses
/// its own.
const GUARANTEE_NOT_VALID: &str = "G1";

/// The motivation code of CC051C after an unsatisfactory control.
const UNSATISFACTORY: &str = "C1";

/// Documentary control (CL716), when a decision to control names nothing else.
const DOCUMENTARY: &str = "10";

/// After acceptance: control when risk analysis selects, release when it is automatic, else an officer decides.
pub(super) fn after_acceptance(work: &mut Work, facts: &Facts) -> Result<(), Refusal> {
    let Some(movement) = work.state.clone() else {
        return Ok(());
    };
    if let Selection::Selected(controls) = &facts.selection {
        return control(work, &movement, controls.clone(), Vec::new(), facts);
    }
    release_or_wait(work, facts)
}

fn release_or_wait(work: &mut Work, facts: &Facts) -> Result<(), Refusal> {
    match facts.profile.release {
        // Without a rate nothing is registered, and the notice says why.
        Release::Automatic => guarantees::register(work, facts).map(|_| ()),
        Release::ByOfficer => {
            work.notice(NoticeCode::DecisionAwaited, "release for transit awaits an officer");
            Ok(())
        }
    }
}

fn control(
    work: &mut Work,
    movement: &Movement,
    mut controls: Vec<ControlType>,
    documents: Vec<RequestedDocument>,
    facts: &Facts,
) -> Result<(), Refusal> {
    if controls.is_empty() {
        controls.push(ControlType { code: DOCUMENTARY.to_owned(), text: None });
    }
    let at = facts.now;
    let mrn = mrn_of(movement)?;
    work.event(Event::ControlDecided { controls: controls.clone(), documents: documents.clone(), at });
    work.letter(Letter::ControlDecided { mrn, at, controls, documents });
    Ok(())
}

fn record_control(
    work: &mut Work,
    movement: &Movement,
    code: ResultCode,
    text: Option<String>,
    facts: &Facts,
) -> Result<(), Refusal> {
    let clean = code.is_clean();
    let words = text.clone().unwrap_or_else(|| format!("control was not satisfactory ({code})"));
    let result = ControlResult { code, on: facts.now.date(), text };
    work.event(Event::ControlRecorded { result });
    if clean {
        release_or_wait(work, facts)
    } else {
        refuse_release(work, movement, UNSATISFACTORY.to_owned(), words, facts)
    }
}

fn refuse_release(
    work: &mut Work,
    movement: &Movement,
    code: String,
    text: String,
    facts: &Facts,
) -> Result<(), Refusal> {
    let mrn = mrn_of(movement)?;
    work.event(Event::NotReleased { code: code.clone(), text: text.clone() });
    work.letter(Letter::NotReleased { mrn, submitted: movement.lodged, code, text });
    lodging::end(work, movement, facts);
    Ok(())
}

/// Releases the goods: records go to the offices ahead.
pub(super) fn release(work: &mut Work, facts: &Facts) -> Result<(), Refusal> {
    let Some(movement) = work.state.clone() else {
        return Ok(());
    };
    let declaration = &movement.declaration;
    let on = facts.now.date();
    let limit = guarantees::limit(&movement, facts);
    let control = movement.control.clone().unwrap_or_else(|| ControlResult {
        code: uncontrolled(declaration.authorised_consignor),
        on,
        text: None,
    });
    let release = ReleaseFacts {
        lrn: movement.lrn.clone(),
        mrn: mrn_of(&movement)?,
        accepted: movement.accepted.unwrap_or(on),
        released: on,
        limit,
        control: control.clone(),
        covered: movement.guarantees.iter().map(|(grn, usage)| (grn.clone(), usage.amount)).collect(),
    };
    let offices: Vec<OfficeReference> =
        declaration.offices_of_transit.iter().map(|transit| transit.office.clone()).collect();
    let countries = by_country(&offices).into_keys();
    work.event(Event::Released { control, on, limit, offices_of_transit: offices.clone() });
    work.letter(Letter::Released(release.clone()));
    let to = Administration::of(declaration.office_of_destination.country());
    work.letter(Letter::ArrivalRecord { to, release: release.clone() });
    for country in countries {
        let to = Administration::of(country);
        work.letter(Letter::TransitRecord { to, release: release.clone() });
    }
    work.set(TimerKind::Arrival, deadline(limit, facts.profile.arrival_grace_days));
    Ok(())
}

fn by_country(offices: &[OfficeReference]) -> BTreeMap<Country, Vec<OfficeReference>> {
    let mut grouped: BTreeMap<Country, Vec<OfficeReference>> = BTreeMap::new();
    for office in offices {
        grouped.entry(office.country()).or_default().push(office.clone());
    }
    grouped
}

/// Offices of transit that hold an open record, per country.
pub(super) fn not_crossed(movement: &Movement) -> BTreeMap<Country, Vec<OfficeReference>> {
    let open: Vec<OfficeReference> = movement
        .crossings
        .iter()
        .filter(|(_, crossed)| crossed.is_none())
        .map(|(office, _)| office.clone())
        .collect();
    by_country(&open)
}

/// CD010C to every administration that holds an open record, one each (G0170).
pub(super) fn recall_records(work: &mut Work, movement: &Movement, mrn: &Mrn, facts: &Facts) {
    let mut holders = not_crossed(movement);
    let destination = &movement.declaration.office_of_destination;
    holders.entry(destination.country()).or_default();
    for (country, offices_of_transit) in holders {
        work.letter(Letter::MovementCancelled {
            to: Administration::of(country),
            mrn: mrn.clone(),
            decided: facts.now,
            departure: movement.declaration.office_of_departure.clone(),
            destination: destination.clone(),
            offices_of_transit,
        });
    }
}

fn overdue(work: &mut Work, code: NoticeCode, words: &str) {
    work.event(Event::BecameOverdue);
    work.notice(code, words);
}
