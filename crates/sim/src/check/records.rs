//! What one node left on its disk, and what must hold of it alone.

use crate::world::{Federation, WorldError};
use base::{Administration, Country, Digest};
use customs::guarantee::account;
use evidence::disclosure::PartSecret;
use evidence::merkle::{self, Frontier, Hash};
use evidence::stream::{ChunkOpener, ContentKey};
use evidence::{Checkpoint, PublicKey, log_origin};
use node::NodeError;
use std::collections::BTreeSet;
use store::journal::Recorded;
use store::witnessing::{self, SavedCosignature};
use store::{Execution, Row, Store, StoreError, Tx, attachments, journal, log, state};

/// More rows than any simulated node has of a kind.
const ALL: usize = 1_000_000;

/// A letter as its sender's outbox holds it.
pub(super) struct Posted {
    pub(super) message_id: String,
    pub(super) recipient: String,
    pub(super) channel: String,
    pub(super) sequence: i64,
    pub(super) status: String,
    pub(super) envelope: Vec<u8>,
    pub(super) receipt: Vec<u8>,
}

/// A letter as its recipient's inbox holds it.
pub(super) struct Received {
    pub(super) sender: String,
    pub(super) message_id: String,
    pub(super) channel: String,
    pub(super) sequence: i64,
    pub(super) digest: Digest,
    pub(super) receipt: Vec<u8>,
}

/// A statement about a partner's letter, as whoever made it has it in its queue.
pub(super) struct Stated {
    pub(super) sender: String,
    pub(super) message_id: String,
    pub(super) stage: i64,
    pub(super) statement: Vec<u8>,
    /// Whether the sender has taken it.
    pub(super) taken: bool,
    pub(super) reason: String,
}

/// A statement about a letter, as the sender of the letter keeps it.
pub(super) struct Told {
    pub(super) message_id: String,
    pub(super) stage: i64,
    pub(super) statement: Vec<u8>,
}

/// Where a document stands at one of its sides.
pub(super) struct Standing {
    pub(super) direction: String,
    pub(super) exchange_id: String,
    pub(super) standing: String,
    /// Whether its content was handed out here.
    pub(super) opened: bool,
}

/// An attachment, and what it holds.
pub(super) struct Kept {
    pub(super) state: String,
    pub(super) message_id: String,
    /// The content of one that was received, or why it cannot be read.
    pub(super) content: Result<Vec<u8>, String>,
}

/// What one node left.
pub(super) struct Records {
    country: Country,
    log_key: Option<PublicKey>,
    pub(super) journal: Vec<Recorded>,
    pub(super) outbox: Vec<Posted>,
    pub(super) inbox: Vec<Received>,
    /// Leaf hash and entry.
    pub(super) log: Vec<(Hash, Vec<u8>)>,
    frontier: Vec<u8>,
    pub(super) checkpoints: Vec<(i64, String)>,
    pub(super) accounts: Vec<account::Account>,
    /// Room, key, and the state that lists show.
    pub(super) movements: Vec<(String, String, String)>,
    messages: Vec<(i64, String)>,
    /// The documents received: identity between nodes, and bytes.
    pub(super) documents: Vec<(String, Vec<u8>)>,
    pub(super) stated: Vec<Stated>,
    pub(super) told: Vec<Told>,
    pub(super) standings: Vec<Standing>,
    pub(super) attachments: Vec<Kept>,
    /// Messages whose attachments are still under way.
    pub(super) transfers: Vec<String>,
    pub(super) cosignatures: Vec<SavedCosignature>,
    /// What monitoring found: kind and words.
    pub(super) found: Vec<(String, String)>,
    timers: Vec<String>,
    /// SHA-256 over every message, decision, envelope and receipt.
    content: Digest,
    differ: Vec<String>,
}

impl Records {
    /// Reads a disk whose node is gone.
    pub(super) fn read(federation: &Federation, country: Country) -> Result<Self, WorldError> {
        let disk = federation.disk(country).ok_or(WorldError::Stranger(country))?;
        disk.crash();
        disk.fail_next_commits(0);
        let store = Store::open(&disk.location(), Execution::Inline, node::MIGRATIONS)?;
        let log_key = federation.card(country).map(|card| card.log);
        let differ = store.read(|tx| -> Result<_, NodeError> { node::states_that_differ(tx) });
        let mut records = store.read(|tx| -> Result<_, StoreError> { read(tx, country) })?;
        records.log_key = log_key;
        records.differ = differ.unwrap_or_else(|error| vec![error.to_string()]);
        Ok(records)
    }

