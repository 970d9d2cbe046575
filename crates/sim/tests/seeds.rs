//! The federation under faults: for every seed the same trace twice, and nothing that must never happen.
//!
//! A seed that fails is printed; `cargo run -p tidewaiter-sim --example replay SEED` shows its whole trace.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base::Country;
use sim::{Counts, Fault, Run, Scenario};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many seeds are run every day, and with `TIDEWAITER_FULL=1`.
const SEEDS: u64 = 20;
const ALL_SEEDS: u64 = 200;

/// What panicked. A task that panics ends in silence, and the run may still come to rest.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn watch_for_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.lock().unwrap().push(panic.to_string());
        before(panic);
    }));
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

/// Runs a scenario twice; what is wrong with it, in words.
fn run_twice(scenario: &Scenario) -> Result<Run, String> {
    let one = sim::play(scenario).map_err(|error| error.to_string())?;
    if !one.violations.is_empty() {
        return Err(one.violations.join("\n"));
    }
    shift_task_numbers();
    let two = sim::play(scenario).map_err(|error| error.to_string())?;
    match one.trace.first_difference(&two.trace) {
        Some(difference) => Err(format!("two runs differ from {difference}")),
        None => Ok(one),
    }
}

/// Runs all seeds on all processors; a simulation itself is one thread.
fn run_all(seeds: u64) -> (Counts, Vec<String>) {
    let next = AtomicU64::new(0);
    let outcome = Mutex::new((Counts::new(), Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            let run = run_twice(&Scenario::of(seed));
            let mut outcome = outcome.lock().unwrap();
            match run {
                Ok(run) => run
                    .faults
                    .iter()
                    .for_each(|(fault, times)| *outcome.0.entry(*fault).or_default() += times),
                Err(words) => outcome.1.push(format!(
                    "seed {seed} (cargo run -p tidewaiter-sim --example replay {seed}):\n{words}"
                )),
            }
        }
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(work);
        }
    });
    outcome.into_inner().unwrap()
}

#[test]
fn every_seed_ends_well_and_runs_the_same_way_twice() {
    watch_for_panics();
    let full = std::env::var("TIDEWAITER_FULL").is_ok_and(|value| value == "1");
    let (faults, failures) = run_all(if full { ALL_SEEDS } else { SEEDS });
    for (fault, times) in &faults {
        println!("{fault}: {times}");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert_eq!(*PANICS.lock().unwrap(), Vec::<String>::new());
    for fault in Fault::ALL {
        assert!(faults.contains_key(&fault), "no seed had a fault of the kind `{fault}`");
    }
}

#[test]
fn federations_of_two_and_of_twelve_end_well() {
    let codes = ["AT", "BE", "CH", "DE", "ES", "FR", "GB", "IT", "NL", "NO", "PL", "TR"];
    for members in [2, codes.len()] {
        let countries = codes.iter().take(members).map(|code| Country::parse(code).unwrap()).collect();
        let scenario = Scenario { seed: 1000, countries, consignments: members };
        if let Err(words) = run_twice(&scenario) {
            panic!("{members} members: {words}");
        }
    }
}

#[test]
fn another_seed_is_another_story() {
    let (one, two) = (sim::run(1).unwrap(), sim::run(2).unwrap());
    assert!(one.trace.first_difference(&two.trace).is_some());
}
