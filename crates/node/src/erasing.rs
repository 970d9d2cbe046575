//! Erasure for privacy: the content of a message goes, and everything that proves the message stays.
//!
//! What goes: the message, its cleared and sealed copies in the outbox, the document and its title where officers list
//! it, the record that a closed case rests on, the secret from which the salts of its leaves follow, and the keys of its
//! attachments, whose sealed chunks are deleted soon after. What stays: the
//! signed statement, which holds digests of salted content only, receipts, the log, and who erased what when and why.

use crate::messages;
use crate::node::{Node, NodeError};
use crate::principals::Principal;
use crate::proofs::{self, Kept};
use base::Timestamp;
use exchange::Envelope;
use store::{Location, StoreError, Tx, Value, attachments, outbox, settings};

/// The longest ground.
const MAX_GROUND: usize = 400;

/// How many messages the retention rule erases in one transaction.
const AT_ONCE: i64 = 256;

/// Who erases when the retention rule does.
const RETENTION: &str = "retention";

/// The tables that may hold content of messages.
const TABLES: [&str; 9] = [
    "messages",
    "bodies",
    "outbox",
    "outbox_content",
    "outbox_envelope",
    "documents",
    "notices",
    "records",
    "attachment",
];

/// The setting that is there while something was erased that the files may still hold: it outlives a stop.
const SCRUB_OWED: &str = "scrub-owed";

/// Why a message is not erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ground.
    #[error("say on what ground it is erased, in one line of at most {MAX_GROUND} bytes")]
    Ground,
    /// It is not delivered.
    #[error("message {0} is still on its way: it can be erased when its delivery has ended")]
    Open(i64),
    /// A case needs it.
    #[error("the movement `{movement}` is not over at this office and rests on message {message}")]
    Needed {
        /// The message.
        message: i64,
        /// The movement.
        movement: String,
    },
}

/// What was erased, or had been before.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Erased {
    /// The message.
    pub message: i64,
    /// When, by whom and why.
    #[serde(flatten)]
    pub erasure: proofs::Erasure,
}

impl Node {
    /// Erases the content of a message between administrations; `None` when there is no such message. It is gone from the
    /// database's files when this returns. A message that was erased before stays as it is, with its first ground.
    ///
    /// # Errors
    /// When it must not be erased now, or the store fails.
    pub async fn erase(
        &self,
        officer: &Principal,
        message: i64,
        ground: &str,
    ) -> Result<Option<Erased>, NodeError> {
        let ground = ground.trim().to_owned();
        if ground.is_empty() || ground.len() > MAX_GROUND || ground.chars().any(char::is_control) {
            return Err(EraseError::Ground.into());
        }
        let (by, now) = (officer.name.clone(), self.now());
        let erased = self
            .write(move |tx, _| -> Result<_, NodeError> { Ok(erase(tx, message, (&by, &ground), now)?) })
            .await?;
        self.scrub_what_is_owed().await?;
        Ok(erased)
    }

    /// Erases an attachment: its keys at once, so that nobody can read it any more, its chunks in small steps. The keys are
    /// gone from the database's files when this returns. Statements and receipts stay, and so does everything that they
    /// prove. `false` when there is none, or it was erased before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn erase_attachment(&self, id: i64) -> Result<bool, NodeError> {
        let now = self.now();
        let erased = self
            .write(move |tx, _| -> Result<_, NodeError> {
                let erased = attachments::erase(tx, id)?;
                if erased {
                    owe_scrub(tx, now, id)?;
                }
                Ok(erased)
            })
            .await?;
        if erased {
            self.scrub_what_is_owed().await?;
        }
        Ok(erased)
    }

    /// Erases the content of all messages that are older than the retention rule lets them be kept, and that nothing needs
    /// any more, if there is a rule. Returns how many. The database's files forget them at the end, and also what an earlier
    /// run or erasure left there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn apply_retention(&self) -> Result<usize, NodeError> {
        let count = match self.config().retention.content_days {
            Some(days) => self.erase_older_than(days).await?,
            None => 0,
        };
        if count > 0 {
            tracing::info!(count, "erased the content of messages under the retention rule");
        }
        self.scrub_what_is_owed().await?;
        Ok(count)
    }

    /// Erases the content of the messages that are so many days old and that nothing needs. Returns how many.
    async fn erase_older_than(&self, days: u32) -> Result<usize, NodeError> {
        let now = self.now();
        let before = now.plus_seconds(-i64::from(days) * 24 * 3600);
        let ground = format!("kept for {days} days, as the retention rule says");
        let (mut count, mut after) = (0, 0);
        loop {
            let ground = ground.clone();
            let (erased, last) = self
                .write(move |tx, _| -> Result<(usize, Option<i64>), NodeError> {
                    let due = due(tx, before, after)?;
                    let mut erased = 0;
                    for message in &due {
                        match erase(tx, *message, (RETENTION, &ground), now) {
                            Ok(_) => erased += 1,
                            // It is looked at again in the next run.
                            Err(EraseError::Open(_) | EraseError::Needed { .. }) => {}
                            Err(error) => return Err(error.into()),
                        }
                    }
                    Ok((erased, due.last().copied()))
                })
                .await?;
            count += erased;
            match last {
                Some(last) => after = last,
                None => return Ok(count),
            }
        }
    }

    /// Has the database's files forget what was erased and that they may still hold.
    pub(crate) async fn scrub_what_is_owed(&self) -> Result<(), NodeError> {
        let owed = self.read(|tx| -> Result<_, NodeError> { Ok(settings::get(tx, SCRUB_OWED)?) }).await?;
        let Some(owed) = owed.filter(|owed| !owed.is_empty()) else { return Ok(()) };
        let Ok(location) = self.config().store_location().parse::<Location>() else { return Ok(()) };
        let scrubbed = tokio::task::spawn_blocking(move || store::scrub(&location, &TABLES)).await;
        let remains = scrubbed.map_err(|_| NodeError::Stopped)?.map_err(NodeError::Store)?;
        for reason in remains {
            tracing::warn!(reason, "erased content may still be in files of the database server");
        }
        self.write(move |tx, _| -> Result<(), NodeError> {
            // What was erased meanwhile owes it again.
            if settings::get(tx, SCRUB_OWED)?.is_some_and(|now| now == owed) {
                settings::put(tx, SCRUB_OWED, b"")?;
            }
            Ok(())
        })
        .await
    }
}

