//! The record of messages: everything that was received, legible or not, and everything that was sent.

use base::Timestamp;
use store::{Migration, StoreError, Tx, Value, counter};

/// The bodies of messages, beside their rows: what is noted about a message later changes its row, and would write a large
/// body to the disk again each time.
pub(crate) const BODIES: Migration = Migration {
    name: "node-bodies",
    sql: "
CREATE TABLE bodies (message BIGINT PRIMARY KEY, body BLOB NOT NULL);
INSERT INTO bodies (message, body) SELECT id, body FROM messages;
ALTER TABLE messages DROP COLUMN body;
",
};

/// The counter that numbers the messages of a node.
const NUMBERS: &str = "messages";

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It came in.
    Received,
    /// It went out, or is on its way.
    Sent,
}

impl Direction {
    fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Sent => "sent",
        }
    }
}

/// What became of a message. The words are shown to officers and traders.
pub mod outcome {
    /// Received, and it had its effect.
    pub const ACCEPTED: &str = "accepted";
    /// Received, and answered with a rejection.
    pub const REJECTED: &str = "rejected";
    /// Received, and kept for an officer since this node failed on it.
    pub const HELD: &str = "held";
    /// Made for a trader, who can fetch it.
    pub const AVAILABLE: &str = "available";
    /// Made for a partner, and not yet delivered.
    pub const QUEUED: &str = "queued";
    /// Receipted by the partner.
    pub const DELIVERED: &str = "delivered";
    /// Refused by the partner, or by the exchange.
    pub const REFUSED: &str = "refused";
    /// Its time was over before the partner could have it.
    pub const EXPIRED: &str = "expired";
    /// Not sent: no clause of an agreement allows it.
    pub const WITHHELD: &str = "withheld";
    /// Handed to a room of this administration.
    pub const INTERNAL: &str = "internal";
}

/// A message to be put on record.
#[derive(Clone, Debug)]
pub struct NewMessage<'a> {
    /// When it was received or made.
    pub at: Timestamp,
    /// Which way it went.
    pub direction: Direction,
    /// From: a country, or `trader`.
    pub from_party: String,
    /// To: a country, or `trader`.
    pub to_party: String,
    /// The type, or `unknown`.
    pub message_type: &'a str,
    /// The sender's identification; empty when it is not legible.
    pub identification: &'a str,
    /// The identification of the message that it answers.
    pub correlation: Option<&'a str>,
    /// The movement's key, as far as it is known.
    pub movement: &'a str,
    /// The trader to whom it belongs; empty when it is not a trader's.
    pub owner: &'a str,
    /// The number of the message that it answers; 0 when it answers none.
    pub cause: i64,
    /// What became of it.
    pub outcome: &'a str,
    /// The message itself.
    pub body: &'a [u8],
}

/// Puts a message on record and returns its number.
///
/// # Errors
/// When the store fails.
pub fn record(tx: &mut dyn Tx, message: &NewMessage<'_>) -> Result<i64, StoreError> {
    let id = counter::next(tx, NUMBERS)?;
    tx.execute(
        "INSERT INTO messages (id, at, direction, from_party, to_party, message_type, identification, correlation, \
         movement, owner, outcome, cause, clause, exchange_id) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, NULL, NULL)",
        &[
            id.into(),
            message.at.into(),
            message.direction.as_str().into(),
            message.from_party.as_str().into(),
            message.to_party.as_str().into(),
            storable(message.message_type),
            storable(message.identification),
            message.correlation.map_or(Value::Null, storable),
            storable(message.movement),
            message.owner.into(),
            message.outcome.into(),
            message.cause.into(),
        ],
    )?;
    tx.execute("INSERT INTO bodies (message, body) VALUES (?1, ?2)", &[id.into(), message.body.into()])?;
    Ok(id)
}

/// Leaves `rest` of a message's body, and nothing of the secret by which content is proved.
///
/// # Errors
/// When the store fails.
pub(crate) fn erase(tx: &mut dyn Tx, id: i64, rest: Vec<u8>) -> Result<(), StoreError> {
    tx.execute("UPDATE bodies SET body = ?2 WHERE message = ?1", &[id.into(), rest.into()])?;
    tx.execute("UPDATE messages SET secret = NULL WHERE id = ?1", &[id.into()]).map(drop)
}

/// Text from outside as both databases can store it: PostgreSQL has no place for the NUL character.
fn storable(text: &str) -> Value {
    text.replace('\0', "\u{fffd}").into()
}

/// Notes what became of a message.
///
/// # Errors
/// When the store fails.
pub fn set_outcome(tx: &mut dyn Tx, id: i64, outcome: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE messages SET outcome = ?2 WHERE id = ?1", &[id.into(), outcome.into()])?;
    Ok(())
}

