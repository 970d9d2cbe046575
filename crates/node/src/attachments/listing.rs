//! Attachments as officers see them: what each is, and how far it is on its way.

use super::Transfers;
use crate::node::{Node, NodeError};
use base::MessageId;
use serde::Serialize;
use store::attachments::{self, Attachment};
use store::outbox::{self, Status};
use store::{StoreError, Tx};

store::statements! {
    DOCUMENT_OF = "SELECT m.id FROM messages m JOIN documents d ON d.message = m.id
        WHERE m.exchange_id = ?1 AND d.partner = ?2 ORDER BY m.id LIMIT 1";
}

/// What an attachment is, for lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttachmentView {
    /// Its number here.
    pub id: i64,
    /// `uploading`, `ready`, `bound` to a document that was sent, `arriving`, `received`, `erased` or, for a
    /// moment, `given up`.
    pub state: String,
    /// How far it is, for people: `uploading`, `ready`, `waiting`, `under way`, `complete`, `refused`, `expired`, `erased`
    /// or `given up`.
    pub standing: &'static str,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes; 0 while it is uploaded.
    pub size: i64,
    /// The digest that the signed statement commits to: the root over its salted chunks. `None` while it is uploaded.
    pub digest: Option<String>,
    /// How many chunks it has; 0 while it is uploaded.
    pub chunks: i64,
    /// How many of them are here.
    pub chunks_here: i64,
    /// How many of them its recipient has; `None` while that is not known, as when it waits for its turn.
    pub chunks_there: Option<i64>,
    /// The administration to or from which it goes.
    pub partner: String,
    /// The identity of its document between nodes.
    pub exchange_id: Option<String>,
    /// The number of its document here; one that is still arriving has none.
    pub document: Option<i64>,
    /// Who uploaded it.
    pub owner: String,
}

impl Node {
    /// Attachments after a number, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn attachments(&self, after: i64, limit: i64) -> Result<Vec<AttachmentView>, NodeError> {
        self.listed(limit, move |tx, limit| attachments::list(tx, after, limit)).await
    }

    /// Attachments before a number, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn latest_attachments(
        &self,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<AttachmentView>, NodeError> {
        let before = before.unwrap_or(i64::MAX);
        self.listed(limit, move |tx, limit| attachments::latest(tx, before, limit)).await
    }

    /// Attachments after a number that are being uploaded, sent or received, or wait for their turn, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn attachments_under_way(
        &self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<AttachmentView>, NodeError> {
        self.listed(limit, move |tx, limit| attachments::under_way(tx, after, limit)).await
    }

    /// What an officer has uploaded and no document has taken along, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ready_attachments(
        &self,
        owner: String,
        limit: i64,
    ) -> Result<Vec<AttachmentView>, NodeError> {
        self.listed(limit, move |tx, limit| attachments::ready(tx, &owner, limit)).await
    }

    async fn listed(
        &self,
        limit: i64,
        find: impl Fn(&mut dyn Tx, usize) -> Result<Vec<Attachment>, StoreError> + Send + Sync + 'static,
    ) -> Result<Vec<AttachmentView>, NodeError> {
        let limit = usize::try_from(limit.clamp(1, crate::views::PAGE_LIMIT)).unwrap_or(1);
        let transfers = self.transfers().clone();
        self.read(move |tx| -> Result<_, NodeError> {
            find(tx, limit)?.into_iter().map(|row| view(tx, &transfers, row)).collect()
        })
        .await
    }

    /// The attachments of a document, by the document's number, in the order of its parts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn document_attachments(&self, message: i64) -> Result<Vec<AttachmentView>, NodeError> {
        let Some(document) = self.document(message).await? else { return Ok(Vec::new()) };
        let Some(exchange_id) = document.row.exchange_id else { return Ok(Vec::new()) };
        let (partner, transfers) = (document.row.partner, self.transfers().clone());
        self.read(move |tx| -> Result<_, NodeError> {
            // Another partner can have offered something under the same identity.
            let found = attachments::of_message(tx, &exchange_id)?.into_iter();
            found.filter(|row| row.partner == partner).map(|row| view(tx, &transfers, row)).collect()
        })
        .await
    }

    /// One attachment; `None` when there is none with this number.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn attachment(&self, id: i64) -> Result<Option<AttachmentView>, NodeError> {
        let transfers = self.transfers().clone();
        self.read(move |tx| -> Result<_, NodeError> {
            attachments::get(tx, id)?.map(|row| view(tx, &transfers, row)).transpose()
        })
        .await
    }
}

