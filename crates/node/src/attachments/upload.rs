//! Uploads: an attachment is sealed while it comes in, and never lies anywhere in the clear.

use super::{AttachmentError, AttachmentView};
use crate::node::{Node, NodeError};
use crate::principals::Principal;
use evidence::disclosure::PartSecret;
use evidence::stream::{CHUNK, ChunkSealer, ContentKey, SealedChunk};
use std::sync::Arc;
use store::attachments::{self, NewAttachment, NewChunk};

/// After how many chunks the disk is looked at again.
const LOOKS: u64 = 64;

/// The longest name and media type: as long as a manifest carries.
const MAX_NAME: usize = evidence::MAX_TEXT;

/// An upload under way. When it is dropped before its end, what is here of it is erased by the next tidying.
pub struct AttachmentUpload {
    node: Arc<Node>,
    id: i64,
    sealer: ChunkSealer,
    taken: u64,
}

impl Node {
    /// Begins an upload by `author`. `size` is what the client says that it will send, if it says so.
    ///
    /// # Errors
    /// When the name or media type cannot be carried, it would be too large, the disk is too full, or the store fails.
    pub async fn begin_attachment(
        self: &Arc<Self>,
        author: &Principal,
        (name, media_type): (String, String),
        size: Option<u64>,
    ) -> Result<AttachmentUpload, AttachmentError> {
        for (what, text) in [("name", &name), ("media type", &media_type)] {
            if text.is_empty() || text.len() > MAX_NAME || text.chars().any(char::is_control) {
                return Err(AttachmentError::Name(what));
            }
        }
        self.allowance().check(size.unwrap_or(CHUNK as u64))?;
        let world = self.world();
        let mut random = |bytes: &mut [u8]| world.entropy.fill(bytes);
        let (key, secret) = (ContentKey::draw(&mut random), PartSecret::draw(&mut random));
        let sealer = ChunkSealer::new(&key, secret.clone())?;
        let (owner, now) = (author.name.clone(), self.now());
        let id = self
            .write(move |tx, _| -> Result<i64, NodeError> {
                let new = NewAttachment {
                    name: &name,
                    media_type: &media_type,
                    content_key: key.as_bytes(),
                    secret: secret.as_bytes(),
                };
                Ok(attachments::begin(tx, &new, &owner, now)?)
            })
            .await?;
        Ok(AttachmentUpload { node: Arc::clone(self), id, sealer, taken: 0 })
    }
}

impl AttachmentUpload {
    /// Takes a piece of the content, and stores each chunk that it completes before it returns: whoever sends faster than
    /// the disk writes has to wait.
    ///
    /// # Errors
    /// When it becomes too large, the disk too full, or the store fails.
    pub async fn write(&mut self, mut piece: &[u8]) -> Result<(), AttachmentError> {
        self.taken = self.taken.saturating_add(piece.len() as u64);
        if self.taken > self.node.allowance().largest() {
            let largest_mib = self.node.config().attachments.largest_mib;
            return Err(AttachmentError::TooLarge { largest_mib });
        }
        while !piece.is_empty() {
            if let Some(chunk) = self.sealer.push(&mut piece)? {
                self.store(chunk).await?;
            }
        }
        Ok(())
    }

    async fn store(&mut self, chunk: SealedChunk) -> Result<(), AttachmentError> {
        if chunk.number.is_multiple_of(LOOKS) {
            self.node.allowance().check(CHUNK as u64)?;
        }
        put(&self.node, self.id, chunk).await
    }

    /// Seals the last chunk: the attachment is ready to go with a document.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn finish(self) -> Result<AttachmentView, AttachmentError> {
        let Self { node, id, sealer, .. } = self;
        let (last, content) = sealer.finish()?;
        let chunks = i64::try_from(last.number + 1).unwrap_or(i64::MAX);
        let size = i64::try_from(content.size).unwrap_or(i64::MAX);
        put(&node, id, last).await?;
        let now = node.now();
        let ended = node
            .write(move |tx, _| -> Result<bool, NodeError> {
                Ok(attachments::complete(tx, id, (size, chunks), content.plaintext_root, now)?)
            })
            .await?;
        if !ended {
            return Err(AttachmentError::Interrupted);
        }
        node.attachment(id).await?.ok_or(AttachmentError::Interrupted)
    }

    /// Gives the upload up and erases what is here of it.
    ///
    /// # Errors
    /// When the store fails; the next tidying erases it then.
    pub async fn abandon(self) -> Result<(), NodeError> {
        let id = self.id;
        self.node
            .write(move |tx, _| -> Result<_, NodeError> { Ok(attachments::erase(tx, id).map(drop)?) })
            .await
    }
}

async fn put(node: &Node, id: i64, chunk: SealedChunk) -> Result<(), AttachmentError> {
    let now = node.now();
    let stored = node.write(move |tx, _| -> Result<_, NodeError> {
        let new = NewChunk {
            number: chunk.number,
            leaf: &chunk.leaf,
            plaintext_leaf: &chunk.plaintext_leaf,
            sealed: &chunk.sealed,
        };
        Ok(attachments::put_chunk(tx, id, &new, now)?)
    });
    stored.await?;
    Ok(())
}
