//! The table of the office of destination is its code, and its code is the table.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn commands() -> Vec<Command> {
    vec![
        announce(),
        unsealed(),
        silent(),
        arrive(false),
        arrive(true),
        Command::PermitUnloading,
        remark(true, false),
        remark(true, true),
        remark(false, true),
        result("A1", None),
        result("B1", Some("counterfeit goods")),
        Command::ReleaseGoods,
        cancel(),
        nack(),
    ]
}

fn rows_walked(state: &State, command: &Command, decision: &Decision) -> Vec<usize> {
    let phase = |state: &State| state.as_ref().map_or(Phase::Absent, |movement| movement.phase);
    let mut after = state.clone();
    let mut phases = vec![phase(state)];
    for event in &decision.events {
        apply(&mut after, event);
        phases.push(phase(&after));
    }
    let letters: Vec<_> = decision.letters.iter().map(Letter::message_type).collect();
    let then = [Trigger::ThenPermit, Trigger::ThenResult];
    walk(TRANSITIONS, command.trigger(), &then, &distinct(phases.clone()), &letters)
        .unwrap_or_else(|| panic!("no row for {command:?}: {phases:?} sending {letters:?}"))
}

#[test]
fn every_phase_meets_every_command_as_the_table_says() {
    let waits = || by_officer(italy());
    let found = || result("B1", Some("counterfeit goods"));
    let states = [
        None,
        Case::given(italy(), [announce()]).state,
        Case::given(italy(), [unsealed()]).state,
        Case::given(waits(), [announce(), arrive(false)]).state,
        Case::given(waits(), [announce(), arrive(true)]).state,
        Case::given(italy(), [announce(), arrive(true)]).state,
        Case::given(italy(), [announce(), arrive(true), remark(false, true)]).state,
        Case::given(waits(), [announce(), arrive(false), found()]).state,
        Case::given(italy(), [unsealed(), arrive(false)]).state,
        Case::given(italy(), [announce(), cancel()]).state,
    ];
    let (mut walked, mut met) = (BTreeSet::new(), BTreeSet::new());
    for state in &states {
        let phase = state.as_ref().map_or(Phase::Absent, |movement| movement.phase);
        for command in commands() {
            for facts in [italy(), by_officer(italy()), selected(italy())] {
                met.insert((phase, command.trigger()));
                let listed = TRANSITIONS.iter().any(|row| row.from == phase && row.on == command.trigger());
                match decide(state, command.clone(), &facts) {
                    Ok(decision) => walked.extend(rows_walked(state, &command, &decision)),
                    Err(_) if listed => {}
                    Err(refusal) => assert!(
                        matches!(refusal.kind, RefusalKind::OutOfSequence | RefusalKind::UnknownMovement),
                        "{command:?} in {phase}"
                    ),
                }
            }
        }
    }
    assert_eq!(met.len(), Phase::ALL.len() * Trigger::COMMANDS.len());
    let missed: Vec<_> =
        (0..TRANSITIONS.len()).filter(|row| !walked.contains(row)).map(|row| TRANSITIONS[row]).collect();
    assert!(missed.is_empty(), "no test walks {missed:?}");
}

proptest! {
    #[test]
    fn any_sequence_of_commands_keeps_the_law(
        steps in prop::collection::vec((any::<prop::sample::Index>(), 0usize..3), 1..30)
    ) {
        let (commands, worlds) = (commands(), [italy(), by_officer(italy()), selected(italy())]);
        let mut state: State = None;
        let mut journal = Vec::new();
        let mut sent = Vec::new();
        for (command, world) in steps {
            let command = command.get(&commands).clone();
            let Ok(decision) = decide(&state, command.clone(), &worlds[world]) else { continue };
            rows_walked(&state, &command, &decision);
            for event in &decision.events {
                apply(&mut state, event);
                journal.push(serde_json::to_string(event).unwrap());
            }
            sent.extend(decision.letters.iter().map(Letter::message_type));
            for once in ["CD006C", "CD018C", "CC025C", "CC043C"] {
                prop_assert!(sent.iter().filter(|letter| **letter == once).count() <= 1, "{} is sent once", once);
            }
        }
        let mut replayed: State = None;
        journal.iter().for_each(|event| apply(&mut replayed, &serde_json::from_str(event).unwrap()));
        prop_assert_eq!(serde_json::to_vec(&replayed).unwrap(), serde_json::to_vec(&state).unwrap());
    }
}
