//! The way in: an envelope from a partner, taken in one transaction with everything that follows from it.

use crate::attachments::{self, Allowance, Arrived};
use crate::bureau::Bureau;
use crate::documents::{self, DOCUMENT, DOCUMENT_MEDIA, DOCUMENT_PART, DocumentContent};
use crate::failpoint;
use crate::incoming::Incoming;
use crate::messages::{self, Direction, NewMessage, outcome};
use crate::post::{PART, XML};
use crate::proceeding::{Origin, Proceeding, ProceedingError, is_transient};
use crate::proofs;
use crate::stages;
use crate::submission::Submission;
use crate::transparency::{LogError, inclusion_path, root_at};
use agreements::{AgreementReference, Identifier, Label, Term};
use base::{Administration, Digest, MessageId, Timestamp};
use evidence::merkle::{self, Appended, Frontier};
use evidence::{EvidenceError, Manifest};
use exchange::stages::{Decided, LaterStage};
use exchange::{
    Arrival, Assessment, Environment, Found, InboxView, Offer, Opened, Reason, Receiver, Refusal, Response,
};
use std::collections::BTreeSet;
use store::{StoreError, Tx, inbox, journal, log};

/// How far the clocks of two nodes may be apart.
const CLOCK_SKEW_SECONDS: i64 = 300;

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
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The answer could not be made.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}

impl ReceptionError {
    /// Whether trying again can help.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => is_transient(error),
            Self::Proceeding(error) => error.is_transient(),
            Self::Log(LogError::Store(error)) => is_transient(error),
            Self::Log(_) | Self::Label(_) | Self::Evidence(_) => false,
        }
    }
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
    /// The edition of the bureau that proved it.
    edition: u64,
    opened: Opened,
    content: Content,
    label: Option<Label>,
}

impl Opening {
    /// Whether letters or statements of ours may follow from it at once: from a message of transit that rooms decide on. A
    /// document waits for an officer.
    pub(crate) fn may_be_answered(&self) -> bool {
        matches!(self.content, Content::Transit(_))
    }
}

/// What a message holds.
enum Content {
    /// Nothing: a tombstone, in the place of a message whose time was over.
    Tombstone,
    /// A message of transit.
    Transit(Box<Incoming>),
    /// A document, with its encoding.
    Document(DocumentContent, Vec<u8>),
}

impl Content {
    /// Its type, as agreements name it. What is no message at all has none.
    fn record_type(&self) -> Option<&str> {
        match self {
            Self::Transit(message) => message.message_type().map(|kind| kind.as_str()),
            Self::Document(..) => Some(DOCUMENT),
            Self::Tombstone => None,
        }
    }

    /// The elements that it holds; none when it is not legible.
    fn paths(&self) -> BTreeSet<String> {
        match self {
            Self::Transit(message) => match &message.read {
                Ok(document) => document.leaf_paths().into_iter().map(|(path, _)| path).collect(),
                Err(_) => BTreeSet::new(),
            },
            Self::Document(..) => DocumentContent::element_paths().map(str::to_owned).collect(),
            Self::Tombstone => BTreeSet::new(),
        }
    }
}

/// Proves and opens an envelope, and reads the message in it: the costly part of a reception, which needs no state.
/// `None` when it is anything but a new message in order; the transaction then finds out what.
pub fn open(bureau: &Bureau, peer: &Administration, envelope: &[u8], now: Timestamp) -> Option<Opening> {
    let incoming = exchange::read_statement(envelope).ok()?;
    let as_next = InboxView { found: None, expected_sequence: incoming.manifest().sequence };
    let arrival = Arrival { peer, inbox: &as_next, now };
    match exchange::assess(&incoming, &receiver(bureau), bureau, &arrival).ok()? {
        Assessment::New(opened) => opening(bureau, *opened, now).ok(),
        _ => None,
    }
}

