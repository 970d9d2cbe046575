use super::*;
use proptest::prelude::*;

/// The leaves, roots, paths and consistency proofs that Certificate Transparency implementations test with.
const ENTRIES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
/// (index, size, path).
const PATHS: [(usize, usize, &[&str]); 5] = [
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];
/// (old size, new size, proof).
const CONSISTENCY: [(usize, usize, &[&str]); 4] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

fn hash(hex: &str) -> Hash {
    base::Digest::parse(hex).unwrap().0
}

fn hashes(list: &[&str]) -> Vec<Hash> {
    list.iter().map(|hex| hash(hex)).collect()
}

fn vector_leaves() -> Vec<Hash> {
    ENTRIES
        .iter()
        .map(|hex| {
            let bytes: Vec<u8> = (0..hex.len() / 2)
                .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
                .collect();
            leaf_hash(&bytes)
        })
        .collect()
}

fn numbered(count: usize) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

/// RFC 9162 section 2.1.1, word for word.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => digest_of(&[]).0,
        [leaf] => *leaf,
        _ => {
            let k = largest_power_below(leaves.len());
            node_hash(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
        }
    }
}

/// RFC 9162 section 2.1.3.1, word for word.
fn naive_path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = largest_power_below(leaves.len());
    let (mut path, sibling) = if m < k {
        (naive_path(m, &leaves[..k]), naive_root(&leaves[k..]))
    } else {
        (naive_path(m - k, &leaves[k..]), naive_root(&leaves[..k]))
    };
    path.push(sibling);
    path
}

