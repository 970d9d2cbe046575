//! Three nodes that die at every named failpoint, with a wire between them that loses and cuts: every document has its
//! effect once, in the order of its channel, and the logs of two nodes list the same statements.
//!
//! Built with the feature `failpoints` only: `cargo test --features failpoints --test failpoints`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use evidence::Statement;
use node::{Config, FAILPOINTS, PartnerCard, SetUp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::service::{ask, free};
use support::{BINARY, processes, rounds, wire_chaos};

const PARTIES: [&str; 3] = ["NTA.GB", "NTA.FR", "NTA.IT"];

/// How often something is looked at before it counts as stuck.
const LOOKS: u32 = 1500;

/// A node that may die.
struct Land {
    name: &'static str,
    config: PathBuf,
    api: SocketAddr,
    officer: String,
    child: Option<Child>,
    mark: PathBuf,
    deaths: usize,
}

impl Land {
    fn spawn(&mut self, failpoint: Option<&str>) {
        let log = self.config.with_file_name("node.log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut command = Command::new(BINARY);
        command.args(["serve", "--config"]).arg(&self.config).stderr(log).stdout(Stdio::null());
        command.env_remove("TIDEWAITER_FAILPOINT");
        if let Some(name) = failpoint {
            command.env("TIDEWAITER_FAILPOINT", format!("{name}:1"));
            command.env("TIDEWAITER_FAILPOINT_MARK", &self.mark);
        }
        self.child = Some(command.spawn().unwrap());
    }

    /// Stops the node and starts it again, to die at a failpoint.
    fn arm(&mut self, failpoint: &str) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        self.spawn(Some(failpoint));
    }

    /// Starts the node again if it has died, which only a failpoint explains; waits until it answers.
    fn revive(&mut self) {
        for _ in 0..LOOKS {
            if self.child.as_mut().unwrap().try_wait().unwrap().is_some() {
                assert!(self.mark.exists(), "{} died for no known reason", self.name);
                self.deaths += 1;
                self.spawn(None);
            }
            let ready = ask(self.api, ("GET", &self.officer, "/health/ready"), "", b"");
            if ready.is_some_and(|answer| answer.status == 200) {
                return;
            }
            processes::pause(Duration::from_millis(20));
        }
        panic!("{} does not come back", self.name);
    }

    fn ask(&mut self, method: &str, path: &str, media_type: &str, body: &[u8]) -> Option<(u16, Value)> {
        let answer = ask(self.api, (method, &self.officer, path), media_type, body)?;
        let json = if answer.body.is_empty() { Value::Null } else { answer.json() };
        Some((answer.status, json))
    }

    /// Asks until the node answers, whatever happens to it meanwhile.
    fn get(&mut self, path: &str) -> Value {
        for _ in 0..LOOKS {
            if let Some((200, json)) = self.ask("GET", path, "", b"") {
                return json;
            }
            self.revive();
        }
        panic!("{} does not answer {path}", self.name);
    }

    /// All documents about a subject, oldest first: direction and title.
    fn documents(&mut self, subject: &str) -> Vec<(String, String)> {
        let (mut found, mut before) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/api/v1/documents?subject={subject}&limit=500{before}"));
            let page = page["documents"].as_array().unwrap().clone();
            let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
            found.extend(page.iter().map(|row| (text(row, "direction"), text(row, "title"))));
            match page.last() {
                Some(last) if page.len() == 500 => before = format!("&before={}", last["message"]),
                _ => break,
            }
        }
        found.reverse();
        found
    }

    /// Sends a document once, although the node may die before or after it has committed it.
    fn send(&mut self, to: &str, subject: &str, title: &str) {
        let path = format!("/api/v1/documents?to={to}&subject={subject}&title={title}");
        for _ in 0..LOOKS {
            match self.ask("POST", &path, "text/plain", title.as_bytes()) {
                Some((202, _)) => return,
                Some((status, answer)) if status != 503 => panic!("{status} {answer}"),
                _ => self.revive(),
            }
            if self.documents(subject).contains(&("sent".to_owned(), title.to_owned())) {
                return;
            }
        }
        panic!("{} could not send {title}", self.name);
    }

    /// Accepts the oldest open document, if there is one.
    fn accept_one(&mut self) -> bool {
        let open = self.get("/api/v1/documents?open=true&limit=1");
        let Some(document) = open["documents"][0]["message"].as_i64() else { return false };
        for _ in 0..LOOKS {
            let path = format!("/api/v1/documents/{document}/decision");
            match self.ask("POST", &path, "application/json", br#"{"accept":true}"#) {
                // 404: it was decided before the node died.
                Some((204 | 404, _)) => return true,
                _ => self.revive(),
            }
        }
        panic!("{} could not decide", self.name);
    }

    fn idle(&mut self) -> bool {
        let state = self.get("/api/v1/exchange");
        let letters = state["queues"].as_array().unwrap().iter().all(|queue| queue["letters"] == 0);
        letters && state["stages_waiting"] == 0
    }
}

