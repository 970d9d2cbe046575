//! What is to be sent: every cleared document from its commit to its receipt.
//!
//! | From | When | To |
//! |---|---|---|
//! | | enqueued into a channel without open letters | ready |
//! | | enqueued behind an open letter of its channel | waiting |
//! | waiting | every letter before it has been settled | ready |
//! | ready | an attempt has failed ([`postponed`], [`declined`]) | ready, from a later moment |
//! | ready, waiting | the partner's receipt has come ([`delivered`]) | delivered |
//! | ready, waiting | the partner or we refuse it for good ([`refused`], a dead letter) | refused |
//! | ready, waiting | its time is over before anything left ([`withdraw`]) | as it was, but withdrawn: a tombstone goes in its place |
//! | ready, waiting | the partner has the tombstone, or refuses the letter as too late ([`expired`]) | expired |
//!
//! Only the first open letter of a channel is ready, so letters of one channel leave in order and those of different
//! channels never wait for each other. To deliver a letter costs no entry here: which ones are under way, the one sender of
//! a node keeps in memory ([`due_to`]), and when it dies they are due as before.

mod content;
mod dead;
mod letter;
mod queue;

pub use content::erase;
pub(crate) use content::{SCHEMA as CONTENT, STATEMENTS as CONTENT_STATEMENTS};
pub(crate) use dead::STATEMENTS as DEAD_STATEMENTS;
pub use dead::{DeadLetter, close, dead, dead_letter, dealt_with};
pub use letter::{Claim, Counts, Dispatch, Letter, Status, Stored};
pub(crate) use queue::STATEMENTS as QUEUE_STATEMENTS;
pub use queue::{Declined, Queue, queue, queues, status_of, waiting_for};

use crate::db::{first, limit_value, only, parsed};
use crate::{Migration, StoreError, Tx, Value};
use base::{Administration, MessageId, Timestamp};
use std::collections::BTreeSet;

pub(crate) const SCHEMA: Migration = Migration {
    name: "outbox",
    sql: "create table outbox (
            id BIGINT not null primary key, message_id TEXT not null, recipient TEXT not null, channel TEXT not null,
            sequence BIGINT not null, clause TEXT not null, purpose TEXT not null, agreement TEXT not null,
            message_type TEXT not null, lane BIGINT not null, created BIGINT not null, expires BIGINT not null,
            cleared BLOB not null, envelope BLOB, receipt BLOB, status TEXT not null, available BIGINT not null,
            attempts BIGINT not null, worker TEXT, reason TEXT, settled BIGINT);
        create unique index outbox_message on outbox (message_id);
        create unique index outbox_channel on outbox (channel, sequence);
        create index outbox_ready on outbox (lane, available, id) where status = 'ready';
        create index outbox_open on outbox (channel, sequence) where status in ('ready', 'waiting');
        create index outbox_dead on outbox (status, id) where status in ('refused', 'expired')",
};

/// Letters are claimed by recipient, so that one who is slow or away holds up nobody else.
pub(crate) const BY_RECIPIENT: Migration = Migration {
    name: "outbox-by-recipient",
    sql: "create index outbox_turn on outbox (recipient, lane, available, id) where status = 'ready'",
};

/// Circuits, expiry, figures by recipient and dead letters. Nothing claims for all recipients at once any more, so the
/// index for that goes.
pub(crate) const CIRCUITS: Migration = Migration {
    name: "outbox-circuits",
    sql: "drop index outbox_ready;
        alter table outbox add column withdrawn BIGINT;
        alter table outbox add column closed BIGINT;
        alter table outbox add column closing TEXT;
        create index outbox_sealed on outbox (recipient, id) where status = 'ready' and envelope is not null;
        create index outbox_overdue on outbox (expires, id)
            where status in ('ready', 'waiting') and envelope is null and withdrawn is null;
        create index outbox_oldest on outbox (recipient, id) where status in ('ready', 'waiting');
        create index outbox_undealt on outbox (id) where status in ('refused', 'expired') and closed is null;
        create table outbox_queue (
            recipient TEXT not null primary key, letters BIGINT not null, bytes BIGINT not null,
            delivered BIGINT not null, refused BIGINT not null, expired BIGINT not null, last_delivery BIGINT)",
};

