//! Which rooms there are: transit's three offices and the guarantee account.

use crate::room::{Room, Row};
use customs::guarantee::account;
use customs::transit::{departure, destination, passage};
use customs::{Decision, Facts, Refusal};

/// The office of departure; a case is a declarant and an LRN.
pub struct Departure;

/// The office of transit; a case is an MRN and an office.
pub struct Passage;

/// The office of destination; a case is an MRN.
pub struct Destination;

/// The office of guarantee; a case is a GRN.
pub struct Guarantee;

impl Room for Departure {
    const NAME: &'static str = "departure";
    type State = departure::State;
    type Command = departure::Command;
    type Event = departure::Event;
    type Letter = departure::Letter;

    fn decide(
        state: &Self::State,
        command: Self::Command,
        facts: &Facts,
    ) -> Result<Decision<Self::Event, Self::Letter>, Refusal> {
        departure::decide(state, command, facts)
    }

    fn apply(state: &mut Self::State, event: &Self::Event) {
        departure::apply(state, event);
    }

    fn row(state: &Self::State) -> Option<Row> {
        let movement = state.as_ref()?;
        use departure::Phase;
        let waits = matches!(movement.phase, Phase::Accepted | Phase::UnderControl | Phase::UnderResolution);
        Some(Row {
            mrn: movement.mrn.as_ref().map(ToString::to_string).unwrap_or_default(),
            lrn: movement.lrn.to_string(),
            office: movement.declaration.office_of_departure.to_string(),
            state: movement.phase.to_string(),
            holder: movement.holder().map(ToString::to_string).unwrap_or_default(),
            waits_for_officer: waits,
        })
    }
}

impl Room for Passage {
    const NAME: &'static str = "passage";
    type State = passage::State;
    type Command = passage::Command;
    type Event = passage::Event;
    type Letter = passage::Letter;

    fn decide(
        state: &Self::State,
        command: Self::Command,
        facts: &Facts,
    ) -> Result<Decision<Self::Event, Self::Letter>, Refusal> {
        passage::decide(state, command, facts)
    }

    fn apply(state: &mut Self::State, event: &Self::Event) {
        passage::apply(state, event);
    }

    fn row(state: &Self::State) -> Option<Row> {
        let passage = state.as_ref()?;
        Some(Row {
            mrn: passage.mrn.to_string(),
            lrn: String::new(),
            office: passage.office.to_string(),
            state: passage.phase.to_string(),
            holder: String::new(),
            waits_for_officer: passage.phase == passage::Phase::Announced,
        })
    }
}

impl Room for Destination {
    const NAME: &'static str = "destination";
    type State = destination::State;
    type Command = destination::Command;
    type Event = destination::Event;
    type Letter = destination::Letter;

    fn decide(
        state: &Self::State,
        command: Self::Command,
        facts: &Facts,
    ) -> Result<Decision<Self::Event, Self::Letter>, Refusal> {
        destination::decide(state, command, facts)
    }

    fn apply(state: &mut Self::State, event: &Self::Event) {
        destination::apply(state, event);
    }

    fn row(state: &Self::State) -> Option<Row> {
        let movement = state.as_ref()?;
        use destination::Phase;
        // While an authorised consignee unloads, the next word is the consignee's.
        let waits = matches!(movement.phase, Phase::Arrived | Phase::Unloaded | Phase::UnderResolution);
        let office = movement.arrival.as_ref().map_or(&movement.destination, |arrival| &arrival.office);
        Some(Row {
            mrn: movement.mrn.to_string(),
            lrn: String::new(),
            office: office.to_string(),
            state: movement.phase.to_string(),
            holder: String::new(),
            waits_for_officer: waits,
        })
    }
}

impl Room for Guarantee {
    const NAME: &'static str = "guarantee";
    type State = account::State;
    type Command = account::Command;
    type Event = account::Event;
    type Letter = account::Letter;

    fn decide(
        state: &Self::State,
        command: Self::Command,
        facts: &Facts,
    ) -> Result<Decision<Self::Event, Self::Letter>, Refusal> {
        account::decide(state, command, facts)
    }

    fn apply(state: &mut Self::State, event: &Self::Event) {
        account::apply(state, event);
    }

    fn row(_state: &Self::State) -> Option<Row> {
        None
    }
}
