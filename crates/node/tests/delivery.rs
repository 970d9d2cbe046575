//! The life of documents between two nodes: decided and handed out, too late, dead and sent again, and more than may wait.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use base::{Administration, Timestamp};
use exchange::DeliveryStatus;
use node::{
    Calling, Clock, Config, Delivery, DocumentContent, DocumentDecision, Lane, NewDocument, Node, PeerAnswer,
    PeerRequest, Principal, Role, SendError, SetUp, SystemClock, SystemEntropy, Transport, TransportError,
    World, initialise, join_corridor,
};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
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
struct Way {
    nodes: [OnceLock<Arc<Node>>; 2],
    closed: AtomicBool,
    spoils: AtomicBool,
    /// How many batches of staged statements were answered.
    batches: AtomicU32,
    /// Batches are on their way for as long as this is so.
    holds: AtomicBool,
    /// How many batches are on their way, and how many ever were at once.
    bearing: AtomicU32,
    most: AtomicU32,
}

/// What is about such a subject can be spoilt on its way.
const SPOILT: &str = "spoilt";

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

struct Pair {
    nodes: [Arc<Node>; 2],
    way: Arc<Way>,
    shift: Arc<AtomicI64>,
    folder: PathBuf,
}

impl Pair {
    async fn open(change: impl Fn(&mut Config)) -> Self {
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

    async fn send(
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

    fn close(&self, closed: bool) {
        self.way.closed.store(closed, Ordering::SeqCst);
    }

    fn spoil(&self, spoils: bool) {
        self.way.spoils.store(spoils, Ordering::SeqCst);
    }

    fn days_pass(&self, days: i64) {
        self.shift.fetch_add(days * DAY_SECONDS, Ordering::SeqCst);
    }

    /// Waits until a letter of the sender has this status.
    async fn comes_to(&self, exchange_id: &str, status: DeliveryStatus) {
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
    async fn metric(&self, line: &str) {
        for _ in 0..1000 {
            if self.nodes[0].metrics().await.unwrap().lines().any(|one| one == line) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("`{line}` is not among the metrics");
    }

    /// Waits until a figure of the sender is more than this.
    async fn metric_over(&self, name: &str, limit: f64) {
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
    async fn received(&self, subject: &str) -> Vec<String> {
        let rows = self.nodes[1].documents(Some(subject.to_owned()), None, 100).await.unwrap();
        rows.into_iter().rev().map(|row| row.title).collect()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn officer() -> Principal {
    Principal { name: "officer".to_owned(), role: Role::Officer }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_sees_how_far_a_document_came() {
    let pair = Pair::open(|_| {}).await;
    let (message, id) = pair.send("case-1", "Accepted", Lane::Normal, 5).await.unwrap();
    pair.comes_to(&id, DeliveryStatus::Received).await;
    let open = pair.nodes[1].open_documents(0, 10).await.unwrap();
    let label = open[0].label.as_deref().unwrap();
    assert!(label.contains("\"handling\""), "{label}");
    let accept = DocumentDecision { accept: true, words: "secret words of an officer".to_owned() };
    assert!(pair.nodes[1].decide_document(&officer(), open[0].message, accept).await.unwrap().unwrap());
    pair.comes_to(&id, DeliveryStatus::Decided).await;
    pair.nodes[1].hand_out_document(open[0].message).await.unwrap().unwrap();
    pair.comes_to(&id, DeliveryStatus::Delivered).await;
    let stages = pair.nodes[0].delivery(&id).await.unwrap().unwrap().stages;
    let told: Vec<(DeliveryStatus, &str)> = stages.iter().map(|one| (one.stage, one.code.as_str())).collect();
    assert_eq!(told, [(DeliveryStatus::Decided, "accepted"), (DeliveryStatus::Delivered, "")]);
    assert!(stages.iter().all(|one| !one.words.contains("secret")), "an officer's words stay there");
    assert_eq!(pair.nodes[0].document(message).await.unwrap().unwrap().row.standing, "accepted");

    let (message, id) = pair.send("case-1", "Declined", Lane::Normal, 5).await.unwrap();
    pair.comes_to(&id, DeliveryStatus::Received).await;
    let open = pair.nodes[1].open_documents(0, 10).await.unwrap();
    let decline = DocumentDecision { accept: false, words: "not ours".to_owned() };
    assert!(pair.nodes[1].decide_document(&officer(), open[0].message, decline).await.unwrap().unwrap());
    pair.comes_to(&id, DeliveryStatus::Decided).await;
    assert_eq!(pair.nodes[0].document(message).await.unwrap().unwrap().row.standing, "declined");

    let (_, id) = pair.send("case-1", "Forgotten", Lane::Normal, 5).await.unwrap();
    pair.comes_to(&id, DeliveryStatus::Received).await;
    pair.days_pass(6);
    pair.comes_to(&id, DeliveryStatus::Expired).await;
    assert_eq!(pair.nodes[1].open_documents(0, 10).await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_late_leaves_a_tombstone_and_its_channel_goes_on() {
    let pair = Pair::open(|_| {}).await;
    pair.close(true);
    let (_, tried) = pair.send("case-2", "Tried", Lane::Normal, 1).await.unwrap();
    let (_, late) = pair.send("case-2", "Too late", Lane::Normal, 1).await.unwrap();
    let (_, good) = pair.send("case-2", "In time", Lane::Normal, 30).await.unwrap();
    pair.comes_to(&tried, DeliveryStatus::Sent).await;
    pair.days_pass(2);
    // Nothing of the second has left: it is over at once, although the partner is away.
    pair.comes_to(&late, DeliveryStatus::Expired).await;
    assert_eq!(pair.nodes[0].delivery(&tried).await.unwrap().unwrap().status, DeliveryStatus::Sent);
    assert!(pair.nodes[0].alarm_count().await.unwrap() > 0);
    pair.metric("tidewaiter_circuit_open{partner=\"NTA.FR\"} 1").await;
    pair.close(false);
    pair.comes_to(&good, DeliveryStatus::Received).await;
    pair.comes_to(&tried, DeliveryStatus::Expired).await;
    assert_eq!(pair.received("case-2").await, ["In time"]);

    let dead = pair.nodes[0].dead_letters(0, 10).await.unwrap();
    let fates: Vec<&str> = dead.iter().map(|letter| letter.fate).collect();
    assert_eq!(fates, ["expired", "expired"]);
    let again = pair.nodes[0].redrive(&officer(), dead[1].id).await.unwrap().unwrap();
    let row = pair.nodes[0].document(again).await.unwrap().unwrap().row;
    pair.comes_to(&row.exchange_id.unwrap(), DeliveryStatus::Received).await;
    assert_eq!(pair.received("case-2").await, ["In time", "Too late"]);
    assert!(pair.nodes[0].redrive(&officer(), dead[1].id).await.unwrap().is_err(), "once only");
    let close = async |reason| pair.nodes[0].close_dead_letter(&officer(), dead[0].id, reason).await.unwrap();
    assert!(close(" ").await.is_err());
    assert!(close("it was said by telephone").await.is_ok());
    assert!(close("again").await.is_err());
    assert_eq!(pair.nodes[0].dead_letters(0, 10).await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_are_refused_hold_up_no_other_channel() {
    let pair = Pair::open(|_| {}).await;
    pair.spoil(true);
    let mut refused = Vec::new();
    // As many as open a circuit, and more.
    for number in 0..8 {
        refused.push(pair.send(&format!("{SPOILT}-{number}"), "Refused", Lane::Urgent, 30).await.unwrap().1);
    }
    for id in &refused {
        pair.comes_to(id, DeliveryStatus::Sent).await;
    }
    // They are tried again and again, each time in vain.
    pair.metric_over("tidewaiter_letters_postponed_total", 24.0).await;
    let (_, good) = pair.send("case-4", "Welcome", Lane::Bulk, 30).await.unwrap();
    pair.comes_to(&good, DeliveryStatus::Received).await;
    let queue = pair.nodes[0].exchange().await.unwrap().queues.remove(0);
    assert_eq!((queue.circuit, queue.letters), ("closed", 8));
    pair.spoil(false);
    for id in &refused {
        pair.comes_to(id, DeliveryStatus::Received).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_refused_past_its_time_ends_and_its_channel_goes_on() {
    let pair = Pair::open(|_| {}).await;
    pair.spoil(true);
    let subject = format!("{SPOILT}-9");
    let (_, first) = pair.send(&subject, "Refused", Lane::Normal, 1).await.unwrap();
    let (_, second) = pair.send(&subject, "Refused too", Lane::Normal, 1).await.unwrap();
    pair.metric_over("tidewaiter_letters_postponed_total", 4.0).await;
    let alarm = pair.nodes[0].exchange().await.unwrap().queues.remove(0).alarms.remove(0);
    assert_eq!(alarm.code, node::AlarmCode::LetterRefused);
    assert!(
        alarm.words.contains(&first) && alarm.words.contains("the parts are not those"),
        "{}",
        alarm.words
    );
    pair.days_pass(2);
    pair.comes_to(&first, DeliveryStatus::Expired).await;
    pair.comes_to(&second, DeliveryStatus::Expired).await;
    let dead = pair.nodes[0].dead_letters(0, 10).await.unwrap();
    // The second was sealed before its time was over and is dead too, or was withdrawn and waits as a tombstone.
    assert!(
        dead.iter().any(|letter| letter.exchange_id == first
            && letter.reason.contains("refused until its time was over: the parts are not")),
        "{dead:?}"
    );
    let (_, third) = pair.send(&subject, "In time", Lane::Normal, 30).await.unwrap();
    pair.metric_over("tidewaiter_letters_postponed_total", 8.0).await;
    pair.spoil(false);
    // The partner has used neither number: both are brought.
    pair.comes_to(&third, DeliveryStatus::Received).await;
    assert_eq!(pair.received(&subject).await, ["In time"]);
    assert_eq!(pair.nodes[0].exchange().await.unwrap().queues.remove(0).letters, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_on_an_erased_document_still_arrives() {
    let pair = Pair::open(|_| {}).await;
    let (message, id) = pair.send("case-5", "Erased", Lane::Normal, 5).await.unwrap();
    pair.comes_to(&id, DeliveryStatus::Received).await;
    pair.nodes[0].erase(&officer(), message, "the data subject asked").await.unwrap().unwrap();
    let open = pair.nodes[1].open_documents(0, 10).await.unwrap();
    let accept = DocumentDecision { accept: true, words: String::new() };
    assert!(pair.nodes[1].decide_document(&officer(), open[0].message, accept).await.unwrap().unwrap());
    pair.comes_to(&id, DeliveryStatus::Decided).await;
    assert_eq!(pair.nodes[0].document(message).await.unwrap().unwrap().row.standing, "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_suspended_partner_states_waits_for_the_resumption() {
    let pair = Pair::open(|_| {}).await;
    let (_, id) = pair.send("case-6", "Suspended", Lane::Normal, 5).await.unwrap();
    pair.comes_to(&id, DeliveryStatus::Received).await;
    let france = Administration::parse("NTA.FR").unwrap();
    assert!(pair.nodes[0].suspend_partner(&france, "a break-in", "keeper").await.unwrap());
    let open = pair.nodes[1].open_documents(0, 10).await.unwrap();
    let accept = DocumentDecision { accept: true, words: String::new() };
    assert!(pair.nodes[1].decide_document(&officer(), open[0].message, accept).await.unwrap().unwrap());
    while pair.way.batches.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(pair.nodes[0].delivery(&id).await.unwrap().unwrap().status, DeliveryStatus::Received);
    assert!(pair.nodes[0].resume_partner(&france, "keeper").await.unwrap());
    pair.days_pass(1);
    pair.comes_to(&id, DeliveryStatus::Decided).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_for_a_partner_that_hangs_are_on_their_way_once() {
    let pair = Pair::open(|_| {}).await;
    let mut sent = Vec::new();
    for number in 0..6 {
        let (_, id) = pair.send(&format!("case-7-{number}"), "Held", Lane::Normal, 5).await.unwrap();
        pair.comes_to(&id, DeliveryStatus::Received).await;
        sent.push(id);
    }
    pair.way.holds.store(true, Ordering::SeqCst);
    let open = pair.nodes[1].open_documents(0, 10).await.unwrap();
    assert_eq!(open.len(), 6);
    for document in &open {
        let accept = DocumentDecision { accept: true, words: String::new() };
        // Each decision wakes the bearer.
        assert!(pair.nodes[1].decide_document(&officer(), document.message, accept).await.unwrap().unwrap());
        while pair.way.bearing.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    // It also looks by itself twice a second.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    pair.way.holds.store(false, Ordering::SeqCst);
    for id in &sent {
        pair.comes_to(id, DeliveryStatus::Decided).await;
    }
    assert_eq!(pair.way.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_all_but_urgent_documents_and_drains_in_order() {
    let pair = Pair::open(|config| config.exchange.queue_letters = 6).await;
    pair.close(true);
    for number in 0..6 {
        pair.send("case-3", &format!("N{number}"), Lane::Normal, 30).await.unwrap();
    }
    let refused = pair.send("case-3", "One too many", Lane::Bulk, 30).await.unwrap_err().to_string();
    assert!(refused.starts_with("6 letters and 0 MiB wait for `NTA.FR`"), "{refused}");
    let (_, urgent) = pair.send("case-3", "Urgent", Lane::Urgent, 30).await.unwrap();
    let queue = pair.nodes[0].exchange().await.unwrap().queues.remove(0);
    assert_eq!((queue.letters, queue.alarms[0].code), (7, node::AlarmCode::QueueFull));
    pair.close(false);
    pair.comes_to(&urgent, DeliveryStatus::Received).await;
    let expected: Vec<String> =
        (0..6).map(|number| format!("N{number}")).chain(["Urgent".to_owned()]).collect();
    assert_eq!(pair.received("case-3").await, expected);
    assert_eq!(pair.nodes[0].exchange().await.unwrap().queues.remove(0).letters, 0);
}
