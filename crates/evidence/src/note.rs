//! Signed notes (C2SP `signed-note`): a text and the signatures of several keys under it.
//!
//! | Type | Signature | Specified in |
//! |---|---|---|
//! | `0x01` | Ed25519 over the text: a log's own | signed-note |
//! | `0x04` | Ed25519 with the time, over the text under a header: a witness's | tlog-cosignature |
//! | `0x06` | ML-DSA-44 with the time, over names, size and root: a witness's, safe from quantum computers | tlog-cosignature |

use crate::{EvidenceError, digest_of};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::fmt::Write;

/// The largest note that is read: three short lines and the signatures of a dozen witnesses, of which one with
/// ML-DSA-44 takes 3.3 KiB.
pub const MAX_NOTE: usize = 64 * 1024;

/// The most signature lines that are looked at, so that a note cannot make the verifier work without end. The
/// specification asks for at least 16.
pub const MAX_SIGNATURES: usize = 32;

/// What kind of key a signature line is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureType {
    /// Ed25519 over the note's text.
    Ed25519,
    /// A timestamped Ed25519 cosignature (`cosignature/v1`).
    Cosignature,
    /// A timestamped ML-DSA-44 cosignature (`subtree/v1`).
    MlDsa44Cosignature,
}

impl SignatureType {
    const ALL: [Self; 3] = [Self::Ed25519, Self::Cosignature, Self::MlDsa44Cosignature];

    /// The byte that stands for it in key identifiers and verifier keys.
    pub fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
            Self::MlDsa44Cosignature => 0x06,
        }
    }
}

/// The identifier of a key in a note: the first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoteKeyId([u8; 4]);

impl NoteKeyId {
    /// The identifier of a public key under a name.
    pub fn of(name: &str, signature_type: SignatureType, public_key: &[u8]) -> Self {
        let mut bytes = name.as_bytes().to_vec();
        bytes.extend([b'\n', signature_type.byte()]);
        bytes.extend(public_key);
        let [a, b, c, d, ..] = digest_of(&bytes).0;
        Self([a, b, c, d])
    }
}

/// The verifier key in the form that signed-note tools take: `name+hash+base64(type ‖ public key)`.
pub fn verifier_key(name: &str, signature_type: SignatureType, public_key: &[u8]) -> String {
    let mut hash = String::new();
    for byte in NoteKeyId::of(name, signature_type, public_key).0 {
        // Writing to a String does not fail.
        let _ = write!(hash, "{byte:02x}");
    }
    let bytes = [&[signature_type.byte()], public_key].concat();
    format!("{name}+{hash}+{}", STANDARD.encode(bytes))
}

/// Name, kind and public key of a verifier key in that form.
///
/// # Errors
/// When it has another form, its kind is unknown, or its hash is not that of its key.
pub(crate) fn parse_verifier_key(text: &str) -> Result<(&str, SignatureType, Vec<u8>), EvidenceError> {
    let wrong = |reason| EvidenceError::malformed("verifier key", reason);
    // A key in base64 may have a `+` too.
    let mut pieces = text.splitn(3, '+');
    let (Some(name), Some(_), Some(encoded)) = (pieces.next(), pieces.next(), pieces.next()) else {
        return Err(wrong("it is not as in `name+hash+base64`"));
    };
    check_name("verifier key", name)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| wrong("its key is not in base64"))?;
    let (byte, key) = bytes.split_first().ok_or_else(|| wrong("it has no key"))?;
    let kind = SignatureType::ALL.into_iter().find(|kind| kind.byte() == *byte);
    let kind = kind.ok_or_else(|| wrong("its key is of an unknown kind"))?;
    if verifier_key(name, kind, key) != text {
        return Err(wrong("its hash is not that of its name and key"));
    }
    Ok((name, kind, key.to_vec()))
}

/// One line under a note: who claims to have signed, with which key, and the signature; nothing is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key: NoteKeyId,
    signature: Vec<u8>,
}

