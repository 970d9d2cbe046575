//! Attachments: large parts of messages, kept in sealed chunks as they were received or are sent.
//!
//! | From | When | To |
//! |---|---|---|
//! | | an officer's upload begins ([`begin`]) | uploading |
//! | uploading | its last chunk is stored ([`complete`]) | ready |
//! | ready | a message takes it along ([`bind`]) | bound |
//! | bound | its message is dead and another takes it along ([`release`]) | ready |
//! | | a partner's offer is taken up ([`expect`]) | arriving |
//! | arriving | the message is received ([`received`]) | received |
//! | any | [`erase`] | erased: keys gone at once, chunks in small steps |
//! | arriving | its transfer is given up ([`give_up`]) | given up: as erased, and then the row goes too |
//!
//! A chunk row holds the sealed bytes, their leaf in the ciphertext tree and their salted leaf under the plaintext root. It
//! is written in a command of its own, once, and only after it was verified. The content key and the secret are in the row
//! of the attachment: once that is erased, neither database nor backup lets anyone read the chunks.

use crate::db::{first, limit_value, only};
use crate::{Migration, Row, StoreError, Tx, Value, counter};
use base::{Administration, Digest, MessageId, Timestamp};
use std::collections::BTreeMap;

pub(crate) const SCHEMA: Migration = Migration {
    name: "attachments",
    sql: "create table attachment (
            id BIGINT not null primary key, state TEXT not null, partner TEXT not null, message_id TEXT,
            part BIGINT not null, name TEXT not null, media_type TEXT not null, size BIGINT not null,
            chunks BIGINT not null, plaintext_root BLOB, content_key BLOB, secret BLOB, owner TEXT not null,
            created BIGINT not null, touched BIGINT not null);
        create index attachment_message on attachment (message_id, part) where message_id is not null;
        create index attachment_state on attachment (state, partner, touched);
        create table chunk (
            attachment BIGINT not null, number BIGINT not null, leaf BLOB not null, plaintext_leaf BLOB not null,
            sealed BLOB not null, primary key (attachment, number))",
};

/// What has to be dropped is found without looking at everything that ever was erased: those whose chunks are gone have
/// `touched = 0`.
pub(crate) const TIDYING: Migration = Migration {
    name: "attachments-tidying",
    sql: "create index attachment_touched on attachment (state, touched)",
};

/// The server takes no samples of names and keys into its statistics, where nothing would erase them.
pub(crate) const UNSAMPLED: Migration = Migration {
    name: "attachment-unsampled",
    sql: "alter table attachment alter column name set statistics 0;
        alter table attachment alter column content_key set statistics 0;
        alter table attachment alter column secret set statistics 0",
};

/// What a server had sampled before goes: to give a column the type that it has takes its samples away, and changes nothing
/// else.
pub(crate) const SAMPLES_GONE: Migration = Migration {
    name: "attachment-samples-gone",
    sql: "alter table attachment alter column name type TEXT;
        alter table attachment alter column content_key type BLOB;
        alter table attachment alter column secret type BLOB",
};

/// What is under way is found without looking at everything that ever was received or sent: what is sent by the letters that
/// are open. The statement hides state and number of those (`not <>`) from SQLite, which would find them by these and not by the letter.
pub(crate) const UNDER_WAY_INDEX: Migration = Migration {
    name: "attachment-under-way",
    sql: "create index attachment_under_way on attachment (id) where state in ('uploading', 'arriving')",
};

