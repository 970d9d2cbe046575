//! Offers: a signed statement whose attachments travel in chunks, before all of them are here.
//!
//! An envelope of such a message holds the statement, the first part and the heads of the attachments. It is an offer: the
//! recipient answers which chunks it wants. The sender sends them, in any order, and then offers the same bytes again; the
//! answer to the offer that finds every chunk here and verified is the acknowledgement. Until then the message has no
//! effect, no place in the log and no number in its channel; whichever side stops meanwhile, the next offer goes on from
//! what the recipient holds.
//!
//! | recipient holds | offer comes | answer |
//! |---|---|---|
//! | nothing | within its limits | wanted: all chunks |
//! | nothing | over a limit | refused: `part-too-large` (settles), `quota-exceeded`, `no-room` |
//! | some chunks | same statement | wanted: the others |
//! | some chunks | another statement under the same id | conflict proof |
//! | all chunks | same statement, content as signed | acknowledged, with its effect, in one transaction |
//! | all chunks | same statement, content not as signed | refused: `content-mismatch` (settles) |
//! | anything | after its expiry | refused: `expired` (settles) |

use crate::incoming::Opened;
use crate::refusal::{Reason, Refusal};
use base::Digest;
use evidence::cbor::{Reader, Writer};
use evidence::chunked::ChunkedPart;
use evidence::disclosure::PartSecret;
use evidence::merkle::{Frontier, Hash};
use evidence::stream::ContentKey;
use evidence::{EvidenceError, Manifest};
use std::collections::BTreeMap;

/// The most ranges that one answer names; the next offer brings the others.
pub const MAX_RANGES: usize = 64;

/// An attachment of an offered message, described by its sender's signature and open to be verified.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Its index among the parts of the manifest.
    pub part: usize,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its chunks.
    pub chunks: ChunkedPart,
    /// The root over its salted chunk leaves.
    pub plaintext_root: Digest,
    /// What its chunks open with.
    pub key: ContentKey,
    /// The secret from which its content can be proved later.
    pub secret: PartSecret,
}

/// A message that is proved, permitted and next in its channel, and whose attachments may be here or not.
#[derive(Clone, Debug)]
pub struct Offer {
    opened: Opened,
    attachments: Vec<Attachment>,
}

/// Which chunks the recipient holds: by part, number and salted leaf under the plaintext root. All were verified.
pub type HeldChunks = BTreeMap<usize, BTreeMap<u64, Hash>>;

/// How far the transfer of an offered message is.
#[derive(Debug)]
pub enum Progress {
    /// Everything is here and is what the sender signed: apply it.
    Complete(Box<Opened>, Vec<Attachment>),
    /// Chunks are missing.
    Wanted(Wanted),
    /// The content is not what the sender signed.
    Refused(Refusal),
}

impl Offer {
    pub(crate) fn new(opened: Opened, attachments: Vec<Attachment>) -> Self {
        Self { opened, attachments }
    }

    /// Everything that its sender signed.
    pub fn manifest(&self) -> &Manifest {
        &self.opened.manifest
    }

    /// The signed statement.
    pub fn statement(&self) -> &[u8] {
        &self.opened.statement
    }

    /// The SHA-256 of the statement.
    pub fn digest(&self) -> Digest {
        self.opened.digest
    }

    /// Its attachments, in the order of the manifest.
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }

    /// The first part, for looking at what the message is before anything is taken in.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// How many bytes of content the attachments have.
    pub fn size(&self) -> u64 {
        self.attachments.iter().fold(0, |sum, attachment| sum.saturating_add(attachment.chunks.size()))
    }

    /// Looks how far the transfer is. `held` must hold verified chunks only.
    pub fn progress(self, held: &HeldChunks) -> Progress {
        let none = BTreeMap::new();
        let mut wanted = Wanted { statement: self.digest(), ranges: Vec::new() };
        for attachment in &self.attachments {
            let here = held.get(&attachment.part).unwrap_or(&none);
            wanted.add_missing(attachment, here);
        }
        if !wanted.ranges.is_empty() {
            wanted.ranges.truncate(MAX_RANGES);
            return Progress::Wanted(wanted);
        }
        for attachment in &self.attachments {
            let mut leaves = Frontier::new();
            held.get(&attachment.part).unwrap_or(&none).values().for_each(|leaf| leaves.push(*leaf));
            if leaves.root() != *attachment.plaintext_root.as_bytes() {
                let detail = format!("part `{}`", attachment.name);
                return Progress::Refused(Refusal::new(Reason::ContentMismatch, detail));
            }
        }
        Progress::Complete(Box::new(self.opened), self.attachments)
    }
}

