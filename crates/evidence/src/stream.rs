//! Chunks: how a large part is sealed and opened in pieces, with one piece in memory.
//!
//! The content is cut into chunks of [`CHUNK`] bytes; the last one has what is left, and an empty content has one empty
//! chunk. Each is sealed with ChaCha20-Poly1305 (RFC 8439) under a [`ContentKey`] that is drawn for this part alone, in
//! the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015; as in age): the nonce is the chunk's number, from
//! 0, in eleven bytes, most significant first, and one byte that is 1 for the last chunk and 0 for all others. So a
//! chunk opens at its own place only, and a cut content never passes for a whole one.
//!
//! [`ChunkSealer`] and [`ChunkOpener`] take a content from its first chunk to its last. [`open_chunk`] opens one chunk
//! by its place, as when chunks arrive in any order. What ties the chunks to a message is in [`crate::chunked`].

use crate::disclosure::{self, PartSecret};
use crate::merkle::{self, Frontier, Hash};
use crate::{Digest, EvidenceError};
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use std::fmt;
use zeroize::Zeroizing;

/// How many bytes of content a chunk has: 256 KiB.
///
/// It is what one attempt risks to repeat, what each side holds in memory for each chunk under way, and how long a small
/// letter may have to wait for the disk behind a large part: 256 KiB are some two milliseconds of it. At this size what
/// is added to each chunk (tag, inclusion path, request) is below a quarter of one per cent, and a part of 1 GiB has
/// 4,096 chunks, whose hashes are 128 KiB.
pub const CHUNK: usize = 256 * 1024;

/// The most chunks of a part: 16 GiB of content. The hashes of all of them are 2 MiB, which either side may hold.
pub const MAX_CHUNKS: u64 = 65_536;

/// The largest content of a part in chunks.
pub const MAX_CONTENT: u64 = MAX_CHUNKS * CHUNK as u64;

/// How many bytes a sealed chunk has beyond its content.
pub const TAG: usize = 16;

/// The key that the chunks of one part, and nothing else, are sealed with.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentKey(Zeroizing<[u8; 32]>);

impl ContentKey {
    /// Draws a key from `random`, which must be a cryptographically secure source. A key serves one part: with the same
    /// key for two contents, the nonces would repeat and both could be read.
    pub fn draw(random: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut key = Zeroizing::new([0u8; 32]);
        random(key.as_mut_slice());
        Self(key)
    }

    /// From 32 bytes, as when it was stored.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The 32 bytes, for storing the key where it can be erased.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn aead(&self) -> Result<LessSafeKey, EvidenceError> {
        let unusable = |_| EvidenceError::Key { what: "content", reason: "it does not make a key" };
        UnboundKey::new(&CHACHA20_POLY1305, self.0.as_slice()).map(LessSafeKey::new).map_err(unusable)
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ContentKey(secret)")
    }
}

/// How many chunks a content of `size` bytes has.
///
/// # Errors
/// When it would have more than [`MAX_CHUNKS`].
pub fn chunk_count(size: u64) -> Result<u64, EvidenceError> {
    let count = size.div_ceil(CHUNK as u64).max(1);
    if count > MAX_CHUNKS {
        return Err(EvidenceError::value("part", "size", "a part in chunks has at most 16 GiB"));
    }
    Ok(count)
}

/// The place of a chunk in its part: its number, and whether it is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkPlace {
    number: u64,
    length: usize,
    last: bool,
}

impl ChunkPlace {
    /// The place of chunk `number`, from 0, in a content of `size` bytes.
    ///
    /// # Errors
    /// When the content has no such chunk, or too many.
    pub fn of(number: u64, size: u64) -> Result<Self, EvidenceError> {
        let count = chunk_count(size)?;
        if number >= count {
            return Err(EvidenceError::value(
                "chunk",
                "number",
                format!("the part has {count} chunks, numbered from 0"),
            ));
        }
        let last = number + 1 == count;
        let before = number.saturating_mul(CHUNK as u64);
        let left = usize::try_from(size.saturating_sub(before)).unwrap_or(usize::MAX);
        Ok(Self { number, length: left.min(CHUNK), last })
    }

    /// The number of the chunk, from 0.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How many bytes its content has.
    pub fn length(&self) -> usize {
        self.length
    }

    /// How many bytes it has when it is sealed.
    pub fn sealed_length(&self) -> usize {
        self.length + TAG
    }

    /// Whether it is the last of its part.
    pub fn is_last(&self) -> bool {
        self.last
    }
}

fn nonce(number: u64, last: bool) -> Nonce {
    let mut bytes = [0u8; 12];
    for (slot, byte) in bytes.iter_mut().skip(3).zip(number.to_be_bytes()) {
        *slot = byte;
    }
    if let Some(flag) = bytes.last_mut() {
        *flag = u8::from(last);
    }
    Nonce::assume_unique_for_key(bytes)
}

