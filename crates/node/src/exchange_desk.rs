//! The exchange as officers and operators see it: what waits for each partner, what is wrong, and the dead letters.

use crate::attachments::binding;
use crate::circuits;
use crate::config::Exchange;
use crate::documents::{self, DocumentContent, NewDocument};
use crate::messages::{self, Direction, NewMessage, outcome};
use crate::node::{Node, NodeError};
use crate::post::{self, Posted, Writer};
use crate::principals::Principal;
use crate::proceeding::ProceedingError;
use crate::redrives::{self, Replacements};
use agreements::Term;
use base::{Administration, Timestamp};
use exchange::{Channel, Circuit, Lane};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use store::outbox::{self, DeadLetter, Declined, Queue};
use store::{Tx, stages};

store::statements! {
    ON_RECORD = "SELECT m.identification, m.movement, b.body FROM messages m JOIN bodies b ON b.message = m.id
        WHERE m.exchange_id = ?1 AND m.direction = 'sent'";
}

/// From when on a partner that does not answer is an alarm: shorter absences are everyday.
const AWAY_SECONDS: i64 = 300;

/// The longest reason for closing a dead letter, in bytes.
const MAX_REASON: usize = 400;

/// What is wrong on the way to a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmCode {
    /// It does not answer, and letters wait.
    PartnerAway,
    /// A letter was refused three times or more, and will be until something changes or its time is over.
    LetterRefused,
    /// A letter has waited for longer than the configuration finds acceptable.
    OldestWaiting,
    /// More waits than half (or as configured) of what may.
    QueueGrowing,
    /// As much waits as may: new documents are refused unless they are urgent.
    QueueFull,
}

impl AlarmCode {
    /// As shown and logged.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PartnerAway => "partner-away",
            Self::LetterRefused => "letter-refused",
            Self::OldestWaiting => "oldest-waiting",
            Self::QueueGrowing => "queue-growing",
            Self::QueueFull => "queue-full",
        }
    }
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// Its kind.
    pub code: AlarmCode,
    /// What is wrong, with the figures, and what to do.
    pub words: String,
}

/// What waits for a partner.
#[derive(Clone, Debug, Serialize)]
pub struct QueueView {
    /// The partner.
    pub partner: String,
    /// `closed` while it answers, `open` while it is left alone, `trial` while one letter tries.
    pub circuit: &'static str,
    /// Until when it is left alone, in microseconds since 1970.
    pub rests_until: Option<i64>,
    /// Letters that are not settled.
    pub letters: i64,
    /// The bytes of their contents.
    pub bytes: i64,
    /// When the oldest of them was made, in microseconds since 1970.
    pub oldest: Option<i64>,
    /// Why that one was not delivered at its last attempt.
    pub problem: Option<String>,
    /// Letters that were delivered.
    pub delivered: i64,
    /// Letters that were refused.
    pub refused: i64,
    /// Letters that expired.
    pub expired: i64,
    /// When the last letter was delivered.
    pub last_delivery: Option<i64>,
    /// What is wrong.
    pub alarms: Vec<Alarm>,
}

/// The state of the exchange.
#[derive(Clone, Debug, Serialize)]
pub struct ExchangeView {
    /// What waits for each partner.
    pub queues: Vec<QueueView>,
    /// Our staged statements that partners have not taken yet.
    pub stages_waiting: i64,
}

/// A letter that will never be delivered.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetterView {
    /// Its number.
    pub id: i64,
    /// Its identity between nodes.
    pub exchange_id: String,
    /// Who was to get it.
    pub partner: String,
    /// What it is about.
    pub subject: String,
    /// Its number in its channel.
    pub sequence: i64,
    /// The type of message.
    pub message_type: String,
    /// The clause that allowed it.
    pub clause: String,
    /// `refused` or `expired`.
    pub fate: &'static str,
    /// Why.
    pub reason: String,
    /// When it was made, in microseconds since 1970.
    pub created: i64,
    /// Since when it is dead.
    pub since: Option<i64>,
    /// When an officer dealt with it, in microseconds since 1970.
    pub closed: Option<i64>,
    /// How.
    pub closing: Option<String>,
    /// The number of its message here.
    pub message: Option<i64>,
    /// What it took the place of, and what took its place.
    #[serde(flatten)]
    pub replacements: Replacements,
}

