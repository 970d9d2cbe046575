//! How administrations become partners, what is refused on the way and why, and what a suspension stops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::service::{Service, SetUp, set_up_of};
use support::{Ran, declarations, processes, tidewaiter};

/// How often something is looked at before the test fails: half a minute.
const LOOKS: u32 = 600;

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..LOOKS {
        if done() {
            return;
        }
        processes::pause(Duration::from_millis(50));
    }
    panic!("waited in vain: {what}");
}

/// Administrations with stopped nodes, in one folder.
struct Table {
    folder: tempfile::TempDir,
}

impl Table {
    fn open(names: &[&str]) -> (Self, Vec<SetUp>) {
        let table = Self { folder: tempfile::tempdir().unwrap() };
        let nodes = names.iter().map(|name| set_up_of(name, &table.path(&name[4..]))).collect();
        (table, nodes)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The model agreement between these, as a file.
    fn agreement(&self, name: &str, parties: &[&str]) -> String {
        let path = self.path(name).display().to_string();
        partner(["agreement"].iter().chain(parties).copied().chain(["--out", &path])).expect_code(0);
        path
    }
}

fn partner<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Ran {
    tidewaiter(["partner"].into_iter().chain(arguments))
}

/// What a command shows behind a name at the beginning of a line.
fn shown(ran: &Ran, name: &str) -> String {
    let line = ran.stdout.lines().find(|line| line.starts_with(name));
    line.unwrap_or_else(|| panic!("`{name}` in {ran:?}"))[name.len()..].trim().to_owned()
}

/// Where commands act: a stopped node.
fn at(node: &SetUp) -> [String; 2] {
    ["--config".to_owned(), node.config.display().to_string()]
}

fn invite(node: &SetUp, to: &str, agreement: &str, out: &Path) -> Ran {
    let (at, out) = (at(node), out.display().to_string());
    partner(["invite", to, "--agreement", agreement, "--out", &out, &at[0], &at[1]])
}

fn accept(node: &SetUp, file: &Path, fingerprint: &str, out: &Path) -> Ran {
    let (at, file, out) = (at(node), file.display().to_string(), out.display().to_string());
    partner(["accept", &file, "--fingerprint", fingerprint, "--out", &out, &at[0], &at[1]])
}

/// Why a command refused, without its first word.
fn refusal(ran: Ran) -> String {
    let ran = ran.expect_code(2);
    ran.stderr.strip_prefix("tidewaiter: ").unwrap_or(&ran.stderr).trim().to_owned()
}

/// A file with one of its values changed.
fn altered(file: &Path, change: impl FnOnce(&mut Value)) -> PathBuf {
    let mut json: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    change(&mut json);
    let path = file.with_extension("altered.json");
    std::fs::write(&path, json.to_string()).unwrap();
    path
}

/// `text` with every word in backticks left out, which differs from run to run.
fn without_values(text: &str) -> String {
    text.split('`').step_by(2).collect::<Vec<_>>().join("..")
}

#[test]
fn what_is_wrong_with_an_invitation_is_said_with_the_way_out() {
    let (table, nodes) = Table::open(&["NTA.GB", "NTA.FR", "NTA.IT"]);
    let [gb, fr, it] = nodes.as_slice() else { panic!("three nodes") };
    let both = table.agreement("both.toml", &["NTA.GB", "NTA.FR"]);
    let (invitation, acceptance) = (table.path("invitation.json"), table.path("acceptance.json"));

    let refused = refusal(invite(gb, "NTA.IT", &both, &invitation));
    assert_eq!(
        without_values(&refused),
        "one of the two administrations is not a party to the agreement (.. in ..): name both as parties in the \
         agreement, and invite again"
    );
    let refused = refusal(invite(gb, "NTA.GB", &both, &invitation));
    assert!(refused.starts_with("it was written by this administration itself"), "{refused}");
    let fingerprint = shown(&invite(gb, "NTA.FR", &both, &invitation).expect_code(0), "fingerprint");

    let refused = refusal(accept(fr, &invitation, "00000 00000", &acceptance));
    assert!(refused.starts_with("the fingerprint is not the one of this file"), "{refused}");
    assert!(refused.contains("call the other administration on a number that you know"), "{refused}");
    let refused = refusal(accept(it, &invitation, &fingerprint, &acceptance));
    assert_eq!(
        without_values(&refused),
        "it is for another administration (it invites .., and this node is of ..): ask for one that names yours"
    );
    let refused = refusal(accept(gb, &invitation, &fingerprint, &acceptance));
    assert!(refused.starts_with("it was written by this administration itself"), "{refused}");

    // Whoever changes the file on its way changes what is compared by voice.
    let other = table.path("other.json");
    invite(it, "NTA.FR", &table.agreement("it.toml", &["NTA.IT", "NTA.FR"]), &other).expect_code(0);
    let italian: Value = serde_json::from_slice(&std::fs::read(&other).unwrap()).unwrap();
    for (place, value) in [
        ("/card/address", Value::from("https://mallory.example:9443")),
        ("/card/keys/sign", italian["card"]["keys"]["sign"].clone()),
        ("/expires", Value::from("2099-01-01T00:00:00.000000Z")),
        ("/nonce", italian["nonce"].clone()),
        ("/first_register", Value::from(false)),
    ] {
        let altered = altered(&invitation, |json| *json.pointer_mut(place).unwrap() = value);
        let refused = refusal(accept(fr, &altered, &fingerprint, &acceptance));
        assert!(refused.starts_with("the fingerprint is not the one of this file"), "{place}: {refused}");
    }
    let lying = altered(&invitation, |json| json["agreement"]["version"] = Value::from(2));
    let refused = refusal(accept(fr, &lying, &fingerprint, &acceptance));
    assert!(refused.contains("the agreement in it cannot be used"), "{refused}");
    let broken = altered(&invitation, |json| json["form"] = Value::from("tidewaiter-invitation-9"));
    let refused = refusal(accept(fr, &broken, &fingerprint, &acceptance));
    assert!(refused.contains("the file is not what it should be"), "{refused}");

    // One that has expired: what is compared is the changed file's own fingerprint, as its writer would show it.
    let past = altered(&invitation, |json| json["expires"] = Value::from("2020-01-01T00:00:00.000000Z"));
    let written = node::federation::Invitation::from_json(&std::fs::read(&past).unwrap()).unwrap();
    let refused = refusal(accept(fr, &past, &written.fingerprint(), &acceptance));
    assert!(refused.starts_with("it has expired (at `2020-01-01T00:00:00.000000Z`)"), "{refused}");

    // Nothing of all this left anything behind.
    let listed = partner(["list", "--json", &at(fr)[0], &at(fr)[1]]).expect_code(0).json();
    assert_eq!(listed["partners"], Value::Array(Vec::new()));
}

#[test]
fn an_acceptance_is_taken_once_and_only_for_its_invitation() {
    let (table, nodes) = Table::open(&["NTA.GB", "NTA.FR", "NTA.IT"]);
    let [gb, fr, it] = nodes.as_slice() else { panic!("three nodes") };
    let both = table.agreement("both.toml", &["NTA.GB", "NTA.FR"]);
    let (invitation, acceptance) = (table.path("invitation.json"), table.path("acceptance.json"));
    let fingerprint = shown(&invite(gb, "NTA.FR", &both, &invitation).expect_code(0), "fingerprint");
    let accepted = accept(fr, &invitation, &fingerprint, &acceptance).expect_code(0);
    let answer = shown(&accepted, "its fingerprint");
    let first = std::fs::read(&acceptance).unwrap();
    // The same again gives the same file: a lost one is simply made again.
    accept(fr, &invitation, &fingerprint, &acceptance).expect_code(0);
    assert_eq!(std::fs::read(&acceptance).unwrap(), first);

    let refused = refusal(accept(it, &acceptance, &answer, &acceptance));
    assert!(refused.starts_with("it is for another administration"), "{refused}");
    let refused = refusal(accept(gb, &acceptance, &fingerprint, &acceptance));
    assert!(refused.starts_with("the fingerprint is not the one of this file"), "{refused}");
    let read = |path: &Path| node::federation::Acceptance::from_json(&std::fs::read(path).unwrap()).unwrap();
    for (place, value, expected) in [
        ("/nonce", Value::from("11".repeat(32)), "it does not answer an invitation of this node"),
        ("/invitation", Value::from("11".repeat(32)), "it answers an invitation that differs"),
        ("/card/address", Value::from("https://mallory.example:9443"), ""),
    ] {
        let altered = altered(&acceptance, |json| *json.pointer_mut(place).unwrap() = value);
        let refused = refusal(accept(gb, &altered, &answer, &acceptance));
        assert!(refused.starts_with("the fingerprint is not the one of this file"), "{place}: {refused}");
        if !expected.is_empty() {
            let refused = refusal(accept(gb, &altered, &read(&altered).fingerprint(), &acceptance));
            assert!(refused.starts_with(expected), "{place}: {refused}");
        }
    }
    // A register that France has not approved.
    let unapproved = altered(&acceptance, |json| {
        json.as_object_mut().unwrap().remove("register");
    });
    let refused = refusal(accept(gb, &unapproved, &read(&unapproved).fingerprint(), &acceptance));
    assert!(refused.contains("its key register"), "{refused}");

    accept(gb, &acceptance, &answer, &acceptance).expect_code(0);
    accept(gb, &acceptance, &answer, &acceptance).expect_code(0);
    let refused = refusal(invite(gb, "NTA.FR", &both, &table.path("again.json")));
    assert!(refused.starts_with("the two exchange already"), "{refused}");

    // The same version of the agreement with another text.
    let text = std::fs::read_to_string(&both).unwrap();
    let other = table.path("other.toml");
    std::fs::write(
        &other,
        text.replacen("Customs administration of GB", "Customs administration of Great Britain", 1),
    )
    .unwrap();
    let refused = refusal(invite(gb, "NTA.FR", &other.display().to_string(), &table.path("again.json")));
    assert!(refused.starts_with("this version of the agreement has another text here"), "{refused}");
}

#[test]
fn commands_say_where_the_node_is_to_be_found() {
    let (_table, nodes) = Table::open(&["NTA.GB"]);
    let running = Service::start(nodes[0].clone());
    let [config, path] = at(&nodes[0]);
    let refused = refusal(partner(["list", &config, &path]));
    assert!(refused.contains("If the node is running, name it with --node URL"), "{refused}");
    let url = format!("http://{}", running.secrets.api);
    let refused = refusal(partner(["list", "--node", &url, "--token-from", "TIDEWAITER_NO_SUCH_TOKEN"]));
    assert!(refused.contains("`TIDEWAITER_NO_SUCH_TOKEN`, which is not set"), "{refused}");
    let refused =
        refusal(partner(["suspend", "NTA.FR", "--reason", "x", "--node", &url, "--token-from", "PATH"]));
    assert!(refused.contains("send `Authorization: Bearer TOKEN` with a token of this node"), "{refused}");
}

/// Two running nodes that have federated before they were started.
fn federated() -> (Table, Service, Service) {
    let (table, nodes) = Table::open(&["NTA.GB", "NTA.FR"]);
    let [gb, fr] = nodes.as_slice() else { panic!("two nodes") };
    let both = table.agreement("both.toml", &["NTA.GB", "NTA.FR"]);
    let (invitation, acceptance) = (table.path("invitation.json"), table.path("acceptance.json"));
    let fingerprint = shown(&invite(gb, "NTA.FR", &both, &invitation).expect_code(0), "fingerprint");
    let accepted = accept(fr, &invitation, &fingerprint, &acceptance).expect_code(0);
    let answer = shown(&accepted, "its fingerprint");
    accept(gb, &acceptance, &answer, &acceptance).expect_code(0);
    let (gb, fr) = (Service::start(gb.clone()), Service::start(fr.clone()));
    wait_for("France has the register that both have approved", || france_of(&fr, "state") == "active");
    (table, gb, fr)
}

/// A value of the only partner of a node.
fn france_of(node: &Service, name: &str) -> Value {
    let partners = node.get(&node.secrets.operator, "/api/v1/partners").json();
    partners["partners"][0][name].clone()
}

fn declare(node: &Service, number: usize) {
    let mut document = declarations::declaration(number);
    document.set("CustomsOfficeOfDestinationDeclared/referenceNumber", "FR000130");
    document.remove("CustomsOfficeOfTransitDeclared");
    document.set("Consignment/countryOfDestination", "FR");
    let answer = node.submit(&declarations::xml(&document));
    assert_eq!(answer.status, 202, "{}", answer.text());
}

#[test]
fn a_suspension_stops_the_exchange_both_ways_and_loses_nothing() {
    let (_table, britain, france) = federated();
    britain.register_guarantee();
    declare(&britain, 1);
    wait_for("the first letter arrives", || france_of(&britain, "delivered") == 1);

    // France suspends: what Britain sends is refused with the code and the reason, and waits.
    let suspend = |node: &Service, partner: &str, body: &Value| {
        node.post(&node.secrets.operator, &format!("/api/v1/partners/{partner}/suspension"), body).status
    };
    let reason = serde_json::json!({ "reason": "a break-in in London" });
    assert_eq!(suspend(&france, "NTA.GB", &serde_json::json!({ "reason": "two\nlines" })), 422);
    assert_eq!(suspend(&france, "NTA.IT", &reason), 404);
    assert_eq!(suspend(&france, "NTA.GB", &reason), 200);
    assert_eq!(france_of(&france, "state"), "suspended");
    let seen = france.log().len();
    declare(&britain, 2);
    france.logged("partner-suspended", seen);
    assert!(france.metric("tidewaiter_refusals_total{at=\"envelope\",code=\"partner-suspended\"}") >= 1.0);
    wait_for("Britain reads why", || {
        france_of(&britain, "last_problem")
            .as_str()
            .is_some_and(|words| words.contains("a break-in in London"))
    });
    assert_eq!(france_of(&britain, "queued"), 1);

    // Britain suspends too: nothing leaves it. Each lets it go on, and what waited arrives.
    assert_eq!(suspend(&britain, "NTA.FR", &serde_json::json!({ "reason": "ours as well" })), 200);
    let resume = |node: &Service, partner: &str| {
        let path = format!("/api/v1/partners/{partner}/resumption");
        assert_eq!(node.post(&node.secrets.operator, &path, &serde_json::json!({})).status, 200);
    };
    resume(&france, "NTA.GB");
    declare(&britain, 3);
    wait_for("Britain's letters wait", || {
        france_of(&britain, "queued") == 2
            && france_of(&britain, "last_problem")
                .as_str()
                .is_some_and(|words| words.contains("ours as well"))
    });
    assert_eq!(france_of(&britain, "delivered"), 1);
    resume(&britain, "NTA.FR");
    wait_for("what waited arrives", || france_of(&britain, "delivered") == 3);
    assert_eq!(france_of(&britain, "state"), "active");
    assert!(france_of(&britain, "last_contact").is_i64());
    assert_eq!(france_of(&britain, "registers")["common-transit"], 1);
}