/// The path of a chunk's leaf under the plaintext root of its part, see [`crate::disclosure`].
pub fn chunk_path(number: u64) -> String {
    format!("chunk/{number}")
}

/// The salted leaf of a chunk under the plaintext root of its part.
pub fn chunk_leaf(secret: &PartSecret, number: u64, content: &[u8]) -> Hash {
    let path = chunk_path(number);
    disclosure::leaf(&secret.salt(&path), &path, content)
}

/// A chunk as it is stored and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedChunk {
    /// Its number, from 0.
    pub number: u64,
    /// Its sealed bytes: ciphertext and tag.
    pub sealed: Vec<u8>,
    /// Its leaf in the ciphertext tree of the part, see [`crate::chunked`].
    pub leaf: Hash,
    /// Its salted leaf under the plaintext root.
    pub plaintext_leaf: Hash,
}

/// What is known of a content when all of it has been sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedContent {
    /// Its size in bytes.
    pub size: u64,
    /// The root over its salted chunk leaves.
    pub plaintext_root: Digest,
}

/// Seals a content as it comes in, holding one chunk of it.
pub struct ChunkSealer {
    aead: LessSafeKey,
    secret: PartSecret,
    buffer: Vec<u8>,
    number: u64,
    leaves: Frontier,
}

impl ChunkSealer {
    /// A sealer under a key that no other content is sealed with.
    ///
    /// # Errors
    /// When the key is not usable.
    pub fn new(key: &ContentKey, secret: PartSecret) -> Result<Self, EvidenceError> {
        let buffer = Vec::with_capacity(CHUNK + TAG);
        Ok(Self { aead: key.aead()?, secret, buffer, number: 0, leaves: Frontier::new() })
    }

    /// Takes as much of `input` as it has room for, and gives a chunk when one is full and more follows: whether a chunk
    /// is the last is known only then. Call it again until `input` is empty.
    ///
    /// # Errors
    /// When the content is over its limit.
    pub fn push(&mut self, input: &mut &[u8]) -> Result<Option<SealedChunk>, EvidenceError> {
        if input.is_empty() {
            return Ok(None);
        }
        let full = if self.buffer.len() == CHUNK { Some(self.seal(false)?) } else { None };
        let room = CHUNK.saturating_sub(self.buffer.len()).min(input.len());
        let (taken, rest) = input.split_at_checked(room).unwrap_or((input, &[]));
        self.buffer.extend_from_slice(taken);
        *input = rest;
        Ok(full)
    }

    /// Seals what is left as the last chunk.
    ///
    /// # Errors
    /// When the content is over its limit.
    pub fn finish(mut self) -> Result<(SealedChunk, SealedContent), EvidenceError> {
        let size = self.number * CHUNK as u64 + self.buffer.len() as u64;
        let last = self.seal(true)?;
        Ok((last, SealedContent { size, plaintext_root: Digest(self.leaves.root()) }))
    }

    fn seal(&mut self, last: bool) -> Result<SealedChunk, EvidenceError> {
        let number = self.number;
        if number >= MAX_CHUNKS {
            return Err(EvidenceError::value("part", "size", "a part in chunks has at most 16 GiB"));
        }
        let mut sealed = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK + TAG));
        let plaintext_leaf = chunk_leaf(&self.secret, number, &sealed);
        let failed = |_| EvidenceError::Key { what: "content", reason: "a chunk cannot be sealed with it" };
        self.aead.seal_in_place_append_tag(nonce(number, last), Aad::empty(), &mut sealed).map_err(failed)?;
        self.leaves.push(plaintext_leaf);
        self.number += 1;
        Ok(SealedChunk { number, leaf: merkle::leaf_hash(&sealed), sealed, plaintext_leaf })
    }
}

/// The plaintext root of a content that is read from its first byte to its last: what its manifest states if it is the
/// content that was signed. It holds one chunk.
pub struct ContentDigest {
    secret: PartSecret,
    buffer: Vec<u8>,
    number: u64,
    leaves: Frontier,
}

impl ContentDigest {
    /// The digest of a content whose salts follow from `secret`.
    pub fn new(secret: PartSecret) -> Self {
        Self { secret, buffer: Vec::with_capacity(CHUNK), number: 0, leaves: Frontier::new() }
    }

