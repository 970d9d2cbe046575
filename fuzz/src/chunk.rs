//! Attachments on their way: heads with their paths, chunks, the answers to them, and offers of messages that have some.

use super::is_canonical;
use super::world::{World, bytes_from, letter, part};
use evidence::chunked::{ChunkedPart, HEAD, PieceTree, open_head};
use evidence::disclosure::PartSecret;
use evidence::stream::{ChunkSealer, ContentKey};
use evidence::{Manifest, Statement};
use exchange::{Chunk, ChunkAnswer, ChunkRefusal, Envelope, OutgoingAttachment, Sender};
use std::sync::OnceLock;

/// A letter with two attachments, of two chunks and of none but the empty one.
struct Offer {
    manifest: Manifest,
    envelope: Vec<u8>,
    /// The sealed chunks of each attachment, with their leaves.
    chunks: [Vec<(Vec<u8>, [u8; 32])>; 2],
    /// The head and its path, of each attachment.
    openings: [Vec<u8>; 2],
    keys: [(ContentKey, PartSecret); 2],
}

impl Offer {
    fn shared() -> &'static Self {
        static OFFER: OnceLock<Offer> = OnceLock::new();
        OFFER.get_or_init(Self::new)
    }

    fn new() -> Self {
        let world = World::shared();
        let keys = [11u64, 12].map(|seed| {
            let mut random = bytes_from(seed);
            (ContentKey::draw(&mut random), PartSecret::draw(&mut random))
        });
        let long = vec![0x5a; evidence::stream::CHUNK + 100];
        let (first, first_chunks) = attachment("scan", &long, &keys[0]);
        let (second, second_chunks) = attachment("empty", b"", &keys[1]);
        let sender = Sender { administration: &world.gb.administration, sign: &world.gb.keys.sign };
        let letter = letter(9, "CASE-9", vec![part("note", b"see the scans")]);
        let prepared =
            exchange::prepare_with(&letter, &[first, second], &sender, &world.fr.card, &mut bytes_from(13));
        let prepared = prepared.expect("a letter");
        let envelope = Envelope::decode(&prepared.envelope).expect("an envelope");
        let opening = |part: usize| envelope.parts.get(part).expect("an attachment has a head").to_vec();
        let openings = [opening(1), opening(2)];
        let claim = Statement::read(&prepared.statement).expect("a statement reads");
        let manifest = claim.manifest().clone();
        Self { manifest, envelope: prepared.envelope, chunks: [first_chunks, second_chunks], openings, keys }
    }

    /// The message with a chunk of an attachment.
    fn chunk(&self, attachment: usize, number: u64) -> Vec<u8> {
        let chunks = &self.chunks[attachment];
        let leaves: Vec<[u8; 32]> = chunks.iter().map(|(_, leaf)| *leaf).collect();
        let (head, _) = exchange::head_and_path(&self.openings[attachment]).expect("a head");
        let path = PieceTree::new(head, &leaves).chunk_path(number).expect("there is such a chunk");
        let sealed = &chunks[usize::try_from(number).expect("a small number")].0;
        let statement = exchange::read_statement(&self.envelope).expect("a letter reads").digest();
        Chunk { statement, part: attachment + 1, number, path, sealed }.encode()
    }
}

fn attachment(
    name: &str,
    content: &[u8],
    (key, secret): &(ContentKey, PartSecret),
) -> (OutgoingAttachment, Vec<(Vec<u8>, [u8; 32])>) {
    let mut sealer = ChunkSealer::new(key, secret.clone()).expect("a key");
    let (mut chunks, mut rest) = (Vec::new(), content);
    while !rest.is_empty() {
        chunks.extend(sealer.push(&mut rest).expect("it is within the limits"));
    }
    let (last, content) = sealer.finish().expect("it is within the limits");
    chunks.push(last);
    let outgoing = OutgoingAttachment {
        name: name.to_owned(),
        media_type: "image/tiff".to_owned(),
        key: key.clone(),
        secret: secret.clone(),
        content,
        leaves: chunks.iter().map(|chunk| chunk.leaf).collect(),
    };
    (outgoing, chunks.into_iter().map(|chunk| (chunk.sealed, chunk.leaf)).collect())
}

