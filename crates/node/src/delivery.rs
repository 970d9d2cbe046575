//! Deliveries: letters are claimed from the outbox, sealed and signed, taken to the partner, and settled by its answer.

use crate::bureau::Bureau;
use crate::documents::{DOCUMENT, DOCUMENT_MEDIA, DOCUMENT_PART};
use crate::effort::Step;
use crate::messages::{self, outcome};
use crate::node::{Node, NodeError};
use crate::post::{PART, XML};
use crate::proofs;
use crate::reception::{ReceptionError, load_frontier};
use base::{Administration, MessageId, Timestamp};
use evidence::{AgreementReference, Channel, merkle};
use exchange::{
    Backoff, Outcome, OutgoingLetter, OutgoingPart, PrepareError, Prepared, Reason, Sender, Under,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Tx, log, outbox};

/// How many letters are claimed at once.
const CLAIMS: usize = 64;

/// How long a claim lasts: longer than the longest delivery, so that no letter is under way twice.
const LEASE_MICROS: i64 = 30_000_000;

/// How many letters to one partner may be under way: a partner that answers slowly must not hold up the others, nor fill
/// the memory of this node.
const UNDER_WAY: usize = 64;

/// How long a letter waits whose recipient has no valid card, or with whom the exchange is suspended; when it is resumed
/// the letter is due at once.
const NO_CARD_MICROS: i64 = 60_000_000;

/// The deliveries that are under way, by partner.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderWay(Arc<Mutex<BTreeMap<Administration, usize>>>);

/// The place of one delivery; it is given back when it is dropped.
struct Place {
    partner: Administration,
    under_way: UnderWay,
}

impl UnderWay {
    fn counts(&self) -> MutexGuard<'_, BTreeMap<Administration, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many more letters to `partner` may be under way.
    fn left(&self, partner: &Administration) -> usize {
        UNDER_WAY.saturating_sub(self.counts().get(partner).copied().unwrap_or_default())
    }

    /// A place for a delivery to `partner`. The one loop that claims letters claims no more than are left.
    fn enter(&self, partner: &Administration) -> Place {
        *self.counts().entry(partner.clone()).or_default() += 1;
        Place { partner: partner.clone(), under_way: self.clone() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(count) = self.under_way.counts().get_mut(&self.partner) {
            *count = count.saturating_sub(1);
        }
    }
}

/// Why a claimed letter cannot be sealed.
#[derive(Debug, thiserror::Error)]
enum SealError {
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
    /// Claims the letters that are due, as many to each partner as may be under way, and starts their deliveries. Tells
    /// whether more may be due.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn start_deliveries(self: &Arc<Self>) -> Result<bool, NodeError> {
        if self.log_operator().behind().is_some() {
            // Every letter enters a statement in the log; they wait until its database is put right.
            return Ok(false);
        }
        let (now, under_way) = (self.now(), self.under_way().clone());
        let (claims, more) = self
            .write_as(Step::Claim, move |tx, _| -> Result<_, NodeError> {
                let (mut claims, mut more) = (Vec::new(), false);
                for recipient in outbox::recipients(tx)? {
                    // A partner that has no place left is looked at again when one of its letters is settled.
                    let limit = under_way.left(&recipient).min(CLAIMS);
                    let found = outbox::claim_to(tx, "sender", &recipient, now, LEASE_MICROS, limit)?;
                    more |= found.len() == limit && limit == CLAIMS;
                    claims.extend(found);
                }
                Ok((claims, more))
            })
            .await?;
        for claim in claims {
            let (node, place) = (Arc::clone(self), self.under_way().enter(&claim.recipient));
            // Each on its own, so that letters are sealed on all cores and none waits for another.
            tokio::spawn(async move {
                if let Err(error) = node.dispatch(claim).await {
                    // The lease runs out, and the letter is claimed again.
                    tracing::error!(%error, "a delivery could not be settled");
                }
                drop(place);
                // A letter that found no place may be due, and so may be the next of the channel.
                node.wake_sender();
            });
        }
        Ok(more)
    }

