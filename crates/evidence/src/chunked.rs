//! Parts that travel in chunks, and what ties each chunk to its message.
//!
//! Under [`Suite::HpkeX25519ChaCha20Poly1305Chunks`] the first part of a message is sealed in one piece, as under the
//! first suite. Every further part is sealed in [chunks](crate::stream) and has a head: its content key, sealed by HPKE
//! for the recipient and bound to the manifest, `encapsulated key (32) ‖ part secret (32) ‖ content key (32) ‖ tag (16)`
//! with the middle encrypted. Heads travel with the statement, chunks after it, in any order and over any time.
//!
//! The ciphertext digest of such a part is the RFC 9162 root over its sealed pieces: leaf 0 is the head, leaf `n + 1` is
//! chunk `n`. The size in the manifest says how many there are. So each chunk is verified by itself against the signed
//! manifest with an inclusion path of a few hundred bytes, and nothing unverified is ever kept.

use crate::cbor::Writer;
use crate::disclosure::PartSecret;
use crate::merkle::{self, Hash};
use crate::stream::{ChunkPlace, ContentKey, chunk_count};
use crate::{Digest, EvidenceError, Manifest, PartManifest, SealingKey, SealingPublicKey, open, seal};

/// The size of a head in bytes.
pub const HEAD: usize = seal::SEAL_OVERHEAD + 32;

/// Seals the content key and the secret of a part for the holder of `recipient`. `part_aad` is that of the part.
///
/// # Errors
/// When the recipient's key is not usable.
pub fn seal_head(
    recipient: &SealingPublicKey,
    part_aad: &[u8],
    (key, secret): (&ContentKey, &PartSecret),
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<Vec<u8>, EvidenceError> {
    seal(recipient, &head_aad(part_aad), secret, key.as_bytes(), random)
}

/// Opens a head.
///
/// # Errors
/// When it was sealed for another key, part or message, or was altered.
pub fn open_head(
    key: &SealingKey,
    part_aad: &[u8],
    head: &[u8],
) -> Result<(ContentKey, PartSecret), EvidenceError> {
    let (secret, content) = open(key, &head_aad(part_aad), head)?;
    let key = content.as_slice().try_into().map_err(|_| EvidenceError::CannotOpen)?;
    Ok((ContentKey::from_bytes(key), secret))
}

/// What a head is bound to: `["chunks", facts of the part]`, so that it never passes for a part in one piece.
fn head_aad(part_aad: &[u8]) -> Vec<u8> {
    let mut aad = Writer::new();
    aad.array(2).text("chunks").bytes(part_aad);
    aad.finish()
}

/// A part in chunks as its signed manifest describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkedPart {
    root: Digest,
    size: u64,
    count: u64,
}

impl ChunkedPart {
    /// Part `index` of a message.
    ///
    /// # Errors
    /// When there is no such part, or it does not travel in chunks.
    pub fn of(manifest: &Manifest, index: usize) -> Result<Self, EvidenceError> {
        match manifest.parts.get(index) {
            Some(part) if manifest.is_chunked(index) => Self::described(part),
            _ => Err(EvidenceError::value("chunk", "part", "the message has no such part in chunks")),
        }
    }

    pub(crate) fn described(part: &PartManifest) -> Result<Self, EvidenceError> {
        Ok(Self { root: part.ciphertext, size: part.size, count: chunk_count(part.size)? })
    }

    /// How many chunks it has.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many bytes its content has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The place of a chunk.
    ///
    /// # Errors
    /// When the part has no such chunk.
    pub fn place(&self, number: u64) -> Result<ChunkPlace, EvidenceError> {
        ChunkPlace::of(number, self.size)
    }

    /// Verifies the head with its path.
    ///
    /// # Errors
    /// When it is not the head of this part.
    pub fn verify_head(&self, head: &[u8], path: &[Hash]) -> Result<(), EvidenceError> {
        if head.len() != HEAD {
            return Err(EvidenceError::value("head", "size", format!("it has {HEAD} bytes")));
        }
        merkle::verify_inclusion(&merkle::leaf_hash(head), 0, self.count + 1, path, self.root.as_bytes())
    }

    /// Verifies that `sealed` is chunk `number` of this part, and gives its leaf.
    ///
    /// # Errors
    /// When it is not.
    pub fn verify_chunk(&self, number: u64, sealed: &[u8], path: &[Hash]) -> Result<Hash, EvidenceError> {
        let place = self.place(number)?;
        if sealed.len() != place.sealed_length() {
            return Err(EvidenceError::value("chunk", "size", "it has not the length of its place"));
        }
        let leaf = merkle::leaf_hash(sealed);
        merkle::verify_inclusion(&leaf, number + 1, self.count + 1, path, self.root.as_bytes())?;
        Ok(leaf)
    }
}

/// The ciphertext tree of a part in chunks: from it come the digest in the manifest and the path of each piece.
#[derive(Clone, Debug)]
pub struct PieceTree {
    // INVARIANT: level 0 has all leaves; each further level has one node for two of the one below, an odd last one
    // going up as it is, which is the tree of RFC 9162; the last level has one node.
    levels: Vec<Vec<Hash>>,
}

impl PieceTree {
    /// The tree over a head and the leaves of its chunks, in their order.
    pub fn new(head: &[u8], chunks: &[Hash]) -> Self {
        let mut level = Vec::with_capacity(chunks.len() + 1);
        level.push(merkle::leaf_hash(head));
        level.extend_from_slice(chunks);
        let mut levels = Vec::new();
        while level.len() > 1 {
            let above = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => merkle::node_hash(left, right),
                    _ => pair.first().copied().unwrap_or_default(),
                })
                .collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self { levels }
    }

    /// The root: the ciphertext digest of the part.
    pub fn root(&self) -> Digest {
        let root = self.levels.last().and_then(|level| level.first());
        Digest(root.copied().unwrap_or_default())
    }

    /// How many chunks the part has.
    pub fn chunks(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len().saturating_sub(1) as u64)
    }

    /// The inclusion path of the head.
    pub fn head_path(&self) -> Vec<Hash> {
        self.path(0)
    }

    /// The inclusion path of a chunk; `None` when there is no such chunk.
    pub fn chunk_path(&self, number: u64) -> Option<Vec<Hash>> {
        (number < self.chunks()).then(|| self.path(usize::try_from(number).unwrap_or(usize::MAX) + 1))
    }

    fn path(&self, leaf: usize) -> Vec<Hash> {
        let mut index = leaf;
        let mut path = Vec::with_capacity(self.levels.len());
        for level in &self.levels {
            // The last node of an odd level has no sibling and goes up as it is.
            if level.len() > 1
                && let Some(sibling) = level.get(index ^ 1)
            {
                path.push(*sibling);
            }
            index /= 2;
        }
        path
    }
}

#[cfg(test)]
#[path = "chunked_tests.rs"]
mod tests;
