//! xmllint as the second opinion on what the project writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether xmllint is installed; says so on standard output where it is not.
pub fn has_xmllint() -> bool {
    let found = Command::new("xmllint").arg("--version").output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        assert_ne!(std::env::var("TIDEWAITER_REQUIRE_TOOLS").as_deref(), Ok("1"), "xmllint is not installed");
        println!("skipped: xmllint is not installed");
    }
    found
}

/// The reference schema of a message: the published one, else the one rebuilt from the specification.
fn schema(data: &Path, message: &str) -> PathBuf {
    let folder = data.join("xsd/p5-51.8.6");
    let name = format!("{}.xsd", message.to_lowercase());
    let published = folder.join(&name);
    if published.exists() { published } else { folder.join("reconstructed").join(name) }
}

/// What xmllint has against `files`, each with the type of its message; nothing when all validate.
pub fn objections(data: &Path, files: &[(String, PathBuf)]) -> Vec<String> {
    let mut by_type: BTreeMap<&str, Vec<&PathBuf>> = BTreeMap::new();
    for (message, file) in files {
        by_type.entry(message).or_default().push(file);
    }
    let mut objections = Vec::new();
    for (message, files) in by_type {
        let output = Command::new("xmllint")
            .args(["--noout", "--schema"])
            .arg(schema(data, message))
            .args(&files)
            .output()
            .expect("xmllint runs");
        let words = String::from_utf8_lossy(&output.stderr);
        let validated = words.lines().filter(|line| line.ends_with(" validates")).count();
        if !output.status.success() || validated != files.len() {
            let wrong = words.lines().filter(|line| !line.ends_with(" validates"));
            objections.push(format!("{message}: {}", wrong.collect::<Vec<_>>().join("\n")));
        }
    }
    objections
}

/// What xmllint has against one message of a node.
pub fn objections_to(data: &Path, message: &str, xml: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("message.xml");
    std::fs::write(&file, xml).expect("a file");
    objections(data, &[(message.to_owned(), file)])
}
