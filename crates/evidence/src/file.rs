//! Evidence files: everything that proves one message, in one file that needs nothing else.

use crate::cbor::{Reader, Writer};
use crate::disclosure::{MAX_FIELD_PATH, PartSecret, Shown, WHOLE};
use crate::key_register::SignedRegister;
use crate::merkle::{Hash, MAX_PATH};
use crate::{
    Administration, Algorithm, Digest, EvidenceError, PublicKey, PublicKeys, SealingPublicKey, Statement,
    Timestamp, VerifyingKey, digest_of,
};

const WHAT: &str = "evidence file";
/// What an evidence file begins with, so that nobody takes another file for one.
pub const EVIDENCE_MAGIC: &str = "tidewaiter evidence";
/// The version of the form that is written and read.
pub const EVIDENCE_VERSION: u64 = 1;
/// The largest evidence file: the largest message shown whole, and room for its proofs.
pub const MAX_EVIDENCE: usize = 48 * 1024 * 1024;
/// RECEIVED, DECIDED and DELIVERED, or what stands in their place, and one more.
const MAX_STAGES: u64 = 8;
/// As many as a large declaration has.
const MAX_SHOWN: u64 = 100_000;
/// Those of the sender's and the recipient's log, and a few that cosigned.
const MAX_CHECKPOINTS: u64 = 8;
/// The parties' cards of a long life of rotations, and their witnesses'.
const MAX_CARDS: u64 = 64;

/// As many parts as a message has.
const MAX_ATTACHMENTS: u64 = crate::MAX_PARTS as u64;

/// A register that holds the keys of one year, and its followers.
const MAX_REGISTERS: u64 = 16;

/// A leaf of a part that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownPart {
    /// The part, counted from 0.
    pub part: u64,
    /// The leaf with its proof.
    pub shown: Shown,
}

/// What ties an attachment to the statement for whoever holds the attachment: the secret from which the salts of its
/// chunks follow. It is signed by nobody. It lets a guess of a whole chunk be tried: a short attachment (a number, a yes
/// or no) can be found by trying.
#[derive(Clone, PartialEq, Eq)]
pub struct ShownAttachment {
    /// The part, counted from 0.
    pub part: u64,
    /// The secret of the part.
    pub secret: PartSecret,
}

impl std::fmt::Debug for ShownAttachment {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ShownAttachment").field("part", &self.part).finish_non_exhaustive()
    }
}

/// A checkpoint of a log and the proof that the statement is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedCheckpoint {
    /// Whose log it is.
    pub log: Administration,
    /// The signed note, with the cosignatures of witnesses.
    pub note: String,
    /// The place of the statement in the log, from 0.
    pub index: u64,
    /// The inclusion path of the statement in the tree of the checkpoint.
    pub path: Vec<Hash>,
}

/// Proof that the sender used the message's id for another message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictEvidence {
    /// The recipient's signed [`crate::Conflict`].
    pub proof: Vec<u8>,
    /// The other statement that the sender signed.
    pub statement: Vec<u8>,
}

/// An evidence file as it was read or is to be written; nothing in it is verified.
///
/// In deterministic CBOR a map of nine fields, or of ten when it lets attachments be compared:
///
/// | key | section | encoding |
/// |---|---|---|
/// | 0 | magic | `tidewaiter evidence` |
/// | 1 | version | 1 |
/// | 2 | statement | byte string: the transparent statement (RFC 9943), or the registered form when it has no receipt |
/// | 3 | stages | [byte string, ...]: staged statements, in the order of their bytes' digests |
/// | 4 | shown | [[part, path, value, salt, index, [hash, ...]], ...] in the order of part and path |
/// | 5 | checkpoints | [[administration, note, index, [hash, ...]], ...] in the order of administration and note |
/// | 6 | cards | [[administration, tls, sign, enc, log, witness, from, until, register?], ...] in the order of their digests |
/// | 7 | registers | [byte string, ...]: signed key registers, in the order of agreement, version and bytes |
/// | 8 | conflict | null, or [proof, other statement] |
/// | 9 | attachments | [[part, secret], ...] in the order of parts; only when there is one |
#[derive(Clone, Debug)]
pub struct EvidenceFile {
    /// The statement in its registered form.
    pub statement: Statement,
    /// The receipts of logs.
    pub receipts: Vec<Vec<u8>>,
    /// The staged statements.
    pub stages: Vec<Vec<u8>>,
    /// What is shown of the content.
    pub shown: Vec<ShownPart>,
    /// Checkpoints of logs with the statement in them.
    pub checkpoints: Vec<LoggedCheckpoint>,
    /// The cards of those who signed; whether to believe them is for whoever reads the file.
    pub cards: Vec<PublicKeys>,
    /// Signed registers with the keys of those who signed, oldest first; the same holds for them.
    pub registers: Vec<SignedRegister>,
    /// Proof of a conflict.
    pub conflict: Option<ConflictEvidence>,
    /// What lets attachments be compared with the statement.
    pub attachments: Vec<ShownAttachment>,
}

