//! Many seeds, one after the other on each processor, and what they came to in all.

use crate::activities::Activity;
use crate::faults::Fault;
use crate::run::{Run, Scenario, play};
use crate::world::WorldError;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many failing seeds are kept with their words. What more seeds fail of is seldom another thing.
const KEPT: usize = 20;

/// How much of a node a simulation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Everything: declarations, offices, guarantees, and documents.
    Customs,
    /// The exchange alone: many documents in a short time.
    Letters,
}

impl Level {
    /// The scenario of a seed.
    pub fn scenario(self, seed: u64) -> Scenario {
        match self {
            Self::Customs => Scenario::of(seed),
            Self::Letters => Scenario::of_letters(seed),
        }
    }

    /// The command that shows the whole run of a seed.
    fn replay(self, seed: u64) -> String {
        let level = if self == Self::Letters { "--letters " } else { "" };
        format!("cargo xtask simulate {level}--seed {seed} --trace")
    }
}

/// How often a kind of fault befell, or something was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Befell {
    /// In how many seeds.
    pub seeds: u64,
    /// How often in all.
    pub times: u64,
}

/// A seed in which something happened that must never happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What happened.
    pub words: Vec<String>,
    /// The command that shows the whole run.
    pub replay: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "seed {} failed; `{}` shows it:", self.seed, self.replay)?;
        self.words.iter().try_for_each(|words| writeln!(out, "    {words}"))
    }
}

/// What many seeds came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// How many seeds were run.
    pub runs: u64,
    /// How many simulations had each number of nodes.
    pub nodes: BTreeMap<usize, u64>,
    /// How many letters went from node to node.
    pub letters: u64,
    /// The faults by kind.
    pub faults: BTreeMap<Fault, Befell>,
    /// What nodes did for each other beside taking letters.
    pub done: BTreeMap<Activity, Befell>,
    /// How many seeds failed.
    pub failed: u64,
    /// The failing seeds that came first.
    pub failures: Vec<Failure>,
}

impl Sweep {
    fn add(&mut self, level: Level, seed: u64, outcome: Result<Run, WorldError>) {
        self.runs += 1;
        let words = match outcome {
            Ok(run) => {
                *self.nodes.entry(run.nodes).or_default() += 1;
                self.letters += run.letters;
                for (fault, times) in run.faults {
                    let befell = self.faults.entry(fault).or_default();
                    befell.seeds += 1;
                    befell.times += u64::from(times);
                }
                for (activity, times) in run.done {
                    let done = self.done.entry(activity).or_default();
                    done.seeds += 1;
                    done.times += u64::from(times);
                }
                run.violations
            }
            Err(error) => vec![error.to_string()],
        };
        if !words.is_empty() {
            self.failed += 1;
            self.failures.push(Failure { seed, words, replay: level.replay(seed) });
            self.failures.sort_by_key(|failure| failure.seed);
            self.failures.truncate(KEPT);
        }
    }
}

impl fmt::Display for Sweep {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            write!(out, "{failure}")?;
        }
        writeln!(out, "{:<28} {:>8} {:>9}", "fault", "seeds", "times")?;
        for fault in Fault::ALL {
            let befell = self.faults.get(&fault).copied().unwrap_or_default();
            writeln!(out, "{fault:<28} {:>8} {:>9}", befell.seeds, befell.times)?;
        }
        writeln!(out, "{:<28} {:>8} {:>9}", "done", "seeds", "times")?;
        for activity in Activity::ALL {
            let done = self.done.get(&activity).copied().unwrap_or_default();
            writeln!(out, "{activity:<28} {:>8} {:>9}", done.seeds, done.times)?;
        }
        let nodes: Vec<String> =
            self.nodes.iter().map(|(nodes, seeds)| format!("{nodes}: {seeds}")).collect();
        writeln!(out, "seeds by number of nodes: {}", nodes.join(", "))?;
        writeln!(out, "{} seeds, {} letters, {} failed", self.runs, self.letters, self.failed)
    }
}

/// Plays the seeds on `jobs` threads; a simulation itself is one thread. `hear` is called after each seed.
pub fn sweep(level: Level, seeds: Range<u64>, jobs: usize, hear: impl Fn(&Sweep) + Sync) -> Sweep {
    sweep_with(level, seeds, jobs, |seed| play(&level.scenario(seed)), hear)
}

fn sweep_with(
    level: Level,
    seeds: Range<u64>,
    jobs: usize,
    play: impl Fn(u64) -> Result<Run, WorldError> + Sync,
    hear: impl Fn(&Sweep) + Sync,
) -> Sweep {
    let next = AtomicU64::new(seeds.start);
    let all = Mutex::new(Sweep::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let outcome = play(seed);
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.add(level, seed, outcome);
            hear(&all);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(work);
        }
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Trace;

    fn run(seed: u64) -> Run {
        let violations = if seed % 40 == 7 { vec![format!("seed {seed} is unlucky")] } else { Vec::new() };
        let faults = [(Fault::Crash, 2)].into();
        let done = [(Activity::Cosigned, 3)].into();
        Run { seed, nodes: 3, letters: 10, trace: Trace::default(), faults, done, violations }
    }

    #[test]
    fn every_seed_is_played_once_and_the_first_failures_are_kept() {
        let sweep = sweep_with(Level::Customs, 5..1005, 3, |seed| Ok(run(seed)), |_| ());
        assert_eq!((sweep.runs, sweep.letters, sweep.failed), (1000, 10_000, 25));
        assert_eq!(sweep.faults[&Fault::Crash], Befell { seeds: 1000, times: 2000 });
        assert_eq!(sweep.done[&Activity::Cosigned], Befell { seeds: 1000, times: 3000 });
        let seeds: Vec<u64> = sweep.failures.iter().map(|failure| failure.seed).collect();
        assert_eq!(seeds, (0..20).map(|number| number * 40 + 7).collect::<Vec<_>>());
    }

    #[test]
    fn a_failure_names_the_command_that_replays_it() {
        let failed = |level| sweep_with(level, 7..8, 1, |seed| Ok(run(seed)), |_| ()).to_string();
        assert!(failed(Level::Customs).starts_with(
            "seed 7 failed; `cargo xtask simulate --seed 7 --trace` shows it:\n    seed 7 is unlucky\n"
        ));
        assert!(failed(Level::Letters).contains("`cargo xtask simulate --letters --seed 7 --trace`"));
    }
}
