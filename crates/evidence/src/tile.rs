//! Tiles: a log's tree cut into pieces that never change once they are full (C2SP `tlog-tiles`).
//!
//! A tile holds up to 256 consecutive hashes of one level; level 0 has leaf hashes, each hash of a level above is the
//! root of a full tile below. Every root and proof of every size that the log ever had is computed from a handful of
//! tiles, so a log is served as plain files and a proof costs no more in a log of ten millions than in a small one.
//!
//! ```
//! use evidence::tile::{Tile, TilePath};
//!
//! let tile = Tile::in_tree(0, 273, 70_000).ok_or("the log has no such tile")?;
//! assert_eq!(tile.path(), "tile/0/273.p/112");
//! assert_eq!(TilePath::parse("tile/0/x001/067"), Some(TilePath::Hashes(Tile::full(0, 1067))));
//! # Ok::<(), &str>(())
//! ```

use crate::EvidenceError;
use crate::merkle::{Hash, empty_root, node_hash};
use std::collections::BTreeMap;

/// How many hashes a full tile has.
pub const WIDTH: u64 = 256;
/// How many levels of the tree one tile spans.
const HEIGHT: u32 = 8;
/// The highest level of tiles that a tree of 2^64 leaves has.
const MAX_LEVEL: u8 = 7;

/// A tile by its place: level, index within the level, and how many hashes it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: u8,
    index: u64,
    // INVARIANT: 1 to 256.
    width: u16,
}

impl Tile {
    /// The full tile at a place.
    pub const fn full(level: u8, index: u64) -> Self {
        Self { level, index, width: 256 }
    }

    /// The tile at a place as it is in a tree of `size` leaves: full, partial, or none.
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        if level > MAX_LEVEL {
            return None;
        }
        let hashes = size >> (HEIGHT * u32::from(level));
        let width = hashes.checked_sub(index.checked_mul(WIDTH)?)?.min(WIDTH);
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        Some(Self { level, index, width })
    }

    /// The level, from 0.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// The index within the level, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes it has: 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether it is full and will never change.
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == WIDTH
    }

    /// Its address below a log's prefix, as in `tile/0/x001/067` or `tile/1/000.p/17`.
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, place(self.index, self.width))
    }

    /// The root over the hashes of a full tile: a hash of the level above.
    pub fn root_of(hashes: &[Hash]) -> Hash {
        merge(hashes.to_vec())
    }
}

/// The tiles that became full between two sizes, lowest level first.
pub fn filled(old_size: u64, new_size: u64) -> impl Iterator<Item = Tile> {
    (0..=MAX_LEVEL).flat_map(move |level| {
        let full = |size: u64| (size >> (HEIGHT * u32::from(level))) / WIDTH;
        (full(old_size)..full(new_size)).map(move |index| Tile::full(level, index))
    })
}

/// What an address below a log's prefix names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TilePath {
    /// A tile of hashes.
    Hashes(Tile),
    /// The bundle of the entries below a tile of level 0.
    Entries(Tile),
}

impl TilePath {
    /// Reads an address such as `tile/0/x001/067` or `tile/entries/000.p/3`; `None` when it is not in the one form
    /// that a place has.
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let (place, width) = match rest.split_once(".p/") {
            Some((place, width)) => {
                (place, width.parse::<u16>().ok().filter(|width| u64::from(*width) < WIDTH && *width > 0)?)
            }
            None => (rest, 256),
        };
        let mut index = 0u64;
        for element in place.split('/') {
            let digits = element.strip_prefix('x').unwrap_or(element);
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let found = match level {
            "entries" => Self::Entries(Tile { level: 0, index, width }),
            _ => Self::Hashes(Tile {
                level: level.parse().ok().filter(|level| *level <= MAX_LEVEL)?,
                index,
                width,
            }),
        };
        // Leading zeroes, signs and missing or superfluous `x` give another address for the same place.
        (found.path() == path).then_some(found)
    }

    /// The address.
    pub fn path(&self) -> String {
        match self {
            Self::Hashes(tile) => tile.path(),
            Self::Entries(tile) => format!("tile/entries/{}", place(tile.index, tile.width)),
        }
    }

