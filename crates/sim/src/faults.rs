//! What goes wrong in a simulation, and when: a script that follows from the seed.

use crate::dice::Dice;
use base::Country;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The shortest and the longest that a fault of the script lasts, in milliseconds.
const LASTS: (u64, u64) = (500, 12_000);

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A link carries nothing in either direction; what was under way is lost.
    LinkCut,
    /// A link carries nothing in one direction.
    OneWayCut,
    /// A link holds what it is given, and delivers all of it when it is released.
    LinkHeld,
    /// A link takes up to seconds.
    LinkSlow,
    /// A link breaks and mends by chance, losing what is under way.
    LinkLossy,
    /// A node is killed and started again later.
    Crash,
    /// A node loses its power right after a commit, before anybody hears of it.
    PowerCut,
    /// A disk refuses a commit.
    CommitFailed,
    /// A disk has no space left for a while: whatever makes its database grow is refused.
    DiskFull,
    /// The answer to a delivery or submission is lost, although it had its effect.
    AnswerLost,
    /// A frame or submission comes twice.
    Duplicated,
    /// A frame comes again much later, after others.
    Replayed,
    /// A node's clock is off.
    ClockSkewed,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::LinkCut,
        Self::OneWayCut,
        Self::LinkHeld,
        Self::LinkSlow,
        Self::LinkLossy,
        Self::Crash,
        Self::PowerCut,
        Self::CommitFailed,
        Self::DiskFull,
        Self::AnswerLost,
        Self::Duplicated,
        Self::Replayed,
        Self::ClockSkewed,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LinkCut => "link cut",
            Self::OneWayCut => "link cut in one direction",
            Self::LinkHeld => "link held",
            Self::LinkSlow => "link slow",
            Self::LinkLossy => "link lossy",
            Self::Crash => "crash",
            Self::PowerCut => "power cut after a commit",
            Self::CommitFailed => "commit failed",
            Self::DiskFull => "disk full",
            Self::AnswerLost => "answer lost",
            Self::Duplicated => "duplicated",
            Self::Replayed => "replayed later",
            Self::ClockSkewed => "clock skewed",
        }
    }

    /// How often in a thousand it befalls an occasion, before the weather of the seed; zero for those of the script.
    fn per_mille(self) -> u64 {
        match self {
            Self::PowerCut => 6,
            Self::CommitFailed | Self::AnswerLost | Self::Duplicated | Self::Replayed => 50,
            _ => 0,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// How often each kind of fault befell.
pub type Counts = BTreeMap<Fault, u32>;

/// Something that the network or the machines do at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A fault of the link between two countries begins.
    Trouble(Fault, Country, Country),
    /// The link between two countries is well again.
    Mend(Country, Country),
    /// A node is killed, and started again after the pause.
    Crash(Country, Duration),
    /// The disk of a node has no space left.
    Fill(Country),
    /// There is space again.
    Free(Country),
}

/// The faults of a run.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// What happens, in the order of its moments.
    pub(crate) acts: Vec<(Duration, Act)>,
    /// From when on nothing befalls single deliveries and commands any more: the federation must come to rest by itself.
    pub(crate) calm: Duration,
    /// How far each node's clock is off, in microseconds.
    pub(crate) skews: BTreeMap<Country, i64>,
    /// How often faults befall single deliveries and commands, in multiples of the usual.
    weather: u64,
}

impl Script {
    /// The script of a seed: the last fault begins at `span`.
    pub(crate) fn of(seed: u64, countries: &[Country], span: Duration) -> Self {
        let last = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let mut dice = Dice::of(seed, "faults");
        let mut acts = Vec::new();
        for _ in 0..dice.between(2, 6) {
            trouble(&mut dice, countries, last, &mut acts);
        }
        for _ in 0..dice.between(0, 4) {
            if let Some(country) = dice.pick(countries) {
                let at = Duration::from_millis(dice.between(200, last));
                acts.push((at, Act::Crash(*country, down_time(&mut dice))));
            }
        }
        for _ in 0..dice.between(0, 2) {
            if let Some(country) = dice.pick(countries) {
                let begin = dice.between(0, last);
                let end = begin + dice.between(LASTS.0, LASTS.1);
                acts.push((Duration::from_millis(begin), Act::Fill(*country)));
                acts.push((Duration::from_millis(end), Act::Free(*country)));
            }
        }
        acts.sort_by_key(|(at, _)| *at);
        let mut skews = BTreeMap::new();
        for country in countries {
            // A second is what a node loses whose time service has been away for a day.
            let micros = if dice.per_mille(300) { dice.between(0, 2_000_000) } else { 1_000_000 };
            skews.insert(*country, i64::try_from(micros).unwrap_or_default() - 1_000_000);
        }
        Self { acts, calm: span + span / 2, skews, weather: dice.between(0, 3) }
    }

