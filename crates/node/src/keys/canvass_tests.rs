//! Stewards that propose for one number at the same time, while messages are lost and some are away.

use super::canvass::{Ballot, Canvass, Vote};
use base::{Administration, Country, Digest, Timestamp};
use evidence::key_register::{KeyRegister, SignedRegister, Steward, Threshold};
use evidence::{KeySet, StatementKey};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const CODES: [&str; 5] = ["BE", "DE", "FR", "GB", "IT"];

fn name(steward: usize) -> Administration {
    Administration::of(Country::parse(CODES[steward]).unwrap())
}

/// A register of so many stewards, whose content does not matter here.
fn register(stewards: usize, change: u64) -> KeyRegister {
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let steward = |number: usize| Steward {
        administration: name(number),
        key: StatementKey::from_seed(&[u8::try_from(number).unwrap() + 1; 32]).unwrap().public(),
    };
    let mut drawn = 40;
    let keys = KeySet::draw(&mut |bytes: &mut [u8]| {
        drawn += 1;
        bytes.fill(drawn);
    });
    let card = keys.keys().unwrap().card(name(0), Digest([9; 32]), now, now.plus_seconds(900)).unwrap();
    let threshold = Threshold { change: 1, revocation: 1 };
    let mut made = KeyRegister::genesis("a", &[card], threshold, now, now.plus_seconds(900)).unwrap();
    made.stewards = (0..stewards).map(steward).collect();
    made.threshold = Threshold { change, revocation: 1 };
    made
}

/// A document: who proposes it, and its serial number there.
type Document = (usize, u8);

fn digest((by, serial): Document) -> Digest {
    let mut digest = [serial; 32];
    digest[0] = u8::try_from(by).unwrap();
    Digest(digest)
}

/// A steward, as far as one number goes.
#[derive(Clone, Default)]
struct Party {
    approved: Option<Document>,
    proposal: Option<Document>,
    /// What is to follow.
    queued: bool,
    shown: BTreeSet<Document>,
    approvals: BTreeMap<Document, BTreeSet<Administration>>,
    in_force: Option<Document>,
    /// The round that it is in: what it proposes there, and who stands against it.
    round: Option<(Document, BTreeSet<Administration>)>,
}

struct World {
    parties: Vec<Party>,
    away: Vec<bool>,
    canvass: Vec<Canvass>,
    change: usize,
    complete: BTreeSet<Document>,
}

impl World {
    fn new(count: usize, change: usize) -> Self {
        let held = SignedRegister::proposal(register(count, change as u64)).unwrap();
        let next = held.register().next(held.register().issued, held.register().expires.plus_seconds(1));
        Self {
            parties: vec![Party::default(); count],
            away: vec![false; count],
            canvass: (0..count).map(|own| Canvass::new(&name(own), &next, Some(&held), None)).collect(),
            change,
            complete: BTreeSet::new(),
        }
    }

    fn number(&self, administration: &Administration) -> usize {
        (0..self.parties.len()).find(|number| name(*number) == *administration).unwrap()
    }

    fn has_approvals(&self, party: usize, document: Document) -> bool {
        self.parties[party].approvals.get(&document).is_some_and(|approvals| !approvals.is_empty())
    }

    fn is_out(&self, party: usize, document: Document) -> bool {
        self.parties[party].shown.contains(&document) || self.has_approvals(party, document)
    }

    /// An order: it replaces what waits, or follows it.
    fn order(&mut self, party: usize) {
        let before = self.parties[party].proposal;
        if self.parties[party].in_force.is_some() {
            return;
        }
        let spent = self.parties[party].approved.is_some();
        let waits = before.is_some_and(|before| self.is_out(party, before));
        let party_now = &mut self.parties[party];
        if spent || waits || party_now.queued {
            party_now.queued = true;
        } else {
            party_now.proposal = Some((party, before.map_or(0, |(_, serial)| serial + 1)));
        }
    }

    fn ballot(&self, party: usize, by: usize, yields: bool) -> Ballot {
        let own = self.parties[party].proposal.filter(|_| !yields);
        Ballot {
            approved: self.parties[party].approved.map(digest),
            own: own.map(|own| (digest(own), self.has_approvals(party, own))),
            first: name(party) < name(by),
        }
    }

    /// What a steward answers to a proposal.
    fn answers(&mut self, party: usize, asked: Document) -> (Vote, Option<Document>) {
        let vote = self.ballot(party, asked.0, false).vote(digest(asked));
        let state = &mut self.parties[party];
        match vote {
            Vote::Approve => {
                state.approved = Some(asked);
                (vote, Some(asked))
            }
            Vote::OwnFirst => {
                state.shown.extend(state.proposal);
                (vote, state.proposal)
            }
            Vote::Bound => (vote, state.approved),
        }
    }