    /// The heads of log and journal, and the digest of everything else: they stand for every byte.
    pub(super) fn head(&self) -> String {
        let mut digests = Vec::new();
        for recorded in &self.journal {
            digests.extend(recorded.digest.as_bytes());
            digests.extend(recorded.facts_digest.as_bytes());
        }
        let leaves: Vec<Hash> = self.log.iter().map(|(leaf, _)| *leaf).collect();
        format!(
            "left a log of {} {}, a journal of {} {}, content {}",
            leaves.len(),
            short(Digest(merkle::root(&leaves))),
            self.journal.len(),
            short(evidence::digest_of(&digests)),
            short(self.content),
        )
    }

    /// What does not hold.
    pub(super) fn findings(&self) -> Vec<String> {
        let mut findings = Vec::new();
        self.check_journal(&mut findings);
        self.check_accounts(&mut findings);
        self.check_log(&mut findings);
        for (id, outcome) in &self.messages {
            if !["accepted", "available", "delivered", "internal"].contains(&outcome.as_str()) {
                findings.push(format!("message {id} is {outcome} at the end"));
            }
        }
        for timer in &self.timers {
            findings.push(format!("the time limit {timer} still runs, though every movement has ended"));
        }
        findings
    }

    fn check_journal(&self, findings: &mut Vec<String>) {
        for (number, recorded) in (1..).zip(&self.journal) {
            if recorded.seq != number {
                findings.push(format!("journal row {} stands where {number} should", recorded.seq));
            }
            if !recorded.holds() {
                findings.push(format!("journal row {} does not agree with its digest", recorded.seq));
            }
        }
        for differ in &self.differ {
            findings.push(format!("the journal does not rebuild {differ}"));
        }
    }

    fn check_accounts(&self, findings: &mut Vec<String>) {
        for account in &self.accounts {
            if account.ledger.sum() != 0 {
                findings.push(format!("the ledger of {} sums to {}", account.grn, account.ledger.sum()));
            }
            let locks: Vec<String> = account.ledger.locks().map(|(mrn, _)| mrn.to_string()).collect();
            if !locks.is_empty() {
                findings.push(format!("{} is still locked for {}", account.grn, locks.join(", ")));
            }
            if account.ledger.available() != account.terms.reference_amount.minor() {
                findings.push(format!("{} has not all of its reference amount available", account.grn));
            }
        }
    }

    fn check_log(&self, findings: &mut Vec<String>) {
        let mut frontier = Frontier::new();
        let mut entries = BTreeSet::new();
        for (index, (leaf, entry)) in self.log.iter().enumerate() {
            if *leaf != merkle::leaf_hash(entry) {
                findings.push(format!("leaf {index} is not the hash of its entry"));
            }
            if !entries.insert(entry) {
                findings.push(format!("the log has the statement of leaf {index} twice"));
            }
            frontier.push(*leaf);
        }
        if !self.log.is_empty() && frontier.to_bytes() != self.frontier {
            findings.push("the frontier is not that of the leaves".to_owned());
        }
        let leaves: Vec<Hash> = self.log.iter().map(|(leaf, _)| *leaf).collect();
        for (size, note) in &self.checkpoints {
            if let Err(reason) = self.check_checkpoint(*size, note, &leaves) {
                findings.push(format!("the checkpoint of size {size}: {reason}"));
            }
        }
        let covered = self.checkpoints.last().map_or(0, |(size, _)| *size);
        if usize::try_from(covered) != Ok(leaves.len()) {
            findings.push(format!("the last checkpoint covers {covered} of {} leaves", leaves.len()));
        }
    }

    fn check_checkpoint(&self, size: i64, note: &str, leaves: &[Hash]) -> Result<(), String> {
        let key = self.log_key.ok_or("there is no card")?;
        let origin = log_origin(&Administration::of(self.country));
        let checkpoint = Checkpoint::verify(note, &origin, &key).map_err(|error| error.to_string())?;
        let covered = usize::try_from(size).ok().and_then(|size| leaves.get(..size));
        let covered = covered.ok_or("it covers more than there is")?;
        if u64::try_from(size) != Ok(checkpoint.size) || checkpoint.root != Digest(merkle::root(covered)) {
            return Err("its root is not that of the leaves".to_owned());
        }
        Ok(())
    }
}

