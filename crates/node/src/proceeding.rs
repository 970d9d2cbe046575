//! One message or decision, from its arrival to everything that follows from it, in one transaction.
//!
//! What comes in is put on record first, whatever it is. Then the room that it concerns decides; the letters that
//! follow are rendered, cleared by an agreement when they leave the administration, and put in the outbox. Letters to
//! our own administration are handed to the next room at once, so that a movement whose offices are all ours needs no
//! network.

use crate::bridge;
use crate::bureau::Bureau;
use crate::messages::{self, Direction, NewMessage, Said, outcome};
use crate::nack::{AnswerHeader, xml_rejection};
use crate::post::PostError;
use crate::principals::Principal;
use crate::reference::Lists;
use crate::room::RoomError;
use base::{Administration, Digest, Timestamp};
use customs::{FunctionalError, Refusal};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use store::{StoreError, Tx, counter};
use wire::{Document, MessageType, Rejection};

/// How many letters one message may cause inside the administration. The longest legal chain has six; a loop between
/// rooms would be a fault of ours, and must not take the node down.
const CHAIN_LIMIT: usize = 64;

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

/// What became of a message or decision.
#[derive(Clone, Debug, Default)]
pub struct Submission {
    /// The number of the message on record; 0 for a decision.
    pub message: i64,
    /// The movement, by MRN when it has one.
    pub movement: String,
    /// Whether it had its effect.
    pub accepted: bool,
    /// The messages that answer it.
    pub replies: Vec<(i64, String)>,
    /// What was wrong, one entry an error.
    pub errors: Vec<SubmissionError>,
    /// What was wrong, in words.
    pub words: String,
    /// Code lists that are not loaded here, so that nothing was checked against them.
    pub not_checked: BTreeSet<String>,
}

/// One error of a rejected message, in the terms of the answering message.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SubmissionError {
    /// The line, for an error of structure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column, for an error of structure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// XPath of the element.
    pub pointer: String,
    /// The code: CL030 for structure, CL180 for rules.
    pub code: String,
    /// The rule, or what is wrong.
    pub reason: String,
    /// The value that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
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

/// A message as it came, read before the transaction starts.
pub struct Incoming {
    /// Its bytes.
    pub xml: Vec<u8>,
    /// Its digest.
    pub digest: Digest,
    /// What reading it brought.
    pub read: Result<Document, Rejection>,
}

impl Incoming {
    /// Reads a message.
    pub fn read(xml: Vec<u8>) -> Self {
        let read = wire::read(&xml, &wire::Limits::default());
        Self { digest: evidence::digest_of(&xml), read, xml }
    }

    /// The message that its root element names, if it names one.
    pub fn message_type(&self) -> Option<MessageType> {
        match &self.read {
            Ok(document) => Some(document.message()),
            Err(rejection) => rejection.message,
        }
    }
}

/// A proceeding under way.
pub struct Proceeding<'a> {
    tx: &'a mut dyn Tx,
    bureau: &'a Bureau,
    now: Timestamp,
    actor: String,
    internal: VecDeque<(i64, Document)>,
    remembered: Option<(&'static str, String, Arc<Document>)>,
    chain: usize,
}

/// The message that a proceeding answers.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    /// Where it came from.
    pub(crate) origin: Origin,
    /// Its type; none for an officer or a timer.
    pub(crate) message_type: Option<MessageType>,
    /// Its sender's identification, which answers correlate with.
    pub(crate) identification: Option<String>,
    /// The name in its header to which answers are addressed.
    pub(crate) sender: String,
    /// Its content, when it was legible.
    pub(crate) document: Option<Document>,
}

impl Cause {
    /// An officer's decision, or a timer of this administration.
    pub(crate) fn internal() -> Self {
        Self {
            origin: Origin::Own,
            message_type: None,
            identification: None,
            sender: String::new(),
            document: None,
        }
    }

    fn owner(&self) -> &str {
        match &self.origin {
            Origin::Trader(principal) => &principal.name,
            Origin::Partner { .. } | Origin::Own => "",
        }
    }

