//! Nodes that are killed at any moment: every legal event happens once all the same, and every ledger balances.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;
use support::corridor::{Run, arguments, run, text};
use support::{BINARY, Ran, Random, books, declarations, processes, rounds};

/// How many nodes are killed in one run: enough to hit every stage of it, few enough that it comes to an end.
const KILLS_A_RUN: usize = 16;

/// The longest pause between two kills, in milliseconds, is drawn for each run from this range: at its low end nodes
/// hardly come back before the next kill, at its high end the kills reach to the end of the run.
const LONGEST_PAUSE: std::ops::Range<u64> = 80..600;

/// Six consignments: as declared, lodged before presentation, to an authorised consignee; two of them are controlled.
fn consignments(folder: &Path) -> Vec<PathBuf> {
    let kinds = [declarations::declaration, declarations::pre_lodged, declarations::authorised];
    let documents = (0..6).map(|number| (number, kinds[number % kinds.len()](number)));
    documents
        .map(|(number, document)| declarations::file(folder, &format!("{number}.xml"), &document))
        .collect()
}

/// How often each message was said: LRN, from, to, type.
type Said = BTreeMap<[String; 4], usize>;

/// The one message that depends on who was away: when the arrival overtakes the crossing on the way to the office of
/// departure, that office tells the office of transit that its record is closed.
const FORWARDED_ARRIVAL: &str = "CD024C";

/// How often each message was said about each consignment, by LRN, since MRNs differ from run to run.
fn said(run: &Run) -> Said {
    let declared = run.list("declarations").iter();
    let lrns: BTreeMap<&str, &str> =
        declared.map(|ending| (text(ending, "mrn"), text(ending, "lrn"))).collect();
    let mut said = BTreeMap::new();
    for entry in run.list("messages") {
        let lrn = lrns.get(text(entry, "movement")).copied().unwrap_or("?");
        let message = [lrn, text(entry, "from"), text(entry, "to"), text(entry, "type")].map(str::to_owned);
        *said.entry(message).or_insert(0) += 1;
    }
    let forwarded = said.extract_if(.., |message, _| message[3] == FORWARDED_ARRIVAL);
    assert!(forwarded.into_iter().all(|(_, times)| times == 1));
    said
}

/// The messages that two runs said a different number of times.
fn differences<'a>(
    one: &'a Said,
    other: &'a Said,
) -> Vec<(&'a [String; 4], Option<&'a usize>, Option<&'a usize>)> {
    let all: BTreeSet<&[String; 4]> = one.keys().chain(other.keys()).collect();
    let compared = all.into_iter().map(|message| (message, one.get(message), other.get(message)));
    compared.filter(|(_, one, other)| one != other).collect()
}

/// A run whose nodes are killed while it goes on.
struct Hunt {
    runner: Child,
    folder: tempfile::TempDir,
    out: tempfile::TempDir,
}

impl Hunt {
    fn start(declarations: &[PathBuf], store: &str) -> Self {
        let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let keep = folder.path().join("nodes").display().to_string();
        let file = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
        let runner = Command::new(BINARY)
            .args(arguments(declarations, out.path(), &["--keep", &keep, "--store", store]))
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .expect("the runner starts");
        Self { runner, folder, out }
    }

    /// Kills up to `most` nodes, and returns how many when the run has ended.
    fn kill(&mut self, most: usize, random: &mut Random) -> usize {
        let mut kills = 0;
        let longest = LONGEST_PAUSE.start + random.below(LONGEST_PAUSE.end - LONGEST_PAUSE.start);
        while self.runner.try_wait().unwrap().is_none() {
            processes::pause(Duration::from_millis(random.below(longest)));
            let nodes = processes::children(self.runner.id(), "serve");
            let chosen = random.below(nodes.len() as u64);
            if let Some(node) = nodes.get(usize::try_from(chosen).unwrap())
                && kills < most
                && processes::signal(*node, "KILL")
            {
                kills += 1;
            }
        }
        kills
    }

    fn end(mut self) -> (Run, tempfile::TempDir) {
        let read = |name: &str| std::fs::read_to_string(self.folder.path().join(name)).unwrap();
        let ran =
            Ran { code: self.runner.wait().unwrap().code(), stdout: read("stdout"), stderr: read("stderr") };
        if ran.code != Some(0) {
            // What the nodes wrote tells why.
            println!("the nodes' logs are in {}", self.folder.keep().display());
            panic!("{ran:?}");
        }
        (Run::of(ran, self.out), self.folder)
    }
}

/// Kills `kills` nodes in as many runs as that takes, and compares each run with one in which none was killed.
fn survives(kills: usize, store: &str, random: &mut Random) {
    let folder = tempfile::tempdir().unwrap();
    let declarations = consignments(folder.path());
    let undisturbed = said(&run(&declarations, &["--store", store]));
    let (mut done, mut runs, mut restarts) = (0, 0, 0);
    while done < kills {
        let mut hunt = Hunt::start(&declarations, store);
        done += hunt.kill(KILLS_A_RUN.min(kills - done), random);
        let (run, kept) = hunt.end();
        assert_eq!(run.endings(), [("written off", "written off"); 6]);
        assert_eq!(differences(&said(&run), &undisturbed), []);
        let counts = run.report["restarts"].as_object().unwrap().values();
        restarts += counts.map(|count| count.as_u64().unwrap()).sum::<u64>();
        books::assert_in_order(&kept.path().join("nodes"));
        run.assert_valid();
        runs += 1;
    }
    println!("{done} kills and {restarts} restarts in {runs} runs of {} declarations", declarations.len());
}

#[test]
fn every_legal_event_happens_once() {
    survives(rounds(12, 200), "sqlite", &mut Random::seeded(20_261_124));
}

#[test]
fn postgresql_loses_nothing_either() {
    let Some(server) = node::private_postgres() else { return };
    survives(rounds(4, 40), &server.url(), &mut Random::seeded(20_261_125));
}
