//! The federation under faults: nothing that must never happen, for every seed, and the same trace every time.
//!
//! A seed that fails is printed with the command that shows its whole trace.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base::Country;
use sim::{Activity, Fault, Level, Run, Scenario, play, sweep};
use std::time::Duration;

/// How many seeds are played of each level every day, and with `TIDEWAITER_FULL=1`. `cargo xtask simulate` plays 10,000, optimised.
const SEEDS: u64 = 50;
const ALL_SEEDS: u64 = 500;

/// Of how many it is proved that they run the same way twice.
const TWICE: u64 = 5;

fn full() -> bool {
    std::env::var("TIDEWAITER_FULL").is_ok_and(|value| value == "1")
}

/// Uses up some numbers of tasks, which all runtimes of a process share: a second run must not depend on them.
fn shift_task_numbers() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for _ in 0..3 {
            tokio::spawn(async {}).await.unwrap();
        }
    });
}

fn well(scenario: &Scenario) -> Run {
    let run = play(scenario).unwrap();
    assert!(run.violations.is_empty(), "seed {}: {}", scenario.seed, run.violations.join("\n"));
    run
}

fn all_end_well(level: Level) {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let count = if full() { ALL_SEEDS } else { SEEDS };
    let sweep = sweep(level, 0..count, processors, |_| ());
    println!("{level:?}\n{sweep}");
    assert_eq!((sweep.runs, sweep.failed), (count, 0), "{sweep}");
    for fault in Fault::ALL {
        assert!(sweep.faults.contains_key(&fault), "no seed had a fault of the kind `{fault}`");
    }
    for activity in Activity::ALL {
        assert!(sweep.done.contains_key(&activity), "in no seed there was a `{activity}`");
    }
    assert!(sweep.nodes.keys().max() >= Some(&8) && sweep.nodes.contains_key(&2), "{:?}", sweep.nodes);
}

#[test]
fn every_seed_with_customs_ends_well() {
    all_end_well(Level::Customs);
}

#[test]
fn every_seed_of_letters_alone_ends_well() {
    all_end_well(Level::Letters);
}

#[test]
fn a_seed_runs_the_same_way_twice() {
    for seed in 0..TWICE {
        for level in [Level::Customs, Level::Letters] {
            let one = well(&level.scenario(seed));
            shift_task_numbers();
            let two = well(&level.scenario(seed));
            assert_eq!(one.trace.first_difference(&two.trace), None, "{level:?} {seed}");
        }
    }
}

#[test]
fn federations_of_two_and_of_twelve_end_well() {
    let codes = ["AT", "BE", "CH", "DE", "ES", "FR", "GB", "IT", "NL", "NO", "PL", "TR"];
    for members in [2, codes.len()] {
        let countries = codes.iter().take(members).map(|code| Country::parse(code).unwrap()).collect();
        well(&Scenario {
            seed: 1000,
            countries,
            consignments: members,
            documents: members,
            attachments: 1,
            witnesses: 2,
            needed: 1,
            checkpoint_ms: 2_000,
            monitor_seconds: 10,
            span: Duration::from_secs(20),
        });
    }
}

/// Seed 1111 fills the disk of a node before it has made its tables: the node ends, and is started again later.
#[test]
fn a_node_whose_disk_is_full_from_the_beginning_is_started_again() {
    let run = well(&Level::Customs.scenario(1111));
    let lines: Vec<String> = run.trace.lines().iter().map(ToString::to_string).collect();
    let place = |words: &str| lines.iter().position(|line| line.contains(words));
    let refused = place("cannot start: the store's disk is full").expect("its disk was full");
    let country = &run.trace.lines()[refused].place;
    let up = lines.iter().rposition(|line| line.contains("start number") && line.contains(country.as_str()));
    assert!(up > Some(refused), "{up:?} {refused}");
}

/// Letters seed 56 fails the first commit of a node that starts: it ends, and is started again later.
#[test]
fn a_node_whose_first_commit_fails_is_started_again() {
    let run = well(&Level::Letters.scenario(56));
    let lines: Vec<String> = run.trace.lines().iter().map(ToString::to_string).collect();
    let refused = lines.iter().position(|line| line.contains("cannot start: the commit failed"));
    assert!(refused.is_some(), "its commit failed");
}

#[test]
fn another_seed_is_another_story() {
    let (one, two) = (sim::run(1).unwrap(), sim::run(2).unwrap());
    assert!(one.trace.first_difference(&two.trace).is_some());
}