impl EvidenceFile {
    /// Writes the one encoding of the file. Sections are put in their order, and what is in one twice is written once.
    ///
    /// # Errors
    /// When there is more in a section than can be carried, or the whole is over [`MAX_EVIDENCE`].
    pub fn encode(&self) -> Result<Vec<u8>, EvidenceError> {
        let sorted = self.sorted();
        let statement = self.transparent()?;
        for (field, count, most) in [
            ("stages", sorted.stages.len(), MAX_STAGES),
            ("shown fields", sorted.shown.len(), MAX_SHOWN),
            ("checkpoints", sorted.checkpoints.len(), MAX_CHECKPOINTS),
            ("cards", sorted.cards.len(), MAX_CARDS),
            ("registers", sorted.registers.len(), MAX_REGISTERS),
            ("attachments", sorted.attachments.len(), MAX_ATTACHMENTS),
        ] {
            if count as u64 > most {
                return Err(EvidenceError::value(WHAT, field, format!("there are {count}, at most {most}")));
            }
        }
        let mut out = Writer::new();
        out.map(if sorted.attachments.is_empty() { 9 } else { 10 })
            .uint(0)
            .text(EVIDENCE_MAGIC)
            .uint(1)
            .uint(EVIDENCE_VERSION);
        out.uint(2).bytes(&statement).uint(3).array(sorted.stages.len());
        for stage in &sorted.stages {
            out.bytes(stage);
        }
        out.uint(4).array(sorted.shown.len());
        for ShownPart { part, shown } in &sorted.shown {
            out.array(6).uint(*part).text(&shown.path).bytes(&shown.value).bytes(&shown.salt);
            out.uint(shown.index);
            write_hashes(&mut out, &shown.proof);
        }
        out.uint(5).array(sorted.checkpoints.len());
        for checkpoint in &sorted.checkpoints {
            out.array(4).text(checkpoint.log.as_str()).text(&checkpoint.note).uint(checkpoint.index);
            write_hashes(&mut out, &checkpoint.path);
        }
        out.uint(6).array(sorted.cards.len());
        for card in &sorted.cards {
            write_card(&mut out, card);
        }
        out.uint(7).array(sorted.registers.len());
        for register in &sorted.registers {
            out.bytes(&register.to_bytes());
        }
        out.uint(8);
        match &self.conflict {
            Some(conflict) => out.array(2).bytes(&conflict.proof).bytes(&conflict.statement),
            None => out.null(),
        };
        if !sorted.attachments.is_empty() {
            out.uint(9).array(sorted.attachments.len());
            for attachment in &sorted.attachments {
                out.array(2).uint(attachment.part).bytes(attachment.secret.as_bytes());
            }
        }
        let bytes = out.finish();
        crate::cose::within(WHAT, &bytes, MAX_EVIDENCE)?;
        Ok(bytes)
    }

    /// The statement with its receipts (RFC 9943), or in its registered form when it has none.
    ///
    /// # Errors
    /// When there are more receipts than can be carried.
    pub fn transparent(&self) -> Result<Vec<u8>, EvidenceError> {
        match self.receipts.as_slice() {
            [] => Ok(self.statement.as_bytes().to_vec()),
            receipts => self.statement.with_receipts(receipts),
        }
    }

