//! Two real nodes in one process, and everything that is left of a case outside the sender's own database.

use crate::declaration::Declared;
use crate::rules::{Rules, TYPES};
use agreements::DecisionPoint;
use base::{Administration, Currency, GuaranteeType, Money, Timestamp};
use exchange::{Assessment, InboxView};
use node::{
    Clock, Delivery, Entropy, GuaranteeRegistration, NewDocument, Node, Principal, Release, Role, Transport,
    TransportError, World,
};
use sim::{BEGINNING, Dice, Member};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{StoreError, Tx, Value};
use tracing_subscriber::fmt::MakeWriter;

/// What is left of a case.
#[derive(Default)]
pub struct Kept {
    outside: Vec<(String, Vec<u8>)>,
    received: Vec<(String, wire::Document)>,
}

impl Kept {
    /// Every byte outside the sender's own database, by its place.
    pub fn outside(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.outside.iter().map(|(place, bytes)| (place.as_str(), bytes.as_slice()))
    }

    /// Whether a value arrived.
    pub fn arrived(&self, value: &str) -> bool {
        let opened = self.outside().filter(|(place, _)| place.starts_with("an opened letter"));
        opened
            .into_iter()
            .any(|(_, bytes)| bytes.windows(value.len()).any(|window| window == value.as_bytes()))
    }

    /// The records of departure that the recipient has.
    pub fn received(&self) -> Vec<(String, wire::Document)> {
        self.received.clone()
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        BEGINNING
    }
}

struct Drawn(Mutex<Dice>);

impl Entropy for Drawn {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill(bytes);
    }
}

/// Takes letters from node to node by calling it, and keeps all that passes.
#[derive(Default)]
struct Wire {
    nodes: Mutex<BTreeMap<Administration, Arc<Node>>>,
    passed: Mutex<Vec<(String, Vec<u8>)>>,
}

struct End {
    own: Administration,
    wire: Arc<Wire>,
}

impl Transport for End {
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: node::Bytes) -> Delivery<'a> {
        Box::pin(async move {
            let node = self.wire.nodes.lock().unwrap().get(partner).cloned();
            let node = node.ok_or_else(|| TransportError::Unreachable(partner.clone(), "down".to_owned()))?;
            self.wire.passed.lock().unwrap().push((format!("a letter to {partner}"), envelope.to_vec()));
            let answer = node.receive(&self.own, envelope.into()).await.map_err(|error| {
                self.wire
                    .passed
                    .lock()
                    .unwrap()
                    .push(("an error".to_owned(), error.to_string().into_bytes()));
                TransportError::Unreachable(partner.clone(), error.to_string())
            })?;
            self.wire.passed.lock().unwrap().push((format!("an answer of {partner}"), answer.clone()));
            Ok(answer)
        })
    }
}

/// Collects what is logged, at every level.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// An administration with an empty disk of its own.
fn side(seed: u64, country: &str) -> Member {
    let administration = Administration::parse(&format!("NTA.{country}")).unwrap();
    let disk = format!("leaks-{country}-{:?}-{seed}", std::thread::current().id());
    Member::new(administration, &disk, Release::Automatic, &mut Dice::of(seed, country)).unwrap()
}

/// The node of an administration.
fn node(own: &Member, seed: u64, rules: &Rules, partner: &Member, wire: &Arc<Wire>) -> Arc<Node> {
    // The law of an administration is its own affair: the partner never sees it.
    let overlays = rules.overlays.iter().filter(|law| law.administration == own.administration).cloned();
    let decision_point = DecisionPoint::new(vec![rules.agreement.clone()], overlays.collect()).unwrap();
    let dice = Dice::of(seed, &format!("entropy of {}", own.administration));
    let world = World { clock: Arc::new(Still), entropy: Arc::new(Drawn(Mutex::new(dice))) };
    let end = End { own: own.administration.clone(), wire: Arc::clone(wire) };
    let store = own.store().unwrap();
    let node =
        own.node(store, std::iter::once(partner), Arc::new(decision_point), world, Arc::new(end)).unwrap();
    wire.nodes.lock().unwrap().insert(own.administration.clone(), Arc::clone(&node));
    node
}

/// Plays one case: Great Britain accepts and releases the declaration, and tells France what the rules let it.
pub fn play(seed: u64, rules: &Rules, declared: &Declared) -> Kept {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(lines.clone())
        .without_time()
        .finish();
    let (gb, fr) = (side(seed, "GB"), side(seed, "FR"));
    let wire = Arc::new(Wire::default());
    let mut kept = Kept::default();
    tracing::subscriber::with_default(subscriber, || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let sender = node(&gb, seed, rules, &fr, &wire);
            let recipient = node(&fr, seed, rules, &gb, &wire);
            exchange_all(&sender, &recipient, declared, &mut kept).await;
        });
    });
    wire.nodes.lock().unwrap().clear();
    kept.outside.append(&mut wire.passed.lock().unwrap());
    kept.outside.push(("a log line".to_owned(), std::mem::take(&mut lines.0.lock().unwrap())));
    keep_opened(&gb, &fr, &mut kept);
    keep_tables(&gb, &fr, &mut kept);
    kept
}