    /// The place.
    pub fn tile(&self) -> Tile {
        match self {
            Self::Hashes(tile) | Self::Entries(tile) => *tile,
        }
    }
}

fn place(index: u64, width: u16) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if u64::from(width) < WIDTH {
        path.push_str(&format!(".p/{width}"));
    }
    path
}

/// The hashes of a tile as they are served: one after the other, 32 bytes each.
pub fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.concat()
}

/// Reads a tile as it is served.
///
/// # Errors
/// When it has another length than the tile's width demands.
pub fn decode_hashes(tile: Tile, bytes: &[u8]) -> Result<Vec<Hash>, EvidenceError> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() != usize::from(tile.width) {
        return Err(EvidenceError::malformed(
            "tile",
            format!("`{}` has {} bytes, not {}", tile.path(), bytes.len(), usize::from(tile.width) * 32),
        ));
    }
    Ok(hashes.to_vec())
}

/// An entry bundle: each entry after its length in two bytes, most significant first.
///
/// # Errors
/// When an entry is longer than 65535 bytes.
pub fn encode_entries<'e>(entries: impl IntoIterator<Item = &'e [u8]>) -> Result<Vec<u8>, EvidenceError> {
    let mut bundle = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).map_err(|_| EvidenceError::TooLarge {
            what: "log entry",
            size: entry.len(),
            limit: usize::from(u16::MAX),
        })?;
        bundle.extend(length.to_be_bytes());
        bundle.extend(entry);
    }
    Ok(bundle)
}

/// Reads the entry bundle of a tile of level 0.
///
/// # Errors
/// When it ends within an entry or has another number of entries than the tile's width.
pub fn decode_entries(tile: Tile, bundle: &[u8]) -> Result<Vec<&[u8]>, EvidenceError> {
    let wrong = |reason: &str| EvidenceError::malformed("entry bundle", reason);
    let (mut rest, mut entries) = (bundle, Vec::new());
    while !rest.is_empty() {
        let (length, after) =
            rest.split_first_chunk::<2>().ok_or_else(|| wrong("it ends within a length"))?;
        let (entry, after) = after
            .split_at_checked(usize::from(u16::from_be_bytes(*length)))
            .ok_or_else(|| wrong("it ends within an entry"))?;
        entries.push(entry);
        rest = after;
    }
    if entries.len() != usize::from(tile.width) {
        return Err(wrong("it has another number of entries than its address says"));
    }
    Ok(entries)
}

/// Where tiles are read from: a store, or another's log over the network.
pub trait TileReader {
    /// What can go wrong in reading.
    type Error: From<EvidenceError>;

    /// The hashes of a tile, as many as it is wide.
    ///
    /// # Errors
    /// When the tile is not there.
    fn read(&mut self, tile: Tile) -> Result<Vec<Hash>, Self::Error>;
}

/// The tree that a log had at one size, over its tiles. Tiles that were read are kept for the next proof.
pub struct TiledTree<R> {
    size: u64,
    reader: R,
    known: BTreeMap<Tile, Vec<Hash>>,
}

