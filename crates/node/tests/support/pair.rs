//! Two nodes in this process with a way between them that a test can close, and a clock that it can move on.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test uses a part"
)]

use base::{Administration, MessageId, Timestamp};
use exchange::DeliveryStatus;
use node::{
    Calling, Clock, Config, Delivery, DocumentContent, Lane, NewDocument, Node, PeerAnswer, PeerRequest,
    Principal, Role, SendError, SetUp, SystemClock, SystemEntropy, Transport, TransportError, World,
    initialise, join_corridor,
};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

const DAY_SECONDS: i64 = 24 * 3600;

/// The real time, moved on by a test.
struct Shifted(Arc<AtomicI64>);

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_seconds(self.0.load(Ordering::SeqCst))
    }
}

/// The way between the two nodes, which a test can close.
#[derive(Default)]
pub struct Way {
    nodes: [OnceLock<Arc<Node>>; 2],
    closed: AtomicBool,
    spoils: AtomicBool,
    /// Whether what is about a subject that begins with [`DOOMED`] makes its sender panic.
    pub dooms: AtomicBool,
    /// Whether envelopes stay on the way.
    held: AtomicBool,
    /// The messages that were put on the way, each as often as it was.
    put: Mutex<Vec<MessageId>>,
    /// How many batches of staged statements were answered.
    pub batches: AtomicU32,
    /// Batches are on their way for as long as this is so.
    pub holds: AtomicBool,
    /// How many batches are on their way, and how many ever were at once.
    pub bearing: AtomicU32,
    pub most: AtomicU32,
}

/// What is about such a subject can be spoilt on its way.
pub const SPOILT: &str = "spoilt";

/// A letter about such a subject can make its sender panic on the way.
pub const DOOMED: &str = "doomed";

/// Alters the sealed part of an envelope, so that it is not the one that its statement describes.
fn spoil(mut envelope: Vec<u8>) -> Vec<u8> {
    let about_such = exchange::read_statement(&envelope)
        .is_ok_and(|incoming| incoming.channel().subject().starts_with(SPOILT));
    if let Some(last) = envelope.last_mut().filter(|_| about_such) {
        *last ^= 1;
    }
    envelope
}

struct From {
    own: Administration,
    to: usize,
    way: Arc<Way>,
}

impl From {
    fn partner(&self, partner: &Administration) -> Result<&Arc<Node>, TransportError> {
        let away = || TransportError::Unreachable(partner.clone(), "it is away".to_owned());
        if self.way.closed.load(Ordering::SeqCst) {
            return Err(away());
        }
        self.way.nodes[self.to].get().ok_or_else(away)
    }
}

impl Transport for From {
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: node::Bytes) -> Delivery<'a> {
        Box::pin(async move {
            if let Ok(incoming) = exchange::read_statement(&envelope) {
                self.way.put.lock().unwrap().push(incoming.message_id());
                let dooms = self.way.dooms.load(Ordering::SeqCst);
                assert!(!dooms || !incoming.channel().subject().starts_with(DOOMED), "as the test wants");
            }
            while self.way.held.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let spoils = self.way.spoils.load(Ordering::SeqCst);
            let envelope = if spoils { spoil(envelope.into()) } else { envelope.into() };
            Ok(self.partner(partner)?.receive(&self.own, envelope).await.unwrap())
        })
    }

    fn call<'a>(&'a self, partner: &'a Administration, request: PeerRequest) -> Calling<'a> {
        Box::pin(async move {
            let partner = self.partner(partner)?;
            if request.path != node::STAGE_ROUTE {
                return Ok(PeerAnswer { status: 404, body: Vec::new() });
            }
            let bearing = self.way.bearing.fetch_add(1, Ordering::SeqCst) + 1;
            self.way.most.fetch_max(bearing, Ordering::SeqCst);
            while self.way.holds.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let answer = partner.receive_stages(&self.own, request.body).await.unwrap();
            self.way.bearing.fetch_sub(1, Ordering::SeqCst);
            self.way.batches.fetch_add(1, Ordering::SeqCst);
            Ok(answer.map_or_else(
                |reason| PeerAnswer { status: 400, body: reason.into_bytes() },
                |body| PeerAnswer { status: 200, body },
            ))
        })
    }
}

pub struct Pair {
    pub nodes: [Arc<Node>; 2],
    pub way: Arc<Way>,
    shift: Arc<AtomicI64>,
    folder: PathBuf,
}

