//! The journal: every event that happened, in the order in which it was committed.
//!
//! A row keeps salted digests of its content for ever. The content itself, and the salt without which nobody can test
//! guesses against the digest, can be erased when the law asks for it.

use crate::db::{Row, limit_value, only};
use crate::{Migration, StoreError, Tx};
use base::{Digest, Timestamp};
use sha2::{Digest as _, Sha256};

pub(crate) const SCHEMA: Migration = Migration {
    name: "journal",
    sql: "create table journal (
            seq BIGINT not null primary key, stream TEXT not null, kind TEXT not null, at BIGINT not null,
            digest BLOB not null, facts_digest BLOB not null, salt BLOB, body BLOB, facts BLOB);
        create unique index journal_stream on journal (stream, seq)",
};

crate::statements! {
    APPEND = "insert into journal (seq, stream, kind, at, digest, facts_digest, salt, body, facts) values
        ((select coalesce(max(seq), 0) + 1 from journal), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) returning seq";
    READ = "select seq, stream, kind, at, digest, facts_digest, salt, body, facts from journal
        where stream = ?1 order by seq";
    AFTER = "select seq, stream, kind, at, digest, facts_digest, salt, body, facts from journal
        where seq > ?1 order by seq limit ?2";
    ERASE = "update journal set salt = null, body = null, facts = null where seq = ?1";
}

/// An event to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct JournalEntry<'e> {
    /// Whose event it is: a room and key such as `departure/26GB...`.
    pub stream: &'e str,
    /// The kind of event.
    pub kind: &'e str,
    /// When it happened.
    pub at: Timestamp,
    /// Sixteen random bytes, fresh for each row.
    pub salt: [u8; 16],
    /// The event.
    pub body: &'e [u8],
    /// What the decision knew, so that it can be taken again years later.
    pub facts: &'e [u8],
}

/// An event as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its number, from 1, without gaps.
    pub seq: i64,
    /// Whose event it is.
    pub stream: String,
    /// The kind of event.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// SHA-256 of salt and body, kept for ever.
    pub digest: Digest,
    /// SHA-256 of salt and facts, kept for ever.
    pub facts_digest: Digest,
    /// The erasable part.
    pub content: Option<Content>,
}

/// The erasable part of a journal row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The salt of both digests.
    pub salt: [u8; 16],
    /// The event.
    pub body: Vec<u8>,
    /// What the decision knew.
    pub facts: Vec<u8>,
}

impl Recorded {
    /// Whether content and digests agree; erased content cannot contradict them.
    pub fn holds(&self) -> bool {
        self.content.as_ref().is_none_or(|content| {
            salted(&content.salt, &content.body) == self.digest
                && salted(&content.salt, &content.facts) == self.facts_digest
        })
    }

    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let content = match row.opt_bytes(6)? {
            None => None,
            Some(_) => Some(Content {
                salt: row.array(6)?,
                body: row.bytes(7)?.to_vec(),
                facts: row.bytes(8)?.to_vec(),
            }),
        };
        Ok(Self {
            seq: row.int(0)?,
            stream: row.text(1)?.to_owned(),
            kind: row.text(2)?.to_owned(),
            at: row.timestamp(3)?,
            digest: Digest(row.array(4)?),
            facts_digest: Digest(row.array(5)?),
            content,
        })
    }
}

/// SHA-256 of salt and content.
fn salted(salt: &[u8; 16], content: &[u8]) -> Digest {
    Digest(Sha256::new().chain_update(salt).chain_update(content).finalize().into())
}

/// Records an event and gives its number.
///
/// # Errors
/// When the database fails.
pub fn append(tx: &mut dyn Tx, entry: &JournalEntry<'_>) -> Result<i64, StoreError> {
    let row = [
        entry.stream.into(),
        entry.kind.into(),
        entry.at.into(),
        salted(&entry.salt, entry.body).into(),
        salted(&entry.salt, entry.facts).into(),
        entry.salt.into(),
        entry.body.into(),
        entry.facts.into(),
    ];
    only(tx.query(APPEND, &row)?)?.int(0)
}

/// The events of a stream, oldest first.
///
/// # Errors
/// When the database fails.
pub fn read(tx: &mut dyn Tx, stream: &str) -> Result<Vec<Recorded>, StoreError> {
    tx.query(READ, &[stream.into()])?.iter().map(Recorded::from_row).collect()
}

/// The events after a number (0 for the first), oldest first: for replays and exports.
///
/// # Errors
/// When the database fails.
pub fn after(tx: &mut dyn Tx, seq: i64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
    tx.query(AFTER, &[seq.into(), limit_value(limit)])?.iter().map(Recorded::from_row).collect()
}

/// Erases body, facts and salt of a row. The digests stay. Erasing twice is no error.
///
/// # Errors
/// When there is no such row.
pub fn erase(tx: &mut dyn Tx, seq: i64) -> Result<(), StoreError> {
    match tx.execute(ERASE, &[seq.into()])? {
        0 => Err(StoreError::NotFound { what: "journal row", id: seq }),
        _ => Ok(()),
    }
}