crate::statements! {
    INSERT = "insert into attachment (id, state, partner, message_id, part, name, media_type, size, chunks,
            plaintext_root, content_key, secret, owner, created, touched)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14)";
    GET = "select id, state, partner, message_id, part, name, media_type, size, chunks, plaintext_root,
            content_key, secret, owner, created from attachment where id = ?1";
    OF_MESSAGE = "select id, state, partner, message_id, part, name, media_type, size, chunks, plaintext_root,
            content_key, secret, owner, created from attachment where message_id = ?1 order by part";
    COUNT_OF_MESSAGE = "select count(*) from attachment where message_id = ?1";
    LIST = "select id, state, partner, message_id, part, name, media_type, size, chunks, plaintext_root,
            content_key, secret, owner, created from attachment where id > ?1 order by id limit ?2";
    LATEST = "select id, state, partner, message_id, part, name, media_type, size, chunks, plaintext_root,
            content_key, secret, owner, created from attachment where id < ?1 order by id desc limit ?2";
    UNDER_WAY = "select id, state, partner, message_id, part, name, media_type, size, chunks, plaintext_root,
            content_key, secret, owner, created from attachment
        where state in ('uploading', 'arriving') and id > ?1
        union all select a.id, state, partner, a.message_id, part, name, media_type, size, chunks, plaintext_root,
            content_key, secret, owner, a.created from outbox o cross join attachment a
        where status in ('ready', 'waiting') and a.message_id = o.message_id
            and not state <> 'bound' and not a.id <= ?1 order by id limit ?2";
    READY = "select id, state, partner, message_id, part, name, media_type, size, chunks, plaintext_root,
            content_key, secret, owner, created from attachment
        where state = 'ready' and owner = ?1 order by id desc limit ?2";
    COMPLETE = "update attachment set state = 'ready', size = ?2, chunks = ?3, plaintext_root = ?4, touched = ?5
        where id = ?1 and state = 'uploading'";
    BIND = "update attachment set state = 'bound', partner = ?2, message_id = ?3, part = ?4
        where id = ?1 and state = 'ready'";
    RELEASE = "update attachment set state = 'ready', partner = '', message_id = null, part = 0, touched = ?2
        where message_id = ?1 and state = 'bound'";
    RECEIVED = "update attachment set state = 'received' where message_id = ?1 and partner = ?2 and state = 'arriving'";
    ERASE = "update attachment set state = 'erased', content_key = null, secret = null where id = ?1
        and state not in ('erased', 'given up')";
    GIVE_UP = "update attachment set state = 'given up', content_key = null, secret = null
        where message_id = ?1 and partner = ?2 and state = 'arriving'";
    DROPPED = "update attachment set touched = 0 where id = ?1 and state = 'erased'
        and not exists (select 1 from chunk where attachment = ?1)";
    FORGET = "delete from attachment where id = ?1 and state = 'given up'
        and not exists (select 1 from chunk where attachment = ?1)";
    TOUCH = "update attachment set touched = ?2 where id = ?1";
    IDLE = "select id from attachment where state = ?1 and touched < ?2 order by id limit ?3";
    ERASED = "select id from attachment where state in ('erased', 'given up') and touched > 0 limit ?1";
    PUT = "insert into chunk (attachment, number, leaf, plaintext_leaf, sealed) values (?1, ?2, ?3, ?4, ?5)
        on conflict (attachment, number) do nothing";
    CHUNK = "select sealed from chunk where attachment = ?1 and number = ?2";
    LEAVES = "select number, leaf from chunk where attachment = ?1 and number >= ?2 order by number limit ?3";
    PLAINTEXT_LEAVES = "select number, plaintext_leaf from chunk where attachment = ?1 and number >= ?2
        order by number limit ?3";
    COUNT = "select count(*) from chunk where attachment = ?1";
    DROP_CHUNKS = "delete from chunk where attachment = ?1 and number in
        (select number from chunk where attachment = ?1 order by number limit ?2)";
}

/// How many rows of hashes are read at once.
const PAGE: usize = 4096;

/// How many chunks one step of erasure deletes: 8 MiB, so that no other command waits long.
pub const ERASURE_STEP: usize = 32;

/// An attachment without its chunks.
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    /// Its number here.
    pub id: i64,
    /// Where it stands: `uploading`, `ready`, `bound`, `arriving`, `received`, `erased` or `given up`.
    pub state: String,
    /// The administration to or from which it goes; empty before a message takes it along.
    pub partner: String,
    /// The identity of its message in the exchange.
    pub message_id: Option<String>,
    /// Its index among the parts of the message.
    pub part: i64,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes; 0 while it is uploaded.
    pub size: i64,
    /// How many chunks it has; 0 while it is uploaded.
    pub chunks: i64,
    /// The root over its salted chunk leaves, when it is known.
    pub plaintext_root: Option<Digest>,
    /// The key of its chunks, until it is erased.
    pub content_key: Option<[u8; 32]>,
    /// The secret of its salts, until it is erased.
    pub secret: Option<[u8; 32]>,
    /// Who uploaded it; empty for one that was received.
    pub owner: String,
    /// When it began.
    pub created: Timestamp,
}

