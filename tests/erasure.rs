//! Erasure for privacy: what was erased is in no file of the node any more, and everything that proves it still does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base::Administration;
use node::{
    Config, DEFAULT_EXPIRY_SECONDS, Delivery, Disclose, DocumentContent, DocumentDecision, Lane, NewDocument,
    Node, NodeError, Principal, Role, SetUp, Transport, TransportError, World, default_purpose,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use verifier::{Outcome, Trust};

const PARTIES: [&str; 2] = ["GB", "FR"];

/// Takes letters from node to node by calling it.
#[derive(Default)]
struct Wire(Mutex<BTreeMap<Administration, Arc<Node>>>);

struct End {
    own: Administration,
    wire: Arc<Wire>,
}

impl Transport for End {
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: node::Bytes) -> Delivery<'a> {
        Box::pin(async move {
            let away = |reason: String| TransportError::Unreachable(partner.clone(), reason);
            let node = self.wire.0.lock().unwrap().get(partner).cloned();
            let node = node.ok_or_else(|| away("not open".to_owned()))?;
            node.receive(&self.own, envelope.into()).await.map_err(|error| away(error.to_string()))
        })
    }
}

fn administration(country: &str) -> Administration {
    Administration::parse(&format!("NTA.{country}")).unwrap()
}

fn officer() -> Principal {
    Principal { name: "officer".to_owned(), role: Role::Officer }
}

/// Great Britain and France, with a store each.
struct Pair {
    folder: tempfile::TempDir,
    /// How often a document repeats its content.
    repeats: usize,
    gb: Arc<Node>,
    fr: Arc<Node>,
    stop: Option<tokio::sync::watch::Sender<bool>>,
    workers: Vec<tokio::task::JoinHandle<()>>,
}

impl Pair {
    async fn open() -> Self {
        Self::open_on(|_| "sqlite:node.db".to_owned(), 200).await
    }

    async fn open_on(store: impl Fn(&str) -> String + Send + 'static, repeats: usize) -> Self {
        // A client of a server waits on a runtime of its own.
        let prepared = tokio::task::spawn_blocking(move || Self::prepare(&store)).await;
        let (folder, configs) = prepared.unwrap();
        let wire = Arc::new(Wire::default());
        let mut nodes = Vec::new();
        for (number, country) in PARTIES.into_iter().enumerate() {
            let config = Config::load(&configs[number]).unwrap();
            let end = End { own: administration(country), wire: Arc::clone(&wire) };
            let node = Node::open_with(config, World::system(), Arc::new(end)).await.unwrap();
            wire.0.lock().unwrap().insert(administration(country), Arc::clone(&node));
            nodes.push(node);
        }
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let workers = nodes.iter().map(|node| {
            let mut stopped = stopped.clone();
            Arc::clone(node).start_workers(async move { drop(stopped.wait_for(|stop| *stop).await) })
        });
        let workers = workers.collect();
        let [gb, fr] = <[Arc<Node>; 2]>::try_from(nodes).ok().unwrap();
        Self { folder, repeats, gb, fr, stop: Some(stop), workers }
    }

