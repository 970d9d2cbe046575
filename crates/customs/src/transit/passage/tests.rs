//! The office of transit, as law reads it.

use super::*;
use crate::fixtures::*;
use crate::{NoticeCode, RefusalKind};
use base::{Administration, Mrn};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn announce() -> Command {
    Command::Announce {
        mrn: mrn(),
        office: office("FR001260"),
        departure: office("GB000060"),
        destination: office("IT279100"),
    }
}

fn cross(mrn: Mrn, at: &str) -> Command {
    Command::Cross { mrn, office: office(at), on: day("2026-11-25") }
}

fn cancel() -> Command {
    Command::Cancel { mrn: mrn(), decided: now() }
}

fn arrived() -> Command {
    Command::NoteArrival { mrn: mrn(), at: Some(now()) }
}

fn nack() -> Command {
    Command::NoteNack { mrn: mrn(), errors: Vec::new() }
}

fn after(commands: impl IntoIterator<Item = Command>) -> State {
    commands.into_iter().fold(None, |mut state, command| {
        let decision = decide(&state, command, &facts("NTA.FR")).expect("the command is accepted");
        decision.events.iter().for_each(|event| apply(&mut state, event));
        state
    })
}

fn refuses(state: &State, command: Command) -> String {
    let refusal = decide(state, command, &facts("NTA.FR")).expect_err("the command is refused");
    refusal.errors.first().map(ToString::to_string).unwrap_or(refusal.words)
}

#[test]
fn the_table_as_people_read_it() {
    insta::assert_snapshot!(crate::table(TRANSITIONS));
}

#[test]
fn an_announced_consignment_crosses_and_departure_is_told() {
    let decision = decide(&after([announce()]), cross(mrn(), "FR001260"), &facts("NTA.FR")).unwrap();
    let Letter::FrontierCrossed { to, on, .. } = &decision.letters[0] else { panic!("CD118C") };
    assert_eq!((to.as_str(), *on), ("NTA.GB", day("2026-11-25")));
    assert_eq!(decision.letters[0].message_type(), "CD118C");
}

#[test]
fn a_crossing_needs_a_record_here_and_happens_once() {
    assert_eq!(
        refuses(&None, cross(mrn(), "FR001260")),
        format!("90 at MRN[.='{0}'] (G0009, found `{0}`)", mrn())
    );
    let announced = after([announce()]);
    assert!(refuses(&announced, cross(mrn(), "FR000060")).contains("announced at `FR001260`"));
    assert!(refuses(&announced, cross(other_mrn(), "FR001260")).starts_with("90"));
    let crossed = after([announce(), cross(mrn(), "FR001260")]);
    assert_eq!(refuses(&crossed, cross(mrn(), "FR001260")), "92 at movement (G0009)");
}

#[test]
fn a_record_is_closed_or_cancelled_before_the_crossing() {
    assert_eq!(after([announce(), arrived()]).unwrap().phase, Phase::Closed);
    let cancelled = after([announce(), cancel()]);
    assert_eq!(refuses(&cancelled, cross(mrn(), "FR001260")), "92 at movement (G0009)");
    assert_eq!(refuses(&cancelled, cancel()), "92 at /CD010C (G0009)");
    assert!(refuses(&None, cancel()).starts_with("90 at /CD010C/TransitOperation/MRN"));
}

#[test]
fn what_comes_after_the_crossing_has_no_effect() {
    let crossed = after([announce(), cross(mrn(), "FR001260")]);
    for command in [cancel(), arrived()] {
        let decision = decide(&crossed, command, &facts("NTA.FR")).unwrap();
        assert!(decision.events.is_empty());
        assert_eq!(decision.notices[0].code, NoticeCode::NoEffect);
    }
}

#[test]
fn a_record_must_be_for_an_office_of_transit_of_ours_and_under_a_true_mrn() {
    let foreign = Command::Announce {
        mrn: mrn(),
        office: office("DE005600"),
        departure: office("GB000060"),
        destination: office("IT279100"),
    };
    assert!(refuses(&None, foreign).starts_with("12 at /CD050C/CustomsOfficeOfTransitDeclared"));
    assert_eq!(refuses(&after([announce()]), announce()), "92 at /CD050C (G0009)");
    let digit = (mrn().expected_check_digit() + 1) % 10;
    let wrong: Mrn = format!("{}{digit}", &mrn().as_str()[..17]).parse().unwrap();
    let command = Command::Announce {
        mrn: wrong,
        office: office("FR001260"),
        departure: office("GB000060"),
        destination: office("IT279100"),
    };
    let refusal = decide(&None, command.clone(), &facts("NTA.FR")).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::UnknownMovement);
    let letter = refuse(&refusal, &command, Administration::parse("NTA.GB").unwrap()).unwrap();
    assert_eq!(letter.message_type(), "CD906C");
    assert!(refusal.errors[0].to_string().starts_with("93 at /CD050C"));
}

#[test]
fn every_phase_meets_every_command_as_the_table_says() {
    let commands = [announce(), cross(mrn(), "FR001260"), cancel(), arrived(), nack()];
    let states = [
        None,
        after([announce()]),
        after([announce(), cross(mrn(), "FR001260")]),
        after([announce(), arrived()]),
        after([announce(), cancel()]),
    ];
    let phase = |state: &State| state.as_ref().map_or(Phase::Absent, |passage| passage.phase);
    assert!(states.iter().map(phase).eq(Phase::ALL));
    assert_eq!(commands.clone().map(|command| command.trigger()), Trigger::COMMANDS);
    let mut walked = BTreeSet::new();
    for state in &states {
        for command in &commands {
            let listed =
                TRANSITIONS.iter().any(|row| row.from == phase(state) && row.on == command.trigger());
            let decided = decide(state, command.clone(), &facts("NTA.FR"));
            assert_eq!(decided.is_ok(), listed, "{command:?} in {}", phase(state));
            let Ok(decision) = decided else { continue };
            let mut after = state.clone();
            decision.events.iter().for_each(|event| apply(&mut after, event));
            let letters: Vec<_> = decision.letters.iter().map(Letter::message_type).collect();
            let phases = distinct(vec![phase(state), phase(&after)]);
            walked.extend(
                walk(TRANSITIONS, command.trigger(), &[], &phases, &letters).expect("a row of the table"),
            );
        }
    }
    assert_eq!(walked.len(), TRANSITIONS.len(), "every row is walked");
}

proptest! {
    #[test]
    fn any_sequence_of_commands_keeps_the_law(steps in prop::collection::vec(0usize..6, 1..20)) {
        let pool =
            [announce(), cross(mrn(), "FR001260"), cross(other_mrn(), "FR001260"), cancel(), arrived(), nack()];
        let mut state: State = None;
        let mut journal = Vec::new();
        let mut crossings = 0;
        for step in steps {
            let Ok(decision) = decide(&state, pool[step].clone(), &facts("NTA.FR")) else { continue };
            for event in &decision.events {
                apply(&mut state, event);
                journal.push(serde_json::to_string(event).unwrap());
            }
            crossings += decision.letters.len();
            prop_assert!(crossings <= 1, "a crossing is told once");
        }
        let mut replayed: State = None;
        journal.iter().for_each(|event| apply(&mut replayed, &serde_json::from_str(event).unwrap()));
        prop_assert_eq!(serde_json::to_vec(&replayed).unwrap(), serde_json::to_vec(&state).unwrap());
    }
}
