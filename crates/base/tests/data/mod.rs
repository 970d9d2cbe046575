//! The reference data that lies beside the project and is never part of it.

use std::path::PathBuf;

/// A folder of the data, or nothing if the data is not on this machine, which is printed; with
/// `TIDEWAITER_REQUIRE_DATA=1` its absence fails the test.
pub fn folder(name: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let root = std::env::var_os("TIDEWAITER_DATA").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    let required = std::env::var("TIDEWAITER_REQUIRE_DATA").is_ok_and(|value| value == "1");
    assert!(!required, "there is no {}; set TIDEWAITER_DATA", folder.display());
    println!("skipped: there is no {}", folder.display());
    None
}
