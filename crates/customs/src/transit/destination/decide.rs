//! The decisions of the office of destination.

use super::{
    Command, Event, Letter, Movement, Notification, Phase, Rejection, State, UnloadingRemark, apply, table,
};
use crate::draft::Draft;
use crate::refusal::NOT_DECLARED;
use crate::transit::{ControlResult, ResultCode};
use crate::{
    ErrorCode, Facts, FunctionalError, Nack, NoticeCode, OfficeRole, Refusal, RefusalKind, Release, Reply,
    Selection,
};
use base::{Administration, Date, Eori, Mrn, OfficeReference, Timestamp};

/// What a command leads to at the office of destination.
pub type Decision = crate::Decision<Event, Letter>;

type Work = Draft<State, Event, Letter>;

/// Decides a command.
///
/// # Errors
/// When there is no record (90, 93), the message is out of sequence (92), or it breaks a rule. [`refuse`] makes the
/// letter that tells the sender.
pub fn decide(state: &State, command: Command, facts: &Facts) -> Result<Decision, Refusal> {
    let phase = state.as_ref().map_or(Phase::Absent, |movement| movement.phase);
    let trigger = command.trigger();
    if !table::allows(phase, trigger) {
        return Err(match state {
            None => Refusal::unknown(command.message(), command.mrn()),
            Some(movement) => Refusal::out_of_sequence(command.message(), trigger, movement.phase.as_str()),
        });
    }
    let mut work = Draft::new(state, apply);
    match (state, command) {
        (None, Command::Announce { mrn, departure, destination, seals }) => {
            if !mrn.check_digit_holds() {
                return Err(Refusal::unknown(Some("CD001C"), Some(&mrn)));
            }
            check_declared(&destination, facts)?;
            work.event(Event::Announced { mrn, departure, destination, seals });
        }
        (Some(movement), command) => {
            if command.mrn().is_some_and(|mrn| *mrn != movement.mrn) {
                return Err(Refusal::unknown(command.message(), command.mrn()));
            }
            decide_known(&mut work, movement, command, facts)?;
        }
        (None, command) => return Err(Refusal::unknown(command.message(), command.mrn())),
    }
    Ok(work.done())
}

fn decide_known(
    work: &mut Work,
    movement: &Movement,
    command: Command,
    facts: &Facts,
) -> Result<(), Refusal> {
    match command {
        // A record comes once: the table lets it meet no record only.
        Command::Announce { .. } => Ok(()),
        Command::NotifyArrival { office, trader, at, simplified, .. } => {
            arrive(work, movement, Notification { office, trader, at, simplified }, facts)
        }
        Command::PermitUnloading => permit(work, movement),
        Command::Remark { office, trader, remark, .. } => {
            unloaded(work, movement, &office, &trader, remark, facts)
        }
        Command::RecordResult { code, seals_intact, text } => {
            let result = ControlResult { code, on: facts.now.date(), text };
            record(work, result, seals_intact, facts)
        }
        Command::ReleaseGoods => release(work, facts.now.date()),
        Command::Cancel { decided, .. } if movement.phase != Phase::Announced => {
            let words = format!(
                "departure cancelled the movement at {decided}, and here it is in state `{}`",
                movement.phase
            );
            work.notice(NoticeCode::Late, words);
            Ok(())
        }
        Command::Cancel { decided, .. } => {
            work.event(Event::Cancelled { decided });
            Ok(())
        }
        Command::NoteNack { errors, .. } => {
            let first = errors.first().map_or_else(|| "no error named".to_owned(), ToString::to_string);
            work.notice(NoticeCode::PartnerRefused, format!("departure refused our message: {first}"));
            work.event(Event::PartnerRefused { errors });
            Ok(())
        }
    }
}

fn check_declared(destination: &OfficeReference, facts: &Facts) -> Result<(), Refusal> {
    let foreign = destination.country() != facts.country();
    if foreign || facts.has_role(destination, OfficeRole::Destination) == Some(false) {
        let pointer = "/CD001C/CustomsOfficeOfDestinationDeclared/referenceNumber";
        let error = FunctionalError::new(pointer, ErrorCode::CodeList, "CL172", Some(destination.as_str()));
        return Err(Refusal::invalid("CD001C", vec![error]));
    }
    Ok(())
}

