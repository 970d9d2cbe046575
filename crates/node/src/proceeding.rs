//! One message or decision, from its arrival to everything that follows from it, in one transaction.
//!
//! What comes in is put on record first, whatever it is. Then the room that it concerns decides; the letters that
//! follow are rendered, cleared by an agreement when they leave the administration, and put in the outbox. Letters to
//! our own administration are handed to the next room at once, so that a movement whose offices are all ours needs no
//! network.

use crate::bridge;
use crate::bureau::Bureau;
use crate::incoming::Incoming;
use crate::messages::{self, Direction, NewMessage, Said, outcome};
use crate::nack::{AnswerHeader, functional_nack, xml_rejection};
use crate::post::PostError;
use crate::principals::Principal;
use crate::room::RoomError;
use crate::submission::malformed;
pub(crate) use crate::submission::refused;
pub use crate::submission::{Submission, SubmissionError};
use base::{Administration, Timestamp};
use customs::{FunctionalError, Refusal};
use std::collections::VecDeque;
use std::sync::Arc;
use store::{StoreError, Tx, counter};
use wire::{Document, MessageType, Rejection};

/// How many letters one message may cause inside the administration. The longest legal chain has six; a loop between
/// rooms would be a fault of ours, and must not take the node down.
const CHAIN_LIMIT: usize = 64;

/// The messages that have a rejection of their own: CC056C from departure (CL560), CC057C from destination (CL570). Any
/// other that a trader sends is answered with CC906C.
const REJECTED_BY_OFFICES: [MessageType; 6] = [
    MessageType::CC007C,
    MessageType::CC013C,
    MessageType::CC014C,
    MessageType::CC015C,
    MessageType::CC044C,
    MessageType::CC170C,
];

/// Where a message comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A trader.
    Trader(Principal),
    /// A partner, by an envelope of the exchange.
    Partner {
        /// Whose node sent it.
        administration: Administration,
        /// Its identity in the exchange.
        exchange_id: String,
        /// The clause under which it came.
        clause: String,
    },
    /// Another room of this administration.
    Own,
}

/// Why a proceeding could not be carried out. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ProceedingError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A room could not be run.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// A letter could not be put in the outbox.
    #[error(transparent)]
    Post(#[from] PostError),
    /// What became of a message cannot be kept.
    #[error("cannot keep what became of a message: {0}")]
    Keep(#[from] serde_json::Error),
    /// A letter could not be rendered as a message.
    #[error("cannot write the {message_type} that follows: {reason}")]
    Render {
        /// The message that was to be written.
        message_type: String,
        /// Why not.
        reason: String,
    },
    /// Rooms kept writing to each other.
    #[error("more than {CHAIN_LIMIT} letters followed from one message")]
    Chain,
}

impl ProceedingError {
    /// Whether trying again can help: the store was away, and nothing is wrong with the message or this node.
    pub(crate) fn is_transient(&self) -> bool {
        let error = match self {
            Self::Store(error)
            | Self::Room(RoomError::Store(error))
            | Self::Post(PostError::Store(error)) => error,
            _ => return false,
        };
        is_transient(error)
    }
}

/// Whether a failure of the store passes by itself.
pub(crate) fn is_transient(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unavailable { .. }
            | StoreError::Overloaded { .. }
            | StoreError::Commit { .. }
            | StoreError::Full { .. }
            | StoreError::Closed
    )
}

/// A proceeding under way.
pub struct Proceeding<'a> {
    tx: &'a mut dyn Tx,
    bureau: &'a Bureau,
    now: Timestamp,
    actor: String,
    internal: VecDeque<(i64, Arc<Document>)>,
    remembered: Option<(&'static str, String, Arc<Document>)>,
    chain: usize,
}

/// What set a proceeding off.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    /// Where it came from.
    pub(crate) origin: Origin,
    /// The number of the message on record; 0 for an officer's decision or a timer.
    pub(crate) message: i64,
    /// Its sender's identification, which answers correlate with.
    pub(crate) identification: Option<String>,
    /// The name in its header to which answers are addressed.
    pub(crate) sender: String,
    /// Its content, when it was legible.
    pub(crate) document: Option<Arc<Document>>,
}

