//! The guard against a restored backup: the last signed checkpoint is kept outside the database too.
//!
//! A database that is restored from a backup has forgotten checkpoints that others have seen. Would the node go on, it
//! would sign another history under the same sizes, and the world could prove that it equivocated. So it compares before
//! it signs, and what it finds behind it does not sign, receipt or cosign with until the database is put right.

use super::LogError;
use super::tree::{count, root_at, row};
use base::Timestamp;
use evidence::merkle::Frontier;
use evidence::{Checkpoint, Digest, SignedNote};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use store::{Tx, log};

/// Where the last signed checkpoint is kept beside the database.
pub trait HeadRecord: Send + Sync {
    /// The note that was recorded last.
    ///
    /// # Errors
    /// When the record cannot be read.
    fn load(&self) -> io::Result<Option<String>>;

    /// Records a note, durably: when this returns, a crash does not lose it.
    ///
    /// # Errors
    /// When it cannot be written.
    fn store(&self, note: &str) -> io::Result<()>;
}

/// A file beside the keys, so that it is in no backup of the database.
pub struct FileHead(PathBuf);

impl FileHead {
    /// The record at a path.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }
}

impl HeadRecord for FileHead {
    fn load(&self) -> io::Result<Option<String>> {
        match std::fs::read_to_string(&self.0) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn store(&self, note: &str) -> io::Result<()> {
        crate::files::write_private(&self.0, note.as_bytes())
    }
}

/// A record that lasts as long as it is held: of a simulated machine, whose disk does.
#[derive(Debug, Default)]
pub struct MemoryHead(Mutex<Option<String>>);

impl HeadRecord for MemoryHead {
    fn load(&self) -> io::Result<Option<String>> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn store(&self, note: &str) -> io::Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(note.to_owned());
        Ok(())
    }
}

/// This node has signed a checkpoint that its database does not lead to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the log is behind: this node has signed a checkpoint of {signed} entries (shown by {shown_by}), and the database \
     {found}; the database was restored from a backup or belongs to another node: restore the latest one, and do not \
     remove the record of the last checkpoint"
)]
pub struct LogBehind {
    /// The size of the checkpoint that was signed.
    pub signed: u64,
    /// Its root.
    pub root: Digest,
    /// Who or what has shown it.
    pub shown_by: String,
    /// What the database has instead, in words.
    pub found: String,
}

/// Whether the database leads to a checkpoint that this node has signed.
///
/// # Errors
/// [`LogError::Behind`] when it does not; the store's errors.
pub(super) fn leads_to(tx: &mut dyn Tx, signed: &Checkpoint, shown_by: &str) -> Result<(), LogError> {
    let behind = |found: String| {
        LogError::Behind(LogBehind {
            signed: signed.size,
            root: signed.root,
            shown_by: shown_by.to_owned(),
            found,
        })
    };
    let frontier = log::load_frontier(tx)?;
    let size = if frontier.is_empty() { 0 } else { Frontier::from_bytes(&frontier)?.size() };
    if size < signed.size || count(log::size(tx)?) < signed.size {
        return Err(behind(format!("has {size} entries")));
    }
    if root_at(tx, signed.size)? != signed.root.0 {
        return Err(behind("has other entries".to_owned()));
    }
    Ok(())
}

/// Whether the database leads to the recorded note. A checkpoint that was recorded and not saved, because the node
/// ended between the two, is saved now.
///
/// # Errors
/// [`LogError::Behind`] when it does not; the store's errors.
pub(super) fn adopt(tx: &mut dyn Tx, note: &str, now: Timestamp) -> Result<(), LogError> {
    let signed = Checkpoint::claimed(&SignedNote::parse("recorded checkpoint", note)?)?;
    leads_to(tx, &signed, "the record beside the keys")?;
    if log::latest_checkpoint(tx)?.is_none_or(|latest| count(latest.size) < signed.size) {
        log::save_checkpoint(tx, row(signed.size), note, now)?;
    }
    Ok(())
}