    /// The next thing that a party does about its proposal. Some of what it asks, or is answered, is lost.
    fn step(&mut self, party: usize, (asks, hears): (bool, bool)) {
        let state = &self.parties[party];
        if state.in_force.is_some() || self.away[party] {
            self.parties[party].round = None;
            return;
        }
        let Some((document, hindered)) = state.round.clone() else {
            let Some(own) = state.proposal else { return };
            if state.approved.is_some_and(|approved| approved != own) {
                return;
            }
            let reached = (0..self.parties.len()).filter(|other| !self.away[*other]).map(name).collect();
            if self.canvass[party].quorate(&reached) {
                let state = &mut self.parties[party];
                state.shown.insert(own);
                state.round = Some((own, BTreeSet::new()));
            }
            return;
        };
        let approved = state.approvals.get(&document).cloned().unwrap_or_default();
        let next = self.canvass[party].next(&approved, &hindered).cloned();
        let Some(next) = next.filter(|_| approved.len() + 1 < self.change) else {
            self.parties[party].round = None;
            self.completes(party, document);
            return;
        };
        let other = self.number(&next);
        let answer = (!self.away[other] && asks).then(|| self.answers(other, document)).filter(|_| hears);
        match answer {
            Some((Vote::Approve, _)) => {
                self.parties[party].approvals.entry(document).or_default().insert(next);
            }
            Some((_, Some(first))) if first.0 == party => {
                // An earlier one of ours is taken up again.
                let state = &mut self.parties[party];
                state.queued = true;
                state.approvals.entry(first).or_default().insert(next);
                (state.proposal, state.round) = (Some(first), None);
            }
            Some((_, Some(first))) if !self.has_approvals(party, document) => {
                if self.ballot(party, first.0, true).vote(digest(first)) == Vote::Approve {
                    self.parties[party].approved = Some(first);
                }
                self.parties[party].round = None;
            }
            _ => {
                let (_, hindered) = self.parties[party].round.as_mut().unwrap();
                hindered.insert(next);
            }
        }
    }

    fn completes(&mut self, party: usize, document: Document) {
        let state = &mut self.parties[party];
        let count = state.approvals.get(&document).map_or(0, BTreeSet::len) + 1;
        if count < self.change || state.approved.is_some_and(|approved| approved != document) {
            return;
        }
        (state.approved, state.in_force) = (Some(document), Some(document));
        self.complete.insert(document);
    }

    /// A party brings another the version that it has.
    fn tell(&mut self, from: usize, to: usize) {
        if let Some(document) = self.parties[from].in_force
            && !self.away[to]
            && !self.away[from]
        {
            self.parties[to].in_force.get_or_insert(document);
        }
    }

    /// Everybody is back and nothing is lost any more.
    fn heals(&mut self) {
        let count = self.parties.len();
        self.away = vec![false; count];
        for _ in 0..8 * count {
            for party in 0..count {
                for _ in 0..=count + 1 {
                    self.step(party, (true, true));
                }
                (0..count).for_each(|other| self.tell(party, other));
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Event {
    Order(usize),
    Step(usize, bool, bool),
    Tell(usize, usize),
    Leave(usize),
    Return(usize),
}

fn event(count: usize) -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (0..count).prop_map(Event::Order),
        12 => (0..count, prop::bool::weighted(0.85), prop::bool::weighted(0.85))
            .prop_map(|(party, asks, hears)| Event::Step(party, asks, hears)),
        2 => (0..count, 0..count).prop_map(|(from, to)| Event::Tell(from, to)),
        1 => (0..count).prop_map(Event::Leave),
        1 => (0..count).prop_map(Event::Return),
    ]
}

fn schedule() -> impl Strategy<Value = (usize, usize, Vec<Event>)> {
    (2usize..=5).prop_flat_map(|count| {
        (Just(count), count / 2 + 1..=count, prop::collection::vec(event(count), 1..80))
    })
}

fn run(world: &mut World, events: &[Event]) {
    for event in events {
        match *event {
            Event::Order(party) => world.order(party),
            Event::Step(party, asks, hears) => world.step(party, (asks, hears)),
            Event::Tell(from, to) => world.tell(from, to),
            Event::Leave(party) => world.away[party] = true,
            Event::Return(party) => world.away[party] = false,
        }
    }
}

fn cases() -> u32 {
    if std::env::var("TIDEWAITER_FULL").is_ok_and(|value| value == "1") { 20_000 } else { 500 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Two documents of one number are never both complete; and where all must sign, one is once everybody is back.
    #[test]
    fn one_document_of_a_number_comes_into_force((count, change, events) in schedule()) {
        let mut world = World::new(count, change);
        run(&mut world, &events);
        prop_assert!(world.complete.len() <= 1, "{:?}", world.complete);
        let proposed = world.parties.iter().any(|party| party.proposal.is_some());
        world.heals();
        prop_assert!(world.complete.len() <= 1, "{:?}", world.complete);
        if change == count && proposed {
            let first = world.parties[0].in_force;
            prop_assert!(first.is_some(), "nothing came into force");
            prop_assert!(world.parties.iter().all(|party| party.in_force == first));
        }
    }

    /// As long as one party is away, nobody has spent an approval on what all must sign.
    #[test]
    fn nothing_is_approved_while_somebody_is_away(count in 2usize..=5, away in 0usize..5, parties in prop::collection::vec(0usize..5, 1..40)) {
        let mut world = World::new(count, count);
        let away = away % count;
        world.away[away] = true;
        for party in parties {
            world.order(party % count);
            world.step(party % count, (true, true));
        }
        prop_assert!(world.parties.iter().all(|party| party.approved.is_none()));
    }
}