impl<R: TileReader> TiledTree<R> {
    /// The tree of `size` leaves.
    pub fn new(size: u64, reader: R) -> Self {
        Self { size, reader, known: BTreeMap::new() }
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its root.
    ///
    /// # Errors
    /// When a tile cannot be read.
    pub fn root(&mut self) -> Result<Hash, R::Error> {
        self.root_of_first(self.size)
    }

    /// The root that the tree had when it was of `size` leaves, from the tiles of this tree.
    ///
    /// # Errors
    /// When it was never that large or a tile cannot be read.
    pub fn root_of_first(&mut self, size: u64) -> Result<Hash, R::Error> {
        if size > self.size {
            return Err(outside("the old tree is larger than the new one"));
        }
        if size == 0 { Ok(empty_root()) } else { self.range(0, size) }
    }

    /// The hash of leaf `index`.
    ///
    /// # Errors
    /// When there is no such leaf or its tile cannot be read.
    pub fn leaf(&mut self, index: u64) -> Result<Hash, R::Error> {
        if index >= self.size {
            return Err(outside("the index is not within the tree"));
        }
        self.complete(0, index)
    }

    /// The inclusion path of leaf `index` (RFC 9162 section 2.1.3.1), from the leaf upwards.
    ///
    /// # Errors
    /// When there is no such leaf or a tile cannot be read.
    pub fn inclusion_path(&mut self, index: u64) -> Result<Vec<Hash>, R::Error> {
        if index >= self.size {
            return Err(outside("the index is not within the tree"));
        }
        let (mut start, mut count, mut path) = (0, self.size, Vec::new());
        while count > 1 {
            let left = split(count);
            if index < start + left {
                path.push(self.range(start + left, count - left)?);
                count = left;
            } else {
                path.push(self.range(start, left)?);
                start += left;
                count -= left;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// The proof that this tree extends that over its first `old` leaves (RFC 9162 section 2.1.4.1). It is empty when
    /// `old` is 0 or the whole tree.
    ///
    /// # Errors
    /// When `old` is beyond the tree or a tile cannot be read.
    pub fn consistency_path(&mut self, old: u64) -> Result<Vec<Hash>, R::Error> {
        if old > self.size {
            return Err(outside("the old tree is larger than the new one"));
        }
        if old == 0 {
            return Ok(Vec::new());
        }
        let (mut start, mut count, mut old, mut whole, mut path) = (0, self.size, old, true, Vec::new());
        while old != count {
            let left = split(count);
            if old <= left {
                path.push(self.range(start + left, count - left)?);
                count = left;
            } else {
                path.push(self.range(start, left)?);
                start += left;
                count -= left;
                old -= left;
                whole = false;
            }
        }
        if !whole {
            path.push(self.range(start, count)?);
        }
        path.reverse();
        Ok(path)
    }

    /// The root over `count` leaves from `start`, which is a multiple of the largest power of two within `count`.
    fn range(&mut self, start: u64, count: u64) -> Result<Hash, R::Error> {
        let (mut start, mut count, mut roots) = (start, count, Vec::new());
        while let Some(level) = count.checked_ilog2() {
            roots.push(self.complete(level, start >> level)?);
            start += 1 << level;
            count -= 1 << level;
        }
        let mut roots = roots.into_iter().rev();
        let smallest = roots.next().unwrap_or_else(empty_root);
        Ok(roots.fold(smallest, |right, left| node_hash(&left, &right)))
    }

    /// The root of the `index`-th complete subtree of 2^`level` leaves.
    fn complete(&mut self, level: u32, index: u64) -> Result<Hash, R::Error> {
        let (tile_level, above) = (level / HEIGHT, level % HEIGHT);
        let first = index << above;
        let tile = u8::try_from(tile_level)
            .ok()
            .and_then(|tile_level| Tile::in_tree(tile_level, first / WIDTH, self.size))
            .ok_or_else(|| outside("the subtree is not within the tree"))?;
        if !self.known.contains_key(&tile) {
            let hashes = self.reader.read(tile)?;
            if hashes.len() != usize::from(tile.width) {
                return Err(outside("a tile has not the width that its place demands"));
            }
            self.known.insert(tile, hashes);
        }
        let from = usize::try_from(first % WIDTH).unwrap_or(usize::MAX);
        let hashes = self.known.get(&tile).and_then(|hashes| hashes.get(from..from + (1 << above)));
        let hashes = hashes.ok_or_else(|| outside("the subtree is not within its tile"))?;
        Ok(merge(hashes.to_vec()))
    }
}

fn outside<E: From<EvidenceError>>(reason: &'static str) -> E {
    EvidenceError::Proof { proof: "tile", reason }.into()
}

/// The largest power of two below `count`, where the left subtree ends. `count` is at least 2.
fn split(count: u64) -> u64 {
    1 << count.saturating_sub(1).checked_ilog2().unwrap_or(0)
}

/// The root over a power of two of hashes.
fn merge(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        hashes = hashes
            .chunks(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(node_hash(left, right)),
                rest => rest.first().copied(),
            })
            .collect();
    }
    hashes.first().copied().unwrap_or_else(empty_root)
}

#[cfg(test)]
#[path = "tile_tests.rs"]
mod tests;
