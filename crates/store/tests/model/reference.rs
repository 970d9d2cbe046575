//! The model: what each act does, on ordered maps.

use crate::Act;
use std::collections::BTreeMap;

/// What an act answers; errors by their words.
pub type Answer = Result<String, String>;

/// A letter as the model keeps it.
#[derive(Clone, Debug)]
struct Letter {
    number: i64,
    channel: u8,
    sequence: i64,
    lane: i64,
    available: i64,
    attempts: i64,
    settled: Option<&'static str>,
}

/// A timer as the model keeps it.
#[derive(Clone, Debug)]
struct Timer {
    id: i64,
    due: i64,
}

/// Everything, in ordered maps.
#[derive(Clone, Debug, Default)]
pub struct Model {
    states: BTreeMap<u8, (i64, u8)>,
    counters: BTreeMap<u8, i64>,
    journal: Vec<(u8, Option<u8>)>,
    letters: Vec<Letter>,
    inbox: BTreeMap<u64, (u8, i64)>,
    timers: BTreeMap<(u8, u8), Timer>,
    timers_set: i64,
    leaves: Vec<u8>,
    checkpoint: Option<(i64, u8)>,
    settings: BTreeMap<u8, u8>,
}

impl Model {
    fn open(&self, channel: u8) -> impl Iterator<Item = &Letter> {
        self.letters.iter().filter(move |letter| letter.channel == channel && letter.settled.is_none())
    }

    /// Whether a letter is the first open one of its channel.
    fn leads(&self, letter: &Letter) -> bool {
        letter.settled.is_none()
            && self.open(letter.channel).map(|open| open.sequence).min() == Some(letter.sequence)
    }

    fn save(&mut self, key: u8, expected: i64, body: u8) -> Answer {
        let found = self.states.get(&key).map_or(0, |(version, _)| *version);
        if found != expected {
            return Err(format!(
                "`room` `{key}` is at version {found}, not at {expected}: load it again and decide anew"
            ));
        }
        self.states.insert(key, (expected + 1, body));
        Ok((expected + 1).to_string())
    }

    fn enqueue(&mut self, channel: u8, skip: i64, lane: i64, now: i64) -> Answer {
        let next = self.letters.iter().filter(|letter| letter.channel == channel).count() as i64 + 1;
        if skip != 0 {
            return Err(format!(
                "sequence {} of `{channel}` is out of order: the next is {next}",
                next + skip
            ));
        }
        let number = self.letters.len() as i64 + 1;
        let letter =
            Letter { number, channel, sequence: next, lane, available: now, attempts: 0, settled: None };
        self.letters.push(letter);
        Ok(number.to_string())
    }

    /// The letters that are due beside those under way.
    fn look(&self, limit: usize, under_way: &[i64], now: i64) -> Answer {
        let due = self.letters.iter().filter(|letter| self.leads(letter) && letter.available <= now);
        let mut due: Vec<_> = due.filter(|letter| !under_way.contains(&letter.number)).collect();
        due.sort_unstable_by_key(|letter| (letter.lane, letter.available, letter.number));
        due.truncate(limit);
        let due = due
            .iter()
            .map(|letter| (letter.number, letter.channel.to_string(), letter.sequence, letter.attempts + 1));
        Ok(format!("{:?}", due.collect::<Vec<_>>()))
    }

    fn postpone(&mut self, id: i64, until: i64) -> Answer {
        let Some(letter) = self.letters.get(id as usize - 1).cloned() else {
            return Err(format!("there is no letter {id}"));
        };
        let changes = self.leads(&letter);
        if changes {
            let letter = &mut self.letters[id as usize - 1];
            letter.available = until;
            letter.attempts += 1;
        }
        Ok(changes.to_string())
    }

    fn settle(&mut self, id: i64, how: &'static str) -> Answer {
        let letter =
            self.letters.get_mut(id as usize - 1).ok_or_else(|| format!("there is no letter {id}"))?;
        let changes = letter.settled.is_none();
        letter.settled = letter.settled.or(Some(how));
        Ok(changes.to_string())
    }

    fn receive(&mut self, number: u64, channel: u8, sequence: i64) -> Answer {
        let received = self.inbox.values().filter(|(of, _)| *of == channel);
        let next = received.map(|(_, sequence)| *sequence).max().unwrap_or(0) + 1;
        if let Some(first) = self.inbox.get(&number) {
            return Ok(format!("repeat of {first:?}"));
        }
        if sequence < next {
            return Err(format!("sequence {sequence} of `{channel}` is out of order: the next is {next}"));
        }
        self.inbox.insert(number, (channel, sequence));
        Ok("new".to_owned())
    }