fn opening(bureau: &Bureau, opened: Opened, now: Timestamp) -> Result<Opening, Refusal> {
    if opened.manifest.is_tombstone() {
        let content = Content::Tombstone;
        return Ok(Opening { edition: bureau.edition, opened, content, label: None });
    }
    let [part] = opened.parts.as_slice() else {
        let detail = format!("a message of transit or a document has one part, not {}", opened.parts.len());
        return Err(Refusal::new(Reason::ContentRefused, detail));
    };
    if opened.manifest.created > now.plus_seconds(CLOCK_SKEW_SECONDS) {
        return Err(Refusal::new(Reason::ContentRefused, "it says that it was made in the future"));
    }
    let content = match (part.name.as_str(), part.media_type.as_str()) {
        (PART, XML) => Content::Transit(Box::new(Incoming::read(part.content.clone(), bureau, now))),
        (DOCUMENT_PART, DOCUMENT_MEDIA) => {
            let document = DocumentContent::decode(&part.content)
                .map_err(|error| Refusal::new(Reason::ContentRefused, error))?;
            Content::Document(document, part.content.clone())
        }
        _ => {
            let detail =
                format!("the part must be `{PART}` of `{XML}` or `{DOCUMENT_PART}` of `{DOCUMENT_MEDIA}`");
            return Err(Refusal::new(Reason::ContentRefused, detail));
        }
    };
    let label = admit(bureau, &opened, &content)?;
    Ok(Opening { edition: bureau.edition, opened, content, label })
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
    (moment, allowance): ((Timestamp, Handling), Allowance),
) -> Result<Vec<u8>, ReceptionError> {
    let (now, handling) = moment;
    // A key may have been withdrawn since it was proved. What was proved need not be read again.
    if let Some(opening) = opening
        && opening.edition == bureau.edition
    {
        let manifest = &opening.opened.manifest;
        let view = view(tx, manifest)?;
        if view.found.is_none() && view.expected_sequence == manifest.sequence {
            return accept(tx, bureau, opening, now, handling);
        }
    }
    let receiver = receiver(bureau);
    let incoming = match exchange::read_statement(envelope) {
        Ok(incoming) => incoming,
        Err(refusal) => {
            let code = refusal.reason.code();
            tracing::warn!(code, %peer, %refusal, "refused an unreadable envelope");
            return Ok(exchange::refuse_unreadable(envelope, &refusal, &receiver, now)?);
        }
    };
    let channel = incoming.channel().to_string();
    let view = view(tx, incoming.manifest())?;
    let arrival = Arrival { peer, inbox: &view, now };
    match exchange::assess(&incoming, &receiver, bureau, &arrival)? {
        Assessment::New(opened) => match self::opening(bureau, *opened, now) {
            Ok(opening) => accept(tx, bureau, opening, now, handling),
            Err(refusal) => refuse(tx, bureau, &incoming, envelope, (&refusal, now)),
        },
        Assessment::Offered(offer) => {
            let opening = match offered_document(bureau, &offer, now) {
                Ok(opening) => opening,
                Err(refusal) => return refuse(tx, bureau, &incoming, envelope, (&refusal, now)),
            };
            match attachments::take_up(tx, *offer, &allowance, now)? {
                Arrived::Wanted(wanted) => Ok(Response::Wanted(wanted).encode()),
                Arrived::Complete => accept(tx, bureau, opening, now, handling),
                Arrived::Refused(refusal) => refuse(tx, bureau, &incoming, envelope, (&refusal, now)),
                Arrived::Conflict(first) => {
                    tracing::error!(%peer, message = %incoming.message_id(), "one identity for two offers: proof kept");
                    let proof = exchange::prove_conflict(&incoming, first, &receiver, now)?;
                    let response = Response::Conflict(proof).encode();
                    keep_proof(tx, bureau, &incoming, (envelope, &response), now)?;
                    Ok(response)
                }
            }
        }
        Assessment::Repeat { response } => Ok(response),
        Assessment::Withdrawn { index } => {
            let size = u64::try_from(log::size(tx)?).unwrap_or_default();
            let (path, root) = (inclusion_path(tx, index, size)?, root_at(tx, size)?);
            let place = Appended { index, size, path, root };
            let response = exchange::acknowledge_again(&incoming, &receiver, &place, now)?;
            renew(tx, bureau, &incoming, &response, now)?;
            Ok(response)
        }
        Assessment::Renewed { response } => {
            renew(tx, bureau, &incoming, &response, now)?;
            Ok(response)
        }
        Assessment::Gap { expected, response } => {
            tracing::info!(%peer, channel, expected, "an earlier message of the channel is missing");
            Ok(response)
        }
        Assessment::Conflict { response } => {
            tracing::error!(%peer, message = %incoming.message_id(), "one identity for two messages: proof kept");
            keep_proof(tx, bureau, &incoming, (envelope, &response), now)?;
            Ok(response)
        }
        Assessment::Refused { refusal, response } => {
            let code = refusal.reason.code();
            tracing::warn!(code, %peer, %refusal, "refused a message");
            if refusal.reason.settles() {
                settle(tx, bureau, &incoming, envelope, (&refusal, &response, now))?;
            }
            Ok(response)
        }
    }
}

