//! Random commands against the store and against a model that keeps everything in ordered maps: their answers agree,
//! through refusals and power cuts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod reference;
#[path = "../support/mod.rs"]
mod support;

use proptest::prelude::*;
use reference::Model;
use std::sync::atomic::{AtomicU32, Ordering};
use store::{
    Execution, MemoryDisk, Store, StoreError, Tx, counter, inbox, journal, log, outbox, settings, state,
    timers,
};
use support::{at, digest, france, letter, message_id};

/// One act of a command. Small numbers, so that acts meet.
#[derive(Clone, Debug)]
enum Act {
    Save { key: u8, expected: i64, body: u8 },
    Count { name: u8 },
    Record { stream: u8, body: u8 },
    Erase { seq: i64 },
    Enqueue { channel: u8, skip: i64, lane: i64 },
    Look { limit: usize, under_way: Vec<i64> },
    Postpone { id: i64, by: i64 },
    Settle { id: i64, how: u8 },
    Receive { number: u64, channel: u8, sequence: i64 },
    Set { key: u8, kind: u8, due: i64 },
    Cancel { key: u8, kind: u8 },
    Fire { limit: usize },
    Log { leaf: u8 },
    Checkpoint { size: i64, note: u8 },
    Put { key: u8, value: u8 },
}

/// A step of a run: acts that form one command (which may change its mind at the end), or a power cut.
#[derive(Clone, Debug)]
enum Step {
    Command { acts: Vec<Act>, refuses: bool, later: i64 },
    PowerCut,
}

fn act() -> impl Strategy<Value = Act> {
    let small = || 0..3_u8;
    prop_oneof![
        1 => (small(), 0..3_i64, small()).prop_map(|(key, expected, body)| Act::Save { key, expected, body }),
        1 => small().prop_map(|name| Act::Count { name }),
        1 => (small(), small()).prop_map(|(stream, body)| Act::Record { stream, body }),
        1 => (1..6_i64).prop_map(|seq| Act::Erase { seq }),
        4 => (small(), prop_oneof![9 => Just(0), 1 => -1..2_i64], 0..2_i64)
            .prop_map(|(channel, skip, lane)| Act::Enqueue { channel, skip, lane }),
        3 => (1..4_usize, prop::collection::vec(1..9_i64, 0..5))
            .prop_map(|(limit, under_way)| Act::Look { limit, under_way }),
        1 => (1..9_i64, 0..20_i64).prop_map(|(id, by)| Act::Postpone { id, by }),
        4 => (1..9_i64, small()).prop_map(|(id, how)| Act::Settle { id, how }),
        2 => (0..5_u64, small(), 1..4_i64)
            .prop_map(|(number, channel, sequence)| Act::Receive { number, channel, sequence }),
        2 => (small(), small(), 0..60_i64).prop_map(|(key, kind, due)| Act::Set { key, kind, due }),
        1 => (small(), small()).prop_map(|(key, kind)| Act::Cancel { key, kind }),
        2 => (1..4_usize).prop_map(|limit| Act::Fire { limit }),
        2 => any::<u8>().prop_map(|leaf| Act::Log { leaf }),
        1 => (0..4_i64, small()).prop_map(|(size, note)| Act::Checkpoint { size, note }),
        1 => (small(), small()).prop_map(|(key, value)| Act::Put { key, value }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let command = (prop::collection::vec(act(), 1..5), prop::bool::weighted(0.2), 0..15_i64)
        .prop_map(|(acts, refuses, later)| Step::Command { acts, refuses, later });
    prop_oneof![12 => command, 1 => Just(Step::PowerCut)]
}

fn words<T: ToString>(value: T) -> String {
    value.to_string()
}

fn claims(claims: &[outbox::Claim]) -> String {
    let shown: Vec<_> = claims
        .iter()
        .map(|claim| (claim.id, claim.channel.clone(), claim.sequence, claim.attempts))
        .collect();
    format!("{shown:?}")
}

/// The same act on the store.
fn perform(tx: &mut dyn Tx, act: &Act, now: i64) -> Result<String, StoreError> {
    match *act {
        Act::Save { key, expected, body } => {
            state::save(tx, "room", &key.to_string(), expected, &[body]).map(words)
        }
        Act::Count { name } => counter::next(tx, &name.to_string()).map(words),
        Act::Record { stream, body } => {
            let stream = stream.to_string();
            let (kind, salt, body) = ("act", [1; 16], &[body]);
            journal::append(
                tx,
                &journal::JournalEntry { stream: &stream, kind, at: at(now), salt, body, facts: b"" },
            )
            .map(words)
        }
        Act::Erase { seq } => journal::erase(tx, seq).map(|()| String::new()),
        Act::Enqueue { channel, skip, lane } => {
            let (france, channel) = (france(), channel.to_string());
            let sequence = outbox::next_sequence(tx, &channel)? + skip;
            let number = outbox::counts(tx)
                .map(|of| of.ready + of.waiting + of.delivered + of.refused + of.expired)?;
            let letter = letter(&france, number as u64, &channel, sequence);
            outbox::enqueue(tx, &outbox::Letter { lane, created: at(now), ..letter }).map(words)
        }
        Act::Look { limit, ref under_way } => {
            let under_way = &under_way.iter().copied().collect();
            let space = outbox::Space { letters: limit, bytes_under_way: 0, under_way };
            outbox::due_to(tx, &france(), at(now), space).map(|found| claims(&found))
        }
        Act::Postpone { id, by } => outbox::postponed(tx, id, at(now + by), "later").map(words),
        Act::Settle { id, how: 0 } => outbox::delivered(tx, id, b"receipt", at(now)).map(words),
        Act::Settle { id, how: 1 } => outbox::refused(tx, id, "clause", at(now)).map(words),
        Act::Settle { id, .. } => outbox::expired(tx, id, None, "late", at(now)).map(words),
        Act::Receive { number, channel, sequence } => receive(tx, number, channel, sequence),
        Act::Set { key, kind, due } => {
            timers::set(tx, "room", &key.to_string(), &kind.to_string(), at(due), b"").map(|()| String::new())
        }
        Act::Cancel { key, kind } => {
            timers::cancel(tx, "room", &key.to_string(), &kind.to_string()).map(words)
        }
        Act::Fire { limit } => {
            let mut fired = Vec::new();
            for timer in timers::due(tx, at(now), limit)? {
                assert!(timers::done(tx, timer.id)?);
                let owner: (u8, u8) = (timer.key.parse().unwrap(), timer.kind.parse().unwrap());
                fired.push((timer.due.as_micros(), timer.id, owner));
            }
            Ok(format!("{fired:?}"))
        }
        Act::Log { leaf } => log::append(tx, &[leaf], [leaf; 32], at(now)).map(words),
        Act::Checkpoint { size, note } => {
            log::save_checkpoint(tx, size, &note.to_string(), at(now)).map(|()| String::new())
        }
        Act::Put { key, value } => settings::put(tx, &key.to_string(), &[value]).map(|()| String::new()),
    }
}

fn receive(tx: &mut dyn Tx, number: u64, channel: u8, sequence: i64) -> Result<String, StoreError> {
    let sender = france();
    if let Some(found) = inbox::find(tx, &sender, message_id(number))? {
        return Ok(format!("repeat of {}", String::from_utf8(found.receipt).unwrap()));
    }
    let receipt = format!("{:?}", (channel, sequence));
    let message = inbox::Inbound {
        sender: &sender,
        message_id: message_id(number),
        channel: &channel.to_string(),
        sequence,
        digest: digest(channel),
        receipt: receipt.as_bytes(),
        at: at(1),
    };
    inbox::record(tx, &message).map(|()| "new".to_owned())
}

/// All that can be seen in the store, in the words of the model.
fn picture(store: &Store, now: i64) -> String {
    let seen = store.read(|tx| -> Result<String, StoreError> {
        let of = outbox::counts(tx)?;
        let letters = [of.ready, of.waiting, of.delivered, of.refused, of.expired];
        let rows = journal::after(tx, 0, 1000)?;
        assert!(rows.iter().all(journal::Recorded::holds));
        let body = |row: &journal::Recorded| row.content.as_ref().map(|content| content.body[0]);
        let journal: Vec<_> = rows.iter().map(|row| (row.stream.clone(), body(row))).collect();
        let states: Vec<_> = state::list(tx, "room", "", 10)?
            .into_iter()
            .map(|(key, stored)| (key, (stored.version, stored.body[0])))
            .collect();
        let due = timers::next(tx)?.map(base::Timestamp::as_micros);
        let counters = ["0", "1", "2"].map(|name| counter::current(tx, name).unwrap());
        let settings = ["0", "1", "2"].map(|key| settings::get(tx, key).unwrap().map(|value| value[0]));
        let leaves: Vec<_> = log::leaves(tx, 0, 1000)?.iter().map(|leaf| leaf[0]).collect();
        let checkpoint = log::latest_checkpoint(tx)?.map(|latest| (latest.size, latest.note.parse::<u8>().unwrap()));
        let rows = tx.query(
            "select id, channel, sequence, attempts + 1 from outbox where status = 'ready' and available <= ?1
            order by lane, available, id limit 100",
            &[at(now).into()],
        )?;
        let claimable: Vec<(i64, String, i64, i64)> = rows
            .iter()
            .map(|row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.int(2)?, row.int(3)?)))
            .collect::<Result<_, StoreError>>()?;
        Ok(format!(
            "{letters:?} {journal:?} {states:?} {due:?} {counters:?} {settings:?} {leaves:?} {checkpoint:?} {claimable:?}"
        ))
    });
    seen.unwrap()
}

