//! A node is killed while it writes: what it had acknowledged is there, and nothing half-done is.

use crate::support::{Place, TABLES};
use crate::{entry, read, things};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use store::{Execution, Location, MemoryDisk, Store, StoreError, Tx, counter, journal, state};

/// Where the child is to write.
const CHILD: &str = "STORE_CRASH_CHILD";

/// Threads that write at the same time, so that groups form.
const WRITERS: i64 = 8;

/// After how many acknowledgements the node is killed, round by round.
fn rounds() -> impl Iterator<Item = usize> {
    let count = if std::env::var("TIDEWAITER_FULL").as_deref() == Ok("1") { 40 } else { 4 };
    (1..=count).map(|round| round * 37 % 251 + 1)
}

/// A command that touches several rooms and its own number in each.
fn act(tx: &mut dyn Tx, number: i64) -> Result<(), StoreError> {
    counter::next(tx, "acts")?;
    crate::put(tx, number)?;
    journal::append(tx, &entry("acts", number.to_string().as_bytes()))?;
    state::save(tx, "acts", &number.to_string(), 0, b"").map(drop)
}

/// Writes from many threads until the store fails, telling of each command that was acknowledged.
fn write_until_the_end(store: &Store, first: i64, acknowledge: impl Fn(i64) + Clone + Send) {
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let acknowledge = acknowledge.clone();
            scope.spawn(move || {
                let mut number = first + writer;
                while store.write(move |tx| act(tx, number)).is_ok() {
                    acknowledge(number);
                    number += WRITERS;
                }
            });
        }
    });
}

/// Checks what a crashed store holds against what was acknowledged so far, and gives the first unused number.
fn check(store: &Store, acknowledged: &BTreeSet<i64>, crashes: usize) -> i64 {
    let stored = things(store);
    let held: BTreeSet<i64> = stored.iter().copied().collect();
    assert!(acknowledged.is_subset(&held), "lost: {:?}", acknowledged.difference(&held).collect::<Vec<_>>());
    // The answer to each writer's last command may have died on its way.
    assert!(held.len() - acknowledged.len() <= crashes * usize::try_from(WRITERS).unwrap());
    // Every command is there as a whole.
    let count = i64::try_from(held.len()).unwrap();
    assert_eq!(read(store, |tx| counter::current(tx, "acts")), count);
    let events = read(store, |tx| journal::read(tx, "acts"));
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=count).collect::<Vec<_>>());
    let number = |event: &journal::Recorded| {
        assert!(event.holds());
        String::from_utf8(event.content.as_ref().unwrap().body.clone()).unwrap().parse().unwrap()
    };
    assert_eq!(events.iter().map(number).collect::<BTreeSet<i64>>(), held);
    let states = read(store, |tx| tx.query("select count(*) from state", &[]));
    assert_eq!(states[0].int(0).unwrap(), count);
    stored.last().map_or(0, |last| last + 1)
}

/// Not a test of its own: the node that `a_killed_process_keeps_its_word` kills.
#[test]
fn child() {
    let Ok(job) = std::env::var(CHILD) else { return };
    let (first, location) = job.split_once(' ').unwrap();
    let location: Location = location.parse().unwrap();
    let store = Store::open(&location, Execution::WriterThread, TABLES).unwrap();
    write_until_the_end(&store, first.parse().unwrap(), |number| {
        // One write, so that lines of different threads do not mix.
        std::io::stdout().lock().write_all(format!("\nacknowledged {number}\n").as_bytes()).unwrap();
    });
}

/// Lets a child write and kills it after so many acknowledgements; gives all that it made.
fn kill_after(location: &Location, first: i64, count: usize) -> Vec<i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture"])
        .env(CHILD, format!("{first} {location}"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(number) = line.unwrap().strip_prefix("acknowledged ") {
            acknowledged.push(number.parse().unwrap());
            if acknowledged.len() == count {
                // SIGKILL; the loop goes on to what was in the pipe.
                child.kill().unwrap();
            }
        }
    }
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "the child ended before it was killed");
    acknowledged
}

