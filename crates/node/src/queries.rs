//! What the API and the console ask a node: movements, messages, guarantee accounts, partners.

use crate::federation;
use crate::node::{Node, NodeError};
use crate::officer::{PossibleDecision, possible};
use crate::views::{self, MessageRow, MovementFilter, MovementRow};
use base::{Administration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use store::{Tx, journal, outbox, settings};

/// The setting that readiness is tried with.
const LAST_READY: &str = "readiness";

/// How long the store may take to answer before the node counts as not ready: a commit takes milliseconds.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// Everything that this administration knows of a movement.
#[derive(Clone, Debug, Serialize)]
pub struct MovementView {
    /// The movement in each room.
    pub rows: Vec<MovementRow>,
    /// The messages, oldest first.
    pub messages: Vec<MessageRow>,
    /// What happened, oldest first.
    pub events: Vec<EventRow>,
    /// What was decided about disclosure, oldest first.
    pub decisions: Vec<DecisionView>,
    /// What officers should know, oldest first.
    pub notices: Vec<NoticeRow>,
    /// What an officer can decide now.
    pub possible: Vec<PossibleDecision>,
}

/// Something that an officer should know about a movement.
#[derive(Clone, Debug, Serialize)]
pub struct NoticeRow {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// The room.
    pub room: String,
    /// What it is about, as a name.
    pub code: String,
    /// In words.
    pub words: String,
}

/// Something that happened to a movement in a room.
#[derive(Clone, Debug, Serialize)]
pub struct EventRow {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// The room.
    pub room: String,
    /// The event's name.
    pub kind: String,
    /// Who acted: a trader, an officer, a partner administration, or the clock.
    pub words: String,
}

/// A decision about the disclosure of one message.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionView {
    /// The number of the message.
    pub message: i64,
    /// To whom it was to be disclosed.
    pub recipient: String,
    /// The clause that governed.
    pub clause: String,
    /// `cleared` or `withheld`.
    pub outcome: String,
    /// Why, in words.
    pub words: String,
}

/// A partner administration, and the state of the exchange with it.
#[derive(Clone, Debug, Serialize)]
pub struct PartnerView {
    /// The administration.
    pub administration: String,
    /// Its country.
    pub country: String,
    /// Where its node is reached.
    pub address: String,
    /// The fingerprint of its card, to be compared by voice.
    pub fingerprint: String,
    /// The agreements that bind it and us.
    pub agreements: Vec<String>,
    /// Letters that are not delivered yet.
    pub queued: i64,
    /// Letters that it has receipted.
    pub delivered: i64,
    /// Letters that it will never get.
    pub refused: i64,
    /// When it last receipted one, in microseconds since 1970.
    pub last_delivery: Option<i64>,
    /// Why the oldest open letter waits.
    pub last_problem: Option<String>,
    /// `active`, `suspended`, or `awaits-confirmation` while whoever invited has not taken our acceptance.
    pub state: &'static str,
    /// Why the exchange is suspended.
    pub suspension: Option<String>,
    /// The version in force of the key register of each agreement that has keys of this partner.
    pub registers: BTreeMap<String, u64>,
    /// When it was last heard, in microseconds since 1970: a request of its node, or an answer.
    pub last_contact: Option<i64>,
}