impl Attachment {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let secret = |index: usize| -> Result<Option<[u8; 32]>, StoreError> {
            row.opt_bytes(index)?.map(|_| row.array(index)).transpose()
        };
        Ok(Self {
            id: row.int(0)?,
            state: row.text(1)?.to_owned(),
            partner: row.text(2)?.to_owned(),
            message_id: row.opt_text(3)?.map(str::to_owned),
            part: row.int(4)?,
            name: row.text(5)?.to_owned(),
            media_type: row.text(6)?.to_owned(),
            size: row.int(7)?,
            chunks: row.int(8)?,
            plaintext_root: secret(9)?.map(Digest),
            content_key: secret(10)?,
            secret: secret(11)?,
            owner: row.text(12)?.to_owned(),
            created: row.timestamp(13)?,
        })
    }
}

/// What an attachment is called, and its keys.
#[derive(Clone, Copy, Debug)]
pub struct NewAttachment<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its media type.
    pub media_type: &'a str,
    /// The key of its chunks.
    pub content_key: &'a [u8; 32],
    /// The secret of its salts.
    pub secret: &'a [u8; 32],
}

/// Begins an upload by `owner`, and gives the number of the attachment.
///
/// # Errors
/// When the database fails.
pub fn begin(
    tx: &mut dyn Tx,
    new: &NewAttachment<'_>,
    owner: &str,
    at: Timestamp,
) -> Result<i64, StoreError> {
    insert(tx, new, ("uploading", "", None, 0), (0, 0, None), owner, at)
}

/// A part of an offered message.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Who sends it.
    pub sender: &'a Administration,
    /// The message.
    pub message_id: MessageId,
    /// Its index among the parts.
    pub part: i64,
    /// Its size in bytes.
    pub size: i64,
    /// How many chunks it has.
    pub chunks: i64,
    /// The root over its salted chunk leaves.
    pub plaintext_root: Digest,
}

/// Begins an attachment that a partner has offered.
///
/// # Errors
/// When the database fails.
pub fn expect(
    tx: &mut dyn Tx,
    new: &NewAttachment<'_>,
    expected: &Expected<'_>,
    at: Timestamp,
) -> Result<i64, StoreError> {
    let message_id = expected.message_id.to_string();
    let place = ("arriving", expected.sender.as_str(), Some(message_id.as_str()), expected.part);
    insert(tx, new, place, (expected.size, expected.chunks, Some(expected.plaintext_root)), "", at)
}

fn insert(
    tx: &mut dyn Tx,
    new: &NewAttachment<'_>,
    (state, partner, message_id, part): (&str, &str, Option<&str>, i64),
    (size, chunks, root): (i64, i64, Option<Digest>),
    owner: &str,
    at: Timestamp,
) -> Result<i64, StoreError> {
    let id = counter::next(tx, "attachments")?;
    let row: [Value; 14] = [
        id.into(),
        state.into(),
        partner.into(),
        message_id.into(),
        part.into(),
        new.name.into(),
        new.media_type.into(),
        size.into(),
        chunks.into(),
        root.into(),
        new.content_key.as_slice().into(),
        new.secret.as_slice().into(),
        owner.into(),
        at.into(),
    ];
    tx.execute(INSERT, &row)?;
    Ok(id)
}

/// One attachment.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut dyn Tx, id: i64) -> Result<Option<Attachment>, StoreError> {
    first(tx.query(GET, &[id.into()])?).as_ref().map(Attachment::from_row).transpose()
}

/// The attachments of a message, in the order of its parts.
///
/// # Errors
/// When the database fails.
pub fn of_message(tx: &mut dyn Tx, message_id: &str) -> Result<Vec<Attachment>, StoreError> {
    tx.query(OF_MESSAGE, &[message_id.into()])?.iter().map(Attachment::from_row).collect()
}

