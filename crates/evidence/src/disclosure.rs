//! Salted leaves: how parts of a message can be shown later, with proof, without showing the rest.
//!
//! The manifest states, for each part, the RFC 9162 root over salted leaves
//! `SHA-256(0x00 ‖ salt ‖ path length in 4 bytes ‖ path ‖ value)`, and which leaves there are ([`LeafScheme`]): the
//! whole content under the empty path [`WHOLE`], and for structured content one more for each field. The salts follow
//! from the part's secret, which is sealed to the recipient together with the content and kept by both sides; without
//! it a digest tells nothing about the content, however guessable that is, and once it is erased the proofs still hold
//! and reveal nothing.
//!
//! What a shown field reveals is its path, its value and its salt, and besides them only the size class of the
//! document: the number of leaves is filled up to a power of two, at least 16, with leaves that stand for nothing, and
//! the leaves are in the order of their hashes, so that a place in the tree says nothing about a place in the document.
//!
//! ```
//! use evidence::disclosure::{Field, LeafTree, PartSecret};
//!
//! let secret = PartSecret::from_bytes([7; 32]); // a real caller draws it
//! let field = |path: &str, value: &str| Field { path: path.to_owned(), value: value.to_owned() };
//! let fields = [field("Consignment/grossMass", "1200"), field("Consignment/Consignee/name", "A. Trader")];
//! let tree = LeafTree::new(&secret, b"<CD001C>...</CD001C>", &fields)?;
//! # let (name, media_type) = ("message".to_owned(), "application/xml".to_owned());
//! # let (ciphertext, size) = (evidence::Digest([0; 32]), 20);
//! let part = evidence::PartManifest { plaintext_root: tree.root(), leaves: tree.scheme(), name, media_type, ciphertext, size };
//!
//! let shown = tree.show_field(&fields[0]).ok_or("no such field")?;
//! shown.verify(&part)?; // proves the mass and tells nothing about the consignee
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::stream::{chunk_path, verify_chunk_content};
use crate::{Digest, EvidenceError, PartManifest, merkle};
use aws_lc_rs::{digest, hmac};
use std::fmt;
use zeroize::Zeroizing;

/// The path of the leaf that holds the whole content of a part.
pub const WHOLE: &str = "";
/// The most fields that have leaves of their own; a part with more has the leaf of its whole content only, which bounds
/// the work of whoever receives it.
pub const MAX_FIELDS: usize = 100_000;
/// The longest path of a field in bytes.
pub const MAX_FIELD_PATH: usize = 512;
/// The least number of leaves of a structured part, so that small documents look alike.
const LEAST_LEAVES: usize = 16;
/// The longest inclusion path of a field: that of 2^17 leaves.
const MAX_DEPTH: usize = 17;
const WHAT: &str = "disclosed field";

/// Which leaves are under the root of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeafScheme {
    /// One leaf, the whole content; code 1.
    Whole,
    /// The whole content and one leaf for each field, filled up to a power of two and sorted by hash; code 2.
    Fields,
    /// One leaf for each chunk of a part that travels in chunks, in their order ([`crate::stream`]); code 3.
    Chunks,
}

impl LeafScheme {
    pub(crate) fn code(self) -> u64 {
        match self {
            Self::Whole => 1,
            Self::Fields => 2,
            Self::Chunks => 3,
        }
    }

    pub(crate) fn from_code(code: u64) -> Option<Self> {
        [Self::Whole, Self::Fields, Self::Chunks].into_iter().find(|scheme| scheme.code() == code)
    }
}

/// A field of a structured part: where it is and what it says, exactly as the sender's document has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// Its path: names separated by `/`, with the place of a repetition from the second on, as in
    /// `Consignment/HouseConsignment[2]/grossMass`.
    pub path: String,
    /// Its text.
    pub value: String,
}

