//! The benchmark of the exchange: documents from one node to another over mutual TLS on loopback sockets, with
//! everything on that is on in service, against the bare cost of their cryptography and of their durable rows.

use super::BenchError;
use super::exchange_report::{ExchangeCase, ExchangeReport, StoreFigures};
use super::limit::{GROUP, limit_per_s, percentile, rows};
use super::load::{self, Sendings};
use super::pair::{Pair, Party, PeerPort};
use super::scratch::Scratch;
use super::witnessed;
use crate::fleet::StoreChoice;
use node::{BareStore, Mark, PrimitiveTimes, Primitives, Step};
use std::collections::BTreeMap;
use std::num::NonZero;
use std::time::Duration;
use tokio::task::block_in_place;

/// Rounds in which the arms take turns.
const ROUNDS: usize = 4;

/// The name of the bare arm's store.
const BARE: &str = "bare";

/// The nodes that exchange.
const PARTIES: [Party; 2] = [("GB", "gb"), ("FR", "fr")];

/// The nodes of the measurement of witnessing: both partners of the first are witnesses of its log.
const WITNESSED: [Party; 3] = [("GB", "gb_witnessed"), ("FR", "fr_witness"), ("IT", "it_witness")];

/// The stores of a measurement.
const STORES: [&str; 6] = ["gb", "fr", BARE, "gb_witnessed", "fr_witness", "it_witness"];

/// Most bytes of content that a case sends in all: large contents are measured by fewer messages.
const CONTENT_LIMIT: usize = 128 * 1024 * 1024;

/// Messages of a round of each bare arm: enough for a steady mean, and few where they are large.
const BARE_MESSAGES: usize = 128;

/// What to measure.
#[derive(Clone, Debug)]
pub struct ExchangeOptions {
    /// The database to measure on PostgreSQL; without it, a private server is started where PostgreSQL is installed.
    pub postgres: Option<String>,
    /// Which stores are measured.
    pub stores: Vec<StoreKind>,
    /// Sizes of a message's content, in bytes.
    pub sizes: Vec<usize>,
    /// Messages that are on their way at once.
    pub in_flight: Vec<usize>,
    /// Messages of a case. Large ones are fewer, and there are never fewer than twice as many as are in flight.
    pub messages: usize,
}

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// The embedded one.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl StoreKind {
    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// Measures the exchange between two nodes of this process.
///
/// # Errors
/// When a node cannot be set up or a message does not go its way, and when signatures, seals, policy decisions, leaves
/// or receipts on record are not as many as the messages.
pub async fn bench_exchange(options: &ExchangeOptions, port: PeerPort) -> Result<ExchangeReport, BenchError> {
    let mut report = ExchangeReport::default();
    for kind in &options.stores {
        // Lives as long as the measurement on it.
        let mut server = None;
        let choice = match (kind, &options.postgres) {
            (StoreKind::Sqlite, _) => StoreChoice::Sqlite,
            (StoreKind::Postgres, Some(url)) => StoreChoice::Postgres(url.clone()),
            (StoreKind::Postgres, None) => {
                server = tokio::task::spawn_blocking(node::private_postgres).await.ok().flatten();
                let Some(server) = &server else {
                    report.skipped.push("postgres  not measured: no server given, none installed".to_owned());
                    continue;
                };
                StoreChoice::Postgres(server.url())
            }
        };
        on_store(*kind, &choice, options, port, &mut report).await?;
        drop(server);
    }
    Ok(report)
}

