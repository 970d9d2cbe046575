//! The rules of the house that no compiler checks: which room may use which, who may come as a guest, how long a file
//! may be, and which words mean nothing.

mod rooms;
mod source;

use std::path::{Path, PathBuf};
use std::process::Command;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// What must be mended.
    pub errors: Vec<String>,
    /// What should be looked at.
    pub warnings: Vec<String>,
    /// How many source files were read.
    pub files: usize,
}

/// Checks the workspace at `root`.
///
/// # Errors
/// When `cargo metadata` or a file cannot be read. What breaks a rule is in the report.
pub fn check(root: &Path) -> Result<Report, String> {
    let mut report = Report::default();
    rooms::check(&metadata(root)?, &mut report)?;
    check_lints(root, &mut report)?;
    for file in sources(root)? {
        let text = read(&file)?;
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
        source::check(&name, &text, &mut report);
        report.files += 1;
    }
    Ok(report)
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

/// The packages of the workspace as cargo sees them, without those from outside.
fn metadata(root: &Path) -> Result<serde_json::Value, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

/// Every package must take its lints from the workspace, or a ban holds everywhere but there.
fn check_lints(root: &Path, report: &mut Report) -> Result<(), String> {
    for folder in packages(root)? {
        let manifest = folder.join("Cargo.toml");
        if !read(&manifest)?.contains("[lints]\nworkspace = true") {
            report.errors.push(format!(
                "{}: it does not take the lints of the workspace; add `[lints]` with `workspace = true`",
                manifest.strip_prefix(root).unwrap_or(&manifest).display()
            ));
        }
    }
    Ok(())
}

fn packages(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut folders = vec![root.to_owned(), root.join("xtask")];
    for entry in list(&root.join("crates"))? {
        if entry.join("Cargo.toml").is_file() {
            folders.push(entry);
        }
    }
    Ok(folders)
}

/// All Rust files below the `src` folders of the packages, in order.
fn sources(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = packages(root)?.iter().map(|folder| folder.join("src")).collect();
    while let Some(folder) = folders.pop() {
        for entry in list(&folder)? {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                files.push(entry);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let cannot = |error: std::io::Error| format!("cannot list {}: {error}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(cannot)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(cannot)).collect()
}