/// The secret of a part, from which the salt of each of its leaves follows.
#[derive(Clone, PartialEq, Eq)]
pub struct PartSecret(Zeroizing<[u8; 32]>);

impl PartSecret {
    /// Draws a secret from `random`, which must be a cryptographically secure source.
    pub fn draw(random: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut secret = Zeroizing::new([0u8; 32]);
        random(secret.as_mut_slice());
        Self(secret)
    }

    /// From 32 bytes, as when it was stored.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The 32 bytes, for storing it where it can be erased.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The salt of the leaf at `path`: the first 16 bytes of HMAC-SHA-256 under the secret. Showing one salt tells
    /// nothing about another.
    pub fn salt(&self, path: &str) -> [u8; 16] {
        salt(&self.key(), path)
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice())
    }
}

impl fmt::Debug for PartSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PartSecret(secret)")
    }
}

fn salt(key: &hmac::Key, path: &str) -> [u8; 16] {
    let mut salt = [0u8; 16];
    for (slot, byte) in salt.iter_mut().zip(hmac::sign(key, path.as_bytes()).as_ref()) {
        *slot = *byte;
    }
    salt
}

/// A leaf that stands for nothing: HMAC-SHA-256 of a zero byte, which no path begins with, and its number.
fn filling(key: &hmac::Key, number: usize) -> merkle::Hash {
    let mut hash = [0u8; 32];
    let number = u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    let [a, b, c, d] = number;
    for (slot, byte) in hash.iter_mut().zip(hmac::sign(key, &[0, a, b, c, d]).as_ref()) {
        *slot = *byte;
    }
    hash
}

/// The salted leaf of `value` at `path`. The length before the path keeps two leaves apart whose path and value only
/// together read alike.
pub fn leaf(salt: &[u8; 16], path: &str, value: &[u8]) -> merkle::Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&[0x00]);
    context.update(salt);
    context.update(&u32::try_from(path.len()).unwrap_or(u32::MAX).to_be_bytes());
    context.update(path.as_bytes());
    context.update(value);
    merkle::finished(context)
}

/// The leaves of a part, for whoever knows its secret: its sender and its recipient.
pub struct LeafTree {
    key: hmac::Key,
    scheme: LeafScheme,
    // INVARIANT: one leaf, or a power of two of at least 16 in ascending order.
    leaves: Vec<merkle::Hash>,
}

impl LeafTree {
    /// The leaves of a part with this secret, content and fields. Without fields it has the leaf of the whole content
    /// only.
    ///
    /// # Errors
    /// When there are more than [`MAX_FIELDS`] fields, two have one path, or a path is empty, longer than
    /// [`MAX_FIELD_PATH`] or has a control character.
    pub fn new(secret: &PartSecret, content: &[u8], fields: &[Field]) -> Result<Self, EvidenceError> {
        let key = secret.key();
        let whole = leaf(&salt(&key, WHOLE), WHOLE, content);
        if fields.is_empty() {
            return Ok(Self { key, scheme: LeafScheme::Whole, leaves: vec![whole] });
        }
        check_fields(fields)?;
        let count = (fields.len() + 1).next_power_of_two().max(LEAST_LEAVES);
        let mut leaves = Vec::with_capacity(count);
        leaves.push(whole);
        leaves.extend(
            fields.iter().map(|field| leaf(&salt(&key, &field.path), &field.path, field.value.as_bytes())),
        );
        for number in 0..count - leaves.len() {
            leaves.push(filling(&key, number));
        }
        leaves.sort_unstable();
        Ok(Self { key, scheme: LeafScheme::Fields, leaves })
    }

    /// Which leaves there are.
    pub fn scheme(&self) -> LeafScheme {
        self.scheme
    }

    /// The plaintext root, as the part's manifest states it.
    pub fn root(&self) -> Digest {
        Digest(merkle::root(&self.leaves))
    }

