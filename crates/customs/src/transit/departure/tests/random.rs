//! Whatever comes in whatever order: nothing panics, and what must hold holds.

use super::table::{commands, rows_walked, worlds};
use super::*;
use proptest::prelude::*;

fn cases() -> u32 {
    if std::env::var_os("TIDEWAITER_FULL").is_some() { 20_000 } else { 500 }
}

/// What must hold of a movement at all times.
fn check(before: &State, after: &State) {
    let (Some(before), Some(after)) = (before, after) else {
        return;
    };
    if before.mrn.is_some() {
        assert_eq!(before.mrn, after.mrn, "an MRN never changes");
    }
    if before.phase.is_final() {
        assert_eq!(before.phase, after.phase, "an end is an end");
    }
    let locked = after.guarantees.values().any(|usage| usage.status == UseStatus::Locked);
    assert!(!(after.phase.is_final() && locked), "no lock outlives its movement");
    assert_eq!(after.mrn.is_none(), after.accepted.is_none());
    assert!(after.phase != Phase::Released || after.limit.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn any_sequence_of_commands_keeps_the_law(
        steps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..40)
    ) {
        let (commands, worlds) = (commands(), worlds());
        let mut state: State = None;
        let mut journal = Vec::new();
        for (command, world) in steps {
            let command = command.get(&commands).clone();
            let Ok(decision) = decide(&state, command.clone(), world.get(&worlds)) else { continue };
            rows_walked(&state, &command, &decision);
            let before = state.clone();
            for event in &decision.events {
                apply(&mut state, event);
                journal.push(serde_json::to_string(event).unwrap());
            }
            check(&before, &state);
        }
        let mut replayed: State = None;
        for event in &journal {
            apply(&mut replayed, &serde_json::from_str(event).unwrap());
        }
        prop_assert_eq!(serde_json::to_vec(&replayed).unwrap(), serde_json::to_vec(&state).unwrap());
    }
}