/// Messages with chunks. One that is accepted for the letter with attachments opens under its key.
pub fn chunk(bytes: &[u8]) -> bool {
    let Ok(read) = Chunk::decode(bytes) else { return false };
    assert_eq!(read.encode(), bytes);
    is_canonical(bytes);
    let offer = Offer::shared();
    let keys = read.part.checked_sub(1).and_then(|attachment| offer.keys.get(attachment));
    let (key, secret) = keys.unwrap_or(&offer.keys[0]);
    match read.verify(&offer.manifest, (key, secret)) {
        Ok(verified) => {
            let known = offer.chunks[read.part - 1].iter().any(|(_, leaf)| *leaf == verified.leaf);
            assert!(known, "a chunk that was never sealed is accepted");
            true
        }
        Err(refusal) => {
            assert_ne!(refusal, ChunkRefusal::Spoiled, "what the statement commits to opens");
            false
        }
    }
}

/// Answers to chunks.
pub fn chunk_answer(bytes: &[u8]) -> bool {
    let Ok(answer) = ChunkAnswer::decode(bytes) else { return false };
    assert_eq!(answer.encode(), bytes);
    is_canonical(bytes);
    true
}

/// What an envelope carries of an attachment: its head and the head's path, for either attachment of the letter.
pub fn chunk_head(bytes: &[u8]) -> bool {
    let Some((head, path)) = exchange::head_and_path(bytes) else { return false };
    assert_eq!((head.len(), bytes.len()), (HEAD, HEAD + 32 * path.len()));
    let (offer, world) = (Offer::shared(), World::shared());
    let mut accepted = false;
    for part in [1, 2] {
        let described = ChunkedPart::of(&offer.manifest, part).expect("it is in chunks");
        if described.verify_head(head, &path).is_err() {
            continue;
        }
        let known = &offer.openings[part - 1];
        assert_eq!(bytes, known, "a head that was never sealed is accepted");
        // Without what it is bound to, nobody opens it.
        assert!(open_head(&world.fr.keys.enc, b"", head).is_err(), "a head opens for another message");
        accepted = true;
    }
    accepted
}

/// The corpora of these targets. The first chunk of the longer attachment is too long for the engine's inputs, and is left
/// out.
pub(crate) fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let offer = Offer::shared();
    let mut seeds = Vec::new();
    let mut add = |target, name: &str, bytes: Vec<u8>| seeds.push((target, name.to_owned(), bytes));
    let (last, empty) = (offer.chunk(0, 1), offer.chunk(1, 0));
    let mut altered = last.clone();
    if let Some(byte) = altered.last_mut() {
        *byte ^= 1;
    }
    let read = Chunk::decode(&last).expect("a chunk reads");
    add("chunk", "bad-elsewhere", Chunk { number: 0, ..read.clone() }.encode());
    add("chunk", "bad-other-part", Chunk { part: 2, ..read.clone() }.encode());
    add("chunk", "bad-no-path", Chunk { path: Vec::new(), ..read }.encode());
    add("chunk", "bad-altered", altered);
    add("chunk", "last", last);
    add("chunk", "empty", empty);
    for (name, opening) in ["scan", "empty"].into_iter().zip(&offer.openings) {
        add("chunk_head", name, opening.clone());
    }
    let [scan, empty] = &offer.openings;
    add("chunk_head", "bad-torn", scan.get(..scan.len() - 1).unwrap_or_default().to_vec());
    let path_of_other =
        [scan.get(..HEAD).unwrap_or_default(), empty.get(HEAD..).unwrap_or_default()].concat();
    add("chunk_head", "bad-path-of-another", path_of_other);
    add("chunk_answer", "held", ChunkAnswer::Held.encode());
    for refusal in ChunkRefusal::ALL {
        add("chunk_answer", refusal.code(), ChunkAnswer::refused(*refusal).encode());
    }
    add("chunk_answer", "bad-more", [ChunkAnswer::Held.encode(), vec![0]].concat());
    add("envelope", "with-attachments", offer.envelope.clone());
    add("manifest", "with-attachments", offer.manifest.to_cbor().expect("a manifest"));
    seeds
}
