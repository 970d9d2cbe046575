//! A large attachment between two nodes as processes, over mutual TLS: killed on both sides, resumed, and within its
//! bound of memory. With TIDEWAITER_FULL=1 the attachment has 1 GiB.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use base::Administration;
use serde_json::Value;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};
use support::processes::pause;
use support::rounds;
use support::service::{Service, SetUp};

const MIB: usize = 1024 * 1024;

/// By how much a node's memory may grow while an attachment passes through it.
const GROWTH: u64 = 64 * MIB as u64;

/// The content at an offset: a pattern that no chunk shares with another, made again instead of being kept.
struct Pattern {
    at: usize,
    end: usize,
}

impl Pattern {
    fn of(size: usize) -> Self {
        Self { at: 0, end: size }
    }
}

impl Read for Pattern {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(self.end - self.at);
        for (slot, at) in buffer.iter_mut().take(length).zip(self.at..) {
            *slot = ((at >> 3) ^ (at >> 17)) as u8;
        }
        self.at += length;
        Ok(length)
    }
}

/// A node, running or killed.
struct Side {
    set_up: SetUp,
    service: Option<Service>,
}

impl Side {
    fn start(&mut self) {
        self.service = Some(Service::start(self.set_up.clone()));
    }

    fn service(&self) -> &Service {
        self.service.as_ref().expect("it runs")
    }

    /// Kills the node at once, and starts it again.
    fn kill_and_start(&mut self) {
        self.service = None;
        self.start();
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.service().get(&self.set_up.officer, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    /// The memory that the node holds now, in bytes.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.service().id())).expect("/proc");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
        kib * 1024
    }

    /// Uploads the pattern as a stream, and gives the number of the attachment.
    fn upload(&self, size: usize) -> i64 {
        let mut stream = TcpStream::connect(self.set_up.api).expect("the node listens");
        let head = format!(
            "POST /api/v1/attachments?name=scans.tar HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\
             authorization: Bearer {}\r\ncontent-type: application/x-tar\r\ncontent-length: {size}\r\n\r\n",
            self.set_up.officer
        );
        stream.write_all(head.as_bytes()).expect("the head is sent");
        std::io::copy(&mut BufReader::with_capacity(MIB, Pattern::of(size)), &mut stream)
            .expect("the content is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        let attachment: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(attachment["size"], size);
        attachment["id"].as_i64().expect("a number")
    }

    /// Reads the content of an attachment as a stream, and compares it with the pattern.
    fn download(&self, id: i64, size: usize) {
        let mut stream = TcpStream::connect(self.set_up.api).expect("the node listens");
        let head = format!(
            "GET /api/v1/attachments/{id}/content HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\
             authorization: Bearer {}\r\n\r\n",
            self.set_up.officer
        );
        stream.write_all(head.as_bytes()).expect("the request is sent");
        let mut stream = BufReader::with_capacity(MIB, stream);
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&head));
        let (mut expected, mut found) = (Pattern::of(size), vec![0; MIB]);
        let (mut pattern, mut read) = (vec![0; MIB], 0);
        loop {
            let length = stream.read(&mut found).expect("the content");
            if length == 0 {
                break;
            }
            expected.read_exact(&mut pattern[..length]).expect("as much as was sent");
            assert!(found[..length] == pattern[..length], "the content differs after {read} bytes");
            read += length;
        }
        assert_eq!(read, size);
    }
}

