//! One run of one seed: the federation, its people and its faults, from the beginning until everything is at rest.

use crate::activities::Done;
use crate::check;
use crate::consignments;
use crate::dice::Dice;
use crate::documents;
use crate::faults::{Act, Counts, Fault, Script, down_time};
use crate::panics;
use crate::play::people;
use crate::stage::Stage;
use crate::trace::Trace;
use crate::world::{Federation, WorldError, machine, serve};
use base::Country;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use turmoil::Sim;

/// How far simulated time goes in one step. A machine is killed between two steps.
const TICK: Duration = Duration::from_millis(20);

/// When a run that has not come to rest is given up: long after the last outage, and ten leases of a letter.
const LIMIT: Duration = Duration::from_secs(400);

/// How long a link takes when nothing is wrong, and how long one that is slow may take.
const LATENCY: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(40));
const SLOW: Duration = Duration::from_millis(3_000);

/// How often a lossy link breaks, per frame, and how often a broken one mends.
const FAIL_RATE: f64 = 0.15;
const REPAIR_RATE: f64 = 0.3;

/// The countries that a scenario chooses from.
const COUNTRIES: [&str; 12] = ["AT", "BE", "CH", "DE", "ES", "FR", "GB", "IT", "NL", "NO", "PL", "TR"];

/// What is simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Everything random follows from it.
    pub seed: u64,
    /// The countries, two at least.
    pub countries: Vec<Country>,
    /// How many consignments are declared.
    pub consignments: usize,
    /// How many documents officers send each other.
    pub documents: usize,
    /// How many of the documents take an attachment along.
    pub attachments: usize,
    /// How many of the countries are witnesses of the others' logs.
    pub witnesses: usize,
    /// How many of them must have cosigned what is in a log; less than there are witnesses, or none.
    pub needed: usize,
    /// How often, in milliseconds, nodes sign a checkpoint of a log that grows, and have it witnessed.
    pub checkpoint_ms: u32,
    /// How often, in seconds, nodes compare what they were shown of each log.
    pub monitor_seconds: u32,
    /// When the last fault begins. After one and a half times that, everything has to come to rest by itself.
    pub span: Duration,
}

impl Scenario {
    /// The scenario of a seed: two to twelve countries, few more often than many, with two to five consignments and a few
    /// documents.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::of(seed, "scenario");
        let countries = members(&mut dice);
        let consignments = usize::try_from(dice.between(2, 5)).unwrap_or(2);
        let documents = usize::try_from(dice.between(0, 4)).unwrap_or(0);
        let mut dice = Dice::of(seed, "attachments");
        Self {
            seed,
            countries,
            consignments,
            documents,
            attachments: usize::from(dice.per_mille(300)),
            witnesses: 0,
            needed: 0,
            checkpoint_ms: 5_000,
            monitor_seconds: 60,
            span: Duration::from_secs(40),
        }
    }

    /// The scenario of a seed without customs: two to twelve countries whose officers send each other documents, in so
    /// many and so short a time that the exchange alone is under test.
    pub fn of_letters(seed: u64) -> Self {
        let mut dice = Dice::of(seed, "letters");
        let countries = members(&mut dice);
        let documents = usize::try_from(dice.between(8, 32)).unwrap_or(8);
        let mut dice = Dice::of(seed, "attachments");
        let attachments = usize::try_from(dice.between(0, 2)).unwrap_or(0);
        let mut dice = Dice::of(seed, "witnesses");
        // One seed in four has an agreement that asks for none.
        let most = countries.len().min(4) as u64;
        let witnesses = if dice.per_mille(250) { 0 } else { dice.between(2, most) };
        let needed = if witnesses == 0 { 0 } else { dice.between(1, witnesses - 1) };
        Self {
            seed,
            countries,
            consignments: 0,
            documents,
            attachments,
            witnesses: usize::try_from(witnesses).unwrap_or(0),
            needed: usize::try_from(needed).unwrap_or(0),
            checkpoint_ms: 2_500,
            monitor_seconds: 12,
            span: Duration::from_secs(6),
        }
    }
}