/// Counts how often a recipient has refused a letter without settling it, and finds those that an officer must see.
pub(crate) const REFUSALS: Migration = Migration {
    name: "outbox-refusals",
    sql: "alter table outbox add column refusals BIGINT not null default 0;
        create index outbox_declined on outbox (recipient, id) where status = 'ready' and refusals >= 3",
};

/// Which letters are under way is known in memory only, so that taking one waits for no disk.
pub(crate) const LEASELESS: Migration =
    Migration { name: "outbox-without-leases", sql: "alter table outbox drop column worker" };

/// Finds the dead letters that were dealt with, newest first.
pub(crate) const DEALT_WITH: Migration = Migration {
    name: "outbox-dealt-with",
    sql: "create index outbox_dealt_with on outbox (id) where closed is not null",
};

/// SQLite preferred the index of all dead letters to that of the undealt ones, and so read all there ever were.
pub(crate) const UNDEALT: Migration = Migration { name: "outbox-undealt", sql: "drop index outbox_dead" };

crate::statements! {
    TRIAL = "select id from outbox where status = 'ready' and recipient = ?1 and sealed_bytes is not null
        order by available, id limit ?2";
    DUE = "select id from outbox where status = 'ready' and recipient = ?1 and available <= ?2
        order by lane, available, id limit ?3";
    OVERDUE = "select id, message_id from outbox where status in ('ready', 'waiting') and sealed_bytes is null
        and withdrawn is null and expires <= ?1 order by expires, id limit ?2";
    WITHDRAW = "update outbox set withdrawn = ?2 where id = ?1 and status in ('ready', 'waiting')
        and sealed_bytes is null and withdrawn is null";
    SENT = "select recipient, agreement, e.envelope, status, withdrawn
        from outbox o left join outbox_envelope e on e.id = o.id where message_id = ?1";
    NEXT_RECIPIENT = "select min(recipient) from outbox where status = 'ready' and recipient > ?1";
    CLAIM = "select o.id, message_id, recipient, channel, sequence, clause, purpose, agreement, message_type, lane,
            created, expires, c.cleared, e.envelope, attempts, withdrawn
        from outbox o join outbox_content c on c.id = o.id left join outbox_envelope e on e.id = o.id
        where status = 'ready' and o.id = ?1
            and content_bytes + coalesce(sealed_bytes, 0) <= cast(?2 as BIGINT)";
    CLAIM_MESSAGE = "select o.id, message_id, recipient, channel, sequence, clause, purpose, agreement, message_type,
            lane, created, expires, c.cleared, e.envelope, attempts, withdrawn
        from outbox o join outbox_content c on c.id = o.id left join outbox_envelope e on e.id = o.id
        where status = 'ready' and message_id = ?1";
    NEXT_SEQUENCE = "select coalesce(max(sequence), 0) + 1 from outbox where channel = ?1";
    ENQUEUE = "insert into outbox (id, message_id, recipient, channel, sequence, clause, purpose, agreement,
            message_type, lane, created, expires, content_bytes, status, available, attempts)
        select (select coalesce(max(id), 0) + 1 from outbox), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,
            case when exists (select 1 from outbox where channel = ?3 and status in ('ready', 'waiting'))
                then 'waiting' else 'ready' end, ?10, 0
        where ?4 = (select coalesce(max(sequence), 0) + 1 from outbox where channel = ?3)
        returning id";
    SEALED = "update outbox set sealed_bytes = ?2 where id = ?1 and sealed_bytes is null and status = 'ready'
        and case when withdrawn is null then 0 else 1 end = ?3";
    ENVELOPE = "select e.envelope from outbox o left join outbox_envelope e on e.id = o.id and o.status = 'ready'
        where o.id = ?1";
    UNSEALED = "update outbox set sealed_bytes = null, available = ?2, reason = ?3, attempts = attempts + 1
        where id = ?1 and status = 'ready'";
    POSTPONED = "update outbox set available = ?2, reason = ?3, attempts = attempts + 1
        where id = ?1 and status = 'ready'";
    DECLINED = "update outbox set available = ?2, reason = ?3, attempts = attempts + 1, refusals = refusals + 1
        where id = ?1 and status = 'ready'";
    ENDED = "select message_id, agreement, e.envelope from outbox o join outbox_envelope e on e.id = o.id
        where channel = ?1 and sequence = ?2 and status in ('refused', 'expired') and content_bytes > 0";
    SETTLE = "update outbox set status = ?2, receipt = ?3, reason = ?4, settled = ?5, attempts = attempts + 1
        where id = ?1 and status in ('ready', 'waiting') returning channel, recipient, content_bytes";
    RELEASE_NEXT = "update outbox set status = 'ready' where channel = ?1 and status in ('ready', 'waiting')
        and sequence = (select min(sequence) from outbox where channel = ?1 and status in ('ready', 'waiting'))";
    EXISTS = "select count(*) from outbox where id = ?1";
    FIND = "select id, status, attempts, reason, available, settled, receipt from outbox
        where message_id = ?1";
    STORED = "select c.cleared, e.envelope, receipt from outbox o join outbox_content c on c.id = o.id
        left join outbox_envelope e on e.id = o.id where message_id = ?1";
    COUNTS = "select (select count(*) from outbox where status = 'ready'), coalesce(sum(letters), 0),
        coalesce(sum(delivered), 0), coalesce(sum(refused), 0), coalesce(sum(expired), 0) from outbox_queue";
}

