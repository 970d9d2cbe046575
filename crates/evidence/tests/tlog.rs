//! A published log, verified by libraries that know nothing of this project: Go's `sumdb/note` and `sumdb/tlog` (see
//! `tlog/verify.go`), and the crates `signed_note` and `tlog_tiles`.
//!
//! The Go part needs `go` and its module `golang.org/x/mod` below a GOPATH (Debian: golang-go and
//! golang-golang-x-mod-dev, in /usr/share/gocode). Without them it says that it skips; with `TIDEWAITER_REQUIRE_TOOLS=1`
//! it fails then.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base::{Administration, Timestamp};
use evidence::merkle::{self, Frontier, Hash, leaf_hash};
use evidence::tile::{self, Tile, TilePath, TileReader, TiledTree};
use evidence::{
    Checkpoint, CosignedCheckpoint, CosigningKey, EvidenceError, KeySet, Keys, Seed, SignedNote, Witness,
    cosign, witness_name,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Three levels of tiles, the last of each partial.
const SIZE: u64 = 65_536 + 256 * 3 + 77;
/// An older checkpoint.
const OLD: u64 = 700;

fn keys(first: u8) -> Keys {
    let seed = |offset| Seed::from_bytes([first + offset; 32]);
    let set = KeySet { sign: seed(0), enc: seed(1), log: seed(2), witness: seed(3) };
    set.keys().unwrap()
}

fn administration(country: &str) -> Administration {
    Administration::parse(&format!("NTA.{country}")).unwrap()
}

fn entry(number: u64) -> Vec<u8> {
    // Of all lengths, the empty one among them.
    number.to_be_bytes().repeat(usize::try_from(number % 7).unwrap())
}

fn leaves() -> &'static [Hash] {
    static LEAVES: OnceLock<Vec<Hash>> = OnceLock::new();
    LEAVES.get_or_init(|| (0..SIZE).map(|number| leaf_hash(&entry(number))).collect())
}

/// The tiles of the log, computed from its leaves level by level.
struct Memory;

impl TileReader for Memory {
    type Error = EvidenceError;

    fn read(&mut self, tile: Tile) -> Result<Vec<Hash>, EvidenceError> {
        let from = tile.index() * tile::WIDTH;
        let of = |number: u64| match tile.level() {
            0 => leaves()[usize::try_from(number).unwrap()],
            level => {
                let below = Tile::full(level - 1, number);
                Tile::root_of(&Memory.read(below).unwrap())
            }
        };
        Ok((from..from + u64::from(tile.width())).map(of).collect())
    }
}

fn base64(hashes: &[Hash]) -> Vec<String> {
    // The note's own encoding of a root, by way of a checkpoint.
    let line = |hash: &Hash| Checkpoint::new(&administration("GB"), 1, *hash).text();
    hashes.iter().map(|hash| line(hash).lines().nth(2).unwrap().to_owned()).collect()
}

fn signed(size: u64) -> SignedNote {
    let mut frontier = Frontier::new();
    leaves()[..usize::try_from(size).unwrap()].iter().for_each(|leaf| frontier.push(*leaf));
    let checkpoint = Checkpoint::new(&administration("GB"), size, frontier.root());
    SignedNote::parse("checkpoint", &checkpoint.sign(&keys(10).log).unwrap()).unwrap()
}

fn moment() -> Timestamp {
    Timestamp::parse("2026-11-24T06:00:00.5Z").unwrap()
}

/// The checkpoint under the cosignatures of France and Italy.
fn cosigned() -> SignedNote {
    let note = signed(SIZE);
    let lines = [("FR", 20), ("IT", 30)].map(|(country, seed)| {
        let key = keys(seed);
        let name = witness_name(&administration(country));
        cosign(&note, &name, &CosigningKey::Ed25519(&key.witness), moment()).unwrap()
    });
    note.with(lines)
}

fn witnesses() -> [Witness; 2] {
    [("FR", 20), ("IT", 30)]
        .map(|(country, seed)| Witness::of(&administration(country), keys(seed).witness.public()))
}