    /// Reads a file, strictly: nothing but the one encoding that [`EvidenceFile::encode`] gives is accepted. What it
    /// holds is not verified.
    ///
    /// # Errors
    /// Names the first rule that it breaks.
    pub fn decode(bytes: &[u8]) -> Result<Self, EvidenceError> {
        crate::cose::within(WHAT, bytes, MAX_EVIDENCE)?;
        let mut input = Reader::new(WHAT, bytes);
        let fields = input.map()?;
        if !(9..=10).contains(&fields) {
            return Err(wrong("it has nine or ten sections"));
        }
        input.key(0)?;
        if input.text()? != EVIDENCE_MAGIC {
            return Err(wrong("it does not say that it is evidence of Tidewaiter"));
        }
        input.key(1)?;
        if input.uint()? != EVIDENCE_VERSION {
            return Err(wrong("its version is not 1"));
        }
        input.key(2)?;
        let statement = input.bytes()?;
        let (statement, receipts) = match Statement::from_transparent(statement) {
            Ok(transparent) => transparent,
            Err(error) => match Statement::read(statement) {
                Ok(_) => (Statement::from_read(statement), Vec::new()),
                Err(_) => return Err(error),
            },
        };
        input.key(3)?;
        let stages = list(&mut input, "stages", MAX_STAGES, |input| Ok(input.bytes()?.to_vec()))?;
        input.key(4)?;
        let shown = list(&mut input, "shown fields", MAX_SHOWN, read_shown)?;
        input.key(5)?;
        let checkpoints = list(&mut input, "checkpoints", MAX_CHECKPOINTS, read_checkpoint)?;
        input.key(6)?;
        let cards = list(&mut input, "cards", MAX_CARDS, read_card)?;
        input.key(7)?;
        let registers = list(&mut input, "registers", MAX_REGISTERS, read_register)?;
        input.key(8)?;
        let conflict = if input.null() {
            None
        } else {
            input.array_of(2)?;
            let (proof, statement) = (input.bytes()?.to_vec(), input.bytes()?.to_vec());
            Some(ConflictEvidence { proof, statement })
        };
        let mut attachments = Vec::new();
        if fields == 10 {
            input.key(9)?;
            attachments = list(&mut input, "attachments", MAX_ATTACHMENTS, read_attachment)?;
            if attachments.is_empty() {
                return Err(wrong("its section of attachments is empty"));
            }
        }
        input.end()?;
        let file =
            Self { statement, receipts, stages, shown, checkpoints, cards, registers, conflict, attachments };
        if !file.is_sorted() {
            return Err(wrong("a section is not in its order, or holds something twice"));
        }
        Ok(file)
    }

    fn is_sorted(&self) -> bool {
        let sorted = self.sorted();
        let bytes = |file: &Self| file.registers.iter().map(SignedRegister::to_bytes).collect::<Vec<_>>();
        self.stages == sorted.stages
            && self.shown == sorted.shown
            && self.checkpoints == sorted.checkpoints
            && self.cards == sorted.cards
            && bytes(self) == bytes(&sorted)
            && self.attachments == sorted.attachments
    }

    /// The same with every section in its order, and nothing twice.
    fn sorted(&self) -> Self {
        let mut sorted = self.clone();
        sorted.stages.sort_by_key(|stage| digest_of(stage).0);
        sorted.stages.dedup();
        sorted.shown.sort_by(|a, b| (a.part, &a.shown.path).cmp(&(b.part, &b.shown.path)));
        sorted.shown.dedup_by(|a, b| (a.part, &a.shown.path) == (b.part, &b.shown.path));
        sorted.checkpoints.sort_by(|a, b| (&a.log, &a.note).cmp(&(&b.log, &b.note)));
        sorted.checkpoints.dedup_by(|a, b| (&a.log, &a.note) == (&b.log, &b.note));
        sorted.cards.sort_by_cached_key(card_digest);
        sorted.cards.dedup();
        let name = |signed: &SignedRegister| {
            let register = signed.register();
            (register.agreement.clone(), register.version, signed.to_bytes())
        };
        sorted.registers.sort_by_cached_key(name);
        sorted.registers.dedup_by(|a, b| a.to_bytes() == b.to_bytes());
        sorted.attachments.sort_by_key(|attachment| attachment.part);
        sorted.attachments.dedup_by_key(|attachment| attachment.part);
        sorted
    }
}

fn wrong(reason: &str) -> EvidenceError {
    EvidenceError::malformed(WHAT, reason)
}

