//! The load: documents that a node sends, some at a time, each settled before the next of its channel follows.

use super::pair::Pair;
use super::{BenchError, officer};
use base::{Administration, MessageId};
use node::{DocumentContent, Lane, NewDocument, Node};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

/// How long a message may take until it is settled. A node that takes longer has stopped working.
const SETTLE_LIMIT: Duration = Duration::from_secs(120);

/// What sending took.
#[derive(Debug, Default)]
pub(super) struct Sendings {
    /// All of it.
    pub(super) taken: Duration,
    /// Each message, from the call that sends it to its settlement, in milliseconds.
    pub(super) latencies_ms: Vec<f64>,
}

impl Sendings {
    pub(super) fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.latencies_ms.extend(other.latencies_ms);
    }
}

/// Sends `messages` documents of `size` bytes, `in_flight` at a time, each slot on a channel of its own, and waits until
/// all are settled.
#[allow(clippy::disallowed_methods, reason = "measuring is what this is for")]
pub(super) async fn send(
    pair: &Pair,
    size: usize,
    in_flight: usize,
    messages: usize,
) -> Result<Sendings, BenchError> {
    let settled = Settled::follow(pair.sender().settlements().listen());
    let left = Arc::new(AtomicUsize::new(messages));
    let mut slots = JoinSet::new();
    let started = Instant::now();
    for slot in 0..in_flight.min(messages) {
        let (sender, recipient) = (Arc::clone(pair.sender()), pair.recipient().administration().clone());
        let (left, waiting) = (Arc::clone(&left), Arc::clone(&settled.waiting));
        slots.spawn(async move {
            let mut latencies = Vec::new();
            let mine = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            while mine().is_ok() {
                let posted = Instant::now();
                let message = post(&sender, document(&recipient, slot, size)?).await?;
                let heard = waiting.lock().unwrap_or_else(PoisonError::into_inner).wait_for(message);
                if let Some(heard) = heard {
                    let late = || {
                        let limit = SETTLE_LIMIT.as_secs();
                        BenchError::Astray(format!("a message was not settled within {limit} s"))
                    };
                    timeout(SETTLE_LIMIT, heard).await.map_err(|_| late())?.map_err(|_| late())?;
                }
                latencies.push(posted.elapsed().as_secs_f64() * 1e3);
            }
            Ok::<_, BenchError>(latencies)
        });
    }
    let mut latencies_ms = Vec::with_capacity(messages);
    while let Some(slot) = slots.join_next().await {
        latencies_ms.extend(slot.map_err(|error| BenchError::Astray(error.to_string()))??);
    }
    Ok(Sendings { taken: started.elapsed(), latencies_ms })
}

/// A document of `size` bytes about the case of a slot.
fn document(recipient: &Administration, slot: usize, size: usize) -> Result<NewDocument, BenchError> {
    let purpose = node::default_purpose().map_err(|invalid| BenchError::Astray(invalid.to_string()))?;
    Ok(NewDocument {
        recipient: recipient.clone(),
        subject: format!("case-{slot}"),
        purpose,
        lane: Lane::Normal,
        expires_seconds: node::DEFAULT_EXPIRY_SECONDS,
        document: DocumentContent {
            title: "Measured".to_owned(),
            media_type: "application/octet-stream".to_owned(),
            content: vec![0xA5; size],
        },
    })
}

async fn post(sender: &Arc<Node>, document: NewDocument) -> Result<MessageId, BenchError> {
    let astray = |words: String| BenchError::Astray(words);
    let sent = sender.send_document(&officer(), document).await?;
    let sent = sent.map_err(|error| astray(error.to_string()))?;
    MessageId::parse(&sent.exchange_id).map_err(|invalid| astray(invalid.to_string()))
}

/// Who waits for which letter, and which were settled before anyone asked: a letter can be receipted before the call
/// that sent it returns.
#[derive(Default)]
struct Waiting {
    slots: HashMap<MessageId, oneshot::Sender<()>>,
    early: HashSet<MessageId>,
}

impl Waiting {
    /// What to wait on for a letter; `None` when it is settled already.
    fn wait_for(&mut self, letter: MessageId) -> Option<oneshot::Receiver<()>> {
        if self.early.remove(&letter) {
            return None;
        }
        let (tell, heard) = oneshot::channel();
        self.slots.insert(letter, tell);
        Some(heard)
    }

    fn settled(&mut self, letter: MessageId) {
        match self.slots.remove(&letter) {
            // A slot that has given up needs no word.
            Some(tell) => drop(tell.send(())),
            None => drop(self.early.insert(letter)),
        }
    }
}

/// Follows what a node says of settled letters, until it is dropped.
struct Settled {
    waiting: Arc<Mutex<Waiting>>,
    following: AbortHandle,
}

impl Settled {
    fn follow(mut letters: broadcast::Receiver<MessageId>) -> Self {
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let told = Arc::clone(&waiting);
        let following = tokio::spawn(async move {
            loop {
                match letters.recv().await {
                    Ok(letter) => told.lock().unwrap_or_else(PoisonError::into_inner).settled(letter),
                    // Whoever waits for one that was missed fails at its limit.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        });
        Self { waiting, following: following.abort_handle() }
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        self.following.abort();
    }
}
