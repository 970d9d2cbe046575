//! Keys under traffic: three real nodes over TLS, whose keys are rotated and revoked while messages flow between them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use base::{AccessCode, Administration, Country, Currency, Eori, Grn, GuaranteeType, Money};
use node::{
    Config, GuaranteeRegistration, KeyOrder, Node, Principal, Progress, RegisterView, Release,
    RevocationOrder, Role, Rotation, World,
};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use support::outsider::Outsider;
use tokio::net::TcpListener;
use tokio::sync::watch;

const DECLARATION: &str = include_str!("../crates/corridor/declarations/gb-fr-it.xml");
const AGREEMENT: &str = "common-transit";

/// Nodes of Great Britain, France and Italy in one process, each with its port for partners.
struct Federation {
    folder: PathBuf,
    nodes: Vec<Arc<Node>>,
    stop: watch::Sender<bool>,
    doors: Vec<(SocketAddr, watch::Sender<bool>)>,
}

impl Drop for Federation {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Federation {
    async fn open() -> Self {
        Self::open_with(3).await
    }

    /// The first so many of the three exchange, the others know nobody yet.
    async fn open_with(exchanging: usize) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("tidewaiter-keys-{}-{number}", std::process::id()));
        let parties = ["GB", "FR", "IT"].map(|code| Administration::of(Country::parse(code).unwrap()));
        let (stop, stopped) = watch::channel(false);
        let (mut prepared, mut listeners) = (Vec::new(), Vec::new());
        for administration in &parties {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let own = folder.join(administration.country().as_str());
            prepared.push(support::prepare(own, administration, listener.local_addr().unwrap()));
            listeners.push(listener);
        }
        let (mut nodes, mut doors) = (Vec::new(), Vec::new());
        for (number, (files, listener)) in prepared.iter().zip(listeners).enumerate() {
            let others = prepared.iter().take(exchanging).filter(|other| other.card != files.card);
            let cards = others.map(|other| other.card.clone()).collect();
            if number < exchanging {
                node::join_corridor(&files.config, cards, &parties[..exchanging]).unwrap();
            }
            let mut config = Config::load(&files.config).unwrap();
            config.transit.release = Release::Automatic;
            let node = Node::open(config, World::system()).await.unwrap();
            let (close, closed) = watch::channel(false);
            doors.push((listener.local_addr().unwrap(), close));
            tokio::spawn(web::server::serve_peers(Arc::clone(&node), listener, until(closed)));
            drop(Arc::clone(&node).start_workers(until(stopped.clone())));
            nodes.push(node);
        }
        Self { folder, nodes, stop, doors }
    }

    /// Partners cannot reach this node any more; it reaches them.
    async fn closes(&self, node: usize) {
        let (address, close) = &self.doors[node];
        close.send(true).unwrap();
        patiently(|| async { tokio::net::TcpStream::connect(address).await.is_err() }).await;
    }

    async fn opens(&mut self, node: usize) {
        let listener = TcpListener::bind(self.doors[node].0).await.unwrap();
        let (close, closed) = watch::channel(false);
        self.doors[node].1 = close;
        tokio::spawn(web::server::serve_peers(Arc::clone(&self.nodes[node]), listener, until(closed)));
    }

    fn gb(&self) -> &Arc<Node> {
        &self.nodes[0]
    }

    /// Makes the register of the corridor's agreement, two of three must sign.
    async fn found(&self) {
        self.found_with(2).await;
    }

    async fn found_with(&self, change: u64) {
        let threshold = node::Threshold { change, revocation: 1 };
        let progress = self.gb().found_register(AGREEMENT, Some(threshold)).await.unwrap();
        assert_eq!(progress, Progress::InForce { version: 1 });
        self.converged(1).await;
    }

    async fn view(&self, node: &Arc<Node>) -> RegisterView {
        first_of(node).await
    }

    /// Waits until every node has at least this version and knows that all have it.
    async fn converged(&self, version: u64) {
        for node in &self.nodes {
            patiently(|| async {
                let views = node.key_registers().await.unwrap();
                views.first().is_some_and(|view| view.version >= version && view.behind.is_empty())
            })
            .await;
        }
    }

    /// Declares movements at Great Britain, which send letters to France and Italy.
    async fn declare(&self, numbers: std::ops::Range<u32>) {
        let trader = Principal { name: "alice".into(), role: Role::Trader };
        for number in numbers {
            let xml = DECLARATION
                .replace("LEEDS-TURIN-000001", &format!("LEEDS-TURIN-{number:06}"))
                .replace("CORRIDOR-000001", &format!("CORRIDOR-{number:06}"));
            let submission = self.gb().submit(&trader, xml.into_bytes()).await.unwrap();
            assert!(submission.accepted, "{}", submission.words);
        }
    }

    async fn register_guarantee(&self) {
        let officer = Principal { name: "officer".into(), role: Role::Officer };
        let registration = GuaranteeRegistration {
            grn: Grn::parse("26GB0000000001236").unwrap(),
            kind: GuaranteeType::COMPREHENSIVE,
            holders: BTreeSet::from([Eori::parse("GB205672212000").unwrap()]),
            access_code: AccessCode::parse("AV26").unwrap(),
            reference_amount: Money::parse("50000000.00", Currency::EUR).unwrap(),
            percentage: 100,
            valid_from: None,
            valid_until: None,
            not_valid_in: BTreeSet::new(),
            office: None,
        };
        assert!(self.gb().register_guarantee(&officer, registration).await.unwrap().accepted);
    }

    /// Waits until nothing is queued at Great Britain any more, and gives `(delivered, refused)`.
    async fn drained(&self) -> (i64, i64) {
        patiently(|| async { self.gb().partners().await.unwrap().iter().all(|partner| partner.queued == 0) })
            .await;
        let partners = self.gb().partners().await.unwrap();
        partners.iter().fold((0, 0), |(delivered, refused), partner| {
            (delivered + partner.delivered, refused + partner.refused)
        })
    }

    /// Evidence of the first letter to Italy, which went before any key was rotated, is proved to whoever trusts the cards
    /// that were exchanged at the beginning and the register that followed.
    async fn the_first_letter_is_proved(&self) {
        let rows = self.gb().messages(None, None, 0, 1000).await.unwrap();
        let row = rows.iter().find(|row| row.message_type == "CD001C" && row.direction == "sent").unwrap();
        let file = self.gb().evidence(row.id, node::Disclose::Nothing).await.unwrap().expect("evidence");
        let mut trust = verifier::Trust::nobody();
        for country in ["GB", "FR", "IT"] {
            let card = node::PartnerCard::load(&self.folder.join(country).join("card.json")).unwrap();
            trust = trust.with_card(card.keys);
        }
        let register = self.gb().signed_register(AGREEMENT).await.unwrap().expect("a register");
        let verdict = verifier::verify(&file, &trust.with_file(&register).unwrap());
        assert_eq!(verdict.outcome, verifier::Outcome::Proved, "{}", verdict.to_json());
    }

    async fn arrived(&self) -> usize {
        let mut count = 0;
        for node in &self.nodes[1..] {
            let rows = node.messages(None, None, 0, 1000).await.unwrap();
            count += rows.iter().filter(|row| row.direction == "received").count();
        }
        count
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    drop(stopped.wait_for(|stop| *stop).await);
}

