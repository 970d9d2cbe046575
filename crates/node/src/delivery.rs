//! Deliveries: letters that are due are taken from the outbox, sealed and signed, taken to the partner, and settled by its
//! answer.
//!
//! Which letters are under way is kept in memory ([`crate::circuits`]): a letter is sent when its statement is durable, and
//! nothing else of an attempt needs to be.

use crate::bureau::Bureau;
use crate::circuits::Place;
use crate::documents::{DOCUMENT, DOCUMENT_MEDIA, DOCUMENT_PART};
use crate::due::{self, Due, Found};
use crate::effort::Step;
use crate::failpoint;
use crate::messages::{self, outcome};
use crate::node::{Node, NodeError};
use crate::post::{PART, XML};
use crate::proofs;
use crate::reception::{ReceptionError, enter_in_log};
use crate::transparency::Receipted;
use base::{Administration, MessageId, Timestamp};
use evidence::{AgreementReference, Channel, merkle};
use exchange::{
    Acknowledged, Backoff, Envelope, Outcome, OutgoingLetter, OutgoingPart, PrepareError, Prepared, Reason,
    Sender, Under,
};
use hyper::body::Bytes;
use std::sync::Arc;
use std::time::Duration;
use store::{Tx, outbox};

/// How many letters are withdrawn in one transaction.
const WITHDRAWN_AT_ONCE: usize = 256;

/// How long a letter keeps its place on which this node failed when as many as may rest do so: as when its disk is full,
/// when no other letter would fare better.
const FAILED_REST: Duration = Duration::from_secs(5);

/// How long a letter waits whose recipient has no valid card, or with whom the exchange is suspended; when it is resumed
/// the letter is due at once.
const NO_CARD_MICROS: i64 = 60_000_000;

/// Why a letter cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    #[error("`{0}` has no card here: enter the partner's card")]
    NoCard(Administration),
    #[error("{0}")]
    Stale(String),
    #[error("the letter on record is damaged: {0}")]
    Damaged(String),
    #[error(transparent)]
    Prepare(#[from] PrepareError),
}

