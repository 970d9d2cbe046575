//! A partner is away for 30 days while letters queue for it: what that costs in memory and disk, when the alarms come, and
//! how fast the queue drains when the partner is back.
//!
//! `cargo run --release -p tidewaiter-node --example backlog -- 1000000 1024`: the number of letters (20,000 without), and the
//! bytes of each one's content (2,048 without). The time is that of an injected clock; the two nodes are in this process,
//! with SQLite on disk in a temporary folder (`TMPDIR`) that is removed. A million letters of 1,024 bytes take about 14 GB
//! there and about ten minutes of two quiet cores.
//!
//! # What is measured
//!
//! - *Steady throughput*: letters settled a second (the partner's receipt is verified and durable here) while letters are
//!   accepted and delivered continuously, at most [`OPEN`] open at a time, after a warm-up. Each letter is posted, sealed,
//!   delivered, received and settled within the interval. It is measured before the absence and again after the drain,
//!   when the databases hold all letters; the higher of the two counts.
//! - *Drain*: letters settled a second from the first trial after the partner is back until none waits. Posting is not in it,
//!   for the letters were posted while the partner was away; nor is the rest of the circuit, which delays that trial by two
//!   minutes at most, however many letters wait. What the drain would be with the longest rest in it is printed beside it.
//! - *Short queue*: the same as the drain, but for a queue of as many letters as the steady phase has, after a few minutes;
//!   also before and after.
//!
//! Drain over steady throughput is what an operator feels: how much faster or slower the node works off what waits than it
//! does its daily work. But the drain has less to do for each letter, so that ratio alone could hide that a long queue makes
//! each letter dearer. Drain over the short queue that is measured afterwards compares the same work on a database of the
//! same size, and shows nothing but the cost of length. So both must reach [`WANTED`]. What the size of the database costs
//! shows in the short queue before and after; the processor time of each letter tells it from a busy machine.
//!
//! The last line is one JSON object with all figures. The example fails (exit 1, after a line for each reason) when a ratio
//! is under [`WANTED`], when memory grows by more than [`MEMORY_KIB`] or the disk by more than [`disk_bound`] for each
//! letter, when an alarm does not come in its time, when more than the limit of the queue is accepted, or when a letter is
//! lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods
)]

use base::{Administration, Timestamp};
use node::{
    AlarmCode, Clock, Config, Delivery, DocumentContent, Lane, NewDocument, Node, Principal, Role, SendError,
    SetUp, SystemClock, SystemEntropy, Transport, TransportError, World, initialise, join_corridor,
    process_time,
};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

/// The content of each document, in bytes, without a second number.
const SIZE: u64 = 2048;

/// How many letters are open at once in the steady phase.
const OPEN: usize = 256;

/// How many letters are posted at once while the partner is away.
const POSTS: usize = 64;

/// What the drain must reach, of steady throughput and of the rate of a short queue.
const WANTED: f64 = 0.8;

/// How much the resident memory of this process may grow by the absence and the drain, both nodes together and however
/// many letters wait: what may be under way to a partner at once is 32 MiB, and the rest is pages that SQLite keeps.
const MEMORY_KIB: u64 = 96 * 1024;

/// The disk that a letter may take while it waits, in bytes: its content twice, and 6 KiB of terms, record, indexes and of
/// pages that are not full.
const fn disk_bound(size: u64) -> u64 {
    2 * size + 6 * 1024
}

/// How long the partner may have been away before an alarm says so, in seconds.
const AWAY_SECONDS: i64 = 600;

const SECOND_MICROS: i64 = 1_000_000;

const DAY_MICROS: i64 = 24 * 3600 * SECOND_MICROS;

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

