//! How events change a movement at its office of departure.

use super::{Event, Movement, Phase, State, UseStatus};

/// Applies an event. An event that does not fit the state, which `decide` never produces, changes nothing.
pub fn apply(state: &mut State, event: &Event) {
    match (&mut *state, event) {
        (None, Event::PreLodged { lrn, declaration, at }) => {
            *state = Some(Movement {
                phase: Phase::PreLodged,
                lrn: lrn.clone(),
                mrn: None,
                limit: declaration.limit_that_counts(),
                declaration: (**declaration).clone(),
                lodged: *at,
                accepted: None,
                amendments: 0,
                control: None,
                guarantees: Default::default(),
                released: None,
                crossings: Default::default(),
                arrival: None,
                result: None,
                overdue: false,
                ended_because: None,
            });
        }
        (None, Event::Accepted { lrn, declaration, mrn, at }) => {
            let lodged = Event::PreLodged { lrn: lrn.clone(), declaration: declaration.clone(), at: *at };
            apply(state, &lodged);
            if let Some(movement) = state {
                movement.phase = Phase::Accepted;
                movement.mrn = Some(mrn.clone());
                movement.accepted = Some(at.date());
            }
        }
        (Some(movement), event) => change(movement, event),
        (None, _) => {}
    }
}

fn change(movement: &mut Movement, event: &Event) {
    match event {
        // A movement is lodged once.
        Event::PreLodged { .. } | Event::Accepted { .. } => {}
        Event::Presented { mrn, at, limit } => {
            movement.phase = Phase::Accepted;
            movement.mrn.get_or_insert_with(|| mrn.clone());
            movement.accepted = Some(at.date());
            movement.limit = limit.or(movement.limit);
        }
        Event::Amended { declaration, .. } => {
            // The declared limit date replaces the old one, also when it is taken away. One that stays as it was says
            // nothing against another that came with the presentation.
            if declaration.limit_that_counts() != movement.declaration.limit_that_counts() {
                movement.limit = declaration.limit_that_counts();
            }
            movement.declaration = (**declaration).clone();
            movement.amendments = movement.amendments.saturating_add(1);
        }
        Event::ControlDecided { .. } => movement.phase = Phase::UnderControl,
        Event::ControlRecorded { result } => {
            if result.code.is_clean() {
                movement.phase = Phase::Accepted;
            }
            movement.control = Some(result.clone());
        }
        Event::RegistrationStarted { guarantees } => {
            movement.phase = Phase::GuaranteeRegistration;
            movement.guarantees = guarantees.clone();
        }
        Event::RegistrationHeld => movement.phase = Phase::Accepted,
        Event::GuaranteesAnswered { answers } => {
            for answer in answers {
                if let Some(usage) = movement.guarantees.get_mut(&answer.grn) {
                    usage.office = answer.office.clone();
                    usage.status = if answer.reasons.is_empty() {
                        UseStatus::Locked
                    } else {
                        UseStatus::Refused(answer.reasons.clone())
                    };
                }
            }
        }
        Event::GuaranteesRefused => {
            movement.phase = Phase::GuaranteeUnderAmendment;
            settle(movement, UseStatus::Cancelled);
        }
        Event::LateUseCancelled { .. } => settle(movement, UseStatus::Cancelled),
        Event::InvalidationRefused { .. } | Event::PartnerRefused { .. } => {}
        event => change_underway(movement, event),
    }
}

fn change_underway(movement: &mut Movement, event: &Event) {
    match event {
        Event::Released { control, on, limit, offices_of_transit } => {
            movement.phase = Phase::Released;
            movement.control = Some(control.clone());
            movement.released = Some(*on);
            movement.limit = Some(*limit);
            movement.crossings = offices_of_transit.iter().map(|office| (office.clone(), None)).collect();
        }
        Event::NotReleased { text, .. } => {
            movement.phase = Phase::NotReleased;
            movement.ended_because = Some(text.clone());
            settle(movement, UseStatus::Cancelled);
        }
        Event::Invalidated { justification, .. } => {
            movement.phase = Phase::Cancelled;
            movement.ended_because = justification.clone();
            settle(movement, UseStatus::Cancelled);
        }
        Event::FrontierCrossed { office, on } => {
            movement.crossings.insert(office.clone(), Some(*on));
        }
        Event::Arrived(arrival) => {
            movement.phase = Phase::Arrived;
            movement.arrival = Some(arrival.clone());
            movement.overdue = false;
        }
        Event::ResultsNoted { result } => {
            movement.result = Some(result.clone());
            movement.overdue = false;
        }
        Event::DiscrepanciesFound => movement.phase = Phase::UnderResolution,
        Event::WrittenOff { .. } => {
            movement.phase = Phase::WrittenOff;
            settle(movement, UseStatus::Credited);
        }
        Event::BecameOverdue => movement.overdue = true,
        _ => {}
    }
}

/// Ends every use that is locked.
fn settle(movement: &mut Movement, status: UseStatus) {
    for usage in movement.guarantees.values_mut() {
        if usage.status == UseStatus::Locked {
            usage.status = status.clone();
        }
    }
}