/// Two to twelve countries.
fn members(dice: &mut Dice) -> Vec<Country> {
    let most = dice.between(2, COUNTRIES.len() as u64);
    let members = dice.between(2, most);
    let mut codes = COUNTRIES.to_vec();
    let mut countries = BTreeSet::new();
    for _ in 0..members {
        if let Some(code) = dice.pick(&codes).copied() {
            codes.retain(|other| *other != code);
            countries.extend(Country::parse(code));
        }
    }
    countries.into_iter().collect()
}

/// What became of a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// How many nodes it had.
    pub nodes: usize,
    /// How many letters went from node to node.
    pub letters: u64,
    /// What happened. The same in every run of a scenario.
    pub trace: Trace,
    /// What went wrong on purpose.
    pub faults: Counts,
    /// What nodes did for each other beside taking letters.
    pub done: Done,
    /// What must never happen and did; empty when all is well.
    pub violations: Vec<String>,
}

/// Runs a scenario. What goes wrong within it is in the run's violations.
///
/// # Errors
/// When the federation cannot be built.
pub fn play(scenario: &Scenario) -> Result<Run, WorldError> {
    panics::watch();
    let aftermath = simulate(scenario)?;
    let stage = &aftermath.stage;
    for finding in check::everything(&aftermath) {
        stage.violation(finding);
    }
    for panic in panics::take() {
        stage.violation(format!("a panic: {panic}"));
    }
    let letters = stage.letters();
    let (trace, faults, done, violations) = stage.finish();
    let nodes = scenario.countries.len();
    Ok(Run { seed: scenario.seed, nodes, letters, trace, faults, done, violations })
}

/// What is left when the nodes of a run are gone.
pub(crate) struct Aftermath {
    pub(crate) stage: Arc<Stage>,
    /// What had to happen.
    pub(crate) expected: Vec<check::Expected>,
    /// When it ended.
    pub(crate) at: Duration,
}

/// Runs a scenario until everything is at rest, and kills all nodes.
pub(crate) fn simulate(scenario: &Scenario) -> Result<Aftermath, WorldError> {
    let federation = Federation::found(scenario)?;
    let declared = consignments::make_up(
        scenario.seed,
        &scenario.countries,
        federation.catalogue(),
        scenario.consignments,
    )?;
    let expected = declared.iter().map(check::Expected::of).collect::<Vec<_>>();
    let script = Script::of(scenario.seed, &scenario.countries, scenario.span);
    let letters = documents::plan(scenario);
    let stage = Stage::new(scenario.seed, federation, script);
    let mut sim = turmoil::Builder::new()
        .rng_seed(scenario.seed)
        .tick_duration(TICK)
        .simulation_duration(LIMIT * 2)
        .min_message_latency(LATENCY.0)
        .max_message_latency(LATENCY.1)
        .repair_rate(REPAIR_RATE)
        // No machine is always the first to hear of something.
        .enable_random_order()
        .build();
    for country in &scenario.countries {
        let (stage, country) = (Arc::clone(&stage), *country);
        sim.host(machine(country), move || {
            let stage = Arc::clone(&stage);
            async move { Ok(serve(stage, country).await?) }
        });
    }
    let people = people(Arc::clone(&stage), declared, letters);
    sim.client("people", async move { Ok(people.await?) });
    Director::new(scenario.seed, &stage).run(&mut sim);
    let at = sim.elapsed();
    for country in &scenario.countries {
        stage.leave(*country);
    }
    drop(sim);
    Ok(Aftermath { stage, expected, at })
}

/// Carries out the script of faults, step by step.
struct Director<'a> {
    stage: &'a Arc<Stage>,
    acts: VecDeque<(Duration, Act)>,
    /// Machines that are down, and when they are started again.
    down: BTreeMap<Country, Duration>,
    /// How many outages keep a disk full.
    full: BTreeMap<Country, u32>,
    dice: Dice,
}

impl<'a> Director<'a> {
    fn new(seed: u64, stage: &'a Arc<Stage>) -> Self {
        let acts = stage.script.acts.iter().cloned().collect();
        Self { stage, acts, down: BTreeMap::new(), full: BTreeMap::new(), dice: Dice::of(seed, "director") }
    }