impl Node {
    /// Takes the letters that are due, as many to each partner as may be under way, and starts their deliveries. Tells
    /// whether more may be due.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn start_deliveries(self: &Arc<Self>) -> Result<bool, NodeError> {
        if self.log_operator().sound().is_err() {
            // Every letter enters a statement in the log; they wait until its database is put right.
            return Ok(false);
        }
        let (now, circuits, bureau) = (self.now(), self.circuits().clone(), self.bureau());
        failpoint::pass("look-before");
        circuits.begin_look(now);
        let Found { letters, trials, more } =
            self.read_as(Step::Claim, move |tx| due::look(tx, &bureau, &circuits, now)).await?;
        if !letters.is_empty() {
            failpoint::pass("look-after");
        }
        for Due { claim, attached } in letters {
            let Some(place) = self.circuits().enter_found(&claim.recipient, claim.id, claim.bytes()) else {
                continue;
            };
            if trials.contains(&claim.id) && !self.circuits().begin_trial(&claim.recipient, now) {
                continue;
            }
            self.start(Due { claim, attached }, place);
        }
        Ok(more)
    }

    /// Starts the delivery of a letter that has its place. Each on its own, so that letters are sealed on all cores and
    /// none waits for another.
    pub(crate) fn start(self: &Arc<Self>, due: Due, place: Place) {
        failpoint::pass("under-way");
        let node = Arc::clone(self);
        tokio::spawn(async move {
            // A letter that makes this node panic must not come again at once either.
            let attempt = Attempt { node: &node, place };
            let ended = match node.dispatch(due).await {
                Ok(Dispatched::Ended) => Ok(()),
                Ok(Dispatched::Wanted(claim, envelope, wanted)) => {
                    attempt.place.step_aside();
                    // What found no place beside it may go now.
                    node.wake_sender();
                    node.transfer(*claim, envelope, wanted).await
                }
                Err(error) => Err(error),
            };
            match ended {
                Ok(()) => attempt.place.ended(),
                Err(error) => {
                    tracing::error!(%error, "a delivery could not be settled");
                    if !attempt.place.failed(node.now()) {
                        tokio::time::sleep(FAILED_REST).await;
                    }
                }
            }
            drop(attempt);
            // A letter that found no place may be due, and so may be the next of the channel.
            node.wake_sender();
        });
    }

    /// Withdraws letters whose time is over and of which nothing has left. Returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn withdraw_overdue(&self) -> Result<usize, NodeError> {
        if self.sound().is_err() {
            return Ok(0);
        }
        let now = self.now();
        let due = self
            .read(move |tx| -> Result<_, NodeError> { Ok(outbox::overdue(tx, now, WITHDRAWN_AT_ONCE)?) })
            .await?;
        let count = due.len();
        if count == 0 {
            return Ok(0);
        }
        self.write(move |tx, _| -> Result<(), NodeError> {
            for (id, exchange_id) in due {
                if outbox::withdraw(tx, id, now)? {
                    let words = "a message was not sent in time, and is not sent any more";
                    messages::note_undelivered(tx, &exchange_id, now, words)?;
                    messages::set_fate(tx, &exchange_id, outcome::EXPIRED)?;
                }
            }
            Ok(())
        })
        .await?;
        Ok(count)
    }

    /// Seals a letter, unless it has been sealed before, and delivers it.
    async fn dispatch(&self, Due { mut claim, attached }: Due) -> Result<Dispatched, NodeError> {
        let suspended = self.bureau().suspended.get(&claim.recipient).cloned();
        if let Some(reason) = suspended {
            let until = self.now().plus_micros(NO_CARD_MICROS);
            let reason = format!("the exchange is suspended here: {reason}");
            self.write(move |tx, _| -> Result<(), NodeError> {
                Ok(outbox::postponed(tx, claim.id, until, &reason).map(drop)?)
            })
            .await?;
            return Ok(Dispatched::Ended);
        }
        // A letter that was sealed before keeps its bytes, so that every attempt delivers the same statement.
        let envelope = match claim.envelope.take() {
            Some(envelope) => envelope,
            None => match self.seal(&claim, attached).await? {
                Some(envelope) => envelope,
                None => return Ok(Dispatched::Ended),
            },
        };
        // It is not read any more, and a delivery may take long.
        claim.cleared = Vec::new();
        self.deliver(claim, envelope.into()).await
    }

    /// Seals and signs a letter, and enters its statement in our log. `None` when it cannot be sealed; what became of it
    /// is noted then.
    async fn seal(&self, claim: &outbox::Claim, attached: bool) -> Result<Option<Vec<u8>>, NodeError> {
        let now = self.now();
        let (id, message_id, withdrawn) = (claim.id, claim.message_id, claim.withdrawn.is_some());
        let attachments = if attached { self.outgoing_attachments(claim).await? } else { Some(Vec::new()) };
        failpoint::pass("seal-before");
        let prepared =
            self.effort().of(Step::Prepare, || prepare(&self.bureau(), claim, attachments.as_deref(), now));
        failpoint::pass("seal-after");
        let entered = self
            .write_as(Step::Enter, move |tx, _| -> Result<_, NodeError> {
                match prepared {
                    Ok(prepared) => Ok(enter(tx, (id, message_id, withdrawn), prepared, now)?),
                    // A card or key may be entered any time; a letter that is damaged never mends.
                    Err(SealError::NoCard(partner)) => {
                        let reason = format!("`{partner}` has no valid card here: enter its card");
                        tracing::error!(message = %message_id, reason, "a letter cannot be sealed");
                        outbox::postponed(tx, id, now.plus_micros(NO_CARD_MICROS), &reason)?;
                        Ok(None)
                    }
                    Err(SealError::Stale(reason)) => {
                        tracing::error!(message = %message_id, reason, "a letter waits for the key register");
                        outbox::postponed(tx, id, now.plus_micros(NO_CARD_MICROS), &reason)?;
                        Ok(None)
                    }
                    Err(error) => {
                        outbox::refused(tx, id, &error.to_string(), now)?;
                        messages::set_fate(tx, &message_id.to_string(), outcome::REFUSED)?;
                        Ok(None)
                    }
                }
            })
            .await?;
        failpoint::pass("enter-after-commit");
        if entered.is_some() {
            self.statements_entered(1);
        }
        Ok(entered)
    }

    /// Tells the operator of the log that it has grown.
    pub(crate) fn statements_entered(&self, count: u64) {
        self.log_operator().leaves_entered(count, u64::from(self.config().log.checkpoint_leaves));
    }

    /// Takes one letter to its partner and settles it by the answer, unless attachments come first.
    async fn deliver(&self, claim: outbox::Claim, envelope: Bytes) -> Result<Dispatched, NodeError> {
        // A letter that was sealed before its time was over is delivered all the same: the partner may have it already,
        // and gives its receipt again; if not, it refuses the letter as too late, which keeps the channel without gaps.
        let offered = match self.offer(&claim, &envelope).await {
            Offered::Missing(number) => self.close_gap(&claim, &envelope, number).await?,
            offered => offered,
        };
        let fate = match offered {
            Offered::Wanted(wanted) => return Ok(Dispatched::Wanted(Box::new(claim), envelope, wanted)),
            Offered::Missing(number) => Fate::missing(number),
            Offered::Fate(fate) => fate,
        };
        self.settle(claim, fate).await?;
        Ok(Dispatched::Ended)
    }

    /// Keeps the receipt of a letter, to be compared with what the recipient's log shows later.
    fn keep_receipt_of(&self, recipient: &Administration, envelope: &[u8], acknowledged: Acknowledged) {
        if !self.awaits_receipt(recipient) {
            return;
        }
        let Ok(envelope) = Envelope::decode(envelope) else { return };
        let Acknowledged { included, receipt, .. } = acknowledged;
        let leaf = merkle::leaf_hash(envelope.statement);
        self.keep_receipt(recipient, Receipted { receipt, leaf, size: included.size, root: included.root });
    }

    /// Takes an envelope to its partner, and says what its answer means.
    pub(crate) async fn offer(&self, claim: &outbox::Claim, envelope: &Bytes) -> Offered {
        failpoint::pass("deliver-before-send");
        let answer = self.transport().deliver(&claim.recipient, envelope.clone()).await;
        failpoint::pass("deliver-after-answer");
        let offered = match answer {
            Err(error) => Offered::Fate(Fate::Away(error.to_string())),
            Ok(answer) => {
                self.counters().channel().heard(&claim.recipient, self.now());
                self.understand(claim, envelope, answer)
            }
        };
        match &offered {
            Offered::Fate(Fate::Away(_)) => self.circuits().failed(&claim.recipient, self.now()),
            _ => self.circuits().answered(&claim.recipient),
        }
        offered
    }

    /// What a partner's answer to an envelope means.
    fn understand(&self, claim: &outbox::Claim, envelope: &[u8], answer: Vec<u8>) -> Offered {
        let bureau = self.bureau();
        let agreement = agreement_of(claim);
        let now = self.now();
        let keys = Under { register: &*bureau, agreement: &agreement, now };
        let verify = || exchange::verify_response(&answer, envelope, &keys, now);
        let verified = self.effort().of(Step::Verify, verify);
        Offered::Fate(match verified {
            Ok(Outcome::Acknowledged(acknowledged)) => {
                self.keep_receipt_of(&claim.recipient, envelope, acknowledged);
                match claim.withdrawn {
                    Some(_) => Fate::Expired {
                        receipt: Some(answer),
                        reason: "its time was over before anything of it had left".to_owned(),
                    },
                    None => Fate::Delivered(answer),
                }
            }
            Ok(Outcome::Wanted(wanted)) => return Offered::Wanted(wanted),
            Ok(Outcome::Gap { expected }) => return Offered::Missing(expected),
            Ok(Outcome::Conflict(conflict)) => {
                Fate::Refused(format!("`{}` has another message under this identity", conflict.by))
            }
            Ok(Outcome::Refused(refused)) if refused.reason == Some(Reason::Expired) => {
                Fate::Expired { receipt: None, reason: refused.words }
            }
            Ok(Outcome::Refused(refused)) if refused.settles() => Fate::Refused(refused.words),
            // No room for attachments says nothing about letters without.
            Ok(Outcome::Refused(refused))
                if matches!(refused.reason, Some(Reason::QuotaExceeded | Reason::NoRoom)) =>
            {
                Fate::Later(refused.words)
            }
            Ok(Outcome::Refused(refused)) if of_old_key(&bureau, &refused, envelope) => {
                Fate::Again(refused.words)
            }
            // About us as a whole: the next letter would fare no better.
            Ok(Outcome::Refused(refused))
                if matches!(refused.reason, Some(Reason::PartnerSuspended | Reason::UnknownSender)) =>
            {
                Fate::Away(refused.words)
            }
            // About this letter, its agreement or its purpose: a key, a register, a setting. The partner has answered,
            // and letters of other agreements may be welcome. It has recorded nothing and may never take it, so the
            // letter ends with its time; the number that the partner has not used then is seen to in `close_gap`.
            Ok(Outcome::Refused(refused)) if claim.expires <= self.now() => Fate::Expired {
                receipt: None,
                reason: format!("it was refused until its time was over: {}", refused.words),
            },
            Ok(Outcome::Refused(refused)) => Fate::Declined(refused.words),
            Err(error) => Fate::Away(error.to_string()),
        })
    }

    pub(crate) async fn settle(&self, claim: outbox::Claim, fate: Fate) -> Result<(), NodeError> {
        let now = self.now();
        let mut jitter = [0u8; 8];
        self.world().entropy.fill(&mut jitter);
        let attempt = u32::try_from(claim.attempts).unwrap_or(u32::MAX);
        let wait = self.backoff().delay(attempt, u64::from_le_bytes(jitter));
        self.counters().settled(&fate);
        let again = !matches!(fate, Fate::Later(_) | Fate::Away(_) | Fate::Declined(_));
        let settled = claim.message_id;
        failpoint::pass("settle-before");
        self.write_as(Step::Settle, move |tx, _| -> Result<(), NodeError> {
            let exchange_id = claim.message_id.to_string();
            match fate {
                Fate::Delivered(receipt) => {
                    outbox::delivered(tx, claim.id, &receipt, now)?;
                    messages::set_fate(tx, &exchange_id, outcome::DELIVERED)?;
                }
                Fate::Refused(reason) => {
                    tracing::error!(message = %claim.message_id, to = %claim.recipient, reason, "a letter was refused");
                    let words = format!("{} to {} will not arrive: {reason}", claim.message_type, claim.recipient);
                    messages::note_undelivered(tx, &exchange_id, now, &words)?;
                    outbox::refused(tx, claim.id, &reason, now)?;
                    messages::set_fate(tx, &exchange_id, outcome::REFUSED)?;
                }
                Fate::Again(reason) => {
                    tracing::info!(message = %claim.message_id, to = %claim.recipient, reason, "a letter is signed anew");
                    outbox::unsealed(tx, claim.id, now, &reason)?;
                }
                Fate::Expired { receipt, reason } => {
                    tracing::warn!(message = %claim.message_id, to = %claim.recipient, reason, "a letter expired");
                    if claim.withdrawn.is_none() {
                        let words = format!("{} to {} came too late: {reason}", claim.message_type, claim.recipient);
                        messages::note_undelivered(tx, &exchange_id, now, &words)?;
                    }
                    outbox::expired(tx, claim.id, receipt.as_deref(), &reason, now)?;
                    messages::set_fate(tx, &exchange_id, outcome::EXPIRED)?;
                }
                Fate::Declined(reason) => {
                    tracing::warn!(message = %claim.message_id, to = %claim.recipient, reason, "a letter is not taken");
                    outbox::declined(tx, claim.id, now.plus_micros(wait), &reason)?;
                }
                Fate::Later(reason) | Fate::Away(reason) => {
                    tracing::info!(message = %claim.message_id, to = %claim.recipient, reason, "a letter waits");
                    outbox::postponed(tx, claim.id, now.plus_micros(wait), &reason)?;
                }
            }
            failpoint::pass("settle-before-commit");
            Ok(())
        })
        .await?;
        failpoint::pass("settle-after-commit");
        if again {
            self.settlements().tell(settled);
        }
        Ok(())
    }

    fn backoff(&self) -> Backoff {
        let micros = |millis: u32| i64::from(millis) * 1_000;
        let exchange = &self.config().exchange;
        Backoff { first: micros(exchange.retry_first_ms), longest: micros(exchange.retry_longest_ms) }
    }
}

