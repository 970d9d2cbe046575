//! The table of documents: what officers are shown of those that were sent and received, and where each stands.

use base::{Administration, Timestamp};
use serde::Serialize;
use store::{Migration, Row, StoreError, Tx};

/// The table.
pub(crate) const SCHEMA: Migration = Migration {
    name: "node-documents",
    sql: "
CREATE TABLE documents (
    message BIGINT PRIMARY KEY,
    direction TEXT NOT NULL,
    partner TEXT NOT NULL,
    subject TEXT NOT NULL,
    purpose TEXT NOT NULL,
    title TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    standing TEXT NOT NULL,
    author TEXT NOT NULL,
    words TEXT NOT NULL,
    decided BIGINT
);
CREATE INDEX documents_by_subject ON documents (subject, message);
CREATE INDEX documents_open ON documents (message) WHERE standing = 'open';
",
};

/// Until when a document can be decided on, and when it was handed out.
pub(crate) const STAGES: Migration = Migration {
    name: "node-document-stages",
    sql: "
ALTER TABLE documents ADD COLUMN expires BIGINT;
ALTER TABLE documents ADD COLUMN opened BIGINT;
CREATE INDEX documents_overdue ON documents (expires, message) WHERE standing = 'open';
DROP INDEX outbox_by_recipient;
",
};

store::statements! {
    OVERDUE = "SELECT d.message FROM documents d WHERE d.standing = 'open' AND d.expires <= ?1
        ORDER BY d.expires, d.message LIMIT ?2";
    HANDED_OUT = "UPDATE documents SET opened = ?2
        WHERE message = ?1 AND direction = 'received' AND opened IS NULL";
    NUMBER = "SELECT id FROM messages WHERE exchange_id = ?1 AND direction = 'sent'";
    INSERT = "INSERT INTO documents (message, direction, partner, subject, purpose, title, media_type, size, standing,
            author, words, decided, expires)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, '', NULL, ?11)";
    DECIDE = "UPDATE documents SET standing = ?2, author = ?3, words = ?4, decided = ?5
        WHERE message = ?1 AND standing = 'open'";
    SETTLE = "UPDATE documents SET standing = ?2, words = ?3, decided = ?4
        WHERE message = ?1 AND direction = 'sent' AND standing NOT IN ('accepted', 'declined')";
    ONE = "SELECT d.message, d.direction, d.partner, d.subject, d.purpose, d.title, d.media_type, d.size, d.standing,
            d.author, d.words, d.decided, m.at, m.outcome, m.clause, m.exchange_id, m.label,
            d.expires, d.opened
        FROM documents d JOIN messages m ON m.id = d.message WHERE d.message = ?1";
    OPEN = "SELECT d.message, d.direction, d.partner, d.subject, d.purpose, d.title, d.media_type, d.size, d.standing,
            d.author, d.words, d.decided, m.at, m.outcome, m.clause, m.exchange_id, m.label,
            d.expires, d.opened
        FROM documents d JOIN messages m ON m.id = d.message
        WHERE d.standing = 'open' AND d.message > ?1 ORDER BY d.message LIMIT ?2";
    LATEST = "SELECT d.message, d.direction, d.partner, d.subject, d.purpose, d.title, d.media_type, d.size, d.standing,
            d.author, d.words, d.decided, m.at, m.outcome, m.clause, m.exchange_id, m.label,
            d.expires, d.opened
        FROM documents d JOIN messages m ON m.id = d.message
        WHERE d.message < ?1 ORDER BY d.message DESC LIMIT ?2";
    OF_SUBJECT = "SELECT d.message, d.direction, d.partner, d.subject, d.purpose, d.title, d.media_type, d.size,
            d.standing, d.author, d.words, d.decided, m.at, m.outcome, m.clause, m.exchange_id, m.label,
            d.expires, d.opened
        FROM documents d JOIN messages m ON m.id = d.message
        WHERE d.subject = ?1 AND d.message < ?2 ORDER BY d.message DESC LIMIT ?3";
}

/// Where a document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was sent, and nothing is known of a decision.
    Sent,
    /// It was received, and waits for an officer.
    Open,
    /// An officer of the recipient accepted it.
    Accepted,
    /// An officer of the recipient declined it.
    Declined,
    /// No officer of the recipient decided in time.
    Undecided,
}

impl Standing {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Undecided => "undecided",
        }
    }
}

/// A document as lists and pages show it.
#[derive(Clone, Debug, Serialize)]
pub struct DocumentRow {
    /// The node's number of the message.
    pub message: i64,
    /// `sent` or `received`.
    pub direction: String,
    /// The other administration.
    pub partner: String,
    /// The movement or case that it is about.
    pub subject: String,
    /// The purpose for which it may be used.
    pub purpose: String,
    /// Its title.
    pub title: String,
    /// The media type of its content.
    pub media_type: String,
    /// The size of its content in bytes.
    pub size: i64,
    /// `sent`, `open`, `accepted`, `declined` or `undecided`.
    pub standing: String,
    /// Who sent it here, or who decided on it.
    pub author: String,
    /// What the decision says.
    pub words: String,
    /// When it was decided, in microseconds since 1970.
    pub decided: Option<i64>,
    /// When it was sent or received, in microseconds since 1970.
    pub at: i64,
    /// How far the message came: `queued`, `delivered`, `refused`, ...
    pub outcome: String,
    /// The clause under which it left or came.
    pub clause: Option<String>,
    /// Its identity between nodes.
    pub exchange_id: Option<String>,
    /// The label that its content carries here, as JSON; a sent one has none.
    pub label: Option<String>,
    /// Until when it can be decided on, in microseconds since 1970.
    pub expires: Option<i64>,
    /// When its content was first handed out here, in microseconds since 1970.
    pub opened: Option<i64>,
}

