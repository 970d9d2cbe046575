use super::*;
use crate::disclosure::LeafScheme;
use crate::samples::{keys, manifest};
use crate::stream::{CHUNK, ChunkSealer, SealedChunk, SealedContent, open_chunk};
use crate::{Suite, part_aad};
use proptest::prelude::*;

fn counting(first: u8) -> impl FnMut(&mut [u8]) {
    let mut next = first;
    move |slot: &mut [u8]| {
        slot.iter_mut().for_each(|byte| {
            next = next.wrapping_mul(31).wrapping_add(7);
            *byte = next;
        });
    }
}

/// An attachment as its sender seals it, and the manifest that describes it.
struct Attachment {
    manifest: Manifest,
    chunks: Vec<SealedChunk>,
    head: Vec<u8>,
    tree: PieceTree,
}

fn attachment(length: usize, seed: u8) -> Attachment {
    let content: Vec<u8> = (0..length).map(|at| (at / 5) as u8 ^ seed).collect();
    let mut random = counting(seed);
    let (key, secret) = (ContentKey::draw(&mut random), PartSecret::draw(&mut random));
    let mut sealer = ChunkSealer::new(&key, secret.clone()).unwrap();
    let (mut chunks, mut rest) = (Vec::new(), content.as_slice());
    while !rest.is_empty() {
        chunks.extend(sealer.push(&mut rest).unwrap());
    }
    let (last, SealedContent { size, plaintext_root }) = sealer.finish().unwrap();
    chunks.push(last);
    let mut manifest = manifest();
    manifest.message_id = crate::MessageId::new(crate::samples::moment(), [seed; 10]);
    manifest.encryption.suite = Suite::HpkeX25519ChaCha20Poly1305Chunks;
    manifest.parts.push(PartManifest {
        name: "scan.tif".to_owned(),
        media_type: "image/tiff".to_owned(),
        ciphertext: Digest([0; 32]),
        plaintext_root,
        size,
        leaves: LeafScheme::Chunks,
    });
    let aad = part_aad(&manifest.binding().unwrap(), 1);
    let head = seal_head(&keys(2).enc.public(), &aad, (&key, &secret), &mut random).unwrap();
    let leaves: Vec<Hash> = chunks.iter().map(|chunk| chunk.leaf).collect();
    let tree = PieceTree::new(&head, &leaves);
    manifest.parts[1].ciphertext = tree.root();
    Attachment { manifest, chunks, head, tree }
}

impl Attachment {
    fn part(&self) -> ChunkedPart {
        ChunkedPart::of(&self.manifest, 1).unwrap()
    }

    fn aad(&self) -> Vec<u8> {
        part_aad(&self.manifest.binding().unwrap(), 1)
    }

    fn path(&self, number: u64) -> Vec<Hash> {
        self.tree.chunk_path(number).unwrap()
    }
}

#[test]
fn each_chunk_is_verified_and_opened_by_itself_against_the_manifest() {
    let sent = attachment(4 * CHUNK + 9, 1);
    let read = Manifest::from_cbor(&sent.manifest.to_cbor().unwrap()).unwrap();
    let part = ChunkedPart::of(&read, 1).unwrap();
    part.verify_head(&sent.head, &sent.tree.head_path()).unwrap();
    let (key, secret) = open_head(&keys(2).enc, &sent.aad(), &sent.head).unwrap();
    for chunk in sent.chunks.iter().rev() {
        let leaf = part.verify_chunk(chunk.number, &chunk.sealed, &sent.path(chunk.number)).unwrap();
        assert_eq!(leaf, chunk.leaf);
        let content = open_chunk(&key, part.place(chunk.number).unwrap(), chunk.sealed.clone()).unwrap();
        assert_eq!(crate::stream::chunk_leaf(&secret, chunk.number, &content), chunk.plaintext_leaf);
    }
    assert!(!read.is_chunked(0) && ChunkedPart::of(&read, 0).is_err() && ChunkedPart::of(&read, 2).is_err());
}

