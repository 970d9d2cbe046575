//! The evidence of one message as a file: everything that proves it, and of its content what is asked for.

use crate::bureau::Bureau;
use crate::keys::records;
use crate::node::{Node, NodeError};
use crate::proofs::{self, Erasure, Kept};
use crate::reception::conflict_stream;
use crate::transparency::{LogError, LogProof, log_proof};
use base::{Administration, Timestamp};
use evidence::disclosure::{LeafTree, PartSecret, Shown};
use evidence::{
    Conflict, ConflictEvidence, EvidenceError, EvidenceFile, LoggedCheckpoint, Manifest, PublicKeys,
    ShownAttachment, ShownPart, Statement, TreeHead, merkle, witness_name,
};
use exchange::{AnswerError, Envelope, answer_evidence};
use store::{StoreError, Tx, attachments, inbox, journal, log, outbox, stages};
use verifier::{Trust, Verdict};

/// What of the content an evidence file shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disclose {
    /// Nothing.
    Nothing,
    /// These fields: paths as in `Consignment/HouseConsignment[2]/grossMass`, of all repetitions where no place is
    /// given, and of everything below where the path is that of a group.
    Fields(Vec<String>),
    /// The whole message.
    Whole,
}

/// Why the evidence of a message cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A document on record cannot be read.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// An answer on record cannot be read.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The message was not signed yet, or never travelled between nodes.
    #[error(
        "message {0} has no signed statement: it is not sent yet, or it was refused before it was opened"
    )]
    NoStatement(i64),
    /// The content is gone.
    #[error(
        "the content of message {message} was erased on {at} ({ground}): its evidence can be exported without content"
    )]
    Erased {
        /// Its number.
        message: i64,
        /// When.
        at: Timestamp,
        /// Why.
        ground: String,
    },
    /// The secret that proves the content is not here.
    #[error("nothing here proves the content of message {0}: its evidence can be exported without content")]
    NoSecret(i64),
    /// A field is not in the message.
    #[error("the message has no field `{0}`; paths are as in `Consignment/HouseConsignment[2]/grossMass`")]
    NoField(String),
    /// The content on record is not what was signed.
    #[error("the content of message {0} on record is not what was signed")]
    Differs(i64),
}

impl Node {
    /// The evidence file of a message by its number; `None` when there is no such message, or it is not between nodes.
    ///
    /// # Errors
    /// When it cannot be made, or the store fails.
    pub async fn evidence(&self, message: i64, disclose: Disclose) -> Result<Option<Vec<u8>>, NodeError> {
        self.evidence_with(message, disclose, false).await
    }

    /// The same; with `attachments` the file also lets whoever has the attachments of the message compare them with what
    /// was signed, as long as they were not erased here.
    ///
    /// # Errors
    /// As [`Node::evidence`].
    pub async fn evidence_with(
        &self,
        message: i64,
        disclose: Disclose,
        attachments: bool,
    ) -> Result<Option<Vec<u8>>, NodeError> {
        let (bureau, now) = (self.bureau(), self.now());
        self.read(move |tx| {
            let Some(mut file) = file(tx, &bureau, (message, now), &disclose)? else { return Ok(None) };
            if attachments {
                file.attachments = shown_attachments(tx, message, &file.statement)?;
            }
            Ok(Some(file.encode().map_err(ExportError::from)?))
        })
        .await
    }

    /// The numbers of the messages with this identity between nodes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn messages_of_identity(&self, message_id: String) -> Result<Vec<i64>, NodeError> {
        self.read(move |tx| Ok(proofs::numbers_of(tx, &message_id)?)).await
    }
}

/// What the evidence of a message says, as whoever verifies its file is told.
#[derive(Clone, Debug)]
pub struct EvidenceView {
    /// The verdict, under the keys that this node knows.
    pub verdict: Verdict,
    /// Why there is no content any more.
    pub erasure: Option<Erasure>,
}

impl Node {
    /// What the evidence of a message says; `None` when there is no such message between nodes, or it has no signed
    /// statement.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn evidence_view(&self, message: i64) -> Result<Option<EvidenceView>, NodeError> {
        let (bureau, now) = (self.bureau(), self.now());
        self.read(move |tx| {
            let file = match file(tx, &bureau, (message, now), &Disclose::Nothing) {
                Err(ExportError::NoStatement(_)) | Ok(None) => return Ok(None),
                Ok(Some(file)) => file,
                Err(error) => return Err(error.into()),
            };
            let erasure = proofs::find(tx, message)?.and_then(|kept| kept.erasure);
            let known = file.cards.iter().cloned().fold(Trust::nobody(), Trust::with_card);
            let verdict = verifier::verify(&file.encode().map_err(ExportError::from)?, &known);
            Ok(Some(EvidenceView { verdict, erasure }))
        })
        .await
    }
}