/// Every tile and bundle that the log of this size is served as.
fn resources() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for level in 0..4 {
        for index in 0.. {
            let Some(tile) = Tile::in_tree(level, index, SIZE) else { break };
            found.push((tile.path(), tile::encode_hashes(&Memory.read(tile).unwrap())));
            if level == 0 {
                let entries: Vec<_> =
                    (0..u64::from(tile.width())).map(|at| entry(index * tile::WIDTH + at)).collect();
                let bundle = tile::encode_entries(entries.iter().map(Vec::as_slice)).unwrap();
                found.push((TilePath::Entries(tile).path(), bundle));
            }
        }
    }
    found
}

/// Publishes the log below a directory, with our proofs beside it.
fn publish(directory: &Path) {
    let inclusion =
        [(0, 1), (0, SIZE), (SIZE - 1, SIZE), (65_535, SIZE), (65_536, SIZE), (300, OLD), (70, 256)];
    let inclusion = inclusion.map(|(index, size)| {
        let path = TiledTree::new(size, Memory).inclusion_path(index).unwrap();
        json!({"index": index, "size": size, "path": base64(&path)})
    });
    let consistency = [(OLD, SIZE), (1, SIZE), (256, SIZE), (65_536, SIZE), (SIZE, SIZE), (300, OLD)];
    let consistency = consistency.map(|(old, new)| {
        let path = TiledTree::new(new, Memory).consistency_path(old).unwrap();
        json!({"old": old, "new": new, "path": base64(&path)})
    });
    let log_key = Checkpoint::verifier_key("tidewaiter.example/GB", &keys(10).log.public());
    let witness_keys: Vec<_> = witnesses().iter().map(|witness| witness.verifier_key()).collect();
    let mut files = resources();
    files.extend([
        ("checkpoint".to_owned(), cosigned().to_note().into_bytes()),
        ("checkpoint-old".to_owned(), signed(OLD).to_note().into_bytes()),
        (
            "facts.json".to_owned(),
            json!({"log_key": log_key, "witness_keys": witness_keys}).to_string().into_bytes(),
        ),
        (
            "proofs.json".to_owned(),
            json!({"inclusion": inclusion, "consistency": consistency}).to_string().into_bytes(),
        ),
    ]);
    for (path, bytes) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// The verifier, built once; `None` where Go is not installed.
fn verifier() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tlog-verify");
        let gopath = std::env::var("GOPATH").unwrap_or_else(|_| "/usr/share/gocode".to_owned());
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tlog/verify.go");
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache");
        let build = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(source)
            .envs([("GO111MODULE", "off"), ("GOPATH", &gopath), ("GOFLAGS", "")])
            .env("GOCACHE", cache)
            .output();
        let problem = match build {
            Ok(output) if output.status.success() => return Some(program),
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        let needs = "go with golang.org/x/mod below GOPATH (Debian: golang-go golang-golang-x-mod-dev)";
        let required = std::env::var("TIDEWAITER_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
        assert!(!required, "this test needs {needs}: {problem}");
        eprintln!("skipped: install {needs}: {problem}");
        None
    });
    built.as_deref()
}

#[test]
fn go_proves_checkpoints_tiles_entries_and_proofs() {
    let Some(verifier) = verifier() else { return };
    let directory = directory("tlog-published");
    publish(&directory);
    let output = Command::new(verifier).arg(&directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let proved: Value = serde_json::from_slice(&output.stdout).unwrap();
    let seconds = moment().as_micros() / 1_000_000;
    let expected = json!({
        "size": SIZE,
        "root": base::Digest(merkle::root(leaves())).to_string(),
        "old": OLD,
        "cosigned": {"tidewaiter.example/FR/witness": seconds, "tidewaiter.example/IT/witness": seconds},
        "entries": SIZE,
        "inclusion": 7,
        "consistency": 6,
    });
    assert_eq!(proved, expected);
}

#[test]
fn go_refuses_what_was_altered() {
    let Some(verifier) = verifier() else { return };
    let directory = directory("tlog-altered");
    publish(&directory);
    for (path, at) in [
        ("checkpoint", 30),
        ("checkpoint", 400),
        ("checkpoint-old", 30),
        ("tile/0/000", 0),
        ("tile/0/259.p/77", 2_000),
        ("tile/1/000", 8_191),
        ("tile/2/000.p/1", 5),
        ("tile/entries/128", 300),
        ("proofs.json", 500),
    ] {
        let path = directory.join(path);
        let whole = std::fs::read(&path).unwrap();
        let mut altered = whole.clone();
        // A letter for another, so that what was text is text still.
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        std::fs::write(&path, altered).unwrap();
        let output = Command::new(verifier).arg(&directory).output().unwrap();
        assert!(!output.status.success(), "{} was altered at {at} and still proved", path.display());
        std::fs::write(&path, whole).unwrap();
    }
}

/// A cosignature of type 0x04 for `signed_note`, which verifies what it is given a verifier for.
struct Cosigner {
    name: String,
    key: [u8; 32],
}

impl signed_note::Verifier for Cosigner {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        signed_note::key_id(&self.name, &[&[4], &self.key[..]].concat())
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let (time, signature) = signature.split_at(8);
        let time = u64::from_be_bytes(time.try_into().unwrap());
        let message = [format!("cosignature/v1\ntime {time}\n").as_bytes(), text].concat();
        aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, self.key)
            .verify(&message, signature)
            .is_ok()
    }
}