/// Why a dead letter is not sent again.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// Somebody has dealt with it, or there is none.
    #[error("there is no dead letter `{0}` that nobody has dealt with")]
    Absent(i64),
    /// Its content is gone.
    #[error("its content is not on record any more: close it, and send what is needed anew")]
    NoContent,
    /// No clause lets it leave today.
    #[error("it was not sent: {0}")]
    Withheld(String),
    /// The reason for closing it is missing or too long.
    #[error("the reason must be one line of 1 to {MAX_REASON} bytes")]
    Reason,
}

/// The alarms that have been told, so that each is told once.
pub(crate) type Told = Mutex<BTreeMap<String, BTreeSet<AlarmCode>>>;

/// What is wrong with the way to a partner.
pub(crate) fn alarms(queue: &Queue, circuit: Circuit, limits: &Exchange, now: Timestamp) -> Vec<Alarm> {
    let mut found = Vec::new();
    let mut raise = |code, words| found.push(Alarm { code, words });
    let to = &queue.recipient;
    let waited = queue.oldest.map_or(0, |oldest| (now.as_micros() - oldest.as_micros()) / 1_000_000);
    if !matches!(circuit, Circuit::Closed { .. }) && waited >= AWAY_SECONDS {
        let words =
            format!("{to} does not answer: {} letters wait, the oldest for {}", queue.letters, span(waited));
        raise(AlarmCode::PartnerAway, words);
    }
    if let Some(Declined { message_id, reason }) = &queue.declined {
        let words = format!(
            "{to} refuses message {message_id} again and again, and an officer must see to it: {reason}; when its time is \
             over it becomes a dead letter"
        );
        raise(AlarmCode::LetterRefused, words);
    }
    if waited >= i64::from(limits.oldest_warn_hours) * 3600 && queue.letters > 0 {
        let words =
            format!("a letter to {to} has waited for {}: see what its last attempt said", span(waited));
        raise(AlarmCode::OldestWaiting, words);
    }
    let megabytes = queue.bytes / (1 << 20);
    let figures = format!(
        "{} of {} letters and {megabytes} of {} MiB wait for {to}",
        queue.letters, limits.queue_letters, limits.queue_megabytes
    );
    let share = |have: i64, most: u32| have.saturating_mul(100) / i64::from(most.max(1));
    let percent = share(queue.letters, limits.queue_letters).max(share(megabytes, limits.queue_megabytes));
    if percent >= 100 {
        raise(AlarmCode::QueueFull, format!("{figures}: new documents are refused unless they are urgent"));
    } else if percent >= i64::from(limits.queue_warn_percent) {
        raise(
            AlarmCode::QueueGrowing,
            format!("{figures}: raise the limits if the disk has room, or send less"),
        );
    }
    found
}

/// Whether as much waits for a partner as may, in words.
pub(crate) fn full(
    tx: &mut dyn Tx,
    recipient: &Administration,
    limits: &Exchange,
) -> Result<Option<String>, store::StoreError> {
    let (letters, bytes) = outbox::waiting_for(tx, recipient)?;
    let megabytes = bytes / (1 << 20);
    let is_full =
        letters >= i64::from(limits.queue_letters) || megabytes >= i64::from(limits.queue_megabytes);
    Ok(is_full.then(|| {
        format!(
            "{letters} letters and {megabytes} MiB wait for `{recipient}`, and {} letters and {} MiB may: send it when the \
             partner has taken some, or as urgent",
            limits.queue_letters, limits.queue_megabytes
        )
    }))
}