impl Node {
    /// Movements, the most recently changed first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn movements(&self, filter: MovementFilter, limit: i64) -> Result<Vec<MovementRow>, NodeError> {
        self.read(move |tx| Ok(views::movements(tx, &filter, limit)?)).await
    }

    /// How many movements are in each state of each room.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn movement_counts(&self) -> Result<Vec<(String, String, i64)>, NodeError> {
        self.read(|tx| Ok(views::movement_counts(tx)?)).await
    }

    /// Messages after a cursor; of one movement (by MRN, LRN or key) or owner, if given.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn messages(
        &self,
        movement: Option<String>,
        owner: Option<String>,
        after: i64,
        limit: i64,
    ) -> Result<Vec<MessageRow>, NodeError> {
        self.read(move |tx| {
            let movement = match movement {
                Some(name) => Some(views::movement_named(tx, &name, owner.as_deref())?),
                None => None,
            };
            Ok(views::messages(tx, movement.as_deref(), owner.as_deref(), after, limit)?)
        })
        .await
    }

    /// One message: what it is, whose it is, and its bytes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn message(&self, id: i64) -> Result<Option<(MessageRow, String, Vec<u8>)>, NodeError> {
        self.read(move |tx| Ok(views::message_with_body(tx, id)?)).await
    }

    /// Everything known of a movement, by MRN or key; `None` when it is not known.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn movement(&self, movement: &str) -> Result<Option<MovementView>, NodeError> {
        let movement = movement.to_owned();
        self.read(move |tx| movement_view(tx, &movement)).await
    }

    /// The partners, and the state of the exchange with each.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn partners(&self) -> Result<Vec<PartnerView>, NodeError> {
        let bureau = self.bureau();
        let mut partners: Vec<PartnerView> = bureau
            .partners
            .iter()
            .map(|(administration, card)| {
                let bound = bureau.decision_point.agreements().map(agreements::Compiled::agreement);
                let bound = bound.filter(|agreement| agreement.has_party(administration));
                PartnerView {
                    administration: administration.to_string(),
                    country: administration.country().to_string(),
                    address: card.address.clone(),
                    fingerprint: card.keys.fingerprint(),
                    agreements: bound
                        .map(|agreement| format!("{} version {}", agreement.id, agreement.version))
                        .collect(),
                    queued: 0,
                    delivered: 0,
                    refused: 0,
                    last_delivery: None,
                    last_problem: None,
                    state: if bureau.suspended.contains_key(administration) { "suspended" } else { "active" },
                    suspension: bureau.suspended.get(administration).cloned(),
                    registers: bureau
                        .registers
                        .keys()
                        .filter_map(|name| {
                            let held = bureau.register_for(name, administration)?;
                            Some((name.clone(), held.signed.register().version))
                        })
                        .collect(),
                    last_contact: self.counters().channel().last_contact(administration),
                }
            })
            .collect();
        self.read(move |tx| -> Result<_, NodeError> {
            let waiting = federation::waiting(tx)?;
            for partner in &mut partners {
                traffic(tx, partner)?;
                partner.last_contact = partner.last_contact.max(partner.last_delivery);
                // Nothing is tried while we have suspended the exchange ourselves, so no letter says why it waits.
                if let Some(reason) = partner.suspension.as_ref().filter(|_| partner.queued > 0) {
                    partner.last_problem = Some(format!("the exchange is suspended here: {reason}"));
                }
                let waits = waiting.iter().any(|(accepted, agreement)| {
                    *accepted == partner.administration && !partner.registers.contains_key(agreement)
                });
                if waits && partner.suspension.is_none() {
                    partner.state = "awaits-confirmation";
                }
            }
            Ok(partners)
        })
        .await
    }

    /// Whether the node can do its work now: whether it can read, and make a little writing durable. A store whose
    /// writer is dead or whose disk is full can still be read. A node whose database is behind what it has signed is
    /// not ready: it takes and sends nothing.
    ///
    /// # Errors
    /// The reason, in words.
    pub async fn readiness(&self) -> Result<(), String> {
        self.log_operator().sound().map_err(|behind| behind.to_string())?;
        let now = self.now();
        let look = async {
            self.write(move |tx, _| -> Result<_, NodeError> {
                Ok(settings::put(tx, LAST_READY, now.to_string().as_bytes())?)
            })
            .await?;
            self.read(|tx| -> Result<_, NodeError> { Ok(settings::get(tx, LAST_READY)?) }).await
        };
        match tokio::time::timeout(READY_WITHIN, look).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("the store fails: {error}")),
            Err(_) => Err(format!("the store did not answer within {} s", READY_WITHIN.as_secs())),
        }
    }
}

