//! Processes of the system: who runs whom, and signals.

use std::process::Command;
use std::time::Duration;

/// The children of a process whose arguments include `word`.
pub fn children(parent: u32, word: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut children: Vec<u32> =
        ids.filter(|id| parent_of(*id) == Some(parent) && has_argument(*id, word)).collect();
    children.sort_unstable();
    children
}

/// The parent of a process that is not a zombie.
fn parent_of(id: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in parentheses may hold anything; the state and the parent come after it.
    let (_, rest) = status.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    if state == "Z" { None } else { fields.next()?.parse().ok() }
}

/// Whether a process runs, and is neither gone nor a zombie.
pub fn is_alive(id: u32) -> bool {
    parent_of(id).is_some()
}

fn has_argument(id: u32, word: &str) -> bool {
    let arguments = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    arguments.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())
}

/// Sends a signal to a process; false when it is gone.
pub fn signal(id: u32, name: &str) -> bool {
    let sent = Command::new("kill").args([&format!("-{name}"), &id.to_string()]).output();
    sent.expect("kill runs").status.success()
}

/// Waits.
#[allow(clippy::disallowed_methods, reason = "a test waits for other processes")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}
