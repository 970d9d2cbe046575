//! The manifest of a message: everything about it that is signed, and none of its content.

use crate::cbor::{Reader, Writer};
use crate::chunked::ChunkedPart;
use crate::disclosure::LeafScheme;
use crate::{Channel, Digest, EvidenceError, KeyId, MessageId, digest_of};
use base::{Administration, Timestamp};
use std::collections::BTreeSet;

const WHAT: &str = "manifest";
/// The version of the manifest's form that is written and read.
pub const MANIFEST_VERSION: u64 = 1;
/// Documents and their attachments; a message with more is a bulk transfer and needs another form.
pub const MAX_PARTS: usize = 16;
/// The longest agreement identifier, clause, purpose, part name and media type. RFC 6838 allows 127 for the last.
pub const MAX_TEXT: usize = 128;

/// The agreement that a message is sent under, as both parties compiled it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgreementReference {
    /// Its identifier.
    pub id: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of what it compiles to.
    pub hash: Digest,
}

/// How the parts are sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suite {
    /// HPKE base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, each part in one piece; code 1.
    HpkeX25519ChaCha20Poly1305,
    /// The same for the first part; every further part in chunks, see [`crate::chunked`]; code 2.
    HpkeX25519ChaCha20Poly1305Chunks,
}

impl Suite {
    fn code(self) -> u64 {
        match self {
            Self::HpkeX25519ChaCha20Poly1305 => 1,
            Self::HpkeX25519ChaCha20Poly1305Chunks => 2,
        }
    }

    fn from_code(code: u64) -> Result<Self, EvidenceError> {
        match code {
            1 => Ok(Self::HpkeX25519ChaCha20Poly1305),
            2 => Ok(Self::HpkeX25519ChaCha20Poly1305Chunks),
            _ => Err(EvidenceError::malformed(WHAT, format!("`{code}` is not a known encryption suite"))),
        }
    }
}

/// What the parts are sealed with and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// The suite.
    pub suite: Suite,
    /// The recipient's key.
    pub recipient_key: KeyId,
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartManifest {
    /// Its name, unique in the message.
    pub name: String,
    /// Its media type, as in `application/xml`.
    pub media_type: String,
    /// SHA-256 of the sealed bytes.
    pub ciphertext: Digest,
    /// The root over its salted leaves, see [`crate::disclosure`].
    pub plaintext_root: Digest,
    /// The size of its content in bytes.
    pub size: u64,
    /// Which leaves are under the plaintext root.
    pub leaves: LeafScheme,
}

/// The manifest of a message, in deterministic CBOR a map of thirteen fields:
///
/// | key | field | encoding |
/// |---|---|---|
/// | 1 | version | 1 |
/// | 2 | message id | byte string of 16, UUID version 7 |
/// | 3 | channel | [sender, recipient, subject], texts |
/// | 4 | sequence | unsigned, from 1 |
/// | 5 | agreement | [id, version, compiled hash] |
/// | 6 | clause | text |
/// | 7 | purpose | text |
/// | 8 | created | microseconds since 1970 |
/// | 9 | expires | microseconds since 1970 |
/// | 10 | exercise | true or false |
/// | 11 | parts | [[name, media type, ciphertext digest, plaintext root, size, leaf scheme], ...] |
/// | 12 | encryption | [suite, recipient key id] |
/// | 13 | nonce | byte string of 16 |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The identity of the message.
    pub message_id: MessageId,
    /// Its channel: from whom, to whom, about what.
    pub channel: Channel,
    /// Its number in the channel, from 1.
    pub sequence: u64,
    /// The agreement that it is sent under.
    pub agreement: AgreementReference,
    /// The clause that permits it.
    pub clause: String,
    /// The purpose for which it may be used.
    pub purpose: String,
    /// When it was made.
    pub created: Timestamp,
    /// From when on the recipient must refuse it.
    pub expires: Timestamp,
    /// Whether it belongs to an exercise; production nodes refuse it then.
    pub exercise: bool,
    /// Its parts, in order.
    pub parts: Vec<PartManifest>,
    /// How they are sealed.
    pub encryption: Encryption,
    /// 128 random bits, so that the digest of the statement reveals nothing by being guessed.
    pub nonce: [u8; 16],
}

