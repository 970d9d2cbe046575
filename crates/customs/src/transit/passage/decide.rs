//! The decisions of an office of transit.

use super::{Command, Event, Letter, Passage, Phase, State, TRANSITIONS, apply};
use crate::draft::Draft;
use crate::{ErrorCode, Facts, FunctionalError, Nack, NoticeCode, OfficeRole, Refusal, RefusalKind, Reply};
use base::{Administration, OfficeReference};

/// What a command leads to at an office of transit.
pub type Decision = crate::Decision<Event, Letter>;

/// Decides a command.
///
/// # Errors
/// When there is no record (90), the message is out of sequence (92), or it names an office that is none of transit.
pub fn decide(state: &State, command: Command, facts: &Facts) -> Result<Decision, Refusal> {
    let phase = state.as_ref().map_or(Phase::Absent, |passage| passage.phase);
    let trigger = command.trigger();
    if !TRANSITIONS.iter().any(|row| row.from == phase && row.on == trigger) {
        return Err(match state {
            None => Refusal::unknown(command.message(), Some(command.mrn())),
            Some(passage) => Refusal::out_of_sequence(command.message(), trigger, passage.phase.as_str()),
        });
    }
    let mut work = Draft::new(state, apply);
    match (state, command) {
        (None, Command::Announce { mrn, office, departure, destination }) => {
            if !mrn.check_digit_holds() {
                return Err(Refusal::unknown(Some("CD050C"), Some(&mrn)));
            }
            check_office(&office, facts)?;
            work.event(Event::Announced { mrn, office, departure, destination });
        }
        (Some(passage), command) => decide_known(&mut work, passage, command)?,
        (None, command) => return Err(Refusal::unknown(command.message(), Some(command.mrn()))),
    }
    Ok(work.done())
}

fn decide_known(
    work: &mut Draft<State, Event, Letter>,
    passage: &Passage,
    command: Command,
) -> Result<(), Refusal> {
    if *command.mrn() != passage.mrn {
        return Err(Refusal::unknown(command.message(), Some(command.mrn())));
    }
    let crossed = passage.phase == Phase::Crossed;
    match command {
        // A record comes once: the table lets it meet no record only.
        Command::Announce { .. } => {}
        Command::Cross { office, on, .. } => {
            if office != passage.office {
                return Err(Refusal {
                    kind: RefusalKind::UnknownMovement,
                    message: None,
                    errors: Vec::new(),
                    words: format!(
                        "`{}` is announced at `{}`, not at `{office}`",
                        passage.mrn, passage.office
                    ),
                });
            }
            work.event(Event::Crossed { on });
            work.letter(Letter::FrontierCrossed {
                to: Administration::of(passage.departure.country()),
                mrn: passage.mrn.clone(),
                departure: passage.departure.clone(),
                office,
                on,
            });
        }
        Command::Cancel { .. } | Command::NoteArrival { .. } if crossed => {
            work.notice(
                NoticeCode::NoEffect,
                "the consignment had crossed here before the record was closed",
            );
        }
        Command::Cancel { decided, .. } => work.event(Event::Cancelled { decided }),
        Command::NoteArrival { at, .. } => work.event(Event::Closed { arrived: at }),
        Command::NoteNack { errors, .. } => {
            let first = errors.first().map_or_else(|| "no error named".to_owned(), ToString::to_string);
            work.notice(NoticeCode::PartnerRefused, format!("departure refused our message: {first}"));
            work.event(Event::PartnerRefused { errors });
        }
    }
    Ok(())
}

fn check_office(office: &OfficeReference, facts: &Facts) -> Result<(), Refusal> {
    let foreign = office.country() != facts.country();
    if foreign || facts.has_role(office, OfficeRole::Transit) == Some(false) {
        let pointer = "/CD050C/CustomsOfficeOfTransitDeclared/referenceNumber";
        let error = FunctionalError::new(pointer, ErrorCode::CodeList, "CL173", Some(office.as_str()));
        return Err(Refusal::invalid("CD050C", vec![error]));
    }
    Ok(())
}

/// The letter that tells the administration `sender` of its refused message; none for the carrier, and never a refusal
/// of a refusal (G0085).
pub fn refuse(refusal: &Refusal, command: &Command, sender: Administration) -> Option<Letter> {
    let nack = Nack { to: sender, mrn: Some(command.mrn().clone()), errors: refusal.errors.clone() };
    (refusal.reply() == Reply::Nack && refusal.message.as_deref() != Some("CD906C"))
        .then_some(Letter::Nack(nack))
}