async fn exchange_all(sender: &Arc<Node>, recipient: &Arc<Node>, declared: &Declared, kept: &mut Kept) {
    for node in [sender, recipient] {
        drop(Arc::clone(node).start_workers(std::future::pending()));
    }
    let officer = Principal { name: "officer".to_owned(), role: Role::Officer };
    let registration = GuaranteeRegistration {
        grn: declared.grn.clone(),
        kind: GuaranteeType::parse("1").unwrap(),
        holders: [base::Eori::parse("GB205672212000").unwrap()].into(),
        access_code: base::AccessCode::parse("SI01").unwrap(),
        reference_amount: Money::from_minor(1_000_000_000, Currency::EUR).unwrap(),
        percentage: 100,
        valid_from: Some(BEGINNING.date().plus_days(-1)),
        valid_until: None,
        not_valid_in: std::collections::BTreeSet::new(),
        office: None,
    };
    assert!(sender.register_guarantee(&officer, registration).await.unwrap().accepted);
    let trader = Principal { name: "trader".to_owned(), role: Role::Trader };
    match sender.submit(&trader, declared.xml.clone()).await {
        Ok(submission) => {
            let errors: Vec<String> =
                submission.errors.iter().map(|error| format!("{} {}", error.pointer, error.reason)).collect();
            assert!(errors.is_empty(), "the declaration was rejected: {errors:?}");
        }
        Err(error) => kept.outside.push(("an error".to_owned(), error.to_string().into_bytes())),
    }
    let new = NewDocument {
        recipient: recipient.administration().clone(),
        subject: "CASE-1".to_owned(),
        purpose: node::default_purpose().unwrap(),
        lane: node::Lane::Normal,
        expires_seconds: 3600,
        document: declared.document.clone(),
    };
    if let Err(refused) = sender.send_document(&officer, new).await.unwrap() {
        kept.outside.push(("an error".to_owned(), refused.to_string().into_bytes()));
    }
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if sender.partners().await.unwrap().iter().all(|partner| partner.queued == 0) {
            break;
        }
    }
    // The last checkpoint is signed within a second.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for (side, node) in [("sender", sender), ("recipient", recipient)] {
        kept.outside.push((format!("a metric of the {side}"), node.metrics().await.unwrap().into_bytes()));
    }
}

/// What the recipient knows of the sender.
struct Known<'a>(&'a Member, exchange::AgreementStanding);
impl exchange::Register for Known<'_> {
    fn cards(&self, administration: &Administration) -> Vec<evidence::PublicKeys> {
        (*administration == self.0.administration).then(|| self.0.card.clone()).into_iter().collect()
    }

    fn agreement(&self, _: &str, _: u32) -> Option<exchange::AgreementStanding> {
        Some(self.1.clone())
    }
}

/// Opens what passed, as the recipient does.
fn keep_opened(gb: &Member, fr: &Member, kept: &mut Kept) {
    let mut opened = Vec::new();
    for (place, envelope) in &kept.outside {
        if !place.starts_with("a letter to") {
            continue;
        }
        let Ok(incoming) = exchange::read_statement(envelope) else { continue };
        let manifest = incoming.manifest().clone();
        let standing = exchange::AgreementStanding {
            hash: manifest.agreement.hash,
            parties: [gb.administration.clone(), fr.administration.clone()].into(),
            from: BEGINNING.plus_seconds(-1),
            until: None,
        };
        let keys = fr.keys.keys().unwrap();
        let receiver = exchange::Receiver {
            administration: &fr.administration,
            keys: &keys,
            environment: exchange::Environment::Production,
            fields: node::fields_of,
        };
        let inbox = InboxView { found: None, expected_sequence: manifest.sequence };
        let arrival = exchange::Arrival { peer: &gb.administration, inbox: &inbox, now: BEGINNING };
        let assessment = exchange::assess(&incoming, &receiver, &Known(gb, standing), &arrival).unwrap();
        let Assessment::New(message) = assessment else { panic!("{assessment:?}") };
        for part in message.parts {
            if let Ok(document) = wire::read(&part.content, &wire::Limits::default())
                && TYPES.contains(&document.message().as_str())
            {
                kept.received.push((document.message().as_str().to_owned(), document));
            }
            opened.push(("an opened letter".to_owned(), part.content));
        }
    }
    kept.outside.extend(opened);
}

/// Every cell of the recipient's database, and the tables of the sender's that others see.
fn keep_tables(gb: &Member, fr: &Member, kept: &mut Kept) {
    let tables = |tx: &mut dyn Tx| -> Result<Vec<String>, StoreError> {
        let rows = tx.query("select name from sqlite_master where type = 'table'", &[])?;
        rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
    };
    fr.disk.crash();
    let store = fr.store().unwrap();
    store
        .read(|tx| -> Result<(), StoreError> {
            for table in tables(tx)? {
                dump(tx, "recipient", &table, "*", kept)?;
            }
            Ok(())
        })
        .unwrap();
    gb.disk.crash();
    let store = gb.store().unwrap();
    store
        .read(|tx| -> Result<(), StoreError> {
            // What its log shows to anyone, and to its witnesses.
            let public =
                |table: &&String| ["log", "tile", "witness"].iter().any(|name| table.starts_with(name));
            for table in tables(tx)?.iter().filter(public) {
                dump(tx, "sender", table, "*", kept)?;
            }
            dump(tx, "sender", "outbox_envelope", "envelope", kept)?;
            dump(tx, "sender", "outbox", "receipt, channel, message_type, clause, purpose, reason", kept)
        })
        .unwrap();
}

fn dump(tx: &mut dyn Tx, side: &str, table: &str, columns: &str, kept: &mut Kept) -> Result<(), StoreError> {
    let rows = tx.query(&format!("select {columns} from \"{table}\""), &[])?;
    for row in &rows {
        let mut cells = Vec::new();
        for column in 0..row.width() {
            match row.value(column)? {
                Value::Text(text) => cells.extend(text.as_bytes()),
                Value::Bytes(bytes) => cells.extend(bytes),
                Value::Int(_) | Value::Real(_) | Value::Null => {}
            }
            // Cells do not run into each other.
            cells.push(b'\n');
        }
        kept.outside.push((format!("the {side}'s table {table}"), cells));
    }
    Ok(())
}