/// An attempt to deliver a letter: should it panic, the letter rests.
struct Attempt<'n> {
    node: &'n Node,
    place: Place,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.place.failed(self.node.now());
        }
    }
}

/// How far a delivery has come by itself.
enum Dispatched {
    /// It has ended; what became of the letter is durable.
    Ended,
    /// The partner wants chunks of attachments of this letter first.
    Wanted(Box<outbox::Claim>, Bytes, exchange::Wanted),
}

/// What the answer to an envelope means.
pub(crate) enum Offered {
    /// The delivery ends.
    Fate(Fate),
    /// Chunks of attachments come first.
    Wanted(exchange::Wanted),
    /// The letter with this number in the channel comes first.
    Missing(u64),
}

/// What became of a delivery.
pub(crate) enum Fate {
    /// The partner has receipted it.
    Delivered(Vec<u8>),
    /// The partner, or we, will never take it.
    Refused(String),
    /// Its time was over.
    Expired {
        /// The receipt of the tombstone that was sent in its place.
        receipt: Option<Vec<u8>>,
        /// How that is known.
        reason: String,
    },
    /// It is tried again.
    Later(String),
    /// The partner refuses it for something that may yet change; it is tried again until its time is over.
    Declined(String),
    /// The partner is away, or takes nothing from us for now; it is tried again.
    Away(String),
    /// The partner has not taken it, as the key that signed it counts no more: it is sealed and signed anew.
    Again(String),
}