static RUNS: AtomicU32 = AtomicU32::new(0);

/// Runs the steps on both and compares after each.
fn compare(steps: Vec<Step>) {
    let disk = MemoryDisk::open(&format!("model {}", RUNS.fetch_add(1, Ordering::Relaxed))).unwrap();
    let open = || Store::open(&disk.location(), Execution::Inline, &[]).unwrap();
    let (mut store, mut model, mut now) = (open(), Model::default(), 0);
    for step in steps {
        match step {
            Step::PowerCut => {
                disk.crash();
                store = open();
            }
            Step::Command { acts, refuses, later } => {
                now += later;
                let mut next = model.clone();
                let expected: Result<Vec<_>, _> = acts.iter().map(|act| next.perform(act, now)).collect();
                let expected = if refuses { expected.and(Err(words(StoreError::Closed))) } else { expected };
                if expected.is_ok() {
                    model = next;
                }
                let told = acts.clone();
                let answer = store.write(move |tx| {
                    let answers =
                        told.iter().map(|act| perform(tx, act, now)).collect::<Result<Vec<_>, _>>()?;
                    if refuses { Err(StoreError::Closed) } else { Ok(answers) }
                });
                assert_eq!(answer.map_err(words), expected, "{acts:?}");
            }
        }
        assert_eq!(picture(&store, now), model.picture(now));
    }
}

fn cases() -> u32 {
    if std::env::var("TIDEWAITER_FULL").as_deref() == Ok("1") { 5000 } else { 250 }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn the_store_agrees_with_the_model(steps in prop::collection::vec(step(), 1..40)) {
        compare(steps);
    }
}
