//! What is wrong with a partner's message is answered by CD906C or CD917C, once, and what came is on record.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use base::{Administration, Country, Digest, MessageId};
use evidence::{AgreementReference, Channel};
use exchange::{OutgoingLetter, OutgoingPart, Sender};
use node::{
    Config, Delivery, Identity, MessageRow, Node, PartnerCard, Prepared, Principal, Role, Transport,
    TransportError, World,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use support::{corridor, data, declarations, schema};
use wire::{Document, Limits};

/// Takes what a node sends, and delivers nothing.
#[derive(Default)]
struct Kept(Mutex<Vec<Vec<u8>>>);

impl Transport for Kept {
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: node::Bytes) -> Delivery<'a> {
        self.0.lock().unwrap().push(envelope.to_vec());
        Box::pin(async move { Err(TransportError::Unreachable(partner.clone(), "it is away".to_owned())) })
    }
}

fn administration(country: &str) -> Administration {
    Administration::of(Country::parse(country).unwrap())
}

/// A node of Great Britain, and the papers of its partners France and Italy, in whose names messages are made.
struct Bench {
    node: Arc<Node>,
    agreement: AgreementReference,
    partners: Vec<(Administration, Prepared, u64)>,
    card: PartnerCard,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let parties = ["GB", "FR", "IT"].map(administration);
        let unused = SocketAddr::from(([127, 0, 0, 1], 0));
        let own = |party: &Administration| folder.path().join(party.country().as_str());
        let mut prepared: Vec<Prepared> =
            parties.iter().map(|party| support::prepare(own(party), party, unused)).collect();
        for one in &prepared {
            let others =
                prepared.iter().filter(|other| other.card != one.card).map(|other| other.card.clone());
            node::join_corridor(&one.config, others.collect(), &parties).unwrap();
        }
        let own = prepared.remove(0);
        let config = Config::load(&own.config).unwrap();
        let text = std::fs::read_to_string(config.resolve(&config.agreements[0])).unwrap();
        let node = Node::open_with(config, World::system(), Arc::new(Kept::default())).await.unwrap();
        let agreement = agreements::compile(&agreements::Agreement::from_toml(&text).unwrap()).unwrap();
        let agreement = AgreementReference {
            id: agreement.agreement().id.to_string(),
            version: agreement.agreement().version,
            hash: Digest(agreement.hash().0),
        };
        let partners =
            parties.into_iter().skip(1).zip(prepared).map(|(party, own)| (party, own, 0)).collect();
        Self { node, agreement, partners, card: PartnerCard::load(&own.card).unwrap(), _folder: folder }
    }

    /// A partner sends a content under a clause, in a channel of its own.
    async fn send(&mut self, from: &str, clause: &str, purpose: &str, content: &[u8]) {
        let world = World::system();
        let now = world.clock.now();
        let (party, own, sent) =
            self.partners.iter_mut().find(|(party, ..)| party.country().as_str() == from).unwrap();
        *sent += 1;
        let identity = Identity::load(&own.config.with_file_name("keys.json")).unwrap();
        let letter = OutgoingLetter {
            message_id: MessageId::new(now, world.random()),
            channel: Channel::new(party.clone(), administration("GB"), &format!("test-{sent}")).unwrap(),
            sequence: 1,
            agreement: self.agreement.clone(),
            clause: clause.to_owned(),
            purpose: purpose.to_owned(),
            created: now,
            expires: now.plus_seconds(3600),
            exercise: false,
            parts: vec![OutgoingPart {
                name: "message".to_owned(),
                media_type: "application/xml".to_owned(),
                content: content.to_vec(),
                fields: Vec::new(),
            }],
        };
        let sender = Sender { administration: party, sign: &identity.keys.sign };
        let random = &mut |bytes: &mut [u8]| world.entropy.fill(bytes);
        let prepared = exchange::prepare(&letter, &sender, &self.card.keys, random).unwrap();
        let party = party.clone();
        let answer = self.node.receive(&party, prepared.envelope.clone()).await.unwrap();
        let outcome = exchange::verify_response(
            &answer,
            &prepared.envelope,
            std::slice::from_ref(&self.card.keys),
            now,
        );
        assert!(matches!(outcome, Ok(exchange::Outcome::Acknowledged(_))), "{outcome:?}");
        // A repeat brings the same answer and nothing else.
        assert_eq!(self.node.receive(&party, prepared.envelope).await.unwrap(), answer);
    }

    async fn rows(&self) -> Vec<MessageRow> {
        self.node.messages(None, None, 0, node::PAGE_LIMIT).await.unwrap()
    }

    /// What the node has answered to the last message: type, errors. Checks the record and the schema.
    async fn answer(&self, content: &[u8]) -> Vec<String> {
        let rows = self.rows().await;
        let received = rows.iter().rposition(|row| row.direction == "received").unwrap();
        assert_eq!(rows[received].outcome, "rejected");
        let (_, _, body) = self.node.message(rows[received].id).await.unwrap().unwrap();
        assert!(body == content, "the message is on record as it came");
        let mut answers = Vec::new();
        for row in &rows[received + 1..] {
            let (_, _, body) = self.node.message(row.id).await.unwrap().unwrap();
            assert_valid(&row.message_type, &body);
            assert_eq!(
                (row.to_party.as_str(), row.outcome.as_str()),
                (rows[received].from_party.as_str(), "queued")
            );
            answers.push(errors(&wire::read(&body, &Limits::default()).unwrap()));
        }
        answers
    }
}

