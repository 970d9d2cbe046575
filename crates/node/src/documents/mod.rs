//! Documents that officers and systems of administrations send each other about a movement or a case: any content,
//! under a clause, with the same proofs as every other message.
//!
//! | Standing | Means |
//! |---|---|
//! | sent | here: it was cleared and is on its way, or has arrived and awaits its decision there |
//! | open | there: it waits for an officer |
//! | accepted, declined | an officer of the recipient decided |
//! | undecided | no officer of the recipient decided in time |

mod content;
mod desk;
mod rows;

pub(crate) use content::{DOCUMENT, DOCUMENT_MEDIA, DOCUMENT_PART};
pub use content::{DocumentContent, DocumentFault, MAX_CONTENT};
pub use desk::{DocumentDecision, DocumentView};
pub(crate) use rows::number as number_of_sent;
pub use rows::{DocumentRow, Standing};
pub(crate) use rows::{SCHEMA, STAGES};

use crate::attachments::binding;
use crate::bureau::Bureau;
use crate::messages::{self, Direction, NewMessage, outcome};
use crate::post::{self, PostError};
use agreements::library::common_transit as terms;
use agreements::{Request, Term};
use base::{Administration, Invalid, Timestamp};
use evidence::Manifest;
use exchange::Lane;
use rows::NewRow;
use store::{StoreError, Tx};

/// A document to be sent.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// Who is to get it.
    pub recipient: Administration,
    /// The movement or case that it is about: the subject of its channel.
    pub subject: String,
    /// The purpose for which it may be used, a term of the agreement.
    pub purpose: Term,
    /// How urgent it is.
    pub lane: Lane,
    /// For how long it is worth delivering.
    pub expires_seconds: i64,
    /// The document.
    pub document: DocumentContent,
}

/// For how long a document is worth delivering when its sender does not say: as long as any other message.
pub const DEFAULT_EXPIRY_SECONDS: i64 = post::EXPIRY_SECONDS;

/// The purpose of a document whose sender names none.
pub fn default_purpose() -> Result<Term, Invalid> {
    Term::parse(terms::DOCUMENT_EXCHANGE)
}

/// Why a document could not be sent. Nothing is on record then.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The document itself.
    #[error(transparent)]
    Fault(#[from] DocumentFault),
    /// The recipient is no partner.
    #[error("`{0}` is no partner of this node: enter its card, or correct the recipient")]
    NoPartner(Administration),
    /// The subject is not acceptable.
    #[error("the subject: {0}")]
    Subject(Invalid),
    /// The time limit.
    #[error("the time until expiry must be from 60 seconds to 400 days")]
    Expiry,
    /// As much waits for the partner as may.
    #[error("{0}")]
    QueueFull(String),
    /// No clause lets it leave.
    #[error("it was not sent: {0}")]
    Withheld(String),
    /// Its attachments.
    #[error(transparent)]
    Attachments(crate::attachments::BindError),
}

/// What became of a document that was to be sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Sent {
    /// The node's number of the message.
    pub message: i64,
    /// Its identity between nodes.
    pub exchange_id: String,
    /// The clause under which it leaves.
    pub clause: String,
}

