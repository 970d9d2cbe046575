//! What everyone in a simulation shares: the nodes that are up, the dice, and the record of what happened.

use crate::activities::{Activity, Done};
use crate::clock;
use crate::dice::Dice;
use crate::documents::Sent;
use crate::faults::{Counts, Fault, Script};
use crate::trace::{Line, Trace};
use crate::world::Federation;
use base::{Country, Digest};
use evidence::Checkpoint;
use exchange::Response;
use node::Node;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{MemoryDisk, Store, StoreError, Tx, journal, log};

/// How many new rows are read at once.
const PAGE: usize = 200;

/// A node that is up.
struct Up {
    node: Arc<Node>,
    store: Store,
    /// How many rows had been written to its disk when they were read last.
    changes: u64,
}

/// How far a node's rows are in the trace.
#[derive(Clone, Copy, Default)]
struct Seen {
    journal: i64,
    messages: i64,
    checkpoint: i64,
}

/// A checkpoint that a witness has cosigned.
#[derive(Clone, Debug)]
pub(crate) struct Cosigned {
    pub(crate) witness: Country,
    /// Whose log it is of.
    pub(crate) log: Country,
    pub(crate) checkpoint: Checkpoint,
}

/// Everything that changes in the course of a simulation.
struct Scene {
    up: BTreeMap<Country, Up>,
    starts: BTreeMap<Country, u32>,
    seen: BTreeMap<Country, Seen>,
    dice: Dice,
    trace: Trace,
    faults: Counts,
    violations: Vec<String>,
    /// The first acknowledgement of each envelope at each recipient.
    answers: BTreeMap<(Country, Digest), Vec<u8>>,
    /// The type of each letter, by its identity between nodes.
    letters: BTreeMap<String, String>,
    /// Nodes that have lost their power in this step.
    without_power: BTreeSet<Country>,
    /// Frames that are still to come again, by the node that sends them.
    replays: BTreeMap<Country, u32>,
    /// The MRN that each declaration got, by LRN.
    accepted: BTreeMap<String, String>,
    /// The documents that nodes have taken to be sent.
    sent: Vec<Sent>,
    /// The checkpoints that each node has signed, as everyone could see them at the time.
    checkpoints: BTreeMap<Country, Vec<String>>,
    done: Done,
    /// The checkpoints that witnesses have cosigned, in the order in which they answered.
    cosigned: Vec<Cosigned>,
    /// Whether an officer accepted a document, by recipient and identity between nodes.
    decided: BTreeMap<(Country, String), bool>,
}

/// What everyone shares.
pub(crate) struct Stage {
    pub(crate) federation: Federation,
    pub(crate) script: Script,
    scene: Mutex<Scene>,
}

impl Stage {
    pub(crate) fn new(seed: u64, federation: Federation, script: Script) -> Arc<Self> {
        let mut faults = Counts::new();
        let skewed = script.skews.values().filter(|skew| **skew != 0).count();
        if skewed > 0 {
            faults.insert(Fault::ClockSkewed, u32::try_from(skewed).unwrap_or(u32::MAX));
        }
        let scene = Scene {
            up: BTreeMap::new(),
            starts: BTreeMap::new(),
            seen: BTreeMap::new(),
            dice: Dice::of(seed, "occasions"),
            trace: Trace::default(),
            faults,
            violations: Vec::new(),
            answers: BTreeMap::new(),
            letters: BTreeMap::new(),
            without_power: BTreeSet::new(),
            replays: BTreeMap::new(),
            accepted: BTreeMap::new(),
            sent: Vec::new(),
            checkpoints: BTreeMap::new(),
            done: Done::new(),
            cosigned: Vec::new(),
            decided: BTreeMap::new(),
        };
        Arc::new(Self { federation, script, scene: Mutex::new(scene) })
    }

    fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line to the trace, at the time of the host that runs.
    pub(crate) fn note(&self, place: &str, words: impl Into<String>) {
        self.note_at(clock::elapsed(), place, words, None);
    }

    /// Adds a line about a letter.
    pub(crate) fn note_letter(&self, place: &str, letter: &str, words: impl Into<String>) {
        self.note_at(clock::elapsed(), place, words, Some(letter.to_owned()));
    }

    /// Adds a line at a moment.
    pub(crate) fn note_at(
        &self,
        at: Duration,
        place: &str,
        words: impl Into<String>,
        letter: Option<String>,
    ) {
        let line = Line { at, place: place.to_owned(), words: words.into(), letter };
        self.scene().trace.push(line);
    }

    /// Records that something happened that must never happen.
    pub(crate) fn violation(&self, words: impl Into<String>) {
        self.scene().violations.push(words.into());
    }

    /// Draws from the dice of occasions.
    pub(crate) fn draw<T>(&self, draw: impl FnOnce(&mut Dice) -> T) -> T {
        draw(&mut self.scene().dice)
    }