fn view(tx: &mut dyn Tx, transfers: &Transfers, row: Attachment) -> Result<AttachmentView, NodeError> {
    let chunks_here = attachments::count(tx, row.id)?;
    let letter = match &row.message_id {
        Some(message_id) if row.state == "bound" => outbox::status_of(tx, message_id)?,
        _ => None,
    };
    let (standing, chunks_there) = progress(&row, chunks_here, letter, missing_there(transfers, &row));
    let document = match &row.message_id {
        Some(message_id) => {
            let found = tx.query(DOCUMENT_OF, &[message_id.as_str().into(), row.partner.as_str().into()])?;
            found.first().map(|row| row.int(0)).transpose()?
        }
        None => None,
    };
    Ok(AttachmentView {
        id: row.id,
        state: row.state,
        standing,
        name: row.name,
        media_type: row.media_type,
        size: row.size,
        digest: row.plaintext_root.map(|root| root.to_string()),
        chunks: row.chunks,
        chunks_here,
        chunks_there,
        partner: row.partner,
        exchange_id: row.message_id,
        document,
        owner: row.owner,
    })
}

/// How many chunks the recipient still wants of an attachment that is being sent now.
fn missing_there(transfers: &Transfers, row: &Attachment) -> Option<i64> {
    let message_id = MessageId::parse(row.message_id.as_deref()?).ok()?;
    let missing = transfers.missing(message_id, usize::try_from(row.part).ok()?)?;
    Some(i64::try_from(missing).unwrap_or(i64::MAX))
}

/// How far an attachment is, and how many of its chunks are where they are to be.
fn progress(
    row: &Attachment,
    chunks_here: i64,
    letter: Option<Status>,
    missing: Option<i64>,
) -> (&'static str, Option<i64>) {
    match (row.state.as_str(), letter) {
        ("uploading", _) => ("uploading", None),
        ("ready", _) => ("ready", None),
        ("bound", Some(Status::Delivered)) => ("complete", Some(row.chunks)),
        ("bound", Some(Status::Refused)) => ("refused", None),
        ("bound", Some(Status::Expired)) => ("expired", None),
        ("bound", _) => match missing {
            Some(missing) => ("under way", Some((row.chunks - missing).max(0))),
            None => ("waiting", None),
        },
        ("arriving", _) if chunks_here == 0 => ("waiting", Some(0)),
        ("arriving", _) => ("under way", Some(chunks_here)),
        ("received", _) => ("complete", Some(chunks_here)),
        ("given up", _) => ("given up", None),
        _ => ("erased", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(state: &str) -> Attachment {
        Attachment {
            id: 1,
            state: state.to_owned(),
            partner: "NTA.FR".to_owned(),
            message_id: None,
            part: 1,
            name: "scan.tif".to_owned(),
            media_type: "image/tiff".to_owned(),
            size: 1_000_000,
            chunks: 4,
            plaintext_root: None,
            content_key: None,
            secret: None,
            owner: String::new(),
            created: base::Timestamp::from_micros(0),
        }
    }

    #[test]
    fn how_far_an_attachment_is_follows_from_its_letter_and_its_chunks() {
        let of = |state, here, letter, missing| progress(&row(state), here, letter, missing);
        assert_eq!(of("uploading", 2, None, None), ("uploading", None));
        assert_eq!(of("ready", 4, None, None), ("ready", None));
        assert_eq!(of("bound", 4, Some(Status::Waiting), None), ("waiting", None));
        assert_eq!(of("bound", 4, Some(Status::Ready), Some(3)), ("under way", Some(1)));
        assert_eq!(of("bound", 4, Some(Status::Delivered), None), ("complete", Some(4)));
        assert_eq!(of("bound", 4, Some(Status::Refused), None), ("refused", None));
        assert_eq!(of("bound", 4, Some(Status::Expired), None), ("expired", None));
        assert_eq!(of("arriving", 0, None, None), ("waiting", Some(0)));
        assert_eq!(of("arriving", 3, None, None), ("under way", Some(3)));
        assert_eq!(of("received", 4, None, None), ("complete", Some(4)));
        assert_eq!(of("erased", 0, None, None), ("erased", None));
    }
}
