//! What officers and systems do with documents: send, read, decide.

use super::content::DocumentContent;
use super::rows::{self, DocumentRow, Standing};
use super::{NewDocument, SendError, Sent};
use crate::effort::Step;
use crate::messages;
use crate::node::{Node, NodeError};
use crate::principals::Principal;
use serde::{Deserialize, Serialize};

/// The shortest and the longest time until expiry, in seconds.
const EXPIRY: std::ops::RangeInclusive<i64> = 60..=400 * 24 * 3600;

/// The longest words of a decision, in bytes: as many as a staged statement carries.
const MAX_WORDS: usize = 400;

/// An officer's decision on a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentDecision {
    /// Whether it is accepted.
    pub accept: bool,
    /// In words; the sender is shown them.
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
}

impl Node {
    /// Sends a document.
    ///
    /// # Errors
    /// When the store fails; in the inner result, why it was not sent.
    pub async fn send_document(
        &self,
        author: &Principal,
        new: NewDocument,
    ) -> Result<Result<Sent, SendError>, NodeError> {
        if let Err(fault) = new.document.validate() {
            return Ok(Err(fault.into()));
        }
        if !EXPIRY.contains(&new.expires_seconds) {
            return Ok(Err(SendError::Expiry));
        }
        if !self.bureau().partners.contains_key(&new.recipient) {
            return Ok(Err(SendError::NoPartner(new.recipient)));
        }
        let (author, now) = (author.name.clone(), self.now());
        let sent = self
            .write_as(Step::Post, move |tx, bureau| -> Result<_, NodeError> {
                Ok(super::send(tx, bureau, &author, new, now)
                    .map_err(crate::proceeding::ProceedingError::from)?)
            })
            .await?;
        self.wake_sender();
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
            Ok(Some(DocumentView { row, document }))
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
            .write(move |tx, _| -> Result<bool, NodeError> {
                if !rows::decide(tx, message, standing, (&officer, &words), now)? {
                    return Ok(false);
                }
                let Some(row) = rows::one(tx, message)? else { return Ok(false) };
                let told = if words.is_empty() { String::new() } else { format!(": {words}") };
                let told = format!("{officer} {} the document `{}`{told}", standing.as_str(), row.title);
                messages::note(tx, now, "documents", &row.subject, "Decided", &told)?;
                Ok(true)
            })
            .await?;
        Ok(Ok(decided))
    }
}