/// Notes to which movement a message belongs.
///
/// # Errors
/// When the store fails.
pub fn set_movement(tx: &mut dyn Tx, id: i64, movement: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE messages SET movement = ?2 WHERE id = ?1", &[id.into(), movement.into()])?;
    Ok(())
}

/// Moves everything said under an LRN to the MRN that the movement got, so that its messages are read together.
///
/// # Errors
/// When the store fails.
pub fn adopt(tx: &mut dyn Tx, lrn_key: &str, mrn: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE messages SET movement = ?2 WHERE movement = ?1", &[lrn_key.into(), mrn.into()])?;
    Ok(())
}

/// Notes under which clause and exchange identity a message left or came.
///
/// # Errors
/// When the store fails.
pub fn set_exchange(tx: &mut dyn Tx, id: i64, clause: &str, exchange_id: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE messages SET clause = ?2, exchange_id = ?3 WHERE id = ?1",
        &[id.into(), clause.into(), exchange_id.into()],
    )?;
    Ok(())
}

/// Puts the label on a message that came from a partner: the terms on which its data was given.
///
/// # Errors
/// When the store fails.
pub fn set_label(tx: &mut dyn Tx, id: i64, label: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE messages SET label = ?2 WHERE id = ?1", &[id.into(), label.into()])?;
    Ok(())
}

/// Notes the fate of a message that went to a partner, by its identity in the exchange.
///
/// # Errors
/// When the store fails.
pub fn set_fate(tx: &mut dyn Tx, exchange_id: &str, outcome: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE messages SET outcome = ?2 WHERE exchange_id = ?1 AND direction = 'sent'",
        &[exchange_id.into(), outcome.into()],
    )?;
    Ok(())
}

/// What a party has said before under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing.
    New,
    /// The same content.
    Same {
        /// The number of the message.
        message: i64,
        /// What became of it then.
        result: Option<Vec<u8>>,
    },
    /// Other content (error 26): the number of the first message.
    Other(i64),
}

/// Whether `party` has used `name` for a message before, and for the same content.
///
/// # Errors
/// When the store fails.
pub fn said_before(
    tx: &mut dyn Tx,
    party: &str,
    name: &str,
    digest: &base::Digest,
) -> Result<Said, StoreError> {
    let rows = tx.query(
        "SELECT digest, message, result FROM submissions WHERE party = ?1 AND identification = ?2",
        &[party.into(), storable(name)],
    )?;
    let Some(row) = rows.first() else { return Ok(Said::New) };
    let message = row.int(1)?;
    if row.text(0)? != digest.to_string() {
        return Ok(Said::Other(message));
    }
    Ok(Said::Same { message, result: row.opt_bytes(2)?.map(<[u8]>::to_vec) })
}

/// Notes that `party` has used `name` for this content.
///
/// # Errors
/// When the store fails.
pub fn note_said(
    tx: &mut dyn Tx,
    party: &str,
    name: &str,
    digest: &base::Digest,
    message: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO submissions (party, identification, digest, message) VALUES (?1, ?2, ?3, ?4)",
        &[party.into(), storable(name), digest.to_string().into(), message.into()],
    )?;
    Ok(())
}

/// Keeps what became of a message, for the answer to a repeat.
///
/// # Errors
/// When the store fails.
pub fn keep_result(tx: &mut dyn Tx, message: i64, result: &[u8]) -> Result<(), StoreError> {
    tx.execute("UPDATE submissions SET result = ?2 WHERE message = ?1", &[message.into(), result.into()])?;
    Ok(())
}

/// Tells officers that a message of a movement will not arrive; the movement waits for them.
///
/// # Errors
/// When the store fails.
pub fn note_undelivered(
    tx: &mut dyn Tx,
    exchange_id: &str,
    at: Timestamp,
    words: &str,
) -> Result<(), StoreError> {
    let rows = tx.query(
        "SELECT movement FROM messages WHERE exchange_id = ?1 AND direction = 'sent'",
        &[exchange_id.into()],
    )?;
    let movement = rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()?.unwrap_or_default();
    note(tx, at, "exchange", &movement, "Undelivered", words)?;
    tx.execute("UPDATE movements SET waits_for_officer = 1 WHERE movement = ?1", &[movement.into()])?;
    Ok(())
}

/// Keeps a notice where officers see it.
///
/// # Errors
/// When the store fails.
pub fn note(
    tx: &mut dyn Tx,
    at: Timestamp,
    room: &str,
    movement: &str,
    code: &str,
    words: &str,
) -> Result<(), StoreError> {
    let id = counter::next(tx, "notices")?;
    tx.execute(
        "INSERT INTO notices (id, at, room, movement, code, words) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[id.into(), at.into(), room.into(), movement.into(), code.into(), storable(words)],
    )?;
    Ok(())
}
