//! A fourth administration joins three that keep a key register already: four real nodes over TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use base::{Administration, Country};
use evidence::StatementKey;
use evidence::key_register::{Approval, KeyRegister, Proposal, SignedRegister};
use node::{
    Config, DEFAULT_EXPIRY_SECONDS, DocumentContent, Lane, NewDocument, Node, PartnerCard, Principal,
    Progress, RegisterView, Role, Rotation, World, default_purpose,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

const AGREEMENT: &str = "common-transit";
const NAMES: [&str; 4] = ["GB", "FR", "IT", "DE"];

fn administration(code: &str) -> Administration {
    Administration::of(Country::parse(code).unwrap())
}

async fn until(mut stopped: watch::Receiver<bool>) {
    drop(stopped.wait_for(|stop| *stop).await);
}

/// Looks again until it is so; a minute without it is a failure.
async fn patiently<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    for _ in 0..1200 {
        if look().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come true within a minute: {what}");
}

/// The real time, and by how many seconds it was moved on.
#[derive(Default)]
struct Moved(AtomicI64);

impl node::Clock for Moved {
    fn now(&self) -> base::Timestamp {
        node::SystemClock.now().plus_seconds(self.0.load(Ordering::Relaxed))
    }
}

/// Nodes of Great Britain, France and Italy, which exchange, and of Germany, which knows nobody yet unless four exchange.
struct Four {
    folder: tempfile::TempDir,
    nodes: Vec<Arc<Node>>,
    agreement: String,
    clock: Arc<Moved>,
    stop: watch::Sender<bool>,
}

impl Drop for Four {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

impl Four {
    async fn open(exchanging: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let parties = NAMES.map(administration);
        let (stop, stopped) = watch::channel(false);
        let (mut prepared, mut listeners) = (Vec::new(), Vec::new());
        for party in &parties {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let own = folder.path().join(party.country().as_str());
            prepared.push(support::prepare(own, party, listener.local_addr().unwrap()));
            listeners.push(listener);
        }
        let (mut nodes, clock) = (Vec::new(), Arc::new(Moved::default()));
        for (number, (files, listener)) in prepared.iter().zip(listeners).enumerate() {
            if number < exchanging {
                let others = prepared.iter().take(exchanging).filter(|other| other.card != files.card);
                let cards = others.map(|other| other.card.clone()).collect();
                node::join_corridor(&files.config, cards, &parties).unwrap();
            }
            let own: Arc<dyn node::Clock> = clock.clone();
            let world = World { clock: own, ..World::system() };
            let node = Node::open(Config::load(&files.config).unwrap(), world).await.unwrap();
            let serving = web::server::serve_peers(Arc::clone(&node), listener, until(stopped.clone()));
            tokio::spawn(serving);
            drop(Arc::clone(&node).start_workers(until(stopped.clone())));
            nodes.push(node);
        }
        let agreement = node::model_agreement(&parties).unwrap();
        Self { folder, nodes, agreement, clock, stop }
    }

    /// Germany and a node that exchanges already federate: people compared the fingerprints. What is said of the register.
    async fn federate(&self, node: usize) -> Progress {
        let (inviting, germany) = (&self.nodes[node], &self.nodes[3]);
        let invitation = inviting.invite(administration("DE"), &self.agreement, 7, "operator").await.unwrap();
        let fingerprint = invitation.fingerprint();
        let acceptance = germany.accept_invitation(invitation, &fingerprint, "operator").await.unwrap();
        let fingerprint = acceptance.fingerprint();
        inviting.take_acceptance(acceptance, &fingerprint, "operator").await.unwrap().register
    }

    /// What a dishonest operator can use at will.
    fn steward_key(&self, code: &str) -> StatementKey {
        let file = std::fs::read_to_string(self.folder.path().join(code).join("keys.json")).unwrap();
        let file: serde_json::Value = serde_json::from_str(&file).unwrap();
        let seed: evidence::Seed = serde_json::from_value(file["register"].clone()).unwrap();
        StatementKey::from_seed(seed.as_bytes()).unwrap()
    }

    async fn view(&self, node: usize) -> Option<RegisterView> {
        self.nodes[node].key_registers().await.unwrap().into_iter().next()
    }

    async fn converged(&self, least: u64, nodes: usize) {
        for node in 0..nodes {
            patiently("a version is known to all", || async {
                let view = self.view(node).await;
                view.is_some_and(|view| {
                    view.version >= least && view.behind.is_empty() && view.proposed.is_none()
                })
            })
            .await;
        }
    }

    async fn send(&self, from: usize, to: usize, title: &str) {
        let officer = Principal { name: "officer".into(), role: Role::Officer };
        let new = NewDocument {
            recipient: administration(NAMES[to]),
            subject: format!("case-{from}-{to}"),
            purpose: default_purpose().unwrap(),
            lane: Lane::Normal,
            expires_seconds: DEFAULT_EXPIRY_SECONDS,
            document: DocumentContent {
                title: title.to_owned(),
                media_type: "text/plain".to_owned(),
                content: b"a case".to_vec(),
            },
        };
        self.nodes[from].send_document(&officer, new).await.unwrap().unwrap();
    }

    /// Germany sends one document to each of the others and each of them one to Germany; all arrive.
    async fn exchange(&self, round: usize) {
        for other in 0..3 {
            self.send(3, other, &format!("from Germany {round}")).await;
            self.send(other, 3, &format!("to Germany {round}")).await;
        }
        for node in 0..4 {
            let (sends, wanted) = if node == 3 { (3, 3 * round) } else { (1, round) };
            patiently("documents arrive", || async {
                let rows = self.nodes[node].documents(None, None, 100).await.unwrap();
                let sent = rows.iter().filter(|row| row.outcome == "delivered").count();
                rows.len() >= 2 * wanted && sent >= sends * round
            })
            .await;
        }
    }
}

fn signing_key(view: &RegisterView, of: &str) -> Option<String> {
    let own = |key: &&node::KeyView| key.administration == of && key.purpose == "sign" && key.in_use;
    view.keys.iter().find(own).map(|key| key.key.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fourth_administration_joins_exchanges_with_all_and_rotates_a_key() {
    let four = Four::open(3).await;
    let threshold = node::Threshold { change: 2, revocation: 1 };
    let founded = four.nodes[0].found_register(AGREEMENT, Some(threshold)).await.unwrap();
    assert_eq!(founded, Progress::InForce { version: 1 });
    four.converged(1, 3).await;
    // The register has moved on since it was made of the cards.
    let purpose = serde_json::from_value(serde_json::Value::from("sign")).unwrap();
    let rotation = || Rotation { purpose, algorithm: None, device: None };
    four.nodes[1].rotate_key(rotation()).await.unwrap();
    four.converged(2, 3).await;

    // Germany has the card of Great Britain alone: of whom else the register speaks it does not believe.
    let Progress::Waiting { version: 3, because } = four.federate(0).await else { panic!("it should wait") };
    // Nor do the others let in whose card they do not have; Germany is asked when they all agree.
    assert!(because.contains("NTA.FR: ") && !because.contains("NTA.DE: "), "{because}");
    assert!(four.view(3).await.is_none());
    four.federate(1).await;
    assert!(four.view(3).await.is_none(), "the card of Italy is missing");
    four.federate(2).await;
    four.converged(3, 4).await;

    let joined = four.view(3).await.unwrap();
    let owners: std::collections::BTreeSet<_> =
        joined.keys.iter().map(|key| key.administration.as_str()).collect();
    assert_eq!(owners.len(), 4, "{owners:?}");
    let (theirs, ours) = (four.nodes[1].signed_register(AGREEMENT), four.nodes[3].signed_register(AGREEMENT));
    assert_eq!(theirs.await.unwrap(), ours.await.unwrap(), "one register");
    four.exchange(1).await;

    let before = signing_key(&joined, "NTA.DE").unwrap();
    four.nodes[3].rotate_key(rotation()).await.unwrap();
    four.converged(joined.version + 1, 4).await;
    patiently("the new key is in use", || async {
        signing_key(&four.view(3).await.unwrap(), "NTA.DE").is_some_and(|key| key != before)
    })
    .await;
    four.exchange(2).await;
    // The others rotate as before, and the newcomer countersigns.
    four.nodes[2].rotate_key(rotation()).await.unwrap();
    four.converged(joined.version + 2, 4).await;
    four.exchange(3).await;

    // The card that it gives to whoever comes next has the keys that it uses.
    let folder = four.folder.path().join("DE");
    let old = PartnerCard::load(&folder.join("card.json")).unwrap();
    let current = four.nodes[3].own_card_now().unwrap().card;
    assert_ne!(current.keys.sign, old.keys.sign);
    four.stop.send(true).unwrap();
    for node in &four.nodes {
        node.close().await;
    }
    let (config, out) = (folder.join("tidewaiter.toml"), folder.join("now.json"));
    let (config, out) = (config.display().to_string(), out.display().to_string());
    let ran = support::tidewaiter(["partner", "card", "--config", &config, "--out", &out]).expect_code(0);
    assert!(ran.stdout.contains(&current.keys.fingerprint()), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("TLS key of node    {}", current.keys.tls_spki)), "{}", ran.stdout);
    assert_eq!(PartnerCard::load(std::path::Path::new(&out)).unwrap(), current);
}

/// All four must sign, and all four want a version of the same number: each of them comes into force, one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn four_that_propose_at_the_same_moment_do_not_wait_for_each_other_for_ever() {
    let four = Four::open(4).await;
    let founded = four.nodes[0].found_register(AGREEMENT, None).await.unwrap();
    assert_eq!(founded, Progress::InForce { version: 1 });
    four.converged(1, 4).await;
    let first = four.view(0).await.unwrap();
    assert_eq!((first.threshold, first.version), (4, 1));
    let rotate = |node: usize| {
        let purpose = serde_json::from_value(serde_json::Value::from("witness")).unwrap();
        four.nodes[node].rotate_key(Rotation { purpose, algorithm: None, device: None })
    };
    let (gb, fr, it, de) = tokio::join!(rotate(0), rotate(1), rotate(2), rotate(3));
    [gb, fr, it, de].into_iter().for_each(|ordered| drop(ordered.unwrap()));
    four.converged(5, 4).await;
    for node in 0..4 {
        let view = four.view(node).await.unwrap();
        assert_eq!(view.keys.iter().filter(|key| key.purpose == "witness").count(), 8);
    }
}

/// All must sign. Some have signed what France proposes when that expires, and the version before it too: from then on it holds
/// up nobody, and what France wanted is done all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_that_has_expired_holds_up_nobody() {
    let four = Four::open(4).await;
    let founded = four.nodes[0].found_register(AGREEMENT, None).await.unwrap();
    assert_eq!(founded, Progress::InForce { version: 1 });
    four.converged(1, 4).await;
    let (france, italy) = (&four.nodes[1], &four.nodes[2]);
    assert!(italy.suspend_partner(&administration("FR"), "a break-in", "keeper").await.unwrap());
    let purpose = serde_json::from_value(serde_json::Value::from("witness")).unwrap();
    let ordered = france.rotate_key(Rotation { purpose, algorithm: None, device: None }).await.unwrap();
    let Progress::Waiting { version: 2, because } = &ordered[AGREEMENT] else { panic!("{ordered:?}") };
    assert!(because.contains("NTA.IT") && because.contains("suspended"), "{because}");

    four.clock.0.store(91 * 86_400, Ordering::Relaxed);
    assert!(italy.resume_partner(&administration("FR"), "keeper").await.unwrap());
    italy.renew_registers(None).await.unwrap();
    four.converged(2, 4).await;
    for (node, name) in NAMES.iter().enumerate() {
        let view = four.view(node).await.unwrap();
        let of_france = view.keys.iter().filter(|key| key.administration == "NTA.FR");
        assert_eq!(of_france.filter(|key| key.purpose == "witness").count(), 2, "{name}");
    }
}

/// What a newcomer that has one card is brought by that partner alone, it neither takes up nor signs; the way in stays open.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_partner_alone_decides_nothing_for_a_newcomer() {
    let four = Four::open(3).await;
    four.nodes[0].found_register(AGREEMENT, None).await.unwrap();
    four.converged(1, 3).await;
    let (britain, germany, by) = (&four.nodes[0], &four.nodes[3], administration("GB"));
    let invitation = britain.invite(administration("DE"), &four.agreement, 7, "operator").await.unwrap();
    let fingerprint = invitation.fingerprint();
    germany.accept_invitation(invitation, &fingerprint, "operator").await.unwrap();

    let key = four.steward_key("GB");
    let (now, threshold) = (World::system().clock.now(), node::Threshold { change: 1, revocation: 1 });
    let (cards, until) = ([britain.own_card().keys, germany.own_card().keys], now.plus_seconds(86_400));
    let first = KeyRegister::genesis(AGREEMENT, &cards[..1], threshold, now, until).unwrap();
    for (version, change) in [(2, 1), (2, 2), (1 << 50, 2)] {
        let mut forged = first.next(now, until);
        forged.admit(&cards[1]);
        forged.version = version;
        forged.threshold.change = change;
        let approval = Approval::sign(&forged, &by, &key, now).unwrap();
        let mut signed = SignedRegister::proposal(forged.clone()).unwrap();
        signed.add(approval);
        let proposal = Proposal::sign(&forged, &by, &key, now).unwrap().as_bytes().to_vec();
        let answers = [
            germany.answer_register(&by, signed.to_bytes()).await.unwrap(),
            germany.answer_proposal(&by, proposal).await.unwrap(),
        ];
        for answer in answers {
            let words = String::from_utf8_lossy(&answer);
            let why = if change == 1 { "more than half" } else { "whoever joins needs 3" };
            assert!(words.contains(why), "{words}");
        }
    }
    assert!(four.view(3).await.is_none());
    for node in 0..3 {
        four.federate(node).await;
    }
    four.converged(2, 4).await;
}