impl Pair {
    pub async fn open(change: impl Fn(&mut Config)) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("tidewaiter-delivery-{}-{number}", std::process::id()));
        let parties = ["NTA.GB", "NTA.FR"].map(|name| Administration::parse(name).unwrap());
        let prepared = parties.each_ref().map(|party| {
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
        });
        let (way, shift) = (Arc::new(Way::default()), Arc::new(AtomicI64::new(0)));
        let mut nodes = Vec::new();
        for (index, one) in prepared.iter().enumerate() {
            join_corridor(&one.config, vec![prepared[1 - index].card.clone()], &parties).unwrap();
            let mut config = Config::load(&one.config).unwrap();
            config.exchange.retry_first_ms = 10;
            config.exchange.retry_longest_ms = 50;
            config.exchange.rest_first_ms = 20;
            config.exchange.rest_longest_ms = 100;
            change(&mut config);
            let world =
                World { clock: Arc::new(Shifted(Arc::clone(&shift))), entropy: Arc::new(SystemEntropy) };
            let transport = From { own: parties[index].clone(), to: 1 - index, way: Arc::clone(&way) };
            let node = Node::open_with(config, world, Arc::new(transport)).await.unwrap();
            assert!(way.nodes[index].set(Arc::clone(&node)).is_ok());
            Arc::clone(&node).start_workers(std::future::pending());
            nodes.push(node);
        }
        Self { nodes: nodes.try_into().ok().unwrap(), way, shift, folder }
    }

    pub async fn send(
        &self,
        subject: &str,
        title: &str,
        lane: Lane,
        days: i64,
    ) -> Result<(i64, String), SendError> {
        let new = NewDocument {
            recipient: Administration::parse("NTA.FR").unwrap(),
            subject: subject.to_owned(),
            purpose: node::default_purpose().unwrap(),
            lane,
            expires_seconds: days * DAY_SECONDS,
            document: DocumentContent {
                title: title.to_owned(),
                media_type: "text/plain".to_owned(),
                content: title.as_bytes().to_vec(),
            },
        };
        let sent = self.nodes[0].send_document(&officer(), new).await.unwrap()?;
        Ok((sent.message, sent.exchange_id))
    }

    pub fn hold(&self, held: bool) {
        self.way.held.store(held, Ordering::SeqCst);
    }

    /// How often a message was put on the way.
    pub fn put(&self, exchange_id: &str) -> usize {
        let message = MessageId::parse(exchange_id).unwrap();
        self.way.put.lock().unwrap().iter().filter(|put| **put == message).count()
    }

    pub fn close(&self, closed: bool) {
        self.way.closed.store(closed, Ordering::SeqCst);
    }

    pub fn spoil(&self, spoils: bool) {
        self.way.spoils.store(spoils, Ordering::SeqCst);
    }

    pub fn days_pass(&self, days: i64) {
        self.seconds_pass(days * DAY_SECONDS);
    }

    pub fn seconds_pass(&self, seconds: i64) {
        self.shift.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Waits until a letter of the sender has this status.
    pub async fn comes_to(&self, exchange_id: &str, status: DeliveryStatus) {
        for _ in 0..1000 {
            let delivery = self.nodes[0].delivery(exchange_id).await.unwrap().unwrap();
            if delivery.status == status {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?} is not {status}", self.nodes[0].delivery(exchange_id).await.unwrap());
    }

    /// Waits until the sender's metrics have this line.
    pub async fn metric(&self, line: &str) {
        for _ in 0..1000 {
            if self.nodes[0].metrics().await.unwrap().lines().any(|one| one == line) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("`{line}` is not among the metrics");
    }

    /// Waits until a figure of the sender is more than this.
    pub async fn metric_over(&self, name: &str, limit: f64) {
        for _ in 0..1000 {
            let metrics = self.nodes[0].metrics().await.unwrap();
            let figure = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
            if figure.is_some_and(|figure| figure > limit) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("`{name}` is not over {limit}");
    }

    /// The titles that the recipient has about a subject, oldest first.
    pub async fn received(&self, subject: &str) -> Vec<String> {
        let rows = self.nodes[1].documents(Some(subject.to_owned()), None, 100).await.unwrap();
        rows.into_iter().rev().map(|row| row.title).collect()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub fn officer() -> Principal {
    Principal { name: "officer".to_owned(), role: Role::Officer }
}