impl Fate {
    /// An earlier number of the channel is missing at the partner.
    pub(crate) fn missing(number: u64) -> Self {
        Self::Later(format!("number {number} is missing there"))
    }
}

pub(crate) fn prepare(
    bureau: &Bureau,
    claim: &outbox::Claim,
    attachments: Option<&[exchange::OutgoingAttachment]>,
    now: Timestamp,
) -> Result<Prepared, SealError> {
    let damaged = |error: &dyn std::fmt::Display| SealError::Damaged(error.to_string());
    let attachments = attachments.ok_or_else(|| damaged(&"an attachment was erased before it left"))?;
    let agreement: AgreementOnRecord =
        serde_json::from_str(&claim.agreement).map_err(|error| damaged(&error))?;
    if let Some(reason) = bureau.stale_for(&agreement.id, &claim.purpose, now) {
        return Err(SealError::Stale(reason));
    }
    let card = bureau.recipient_card(&agreement.id, &claim.recipient, now);
    let card = card.ok_or_else(|| SealError::NoCard(claim.recipient.clone()))?;
    let (name, media_type) = match claim.message_type.as_str() {
        DOCUMENT => (DOCUMENT_PART, DOCUMENT_MEDIA),
        _ => (PART, XML),
    };
    let letter = OutgoingLetter {
        message_id: claim.message_id,
        channel: Channel::parse(&claim.channel).map_err(|error| damaged(&error))?,
        sequence: u64::try_from(claim.sequence).map_err(|error| damaged(&error))?,
        agreement: AgreementReference { id: agreement.id, version: agreement.version, hash: agreement.hash },
        clause: claim.clause.clone(),
        purpose: claim.purpose.clone(),
        created: claim.created,
        expires: claim.expires,
        exercise: bureau.exercise,
        parts: if claim.withdrawn.is_some() {
            Vec::new()
        } else {
            vec![OutgoingPart {
                name: name.to_owned(),
                media_type: media_type.to_owned(),
                content: claim.cleared.clone(),
                fields: crate::fields::of(media_type, &claim.cleared),
            }]
        },
    };
    let sender = Sender { administration: &bureau.administration, sign: &bureau.identity.keys.sign };
    let random = &mut |bytes: &mut [u8]| bureau.world.entropy.fill(bytes);
    Ok(exchange::prepare_with(&letter, attachments, &sender, &card, random)?)
}