/// All cases on one store: two nodes, which the cases use one after the other.
async fn on_store(
    kind: StoreKind,
    choice: &StoreChoice,
    options: &ExchangeOptions,
    port: PeerPort,
    report: &mut ExchangeReport,
) -> Result<(), BenchError> {
    let scratch = Scratch::new(choice, &STORES);
    let pair = Pair::open(&scratch, port, &PARTIES).await?;
    let bare = match block_in_place(|| BareStore::open(&scratch.store(BARE))) {
        Ok(bare) => bare,
        Err(error) => {
            pair.close().await;
            return Err(error.into());
        }
    };
    let measured = cases(kind, &pair, &bare, options).await;
    // Nobody may write any more when the stores are removed, so both are closed before any error is returned.
    bare.close().await;
    let cases = match measured {
        Ok(cases) => cases,
        Err(error) => {
            pair.close().await;
            return Err(error);
        }
    };
    let letters = cases.iter().map(|case| case.messages).sum();
    report.cases.extend(cases);
    let (pair, restart) = pair.restart_sender().await?;
    let after = load::send(&pair, 2048, 1, 1).await;
    pair.close().await;
    after?;
    let federation = Pair::open(&scratch, port, &WITNESSED).await?;
    let witnessed = witnessed::measure(&federation).await;
    federation.close().await;
    let mut witnessed = witnessed?;
    witnessed.sort_by(f64::total_cmp);
    report.stores.push(StoreFigures {
        store: kind.name().to_owned(),
        letters,
        restart_ms: restart.as_secs_f64() * 1e3,
        witnesses: WITNESSED.len() - 1,
        witnessed_p50_ms: percentile(&witnessed, 0.5),
        witnessed_p99_ms: percentile(&witnessed, 0.99),
    });
    Ok(())
}

async fn cases(
    kind: StoreKind,
    pair: &Pair,
    bare: &BareStore,
    options: &ExchangeOptions,
) -> Result<Vec<ExchangeCase>, BenchError> {
    // Connections are opened, statements compiled, and answers of the policy known before any clock runs.
    load::send(pair, 2048, 4, 16).await?;
    let mut cases = Vec::new();
    for size in &options.sizes {
        for in_flight in &options.in_flight {
            cases.push(case(kind, pair, bare, (*size, *in_flight, options.messages)).await?);
        }
    }
    Ok(cases)
}

/// What the arms of a case took.
#[derive(Default)]
struct Arms {
    sent: Sendings,
    primitives: PrimitiveTimes,
    rows: Duration,
    row_messages: usize,
    process: Duration,
    steps: [Duration; Step::ALL.len()],
    commands: u64,
    commits: u64,
}

async fn case(
    kind: StoreKind,
    pair: &Pair,
    bare: &BareStore,
    (size, in_flight, messages): (usize, usize, usize),
) -> Result<ExchangeCase, BenchError> {
    let messages = messages.min(CONTENT_LIMIT / size.max(1)).max(in_flight * 2);
    let per_round = messages.div_ceil(ROUNDS);
    let primitives = Primitives::new(size)?;
    let marks = [pair.sender().mark().await?, pair.recipient().mark().await?];
    node::reset_peak_memory();
    let mut arms = Arms::default();
    for _ in 0..ROUNDS {
        arms.exchange(pair, size, in_flight, per_round).await?;
        arms.bare(&primitives, bare, size, in_flight.min(per_round)).await?;
    }
    let peak = node::peak_memory().unwrap_or_default();
    let messages = per_round * ROUNDS;
    check(pair, marks, messages).await?;
    Ok(arms.case(kind, size, in_flight, messages, peak))
}

impl Arms {
    /// The exchange, with what it costs both nodes.
    async fn exchange(
        &mut self,
        pair: &Pair,
        size: usize,
        in_flight: usize,
        messages: usize,
    ) -> Result<(), BenchError> {
        let before = (node::process_time(), steps(pair), statistics(pair));
        let sent = load::send(pair, size, in_flight, messages).await?;
        let after = (node::process_time(), steps(pair), statistics(pair));
        self.sent.add(sent);
        self.process += after.0.saturating_sub(before.0);
        for (sum, (after, before)) in self.steps.iter_mut().zip(after.1.into_iter().zip(before.1)) {
            *sum += after.saturating_sub(before);
        }
        self.commands += after.2.0 - before.2.0;
        self.commits += after.2.1 - before.2.1;
        Ok(())
    }