impl Cause {
    /// An officer's decision, or a timer of this administration.
    pub(crate) fn internal() -> Self {
        Self { origin: Origin::Own, message: 0, identification: None, sender: String::new(), document: None }
    }

    fn of(origin: Origin, incoming: &Incoming) -> Self {
        let (document, header) = match &incoming.read {
            Ok(document) => (Some(Arc::clone(document)), document.header()),
            Err(rejection) => (None, rejection.header.as_ref().clone()),
        };
        let sender = header.sender.unwrap_or_default();
        Self { origin, message: 0, identification: header.identification, sender, document }
    }

    /// The trader who sent it; empty when none did.
    pub(crate) fn owner(&self) -> &str {
        match &self.origin {
            Origin::Trader(principal) => &principal.name,
            Origin::Partner { .. } | Origin::Own => "",
        }
    }

    /// Whose identifications must not repeat: a trader's own, an administration's own.
    fn party(&self, own: &Administration) -> String {
        match &self.origin {
            Origin::Trader(principal) => format!("trader {}", principal.name),
            Origin::Partner { administration, .. } => administration.to_string(),
            Origin::Own => own.to_string(),
        }
    }
}

impl<'a> Proceeding<'a> {
    /// A proceeding in a transaction, set off by `actor`.
    pub fn new(tx: &'a mut dyn Tx, bureau: &'a Bureau, now: Timestamp, actor: &str) -> Self {
        let actor = actor.to_owned();
        Self { tx, bureau, now, actor, internal: VecDeque::new(), remembered: None, chain: 0 }
    }

    pub(crate) fn actor(&self) -> &str {
        &self.actor
    }

    pub(crate) fn tx(&mut self) -> &mut dyn Tx {
        self.tx
    }

    pub(crate) fn bureau(&self) -> &'a Bureau {
        self.bureau
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The document of a case, if it was the last one that was used.
    pub(crate) fn remembered(&self, room: &str, key: &str) -> Option<Arc<Document>> {
        let (of_room, of_key, document) = self.remembered.as_ref()?;
        (*of_room == room && of_key == key).then(|| Arc::clone(document))
    }

    /// Remembers the document of a case.
    pub(crate) fn remember(&mut self, room: &'static str, key: &str, document: Arc<Document>) {
        self.remembered = Some((room, key.to_owned(), document));
    }

    /// Leaves a message for another room of ours, to be taken when this one is done.
    pub(crate) fn hand_over(&mut self, message: i64, document: Arc<Document>) {
        self.internal.push_back((message, document));
    }

    /// Takes a message, and everything that follows from it inside this administration.
    ///
    /// # Errors
    /// When the store fails, or this node cannot do what follows. A message that is refused is no error.
    pub fn take(&mut self, origin: Origin, incoming: Incoming) -> Result<Submission, ProceedingError> {
        let mut cause = Cause::of(origin, &incoming);
        let (party, name) = (cause.party(&self.bureau.administration), incoming.name());
        let said = messages::said_before(self.tx, &party, &name, &incoming.digest)?;
        if let Said::Same { message, result } = said {
            return repeat(message, result.as_deref());
        }
        cause.message = self.record_received(&cause, &incoming, outcome::ACCEPTED)?;
        let refused = match said {
            Said::Other(first) => Some(duplicate(&incoming, first)),
            _ => {
                messages::note_said(self.tx, &party, &name, &incoming.digest, cause.message)?;
                None
            }
        };
        let submission = self.answer(&cause, &incoming, refused)?;
        self.finish()?;
        if matches!(said, Said::New) {
            messages::keep_result(self.tx, cause.message, &serde_json::to_vec(&submission)?)?;
        }
        Ok(submission)
    }

    /// Puts a message on which this node failed on record, for an officer.
    ///
    /// # Errors
    /// When the store fails.
    pub fn hold(&mut self, origin: Origin, incoming: &Incoming) -> Result<Submission, ProceedingError> {
        let mut cause = Cause::of(origin, incoming);
        let (party, name) = (cause.party(&self.bureau.administration), incoming.name());
        let said = messages::said_before(self.tx, &party, &name, &incoming.digest)?;
        cause.message = self.record_received(&cause, incoming, outcome::HELD)?;
        let submission = Submission::held(cause.message);
        if matches!(said, Said::New) {
            messages::note_said(self.tx, &party, &name, &incoming.digest, cause.message)?;
            messages::keep_result(self.tx, cause.message, &serde_json::to_vec(&submission)?)?;
        }
        Ok(submission)
    }