    /// The folders and configurations of both.
    fn prepare(store: &dyn Fn(&str) -> String) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let (mut configs, mut cards) = (Vec::new(), Vec::new());
        for (number, country) in PARTIES.into_iter().enumerate() {
            let prepared = node::initialise(&SetUp {
                folder: folder.path().join(country),
                administration: administration(country),
                store: store(country),
                api: format!("127.0.0.1:{}", 1 + number).parse().unwrap(),
                peer: format!("127.0.0.1:{}", 3 + number).parse().unwrap(),
                corridor_defaults: true,
                reference: None,
            })
            .unwrap();
            configs.push(prepared.config);
            cards.push(prepared.card);
        }
        for (config, card) in configs.iter().zip(&cards) {
            let others: Vec<PathBuf> = cards.iter().filter(|other| *other != card).cloned().collect();
            node::join_corridor(config, others, &PARTIES.map(administration)).unwrap();
        }
        (folder, configs)
    }

    /// Sends a document and gives its number at the sender.
    async fn send(&self, number: usize, title: &str, content: &str) -> i64 {
        let new = NewDocument {
            recipient: administration("FR"),
            subject: format!("case-{number}"),
            purpose: default_purpose().unwrap(),
            lane: Lane::Normal,
            expires_seconds: DEFAULT_EXPIRY_SECONDS,
            document: DocumentContent {
                title: title.to_owned(),
                media_type: "text/plain".to_owned(),
                content: content.repeat(self.repeats).into_bytes(),
            },
        };
        self.gb.send_document(&officer(), new).await.unwrap().unwrap().message
    }

    /// Waits until a node has so many documents of this outcome, and gives their numbers.
    async fn documents(node: &Node, outcome: &str, count: usize) -> Vec<i64> {
        loop {
            let rows = node.documents(None, None, 100).await.unwrap();
            let found: Vec<i64> =
                rows.iter().filter(|row| row.outcome == outcome).map(|row| row.message).collect();
            if found.len() == count {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a checkpoint of the node's log covers a message.
    async fn evidence(node: &Node, message: i64) -> Vec<u8> {
        loop {
            let file = node.evidence(message, Disclose::Nothing).await.unwrap().unwrap();
            if !evidence::EvidenceFile::decode(&file).unwrap().checkpoints.is_empty() {
                return file;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn close(&mut self) {
        drop(self.stop.take());
        for worker in self.workers.drain(..) {
            worker.await.unwrap();
        }
    }
}

/// How every planted string begins.
const START: &str = "Zebedee-Quillfeather-";

/// Where planted strings begin.
fn starts(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + bytes.get(from..)?.iter().position(|byte| *byte == b'Z')?;
            from = at + 1;
            if bytes[at..].starts_with(START.as_bytes()) {
                return Some(at);
            }
        }
    })
}

/// Which of these strings are in any file below a folder.
fn found(folder: &Path, planted: &[String]) -> Vec<String> {
    let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            // A server has a socket in its folder, and deletes files meanwhile.
            let bytes = match std::fs::read(entry.path()) {
                Err(_) if !entry.path().is_file() => continue,
                read => read.unwrap(),
            };
            for start in starts(&bytes) {
                let here = planted.iter().find(|text| bytes[start..].starts_with(text.as_bytes()));
                found.extend(here.map(|text| format!("{text} in {}", entry.path().display())));
            }
        }
    }
    found
}

