use super::*;
use crate::digest_of;
use proptest::prelude::*;

fn key() -> ContentKey {
    ContentKey::from_bytes([8; 32])
}

fn secret() -> PartSecret {
    PartSecret::from_bytes([9; 32])
}

/// A content whose chunks all differ.
fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| ((at / 7) ^ (at / CHUNK)) as u8).collect()
}

fn sealed(content: &[u8], step: usize) -> (Vec<SealedChunk>, SealedContent) {
    let mut sealer = ChunkSealer::new(&key(), secret()).unwrap();
    let mut chunks = Vec::new();
    for mut piece in content.chunks(step.max(1)) {
        while !piece.is_empty() {
            chunks.extend(sealer.push(&mut piece).unwrap());
        }
    }
    let (last, whole) = sealer.finish().unwrap();
    chunks.push(last);
    (chunks, whole)
}

fn opened(chunks: &[Vec<u8>], whole: &SealedContent) -> Result<Vec<u8>, EvidenceError> {
    let mut opener = ChunkOpener::new(&key(), secret(), whole.size)?;
    let mut content = Vec::new();
    for chunk in chunks {
        content.extend(opener.open(chunk.clone())?);
    }
    opener.finish(&whole.plaintext_root)?;
    Ok(content)
}

fn bytes(chunks: &[SealedChunk]) -> Vec<Vec<u8>> {
    chunks.iter().map(|chunk| chunk.sealed.clone()).collect()
}

#[test]
fn a_content_is_opened_as_it_was_sealed_however_it_came() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5] {
        let content = content(length);
        let (chunks, whole) = sealed(&content, 100_003);
        assert_eq!(chunks.len() as u64, chunk_count(length as u64).unwrap());
        assert_eq!(whole.size, length as u64);
        assert_eq!(opened(&bytes(&chunks), &whole).unwrap(), content);
        assert_eq!(sealed(&content, CHUNK), (chunks, whole));
    }
}

#[test]
fn the_digest_of_a_content_is_that_with_which_it_was_sealed() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
        let content = content(length);
        let (_, whole) = sealed(&content, 70_001);
        for step in [1 + length / 3, CHUNK, 2 * CHUNK + 1] {
            let mut digest = ContentDigest::new(secret());
            content.chunks(step).for_each(|piece| digest.update(piece).unwrap());
            assert_eq!(digest.finish().unwrap(), whole, "{length} bytes in pieces of {step}");
        }
    }
    let mut other = ContentDigest::new(secret());
    other.update(&[content(CHUNK), vec![1]].concat()).unwrap();
    let (_, whole) = sealed(&[content(CHUNK), vec![0]].concat(), CHUNK);
    assert_ne!(other.finish().unwrap(), whole);
}

#[test]
fn the_nonce_is_the_number_and_the_last_flag() {
    assert_eq!(nonce(0x0102, false).as_ref(), &[0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0]);
    assert_eq!(nonce(u64::MAX, true).as_ref(), &[0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
}

#[test]
fn a_chunk_opens_at_its_own_place_only() {
    let content = content(2 * CHUNK + 10);
    let (chunks, whole) = sealed(&content, CHUNK);
    let open = |number, size, chunk: &SealedChunk| {
        open_chunk(&key(), ChunkPlace::of(number, size).unwrap(), chunk.sealed.clone())
    };
    for chunk in &chunks {
        assert!(open(chunk.number, whole.size, chunk).is_ok());
    }
    assert_eq!(open(0, whole.size, &chunks[1]), Err(EvidenceError::CannotOpen));
    // As the last of a shorter content.
    assert_eq!(open(1, 2 * CHUNK as u64, &chunks[1]), Err(EvidenceError::CannotOpen));
    // As one in the middle of a longer one.
    assert!(ChunkPlace::of(3, whole.size).is_err());
    let other = ContentKey::from_bytes([1; 32]);
    let place = ChunkPlace::of(0, whole.size).unwrap();
    assert_eq!(open_chunk(&other, place, chunks[0].sealed.clone()), Err(EvidenceError::CannotOpen));
}

#[test]
fn every_truncation_swap_duplicate_and_extension_is_refused() {
    let (chunks, whole) = sealed(&content(3 * CHUNK + 100), CHUNK);
    let good = bytes(&chunks);
    assert!(opened(&good, &whole).is_ok());
    for kept in 0..good.len() {
        assert!(opened(&good[..kept], &whole).is_err(), "the first {kept}");
        // Also when the size that is claimed is that of the first chunks.
        let shorter = SealedContent { size: (kept * CHUNK) as u64, ..whole.clone() };
        assert!(opened(&good[..kept], &shorter).is_err(), "the first {kept} as a whole");
    }
    for first in 0..good.len() {
        for second in 0..good.len() {
            let mut changed = good.clone();
            if first != second {
                changed.swap(first, second);
                assert!(opened(&changed, &whole).is_err(), "{first} and {second} swapped");
            }
            changed.clone_from(&good);
            changed.insert(second, good[first].clone());
            assert!(opened(&changed, &whole).is_err(), "{first} twice");
        }
        let mut cut = good.clone();
        cut[first].pop();
        assert!(opened(&cut, &whole).is_err());
        let mut longer = good.clone();
        longer[first].push(0);
        assert!(opened(&longer, &whole).is_err());
    }
    let another = SealedContent { plaintext_root: digest_of(b"another"), ..whole };
    assert!(opened(&good, &another).is_err());
}

#[test]
fn a_chunk_is_proved_by_itself_and_only_in_its_place() {
    let content = content(4 * CHUNK + 1);
    let (chunks, whole) = sealed(&content, CHUNK);
    let leaves: Vec<Hash> = chunks.iter().map(|chunk| chunk.plaintext_leaf).collect();
    for (number, shown) in content.chunks(CHUNK).enumerate() {
        let path = merkle::inclusion_path(&leaves, number).unwrap();
        let number = number as u64;
        let salt = secret().salt(&chunk_path(number));
        let verify = |number, shown: &[u8]| {
            verify_chunk_content(&whole.plaintext_root, whole.size, number, (&salt, &path), shown)
        };
        verify(number, shown).unwrap();
        assert!(verify((number + 1) % 5, shown).is_err());
        let mut changed = shown.to_vec();
        changed[0] ^= 1;
        assert!(verify(number, &changed).is_err());
    }
}

#[test]
fn a_content_over_its_limit_is_refused() {
    assert_eq!(chunk_count(MAX_CONTENT).unwrap(), MAX_CHUNKS);
    assert!(chunk_count(MAX_CONTENT + 1).is_err());
    assert!(ChunkOpener::new(&key(), secret(), u64::MAX).is_err());
    assert!(!format!("{:?}", key()).contains('8'));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_changed_bit_is_found(length in 0..2 * CHUNK, which in any::<prop::sample::Index>(), bit in 0..8u8) {
        let (chunks, whole) = sealed(&content(length), CHUNK);
        let mut changed = bytes(&chunks);
        let at = which.index(changed.iter().map(Vec::len).sum());
        let (chunk, at) = (at / (CHUNK + TAG), at % (CHUNK + TAG));
        changed[chunk][at] ^= 1 << bit;
        prop_assert_eq!(opened(&changed, &whole), Err(EvidenceError::CannotOpen));
    }
}
