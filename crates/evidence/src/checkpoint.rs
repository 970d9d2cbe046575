//! Checkpoints: the size and root of a log as a signed note (C2SP `tlog-checkpoint` and `signed-note`).

use crate::merkle::{self, Hash};
use crate::note::{self, NoteKeyId, NoteSignature, SignatureType, SignedNote};
use crate::{Administration, Digest, EvidenceError, PublicKey, SigningKey};
use base64::{Engine, engine::general_purpose::STANDARD};

pub(crate) const WHAT: &str = "checkpoint";

/// The name of an administration's log: its checkpoints' origin line and the name of its key in a signed note.
pub fn log_origin(administration: &Administration) -> String {
    format!("tidewaiter.example/{}", administration.country())
}

/// The state of a log: everything in it is fixed by its size and root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
}

impl Checkpoint {
    /// The checkpoint of an administration's log.
    pub fn new(administration: &Administration, size: u64, root: Hash) -> Self {
        Self { origin: log_origin(administration), size, root: Digest(root) }
    }

    /// The signed text: origin, size and root (base64), each with its line feed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.as_bytes()))
    }

    /// Signs the checkpoint as a note. Ed25519 is deterministic: the same checkpoint gives the same note.
    ///
    /// # Errors
    /// When the origin cannot be the name of a key (empty, or with a space, `+` or line break), or the key's device does
    /// not sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, EvidenceError> {
        note::check_name(WHAT, &self.origin)?;
        let text = self.text();
        let id = NoteKeyId::of(&self.origin, SignatureType::Ed25519, key.public().as_bytes());
        let signature = NoteSignature::new(&self.origin, id, key.sign(text.as_bytes())?.to_vec())?;
        Ok(SignedNote::new(text, vec![signature]).to_note())
    }

    /// Reads a note and verifies that `origin`'s log signed it with `key`. Other signatures, as of witnesses, are
    /// allowed and not looked at; so are extension lines, which the signature covers.
    ///
    /// # Errors
    /// When the note is malformed, names another log, or has no valid signature of this key.
    pub fn verify(note: &str, origin: &str, key: &PublicKey) -> Result<Self, EvidenceError> {
        Self::verify_note(&SignedNote::parse(WHAT, note)?, origin, key)
    }

    /// As [`Checkpoint::verify`], of a note that was read before.
    ///
    /// # Errors
    /// As [`Checkpoint::verify`].
    pub fn verify_note(note: &SignedNote, origin: &str, key: &PublicKey) -> Result<Self, EvidenceError> {
        note::check_name(WHAT, origin)?;
        let checkpoint = Self::claimed(note)?;
        if checkpoint.origin != origin {
            return Err(malformed(&format!("its origin is not `{origin}`")));
        }
        let id = NoteKeyId::of(origin, SignatureType::Ed25519, key.as_bytes());
        let mut found = false;
        // A known key's signature must hold wherever it stands; those of unknown keys prove nothing.
        for signature in note.signatures().iter().filter(|signature| signature.claims(origin, id)) {
            key.verify(WHAT, note.text().as_bytes(), signature.signature())?;
            found = true;
        }
        if found {
            Ok(checkpoint)
        } else {
            Err(EvidenceError::Signature { what: WHAT, key: key.key_id().short() })
        }
    }

    /// What a note says, with no signature verified.
    ///
    /// # Errors
    /// When its text is no checkpoint.
    pub fn claimed(note: &SignedNote) -> Result<Self, EvidenceError> {
        let mut lines = note.text().split_terminator('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(malformed("it has fewer than three lines"));
        };
        if origin.is_empty() {
            return Err(malformed("its origin is empty"));
        }
        if lines.any(str::is_empty) {
            // With a blank line inside, where the text ends would be a matter of opinion.
            return Err(malformed("its text has a blank line"));
        }
        let root = STANDARD.decode(root).ok().and_then(|root| <[u8; 32]>::try_from(root).ok());
        Ok(Self {
            origin: origin.to_owned(),
            size: decimal(size).ok_or_else(|| malformed("its second line is not a size in plain digits"))?,
            root: Digest(root.ok_or_else(|| malformed("its third line is not a hash in base64"))?),
        })
    }

    /// Verifies that `leaf` is at `index` of the log, by its inclusion path in the tree of this checkpoint.
    ///
    /// # Errors
    /// When the path does not lead from the leaf to this root.
    pub fn verify_inclusion(&self, leaf: &Hash, index: u64, path: &[Hash]) -> Result<(), EvidenceError> {
        merkle::verify_inclusion(leaf, index, self.size, path, self.root.as_bytes())
    }

    /// The verifier key of a log in the form that signed-note tools take: `name+hash+base64`.
    pub fn verifier_key(origin: &str, key: &PublicKey) -> String {
        note::verifier_key(origin, SignatureType::Ed25519, key.as_bytes())
    }
}

/// A number in plain decimal digits without leading zeroes.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn malformed(reason: &str) -> EvidenceError {
    EvidenceError::malformed(WHAT, reason)
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