fn read(tx: &mut dyn Tx, country: Country) -> Result<Records, StoreError> {
    Ok(Records {
        country,
        log_key: None,
        journal: journal::after(tx, 0, ALL)?,
        outbox: outbox(tx)?,
        inbox: inbox(tx)?,
        log: rows(tx, "SELECT leaf_hash, entry FROM log ORDER BY leaf_index", |row| {
            Ok((row.array(0)?, row.bytes(1)?.to_vec()))
        })?,
        frontier: log::load_frontier(tx)?,
        checkpoints: rows(tx, "SELECT size, note FROM log_checkpoint ORDER BY size", |row| {
            Ok((row.int(0)?, row.text(1)?.to_owned()))
        })?,
        accounts: accounts(tx)?,
        movements: rows(
            tx,
            "SELECT room, state_key, state FROM movements ORDER BY room, state_key",
            |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.text(2)?.to_owned())),
        )?,
        messages: rows(tx, "SELECT id, outcome FROM messages ORDER BY id", |row| {
            Ok((row.int(0)?, row.text(1)?.to_owned()))
        })?,
        documents: rows(
            tx,
            "SELECT exchange_id, body FROM messages JOIN bodies ON message = id WHERE message_type = 'DOCUMENT' AND direction = 'received' \
             ORDER BY id",
            |row| Ok((row.opt_text(0)?.unwrap_or_default().to_owned(), row.bytes(1)?.to_vec())),
        )?,
        stated: rows(
            tx,
            "SELECT recipient, message_id, stage, statement, taken, reason FROM stage_queue ORDER BY id",
            |row| {
                Ok(Stated {
                    sender: row.text(0)?.to_owned(),
                    message_id: row.text(1)?.to_owned(),
                    stage: row.int(2)?,
                    statement: row.bytes(3)?.to_vec(),
                    taken: row.opt_int(4)?.is_some(),
                    reason: row.opt_text(5)?.unwrap_or_default().to_owned(),
                })
            },
        )?,
        told: rows(
            tx,
            "SELECT message_id, stage, statement FROM stage_received ORDER BY message_id, stage",
            |row| {
                Ok(Told {
                    message_id: row.text(0)?.to_owned(),
                    stage: row.int(1)?,
                    statement: row.bytes(2)?.to_vec(),
                })
            },
        )?,
        standings: rows(
            tx,
            "SELECT d.direction, m.exchange_id, d.standing, d.opened FROM documents d \
             JOIN messages m ON m.id = d.message ORDER BY d.message",
            |row| {
                Ok(Standing {
                    direction: row.text(0)?.to_owned(),
                    exchange_id: row.opt_text(1)?.unwrap_or_default().to_owned(),
                    standing: row.text(2)?.to_owned(),
                    opened: row.opt_int(3)?.is_some(),
                })
            },
        )?,
        attachments: kept(tx)?,
        transfers: rows(tx, "SELECT message_id FROM transfer ORDER BY message_id", |row| {
            Ok(row.text(0)?.to_owned())
        })?,
        cosignatures: witnessing::recent_cosignatures(tx, ALL)?,
        found: witnessing::findings(tx, ALL)?.into_iter().map(|found| (found.kind, found.words)).collect(),
        timers: rows(tx, "SELECT room, key, kind FROM timers WHERE due IS NOT NULL ORDER BY id", |row| {
            Ok(format!("{}/{} {}", row.text(0)?, row.text(1)?, row.text(2)?))
        })?,
        content: content(tx)?,
        differ: Vec::new(),
    })
}

/// The digest of what lists and partners are shown: the bodies of messages, the records of decisions, and what went
/// over the wire.
fn content(tx: &mut dyn Tx) -> Result<Digest, StoreError> {
    let columns = [
        "SELECT body FROM bodies ORDER BY message",
        "SELECT record FROM decisions ORDER BY id",
        "SELECT envelope FROM outbox_envelope ORDER BY id",
        "SELECT receipt FROM outbox ORDER BY id",
        "SELECT receipt FROM inbox ORDER BY sender, channel, sequence",
        "SELECT statement FROM stage_queue ORDER BY id",
        "SELECT statement FROM stage_received ORDER BY message_id, stage",
        "SELECT sealed FROM chunk ORDER BY attachment, number",
        "SELECT CAST(line AS BLOB) FROM log_cosignature ORDER BY size, witness",
    ];
    let mut digests = Vec::new();
    for column in columns {
        for bytes in rows(tx, column, |row| Ok(row.opt_bytes(0)?.unwrap_or_default().to_vec()))? {
            digests.extend(evidence::digest_of(&bytes).as_bytes());
        }
    }
    Ok(evidence::digest_of(&digests))
}