    /// The bare cryptography of some messages of that size, on as many cores at once as the exchange can use, and their
    /// bare rows at the same group commit.
    async fn bare(
        &mut self,
        primitives: &Primitives,
        bare: &BareStore,
        size: usize,
        in_flight: usize,
    ) -> Result<(), BenchError> {
        let messages = (CONTENT_LIMIT / 16 / size.max(1)).clamp(8, BARE_MESSAGES);
        let count = u32::try_from(messages).unwrap_or(u32::MAX);
        let at_once = in_flight.min(cores());
        let times = block_in_place(|| primitives.run_on(at_once, count));
        self.primitives.add(&times.map_err(node::BareError::from)?);
        let rows = (0..messages).flat_map(|_| rows(size)).map(|length| vec![0xA5; length]).collect();
        self.rows += bare.insert_groups(rows, in_flight.min(GROUP)).await?;
        self.row_messages += messages;
        Ok(())
    }

    fn case(
        self,
        kind: StoreKind,
        size: usize,
        in_flight: usize,
        messages: usize,
        peak: u64,
    ) -> ExchangeCase {
        let micros = |spent: Duration, count: usize| spent.as_secs_f64() * 1e6 / count.max(1) as f64;
        let rows = micros(self.rows, self.row_messages);
        let limit = limit_per_s(self.primitives.total_micros(), rows, in_flight, cores());
        let throughput = messages as f64 / self.sent.taken.as_secs_f64();
        let mut cpu: BTreeMap<String, f64> =
            self.primitives.micros().map(|(name, spent)| (format!("bare_{name}"), spent)).collect();
        cpu.insert("bare_rows".to_owned(), rows);
        let steps = Step::ALL.into_iter().zip(self.steps);
        cpu.extend(steps.map(|(step, spent)| (format!("step_{}", step.name()), micros(spent, messages))));
        let total = micros(self.process, messages);
        cpu.insert("other".to_owned(), total - micros(self.steps.iter().sum(), messages));
        cpu.insert("total".to_owned(), total);
        let mut latencies = self.sent.latencies_ms;
        latencies.sort_by(f64::total_cmp);
        ExchangeCase {
            store: kind.name().to_owned(),
            size,
            in_flight,
            messages,
            throughput_per_s: throughput,
            limit_per_s: limit,
            ratio: throughput / limit,
            p50_ms: percentile(&latencies, 0.5),
            p99_ms: percentile(&latencies, 0.99),
            fsyncs_per_message: self.commits as f64 / messages as f64,
            commands_per_commit: self.commands as f64 / self.commits.max(1) as f64,
            peak_rss_mib: peak as f64 / f64::from(1 << 20),
            cpu_us: cpu,
        }
    }
}

/// The cores of this machine.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// The processor time of each step at both nodes.
fn steps(pair: &Pair) -> [Duration; Step::ALL.len()] {
    let mut sums = [Duration::ZERO; Step::ALL.len()];
    for node in pair.nodes() {
        for (sum, (_, spent)) in sums.iter_mut().zip(node.effort().spent()) {
            *sum += spent;
        }
    }
    sums
}

/// Commands and commits of both nodes.
fn statistics(pair: &Pair) -> (u64, u64) {
    pair.nodes().into_iter().fold((0, 0), |(commands, commits), node| {
        let (more, others) = node.store_statistics();
        (commands + more, commits + others)
    })
}

/// Confirms from the records of both nodes that every message was cleared, signed, sealed, entered in both logs and
/// receipted, and nothing else was.
async fn check(pair: &Pair, marks: [Mark; 2], messages: usize) -> Result<(), BenchError> {
    let [sender, recipient] = marks;
    let sent = pair.sender().sent_since(sender).await?;
    let taken = pair.recipient().taken_since(recipient, pair.sender().administration()).await?;
    for (what, count) in [
        ("policy decisions", sent.decisions),
        ("signatures", sent.signatures),
        ("seals", sent.seals),
        ("leaves of the sender's log", sent.leaves),
        ("leaves of the recipient's log", taken),
        ("receipts", sent.receipts),
    ] {
        if count != messages {
            return Err(BenchError::Astray(format!("{messages} messages were sent, but {what} are {count}")));
        }
    }
    Ok(())
}
