//! The Merkle tree of an append-only log (RFC 9162 section 2.1), with SHA-256.
//!
//! A log keeps only its [`Frontier`] in memory: the roots of the complete subtrees, at most 64 of them, from which
//! the next root and the inclusion path of the newest leaf follow. Older paths and consistency proofs are computed
//! from the stored leaf hashes.

use crate::{EvidenceError, digest_of};

/// The SHA-256 hash of a leaf or node.
pub type Hash = [u8; 32];

/// The longest path: a tree of 2^64 leaves has 64 levels.
pub const MAX_PATH: usize = 64;

/// The root of the empty tree: SHA-256 of nothing (RFC 9162 section 2.1.1).
pub fn empty_root() -> Hash {
    digest_of(&[]).0
}

/// The hash of a leaf: SHA-256(0x00 ‖ entry).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    context.update(&[0x00]);
    context.update(entry);
    finished(context)
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    context.update(&[0x01]);
    context.update(left);
    context.update(right);
    finished(context)
}

pub(crate) fn finished(context: aws_lc_rs::digest::Context) -> Hash {
    let mut hash = [0u8; 32];
    for (slot, byte) in hash.iter_mut().zip(context.finish().as_ref()) {
        *slot = *byte;
    }
    hash
}

/// What appending a leaf gives: everything a receipt needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The position of the leaf, from 0.
    pub index: u64,
    /// The size of the tree with it.
    pub size: u64,
    /// The inclusion path of the leaf in that tree, from the leaf upwards.
    pub path: Vec<Hash>,
    /// The root of that tree.
    pub root: Hash,
}

/// The right edge of a growing tree: the roots of its complete subtrees, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    // INVARIANT: one root per set bit of `size`, that of the highest bit first.
    roots: Vec<Hash>,
}

impl Frontier {
    /// The frontier of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        match roots.next() {
            None => empty_root(),
            Some(smallest) => roots.fold(*smallest, |right, left| node_hash(left, &right)),
        }
    }

    /// Appends a leaf and gives its inclusion path, which is the frontier before it, smallest subtree first: all the
    /// siblings of the newest leaf lie to its left.
    pub fn append(&mut self, leaf: Hash) -> Appended {
        let index = self.size;
        let path = self.roots.iter().rev().copied().collect();
        self.push(leaf);
        Appended { index, size: self.size, path, root: self.root() }
    }

    /// Appends a leaf without making its path, as when rebuilding from stored leaves.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.roots.push(node);
        self.size += 1;
    }

    /// The frontier as bytes: the size in eight bytes, most significant first, then the roots, largest first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        bytes.extend(self.roots.iter().flatten());
        bytes
    }

    /// Reads [`Frontier::to_bytes`].
    ///
    /// # Errors
    /// When the length does not fit the size, or the size leaves no room for another leaf.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let wrong =
            || EvidenceError::malformed("frontier", "its length does not fit the size that it states");
        let (size, roots) = bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
        let size = u64::from_be_bytes(*size);
        let (roots, rest) = roots.as_chunks::<32>();
        if !rest.is_empty() || roots.len() != size.count_ones() as usize || size == u64::MAX {
            return Err(wrong());
        }
        Ok(Self { size, roots: roots.to_vec() })
    }
}

/// The root of the tree over `leaves`.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.push(*leaf);
    }
    frontier.root()
}

/// The largest power of two below `count`, where the left subtree ends. `count` is at least 2.
fn split(count: usize) -> usize {
    1 << (count.saturating_sub(1)).checked_ilog2().unwrap_or(0)
}

/// The inclusion path of leaf `index` (RFC 9162 section 2.1.3.1), from the leaf upwards; `None` when there is no such
/// leaf.
pub fn inclusion_path(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    let (mut leaves, mut index, mut path) = (leaves, index, Vec::new());
    if index >= leaves.len() {
        return None;
    }
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at(split(leaves.len()));
        if index < left.len() {
            path.push(root(right));
            leaves = left;
        } else {
            path.push(root(left));
            index -= left.len();
            leaves = right;
        }
    }
    path.reverse();
    Some(path)
}

/// The root that `path` leads to from `leaf` at `index` in a tree of `size` (RFC 9162 section 2.1.3.2).
///
/// # Errors
/// When the index is outside the tree or the path has not the length that the position demands.
pub fn root_from_path(leaf: &Hash, index: u64, size: u64, path: &[Hash]) -> Result<Hash, EvidenceError> {
    let wrong = |reason| EvidenceError::Proof { proof: "inclusion", reason };
    if index >= size {
        return Err(wrong("the index is not within the tree"));
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return Err(wrong("the path is too long"));
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 { Ok(hash) } else { Err(wrong("the path is too short")) }
}

/// Verifies that `leaf` is at `index` in the tree of `size` with `root`.
///
/// # Errors
/// When the path does not lead there.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> Result<(), EvidenceError> {
    if root_from_path(leaf, index, size, path)? == *root {
        Ok(())
    } else {
        Err(EvidenceError::Proof { proof: "inclusion", reason: "the path leads to another root" })
    }
}

/// The proof that the tree over `leaves` extends that over its first `old` (RFC 9162 section 2.1.4.1); `None` when
/// `old` is 0 or beyond the leaves. For equal sizes it is empty.
pub fn consistency_path(leaves: &[Hash], old: usize) -> Option<Vec<Hash>> {
    if old == 0 || old > leaves.len() {
        return None;
    }
    let (mut leaves, mut old, mut whole, mut path) = (leaves, old, true, Vec::new());
    while old != leaves.len() {
        let (left, right) = leaves.split_at(split(leaves.len()));
        if old <= left.len() {
            path.push(root(right));
            leaves = left;
        } else {
            path.push(root(left));
            old -= left.len();
            leaves = right;
            whole = false;
        }
    }
    if !whole {
        path.push(root(leaves));
    }
    path.reverse();
    Some(path)
}

/// Verifies that the tree of `new_size` with `new_root` extends that of `old_size` with `old_root`
/// (RFC 9162 section 2.1.4.2). Every tree extends the empty one, whose proof is empty.
///
/// # Errors
/// When it does not.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), EvidenceError> {
    let wrong = |reason| EvidenceError::Proof { proof: "consistency", reason };
    if old_size > new_size {
        return Err(wrong("the log shrank"));
    }
    if old_size == 0 || old_size == new_size {
        let expected = if old_size == 0 { empty_root() } else { *new_root };
        let holds = path.is_empty() && *old_root == expected;
        return holds.then_some(()).ok_or_else(|| wrong("the old root is another, or the path is not empty"));
    }
    // When the old tree is complete, its root itself starts the path.
    let complete = old_size.is_power_of_two();
    let (first, path) = if complete {
        (*old_root, path)
    } else {
        let (first, path) = path.split_first().ok_or_else(|| wrong("the path is empty"))?;
        (*first, path)
    };
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    let ones = node.trailing_ones();
    node >>= ones;
    last >>= ones;
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in path {
        if last == 0 {
            return Err(wrong("the path is too long"));
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(wrong("the path is too short"));
    }
    if old_hash != *old_root {
        return Err(wrong("the path leads to another old root"));
    }
    if new_hash != *new_root {
        return Err(wrong("the path leads to another new root"));
    }
    Ok(())
}

#[cfg(test)]
#[path = "merkle_tests.rs"]
mod tests;
