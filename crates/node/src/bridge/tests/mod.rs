//! Letters as messages and messages as commands: every message that is written here is read again, and judged by
//! xmllint with the reference schemas where they are at hand.

mod generated;
mod inbound;
mod letters;
mod samples;
mod world;

use base::{Administration, Timestamp};
use std::path::PathBuf;
use std::process::Command;
use wire::{Document, Limits};

/// Documents that were written, by message type.
#[derive(Default)]
pub(super) struct Written(Vec<(String, Vec<u8>)>);

impl Written {
    /// Writes a message, reads it again, and keeps it for the judgement.
    pub(super) fn write(&mut self, document: &Document) -> Document {
        let name = document.message().as_str();
        let body = match wire::write(document) {
            Ok(body) => body,
            Err(errors) => panic!("{name} is not valid: {errors:#?}"),
        };
        let again = wire::read(&body, &Limits::default()).expect("what is written can be read");
        self.0.push((name.to_owned(), body));
        again
    }

    pub(super) fn types(&self) -> Vec<&str> {
        let mut types: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        types.sort_unstable();
        types.dedup();
        types
    }

    /// Judges everything by xmllint with the reference schemas; says so when it cannot.
    pub(super) fn judge(&self, test: &str) {
        let Some(schemas) = data("ncts/xsd/p5-51.8.6") else {
            return;
        };
        if Command::new("xmllint").arg("--version").output().is_err() {
            assert!(
                std::env::var_os("TIDEWAITER_REQUIRE_TOOLS").is_none(),
                "xmllint is required and not installed"
            );
            println!("skipped: xmllint is not installed");
            return;
        }
        let folder = std::env::temp_dir().join(format!("tidewaiter-bridge-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for kind in self.types() {
            let lower = kind.to_lowercase();
            let published = schemas.join(format!("{lower}.xsd"));
            let schema = if published.exists() {
                published
            } else {
                schemas.join(format!("reconstructed/{lower}.xsd"))
            };
            let files: Vec<PathBuf> = (0..)
                .zip(self.0.iter().filter(|(name, _)| name == kind))
                .map(|(number, (_, body))| {
                    let file = folder.join(format!("{kind}-{number}.xml"));
                    std::fs::write(&file, body).unwrap();
                    file
                })
                .collect();
            let verdict = Command::new("xmllint")
                .args(["--noout", "--schema"])
                .arg(schema)
                .args(&files)
                .output()
                .unwrap();
            let words = String::from_utf8_lossy(&verdict.stderr);
            assert!(
                verdict.status.success(),
                "{kind}: {}",
                words.lines().take(5).collect::<Vec<_>>().join("\n")
            );
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

/// A folder of reference data; `None`, said aloud, when it is not at hand.
pub(super) fn data(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TIDEWAITER_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let found = root.join(path);
    if found.exists() {
        return Some(found);
    }
    assert!(std::env::var_os("TIDEWAITER_REQUIRE_DATA").is_none(), "{} is required", found.display());
    println!("skipped: {} is not at hand", found.display());
    None
}

pub(super) fn now() -> Timestamp {
    Timestamp::parse("2026-11-24T06:00:00Z").unwrap()
}

pub(super) fn administration(country: &str) -> Administration {
    Administration::of(country.parse().unwrap())
}
