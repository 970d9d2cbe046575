//! Attachments between two nodes of one process, over a wire that loses, changes, swaps and repeats chunks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base::{Administration, Country};
use exchange::Chunk;
use node::{
    AttachmentView, Attachments, CHUNK_ROUTE, Calling, Config, Delivery, Disclose, DocumentContent, Lane,
    NewDocument, Node, PeerAnswer, PeerRequest, Prepared, Principal, Role, SetUp, Transport, TransportError,
    World,
};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const CHUNK: usize = 256 * 1024;

fn administration(country: &str) -> Administration {
    Administration::of(Country::parse(country).unwrap())
}

fn officer() -> Principal {
    Principal { name: "officer".into(), role: Role::Officer }
}

/// What happens to chunks on their way; `None` lets one be lost.
type Fault = Box<dyn Fn(u64, Vec<u8>) -> Option<Vec<u8>> + Send + Sync>;

/// The way from one node to the other, as long as it is there.
struct Wire {
    from: Administration,
    to: Arc<Mutex<Option<Arc<Node>>>>,
    fault: Mutex<Fault>,
    chunks: AtomicU64,
    offers: AtomicU64,
    /// What the partner answers to every offer in the place of its own answer, once it has given one.
    again: Mutex<Option<Option<Vec<u8>>>>,
}

impl Wire {
    fn reached(&self) -> Result<Arc<Node>, TransportError> {
        let away = || TransportError::Unreachable(administration("FR"), "it is away".into());
        self.to.lock().unwrap().clone().ok_or_else(away)
    }

    fn set(&self, fault: impl Fn(u64, Vec<u8>) -> Option<Vec<u8>> + Send + Sync + 'static) {
        *self.fault.lock().unwrap() = Box::new(fault);
    }

    fn sent(&self) -> u64 {
        self.chunks.load(Ordering::Relaxed)
    }
}

/// The transport's side of a [`Wire`].
struct End(Arc<Wire>);

impl Transport for End {
    fn deliver<'a>(&'a self, _: &'a Administration, envelope: node::Bytes) -> Delivery<'a> {
        Box::pin(async move {
            let node = self.0.reached()?;
            let failed = |error: &dyn std::fmt::Display| {
                TransportError::Unreachable(administration("FR"), error.to_string())
            };
            let answer = node.receive(&self.0.from, envelope.into()).await.map_err(|error| failed(&error))?;
            self.0.offers.fetch_add(1, Ordering::Relaxed);
            let mut again = self.0.again.lock().unwrap();
            Ok(again.as_mut().map_or(answer.clone(), |first| first.get_or_insert(answer).clone()))
        })
    }

    fn call<'a>(&'a self, partner: &'a Administration, request: PeerRequest) -> Calling<'a> {
        Box::pin(async move {
            let lost = || TransportError::Unreachable(partner.clone(), "lost".into());
            if request.path != CHUNK_ROUTE {
                return Err(lost());
            }
            let number = self.0.chunks.fetch_add(1, Ordering::Relaxed);
            let body = (self.0.fault.lock().unwrap())(number, request.body).ok_or_else(lost)?;
            let body = self.0.reached()?.receive_chunk(&self.0.from, body).await.map_err(|_| lost())?;
            Ok(PeerAnswer { status: 200, body })
        })
    }
}

/// Great Britain sends to France.
struct Pair {
    gb: Arc<Node>,
    fr: Arc<Mutex<Option<Arc<Node>>>>,
    wire: Arc<Wire>,
    prepared: [Prepared; 2],
    limits: Attachments,
    _folder: tempfile::TempDir,
}

async fn open(prepared: &Prepared, limits: Attachments, transport: Arc<dyn Transport>) -> Arc<Node> {
    let mut config = Config::load(&prepared.config).unwrap();
    config.attachments = limits;
    config.retention.content_days = Some(0);
    config.exchange.retry_first_ms = 20;
    config.exchange.retry_longest_ms = 100;
    let node = Node::open_with(config, World::system(), transport).await.unwrap();
    Arc::clone(&node).start_workers(std::future::pending());
    node
}

struct Nowhere;

