//! Proofs from the store's tiles on both engines, and a crash at each step of signing a checkpoint.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base::{Administration, Timestamp};
use evidence::merkle::{self, Frontier, Hash, leaf_hash};
use evidence::{Checkpoint, SignedNote};
use node::{Config, LogError, Node, NodeError, SetUp, World};
use store::{Execution, Location, MemoryDisk, Store, StoreError, log, tiles};

/// Four levels of nothing: two full levels of tiles would take 65,536 leaves, which the tests of `evidence` have.
const SIZE: u64 = 1_500;

fn entry(number: u64) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|number| leaf_hash(&entry(number))).collect()
}

/// Enters leaves in one transaction.
fn enter(store: &Store, from: u64, to: u64) {
    store
        .write(move |tx| -> Result<(), StoreError> {
            let bytes = log::load_frontier(tx)?;
            let mut frontier =
                if bytes.is_empty() { Frontier::new() } else { Frontier::from_bytes(&bytes).unwrap() };
            for number in from..to {
                let leaf = leaf_hash(&entry(number));
                frontier.push(leaf);
                log::append(tx, &entry(number), leaf, Timestamp::from_micros(1))?;
            }
            log::save_frontier(tx, &frontier.to_bytes())
        })
        .unwrap();
}

fn proofs_agree(location: &Location) {
    let open = || Store::open(location, Execution::Inline, node::MIGRATIONS).unwrap();
    let mut store = open();
    let mut size = 0;
    // The log grows by uneven steps, tiles are saved two at a time, and some of that is lost on the way.
    for to in [1, 255, 256, 257, 700, 1_024, SIZE] {
        enter(&store, size, to);
        size = to;
        let lost: Result<(), LogError> = store.write(|tx| {
            node::fill_tiles(tx, 2)?;
            Err(LogError::Store(StoreError::Closed))
        });
        assert!(lost.is_err());
        store.close();
        store = open();
        while !store.write(|tx| node::fill_tiles(tx, 2)).unwrap().1 {}
        assert_eq!(store.read(|tx| tiles::count(tx, 0)).unwrap(), i64::try_from(size / 256).unwrap());
        for at in [1, 200, 256, 300, 513, 1_024, 1_400] {
            let at = size.min(at);
            let naive = leaves(at);
            let root = store.read(|tx| node::root_at(tx, at)).unwrap();
            assert_eq!(root, merkle::root(&naive), "{at} of {size}");
            let index = at * 2 / 3;
            let path = store.read(|tx| node::inclusion_path(tx, index, at)).unwrap();
            merkle::verify_inclusion(&leaf_hash(&entry(index)), index, at, &path, &root).unwrap();
        }
        assert!(store.read(|tx| node::root_at(tx, size + 1)).is_err());
    }
    store.close();
}

#[test]
fn proofs_from_sqlite_are_the_naive_ones() {
    let disk = MemoryDisk::open("large-log-proofs").unwrap();
    proofs_agree(&disk.location());
}

#[test]
fn proofs_from_postgres_are_the_naive_ones() {
    let Some(server) = node::private_postgres() else {
        eprintln!("skipped: PostgreSQL is not installed");
        return;
    };
    proofs_agree(&server.url().parse().unwrap());
}

/// A node on a disk in memory, whose record of the last checkpoint lies in a folder.
struct Desk {
    disk: MemoryDisk,
    folder: std::path::PathBuf,
    config: std::path::PathBuf,
}

impl Desk {
    fn open(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(format!("tidewaiter-{name}"));
        let disk = MemoryDisk::open(&name).unwrap();
        let prepared = node::initialise(&SetUp {
            folder: folder.clone(),
            administration: Administration::parse("NTA.GB").unwrap(),
            store: disk.location().to_string(),
            api: "127.0.0.1:0".parse().unwrap(),
            peer: "127.0.0.1:0".parse().unwrap(),
            corridor_defaults: false,
            reference: None,
        })
        .unwrap();
        Self { disk, folder, config: prepared.config }
    }

    fn enter(&self, from: u64, to: u64) {
        let store = Store::open(&self.disk.location(), Execution::Inline, node::MIGRATIONS).unwrap();
        enter(&store, from, to);
        store.close();
    }

    async fn node(&self) -> std::sync::Arc<Node> {
        Node::open(Config::load(&self.config).unwrap(), World::system()).await.unwrap()
    }

    fn recorded(&self) -> Option<u64> {
        let note = std::fs::read_to_string(self.folder.join("keys.json.checkpoint")).ok()?;
        Some(Checkpoint::claimed(&SignedNote::parse("checkpoint", &note).unwrap()).unwrap().size)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn shown(node: &Node) -> Option<u64> {
    let note = node.log_checkpoint().await.unwrap()?;
    Some(Checkpoint::claimed(&SignedNote::parse("checkpoint", &note).unwrap()).unwrap().size)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_was_recorded_and_not_saved_is_saved_at_the_next_start() {
    let desk = Desk::open("log-crash");
    desk.enter(0, 300);
    let node = desk.node().await;
    node.sign_checkpoint().await.unwrap();
    assert_eq!((desk.recorded(), shown(&node).await), (Some(300), Some(300)));
    node.close().await;
    desk.enter(300, 310);
    let node = desk.node().await;
    node.sign_checkpoint().await.unwrap();
    node.close().await;
    // As if the machine had gone down before the commit: the record has the checkpoint, the database has not.
    let store = Store::open(&desk.disk.location(), Execution::Inline, node::MIGRATIONS).unwrap();
    store.write(|tx| tx.execute("delete from log_checkpoint where size = 310", &[])).unwrap();
    assert_eq!(store.read(|tx| log::latest_checkpoint(tx)).unwrap().unwrap().size, 300);
    store.close();
    assert_eq!(desk.recorded(), Some(310));
    let node = desk.node().await;
    assert_eq!(node.readiness().await, Ok(()));
    assert_eq!((desk.recorded(), shown(&node).await), (Some(310), Some(310)));
    node.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_cannot_be_recorded_is_not_shown() {
    let desk = Desk::open("log-record");
    desk.enter(0, 300);
    let node = desk.node().await;
    node.sign_checkpoint().await.unwrap();
    node.close().await;
    desk.enter(300, 310);
    let node = desk.node().await;
    // A folder stands where the new record would be written first.
    let in_the_way = desk.folder.join("keys.json.checkpoint.new");
    std::fs::create_dir(&in_the_way).unwrap();
    let refused = node.sign_checkpoint().await;
    assert!(matches!(refused, Err(NodeError::Log(LogError::Record(_)))), "{refused:?}");
    assert_eq!((desk.recorded(), shown(&node).await), (Some(300), Some(300)));
    std::fs::remove_dir(&in_the_way).unwrap();
    node.sign_checkpoint().await.unwrap();
    assert_eq!(shown(&node).await, Some(310));
    node.close().await;
}