    fn fire(&mut self, limit: usize, now: i64) -> Answer {
        let due = self.timers.iter().filter(|(_, timer)| timer.due <= now);
        let mut due: Vec<_> = due.map(|(owner, timer)| (timer.due, timer.id, *owner)).collect();
        due.sort_unstable();
        due.truncate(limit);
        due.iter().for_each(|(_, _, owner)| {
            self.timers.remove(owner);
        });
        Ok(format!("{due:?}"))
    }

    fn checkpoint(&mut self, size: i64, note: u8) -> Answer {
        if self.checkpoint == Some((size, note)) {
            return Ok(String::new());
        }
        let (covered, leaves) = (self.checkpoint.map_or(0, |(size, _)| size + 1), self.leaves.len() as i64);
        if size < covered || size > leaves {
            let next = covered.max(leaves);
            return Err(format!("sequence {size} of `checkpoint` is out of order: the next is {next}"));
        }
        self.checkpoint = Some((size, note));
        Ok(String::new())
    }

    pub fn perform(&mut self, act: &Act, now: i64) -> Answer {
        match *act {
            Act::Save { key, expected, body } => self.save(key, expected, body),
            Act::Count { name } => {
                let counter = self.counters.entry(name).or_default();
                *counter += 1;
                Ok(counter.to_string())
            }
            Act::Record { stream, body } => {
                self.journal.push((stream, Some(body)));
                Ok(self.journal.len().to_string())
            }
            Act::Erase { seq } => match self.journal.get_mut(seq as usize - 1) {
                Some((_, body)) => {
                    *body = None;
                    Ok(String::new())
                }
                None => Err(format!("there is no journal row {seq}")),
            },
            Act::Enqueue { channel, skip, lane } => self.enqueue(channel, skip, lane, now),
            Act::Look { limit, ref under_way } => self.look(limit, under_way, now),
            Act::Postpone { id, by } => self.postpone(id, now + by),
            Act::Settle { id, how } => self.settle(id, SETTLEMENTS[how as usize]),
            Act::Receive { number, channel, sequence } => self.receive(number, channel, sequence),
            Act::Set { key, kind, due } => {
                self.timers_set += 1;
                self.timers.insert((key, kind), Timer { id: self.timers_set, due });
                Ok(String::new())
            }
            Act::Cancel { key, kind } => Ok(self.timers.remove(&(key, kind)).is_some().to_string()),
            Act::Fire { limit } => self.fire(limit, now),
            Act::Log { leaf } => {
                self.leaves.push(leaf);
                Ok((self.leaves.len() - 1).to_string())
            }
            Act::Checkpoint { size, note } => self.checkpoint(size, note),
            Act::Put { key, value } => {
                self.settings.insert(key, value);
                Ok(String::new())
            }
        }
    }

    /// All that can be seen, in words.
    pub fn picture(&self, now: i64) -> String {
        let count = |how: &str| self.letters.iter().filter(|letter| letter.settled == Some(how)).count();
        let ready = self.letters.iter().filter(|letter| self.leads(letter)).count();
        let open = self.letters.iter().filter(|letter| letter.settled.is_none()).count();
        let letters = [ready, open - ready, count("delivered"), count("refused"), count("expired")];
        let journal: Vec<_> = self.journal.iter().map(|(stream, body)| (stream.to_string(), *body)).collect();
        let states: Vec<_> = self.states.iter().map(|(key, state)| (key.to_string(), *state)).collect();
        let due = self.timers.values().map(|timer| timer.due).min();
        let counters: Vec<_> = (0..3).map(|name| self.counters.get(&name).copied().unwrap_or(0)).collect();
        let settings: Vec<_> = (0..3).map(|key| self.settings.get(&key).copied()).collect();
        let claimable = self.look(100, &[], now).unwrap();
        format!(
            "{letters:?} {journal:?} {states:?} {due:?} {counters:?} {settings:?} {:?} {:?} {claimable}",
            self.leaves, self.checkpoint
        )
    }
}

const SETTLEMENTS: [&str; 3] = ["delivered", "refused", "expired"];