impl Transport for Nowhere {
    fn deliver<'a>(&'a self, partner: &'a Administration, _: node::Bytes) -> Delivery<'a> {
        Box::pin(async move { Err(TransportError::Unreachable(partner.clone(), "it is away".into())) })
    }
}

impl Pair {
    async fn new(limits: Attachments) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let parties = ["GB", "FR"].map(administration);
        let unused = SocketAddr::from(([127, 0, 0, 1], 0));
        let prepared = ["GB", "FR"].map(|country| {
            node::initialise(&SetUp {
                folder: folder.path().join(country),
                administration: administration(country),
                store: "sqlite:node.db".into(),
                api: unused,
                peer: unused,
                corridor_defaults: true,
                reference: None,
            })
            .unwrap()
        });
        for (own, other) in [(0, 1), (1, 0)] {
            let cards = vec![prepared[other].card.clone()];
            node::join_corridor(&prepared[own].config, cards, &parties).unwrap();
        }
        let fr = Arc::new(Mutex::new(None));
        let wire = Arc::new(Wire {
            from: administration("GB"),
            to: Arc::clone(&fr),
            fault: Mutex::new(Box::new(|_, chunk| Some(chunk))),
            chunks: AtomicU64::new(0),
            offers: AtomicU64::new(0),
            again: Mutex::new(None),
        });
        let gb = open(&prepared[0], limits, Arc::new(End(Arc::clone(&wire)))).await;
        *fr.lock().unwrap() = Some(open(&prepared[1], limits, Arc::new(Nowhere)).await);
        Self { gb, fr, wire, prepared, limits, _folder: folder }
    }

    fn fr(&self) -> Arc<Node> {
        self.fr.lock().unwrap().clone().unwrap()
    }

    async fn upload(&self, name: &str, content: &[u8]) -> AttachmentView {
        let named = (name.to_owned(), "image/tiff".to_owned());
        let mut upload = self.gb.begin_attachment(&officer(), named, None).await.unwrap();
        for piece in content.chunks(70_001) {
            upload.write(piece).await.unwrap();
        }
        upload.finish().await.unwrap()
    }

    async fn send(&self, subject: &str, attachments: Vec<i64>) -> i64 {
        let sent = self.gb.send_document_with(&officer(), document(subject), attachments).await.unwrap();
        sent.unwrap().message
    }

    async fn outcome(&self, message: i64) -> String {
        self.gb.document(message).await.unwrap().unwrap().row.outcome
    }

    async fn settled(&self, message: i64) -> String {
        eventually(async || Some(self.outcome(message).await).filter(|outcome| outcome != "queued")).await
    }

    /// The documents that France has received, newest first, with their attachments.
    async fn received(&self) -> Vec<(String, Vec<AttachmentView>)> {
        let mut received = Vec::new();
        for row in self.fr().documents(None, None, 100).await.unwrap() {
            if row.direction == "received" {
                let attachments = self.fr().document_attachments(row.message).await.unwrap();
                received.push((row.subject, attachments));
            }
        }
        received
    }

    async fn content(&self, id: i64) -> Vec<u8> {
        let mut download = self.fr().read_attachment(id).await.unwrap().expect("it can be read");
        let mut content = Vec::new();
        while let Some(piece) = download.next().await.unwrap() {
            content.extend(piece);
        }
        content
    }
}

fn document(subject: &str) -> NewDocument {
    NewDocument {
        recipient: administration("FR"),
        subject: subject.to_owned(),
        purpose: node::default_purpose().unwrap(),
        lane: Lane::Normal,
        expires_seconds: 3600,
        document: DocumentContent {
            title: "Scans of the papers".to_owned(),
            media_type: "text/plain".to_owned(),
            content: b"see the attachments".to_vec(),
        },
    }
}

fn content(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| (at / 11) as u8 ^ seed).collect()
}