fn errors(answer: &Document) -> String {
    let mut words = answer.message().as_str().to_owned();
    for name in ["FunctionalError", "XMLError"] {
        for error in answer.groups(name) {
            let field = |name: &str| error.text(name).unwrap_or("-").to_owned();
            words += &format!(" {} at {}", field("errorCode"), field("errorPointer"));
        }
    }
    words
}

fn assert_valid(message: &str, xml: &[u8]) {
    let Some(data) = data() else { return };
    if schema::has_xmllint() {
        assert_eq!(schema::objections_to(&data, message, xml), [] as [String; 0]);
    }
}

/// The messages of a run from Leeds to Turin, by type.
fn originals() -> BTreeMap<String, Document> {
    let run = corridor::run(&[declarations::SHIPPED.into()], &[]);
    let read = |file: &Path| wire::read(&std::fs::read(file).unwrap(), &Limits::default()).unwrap();
    run.files.iter().map(|(kind, file)| (kind.clone(), read(file))).collect()
}

/// A movement that nobody knows.
fn unknown() -> String {
    let mrn = base::Mrn::parse("26GB00008700ZZZZJ0").unwrap();
    format!("{}{}", &mrn.as_str()[..17], mrn.expected_check_digit())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_about_an_unknown_movement_is_refused_with_90() {
    let originals = originals();
    let mut bench = Bench::open().await;
    let cases = [
        ("CD118C", "FR", "transit.passage", "transit_control"),
        ("CD006C", "IT", "transit.arrival", "transit_control"),
        ("CD018C", "IT", "transit.control-results", "transit_control"),
        ("CD205C", "FR", "guarantee.use", "guarantee_management"),
    ];
    let mut answers = Vec::new();
    for (number, (kind, from, clause, purpose)) in cases.into_iter().enumerate() {
        let mut message = originals[kind].clone();
        message.set("TransitOperation/MRN", unknown());
        message.set("messageSender", administration(from));
        message.set("messageIdentification", format!("{from}{number:012}"));
        if kind == "CD205C" {
            message.set(
                "Guarantee/GuaranteeReference/GRN",
                base::Grn::issue(2026, Country::parse("FR").unwrap(), "3001").unwrap(),
            );
        }
        let content = declarations::xml(&message);
        bench.send(from, clause, purpose, &content).await;
        answers.extend(bench.answer(&content).await);
    }
    insta::assert_snapshot!(
        answers.join("\n"),
        @r"
    CD906C 90 at /CD118C/TransitOperation/MRN[.='26GB00008700ZZZZJ9']
    CD906C 90 at /CD006C/TransitOperation/MRN[.='26GB00008700ZZZZJ9']
    CD906C 90 at /CD018C/TransitOperation/MRN[.='26GB00008700ZZZZJ9']
    CD906C 90 at /CD205C/TransitOperation/MRN[.='26GB00008700ZZZZJ9']
    "
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_check_digit_is_refused_with_93_and_an_early_message_with_92() {
    let originals = originals();
    let mut bench = Bench::open().await;
    let trader = Principal { name: "trader".to_owned(), role: Role::Trader };
    let declared =
        bench.node.submit(&trader, declarations::xml(&declarations::declaration(1))).await.unwrap();
    assert!(declared.accepted, "{declared:?}");
    let wrong = format!("{}{}", &unknown()[..17], 0);
    assert_ne!(wrong, unknown());
    let mut answers = Vec::new();
    for (number, mrn) in [wrong, declared.movement].into_iter().enumerate() {
        let mut message = originals["CD118C"].clone();
        message.set("TransitOperation/MRN", mrn);
        message.set("messageIdentification", format!("FR{number:012}"));
        let content = declarations::xml(&message);
        bench.send("FR", "transit.passage", "transit_control", &content).await;
        answers.extend(bench.answer(&content).await);
    }
    insta::assert_snapshot!(
        answers.join("\n"),
        @r"
    CD906C 93 at /CD118C/TransitOperation/MRN[.='26GB00008700ZZZZJ0']
    CD906C 92 at /CD118C
    "
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_answered_with_917() {
    let mut bench = Bench::open().await;
    let mut answers = Vec::new();
    for content in ["", "no XML", "<ncts:CD118C xmlns:ncts=\"http://ncts.dgtaxud.ec\">"] {
        bench.send("FR", "transit.passage", "transit_control", content.as_bytes()).await;
        answers.extend(bench.answer(content.as_bytes()).await);
    }
    insta::assert_snapshot!(
        answers.join("\n"),
        @r"
    CD917C 52 at /
    CD917C 52 at /
    CD917C 52 at /CD118C
    "
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_say_it_is_refused() {
    let originals = originals();
    let mut bench = Bench::open().await;
    let mut message = originals["CD118C"].clone();
    message.set("messageSender", administration("IT"));
    message.set("messageIdentification", "IT000000000001");
    let content = declarations::xml(&message);
    bench.send("IT", "transit.passage", "transit_control", &content).await;
    insta::assert_snapshot!(
        bench.answer(&content).await.join("\n"),
        @"CD906C 14 at /CD118C/CustomsOfficeOfTransitActual/referenceNumber"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_never_refused() {
    let mut bench = Bench::open().await;
    let mut refusal = Document::new(wire::MessageType::CD906C);
    refusal.set("messageSender", administration("FR"));
    refusal.set("messageRecipient", administration("GB"));
    refusal.set("preparationDateAndTime", "2026-11-24T06:30:00");
    refusal.set("messageIdentification", "FR000000000001");
    refusal.set("messageType", "CD906C");
    refusal.set("Header/MRN", unknown());
    let error = refusal.add("FunctionalError");
    error.set("errorPointer", "/CD050C/TransitOperation/MRN");
    error.set("errorCode", "90");
    error.set("errorReason", "R0028");
    let content = declarations::xml(&refusal);
    bench.send("FR", "exchange.errors", "error_handling", &content).await;
    let malformed = String::from_utf8(content).unwrap().replace("<errorCode>90</errorCode>", "");
    bench.send("FR", "exchange.errors", "error_handling", malformed.as_bytes()).await;
    let rows = bench.rows().await;
    assert_eq!(rows.iter().map(|row| row.direction.as_str()).collect::<Vec<_>>(), ["received", "received"]);
}