/// The agreement that a letter is sent under; a letter that does not name one was never sealed.
fn agreement_of(claim: &outbox::Claim) -> String {
    serde_json::from_str::<AgreementOnRecord>(&claim.agreement).map(|found| found.id).unwrap_or_default()
}

/// Whether the partner refused a letter for the key that signed it, and we sign with another now. Nothing of the letter
/// was recorded there then, so that the same message may come again under another signature.
fn of_old_key(bureau: &Bureau, refused: &exchange::Refused, envelope: &[u8]) -> bool {
    let for_the_key = matches!(refused.reason, Some(Reason::KeyRevoked | Reason::KeyNotActive));
    let signed_with = exchange::read_statement(envelope).map(|incoming| incoming.key_id());
    for_the_key && signed_with.is_ok_and(|key| key != bureau.identity.keys.sign.key_id())
}

/// The agreement of a letter, as the outbox keeps it.
#[derive(serde::Deserialize)]
pub(crate) struct AgreementOnRecord {
    pub(crate) id: String,
    version: u32,
    hash: base::Digest,
}

/// Stores the sealed bytes of a letter, or of its tombstone when it was withdrawn, and enters the statement in our log. What
/// was sealed before keeps its bytes, and `None` means that nothing may leave: it was withdrawn meanwhile.
pub(crate) fn enter(
    tx: &mut dyn Tx,
    (id, message_id, withdrawn): (i64, MessageId, bool),
    prepared: Prepared,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, ReceptionError> {
    failpoint::pass("enter-before-envelope");
    if !outbox::sealed(tx, id, &prepared.envelope, withdrawn)? {
        return Ok(outbox::envelope(tx, id)?);
    }
    failpoint::pass("enter-before-log");
    let place = enter_in_log(tx, &prepared.statement, now)?;
    failpoint::pass("enter-before-commit");
    if let Some(secret) = prepared.secrets.first() {
        proofs::keep_sent(tx, &message_id, secret.as_bytes(), place)?;
    }
    Ok(Some(prepared.envelope))
}
