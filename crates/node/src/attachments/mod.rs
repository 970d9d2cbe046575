//! Attachments: parts of documents that are too large for an envelope. They are sealed in chunks as they come in, kept
//! sealed, sent chunk by chunk, and opened chunk by chunk for whoever may read them; no step holds more than a few chunks.
//!
//! An officer uploads attachments ([`upload`]) and sends a document that takes them along ([`binding`]). The document's
//! letter is an offer; [`sending`] sends the chunks that the partner's answer wants. There, [`arriving`] takes up the
//! offer within the limits of the configuration and verifies each chunk before it is stored; the document is received in
//! the transaction that finds all of them. [`listing`] says how far each is. [`tidying`] deletes what was erased or given up, in small steps.

mod arriving;
pub(crate) mod binding;
mod download;
mod listing;
mod room;
mod sending;
mod tidying;
mod upload;

pub(crate) use arriving::{Arrived, settled, take_up};
pub use download::AttachmentDownload;
pub use listing::AttachmentView;
pub(crate) use room::Allowance;
pub(crate) use sending::Transfers;
pub use upload::AttachmentUpload;

use crate::documents::SendError;
use crate::node::NodeError;

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