#[test]
fn the_tree_is_that_of_rfc_9162() {
    let leaves: Vec<Hash> = (0..40u8).map(|byte| merkle::leaf_hash(&[byte])).collect();
    for count in 1..=leaves.len() {
        let tree = PieceTree::new(b"head", &leaves[..count]);
        let mut all = vec![merkle::leaf_hash(b"head")];
        all.extend(&leaves[..count]);
        assert_eq!(tree.root().0, merkle::root(&all));
        assert_eq!(tree.chunks(), count as u64);
        assert_eq!(tree.head_path(), merkle::inclusion_path(&all, 0).unwrap());
        for number in 0..count {
            let path = merkle::inclusion_path(&all, number + 1);
            assert_eq!(tree.chunk_path(number as u64), path, "{number} of {count}");
        }
        assert_eq!(tree.chunk_path(count as u64), None);
    }
}

#[test]
fn a_chunk_passes_at_no_other_place_and_in_no_other_part_or_message() {
    let sent = attachment(3 * CHUNK, 1);
    let other = attachment(3 * CHUNK, 2);
    let part = sent.part();
    for chunk in &sent.chunks {
        for number in 0..4 {
            for path in 0..3 {
                let verified = part.verify_chunk(number, &chunk.sealed, &sent.path(path));
                assert_eq!(verified.is_ok(), number == chunk.number && path == chunk.number);
            }
        }
        let number = chunk.number;
        assert!(other.part().verify_chunk(number, &chunk.sealed, &sent.path(number)).is_err());
        assert!(other.part().verify_chunk(number, &chunk.sealed, &other.path(number)).is_err());
        // The head is no chunk, and a chunk no head.
        assert!(part.verify_head(&chunk.sealed, &sent.path(number)).is_err());
    }
    assert!(part.verify_head(&other.head, &sent.tree.head_path()).is_err());
    // A claim of another size changes the tree that the paths must fit.
    let mut longer = sent.manifest.clone();
    longer.parts[1].size += CHUNK as u64;
    let longer = ChunkedPart::of(&longer, 1).unwrap();
    assert!(longer.verify_chunk(2, &sent.chunks[2].sealed, &sent.path(2)).is_err());
    let mut shorter = sent.manifest.clone();
    shorter.parts[1].size -= CHUNK as u64;
    let shorter = ChunkedPart::of(&shorter, 1).unwrap();
    let passes = |n| shorter.verify_chunk(n, &sent.chunks[n as usize].sealed, &sent.path(n)).is_ok();
    assert!(!(0..3).all(passes), "such a part is never complete");
}

#[test]
fn a_head_opens_for_its_recipient_part_and_message_alone() {
    let sent = attachment(10, 1);
    open_head(&keys(2).enc, &sent.aad(), &sent.head).unwrap();
    assert!(open_head(&keys(3).enc, &sent.aad(), &sent.head).is_err());
    let another = attachment(10, 2).manifest.binding().unwrap();
    for aad in [part_aad(&another, 1), part_aad(&sent.manifest.binding().unwrap(), 2)] {
        assert!(open_head(&keys(2).enc, &aad, &sent.head).is_err());
    }
    // Not as a part in one piece either.
    assert!(open(&keys(2).enc, &sent.aad(), &sent.head).is_err());
    assert_eq!(sent.head.len(), HEAD);
    for bit in (0..HEAD * 8).step_by(37) {
        let mut changed = sent.head.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(sent.part().verify_head(&changed, &sent.tree.head_path()).is_err());
        assert!(open_head(&keys(2).enc, &sent.aad(), &changed).is_err());
    }
}

#[test]
fn a_manifest_of_too_large_a_part_is_refused() {
    let mut manifest = attachment(1, 1).manifest;
    manifest.parts[1].size = crate::stream::MAX_CONTENT + 1;
    assert!(manifest.to_cbor().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_changed_bit_of_a_chunk_or_path_is_found(length in 0..3 * CHUNK, chunk in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0..8u8, in_path in any::<bool>()) {
        let sent = attachment(length, 3);
        let chunk = chunk.get(&sent.chunks);
        let (mut sealed, mut path) = (chunk.sealed.clone(), sent.path(chunk.number));
        prop_assert!(sent.part().verify_chunk(chunk.number, &sealed, &path).is_ok());
        if in_path {
            let at = at.index(path.len() * 32);
            path[at / 32][at % 32] ^= 1 << bit;
        } else {
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
        }
        prop_assert!(sent.part().verify_chunk(chunk.number, &sealed, &path).is_err());
    }
}