/// The evidence of a message.
pub(crate) fn file(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    (message, now): (i64, Timestamp),
    disclose: &Disclose,
) -> Result<Option<EvidenceFile>, ExportError> {
    let Some(kept) = proofs::find(tx, message)? else { return Ok(None) };
    let Sources { statement, answer, content } = sources(tx, bureau, &kept)?;
    let manifest = Statement::read(statement.as_bytes())?.manifest().clone();
    let shown = shown(&kept, &manifest, &content, disclose)?;
    let answered = match &answer {
        Some(answer) => answer_evidence(answer)?,
        None => exchange::AnswerEvidence::default(),
    };
    let later = if kept.sent {
        let attached = stages::of_message(tx, kept.message_id)?.into_iter();
        attached.map(|attached| attached.statement).collect()
    } else {
        stages::ours(tx, manifest.from(), kept.message_id)?
    };
    let mut receipts: Vec<Vec<u8>> = answered.receipt.into_iter().collect();
    let mut checkpoints = Vec::new();
    if let Some(index) = kept.leaf_index
        && let Some(logged) = own_log(tx, bureau, index, now)?
    {
        // The recipient's own receipt is in its answer already.
        if kept.sent {
            receipts.insert(0, logged.receipt);
        }
        checkpoints.push(logged.checkpoint);
    }
    let cards = cards(bureau, &manifest, &checkpoints);
    let conflict = conflict(tx, &manifest, &statement)?;
    Ok(Some(EvidenceFile {
        statement,
        receipts,
        stages: answered.stage.into_iter().chain(later).collect(),
        shown,
        checkpoints,
        cards,
        registers: records::youngest(tx, &manifest.agreement.id, REGISTERS_IN_A_FILE)?,
        conflict,
        attachments: Vec::new(),
    }))
}

/// The secrets of the attachments of a message that are still here, by which a copy of one can be compared with the
/// statement.
fn shown_attachments(
    tx: &mut dyn Tx,
    message: i64,
    statement: &Statement,
) -> Result<Vec<ShownAttachment>, ExportError> {
    let Some(kept) = proofs::find(tx, message)? else { return Ok(Vec::new()) };
    let manifest = Statement::read(statement.as_bytes())?.manifest().clone();
    let partner = if kept.sent { manifest.to() } else { manifest.from() };
    let mut shown = Vec::new();
    for row in attachments::of_message(tx, &kept.message_id.to_string())? {
        let (Ok(part), Some(secret)) = (usize::try_from(row.part), row.secret) else { continue };
        let signed = manifest.parts.get(part).filter(|_| manifest.is_chunked(part));
        let is_signed = signed.is_some_and(|signed| Some(signed.plaintext_root) == row.plaintext_root);
        if is_signed && row.partner == partner.as_str() {
            shown.push(ShownAttachment { part: part as u64, secret: PartSecret::from_bytes(secret) });
        }
    }
    Ok(shown)
}

/// Where the evidence of a message is kept.
struct Sources {
    statement: Statement,
    /// The recipient's answer, an encoded response.
    answer: Option<Vec<u8>>,
    /// What was sent or received; empty when it was erased.
    content: Vec<u8>,
}

fn sources(tx: &mut dyn Tx, bureau: &Bureau, kept: &Kept) -> Result<Sources, ExportError> {
    let logged = match kept.leaf_index {
        Some(index) => log::entry(tx, index)?,
        None => None,
    };
    if kept.sent {
        let stored = outbox::stored(tx, kept.message_id)?.ok_or(ExportError::NoStatement(kept.id))?;
        let statement = match (logged, &stored.envelope) {
            (Some(entry), _) => Statement::from_bytes(entry)?,
            (None, Some(envelope)) => statement_of(envelope)?,
            (None, None) => return Err(ExportError::NoStatement(kept.id)),
        };
        return Ok(Sources { statement, answer: stored.receipt, content: stored.cleared });
    }
    let statement = match logged {
        Some(entry) => Statement::from_bytes(entry)?,
        // What was refused is on record as it came, sealed, and is in no log.
        None => statement_of(&kept.body).map_err(|_| ExportError::NoStatement(kept.id))?,
    };
    let sender = Statement::read(statement.as_bytes())?.manifest().from().clone();
    debug_assert!(sender != bureau.administration, "what we send is not received");
    let answer = inbox::find(tx, &sender, kept.message_id)?.map(|received| received.receipt);
    Ok(Sources { statement, answer, content: kept.body.clone() })
}

fn statement_of(envelope: &[u8]) -> Result<Statement, ExportError> {
    let malformed = |refusal: exchange::Refusal| EvidenceError::Malformed {
        what: "envelope",
        reason: refusal.to_string(),
    };
    let envelope = Envelope::decode(envelope).map_err(malformed)?;
    Ok(Statement::from_bytes(envelope.statement.to_vec())?)
}

