//! How events change a movement at its office of destination.

use super::{Event, Movement, Phase, State};

/// Applies an event. An event that does not fit the state, which `decide` never produces, changes nothing.
pub fn apply(state: &mut State, event: &Event) {
    match (state.as_mut(), event) {
        (None, Event::Announced { mrn, departure, destination, seals }) => {
            *state = Some(Movement {
                phase: Phase::Announced,
                mrn: mrn.clone(),
                departure: departure.clone(),
                destination: destination.clone(),
                seals: *seals,
                arrival: None,
                remark: None,
                result: None,
                released: None,
            });
        }
        (Some(movement), event) => change(movement, event),
        (None, _) => {}
    }
}

fn change(movement: &mut Movement, event: &Event) {
    match event {
        // A record comes once; a partner's refusal is for an officer.
        Event::Announced { .. } | Event::PartnerRefused { .. } => {}
        Event::Arrived(notification) => {
            movement.phase = Phase::Arrived;
            movement.arrival = Some(notification.clone());
        }
        Event::UnloadingPermitted => movement.phase = Phase::Unloading,
        Event::Remarked(remark) => {
            if remark.complete {
                movement.phase = Phase::Unloaded;
            }
            movement.remark = Some(remark.clone());
        }
        Event::ResultRecorded { result, clean } => {
            movement.result = Some(result.clone());
            if !clean {
                movement.phase = Phase::UnderResolution;
            }
        }
        Event::Released { on } => {
            movement.phase = Phase::Released;
            movement.released = Some(*on);
        }
        Event::Cancelled { .. } => movement.phase = Phase::Cancelled,
    }
}