/// Gives an answer from now on in place of the first one, which was signed with a key that was revoked since. That one goes to
/// the journal (stream `renewed/SENDER/MESSAGE`), the new one beside it: it alone says when the message was received.
fn renew(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    incoming: &exchange::Incoming<'_>,
    response: &[u8],
    now: Timestamp,
) -> Result<(), ReceptionError> {
    let (sender, id) = (incoming.sender(), incoming.message_id());
    tracing::warn!(%sender, message = %id, "a message is answered anew: a key under the first answer was revoked");
    let first = inbox::find(tx, sender, id)?.map(|received| received.receipt).unwrap_or_default();
    journal::append(
        tx,
        &journal::JournalEntry {
            stream: &format!("renewed/{sender}/{id}"),
            kind: "Renewed",
            at: now,
            salt: bureau.world.random(),
            body: &first,
            facts: response,
        },
    )?;
    inbox::renew(tx, sender, id, response)?;
    let when = exchange::answered_at(&first).map(|at| format!(" of {at}")).unwrap_or_default();
    let words = format!(
        "message {id} of {sender} was answered anew, as a key under the first answer{when} was revoked; the journal has that"
    );
    Ok(messages::note(tx, now, "exchange", incoming.channel().subject(), "Renewed", &words)?)
}

/// The document of an offer; only a document has attachments.
fn offered_document(bureau: &Bureau, offer: &Offer, now: Timestamp) -> Result<Opening, Refusal> {
    let opening = opening(bureau, offer.opened().clone(), now)?;
    match opening.content {
        Content::Document(..) => Ok(opening),
        Content::Transit(_) | Content::Tombstone => {
            Err(Refusal::new(Reason::ContentRefused, "only a document has attachments"))
        }
    }
}

/// Refuses a message that was proved to be its sender's, and settles it when the reason does.
fn refuse(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    incoming: &exchange::Incoming<'_>,
    envelope: &[u8],
    (refusal, now): (&Refusal, Timestamp),
) -> Result<Vec<u8>, ReceptionError> {
    let code = refusal.reason.code();
    tracing::warn!(code, peer = %incoming.sender(), %refusal, "refused a message");
    let response = exchange::refuse(incoming, refusal, &receiver(bureau), now)?;
    if refusal.reason.settles() {
        settle(tx, bureau, incoming, envelope, (refusal, &response, now))?;
    }
    Ok(response)
}

/// Enters a refused message, whose number is used now; what came of its attachments is erased.
fn settle(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    incoming: &exchange::Incoming<'_>,
    envelope: &[u8],
    (refusal, response, now): (&Refusal, &[u8], Timestamp),
) -> Result<(), ReceptionError> {
    attachments::settled(tx, incoming.sender(), incoming.message_id())?;
    keep_refused(tx, bureau, incoming.manifest(), envelope, (refusal, now))?;
    enter(tx, incoming.manifest(), incoming.digest(), response, now)
}