    /// A field with the proof that it is in the part; `None` when the part has no such field with this value.
    pub fn show_field(&self, field: &Field) -> Option<Shown> {
        self.show(&field.path, field.value.as_bytes())
    }

    /// The whole content with the proof that it is that of the part; `None` when it is not.
    pub fn show_whole(&self, content: &[u8]) -> Option<Shown> {
        self.show(WHOLE, content)
    }

    fn show(&self, path: &str, value: &[u8]) -> Option<Shown> {
        let salt = salt(&self.key, path);
        let index = self.leaves.binary_search(&leaf(&salt, path, value)).ok()?;
        let proof = merkle::inclusion_path(&self.leaves, index)?;
        Some(Shown { path: path.to_owned(), value: value.to_vec(), salt, index: index as u64, proof })
    }
}

fn check_fields(fields: &[Field]) -> Result<(), EvidenceError> {
    let bad = |reason: String| Err(EvidenceError::value("part", "fields", reason));
    if fields.len() > MAX_FIELDS {
        return bad(format!("there are {}, at most {MAX_FIELDS} have leaves", fields.len()));
    }
    let mut paths: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
    paths.sort_unstable();
    if paths.windows(2).any(|pair| pair.first() == pair.last()) {
        return bad("two have one path".to_owned());
    }
    if !paths.iter().all(|path| is_field_path(path)) {
        return bad("a path is not of 1 to 512 bytes without control characters".to_owned());
    }
    Ok(())
}

fn is_field_path(path: &str) -> bool {
    !path.is_empty() && path.len() <= MAX_FIELD_PATH && !path.chars().any(char::is_control)
}

/// A leaf that is shown: path, value and salt, and the proof that it is under the root of its part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The path; [`WHOLE`] for the whole content.
    pub path: String,
    /// The value.
    pub value: Vec<u8>,
    /// The salt of this leaf, which tells nothing about others.
    pub salt: [u8; 16],
    /// The place of the leaf, from 0, in a tree of as many leaves as the proof is high.
    pub index: u64,
    /// The inclusion path, from the leaf upwards.
    pub proof: Vec<merkle::Hash>,
}

impl Shown {
    /// Verifies that the leaf is in the part that a manifest describes.
    ///
    /// # Errors
    /// When it is not, or has a form that the part's leaf scheme does not give.
    pub fn verify(&self, part: &PartManifest) -> Result<(), EvidenceError> {
        let wrong = |reason: &str| Err(EvidenceError::malformed(WHAT, reason));
        let height = self.proof.len();
        match part.leaves {
            LeafScheme::Chunks if self.path != chunk_path(self.index) => {
                return wrong("the part has leaves of chunks only");
            }
            LeafScheme::Chunks => {
                let proof = (&self.salt, self.proof.as_slice());
                return verify_chunk_content(&part.plaintext_root, part.size, self.index, proof, &self.value);
            }
            LeafScheme::Whole if self.path != WHOLE => return wrong("the part has no leaves of fields"),
            LeafScheme::Whole if height != 0 => return wrong("the tree of a whole part has one leaf"),
            LeafScheme::Fields if !(4..=MAX_DEPTH).contains(&height) => {
                return wrong("its proof is not of 4 to 17 hashes");
            }
            LeafScheme::Whole | LeafScheme::Fields => {}
        }
        if self.path == WHOLE {
            if self.value.len() as u64 != part.size {
                return wrong("the whole part is not of the stated size");
            }
        } else if !is_field_path(&self.path) || std::str::from_utf8(&self.value).is_err() {
            return wrong("a field has a path of 1 to 512 bytes without control characters, and text");
        }
        // The number of leaves is a power of two, so the height alone gives it.
        let leaf = leaf(&self.salt, &self.path, &self.value);
        merkle::verify_inclusion(&leaf, self.index, 1 << height, &self.proof, part.plaintext_root.as_bytes())
    }
}

#[cfg(test)]
#[path = "disclosure_tests.rs"]
mod tests;
