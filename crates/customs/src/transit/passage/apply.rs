//! How events change a passage.

use super::{Event, Passage, Phase, State};

/// Applies an event. An event that does not fit the state, which `decide` never produces, changes nothing.
pub fn apply(state: &mut State, event: &Event) {
    match (state.as_mut(), event) {
        (None, Event::Announced { mrn, office, departure, destination }) => {
            *state = Some(Passage {
                phase: Phase::Announced,
                mrn: mrn.clone(),
                office: office.clone(),
                departure: departure.clone(),
                destination: destination.clone(),
                crossed: None,
            });
        }
        (Some(passage), Event::Crossed { on }) => {
            passage.phase = Phase::Crossed;
            passage.crossed = Some(*on);
        }
        (Some(passage), Event::Cancelled { .. }) => passage.phase = Phase::Cancelled,
        (Some(passage), Event::Closed { .. }) => passage.phase = Phase::Closed,
        (Some(_), Event::Announced { .. } | Event::PartnerRefused { .. }) | (None, _) => {}
    }
}