/// Clears a document and puts it in the outbox, in the name of `author`.
///
/// # Errors
/// When the store fails; in the inner result, why it was not sent.
pub(crate) fn send(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    author: &str,
    (new, attachments): (NewDocument, &[i64]),
    now: Timestamp,
) -> Result<Result<Sent, SendError>, PostError> {
    if let Err(error) = binding::check(tx, attachments)? {
        return Ok(Err(error.into()));
    }
    let NewDocument { recipient, subject, purpose, lane, expires_seconds, document } = new;
    let channel = match evidence::Channel::new(bureau.administration.clone(), recipient.clone(), &subject) {
        Ok(channel) => channel,
        Err(invalid) => return Ok(Err(SendError::Subject(invalid))),
    };
    let size = document.content.len();
    let (title, media_type) = (document.title.clone(), document.media_type.clone());
    let correspondent = Term::parse(terms::CORRESPONDENT)?;
    let request = Request::automatic(
        (bureau.administration.clone(), correspondent.clone()),
        (recipient.clone(), correspondent),
        purpose.clone(),
        now,
    );
    let cleared = match bureau.decision_point.clear(content::Disclosed::of(document), &request) {
        Ok(cleared) => cleared,
        Err(refused) => return Ok(Err(SendError::Withheld(refused.to_string()))),
    };
    let Some(body) = cleared.document().encode() else {
        let words = format!("clause `{}` withholds an element that a document must have", cleared.clause());
        return Ok(Err(SendError::Withheld(words)));
    };
    let message = messages::record(
        tx,
        &NewMessage {
            at: now,
            direction: Direction::Sent,
            from_party: bureau.administration.country().to_string(),
            to_party: recipient.country().to_string(),
            message_type: DOCUMENT,
            identification: "",
            correlation: None,
            movement: &subject,
            owner: "",
            cause: 0,
            outcome: outcome::QUEUED,
            body: &body,
        },
    )?;
    let letter = post::Cleared {
        terms: post::Terms::of(&cleared),
        message,
        channel: &channel,
        record_type: DOCUMENT,
        lane,
        expires: now.plus_seconds(expires_seconds),
        content: &body,
    };
    let message_id = post::enqueue(tx, bureau, &letter, now)?;
    binding::bind(tx, attachments, &recipient, message_id)?;
    let exchange_id = message_id.to_string();
    rows::insert(
        tx,
        &NewRow {
            message,
            direction: "sent",
            partner: &recipient,
            subject: &subject,
            purpose: purpose.as_str(),
            title: &title,
            media_type: &media_type,
            size,
            standing: Standing::Sent,
            author,
            expires: now.plus_seconds(expires_seconds),
        },
    )?;
    Ok(Ok(Sent { message, exchange_id, clause: cleared.clause().to_string() }))
}

/// Puts a document that a partner sent on record, open for an officer, and gives its number.
///
/// # Errors
/// When the store fails.
pub(crate) fn receive(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    manifest: &Manifest,
    (document, body): (&DocumentContent, &[u8]),
    now: Timestamp,
) -> Result<i64, StoreError> {
    let message = messages::record(
        tx,
        &NewMessage {
            at: now,
            direction: Direction::Received,
            from_party: manifest.from().country().to_string(),
            to_party: bureau.administration.country().to_string(),
            message_type: DOCUMENT,
            identification: "",
            correlation: None,
            movement: manifest.channel.subject(),
            owner: "",
            cause: 0,
            outcome: outcome::ACCEPTED,
            body,
        },
    )?;
    messages::set_exchange(tx, message, &manifest.clause, &manifest.message_id.to_string())?;
    rows::insert(
        tx,
        &NewRow {
            message,
            direction: "received",
            partner: manifest.from(),
            subject: manifest.channel.subject(),
            purpose: &manifest.purpose,
            title: &document.title,
            media_type: &document.media_type,
            size: document.content.len(),
            standing: Standing::Open,
            author: manifest.from().as_str(),
            expires: manifest.expires,
        },
    )?;
    Ok(message)
}

/// Notes at the sender what the recipient stated about a document of ours. A message that is none is left alone.
pub(crate) fn settle_sent(
    tx: &mut dyn Tx,
    exchange_id: &str,
    standing: Standing,
    words: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    if let Some(message) = rows::number(tx, exchange_id)? {
        rows::settle(tx, message, standing, words, at)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::rows;
    use crate::schema::MIGRATIONS;
    use store::{Execution, Location, Store};

    #[test]
    fn every_statement_is_prepared() {
        let location: Location = "memory:documents".parse().unwrap();
        let store = Store::open(&location, Execution::Inline, MIGRATIONS).unwrap();
        for (name, sql) in rows::STATEMENTS {
            store.prepare(sql).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}
