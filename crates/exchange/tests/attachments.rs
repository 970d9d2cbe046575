//! Attachments in chunks, from the first offer to the acknowledgement, and what is refused on the way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use base::Digest;
use common::{World, bytes_from, now};
use evidence::disclosure::PartSecret;
use evidence::stream::{CHUNK, ChunkSealer, ContentKey, SealedChunk};
use evidence::{Statement, chunked::PieceTree, merkle::Hash};
use exchange::{
    Arrival, Assessment, Chunk, ChunkAnswer, ChunkRange, ChunkRefusal, HeldChunks, InboxView, Next, Offer,
    Outcome, OutgoingAttachment, PrepareError, Prepared, Progress, Reason, Response, Upload, Wanted,
    acknowledge, assess, head_and_path, prepare_with, read_statement, verify_response,
};

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 3) as u8).collect()
}

fn attachment(name: &str, content: &[u8], seed: u64) -> (OutgoingAttachment, Vec<SealedChunk>) {
    let mut random = bytes_from(seed);
    let (key, secret) = (ContentKey::draw(&mut random), PartSecret::draw(&mut random));
    let mut sealer = ChunkSealer::new(&key, secret.clone()).unwrap();
    let (mut chunks, mut rest) = (Vec::new(), content);
    while !rest.is_empty() {
        chunks.extend(sealer.push(&mut rest).unwrap());
    }
    let (last, content) = sealer.finish().unwrap();
    chunks.push(last);
    let leaves = chunks.iter().map(|chunk| chunk.leaf).collect();
    let media_type = "image/tiff".to_owned();
    (OutgoingAttachment { name: name.to_owned(), media_type, key, secret, content, leaves }, chunks)
}

/// A letter with attachments under way from Great Britain to France.
struct Transfer {
    world: World,
    prepared: Prepared,
    chunks: Vec<Vec<SealedChunk>>,
    held: HeldChunks,
}

impl Transfer {
    fn of(contents: &[Vec<u8>]) -> Self {
        let world = World::new();
        let made: Vec<_> = contents
            .iter()
            .enumerate()
            .map(|(number, content)| attachment(&format!("scan-{number}"), content, 40 + number as u64))
            .collect();
        let (attachments, chunks): (Vec<_>, _) = made.into_iter().unzip();
        let prepared = prepare_with(
            &world.letter(1),
            &attachments,
            &world.gb.sender(),
            &world.fr.card,
            &mut bytes_from(7),
        )
        .unwrap();
        Self { world, prepared, chunks, held: HeldChunks::new() }
    }

    fn assessed(&self) -> Assessment {
        let incoming = read_statement(&self.prepared.envelope).unwrap();
        let inbox = InboxView { found: None, expected_sequence: 1 };
        let arrival = Arrival { peer: &self.world.peer, inbox: &inbox, now: self.world.now };
        assess(&incoming, &self.world.fr.receiver(), &self.world.register, &arrival).unwrap()
    }

    fn offered(&self) -> Offer {
        match self.assessed() {
            Assessment::Offered(offer) => *offer,
            other => panic!("it was offered, not {other:?}"),
        }
    }

    fn wanted(&self) -> Option<Wanted> {
        match self.offered().progress(&self.held) {
            Progress::Wanted(wanted) => {
                let response = Response::Wanted(wanted.clone()).encode();
                assert_eq!(self.outcome(&response), Outcome::Wanted(wanted.clone()));
                Some(wanted)
            }
            Progress::Complete(..) => None,
            Progress::Refused(refusal) => panic!("{refusal}"),
        }
    }

    fn outcome(&self, response: &[u8]) -> Outcome {
        let cards = std::slice::from_ref(&self.world.fr.card);
        verify_response(response, &self.prepared.envelope, cards, now()).unwrap()
    }

    /// The message with a chunk as the sender makes it.
    fn message(&self, part: usize, number: u64) -> Vec<u8> {
        let chunks = &self.chunks[part - 1];
        let envelope = exchange::Envelope::decode(&self.prepared.envelope).unwrap();
        let (head, _) = head_and_path(envelope.parts[part]).unwrap();
        let leaves: Vec<Hash> = chunks.iter().map(|chunk| chunk.leaf).collect();
        let tree = PieceTree::new(head, &leaves);
        let sealed = &chunks[usize::try_from(number).unwrap()].sealed;
        let path = tree.chunk_path(number).unwrap();
        Chunk { statement: self.prepared.digest, part, number, path, sealed }.encode()
    }