#[test]
fn a_killed_process_keeps_its_word() {
    for place in [Place::file(), Place::server()].into_iter().flatten() {
        let mut acknowledged = BTreeSet::new();
        let mut first = 0;
        for (round, count) in rounds().enumerate() {
            acknowledged.extend(kill_after(&place.location, first, count));
            let store = place.store();
            first = check(&store, &acknowledged, round + 1);
            store.close();
        }
    }
}

#[test]
fn a_power_cut_keeps_its_word() {
    let disk = MemoryDisk::open("power cut").unwrap();
    let mut acknowledged = BTreeSet::new();
    let mut first = 0;
    for (round, count) in rounds().enumerate() {
        let store = Store::open(&disk.location(), Execution::WriterThread, TABLES).unwrap();
        let (acknowledge, numbers) = channel();
        let dying = store.clone();
        let writers = std::thread::spawn(move || {
            write_until_the_end(&dying, first, move |number| acknowledge.send(number).unwrap());
        });
        acknowledged.extend(numbers.iter().take(count));
        disk.crash();
        acknowledged.extend(numbers.iter());
        writers.join().unwrap();
        // The dead node still has its handle, which is good for nothing.
        let next = Store::open(&disk.location(), Execution::Inline, TABLES).unwrap();
        first = check(&next, &acknowledged, round + 1);
        assert!(matches!(store.write(|tx| act(tx, -1)), Err(StoreError::Unavailable { .. })));
        assert!(matches!(store.read(|tx| tx.query("select 1", &[])), Err(StoreError::Unavailable { .. })));
    }
}

#[test]
fn a_power_cut_inside_a_command_undoes_it() {
    let disk = MemoryDisk::open("power cut inside").unwrap();
    let store = Store::open(&disk.location(), Execution::Inline, TABLES).unwrap();
    store.write(|tx| act(tx, 1)).unwrap();
    let power = disk.clone();
    let outcome = store.write(move |tx| {
        act(tx, 2)?;
        power.crash();
        Ok::<(), StoreError>(())
    });
    assert!(matches!(outcome, Err(StoreError::Commit { .. })));
    let next = Store::open(&disk.location(), Execution::Inline, TABLES).unwrap();
    check(&next, &BTreeSet::from([1]), 0);
}

#[test]
fn a_full_disk_refuses_what_does_not_fit_and_goes_on_when_there_is_space() {
    let disk = MemoryDisk::open("full").unwrap();
    let store = Store::open(&disk.location(), Execution::Inline, TABLES).unwrap();
    store.write(|tx| act(tx, 1)).unwrap();
    let large = |tx: &mut dyn Tx| state::save(tx, "scans", "large", 0, &[7; 100_000]).map(drop);
    disk.fill();
    for _ in 0..2 {
        let outcome = store.write(large);
        assert!(matches!(outcome, Err(StoreError::Full { .. })), "{outcome:?}");
        assert_eq!(things(&store), [1]);
    }
    // Power does not make space.
    disk.crash();
    let store = Store::open(&disk.location(), Execution::Inline, TABLES).unwrap();
    assert!(matches!(store.write(large), Err(StoreError::Full { .. })));
    disk.free();
    store.write(large).unwrap();
    store.write(|tx| act(tx, 2)).unwrap();
    assert_eq!(things(&store), [1, 2]);
}

#[test]
fn a_disk_that_is_full_from_the_beginning_can_be_opened_when_it_has_space() {
    let disk = MemoryDisk::open("full-from-the-beginning").unwrap();
    let open = || Store::open(&disk.location(), Execution::Inline, TABLES);
    disk.fill();
    for _ in 0..2 {
        let refused = open().err();
        assert!(matches!(refused, Some(StoreError::Full { .. })), "{refused:?}");
    }
    disk.free();
    let store = open().unwrap();
    store.write(|tx| act(tx, 1)).unwrap();
    assert_eq!(things(&store), [1]);
}
