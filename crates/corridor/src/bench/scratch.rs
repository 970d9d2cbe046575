//! The place of a measurement, which leaves nothing behind.

use crate::fleet::StoreChoice;
use std::path::PathBuf;
use tokio::task::block_in_place;

/// Where one case is measured: a folder, and in PostgreSQL a schema for each of its stores. All are removed when it is
/// dropped, however the case ends.
pub(super) struct Scratch {
    /// The folder.
    pub(super) folder: PathBuf,
    /// The kind of store.
    pub(super) choice: StoreChoice,
    names: &'static [&'static str],
}

impl Scratch {
    /// A place for stores of these names.
    pub(super) fn new(choice: &StoreChoice, names: &'static [&'static str]) -> Self {
        let folder = std::env::temp_dir().join(format!("tidewaiter-bench-{}", std::process::id()));
        Self { folder, choice: choice.clone(), names }
    }

    /// The location of a store.
    pub(super) fn store(&self, name: &str) -> String {
        match &self.choice {
            StoreChoice::Sqlite => format!("sqlite:{}", self.folder.join(format!("{name}.db")).display()),
            StoreChoice::Postgres(url) => {
                let joint = if url.contains('?') { '&' } else { '?' };
                format!("{url}{joint}schema=bench_{}_{name}", std::process::id())
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for name in self.names {
            block_in_place(|| node::discard_store(&self.store(name)));
        }
        // What cannot be removed from the temporary folder is left to the system.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
