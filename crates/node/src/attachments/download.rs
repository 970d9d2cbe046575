//! Downloads: an attachment is opened chunk by chunk, and ends with an error at the first that does not hold.

use super::AttachmentError;
use crate::node::{Node, NodeError};
use base::Digest;
use evidence::disclosure::PartSecret;
use evidence::stream::{ChunkOpener, ContentKey};
use std::sync::Arc;
use store::attachments;

/// A download under way.
pub struct AttachmentDownload {
    node: Arc<Node>,
    id: i64,
    name: String,
    media_type: String,
    size: u64,
    chunks: u64,
    next: u64,
    root: Digest,
    opener: Option<ChunkOpener>,
}

impl Node {
    /// Begins to read an attachment; `None` when there is none, or it is not whole, or was erased.
    ///
    /// # Errors
    /// When the store fails or the keys on record are not usable.
    pub async fn read_attachment(
        self: &Arc<Self>,
        id: i64,
    ) -> Result<Option<AttachmentDownload>, AttachmentError> {
        let row = self.read(move |tx| -> Result<_, NodeError> { Ok(attachments::get(tx, id)?) }).await?;
        let Some(row) = row.filter(|row| matches!(row.state.as_str(), "ready" | "bound" | "received")) else {
            return Ok(None);
        };
        let (Some(key), Some(secret), Some(root)) = (row.content_key, row.secret, row.plaintext_root) else {
            return Ok(None);
        };
        let size = u64::try_from(row.size).unwrap_or(0);
        let (key, secret) = (ContentKey::from_bytes(key), PartSecret::from_bytes(secret));
        let opener = Some(ChunkOpener::new(&key, secret, size)?);
        let chunks = u64::try_from(row.chunks).unwrap_or(0);
        let (name, media_type) = (row.name, row.media_type);
        let node = Arc::clone(self);
        Ok(Some(AttachmentDownload { node, id, name, media_type, size, chunks, next: 0, root, opener }))
    }
}

impl AttachmentDownload {
    /// Its name, as its sender gave it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its media type, as its sender gave it.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next piece of its content; `None` at its end, when all of it was what its sender signed. The last piece is
    /// given only once the whole is known to hold, so that whoever counts the bytes is never short of an error.
    ///
    /// # Errors
    /// At the first chunk that is missing or does not hold; nothing follows then.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, AttachmentError> {
        let Some(mut opener) = self.opener.take() else { return Ok(None) };
        let (id, number) = (self.id, self.next);
        let sealed = self
            .node
            .read(move |tx| -> Result<_, NodeError> { Ok(attachments::chunk(tx, id, number)?) })
            .await?;
        let sealed = sealed.ok_or(AttachmentError::Damaged(number))?;
        let content = opener.open(sealed).map_err(|_| AttachmentError::Damaged(number))?;
        self.next += 1;
        if self.next < self.chunks {
            self.opener = Some(opener);
        } else {
            opener.finish(&self.root).map_err(|_| AttachmentError::NotAsSigned)?;
        }
        Ok(Some(content))
    }
}