impl Manifest {
    /// The administration that sends.
    pub fn from(&self) -> &Administration {
        self.channel.sender()
    }

    /// The administration that receives.
    pub fn to(&self) -> &Administration {
        self.channel.recipient()
    }

    /// Whether part `index` travels in chunks, see [`crate::chunked`].
    pub fn is_chunked(&self, index: usize) -> bool {
        let in_chunks = self.encryption.suite == Suite::HpkeX25519ChaCha20Poly1305Chunks;
        in_chunks && index > 0 && index < self.parts.len()
    }

    /// Whether it is a tombstone: a message without parts, which takes the place in its channel of one whose time was
    /// over before anything of it had left. It discloses nothing.
    pub fn is_tombstone(&self) -> bool {
        self.parts.is_empty()
    }

    /// Writes the one encoding of the manifest.
    ///
    /// # Errors
    /// When a field is outside its limits.
    pub fn to_cbor(&self) -> Result<Vec<u8>, EvidenceError> {
        self.validate()?;
        Ok(self.written(&|out, part| {
            out.bytes(part.ciphertext.as_bytes());
        }))
    }

    /// The digest of everything in the manifest but the ciphertext digests, to which each sealed part is bound
    /// ([`crate::part_aad`]): SHA-256 of the manifest's encoding with `null` in place of each ciphertext digest. It is
    /// known before anything is sealed, and the same for whoever reads the manifest.
    ///
    /// # Errors
    /// When a field is outside its limits.
    pub fn binding(&self) -> Result<Digest, EvidenceError> {
        self.validate()?;
        let unsealed = self.written(&|out, _| {
            out.null();
        });
        Ok(digest_of(&unsealed))
    }

    fn written(&self, ciphertext: &dyn Fn(&mut Writer, &PartManifest)) -> Vec<u8> {
        let mut out = Writer::new();
        out.map(13).uint(1).uint(MANIFEST_VERSION);
        out.uint(2).bytes(self.message_id.as_bytes());
        out.uint(3).array(3);
        out.text(self.from().as_str()).text(self.to().as_str()).text(self.channel.subject());
        out.uint(4).uint(self.sequence);
        out.uint(5).array(3).text(&self.agreement.id);
        out.uint(u64::from(self.agreement.version)).bytes(self.agreement.hash.as_bytes());
        out.uint(6).text(&self.clause);
        out.uint(7).text(&self.purpose);
        out.uint(8).int(self.created.as_micros());
        out.uint(9).int(self.expires.as_micros());
        out.uint(10).boolean(self.exercise);
        out.uint(11).array(self.parts.len());
        for part in &self.parts {
            out.array(6).text(&part.name).text(&part.media_type);
            ciphertext(&mut out, part);
            out.bytes(part.plaintext_root.as_bytes()).uint(part.size).uint(part.leaves.code());
        }
        out.uint(12).array(2).uint(self.encryption.suite.code());
        out.bytes(self.encryption.recipient_key.as_bytes());
        out.uint(13).bytes(&self.nonce);
        out.finish()
    }