fn span(seconds: i64) -> String {
    match seconds {
        0..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

impl Node {
    /// What waits for each partner, and what is wrong.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn exchange(&self) -> Result<ExchangeView, NodeError> {
        let (queues, stages_waiting) =
            self.read(|tx| -> Result<_, NodeError> { Ok((outbox::queues(tx)?, stages::count(tx)?)) }).await?;
        let now = self.now();
        let queues = queues.into_iter().map(|queue| {
            let circuit = self.circuits().circuit(&queue.recipient);
            QueueView {
                partner: queue.recipient.to_string(),
                circuit: circuits::word(circuit),
                rests_until: match circuit {
                    Circuit::Open { until, .. } => Some(until.as_micros()),
                    Circuit::Closed { .. } | Circuit::Trial { .. } => None,
                },
                alarms: alarms(&queue, circuit, &self.config().exchange, now),
                letters: queue.letters,
                bytes: queue.bytes,
                oldest: queue.oldest.map(Timestamp::as_micros),
                problem: queue.problem,
                delivered: queue.delivered,
                refused: queue.refused,
                expired: queue.expired,
                last_delivery: queue.last_delivery.map(Timestamp::as_micros),
            }
        });
        Ok(ExchangeView { queues: queues.collect(), stages_waiting })
    }

    /// Tells officers and the log of alarms that are new, and of those that are over.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn tell_alarms(&self) -> Result<(), NodeError> {
        let view = self.exchange().await?;
        let mut notices = Vec::new();
        {
            let mut told = self.told_alarms().lock().unwrap_or_else(PoisonError::into_inner);
            for queue in &view.queues {
                let now_raised: BTreeSet<AlarmCode> = queue.alarms.iter().map(|alarm| alarm.code).collect();
                let before = told.insert(queue.partner.clone(), now_raised.clone()).unwrap_or_default();
                for alarm in queue.alarms.iter().filter(|alarm| !before.contains(&alarm.code)) {
                    let code = alarm.code.as_str();
                    tracing::warn!(
                        partner = queue.partner,
                        code,
                        words = alarm.words,
                        "alarm of the exchange"
                    );
                    notices.push((code, alarm.words.clone()));
                }
                for code in before.difference(&now_raised) {
                    let words = format!("{} is over for {}", code.as_str(), queue.partner);
                    tracing::info!(
                        partner = queue.partner,
                        code = code.as_str(),
                        "alarm of the exchange is over"
                    );
                    notices.push((code.as_str(), words));
                }
            }
        }
        if notices.is_empty() {
            return Ok(());
        }
        let now = self.now();
        self.write(move |tx, _| -> Result<(), NodeError> {
            for (code, words) in notices {
                messages::note(tx, now, "exchange", "", code, &words)?;
            }
            Ok(())
        })
        .await
    }

    /// How many alarms there are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn alarm_count(&self) -> Result<usize, NodeError> {
        Ok(self.exchange().await?.queues.iter().map(|queue| queue.alarms.len()).sum())
    }

    /// Letters that will never be delivered and that nobody has dealt with, after a number, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn dead_letters(&self, after: i64, limit: i64) -> Result<Vec<DeadLetterView>, NodeError> {
        let limit = usize::try_from(limit.clamp(1, crate::views::PAGE_LIMIT)).unwrap_or(1);
        self.read(move |tx| outbox::dead(tx, after, limit)?.iter().map(|dead| shown(tx, dead)).collect())
            .await
    }

    /// Dead letters that an officer has dealt with, before a number, newest first: each with how, and with the message
    /// that took its place.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settled_dead_letters(
        &self,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<DeadLetterView>, NodeError> {
        let limit = usize::try_from(limit.clamp(1, crate::views::PAGE_LIMIT)).unwrap_or(1);
        self.read(move |tx| {
            let found = outbox::dealt_with(tx, before.unwrap_or(i64::MAX), limit)?;
            found.iter().map(|dead| shown(tx, dead)).collect()
        })
        .await
    }

    /// Sends a dead letter again: cleared under the agreements of today, as a new message in the next place of its
    /// channel. Gives the number of the new message.
    ///
    /// # Errors
    /// When the store fails; in the inner result, why it is not sent. The dead letter stays as it is then.
    pub async fn redrive(
        &self,
        officer: &Principal,
        id: i64,
    ) -> Result<Result<i64, RedriveError>, NodeError> {
        let (officer, now) = (officer.name.clone(), self.now());
        let sent = self
            .write(move |tx, bureau| -> Result<Result<i64, RedriveError>, NodeError> {
                let Some(dead) = outbox::dead_letter(tx, id)?.filter(|dead| dead.closed.is_none()) else {
                    return Ok(Err(RedriveError::Absent(id)));
                };
                let sent = if dead.message_type == documents::DOCUMENT {
                    send_document(tx, bureau, &officer, &dead, now)?
                } else {
                    send_transit(tx, bureau, &dead, now)?
                };
                let message = match sent {
                    Ok(message) => message,
                    Err(error) => return Ok(Err(error)),
                };
                let formerly = dead.message_id.to_string();
                redrives::record(tx, message, &formerly, (&officer, now))?;
                outbox::close(tx, id, &format!("sent again as message {message} by {officer}"), now)?;
                let words = format!("{officer} sent message {formerly} again as message {message}");
                messages::note(tx, now, "exchange", subject(&dead), "SentAgain", &words)?;
                Ok(Ok(message))
            })
            .await?;
        self.wake_sender();
        Ok(sent)
    }

    /// Closes a dead letter without sending it again.
    ///
    /// # Errors
    /// When the store fails; in the inner result, why it is not closed.
    pub async fn close_dead_letter(
        &self,
        officer: &Principal,
        id: i64,
        reason: &str,
    ) -> Result<Result<(), RedriveError>, NodeError> {
        let (officer, reason, now) = (officer.name.clone(), reason.trim().to_owned(), self.now());
        if reason.is_empty() || reason.len() > MAX_REASON || reason.chars().any(char::is_control) {
            return Ok(Err(RedriveError::Reason));
        }
        self.write(move |tx, _| -> Result<_, NodeError> {
            let Some(dead) = outbox::dead_letter(tx, id)? else { return Ok(Err(RedriveError::Absent(id))) };
            if !outbox::close(tx, id, &format!("closed by {officer}: {reason}"), now)? {
                return Ok(Err(RedriveError::Absent(id)));
            }
            let words = format!("{officer} closed message {}: {reason}", dead.message_id);
            messages::note(tx, now, "exchange", subject(&dead), "Closed", &words)?;
            Ok(Ok(()))
        })
        .await
    }
}