fn arrive(work: &mut Work, movement: &Movement, arrival: Notification, facts: &Facts) -> Result<(), Refusal> {
    if arrival.office != movement.destination {
        let pointer = "/CC007C/CustomsOfficeOfDestinationActual/referenceNumber";
        let error =
            FunctionalError::new(pointer, ErrorCode::Rule, NOT_DECLARED, Some(arrival.office.as_str()));
        let mut refusal = Refusal::invalid("CC007C", vec![error]);
        refusal.words = format!(
            "`{}` is announced at `{}`; arrival at `{}` would be a diversion",
            movement.mrn, movement.destination, arrival.office
        );
        return Err(refusal);
    }
    let simplified = arrival.simplified;
    work.letter(Letter::ArrivalAdvice {
        to: Administration::of(movement.departure.country()),
        mrn: movement.mrn.clone(),
        at: arrival.at,
        departure: movement.departure.clone(),
        office: arrival.office.clone(),
    });
    work.event(Event::Arrived(arrival));
    if !follows(facts) {
        work.notice(
            NoticeCode::DecisionAwaited,
            if simplified { "unloading awaits an officer" } else { "control results await an officer" },
        );
        return Ok(());
    }
    if simplified {
        return permit(work, movement);
    }
    if movement.seals > 0 {
        work.notice(NoticeCode::DecisionAwaited, "the state of the seals awaits an officer (C0810)");
        return Ok(());
    }
    automatic_result(work, None, facts)
}

/// Whether the next step follows by itself: clearance is automatic and nothing is selected for control.
fn follows(facts: &Facts) -> bool {
    facts.profile.clearance == Release::Automatic && facts.selection == Selection::None
}

fn permit(work: &mut Work, movement: &Movement) -> Result<(), Refusal> {
    let Some(arrival) = work.state.as_ref().and_then(|movement| movement.arrival.clone()) else {
        return Err(Refusal::fact_missing(format!("`{}` has no arrival", movement.mrn)));
    };
    if !arrival.simplified {
        let phase = "Arrived, normal procedure";
        return Err(Refusal::out_of_sequence(None, "an unloading permission", phase));
    }
    work.event(Event::UnloadingPermitted);
    work.letter(Letter::UnloadingPermission {
        mrn: movement.mrn.clone(),
        office: arrival.office,
        trader: arrival.trader,
    });
    Ok(())
}

fn unloaded(
    work: &mut Work,
    movement: &Movement,
    office: &OfficeReference,
    trader: &Eori,
    remark: UnloadingRemark,
    facts: &Facts,
) -> Result<(), Refusal> {
    let mut found = Vec::new();
    if let Some(arrival) = &movement.arrival {
        let mut differs = |at: &str, value: &str| {
            found.push(FunctionalError::new(format!("/CC044C/{at}"), ErrorCode::Rule, "G0042", Some(value)));
        };
        if arrival.office != *office {
            differs("CustomsOfficeOfDestinationActual/referenceNumber", office.as_str());
        }
        if arrival.trader != *trader {
            differs("TraderAtDestination/identificationNumber", trader.as_str());
        }
    }
    if !found.is_empty() {
        return Err(Refusal::invalid("CC044C", found));
    }
    work.event(Event::Remarked(remark.clone()));
    if !remark.complete {
        return Ok(());
    }
    let seals_untold = movement.seals > 0 && remark.seals_intact.is_none();
    if seals_untold {
        work.notice(
            NoticeCode::SealsNotTold,
            "the unloading remarks do not tell the state of the seals (C0440)",
        );
    }
    if follows(facts) && remark.conform && remark.seals_intact != Some(false) && !seals_untold {
        return automatic_result(work, remark.seals_intact, facts);
    }
    work.notice(NoticeCode::DecisionAwaited, "unloading is complete; control results await an officer");
    Ok(())
}

fn automatic_result(work: &mut Work, seals_intact: Option<bool>, facts: &Facts) -> Result<(), Refusal> {
    let result =
        ControlResult { code: ResultCode::considered_satisfactory(), on: facts.now.date(), text: None };
    record(work, result, seals_intact, facts)
}

