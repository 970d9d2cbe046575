//! `tidewaiter reference`: code lists and customs offices as dated reference data.

use super::{fail, say};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// What to do with reference data.
#[derive(Subcommand)]
pub enum Reference {
    /// Load official JSON exports and an office table, show what they change, and activate them
    Import(Import),
    /// Show which lists are loaded, in which version
    List(List),
}

/// An import.
#[derive(Args)]
pub struct Import {
    /// A file or folder with code lists as JSON, `INDEX.tsv` and `customs-offices.tsv`
    path: PathBuf,
    /// The node's configuration; without it, the data is only checked and compared with the built-in sets
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Activate the new versions; without it, the differences are only shown
    #[arg(long, requires = "config")]
    activate: bool,
}

/// A listing.
#[derive(Args)]
pub struct List {
    /// The node's configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Reference {
    /// Runs it.
    pub fn run(self) -> ExitCode {
        match self {
            Self::Import(import) => {
                match node::import_reference(&import.path, import.config.as_deref(), import.activate) {
                    Ok(lines) => print(&lines),
                    Err(error) => fail(error),
                }
            }
            Self::List(list) => match node::list_reference(&list.config) {
                Ok(lines) => print(&lines),
                Err(error) => fail(error),
            },
        }
    }
}

fn print(lines: &[String]) -> ExitCode {
    for line in lines {
        say(format_args!("{line}"));
    }
    ExitCode::SUCCESS
}