/// The sequence that the next letter of a channel must have, from 1. A command that sends several asks again after
/// each [`enqueue`].
///
/// # Errors
/// When the database fails.
pub fn next_sequence(tx: &mut dyn Tx, channel: &str) -> Result<i64, StoreError> {
    only(tx.query(NEXT_SEQUENCE, &[channel.into()])?)?.int(0)
}

/// How many bytes of content may be under way to one recipient: the memory of a node must not grow with what waits.
const CLAIMED_BYTES: i64 = 32 * 1024 * 1024;

/// Puts a letter into the outbox, in the same command as the change that it tells of, and gives its row.
///
/// # Errors
/// [`StoreError::OutOfSequence`] when its sequence is not the next of its channel: a gap would stop the channel for
/// ever. [`StoreError::Constraint`] when its message id has been used.
pub fn enqueue(tx: &mut dyn Tx, letter: &Letter<'_>) -> Result<i64, StoreError> {
    let row = [
        letter.message_id.to_string().into(),
        letter.recipient.as_str().into(),
        letter.channel.into(),
        letter.sequence.into(),
        letter.clause.into(),
        letter.purpose.into(),
        letter.agreement.into(),
        letter.message_type.into(),
        letter.lane.into(),
        letter.created.into(),
        letter.expires.into(),
        content::size(letter.cleared).into(),
    ];
    match first(tx.query(ENQUEUE, &row)?) {
        Some(row) => {
            let id = row.int(0)?;
            content::put(tx, id, letter.cleared)?;
            queue::grown(tx, letter.recipient.as_str(), letter.cleared.len())?;
            Ok(id)
        }
        None => Err(StoreError::OutOfSequence {
            series: letter.channel.to_owned(),
            given: letter.sequence,
            expected: next_sequence(tx, letter.channel)?,
        }),
    }
}

/// The recipients for whom a letter is ready, due or not.
///
/// # Errors
/// When the database fails.
pub fn recipients(tx: &mut dyn Tx) -> Result<Vec<Administration>, StoreError> {
    let mut found: Vec<Administration> = Vec::new();
    loop {
        let after = found.last().map_or("", |last| last.as_str());
        // Each step is one look into the index, however many letters a recipient has.
        match only(tx.query(NEXT_RECIPIENT, &[after.into()])?)?.opt_text(0)? {
            Some(recipient) => found.push(parsed("recipient", recipient)?),
            None => return Ok(found),
        }
    }
}