fn movement_view(tx: &mut dyn Tx, movement: &str) -> Result<Option<MovementView>, NodeError> {
    let keys = tx.query(
        "SELECT room, state_key FROM movements WHERE movement = ?1 ORDER BY room, state_key",
        &[movement.into()],
    )?;
    let mut rows = Vec::new();
    let mut events = Vec::new();
    for key in &keys {
        let (room, state_key) = (key.text(0)?, key.text(1)?);
        rows.extend(views::movement_row(tx, room, state_key)?);
        for recorded in journal::read(tx, &format!("{room}/{state_key}"))? {
            let actor = recorded.content.as_ref().and_then(|content| actor_of(&content.facts));
            events.push(EventRow {
                at: recorded.at.as_micros(),
                room: room.to_owned(),
                kind: recorded.kind.clone(),
                words: actor.unwrap_or_default(),
            });
        }
    }
    let messages = views::messages(tx, Some(movement), None, 0, views::PAGE_LIMIT)?;
    if rows.is_empty() && messages.is_empty() {
        return Ok(None);
    }
    events.sort_by_key(|event| event.at);
    let offered = rows.iter().flat_map(|row: &MovementRow| possible(&row.room, &row.state, &row.office));
    let possible = offered.collect();
    let (decisions, notices) = (decisions(tx, movement)?, notices(tx, movement)?);
    Ok(Some(MovementView { rows, messages, events, decisions, notices, possible }))
}

fn actor_of(basis: &[u8]) -> Option<String> {
    let basis: serde_json::Value = serde_json::from_slice(basis).ok()?;
    basis.get("actor")?.as_str().map(str::to_owned)
}

fn decisions(tx: &mut dyn Tx, movement: &str) -> Result<Vec<DecisionView>, NodeError> {
    let rows = tx.query(
        "SELECT d.message, d.recipient, d.clause, d.outcome, d.record FROM decisions d \
         JOIN messages m ON m.id = d.message WHERE m.movement = ?1 ORDER BY d.id",
        &[movement.into()],
    )?;
    let view = |row: &store::Row| -> Result<DecisionView, NodeError> {
        let record: serde_json::Value = serde_json::from_slice(row.bytes(4)?).unwrap_or_default();
        Ok(DecisionView {
            message: row.int(0)?,
            recipient: row.text(1)?.to_owned(),
            clause: row.text(2)?.to_owned(),
            outcome: row.text(3)?.to_owned(),
            words: record.get("reason").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned(),
        })
    };
    rows.iter().map(view).collect()
}

fn notices(tx: &mut dyn Tx, movement: &str) -> Result<Vec<NoticeRow>, NodeError> {
    let rows = tx.query(
        "SELECT at, room, code, words FROM notices WHERE movement = ?1 ORDER BY id LIMIT 500",
        &[movement.into()],
    )?;
    let view = |row: &store::Row| -> Result<NoticeRow, NodeError> {
        Ok(NoticeRow {
            at: row.int(0)?,
            room: row.text(1)?.to_owned(),
            code: row.text(2)?.to_owned(),
            words: row.text(3)?.to_owned(),
        })
    };
    rows.iter().map(view).collect()
}

fn traffic(tx: &mut dyn Tx, partner: &mut PartnerView) -> Result<(), NodeError> {
    let Ok(to) = Administration::parse(&partner.administration) else { return Ok(()) };
    if let Some(queue) = outbox::queue(tx, &to)? {
        partner.queued = queue.letters;
        partner.delivered = queue.delivered;
        partner.refused = queue.refused + queue.expired;
        partner.last_delivery = queue.last_delivery.map(Timestamp::as_micros);
        partner.last_problem = queue.problem;
    }
    Ok(())
}