    /// Whether a fault befalls this occasion at `country`; if so it is counted and noted.
    pub(crate) fn befalls(&self, fault: Fault, country: Country) -> bool {
        let befalls =
            clock::elapsed() < self.script.calm && self.draw(|dice| self.script.befalls(fault, dice));
        if befalls {
            self.count(fault);
            self.note(country.as_str(), fault.as_str());
        }
        befalls
    }

    /// Counts a fault.
    pub(crate) fn count(&self, fault: Fault) {
        *self.scene().faults.entry(fault).or_default() += 1;
    }

    /// The number of the start that a node makes now, from 1.
    pub(crate) fn start_of(&self, country: Country) -> u32 {
        let mut scene = self.scene();
        let starts = scene.starts.entry(country).or_default();
        *starts += 1;
        *starts
    }

    /// A node is up.
    pub(crate) fn enter(&self, country: Country, node: Arc<Node>, store: Store) {
        self.scene().up.insert(country, Up { node, store, changes: 0 });
    }

    /// A node is down. Nobody holds it any more.
    pub(crate) fn leave(&self, country: Country) {
        let mut scene = self.scene();
        scene.replays.remove(&country);
        let up = scene.up.remove(&country);
        drop(scene);
        drop(up);
    }

    /// The node of a country, when it is up.
    pub(crate) fn node(&self, country: Country) -> Option<Arc<Node>> {
        self.scene().up.get(&country).map(|up| Arc::clone(&up.node))
    }

    /// The next commit of a country fails.
    pub(crate) fn fail_next_commit(&self, country: Country) {
        if let Some(disk) = self.federation.disk(country) {
            disk.fail_next_commits(1);
        }
    }

    /// A node loses its power now: what it does from here on has no effect, and its machine is found dead after this
    /// step.
    pub(crate) fn cut_power(&self, country: Country) {
        if let Some(disk) = self.federation.disk(country) {
            disk.crash();
        }
        self.scene().without_power.insert(country);
    }

    /// The nodes that have lost their power since this was last asked.
    pub(crate) fn take_without_power(&self) -> BTreeSet<Country> {
        std::mem::take(&mut self.scene().without_power)
    }

    /// Notes how often a frame is still to come again from a node.
    pub(crate) fn replay_begins(&self, country: Country) {
        *self.scene().replays.entry(country).or_default() += 1;
    }

    /// A frame has come again.
    pub(crate) fn replay_ends(&self, country: Country) {
        let mut scene = self.scene();
        let left = scene.replays.get(&country).map_or(0, |left| left.saturating_sub(1));
        scene.replays.insert(country, left);
    }

    /// Whether every node is up and nothing is still to come again.
    pub(crate) fn is_whole(&self) -> bool {
        let scene = self.scene();
        scene.up.len() == self.federation.countries().len() && scene.replays.values().all(|left| *left == 0)
    }

