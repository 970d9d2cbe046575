//! The way out: a document leaves the administration only when a clause lets it, and then only by the outbox.

use crate::bureau::Bureau;
use crate::messages::{self, outcome};
use agreements::library::common_transit as terms;
use agreements::{Disclosable, Request, Term};
use base::{Administration, Invalid, MessageId, Timestamp};
use evidence::Channel;
use exchange::Lane;
use std::collections::BTreeSet;
use store::{StoreError, Tx, counter, outbox};
use wire::{Document, MessageType};

/// How long a letter is tried before it expires: longer than the longest outage that partners have announced.
pub(crate) const EXPIRY_SECONDS: i64 = 40 * 24 * 3600;

/// The media type of a message of NCTS.
pub const XML: &str = "application/xml";

/// The name of the one part that a message of transit has.
pub const PART: &str = "message";

/// Why a document could not be posted. A refusal of the agreement is no error: see [`Posted::Withheld`].
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A name is not what it must be.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// What the agreement let through is no message any more. The elements are not named: errors are logged, and what is
    /// withheld stays out of logs.
    #[error(
        "clause `{clause}` withholds what every {message_type} must have: add it to the clause's allow-list"
    )]
    Mutilated {
        /// The message.
        message_type: String,
        /// The clause.
        clause: String,
    },
    /// A fault of this program: something cleared for one administration was to go to another.
    #[error("the channel `{0}` does not lead to `{1}`, for which this was cleared")]
    Astray(String, Administration),
    /// The record of the decision cannot be kept.
    #[error("cannot keep the record of a decision: {0}")]
    Record(#[from] serde_json::Error),
}

/// What became of a document on its way out.
pub enum Posted {
    /// It is in the outbox.
    Queued,
    /// No clause lets it leave; the words say why.
    Withheld(String),
}

/// A message of transit as agreements see it.
struct Disclosed(Document);

impl Disclosable for Disclosed {
    fn record_type(&self) -> &str {
        self.0.message().as_str()
    }

    fn paths(&self) -> Vec<String> {
        let paths: BTreeSet<String> = self.0.leaf_paths().into_iter().map(|(path, _)| path).collect();
        paths.into_iter().collect()
    }

    fn project(mut self, permitted: &dyn Fn(&str) -> bool) -> Self {
        self.0.retain(permitted);
        self
    }
}

/// The office that writes a letter, as a party to the movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The office of departure.
    Departure,
    /// An office of transit.
    Transit,
    /// The office of destination.
    Destination,
    /// The office of guarantee.
    Guarantee,
}

impl Writer {
    fn role(self) -> &'static str {
        match self {
            Self::Departure => terms::DEPARTURE,
            Self::Transit => terms::TRANSIT,
            Self::Destination => terms::DESTINATION,
            Self::Guarantee => terms::GUARANTEE,
        }
    }
}

/// The roles of sender and recipient and the purpose of a message between administrations, in the terms of the
/// corridor's agreement.
///
/// `None` for a message that administrations do not send each other.
fn terms_of(
    document: &Document,
    writer: Writer,
    recipient: &Administration,
) -> Option<(&'static str, &'static str, &'static str)> {
    use MessageType::{
        CD001C, CD006C, CD010C, CD018C, CD024C, CD050C, CD118C, CD203C, CD204C, CD205C, CD209C, CD906C,
        CD917C,
    };
    // A cancellation or forwarded arrival goes to every holder of a record: destination is told by its office.
    let declared = document.text("CustomsOfficeOfDestinationDeclared/referenceNumber");
    let to_destination = declared.and_then(|office| office.get(..2)) == Some(recipient.country().as_str());
    let holder = if to_destination { terms::DESTINATION } else { terms::TRANSIT };
    Some(match document.message() {
        CD001C => (terms::DEPARTURE, terms::DESTINATION, terms::TRANSIT_CONTROL),
        CD050C => (terms::DEPARTURE, terms::TRANSIT, terms::TRANSIT_CONTROL),
        CD010C | CD024C => (terms::DEPARTURE, holder, terms::TRANSIT_CONTROL),
        CD118C => (terms::TRANSIT, terms::DEPARTURE, terms::TRANSIT_CONTROL),
        CD006C | CD018C => (terms::DESTINATION, terms::DEPARTURE, terms::TRANSIT_CONTROL),
        CD203C | CD204C | CD209C => (terms::DEPARTURE, terms::GUARANTEE, terms::GUARANTEE_MANAGEMENT),
        CD205C => (terms::GUARANTEE, terms::DEPARTURE, terms::GUARANTEE_MANAGEMENT),
        CD906C | CD917C => {
            // An error is told to the office that made it: departure, unless departure itself tells.
            let to = if writer == Writer::Departure { terms::DESTINATION } else { terms::DEPARTURE };
            (writer.role(), to, terms::ERROR_HANDLING)
        }
        _ => return None,
    })
}

/// The channel of a message: one per recipient and movement, so that a movement's messages arrive in order and
/// movements never wait for each other.
fn subject(document: &Document) -> String {
    let mrn = ["TransitOperation/MRN", "Header/MRN"].into_iter().find_map(|path| document.text(path));
    mrn.map_or_else(|| "none".to_owned(), str::to_owned)
}