    /// Takes the next piece of the content.
    ///
    /// # Errors
    /// When the content is over its limit.
    pub fn update(&mut self, mut piece: &[u8]) -> Result<(), EvidenceError> {
        while !piece.is_empty() {
            // A full chunk is the last one only if nothing follows.
            if self.buffer.len() == CHUNK {
                self.take_chunk()?;
            }
            let room = CHUNK.saturating_sub(self.buffer.len()).min(piece.len());
            let (taken, rest) = piece.split_at_checked(room).unwrap_or((piece, &[]));
            self.buffer.extend_from_slice(taken);
            piece = rest;
        }
        Ok(())
    }

    /// The size and root of the whole content.
    ///
    /// # Errors
    /// When the content is over its limit.
    pub fn finish(mut self) -> Result<SealedContent, EvidenceError> {
        let size = self.number * CHUNK as u64 + self.buffer.len() as u64;
        self.take_chunk()?;
        Ok(SealedContent { size, plaintext_root: Digest(self.leaves.root()) })
    }

    fn take_chunk(&mut self) -> Result<(), EvidenceError> {
        if self.number >= MAX_CHUNKS {
            return Err(EvidenceError::value("content", "size", "a part in chunks has at most 16 GiB"));
        }
        self.leaves.push(chunk_leaf(&self.secret, self.number, &self.buffer));
        self.buffer.clear();
        self.number += 1;
        Ok(())
    }
}

/// Opens one chunk at its place, in the buffer that holds its sealed bytes.
///
/// # Errors
/// When it has not the length of its place, belongs to another place or part, or was altered. The buffer is empty then.
pub fn open_chunk(
    key: &ContentKey,
    place: ChunkPlace,
    mut sealed: Vec<u8>,
) -> Result<Vec<u8>, EvidenceError> {
    open_with(&key.aead()?, place, &mut sealed)?;
    Ok(sealed)
}

fn open_with(aead: &LessSafeKey, place: ChunkPlace, sealed: &mut Vec<u8>) -> Result<(), EvidenceError> {
    if sealed.len() != place.sealed_length() {
        return Err(EvidenceError::CannotOpen);
    }
    let opened = aead.open_in_place(nonce(place.number, place.last), Aad::empty(), sealed);
    let length = opened.map_err(|_| EvidenceError::CannotOpen)?.len();
    sealed.truncate(length);
    Ok(())
}

/// Opens a content from its first chunk to its last, holding none, and checks it against the plaintext root that its
/// manifest states. A content is whole only when [`ChunkOpener::finish`] says so.
pub struct ChunkOpener {
    aead: LessSafeKey,
    secret: PartSecret,
    size: u64,
    next: u64,
    leaves: Frontier,
}

impl ChunkOpener {
    /// An opener of a content of `size` bytes, as its manifest states it.
    ///
    /// # Errors
    /// When the key is not usable, or the size over its limit.
    pub fn new(key: &ContentKey, secret: PartSecret, size: u64) -> Result<Self, EvidenceError> {
        chunk_count(size)?;
        Ok(Self { aead: key.aead()?, secret, size, next: 0, leaves: Frontier::new() })
    }

    /// Opens the next chunk.
    ///
    /// # Errors
    /// When it is another one or was altered, or none is left.
    pub fn open(&mut self, mut sealed: Vec<u8>) -> Result<Vec<u8>, EvidenceError> {
        let place = ChunkPlace::of(self.next, self.size)?;
        open_with(&self.aead, place, &mut sealed)?;
        self.leaves.push(chunk_leaf(&self.secret, self.next, &sealed));
        self.next += 1;
        Ok(sealed)
    }

    /// Confirms that all chunks were opened and are the content whose manifest states `root`.
    ///
    /// # Errors
    /// When chunks are missing, or the content is another.
    pub fn finish(self, root: &Digest) -> Result<(), EvidenceError> {
        if self.next != chunk_count(self.size)? {
            return Err(EvidenceError::value("content", "size", "its last chunks are missing"));
        }
        if self.leaves.root() == *root.as_bytes() {
            Ok(())
        } else {
            Err(EvidenceError::Proof {
                proof: "inclusion",
                reason: "the content leads to another plaintext root",
            })
        }
    }
}

/// Verifies that `content`, shown with its salt and path, is chunk `number` of a part whose manifest states `root` and
/// `size`, without the rest of the part.
///
/// # Errors
/// When it is not.
pub fn verify_chunk_content(
    root: &Digest,
    size: u64,
    number: u64,
    (salt, path): (&[u8; 16], &[Hash]),
    content: &[u8],
) -> Result<(), EvidenceError> {
    let place = ChunkPlace::of(number, size)?;
    if content.len() != place.length {
        return Err(EvidenceError::value("chunk", "content", "it has not the length of its place"));
    }
    let leaf = disclosure::leaf(salt, &chunk_path(number), content);
    merkle::verify_inclusion(&leaf, number, chunk_count(size)?, path, root.as_bytes())
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