    /// Reads a manifest, strictly: an unknown, missing, repeated or misplaced field and any encoding but the
    /// deterministic one are refused.
    ///
    /// # Errors
    /// When the bytes are not the one encoding of an acceptable manifest.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let mut input = Reader::new(WHAT, bytes);
        input.map_of(13)?;
        input.key(1)?;
        if input.uint()? != MANIFEST_VERSION {
            return Err(EvidenceError::malformed(WHAT, "its version is not 1"));
        }
        input.key(2)?;
        let message_id = MessageId::from_bytes(input.bytes_of()?).map_err(wrong)?;
        input.key(3)?;
        let channel = read_channel(&mut input)?;
        input.key(4)?;
        let sequence = input.uint()?;
        input.key(5)?;
        let agreement = read_agreement(&mut input)?;
        input.key(6)?;
        let clause = input.text()?.to_owned();
        input.key(7)?;
        let purpose = input.text()?.to_owned();
        input.key(8)?;
        let created = Timestamp::from_micros(input.int()?);
        input.key(9)?;
        let expires = Timestamp::from_micros(input.int()?);
        input.key(10)?;
        let exercise = input.boolean()?;
        input.key(11)?;
        let parts = read_parts(&mut input)?;
        input.key(12)?;
        input.array_of(2)?;
        let encryption = Encryption {
            suite: Suite::from_code(input.uint()?)?,
            recipient_key: KeyId::from_bytes(input.bytes_of()?),
        };
        input.key(13)?;
        let nonce = input.bytes_of()?;
        input.end()?;
        let manifest = Self {
            message_id,
            channel,
            sequence,
            agreement,
            clause,
            purpose,
            created,
            expires,
            exercise,
            parts,
            encryption,
            nonce,
        };
        manifest.validate()?;
        Ok(manifest)
    }

    /// Checks the limits of all fields.
    ///
    /// # Errors
    /// Names the first field that is outside them.
    pub fn validate(&self) -> Result<(), EvidenceError> {
        let bad = |field, reason: &str| Err(EvidenceError::value(WHAT, field, reason));
        if self.sequence == 0 {
            return bad("sequence", "it counts from 1");
        }
        if self.expires <= self.created {
            return bad("expires", "it must be after created");
        }
        if self.parts.len() > MAX_PARTS {
            return bad("parts", "a message has at most 16 parts");
        }
        text_within("agreement", &self.agreement.id)?;
        text_within("clause", &self.clause)?;
        text_within("purpose", &self.purpose)?;
        let mut names = BTreeSet::new();
        for (index, part) in self.parts.iter().enumerate() {
            if self.is_chunked(index) {
                ChunkedPart::described(part)?;
            }
            text_within("part name", &part.name)?;
            text_within("media type", &part.media_type)?;
            let chunked = part.leaves == LeafScheme::Chunks;
            if chunked != self.is_chunked(index) {
                return bad("parts", "a part has leaves of chunks if and only if it travels in chunks");
            }
            if !names.insert(&part.name) {
                return bad("parts", "two parts have the same name");
            }
        }
        Ok(())
    }
}

fn wrong(error: base::Invalid) -> EvidenceError {
    EvidenceError::malformed(WHAT, error.to_string())
}

fn text_within(field: &'static str, text: &str) -> Result<(), EvidenceError> {
    if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
        return Err(EvidenceError::value(
            WHAT,
            field,
            "it must be a text of 1 to 128 bytes without control characters",
        ));
    }
    Ok(())
}

fn read_channel(input: &mut Reader<'_>) -> Result<Channel, EvidenceError> {
    input.array_of(3)?;
    let sender = Administration::parse(input.text()?).map_err(wrong)?;
    let recipient = Administration::parse(input.text()?).map_err(wrong)?;
    Channel::new(sender, recipient, input.text()?).map_err(wrong)
}

fn read_agreement(input: &mut Reader<'_>) -> Result<AgreementReference, EvidenceError> {
    input.array_of(3)?;
    Ok(AgreementReference {
        id: input.text()?.to_owned(),
        version: u32::try_from(input.uint()?)
            .map_err(|_| EvidenceError::malformed(WHAT, "the agreement's version is over 32 bits"))?,
        hash: Digest(input.bytes_of()?),
    })
}

fn read_parts(input: &mut Reader<'_>) -> Result<Vec<PartManifest>, EvidenceError> {
    let count = input.array()?;
    if count > MAX_PARTS as u64 {
        return Err(EvidenceError::malformed(WHAT, "it has more than 16 parts"));
    }
    let mut parts = Vec::new();
    for _ in 0..count {
        input.array_of(6)?;
        parts.push(PartManifest {
            name: input.text()?.to_owned(),
            media_type: input.text()?.to_owned(),
            ciphertext: Digest(input.bytes_of()?),
            plaintext_root: Digest(input.bytes_of()?),
            size: input.uint()?,
            leaves: LeafScheme::from_code(input.uint()?)
                .ok_or_else(|| EvidenceError::malformed(WHAT, "a part has an unknown leaf scheme"))?,
        });
    }
    Ok(parts)
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
