//! The corridor runner as a program: on a terminal, when it is stopped, when it is killed; and the demonstration.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::corridor::arguments;
use support::{BINARY, declarations, processes, tidewaiter};

/// How often something is looked at before it counts as never happening: a minute.
const LOOKS: u32 = 1200;

fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    for _ in 0..LOOKS {
        if happened() {
            return;
        }
        processes::pause(Duration::from_millis(50));
    }
    panic!("{what}: it did not happen");
}

/// A process that is killed when a test is over, however it ends: one that stays holds the output of all tests open.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A runner that is busy: with declarations for some seconds.
fn busy(folder: &Path) -> Ended {
    let files: Vec<PathBuf> = (0..24)
        .map(|number| {
            declarations::file(folder, &format!("{number}.xml"), &declarations::declaration(number))
        })
        .collect();
    let keep = folder.join("nodes").display().to_string();
    let runner = Command::new(BINARY)
        .args(arguments(&files, &folder.join("out"), &["--keep", &keep]))
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("stderr")).unwrap())
        .spawn();
    Ended(runner.unwrap())
}

fn nodes_of(runner: &Child) -> Vec<u32> {
    processes::children(runner.id(), "serve")
}

#[test]
fn a_runner_that_is_stopped_stops_its_nodes() {
    let folder = tempfile::tempdir().unwrap();
    let mut runner = busy(folder.path());
    wait_until("three nodes", || nodes_of(&runner.0).len() == 3);
    let nodes = nodes_of(&runner.0);
    assert!(processes::signal(runner.0.id(), "TERM"));
    assert_eq!(runner.0.wait().unwrap().code(), Some(2));
    assert!(nodes.iter().all(|node| !processes::is_alive(*node)));
    let said = std::fs::read_to_string(folder.path().join("stderr")).unwrap();
    let last = said.lines().last().unwrap();
    assert_eq!(last, "tidewaiter: stopped before the declarations had ended; nothing was written");
}

#[test]
fn nodes_do_not_outlive_a_runner_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut runner = busy(folder.path());
    wait_until("three nodes", || nodes_of(&runner.0).len() == 3);
    let nodes = nodes_of(&runner.0);
    runner.0.kill().unwrap();
    runner.0.wait().unwrap();
    wait_until("the end of the nodes", || nodes.iter().all(|node| !processes::is_alive(*node)));
}

#[test]
fn an_earlier_runs_messages_make_room_and_nothing_else_does() {
    let out = tempfile::tempdir().unwrap();
    let old = declarations::bytes(out.path(), "0099-GB-FR-CD001C.xml", b"old");
    let note = declarations::bytes(out.path(), "notes.xml", b"mine");
    tidewaiter(arguments(&[declarations::SHIPPED.into()], out.path(), &[])).expect_code(0);
    assert!(!old.exists() && note.exists());
    assert!(out.path().join("0001-trader-GB-CC015C.xml").exists());
}

/// What a command draws on a terminal of its own; `None` where there is no program to make one.
fn on_a_terminal(command: &str) -> Option<String> {
    let script = ["--quiet", "--return", "--command", command, "/dev/null"];
    let Ok(output) = Command::new("script").args(script).stdin(Stdio::null()).output() else {
        assert_ne!(
            std::env::var("TIDEWAITER_REQUIRE_TOOLS").as_deref(),
            Ok("1"),
            "`script` is not installed"
        );
        println!("skipped: `script` is not installed");
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn progress_is_drawn_on_a_terminal_only() {
    let out = tempfile::tempdir().unwrap();
    let command = format!(
        "{BINARY} corridor run --out {} --declaration {}",
        out.path().display(),
        declarations::SHIPPED
    );
    let Some(drawn) = on_a_terminal(&command) else { return };
    assert!(drawn.contains("0/1") && drawn.contains('\u{1b}'), "no progress in {drawn:?}");
    assert!(drawn.contains("written off"), "no timeline in {drawn:?}");
    let plain = tidewaiter(command.split(' ').skip(1)).expect_code(0);
    assert_eq!(plain.stderr, "");
    assert!(!plain.stdout.contains('\u{1b}'));
}

#[test]
fn the_demonstration_plays_once() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo").display().to_string();
    let ran = tidewaiter(["corridor", "demo", "--once", "--dir", &dir]).expect_code(0);
    assert!(ran.stdout.contains("written off"), "{}", ran.stdout);
    tidewaiter(["corridor", "demo", "--once", "--dir", &dir]).expect_code(0);
    let foreign = folder.path().display().to_string();
    let refused = tidewaiter(["corridor", "demo", "--once", "--dir", &foreign]).expect_code(2);
    insta::assert_snapshot!(
        refused.stderr.replace(&foreign, "DIR"),
        @"tidewaiter: `DIR` holds what no demonstration left there: give an empty or a new folder"
    );
}

#[test]
fn the_demonstration_lasts_until_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let demo = Command::new(BINARY)
        .args(["corridor", "demo", "--every", "1", "--dir"])
        .arg(&dir)
        .stdout(std::fs::File::create(folder.path().join("stdout")).unwrap())
        .spawn();
    let mut demo = Ended(demo.unwrap());
    let said = || std::fs::read_to_string(folder.path().join("stdout")).unwrap();
    wait_until("a consignment on its way", || said().contains("  Accepted"));
    let sign_in = std::fs::read_to_string(dir.join("sign-in.txt")).unwrap();
    assert_eq!(sign_in.matches("/console").count(), 3, "{sign_in}");
    assert!(processes::signal(demo.0.id(), "TERM"));
    assert_eq!(demo.0.wait().unwrap().code(), Some(0));
    assert!(said().lines().any(|line| line == "stopping the nodes"), "{}", said());
}