/// What may be taken of the letters to one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Space<'r> {
    /// How many letters, at most.
    pub letters: usize,
    /// How many bytes of its letters are under way already: with them the new ones fit in 32 MiB, unless one alone is
    /// larger and nothing else is under way.
    pub bytes_under_way: i64,
    /// The rows that are under way: they are not taken.
    pub under_way: &'r BTreeSet<i64>,
}

/// The letters to one recipient that are due and not under way: lowest lane first, then those that have been available
/// longest. Nothing is changed; whoever delivers them keeps in memory that they are under way until what became of them is
/// durable, and gives all of these each time.
///
/// # Errors
/// When the database fails.
pub fn due_to(
    tx: &mut dyn Tx,
    recipient: &Administration,
    now: Timestamp,
    space: Space<'_>,
) -> Result<Vec<Claim>, StoreError> {
    // At most as many of the first rows are under way as are under way at all, so the others are behind them. They are
    // told apart in the index alone.
    let rows = limit_value(space.letters.saturating_add(space.under_way.len()));
    let due = tx.query(DUE, &[recipient.as_str().into(), now.into(), rows])?;
    let (mut claims, mut total) = (Vec::new(), space.bytes_under_way);
    for row in &due {
        let id = row.int(0)?;
        if space.under_way.contains(&id) {
            continue;
        }
        if claims.len() == space.letters {
            break;
        }
        let left = if total > 0 { CLAIMED_BYTES.saturating_sub(total) } else { i64::MAX };
        // One that does not fit keeps its turn.
        let Some(claim) = claim(tx, CLAIM, &[id.into(), left.into()])? else { break };
        total = total.saturating_add(i64::try_from(claim.bytes()).unwrap_or(i64::MAX));
        claims.push(claim);
    }
    Ok(claims)
}

/// One letter to see whether a recipient is back: one that is sealed already, whether it is due or not, so that a long
/// absence seals no new one at each trial; else the first that is due. The sealed ones take turns, the one that has waited
/// longest for an attempt first, so that none that is never taken stands before the others.
///
/// # Errors
/// When the database fails.
pub fn due_for_trial(
    tx: &mut dyn Tx,
    recipient: &Administration,
    now: Timestamp,
    under_way: &BTreeSet<i64>,
) -> Result<Option<Claim>, StoreError> {
    let rows = limit_value(under_way.len().saturating_add(1));
    for row in tx.query(TRIAL, &[recipient.as_str().into(), rows])? {
        let id = row.int(0)?;
        if !under_way.contains(&id) {
            return claim(tx, CLAIM, &[id.into(), i64::MAX.into()]);
        }
    }
    Ok(due_to(tx, recipient, now, Space { letters: 1, bytes_under_way: 0, under_way })?.pop())
}

/// A letter that is first in its channel, due or not, by its identity.
///
/// # Errors
/// When the database fails.
pub fn ready(tx: &mut dyn Tx, message_id: MessageId) -> Result<Option<Claim>, StoreError> {
    claim(tx, CLAIM_MESSAGE, &[message_id.to_string().into()])
}

fn claim(tx: &mut dyn Tx, statement: &str, which: &[Value]) -> Result<Option<Claim>, StoreError> {
    first(tx.query(statement, which)?).as_ref().map(Claim::from_row).transpose()
}

/// A letter as it was sent, for what is said about it later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentLetter {
    /// Who was to get it.
    pub recipient: Administration,
    /// The agreement.
    pub agreement: String,
    /// The sealed bytes; `None` while nothing has left.
    pub envelope: Option<Vec<u8>>,
    /// Where it stands.
    pub status: Status,
    /// Whether it was withdrawn, so that the sealed bytes are its tombstone's.
    pub withdrawn: bool,
}

