//! The guide to federate, run word for word: two fresh administrations exchange at its end.
//!
//! Its blocks of shell commands say whose they are (`sh britain`, `sh france`). Only the four addresses are replaced, by
//! free ones, and what is read out on the telephone is taken from the other's screen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::service::free;
use support::{BINARY, processes};

/// The repository, where the guide lies and from where its commands are run in this test.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// How often something is looked at before the test fails: half a minute.
const LOOKS: u32 = 300;

/// A block of commands.
#[derive(Debug)]
struct Block {
    whose: String,
    kind: String,
    commands: String,
}

/// The blocks of the guide that belong to a side.
fn blocks(guide: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        let Some(words) = line.strip_prefix("```sh ") else { continue };
        let mut words = words.split_whitespace();
        let (whose, kind) = (words.next().unwrap().to_owned(), words.next().unwrap_or_default().to_owned());
        let commands = lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>().join("\n");
        blocks.push(Block { whose, kind, commands });
    }
    blocks
}

/// Both sides' terminals.
struct Terminals {
    folder: tempfile::TempDir,
    addresses: BTreeMap<&'static str, String>,
    nodes: Vec<Child>,
    heard: BTreeMap<&'static str, String>,
}

impl Terminals {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(Path::new(ROOT).join("docs"), folder.path().join("docs")).unwrap();
        let addresses = ["127.0.0.1:8081", "127.0.0.1:9441", "127.0.0.1:8082", "127.0.0.1:9442"];
        let addresses = addresses.map(|address| (address, free().to_string())).into();
        Self { folder, addresses, nodes: Vec::new(), heard: BTreeMap::new() }
    }

    /// The commands with free addresses.
    fn here(&self, commands: &str) -> String {
        self.addresses.iter().fold(commands.to_owned(), |text, (of_guide, free)| text.replace(of_guide, free))
    }

    fn shell(&self, script: &str) -> Command {
        let binaries = PathBuf::from(BINARY).parent().unwrap().to_owned();
        let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", script]).current_dir(self.folder.path()).env("PATH", path);
        shell.envs(self.heard.iter());
        shell.stdin(Stdio::null());
        shell
    }

    /// Runs the commands of a block in the terminal of its side, which keeps what was exported before.
    fn run(&self, block: &Block) -> String {
        let (kept, commands) = (format!("{}.environment", block.whose), self.here(&block.commands));
        let script = format!("[ ! -f {kept} ] || . ./{kept}\n{commands}\nexport -p > {kept}\n");
        let output = self.shell(&script).output().unwrap();
        let (out, err) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(output.status.success(), "{}:\n{commands}\n{out}{err}", block.whose);
        out
    }

    /// Starts the node of a block, and waits until it is ready.
    fn serve(&mut self, block: &Block, api: &str) {
        let log = std::fs::File::create(self.folder.path().join(format!("{}.log", block.whose))).unwrap();
        let script = format!("exec {}", self.here(&block.commands));
        let child = self.shell(&script).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.nodes.push(child);
        let ready = self.here(&format!("curl --silent --fail http://{api}/health/ready"));
        self.wait("the node is ready", || self.shell(&ready).output().unwrap().status.success());
    }

    fn wait(&self, what: &str, mut done: impl FnMut() -> bool) {
        for _ in 0..LOOKS {
            if done() {
                return;
            }
            processes::pause(Duration::from_millis(100));
        }
        let logs = ["britain", "france"].map(|side| {
            std::fs::read_to_string(self.folder.path().join(format!("{side}.log"))).unwrap_or_default()
        });
        panic!("waited in vain: {what}\n{}", logs.concat());
    }
}

impl Drop for Terminals {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // One that has ended already cannot be killed, and need not be.
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}

/// What a command showed behind a name at the beginning of a line.
fn shown(output: &str, name: &str) -> String {
    let line = output.lines().find(|line| line.starts_with(name));
    line.unwrap_or_else(|| panic!("`{name}` in {output}"))[name.len()..].trim().to_owned()
}

#[test]
fn two_fresh_administrations_exchange_after_reading_the_guide() {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(std::env::var_os("TIDEWAITER_REQUIRE_TOOLS").is_none(), "curl is required");
        println!("skipped: no curl");
        return;
    }
    let guide = std::fs::read_to_string(Path::new(ROOT).join("docs/federation.md")).unwrap();
    let blocks = blocks(&guide);
    let mut terminals = Terminals::open();
    let mut ran = Vec::new();
    for block in &blocks {
        match block.kind.as_str() {
            "serve" => {
                let api = if block.whose == "britain" { "127.0.0.1:8081" } else { "127.0.0.1:8082" };
                terminals.serve(block, api);
                continue;
            }
            "check" => {
                // A moment later, as the guide says.
                let mut said = String::new();
                terminals.wait("France has the message", || {
                    said = terminals.run(block);
                    said.contains("CD001C")
                });
                assert!(said.contains("key registers      common-transit version 1"), "{said}");
                let list = blocks.iter().find(|block| block.commands.contains("partner list")).unwrap();
                terminals.wait("Britain's list says so", || terminals.run(list).contains("1 delivered"));
                continue;
            }
            _ => {}
        }
        let said = terminals.run(block);
        if block.commands.contains("partner invite") {
            terminals.heard.insert("WHAT_BRITAIN_READS", shown(&said, "fingerprint"));
        }
        if block.commands.contains("accept invitation.json") {
            assert_eq!(shown(&said, "fingerprint"), terminals.heard["WHAT_BRITAIN_READS"]);
            terminals.heard.insert("WHAT_FRANCE_READS", shown(&said, "its fingerprint"));
        }
        if block.commands.contains("partner suspend") {
            let list = blocks.iter().find(|block| block.commands.contains("partner list")).unwrap();
            let said = terminals.run(list);
            assert!(said.starts_with("NTA.FR  suspended\n"), "{said}");
            assert!(said.contains("their operations centre reports a break-in"), "{said}");
        }
        ran.push(block.commands.split_whitespace().take(3).collect::<Vec<_>>().join(" "));
    }
    let list = blocks.iter().find(|block| block.commands.contains("partner list")).unwrap();
    let said = terminals.run(list);
    assert!(said.starts_with("NTA.FR  active\n"), "{said}");
    assert!(ran.len() >= 8, "the guide has lost its commands: {ran:?}");
    let invitation = std::fs::read(terminals.folder.path().join("invitation.json")).unwrap();
    let invitation: Value = serde_json::from_slice(&invitation).unwrap();
    assert_eq!(invitation["to"], "NTA.FR");
}

#[test]
fn the_guide_names_every_code() {
    let guide = std::fs::read_to_string(Path::new(ROOT).join("docs/federation.md")).unwrap();
    let relay = std::fs::read_to_string(Path::new(ROOT).join("docs/relay.md")).unwrap();
    for reason in node::federation::FederationReason::ALL {
        assert!(guide.contains(&format!("`{}`", reason.code())), "{reason}");
    }
    for reason in node::ChannelReason::ALL {
        assert!(guide.contains(&format!("`{}`", reason.code())), "{reason}");
    }
    for reason in node::relay::RelayReason::ALL {
        let row = format!("| `{}` | {} |", reason.code(), reason.status());
        assert!(relay.contains(&row), "{row}");
    }
}
