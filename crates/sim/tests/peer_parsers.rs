//! Every parser that faces a partner, over its corpus and over mutations of it: the functions that the fuzz targets run,
//! without the fuzz engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;

use sim::Dice;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// How many mutations of each corpus are tried every day, and with `TIDEWAITER_FULL=1`.
const MUTATIONS: usize = 10_000;
const ALL_MUTATIONS: usize = 500_000;

/// The corpora are written, not compared, when this is `1`: after a format has changed.
const WRITE: &str = "TIDEWAITER_WRITE_CORPORA";

fn is_set(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value == "1")
}

/// The folder of the fuzz targets.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn corpora() -> PathBuf {
    folder().join("corpus")
}

#[test]
fn corpora_are_what_is_really_sent() {
    let seeds = fuzz::seeds();
    let mut wanted: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    for (target, name, bytes) in &seeds {
        let path = corpora().join(target).join(name);
        assert!(wanted.insert(path, bytes.clone()).is_none(), "{target}/{name} is there twice");
    }
    if is_set(WRITE) {
        std::fs::remove_dir_all(corpora()).ok();
        for (path, bytes) in &wanted {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
    for (path, bytes) in &wanted {
        let stored = std::fs::read(path).unwrap_or_default();
        assert!(stored == *bytes, "{} is out of date: run this test with {WRITE}=1", path.display());
    }
    let targets: BTreeSet<&str> = seeds.iter().map(|(target, ..)| *target).collect();
    assert_eq!(targets, fuzz::TARGETS.iter().map(|(name, _)| *name).collect());
}

#[test]
fn every_target_has_a_program() {
    for (name, _) in fuzz::TARGETS {
        let program = folder().join(format!("fuzz_targets/{name}.rs"));
        assert!(program.is_file(), "{} is missing", program.display());
    }
}

#[test]
fn seeds_are_accepted_or_refused_as_their_names_say() {
    for (target, name, bytes) in fuzz::seeds() {
        let (_, run) = fuzz::TARGETS.iter().find(|(known, _)| *known == target).unwrap();
        assert_eq!(run(&bytes), !name.starts_with("bad-"), "{target}/{name}");
    }
}

/// Changes some bytes: flips, values at the edges, insertions, deletions, truncation, repetition, pieces of another seed.
fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>, other: &[u8]) {
    const EDGES: [u8; 12] = [0x00, 0x01, 0x17, 0x18, 0x19, 0x1b, 0x3f, 0x7f, 0x80, 0x9f, 0xf6, 0xff];
    let place = |dice: &mut Dice, length: usize| {
        usize::try_from(dice.between(0, length.saturating_sub(1) as u64)).unwrap_or_default()
    };
    for _ in 0..dice.between(1, 3) {
        if bytes.is_empty() {
            bytes.push(0);
        }
        let at = place(dice, bytes.len());
        let length = place(dice, (bytes.len() - at).min(40)) + 1;
        match dice.between(0, 7) {
            0 => bytes[at] ^= 1 << dice.between(0, 7),
            1 => bytes[at] = *dice.pick(&EDGES).unwrap(),
            2 => {
                bytes[at] = bytes[at].wrapping_add(u8::try_from(dice.between(0, 4)).unwrap()).wrapping_sub(2)
            }
            3 => bytes.insert(at, *dice.pick(&EDGES).unwrap()),
            4 => drop(bytes.drain(at..(at + length).min(bytes.len()))),
            5 => bytes.truncate(at),
            6 => {
                let piece = bytes[at..(at + length).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            _ if other.is_empty() => {}
            _ => {
                let from = place(dice, other.len());
                let piece = other[from..(from + length).min(other.len())].to_vec();
                let end = (at + piece.len()).min(bytes.len());
                bytes.splice(at..end, piece);
            }
        }
    }
}

#[test]
fn mutations_are_refused_or_have_one_encoding() {
    let seeds = fuzz::seeds();
    let count = if is_set("TIDEWAITER_FULL") { ALL_MUTATIONS } else { MUTATIONS };
    for (target, run) in fuzz::TARGETS {
        let own: Vec<&[u8]> =
            seeds.iter().filter(|(name, ..)| *name == target).map(|(_, _, bytes)| bytes.as_slice()).collect();
        let mut dice = Dice::of(1, target);
        for number in 0..count {
            let mut bytes = own[number % own.len()].to_vec();
            let other = dice.pick(&own).copied().unwrap_or_default();
            mutate(&mut dice, &mut bytes, other);
            let tried = bytes.clone();
            let outcome = std::panic::catch_unwind(move || run(&tried));
            assert!(outcome.is_ok(), "{target}: mutation {number} breaks it: {bytes:02x?}");
        }
    }
}

#[test]
fn documents_have_one_encoding() {
    let document = node::DocumentContent {
        title: "Photograph of the seal".to_owned(),
        media_type: "image/jpeg".to_owned(),
        content: (0..=255).collect(),
    };
    let seed = document.encode();
    assert_eq!(node::DocumentContent::decode(&seed).unwrap(), document);
    let mut dice = Dice::of(1, "document");
    for _ in 0..if is_set("TIDEWAITER_FULL") { ALL_MUTATIONS } else { MUTATIONS } {
        let mut bytes = seed.clone();
        mutate(&mut dice, &mut bytes, &seed);
        if let Ok(read) = node::DocumentContent::decode(&bytes) {
            assert_eq!(read.encode(), bytes);
        }
    }
}
