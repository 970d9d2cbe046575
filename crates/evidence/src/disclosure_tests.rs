use super::*;
use crate::digest_of;
use proptest::prelude::*;

fn field(path: &str, value: &str) -> Field {
    Field { path: path.to_owned(), value: value.to_owned() }
}

fn secret() -> PartSecret {
    PartSecret::from_bytes([1; 32])
}

/// A part with this tree, as its manifest describes it.
fn part(tree: &LeafTree, content: &[u8]) -> PartManifest {
    let (plaintext_root, leaves, size) = (tree.root(), tree.scheme(), content.len() as u64);
    PartManifest { plaintext_root, leaves, size, ..crate::samples::manifest().parts[0].clone() }
}

#[test]
fn a_leaf_is_the_documented_hash() {
    let salt = [5u8; 16];
    let mut bytes = vec![0x00];
    bytes.extend(salt);
    bytes.extend([0, 0, 0, 3]);
    bytes.extend(b"a/bvalue");
    assert_eq!(leaf(&salt, "a/b", b"value"), digest_of(&bytes).0);
}

#[test]
fn path_and_value_do_not_run_into_each_other() {
    let salt = [0u8; 16];
    assert_ne!(leaf(&salt, "ab", b"c"), leaf(&salt, "a", b"bc"));
}

#[test]
fn unstructured_content_has_one_leaf() {
    let tree = LeafTree::new(&secret(), b"content", &[]).unwrap();
    assert_eq!(tree.scheme(), LeafScheme::Whole);
    assert_eq!(tree.root().0, leaf(&secret().salt(WHOLE), WHOLE, b"content"));
    let shown = tree.show_whole(b"content").unwrap();
    shown.verify(&part(&tree, b"content")).unwrap();
    assert!(shown.verify(&part(&tree, b"contents")).is_err());
    for leaves in [LeafScheme::Fields, LeafScheme::Chunks] {
        assert!(shown.verify(&PartManifest { leaves, ..part(&tree, b"content") }).is_err());
    }
    assert!(tree.show_whole(b"contents").is_none());
    let other = LeafTree::new(&PartSecret::from_bytes([2; 32]), b"content", &[]).unwrap();
    assert_ne!(tree.root(), other.root());
    assert!(!format!("{:?}", secret()).contains('1'));
}

#[test]
fn fields_are_shown_one_by_one_and_the_whole_too() {
    let fields = [field("a", "1"), field("a[2]", "2"), field("b/c", "")];
    let tree = LeafTree::new(&secret(), b"<x/>", &fields).unwrap();
    for field in &fields {
        let shown = tree.show_field(field).unwrap();
        shown.verify(&part(&tree, b"<x/>")).unwrap();
        assert_eq!(shown.proof.len(), 4);
    }
    tree.show_whole(b"<x/>").unwrap().verify(&part(&tree, b"<x/>")).unwrap();
    assert!(tree.show_field(&field("a", "2")).is_none());
    assert!(tree.show_field(&field("a[3]", "2")).is_none());
}

#[test]
fn the_number_of_leaves_tells_only_the_size_class() {
    let height = |count: usize| {
        let fields: Vec<_> = (0..count).map(|number| field(&format!("f{number}"), "v")).collect();
        let tree = LeafTree::new(&secret(), b"x", &fields).unwrap();
        tree.show_field(&fields[0]).unwrap().proof.len()
    };
    assert_eq!([1, 15, 16, 31, 32].map(height), [4, 4, 5, 5, 6]);
}

#[test]
fn fields_that_cannot_be_told_apart_or_shown_are_refused() {
    let long = "p".repeat(MAX_FIELD_PATH + 1);
    for fields in [
        vec![field("a", "1"), field("a", "2")],
        vec![field("", "1")],
        vec![field("\0", "1")],
        vec![field(&long, "1")],
    ] {
        assert!(LeafTree::new(&secret(), b"x", &fields).is_err(), "{fields:?}");
    }
}

#[test]
fn another_form_of_the_same_leaf_is_refused() {
    let fields: Vec<_> = (0..40).map(|number| field(&format!("f{number}"), "v")).collect();
    let tree = LeafTree::new(&secret(), b"x", &fields).unwrap();
    let shown = tree.show_field(&fields[7]).unwrap();
    let refused = |change: &dyn Fn(&mut Shown)| {
        let mut changed = shown.clone();
        change(&mut changed);
        changed.verify(&part(&tree, b"x")).is_err()
    };
    assert!(!refused(&|_| {}));
    assert!(refused(&|shown| shown.index ^= 1));
    assert!(refused(&|shown| shown.index += 64));
    assert!(refused(&|shown| shown.value.push(b' ')));
    assert!(refused(&|shown| shown.path.push(' ')));
    assert!(refused(&|shown| shown.salt[0] ^= 1));
    assert!(refused(&|shown| shown.proof.truncate(5)));
    assert!(refused(&|shown| shown.proof.push([0; 32])));
    assert!(refused(&|shown| shown.proof[0][0] ^= 1));
    assert!(refused(&|shown| (shown.path, shown.value) = (WHOLE.to_owned(), b"f7v".to_vec())));
}

fn fields() -> impl Strategy<Value = Vec<Field>> {
    let paths = prop::collection::btree_set("[a-zA-Z/]{1,20}(\\[[2-9]\\])?", 1..80);
    paths.prop_flat_map(|paths| {
        let count = paths.len();
        (Just(paths), prop::collection::vec(".{0,20}", count)).prop_map(|(paths, values)| {
            let pairs = paths.into_iter().zip(values);
            pairs.map(|(path, value)| Field { path, value }).collect()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_field_is_proved_and_what_is_not_shown_is_not_in_the_proof(fields in fields(), seed in any::<[u8; 32]>(), at in any::<prop::sample::Index>()) {
        let secret = PartSecret::from_bytes(seed);
        let tree = LeafTree::new(&secret, b"content", &fields).unwrap();
        let chosen = at.get(&fields);
        let shown = tree.show_field(chosen).unwrap();
        shown.verify(&part(&tree, b"content")).unwrap();
        for other in fields.iter().filter(|other| other.path != chosen.path) {
            let value = other.value.as_bytes();
            // Siblings are hashes under salts that were not shown: the shown salt does not give them.
            prop_assert!(!shown.proof.contains(&leaf(&shown.salt, &other.path, value)));
            prop_assert_ne!(secret.salt(&other.path), shown.salt);
        }
        // The order of the fields in the document does not matter.
        let reversed: Vec<_> = fields.iter().rev().cloned().collect();
        prop_assert_eq!(LeafTree::new(&secret, b"content", &reversed).unwrap().root(), tree.root());
    }
}