    fn run(mut self, sim: &mut Sim<'_>) {
        loop {
            let now = sim.elapsed();
            self.act(sim, now);
            match sim.step() {
                Ok(over) => {
                    self.stage.note_commits(sim.elapsed());
                    if over {
                        return;
                    }
                }
                Err(error) => return self.stage.violation(format!("the simulation broke off: {error}")),
            }
            if sim.elapsed() > LIMIT {
                return self.stage.violation(format!("nothing came to rest within {} s", LIMIT.as_secs()));
            }
        }
    }

    fn act(&mut self, sim: &mut Sim<'_>, now: Duration) {
        for country in self.stage.take_without_power() {
            let pause = down_time(&mut self.dice);
            self.kill(sim, now, country, pause);
        }
        while self.acts.front().is_some_and(|(at, _)| *at <= now) {
            match self.acts.pop_front() {
                Some((_, Act::Crash(country, pause))) if !self.down.contains_key(&country) => {
                    self.stage.count(Fault::Crash);
                    self.kill(sim, now, country, pause);
                }
                Some((_, Act::Trouble(fault, one, other))) => self.trouble(sim, now, fault, one, other),
                Some((_, Act::Mend(one, other))) => self.mend(sim, now, one, other),
                Some((_, Act::Fill(country))) => self.fill(now, country),
                Some((_, Act::Free(country))) => self.free(now, country),
                Some((_, Act::Crash(..))) | None => {}
            }
        }
        let due: Vec<Country> =
            self.down.iter().filter(|(_, until)| **until <= now).map(|(country, _)| *country).collect();
        for country in due {
            self.down.remove(&country);
            sim.bounce(machine(country));
        }
    }

    /// Kills a machine: its node is gone, its disk keeps what was committed.
    fn kill(&mut self, sim: &mut Sim<'_>, now: Duration, country: Country, pause: Duration) {
        self.stage.note_at(now, country.as_str(), format!("killed, for {} ms", pause.as_millis()), None);
        self.stage.leave(country);
        sim.crash(machine(country));
        if let Some(disk) = self.stage.federation.disk(country) {
            disk.crash();
            disk.fail_next_commits(0);
        }
        self.down.insert(country, now + pause);
    }

    fn trouble(&mut self, sim: &mut Sim<'_>, now: Duration, fault: Fault, one: Country, other: Country) {
        let (a, b) = (machine(one), machine(other));
        match fault {
            Fault::LinkCut => sim.partition(a, b),
            Fault::OneWayCut => sim.partition_oneway(a, b),
            Fault::LinkHeld => sim.hold(a, b),
            Fault::LinkSlow => sim.set_link_max_message_latency(a, b, SLOW),
            Fault::LinkLossy => sim.set_link_fail_rate(a, b, FAIL_RATE),
            _ => return,
        }
        self.stage.count(fault);
        self.stage.note_at(now, "network", format!("{fault}: {one} {other}"), None);
    }

    /// Leaves a disk without space. Two outages of one disk may overlap: it has space again when both are over.
    fn fill(&mut self, now: Duration, country: Country) {
        let outages = self.full.entry(country).or_default();
        *outages += 1;
        if let Some(disk) = self.stage.federation.disk(country).filter(|_| *outages == 1) {
            disk.fill();
        }
        self.stage.count(Fault::DiskFull);
        self.stage.note_at(now, country.as_str(), Fault::DiskFull.as_str(), None);
    }

    fn free(&mut self, now: Duration, country: Country) {
        let outages = self.full.entry(country).or_default();
        *outages = outages.saturating_sub(1);
        if let Some(disk) = self.stage.federation.disk(country).filter(|_| *outages == 0) {
            disk.free();
            self.stage.note_at(now, country.as_str(), "the disk has space again", None);
        }
    }

    /// Makes a link as it was: what was held is delivered.
    fn mend(&self, sim: &mut Sim<'_>, now: Duration, one: Country, other: Country) {
        let (a, b) = (machine(one), machine(other));
        sim.set_link_fail_rate(a.clone(), b.clone(), 0.0);
        sim.set_link_max_message_latency(a.clone(), b.clone(), LATENCY.1);
        sim.release(a, b);
        self.stage.note_at(now, "network", format!("link well: {one} {other}"), None);
    }
}
