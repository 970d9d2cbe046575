//! What the tests against the reference data share.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod mutation;
pub mod values;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use wire::MessageType;

/// The folder of NCTS reference data, or nothing (said on standard output) where there is none.
pub fn data() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let folder =
        PathBuf::from(std::env::var("TIDEWAITER_DATA").unwrap_or_else(|_| default.to_owned())).join("ncts");
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

/// Whether xmllint is installed; says so on standard output where it is not.
pub fn has_xmllint() -> bool {
    let found = Command::new("xmllint").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        assert_ne!(std::env::var("TIDEWAITER_REQUIRE_TOOLS").as_deref(), Ok("1"), "xmllint is not installed");
        println!("skipped: xmllint is not installed");
    }
    found
}

/// `few`, or `many` in the full test run.
pub fn rounds(few: usize, many: usize) -> usize {
    if std::env::var("TIDEWAITER_FULL").as_deref() == Ok("1") { many } else { few }
}

/// An XML sample.
pub struct Sample {
    pub path: PathBuf,
    pub message: MessageType,
    pub bytes: Vec<u8>,
    /// xmllint's recorded verdict with the phase-5 schemas.
    pub is_valid: bool,
}

/// All XML samples of phase-5 messages, with their recorded verdicts.
pub fn samples(data: &Path) -> Vec<Sample> {
    let folder = data.join("samples");
    let table = std::fs::read_to_string(folder.join("VALIDATION.tsv")).expect("VALIDATION.tsv");
    let mut samples = Vec::new();
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let Some(message) = MessageType::parse(columns[1]) else {
            continue;
        };
        if !columns[0].ends_with(".xml") || !matches!(columns[2], "valid" | "invalid") {
            continue;
        }
        let path = folder.join(columns[0]);
        let bytes = std::fs::read(&path).expect("a sample");
        samples.push(Sample { path, message, bytes, is_valid: columns[2] == "valid" });
    }
    samples
}

/// The reference schema of a message.
pub fn schema(data: &Path, message: MessageType) -> PathBuf {
    let folder = data.join("xsd/p5-51.8.6");
    let name = format!("{}.xsd", message.as_str().to_lowercase());
    let published = folder.join(&name);
    if published.exists() { published } else { folder.join("reconstructed").join(name) }
}

/// What xmllint says of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    pub is_valid: bool,
    /// The line of the first error, where it names one.
    pub line: Option<u32>,
    /// The first error in its words.
    pub message: String,
}

/// Whether a code of list CL030 says the same as the words of xmllint.
pub fn says_the_same(code: u8, message: &str) -> bool {
    // Before its first error xmllint may warn about the form of a namespace name, which says nothing of the error.
    if message.contains("is not a valid URI") || message.contains("is not absolute") {
        return true;
    }
    let codes: &[(&str, &[u8])] = &[
        ("parser error", &[52, 53]),
        ("namespace error", &[52]),
        ("[facet 'maxLength']", &[39]),
        ("[facet 'minLength']", &[40]),
        ("[facet 'length']", &[39, 40]),
        ("[facet 'pattern']", &[51]),
        ("[facet 'enumeration']", &[12]),
        ("[facet 'minInclusive']", &[54]),
        ("[facet 'maxInclusive']", &[55]),
        ("[facet 'totalDigits']", &[50]),
        ("[facet 'fractionDigits']", &[50]),
        ("is not a valid value of", &[50]),
        ("Missing child element", &[13]),
        ("is required but missing", &[13]),
        ("This element is not expected", &[13, 15, 35]),
        ("is not allowed", &[15]),
        ("is not 'nillable'", &[15]),
        ("No matching global", &[15, 18]),
        ("xsi:type", &[50]),
    ];
    codes.iter().find(|(words, _)| message.contains(words)).is_some_and(|(_, codes)| codes.contains(&code))
}

/// Runs xmllint over files that are all to be the same message.
pub fn xmllint(schema: &Path, files: &[PathBuf]) -> HashMap<PathBuf, Judgement> {
    let mut found: HashMap<PathBuf, Judgement> =
        files.iter().map(|file| (file.clone(), Judgement::default())).collect();
    for chunk in files.chunks(500) {
        let output = Command::new("xmllint")
            .args(["--noout", "--schema"])
            .arg(schema)
            .args(chunk)
            .output()
            .expect("xmllint");
        for line in String::from_utf8_lossy(&output.stderr).lines() {
            if let Some(file) = line.strip_suffix(" validates")
                && let Some(judgement) = found.get_mut(Path::new(file))
            {
                judgement.is_valid = true;
            } else if let Some((file, rest)) = line.split_once(".xml:")
                && let Some(judgement) = found.get_mut(&PathBuf::from(format!("{file}.xml")))
                && judgement.line.is_none()
            {
                judgement.line = rest.split(':').next().and_then(|number| number.parse().ok());
                judgement.message = rest.to_owned();
            }
        }
    }
    found
}

/// A small generator of random numbers (SplitMix64), so that a failure is repeated by its seed.
pub struct Random(pub u64);

impl Random {
    /// The seed of a test: from the environment, else fixed. Printed, so that a failure can be repeated.
    pub fn seeded(default: u64) -> Self {
        let seed =
            std::env::var("TIDEWAITER_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(default);
        println!("seed {seed}: repeat with TIDEWAITER_SEED={seed}");
        Random(seed)
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
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    /// One of the items.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}