    /// Gives back the letters that were claimed when this node last stopped: nobody delivers them any more, and
    /// without this they would wait for their leases to run out.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn release_claims(&self) -> Result<(), NodeError> {
        let now = self.now();
        self.write(move |tx, _| -> Result<(), NodeError> {
            tx.execute(
                "UPDATE outbox SET available = ?1, worker = NULL WHERE status = 'ready' AND worker IS NOT NULL",
                &[now.into()],
            )?;
            Ok(())
        })
        .await
    }

    /// Seals a letter, unless it has been sealed before, and delivers it.
    async fn dispatch(self: &Arc<Self>, mut claim: outbox::Claim) -> Result<(), NodeError> {
        let suspended = self.bureau().suspended.get(&claim.recipient).cloned();
        if let Some(reason) = suspended {
            let until = self.now().plus_micros(NO_CARD_MICROS);
            let reason = format!("the exchange is suspended here: {reason}");
            return self
                .write(move |tx, _| -> Result<(), NodeError> {
                    Ok(outbox::postponed(tx, claim.id, until, &reason).map(drop)?)
                })
                .await;
        }
        // A letter that was sealed before keeps its bytes, so that every attempt delivers the same statement.
        let envelope = match claim.envelope.take() {
            Some(envelope) => envelope,
            None => match self.seal(&claim).await? {
                Some(envelope) => envelope,
                None => return Ok(()),
            },
        };
        self.deliver(claim, envelope).await
    }

    /// Seals and signs a letter, and enters its statement in our log. `None` when it cannot be sealed; what became of it
    /// is noted then.
    async fn seal(&self, claim: &outbox::Claim) -> Result<Option<Vec<u8>>, NodeError> {
        let now = self.now();
        let (id, message_id) = (claim.id, claim.message_id);
        let prepared = self.effort().of(Step::Prepare, || prepare(&self.bureau(), claim, now));
        let entering = self.write_as(Step::Enter, move |tx, _| -> Result<_, NodeError> {
            match prepared {
                Ok(prepared) => Ok(enter(tx, id, message_id, prepared, now)?),
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
        });
        let envelope = entering.await?;
        if envelope.is_some() {
            self.log_operator().leaves_entered(1, u64::from(self.config().log.checkpoint_leaves));
        }
        Ok(envelope)
    }

    /// Takes one letter to its partner and settles it by the answer.
    async fn deliver(self: &Arc<Self>, claim: outbox::Claim, envelope: Vec<u8>) -> Result<(), NodeError> {
        // A letter that has expired is delivered all the same: the partner refuses it as expired, and only that frees
        // the channel for the letters behind it.
        let answer = self.transport().deliver(&claim.recipient, envelope.clone()).await;
        let fate = match answer {
            Err(error) => Fate::Later(error.to_string()),
            Ok(answer) => {
                self.counters().channel().heard(&claim.recipient, self.now());
                let bureau = self.bureau();
                let agreement = agreement_of(&claim);
                let keys = Under { register: &*bureau, agreement: &agreement, now: self.now() };
                match self.effort().of(Step::Verify, || exchange::verify_response(&answer, &envelope, &keys))
                {
                    Ok(Outcome::Acknowledged(_)) => Fate::Delivered(answer),
                    Ok(Outcome::Gap { expected }) => {
                        Fate::Later(format!("number {expected} is missing there"))
                    }
                    Ok(Outcome::Conflict(conflict)) => {
                        Fate::Refused(format!("`{}` has another message under this identity", conflict.by))
                    }
                    Ok(Outcome::Refused(refused)) if refused.settles() => Fate::Refused(refused.words),
                    Ok(Outcome::Refused(refused)) if of_old_key(&bureau, &refused, &envelope) => {
                        Fate::Again(refused.words)
                    }
                    Ok(Outcome::Refused(refused)) => Fate::Later(refused.words),
                    Err(error) => Fate::Later(error.to_string()),
                }
            }
        };
        self.settle(claim, fate).await
    }

    async fn settle(self: &Arc<Self>, claim: outbox::Claim, fate: Fate) -> Result<(), NodeError> {
        let now = self.now();
        let mut jitter = [0u8; 8];
        self.world().entropy.fill(&mut jitter);
        let attempt = u32::try_from(claim.attempts).unwrap_or(u32::MAX);
        let wait = self.backoff().delay(attempt, u64::from_le_bytes(jitter));
        self.counters().settled(&fate);
        let again = matches!(fate, Fate::Delivered(_) | Fate::Refused(_));
        let settled = claim.message_id;
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
                Fate::Later(reason) => {
                    tracing::info!(message = %claim.message_id, to = %claim.recipient, reason, "a letter waits");
                    outbox::postponed(tx, claim.id, now.plus_micros(wait), &reason)?;
                }
            }
            Ok(())
        })
        .await?;
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

/// What became of a delivery.
pub(crate) enum Fate {
    /// The partner has receipted it.
    Delivered(Vec<u8>),
    /// The partner, or we, will never take it.
    Refused(String),
    /// It is tried again.
    Later(String),
    /// The partner has not taken it, as the key that signed it counts no more: it is sealed and signed anew.
    Again(String),
}

fn prepare(bureau: &Bureau, claim: &outbox::Claim, now: Timestamp) -> Result<Prepared, SealError> {
    let damaged = |error: &dyn std::fmt::Display| SealError::Damaged(error.to_string());
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
        parts: vec![OutgoingPart {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            content: claim.cleared.clone(),
            fields: crate::fields::of(media_type, &claim.cleared),
        }],
    };
    let sender = Sender { administration: &bureau.administration, sign: &bureau.identity.keys.sign };
    Ok(exchange::prepare(&letter, &sender, &card, &mut |bytes| bureau.world.entropy.fill(bytes))?)
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
struct AgreementOnRecord {
    id: String,
    version: u32,
    hash: base::Digest,
}

/// Stores the sealed bytes and enters the statement in our log. A letter that another worker has sealed meanwhile keeps
/// that worker's bytes.
fn enter(
    tx: &mut dyn Tx,
    id: i64,
    message_id: MessageId,
    prepared: Prepared,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, ReceptionError> {
    if !outbox::sealed(tx, id, &prepared.envelope)? {
        return Ok(outbox::envelope(tx, id)?);
    }
    let leaf = merkle::leaf_hash(&prepared.statement);
    let mut frontier = load_frontier(tx)?;
    frontier.append(leaf);
    let place = log::append(tx, &prepared.statement, leaf, now)?;
    log::save_frontier(tx, &frontier.to_bytes())?;
    if let Some(secret) = prepared.secrets.first() {
        proofs::keep_sent(tx, &message_id, secret.as_bytes(), place)?;
    }
    Ok(Some(prepared.envelope))
}
