use super::*;
use crate::merkle::{Frontier, leaf_hash};
use crate::samples::{administration, every_bit_counts, keys};
use coset::TaggedCborSerializable;
use proptest::prelude::*;

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

fn receipt(count: usize, index: usize) -> (Receipt, Hash) {
    let leaves = leaves(count);
    let head =
        TreeHead::sign(&administration("FR"), count as u64, &merkle::root(&leaves), &keys(2).log).unwrap();
    let path = merkle::inclusion_path(&leaves, index).unwrap();
    (head.receipt(index as u64, &path).unwrap(), leaves[index])
}

fn verified(bytes: &[u8], leaf: &Hash) -> Result<Included, EvidenceError> {
    Receipt::verify(bytes, leaf, &administration("FR"), &keys(2).log.public())
}

#[test]
fn a_receipt_proves_where_a_leaf_is() {
    let mut log = Frontier::new();
    leaves(5).into_iter().for_each(|leaf| log.push(leaf));
    let leaf = leaf_hash(b"the statement");
    let appended = log.append(leaf);
    let receipt = Receipt::issue(&administration("FR"), &appended, &keys(2).log).unwrap();
    let included = verified(receipt.as_bytes(), &leaf).unwrap();
    assert_eq!((included.index, included.size, included.root), (5, 6, Digest(log.root())));
}

#[test]
fn every_bit_of_a_receipt_counts() {
    // Trees of which the same path fits several sizes are among them: index 0 of 3 and of 4.
    let (by, key) = (administration("FR"), keys(2).log.public());
    for (count, index) in [(1, 0), (3, 0), (6, 4)] {
        let (receipt, leaf) = receipt(count, index);
        every_bit_counts(receipt.as_bytes(), |bytes| Receipt::verify(bytes, &leaf, &by, &key).is_ok());
    }
}

#[test]
fn another_leaf_log_key_and_a_statement_of_the_same_key_are_refused() {
    let (receipt, leaf) = receipt(4, 1);
    assert!(verified(receipt.as_bytes(), &leaf_hash(b"another")).is_err());
    assert!(
        Receipt::verify(receipt.as_bytes(), &leaf, &administration("IT"), &keys(2).log.public()).is_err()
    );
    assert!(
        Receipt::verify(receipt.as_bytes(), &leaf, &administration("FR"), &keys(3).log.public()).is_err()
    );
    assert!(verified(crate::samples::statement().as_bytes(), &leaf).is_err());
}

#[test]
fn the_size_that_is_proved_is_the_size_that_was_signed() {
    // The path of index 0 leads to the same root in trees of 3 and of 4 leaves.
    let leaves = leaves(3);
    let path = merkle::inclusion_path(&leaves, 0).unwrap();
    let root = merkle::root(&leaves);
    merkle::verify_inclusion(&leaves[0], 0, 4, &path, &root).unwrap();
    let mut head = TreeHead::sign(&administration("FR"), 3, &root, &keys(2).log).unwrap();
    head.size = 4;
    let forged = head.receipt(0, &path).unwrap();
    assert!(matches!(
        verified(forged.as_bytes(), &leaves[0]),
        Err(EvidenceError::Claim { claim: "subject", .. })
    ));
}

#[test]
fn other_shapes_are_refused_though_signed() {
    let (receipt, leaf) = receipt(4, 1);
    let signed = CoseSign1::from_tagged_slice(receipt.as_bytes()).unwrap();
    let changed = |change: &dyn Fn(&mut CoseSign1)| {
        let mut signed = signed.clone();
        change(&mut signed);
        verified(&signed.to_tagged_vec().unwrap(), &leaf)
    };
    assert!(changed(&|_| {}).is_ok());
    let Value::Map(proofs) = signed.unprotected.rest[0].1.clone() else {
        panic!("the proofs are a map");
    };
    let Value::Array(list) = proofs[0].1.clone() else {
        panic!("the inclusion proofs are an array");
    };
    let put = |signed: &mut CoseSign1, value: Value| signed.unprotected.rest[0].1 = value;
    assert!(changed(&|s| s.payload = Some(vec![1])).is_err());
    assert!(changed(&|s| s.unprotected.rest.clear()).is_err());
    assert!(changed(&|s| s.unprotected.key_id = vec![1]).is_err());
    assert!(changed(&|s| put(s, Value::Map(vec![]))).is_err());
    let two = Value::Array([list.clone(), list.clone()].concat());
    assert!(changed(&|s| put(s, Value::Map(vec![(Value::from(-1), two.clone())]))).is_err());
    let consistency = Value::Map(vec![(Value::from(-2), proofs[0].1.clone())]);
    assert!(changed(&|s| put(s, consistency.clone())).is_err());
    let both = Value::Map(vec![proofs[0].clone(), (Value::from(-2), Value::Array(vec![]))]);
    assert!(changed(&|s| put(s, both.clone())).is_err());
}

#[test]
fn a_batch_costs_one_signature() {
    let (first, _) = receipt(9, 2);
    let (second, _) = receipt(9, 7);
    let signature = |receipt: &Receipt| CoseSign1::from_tagged_slice(receipt.as_bytes()).unwrap().signature;
    assert_eq!(signature(&first), signature(&second));
}

proptest! {
    #[test]
    fn every_leaf_of_every_tree_has_a_receipt(count in 1usize..200, pick in any::<prop::sample::Index>()) {
        let index = pick.index(count);
        let (receipt, leaf) = receipt(count, index);
        let included = verified(receipt.as_bytes(), &leaf).unwrap();
        prop_assert_eq!((included.index, included.size), (index as u64, count as u64));
    }
}

#[test]
fn a_path_that_no_tree_has_is_neither_issued_nor_read() {
    let head = TreeHead::sign(&administration("FR"), 1, &[0; 32], &keys(2).log).unwrap();
    assert!(head.receipt(0, &[[0; 32]; 65]).is_err());
    let longest = head.receipt(0, &[[0; 32]; 64]).unwrap();
    assert!(longest.as_bytes().len() < MAX_RECEIPT);
    assert!(verified(&[0; MAX_RECEIPT + 1], &[0; 32]).is_err());
}
