//! Deliveries: letters are claimed from the outbox, sealed and signed, taken to the partner, and settled by its answer.

use crate::bureau::Bureau;
use crate::documents::{DOCUMENT, DOCUMENT_MEDIA, DOCUMENT_PART};
use crate::messages::{self, outcome};
use crate::node::{Node, NodeError};
use crate::post::{PART, XML};
use crate::reception::{ReceptionError, load_frontier};
use base::{Administration, Timestamp};
use evidence::{AgreementReference, Channel, merkle};
use exchange::{Backoff, Outcome, OutgoingLetter, OutgoingPart, PrepareError, Prepared, Register, Sender};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::{Tx, log, outbox};

/// How many letters are claimed at once.
const CLAIMS: usize = 64;

/// How long a claim lasts: longer than the longest delivery, so that no letter is under way twice.
const LEASE_MICROS: i64 = 30_000_000;

/// How many letters to one partner may be under way: a partner that answers slowly must not hold up the others, nor fill
/// the memory of this node.
const UNDER_WAY: usize = 48;

/// How long a letter waits that finds so many under way.
const CROWDED_MICROS: i64 = 250_000;

/// How long a letter waits whose recipient has no valid card, or with whom the exchange is suspended; when it is resumed
/// the letter is due at once.
const NO_CARD_MICROS: i64 = 60_000_000;

/// The deliveries that are under way, by partner.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(Arc<Mutex<BTreeMap<Administration, usize>>>);

/// The place of one delivery; it is given back when it is dropped.
pub(crate) struct Place {
    partner: Administration,
    counts: Arc<Mutex<BTreeMap<Administration, usize>>>,
}

impl UnderWay {
    /// A place for a delivery to `partner`, if there is one left.
    fn enter(&self, partner: &Administration) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(partner.clone()).or_default();
        if *count >= UNDER_WAY {
            return None;
        }
        *count += 1;
        Some(Place { partner: partner.clone(), counts: Arc::clone(&self.0) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.partner) {
            *count = count.saturating_sub(1);
        }
    }
}

/// A letter that is sealed and signed.
struct Sealed {
    claim: outbox::Claim,
    envelope: Vec<u8>,
}

/// Why a claimed letter cannot be sealed.
#[derive(Debug, thiserror::Error)]
enum SealError {
    #[error("`{0}` has no card here: enter the partner's card")]
    NoCard(Administration),
    #[error("the letter on record is damaged: {0}")]
    Damaged(String),
    #[error(transparent)]
    Prepare(#[from] PrepareError),
}

impl Node {
    /// Claims the letters that are due, and starts their deliveries. Returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn start_deliveries(self: &Arc<Self>) -> Result<usize, NodeError> {
        if self.log_operator().behind().is_some() {
            // Every letter enters a statement in the log; they wait until its database is put right.
            return Ok(0);
        }
        let now = self.now();
        let claims = self
            .write(move |tx, _| -> Result<_, NodeError> {
                Ok(outbox::claim(tx, "sender", now, LEASE_MICROS, CLAIMS)?)
            })
            .await?;
        let count = claims.len();
        if count == 0 {
            return Ok(0);
        }
        for sealed in self.seal(claims).await? {
            let node = Arc::clone(self);
            let under_way = self.under_way().enter(&sealed.claim.recipient);
            tokio::spawn(async move {
                let settled = match under_way {
                    Some(_place) => node.deliver(sealed).await,
                    None => node.settle(sealed.claim, Fate::Crowded).await,
                };
                if let Err(error) = settled {
                    // The lease runs out, and the letter is claimed again.
                    tracing::error!(%error, "a delivery could not be settled");
                }
            });
        }
        Ok(count)
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

