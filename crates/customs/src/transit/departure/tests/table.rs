//! The table is the code, and the code is the table.

use super::*;
use crate::RefusalKind;
use std::collections::BTreeSet;

#[test]
fn the_table_as_people_read_it() {
    insta::assert_snapshot!(crate::table(TRANSITIONS));
}

/// Movements in every phase, several where the phase has cases.
fn states() -> Vec<State> {
    let refused = [declare(declaration()), answer("GB", &[InvalidReason::Amount])];
    let mut arrived = released();
    arrived.push(arrive("IT279100"));
    let and = |mut commands: Vec<Command>, more: Command| {
        commands.push(more);
        commands
    };
    let officer = |commands: Vec<Command>| {
        let mut case = Case::new().with(by_officer(facts("NTA.GB")));
        for command in commands {
            case.when(command);
        }
        case.state
    };
    let by_mrn = || withdraw(Reference::Mrn(mrn()));
    vec![
        None,
        Case::given([declare(prelodged())]).state,
        officer(vec![declare(declaration())]),
        officer(vec![declare(Declaration { guarantees: Vec::new(), ..declaration() })]),
        officer(vec![declare(declaration()), control()]),
        officer(vec![declare(Declaration { guarantees: Vec::new(), ..declaration() }), control()]),
        Case::given([declare(declaration())]).state,
        Case::given([declare(three_guarantees()), answer("GB", &[])]).state,
        Case::given(refused).state,
        Case::given(released()).state,
        Case::given(arrived.clone()).state,
        Case::given(and(arrived.clone(), results("B1"))).state,
        Case::given(and(arrived, results("A1"))).state,
        Case::given([declare(declaration()), by_mrn()]).state,
        Case::given(and(released(), Command::Invalidate { justification: "x".into() })).state,
        Case::given([declare(declaration()), refuse_release()]).state,
    ]
}

fn control() -> Command {
    Command::DecideControl { controls: Vec::new(), documents: Vec::new() }
}

fn refuse_release() -> Command {
    Command::RefuseRelease { code: "C1".into(), text: "prohibited goods".into() }
}

pub(super) fn commands() -> Vec<Command> {
    let none = Declaration { guarantees: Vec::new(), ..declaration() };
    let record = |code: &str| Command::RecordControl { code: ResultCode::parse(code).unwrap(), text: None };
    vec![
        declare(declaration()),
        declare(none.clone()),
        declare(prelodged()),
        amend(declaration(), true),
        amend(none, true),
        amend(prelodged(), false),
        withdraw(Reference::Lrn(lrn())),
        withdraw(Reference::Mrn(mrn())),
        Command::Present { lrn: lrn(), holder: None, limit: None },
        control(),
        record("A1"),
        record("B1"),
        Command::DecideRelease,
        refuse_release(),
        answer("GB", &[]),
        answer("GB", &[InvalidReason::Amount]),
        answer("FR", &[]),
        Command::Invalidate { justification: "x".into() },
        cross("FR001260"),
        arrive("IT279100"),
        arrive("IT261101"),
        results("A1"),
        results("B1"),
        Command::Resolve { text: "x".into() },
        Command::NoteNack { mrn: mrn(), errors: Vec::new() },
        Command::PresentationExpired,
        Command::AmendmentExpired,
        Command::ArrivalOverdue,
        Command::ResultsOverdue,
    ]
}

pub(super) fn worlds() -> Vec<Facts> {
    let mut no_rates = facts("NTA.GB");
    no_rates.rates.clear();
    vec![facts("NTA.GB"), by_officer(facts("NTA.GB")), selected(facts("NTA.GB")), no_rates]
}

/// The rows that a decision walks, which must exist.
pub(super) fn rows_walked(state: &State, command: &Command, decision: &Decision) -> Vec<usize> {
    let phase = |state: &State| state.as_ref().map_or(Phase::Absent, |movement| movement.phase);
    let mut after = state.clone();
    let mut phases = vec![phase(state)];
    for event in &decision.events {
        apply(&mut after, event);
        phases.push(phase(&after));
    }
    let letters: Vec<&str> = decision.letters.iter().map(Letter::message_type).collect();
    let then = [Trigger::ThenSelected, Trigger::ThenRegister];
    walk(TRANSITIONS, command.trigger(), &then, &distinct(phases.clone()), &letters)
        .unwrap_or_else(|| panic!("no row for {command:?}: {phases:?} sending {letters:?}"))
}

#[test]
fn every_phase_meets_every_command_as_the_table_says() {
    let mut walked = BTreeSet::new();
    let mut met = BTreeSet::new();
    for state in states() {
        let phase = state.as_ref().map_or(Phase::Absent, |movement| movement.phase);
        for command in commands() {
            for facts in worlds() {
                met.insert((phase, command.trigger()));
                let listed = TRANSITIONS.iter().any(|row| row.from == phase && row.on == command.trigger());
                match decide(&state, command.clone(), &facts) {
                    Ok(decision) => walked.extend(rows_walked(&state, &command, &decision)),
                    Err(refusal) if listed => assert!(!refusal.words.is_empty()),
                    Err(refusal) => assert!(
                        matches!(
                            refusal.kind,
                            RefusalKind::OutOfSequence
                                | RefusalKind::UnknownMovement
                                | RefusalKind::Duplicate
                        ),
                        "{command:?} in {phase}: {refusal:?}"
                    ),
                }
            }
        }
    }
    assert_eq!(met.len(), Phase::ALL.len() * Trigger::COMMANDS.len(), "every phase meets every command");
    let missed: Vec<_> =
        (0..TRANSITIONS.len()).filter(|row| !walked.contains(row)).map(|row| TRANSITIONS[row]).collect();
    assert!(missed.is_empty(), "no test walks {missed:?}");
}

#[test]
fn nothing_leaves_a_final_phase() {
    assert!(TRANSITIONS.iter().all(|row| !row.from.is_final() || row.to == row.from));
}