/// The leaves that are asked for, with their proofs.
fn shown(
    kept: &Kept,
    manifest: &Manifest,
    content: &[u8],
    disclose: &Disclose,
) -> Result<Vec<ShownPart>, ExportError> {
    if *disclose == Disclose::Nothing {
        return Ok(Vec::new());
    }
    if let Some(erasure) = &kept.erasure {
        let (at, ground) = (erasure.moment(), erasure.ground.clone());
        return Err(ExportError::Erased { message: kept.id, at, ground });
    }
    let (Some(secret), Some(part)) = (kept.secret, manifest.parts.first()) else {
        return Err(ExportError::NoSecret(kept.id));
    };
    let fields = match part.leaves {
        evidence::disclosure::LeafScheme::Fields => crate::fields::of(&part.media_type, content),
        _ => Vec::new(),
    };
    let tree = LeafTree::new(&PartSecret::from_bytes(secret), content, &fields)?;
    if tree.root() != part.plaintext_root {
        return Err(ExportError::Differs(kept.id));
    }
    let on_record = |shown: Option<Shown>| shown.ok_or(ExportError::Differs(kept.id));
    let part_0 = |shown| ShownPart { part: 0, shown };
    let Disclose::Fields(wanted) = disclose else {
        return Ok(vec![part_0(on_record(tree.show_whole(content))?)]);
    };
    let mut leaves = Vec::new();
    for path in wanted {
        let before = leaves.len();
        for field in fields.iter().filter(|field| names(path, &field.path)) {
            leaves.push(part_0(on_record(tree.show_field(field))?));
        }
        if leaves.len() == before {
            return Err(ExportError::NoField(path.clone()));
        }
    }
    Ok(leaves)
}

/// Whether a path that is asked for names a field: itself, a repetition of it, or something below it.
fn names(wanted: &str, path: &str) -> bool {
    let mut steps = path.split('/');
    wanted.trim_matches('/').split('/').all(|asked| {
        let step = steps.next().unwrap_or_default();
        step == asked
            || step.split_once('[').is_some_and(|(name, _)| name == asked)
            || asked.strip_suffix("[1]") == Some(step)
    })
}

/// What our own log proves.
struct Logged {
    receipt: Vec<u8>,
    checkpoint: LoggedCheckpoint,
}

/// The checkpoint of our log that covers an entry, with its cosignatures, and a receipt of the same tree; nothing while
/// there is none.
fn own_log(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    index: i64,
    now: Timestamp,
) -> Result<Option<Logged>, ExportError> {
    let Some(proof) = log_proof(tx, bureau, index.unsigned_abs(), now)? else { return Ok(None) };
    let ours = &bureau.administration;
    // The tree is that of a checkpoint which this log signed: its receipt says nothing new.
    let root = merkle::root_from_path(&proof.leaf, proof.index, proof.size, &proof.path)?;
    let head = TreeHead::sign(ours, proof.size, &root, &bureau.identity.keys.log)?;
    let receipt = head.receipt(proof.index, &proof.path)?.into_bytes();
    let LogProof { note, index, path, .. } = proof;
    Ok(Some(Logged { receipt, checkpoint: LoggedCheckpoint { log: ours.clone(), note, index, path } }))
}

/// How many versions of a register go into a file: as many as a file holds.
const REGISTERS_IN_A_FILE: i64 = 16;

/// The cards of both parties, and of those who cosigned.
fn cards(bureau: &Bureau, manifest: &Manifest, checkpoints: &[LoggedCheckpoint]) -> Vec<PublicKeys> {
    let cosigned = |who: &Administration| {
        let line = format!("\u{2014} {} ", witness_name(who));
        checkpoints.iter().any(|checkpoint| checkpoint.note.contains(&line))
    };
    let known = bureau.partners.keys().chain([&bureau.administration]);
    let signers = known.filter(|who| *who == manifest.from() || *who == manifest.to() || cosigned(who));
    // What came after the cards is in the registers.
    signers.filter_map(|who| bureau.card_of(who)).collect()
}

/// The proof that the sender used the identity for two messages, if it did.
fn conflict(
    tx: &mut dyn Tx,
    manifest: &Manifest,
    statement: &Statement,
) -> Result<Option<ConflictEvidence>, ExportError> {
    for recorded in journal::read(tx, &conflict_stream(manifest.from(), manifest.message_id))? {
        let Some(content) = recorded.content.filter(|_| recorded.kind == "Conflict") else { continue };
        let Some(proof) = answer_evidence(&content.body)?.conflict else { continue };
        let other = statement_of(&content.facts)?;
        let conflict = Conflict::read(&proof)?.conflict().clone();
        let of_this = [conflict.first, conflict.second].contains(&statement.digest());
        if of_this && conflict.message_id == manifest.message_id && other != *statement {
            return Ok(Some(ConflictEvidence { proof, statement: other.into_bytes() }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_path_names_a_field_its_repetitions_and_what_is_below() {
        let field = "Consignment/HouseConsignment[2]/Consignee/name";
        for wanted in [
            field,
            "Consignment",
            "Consignment/HouseConsignment",
            "Consignment/HouseConsignment[2]",
            "Consignment/HouseConsignment/Consignee/name",
            "/Consignment/HouseConsignment/",
            "Consignment[1]",
        ] {
            assert!(names(wanted, field), "{wanted}");
        }
        for wanted in [
            "",
            "Cons",
            "Consignment/HouseConsignment[1]",
            "Consignment/name",
            "Consignment/HouseConsignment[2]/Consignee/name/x",
        ] {
            assert!(!names(wanted, field), "{wanted}");
        }
    }
}