/// Great Britain and France, each with the other's card.
fn pair(folder: &Path) -> [Side; 2] {
    let free = || -> SocketAddr { TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    let parties = ["NTA.GB", "NTA.FR"].map(|name| Administration::parse(name).unwrap());
    let prepared = parties.clone().map(|party| {
        node::initialise(&node::SetUp {
            folder: folder.join(party.as_str()),
            administration: party,
            store: "sqlite:node.db".to_owned(),
            api: free(),
            peer: free(),
            corridor_defaults: true,
            reference: None,
        })
        .unwrap()
    });
    for (own, other) in [(0, 1), (1, 0)] {
        let cards = vec![prepared[other].card.clone()];
        node::join_corridor(&prepared[own].config, cards, &parties).unwrap();
    }
    prepared.map(|prepared| {
        let api = node::Config::load(&prepared.config).unwrap().listen.api;
        let set_up = SetUp {
            config: prepared.config,
            api,
            trader: prepared.trader_token,
            officer: prepared.officer_token,
            operator: prepared.operator_token,
        };
        let mut side = Side { set_up, service: None };
        side.start();
        side
    })
}

/// Sends a document, and gives its number.
fn send(from: &Side, subject: &str, attachments: &str) -> i64 {
    let path = format!("/api/v1/documents?to=NTA.FR&subject={subject}&title=Scans&attachments={attachments}");
    let answer = from.service().request("POST", &from.set_up.officer, &path, "text/plain", b"see there");
    assert_eq!(answer.status, 202, "{}", answer.text());
    let sent: Value = serde_json::from_slice(&answer.body).expect("JSON");
    sent["message"].as_i64().expect("a number")
}

/// How many chunks of the attachment that is arriving are here.
fn chunks_here(side: &Side) -> i64 {
    let listed = side.get("/api/v1/attachments");
    listed["attachments"][0]["chunks_here"].as_i64().unwrap_or_default()
}

#[allow(
    clippy::disallowed_methods,
    reason = "the measurement reports its throughput; nothing is decided by it"
)]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn a_large_attachment_survives_kills_and_takes_little_memory() {
    let size = rounds(24, 1024) * MIB + 12_345;
    let folder = tempfile::tempdir().unwrap();
    let [mut gb, mut fr] = pair(folder.path());
    // Whatever a node needs at its first message, it has then.
    let first = send(&gb, "WARM-UP", "");
    let outcome = |gb: &Side, message| gb.get(&format!("/api/v1/documents/{message}"))["outcome"].clone();
    while outcome(&gb, first) == "queued" {
        pause(Duration::from_millis(20));
    }
    let before = gb.resident();
    let begun = now();
    let id = gb.upload(size);
    let uploaded = begun.elapsed();
    let growth = gb.resident().saturating_sub(before);
    println!("upload of {size} bytes: {uploaded:?}, memory grew by {} KiB", growth / 1024);
    assert!(growth < GROWTH, "the memory of the sender grew by {growth} bytes in the upload");

    let before_transfer = [gb.resident(), fr.resident()];
    let begun = now();
    let message = send(&gb, "CASE-1", &id.to_string());
    let mut small = Vec::new();
    let mut most = [0, 0];
    let mut killed = 0;
    while outcome(&gb, message) == "queued" {
        most = [most[0].max(gb.resident()), most[1].max(fr.resident())];
        if rounds(0, 1) == 0 {
            // The everyday run kills both sides; the full run measures memory, which a restart would forget.
            let here = chunks_here(&fr);
            if killed == 0 && here > 10 {
                fr.kill_and_start();
                assert!(chunks_here(&fr) >= here, "chunks that were answered are still there");
                killed = 1;
            } else if killed == 1 && here > 40 {
                gb.kill_and_start();
                killed = 2;
            }
        }
        if small.len() < 20 {
            // Letters in other channels do not wait for the attachment.
            small.push(send(&gb, &format!("SMALL-{}", small.len()), ""));
        }
        pause(Duration::from_millis(10));
    }
    let took = begun.elapsed();
    assert_eq!(outcome(&gb, message), "delivered");
    for letter in &small {
        assert_eq!(outcome(&gb, *letter), "delivered", "it was sent while the attachment was under way");
    }
    let documents = fr.get("/api/v1/documents?subject=CASE-1");
    let received = documents["documents"][0]["message"].as_i64().expect("it is there");
    let attachments = fr.get(&format!("/api/v1/documents/{received}/attachments"));
    let there = attachments["attachments"][0]["id"].as_i64().expect("it is there");
    assert_eq!(attachments["attachments"][0]["state"], "received");
    let begun = now();
    fr.download(there, size);
    let downloaded = begun.elapsed();
    most[1] = most[1].max(fr.resident());
    let megabytes = |took: Duration| size as f64 / 1e6 / took.as_secs_f64();
    println!(
        "transfer: {took:?}, {:.1} MB/s; upload {:.1} MB/s, download {:.1} MB/s; {killed} kills",
        megabytes(took),
        megabytes(uploaded),
        megabytes(downloaded)
    );
    if killed == 0 {
        for ((side, before), most) in ["sender", "recipient"].iter().zip(before_transfer).zip(most) {
            let growth = most.saturating_sub(before);
            println!(
                "{side}: {} KiB before, {} KiB at most, grew by {} KiB",
                before / 1024,
                most / 1024,
                growth / 1024
            );
            assert!(growth < GROWTH, "the memory of the {side} grew by {growth} bytes");
        }
        let whole = gb.resident().saturating_sub(before);
        assert!(whole < GROWTH, "the memory of the sender grew by {whole} bytes in all");
    } else {
        assert_eq!(killed, 2, "both sides were killed");
    }
}