/// Whether a message has attachments, in whatever state the rows are.
///
/// # Errors
/// When the database fails.
pub fn has_any(tx: &mut dyn Tx, message_id: &str) -> Result<bool, StoreError> {
    Ok(only(tx.query(COUNT_OF_MESSAGE, &[message_id.into()])?)?.int(0)? > 0)
}

/// The attachments after number `after`.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut dyn Tx, after: i64, limit: usize) -> Result<Vec<Attachment>, StoreError> {
    tx.query(LIST, &[after.into(), limit_value(limit)])?.iter().map(Attachment::from_row).collect()
}

/// The attachments before number `before`, newest first.
///
/// # Errors
/// When the database fails.
pub fn latest(tx: &mut dyn Tx, before: i64, limit: usize) -> Result<Vec<Attachment>, StoreError> {
    tx.query(LATEST, &[before.into(), limit_value(limit)])?.iter().map(Attachment::from_row).collect()
}

/// The attachments after number `after` that are uploaded, sent or received at the moment, or wait for their turn.
///
/// # Errors
/// When the database fails.
pub fn under_way(tx: &mut dyn Tx, after: i64, limit: usize) -> Result<Vec<Attachment>, StoreError> {
    tx.query(UNDER_WAY, &[after.into(), limit_value(limit)])?.iter().map(Attachment::from_row).collect()
}

/// What `owner` has uploaded and no message has taken along, newest first.
///
/// # Errors
/// When the database fails.
pub fn ready(tx: &mut dyn Tx, owner: &str, limit: usize) -> Result<Vec<Attachment>, StoreError> {
    tx.query(READY, &[owner.into(), limit_value(limit)])?.iter().map(Attachment::from_row).collect()
}

/// Ends an upload. `false` means that it was not under way any more.
///
/// # Errors
/// When the database fails.
pub fn complete(
    tx: &mut dyn Tx,
    id: i64,
    (size, chunks): (i64, i64),
    plaintext_root: Digest,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let row = [id.into(), size.into(), chunks.into(), plaintext_root.into(), at.into()];
    Ok(tx.execute(COMPLETE, &row)? == 1)
}

/// Ties a ready attachment to the message that takes it along. `false` means that it is not ready, or taken.
///
/// # Errors
/// When the database fails.
pub fn bind(
    tx: &mut dyn Tx,
    id: i64,
    recipient: &Administration,
    message_id: MessageId,
    part: i64,
) -> Result<bool, StoreError> {
    let row = [id.into(), recipient.as_str().into(), message_id.to_string().into(), part.into()];
    Ok(tx.execute(BIND, &row)? == 1)
}

/// Frees the attachments of a message that will not arrive, so that another can take them along.
///
/// # Errors
/// When the database fails.
pub fn release(tx: &mut dyn Tx, message_id: &str, at: Timestamp) -> Result<(), StoreError> {
    tx.execute(RELEASE, &[message_id.into(), at.into()]).map(drop)
}

/// The attachments of a message are received, in the command that receives the message.
///
/// # Errors
/// When the database fails.
pub fn received(tx: &mut dyn Tx, sender: &Administration, message_id: MessageId) -> Result<(), StoreError> {
    tx.execute(RECEIVED, &[message_id.to_string().into(), sender.as_str().into()]).map(drop)
}

/// Erases the keys of an attachment; its chunks, which nobody can open any more, are deleted by [`drop_chunks`]. `false`
/// means that there is no such attachment, or that it was erased before.
///
/// # Errors
/// When the database fails.
pub fn erase(tx: &mut dyn Tx, id: i64) -> Result<bool, StoreError> {
    Ok(tx.execute(ERASE, &[id.into()])? == 1)
}

/// Erases what is here of the attachments of a message whose transfer is given up. Nothing was ever said of them, so that
/// not even their rows stay once the last chunk is gone.
///
/// # Errors
/// When the database fails.
pub fn give_up(tx: &mut dyn Tx, sender: &Administration, message_id: &str) -> Result<(), StoreError> {
    tx.execute(GIVE_UP, &[message_id.into(), sender.as_str().into()]).map(drop)
}

