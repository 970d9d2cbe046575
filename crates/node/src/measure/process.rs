//! The memory of this process, as Linux tells it.

use std::fs;

/// Writing this to `clear_refs` sets the highest resident size to the present one (proc(5)).
const RESET_PEAK: &str = "5";

/// The highest resident size of this process since the last [`reset_peak_memory`], in bytes; `None` where the system
/// does not tell.
pub fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Forgets the highest resident size so far. Where that is not possible, [`peak_memory`] stays that of the whole run.
pub fn reset_peak_memory() {
    let _ = fs::write("/proc/self/clear_refs", RESET_PEAK);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_follows_what_is_used() {
        let Some(before) = peak_memory() else { return };
        let held = vec![1u8; 64 << 20];
        let after = peak_memory().unwrap();
        assert!(after >= before && after >= held.len() as u64, "{before} {after}");
    }
}
