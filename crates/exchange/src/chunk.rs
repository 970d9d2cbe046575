//! Chunks on the wire: one piece of an attachment, and the answer to it.

use base::Digest;
use evidence::cbor::{Reader, Writer};
use evidence::chunked::ChunkedPart;
use evidence::disclosure::PartSecret;
use evidence::merkle::{Hash, MAX_PATH};
use evidence::stream::{self, CHUNK, ContentKey, TAG};
use evidence::{EvidenceError, Manifest};
use std::fmt;

const VERSION: u64 = 1;
/// The largest message with a chunk: the sealed chunk, its path, and 128 bytes for the rest.
pub const MAX_CHUNK_MESSAGE: usize = CHUNK + TAG + MAX_PATH * 34 + 128;
/// The largest answer to a chunk.
pub const MAX_CHUNK_ANSWER: usize = 64;

/// One sealed chunk on its way, borrowed from the received bytes. Its encoding is deterministic CBOR,
/// `[1, statement digest, part, number, [path, ...], sealed bytes]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The SHA-256 of the statement that was offered.
    pub statement: Digest,
    /// The part, by its index in the manifest.
    pub part: usize,
    /// The number of the chunk in the part, from 0.
    pub number: u64,
    /// Its inclusion path to the ciphertext digest of the part.
    pub path: Vec<Hash>,
    /// The sealed chunk.
    pub sealed: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Writes the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.reserve(self.sealed.len() + self.path.len() * 34 + 128);
        out.array(6).uint(VERSION).bytes(self.statement.as_bytes()).uint(self.part as u64).uint(self.number);
        out.array(self.path.len());
        for hash in &self.path {
            out.bytes(hash);
        }
        out.bytes(self.sealed);
        out.finish()
    }

    /// Reads the message, strictly, copying only the path.
    ///
    /// # Errors
    /// [`ChunkRefusal::Malformed`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, ChunkRefusal> {
        if bytes.len() > MAX_CHUNK_MESSAGE {
            return Err(ChunkRefusal::Malformed);
        }
        Self::read(bytes).map_err(|_| ChunkRefusal::Malformed)
    }

    fn read(bytes: &'a [u8]) -> Result<Self, EvidenceError> {
        let wrong = |reason: &str| EvidenceError::Malformed { what: "chunk", reason: reason.to_owned() };
        let mut input = Reader::new("chunk", bytes);
        input.array_of(6)?;
        if input.uint()? != VERSION {
            return Err(wrong("its version is not 1"));
        }
        let statement = Digest(input.bytes_of()?);
        let part = usize::try_from(input.uint()?).map_err(|_| wrong("it names a part that cannot be"))?;
        let number = input.uint()?;
        let length = input.array()?;
        if length > MAX_PATH as u64 {
            return Err(wrong("its path is too long"));
        }
        let mut path = Vec::new();
        for _ in 0..length {
            path.push(input.bytes_of()?);
        }
        let sealed = input.bytes()?;
        input.end()?;
        Ok(Self { statement, part, number, path, sealed })
    }

    /// Verifies the chunk against the manifest of the message, opens it, and gives what is kept of it beside its sealed
    /// bytes.
    ///
    /// # Errors
    /// [`ChunkRefusal::Mismatch`] when it is not this chunk of this message, [`ChunkRefusal::Spoiled`] when it is, and
    /// does not open: then its sender has sealed it wrongly.
    pub fn verify(
        &self,
        manifest: &Manifest,
        (key, secret): (&ContentKey, &PartSecret),
    ) -> Result<VerifiedChunk, ChunkRefusal> {
        let part = ChunkedPart::of(manifest, self.part).map_err(|_| ChunkRefusal::Mismatch)?;
        let leaf = part.verify_chunk(self.number, self.sealed, &self.path);
        let leaf = leaf.map_err(|_| ChunkRefusal::Mismatch)?;
        let place = part.place(self.number).map_err(|_| ChunkRefusal::Mismatch)?;
        let content =
            stream::open_chunk(key, place, self.sealed.to_vec()).map_err(|_| ChunkRefusal::Spoiled)?;
        Ok(VerifiedChunk { leaf, plaintext_leaf: stream::chunk_leaf(secret, self.number, &content) })
    }
}

/// What is kept of a verified chunk beside its sealed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedChunk {
    /// Its leaf in the ciphertext tree.
    pub leaf: Hash,
    /// Its salted leaf under the plaintext root.
    pub plaintext_leaf: Hash,
}