/// The first sixteen digits of a digest: enough to see whether two are the same.
fn short(digest: Digest) -> String {
    digest.to_string().chars().take(16).collect()
}

fn rows<T>(
    tx: &mut dyn Tx,
    sql: &str,
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    tx.query(sql, &[])?.iter().map(read).collect()
}

fn outbox(tx: &mut dyn Tx) -> Result<Vec<Posted>, StoreError> {
    let sql = "SELECT message_id, recipient, channel, sequence, status, envelope, receipt FROM outbox o \
             LEFT JOIN outbox_envelope e ON e.id = o.id ORDER BY o.id";
    rows(tx, sql, |row| {
        Ok(Posted {
            message_id: row.text(0)?.to_owned(),
            recipient: row.text(1)?.to_owned(),
            channel: row.text(2)?.to_owned(),
            sequence: row.int(3)?,
            status: row.text(4)?.to_owned(),
            envelope: row.opt_bytes(5)?.unwrap_or_default().to_vec(),
            receipt: row.opt_bytes(6)?.unwrap_or_default().to_vec(),
        })
    })
}

fn inbox(tx: &mut dyn Tx) -> Result<Vec<Received>, StoreError> {
    let sql = "SELECT sender, message_id, channel, sequence, digest, receipt FROM inbox \
               ORDER BY sender, channel, sequence";
    rows(tx, sql, |row| {
        Ok(Received {
            sender: row.text(0)?.to_owned(),
            message_id: row.text(1)?.to_owned(),
            channel: row.text(2)?.to_owned(),
            sequence: row.int(3)?,
            digest: Digest(row.array(4)?),
            receipt: row.bytes(5)?.to_vec(),
        })
    })
}

fn kept(tx: &mut dyn Tx) -> Result<Vec<Kept>, StoreError> {
    let mut found = Vec::new();
    for row in attachments::list(tx, 0, ALL)? {
        let content = match row.state.as_str() {
            "received" => opened(tx, &row)?,
            _ => Err("it was not received".to_owned()),
        };
        found.push(Kept { state: row.state, message_id: row.message_id.unwrap_or_default(), content });
    }
    Ok(found)
}

/// The content of an attachment, opened chunk by chunk.
fn opened(tx: &mut dyn Tx, row: &attachments::Attachment) -> Result<Result<Vec<u8>, String>, StoreError> {
    let (Some(key), Some(secret), Some(root)) = (row.content_key, row.secret, row.plaintext_root) else {
        return Ok(Err("its keys are gone".to_owned()));
    };
    let (key, secret) = (ContentKey::from_bytes(key), PartSecret::from_bytes(secret));
    let size = u64::try_from(row.size).unwrap_or(0);
    let mut opener = match ChunkOpener::new(&key, secret, size) {
        Ok(opener) => opener,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let mut content = Vec::new();
    for number in 0..u64::try_from(row.chunks).unwrap_or(0) {
        let Some(sealed) = attachments::chunk(tx, row.id, number)? else {
            return Ok(Err(format!("chunk {number} is missing")));
        };
        match opener.open(sealed) {
            Ok(opened) => content.extend(opened),
            Err(error) => return Ok(Err(format!("chunk {number}: {error}"))),
        }
    }
    Ok(opener.finish(&root).map(|()| content).map_err(|error| error.to_string()))
}

fn accounts(tx: &mut dyn Tx) -> Result<Vec<account::Account>, StoreError> {
    let mut accounts = Vec::new();
    for (_, stored) in state::list(tx, "guarantee", "", ALL)? {
        let read: account::State = serde_json::from_slice(&stored.body)
            .map_err(|error| StoreError::Damaged { what: "guarantee account", reason: error.to_string() })?;
        accounts.extend(read);
    }
    Ok(accounts)
}