    /// Takes a message again that was held: it is on record already.
    ///
    /// # Errors
    /// As [`Proceeding::take`].
    pub fn take_again(
        &mut self,
        message: i64,
        origin: Origin,
        incoming: &Incoming,
    ) -> Result<Submission, ProceedingError> {
        let cause = Cause { message, ..Cause::of(origin, incoming) };
        let submission = self.answer(&cause, incoming, None)?;
        self.finish()?;
        messages::keep_result(self.tx, message, &serde_json::to_vec(&submission)?)?;
        Ok(submission)
    }

    fn answer(
        &mut self,
        cause: &Cause,
        incoming: &Incoming,
        refused: Option<Vec<FunctionalError>>,
    ) -> Result<Submission, ProceedingError> {
        let mut submission = match &incoming.read {
            Err(rejection) => self.reject_structure(cause, rejection)?,
            Ok(document) => {
                let at_gate = match refused {
                    Some(errors) => Some(errors),
                    None => self.gate(cause, document, &incoming.codes)?,
                };
                match at_gate {
                    Some(errors) => self.refuse_at_gate(cause, document, errors)?,
                    None => self.conduct(cause, document)?,
                }
            }
        };
        submission.not_checked.clone_from(&incoming.codes.not_loaded);
        messages::set_outcome(self.tx, cause.message, submission.outcome())?;
        Ok(submission)
    }

    /// Carries out what the rooms have written to each other.
    pub(crate) fn finish(&mut self) -> Result<(), ProceedingError> {
        while let Some((message, document)) = self.internal.pop_front() {
            self.chain += 1;
            if self.chain > CHAIN_LIMIT {
                return Err(ProceedingError::Chain);
            }
            let header = document.header();
            let cause = Cause {
                origin: Origin::Own,
                message,
                identification: header.identification,
                sender: header.sender.unwrap_or_default(),
                document: Some(Arc::clone(&document)),
            };
            let submission = self.conduct(&cause, &document)?;
            if !submission.accepted {
                messages::set_outcome(self.tx, message, outcome::REJECTED)?;
            }
        }
        Ok(())
    }

    fn record_received(
        &mut self,
        cause: &Cause,
        incoming: &Incoming,
        result: &str,
    ) -> Result<i64, ProceedingError> {
        let from_party = match &cause.origin {
            Origin::Trader(_) => "trader".to_owned(),
            Origin::Partner { administration, .. } => administration.country().to_string(),
            Origin::Own => self.bureau.administration.country().to_string(),
        };
        let correlation = cause.document.as_ref().and_then(|document| document.text("correlationIdentifier"));
        // Of a partner's message the movement is known by its channel; a trader's is filed when its case is found.
        let movement = match &cause.origin {
            Origin::Trader(_) => None,
            Origin::Partner { .. } | Origin::Own => cause.document.as_deref().and_then(named_mrn),
        };
        let message = messages::record(
            self.tx,
            &NewMessage {
                at: self.now,
                direction: Direction::Received,
                from_party,
                to_party: self.bureau.administration.country().to_string(),
                message_type: incoming.message_type().map_or("unknown", MessageType::as_str),
                identification: cause.identification.as_deref().unwrap_or_default(),
                correlation,
                movement: movement.unwrap_or_default(),
                owner: cause.owner(),
                cause: 0,
                outcome: result,
                body: &incoming.xml,
            },
        )?;
        if let Origin::Partner { exchange_id, clause, .. } = &cause.origin {
            messages::set_exchange(self.tx, message, clause, exchange_id)?;
        }
        Ok(message)
    }

