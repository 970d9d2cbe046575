//! The way in for chunks: offers are taken up within limits, and a chunk is stored only when it was verified.

use super::room::Allowance;
use crate::node::{Node, NodeError};
use base::{Administration, MessageId, Timestamp};
use evidence::Manifest;
use evidence::disclosure::PartSecret;
use evidence::stream::ContentKey;
use exchange::{Chunk, ChunkAnswer, ChunkRefusal, HeldChunks, Offer, Progress, Reason, Refusal, Wanted};
use std::sync::Arc;
use store::attachments::{self, Expected, NewAttachment, NewChunk};
use store::{StoreError, Tx, transfers};

/// What an offer comes to.
pub(crate) enum Arrived {
    /// Everything is here: receive the message in this transaction.
    Complete,
    /// Chunks are wanted.
    Wanted(Wanted),
    /// It is refused.
    Refused(Refusal),
    /// The sender has offered another statement under the same identity: its digest.
    Conflict(base::Digest),
}

/// Looks how far an offered message is, and takes up a new one if the limits admit it.
///
/// # Errors
/// When the store fails.
pub(crate) fn take_up(
    tx: &mut dyn Tx,
    offer: Offer,
    allowance: &Allowance,
    now: Timestamp,
) -> Result<Arrived, StoreError> {
    let manifest = offer.manifest();
    let (sender, message_id) = (manifest.from().clone(), manifest.message_id);
    match transfers::transfer(tx, &sender, message_id)? {
        Some(known) if known.digest != offer.digest() => {
            if !is_signed_anew(&known.statement, manifest) {
                return Ok(Arrived::Conflict(known.digest));
            }
            transfers::give_up(tx, &sender, &message_id.to_string())?;
            begin(tx, &offer, now)?;
        }
        Some(known) if known.spoiled => {
            let refusal = Refusal::new(Reason::CannotOpen, "a chunk does not open as it was signed");
            return Ok(Arrived::Refused(refusal));
        }
        Some(_) => {}
        None => {
            if let Some(refusal) = over_a_limit(tx, &offer, allowance)? {
                return Ok(Arrived::Refused(refusal));
            }
            begin(tx, &offer, now)?;
        }
    }
    let id = message_id.to_string();
    let mut held = HeldChunks::new();
    for row in attachments::of_message(tx, &id)? {
        if row.state == "arriving" && row.partner == sender.as_str() {
            let part = usize::try_from(row.part).unwrap_or(usize::MAX);
            held.insert(part, attachments::plaintext_leaves(tx, row.id)?);
        }
    }
    Ok(match offer.progress(&held) {
        Progress::Wanted(wanted) => {
            transfers::touch(tx, &sender, &id, now)?;
            Arrived::Wanted(wanted)
        }
        Progress::Complete(..) => {
            attachments::received(tx, &sender, message_id)?;
            transfers::end(tx, &sender, &id)?;
            Arrived::Complete
        }
        Progress::Refused(refusal) => Arrived::Refused(refusal),
    })
}

/// Whether an offer is the message of an earlier one under another signature, as when its sender had to change its key:
/// the same attachments under the same secrets. Nothing of the earlier one had an effect.
fn is_signed_anew(earlier: &[u8], manifest: &Manifest) -> bool {
    let attached = |manifest: &Manifest| -> Vec<_> {
        let parts = manifest.parts.iter().skip(1);
        parts.map(|part| (part.name.clone(), part.plaintext_root, part.size)).collect()
    };
    let earlier = evidence::Statement::read(earlier);
    earlier.is_ok_and(|earlier| attached(earlier.manifest()) == attached(manifest))
}

/// A message was refused for good: what is here of its attachments is erased.
///
/// # Errors
/// When the store fails.
pub(crate) fn settled(
    tx: &mut dyn Tx,
    sender: &Administration,
    message_id: MessageId,
) -> Result<(), StoreError> {
    if transfers::transfer(tx, sender, message_id)?.is_some() {
        transfers::give_up(tx, sender, &message_id.to_string())?;
    }
    Ok(())
}

fn over_a_limit(
    tx: &mut dyn Tx,
    offer: &Offer,
    allowance: &Allowance,
) -> Result<Option<Refusal>, StoreError> {
    for attachment in offer.attachments() {
        if attachment.chunks.size() > allowance.largest() {
            let detail = format!("`{}`, {} MiB at most", attachment.name, allowance.limits.largest_mib);
            return Ok(Some(Refusal::new(Reason::PartTooLarge, detail)));
        }
    }
    let (count, bytes) = transfers::load(tx, offer.manifest().from())?;
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    if count >= i64::from(allowance.limits.partner_transfers)
        || bytes.saturating_add(offer.size()) > allowance.quota()
    {
        let detail = format!("{count} messages with {bytes} bytes are under way");
        return Ok(Some(Refusal::new(Reason::QuotaExceeded, detail)));
    }
    let promised = u64::try_from(transfers::load_of_all(tx)?).unwrap_or(u64::MAX);
    let room = allowance.has_room(offer.size(), promised);
    Ok((!room).then(|| Refusal::new(Reason::NoRoom, "the disk is too full")))
}

