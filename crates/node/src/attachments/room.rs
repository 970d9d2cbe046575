//! How much room there is for attachments: the limits of the configuration, and the disk as it is now.

use super::AttachmentError;
use crate::config::Attachments;
use crate::node::Node;
use std::path::Path;

const MIB: u64 = 1024 * 1024;

/// What may be taken now.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// The limits of the configuration.
    pub(crate) limits: Attachments,
    /// The free space of the store's disk in bytes; `None` when it is not on this machine.
    pub(crate) free: Option<u64>,
}

impl Allowance {
    /// The largest attachment, in bytes.
    pub(crate) fn largest(&self) -> u64 {
        self.limits.largest_mib.saturating_mul(MIB)
    }

    /// How much of one partner may be under way, in bytes.
    pub(crate) fn quota(&self) -> u64 {
        self.limits.partner_quota_mib.saturating_mul(MIB)
    }

    /// Whether the disk has room for `bytes` more, beside what is promised already.
    pub(crate) fn has_room(&self, bytes: u64, promised: u64) -> bool {
        let keep = self.limits.keep_free_mib.saturating_mul(MIB);
        let needed = keep.saturating_add(bytes).saturating_add(promised);
        self.free.is_none_or(|free| free >= needed)
    }

    /// Whether an upload of `bytes`, or of a few chunks when its size is not known, may go on.
    ///
    /// # Errors
    /// When it is too large or the disk too full.
    pub(crate) fn check(&self, bytes: u64) -> Result<(), AttachmentError> {
        if bytes > self.largest() {
            return Err(AttachmentError::TooLarge { largest_mib: self.limits.largest_mib });
        }
        if !self.has_room(bytes, 0) {
            let free_mib = self.free.unwrap_or_default() / MIB;
            return Err(AttachmentError::NoRoom { free_mib, keep_mib: self.limits.keep_free_mib });
        }
        Ok(())
    }
}

impl Node {
    /// What attachments may take now.
    pub(crate) fn allowance(&self) -> Allowance {
        let location = self.config().store_location();
        let free = location.strip_prefix("sqlite:").and_then(|path| free_bytes(Path::new(path)));
        Allowance { limits: self.config().attachments, free }
    }
}

/// The space that a user of the system may still take on the disk of a file.
fn free_bytes(path: &Path) -> Option<u64> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowance(free: Option<u64>) -> Allowance {
        let limits =
            Attachments { largest_mib: 10, partner_quota_mib: 20, partner_transfers: 2, keep_free_mib: 5 };
        Allowance { limits, free }
    }

    #[test]
    fn what_must_stay_free_stays_free() {
        let full = allowance(Some(8 * MIB));
        assert!(full.has_room(3 * MIB, 0));
        assert!(!full.has_room(3 * MIB + 1, 0) && !full.has_room(2 * MIB, 2 * MIB));
        let refused = full.check(4 * MIB).unwrap_err().to_string();
        assert!(
            refused.starts_with("the disk of the store has 8 MiB free, of which 5 must stay free"),
            "{refused}"
        );
        assert!(allowance(None).has_room(u64::MAX, u64::MAX), "another machine watches its own disk");
    }

    #[test]
    fn an_upload_has_a_largest_size() {
        let refused = allowance(None).check(10 * MIB + 1).unwrap_err().to_string();
        assert!(refused.starts_with("an attachment may have 10 MiB here"), "{refused}");
        allowance(None).check(10 * MIB).unwrap();
    }

    #[test]
    fn the_disk_of_a_file_is_asked() {
        assert!(free_bytes(&std::env::temp_dir().join("node.db")).is_some_and(|free| free > 0));
        assert_eq!(free_bytes(Path::new("/no/such/folder/node.db")), None);
    }
}
