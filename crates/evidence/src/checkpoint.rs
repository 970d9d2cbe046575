//! Checkpoints: the size and root of a log as a signed note (C2SP `tlog-checkpoint` and `signed-note`).

use crate::merkle::Hash;
use crate::{Administration, Digest, EvidenceError, PublicKey, SigningKey, digest_of};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::fmt::Write;

const WHAT: &str = "checkpoint";
/// The signature type of Ed25519 in a signed note.
const ED25519_TYPE: u8 = 0x01;
/// The largest note that is read: three short lines and the signatures of a dozen witnesses.
pub const MAX_CHECKPOINT: usize = 8 * 1024;
/// The most signature lines that are looked at, so that a note cannot make the verifier work without end.
const MAX_SIGNATURES: usize = 32;

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
    /// When the origin cannot be the name of a key: empty, or with a space, `+` or line break; or the key cannot be
    /// reached.
    pub fn sign(&self, key: &SigningKey) -> Result<String, EvidenceError> {
        check_name(&self.origin)?;
        let text = self.text();
        let mut signature = note_key_hash(&self.origin, &key.public()).to_vec();
        signature.extend(key.sign(text.as_bytes())?);
        Ok(format!("{text}\n\u{2014} {} {}\n", self.origin, STANDARD.encode(signature)))
    }

    /// Reads a note and verifies that `origin`'s log signed it with `key`. Other signatures, as of witnesses, are
    /// allowed and not looked at; so are extension lines, which the signature covers.
    ///
    /// # Errors
    /// When the note is malformed, names another log, or has no valid signature of this key.
    pub fn verify(note: &str, origin: &str, key: &PublicKey) -> Result<Self, EvidenceError> {
        crate::cose::within(WHAT, note.as_bytes(), MAX_CHECKPOINT)?;
        check_name(origin)?;
        // The text ends at the last blank line; a text with a blank line inside would be ambiguous.
        let (text, signatures) = note
            .rsplit_once("\n\n")
            .ok_or_else(|| malformed("it has no blank line before its signatures"))?;
        let text = format!("{text}\n");
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(malformed("its text has a control character"));
        }
        let checkpoint = Self::parse_text(&text)?;
        if checkpoint.origin != origin {
            return Err(malformed(&format!("its origin is not `{origin}`")));
        }
        let signatures =
            signatures.strip_suffix('\n').ok_or_else(|| malformed("its last line has no line feed"))?;
        let hash = note_key_hash(origin, key);
        let mut found = false;
        for (position, line) in signatures.split('\n').enumerate() {
            if position >= MAX_SIGNATURES {
                return Err(malformed("it has more than 32 signatures"));
            }
            let (name, key_hash, signature) = parse_signature(line)?;
            // A known key's signature must hold wherever it stands; those of unknown keys prove nothing.
            if name == origin && key_hash == hash {
                key.verify(WHAT, text.as_bytes(), &signature)?;
                found = true;
            }
        }
        if found {
            Ok(checkpoint)
        } else {
            Err(EvidenceError::Signature { what: WHAT, key: key.key_id().short() })
        }
    }

    fn parse_text(text: &str) -> Result<Self, EvidenceError> {
        let mut lines = text.split_terminator('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(malformed("it has fewer than three lines"));
        };
        if lines.any(str::is_empty) {
            return Err(malformed("its text has a blank line"));
        }
        let number: u64 = size.parse().map_err(|_| malformed("its second line is not a size"))?;
        if number.to_string() != size {
            return Err(malformed("its size is not in plain decimal digits"));
        }
        let root = STANDARD.decode(root).ok().and_then(|root| <[u8; 32]>::try_from(root).ok());
        Ok(Self {
            origin: origin.to_owned(),
            size: number,
            root: Digest(root.ok_or_else(|| malformed("its third line is not a hash in base64"))?),
        })
    }

    /// The verifier key of a log in the form that signed-note tools take: `name+hash+base64`.
    pub fn verifier_key(origin: &str, key: &PublicKey) -> String {
        let mut bytes = vec![ED25519_TYPE];
        bytes.extend(key.as_bytes());
        let mut hash = String::new();
        for byte in note_key_hash(origin, key) {
            // Writing to a String does not fail.
            let _ = write!(hash, "{byte:02x}");
        }
        format!("{origin}+{hash}+{}", STANDARD.encode(bytes))
    }
}

fn malformed(reason: &str) -> EvidenceError {
    EvidenceError::malformed(WHAT, reason)
}

fn check_name(name: &str) -> Result<(), EvidenceError> {
    if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c == '+') {
        return Err(EvidenceError::value(
            WHAT,
            "origin",
            "the name of a log is not empty and has no space, `+` or line break",
        ));
    }
    Ok(())
}

/// The first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key).
fn note_key_hash(name: &str, key: &PublicKey) -> [u8; 4] {
    let mut bytes = name.as_bytes().to_vec();
    bytes.extend([b'\n', ED25519_TYPE]);
    bytes.extend(key.as_bytes());
    let [a, b, c, d, ..] = digest_of(&bytes).0;
    [a, b, c, d]
}

/// The name, key hash and signature of a line `— name base64`.
fn parse_signature(line: &str) -> Result<(&str, [u8; 4], Vec<u8>), EvidenceError> {
    let wrong = || malformed("a signature line is not as in `\u{2014} name base64`");
    let rest = line.strip_prefix("\u{2014} ").ok_or_else(wrong)?;
    let (name, encoded) = rest.split_once(' ').ok_or_else(wrong)?;
    check_name(name).map_err(|_| wrong())?;
    let bytes = STANDARD.decode(encoded).map_err(|_| wrong())?;
    let (hash, signature) = bytes.split_first_chunk::<4>().ok_or_else(wrong)?;
    Ok((name, *hash, signature.to_vec()))
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
