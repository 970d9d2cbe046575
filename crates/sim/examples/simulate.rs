//! Plays one seed or many; `cargo xtask simulate` builds it optimised and runs it.

#![allow(clippy::disallowed_methods, reason = "progress is told to people, in their time")]

use sim::{Level, Run, Sweep, WorldError};
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const USAGE: &str = "usage: cargo xtask simulate [--letters] --seed N [--trace]
       cargo xtask simulate [--letters] [--seeds A..B | --count N] [--jobs N]

--seed N      plays one seed, and says what went wrong on purpose and what must not have happened
--letters     plays the exchange alone: many documents in a short time, without customs
--trace       shows all that happened, line by line
--seeds A..B  plays the seeds from A up to B - 1
--count N     plays the seeds from 0 up to N - 1 (10000)
--jobs N      on so many threads (as many as the machine has processors)";

/// How often the progress of many seeds is told.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// How many seeds are played when nobody says otherwise.
const SEEDS: u64 = 10_000;

/// What the command line asks for.
struct Wanted {
    level: Level,
    seeds: Range<u64>,
    single: bool,
    trace: bool,
    jobs: usize,
}

fn parse(arguments: &[String]) -> Option<Wanted> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let mut wanted = Wanted { level: Level::Customs, seeds: 0..SEEDS, single: false, trace: false, jobs };
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        match option.as_str() {
            "--trace" => {
                wanted.trace = true;
                continue;
            }
            "--letters" => {
                wanted.level = Level::Letters;
                continue;
            }
            _ => {}
        }
        let value = rest.next()?;
        match option.as_str() {
            "--seed" => {
                let seed: u64 = value.parse().ok()?;
                wanted.seeds = seed..seed.checked_add(1)?;
                wanted.single = true;
            }
            "--seeds" => {
                let (first, end) = value.split_once("..")?;
                wanted.seeds = first.parse().ok()?..end.parse().ok()?;
            }
            "--count" => wanted.seeds = 0..value.parse().ok()?,
            "--jobs" => wanted.jobs = value.parse().ok()?,
            _ => return None,
        }
    }
    (wanted.single || !wanted.trace).then_some(wanted)
}

fn one(wanted: &Wanted) -> Result<bool, WorldError> {
    let run: Run = sim::play(&wanted.level.scenario(wanted.seeds.start))?;
    if wanted.trace {
        print!("{}", run.trace);
    }
    println!("{} nodes, {} letters", run.nodes, run.letters);
    for (fault, times) in &run.faults {
        println!("{fault}: {times}");
    }
    for (activity, times) in &run.done {
        println!("{activity}: {times}");
    }
    for violation in &run.violations {
        println!("VIOLATION: {violation}");
    }
    Ok(run.violations.is_empty())
}

fn many(wanted: &Wanted) -> bool {
    let begun = Instant::now();
    let count = wanted.seeds.end.saturating_sub(wanted.seeds.start);
    let told = Mutex::new((begun, 0));
    let tell = |sweep: &Sweep| {
        let Ok(mut told) = told.lock() else { return };
        if let Some(failure) = sweep.failures.last().filter(|_| sweep.failed > told.1) {
            eprint!("{failure}");
            told.1 = sweep.failed;
        }
        if told.0.elapsed() >= TOLD_EVERY {
            told.0 = Instant::now();
            let seconds = begun.elapsed().as_secs();
            eprintln!("{} of {count} seeds after {seconds} s, {} failed", sweep.runs, sweep.failed);
        }
    };
    let sweep = sim::sweep(wanted.level, wanted.seeds.clone(), wanted.jobs, tell);
    print!("{sweep}");
    println!("{} s on {} threads", begun.elapsed().as_secs(), wanted.jobs);
    sweep.failed == 0
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(wanted) = parse(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let well = if wanted.single {
        one(&wanted).unwrap_or_else(|error| {
            eprintln!("{error}");
            false
        })
    } else {
        many(&wanted)
    };
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
