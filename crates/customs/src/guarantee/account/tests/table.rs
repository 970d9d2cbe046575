//! The table of the use of a guarantee, and its ledger under whatever comes.

use super::*;
use crate::Transition;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn phases_met() -> Vec<(UsePhase, State)> {
    let start = || vec![register(terms()), usage(mrn(), eur("1.00"))];
    let and = |command| start().into_iter().chain([command]);
    vec![
        (UsePhase::None, Case::given([register(terms())]).state),
        (UsePhase::Locked, Case::given(start()).state),
        (UsePhase::Cancelled, Case::given(and(cancel(mrn()))).state),
        (UsePhase::Credited, Case::given(and(credit(mrn()))).state),
    ]
}

#[test]
fn every_phase_meets_every_command_as_the_table_says() {
    let commands = [usage(mrn(), eur("1.00")), usage(mrn(), eur("99999.00")), cancel(mrn()), credit(mrn())];
    let mut walked = BTreeSet::new();
    for (phase, state) in phases_met() {
        assert_eq!(state.as_ref().unwrap().usage(&mrn()), phase);
        for command in &commands {
            let fits =
                |row: &&Transition<UsePhase, Trigger>| row.from == phase && row.on == command.trigger();
            let decided = decide(&state, command.clone(), &facts("NTA.GB"));
            let differs = phase == UsePhase::Locked && *command == usage(mrn(), eur("99999.00"));
            let listed = TRANSITIONS.iter().any(|row| fits(&row)) && !differs;
            assert_eq!(decided.is_ok(), listed, "{command:?} in {phase}");
            let Ok(decision) = decided else { continue };
            let mut after = state.clone();
            decision.events.iter().for_each(|event| apply(&mut after, event));
            let phases = distinct(vec![phase, after.as_ref().unwrap().usage(&mrn())]);
            let letters: Vec<_> = decision.letters.iter().map(Letter::message_type).collect();
            walked.extend(
                walk(TRANSITIONS, command.trigger(), &[], &phases, &letters).expect("a row of the table"),
            );
        }
    }
    assert_eq!(walked.len(), TRANSITIONS.len(), "every row is walked");
}

fn step() -> impl Strategy<Value = (u8, u64, i64)> {
    (0u8..5, 0u64..6, 0i64..600_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("TIDEWAITER_FULL").is_some() { 20_000 } else { 500 }))]

    #[test]
    fn the_ledger_balances_whatever_comes(steps in prop::collection::vec(step(), 1..60), single in any::<bool>()) {
        let kind = if single { GuaranteeType::INDIVIDUAL } else { GuaranteeType::COMPREHENSIVE };
        let mut case = Case::given([register(Terms { kind, ..terms() })]);
        let mut model: BTreeMap<Mrn, i64> = BTreeMap::new();
        let mut journal: Vec<String> = Vec::new();
        let first = case.last.events.clone();
        for (what, serial, cents) in steps {
            let mrn = Mrn::issue(day("2026-11-24"), &office("FR001260"), serial, ProcedureLetter::J).unwrap();
            let amount = Money::from_minor(cents, base::Currency::EUR).unwrap();
            let mut command = match what {
                0 | 1 => usage(mrn.clone(), amount),
                2 => cancel(mrn.clone()),
                3 => credit(mrn.clone()),
                _ => usage(mrn.clone(), eur("10000.00")),
            };
            if let Command::Use { kind: asked, .. } = &mut command {
                *asked = kind;
            }
            let Ok(decision) = decide(&case.state, command, &case.facts) else { continue };
            for event in &decision.events {
                apply(&mut case.state, event);
                journal.push(serde_json::to_string(event).unwrap());
                match event {
                    Event::Locked { mrn, entry, .. } => {
                        prop_assert!(model.insert(mrn.clone(), entry.amount()).is_none(), "locked twice");
                    }
                    Event::Cancelled { mrn, entry, .. } | Event::Credited { mrn, entry, .. } => {
                        prop_assert_eq!(model.remove(mrn), Some(entry.amount()));
                    }
                    _ => {}
                }
            }
            let ledger = &case.account().ledger;
            prop_assert_eq!(ledger.sum(), 0);
            prop_assert!(ledger.available() >= 0);
            prop_assert_eq!(ledger.exposure(), model.values().sum::<i64>());
            let spent = ledger.balance(&LedgerAccount::Spent);
            prop_assert_eq!(ledger.available() + ledger.exposure() + spent, 1_000_000);
        }
        let mut replayed: State = None;
        first.iter().for_each(|event| apply(&mut replayed, event));
        journal.iter().for_each(|event| apply(&mut replayed, &serde_json::from_str(event).unwrap()));
        prop_assert_eq!(serde_json::to_vec(&replayed).unwrap(), serde_json::to_vec(&case.state).unwrap());
    }
}
