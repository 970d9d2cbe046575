//! What a large log costs: the start of a node, and the proof of an entry.
//!
//! ```text
//! cargo run --release -p tidewaiter-node --example log_cost -- [ENTRIES]
//! ```
//!
//! Fills the log of a new node with ENTRIES small entries (10,000,000 unless told), signs a checkpoint, starts the node
//! again, and proves entries at random. It fails when the start takes over 5 s or the median proof over 1 ms. What the
//! slowest take says how busy the machine is.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use base::{Administration, Timestamp};
use evidence::merkle::{Frontier, leaf_hash, verify_inclusion};
use evidence::{Checkpoint, SignedNote};
use node::{Config, Node, SetUp, World};
use std::path::Path;
use std::time::{Duration, Instant};
use store::{Execution, Location, Store, StoreError, Value, log};

/// Rows of one statement, and of one transaction.
const ROWS: u64 = 250;
const GROUP: u64 = 200_000;

/// How many entries are proved.
const PROOFS: u64 = 2_000;

const START_LIMIT: Duration = Duration::from_secs(5);
const PROOF_LIMIT: Duration = Duration::from_millis(1);

fn main() {
    let entries =
        std::env::args().nth(1).map_or(10_000_000, |count| count.parse().expect("a number of entries"));
    let folder = std::env::temp_dir().join(format!("tidewaiter-log-cost-{}", std::process::id()));
    let sound = run(&folder, entries);
    std::fs::remove_dir_all(&folder).unwrap();
    std::process::exit(i32::from(!sound));
}

fn run(folder: &Path, entries: u64) -> bool {
    let prepared = node::initialise(&SetUp {
        folder: folder.to_owned(),
        administration: Administration::parse("NTA.GB").unwrap(),
        store: "sqlite:node.db".to_owned(),
        api: "127.0.0.1:0".parse().unwrap(),
        peer: "127.0.0.1:0".parse().unwrap(),
        corridor_defaults: false,
        reference: None,
    })
    .unwrap();
    let config = || Config::load(&prepared.config).unwrap();
    let began = Instant::now();
    fill(&config().store_location().parse().unwrap(), entries);
    println!("filled a log of {entries} entries in {:.1} s", began.elapsed().as_secs_f64());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let began = Instant::now();
        let node = Node::open(config(), World::system()).await.unwrap();
        node.sign_checkpoint().await.unwrap();
        println!("saved its tiles and signed a checkpoint in {:.1} s", began.elapsed().as_secs_f64());
        node.close().await;
        drop(node);

        let began = Instant::now();
        let node = Node::open(config(), World::system()).await.unwrap();
        node.readiness().await.unwrap();
        let start = began.elapsed();
        println!("started again in {:.3} s (at most {} s)", start.as_secs_f64(), START_LIMIT.as_secs());

        let (mut number, mut times) = (1u64, Vec::new());
        for _ in 0..PROOFS {
            // Any sequence that jumps about: a linear congruence (Knuth).
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let index = (number >> 16) % entries;
            let began = Instant::now();
            let proof = node.log_proof(index).await.unwrap().unwrap();
            times.push(began.elapsed());
            let checkpoint =
                Checkpoint::claimed(&SignedNote::parse("checkpoint", &proof.note).unwrap()).unwrap();
            let root = checkpoint.root.as_bytes();
            verify_inclusion(&leaf_hash(&proof.entry), index, proof.size, &proof.path, root).unwrap();
        }
        times.sort_unstable();
        let at = |hundredth: usize| times[(times.len() - 1) * hundredth / 100];
        let micros = |time: Duration| time.as_micros();
        println!(
            "proved {PROOFS} entries: median {} µs (at most {} µs), 99 of 100 within {} µs, slowest {} µs",
            micros(at(50)),
            micros(PROOF_LIMIT),
            micros(at(99)),
            micros(at(100)),
        );
        node.close().await;
        start <= START_LIMIT && at(50) <= PROOF_LIMIT
    })
}

/// Enters the leaves in bulk: what a log of years holds, without its years.
fn fill(location: &Location, entries: u64) {
    let store = Store::open(location, Execution::WriterThread, node::MIGRATIONS).unwrap();
    let mut frontier = Frontier::new();
    for first in (0..entries).step_by(usize::try_from(GROUP).unwrap()) {
        let last = entries.min(first + GROUP);
        let mut rows: Vec<(u64, [u8; 32])> = Vec::new();
        for number in first..last {
            let leaf = leaf_hash(&number.to_be_bytes());
            frontier.push(leaf);
            rows.push((number, leaf));
        }
        let saved = frontier.to_bytes();
        store
            .write(move |tx| -> Result<(), StoreError> {
                for rows in rows.chunks(usize::try_from(ROWS).unwrap_or(1)) {
                    let places: Vec<String> = (0..rows.len())
                        .map(|row| {
                            let at = row * 4;
                            format!("(?{}, ?{}, ?{}, ?{})", at + 1, at + 2, at + 3, at + 4)
                        })
                        .collect();
                    let sql = format!(
                        "insert into log (leaf_index, leaf_hash, at, entry) values {}",
                        places.join(", ")
                    );
                    let values: Vec<Value> = rows
                        .iter()
                        .flat_map(|(number, leaf)| {
                            let index = i64::try_from(*number).unwrap_or(i64::MAX);
                            let at = Timestamp::from_micros(index);
                            [index.into(), (*leaf).into(), at.into(), number.to_be_bytes().as_slice().into()]
                        })
                        .collect();
                    tx.execute(&sql, &values)?;
                }
                log::save_frontier(tx, &saved)
            })
            .unwrap();
    }
    store.close();
}