#[test]
fn signed_note_opens_a_cosigned_checkpoint() {
    let log_key = Checkpoint::verifier_key("tidewaiter.example/GB", &keys(10).log.public());
    let mut known: Vec<Box<dyn signed_note::Verifier>> =
        vec![Box::new(signed_note::StandardVerifier::new(&log_key).unwrap())];
    for (country, seed) in [("FR", 20), ("IT", 30)] {
        let key = *keys(seed).witness.public().as_bytes();
        known.push(Box::new(Cosigner { name: witness_name(&administration(country)), key }));
    }
    let note = signed_note::Note::from_bytes(cosigned().to_note().as_bytes()).unwrap();
    let (verified, unverified) = note.verify(&signed_note::VerifierList::new(known)).unwrap();
    assert_eq!((verified.len(), unverified.len()), (3, 0));
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), ("tidewaiter.example/GB", SIZE));
    assert_eq!(checkpoint.hash().0, merkle::root(leaves()));
    let key = keys(10).log.public();
    let note = cosigned().to_note();
    let ours = CosignedCheckpoint::verify(&note, "tidewaiter.example/GB", &key, &witnesses()).unwrap();
    assert_eq!((ours.checkpoint.size, ours.cosignatures.len()), (SIZE, 2));
}

/// Our tiles for `tlog_tiles`, found by the addresses that it asks for.
struct Tiles;

impl tlog_tiles::TileReader for Tiles {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &tlog_tiles::Tile| {
            // The crate puts the height into the path, which C2SP leaves out.
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            let Some(TilePath::Hashes(tile)) = TilePath::parse(&path) else { panic!("{path}") };
            tile::encode_hashes(&Memory.read(tile).unwrap())
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn tlog_tiles_proves_what_we_prove() {
    let root = tlog_tiles::Hash(merkle::root(leaves()));
    let reader = tlog_tiles::TileHashReader::new(SIZE, root, &Tiles);
    for (index, size) in [(0, SIZE), (SIZE - 1, SIZE), (65_536, SIZE), (300, OLD)] {
        let ours = TiledTree::new(size, Memory).inclusion_path(index).unwrap();
        let ours: Vec<_> = ours.into_iter().map(tlog_tiles::Hash).collect();
        assert_eq!(ours, tlog_tiles::prove_record(size, index, &reader).unwrap());
        let root = tlog_tiles::tree_hash(size, &reader).unwrap();
        let leaf = tlog_tiles::record_hash(&entry(index));
        tlog_tiles::check_record(&ours, size, root, index, leaf).unwrap();
    }
    for (old, new) in [(OLD, SIZE), (1, SIZE), (65_536, SIZE), (300, OLD)] {
        let ours = TiledTree::new(new, Memory).consistency_path(old).unwrap();
        let ours: Vec<_> = ours.into_iter().map(tlog_tiles::Hash).collect();
        assert_eq!(ours, tlog_tiles::prove_tree(new, old, &reader).unwrap());
        let roots = [new, old].map(|size| tlog_tiles::tree_hash(size, &reader).unwrap());
        tlog_tiles::check_tree(&ours, new, roots[0], old, roots[1]).unwrap();
    }
}
