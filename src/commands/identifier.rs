//! `tidewaiter identifier check KIND VALUE...`: one JSON line per value; exit 1 if any is invalid.

use super::say;
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;

/// What to do with identifiers.
#[derive(Subcommand)]
pub enum Identifier {
    /// Check form and check digit
    Check(Check),
}

/// The identifiers to check.
#[derive(Args)]
pub struct Check {
    /// mrn, grn, container, eori or office
    #[arg(value_parser = base::KINDS.to_vec())]
    kind: String,
    /// The identifiers
    #[arg(required = true, value_name = "VALUE", allow_hyphen_values = true)]
    values: Vec<String>,
}

impl Identifier {
    /// Checks each value and prints its verdict.
    pub fn run(self) -> ExitCode {
        let Self::Check(check) = self;
        let mut invalid = false;
        for value in &check.values {
            let verdict = base::check(&check.kind, value);
            invalid |= !verdict.valid;
            say(format_args!(
                "{}",
                json!({"value": value, "kind": check.kind, "valid": verdict.valid, "reason": verdict.reason})
            ));
        }
        ExitCode::from(u8::from(invalid))
    }
}
