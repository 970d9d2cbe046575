//! The guard against a restored backup: the last signed checkpoint is kept outside the database too.
//!
//! A database that is restored from a backup has forgotten checkpoints that others have seen. Would the node go on, it
//! would sign another history under the same sizes, and the world could prove that it equivocated. So it compares before
//! it signs, and what it finds behind it does not sign, receipt or cosign with until the database is put right.
//!
//! As a witness the node has promised something too: never to cosign two histories of another's log. What it cosigned
//! last of each log is kept outside the database likewise, and goes before what the database says.

use super::LogError;
use super::tree::{count, root_at, row};
use base::Timestamp;
use evidence::merkle::Frontier;
use evidence::{Checkpoint, Digest, SignedNote, digest_of};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
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

    /// The note that was cosigned last of another's log.
    ///
    /// # Errors
    /// When the record cannot be read.
    fn load_witnessed(&self, origin: &str) -> io::Result<Option<String>>;

    /// Records the note that is cosigned of another's log, durably.
    ///
    /// # Errors
    /// When it cannot be written.
    fn store_witnessed(&self, origin: &str, note: &str) -> io::Result<()>;
}

/// Files beside the keys, so that they are in no backup of the database.
pub struct FileHead(PathBuf);

impl FileHead {
    /// The record at a path.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The file of another's log: an origin may have any character, its digest has not.
    fn witnessed(&self, origin: &str) -> PathBuf {
        let mut path = self.0.clone().into_os_string();
        path.push(format!(".{}", digest_of(origin.as_bytes())));
        path.into()
    }
}

impl HeadRecord for FileHead {
    fn load(&self) -> io::Result<Option<String>> {
        read_if_there(&self.0)
    }

    fn store(&self, note: &str) -> io::Result<()> {
        crate::files::write_private(&self.0, note.as_bytes())
    }

    fn load_witnessed(&self, origin: &str) -> io::Result<Option<String>> {
        read_if_there(&self.witnessed(origin))
    }

    fn store_witnessed(&self, origin: &str, note: &str) -> io::Result<()> {
        crate::files::write_private(&self.witnessed(origin), note.as_bytes())
    }
}

fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(note) => Ok(Some(note)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A record that lasts as long as it is held: of a simulated machine, whose disk does.
#[derive(Debug, Default)]
pub struct MemoryHead {
    own: Mutex<Option<String>>,
    witnessed: Mutex<BTreeMap<String, String>>,
}

impl HeadRecord for MemoryHead {
    fn load(&self) -> io::Result<Option<String>> {
        Ok(self.own.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn store(&self, note: &str) -> io::Result<()> {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = Some(note.to_owned());
        Ok(())
    }

    fn load_witnessed(&self, origin: &str) -> io::Result<Option<String>> {
        Ok(self.witnessed.lock().unwrap_or_else(PoisonError::into_inner).get(origin).cloned())
    }

    fn store_witnessed(&self, origin: &str, note: &str) -> io::Result<()> {
        let mut witnessed = self.witnessed.lock().unwrap_or_else(PoisonError::into_inner);
        witnessed.insert(origin.to_owned(), note.to_owned());
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
