//! The way in: an envelope from a partner, taken in one transaction with everything that follows from it.

use crate::bureau::Bureau;
use crate::messages::{self, Direction, NewMessage, outcome};
use crate::proceeding::{Incoming, Origin, Proceeding, ProceedingError};
use agreements::{AgreementReference, Identifier, Label, Term};
use base::{Administration, Digest, Timestamp};
use evidence::{EvidenceError, Manifest, merkle::Frontier};
use exchange::{Arrival, Assessment, Environment, Found, InboxView, Opened, Reason, Receiver, Refusal};
use store::{StoreError, Tx, inbox, journal, log};
use wire::MessageType;

/// Why an envelope could not be taken. The partner gets no answer and tries again.
#[derive(Debug, thiserror::Error)]
pub enum ReceptionError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The proceeding that the message set off failed.
    #[error(transparent)]
    Proceeding(#[from] ProceedingError),
    /// The label of the data cannot be kept.
    #[error("cannot keep a label: {0}")]
    Label(#[from] serde_json::Error),
    /// The answer could not be made.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}

/// What to do with a message whose proceeding failed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// Take it.
    Proceed,
    /// Put it on record for an officer and receipt it, so that its channel goes on: this node failed on it.
    Hold,
}

/// A message that was proved and opened before the transaction starts, as if it were new and next in its channel. The
/// transaction looks whether it is.
pub struct Opening {
    opened: Opened,
    content: Incoming,
    label: Option<Label>,
}

/// Proves and opens an envelope, and reads the message in it: the costly part of a reception, which needs no state.
/// `None` when it is anything but a new message in order; the transaction then finds out what.
pub fn open(bureau: &Bureau, peer: &Administration, envelope: &[u8], now: Timestamp) -> Option<Opening> {
    let incoming = exchange::read_statement(envelope).ok()?;
    let as_next = InboxView { found: None, expected_sequence: incoming.manifest().sequence };
    let arrival = Arrival { peer, inbox: &as_next, now };
    match exchange::assess(&incoming, &receiver(bureau), bureau, &arrival).ok()? {
        Assessment::New(opened) => opening(bureau, *opened).ok(),
        _ => None,
    }
}

fn opening(bureau: &Bureau, opened: Opened) -> Result<Opening, Refusal> {
    let bytes = opened.parts.first().map(|part| part.content.clone()).unwrap_or_default();
    let content = Incoming::read(bytes);
    let label = admit(bureau, &opened, &content)?;
    Ok(Opening { opened, content, label })
}

/// Takes an envelope and returns the answer for the partner. `opening` is what [`open`] brought.
///
/// # Errors
/// When the store fails or this node cannot do what follows. Nothing has changed then.
pub fn receive(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    peer: &Administration,
    envelope: &[u8],
    opening: Option<Opening>,
    moment: (Timestamp, Handling),
) -> Result<Vec<u8>, ReceptionError> {
    let (now, handling) = moment;
    let receiver = receiver(bureau);
    let incoming = match exchange::read_statement(envelope) {
        Ok(incoming) => incoming,
        Err(refusal) => {
            tracing::warn!(%peer, %refusal, "refused an unreadable envelope");
            return Ok(exchange::refuse_unreadable(envelope, &refusal, &receiver, now)?);
        }
    };
    let found = inbox::find(tx, incoming.sender(), incoming.message_id())?;
    let channel = incoming.channel().to_string();
    let view = InboxView {
        found: found.map(|received| Found { digest: received.digest, response: received.receipt }),
        expected_sequence: u64::try_from(inbox::expected_sequence(tx, incoming.sender(), &channel)?)
            .unwrap_or(1),
    };
    if let Some(opening) = opening
        && view.found.is_none()
        && view.expected_sequence == opening.opened.manifest.sequence
    {
        return accept(tx, bureau, opening, now, handling);
    }
    let arrival = Arrival { peer, inbox: &view, now };
    match exchange::assess(&incoming, &receiver, bureau, &arrival)? {
        Assessment::New(opened) => match self::opening(bureau, *opened) {
            Ok(opening) => accept(tx, bureau, opening, now, handling),
            Err(refusal) => {
                tracing::warn!(%peer, %refusal, "refused a message under its agreement");
                let response = exchange::refuse(&incoming, &refusal, &receiver, now)?;
                enter(tx, incoming.manifest(), incoming.digest(), &response, now)?;
                Ok(response)
            }
        },
        Assessment::Repeat { response } => Ok(response),
        Assessment::Gap { expected, response } => {
            tracing::info!(%peer, channel, expected, "an earlier message of the channel is missing");
            Ok(response)
        }
        Assessment::Conflict { response } => {
            tracing::error!(%peer, message = %incoming.message_id(), "one identity for two messages: proof kept");
            keep_proof(tx, bureau, &channel, &response, now)?;
            Ok(response)
        }
        Assessment::Refused { refusal, response } => {
            tracing::warn!(%peer, %refusal, "refused a message");
            if refusal.reason.settles() {
                enter(tx, incoming.manifest(), incoming.digest(), &response, now)?;
            }
            Ok(response)
        }
    }
}

/// This node as the receiver of envelopes.
pub(crate) fn receiver(bureau: &Bureau) -> Receiver<'_> {
    Receiver {
        administration: &bureau.administration,
        keys: &bureau.identity.keys,
        environment: if bureau.exercise { Environment::Exercise } else { Environment::Production },
    }
}