/// Plants 20 strings, erases them on both sides, and looks for them in all files below `files`. `between` is done before
/// the erasure.
async fn nothing_is_found_and_every_proof_holds(mut pair: Pair, files: &Path, between: impl AsyncFnOnce()) {
    let planted: Vec<String> = (0..20).map(|number| format!("{START}{number:02}-xyzzy")).collect();
    let mut sent = Vec::new();
    for (number, pair_of) in planted.chunks(2).enumerate() {
        sent.push(pair.send(number, &pair_of[0], &pair_of[1]).await);
    }
    assert_eq!(Pair::documents(&pair.gb, "delivered", 10).await.len(), 10);
    let received = Pair::documents(&pair.fr, "accepted", 10).await;
    // What officers decide and are told repeats the titles.
    for message in &received[..5] {
        let decision = DocumentDecision { accept: false, words: "unreadable".to_owned() };
        assert_eq!(pair.fr.decide_document(&officer(), *message, decision).await.unwrap(), Ok(true));
    }
    let before: Vec<Vec<u8>> = {
        let mut files = Vec::new();
        for message in &sent {
            files.push(Pair::evidence(&pair.gb, *message).await);
        }
        files
    };
    let whole = pair.gb.evidence(sent[0], Disclose::Whole).await.unwrap().unwrap();
    between().await;
    let before_it = found(files, &planted);
    let is_found = |text: &&String| before_it.iter().any(|found| found.starts_with(text.as_str()));
    assert_eq!(planted.iter().filter(is_found).count(), 20, "the search finds what is there");

    for (node, messages) in [(&pair.gb, &sent), (&pair.fr, &received)] {
        for message in messages {
            let erased = node.erase(&officer(), *message, "the data subject asked").await.unwrap().unwrap();
            assert_eq!((erased.erasure.by.as_str(), erased.message), ("officer", *message));
            // Again, it changes nothing.
            let again = node.erase(&officer(), *message, "another ground").await.unwrap().unwrap();
            assert_eq!(again, erased);
        }
    }
    assert_eq!(found(files, &planted), [] as [String; 0]);
    assert_eq!(found(pair.folder.path(), &planted), [] as [String; 0]);

    let cards = [&pair.gb, &pair.fr].map(|node| node.own_card().keys);
    let trust = cards.into_iter().fold(Trust::nobody(), Trust::with_card);
    for (message, old) in sent.iter().zip(&before) {
        let file = pair.gb.evidence(*message, Disclose::Nothing).await.unwrap().unwrap();
        let verdict = verifier::verify(&file, &trust);
        assert_eq!(verdict.outcome, Outcome::Proved, "{}", verifier::report(&verdict));
        assert_eq!(verifier::verify(old, &trust).outcome, Outcome::Proved);
        let refused = pair.gb.evidence(*message, Disclose::Whole).await.unwrap_err();
        assert!(matches!(&refused, NodeError::Export(node::ExportError::Erased { .. })), "{refused}");
    }
    for message in &received {
        let file = pair.fr.evidence(*message, Disclose::Nothing).await.unwrap().unwrap();
        assert_eq!(verifier::verify(&file, &trust).outcome, Outcome::Proved);
        let view = pair.fr.evidence_view(*message).await.unwrap().unwrap();
        assert_eq!(view.erasure.unwrap().ground, "the data subject asked");
    }
    // Whoever was shown the content before can still prove it.
    assert_eq!(verifier::verify(&whole, &trust).outcome, Outcome::Proved);
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_holds_what_was_erased() {
    let pair = Pair::open().await;
    let folder = pair.folder.path().to_owned();
    nothing_is_found_and_every_proof_holds(pair, &folder, async || ()).await;
}

/// On a server that deletes old files of its write-ahead log, as the guide says, nothing is left in its folder: tables,
/// indexes, statistics, write-ahead log and its own log.
#[tokio::test(flavor = "multi_thread")]
async fn no_file_of_a_server_holds_what_was_erased() {
    let server = tokio::task::spawn_blocking(|| store::testing::private_postgres(&["wal_recycle=off"])).await;
    let Some(server) = server.unwrap() else { return };
    let (url, base) = (server.url().to_owned(), server.url().to_owned());
    // Longer content would be compressed, and the search would not know it.
    let pair =
        Pair::open_on(move |country| format!("{base}?schema=node_{}", country.to_lowercase()), 3).await;
    let directory = server.directory().unwrap().to_owned();
    let files = directory.clone();
    nothing_is_found_and_every_proof_holds(pair, &files, async move || {
        let done = tokio::task::spawn_blocking(move || {
            let psql = |sql: &str| {
                let status = std::process::Command::new("psql").args([&url, "-qc", sql]).status().unwrap();
                assert!(status.success());
            };
            psql("analyze");
            psql("checkpoint");
        });
        done.await.unwrap();
        let planted = [START.to_owned()];
        let places = found(&directory, &planted).join("\n");
        for place in ["/data/base/", "/data/pg_wal/"] {
            assert!(places.contains(place), "{places}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_erased_yet_is_said() {
    let mut pair = Pair::open().await;
    let message = pair.send(1, "a title", "content").await;
    for ground in ["", "  ", "two\nlines"] {
        let refused = pair.gb.erase(&officer(), message, ground).await.unwrap_err();
        assert!(refused.to_string().starts_with("say on what ground"), "{refused}");
    }
    Pair::documents(&pair.gb, "delivered", 1).await;
    assert_eq!(pair.gb.erase(&officer(), 999_999, "a ground").await.unwrap(), None);
    pair.close().await;
}