/// A letter by its identity, as it was sent.
///
/// # Errors
/// When the database fails.
pub fn sent(tx: &mut dyn Tx, message_id: MessageId) -> Result<Option<SentLetter>, StoreError> {
    let row = first(tx.query(SENT, &[message_id.to_string().into()])?);
    row.map(|row| {
        Ok(SentLetter {
            recipient: parsed("recipient", row.text(0)?)?,
            agreement: row.text(1)?.to_owned(),
            envelope: row.opt_bytes(2)?.map(<[u8]>::to_vec),
            status: Status::parse(row.text(3)?)?,
            withdrawn: row.opt_int(4)?.is_some(),
        })
    })
    .transpose()
}

/// Letters whose time is over and of which nothing has left yet, the first to expire first.
///
/// # Errors
/// When the database fails.
pub fn overdue(tx: &mut dyn Tx, now: Timestamp, limit: usize) -> Result<Vec<(i64, String)>, StoreError> {
    let rows = tx.query(OVERDUE, &[now.into(), limit_value(limit)])?;
    rows.iter().map(|row| Ok((row.int(0)?, row.text(1)?.to_owned()))).collect()
}

/// Withdraws a letter of which nothing has left: it keeps its place in the channel, in which a tombstone is sent. `false`
/// means that it was sealed, settled or withdrawn before.
///
/// # Errors
/// When the database fails.
pub fn withdraw(tx: &mut dyn Tx, id: i64, at: Timestamp) -> Result<bool, StoreError> {
    tx.execute(WITHDRAW, &[id.into(), at.into()]).map(|rows| rows == 1)
}

/// Stores the sealed bytes of a letter, once; those of its tombstone when they were sealed after it was `withdrawn`.
/// `false` means that others are stored already: send those ([`envelope`]), for the partner may have them. It also means
/// that the letter was withdrawn while it was being sealed, or has been settled: nothing of it may leave then.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such letter.
pub fn sealed(tx: &mut dyn Tx, id: i64, envelope: &[u8], withdrawn: bool) -> Result<bool, StoreError> {
    let row = [id.into(), content::size(envelope).into(), i64::from(withdrawn).into()];
    let changed = tx.execute(SEALED, &row)? == 1;
    if changed {
        content::put_envelope(tx, id, envelope)?;
    }
    known(tx, id, changed)
}

/// The sealed bytes of a letter that may leave: `None` when it has not been sealed, or has been settled.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such letter.
pub fn envelope(tx: &mut dyn Tx, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let row = first(tx.query(ENVELOPE, &[id.into()])?).ok_or(StoreError::NotFound { what: "letter", id })?;
    Ok(row.opt_bytes(0)?.map(<[u8]>::to_vec))
}

/// Attaches the partner's receipt and lets the next letter of the channel go. `false` means that the letter was
/// settled before; nothing changes then.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such letter.
pub fn delivered(tx: &mut dyn Tx, id: i64, receipt: &[u8], at: Timestamp) -> Result<bool, StoreError> {
    settle(tx, id, Status::Delivered, Some(receipt), None, at)
}

/// Puts a letter off after a failed attempt, which is counted. `false` means that it is not open any more.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such letter.
pub fn postponed(tx: &mut dyn Tx, id: i64, not_before: Timestamp, reason: &str) -> Result<bool, StoreError> {
    let changed = tx.execute(POSTPONED, &[id.into(), not_before.into(), reason.into()])?;
    known(tx, id, changed == 1)
}

/// Puts a letter off that its recipient has refused for something that may yet change, and counts the refusal. `false`
/// means that it is not open any more.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such letter.
pub fn declined(tx: &mut dyn Tx, id: i64, not_before: Timestamp, reason: &str) -> Result<bool, StoreError> {
    let changed = tx.execute(DECLINED, &[id.into(), not_before.into(), reason.into()])?;
    known(tx, id, changed == 1)
}

/// A letter that ended without a place in the recipient's channel being sure, as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its identity.
    pub message_id: MessageId,
    /// The agreement.
    pub agreement: String,
    /// The sealed bytes.
    pub envelope: Vec<u8>,
}