/// Whether the agreement lets the sender give us this under the clause it names: the label that the data carries from
/// here on. What is no message at all has none; the proceeding answers it with CD917C.
fn admit(bureau: &Bureau, opened: &Opened, content: &Incoming) -> Result<Option<Label>, Refusal> {
    let manifest = &opened.manifest;
    let malformed = |invalid: base::Invalid| Refusal::new(Reason::ClauseUnknown, invalid);
    let Some(record_type) = content.message_type() else {
        return Ok(None);
    };
    let claimed = agreements::Incoming {
        sender: manifest.from().clone(),
        recipient: bureau.administration.clone(),
        agreement: AgreementReference {
            id: Identifier::parse(&manifest.agreement.id).map_err(malformed)?,
            version: manifest.agreement.version,
            hash: manifest.agreement.hash,
        },
        clause: Identifier::parse(&manifest.clause).map_err(malformed)?,
        purpose: Term::parse(&manifest.purpose).map_err(malformed)?,
        record_type: Identifier::parse(record_type.as_str()).map_err(malformed)?,
        on: manifest.created,
    };
    match bureau.decision_point.label_for(&claimed) {
        Ok(label) => Ok(Some(label)),
        Err(refused) => Err(Refusal::new(Reason::ContentRefused, refused)),
    }
}

fn accept(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    opening: Opening,
    now: Timestamp,
    handling: Handling,
) -> Result<Vec<u8>, ReceptionError> {
    let Opening { opened, content, label } = opening;
    let manifest = &opened.manifest;
    let message = match handling {
        Handling::Proceed => {
            let origin = Origin::Partner {
                administration: manifest.from().clone(),
                exchange_id: manifest.message_id.to_string(),
                clause: manifest.clause.clone(),
            };
            let actor = manifest.from().to_string();
            Proceeding::new(tx, bureau, now, &actor).take(origin, content)?.message
        }
        Handling::Hold => hold(tx, bureau, &opened, &content, now)?,
    };
    if let Some(label) = label {
        messages::set_label(tx, message, &serde_json::to_string(&label)?)?;
    }
    let mut frontier = load_frontier(tx)?;
    let appended = frontier.append(opened.leaf);
    log::append(tx, &opened.statement, opened.leaf, now)?;
    log::save_frontier(tx, &frontier.to_bytes())?;
    let response = exchange::acknowledge(&opened, &receiver(bureau), &appended, now)?;
    enter(tx, manifest, opened.digest, &response, now)?;
    Ok(response)
}

fn hold(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    opened: &Opened,
    content: &Incoming,
    now: Timestamp,
) -> Result<i64, ReceptionError> {
    let manifest = &opened.manifest;
    let message = messages::record(
        tx,
        &NewMessage {
            at: now,
            direction: Direction::Received,
            from_party: manifest.from().country().to_string(),
            to_party: bureau.administration.country().to_string(),
            message_type: content.message_type().map_or("unknown", MessageType::as_str),
            identification: "",
            correlation: None,
            movement: manifest.channel.subject(),
            owner: "",
            outcome: outcome::HELD,
            body: &content.xml,
        },
    )?;
    messages::set_exchange(tx, message, &manifest.clause, &manifest.message_id.to_string())?;
    Ok(message)
}

/// The frontier of the node's log.
pub(crate) fn load_frontier(tx: &mut dyn Tx) -> Result<Frontier, ReceptionError> {
    let bytes = log::load_frontier(tx)?;
    if bytes.is_empty() { Ok(Frontier::new()) } else { Ok(Frontier::from_bytes(&bytes)?) }
}

/// Enters a message in the inbox with the answer it got: a repeat gets the same bytes.
fn enter(
    tx: &mut dyn Tx,
    manifest: &Manifest,
    digest: Digest,
    response: &[u8],
    now: Timestamp,
) -> Result<(), ReceptionError> {
    Ok(inbox::record(
        tx,
        &inbox::Inbound {
            sender: manifest.from(),
            message_id: manifest.message_id,
            channel: &manifest.channel.to_string(),
            sequence: i64::try_from(manifest.sequence).unwrap_or(i64::MAX),
            digest,
            receipt: response,
            at: now,
        },
    )?)
}

/// Keeps a conflict proof in the journal, where an auditor finds it.
fn keep_proof(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    channel: &str,
    response: &[u8],
    now: Timestamp,
) -> Result<(), ReceptionError> {
    journal::append(
        tx,
        &journal::JournalEntry {
            stream: &format!("exchange/{channel}"),
            kind: "Conflict",
            at: now,
            salt: bureau.world.random(),
            body: response,
            facts: b"",
        },
    )?;
    Ok(())
}