    /// The administration that answers for the message; none when a trader does.
    fn administration(&self, own: &Administration) -> Option<Administration> {
        match &self.origin {
            Origin::Trader(_) => None,
            Origin::Partner { administration, .. } => Some(administration.clone()),
            Origin::Own => Some(own.clone()),
        }
    }
}

impl<'a> Proceeding<'a> {
    /// A proceeding in a transaction, set off by `actor`.
    pub fn new(tx: &'a mut dyn Tx, bureau: &'a Bureau, now: Timestamp, actor: &str) -> Self {
        Self {
            tx,
            bureau,
            now,
            actor: actor.to_owned(),
            internal: VecDeque::new(),
            remembered: None,
            chain: 0,
        }
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
    pub(crate) fn hand_over(&mut self, message: i64, document: Document) {
        self.internal.push_back((message, document));
    }

    /// Takes a message, and everything that follows from it inside this administration.
    ///
    /// # Errors
    /// When the store fails, or this node cannot do what follows. A message that is refused is no error.
    pub fn take(&mut self, origin: Origin, incoming: Incoming) -> Result<Submission, ProceedingError> {
        let submission = self.take_one(origin, incoming)?;
        self.finish()?;
        Ok(submission)
    }

    /// Carries out what the rooms have written to each other.
    pub(crate) fn finish(&mut self) -> Result<(), ProceedingError> {
        while let Some((message, document)) = self.internal.pop_front() {
            self.chain += 1;
            if self.chain > CHAIN_LIMIT {
                return Err(ProceedingError::Chain);
            }
            let cause = self.cause(Origin::Own, &document);
            let submission = self.conduct(&cause, message, &document)?;
            if !submission.accepted {
                messages::set_outcome(self.tx, message, outcome::REJECTED)?;
            }
        }
        Ok(())
    }

    fn take_one(&mut self, origin: Origin, incoming: Incoming) -> Result<Submission, ProceedingError> {
        let document = match &incoming.read {
            Ok(document) => document.clone(),
            Err(rejection) => return self.reject_structure(&origin, &incoming, rejection),
        };
        let cause = self.cause(origin, &document);
        let identification = cause.identification.clone().unwrap_or_default();
        let party = self.party_key(&cause);
        let said = messages::said_before(self.tx, &party, &identification, &incoming.digest)?;
        if let Said::Same(first) = said {
            return self.repeat(first);
        }
        let message = self.record_received(&cause, &incoming.xml, outcome::ACCEPTED)?;
        if said == Said::New {
            messages::note_said(self.tx, &party, &identification, &incoming.digest, message)?;
        }
        let mut not_checked = BTreeSet::new();
        let refused = match said {
            Said::Other(first) => Some(self.duplicate(&document, first)),
            _ => self.gate(&cause, &document, &mut not_checked),
        };
        let mut submission = match refused {
            Some(refusal) => self.refuse_at_gate(&cause, message, &document, refusal)?,
            None => self.conduct(&cause, message, &document)?,
        };
        if !submission.accepted {
            messages::set_outcome(self.tx, message, outcome::REJECTED)?;
        }
        submission.not_checked = not_checked;
        Ok(submission)
    }

    fn cause(&self, origin: Origin, document: &Document) -> Cause {
        let header = document.header();
        Cause {
            origin,
            message_type: Some(document.message()),
            identification: header.identification,
            sender: header.sender.unwrap_or_default(),
            document: Some(document.clone()),
        }
    }

    /// Whose identifications must not repeat: a trader's own, an administration's own.
    fn party_key(&self, cause: &Cause) -> String {
        match &cause.origin {
            Origin::Trader(principal) => format!("trader {}", principal.name),
            Origin::Partner { administration, .. } => administration.to_string(),
            Origin::Own => self.bureau.administration.to_string(),
        }
    }

    /// The answer to a message that was said before, word for word: the first answer again, and no second effect.
    fn repeat(&mut self, first: i64) -> Result<Submission, ProceedingError> {
        let found = crate::views::message_with_body(self.tx, first)?;
        let (row, _, _) = found.ok_or(StoreError::NotFound { what: "message", id: first })?;
        let accepted = row.outcome == outcome::ACCEPTED;
        Ok(Submission {
            message: first,
            movement: row.movement,
            accepted,
            replies: messages::replies(self.tx, first)?,
            errors: Vec::new(),
            words: if accepted {
                String::new()
            } else {
                "it was rejected when it was first submitted".to_owned()
            },
            not_checked: BTreeSet::new(),
        })
    }

    fn record_received(&mut self, cause: &Cause, xml: &[u8], result: &str) -> Result<i64, ProceedingError> {
        let from_party = match &cause.origin {
            Origin::Trader(_) => "trader".to_owned(),
            Origin::Partner { administration, .. } => administration.country().to_string(),
            Origin::Own => self.bureau.administration.country().to_string(),
        };
        let message = messages::record(
            self.tx,
            &NewMessage {
                at: self.now,
                direction: Direction::Received,
                from_party,
                to_party: self.bureau.administration.country().to_string(),
                message_type: cause.message_type.map_or("unknown", MessageType::as_str),
                identification: cause.identification.as_deref().unwrap_or_default(),
                correlation: cause
                    .document
                    .as_ref()
                    .and_then(|document| document.text("correlationIdentifier")),
                movement: cause.document.as_ref().and_then(named_movement).unwrap_or_default(),
                owner: cause.owner(),
                outcome: result,
                body: xml,
            },
        )?;
        if let Origin::Partner { exchange_id, clause, .. } = &cause.origin {
            messages::set_exchange(self.tx, message, clause, exchange_id)?;
        }
        Ok(message)
    }

    /// A message that does not follow its structure: on record, and answered with CC917C or CD917C.
    fn reject_structure(
        &mut self,
        origin: &Origin,
        incoming: &Incoming,
        rejection: &Rejection,
    ) -> Result<Submission, ProceedingError> {
        let cause = Cause {
            origin: origin.clone(),
            message_type: rejection.message,
            identification: rejection.header.identification.clone(),
            sender: rejection.header.sender.clone().unwrap_or_default(),
            document: None,
        };
        let message = self.record_received(&cause, &incoming.xml, outcome::REJECTED)?;
        let kind = match origin {
            Origin::Trader(_) => MessageType::CC917C,
            Origin::Partner { .. } | Origin::Own => MessageType::CD917C,
        };
        let identification = self.next_identification()?;
        let recipient = self.answer_address(&cause);
        let answer = xml_rejection(
            kind,
            rejection,
            &AnswerHeader {
                sender: &self.bureau.administration,
                recipient: &recipient,
                now: self.now,
                identification: &identification,
                correlation: cause.identification.as_deref(),
            },
        );
        // Never a rejection of a rejection: two nodes would answer each other for ever (G0085).
        let a_rejection = matches!(rejection.message, Some(MessageType::CD906C | MessageType::CD917C));
        let reply = if a_rejection { None } else { Some(self.send(&cause, "", &answer)?) };
        let errors = rejection.errors.iter().map(|error| SubmissionError {
            line: Some(error.line),
            column: Some(error.column),
            pointer: error.path.clone(),
            code: error.code.to_string(),
            reason: error.message.clone(),
            value: error.value.clone(),
        });
        Ok(Submission {
            message,
            movement: String::new(),
            accepted: false,
            replies: reply.map(|id| (id, kind.as_str().to_owned())).into_iter().collect(),
            errors: errors.collect(),
            words: rejection.to_string(),
            not_checked: BTreeSet::new(),
        })
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

    fn duplicate(&self, document: &Document, first: i64) -> Vec<FunctionalError> {
        let pointer = format!("/{}/messageIdentification", document.message().as_str());
        tracing::info!(first, "an identification was used again for another message");
        vec![FunctionalError::new(
            pointer,
            customs::ErrorCode::Duplicate,
            "R0008",
            document.text("messageIdentification"),
        )]
    }

    /// Checks that come before any room: that the message is ours to take, and that its codes are in their lists.
    fn gate(
        &self,
        cause: &Cause,
        document: &Document,
        not_checked: &mut BTreeSet<String>,
    ) -> Option<Vec<FunctionalError>> {
        let kind = document.message().as_str();
        let addressed = document.text("messageRecipient").unwrap_or_default();
        if addressed != self.bureau.administration.as_str() {
            let pointer = format!("/{kind}/messageRecipient");
            return Some(vec![FunctionalError::new(
                pointer,
                customs::ErrorCode::Rule,
                ADDRESSEE,
                Some(addressed),
            )]);
        }
        let speaks = match &cause.origin {
            Origin::Trader(_) => kind.starts_with("CC"),
            Origin::Partner { administration, .. } => {
                kind.starts_with("CD") && document.text("messageSender") == Some(administration.as_str())
            }
            Origin::Own => true,
        };
        if !speaks {
            let sender = document.text("messageSender");
            let pointer = format!("/{kind}/messageSender");
            return Some(vec![FunctionalError::new(pointer, customs::ErrorCode::Rule, SPEAKER, sender)]);
        }
        let check = wire::check_codes(document, &Lists(&self.bureau.catalogue), self.now.date());
        not_checked.extend(check.not_loaded);
        let errors: Vec<FunctionalError> = check
            .errors
            .iter()
            .map(|error| {
                let code = customs::ErrorCode::CodeList;
                FunctionalError::new(error.pointer.clone(), code, &error.reason, error.value.as_deref())
            })
            .collect();
        (!errors.is_empty()).then_some(errors)
    }

    fn refuse_at_gate(
        &mut self,
        cause: &Cause,
        message: i64,
        document: &Document,
        errors: Vec<FunctionalError>,
    ) -> Result<Submission, ProceedingError> {
        let refusal = Refusal::invalid(document.message().as_str(), errors);
        let answer = bridge::rejection(
            document,
            &refusal,
            cause.administration(&self.bureau.administration),
            self.now,
        );
        let mut submission = refused(message, named_movement(document).unwrap_or_default(), &refusal);
        if let Some(letter) = answer {
            submission.replies.extend(self.render_and_send(cause, &letter)?);
        }
        Ok(submission)
    }

    /// Finds the room that a message concerns, and lets it decide.
    fn conduct(
        &mut self,
        cause: &Cause,
        message: i64,
        document: &Document,
    ) -> Result<Submission, ProceedingError> {
        match bridge::inbound(document) {
            Ok(inbound) => self.decide(cause, message, inbound, Some(document)),
            Err(errors) => self.refuse_at_gate(cause, message, document, errors),
        }
    }
}

/// The reason named in errors about the addressee: a rule of the exchange itself, outside the numbered ones.
const ADDRESSEE: &str = "TW001";

/// The reason named in errors about who may send what.
const SPEAKER: &str = "TW002";

/// The submission of a refused message.
pub(crate) fn refused(message: i64, movement: &str, refusal: &Refusal) -> Submission {
    let errors = refusal.errors.iter().map(|error| SubmissionError {
        line: None,
        column: None,
        pointer: error.pointer.clone(),
        code: error.code.code().to_owned(),
        reason: error.reason.clone(),
        value: error.value.clone(),
    });
    Submission {
        message,
        movement: movement.to_owned(),
        accepted: false,
        replies: Vec::new(),
        errors: errors.collect(),
        words: refusal.words.clone(),
        not_checked: BTreeSet::new(),
    }
}

/// How a message names its movement.
pub(crate) fn named_movement(document: &Document) -> Option<&str> {
    ["TransitOperation/MRN", "Header/MRN", "TransitOperation/LRN"]
        .into_iter()
        .find_map(|path| document.text(path))
}
