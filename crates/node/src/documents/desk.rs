//! What officers and systems do with documents: send, read, decide.

use super::content::DocumentContent;
use super::rows::{self, DocumentRow, Standing};
use super::{NewDocument, SendError, Sent};
use crate::bureau::Bureau;
use crate::due::Due;
use crate::effort::Step;
use crate::exchange_desk;
use crate::express::{self, Express};
use crate::failpoint;
use crate::messages;
use crate::node::{Node, NodeError};
use crate::principals::Principal;
use crate::redrives::{self, Replacements};
use crate::stages;
use base::{Administration, MessageId, Timestamp};
use exchange::Lane;
use exchange::stages::{Decided, LaterStage};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::Tx;

/// The shortest and the longest time until expiry, in seconds.
const EXPIRY: std::ops::RangeInclusive<i64> = 60..=400 * 24 * 3600;

/// How many documents are closed in one transaction.
const AT_ONCE: i64 = 256;

/// The longest words of a decision, in bytes: as many as a staged statement carries.
const MAX_WORDS: usize = 400;

/// An officer's decision on a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentDecision {
    /// Whether it is accepted.
    pub accept: bool,
    /// In words, which stay here: the sender is told the decision and nothing that an officer wrote.
    #[serde(default)]
    pub words: String,
}

/// A document with its content.
#[derive(Clone, Debug)]
pub struct DocumentView {
    /// What is listed of it.
    pub row: DocumentRow,
    /// The document; `None` when its content was erased or is damaged.
    pub document: Option<DocumentContent>,
    /// What it took the place of, and what took its place.
    pub replacements: Replacements,
}

impl Node {
    /// Sends a document.
    ///
    /// # Errors
    /// When the store fails; in the inner result, why it was not sent.
    pub async fn send_document(
        self: &Arc<Self>,
        author: &Principal,
        new: NewDocument,
    ) -> Result<Result<Sent, SendError>, NodeError> {
        self.send_document_with(author, new, Vec::new()).await
    }

    /// Sends a document with attachments that were uploaded before. What the clause says of the document's content holds
    /// for them: they are content of the document that is too large for its envelope.
    ///
    /// # Errors
    /// As [`Node::send_document`].
    pub async fn send_document_with(
        self: &Arc<Self>,
        author: &Principal,
        new: NewDocument,
        attachments: Vec<i64>,
    ) -> Result<Result<Sent, SendError>, NodeError> {
        self.sound()?;
        if let Err(fault) = new.document.validate() {
            return Ok(Err(fault.into()));
        }
        if !EXPIRY.contains(&new.expires_seconds) {
            return Ok(Err(SendError::Expiry));
        }
        if !self.bureau().partners.contains_key(&new.recipient) {
            return Ok(Err(SendError::NoPartner(new.recipient)));
        }
        let (author, now, limits) = (author.name.clone(), self.now(), self.config().exchange.clone());
        let (circuits, effort) = (self.circuits().clone(), self.shared_effort());
        let lone = attachments.is_empty() && self.is_sending();
        let (sent, express) = self
            .write(move |tx, bureau| -> Result<_, NodeError> {
                let recipient = new.recipient.clone();
                let sent = effort.of(Step::Post, || -> Result<_, NodeError> {
                    if new.lane != Lane::Urgent
                        && let Some(words) = exchange_desk::full(tx, &new.recipient, &limits)?
                    {
                        return Ok(Err(SendError::QueueFull(words)));
                    }
                    let sent = super::send(tx, bureau, &author, (new, &attachments), now);
                    Ok(sent.map_err(crate::proceeding::ProceedingError::from)?)
                })?;
                let letter = sent.as_ref().ok().filter(|_| lone);
                let express = match letter.and_then(|sent| MessageId::parse(&sent.exchange_id).ok()) {
                    Some(letter) => {
                        express::seal(tx, (bureau, &circuits, &effort), (&recipient, letter), now)?
                    }
                    None => None,
                };
                failpoint::pass("send-before-commit");
                Ok((sent, express))
            })
            .await?;
        failpoint::pass("send-after-commit");
        match express {
            Some(Express { claim, place }) => {
                self.statements_entered(1);
                self.start(Due { claim, attached: false }, place);
            }
            None => self.wake_sender(),
        }
        Ok(sent)
    }

    /// Documents before a number, newest first; about one subject, if given.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn documents(
        &self,
        subject: Option<String>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<DocumentRow>, NodeError> {
        let limit = limit.clamp(1, crate::views::PAGE_LIMIT);
        self.read(move |tx| Ok(rows::latest(tx, subject.as_deref(), before.unwrap_or(i64::MAX), limit)?))
            .await
    }

