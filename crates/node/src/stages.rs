//! Staged statements: ours about partners' messages, signed with the decision and brought until they are taken; and
//! partners' about ours, verified, entered in our log and kept with the letter.

use crate::bureau::Bureau;
use crate::circuits::Allowance;
use crate::delivery::AgreementOnRecord;
use crate::documents::{self, Standing};
use crate::node::{Node, NodeError};
use crate::reception::{ReceptionError, enter_in_log, receiver};
use crate::redrives::{self, Replacements};
use crate::transport::{Method, PeerRequest};
use base::{Administration, Digest, MessageId, Timestamp};
use exchange::stages::{self as protocol, Decided, LaterStage, Taken};
use exchange::{DeliveryStatus, Envelope, Under};
use serde::Serialize;
use std::sync::Arc;
use store::outbox::{SentLetter, Status};
use store::stages::Attached;
use store::{Tx, inbox, outbox, stages};

/// The route on which a node takes staged statements from partners.
pub const STAGE_ROUTE: &str = "/peer/v1/stages";

/// The largest batch of staged statements that is read.
pub const STAGE_LIMIT: usize = protocol::MAX_BATCH_BYTES;

/// The longest answer to a batch: one byte for each of its statements, and a few around them.
const ANSWER_LIMIT: usize = 1024;

/// What a batch of statements is known by on its way: there is one at a time.
const BATCH: i64 = 0;

/// Signs a stage of a partner's message, and queues the statement for that partner in the same transaction.
pub(crate) fn state(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    sender: &Administration,
    (message_id, statement): (MessageId, Digest),
    stage: LaterStage,
    now: Timestamp,
) -> Result<(), ReceptionError> {
    let signed = protocol::state(stage, (message_id, statement), &receiver(bureau), now)?;
    stages::queue(tx, sender, message_id, stage.code(), &signed, now)?;
    Ok(())
}

/// Signs a stage of a message that was received earlier. A message that is in no inbox has none.
pub(crate) fn state_of_received(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    sender: &Administration,
    exchange_id: &str,
    stage: LaterStage,
    now: Timestamp,
) -> Result<(), ReceptionError> {
    let Ok(message_id) = MessageId::parse(exchange_id) else { return Ok(()) };
    match inbox::find(tx, sender, message_id)? {
        Some(received) => state(tx, bureau, sender, (message_id, received.digest), stage, now),
        None => Ok(()),
    }
}

/// What a letter's sender knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryView {
    /// `queued`, `sent`, `received`, `decided`, `delivered`, `expired` or `refused`.
    pub status: DeliveryStatus,
    /// What the recipient has stated, in the order of stages.
    pub stages: Vec<StageView>,
    /// What it took the place of, and what took its place.
    #[serde(flatten)]
    pub replacements: Replacements,
}

/// What a recipient stated about a letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageView {
    /// `decided`, `delivered` or `expired`.
    pub stage: DeliveryStatus,
    /// When, by the recipient's clock, in microseconds since 1970.
    pub at: i64,
    /// The outcome as a code: `accepted`, `declined`, `rejected`, `undecided`; empty when there is none.
    pub code: String,
    /// The outcome in words.
    pub words: String,
}