/// Clears a document for a partner and puts it in the outbox.
///
/// The decision is recorded in either case, under the number `message` of the message on record.
///
/// # Errors
/// When the store fails, or the agreement leaves so little of the message that it is none any more.
pub fn post(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    recipient: &Administration,
    (message, writer): (i64, Writer),
    document: Document,
    now: Timestamp,
) -> Result<Posted, PostError> {
    let kind = document.message().as_str();
    let Some((from_role, to_role, purpose)) = terms_of(&document, writer, recipient) else {
        let words = format!("{kind} is no message between administrations");
        note(tx, message, recipient, now, "", outcome::WITHHELD, &serde_json::json!({ "reason": words }))?;
        return Ok(Posted::Withheld(words));
    };
    let request = Request::automatic(
        (bureau.administration.clone(), Term::parse(from_role)?),
        (recipient.clone(), Term::parse(to_role)?),
        Term::parse(purpose)?,
        now,
    );
    match bureau.decision_point.clear(Disclosed(document), &request) {
        Ok(cleared) => {
            enqueue_transit(tx, bureau, message, &cleared, now)?;
            Ok(Posted::Queued)
        }
        Err(refused) => {
            let clause = refused.clause.as_ref().map(ToString::to_string).unwrap_or_default();
            let record = serde_json::to_value(&refused.record)?;
            note(tx, message, recipient, now, &clause, outcome::WITHHELD, &record)?;
            Ok(Posted::Withheld(refused.to_string()))
        }
    }
}

/// The letter that a cleared message of transit becomes.
fn enqueue_transit(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    message: i64,
    cleared: &agreements::Cleared<Disclosed>,
    now: Timestamp,
) -> Result<(), PostError> {
    let document = &cleared.document().0;
    let kind = document.message().as_str();
    let content = wire::write(document).map_err(|_| PostError::Mutilated {
        message_type: kind.to_owned(),
        clause: cleared.clause().to_string(),
    })?;
    let channel =
        Channel::new(bureau.administration.clone(), cleared.recipient().clone(), &subject(document))?;
    let letter = Cleared {
        terms: Terms::of(cleared),
        message,
        channel: &channel,
        record_type: kind,
        lane: lane(document.message()),
        expires: now.plus_seconds(EXPIRY_SECONDS),
        content: &content,
    };
    enqueue(tx, bureau, &letter, now).map(drop)
}

/// The terms on which something was cleared. They are taken from [`agreements::Cleared`] and from nowhere else, so there
/// is no way into the outbox but through the decision point.
pub(crate) struct Terms<'c> {
    recipient: &'c Administration,
    clause: String,
    purpose: String,
    agreement: &'c agreements::AgreementReference,
    record: &'c agreements::DecisionRecord,
}

impl<'c> Terms<'c> {
    /// The terms of a cleared document.
    pub(crate) fn of<T>(cleared: &'c agreements::Cleared<T>) -> Self {
        Self {
            recipient: cleared.recipient(),
            clause: cleared.clause().to_string(),
            purpose: cleared.purpose().to_string(),
            agreement: cleared.agreement(),
            record: cleared.record(),
        }
    }
}

/// Something that was cleared, encoded and on record, ready for the outbox.
pub(crate) struct Cleared<'c> {
    /// On which terms.
    pub(crate) terms: Terms<'c>,
    /// The number of the message on record.
    pub(crate) message: i64,
    /// Its channel, which leads to the recipient for whom it was cleared.
    pub(crate) channel: &'c Channel,
    /// The type of record.
    pub(crate) record_type: &'c str,
    /// How urgent it is.
    pub(crate) lane: Lane,
    /// When it stops being worth sending.
    pub(crate) expires: Timestamp,
    /// The encoded content.
    pub(crate) content: &'c [u8],
}

/// Puts something that was cleared in the outbox, records the decision, and gives its identity between nodes.
///
/// # Errors
/// When the store fails.
pub(crate) fn enqueue(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    letter: &Cleared<'_>,
    now: Timestamp,
) -> Result<MessageId, PostError> {
    let terms = &letter.terms;
    if letter.channel.recipient() != terms.recipient {
        return Err(PostError::Astray(letter.channel.to_string(), terms.recipient.clone()));
    }
    let id = MessageId::new(now, bureau.world.random());
    let channel = letter.channel.to_string();
    let sequence = outbox::next_sequence(tx, &channel)?;
    outbox::enqueue(
        tx,
        &outbox::Letter {
            message_id: id,
            recipient: terms.recipient,
            channel: &channel,
            sequence,
            clause: &terms.clause,
            purpose: &terms.purpose,
            agreement: &serde_json::to_string(terms.agreement)?,
            message_type: letter.record_type,
            lane: letter.lane.code(),
            created: now,
            expires: letter.expires,
            cleared: letter.content,
        },
    )?;
    messages::set_exchange(tx, letter.message, &terms.clause, &id.to_string())?;
    let record = serde_json::to_value(terms.record)?;
    note(tx, letter.message, terms.recipient, now, &terms.clause, "cleared", &record)?;
    Ok(id)
}

/// Errors and cancellations overtake the rest: someone waits for them at a barrier.
fn lane(kind: MessageType) -> Lane {
    match kind {
        MessageType::CD010C | MessageType::CD906C | MessageType::CD917C => Lane::Urgent,
        _ => Lane::Normal,
    }
}

fn note(
    tx: &mut dyn Tx,
    message: i64,
    recipient: &Administration,
    now: Timestamp,
    clause: &str,
    result: &str,
    record: &serde_json::Value,
) -> Result<(), PostError> {
    let id = counter::next(tx, "decisions")?;
    tx.execute(
        "INSERT INTO decisions (id, at, message, recipient, clause, outcome, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            id.into(),
            now.into(),
            message.into(),
            recipient.as_str().into(),
            clause.into(),
            result.into(),
            record.to_string().into_bytes().into(),
        ],
    )?;
    Ok(())
}