    /// Seals and signs the letters that are not sealed yet, and enters their statements in our log. A letter that was
    /// sealed before keeps its bytes, so that every attempt delivers the same statement.
    async fn seal(self: &Arc<Self>, claims: Vec<outbox::Claim>) -> Result<Vec<Sealed>, NodeError> {
        let now = self.now();
        let mut sealed = Vec::new();
        let mut fresh: Vec<(outbox::Claim, Prepared)> = Vec::new();
        let mut failed = Vec::new();
        let mut waiting = Vec::new();
        let bureau = self.bureau();
        for claim in claims {
            if let Some(reason) = bureau.suspended.get(&claim.recipient) {
                waiting.push((claim.id, format!("the exchange is suspended here: {reason}")));
                continue;
            }
            if let Some(envelope) = claim.envelope.clone() {
                sealed.push(Sealed { claim, envelope });
                continue;
            }
            match prepare(&bureau, &claim, now) {
                Ok(prepared) => fresh.push((claim, prepared)),
                // A card or key may be entered any time; a letter that is damaged never mends.
                Err(SealError::NoCard(partner)) => {
                    let reason = format!("`{partner}` has no valid card here: enter its card");
                    tracing::error!(message = %claim.message_id, reason, "a letter cannot be sealed");
                    waiting.push((claim.id, reason));
                }
                Err(error) => failed.push((claim.id, claim.message_id, error.to_string())),
            }
        }
        if fresh.is_empty() && failed.is_empty() && waiting.is_empty() {
            return Ok(sealed);
        }
        let entered = self
            .write(move |tx, _| -> Result<Vec<Sealed>, NodeError> {
                for (id, reason) in waiting {
                    outbox::postponed(tx, id, now.plus_micros(NO_CARD_MICROS), &reason)?;
                }
                for (id, message_id, reason) in failed {
                    outbox::refused(tx, id, &reason, now)?;
                    messages::set_fate(tx, &message_id.to_string(), outcome::REFUSED)?;
                }
                Ok(enter(tx, fresh, now)?)
            })
            .await?;
        let leaves = u64::try_from(entered.len()).unwrap_or(u64::MAX);
        self.log_operator().leaves_entered(leaves, u64::from(self.config().log.checkpoint_leaves));
        sealed.extend(entered);
        Ok(sealed)
    }

    /// Takes one letter to its partner and settles it by the answer.
    async fn deliver(self: Arc<Self>, sealed: Sealed) -> Result<(), NodeError> {
        let Sealed { claim, envelope } = sealed;
        // A letter that has expired is delivered all the same: the partner refuses it as expired, and only that frees
        // the channel for the letters behind it.
        let answer = self.transport().deliver(&claim.recipient, envelope.clone()).await;
        let fate = match answer {
            Err(error) => Fate::Later(error.to_string()),
            Ok(answer) => {
                let cards = self.bureau().cards(&claim.recipient);
                match exchange::verify_response(&answer, &envelope, &cards) {
                    Ok(Outcome::Acknowledged(_)) => Fate::Delivered(answer),
                    Ok(Outcome::Gap { expected }) => {
                        Fate::Later(format!("number {expected} is missing there"))
                    }
                    Ok(Outcome::Conflict(conflict)) => {
                        Fate::Refused(format!("`{}` has another message under this identity", conflict.by))
                    }
                    Ok(Outcome::Refused(refused)) if refused.settles() => Fate::Refused(refused.words),
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
        self.write(move |tx, _| -> Result<(), NodeError> {
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
                Fate::Crowded => {
                    outbox::postponed(tx, claim.id, now.plus_micros(CROWDED_MICROS), "other letters are under way")?;
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
            // The next letter of the channel is ready now.
            self.wake_sender();
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
    /// It was not tried: enough letters to this partner are under way.
    Crowded,
}

fn prepare(bureau: &Bureau, claim: &outbox::Claim, now: Timestamp) -> Result<Prepared, SealError> {
    let cards = bureau.cards(&claim.recipient);
    let card = cards.iter().find(|card| card.valid_at(now));
    let card = card.ok_or_else(|| SealError::NoCard(claim.recipient.clone()))?;
    let damaged = |error: &dyn std::fmt::Display| SealError::Damaged(error.to_string());
    let agreement: AgreementOnRecord =
        serde_json::from_str(&claim.agreement).map_err(|error| damaged(&error))?;
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
        }],
    };
    let sender = Sender { administration: &bureau.administration, sign: &bureau.identity.keys.sign };
    Ok(exchange::prepare(&letter, &sender, card, &mut |bytes| bureau.world.entropy.fill(bytes))?)
}

/// The agreement of a letter, as the outbox keeps it.
#[derive(serde::Deserialize)]
struct AgreementOnRecord {
    id: String,
    version: u32,
    hash: base::Digest,
}

/// Stores the sealed bytes and enters the statements in our log. A letter that another worker has sealed meanwhile
/// keeps that worker's bytes.
fn enter(
    tx: &mut dyn Tx,
    fresh: Vec<(outbox::Claim, Prepared)>,
    now: Timestamp,
) -> Result<Vec<Sealed>, ReceptionError> {
    let mut frontier = load_frontier(tx)?;
    let mut sealed = Vec::new();
    for (claim, prepared) in fresh {
        if outbox::sealed(tx, claim.id, &prepared.envelope)? {
            let leaf = merkle::leaf_hash(&prepared.statement);
            frontier.append(leaf);
            log::append(tx, &prepared.statement, leaf, now)?;
            if let Some(secret) = prepared.secrets.first() {
                messages::set_secret(tx, &claim.message_id.to_string(), secret.as_bytes())?;
            }
            sealed.push(Sealed { claim, envelope: prepared.envelope });
        } else if let Some(envelope) = outbox::envelope(tx, claim.id)? {
            sealed.push(Sealed { claim, envelope });
        }
    }
    log::save_frontier(tx, &frontier.to_bytes())?;
    Ok(sealed)
}