/// SUBPROOF of RFC 9162 section 2.1.4.1, word for word.
fn naive_subproof(m: usize, leaves: &[Hash], b: bool) -> Vec<Hash> {
    let n = leaves.len();
    if m == n {
        return if b { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let k = largest_power_below(n);
    let (mut proof, last) = if m <= k {
        (naive_subproof(m, &leaves[..k], b), naive_root(&leaves[k..]))
    } else {
        (naive_subproof(m - k, &leaves[k..], false), naive_root(&leaves[..k]))
    };
    proof.push(last);
    proof
}

fn largest_power_below(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

#[test]
fn the_empty_tree_has_the_root_of_rfc_9162() {
    assert_eq!(
        Frontier::new().root(),
        hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    );
    assert_eq!(root(&[]), empty_root());
}

#[test]
fn roots_are_those_of_certificate_transparency() {
    let (leaves, mut frontier) = (vector_leaves(), Frontier::new());
    for (count, expected) in ROOTS.iter().enumerate() {
        let appended = frontier.append(leaves[count]);
        assert_eq!(appended.root, hash(expected), "size {}", count + 1);
        assert_eq!(root(&leaves[..=count]), hash(expected));
    }
}

#[test]
fn paths_are_those_of_certificate_transparency() {
    let leaves = vector_leaves();
    for (index, size, path) in PATHS {
        let path = hashes(path);
        assert_eq!(inclusion_path(&leaves[..size], index), Some(path.clone()), "{index} in {size}");
        let root = hash(ROOTS[size - 1]);
        verify_inclusion(&leaves[index], index as u64, size as u64, &path, &root).unwrap();
    }
}

#[test]
fn consistency_proofs_are_those_of_certificate_transparency() {
    let leaves = vector_leaves();
    for (old, new, path) in CONSISTENCY {
        let path = hashes(path);
        assert_eq!(consistency_path(&leaves[..new], old), Some(path.clone()), "{old} to {new}");
        verify_consistency(old as u64, &hash(ROOTS[old - 1]), new as u64, &hash(ROOTS[new - 1]), &path)
            .unwrap();
    }
}

#[test]
fn every_path_and_proof_up_to_forty_leaves_agrees_with_the_words_of_the_rfc() {
    let leaves = numbered(40);
    for size in 1..=leaves.len() {
        let tree = &leaves[..size];
        let whole = root(tree);
        assert_eq!(whole, naive_root(tree));
        for index in 0..size {
            let path = inclusion_path(tree, index).unwrap();
            assert_eq!(path, naive_path(index, tree));
            verify_inclusion(&tree[index], index as u64, size as u64, &path, &whole).unwrap();
        }
        for old in 1..=size {
            let path = consistency_path(tree, old).unwrap();
            assert_eq!(path, naive_subproof(old, tree, true));
            verify_consistency(old as u64, &root(&tree[..old]), size as u64, &whole, &path).unwrap();
        }
    }
}

#[test]
fn outside_the_tree_there_is_nothing() {
    let leaves = numbered(3);
    assert_eq!(inclusion_path(&leaves, 3), None);
    assert_eq!(inclusion_path(&[], 0), None);
    assert_eq!(consistency_path(&leaves, 0), None);
    assert_eq!(consistency_path(&leaves, 4), None);
    assert!(root_from_path(&leaves[0], 0, 0, &[]).is_err());
    assert!(verify_consistency(0, &empty_root(), 3, &root(&leaves), &[]).is_ok());
    assert!(verify_consistency(0, &leaves[0], 3, &root(&leaves), &[]).is_err());
    assert!(verify_consistency(3, &root(&leaves), 2, &root(&leaves[..2]), &[]).is_err());
}

#[test]
fn sizes_at_the_end_of_the_range_do_not_overflow() {
    let leaf = numbered(1)[0];
    let path = vec![leaf; MAX_PATH];
    assert!(root_from_path(&leaf, 0, u64::MAX, &path).is_ok());
    assert!(root_from_path(&leaf, u64::MAX - 1, u64::MAX, &path[..63]).is_ok());
    assert!(root_from_path(&leaf, 0, u64::MAX, &path[..63]).is_err());
    assert!(verify_consistency(1 << 63, &leaf, u64::MAX, &leaf, &path).is_err());
    let mut bytes = u64::MAX.to_be_bytes().to_vec();
    bytes.extend([0; 64 * 32]);
    assert!(Frontier::from_bytes(&bytes).is_err());
}

proptest! {
    #[test]
    fn a_frontier_gives_the_root_and_path_of_each_new_leaf(size in 1usize..600) {
        let leaves = numbered(size);
        let mut frontier = Frontier::new();
        for (index, leaf) in leaves.iter().enumerate() {
            let appended = frontier.append(*leaf);
            prop_assert_eq!((appended.index, appended.size), (index as u64, index as u64 + 1));
            verify_inclusion(leaf, appended.index, appended.size, &appended.path, &appended.root).unwrap();
            frontier = Frontier::from_bytes(&frontier.to_bytes()).unwrap();
        }
        prop_assert_eq!(frontier.root(), naive_root(&leaves));
        prop_assert_eq!(frontier.size(), size as u64);
    }

    #[test]
    fn another_leaf_index_path_or_root_is_refused(size in 2usize..300, pick in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), bit in 0usize..256) {
        let leaves = numbered(size);
        let index = pick.index(size);
        let path = inclusion_path(&leaves, index).unwrap();
        let root = root(&leaves);
        let holds = |leaf: &Hash, index: usize, path: &[Hash], root: &Hash| verify_inclusion(leaf, index as u64, size as u64, path, root).is_ok();
        let flipped = |hash: &Hash| { let mut hash = *hash; hash[bit / 8] ^= 1 << (bit % 8); hash };
        prop_assert!(holds(&leaves[index], index, &path, &root));
        prop_assert!(!holds(&flipped(&leaves[index]), index, &path, &root));
        prop_assert!(!holds(&leaves[index], index, &path, &flipped(&root)));
        let wrong = other.index(size);
        prop_assert!(wrong == index || !holds(&leaves[index], wrong, &path, &root));
        let at = other.index(path.len());
        let mut changed = path.clone();
        changed[at] = flipped(&changed[at]);
        prop_assert!(!holds(&leaves[index], index, &changed, &root));
        prop_assert!(!holds(&leaves[index], index, &path[1..], &root));
        let longer = [&path[..], &[root]].concat();
        prop_assert!(!holds(&leaves[index], index, &longer, &root));
    }

    #[test]
    fn a_log_that_rewrote_its_past_is_found_out(size in 2usize..300, pick in any::<prop::sample::Index>(), victim in any::<prop::sample::Index>(), bit in 0usize..256) {
        let leaves = numbered(size);
        let old = 1 + pick.index(size - 1);
        let old_root = root(&leaves[..old]);
        let path = consistency_path(&leaves, old).unwrap();
        prop_assert!(verify_consistency(old as u64, &old_root, size as u64, &root(&leaves), &path).is_ok());
        let mut rewritten = leaves.clone();
        rewritten[victim.index(old)][bit / 8] ^= 1 << (bit % 8);
        let path = consistency_path(&rewritten, old).unwrap();
        prop_assert!(verify_consistency(old as u64, &old_root, size as u64, &root(&rewritten), &path).is_err());
    }

    #[test]
    fn a_frontier_of_another_length_is_refused(size in any::<u64>(), roots in 0usize..70, extra in 0usize..2) {
        let mut bytes = size.to_be_bytes().to_vec();
        bytes.extend(vec![1; roots * 32 + extra]);
        let fits = roots == size.count_ones() as usize && extra == 0 && size != u64::MAX;
        prop_assert_eq!(Frontier::from_bytes(&bytes).is_ok(), fits);
    }
}