    /// A message that does not follow its structure is answered with CC917C or CD917C.
    fn reject_structure(
        &mut self,
        cause: &Cause,
        rejection: &Rejection,
    ) -> Result<Submission, ProceedingError> {
        let mut submission = malformed(cause.message, rejection);
        // Never a rejection of a rejection: two nodes would answer each other for ever (G0085).
        if matches!(rejection.message, Some(MessageType::CD906C | MessageType::CD917C)) {
            return Ok(submission);
        }
        let kind = match &cause.origin {
            Origin::Trader(_) => MessageType::CC917C,
            Origin::Partner { .. } | Origin::Own => MessageType::CD917C,
        };
        let identification = self.next_identification()?;
        let recipient = self.answer_address(cause);
        let header = AnswerHeader {
            sender: &self.bureau.administration,
            recipient: &recipient,
            now: self.now,
            identification: &identification,
            correlation: cause.identification.as_deref(),
        };
        let answer = xml_rejection(kind, rejection, &header);
        submission.replies.push((self.send(cause, &answer)?, kind.as_str().to_owned()));
        Ok(submission)
    }

    /// The name to which an answer is addressed: as the sender gave it, or what we know of it.
    fn answer_address(&self, cause: &Cause) -> String {
        match &cause.origin {
            Origin::Partner { administration, .. } => administration.to_string(),
            Origin::Own => self.bureau.administration.to_string(),
            Origin::Trader(principal) => {
                let legible = (1..=35).contains(&cause.sender.chars().count());
                let name = if legible { &cause.sender } else { &principal.name };
                name.chars().take(35).collect()
            }
        }
    }

    /// The identification of the next message of this administration: country and twelve digits, within the 14
    /// characters to which T1120 restricts it for older partners.
    pub(crate) fn next_identification(&mut self) -> Result<String, ProceedingError> {
        let number = counter::next(self.tx, "identifications")?;
        Ok(format!("{}{number:012}", self.bureau.administration.country()))
    }

    fn refuse_at_gate(
        &mut self,
        cause: &Cause,
        document: &Document,
        errors: Vec<FunctionalError>,
    ) -> Result<Submission, ProceedingError> {
        let kind = document.message();
        let refusal = Refusal::invalid(kind.as_str(), errors);
        if matches!(cause.origin, Origin::Trader(_)) && !REJECTED_BY_OFFICES.contains(&kind) {
            let identification = self.next_identification()?;
            let recipient = self.answer_address(cause);
            let header = AnswerHeader {
                sender: &self.bureau.administration,
                recipient: &recipient,
                now: self.now,
                identification: &identification,
                correlation: cause.identification.as_deref(),
            };
            let answer = functional_nack(document, &refusal.errors, &header);
            let mut submission = refused(cause.message, "", &refusal);
            submission.replies.push((self.send(cause, &answer)?, MessageType::CC906C.as_str().to_owned()));
            return Ok(submission);
        }
        let sender = self.answering_administration(cause);
        let answer = bridge::rejection(document, &refusal, sender, self.now);
        let mut submission = refused(cause.message, "", &refusal);
        if let Some(letter) = answer {
            submission.replies.extend(self.render_and_send(cause, &letter)?);
        }
        Ok(submission)
    }

    /// Finds the rooms that a message concerns, and lets them decide.
    fn conduct(&mut self, cause: &Cause, document: &Arc<Document>) -> Result<Submission, ProceedingError> {
        match bridge::inbound(document) {
            Ok(inbound) => self.decide(cause, inbound, Some(document)),
            Err(errors) => self.refuse_at_gate(cause, document, errors),
        }
    }
}

/// The answer to a message that was said before, word for word: the first answer again, and no second effect.
fn repeat(message: i64, result: Option<&[u8]>) -> Result<Submission, ProceedingError> {
    let kept = result.map(serde_json::from_slice).transpose()?;
    Ok(kept.unwrap_or_else(|| Submission::noted(message)))
}

/// Error 26: the identification was used before, for another message.
fn duplicate(incoming: &Incoming, first: i64) -> Vec<FunctionalError> {
    tracing::info!(first, "an identification was used again for another message");
    let Ok(document) = &incoming.read else { return Vec::new() };
    let pointer = format!("/{}/messageIdentification", document.message().as_str());
    let value = document.text("messageIdentification");
    vec![FunctionalError::new(pointer, customs::ErrorCode::Duplicate, "R0008", value)]
}

/// The MRN that a message names.
fn named_mrn(document: &Document) -> Option<&str> {
    ["TransitOperation/MRN", "Header/MRN"].into_iter().find_map(|path| document.text(path))
}
