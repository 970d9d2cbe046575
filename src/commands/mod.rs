//! One file per command: its arguments, and what it prints.

pub mod bench;
pub mod corridor;
pub mod evidence;
pub mod identifier;
pub mod key;
pub mod node;
pub mod partner;
pub mod reference;
pub mod relay;
pub mod validate;

use std::io::Write;
use std::process::ExitCode;

/// The exit code for a command that could not do what it was asked.
const FAILED: u8 = 2;

/// Says why a command failed, and fails.
fn fail(error: impl std::fmt::Display) -> ExitCode {
    eprintln!("tidewaiter: {error}");
    ExitCode::from(FAILED)
}

/// Prints a line. That nobody reads any more, as after `| head`, is no failure of the command.
fn say(line: impl std::fmt::Display) {
    // There is nobody left to tell.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Runs an asynchronous command on all cores.
fn block_on<F: Future<Output = ExitCode>>(command: F) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => fail(error),
    }
}
