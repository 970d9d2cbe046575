//! `tidewaiter validate FILE...`: one JSON line per file; exit 1 if any is invalid, 2 if one cannot be read.

use super::say;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The files to check.
#[derive(Args)]
pub struct Validate {
    /// Messages of NCTS phase 5 as XML
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Validate {
    /// Checks each file and prints its verdict.
    pub fn run(self) -> ExitCode {
        let (mut invalid, mut unreadable) = (false, false);
        for file in self.files {
            match std::fs::read(&file) {
                Ok(bytes) => {
                    let line = wire::verdict_json(&file.display().to_string(), &bytes);
                    invalid |= !wire::validate(&bytes, &wire::Limits::default()).is_valid();
                    say(line);
                }
                Err(error) => {
                    eprintln!("tidewaiter: cannot read `{}`: {error}", file.display());
                    say(format_args!("{}", unreadable_line(&file, &error)));
                    unreadable = true;
                }
            }
        }
        ExitCode::from(if unreadable { 2 } else { u8::from(invalid) })
    }
}

/// The line of a file that cannot be read: it has no place, and no code of an error in a message.
fn unreadable_line(file: &Path, error: &std::io::Error) -> serde_json::Value {
    let error = serde_json::json!({
        "line": 0, "column": 0, "code": "18", "path": "/", "message": format!("the file cannot be read: {error}"),
    });
    serde_json::json!({ "file": file.display().to_string(), "message": null, "valid": false, "errors": [error] })
}