/// Looks until there is something to see; a minute is long enough for any machine.
async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..3000 {
        if let Some(seen) = look().await {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it did not come");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_arrives_with_its_attachments_and_not_before_them() {
    let pair = Pair::new(Attachments::default()).await;
    let (large, empty) = (content(5 * CHUNK + 77, 1), Vec::new());
    let first = pair.upload("scan.tif", &large).await;
    let second = pair.upload("nothing.tif", &empty).await;
    assert_eq!((first.chunks, first.size, first.chunks_here), (6, large.len() as i64, 6));
    // Chunks are lost until it was seen that the document has no effect before them.
    pair.wire.set(|number, chunk| (number < 3).then_some(chunk));
    let message = pair.send("CASE-1", vec![first.id, second.id]).await;
    eventually(async || (pair.wire.sent() > 6).then_some(())).await;
    assert!(pair.received().await.is_empty());
    // Both sides see how far it is.
    let arriving = pair.fr().attachments_under_way(0, 10).await.unwrap();
    let far: Vec<_> = arriving.iter().map(|one| (one.standing, one.chunks_there, one.chunks)).collect();
    assert_eq!(far, [("under way", Some(3), 6), ("waiting", Some(0), 1)]);
    assert_eq!((arriving[0].partner.as_str(), arriving[0].document), ("NTA.GB", None));
    let sending = pair.gb.attachments_under_way(0, 10).await.unwrap();
    assert_eq!(
        (sending[0].id, sending[0].document, &sending[0].digest),
        (first.id, Some(message), &first.digest)
    );
    assert!(
        [("waiting", None), ("under way", Some(3))].contains(&(sending[0].standing, sending[0].chunks_there)),
        "{sending:?}"
    );
    // A letter in another channel does not wait, one in the same does.
    let other = pair.send("CASE-2", Vec::new()).await;
    let behind = pair.send("CASE-1", Vec::new()).await;
    assert_eq!(pair.settled(other).await, "delivered");
    assert_eq!(pair.outcome(behind).await, "queued");
    assert_eq!(pair.outcome(message).await, "queued");
    pair.wire.set(|_, chunk| Some(chunk));
    assert_eq!(pair.settled(message).await, "delivered");
    assert_eq!(pair.settled(behind).await, "delivered");
    let received = pair.received().await;
    let subjects: Vec<&str> = received.iter().map(|(subject, _)| subject.as_str()).collect();
    assert_eq!(subjects, ["CASE-1", "CASE-1", "CASE-2"]);
    let attachments = &received[1].1;
    assert_eq!(attachments.len(), 2);
    assert!(pair.fr().attachments_under_way(0, 10).await.unwrap().is_empty());
    assert!(pair.gb.attachments_under_way(0, 10).await.unwrap().is_empty());
    for listed in [&attachments[0], &pair.gb.attachment(first.id).await.unwrap().unwrap()] {
        assert_eq!((listed.standing, listed.chunks_there), ("complete", Some(6)));
        assert_eq!(listed.digest, first.digest, "the digest that was signed");
    }
    assert_eq!(pair.content(attachments[0].id).await, large);
    assert_eq!(pair.content(attachments[1].id).await, empty);
    assert_eq!((attachments[0].state.as_str(), attachments[0].name.as_str()), ("received", "scan.tif"));

    // Either side's evidence tells which attachments the statement covers, and lets a copy be compared.
    let there = attachments[0].document.unwrap();
    for (node, message) in [(&pair.gb, message), (&pair.fr(), there)] {
        let file = node.evidence_with(message, Disclose::Nothing, true).await.unwrap().unwrap();
        let given = [&large[..], &large[1..]]
            .map(|copy| verifier::Given::read(&file, "copy.tif", &mut &*copy).unwrap());
        let verdict = verifier::verify_with(&file, &verifier::Trust::nobody(), &given[..1]);
        assert_eq!(verdict.outcome, verifier::Outcome::Unanchored, "{}", verifier::report(&verdict));
        let [scan, nothing] = verdict.attachments.as_slice() else { panic!("{verdict:?}") };
        assert_eq!((scan.chunks, scan.given.as_deref(), scan.comparable), (6, Some("copy.tif"), true));
        assert_eq!(Some(&scan.digest), first.digest.as_ref());
        assert_eq!(
            (nothing.name.as_str(), nothing.chunks, nothing.given.as_deref()),
            ("nothing.tif", 1, None)
        );
        let changed = verifier::verify_with(&file, &verifier::Trust::nobody(), &given);
        assert_eq!(changed.outcome, verifier::Outcome::Refused);
        let without = node.evidence(message, Disclose::Nothing).await.unwrap().unwrap();
        let without = verifier::verify(&without, &verifier::Trust::nobody());
        assert!(without.attachments.iter().all(|attachment| !attachment.comparable), "{without:?}");
    }
    assert!(pair.gb.erase_attachment(first.id).await.unwrap());
    let file = pair.gb.evidence_with(message, Disclose::Nothing, true).await.unwrap().unwrap();
    let verdict = verifier::verify(&file, &verifier::Trust::nobody());
    let comparable: Vec<bool> = verdict.attachments.iter().map(|attachment| attachment.comparable).collect();
    assert_eq!(comparable, [false, true], "what was erased leaves no secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wire_that_changes_swaps_cuts_and_replays_chunks_changes_nothing() {
    let pair = Pair::new(Attachments::default()).await;
    let large = content(9 * CHUNK, 3);
    let id = pair.upload("scan.tif", &large).await.id;
    let kept: Mutex<Option<Vec<u8>>> = Mutex::new(None);
    pair.wire.set(move |number, mut chunk| {
        let mut kept = kept.lock().unwrap();
        match number {
            // A bit, the end, the number, the part; then another chunk in its place, and nothing at all.
            0 => chunk[90_000] ^= 4,
            1 => chunk.truncate(chunk.len() - 1),
            2 => {
                let read = Chunk::decode(&chunk).unwrap();
                chunk = Chunk { number: (read.number + 1) % 9, ..read }.encode();
            }
            3 => chunk = Chunk { part: 2, ..Chunk::decode(&chunk).unwrap() }.encode(),
            4 => *kept = Some(chunk.clone()),
            5 | 8 => return kept.clone(),
            6 => return None,
            _ => {}
        }
        Some(chunk)
    });
    let message = pair.send("CASE-1", vec![id]).await;
    assert_eq!(pair.settled(message).await, "delivered");
    assert!(pair.wire.sent() > 9 + 5, "what was spoilt was sent again");
    let received = pair.received().await;
    assert_eq!(received.len(), 1);
    assert_eq!(pair.content(received[0].1[0].id).await, large);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_goes_on_where_it_was_after_either_side_stopped() {
    let mut pair = Pair::new(Attachments::default()).await;
    let large = content(12 * CHUNK + 5, 5);
    let id = pair.upload("scan.tif", &large).await.id;
    // The recipient goes away after some chunks, and is opened again.
    pair.wire.set(|number, chunk| (number < 6).then_some(chunk));
    let message = pair.send("CASE-1", vec![id]).await;
    eventually(async || (pair.wire.sent() > 8).then_some(())).await;
    let stopped = pair.fr.lock().unwrap().take().unwrap();
    stopped.close().await;
    let again = open(&pair.prepared[1], pair.limits, Arc::new(Nowhere)).await;
    *pair.fr.lock().unwrap() = Some(again);
    // Then the sender does; what it sends anew is counted.
    pair.gb.close().await;
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let noted = Arc::clone(&seen);
    pair.wire.set(move |_, chunk| {
        let number = Chunk::decode(&chunk).unwrap().number;
        assert!(noted.lock().unwrap().insert(number), "no chunk is sent twice over a good wire");
        Some(chunk)
    });
    pair.gb = open(&pair.prepared[0], pair.limits, Arc::new(End(Arc::clone(&pair.wire)))).await;
    assert_eq!(pair.settled(message).await, "delivered");
    let sent_anew = seen.lock().unwrap().len();
    assert!(sent_anew <= 13 - 4, "{sent_anew} of 13 chunks were sent again");
    assert_eq!(pair.content(pair.received().await[0].1[0].id).await, large);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_told_and_kept() {
    let mut limits = Attachments { largest_mib: 2, partner_quota_mib: 1, ..Attachments::default() };
    let mut pair = Pair::new(limits).await;
    let named = ("scan.tif".to_owned(), "image/tiff".to_owned());
    let refused = pair.gb.begin_attachment(&officer(), named.clone(), Some(3 << 20)).await.err().unwrap();
    assert!(refused.to_string().contains("`attachments.largest_mib`"), "{refused}");
    let mut upload = pair.gb.begin_attachment(&officer(), named.clone(), None).await.unwrap();
    let refused = upload.write(&vec![0; 3 << 20]).await.unwrap_err();
    assert!(refused.to_string().contains("may have 2 MiB"), "{refused}");
    upload.abandon().await.unwrap();
    // Over the partner's quota: it waits, until the quota is larger.
    let id = pair.upload("scan.tif", &content(CHUNK * 6, 1)).await.id;
    let message = pair.send("CASE-1", vec![id]).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((pair.outcome(message).await.as_str(), pair.wire.sent()), ("queued", 0));
    limits.partner_quota_mib = 2;
    let stopped = pair.fr.lock().unwrap().take().unwrap();
    stopped.close().await;
    *pair.fr.lock().unwrap() = Some(open(&pair.prepared[1], limits, Arc::new(Nowhere)).await);
    assert_eq!(pair.settled(message).await, "delivered");
    // Larger than the partner takes: refused for good, and the channel goes on.
    limits.largest_mib = 1;
    let stopped = pair.fr.lock().unwrap().take().unwrap();
    stopped.close().await;
    *pair.fr.lock().unwrap() = Some(open(&pair.prepared[1], limits, Arc::new(Nowhere)).await);
    let id = pair.upload("scan.tif", &content(CHUNK * 6, 1)).await.id;
    let message = pair.send("CASE-1", vec![id]).await;
    let behind = pair.send("CASE-1", Vec::new()).await;
    assert_eq!(pair.settled(message).await, "refused");
    assert_eq!(pair.settled(behind).await, "delivered");
    // No room on the disk here.
    pair.limits.keep_free_mib = u64::MAX / (1 << 21);
    pair.gb.close().await;
    pair.gb = open(&pair.prepared[0], pair.limits, Arc::new(End(Arc::clone(&pair.wire)))).await;
    let refused = pair.gb.begin_attachment(&officer(), named, None).await.err().unwrap();
    assert!(refused.to_string().starts_with("the disk of the store has "), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_go_once_and_an_erased_one_is_read_by_nobody() {
    let pair = Pair::new(Attachments::default()).await;
    let id = pair.upload("scan.tif", &content(CHUNK + 1, 1)).await.id;
    let twin = pair.upload("scan.tif", b"another").await.id;
    let bound = async |ids: Vec<i64>| {
        let sent = pair.gb.send_document_with(&officer(), document("CASE-1"), ids).await.unwrap();
        sent.map(|sent| sent.message).map_err(|error| error.to_string())
    };
    assert!(bound(vec![id, twin]).await.unwrap_err().starts_with("two attachments are called `scan.tif`"));
    assert!(bound(vec![id, 999]).await.unwrap_err().starts_with("attachment 999 is not ready"));
    let message = bound(vec![id]).await.unwrap();
    assert!(bound(vec![id]).await.unwrap_err().contains("another document has taken it along"));
    assert_eq!(pair.settled(message).await, "delivered");
    let there = pair.received().await[0].1[0].id;
    for (node, id) in [(&pair.gb, id), (&pair.fr(), there)] {
        assert!(node.read_attachment(id).await.unwrap().is_some());
        assert!(node.erase_attachment(id).await.unwrap());
        assert!(node.read_attachment(id).await.unwrap().is_none());
        assert!(!node.erase_attachment(id).await.unwrap());
    }
}

impl Pair {
    /// The folder of a node.
    fn folder(&self, country: &str) -> PathBuf {
        self._folder.path().join(country)
    }

    /// The keys of an attachment, read from a copy of a node's database.
    fn keys(&self, country: &str, id: i64) -> Vec<[u8; 32]> {
        let copy = tempfile::tempdir().unwrap();
        for name in ["node.db", "node.db-wal"] {
            let _ = std::fs::copy(self.folder(country).join(name), copy.path().join(name));
        }
        let location = format!("sqlite:{}", copy.path().join("node.db").display()).parse().unwrap();
        let store = store::Store::open(&location, store::Execution::Inline, node::MIGRATIONS).unwrap();
        let row = store.read(|tx| store::attachments::get(tx, id)).unwrap().unwrap();
        row.content_key.into_iter().chain(row.secret).collect()
    }

    /// Whether any file of a node holds any of these keys.
    fn files_hold(&self, country: &str, keys: &[[u8; 32]]) -> bool {
        let files = std::fs::read_dir(self.folder(country)).unwrap().flatten();
        let mut files = files.filter(|file| file.path().is_file());
        files.any(|file| {
            let bytes = std::fs::read(file.path()).unwrap();
            keys.iter().any(|key| bytes.windows(key.len()).any(|window| window == key))
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_a_message_or_an_attachment_leaves_no_key_in_any_file() {
    let pair = Pair::new(Attachments::default()).await;
    let sent = pair.upload("scan.tif", &content(CHUNK + 1, 1)).await.id;
    let message = pair.send("CASE-1", vec![sent]).await;
    assert_eq!(pair.settled(message).await, "delivered");
    let alone = pair.upload("other.tif", &content(CHUNK, 2)).await.id;
    let received = pair.received().await[0].1[0].id;
    let taken = pair.fr().documents(None, None, 10).await.unwrap()[0].message;
    let keys = [pair.keys("GB", sent), pair.keys("GB", alone), pair.keys("FR", received)];
    assert!(keys.iter().all(|keys| keys.len() == 2));
    let held = || {
        ["GB", "GB", "FR"].iter().zip(&keys).map(|(of, keys)| pair.files_hold(of, keys)).collect::<Vec<_>>()
    };
    assert_eq!(held(), [true, true, true], "the search finds what is there");
    pair.gb.erase(&officer(), message, "the data subject asked").await.unwrap().unwrap();
    assert_eq!(held(), [false, true, true]);
    assert!(pair.gb.erase_attachment(alone).await.unwrap());
    assert_eq!(held(), [false, false, true]);
    // The retention rule does the same to what was received.
    assert_eq!(pair.fr().apply_retention().await.unwrap(), 1);
    assert_eq!(held(), [false, false, false]);
    assert!(pair.fr().read_attachment(received).await.unwrap().is_none());
    assert!(pair.fr().evidence_view(taken).await.unwrap().unwrap().erasure.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_retention_rule_reaches_what_is_newer_than_hundreds_that_are_still_needed() {
    let pair = Pair::new(Attachments::default()).await;
    pair.wire.set(|_, _| None);
    let stuck = pair.upload("scan.tif", &content(CHUNK, 1)).await.id;
    // More than one turn of messages that are on their way: the first of their channel never arrives.
    pair.send("CASE-1", vec![stuck]).await;
    for _ in 0..260 {
        pair.send("CASE-1", Vec::new()).await;
    }
    let newer = pair.send("CASE-2", Vec::new()).await;
    assert_eq!(pair.settled(newer).await, "delivered");
    assert_eq!(pair.gb.apply_retention().await.unwrap(), 1);
    assert_eq!(pair.gb.apply_retention().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_retention_rule_reaches_refused_messages() {
    let mut pair = Pair::new(Attachments::default()).await;
    let stopped = pair.fr.lock().unwrap().take().unwrap();
    stopped.close().await;
    let small = Attachments { largest_mib: 1, ..Attachments::default() };
    pair.limits = small;
    *pair.fr.lock().unwrap() = Some(open(&pair.prepared[1], small, Arc::new(Nowhere)).await);
    let large = pair.upload("scan.tif", &content(5 * CHUNK, 1)).await.id;
    let message = pair.send("CASE-1", vec![large]).await;
    assert_eq!(pair.settled(message).await, "refused");
    assert_eq!(pair.fr().apply_retention().await.unwrap(), 1, "the sealed message is on record there");
    assert_eq!(pair.fr().apply_retention().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_wants_held_chunks_again_is_tried_later() {
    let pair = Pair::new(Attachments::default()).await;
    *pair.wire.again.lock().unwrap() = Some(None);
    let id = pair.upload("scan.tif", &content(3 * CHUNK, 1)).await.id;
    let message = pair.send("CASE-1", vec![id]).await;
    let problem = eventually(async || {
        let queues = pair.gb.exchange().await.unwrap().queues;
        queues.into_iter().find_map(|queue| queue.problem)
    });
    assert_eq!(problem.await, "the partner wants chunks again that it holds");
    *pair.wire.again.lock().unwrap() = None;
    assert_eq!(pair.settled(message).await, "delivered");
    assert!(pair.wire.offers.load(Ordering::Relaxed) > 2);
}