/// Declares the refusals of a chunk as one table: variant, code, words.
macro_rules! refusals {
    ($($variant:ident $code:literal $words:literal)*) => {
        /// Why a chunk is not taken. Codes are stable. None is signed and none has an effect: what proves something is
        /// the answer to the offer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
        pub enum ChunkRefusal {
            $(#[doc = concat!($words, " (`", $code, "`).")] #[error($words)] $variant,)*
        }

        impl ChunkRefusal {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

refusals! {
    Malformed "chunk-malformed" "the chunk is not in the one accepted encoding, or too large"
    UnknownTransfer "transfer-unknown" "no such statement of this sender is offered here: offer it again"
    Mismatch "chunk-mismatch" "the chunk is not that of the statement, or its path does not lead there"
    Spoiled "chunk-spoiled" "the chunk is that of the statement, and does not open: it was sealed wrongly"
    NoRoom "no-room" "there is no room for it now"
}

impl ChunkRefusal {
    /// The refusal of a code; `None` when it is of a later version of the protocol.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|refusal| refusal.code() == code)
    }
}

/// The answer to a chunk, in deterministic CBOR `[1, 1]` or `[1, 2, code]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkAnswer {
    /// It is verified and stored, now or before.
    Held,
    /// It is not taken; the code is kept as it came, as it may be of a later version.
    Refused(String),
}

impl ChunkAnswer {
    /// The answer for a refusal.
    pub fn refused(refusal: ChunkRefusal) -> Self {
        Self::Refused(refusal.code().to_owned())
    }

    /// Writes the answer.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        match self {
            Self::Held => out.array(2).uint(VERSION).uint(1),
            Self::Refused(code) => out.array(3).uint(VERSION).uint(2).text(code),
        };
        out.finish()
    }

    /// Reads an answer, strictly.
    ///
    /// # Errors
    /// When it is not in the one accepted encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let wrong =
            |reason: &str| EvidenceError::Malformed { what: "chunk answer", reason: reason.to_owned() };
        if bytes.len() > MAX_CHUNK_ANSWER {
            return Err(wrong("it is too long"));
        }
        let mut input = Reader::new("chunk answer", bytes);
        let fields = input.array()?;
        if input.uint()? != VERSION {
            return Err(wrong("its version is not 1"));
        }
        let answer = match (fields, input.uint()?) {
            (2, 1) => Self::Held,
            (3, 2) => Self::Refused(input.text()?.to_owned()),
            _ => return Err(wrong("it is no kind of answer")),
        };
        input.end()?;
        Ok(answer)
    }
}

impl fmt::Display for ChunkAnswer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held => out.write_str("held"),
            Self::Refused(code) => out.write_str(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_are_stable_and_read_back() {
        let codes: Vec<_> = ChunkRefusal::ALL.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(codes.join(" "), "chunk-malformed transfer-unknown chunk-mismatch chunk-spoiled no-room");
        for refusal in ChunkRefusal::ALL {
            assert_eq!(ChunkRefusal::from_code(refusal.code()), Some(*refusal));
            let answer = ChunkAnswer::refused(*refusal);
            assert_eq!(ChunkAnswer::decode(&answer.encode()), Ok(answer));
        }
        assert_eq!(ChunkAnswer::decode(&ChunkAnswer::Held.encode()), Ok(ChunkAnswer::Held));
        assert!(ChunkAnswer::decode(&[0x82, 1, 2]).is_err());
    }

    #[test]
    fn the_largest_chunk_fits_its_message() {
        let sealed = vec![0; CHUNK + TAG];
        let path = vec![[0; 32]; MAX_PATH];
        let chunk = Chunk { statement: Digest([1; 32]), part: 15, number: u64::MAX, path, sealed: &sealed };
        let bytes = chunk.encode();
        assert!(bytes.len() <= MAX_CHUNK_MESSAGE);
        assert_eq!(Chunk::decode(&bytes), Ok(chunk));
        assert_eq!(Chunk::decode(&vec![0; MAX_CHUNK_MESSAGE + 1]), Err(ChunkRefusal::Malformed));
    }

    proptest! {
        #[test]
        fn a_chunk_is_read_as_it_is_written(part in 0usize..16, number: u64, path in prop::collection::vec(any::<Hash>(), 0..6), sealed in prop::collection::vec(any::<u8>(), 0..200)) {
            let chunk = Chunk { statement: Digest([9; 32]), part, number, path, sealed: &sealed };
            let bytes = chunk.encode();
            prop_assert_eq!(&Chunk::decode(&bytes).unwrap(), &chunk);
            for length in 0..bytes.len() {
                prop_assert!(Chunk::decode(&bytes[..length]).is_err());
            }
        }

        #[test]
        fn only_one_encoding_is_accepted(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(chunk) = Chunk::decode(&bytes) {
                prop_assert_eq!(chunk.encode(), bytes.clone());
            }
            if let Ok(answer) = ChunkAnswer::decode(&bytes) {
                prop_assert_eq!(answer.encode(), bytes);
            }
        }
    }
}