    /// Documents that wait for an officer, oldest first, after a number.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open_documents(&self, after: i64, limit: i64) -> Result<Vec<DocumentRow>, NodeError> {
        let limit = limit.clamp(1, crate::views::PAGE_LIMIT);
        self.read(move |tx| Ok(rows::open(tx, after, limit)?)).await
    }

    /// A document by its number; `None` when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn document(&self, message: i64) -> Result<Option<DocumentView>, NodeError> {
        self.read(move |tx| -> Result<_, NodeError> {
            let Some(row) = rows::one(tx, message)? else { return Ok(None) };
            let body = crate::views::message_with_body(tx, message)?.map(|(_, _, body)| body);
            let document = body.and_then(|body| DocumentContent::decode(&body).ok());
            let replacements = match &row.exchange_id {
                Some(exchange_id) => redrives::of(tx, exchange_id)?,
                None => Replacements::default(),
            };
            Ok(Some(DocumentView { row, document, replacements }))
        })
        .await
    }

    /// Decides on a document that was received. `None` when none with this number is open; words that are too long are
    /// an error of the caller's, in the inner result.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn decide_document(
        &self,
        officer: &Principal,
        message: i64,
        decision: DocumentDecision,
    ) -> Result<Result<bool, String>, NodeError> {
        self.sound()?;
        let words = decision.words.trim().to_owned();
        if words.len() > MAX_WORDS || words.chars().any(|c| c.is_control()) {
            return Ok(Err(format!("the words must be one line of at most {MAX_WORDS} bytes")));
        }
        if !decision.accept && words.is_empty() {
            return Ok(Err("say why it is declined".to_owned()));
        }
        let standing = if decision.accept { Standing::Accepted } else { Standing::Declined };
        let (officer, now) = (officer.name.clone(), self.now());
        let decided = self
            .write(move |tx, bureau| -> Result<bool, NodeError> {
                if !rows::decide(tx, message, standing, (&officer, &words), now)? {
                    return Ok(false);
                }
                let Some(row) = rows::one(tx, message)? else { return Ok(false) };
                let told = if words.is_empty() { String::new() } else { format!(": {words}") };
                let told = format!("{officer} {} the document `{}`{told}", standing.as_str(), row.title);
                messages::note(tx, now, "documents", &row.subject, "Decided", &told)?;
                failpoint::pass("decide-before-stage");
                let decided = if decision.accept { Decided::Accepted } else { Decided::Declined };
                state(tx, bureau, &row, LaterStage::Decided(decided), now)?;
                if decision.accept && row.opened.is_some() {
                    state(tx, bureau, &row, LaterStage::Delivered, now)?;
                }
                failpoint::pass("decide-before-commit");
                Ok(true)
            })
            .await?;
        failpoint::pass("decide-after-commit");
        self.wake_stages();
        Ok(Ok(decided))
    }

    /// Hands out the content of a document: it has reached whom it was for, if it was accepted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn hand_out_document(&self, message: i64) -> Result<Option<DocumentView>, NodeError> {
        let Some(view) = self.document(message).await? else { return Ok(None) };
        if view.row.direction == "received"
            && view.row.opened.is_none()
            && view.document.is_some()
            && self.sound().is_ok()
        {
            let now = self.now();
            self.write(move |tx, bureau| -> Result<(), NodeError> {
                if rows::handed_out(tx, message, now)?
                    && let Some(row) = rows::one(tx, message)?
                    && row.standing == Standing::Accepted.as_str()
                {
                    state(tx, bureau, &row, LaterStage::Delivered, now)?;
                }
                Ok(())
            })
            .await?;
            self.wake_stages();
        }
        Ok(Some(view))
    }

    /// Closes open documents on which nobody decided in time, and tells their senders. Returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn expire_documents(&self) -> Result<usize, NodeError> {
        if self.sound().is_err() {
            return Ok(0);
        }
        let now = self.now();
        let due =
            self.read(move |tx| -> Result<_, NodeError> { Ok(rows::overdue(tx, now, AT_ONCE)?) }).await?;
        let count = due.len();
        if count == 0 {
            return Ok(0);
        }
        self.write(move |tx, bureau| -> Result<(), NodeError> {
            for message in due {
                let words = "nobody decided on it in time";
                if rows::decide(tx, message, Standing::Undecided, ("clock", words), now)?
                    && let Some(row) = rows::one(tx, message)?
                {
                    let told =
                        format!("the document `{}` of {} was not decided on in time", row.title, row.partner);
                    messages::note(tx, now, "documents", &row.subject, "Undecided", &told)?;
                    state(tx, bureau, &row, LaterStage::Expired, now)?;
                }
            }
            Ok(())
        })
        .await?;
        self.wake_stages();
        Ok(count)
    }
}

/// Signs a stage of a received document for its sender.
fn state(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    row: &DocumentRow,
    stage: LaterStage,
    now: Timestamp,
) -> Result<(), NodeError> {
    let (Ok(sender), Some(exchange_id)) = (Administration::parse(&row.partner), &row.exchange_id) else {
        return Ok(());
    };
    Ok(stages::state_of_received(tx, bureau, &sender, exchange_id, stage, now)?)
}