    /// The recipient's side of a chunk.
    fn take(&mut self, message: &[u8]) -> Result<(), ChunkRefusal> {
        let chunk = Chunk::decode(message)?;
        if chunk.statement != self.prepared.digest {
            return Err(ChunkRefusal::UnknownTransfer);
        }
        let offer = self.offered();
        let attachment = offer.attachments().iter().find(|attachment| attachment.part == chunk.part);
        let attachment = attachment.ok_or(ChunkRefusal::Mismatch)?;
        let verified = chunk.verify(offer.manifest(), (&attachment.key, &attachment.secret))?;
        self.held.entry(chunk.part).or_default().insert(chunk.number, verified.plaintext_leaf);
        Ok(())
    }
}

#[test]
fn a_letter_with_attachments_is_received_when_all_of_it_is_here() {
    let mut transfer = Transfer::of(&[content(2 * CHUNK + 7), Vec::new()]);
    let mut offers = 0;
    while let Some(wanted) = transfer.wanted() {
        offers += 1;
        let mut upload = Upload::new(&wanted);
        loop {
            match upload.next_step() {
                // The recipient crashes before it has stored the second chunk of the first round.
                Next::Send(1, 1) if offers == 1 => upload.failed("no answer"),
                Next::Send(part, number) => {
                    let message = transfer.message(part, number);
                    transfer.take(&message).unwrap();
                    upload.answered(&ChunkAnswer::Held);
                }
                Next::Wait => {}
                Next::Offer | Next::Later(_) => break,
            }
        }
    }
    assert_eq!(offers, 2);
    let Progress::Complete(opened, attachments) = transfer.offered().progress(&transfer.held) else {
        panic!("it is complete");
    };
    assert_eq!(opened.parts.len(), 1);
    let sizes: Vec<u64> = attachments.iter().map(|attachment| attachment.chunks.size()).collect();
    assert_eq!(sizes, [2 * CHUNK as u64 + 7, 0]);
    let appended = transfer.world.log.append(opened.leaf);
    let now = transfer.world.now;
    let response = acknowledge(&opened, &transfer.world.fr.receiver(), &appended, now).unwrap();
    assert!(matches!(transfer.outcome(&response), Outcome::Acknowledged(_)));
}

#[test]
fn what_is_wanted_is_what_is_not_here() {
    let mut transfer = Transfer::of(&[content(5 * CHUNK)]);
    let range = |from, to| ChunkRange { part: 1, from, to };
    assert_eq!(transfer.wanted().unwrap().ranges, [range(0, 5)]);
    for number in [3, 0] {
        let message = transfer.message(1, number);
        transfer.take(&message).unwrap();
        transfer.take(&message).unwrap();
    }
    assert_eq!(transfer.wanted().unwrap().ranges, [range(1, 3), range(4, 5)]);
}

#[test]
fn chunks_of_other_places_parts_and_letters_are_refused() {
    let mut transfer = Transfer::of(&[content(3 * CHUNK), content(3 * CHUNK)]);
    let others = Transfer::of(&[content(3 * CHUNK), content(CHUNK)]);
    let good = transfer.message(1, 1);
    let decoded = || Chunk::decode(&good).unwrap();
    let swapped = Chunk { number: 0, ..decoded() }.encode();
    let other_part = Chunk { part: 2, ..decoded() }.encode();
    let no_part = Chunk { part: 0, ..decoded() }.encode();
    let beyond = Chunk { part: 3, ..decoded() }.encode();
    let cut = Chunk { sealed: &decoded().sealed[1..], ..decoded() }.encode();
    for wrong in [swapped, other_part, no_part, beyond, cut] {
        assert_eq!(transfer.take(&wrong), Err(ChunkRefusal::Mismatch));
    }
    // A replay of another letter's chunk, as it was and under this letter's name.
    let replayed = others.message(1, 1);
    assert_eq!(transfer.take(&replayed), Err(ChunkRefusal::UnknownTransfer));
    let renamed = Chunk { statement: transfer.prepared.digest, ..Chunk::decode(&replayed).unwrap() }.encode();
    assert_eq!(transfer.take(&renamed), Err(ChunkRefusal::Mismatch));
    assert!(transfer.held.is_empty());
    for bit in (0..good.len() * 8).step_by(65_537) {
        let mut changed = good.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(transfer.take(&changed).is_err(), "bit {bit}");
    }
    assert_eq!(transfer.take(&good), Ok(()));
}