impl Drop for Land {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn lands(folder: &Path) -> Vec<Land> {
    let parties = PARTIES.map(|name| base::Administration::parse(name).unwrap());
    let mut lands = Vec::new();
    let mut cards = Vec::new();
    for (index, name) in PARTIES.into_iter().enumerate() {
        let own = folder.join(name);
        let peer = free();
        let prepared = node::initialise(&SetUp {
            folder: own.clone(),
            administration: parties[index].clone(),
            store: "sqlite:node.db".to_owned(),
            api: free(),
            peer,
            corridor_defaults: true,
            reference: None,
        })
        .unwrap();
        let proxy = wire_chaos::in_front_of(peer, 20_261_124 + index as u64);
        let card = PartnerCard::load(&prepared.card).unwrap();
        let text = std::fs::read_to_string(&prepared.card).unwrap();
        let shown = text.replace(&card.address, &format!("https://{proxy}"));
        assert_ne!(shown, text, "partners come by the proxy");
        std::fs::write(&prepared.card, shown).unwrap();
        cards.push(prepared.card.clone());
        lands.push((prepared, own));
    }
    let ready = lands.into_iter().enumerate().map(|(index, (prepared, own))| {
        let others = cards.iter().enumerate().filter(|(other, _)| *other != index);
        node::join_corridor(&prepared.config, others.map(|(_, card)| card.clone()).collect(), &parties)
            .unwrap();
        let mut config = Config::load(&prepared.config).unwrap();
        config.exchange.retry_first_ms = 20;
        config.exchange.retry_longest_ms = 200;
        config.exchange.rest_first_ms = 50;
        config.exchange.rest_longest_ms = 200;
        config.save(&prepared.config).unwrap();
        let mut land = Land {
            name: PARTIES[index],
            config: prepared.config,
            api: config.listen.api,
            officer: prepared.officer_token,
            child: None,
            mark: own.join("mark"),
            deaths: 0,
        };
        land.spawn(None);
        land.revive();
        land
    });
    ready.collect()
}

/// At which node a failpoint is met: the sender of most documents, or their recipient who decides on them.
fn place(failpoint: &str) -> usize {
    let at_recipient = ["receive-", "decide-", "stage-before-push", "stage-after-push", "stage-after-taken"];
    usize::from(at_recipient.iter().any(|start| failpoint.starts_with(start)))
}

/// The statements between two administrations that a node's log lists.
fn statements(config: &Path, from: &str, to: &str) -> BTreeSet<Vec<u8>> {
    let location = Config::load(config).unwrap().store_location().parse().unwrap();
    let store = store::Store::open(&location, store::Execution::Inline, node::MIGRATIONS).unwrap();
    let entries = store.read(|tx| -> Result<_, store::StoreError> {
        (0..store::log::size(tx)?).map(|index| store::log::entry(tx, index)).collect::<Result<Vec<_>, _>>()
    });
    let between = |entry: &Vec<u8>| {
        Statement::read(entry).is_ok_and(|claim| {
            claim.manifest().from().as_str() == from && claim.manifest().to().as_str() == to
        })
    };
    entries.unwrap().into_iter().flatten().filter(between).collect()
}

#[test]
fn nothing_is_lost_or_done_twice_wherever_a_node_dies() {
    let folder = tempfile::tempdir().unwrap();
    let mut lands = lands(folder.path());
    let each = rounds(5, 100_000 / FAILPOINTS.len());
    // What was sent: sender, recipient and subject, with the titles in order.
    let mut sent: BTreeMap<(usize, usize, String), Vec<String>> = BTreeMap::new();
    let mut number = 0;
    for (round, (failpoint, _)) in FAILPOINTS.iter().enumerate() {
        let at = place(failpoint);
        lands[at].arm(failpoint);
        for turn in 0..each {
            let (from, to, subject) = match turn % 5 {
                0 | 1 => (0, 1, "shared".to_owned()),
                2 => (0, 1, format!("case-{round}")),
                3 => (0, 2, format!("case-{round}")),
                _ => (1, 2, "shared".to_owned()),
            };
            number += 1;
            let title = format!("D{number:06}");
            lands[from].send(PARTIES[to], &subject, &title);
            sent.entry((from, to, subject)).or_default().push(title);
        }
        let mut looks = 0;
        while !lands[at].mark.exists() {
            lands[1].accept_one();
            looks += 1;
            assert!(looks < LOOKS, "`{failpoint}` was not reached");
            processes::pause(Duration::from_millis(20));
        }
        lands.iter_mut().for_each(Land::revive);
        std::fs::remove_file(&lands[at].mark).unwrap();
    }
    for _ in 0..LOOKS {
        let rest = lands.iter_mut().map(Land::idle).collect::<Vec<_>>();
        if rest.into_iter().all(|idle| idle) {
            break;
        }
        processes::pause(Duration::from_millis(40));
    }
    assert!(lands.iter_mut().all(Land::idle), "all letters and statements arrive");
    assert_eq!(lands.iter().map(|land| land.deaths).sum::<usize>(), FAILPOINTS.len());

    for ((from, to, subject), titles) in &sent {
        let received = lands[*to].documents(subject);
        let received = received.into_iter().filter(|(direction, _)| direction == "received");
        let ours: BTreeSet<&String> = titles.iter().collect();
        let received: Vec<String> =
            received.map(|(_, title)| title).filter(|title| ours.contains(title)).collect();
        assert_eq!(&received, titles, "{from} to {to} about {subject}: once each, and in order");
    }
    let configs: Vec<PathBuf> = lands.iter().map(|land| land.config.clone()).collect();
    drop(lands);
    for (from, to) in [(0, 1), (0, 2), (1, 2)] {
        let [there, here] = [from, to].map(|index| statements(&configs[index], PARTIES[from], PARTIES[to]));
        assert!(!there.is_empty());
        assert_eq!(there, here, "both logs list the statements from {from} to {to}");
    }
    println!("{number} documents, {} deaths, one at each failpoint", FAILPOINTS.len());
}
