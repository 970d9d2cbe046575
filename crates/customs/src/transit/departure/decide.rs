//! The decisions of the office of departure.

use super::{Command, Event, Letter, Movement, Phase, Rejection, State, apply, lodging, table, underway};
use crate::draft::Draft;
use crate::transit::Reference;
use crate::{Facts, Nack, Refusal, Reply};
use base::{Administration, Mrn, Timestamp};

/// What a command leads to at the office of departure.
pub type Decision = crate::Decision<Event, Letter>;

pub(super) type Work = Draft<State, Event, Letter>;

/// Decides a command.
///
/// # Errors
/// When it breaks a rule, does not fit the state, or a fact is missing. [`refuse`] makes the letter that tells the sender.
pub fn decide(state: &State, command: Command, facts: &Facts) -> Result<Decision, Refusal> {
    let trigger = command.trigger();
    let phase = state.as_ref().map_or(Phase::Absent, |movement| movement.phase);
    if !table::allows(phase, trigger) {
        return Err(out_of_place(state, &command));
    }
    let mut work = Draft::new(state, apply);
    match command {
        Command::Declare { lrn, declaration } => lodging::declare(&mut work, lrn, declaration, facts)?,
        command => {
            let Some(movement) = state else {
                return Err(unknown(&command));
            };
            check_reference(movement, &command)?;
            decide_known(&mut work, movement, command, facts)?;
        }
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
        // Handled above: a declaration never meets a known movement.
        Command::Declare { .. } => Ok(()),
        Command::Amend { declaration, guarantees_only, submitted, .. } => {
            lodging::amend(work, movement, declaration, guarantees_only, submitted, facts)
        }
        Command::Present { holder, limit, .. } => {
            lodging::present(work, movement, holder.as_ref(), limit, facts)
        }
        Command::RequestInvalidation { requested, justification, .. } => {
            lodging::invalidate_on_request(work, movement, requested, justification, facts);
            Ok(())
        }
        Command::Invalidate { justification } => {
            lodging::invalidate(work, movement, justification, facts);
            Ok(())
        }
        Command::PresentationExpired => {
            let why = "the goods were not presented in time (UCC Art 171)".to_owned();
            lodging::invalidate(work, movement, why, facts);
            Ok(())
        }
        command => underway::decide(work, movement, command, facts),
    }
}

/// A message that names another movement is about one that is not known here. A movement goes by its LRN until it is
/// accepted and by its MRN from then on (C0467): naming it by LRN after that is out of sequence. Only a presentation
/// has no other name for it.
fn check_reference(movement: &Movement, command: &Command) -> Result<(), Refusal> {
    let presents = matches!(command, Command::Present { .. });
    match command.reference() {
        Some(Reference::Mrn(mrn)) if movement.mrn.as_ref() != Some(&mrn) => Err(unknown(command)),
        Some(Reference::Lrn(lrn)) if movement.lrn != lrn => Err(unknown(command)),
        Some(Reference::Lrn(_)) if movement.mrn.is_some() && !presents => {
            let what = format!("{} by LRN (C0467)", command.trigger());
            Err(Refusal::out_of_sequence(command.message(), what, movement.phase.as_str()))
        }
        _ => Ok(()),
    }
}

/// The movement is not known here under the reference that the command gives.
fn unknown(command: &Command) -> Refusal {
    match command.reference() {
        Some(Reference::Lrn(lrn)) => Refusal::unknown_lrn(command.message(), &lrn),
        _ => Refusal::unknown(command.message(), command.mrn()),
    }
}

/// Why a command has no row in the table: because there is no movement, or because it does not fit the phase.
fn out_of_place(state: &State, command: &Command) -> Refusal {
    match (state, command) {
        (Some(movement), Command::Declare { lrn, .. }) => lodging::duplicate(movement, lrn),
        (None, command) => unknown(command),
        (Some(movement), command) => {
            Refusal::out_of_sequence(command.message(), command.trigger(), movement.phase.as_str())
        }
    }
}

/// The letter that tells the sender of a refused command: CC056C to a trader, CD906C to the administration `sender`;
/// none for officers and timers, and never a refusal of a refusal (G0085).
pub fn refuse(
    state: &State,
    refusal: &Refusal,
    named: Option<Reference>,
    sender: Option<Administration>,
    now: Timestamp,
) -> Option<Letter> {
    match refusal.reply() {
        Reply::None | Reply::RejectionAtDestination => None,
        Reply::Nack if refusal.message.as_deref() == Some("CD906C") => None,
        Reply::Nack => Some(Letter::Nack(Nack {
            to: sender?,
            mrn: named.as_ref().and_then(Reference::mrn).cloned(),
            errors: refusal.errors.clone(),
        })),
        Reply::RejectionAtDeparture => {
            let known = state.as_ref().and_then(|movement| movement.mrn.clone()).map(Reference::Mrn);
            // A duplicate declaration is told apart by its own LRN, not by the MRN of the movement that stands.
            let reference = if refusal.rejection_type() == Some("015") { named } else { known.or(named) };
            Some(Letter::Rejected(Rejection {
                reference,
                business_type: refusal.rejection_type().unwrap_or("015").to_owned(),
                at: now,
                errors: refusal.errors.clone(),
                words: refusal.words.clone(),
            }))
        }
    }
}

/// The MRN of an accepted movement.
///
/// Every phase after pre-lodging has one; the refusal exists so that nothing panics on a state from a damaged store.
pub(super) fn mrn_of(movement: &Movement) -> Result<Mrn, Refusal> {
    movement
        .mrn
        .clone()
        .ok_or_else(|| Refusal::fact_missing(format!("LRN `{}` has no MRN yet", movement.lrn)))
}
