//! Evidence from the node to the court: exported, verified and taken apart by the command line alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use node::{Config, MessageRow, Node, World};
use std::path::{Path, PathBuf};
use support::{declarations, tidewaiter};

/// The nodes of a corridor that has ended: a movement from Great Britain through France to Italy.
struct Corridor {
    folder: tempfile::TempDir,
}

impl Corridor {
    fn run() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (kept, out) = (folder.path().join("nodes"), folder.path().join("messages"));
        let arguments = support::corridor::arguments(
            &[PathBuf::from(declarations::SHIPPED)],
            &out,
            &["--keep", kept.to_str().unwrap()],
        );
        tidewaiter(arguments).expect_code(0);
        Self { folder }
    }

    fn node(&self, country: &str) -> PathBuf {
        self.folder.path().join("nodes").join(country.to_lowercase())
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn config(&self, country: &str) -> String {
        self.node(country).join("tidewaiter.toml").display().to_string()
    }

    /// The card of a country's node, as its partners have it.
    fn card(&self, country: &str) -> String {
        self.node(country).join("card.json").display().to_string()
    }

    fn messages(&self, country: &str) -> Vec<MessageRow> {
        let config = Config::load(&self.node(country).join("tidewaiter.toml")).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let node = Node::open(config, World::system()).await.unwrap();
            let rows = node.messages(None, None, 0, node::PAGE_LIMIT).await.unwrap();
            node.close().await;
            rows
        })
    }

    /// A message of a type that this node sent to, or received from, another.
    fn message(&self, country: &str, direction: &str, kind: &str) -> MessageRow {
        let found = self
            .messages(country)
            .into_iter()
            .find(|row| row.direction == direction && row.message_type == kind && row.exchange_id.is_some());
        found.unwrap_or_else(|| panic!("{country} has {direction} no {kind}"))
    }
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_message_is_proved_from_either_side_with_what_it_may_show() {
    let corridor = Corridor::run();
    let sent = corridor.message("GB", "sent", "CD050C");
    let identity = sent.exchange_id.clone().unwrap();
    let (gb, fr) = (corridor.card("GB"), corridor.card("FR"));
    let country = if sent.to_party == "FR" { "FR" } else { "IT" };
    assert_eq!(country, "FR", "the office of transit is in Calais");

    let export = |config: &str, message: &str, name: &str, more: &[&str]| {
        let (out, config) = (corridor.file(name), corridor.config(config));
        let arguments = ["evidence", "export", message, "--config", &config, "--out", &out];
        tidewaiter(arguments.iter().chain(more)).expect_code(0);
        out
    };
    let verify = |file: &str, trust: &[&str], code: i32| {
        let mut arguments = vec!["evidence", "verify", file, "--json"];
        trust.iter().for_each(|card| arguments.extend(["--trust", card]));
        tidewaiter(arguments).expect_code(code).json()
    };

    // The sender shows two fields; whoever trusts both cards has them proved, and nobody else anything.
    let fields = ["--fields", "TransitOperation/MRN,Consignment/grossMass"];
    let from_sender = export("GB", &identity, "sent.evidence", &fields);
    let proved = verify(&from_sender, &[&gb, &fr], 0);
    assert_eq!(
        (proved["outcome"].as_str(), proved["message"]["to"].as_str()),
        (Some("proved"), Some("NTA.FR"))
    );
    let shown = proved["shown"].as_array().unwrap();
    assert!(shown.len() >= 2 && shown.len() < 6, "{shown:?}");
    assert_eq!(shown.iter().filter(|field| field["path"] == "TransitOperation/MRN").count(), 1);
    assert!(proved["findings"].as_array().unwrap().iter().any(|found| found["code"] == "stage-received"));
    assert_eq!(verify(&from_sender, &[], 2)["outcome"], "unanchored");
    assert_eq!(verify(&from_sender, &[&gb], 2)["outcome"], "unanchored");

    // The recipient shows the whole, and it is what was sent.
    let received = corridor.message("FR", "received", "CD050C");
    assert_eq!(received.exchange_id.as_ref(), Some(&identity));
    let from_recipient = export("FR", &received.id.to_string(), "received.evidence", &["--whole"]);
    let whole = verify(&from_recipient, &[&gb, &fr], 0);
    assert!(whole["shown"][0]["value"].as_str().unwrap().contains("CD050C"));
    let bare = export("FR", &received.id.to_string(), "bare.evidence", &["--none"]);
    assert_eq!(verify(&bare, &[&gb, &fr], 0)["shown"], serde_json::json!([]));

    // Evidence does not take the place of evidence, and a bit that changes is found.
    let again = ["evidence", "export", &identity, "--config", &corridor.config("GB"), "--out", &from_sender];
    assert!(tidewaiter(again).expect_code(2).stderr.contains("cannot write"));
    let mut bytes = std::fs::read(&from_sender).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&from_sender, bytes).unwrap();
    let changed = tidewaiter(["evidence", "verify", &from_sender, "--trust", &gb, "--trust", &fr]);
    assert!(changed.expect_code(1).stdout.contains("REFUSED"));

    // The pieces are files of published formats.
    let pieces = corridor.file("pieces");
    let unpacked = tidewaiter(["evidence", "unpack", &from_recipient, "--out", &pieces]).expect_code(0);
    let names: Vec<&str> = unpacked.stdout.lines().collect();
    for name in
        ["statement.cose", "receipt-1.cose", "keys.jwks", "manifest.json", "disclosed.json", "part-1.bin"]
    {
        assert!(names.contains(&name), "{names:?}");
    }
    let pieces = Path::new(&pieces);
    assert_eq!(json(&pieces.join("manifest.json"))["message_id"], identity.as_str());
    assert_eq!(json(&pieces.join("keys.jwks"))["keys"].as_array().unwrap().len() % 3, 0);
}

#[test]
fn what_cannot_be_exported_is_said() {
    let corridor = Corridor::run();
    let sent = corridor.message("GB", "sent", "CD050C").id.to_string();
    let trader =
        corridor.messages("GB").into_iter().find(|row| row.exchange_id.is_none()).unwrap().id.to_string();
    let config = corridor.config("GB");
    for (message, more, words) in [
        (sent.as_str(), vec!["--fields", "Consignment/colour"], "no field `Consignment/colour`"),
        (&trader, vec![], "no message between administrations"),
        ("999999", vec![], "no message between administrations"),
        ("01a20c23-c4f4-7101-8101-010101010101", vec![], "no message has the identity"),
    ] {
        let out = corridor.file("refused.evidence");
        let arguments = ["evidence", "export", message, "--config", &config, "--out", &out];
        let ran = tidewaiter(arguments.into_iter().chain(more)).expect_code(2);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
        assert!(!Path::new(&out).exists());
    }
}
