//! What is wrong with a trader's message is answered by a message of its own, and what came is on record.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use base::Mrn;
use std::fmt::Write;
use support::service::{Answer, Service, set_up};
use support::{data, declarations, schema, traders};
use wire::{Document, Limits};

/// A node of Great Britain with a guarantee for our trader.
struct Gate {
    node: Service,
    _folder: tempfile::TempDir,
}

impl Gate {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let node = Service::start(set_up(&folder.path().join("gb")));
        node.register_guarantee();
        Self { node, _folder: folder }
    }

    /// The movement of a declaration that is accepted.
    fn accepted(&self, declaration: &Document) -> Mrn {
        let answer = self.node.submit(&declarations::xml(declaration));
        assert_eq!(answer.status, 202, "{}", answer.text());
        Mrn::parse(answer.json()["movement"].as_str().unwrap()).unwrap()
    }

    /// Submits what has to be rejected; says how, one line an error.
    fn rejected(&self, xml: &[u8]) -> String {
        let answer = self.node.submit(xml);
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert_eq!(answer.media_type, "application/problem+json");
        let problem = answer.json();
        assert_eq!(problem["type"], "urn:tidewaiter:problem:message-rejected");
        self.assert_on_record(problem["message"].as_i64().unwrap(), xml);
        let replies = problem["replies"].as_array().unwrap();
        assert_eq!(replies.len(), 1, "{problem}");
        let kind = replies[0]["type"].as_str().unwrap();
        let reply = self.message(replies[0]["id"].as_i64().unwrap());
        assert_valid(kind, &reply.body);
        let reply = wire::read(&reply.body, &Limits::default()).expect("the answer is valid");
        assert_eq!(reply.message().as_str(), kind);
        said(&reply)
    }

    fn message(&self, id: i64) -> Answer {
        let message = self.node.get(&self.node.secrets.trader, &format!("/api/v1/messages/{id}"));
        assert_eq!((message.status, message.media_type.as_str()), (200, "application/xml"));
        message
    }

    fn assert_on_record(&self, id: i64, xml: &[u8]) {
        let list =
            self.node.get(&self.node.secrets.trader, &format!("/api/v1/messages?after={}&limit=1", id - 1));
        let list = list.json();
        let row = &list["messages"][0];
        assert_eq!((row["id"].as_i64(), row["direction"].as_str()), (Some(id), Some("received")));
        assert_eq!(row["outcome"], "rejected");
        assert!(self.message(id).body == xml, "the message is on record as it came");
    }
}

/// What an answer says is wrong.
fn said(answer: &Document) -> String {
    let kind = answer.message();
    let mut said = String::new();
    for name in ["XMLError", "FunctionalError"] {
        for error in answer.groups(name) {
            let [code, place] = ["errorCode", "errorPointer"].map(|name| error.text(name).unwrap_or("-"));
            let reason = error.text("errorReason").or(error.text("errorText")).unwrap_or("-");
            let value = error.text("originalAttributeValue").map(|value| format!(", found `{value}`"));
            writeln!(said, "{kind} {code} at {place}: {reason}{}", value.unwrap_or_default()).unwrap();
        }
    }
    said
}

fn assert_valid(message: &str, xml: &[u8]) {
    let Some(data) = data() else { return };
    if schema::has_xmllint() {
        assert_eq!(schema::objections_to(&data, message, xml), [] as [String; 0]);
    }
}

/// The declaration as text, for damage.
fn text() -> String {
    String::from_utf8(declarations::xml(&declarations::declaration(1))).unwrap()
}

#[test]
fn what_is_no_message_is_answered_by_its_first_faults() {
    let gate = Gate::open();
    let bomb = "<!DOCTYPE CC015C [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>";
    let deep = format!("{}{}", "<a>".repeat(1000), "</a>".repeat(1000));
    let long = format!("<LRN>{}</LRN>", "L".repeat(2 * 1024 * 1024));
    let head = text().split_once("<ncts:").map(|(head, _)| head.to_owned()).unwrap();
    let cases = [
        ("nothing", String::new()),
        ("no XML", "UNB+UNOC:3+GB205672212000".to_owned()),
        ("cut off", text()[..900].to_owned()),
        ("a tag that is not closed", text().replace("</TransitOperation>", "")),
        ("a document type with entities", text().replace(&head, bomb)),
        ("elements without end", deep),
        ("a text without end", text().replace("<LRN>LEEDS-TEST-000001</LRN>", &long)),
        ("another namespace", text().replace("http://ncts.dgtaxud.ec", "http://example.org")),
        ("an unknown root", text().replace("CC015C", "CC999C")),
        ("an element left out", text().replace("<declarationType>T1</declarationType>", "")),
        ("an element too many", text().replace("<LRN>", "<MRN>26GB000087000001J5</MRN><LRN>")),
        ("a value out of shape", text().replace("<security>0", "<security>ten")),
        ("a message of customs", text().replace("CC015C", "CC029C")),
    ];
    let mut outcome = String::new();
    let deepest = "/a".repeat(256);
    for (name, xml) in cases {
        let said = gate.rejected(xml.as_bytes());
        let first: Vec<&str> = said.lines().take(2).collect();
        let first = first.join("\n    ").replace(&deepest, "/a/../a");
        writeln!(outcome, "{name}\n    {first}").unwrap();
    }
    insta::assert_snapshot!("structure", outcome);
}

