//! The way out for chunks: what a partner's answer to an offer wants is sent with a small window, and then the document is
//! offered again. Nothing is kept of it but the chunks themselves, so after a crash on either side the next offer goes on.

use crate::delivery::{Fate, Offered};
use crate::node::{Node, NodeError};
use crate::transport::{CHUNK_ROUTE, Method, PeerRequest};
use base::{Administration, MessageId};
use evidence::chunked::PieceTree;
use exchange::{Chunk, ChunkAnswer, Envelope, Next, Upload, Wanted};
use hyper::body::Bytes;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::{StoreError, attachments, outbox};
use tokio::task::JoinSet;

/// How many messages with attachments are sent to one partner at once; others wait for their turn. Letters without
/// attachments never wait for these.
const TO_ONE_PARTNER: usize = 2;

/// How long a message with attachments waits that finds so many under way.
const CROWDED_MICROS: i64 = 2_000_000;

/// The longest answer to a chunk that is read.
const ANSWER_LIMIT: usize = 4096;

/// The transfers that are under way from here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transfers(Arc<Mutex<BTreeMap<MessageId, UnderWay>>>);

/// A transfer from here: to whom, and how many chunks of each part are still wanted there.
#[derive(Debug)]
struct UnderWay {
    partner: Administration,
    missing: Option<BTreeMap<usize, u64>>,
}

/// The place of one transfer; it is given back when it is dropped.
struct Place {
    message_id: MessageId,
    transfers: Transfers,
}

impl Transfers {
    fn enter(&self, message_id: MessageId, partner: &Administration) -> Option<Place> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.values().filter(|other| other.partner == *partner).count() >= TO_ONE_PARTNER {
            return None;
        }
        under_way.insert(message_id, UnderWay { partner: partner.clone(), missing: None });
        Some(Place { message_id, transfers: self.clone() })
    }

    /// How many chunks of a part its recipient still wants, as far as its last answer tells; `None` when the message is
    /// not being sent.
    pub(crate) fn missing(&self, message_id: MessageId, part: usize) -> Option<u64> {
        let under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = under_way.get(&message_id)?.missing.as_ref()?;
        Some(missing.get(&part).copied().unwrap_or(0))
    }

    /// Notes what a recipient wants.
    fn wanted(&self, message_id: MessageId, wanted: &Wanted) {
        let mut missing = BTreeMap::new();
        for range in &wanted.ranges {
            *missing.entry(range.part).or_default() += range.to - range.from;
        }
        if let Some(transfer) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&message_id) {
            transfer.missing = Some(missing);
        }
    }

    /// Notes that a recipient holds one more chunk of a part.
    fn held(&self, message_id: MessageId, part: usize) {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = under_way.get_mut(&message_id).and_then(|transfer| transfer.missing.as_mut());
        if let Some(missing) = known.and_then(|missing| missing.get_mut(&part)) {
            *missing = missing.saturating_sub(1);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.transfers.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.message_id);
    }
}

/// A part whose chunks are sent: where they lie, and the tree from which their paths come.
#[derive(Clone)]
struct SentPart {
    attachment: i64,
    tree: Arc<PieceTree>,
}

