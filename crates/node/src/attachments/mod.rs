//! Attachments: parts of documents that are too large for an envelope. They are sealed in chunks as they come in, kept
//! sealed, sent chunk by chunk, and opened chunk by chunk for whoever may read them; no step holds more than a few chunks.
//!
//! An officer uploads attachments ([`upload`]) and sends a document that takes them along ([`binding`]). The document's
//! letter is an offer; [`sending`] sends the chunks that the partner's answer wants. There, [`arriving`] takes up the
//! offer within the limits of the configuration and verifies each chunk before it is stored; the document is received in
//! the transaction that finds all of them. [`tidying`] deletes what was erased or given up, in small steps.

mod arriving;
pub(crate) mod binding;
mod download;
mod room;
mod sending;
mod tidying;
mod upload;

pub(crate) use arriving::{Arrived, settled, take_up};
pub use download::AttachmentDownload;
pub(crate) use room::Allowance;
pub(crate) use sending::Transfers;
pub use upload::AttachmentUpload;

use crate::documents::SendError;
use crate::node::{Node, NodeError};
use serde::Serialize;
use store::attachments;

/// What an attachment is, for lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttachmentView {
    /// Its number here.
    pub id: i64,
    /// `uploading`, `ready`, `bound` to a document that was sent, `arriving`, `received`, `erased` or, for a
    /// moment, `given up`.
    pub state: String,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes; 0 while it is uploaded.
    pub size: i64,
    /// How many chunks it has; 0 while it is uploaded.
    pub chunks: i64,
    /// How many of them are here.
    pub chunks_here: i64,
    /// The administration to or from which it goes.
    pub partner: String,
    /// The identity of its document between nodes.
    pub exchange_id: Option<String>,
    /// Who uploaded it.
    pub owner: String,
}

/// Why an attachment cannot be taken, sent or read. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// The node cannot do it now.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A name or media type that no manifest carries.
    #[error("the {0} must be one line of 1 to 128 bytes")]
    Name(&'static str),
    /// It is larger than the configuration admits.
    #[error(
        "an attachment may have {largest_mib} MiB here (`attachments.largest_mib`): send less, or in several"
    )]
    TooLarge {
        /// The limit.
        largest_mib: u64,
    },
    /// The disk would be fuller than the configuration admits.
    #[error(
        "the disk of the store has {free_mib} MiB free, of which {keep_mib} must stay free \
         (`attachments.keep_free_mib`): free space, or try again later"
    )]
    NoRoom {
        /// What is free.
        free_mib: u64,
        /// What must stay free.
        keep_mib: u64,
    },
    /// The upload was interrupted and its beginnings were erased.
    #[error("the upload was interrupted and what was here of it is erased: upload it again")]
    Interrupted,
    /// A chunk on record is missing or does not open.
    #[error("chunk {0} of the attachment is missing or damaged on the disk: ask its sender to send it again")]
    Damaged(u64),
    /// All chunks open, and are together not what was signed.
    #[error("the attachment is not the one whose digest was signed: ask its sender to send it again")]
    NotAsSigned,
}

impl From<store::StoreError> for AttachmentError {
    fn from(error: store::StoreError) -> Self {
        Self::Node(error.into())
    }
}

impl From<evidence::EvidenceError> for AttachmentError {
    fn from(error: evidence::EvidenceError) -> Self {
        Self::Node(error.into())
    }
}

/// Why the attachments of a document cannot go with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// There is none with this number that is ready and free.
    #[error("attachment {0} is not ready, or another document has taken it along: upload it again")]
    NotReady(i64),
    /// Two parts of one message would have the same name.
    #[error("two attachments are called `{0}`: give each its own name")]
    SameName(String),
    /// More than a manifest describes.
    #[error("a document takes at most 15 attachments along, not {0}: send several documents")]
    TooMany(usize),
}

impl From<BindError> for SendError {
    fn from(error: BindError) -> Self {
        Self::Attachments(error)
    }
}

impl Node {
    /// Attachments after a number, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn attachments(&self, after: i64, limit: i64) -> Result<Vec<AttachmentView>, NodeError> {
        let limit = usize::try_from(limit.clamp(1, crate::views::PAGE_LIMIT)).unwrap_or(1);
        self.read(move |tx| -> Result<_, NodeError> {
            let found = attachments::list(tx, after, limit)?;
            found.into_iter().map(|row| view(tx, row)).collect()
        })
        .await
    }

    /// The attachments of a document, by the document's number.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn document_attachments(&self, message: i64) -> Result<Vec<AttachmentView>, NodeError> {
        let Some(document) = self.document(message).await? else { return Ok(Vec::new()) };
        let Some(exchange_id) = document.row.exchange_id else { return Ok(Vec::new()) };
        self.read(move |tx| -> Result<_, NodeError> {
            let found = attachments::of_message(tx, &exchange_id)?;
            found.into_iter().map(|row| view(tx, row)).collect()
        })
        .await
    }

    /// One attachment; `None` when there is none with this number.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn attachment(&self, id: i64) -> Result<Option<AttachmentView>, NodeError> {
        self.read(move |tx| -> Result<_, NodeError> {
            attachments::get(tx, id)?.map(|row| view(tx, row)).transpose()
        })
        .await
    }
}

fn view(tx: &mut dyn store::Tx, row: attachments::Attachment) -> Result<AttachmentView, NodeError> {
    let chunks_here = attachments::count(tx, row.id)?;
    Ok(AttachmentView {
        id: row.id,
        state: row.state,
        name: row.name,
        media_type: row.media_type,
        size: row.size,
        chunks: row.chunks,
        chunks_here,
        partner: row.partner,
        exchange_id: row.message_id,
        owner: row.owner,
    })
}
