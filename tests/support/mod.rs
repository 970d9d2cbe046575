//! What the tests of the whole share: the binary, reference data, declarations of our own, a node as a process.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod books;
pub mod corridor;
pub mod declarations;
pub mod outsider;
pub mod processes;
pub mod schema;
pub mod service;
pub mod traders;
pub mod wire_chaos;
pub mod witnesses;

use base::Administration;
use serde_json::Value;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The `tidewaiter` binary.
pub const BINARY: &str = env!("CARGO_BIN_EXE_tidewaiter");

/// The folder of NCTS reference data, or nothing (said on standard output) where there is none.
pub fn data() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data");
    let folder = std::env::var("TIDEWAITER_DATA").unwrap_or_else(|_| default.to_owned());
    let folder = PathBuf::from(folder).join("ncts");
    if folder.join("samples/VALIDATION.tsv").exists() {
        // xmllint resolves `..` without looking at links.
        return folder.canonicalize().ok();
    }
    assert_ne!(
        std::env::var("TIDEWAITER_REQUIRE_DATA").as_deref(),
        Ok("1"),
        "no reference data at {folder:?}"
    );
    println!("skipped: no reference data at {folder:?}");
    None
}

/// The files of a new node with the corridor's presets, which listens to partners at `peer`, and to nobody else.
pub fn prepare(folder: PathBuf, administration: &Administration, peer: SocketAddr) -> node::Prepared {
    node::initialise(&node::SetUp {
        folder,
        administration: administration.clone(),
        store: "sqlite:node.db".to_owned(),
        api: SocketAddr::from(([127, 0, 0, 1], 0)),
        peer,
        corridor_defaults: true,
        reference: None,
    })
    .unwrap()
}

/// `few`, or `many` in the full test run.
pub fn rounds(few: usize, many: usize) -> usize {
    if std::env::var("TIDEWAITER_FULL").as_deref() == Ok("1") { many } else { few }
}

/// How a run of the binary ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Ran {
    /// What it printed, as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// What it printed, one JSON value a line.
    pub fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }

    /// Itself, if the exit code is that.
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "standard error: {}\nstandard output: {}",
            self.stderr,
            self.stdout
        );
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs the binary to its end.
pub fn tidewaiter<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ran {
    let output = Command::new(BINARY).args(arguments).output();
    output.expect("the binary starts").into()
}

/// A small generator of random numbers (SplitMix64), so that a failure is repeated by its seed.
pub struct Random(pub u64);

impl Random {
    /// The seed of a test: from the environment, else fixed. Printed, so that a failure can be repeated.
    pub fn seeded(default: u64) -> Self {
        let seed = std::env::var("TIDEWAITER_SEED").ok().and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or(default);
        println!("seed {seed}: repeat with TIDEWAITER_SEED={seed}");
        Self(seed)
    }

    /// The next 64 random bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}