/// A run of chunks of one part: from `from` up to but without `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRange {
    /// The part, by its index in the manifest.
    pub part: usize,
    /// The first number.
    pub from: u64,
    /// The number after the last.
    pub to: u64,
}

/// The chunks that the recipient of an offer wants. Not signed: it asks, and proves nothing. In deterministic CBOR
/// `[statement digest, [[part, from, to], ...]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The SHA-256 of the statement.
    pub statement: Digest,
    /// What is wanted, 1 to 64 ranges, ascending and disjoint; there may be more, which the next offer brings.
    pub ranges: Vec<ChunkRange>,
}

impl Wanted {
    fn add_missing(&mut self, attachment: &Attachment, here: &BTreeMap<u64, Hash>) {
        let (part, count) = (attachment.part, attachment.chunks.count());
        let mut from = 0;
        for number in here.keys().copied().filter(|number| *number < count).chain([count]) {
            if self.ranges.len() >= MAX_RANGES {
                return;
            }
            if number > from {
                self.ranges.push(ChunkRange { part, from, to: number });
            }
            from = number + 1;
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.array(2).bytes(self.statement.as_bytes()).array(self.ranges.len());
        for range in &self.ranges {
            out.array(3).uint(range.part as u64).uint(range.from).uint(range.to);
        }
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, EvidenceError> {
        let wrong = |reason: &str| EvidenceError::Malformed { what: "answer", reason: reason.to_owned() };
        input.array_of(2)?;
        let statement = Digest(input.bytes_of()?);
        let count = input.array()?;
        if count == 0 || count > MAX_RANGES as u64 {
            return Err(wrong("it wants 1 to 64 ranges of chunks"));
        }
        let mut ranges: Vec<ChunkRange> = Vec::new();
        for _ in 0..count {
            input.array_of(3)?;
            let part = usize::try_from(input.uint()?).map_err(|_| wrong("there is no such part"))?;
            let (from, to) = (input.uint()?, input.uint()?);
            if from >= to {
                return Err(wrong("a range of chunks is empty"));
            }
            // Otherwise 64 ranges could ask for the whole of a part 64 times.
            if ranges.last().is_some_and(|last| (last.part, last.to) > (part, from)) {
                return Err(wrong("its ranges of chunks do not ascend, or overlap"));
            }
            ranges.push(ChunkRange { part, from, to });
        }
        Ok(Self { statement, ranges })
    }

    /// The first chunk that is wanted: its part and number. What is sent first and held is wanted no more, so it moves on
    /// from offer to offer.
    pub fn first(&self) -> Option<(usize, u64)> {
        self.ranges.first().map(|range| (range.part, range.from))
    }

    /// Whether every range is of this message.
    pub(crate) fn is_within(&self, manifest: &Manifest) -> bool {
        self.ranges
            .iter()
            .all(|range| ChunkedPart::of(manifest, range.part).is_ok_and(|part| range.to <= part.count()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(ranges: &[(usize, u64, u64)]) -> Result<Wanted, EvidenceError> {
        let ranges = ranges.iter().map(|&(part, from, to)| ChunkRange { part, from, to }).collect();
        let mut out = Writer::new();
        Wanted { statement: Digest([1; 32]), ranges }.write(&mut out);
        let bytes = out.finish();
        Wanted::read(&mut Reader::new("answer", &bytes))
    }

    #[test]
    fn ranges_that_overlap_repeat_or_descend_are_no_answer() {
        assert!(read(&[(1, 0, 4), (1, 4, 5), (1, 7, 9), (2, 0, 1)]).is_ok());
        for ranges in [
            [(1, 0, 9), (1, 0, 9)],
            [(1, 0, 9), (1, 8, 10)],
            [(1, 5, 9), (1, 0, 5)],
            [(2, 0, 9), (1, 10, 11)],
        ] {
            assert!(read(&ranges).is_err(), "{ranges:?}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_wants_a_chunk_twice(ranges in prop::collection::vec((1usize..3, 0u64..6, 1u64..7), 1..6)) {
            if let Ok(wanted) = read(&ranges) {
                let chunks: Vec<(usize, u64)> = wanted
                    .ranges
                    .iter()
                    .flat_map(|range| (range.from..range.to).map(|number| (range.part, number)))
                    .collect();
                let distinct: std::collections::BTreeSet<_> = chunks.iter().collect();
                prop_assert_eq!(distinct.len(), chunks.len());
            }
        }
    }
}