/// What the inbox knows about a message.
fn view(tx: &mut dyn Tx, manifest: &Manifest) -> Result<InboxView, StoreError> {
    let found = inbox::find(tx, manifest.from(), manifest.message_id)?;
    let expected = inbox::expected_sequence(tx, manifest.from(), &manifest.channel.to_string())?;
    Ok(InboxView {
        found: found.map(|received| Found { digest: received.digest, response: received.receipt }),
        expected_sequence: u64::try_from(expected).unwrap_or(1),
    })
}

/// This node as the receiver of envelopes.
pub(crate) fn receiver(bureau: &Bureau) -> Receiver<'_> {
    Receiver {
        administration: &bureau.administration,
        keys: &bureau.identity.keys,
        environment: if bureau.exercise { Environment::Exercise } else { Environment::Production },
        fields: crate::fields::of,
    }
}

/// Whether the agreement lets the sender give us this under the clause it names: the label that the data carries from
/// here on. What is no message at all has none; the proceeding answers it with CD917C.
fn admit(bureau: &Bureau, opened: &Opened, content: &Content) -> Result<Option<Label>, Refusal> {
    let manifest = &opened.manifest;
    let malformed = |invalid: base::Invalid| Refusal::new(Reason::ClauseUnknown, invalid);
    let Some(record_type) = content.record_type() else {
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
        record_type: Identifier::parse(record_type).map_err(malformed)?,
        on: manifest.created,
    };
    let refused = |refused: agreements::Refused| Refusal::new(Reason::ContentRefused, refused);
    let label = bureau.decision_point.label_for(&claimed).map_err(refused)?;
    // More than the clause lets the sender give must not stay here.
    let excess = bureau.decision_point.excess(&claimed, &content.paths()).map_err(refused)?;
    if let Some(path) = excess.first() {
        let detail = format!("clause `{}` does not let `{path}` be given", manifest.clause);
        return Err(Refusal::new(Reason::ContentRefused, detail));
    }
    Ok(Some(label))
}

fn accept(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    opening: Opening,
    now: Timestamp,
    handling: Handling,
) -> Result<Vec<u8>, ReceptionError> {
    let Opening { opened, content, label, .. } = opening;
    let manifest = &opened.manifest;
    failpoint::pass("receive-before-effect");
    let message = match content {
        Content::Transit(message) => {
            let submission = proceed(tx, bureau, manifest, *message, (now, handling))?;
            if !submission.held {
                for stage in stages_of(&submission) {
                    stages::state(
                        tx,
                        bureau,
                        manifest.from(),
                        (manifest.message_id, opened.digest),
                        stage,
                        now,
                    )?;
                }
            }
            submission.message
        }
        Content::Document(document, body) => {
            documents::receive(tx, bureau, manifest, (&document, &body), now)?
        }
        Content::Tombstone => {
            let words = format!("{} withdrew a message whose time was over", manifest.from());
            messages::note(tx, now, "exchange", manifest.channel.subject(), "Withdrawn", &words)?;
            0
        }
    };
    failpoint::pass("receive-after-effect");
    if let Some(label) = label {
        messages::set_label(tx, message, &serde_json::to_string(&label)?)?;
    }
    let (place, appended) = append_to_log(tx, &opened.statement, now)?;
    if let Some(part) = opened.parts.first() {
        proofs::keep_received(tx, (message, &manifest.message_id), part.secret.as_bytes(), place)?;
    }
    failpoint::pass("receive-after-log");
    let response = exchange::acknowledge(&opened, &receiver(bureau), &appended, now)?;
    failpoint::pass("receive-before-inbox");
    enter(tx, manifest, opened.digest, &response, now)?;
    failpoint::pass("receive-before-commit");
    Ok(response)
}