/// Notes the largest resident memory, 20 times a second, until the process ends.
fn watch_memory() -> Arc<AtomicU64> {
    let peak = Arc::new(AtomicU64::new(memory()));
    let noted = Arc::clone(&peak);
    std::thread::spawn(move || {
        loop {
            noted.fetch_max(memory(), Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    peak
}

/// Posts one document; `Err` when the queue is full.
async fn post(node: &Arc<Node>, number: u64, size: usize) -> Result<(), String> {
    let officer = Principal { name: "backlog".to_owned(), role: Role::Officer };
    let mut content = vec![b'x'; size];
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
    match node.send_document(&officer, new).await.unwrap() {
        Ok(_) => Ok(()),
        Err(SendError::QueueFull(words)) => Err(words),
        Err(error) => panic!("{error}"),
    }
}

/// What waits, and what has been delivered.
async fn queue(node: &Node) -> (u64, u64) {
    let queues = node.exchange().await.unwrap().queues;
    let sum = queues.iter().fold((0, 0), |sum, queue| (sum.0 + queue.letters, sum.1 + queue.delivered));
    (u64::try_from(sum.0).unwrap(), u64::try_from(sum.1).unwrap())
}

async fn raised(node: &Node, code: AlarmCode) -> bool {
    node.exchange()
        .await
        .unwrap()
        .queues
        .iter()
        .any(|queue| queue.alarms.iter().any(|alarm| alarm.code == code))
}

/// Waits until nothing waits. Gives how long each tenth of `letters` took.
async fn drained(node: &Node, letters: u64) -> Vec<Duration> {
    let (mut tenths, mut since) = (Vec::new(), Instant::now());
    loop {
        let (waiting, _) = queue(node).await;
        let done = letters.saturating_sub(waiting) * 10 / letters;
        let passed = done.saturating_sub(tenths.len() as u64);
        for _ in 0..passed {
            tenths.push(since.elapsed() / u32::try_from(passed).unwrap());
        }
        if passed > 0 {
            since = Instant::now();
        }
        if waiting == 0 {
            return tenths;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How fast letters were settled, and what one cost.
#[derive(Clone, Copy)]
struct Pace {
    per_second: f64,
    /// Processor time of both nodes for each letter, in microseconds.
    cpu_us: f64,
}

/// Measures a [`Pace`].
struct Watch(Instant, Duration);

impl Watch {
    fn start() -> Self {
        Self(Instant::now(), process_time())
    }

    fn pace(&self, letters: u64) -> Pace {
        let cpu = process_time().saturating_sub(self.1).as_secs_f64() * 1e6;
        Pace { per_second: letters as f64 / self.0.elapsed().as_secs_f64(), cpu_us: cpu / letters as f64 }
    }
}

impl std::fmt::Display for Pace {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:.0} a second, {:.0} µs of processor each", self.per_second, self.cpu_us)
    }
}

/// Accepts and delivers letters continuously, and gives how fast they were settled after the first fifth.
async fn steady(node: &Arc<Node>, size: usize, from: u64, count: u64) -> Pace {
    let (places, settled) = (Arc::new(Semaphore::new(OPEN)), Arc::new(AtomicU64::new(0)));
    let mut heard = node.settlements().listen();
    let (freed, counted) = (Arc::clone(&places), Arc::clone(&settled));
    let listener = tokio::spawn(async move {
        loop {
            let more = match heard.recv().await {
                Ok(_) => 1,
                Err(RecvError::Lagged(missed)) => missed,
                Err(RecvError::Closed) => return,
            };
            counted.fetch_add(more, Ordering::SeqCst);
            freed.add_permits(usize::try_from(more).unwrap());
        }
    });
    let (mut posts, mut start) = (JoinSet::new(), None);
    for number in from..from + count {
        places.acquire().await.unwrap().forget();
        let so_far = settled.load(Ordering::SeqCst);
        if start.is_none() && so_far >= count / 5 {
            start = Some((Watch::start(), so_far));
        }
        let node = Arc::clone(node);
        posts.spawn(async move { post(&node, number, size).await.unwrap() });
        while let Some(joined) = posts.try_join_next() {
            joined.unwrap();
        }
    }
    // Measured up to here: what is open still is delivered without anything being posted beside it.
    let (since, before) = start.unwrap();
    let pace = since.pace(settled.load(Ordering::SeqCst) - before);
    while let Some(joined) = posts.join_next().await {
        joined.unwrap();
    }
    drained(node, count).await;
    listener.abort();
    pace
}

/// When the alarms came while letters were posted.
#[derive(Default)]
struct Told {
    /// How many letters were accepted when the growing queue was told of.
    growing_at: Option<u64>,
    /// How long the partner had been away when its absence was told of, in seconds.
    away_after: Option<i64>,
}

/// The two nodes, the clock and the line between them.
struct Pair {
    sender: Arc<Node>,
    shift: Arc<AtomicI64>,
    line: Arc<Line>,
    /// The content of each document, in bytes.
    size: usize,
    /// How long a circuit rests at most.
    longest_rest: Duration,
}

impl Pair {
    /// Sets two nodes up whose queues may hold `limit` letters.
    async fn start(folder: &Path, limit: u64, size: u64) -> Self {
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
        let (mut nodes, mut longest_rest) = (Vec::new(), Duration::ZERO);
        for (index, one) in prepared.iter().enumerate() {
            let world =
                World { clock: Arc::new(Shifted(Arc::clone(&shift))), entropy: Arc::new(SystemEntropy) };
            let transport = Arc::new(LineOf(parties[index].clone(), Arc::clone(&line)));
            let mut config = Config::load(&one.config).unwrap();
            config.exchange.queue_letters = u32::try_from(limit).unwrap();
            longest_rest = Duration::from_millis(config.exchange.rest_longest_ms.into());
            let node = Node::open_with(config, world, transport).await.unwrap();
            Arc::clone(&node).start_workers(std::future::pending());
            nodes.push(node);
        }
        assert!(line.partner.set(Arc::clone(&nodes[1])).is_ok());
        let size = usize::try_from(size).unwrap();
        Self { sender: Arc::clone(&nodes[0]), shift, line, size, longest_rest }
    }

    /// The time of the nodes.
    fn now(&self) -> Timestamp {
        Shifted(Arc::clone(&self.shift)).now()
    }

    /// How long it has been since then, in seconds.
    fn since(&self, then: Timestamp) -> i64 {
        (self.now().as_micros() - then.as_micros()) / SECOND_MICROS
    }

    /// Posts letters while the partner is away, and looks for alarms on the way.
    async fn fill(&self, from: u64, count: u64) -> Told {
        let (mut posts, mut told, began) = (JoinSet::new(), Told::default(), self.now());
        for number in from..from + count {
            if posts.len() >= POSTS {
                posts.join_next().await.unwrap().unwrap();
            }
            let (sender, size) = (Arc::clone(&self.sender), self.size);
            posts.spawn(async move { post(&sender, number, size).await.unwrap() });
            let posted = number + 1 - from;
            if posted.is_multiple_of((count / 100).max(1)) {
                if told.growing_at.is_none() && raised(&self.sender, AlarmCode::QueueGrowing).await {
                    told.growing_at = Some(posted);
                }
                if told.away_after.is_none() && raised(&self.sender, AlarmCode::PartnerAway).await {
                    told.away_after = Some(self.since(began));
                }
            }
        }
        while let Some(joined) = posts.join_next().await {
            joined.unwrap();
        }
        told
    }

    fn pass(&self, micros: i64) {
        self.shift.fetch_add(micros, Ordering::SeqCst);
    }

    fn set_away(&self, away: bool) {
        self.line.away.store(away, Ordering::SeqCst);
    }

    /// Lets the partner come back, and gives how fast the letters drain, with the time of each tenth.
    async fn drain(&self, letters: u64) -> (Pace, Vec<Duration>) {
        self.set_away(false);
        // The circuit tries the partner when its rest is over: now.
        self.pass(i64::try_from(self.longest_rest.as_micros()).unwrap() * 3 / 2);
        let started = Watch::start();
        let tenths = drained(&self.sender, letters).await;
        (started.pace(letters), tenths)
    }

    /// Lets a few letters wait for some minutes, and gives how fast they drain.
    async fn short_queue(&self, from: u64, count: u64) -> Pace {
        self.set_away(true);
        self.fill(from, count).await;
        self.pass(300 * SECOND_MICROS);
        self.drain(count).await.0
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let number =
        |place, default| std::env::args().nth(place).map_or(default, |text| text.parse().expect("a number"));
    let (letters, size) = (number(1, 20_000), number(2, SIZE));
    assert!((8..=1 << 20).contains(&size), "from 8 bytes to 1 MiB each");
    assert!((5_000..=4_000_000).contains(&letters), "from 5,000 to 4,000,000 letters");
    let sample = (letters / 10).clamp(4_000, 20_000);
    let folder = tempfile::Builder::new().prefix("tidewaiter-backlog-").tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("NTA.GB"), folder.path().join("NTA.FR"));
    let pair = Pair::start(folder.path(), letters, size).await;
    let sender = &pair.sender;
    let mut failures = Vec::new();
    let mut check = |holds: bool, words: String| {
        if !holds {
            failures.push(words);
        }
    };

    let steady_before = steady(sender, pair.size, 0, sample).await;
    println!("steady: {steady_before} ({sample} letters, accepted and delivered continuously)");
    let short_before = pair.short_queue(sample, sample).await;
    println!("short queue: {short_before} ({sample} letters)");

    let peak = watch_memory();
    let (memory_before, disk_before) = (memory(), disk(&ours));
    pair.set_away(true);
    let (_, delivered_before) = queue(sender).await;
    let attempts_before = pair.line.attempts.load(Ordering::SeqCst);
    let (started, absent_since) = (Watch::start(), pair.now());
    let Told { growing_at, mut away_after } = pair.fill(2 * sample, letters).await;
    let filled = started.pace(letters);
    println!("queued: {letters} letters, {filled}, while the partner is away");
    check(
        growing_at.is_some_and(|posted| (letters * 45..=letters * 55).contains(&(posted * 100))),
        format!("the growing queue is told of at {growing_at:?} of {letters} letters, not at half"),
    );
    let refused = post(sender, u64::MAX, pair.size).await;
    println!("one more: {}", refused.as_ref().err().map_or("accepted", String::as_str));
    check(refused.is_err(), format!("a queue that may hold {letters} letters takes one more"));

    while away_after.is_none() && pair.since(absent_since) <= AWAY_SECONDS {
        if raised(sender, AlarmCode::PartnerAway).await {
            away_after = Some(pair.since(absent_since));
        } else {
            pair.pass(30 * SECOND_MICROS);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    check(
        away_after.is_some_and(|seconds| seconds <= AWAY_SECONDS),
        format!("the absence is told of after {away_after:?} s, not within {AWAY_SECONDS} s"),
    );
    let mut oldest_on = None;
    for day in 1..=30 {
        pair.pass(DAY_MICROS);
        tokio::time::sleep(Duration::from_millis(700)).await;
        if oldest_on.is_none() && raised(sender, AlarmCode::OldestWaiting).await {
            oldest_on = Some(day);
        }
    }
    check(
        oldest_on.is_some_and(|day| day <= 2),
        format!("the oldest letter is told of on day {oldest_on:?}"),
    );
    let attempts = pair.line.attempts.load(Ordering::SeqCst) - attempts_before;
    println!("30 days: {attempts} attempts; told of the absence after {} s", away_after.unwrap_or(-1));
    for queue in sender.exchange().await.unwrap().queues {
        queue.alarms.iter().for_each(|alarm| println!("alarm: {}", alarm.words));
    }
    let (waiting, _) = queue(sender).await;
    check(waiting == letters, format!("{waiting} letters wait, and {letters} were accepted"));
    let away_peak = peak.load(Ordering::SeqCst);
    let disk_each = disk(&ours).saturating_sub(disk_before) / letters;
    println!("disk: {disk_each} bytes a waiting letter of {size} bytes (at most {})", disk_bound(size));
    check(disk_each <= disk_bound(size), format!("a waiting letter takes {disk_each} bytes of disk"));

    let (drain, tenths) = pair.drain(letters).await;
    let slowest = tenths.iter().max().copied().unwrap_or_default().as_secs_f64();
    let slowest_rate = letters as f64 / 10.0 / slowest;
    let with_rest = letters as f64 / (letters as f64 / drain.per_second + pair.longest_rest.as_secs_f64());
    println!(
        "drained: {drain}; {slowest_rate:.0} a second in its slowest tenth, {with_rest:.0} with the longest rest of a circuit \
         ({} s) before it",
        pair.longest_rest.as_secs()
    );
    let (left, delivered) = queue(sender).await;
    check(
        left == 0 && delivered == delivered_before + letters,
        format!("{} of {letters} letters were delivered", delivered - delivered_before),
    );
    let growth = peak.load(Ordering::SeqCst).saturating_sub(memory_before);
    println!(
        "memory: {memory_before} KiB before, at most {away_peak} while away and {} in all: {growth} more (at most {MEMORY_KIB})",
        peak.load(Ordering::SeqCst)
    );
    check(growth <= MEMORY_KIB, format!("memory grew by {growth} KiB"));

    let steady_after = steady(sender, pair.size, 2 * sample + letters, sample).await;
    println!("steady after: {steady_after}");
    let short_after = pair.short_queue(3 * sample + letters, sample).await;
    println!("short queue after: {short_after}");
    let of_steady = drain.per_second / steady_before.per_second.max(steady_after.per_second);
    let of_short = drain.per_second / short_after.per_second;
    let by_processor = steady_before.cpu_us.min(steady_after.cpu_us) / drain.cpu_us;
    println!(
        "drain: {of_steady:.2} of steady throughput, {of_short:.2} of a short queue (at least {WANTED} of each); \
         {by_processor:.2} of steady throughput by processor time: if they differ much, the machine was busy"
    );
    check(of_steady >= WANTED, format!("the drain is {of_steady:.2} of steady throughput"));
    check(of_short >= WANTED, format!("the drain is {of_short:.2} of the rate of a short queue"));
    failures.iter().for_each(|words| println!("FAILED: {words}"));
    let figures = serde_json::json!({
        "letters": letters, "size": size, "sample": sample,
        "steady_before_per_s": steady_before.per_second, "steady_after_per_s": steady_after.per_second,
        "short_queue_before_per_s": short_before.per_second, "short_queue_after_per_s": short_after.per_second,
        "queued_per_s": filled.per_second, "drain_per_s": drain.per_second, "drain_slowest_tenth_per_s": slowest_rate,
        "drain_with_longest_rest_per_s": with_rest,
        "drain_of_steady": of_steady, "drain_of_short_queue": of_short,
        "drain_of_steady_by_processor": by_processor,
        "cpu_us": {
            "steady_before": steady_before.cpu_us, "steady_after": steady_after.cpu_us,
            "short_queue_before": short_before.cpu_us, "short_queue_after": short_after.cpu_us,
            "queued": filled.cpu_us, "drain": drain.cpu_us,
        },
        "queue_growing_at_letters": growing_at, "partner_away_after_s": away_after, "oldest_waiting_on_day": oldest_on,
        "attempts_while_away": attempts, "memory_before_kib": memory_before, "memory_growth_kib": growth,
        "disk_bytes_per_waiting_letter": disk_each, "disk_sender_bytes": disk(&ours),
        "disk_partner_bytes": disk(&theirs), "failures": failures,
    });
    println!("{figures}");
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
