//! A partner is away for 30 days while letters queue for it: what that costs in memory and disk, when the alarms come,
//! and how fast the queue drains when the partner is back, compared with the steady rate of the same run.
//!
//! `cargo run --release -p tidewaiter-node --example backlog -- 1000000` (10,000 letters without a number). The time is
//! that of an injected clock; the two nodes are in this process, with SQLite on disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods
)]

use base::{Administration, Timestamp};
use node::{
    Clock, Config, Delivery, DocumentContent, Lane, NewDocument, Node, Principal, Role, SetUp, SystemClock,
    SystemEntropy, Transport, TransportError, World, initialise, join_corridor,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The content of each document, in bytes.
const SIZE: usize = 2048;

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

struct Shifted(Arc<AtomicI64>);

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Takes envelopes to the partner's node in this process, when it is there.
#[derive(Default)]
struct Line {
    partner: OnceLock<Arc<Node>>,
    away: AtomicBool,
    attempts: AtomicU64,
}

struct LineOf(Administration, Arc<Line>);

impl Transport for LineOf {
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: node::Bytes) -> Delivery<'a> {
        Box::pin(async move {
            self.1.attempts.fetch_add(1, Ordering::SeqCst);
            let failed = |words: String| TransportError::Unreachable(partner.clone(), words);
            if self.1.away.load(Ordering::SeqCst) {
                return Err(failed("it is away".to_owned()));
            }
            let node = self.1.partner.get().ok_or_else(|| failed("it does not run".to_owned()))?;
            node.receive(&self.0, envelope.into()).await.map_err(|error| failed(error.to_string()))
        })
    }
}

fn disk(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries
        .map(|entry| {
            let data = entry.metadata().unwrap();
            if data.is_dir() { disk(&entry.path()) } else { data.len() }
        })
        .sum()
}

/// The resident memory of this process, in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn send(node: &Arc<Node>, from: u64, count: u64) {
    let officer = Principal { name: "backlog".to_owned(), role: Role::Officer };
    let mut tasks = tokio::task::JoinSet::new();
    for number in from..from + count {
        if tasks.len() >= 64 {
            tasks.join_next().await.unwrap().unwrap();
        }
        let (node, officer) = (Arc::clone(node), officer.clone());
        tasks.spawn(async move {
            let mut content = vec![b'x'; SIZE];
            content[..8].copy_from_slice(&number.to_be_bytes());
            let new = NewDocument {
                recipient: Administration::parse("NTA.FR").unwrap(),
                subject: format!("case-{number}"),
                purpose: node::default_purpose().unwrap(),
                lane: Lane::Bulk,
                expires_seconds: node::DEFAULT_EXPIRY_SECONDS,
                document: DocumentContent {
                    title: format!("Document {number}"),
                    media_type: "application/octet-stream".to_owned(),
                    content,
                },
            };
            node.send_document(&officer, new).await.unwrap().unwrap();
        });
    }
    while let Some(joined) = tasks.join_next().await {
        joined.unwrap();
    }
}

async fn waiting(node: &Node) -> i64 {
    node.exchange().await.unwrap().queues.iter().map(|queue| queue.letters).sum()
}

async fn drained(node: &Node) {
    while waiting(node).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::main]
async fn main() {
    let letters: u64 = std::env::args().nth(1).map_or(10_000, |text| text.parse().expect("a number"));
    let folder: PathBuf = std::env::temp_dir().join(format!("tidewaiter-backlog-{}", std::process::id()));
    let parties = ["NTA.GB", "NTA.FR"].map(|name| Administration::parse(name).unwrap());
    let prepared: Vec<_> = parties
        .iter()
        .map(|party| {
            initialise(&SetUp {
                folder: folder.join(party.as_str()),
                administration: party.clone(),
                store: "sqlite:node.db".to_owned(),
                api: "127.0.0.1:0".parse().unwrap(),
                peer: "127.0.0.1:0".parse().unwrap(),
                corridor_defaults: true,
                reference: None,
            })
            .unwrap()
        })
        .collect();
    for (index, one) in prepared.iter().enumerate() {
        join_corridor(&one.config, vec![prepared[1 - index].card.clone()], &parties).unwrap();
    }
    let (shift, line) = (Arc::new(AtomicI64::new(0)), Arc::new(Line::default()));
    let mut nodes = Vec::new();
    for (index, one) in prepared.iter().enumerate() {
        let world = World { clock: Arc::new(Shifted(Arc::clone(&shift))), entropy: Arc::new(SystemEntropy) };
        let transport = Arc::new(LineOf(parties[index].clone(), Arc::clone(&line)));
        nodes.push(Node::open_with(Config::load(&one.config).unwrap(), world, transport).await.unwrap());
    }
    let (sender, partner) = (Arc::clone(&nodes[0]), Arc::clone(&nodes[1]));
    assert!(line.partner.set(partner).is_ok());
    Arc::clone(&sender).start_workers(std::future::pending());

    let steady = letters.clamp(200, 5_000);
    let started = Instant::now();
    send(&sender, 0, steady).await;
    drained(&sender).await;
    let steady_rate = steady as f64 / started.elapsed().as_secs_f64();
    println!("steady: {steady} letters, {steady_rate:.0} a second, from the call to the receipt");

    line.away.store(true, Ordering::SeqCst);
    let (memory_before, disk_before) = (memory(), disk(&folder.join("NTA.GB")));
    let started = Instant::now();
    send(&sender, steady, letters).await;
    println!(
        "queued: {letters} letters in {:.1} s while the partner is away",
        started.elapsed().as_secs_f64()
    );
    let attempts_before = line.attempts.load(Ordering::SeqCst);
    let mut first_alarm = None;
    for day in 1..=30 {
        shift.fetch_add(DAY_MICROS, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(700)).await;
        let alarms = sender.alarm_count().await.unwrap();
        if alarms > 0 && first_alarm.is_none() {
            first_alarm = Some(day);
        }
    }
    assert_eq!(waiting(&sender).await, i64::try_from(letters).unwrap(), "nothing is lost");
    assert!(first_alarm.is_some_and(|day| day <= 2), "alarms come early: {first_alarm:?}");
    let attempts = line.attempts.load(Ordering::SeqCst) - attempts_before;
    println!("30 days: {attempts} attempts, first alarm on day {}", first_alarm.unwrap());
    let (memory_after, disk_after) = (memory(), disk(&folder.join("NTA.GB")));
    println!(
        "memory: {} KiB before, {} KiB after, {:.0} bytes a letter",
        memory_before,
        memory_after,
        (memory_after as f64 - memory_before as f64) * 1024.0 / letters as f64
    );
    println!(
        "disk: {:.0} bytes a letter of {SIZE} bytes (content twice, and {:.0} of terms, record and indexes)",
        (disk_after - disk_before) as f64 / letters as f64,
        (disk_after - disk_before) as f64 / letters as f64 - 2.0 * SIZE as f64
    );
    for queue in sender.exchange().await.unwrap().queues {
        queue.alarms.iter().for_each(|alarm| println!("alarm: {}", alarm.words));
    }

    line.away.store(false, Ordering::SeqCst);
    shift.fetch_add(180 * 1_000_000, Ordering::SeqCst);
    let started = Instant::now();
    drained(&sender).await;
    let drain_rate = letters as f64 / started.elapsed().as_secs_f64();
    let ratio = drain_rate / steady_rate;
    println!("drained: {drain_rate:.0} a second, {ratio:.2} of the steady rate (at least 0.80 is wanted)");
    println!("peak after the drain: {} KiB", memory());
    std::fs::remove_dir_all(folder).unwrap();
}