/// Lets the rooms decide about a message of transit, or holds it for an officer, and gives its number on record.
fn proceed(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    manifest: &Manifest,
    message: Incoming,
    (now, handling): (Timestamp, Handling),
) -> Result<Submission, ProceedingError> {
    let origin = Origin::Partner {
        administration: manifest.from().clone(),
        exchange_id: manifest.message_id.to_string(),
        clause: manifest.clause.clone(),
    };
    let actor = manifest.from().to_string();
    let mut proceeding = Proceeding::new(tx, bureau, now, &actor);
    match handling {
        Handling::Proceed => proceeding.take(origin, message),
        Handling::Hold => proceeding.hold(origin, &message),
    }
}

/// What a partner is told of a message of transit: the office's record changed in the same moment, so what was accepted
/// has reached whom it was for.
pub(crate) fn stages_of(submission: &Submission) -> Vec<LaterStage> {
    if submission.accepted {
        vec![LaterStage::Decided(Decided::Accepted), LaterStage::Delivered]
    } else {
        vec![LaterStage::Decided(Decided::Rejected)]
    }
}

/// Enters a statement in our log, and gives its place.
pub(crate) fn enter_in_log(tx: &mut dyn Tx, statement: &[u8], now: Timestamp) -> Result<i64, ReceptionError> {
    append_to_log(tx, statement, now).map(|(place, _)| place)
}

/// Enters a statement in our log, and gives its place and what proves it there.
fn append_to_log(
    tx: &mut dyn Tx,
    statement: &[u8],
    now: Timestamp,
) -> Result<(i64, Appended), ReceptionError> {
    let leaf = merkle::leaf_hash(statement);
    let mut frontier = load_frontier(tx)?;
    let appended = frontier.append(leaf);
    let place = log::append(tx, statement, leaf, now)?;
    log::save_frontier(tx, &frontier.to_bytes())?;
    Ok((place, appended))
}

/// The frontier of the node's log.
fn load_frontier(tx: &mut dyn Tx) -> Result<Frontier, ReceptionError> {
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

/// Puts a message that was refused before any room saw it on record: its envelope, sealed as it came, and why.
fn keep_refused(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    manifest: &Manifest,
    envelope: &[u8],
    (refusal, now): (&Refusal, Timestamp),
) -> Result<(), ReceptionError> {
    let id = messages::record(
        tx,
        &NewMessage {
            at: now,
            direction: Direction::Received,
            from_party: manifest.from().country().to_string(),
            to_party: bureau.administration.country().to_string(),
            message_type: "sealed",
            identification: "",
            correlation: None,
            movement: manifest.channel.subject(),
            owner: "",
            cause: 0,
            outcome: outcome::REFUSED,
            body: envelope,
        },
    )?;
    messages::set_exchange(tx, id, &manifest.clause, &manifest.message_id.to_string())?;
    let words = format!("a message of {} was refused: {refusal}", manifest.from());
    Ok(messages::note(tx, now, "exchange", manifest.channel.subject(), "Refused", &words)?)
}

/// The journal's stream of the proof that a sender used an identity for two messages.
pub(crate) fn conflict_stream(sender: &Administration, message_id: MessageId) -> String {
    format!("conflict/{sender}/{message_id}")
}

/// Keeps a conflict proof in the journal, where an auditor finds it, with the statement that it is about. The first one
/// proves enough: later ones are answered and not kept, so that whoever sends them fills no disk here.
fn keep_proof(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    incoming: &exchange::Incoming<'_>,
    (envelope, response): (&[u8], &[u8]),
    now: Timestamp,
) -> Result<(), ReceptionError> {
    let stream = conflict_stream(incoming.sender(), incoming.message_id());
    if !journal::read(tx, &stream)?.is_empty() {
        return Ok(());
    }
    journal::append(
        tx,
        &journal::JournalEntry {
            stream: &stream,
            kind: "Conflict",
            at: now,
            salt: bureau.world.random(),
            body: response,
            facts: &crate::erasing::without_parts(envelope).unwrap_or_default(),
        },
    )?;
    Ok(())
}