impl DocumentRow {
    /// The moment it was sent or received.
    pub fn moment(&self) -> Timestamp {
        Timestamp::from_micros(self.at)
    }

    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            message: row.int(0)?,
            direction: row.text(1)?.to_owned(),
            partner: row.text(2)?.to_owned(),
            subject: row.text(3)?.to_owned(),
            purpose: row.text(4)?.to_owned(),
            title: row.text(5)?.to_owned(),
            media_type: row.text(6)?.to_owned(),
            size: row.int(7)?,
            standing: row.text(8)?.to_owned(),
            author: row.text(9)?.to_owned(),
            words: row.text(10)?.to_owned(),
            decided: row.opt_int(11)?,
            at: row.int(12)?,
            outcome: row.text(13)?.to_owned(),
            clause: row.opt_text(14)?.map(str::to_owned),
            exchange_id: row.opt_text(15)?.map(str::to_owned),
            label: row.opt_text(16)?.map(str::to_owned),
            expires: row.opt_int(17)?,
            opened: row.opt_int(18)?,
        })
    }
}

/// A document to be entered.
pub(crate) struct NewRow<'a> {
    pub(crate) message: i64,
    pub(crate) direction: &'a str,
    pub(crate) partner: &'a Administration,
    pub(crate) subject: &'a str,
    pub(crate) purpose: &'a str,
    pub(crate) title: &'a str,
    pub(crate) media_type: &'a str,
    pub(crate) size: usize,
    pub(crate) standing: Standing,
    pub(crate) author: &'a str,
    pub(crate) expires: Timestamp,
}

pub(crate) fn insert(tx: &mut dyn Tx, row: &NewRow<'_>) -> Result<(), StoreError> {
    let values = [
        row.message.into(),
        row.direction.into(),
        row.partner.as_str().into(),
        row.subject.into(),
        row.purpose.into(),
        row.title.replace('\0', "\u{fffd}").into(),
        row.media_type.into(),
        i64::try_from(row.size).unwrap_or(i64::MAX).into(),
        row.standing.as_str().into(),
        row.author.into(),
        row.expires.into(),
    ];
    tx.execute(INSERT, &values).map(drop)
}

/// Decides on an open document. `false` means that there is none with this number that is open.
pub(crate) fn decide(
    tx: &mut dyn Tx,
    message: i64,
    standing: Standing,
    (officer, words): (&str, &str),
    at: Timestamp,
) -> Result<bool, StoreError> {
    let row = [message.into(), standing.as_str().into(), officer.into(), words.into(), at.into()];
    tx.execute(DECIDE, &row).map(|rows| rows == 1)
}

/// Notes at the sender what the recipient decided. `false` means that it was known, or that it is no document.
pub(crate) fn settle(
    tx: &mut dyn Tx,
    message: i64,
    standing: Standing,
    words: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let row = [message.into(), standing.as_str().into(), words.into(), at.into()];
    tx.execute(SETTLE, &row).map(|rows| rows == 1)
}

/// The number of the message that we sent with this identity between nodes.
pub(crate) fn number(tx: &mut dyn Tx, exchange_id: &str) -> Result<Option<i64>, StoreError> {
    tx.query(NUMBER, &[exchange_id.into()])?.first().map(|row| row.int(0)).transpose()
}

/// Open documents whose time is over, the first to expire first.
pub(crate) fn overdue(tx: &mut dyn Tx, now: Timestamp, limit: i64) -> Result<Vec<i64>, StoreError> {
    tx.query(OVERDUE, &[now.into(), limit.into()])?.iter().map(|row| row.int(0)).collect()
}

/// Notes that the content of a received document was handed out. `false` means that it was before.
pub(crate) fn handed_out(tx: &mut dyn Tx, message: i64, at: Timestamp) -> Result<bool, StoreError> {
    tx.execute(HANDED_OUT, &[message.into(), at.into()]).map(|rows| rows == 1)
}

pub(crate) fn one(tx: &mut dyn Tx, message: i64) -> Result<Option<DocumentRow>, StoreError> {
    tx.query(ONE, &[message.into()])?.first().map(DocumentRow::from_row).transpose()
}

/// Open ones after a number, oldest first.
pub(crate) fn open(tx: &mut dyn Tx, after: i64, limit: i64) -> Result<Vec<DocumentRow>, StoreError> {
    tx.query(OPEN, &[after.into(), limit.into()])?.iter().map(DocumentRow::from_row).collect()
}

/// All, or those about a subject, before a number, newest first.
pub(crate) fn latest(
    tx: &mut dyn Tx,
    subject: Option<&str>,
    before: i64,
    limit: i64,
) -> Result<Vec<DocumentRow>, StoreError> {
    let rows = match subject {
        Some(subject) => tx.query(OF_SUBJECT, &[subject.into(), before.into(), limit.into()])?,
        None => tx.query(LATEST, &[before.into(), limit.into()])?,
    };
    rows.iter().map(DocumentRow::from_row).collect()
}