impl NoteSignature {
    /// A signature by the key of that name.
    ///
    /// # Errors
    /// When the name cannot be a key's: empty, or with a space, `+` or line break.
    pub fn new(name: &str, key: NoteKeyId, signature: Vec<u8>) -> Result<Self, EvidenceError> {
        check_name("signed note", name)?;
        Ok(Self { name: name.to_owned(), key, signature })
    }

    /// The name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of the signature, without the key's identifier.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Whether it says that it is by this key.
    pub fn claims(&self, name: &str, key: NoteKeyId) -> bool {
        self.name == name && self.key == key
    }

    /// The line, with its line feed.
    pub fn line(&self) -> String {
        let bytes = [&self.key.0[..], &self.signature].concat();
        format!("\u{2014} {} {}\n", self.name, STANDARD.encode(bytes))
    }

    /// Reads a line without its line feed.
    ///
    /// # Errors
    /// When it has another form than `— name base64`.
    pub fn parse(what: &'static str, line: &str) -> Result<Self, EvidenceError> {
        let wrong = || EvidenceError::malformed(what, "a signature line is not as in `\u{2014} name base64`");
        let rest = line.strip_prefix("\u{2014} ").ok_or_else(wrong)?;
        let (name, encoded) = rest.split_once(' ').ok_or_else(wrong)?;
        check_name(what, name).map_err(|_| wrong())?;
        let bytes = STANDARD.decode(encoded).map_err(|_| wrong())?;
        let (key, signature) = bytes.split_first_chunk::<4>().ok_or_else(wrong)?;
        Ok(Self { name: name.to_owned(), key: NoteKeyId(*key), signature: signature.to_vec() })
    }

    /// Reads the lines of several signatures, as a witness answers with: one to [`MAX_SIGNATURES`].
    ///
    /// # Errors
    /// When one has another form, or there is none or too many.
    pub fn parse_lines(what: &'static str, lines: &str) -> Result<Vec<Self>, EvidenceError> {
        crate::cose::within(what, lines.as_bytes(), MAX_NOTE)?;
        let lines = lines
            .strip_suffix('\n')
            .ok_or_else(|| EvidenceError::malformed(what, "its last line has no line feed"))?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() >= MAX_SIGNATURES {
                return Err(EvidenceError::malformed(what, "it has more than 32 signatures"));
            }
            signatures.push(Self::parse(what, line)?);
        }
        Ok(signatures)
    }
}

/// A text and the signatures under it, none of them verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl SignedNote {
    /// A note of a text, which ends with a line feed, and signatures.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Self {
        Self { text, signatures }
    }

    /// Reads a note; `what` names it in errors.
    ///
    /// # Errors
    /// When it is too long, has a control character, no blank line before its signatures, or a signature line of
    /// another form.
    pub fn parse(what: &'static str, note: &str) -> Result<Self, EvidenceError> {
        crate::cose::within(what, note.as_bytes(), MAX_NOTE)?;
        // The text ends at the last blank line.
        let (text, signatures) = note
            .rsplit_once("\n\n")
            .ok_or_else(|| EvidenceError::malformed(what, "it has no blank line before its signatures"))?;
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(EvidenceError::malformed(what, "its text has a control character"));
        }
        let signatures = NoteSignature::parse_lines(what, signatures)?;
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// The signed text, with its last line feed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in their order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The same note with further signatures; one that is there already is not repeated.
    pub fn with(mut self, signatures: impl IntoIterator<Item = NoteSignature>) -> Self {
        for signature in signatures {
            if !self.signatures.contains(&signature) {
                self.signatures.push(signature);
            }
        }
        self
    }

    /// The same note with the signatures of the keys of one name alone.
    pub fn only(mut self, name: &str) -> Self {
        self.signatures.retain(|signature| signature.name == name);
        self
    }

    /// The note as it is written.
    pub fn to_note(&self) -> String {
        let lines: String = self.signatures.iter().map(NoteSignature::line).collect();
        format!("{}\n{lines}", self.text)
    }
}

/// Whether a name can be a key's in a signed note.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<(), EvidenceError> {
    if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c == '+') {
        return Err(EvidenceError::value(
            what,
            "origin",
            "the name of a log or witness is not empty and has no space, `+` or line break",
        ));
    }
    Ok(())
}