fn subject(dead: &DeadLetter) -> &str {
    dead.channel.split_once('/').map_or("", |(_, subject)| subject)
}

fn shown(tx: &mut dyn Tx, dead: &DeadLetter) -> Result<DeadLetterView, NodeError> {
    let exchange_id = dead.message_id.to_string();
    Ok(DeadLetterView {
        id: dead.id,
        message: documents::number_of_sent(tx, &exchange_id)?,
        replacements: redrives::of(tx, &exchange_id)?,
        exchange_id,
        partner: dead.recipient.to_string(),
        subject: subject(dead).to_owned(),
        sequence: dead.sequence,
        message_type: dead.message_type.clone(),
        clause: dead.clause.clone(),
        fate: dead.status.as_str(),
        reason: dead.reason.clone(),
        created: dead.created.as_micros(),
        since: dead.since.map(Timestamp::as_micros),
        closed: dead.closed.map(Timestamp::as_micros),
        closing: dead.closing.clone(),
    })
}

/// What a dead letter's message is on record: identification, movement and body.
fn on_record(tx: &mut dyn Tx, dead: &DeadLetter) -> Result<Option<(String, String, Vec<u8>)>, NodeError> {
    let rows = tx.query(ON_RECORD, &[dead.message_id.to_string().into()])?;
    let row = rows.first();
    Ok(row
        .map(|row| -> Result<_, store::StoreError> {
            Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.bytes(2)?.to_vec()))
        })
        .transpose()?)
}