impl Node {
    /// How far a letter has come, by its identity between nodes; `None` when this node sent none with it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delivery(&self, exchange_id: &str) -> Result<Option<DeliveryView>, NodeError> {
        let Ok(message_id) = MessageId::parse(exchange_id) else { return Ok(None) };
        self.read(move |tx| -> Result<_, NodeError> {
            let Some(letter) = outbox::sent(tx, message_id)? else { return Ok(None) };
            let attached = stages::of_message(tx, message_id)?;
            let replacements = redrives::of(tx, &message_id.to_string())?;
            Ok(Some(view(&letter, &attached, replacements)))
        })
        .await
    }

    /// Starts to bring statements of ours to the partners that they are for, a batch each, unless one is under way.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn bring_stages(self: &Arc<Self>) -> Result<(), NodeError> {
        let now = self.now();
        let partners = self.read(|tx| -> Result<_, NodeError> { Ok(stages::recipients(tx)?) }).await?;
        for partner in partners {
            let circuits = self.stage_circuits();
            if circuits.under_way(&partner) > 0 {
                continue;
            }
            match circuits.allowance(&partner, now) {
                Allowance::Nothing => continue,
                Allowance::Trial if !circuits.begin_trial(&partner, now) => continue,
                Allowance::Trial | Allowance::Letters { .. } => {}
            }
            let Some(place) = circuits.enter(&partner, BATCH, 0) else { continue };
            let node = Arc::clone(self);
            // Each on its own, so that a partner that hangs holds up nobody else's statements.
            tokio::spawn(async move {
                let more = node.bring_batch(&partner).await;
                drop(place);
                match more {
                    Ok(true) => node.wake_stages(),
                    Ok(false) => {}
                    Err(error) => tracing::error!(%partner, %error, "staged statements could not be brought"),
                }
            });
        }
        Ok(())
    }

    async fn bring_batch(&self, partner: &Administration) -> Result<bool, NodeError> {
        let (now, to) = (self.now(), partner.clone());
        let batch = self
            .read(move |tx| -> Result<_, NodeError> {
                Ok(stages::waiting(tx, &to, now, protocol::MAX_BATCH)?)
            })
            .await?;
        if batch.is_empty() {
            // There was nothing to try with.
            self.stage_circuits().answered(partner);
            return Ok(false);
        }
        crate::failpoint::pass("stage-before-push");
        let body = protocol::encode_batch(batch.iter().map(|one| one.statement.as_slice()));
        let request =
            PeerRequest { method: Method::Post, path: STAGE_ROUTE.to_owned(), body, limit: ANSWER_LIMIT };
        let answer = match self.transport().call(partner, request).await {
            Ok(answer) if answer.status == 200 => {
                protocol::decode_taken(&answer.body, batch.len()).map_err(|error| error.to_string())
            }
            Ok(answer) => Err(format!("`{partner}` answered with status {}", answer.status)),
            Err(error) => Err(error.to_string()),
        };
        crate::failpoint::pass("stage-after-push");
        match answer {
            Ok(taken) => {
                self.stage_circuits().answered(partner);
                let later = taken.contains(&Taken::Later);
                self.write(move |tx, _| -> Result<(), NodeError> {
                    for (one, taken) in batch.iter().zip(taken) {
                        match taken {
                            Taken::Kept => stages::taken(tx, one.id, None, now)?,
                            Taken::Refused => {
                                stages::taken(tx, one.id, Some("the partner refused it"), now)?;
                            }
                            Taken::Later => {
                                let until = now.plus_seconds(LATER_SECONDS);
                                stages::postponed(tx, one.id, until, "the partner asked for it later")?;
                            }
                        }
                    }
                    Ok(())
                })
                .await?;
                crate::failpoint::pass("stage-after-taken");
                Ok(!later)
            }
            Err(reason) => {
                tracing::info!(%partner, reason, "staged statements wait");
                self.stage_circuits().failed(partner, now);
                // The partner as a whole is left alone by its circuit; the statements keep their turn.
                Ok(false)
            }
        }
    }

    /// Takes a batch of staged statements from a partner, and answers for each of them. The inner result says why the
    /// batch cannot be read.
    ///
    /// # Errors
    /// When the store fails; the partner brings them again.
    pub async fn receive_stages(
        &self,
        peer: &Administration,
        batch: Vec<u8>,
    ) -> Result<Result<Vec<u8>, String>, NodeError> {
        if self.log_operator().sound().is_err() {
            return Ok(Err("this node takes nothing while its log is not sound: try again later".to_owned()));
        }
        let statements = match protocol::decode_batch(&batch) {
            Ok(statements) => statements.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>(),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let (now, bureau, from) = (self.now(), self.bureau(), peer.clone());
        // Signatures are verified on a snapshot, beside the writer.
        let judged = self
            .read(move |tx| -> Result<_, NodeError> {
                statements.into_iter().map(|one| judge(tx, &bureau, &from, one, now)).collect()
            })
            .await;
        let judged: Vec<Judged> = judged?;
        let taken: Vec<Taken> = judged.iter().map(Judged::taken).collect();
        self.write(move |tx, _| -> Result<(), NodeError> {
            for one in &judged {
                if let Judged::Holds(later, attached) = one {
                    attach(tx, *later, attached, now)?;
                    crate::failpoint::pass("stage-attached");
                }
            }
            Ok(())
        })
        .await?;
        crate::failpoint::pass("stage-kept");
        Ok(Ok(protocol::encode_taken(&taken)))
    }
}

/// How long a statement waits that the partner could not judge.
const LATER_SECONDS: i64 = 30;

/// What a statement of a partner is worth.
enum Judged {
    Holds(LaterStage, Attached),
    Refused,
    Later,
}