impl Node {
    /// Sends the chunks that are wanted, beside the deliveries of letters, until the message is settled or has to wait.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn transfer(
        self: &Arc<Self>,
        claim: outbox::Claim,
        envelope: Bytes,
        wanted: Wanted,
    ) -> Result<(), NodeError> {
        let Some(place) = self.transfers().enter(claim.message_id, &claim.recipient) else {
            let (id, until) = (claim.id, self.now().plus_micros(CROWDED_MICROS));
            let reason = "attachments of other messages are under way";
            return self
                .write(move |tx, _| -> Result<(), NodeError> {
                    Ok(outbox::postponed(tx, id, until, reason).map(drop)?)
                })
                .await;
        };
        let fate = match self.send_parts(&claim, &envelope, wanted).await {
            Ok(fate) => fate,
            Err(error) => Fate::Later(error.to_string()),
        };
        // Another message with attachments may go while this one is settled.
        drop(place);
        self.settle(claim, fate).await
    }

    async fn send_parts(
        self: &Arc<Self>,
        claim: &outbox::Claim,
        envelope: &Bytes,
        mut wanted: Wanted,
    ) -> Result<Fate, NodeError> {
        let parts = self.sent_parts(claim, envelope).await?;
        loop {
            if claim.expires <= self.now() {
                // The next offer settles it: the partner refuses it as too late.
                return Ok(Fate::Later("its time is over".to_owned()));
            }
            let (next, held) = self.send_wanted(claim, &parts, &wanted).await?;
            if let Next::Later(reason) = next {
                return Ok(Fate::Later(reason));
            }
            wanted = match self.offer(claim, envelope).await {
                Offered::Fate(fate) => return Ok(fate),
                Offered::Missing(number) => return Ok(Fate::missing(number)),
                // Whoever wants the same again after none was taken is asked later.
                Offered::Wanted(_) if held == 0 => {
                    return Ok(Fate::Later("the partner takes no chunks".to_owned()));
                }
                // Nor is whoever says that chunks are held and wants them again sent a whole part over and over.
                Offered::Wanted(again) if again.first() <= wanted.first() => {
                    return Ok(Fate::Later("the partner wants chunks again that it holds".to_owned()));
                }
                Offered::Wanted(further) => further,
            };
        }
    }

    /// Sends chunks until all that are wanted are answered. Gives what to do next, and how many were taken.
    async fn send_wanted(
        self: &Arc<Self>,
        claim: &outbox::Claim,
        parts: &BTreeMap<usize, SentPart>,
        wanted: &Wanted,
    ) -> Result<(Next, u64), NodeError> {
        self.transfers().wanted(claim.message_id, wanted);
        let mut upload = Upload::new(wanted);
        let mut under_way: JoinSet<(usize, Result<ChunkAnswer, String>)> = JoinSet::new();
        let mut held = 0;
        loop {
            match upload.next_step() {
                Next::Send(part, number) => match parts.get(&part).cloned() {
                    Some(sent) => {
                        let (node, partner, statement) =
                            (Arc::clone(self), claim.recipient.clone(), wanted.statement);
                        under_way.spawn(async move {
                            (part, node.send_chunk(&partner, &sent, (statement, part, number)).await)
                        });
                    }
                    None => upload.failed("an attachment of the message was erased here"),
                },
                Next::Wait => match under_way.join_next().await {
                    Some(Ok((part, Ok(answer)))) => {
                        if answer == ChunkAnswer::Held {
                            held += 1;
                            self.transfers().held(claim.message_id, part);
                        }
                        upload.answered(&answer);
                    }
                    Some(Ok((_, Err(reason)))) => upload.failed(&reason),
                    Some(Err(error)) => upload.failed(&error.to_string()),
                    None => return Ok((Next::Later("no chunk is under way".to_owned()), held)),
                },
                end => return Ok((end, held)),
            }
        }
    }

    async fn send_chunk(
        &self,
        partner: &Administration,
        sent: &SentPart,
        (statement, part, number): (base::Digest, usize, u64),
    ) -> Result<ChunkAnswer, String> {
        let id = sent.attachment;
        let sealed = self
            .read(move |tx| -> Result<_, NodeError> { Ok(attachments::chunk(tx, id, number)?) })
            .await
            .map_err(|error| error.to_string())?;
        let gone = || format!("chunk {number} of the attachment is gone here");
        let (sealed, path) = (sealed.ok_or_else(gone)?, sent.tree.chunk_path(number).ok_or_else(gone)?);
        let body = Chunk { statement, part, number, path, sealed: &sealed }.encode();
        drop(sealed);
        let request =
            PeerRequest { method: Method::Post, path: CHUNK_ROUTE.to_owned(), body, limit: ANSWER_LIMIT };
        let answer = self.transport().call(partner, request).await.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("`{partner}` answered with status {} to a chunk", answer.status));
        }
        ChunkAnswer::decode(&answer.body).map_err(|error| error.to_string())
    }

    /// The parts in chunks of a message, with the trees that its statement was signed over.
    async fn sent_parts(
        &self,
        claim: &outbox::Claim,
        envelope: &[u8],
    ) -> Result<BTreeMap<usize, SentPart>, NodeError> {
        let damaged = |reason: &str| StoreError::Damaged { what: "letter", reason: reason.to_owned() };
        let read = Envelope::decode(envelope).map_err(|refusal| damaged(&refusal.to_string()))?;
        let openings: Vec<Vec<u8>> = read.parts.iter().map(|part| part.to_vec()).collect();
        let message_id = claim.message_id.to_string();
        self.read(move |tx| -> Result<_, NodeError> {
            let mut parts = BTreeMap::new();
            for row in attachments::of_message(tx, &message_id)? {
                let part = usize::try_from(row.part).unwrap_or(usize::MAX);
                let opening = openings.get(part).map(Vec::as_slice).and_then(exchange::head_and_path);
                let (head, _) = opening.ok_or_else(|| damaged("it has no head for an attachment"))?;
                if row.state == "bound" {
                    let leaves: Vec<_> = attachments::leaves(tx, row.id)?.into_values().collect();
                    let tree = Arc::new(PieceTree::new(head, &leaves));
                    parts.insert(part, SentPart { attachment: row.id, tree });
                }
            }
            Ok(parts)
        })
        .await
    }
}