#[test]
fn what_does_not_fit_its_movement_is_answered_by_the_rule_that_it_breaks() {
    let gate = Gate::open();
    let released = gate.accepted(&declarations::domestic(1));
    let unknown = Mrn::parse("26GB00008700ZZZZJ6").unwrap();
    let digit = unknown.expected_check_digit();
    let unknown = format!("{}{digit}", &unknown.as_str()[..17]);
    let wrong = format!("{}{}", &unknown[..17], (digit.to_string().parse::<u8>().unwrap() + 1) % 10);
    let mut elsewhere = declarations::declaration(3);
    elsewhere.set("messageRecipient", "NTA.FR");
    let lrn = declarations::lrn;
    let first = traders::arrival("C1", released.as_str(), "GB000060");
    let cases = [
        ("for another administration", elsewhere),
        ("an LRN that is in use", with_identification(declarations::domestic(1), "D1")),
        ("an invalidation of what is released", traders::invalidation("I1", released.as_str())),
        ("an invalidation of what is unknown", traders::invalidation("I2", &unknown)),
        ("an invalidation under an unknown LRN", traders::invalidation_of_lrn("I3", "NOWHERE")),
        ("a presentation of what is released", traders::presentation("P1", &lrn(1))),
        ("a presentation under an unknown LRN", traders::presentation("P2", "NOWHERE")),
        ("unloading remarks before arrival", traders::unloading_remarks("U1", released.as_str())),
        ("unloading remarks on what is unknown", traders::unloading_remarks("U2", &unknown)),
        ("an arrival of what is unknown", traders::arrival("A1", &unknown, "GB000060")),
        ("an arrival with a wrong check digit", traders::arrival("A2", &wrong, "GB000060")),
        ("an arrival at another office", traders::arrival("A3", released.as_str(), "GB000087")),
    ];
    let mut outcome = String::new();
    for (name, message) in cases {
        let said = gate.rejected(&declarations::xml(&message));
        writeln!(outcome, "{name}\n    {}", said.trim_end().replace('\n', "\n    ")).unwrap();
    }
    // An arrival is notified once.
    assert_eq!(gate.node.submit(&declarations::xml(&first)).status, 202);
    let said = gate.rejected(&declarations::xml(&traders::arrival("A4", released.as_str(), "GB000060")));
    writeln!(outcome, "a second arrival\n    {}", said.trim_end()).unwrap();
    let outcome = outcome.replace(released.as_str(), "MRN");
    insta::assert_snapshot!("sequence", outcome);
}

fn with_identification(mut document: Document, identification: &str) -> Document {
    document.set("messageIdentification", identification);
    document
}

#[test]
fn a_message_said_twice_has_one_effect_and_one_answer() {
    let gate = Gate::open();
    let declaration = declarations::xml(&declarations::domestic(1));
    let first = gate.node.submit(&declaration).json();
    let again = gate.node.submit(&declaration);
    assert_eq!((again.status, again.json()), (202, first.clone()));
    let other = with_identification(declarations::domestic(2), "TEST-000001");
    let said = gate.rejected(&declarations::xml(&other));
    insta::assert_snapshot!(said, @"CC056C 26 at /CC015C/messageIdentification: R0008, found `TEST-000001`");
    // A rejection is repeated as well.
    let rejected = declarations::xml(&traders::presentation("P1", "NOWHERE"));
    let (first, again) = (gate.node.submit(&rejected), gate.node.submit(&rejected));
    assert_eq!((first.status, first.json()), (again.status, again.json()));
    let rows = gate.node.get(&gate.node.secrets.trader, "/api/v1/movements").json();
    let movements = rows["movements"].as_array().unwrap().iter();
    assert_eq!(movements.filter(|row| row["room"] == "departure").count(), 1);
}

#[test]
fn a_body_beyond_the_limit_is_not_taken() {
    let gate = Gate::open();
    let answer = gate.node.submit(&vec![b' '; 32 * 1024 * 1024 + 1]);
    assert_eq!((answer.status, answer.media_type.as_str()), (413, "application/problem+json"));
    assert_eq!(gate.node.submit(&declarations::xml(&declarations::domestic(1))).status, 202);
}