/// Deletes some chunks of an erased attachment; 0 when none is left, and then the row of one that was given up is gone.
///
/// # Errors
/// When the database fails.
pub fn drop_chunks(tx: &mut dyn Tx, id: i64) -> Result<u64, StoreError> {
    let dropped = tx.execute(DROP_CHUNKS, &[id.into(), limit_value(ERASURE_STEP)])?;
    if dropped == 0 {
        tx.execute(DROPPED, &[id.into()])?;
        tx.execute(FORGET, &[id.into()])?;
    }
    Ok(dropped)
}

/// Attachments that were erased or given up and whose chunks are not known to be gone.
///
/// # Errors
/// When the database fails.
pub fn to_drop(tx: &mut dyn Tx, limit: usize) -> Result<Vec<i64>, StoreError> {
    tx.query(ERASED, &[limit_value(limit)])?.iter().map(|row| row.int(0)).collect()
}

/// Attachments in a state that nothing happened to since a moment.
///
/// # Errors
/// When the database fails.
pub fn idle(tx: &mut dyn Tx, state: &str, before: Timestamp, limit: usize) -> Result<Vec<i64>, StoreError> {
    let rows = tx.query(IDLE, &[state.into(), before.into(), limit_value(limit)])?;
    rows.iter().map(|row| row.int(0)).collect()
}

/// A chunk that was verified or sealed here.
#[derive(Clone, Copy, Debug)]
pub struct NewChunk<'a> {
    /// Its number, from 0.
    pub number: u64,
    /// Its leaf in the ciphertext tree.
    pub leaf: &'a [u8; 32],
    /// Its salted leaf under the plaintext root.
    pub plaintext_leaf: &'a [u8; 32],
    /// The sealed bytes.
    pub sealed: &'a [u8],
}

/// Stores a chunk, once. `false` means that it is there already.
///
/// # Errors
/// When the database fails.
pub fn put_chunk(
    tx: &mut dyn Tx,
    attachment: i64,
    chunk: &NewChunk<'_>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let row: [Value; 5] = [
        attachment.into(),
        number_value(chunk.number),
        chunk.leaf.as_slice().into(),
        chunk.plaintext_leaf.as_slice().into(),
        chunk.sealed.into(),
    ];
    let stored = tx.execute(PUT, &row)? == 1;
    tx.execute(TOUCH, &[attachment.into(), at.into()])?;
    Ok(stored)
}

/// The sealed bytes of a chunk.
///
/// # Errors
/// When the database fails.
pub fn chunk(tx: &mut dyn Tx, attachment: i64, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let row = first(tx.query(CHUNK, &[attachment.into(), number_value(number)])?);
    row.map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
}

/// How many chunks of an attachment are here.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut dyn Tx, attachment: i64) -> Result<i64, StoreError> {
    only(tx.query(COUNT, &[attachment.into()])?)?.int(0)
}

/// The ciphertext leaves of the chunks that are here, by number.
///
/// # Errors
/// When the database fails.
pub fn leaves(tx: &mut dyn Tx, attachment: i64) -> Result<BTreeMap<u64, [u8; 32]>, StoreError> {
    hashes(tx, LEAVES, attachment)
}

/// The plaintext leaves of the chunks that are here, by number.
///
/// # Errors
/// When the database fails.
pub fn plaintext_leaves(tx: &mut dyn Tx, attachment: i64) -> Result<BTreeMap<u64, [u8; 32]>, StoreError> {
    hashes(tx, PLAINTEXT_LEAVES, attachment)
}

fn hashes(
    tx: &mut dyn Tx,
    statement: &'static str,
    attachment: i64,
) -> Result<BTreeMap<u64, [u8; 32]>, StoreError> {
    let mut found = BTreeMap::new();
    let mut from = 0i64;
    loop {
        let rows = tx.query(statement, &[attachment.into(), from.into(), limit_value(PAGE)])?;
        for row in &rows {
            let number = row.int(0)?;
            found.insert(u64::try_from(number).unwrap_or(0), row.array(1)?);
            from = number.saturating_add(1);
        }
        if rows.len() < PAGE {
            return Ok(found);
        }
    }
}

fn number_value(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}