/// The letter with a number in a channel that was sealed and ended as a dead letter; `None` when there is none, or it was
/// erased.
///
/// # Errors
/// When the database fails.
pub fn ended(tx: &mut dyn Tx, channel: &str, sequence: i64) -> Result<Option<Ended>, StoreError> {
    let row = first(tx.query(ENDED, &[channel.into(), sequence.into()])?);
    row.map(|row| {
        Ok(Ended {
            message_id: parsed("message id", row.text(0)?)?,
            agreement: row.text(1)?.to_owned(),
            envelope: row.bytes(2)?.to_vec(),
        })
    })
    .transpose()
}

/// Takes the seal off a letter that its recipient has refused for the key that signed it and has not recorded: it is
/// sealed and signed anew at the next attempt. `false` means that it is not open any more.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such letter.
pub fn unsealed(tx: &mut dyn Tx, id: i64, not_before: Timestamp, reason: &str) -> Result<bool, StoreError> {
    let changed = tx.execute(UNSEALED, &[id.into(), not_before.into(), reason.into()])? == 1;
    if changed {
        content::drop_envelope(tx, id)?;
    }
    known(tx, id, changed)
}

/// Makes a dead letter of it, with the reason (and the clause in it), and lets the next letter of the channel go.
/// `false` means that it was settled before.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such letter.
pub fn refused(tx: &mut dyn Tx, id: i64, reason: &str, at: Timestamp) -> Result<bool, StoreError> {
    settle(tx, id, Status::Refused, None, Some(reason), at)
}

/// Gives a letter up whose time is over, with the receipt of its tombstone if one was sent, and lets the next letter of the channel go. `false` means that it was
/// settled before.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such letter.
pub fn expired(
    tx: &mut dyn Tx,
    id: i64,
    receipt: Option<&[u8]>,
    reason: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    settle(tx, id, Status::Expired, receipt, Some(reason), at)
}

/// What has become of a letter.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut dyn Tx, message_id: MessageId) -> Result<Option<Dispatch>, StoreError> {
    let row = first(tx.query(FIND, &[message_id.to_string().into()])?);
    row.as_ref().map(Dispatch::from_row).transpose()
}

/// What is stored of a letter: its content, its sealed bytes and the partner's answer.
///
/// # Errors
/// When the database fails.
pub fn stored(tx: &mut dyn Tx, message_id: MessageId) -> Result<Option<Stored>, StoreError> {
    let row = first(tx.query(STORED, &[message_id.to_string().into()])?);
    row.as_ref().map(Stored::from_row).transpose()
}

/// How many letters stand where.
///
/// # Errors
/// When the database fails.
pub fn counts(tx: &mut dyn Tx) -> Result<Counts, StoreError> {
    let row = only(tx.query(COUNTS, &[])?)?;
    // The ready ones are counted in their index; all else is kept with every letter, for counting it would read rows.
    let ready = row.int(0)?;
    Ok(Counts {
        ready,
        waiting: row.int(1)?.saturating_sub(ready),
        delivered: row.int(2)?,
        refused: row.int(3)?,
        expired: row.int(4)?,
    })
}

/// Ends a letter and lets the next one of its channel go.
fn settle(
    tx: &mut dyn Tx,
    id: i64,
    status: Status,
    receipt: Option<&[u8]>,
    reason: Option<&str>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let row: [Value; 5] = [id.into(), status.as_str().into(), receipt.into(), reason.into(), at.into()];
    let Some(settled) = first(tx.query(SETTLE, &row)?) else {
        return known(tx, id, false);
    };
    tx.execute(RELEASE_NEXT, &[settled.text(0)?.into()])?;
    queue::shrunk(tx, settled.text(1)?, settled.int(2)?, status, at)?;
    Ok(true)
}

/// Tells whether a row changed; that it did not because there is none is an error.
fn known(tx: &mut dyn Tx, id: i64, changed: bool) -> Result<bool, StoreError> {
    if !changed && only(tx.query(EXISTS, &[id.into()])?)?.int(0)? == 0 {
        return Err(StoreError::NotFound { what: "letter", id });
    }
    Ok(changed)
}