impl Judged {
    fn taken(&self) -> Taken {
        match self {
            Self::Holds(..) => Taken::Kept,
            Self::Refused => Taken::Refused,
            Self::Later => Taken::Later,
        }
    }
}

fn judge(
    tx: &mut dyn Tx,
    bureau: &Bureau,
    peer: &Administration,
    statement: Vec<u8>,
    now: Timestamp,
) -> Result<Judged, NodeError> {
    if bureau.suspended.contains_key(peer) {
        // It keeps what it has to say until the exchange is resumed.
        return Ok(Judged::Later);
    }
    let refused = |reason: &dyn std::fmt::Display| {
        tracing::warn!(%peer, %reason, "refused a staged statement");
        Ok(Judged::Refused)
    };
    let message_id = match protocol::stage_is_about(&statement) {
        Ok(message_id) => message_id,
        Err(error) => return refused(&error),
    };
    let letter = outbox::sent(tx, message_id)?.filter(|letter| letter.recipient == *peer);
    let Some(letter) = letter else {
        return refused(&"no such message was sent to this partner");
    };
    let Some(digest) = letter.envelope.as_deref().and_then(statement_of) else {
        return refused(&"nothing of this message has left");
    };
    let Ok(agreement) = serde_json::from_str::<AgreementOnRecord>(&letter.agreement) else {
        return refused(&"the letter on record is damaged");
    };
    let keys = Under { register: bureau, agreement: &agreement.id, now };
    match protocol::verify_stage(&statement, (message_id, digest), peer, &keys, now) {
        Ok((later, stage)) => {
            let (code, words) = stage.reason.map(|reason| (reason.code, reason.words)).unwrap_or_default();
            let attached = Attached { message_id, stage: later.code(), at: stage.at, code, words, statement };
            Ok(Judged::Holds(later, attached))
        }
        // The key may be entered here in a while.
        Err(error @ exchange::AnswerError::KeyNotActive { .. }) => {
            tracing::warn!(%peer, %error, "a staged statement waits");
            Ok(Judged::Later)
        }
        Err(error) => refused(&error),
    }
}

fn statement_of(envelope: &[u8]) -> Option<Digest> {
    Envelope::decode(envelope).ok().map(|envelope| evidence::digest_of(envelope.statement))
}

/// Keeps a statement that holds: with the letter, in our log, and with the document if it is about one.
fn attach(
    tx: &mut dyn Tx,
    later: LaterStage,
    attached: &Attached,
    now: Timestamp,
) -> Result<(), ReceptionError> {
    if !stages::receive(tx, attached, now)? {
        return Ok(());
    }
    enter_in_log(tx, &attached.statement, now)?;
    let standing = match later {
        LaterStage::Decided(Decided::Accepted) => Standing::Accepted,
        LaterStage::Decided(Decided::Declined) => Standing::Declined,
        LaterStage::Expired => Standing::Undecided,
        LaterStage::Decided(Decided::Rejected) | LaterStage::Delivered => return Ok(()),
    };
    documents::settle_sent(tx, &attached.message_id.to_string(), standing, &attached.words, attached.at)?;
    Ok(())
}

fn view(letter: &SentLetter, attached: &[Attached], replacements: Replacements) -> DeliveryView {
    let known = match letter.status {
        Status::Waiting | Status::Ready if letter.withdrawn => DeliveryStatus::Expired,
        Status::Waiting | Status::Ready if letter.envelope.is_some() => DeliveryStatus::Sent,
        Status::Waiting | Status::Ready => DeliveryStatus::Queued,
        Status::Delivered => DeliveryStatus::Received,
        Status::Refused => DeliveryStatus::Refused,
        Status::Expired => DeliveryStatus::Expired,
    };
    let stages = attached.iter().filter_map(|one| {
        let stage = match one.stage {
            2 => DeliveryStatus::Decided,
            3 => DeliveryStatus::Delivered,
            4 => DeliveryStatus::Expired,
            _ => return None,
        };
        Some(StageView { stage, at: one.at.as_micros(), code: one.code.clone(), words: one.words.clone() })
    });
    let stages: Vec<StageView> = stages.collect();
    // A decision that came after the time was over stands: what was decided counts for more than what was late.
    let furthest = stages.iter().map(|one| one.stage).fold(known, |status, next| {
        if status.may_become(next) || status < next && !status.is_final() { next } else { status }
    });
    DeliveryView { status: furthest, stages, replacements }
}
