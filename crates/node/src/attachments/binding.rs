//! Which attachments go with which document, and what sealing the document needs of them.

use super::BindError;
use crate::node::{Node, NodeError};
use base::{Administration, MessageId, Timestamp};
use evidence::disclosure::PartSecret;
use evidence::stream::{ContentKey, SealedContent};
use exchange::OutgoingAttachment;
use std::collections::BTreeSet;
use store::{StoreError, Tx, attachments, outbox};

/// How many attachments go with a document: as many parts as a manifest describes, but one.
const MAX_ATTACHMENTS: usize = evidence::MAX_PARTS - 1;

/// Whether these attachments may go with one document.
///
/// # Errors
/// When the store fails; in the inner result, which may not.
pub(crate) fn check(tx: &mut dyn Tx, ids: &[i64]) -> Result<Result<(), BindError>, StoreError> {
    if ids.len() > MAX_ATTACHMENTS {
        return Ok(Err(BindError::TooMany(ids.len())));
    }
    let (mut names, mut known) = (BTreeSet::new(), BTreeSet::new());
    for id in ids {
        let found = attachments::get(tx, *id)?.filter(|row| row.state == "ready");
        let Some(row) = found.filter(|_| known.insert(*id)) else {
            return Ok(Err(BindError::NotReady(*id)));
        };
        // The document itself is the first part.
        if row.name == crate::documents::DOCUMENT_PART || !names.insert(row.name.clone()) {
            return Ok(Err(BindError::SameName(row.name)));
        }
    }
    Ok(Ok(()))
}

/// Ties attachments that were checked to a document, in the transaction that puts the document in the outbox.
///
/// # Errors
/// When the store fails.
pub(crate) fn bind(
    tx: &mut dyn Tx,
    ids: &[i64],
    recipient: &Administration,
    message_id: MessageId,
) -> Result<(), StoreError> {
    for (id, part) in ids.iter().zip(1..) {
        if !attachments::bind(tx, *id, recipient, message_id, part)? {
            return Err(StoreError::NotFound { what: "ready attachment", id: *id });
        }
    }
    Ok(())
}

/// Frees the attachments of a dead letter for the one that takes its place, and gives their numbers in order. `None` when
/// one was erased.
///
/// # Errors
/// When the store fails.
pub(crate) fn free(tx: &mut dyn Tx, dead: MessageId, now: Timestamp) -> Result<Option<Vec<i64>>, StoreError> {
    let dead = dead.to_string();
    let rows = attachments::of_message(tx, &dead)?;
    if rows.iter().any(|row| row.state != "bound") {
        return Ok(None);
    }
    attachments::release(tx, &dead, now)?;
    Ok(Some(rows.into_iter().map(|row| row.id).collect()))
}

impl Node {
    /// The attachments of a letter, as its sealing needs them: keys and hashes, no content. `None` when one was
    /// erased: a letter never goes without what it was written with.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn outgoing_attachments(
        &self,
        claim: &outbox::Claim,
    ) -> Result<Option<Vec<OutgoingAttachment>>, NodeError> {
        let message_id = claim.message_id.to_string();
        self.read(move |tx| -> Result<_, NodeError> {
            let rows = attachments::of_message(tx, &message_id)?;
            if rows.iter().any(|row| row.state != "bound") {
                return Ok(None);
            }
            rows.into_iter().map(|row| outgoing(tx, row)).collect::<Result<_, _>>().map(Some)
        })
        .await
    }
}

fn outgoing(tx: &mut dyn Tx, row: attachments::Attachment) -> Result<OutgoingAttachment, NodeError> {
    let erased = || StoreError::Damaged { what: "attachment", reason: "its keys are gone".to_owned() };
    let leaves = attachments::leaves(tx, row.id)?.into_values().collect();
    Ok(OutgoingAttachment {
        name: row.name,
        media_type: row.media_type,
        key: ContentKey::from_bytes(row.content_key.ok_or_else(erased)?),
        secret: PartSecret::from_bytes(row.secret.ok_or_else(erased)?),
        content: SealedContent {
            size: u64::try_from(row.size).unwrap_or(0),
            plaintext_root: row.plaintext_root.ok_or_else(erased)?,
        },
        leaves,
    })
}