    /// Remembers an acknowledgement. Whoever asks again about the same envelope must get the same bytes, whatever
    /// happened in between.
    pub(crate) fn note_answer(&self, recipient: Country, envelope: &[u8], answer: &[u8]) -> &'static str {
        let Ok(Response::Acknowledged(_)) = Response::decode(answer) else {
            return match Response::decode(answer) {
                Ok(Response::Gap { .. }) => "asks for earlier ones first",
                Ok(Response::Conflict(_)) => "found a conflict",
                Ok(Response::Refused(_)) => "refused it",
                _ => "answered illegibly",
            };
        };
        let key = (recipient, evidence::digest_of(envelope));
        let mut scene = self.scene();
        match scene.answers.get(&key) {
            None => {
                scene.answers.insert(key, answer.to_vec());
                "acknowledged it"
            }
            Some(first) if first == answer => "acknowledged it again",
            Some(_) => {
                scene.violations.push(format!("{recipient} gave two different receipts for one envelope"));
                "acknowledged it otherwise"
            }
        }
    }

    /// Remembers the MRN of an accepted declaration, which must never change or be forgotten.
    pub(crate) fn note_accepted(&self, lrn: &str, mrn: &str) {
        let mut scene = self.scene();
        let before = scene.accepted.insert(lrn.to_owned(), mrn.to_owned());
        if let Some(before) = before.filter(|before| before != mrn) {
            scene.violations.push(format!("declaration {lrn} was accepted as {before} and later as {mrn}"));
        }
    }

    /// The MRN of a declaration that was accepted.
    pub(crate) fn accepted(&self, lrn: &str) -> Option<String> {
        self.scene().accepted.get(lrn).cloned()
    }

    /// Puts what the nodes have committed since this was last called into the trace.
    pub(crate) fn note_commits(&self, at: Duration) {
        let mut news = Vec::new();
        let mut letters = Vec::new();
        {
            let mut scene = self.scene();
            let Scene { up, seen, checkpoints, .. } = &mut *scene;
            for (country, up) in up {
                // A node looks for letters ten times a second; most of its commits change nothing.
                let changes = self.federation.disk(*country).map_or(0, MemoryDisk::changes);
                if changes == up.changes {
                    continue;
                }
                let cursor = seen.entry(*country).or_default();
                let read = up.store.read(|tx| -> Result<_, StoreError> { new_rows(tx, *cursor) });
                // A node without power is read when it is up again.
                if let Ok(rows) = read {
                    up.changes = changes;
                    *cursor = rows.seen;
                    news.extend(rows.words.into_iter().map(|words| (*country, words)));
                    letters.extend(rows.letters);
                    checkpoints.entry(*country).or_default().extend(rows.checkpoint);
                }
            }
            scene.letters.extend(letters);
        }
        for (country, words) in news {
            self.note_at(at, country.as_str(), words, None);
        }
    }

    /// Remembers a document that a node has taken: it has to arrive, once.
    pub(crate) fn note_sent(&self, sent: Sent) {
        self.scene().sent.push(sent);
    }

    /// The documents that nodes have taken.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.scene().sent.clone()
    }

    /// Counts something that was done.
    pub(crate) fn did(&self, activity: Activity) {
        *self.scene().done.entry(activity).or_default() += 1;
    }

    /// Remembers a checkpoint that a witness cosigned: its log must never contradict it.
    pub(crate) fn note_cosigned(&self, cosigned: Cosigned) {
        self.scene().cosigned.push(cosigned);
    }

    /// The checkpoints that were cosigned.
    pub(crate) fn cosigned(&self) -> Vec<Cosigned> {
        self.scene().cosigned.clone()
    }

    /// Remembers what an officer decided on a document, once the node has said that it is done.
    pub(crate) fn note_decided(&self, recipient: Country, document: &str, accepted: bool) {
        let before = self.scene().decided.insert((recipient, document.to_owned()), accepted);
        if before.is_some() {
            self.violation(format!("{recipient} let its officers decide twice on {document}"));
        }
    }

    /// Whether a document was accepted; `None` when no officer heard that it was decided.
    pub(crate) fn decided(&self, recipient: Country, document: &str) -> Option<bool> {
        self.scene().decided.get(&(recipient, document.to_owned())).copied()
    }

    /// Whether officers have heard a decision on every document that was sent.
    pub(crate) fn all_decided(&self) -> bool {
        let scene = self.scene();
        scene.decided.len() >= scene.sent.len()
    }

    /// Reads from the disk of a node that is up.
    pub(crate) fn read<T>(
        &self,
        country: Country,
        read: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError>,
    ) -> Option<T> {
        let store = self.scene().up.get(&country).map(|up| up.store.clone())?;
        store.read(read).ok()
    }

    /// How many letters went from node to node so far.
    pub(crate) fn letters(&self) -> u64 {
        self.scene().letters.len() as u64
    }

    /// The checkpoints of a node, in the order in which they were seen.
    pub(crate) fn checkpoints(&self, country: Country) -> Vec<String> {
        self.scene().checkpoints.get(&country).cloned().unwrap_or_default()
    }

    /// Ends the simulation: what happened, what went wrong on purpose, what was done, and what must not have
    /// happened.
    pub(crate) fn finish(&self) -> (Trace, Counts, Done, Vec<String>) {
        let mut scene = self.scene();
        let letters = std::mem::take(&mut scene.letters);
        scene.trace.name_letters(&letters);
        (
            std::mem::take(&mut scene.trace),
            std::mem::take(&mut scene.faults),
            std::mem::take(&mut scene.done),
            std::mem::take(&mut scene.violations),
        )
    }
}

/// What a node has put on record.
struct NewRows {
    words: Vec<String>,
    letters: Vec<(String, String)>,
    checkpoint: Option<String>,
    seen: Seen,
}

fn new_rows(tx: &mut dyn Tx, mut seen: Seen) -> Result<NewRows, StoreError> {
    let mut words = Vec::new();
    let mut letters = Vec::new();
    loop {
        let events = journal::after(tx, seen.journal, PAGE)?;
        for event in &events {
            words.push(format!("{}: {}", event.stream, event.kind));
            seen.journal = event.seq;
        }
        if events.len() < PAGE {
            break;
        }
    }
    let rows = tx.query(
        "SELECT id, direction, message_type, from_party, to_party, movement, outcome, exchange_id FROM messages \
         WHERE id > ?1 ORDER BY id",
        &[seen.messages.into()],
    )?;
    for row in &rows {
        let (direction, kind) = (row.text(1)?, row.text(2)?);
        words.push(format!(
            "{direction} {kind} {} to {} about {}: {}",
            row.text(3)?,
            row.text(4)?,
            row.text(5)?,
            row.text(6)?
        ));
        if let Some(letter) = row.opt_text(7)? {
            letters.push((letter.to_owned(), kind.to_owned()));
        }
        seen.messages = row.int(0)?;
    }
    // One that is older than the last one seen is news as well: a log must never go back.
    let latest = log::latest_checkpoint(tx)?.filter(|latest| latest.size != seen.checkpoint);
    seen.checkpoint = latest.as_ref().map_or(seen.checkpoint, |latest| latest.size);
    Ok(NewRows { words, letters, checkpoint: latest.map(|latest| latest.note), seen })
}
