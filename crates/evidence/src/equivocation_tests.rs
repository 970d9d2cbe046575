use super::*;
use crate::merkle::Frontier;
use crate::samples::{administration, every_bit_counts, keys};

/// A history of `size` leaves in which everything from leaf `from` on is of another branch.
fn history(size: u64, from: u64) -> Vec<Hash> {
    (0..size)
        .map(|n| merkle::leaf_hash(&[n.to_be_bytes(), u64::from(n >= from).to_be_bytes()].concat()))
        .collect()
}

fn note(leaves: &[Hash]) -> String {
    let checkpoint = Checkpoint::new(&administration("GB"), leaves.len() as u64, merkle::root(leaves));
    checkpoint.sign(&keys(1).log).unwrap()
}

fn inclusion(leaves: &[Hash], index: usize) -> View {
    let path = merkle::inclusion_path(leaves, index).unwrap();
    View::Inclusion { note: note(leaves), leaf: leaves[index], index: index as u64, path }
}

fn receipt(leaves: &[Hash]) -> View {
    let mut frontier = Frontier::new();
    leaves[..leaves.len() - 1].iter().for_each(|leaf| frontier.push(*leaf));
    let leaf = leaves[leaves.len() - 1];
    let receipt = Receipt::issue(&administration("GB"), &frontier.append(leaf), &keys(1).log).unwrap();
    View::Receipt { receipt: receipt.into_bytes(), leaf }
}

fn prove(first: View, second: View) -> Result<(Equivocation, Contradiction), EvidenceError> {
    Equivocation::prove(&administration("GB"), first, second, &[keys(9).log.public(), keys(1).log.public()])
}

fn checkpoint(leaves: &[Hash]) -> View {
    View::Checkpoint { note: note(leaves) }
}

fn prefix(leaves: &[Hash], size: usize) -> View {
    let path = merkle::consistency_path(leaves, size).unwrap();
    View::Prefix { note: note(leaves), size: size as u64, root: merkle::root(&leaves[..size]), path }
}

/// Whatever two views that contradict each other look like.
fn proofs() -> Vec<Equivocation> {
    let (truth, lie) = (history(9, 9), history(9, 5));
    [
        (checkpoint(&truth), checkpoint(&lie)),
        (inclusion(&truth, 6), inclusion(&history(12, 5), 6)),
        (receipt(&truth), receipt(&lie)),
        (receipt(&truth), inclusion(&history(12, 5), 8)),
        (receipt(&truth), checkpoint(&lie)),
        (checkpoint(&truth), prefix(&history(12, 5), 9)),
    ]
    .map(|(first, second)| prove(first, second).unwrap().0)
    .to_vec()
}

#[test]
fn two_histories_are_proved_to_anyone_with_the_log_key() {
    let (truth, lie) = (history(9, 9), history(9, 5));
    let (_, two_roots) = prove(checkpoint(&truth), checkpoint(&lie)).unwrap();
    assert!(matches!(two_roots, Contradiction::TwoRoots { size: 9, .. }), "{two_roots}");
    let (_, two_leaves) = prove(inclusion(&truth, 6), inclusion(&history(12, 5), 6)).unwrap();
    assert!(matches!(two_leaves, Contradiction::TwoLeaves { index: 6, .. }), "{two_leaves}");
    for proof in proofs() {
        assert!(proof.verify(&[keys(1).log.public()]).is_ok());
        assert!(proof.verify(&[keys(2).log.public()]).is_err(), "another log's key");
        assert!(proof.verify(&[]).is_err());
    }
}

#[test]
fn one_history_at_two_times_is_no_contradiction() {
    let (early, late) = (history(9, 100), history(12, 100));
    for (first, second) in [
        (checkpoint(&early), checkpoint(&late)),
        (checkpoint(&early), checkpoint(&early)),
        (inclusion(&early, 6), inclusion(&late, 6)),
        (inclusion(&early, 6), inclusion(&late, 7)),
        (receipt(&early), receipt(&late)),
        (receipt(&early), checkpoint(&early)),
        (checkpoint(&early), prefix(&late, 9)),
    ] {
        let refused = prove(first, second).unwrap_err();
        assert_eq!(refused.to_string(), "the equivocation proof does not hold: both views can be true");
    }
    // Two histories that part between the sizes: each view alone can be true.
    assert!(prove(checkpoint(&history(9, 9)), checkpoint(&history(12, 5))).is_err());
}

#[test]
fn views_of_another_log_or_that_prove_nothing_are_refused() {
    let (truth, lie) = (history(9, 9), history(9, 5));
    let french = Equivocation::prove(
        &administration("FR"),
        checkpoint(&truth),
        checkpoint(&lie),
        &[keys(1).log.public()],
    );
    assert!(french.is_err());
    let View::Inclusion { note, index, path, .. } = inclusion(&truth, 6) else { unreachable!() };
    let invented = View::Inclusion { note, leaf: [7; 32], index, path };
    assert!(prove(invented, inclusion(&truth, 6)).is_err());
    // A prefix with a root that does not lead to the checkpoint, of nothing, and of everything.
    let View::Prefix { note, path, .. } = prefix(&truth, 4) else { unreachable!() };
    for (size, root) in [(4, [7; 32]), (0, merkle::empty_root()), (9, [7; 32])] {
        let invented = View::Prefix { note: note.clone(), size, root, path: path.clone() };
        assert!(prove(invented, checkpoint(&truth[..4])).is_err(), "{size}");
    }
}

#[test]
fn a_proof_has_one_encoding() {
    let key = [keys(1).log.public()];
    for proof in proofs() {
        let bytes = proof.to_cbor();
        assert!(bytes.len() < MAX_EQUIVOCATION);
        crate::cbor::check(WHAT, &bytes).unwrap();
        assert_eq!(Equivocation::from_cbor(&bytes).unwrap(), proof);
        every_bit_counts(&bytes, |bytes| {
            Equivocation::from_cbor(bytes).is_ok_and(|read| read.verify(&key).is_ok())
        });
        let [first, second] = proof.views.clone();
        let swapped = Equivocation { log: proof.log.clone(), views: [second, first] };
        assert!(Equivocation::from_cbor(&swapped.to_cbor()).is_err());
    }
    assert!(Equivocation::from_cbor(&vec![0; MAX_EQUIVOCATION + 1]).is_err());
}
