//! The conduct of each movement: every legal event happened, and happened once.

use super::Expected;
use super::records::Records;
use crate::stage::Stage;
use base::Country;
use node::Release;
use std::collections::{BTreeMap, BTreeSet};

/// How often each kind of event happened, or must have happened.
type Events = BTreeMap<String, usize>;

/// The events that each stream of each node must have.
type Streams = BTreeMap<(Country, String), Events>;

/// Compares what happened with what had to happen.
pub(super) fn check(stage: &Stage, all: &BTreeMap<Country, Records>, expected: &[Expected]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut wanted = Streams::new();
    for one in expected {
        match stage.accepted(&one.lrn) {
            Some(mrn) => {
                require(stage, &mut wanted, one, &mrn);
                findings.extend(check_states(all, one, &mrn));
            }
            None => findings.push(format!("declaration {} was never accepted", one.lrn)),
        }
    }
    let happened = happened(all);
    let streams: BTreeSet<_> = wanted.keys().chain(happened.keys()).collect();
    for stream in streams {
        let none = Events::new();
        let (want, have) = (wanted.get(stream).unwrap_or(&none), happened.get(stream).unwrap_or(&none));
        for kind in want.keys().chain(have.keys()).collect::<BTreeSet<_>>() {
            let count = |events: &Events| events.get(kind).copied().unwrap_or_default();
            if count(want) != count(have) {
                let (country, name) = stream;
                let (have, want) = (count(have), count(want));
                findings.push(format!("{country} {name}: {kind} happened {have} times instead of {want}"));
            }
        }
    }
    findings
}

fn happened(all: &BTreeMap<Country, Records>) -> Streams {
    let mut streams = Streams::new();
    for (country, records) in all {
        for event in &records.journal {
            let events = streams.entry((*country, event.stream.clone())).or_default();
            *events.entry(event.kind.clone()).or_default() += 1;
        }
    }
    streams
}

/// Adds what one movement must have led to, at each of its offices.
fn require(stage: &Stage, wanted: &mut Streams, one: &Expected, mrn: &str) {
    let mut add = |country: Country, stream: String, kinds: &[(&str, usize)]| {
        let events = wanted.entry((country, stream)).or_default();
        for (kind, times) in kinds.iter().filter(|(_, times)| *times > 0) {
            *events.entry((*kind).to_owned()).or_default() += times;
        }
    };
    // Where release follows by itself, no officer takes a movement under control.
    let controlled = one.controlled && stage.federation.release(one.departure) == Some(Release::ByOfficer);
    let answers: BTreeSet<Country> = one.guarantees.iter().map(base::Grn::country).collect();
    add(
        one.departure,
        format!("departure/{}/{}", one.trader, one.lrn),
        &[
            ("PreLodged", usize::from(one.pre_lodged)),
            ("Presented", usize::from(one.pre_lodged)),
            ("Accepted", usize::from(!one.pre_lodged)),
            ("ControlDecided", usize::from(controlled)),
            ("ControlRecorded", usize::from(controlled)),
            ("RegistrationStarted", 1),
            ("GuaranteesAnswered", answers.len()),
            ("Released", 1),
            ("FrontierCrossed", one.transit.len()),
            ("Arrived", 1),
            ("ResultsNoted", 1),
            ("WrittenOff", 1),
        ],
    );
    for office in &one.transit {
        add(office.country(), format!("passage/{mrn}/{office}"), &[("Announced", 1), ("Crossed", 1)]);
    }
    add(
        one.destination,
        format!("destination/{mrn}"),
        &[
            ("Announced", 1),
            ("Arrived", 1),
            ("UnloadingPermitted", usize::from(one.authorised)),
            ("Remarked", usize::from(one.authorised)),
            ("ResultRecorded", 1),
            ("Released", 1),
        ],
    );
    for grn in &one.guarantees {
        add(grn.country(), format!("guarantee/{grn}"), &[("Locked", 1), ("Credited", 1)]);
    }
    // A guarantee is registered once, however many movements use it.
    for grn in &one.guarantees {
        let events = wanted.entry((grn.country(), format!("guarantee/{grn}"))).or_default();
        events.insert("Registered".to_owned(), 1);
    }
}

/// The rows that lists show at the end.
fn check_states(all: &BTreeMap<Country, Records>, one: &Expected, mrn: &str) -> Vec<String> {
    let mut wanted = vec![
        (one.departure, "departure", format!("{}/{}", one.trader, one.lrn), "WrittenOff"),
        (one.destination, "destination", mrn.to_owned(), "Released"),
    ];
    for office in &one.transit {
        wanted.push((office.country(), "passage", format!("{mrn}/{office}"), "Crossed"));
    }
    let mut findings = Vec::new();
    for (country, room, key, state) in wanted {
        let movements = all.get(&country).map(|records| records.movements.as_slice()).unwrap_or_default();
        let found = movements.iter().find(|(in_room, with_key, _)| in_room == room && *with_key == key);
        let shown = found.map_or("not there", |(_, _, state)| state.as_str());
        if shown != state {
            findings.push(format!("{country} {room}/{key} is {shown} instead of {state}"));
        }
    }
    findings
}
