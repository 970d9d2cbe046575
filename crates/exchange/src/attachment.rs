//! Attachments on their way out: sealed in chunks before the message was written, tied to it when it is sealed.

use crate::outgoing::PrepareError;
use evidence::chunked::{HEAD, PieceTree, seal_head};
use evidence::disclosure::{LeafScheme, PartSecret};
use evidence::merkle::Hash;
use evidence::stream::{ContentKey, SealedContent};
use evidence::{Digest, PartManifest, SealingPublicKey};

/// An attachment whose content was sealed in chunks.
#[derive(Clone, Debug)]
pub struct OutgoingAttachment {
    /// Its name, unique in the message.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// The key that its chunks are sealed with.
    pub key: ContentKey,
    /// Its secret.
    pub secret: PartSecret,
    /// Its size and plaintext root.
    pub content: SealedContent,
    /// The leaves of its sealed chunks, in order.
    pub leaves: Vec<Hash>,
}

impl OutgoingAttachment {
    /// Its description before its head is sealed, which is bound to it.
    pub(crate) fn described(&self) -> PartManifest {
        PartManifest {
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            ciphertext: Digest([0; 32]),
            plaintext_root: self.content.plaintext_root,
            leaves: LeafScheme::Chunks,
            size: self.content.size,
        }
    }

    /// Seals the head: the ciphertext digest, and what the envelope carries, head and inclusion path.
    pub(crate) fn seal(
        &self,
        recipient: &SealingPublicKey,
        part_aad: &[u8],
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(Digest, Vec<u8>), PrepareError> {
        let mut opening = seal_head(recipient, part_aad, (&self.key, &self.secret), random)?;
        let tree = PieceTree::new(&opening, &self.leaves);
        opening.extend(tree.head_path().into_iter().flatten());
        Ok((tree.root(), opening))
    }
}

/// Takes apart what an envelope carries of an attachment: the head, and its inclusion path.
pub fn head_and_path(opening: &[u8]) -> Option<(&[u8], Vec<Hash>)> {
    let (head, path) = opening.split_at_checked(HEAD)?;
    let (path, rest) = path.as_chunks::<32>();
    rest.is_empty().then(|| (head, path.to_vec()))
}
