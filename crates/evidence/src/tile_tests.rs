use super::*;
use crate::merkle;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A log in memory: its leaves, and its full tiles as a store would keep them.
struct Log {
    leaves: Vec<Hash>,
    full: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl Log {
    fn of(size: u64) -> Self {
        let leaves: Vec<Hash> = (0..size).map(|n| merkle::leaf_hash(&n.to_be_bytes())).collect();
        let mut log = Self { leaves, full: BTreeMap::new() };
        for tile in filled(0, size) {
            let hashes = log.hashes(tile);
            log.full.insert((tile.level(), tile.index()), hashes);
        }
        log
    }

    /// From the leaves at level 0, from the tiles below at the others.
    fn hashes(&self, tile: Tile) -> Vec<Hash> {
        let from = tile.index() * WIDTH;
        (from..from + u64::from(tile.width()))
            .map(|n| match tile.level() {
                0 => self.leaves[n as usize],
                level => Tile::root_of(&self.full[&(level - 1, n)]),
            })
            .collect()
    }
}

impl TileReader for &Log {
    type Error = EvidenceError;
    fn read(&mut self, tile: Tile) -> Result<Vec<Hash>, EvidenceError> {
        Ok(self.hashes(tile))
    }
}

#[test]
fn the_tiles_of_a_tree_are_those_of_the_specification() {
    // The example of tlog-tiles: a tree of 70,000.
    let width = |level, index, size| Tile::in_tree(level, index, size).map(|tile| tile.width());
    assert_eq!(width(0, 272, 70_000), Some(256));
    assert_eq!(width(0, 273, 70_000), Some(112));
    assert_eq!(width(0, 274, 70_000), None);
    assert_eq!(width(1, 0, 70_000), Some(256));
    assert_eq!(width(1, 1, 70_000), Some(17));
    assert_eq!(width(2, 0, 70_000), Some(1));
    assert_eq!(width(3, 0, 70_000), None);
    assert_eq!((width(0, 0, 256), width(1, 0, 256)), (Some(256), Some(1)));
    assert_eq!(width(7, u64::MAX, u64::MAX), None);
    assert_eq!(width(8, 0, u64::MAX), None);
    assert_eq!(filled(0, 70_000).count(), 273 + 1);
    assert_eq!(filled(65_535, 65_536).map(|tile| tile.level()).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn addresses_have_one_form() {
    for (path, level, index, width) in [
        ("tile/0/000", 0, 0, 256),
        ("tile/1/067.p/17", 1, 67, 17),
        ("tile/0/x001/x234/067", 0, 1_234_067, 256),
        ("tile/7/x001/000.p/255", 7, 1000, 255),
    ] {
        let tile = Tile { level, index, width };
        assert_eq!(TilePath::parse(path), Some(TilePath::Hashes(tile)), "{path}");
        assert_eq!(tile.path(), path);
        let entries = TilePath::parse(&path.replacen(&format!("tile/{level}"), "tile/entries", 1)).unwrap();
        assert_eq!(entries, TilePath::Entries(Tile { level: 0, ..tile }));
    }
    for path in [
        "",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/8/000",
        "tile/64/000",
        "tile/+0/000",
        "tile/0/+00",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1/",
        "tile/0/000/",
        "tile/data/000",
        "/tile/0/000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert_eq!(TilePath::parse(path), None, "{path}");
    }
}

#[test]
fn a_bundle_is_read_as_it_is_written() {
    let entries: [&[u8]; 3] = [b"first", b"", &[7; 65_535]];
    let bundle = encode_entries(entries).unwrap();
    let tile = Tile { level: 0, index: 0, width: 3 };
    assert_eq!(decode_entries(tile, &bundle).unwrap(), entries);
    assert!(decode_entries(Tile { width: 2, ..tile }, &bundle).is_err());
    assert!(decode_entries(tile, &bundle[..bundle.len() - 1]).is_err());
    assert!(decode_entries(tile, &[&bundle[..], &[0]].concat()).is_err());
    assert!(encode_entries([&[0u8; 65_536][..]]).is_err());
}

#[test]
fn a_tile_is_read_as_it_is_written() {
    let tile = Tile { level: 1, index: 4, width: 2 };
    let hashes = [[1; 32], [2; 32]];
    assert_eq!(decode_hashes(tile, &encode_hashes(&hashes)).unwrap(), hashes);
    assert!(decode_hashes(tile, &[0; 65]).is_err());
    assert!(decode_hashes(Tile { width: 3, ..tile }, &[0; 64]).is_err());
}

#[test]
fn what_is_outside_the_tree_has_no_proof() {
    let log = Log::of(300);
    let mut tree = TiledTree::new(300, &log);
    assert!(tree.inclusion_path(300).is_err());
    assert!(tree.leaf(300).is_err());
    assert!(tree.consistency_path(301).is_err());
    assert!(tree.consistency_path(0).unwrap().is_empty());
    assert_eq!(TiledTree::new(0, &log).root().unwrap(), empty_root());
}

#[test]
fn a_tile_that_is_too_narrow_is_refused() {
    struct Narrow;
    impl TileReader for Narrow {
        type Error = EvidenceError;
        fn read(&mut self, _: Tile) -> Result<Vec<Hash>, EvidenceError> {
            Ok(vec![[0; 32]])
        }
    }
    assert!(TiledTree::new(300, Narrow).root().is_err());
}

#[test]
fn every_size_up_to_three_levels_of_tiles_agrees_with_the_naive_tree() {
    let log = Log::of(70_001);
    for size in [1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 65_792, 70_000, 70_001] {
        let naive = &log.leaves[..size];
        let mut tree = TiledTree::new(size as u64, &log);
        assert_eq!(tree.root().unwrap(), merkle::root(naive), "{size}");
        for index in [0, 1, size / 3, size / 2, size - 1].into_iter().filter(|index| *index < size) {
            let path = tree.inclusion_path(index as u64).unwrap();
            merkle::verify_inclusion(&naive[index], index as u64, size as u64, &path, &merkle::root(naive))
                .unwrap();
            assert_eq!(tree.leaf(index as u64).unwrap(), naive[index]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn proofs_from_tiles_are_the_naive_ones(size in 1usize..1_500, index in any::<prop::sample::Index>(), old in any::<prop::sample::Index>()) {
        let log = Log::of(size as u64);
        let (index, old) = (index.index(size), old.index(size) + 1);
        let mut tree = TiledTree::new(size as u64, &log);
        prop_assert_eq!(tree.root().unwrap(), merkle::root(&log.leaves));
        prop_assert_eq!(Some(tree.inclusion_path(index as u64).unwrap()), merkle::inclusion_path(&log.leaves, index));
        prop_assert_eq!(tree.root_of_first(old as u64).unwrap(), merkle::root(&log.leaves[..old]));
        prop_assert_eq!(Some(tree.consistency_path(old as u64).unwrap()), merkle::consistency_path(&log.leaves, old));
    }

    #[test]
    fn an_address_is_read_as_it_is_written(level in 0u8..8, index in 0..u64::MAX, width in 1u16..=256) {
        let path = TilePath::Hashes(Tile { level, index, width });
        prop_assert_eq!(TilePath::parse(&path.path()), Some(path));
    }

    #[test]
    fn noise_is_no_address(path in "tile/[0-9x/.p]{0,12}") {
        if let Some(found) = TilePath::parse(&path) {
            prop_assert_eq!(found.path(), path);
        }
    }
}