fn send_document(
    tx: &mut dyn Tx,
    bureau: &crate::bureau::Bureau,
    officer: &str,
    dead: &DeadLetter,
    now: Timestamp,
) -> Result<Result<i64, RedriveError>, NodeError> {
    let content = on_record(tx, dead)?.and_then(|(_, _, body)| DocumentContent::decode(&body).ok());
    let (Some(document), Ok(purpose), Ok(channel)) =
        (content, Term::parse(&dead.purpose), Channel::parse(&dead.channel))
    else {
        return Ok(Err(RedriveError::NoContent));
    };
    let new = NewDocument {
        recipient: dead.recipient.clone(),
        subject: channel.subject().to_owned(),
        purpose,
        lane: Lane::from_code(dead.lane).unwrap_or_default(),
        expires_seconds: (dead.expires.as_micros() - dead.created.as_micros()) / 1_000_000,
        document,
    };
    // Its attachments go along as they are: their chunks stay, and only their heads are sealed anew.
    let Some(attachments) = binding::free(tx, dead.message_id, now)? else {
        return Ok(Err(RedriveError::NoContent));
    };
    let recipient = &dead.recipient;
    let sent =
        documents::send(tx, bureau, officer, (new, &attachments), now).map_err(ProceedingError::from)?;
    if sent.is_err() {
        binding::bind(tx, &attachments, recipient, dead.message_id)?;
    }
    Ok(sent.map(|sent| sent.message).map_err(|error| RedriveError::Withheld(error.to_string())))
}

fn send_transit(
    tx: &mut dyn Tx,
    bureau: &crate::bureau::Bureau,
    dead: &DeadLetter,
    now: Timestamp,
) -> Result<Result<i64, RedriveError>, NodeError> {
    let Some((identification, movement, body)) = on_record(tx, dead)? else {
        return Ok(Err(RedriveError::NoContent));
    };
    let Ok(document) = wire::read(&body, &wire::Limits::default()) else {
        return Ok(Err(RedriveError::NoContent));
    };
    let message = messages::record(
        tx,
        &NewMessage {
            at: now,
            direction: Direction::Sent,
            from_party: bureau.administration.country().to_string(),
            to_party: dead.recipient.country().to_string(),
            message_type: &dead.message_type,
            identification: &identification,
            correlation: document.text("correlationIdentifier"),
            movement: &movement,
            owner: "",
            cause: 0,
            outcome: outcome::QUEUED,
            body: &body,
        },
    )?;
    // Which office wrote it matters for errors only, and their clause does not ask.
    let posted = post::post(tx, bureau, &dead.recipient, (message, Writer::Departure), document, now)
        .map_err(ProceedingError::from)?;
    if let Posted::Withheld(words) = posted {
        messages::set_outcome(tx, message, outcome::WITHHELD)?;
        return Ok(Err(RedriveError::Withheld(words)));
    }
    Ok(Ok(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(letters: i64, bytes: i64, oldest_hours: i64) -> (Queue, Timestamp) {
        let now = Timestamp::from_micros(1_000_000_000_000_000);
        let queue = Queue {
            recipient: Administration::parse("NTA.FR").unwrap(),
            letters,
            bytes,
            delivered: 0,
            refused: 0,
            expired: 0,
            last_delivery: None,
            oldest: Some(now.plus_seconds(-oldest_hours * 3600)),
            problem: None,
            declined: None,
        };
        (queue, now)
    }

    fn raised(letters: i64, bytes: i64, oldest_hours: i64, circuit: Circuit) -> Vec<&'static str> {
        let limits = Exchange { queue_letters: 100, queue_megabytes: 10, ..Exchange::default() };
        let (queue, now) = queue(letters, bytes, oldest_hours);
        alarms(&queue, circuit, &limits, now).iter().map(|alarm| alarm.code.as_str()).collect()
    }

    #[test]
    fn alarms_come_before_the_queue_is_full() {
        let closed = Circuit::Closed { failures: 0 };
        let open = Circuit::Open { until: Timestamp::from_micros(0), rest: 0 };
        assert_eq!(raised(49, 0, 0, closed), [""; 0]);
        assert_eq!(raised(50, 0, 0, closed), ["queue-growing"]);
        assert_eq!(raised(1, 5 << 20, 0, closed), ["queue-growing"]);
        assert_eq!(raised(100, 0, 0, closed), ["queue-full"]);
        assert_eq!(raised(1, 10 << 20, 0, closed), ["queue-full"]);
        assert_eq!(raised(1, 0, 24, closed), ["oldest-waiting"]);
        assert_eq!(raised(1, 0, 1, open), ["partner-away"]);
        assert_eq!(raised(1, 0, 0, open), [""; 0], "a short absence is no alarm");
    }
}