/// Records a result: departure is told, and clean goods are released.
fn record(
    work: &mut Work,
    mut result: ControlResult,
    seals_intact: Option<bool>,
    facts: &Facts,
) -> Result<(), Refusal> {
    let Some(movement) = work.state.clone() else {
        return Ok(());
    };
    let remark = movement.remark.as_ref();
    // With seals on the consignment their state should be told (C0810): as found, else as the consignee saw them. What
    // nobody told is not made up.
    let told = seals_intact.or(remark.and_then(|remark| remark.seals_intact));
    let seals_intact = told.filter(|_| movement.seals > 0);
    if movement.seals > 0 && seals_intact.is_none() {
        let words = "the control results go to departure without the state of the seals (C0810)";
        work.notice(NoticeCode::SealsNotTold, words);
    }
    let clean = result.code.is_clean() && seals_intact != Some(false);
    if !clean {
        result.text = result.text.or(remark.and_then(|remark| remark.text.clone()));
        if result.code.is_clean() || result.text.is_none() {
            return Err(unexplained(&movement, &result));
        }
    }
    let office = movement.arrival.as_ref().map_or(&movement.destination, |arrival| &arrival.office);
    work.letter(Letter::ControlResults {
        to: Administration::of(movement.departure.country()),
        mrn: movement.mrn.clone(),
        departure: movement.departure.clone(),
        office: office.clone(),
        code: result.code.clone(),
        on: result.on,
        seals_intact,
        text: result.text.clone(),
    });
    work.event(Event::ResultRecorded { result, clean });
    if clean {
        return release(work, facts.now.date());
    }
    work.notice(NoticeCode::Discrepancies, "the goods are held until discrepancies are resolved");
    Ok(())
}

/// A result that departure could not act on: broken seals under a clean code, or discrepancies that are not described.
fn unexplained(movement: &Movement, result: &ControlResult) -> Refusal {
    let (pointer, code, rule, words) = if result.code.is_clean() {
        let words =
            format!("seals are not in good state, so the result is A5 or B1, not `{}` (G0017)", result.code);
        ("ControlResult/code", ErrorCode::Rule, "G0017", words)
    } else {
        let words = format!("the result `{}` of `{}` needs a description (C0930)", result.code, movement.mrn);
        ("ControlResult/text", ErrorCode::ConditionMissing, "C0930", words)
    };
    Refusal {
        kind: RefusalKind::Invalid,
        message: None,
        errors: vec![FunctionalError::new(pointer, code, rule, Some(result.code.as_str()))],
        words,
    }
}

fn release(work: &mut Work, on: Date) -> Result<(), Refusal> {
    let Some(movement) = work.state.clone() else {
        return Ok(());
    };
    let Some(arrival) = movement.arrival else {
        return Err(Refusal::fact_missing(format!("`{}` has no arrival", movement.mrn)));
    };
    work.event(Event::Released { on });
    work.letter(Letter::GoodsReleased {
        mrn: movement.mrn,
        on,
        office: arrival.office,
        trader: arrival.trader,
    });
    Ok(())
}

/// The letter that tells the sender of a refused message: CC057C to the trader, CD906C to the administration `sender`;
/// none for officers, and never a refusal of a refusal (G0085).
pub fn refuse(
    refusal: &Refusal,
    command: &Command,
    sender: Option<Administration>,
    now: Timestamp,
) -> Option<Letter> {
    let rejected = |mrn: &Mrn, office: &OfficeReference, trader: &Eori| {
        Letter::Rejected(Rejection {
            mrn: mrn.clone(),
            business_type: refusal.rejection_type().unwrap_or("007").to_owned(),
            at: now,
            office: office.clone(),
            trader: Some(trader.clone()),
            errors: refusal.errors.clone(),
            words: refusal.words.clone(),
        })
    };
    match command {
        Command::NotifyArrival { mrn, office, trader, .. } | Command::Remark { mrn, office, trader, .. } => {
            Some(rejected(mrn, office, trader))
        }
        Command::NoteNack { .. } => None,
        command if refusal.reply() == Reply::Nack => Some(Letter::Nack(Nack {
            to: sender?,
            mrn: command.mrn().cloned(),
            errors: refusal.errors.clone(),
        })),
        _ => None,
    }
}