/// As many as may change a register may not speak for a party whose card others have, nor let in whom the agreement does not name.
#[tokio::test(flavor = "multi_thread")]
async fn a_majority_lets_in_no_impostor_and_no_stranger() {
    let four = Four::open(3).await;
    let threshold = node::Threshold { change: 2, revocation: 1 };
    four.nodes[0].found_register(AGREEMENT, Some(threshold)).await.unwrap();
    four.converged(1, 3).await;
    let (italy, by) = (&four.nodes[2], administration("GB"));
    // Italy alone has the card of Germany.
    four.federate(2).await;
    let first = italy.signed_register(AGREEMENT).await.unwrap().unwrap();
    let first = SignedRegister::read(&first).unwrap().register().clone();
    let now = World::system().clock.now();
    let made_up = StatementKey::from_seed(&[9; 32]).unwrap();
    let drawn = |seed: u8| {
        let mut next = seed;
        evidence::KeySet::draw(&mut |bytes: &mut [u8]| {
            next += 1;
            bytes.fill(next);
        })
    };
    for (code, why) in [("DE", "replaces, as the steward's,"), ("ES", "no party of the agreement")] {
        let keys = drawn(60).keys().unwrap();
        let (tls, until) = (base::Digest([8; 32]), now.plus_seconds(86_400));
        let card = keys.card(administration(code), tls, now.plus_seconds(-60), until).unwrap();
        let mut forged = first.next(now, first.expires);
        forged.admit(&evidence::PublicKeys { register: Some(made_up.public()), ..card });
        let mut signed = SignedRegister::proposal(forged.clone()).unwrap();
        for steward in ["GB", "FR"] {
            let key = four.steward_key(steward);
            signed.add(Approval::sign(&forged, &administration(steward), &key, now).unwrap());
        }
        signed.add(Approval::sign(&forged, &administration(code), &made_up, now).unwrap());
        let answer = italy.answer_register(&by, signed.to_bytes()).await.unwrap();
        let words = String::from_utf8_lossy(&answer);
        assert!(words.contains(why), "{words}");
    }
    // What would bind for years is not signed without a person.
    for (days, refused) in [(91, true), (90, false)] {
        let long = first.next(now, now.plus_seconds(days * 86_400));
        let proposal = Proposal::sign(&long, &by, &four.steward_key("GB"), now).unwrap();
        let answer = italy.answer_proposal(&by, proposal.as_bytes().to_vec()).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&answer).contains("more than 90 days"), refused, "{days}");
    }
    assert_eq!(four.view(2).await.unwrap().version, 1);
}