#[test]
fn a_head_of_another_letter_or_place_is_refused() {
    let mut transfer = Transfer::of(&[content(10), content(10)]);
    let other = Transfer::of(&[content(10), content(11)]);
    let original = transfer.prepared.envelope.clone();
    let envelope = exchange::Envelope::decode(&original).unwrap();
    let foreign = exchange::Envelope::decode(&other.prepared.envelope).unwrap();
    let (first, second) = (envelope.parts[1], envelope.parts[2]);
    let whole = envelope.parts[0];
    for parts in [
        vec![whole, second, first],
        vec![whole, first, first],
        vec![whole, foreign.parts[1], second],
        vec![whole, &first[..first.len() - 32], second],
        vec![whole, whole, second],
        vec![whole, first],
    ] {
        transfer.prepared.envelope = exchange::Envelope { statement: envelope.statement, parts }.encode();
        match transfer.assessed() {
            Assessment::Refused { refusal, .. } => assert_eq!(refusal.reason, Reason::DigestMismatch),
            other => panic!("it was refused, not {other:?}"),
        }
    }
}

#[test]
fn a_content_that_is_not_what_was_signed_settles_as_refused() {
    let world = World::new();
    let (mut made, chunks) = attachment("scan-0", &content(9), 40);
    made.content.plaintext_root = Digest([5; 32]);
    let prepared =
        prepare_with(&world.letter(1), &[made], &world.gb.sender(), &world.fr.card, &mut bytes_from(7));
    let prepared = prepared.unwrap();
    let mut transfer = Transfer { world, prepared, chunks: vec![chunks], held: HeldChunks::new() };
    let message = transfer.message(1, 0);
    transfer.take(&message).unwrap();
    let Progress::Refused(refusal) = transfer.offered().progress(&transfer.held) else {
        panic!("it is refused");
    };
    assert!(refusal.reason == Reason::ContentMismatch && refusal.reason.settles());
}

#[test]
fn an_expired_offer_is_refused_and_settled() {
    let mut transfer = Transfer::of(&[content(10)]);
    transfer.world.now = Statement::read(&transfer.prepared.statement).unwrap().manifest().expires;
    let Assessment::Refused { refusal, .. } = transfer.assessed() else { panic!("it is refused") };
    assert!(refusal.reason == Reason::Expired && refusal.reason.settles());
}

#[test]
fn a_wrong_answer_to_an_offer_is_not_believed() {
    let transfer = Transfer::of(&[content(10)]);
    let wanted = |statement, part, to| {
        let ranges = vec![ChunkRange { part, from: 0, to }];
        Response::Wanted(Wanted { statement, ranges }).encode()
    };
    let cards = std::slice::from_ref(&transfer.world.fr.card);
    let digest = transfer.prepared.digest;
    let verify = |response: Vec<u8>| verify_response(&response, &transfer.prepared.envelope, cards, now());
    assert!(verify(wanted(digest, 1, 1)).is_ok());
    for wrong in [wanted(Digest([0; 32]), 1, 1), wanted(digest, 0, 1), wanted(digest, 1, 2)] {
        assert!(verify(wrong).is_err());
    }
}

#[test]
fn attachments_stand_beside_one_part() {
    let world = World::new();
    let mut letter = world.letter(1);
    letter.parts.clear();
    let (made, _) = attachment("scan-0", b"x", 40);
    let prepared = prepare_with(&letter, &[made], &world.gb.sender(), &world.fr.card, &mut bytes_from(7));
    assert!(matches!(prepared, Err(PrepareError::OnePart { count: 0 })));
}
