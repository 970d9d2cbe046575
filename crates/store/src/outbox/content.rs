//! What large things belong to a letter: its cleared content and its sealed bytes, each in a table of its own.
//!
//! A letter's row changes with every attempt and when it is settled, and a database writes the whole of a row that changes.
//! So the row has the sizes only: content and sealed bytes are written once.

use crate::db::first;
use crate::{Migration, StoreError, Tx};
use base::MessageId;

pub(crate) const SCHEMA: Migration = Migration {
    name: "outbox-content",
    sql: "create table outbox_content (id BIGINT not null primary key, cleared BLOB not null);
        create table outbox_envelope (id BIGINT not null primary key, envelope BLOB not null);
        insert into outbox_content (id, cleared) select id, cleared from outbox;
        insert into outbox_envelope (id, envelope) select id, envelope from outbox where envelope is not null;
        alter table outbox add column content_bytes BIGINT not null default 0;
        alter table outbox add column sealed_bytes BIGINT;
        update outbox set content_bytes = length(cleared), sealed_bytes = length(envelope);
        drop index outbox_sealed;
        drop index outbox_overdue;
        alter table outbox drop column cleared;
        alter table outbox drop column envelope;
        create index outbox_sealed on outbox (recipient, id) where status = 'ready' and sealed_bytes is not null;
        create index outbox_overdue on outbox (expires, id)
            where status in ('ready', 'waiting') and sealed_bytes is null and withdrawn is null;
        alter table outbox_content alter column cleared set statistics 0;
        alter table outbox_envelope alter column envelope set statistics 0",
};

crate::statements! {
    PUT = "insert into outbox_content (id, cleared) values (?1, ?2)";
    PUT_ENVELOPE = "insert into outbox_envelope (id, envelope) values (?1, ?2)";
    DROP_ENVELOPE = "delete from outbox_envelope where id = ?1";
    EMPTIED = "update outbox set content_bytes = 0, sealed_bytes = ?2
        where message_id = ?1 and status not in ('ready', 'waiting') returning id";
    EMPTY = "update outbox_content set cleared = ?2 where id = ?1";
}

/// A size as the rows have it.
pub(super) fn size(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

/// Keeps the content of a letter.
pub(super) fn put(tx: &mut dyn Tx, id: i64, cleared: &[u8]) -> Result<(), StoreError> {
    tx.execute(PUT, &[id.into(), cleared.into()]).map(drop)
}

/// Keeps the sealed bytes of a letter that had none.
pub(super) fn put_envelope(tx: &mut dyn Tx, id: i64, envelope: &[u8]) -> Result<(), StoreError> {
    tx.execute(PUT_ENVELOPE, &[id.into(), envelope.into()]).map(drop)
}

/// Forgets the sealed bytes of a letter.
pub(super) fn drop_envelope(tx: &mut dyn Tx, id: i64) -> Result<(), StoreError> {
    tx.execute(DROP_ENVELOPE, &[id.into()]).map(drop)
}

/// Erases content and sealed bytes of a letter that is settled, and keeps `rest` of its envelope; `false` when there is no
/// such letter or it is still open. What the partner answered stays.
///
/// # Errors
/// When the database fails.
pub fn erase(tx: &mut dyn Tx, message_id: MessageId, rest: Option<&[u8]>) -> Result<bool, StoreError> {
    let Some(row) = first(tx.query(EMPTIED, &[message_id.to_string().into(), rest.map(size).into()])?) else {
        return Ok(false);
    };
    let id = row.int(0)?;
    tx.execute(EMPTY, &[id.into(), Vec::new().into()])?;
    drop_envelope(tx, id)?;
    if let Some(rest) = rest {
        put_envelope(tx, id, rest)?;
    }
    Ok(true)
}