fn list<'a, T>(
    input: &mut Reader<'a>,
    what: &str,
    most: u64,
    item: impl Fn(&mut Reader<'a>) -> Result<T, EvidenceError>,
) -> Result<Vec<T>, EvidenceError> {
    let count = input.array()?;
    if count > most {
        return Err(wrong(&format!("it has more than {most} {what}")));
    }
    // Not reserved by the count, which may be false: each item is read before the next has room.
    (0..count).map(|_| item(input)).collect()
}

fn write_hashes(out: &mut Writer, hashes: &[Hash]) {
    out.array(hashes.len());
    for hash in hashes {
        out.bytes(hash);
    }
}

fn read_shown(input: &mut Reader<'_>) -> Result<ShownPart, EvidenceError> {
    input.array_of(6)?;
    let part = input.uint()?;
    let path = input.text()?;
    if path.len() > MAX_FIELD_PATH {
        return Err(wrong("the path of a shown field is longer than 512 bytes"));
    }
    let value = input.bytes()?.to_vec();
    if path != WHOLE && std::str::from_utf8(&value).is_err() {
        return Err(wrong("the value of a shown field is not UTF-8"));
    }
    let (path, salt, index) = (path.to_owned(), input.bytes_of()?, input.uint()?);
    let proof = list(input, "hashes in a proof", MAX_PATH as u64, Reader::bytes_of)?;
    Ok(ShownPart { part, shown: Shown { path, value, salt, index, proof } })
}

fn read_checkpoint(input: &mut Reader<'_>) -> Result<LoggedCheckpoint, EvidenceError> {
    input.array_of(4)?;
    Ok(LoggedCheckpoint {
        log: Administration::parse(input.text()?).map_err(|error| wrong(&error.to_string()))?,
        note: input.text()?.to_owned(),
        index: input.uint()?,
        path: list(input, "hashes in a proof", MAX_PATH as u64, Reader::bytes_of)?,
    })
}

fn read_attachment(input: &mut Reader<'_>) -> Result<ShownAttachment, EvidenceError> {
    input.array_of(2)?;
    Ok(ShownAttachment { part: input.uint()?, secret: PartSecret::from_bytes(input.bytes_of()?) })
}

fn read_register(input: &mut Reader<'_>) -> Result<SignedRegister, EvidenceError> {
    SignedRegister::read(input.bytes()?).map_err(|error| wrong(&format!("a key register in it: {error}")))
}

/// The encoding over which the fingerprint of a card is made.
fn write_card(out: &mut Writer, card: &PublicKeys) {
    let count = if card.register.is_some() { 9 } else { 8 };
    out.array(count).text(card.administration.as_str()).bytes(card.tls_spki.as_bytes());
    out.bytes(card.sign.as_bytes()).bytes(card.enc.as_bytes());
    out.bytes(card.log.as_bytes()).bytes(card.witness.as_bytes());
    out.int(card.valid_from.as_micros()).int(card.valid_until.as_micros());
    if let Some(register) = &card.register {
        out.bytes(register.as_bytes());
    }
}

fn card_digest(card: &PublicKeys) -> Hash {
    let mut out = Writer::new();
    write_card(&mut out, card);
    digest_of(&out.finish()).0
}

/// An Ed25519 key has 32 bytes, one of P-256 has 64.
fn read_key(input: &mut Reader<'_>) -> Result<VerifyingKey, EvidenceError> {
    let bytes = input.bytes()?;
    let algorithm = if bytes.len() == 64 { Algorithm::Es256 } else { Algorithm::EdDsa };
    VerifyingKey::from_bytes(algorithm, bytes)
}

fn read_card(input: &mut Reader<'_>) -> Result<PublicKeys, EvidenceError> {
    let count = input.array()?;
    if !(8..=9).contains(&count) {
        return Err(wrong("a card has eight or nine fields"));
    }
    let card = PublicKeys {
        administration: Administration::parse(input.text()?).map_err(|error| wrong(&error.to_string()))?,
        tls_spki: Digest(input.bytes_of()?),
        sign: read_key(input)?,
        enc: SealingPublicKey::from_bytes(input.bytes_of()?),
        log: PublicKey::from_bytes(input.bytes_of()?)?,
        witness: PublicKey::from_bytes(input.bytes_of()?)?,
        valid_from: Timestamp::from_micros(input.int()?),
        valid_until: Timestamp::from_micros(input.int()?),
        register: if count == 9 { Some(read_key(input)?) } else { None },
    };
    card.validate()?;
    Ok(card)
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