/// Notes that the files may still hold what is erased now.
fn owe_scrub(tx: &mut dyn Tx, now: Timestamp, erased: i64) -> Result<(), StoreError> {
    settings::put(tx, SCRUB_OWED, format!("{erased} at {}", now.as_micros()).as_bytes())
}

/// Erases in one transaction with the record of it.
fn erase(
    tx: &mut dyn Tx,
    message: i64,
    (by, ground): (&str, &str),
    now: Timestamp,
) -> Result<Option<Erased>, EraseError> {
    let Some(kept) = proofs::find(tx, message)? else { return Ok(None) };
    if let Some(erasure) = kept.erasure {
        return Ok(Some(Erased { message, erasure }));
    }
    let content = content_of(tx, &kept)?;
    close_records(tx, &kept, &content)?;
    if kept.sent {
        // The partner may yet state what it decided, and it says so by the digest of the statement.
        let envelope = outbox::stored(tx, kept.message_id)?.and_then(|stored| stored.envelope);
        let rest = envelope.as_deref().and_then(without_parts);
        if !outbox::erase(tx, kept.message_id, rest.as_deref())? {
            return Err(EraseError::Open(message));
        }
    }
    // What was refused is on record sealed, with the only copy of its statement.
    let rest = refused_statement(&kept).unwrap_or_default();
    messages::erase(tx, message, rest)?;
    erase_document(tx, message)?;
    erase_attachments(tx, &kept)?;
    owe_scrub(tx, now, message)?;
    let erasure = proofs::Erasure { at: now.as_micros(), by: by.to_owned(), ground: ground.to_owned() };
    let row: [Value; 4] = [message.into(), now.into(), by.into(), ground.into()];
    tx.execute("INSERT INTO erasures (message, at, by_whom, ground) VALUES (?1, ?2, ?3, ?4)", &row)?;
    let movement = movement_of(tx, message)?;
    let words = format!("the content of message {message} was erased by {by}: {ground}");
    messages::note(tx, now, "exchange", &movement, "Erased", &words)?;
    tracing::info!(message, by, "the content of a message was erased");
    Ok(Some(Erased { message, erasure }))
}

/// The content under whose bytes copies of it are found.
fn content_of(tx: &mut dyn Tx, kept: &Kept) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut content = vec![kept.body.clone()];
    if kept.sent {
        content.extend(outbox::stored(tx, kept.message_id)?.map(|stored| stored.cleared));
    }
    Ok(content)
}

/// Erases the records of cases that are this message, unless one of the cases still rests on it.
fn close_records(tx: &mut dyn Tx, kept: &Kept, content: &[Vec<u8>]) -> Result<(), EraseError> {
    for body in content.iter().filter(|body| !body.is_empty()) {
        // By the index of lengths: otherwise each erasure reads the records of all cases.
        let length = i64::try_from(body.len()).unwrap_or(i64::MAX);
        let found = tx.query(
            "SELECT r.room, r.state_key, m.movement, m.state FROM records r \
             LEFT JOIN movements m ON m.room = r.room AND m.state_key = r.state_key \
             WHERE length(r.body) = ?2 AND r.body = ?1",
            &[body.as_slice().into(), length.into()],
        )?;
        for row in &found {
            let (room, key) = (row.text(0)?, row.text(1)?);
            let state = row.opt_text(3)?.unwrap_or_default();
            if !is_over(room, state) {
                let movement = row.opt_text(2)?.unwrap_or(key).to_owned();
                return Err(EraseError::Needed { message: kept.id, movement });
            }
        }
        tx.execute(
            "DELETE FROM records WHERE length(body) = ?2 AND body = ?1",
            &[body.as_slice().into(), length.into()],
        )?;
    }
    Ok(())
}