    /// Whether a fault befalls one occasion.
    pub(crate) fn befalls(&self, fault: Fault, dice: &mut Dice) -> bool {
        dice.per_mille(fault.per_mille() * self.weather)
    }
}

/// How long a machine is down: seconds for most, a minute for one in ten.
pub(crate) fn down_time(dice: &mut Dice) -> Duration {
    let longest = if dice.per_mille(100) { 60_000 } else { 8_000 };
    Duration::from_millis(dice.between(100, longest))
}

/// Adds a fault of a link, with its end.
fn trouble(dice: &mut Dice, countries: &[Country], last: u64, acts: &mut Vec<(Duration, Act)>) {
    let kinds = [Fault::LinkCut, Fault::OneWayCut, Fault::LinkHeld, Fault::LinkSlow, Fault::LinkLossy];
    let (Some(kind), Some(one)) = (dice.pick(&kinds).copied(), dice.pick(countries).copied()) else {
        return;
    };
    let others: Vec<Country> = countries.iter().copied().filter(|country| *country != one).collect();
    let Some(other) = dice.pick(&others).copied() else {
        return;
    };
    let begin = dice.between(0, last);
    let end = begin + dice.between(LASTS.0, LASTS.1);
    acts.push((Duration::from_millis(begin), Act::Trouble(kind, one, other)));
    acts.push((Duration::from_millis(end), Act::Mend(one, other)));
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(40);

    fn countries() -> Vec<Country> {
        ["FR", "GB", "IT"].iter().map(|code| Country::parse(code).unwrap()).collect()
    }

    #[test]
    fn a_seed_has_one_script_and_another_seed_has_another() {
        let acts = |seed| Script::of(seed, &countries(), SPAN).acts;
        assert_eq!(acts(5), acts(5));
        assert_ne!(acts(5), acts(6));
    }

    #[test]
    fn every_trouble_ends_and_comes_in_order() {
        for seed in 0..200 {
            let script = Script::of(seed, &countries(), SPAN);
            assert!(script.acts.is_sorted_by_key(|(at, _)| *at));
            let count = |wanted: fn(&Act) -> bool| script.acts.iter().filter(|(_, act)| wanted(act)).count();
            let troubles = count(|act| matches!(act, Act::Trouble(..)));
            assert_eq!(troubles, count(|act| matches!(act, Act::Mend(..))));
            let filled = count(|act| matches!(act, Act::Fill(_)));
            assert_eq!(filled, count(|act| matches!(act, Act::Free(_))));
            let longest = SPAN + Duration::from_millis(LASTS.1);
            assert!(script.acts.iter().all(|(at, _)| *at <= longest));
            assert!(script.skews.values().all(|skew| skew.abs() <= 1_000_000));
        }
    }

    #[test]
    fn over_many_seeds_every_kind_of_the_script_comes_up() {
        let scripts: Vec<Script> = (0..50).map(|seed| Script::of(seed, &countries(), SPAN)).collect();
        let acts = || scripts.iter().flat_map(|script| &script.acts).map(|(_, act)| act);
        for kind in [Fault::LinkCut, Fault::OneWayCut, Fault::LinkHeld, Fault::LinkSlow, Fault::LinkLossy] {
            assert!(acts().any(|act| matches!(act, Act::Trouble(fault, ..) if *fault == kind)), "{kind}");
        }
        assert!(acts().any(|act| matches!(act, Act::Crash(..))));
        assert!(acts().any(|act| matches!(act, Act::Fill(_))));
        assert!(scripts.iter().any(|script| script.skews.values().any(|skew| *skew != 0)));
    }
}
