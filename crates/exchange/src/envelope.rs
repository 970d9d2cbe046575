//! Envelopes: what travels between nodes.

use crate::refusal::{Reason, Refusal};
use evidence::EvidenceError;
use evidence::cbor::{Reader, Writer};

/// The largest envelope: a declaration has kilobytes, scanned documents some megabytes. Larger transfers go in pieces,
/// so that a node's memory is bounded by the number of its connections times this.
pub const MAX_ENVELOPE: usize = 32 * 1024 * 1024;
/// As many parts as a manifest can describe.
const MAX_PARTS: u64 = 16;
const VERSION: u64 = 1;

/// A signed statement and the sealed parts that it describes, borrowed from the received bytes. Its encoding is
/// deterministic CBOR, `[1, statement, [part, ...]]`, all byte strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The signed statement.
    pub statement: &'a [u8],
    /// The sealed parts, in the order of the manifest.
    pub parts: Vec<&'a [u8]>,
}

impl<'a> Envelope<'a> {
    /// Writes the envelope.
    pub fn encode(&self) -> Vec<u8> {
        let size = self.statement.len() + self.parts.iter().map(|part| part.len()).sum::<usize>();
        let mut out = Writer::new();
        out.reserve(size + 16 * (self.parts.len() + 2));
        out.array(3).uint(VERSION).bytes(self.statement).array(self.parts.len());
        for part in &self.parts {
            out.bytes(part);
        }
        out.finish()
    }

    /// Reads an envelope, strictly, copying nothing.
    ///
    /// # Errors
    /// `too-large` or `malformed`.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_ENVELOPE {
            let detail = format!("it has {} bytes, the limit is {MAX_ENVELOPE}", bytes.len());
            return Err(Refusal::new(Reason::TooLarge, detail));
        }
        Self::read(bytes).map_err(|error| Refusal::new(Reason::Malformed, error))
    }

    fn read(bytes: &'a [u8]) -> Result<Self, EvidenceError> {
        let wrong = |reason: &str| EvidenceError::Malformed { what: "envelope", reason: reason.to_owned() };
        let mut input = Reader::new("envelope", bytes);
        input.array_of(3)?;
        if input.uint()? != VERSION {
            return Err(wrong("its version is not 1"));
        }
        let statement = input.bytes()?;
        let count = input.array()?;
        if count > MAX_PARTS {
            return Err(wrong("it has more than 16 parts"));
        }
        let mut parts = Vec::new();
        for _ in 0..count {
            parts.push(input.bytes()?);
        }
        input.end()?;
        Ok(Self { statement, parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn too_large_and_too_many_are_refused() {
        let large = vec![0; MAX_ENVELOPE + 1];
        assert_eq!(Envelope::decode(&large).unwrap_err().reason, Reason::TooLarge);
        let many = Envelope { statement: b"s", parts: vec![b"p"; 17] }.encode();
        assert_eq!(Envelope::decode(&many).unwrap_err().reason, Reason::Malformed);
    }

    proptest! {
        #[test]
        fn an_envelope_is_read_as_it_is_written(statement in prop::collection::vec(any::<u8>(), 0..600), parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..=16)) {
            let envelope = Envelope { statement: &statement, parts: parts.iter().map(Vec::as_slice).collect() };
            let bytes = envelope.encode();
            prop_assert_eq!(&Envelope::decode(&bytes).unwrap(), &envelope);
            for length in 0..bytes.len().min(64) {
                prop_assert!(Envelope::decode(&bytes[..length]).is_err());
            }
        }

        #[test]
        fn only_one_encoding_is_accepted(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(envelope) = Envelope::decode(&bytes) {
                prop_assert_eq!(envelope.encode(), bytes);
            }
        }
    }
}