/// Whether nothing can change a movement any more in this room.
fn is_over(room: &str, state: &str) -> bool {
    match room {
        "departure" => ["WrittenOff", "Cancelled", "NotReleased"].contains(&state),
        "passage" => ["Crossed", "Closed", "Cancelled"].contains(&state),
        "destination" => ["Released", "Cancelled"].contains(&state),
        _ => false,
    }
}

/// The envelope of a refused message without its sealed parts.
fn refused_statement(kept: &Kept) -> Option<Vec<u8>> {
    without_parts(&kept.body).filter(|_| kept.leaf_index.is_none())
}

/// An envelope with its statement only: digests of salted content, and nothing that can be opened.
pub(crate) fn without_parts(envelope: &[u8]) -> Option<Vec<u8>> {
    let envelope = Envelope::decode(envelope).ok()?;
    Some(Envelope { statement: envelope.statement, parts: Vec::new() }.encode())
}

/// Erases the title of a document from the list, and from what officers were told of it.
fn erase_document(tx: &mut dyn Tx, message: i64) -> Result<(), StoreError> {
    let found = tx.query("SELECT title, subject FROM documents WHERE message = ?1", &[message.into()])?;
    let Some(row) = found.first() else { return Ok(()) };
    let (title, subject) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
    tx.execute("UPDATE documents SET title = '(erased)', words = '' WHERE message = ?1", &[message.into()])?;
    tx.execute(
        "UPDATE notices SET words = replace(words, ?1, '(erased)') WHERE movement = ?2",
        &[title.into(), subject.into()],
    )?;
    Ok(())
}

/// Erases the keys of the attachments that came or went with a message.
fn erase_attachments(tx: &mut dyn Tx, kept: &Kept) -> Result<(), StoreError> {
    // A partner may give its message an identity of ours; its attachments are not those of our message.
    let state = if kept.sent { "bound" } else { "received" };
    for attachment in attachments::of_message(tx, &kept.message_id.to_string())? {
        if attachment.state == state {
            attachments::erase(tx, attachment.id)?;
        }
    }
    Ok(())
}

fn movement_of(tx: &mut dyn Tx, message: i64) -> Result<String, StoreError> {
    let rows = tx.query("SELECT movement FROM messages WHERE id = ?1", &[message.into()])?;
    rows.first().map_or_else(|| Ok(String::new()), |row| Ok(row.text(0)?.to_owned()))
}

/// Messages between nodes from before a moment whose content is here, refused ones too, after a number, oldest first.
fn due(tx: &mut dyn Tx, before: Timestamp, after: i64) -> Result<Vec<i64>, StoreError> {
    let rows = tx.query(
        "SELECT m.id FROM messages m LEFT JOIN erasures e ON e.message = m.id \
         WHERE m.id > ?3 AND m.exchange_id IS NOT NULL AND m.at < ?1 AND e.message IS NULL \
         ORDER BY m.id LIMIT ?2",
        &[before.into(), AT_ONCE.into(), after.into()],
    )?;
    rows.iter().map(|row| row.int(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Delivery, Node, SetUp, Transport, TransportError, World};
    use base::Administration;
    use std::sync::Arc;
    use std::time::Duration;

    struct Nowhere;

    impl Transport for Nowhere {
        fn deliver<'a>(&'a self, partner: &'a Administration, _: crate::Bytes) -> Delivery<'a> {
            Box::pin(async move { Err(TransportError::Unreachable(partner.clone(), "it is away".into())) })
        }
    }

    async fn owed(node: &Node) -> bool {
        let owed = node.read(|tx| -> Result<_, NodeError> { Ok(settings::get(tx, SCRUB_OWED)?) }).await;
        owed.unwrap().is_some_and(|owed| !owed.is_empty())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_the_files_owe_is_made_good_without_another_erasure() {
        let folder = tempfile::tempdir().unwrap();
        let prepared = crate::initialise(&SetUp {
            folder: folder.path().to_owned(),
            administration: Administration::parse("NTA.GB").unwrap(),
            store: "sqlite:node.db".to_owned(),
            api: "127.0.0.1:0".parse().unwrap(),
            peer: "127.0.0.1:0".parse().unwrap(),
            corridor_defaults: true,
            reference: None,
        });
        let config = Config::load(&prepared.unwrap().config).unwrap();
        let node = Node::open_with(config, World::system(), Arc::new(Nowhere)).await.unwrap();
        assert!(!node.erase_attachment(7).await.unwrap());
        assert!(!owed(&node).await, "nothing was erased");
        let looking = Arc::clone(&node);
        let looks = tokio::spawn(async move { looking.forget_every(Duration::from_millis(10)).await });
        // The first may be made good by the retention rule, which is applied at once.
        for number in 0..2 {
            let now = node.now();
            let owe =
                move |tx: &mut dyn Tx, _: &_| -> Result<(), NodeError> { Ok(owe_scrub(tx, now, number)?) };
            node.write(owe).await.unwrap();
            for _ in 0..1000 {
                if !owed(&node).await {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert!(!owed(&node).await, "{number}");
        }
        looks.abort();
    }
}