fn begin(tx: &mut dyn Tx, offer: &Offer, now: Timestamp) -> Result<(), StoreError> {
    let manifest = offer.manifest();
    let sender = manifest.from();
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let statement = (manifest.message_id, offer.digest(), offer.statement());
    transfers::offer(tx, sender, statement, number(offer.size()), (manifest.expires, now))?;
    for attachment in offer.attachments() {
        let new = NewAttachment {
            name: &attachment.name,
            media_type: &attachment.media_type,
            content_key: attachment.key.as_bytes(),
            secret: attachment.secret.as_bytes(),
        };
        let expected = Expected {
            sender,
            message_id: manifest.message_id,
            part: i64::try_from(attachment.part).unwrap_or(i64::MAX),
            size: number(attachment.chunks.size()),
            chunks: number(attachment.chunks.count()),
            plaintext_root: attachment.plaintext_root,
        };
        attachments::expect(tx, &new, &expected, now)?;
    }
    Ok(())
}

/// A chunk that was verified, and where it belongs.
struct Verified {
    message_id: String,
    attachment: i64,
    chunk: exchange::VerifiedChunk,
}

impl Node {
    /// Takes one chunk from a partner whose TLS key was verified, and returns the answer.
    ///
    /// # Errors
    /// When the node cannot take it now; nothing has changed then, and the partner tries again.
    pub async fn receive_chunk(&self, peer: &Administration, message: Vec<u8>) -> Result<Vec<u8>, NodeError> {
        let answer = match self.take_chunk(peer, Arc::new(message)).await {
            Ok(answer) => answer,
            Err(NodeError::Store(StoreError::Full { reason })) => {
                tracing::error!(%peer, reason, "a chunk of an attachment found the disk full");
                ChunkAnswer::refused(ChunkRefusal::NoRoom)
            }
            Err(error) => return Err(error),
        };
        if let ChunkAnswer::Refused(code) = &answer {
            tracing::warn!(code, %peer, "refused a chunk");
        }
        Ok(answer.encode())
    }

    async fn take_chunk(
        &self,
        peer: &Administration,
        message: Arc<Vec<u8>>,
    ) -> Result<ChunkAnswer, NodeError> {
        if self.bureau().suspended.contains_key(peer) {
            // The answer to the offer says so, with a signature.
            return Ok(ChunkAnswer::refused(ChunkRefusal::UnknownTransfer));
        }
        if !self.allowance().has_room(message.len() as u64, 0) {
            return Ok(ChunkAnswer::refused(ChunkRefusal::NoRoom));
        }
        let (sender, now, read) = (peer.clone(), self.now(), Arc::clone(&message));
        let verified = self.read(move |tx| verify(tx, &sender, &read, now)).await?;
        let (sender, now) = (peer.clone(), self.now());
        match verified {
            Ok(verified) => {
                let stored = self
                    .write(move |tx, _| -> Result<bool, NodeError> {
                        store(tx, &sender, &verified, &message, now).map_err(NodeError::from)
                    })
                    .await?;
                Ok(if stored {
                    ChunkAnswer::Held
                } else {
                    ChunkAnswer::refused(ChunkRefusal::UnknownTransfer)
                })
            }
            Err(Failed { refusal, spoiled }) => {
                if let Some(message_id) = spoiled {
                    self.write(move |tx, _| -> Result<(), NodeError> {
                        Ok(transfers::spoil(tx, &sender, &message_id)?)
                    })
                    .await?;
                }
                Ok(ChunkAnswer::refused(refusal))
            }
        }
    }
}

/// Why a chunk is not stored, and the message that it spoils.
struct Failed {
    refusal: ChunkRefusal,
    spoiled: Option<String>,
}

impl From<ChunkRefusal> for Failed {
    fn from(refusal: ChunkRefusal) -> Self {
        Self { refusal, spoiled: None }
    }
}

fn verify(
    tx: &mut dyn Tx,
    sender: &Administration,
    message: &[u8],
    now: Timestamp,
) -> Result<Result<Verified, Failed>, NodeError> {
    let chunk = match Chunk::decode(message) {
        Ok(chunk) => chunk,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let found = transfers::transfer_of(tx, sender, chunk.statement)?;
    let Some(transfer) = found.filter(|transfer| now < transfer.expires && !transfer.spoiled) else {
        return Ok(Err(ChunkRefusal::UnknownTransfer.into()));
    };
    let rows = attachments::of_message(tx, &transfer.message_id)?;
    let part = i64::try_from(chunk.part).unwrap_or(i64::MAX);
    let row = rows
        .into_iter()
        .find(|row| row.part == part && row.state == "arriving" && row.partner == sender.as_str());
    let keys = row.and_then(|row| Some((row.id, row.content_key?, row.secret?)));
    let Some((attachment, key, secret)) = keys else {
        return Ok(Err(ChunkRefusal::Mismatch.into()));
    };
    let claim = evidence::Statement::read(&transfer.statement)?;
    let keys = (&ContentKey::from_bytes(key), &PartSecret::from_bytes(secret));
    Ok(match chunk.verify(claim.manifest(), keys) {
        Ok(chunk) => Ok(Verified { message_id: transfer.message_id, attachment, chunk }),
        Err(refusal) => {
            let spoiled = (refusal == ChunkRefusal::Spoiled).then_some(transfer.message_id);
            Err(Failed { refusal, spoiled })
        }
    })
}

/// Stores a verified chunk, if its transfer is still under way.
fn store(
    tx: &mut dyn Tx,
    sender: &Administration,
    verified: &Verified,
    message: &[u8],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Ok(chunk) = Chunk::decode(message) else { return Ok(false) };
    if !transfers::touch(tx, sender, &verified.message_id, now)? {
        return Ok(false);
    }
    let new = NewChunk {
        number: chunk.number,
        leaf: &verified.chunk.leaf,
        plaintext_leaf: &verified.chunk.plaintext_leaf,
        sealed: chunk.sealed,
    };
    attachments::put_chunk(tx, verified.attachment, &new, now)?;
    Ok(true)
}