/// Looks again until it is so; a minute without it is a failure.
async fn patiently<F: Future<Output = bool>>(mut look: impl FnMut() -> F) {
    for _ in 0..1200 {
        if look().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come true within a minute");
}

fn rotation(purpose: &str, algorithm: Option<&str>) -> Rotation {
    let purpose = serde_json::from_value(serde_json::Value::from(purpose)).unwrap();
    Rotation { purpose, algorithm: algorithm.map(str::to_owned), device: None }
}

fn in_use(view: &RegisterView, administration: &str, purpose: &str) -> String {
    let of = |key: &&node::KeyView| key.administration == administration && key.purpose == purpose;
    view.keys.iter().filter(of).find(|key| key.in_use).map(|key| key.key.clone()).expect("a key in use")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_is_rotated_and_one_revoked_while_messages_flow() {
    let federation = Federation::open().await;
    federation.register_guarantee().await;
    federation.declare(0..3).await;
    let (before, refused) = federation.drained().await;
    assert!(
        before >= 6 && refused == 0,
        "card-only partners exchange: {before} delivered, {refused} refused"
    );
    federation.found().await;

    let first = federation.view(federation.gb()).await;
    let mut version = 1;
    let mut number = 3;
    for (purpose, algorithm) in
        [("sign", Some("ES256")), ("enc", None), ("log", None), ("witness", None), ("tls", None)]
    {
        for node in &federation.nodes {
            federation.declare(number..number + 1).await;
            number += 1;
            node.rotate_key(rotation(purpose, algorithm)).await.unwrap();
            version += 1;
            federation.declare(number..number + 1).await;
            number += 1;
        }
    }
    federation.converged(version).await;
    federation.declare(number..number + 2).await;
    number += 2;
    let (delivered, refused) = federation.drained().await;
    assert_eq!(refused, 0);
    assert_eq!(usize::try_from(delivered).unwrap(), federation.arrived().await, "each letter arrived once");
    let rotated = federation.view(federation.gb()).await;
    for purpose in ["sign", "enc", "log", "witness", "tls"] {
        assert_ne!(in_use(&first, "NTA.GB", purpose), in_use(&rotated, "NTA.GB", purpose), "{purpose}");
    }

    federation.the_first_letter_is_proved().await;

    // The rotated signing key turns out to be stolen. Its owner alone revokes it, at once.
    let stolen = in_use(&rotated, "NTA.GB", "sign");
    federation.gb().rotate_key(rotation("sign", None)).await.unwrap();
    federation.converged(version + 1).await;
    federation.declare(number..number + 2).await;
    let order =
        RevocationOrder { key: stolen.clone(), effective_position: None, reason: "compromised".into() };
    let progress = federation.gb().revoke_key(order).await.unwrap();
    assert_eq!(progress[AGREEMENT], Progress::InForce { version: version + 2 });
    federation.converged(version + 2).await;
    federation.declare(number + 2..number + 4).await;
    let (delivered, refused) = federation.drained().await;
    assert_eq!(refused, 0);
    assert_eq!(usize::try_from(delivered).unwrap(), federation.arrived().await);
    federation.the_first_letter_is_proved().await;
    for node in &federation.nodes {
        let view = federation.view(node).await;
        let key = view.keys.iter().find(|key| key.key == stolen).unwrap();
        assert_eq!((key.state, key.in_use), ("revoked", false));
    }
}

fn waits(progress: &std::collections::BTreeMap<String, Progress>, version: u64) -> String {
    match &progress[AGREEMENT] {
        Progress::Waiting { version: found, because } if *found == version => because.clone(),
        other => panic!("version {version} should wait, it is {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_order_while_a_partner_is_away_follows_the_first_one() {
    let mut federation = Federation::open().await;
    federation.found_with(3).await;
    let first = federation.view(federation.gb()).await;
    federation.closes(2).await;
    let because = waits(&federation.gb().rotate_key(rotation("sign", None)).await.unwrap(), 2);
    assert!(because.contains("NTA.IT"), "{because}");
    let because = waits(&federation.gb().rotate_key(rotation("enc", None)).await.unwrap(), 2);
    assert!(because.contains("NTA.IT"), "{because}");
    // A revocation waits for nobody, and what waits is made again on top of it.
    let witness = in_use(&first, "NTA.GB", "witness");
    federation.gb().rotate_key(rotation("witness", None)).await.unwrap();
    let order =
        RevocationOrder { key: witness.clone(), effective_position: None, reason: "superseded".into() };
    let progress = federation.gb().revoke_key(order).await.unwrap();
    assert_eq!(progress[AGREEMENT], Progress::InForce { version: 2 });
    federation.opens(2).await;
    federation.converged(3).await;
    patiently(|| async {
        let view = federation.view(federation.gb()).await;
        let rotated = |purpose: &str| {
            let of = |key: &&node::KeyView| key.administration == "NTA.GB" && key.purpose == purpose;
            view.keys.iter().filter(of).any(|key| key.in_use && key.key != in_use(&first, "NTA.GB", purpose))
        };
        view.proposed.is_none() && ["sign", "enc", "witness"].into_iter().all(rotated)
    })
    .await;
    let view = federation.view(federation.gb()).await;
    let revoked = view.keys.iter().find(|key| key.key == witness).unwrap();
    assert_eq!(revoked.state, "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_suspended_a_partner_approves_its_revocations_by_itself_and_nothing_else() {
    let federation = Federation::open().await;
    let threshold = node::Threshold { change: 3, revocation: 3 };
    federation.gb().found_register(AGREEMENT, Some(threshold)).await.unwrap();
    federation.converged(1).await;
    let witness = in_use(&federation.view(federation.gb()).await, "NTA.GB", "witness");
    federation.gb().rotate_key(rotation("witness", None)).await.unwrap();
    federation.converged(2).await;

    let (britain, france) = (Administration::of(Country::parse("GB").unwrap()), &federation.nodes[1]);
    assert!(france.suspend_partner(&britain, "a break-in", "keeper").await.unwrap());
    // That a partner withdraws a key can only help.
    let order = RevocationOrder { key: witness, effective_position: None, reason: "compromised".into() };
    federation.gb().revoke_key(order).await.unwrap();
    federation.converged(3).await;
    // A new key of it may be the intruder's.
    let because = waits(&federation.gb().rotate_key(rotation("sign", None)).await.unwrap(), 4);
    assert!(because.contains("NTA.FR") && because.contains("suspended"), "{because}");
    federation.gb().look_after_registers().await.unwrap();
    assert_eq!(federation.view(france).await.version, 3);
    assert!(france.resume_partner(&britain, "keeper").await.unwrap());
    federation.converged(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_orders_for_one_version_both_come_into_force() {
    let mut federation = Federation::open().await;
    federation.found_with(3).await;
    // Italy approves what France proposes; Great Britain, which would go first, hears of it when it proposes itself.
    federation.closes(0).await;
    waits(&federation.nodes[1].rotate_key(rotation("sign", None)).await.unwrap(), 2);
    waits(&federation.gb().rotate_key(rotation("sign", None)).await.unwrap(), 2);
    federation.opens(0).await;
    federation.converged(3).await;
    // And both at the same moment.
    let (gb, fr) = (federation.gb(), &federation.nodes[1]);
    let (ours, theirs) =
        tokio::join!(gb.rotate_key(rotation("enc", None)), fr.rotate_key(rotation("enc", None)));
    ours.unwrap();
    theirs.unwrap();
    federation.converged(5).await;
    for (node, name) in [(gb, "NTA.GB"), (fr, "NTA.FR")] {
        patiently(|| async { federation.view(node).await.proposed.is_none() }).await;
        let view = federation.view(node).await;
        let own = view.keys.iter().filter(|key| key.administration == name);
        let of = |purpose: &str| own.clone().filter(|key| key.purpose == purpose).count();
        assert_eq!((of("sign"), of("enc")), (2, 2), "{name}");
    }
}

/// While Great Britain is away nobody signs what all must sign: so whoever could have signed for France is not bound.
#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_is_away_binds_nobody_and_an_emergency_does_not_wait() {
    let mut federation = Federation::open().await;
    federation.found_with(3).await;
    let first = federation.view(federation.gb()).await;
    federation.closes(0).await;
    let because = waits(&federation.nodes[1].rotate_key(rotation("sign", None)).await.unwrap(), 2);
    assert!(because.contains("NTA.GB") && !because.contains("NTA.IT"), "{because}");
    let italy = Arc::clone(&federation.nodes[2]);
    waits(&italy.rotate_key(rotation("witness", None)).await.unwrap(), 2);
    let key = in_use(&first_of(&italy).await, "NTA.IT", "witness");
    let order = RevocationOrder { key: key.clone(), effective_position: None, reason: "compromised".into() };
    assert_eq!(italy.revoke_key(order).await.unwrap()[AGREEMENT], Progress::InForce { version: 2 });
    federation.opens(0).await;
    federation.converged(4).await;
    for node in &federation.nodes {
        patiently(|| async { federation.view(node).await.proposed.is_none() }).await;
        let view = federation.view(node).await;
        let of = |owner: &str, purpose: &str| {
            view.keys.iter().filter(|key| key.administration == owner && key.purpose == purpose).count()
        };
        assert_eq!((of("NTA.FR", "sign"), of("NTA.IT", "witness")), (2, 2));
        assert!(view.keys.iter().any(|entry| entry.key == key && entry.state == "revoked"));
    }
    assert_eq!(first.version, 1);
}

async fn first_of(node: &Arc<Node>) -> RegisterView {
    node.key_registers().await.unwrap().into_iter().next().expect("a register")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_federates_after_a_rotation_is_given_the_keys_in_use() {
    let federation = Federation::open_with(2).await;
    federation.register_guarantee().await;
    let (gb, it) = (federation.gb(), &federation.nodes[2]);
    gb.found_register(AGREEMENT, None).await.unwrap();
    let first = federation.view(gb).await;
    let old = in_use(&first, "NTA.GB", "sign");
    let order =
        || RevocationOrder { key: old.clone(), effective_position: None, reason: "compromised".into() };
    let refused = gb.revoke_key(order()).await.unwrap_err().to_string();
    assert!(refused.contains("rotate sign first"), "{refused}");
    for purpose in ["sign", "enc", "tls"] {
        gb.rotate_key(rotation(purpose, None)).await.unwrap();
    }
    gb.revoke_key(order()).await.unwrap();
    patiently(|| async {
        let view = federation.view(gb).await;
        view.version == 5 && view.behind.is_empty()
    })
    .await;

    let parties = ["GB", "IT"].map(|code| Administration::of(Country::parse(code).unwrap()));
    let text = node::model_agreement(&parties).unwrap().replace(AGREEMENT, "second-transit");
    let invitation = gb.invite(parties[1].clone(), &text, 7, "operator").await.unwrap();
    let fingerprint = invitation.fingerprint();
    let acceptance = it.accept_invitation(invitation, &fingerprint, "operator").await.unwrap();
    let fingerprint = acceptance.fingerprint();
    gb.take_acceptance(acceptance, &fingerprint, "operator").await.unwrap();

    let views = gb.key_registers().await.unwrap();
    let second = views.iter().find(|view| view.agreement == "second-transit").expect("the second register");
    let ours = second.keys.iter().filter(|key| key.administration == "NTA.GB");
    assert!(ours.clone().all(|key| key.in_use && key.state == "active" && key.key != old), "{second:?}");
    for purpose in ["sign", "enc", "tls"] {
        assert_ne!(in_use(&first, "NTA.GB", purpose), in_use(second, "NTA.GB", purpose), "{purpose}");
    }
    federation.declare(0..2).await;
    let (delivered, refused) = federation.drained().await;
    assert!(delivered >= 4 && refused == 0, "{delivered} delivered, {refused} refused");
    for node in &federation.nodes[1..] {
        let rows = node.messages(None, None, 0, 1000).await.unwrap();
        assert!(rows.iter().any(|row| row.direction == "received"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_is_shown_to_its_parties_and_orders_name_who_gave_them() {
    let federation = Federation::open().await;
    federation.found_with(2).await;
    let gb = federation.gb();
    let administration = |code| Administration::of(Country::parse(code).unwrap());
    let shown = gb.register_in_force(&administration("IT"), AGREEMENT).await.unwrap();
    assert!(shown.len() > 500, "a party reads it");
    let hidden = gb.register_in_force(&administration("DE"), AGREEMENT).await.unwrap();
    let absent = gb.register_in_force(&administration("DE"), "none-such").await.unwrap();
    assert_eq!(hidden, absent, "to others it is as if there were none");

    let threshold = Some(node::Threshold { change: 3, revocation: 1 });
    let order = KeyOrder::Found(AGREEMENT.into(), threshold);
    let refused = gb.order_keys(order, "olivia").await.unwrap_err().to_string();
    assert!(refused.contains("has a key register already, in which 2 must sign"), "{refused}");
    let device = Rotation { device: Some("elsewhere".into()), ..rotation("sign", None) };
    let refused = gb.order_keys(KeyOrder::Rotate(device), "olivia").await.unwrap_err().to_string();
    assert!(refused.contains("the configuration has no device `elsewhere`"), "{refused}");
    let module =
        r#"{"purpose": "sign", "device": {"module": "/tmp/x.so", "token": "t", "label": "l", "pin": "p"}}"#;
    assert!(serde_json::from_str::<Rotation>(module).is_err(), "a library cannot be named");
    gb.order_keys(KeyOrder::Renew(None), "olivia").await.unwrap();
    let orders = gb.key_orders().await.unwrap();
    let told: Vec<_> = orders.iter().map(|(_, words)| words.as_str()).collect();
    assert_eq!(
        told,
        [
            "olivia orders: renew all key registers",
            "olivia orders: rotate sign to the device `elsewhere`",
            "olivia orders: make the key register of common-transit"
        ]
    );
}

/// France has receipted a letter, its answer was lost, and the keys that signed it are revoked before the letter comes again.
#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_comes_again_after_a_revocation_is_receipted_under_the_new_key() {
    let federation = Federation::open().await;
    federation.found().await;
    let (gb, fr) = (federation.gb(), &federation.nodes[1]);
    let parties = ["GB", "FR", "IT"].map(|code| Administration::of(Country::parse(code).unwrap()));
    let agreement = agreements::Agreement::from_toml(&node::model_agreement(&parties).unwrap()).unwrap();
    let compiled = agreements::compile(&agreement).unwrap();
    let agreement = evidence::AgreementReference {
        id: AGREEMENT.to_owned(),
        version: compiled.agreement().version,
        hash: evidence::Digest(compiled.hash().0),
    };
    let own = federation.folder.join("GB/tidewaiter.toml");
    let config = Config::load(&own).unwrap();
    let identity = node::Identity::load(&config.resolve(&config.keys)).unwrap();
    let outsider = Outsider {
        keys: identity.keys,
        administration: parties[0].clone(),
        ..Outsider::new("NTA.GB", -9, 9)
    };
    let envelope = outsider.envelope(&fr.own_card(), &agreement, &outsider.keys.sign, |_| {}).envelope;
    let receive = || fr.receive(&parties[0], envelope.clone());
    let first = receive().await.unwrap();
    assert_eq!(receive().await.unwrap(), first, "the first answer again");
    // A key that was rotated changes nothing, nor does a revocation from a later position on.
    let view = federation.view(fr).await;
    let (stolen, stays) = (in_use(&view, "NTA.FR", "sign"), in_use(&view, "NTA.FR", "witness"));
    for purpose in ["sign", "witness"] {
        fr.rotate_key(rotation(purpose, None)).await.unwrap();
    }
    federation.converged(3).await;
    assert_eq!(receive().await.unwrap(), first);
    let revoke = |key: &str, effective_position| RevocationOrder {
        key: key.to_owned(),
        effective_position,
        reason: "compromised".into(),
    };
    fr.revoke_key(revoke(&stays, Some(0))).await.unwrap();
    assert_eq!(receive().await.unwrap(), first, "another key");
    fr.revoke_key(revoke(&stolen, Some(0))).await.unwrap();
    federation.converged(5).await;

    let register = gb.signed_register(AGREEMENT).await.unwrap().unwrap();
    let register = evidence::key_register::SignedRegister::read(&register).unwrap();
    let now = World::system().clock.now();
    let believed = |answer: &[u8]| exchange::verify_response(answer, &envelope, register.register(), now);
    assert!(believed(&first).is_err(), "its sender would wait for ever");
    let again = receive().await.unwrap();
    let first_card = node::PartnerCard::load(&federation.folder.join("FR/card.json")).unwrap().keys;
    let (Ok(exchange::Outcome::Acknowledged(was)), Ok(exchange::Outcome::Acknowledged(is))) =
        (exchange::verify_response(&first, &envelope, &[first_card], now), believed(&again))
    else {
        panic!("two acknowledgements")
    };
    assert_eq!(was.included.index, is.included.index, "the same entry");
    let (from, to) = (exchange::answered_at(&first).unwrap(), exchange::answered_at(&again).unwrap());
    assert!(from < to, "the first answer says when it came");
    assert_eq!(receive().await.unwrap(), again, "one answer from now on");
    // The first one is kept beside it.
    fr.close().await;
    let config = Config::load(&federation.folder.join("FR/tidewaiter.toml")).unwrap();
    let location = config.store_location().parse().unwrap();
    let store = store::Store::open(&location, store::Execution::WriterThread, node::MIGRATIONS).unwrap();
    let kept =
        store.write(|tx| -> Result<_, store::StoreError> { store::journal::after(tx, 0, 10_000) }).unwrap();
    let renewed: Vec<_> = kept.iter().filter(|entry| entry.kind == "Renewed").collect();
    assert_eq!(renewed.len(), 1);
    let content = renewed[0].content.as_ref().unwrap();
    assert_eq!((&content.body, &content.facts), (&first, &again));
    store.close();
}
