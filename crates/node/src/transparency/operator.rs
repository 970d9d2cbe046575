//! What the node remembers of its log while it runs.

use super::LogError;
use super::head::{HeadRecord, LogBehind};
use super::receipts::Receipted;
use base::{Administration, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The running state of the node as the operator of a log. Nothing in it is lost that cannot be learned again.
pub(crate) struct LogOperator {
    record: Arc<dyn HeadRecord>,
    behind: Mutex<Option<LogBehind>>,
    /// Why the database could not be compared with the record, until it could.
    not_compared: Mutex<Option<String>>,
    appended: AtomicU64,
    grown: Notify,
    /// Held while a checkpoint of another's log is cosigned, so that what is recorded is the latest.
    witnessing: tokio::sync::Mutex<()>,
    signed: Notify,
    witnesses: Mutex<BTreeMap<Administration, Attempt>>,
    receipts: Mutex<BTreeMap<Administration, Receipted>>,
    /// How often in a row a log could not be reached for the proof of what a source was shown of it, by origin and source.
    unreached: Mutex<BTreeMap<(String, String), u32>>,
}

/// In how many comparisons in a row a log must have been out of reach before that counts as not showing.
const UNREACHED: u32 = 3;

/// How the node stands with one witness.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempt {
    /// The size up to which it has cosigned.
    pub(super) cosigned: u64,
    /// How often in a row it was asked in vain.
    pub(super) failures: u32,
    /// Not before then again.
    pub(super) not_before: Option<Timestamp>,
    /// Whether it is being asked now.
    pub(super) busy: bool,
    /// Why it was in vain, in words.
    pub(super) problem: Option<String>,
}

impl LogOperator {
    pub(crate) fn new(record: Arc<dyn HeadRecord>) -> Self {
        Self {
            record,
            behind: Mutex::default(),
            not_compared: Mutex::default(),
            appended: AtomicU64::new(0),
            grown: Notify::new(),
            witnessing: tokio::sync::Mutex::default(),
            signed: Notify::new(),
            witnesses: Mutex::default(),
            receipts: Mutex::default(),
            unreached: Mutex::default(),
        }
    }

    pub(super) fn record(&self) -> Arc<dyn HeadRecord> {
        Arc::clone(&self.record)
    }

    pub(super) fn witnessing(&self) -> &tokio::sync::Mutex<()> {
        &self.witnessing
    }

    /// What this node has signed and its database does not lead to, if that was found.
    pub(crate) fn behind(&self) -> Option<LogBehind> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refuses to sign when the database is behind, or when nobody knows whether it is.
    pub(crate) fn sound(&self) -> Result<(), LogError> {
        if let Some(behind) = self.behind() {
            return Err(behind.into());
        }
        match &*self.not_compared.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(reason) => Err(LogError::NotCompared(reason.clone())),
            None => Ok(()),
        }
    }

    /// Whether the last comparison with the record failed.
    pub(super) fn is_not_compared(&self) -> bool {
        self.not_compared.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Keeps how a comparison with the record ended. One that found the database behind was made.
    pub(super) fn compared(&self, outcome: &Result<(), LogError>) {
        let failure = match outcome {
            Ok(()) | Err(LogError::Behind(_)) => None,
            Err(error) => Some(error.to_string()),
        };
        *self.not_compared.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// Keeps what was found, and says whether it is news.
    pub(super) fn found_behind(&self, behind: LogBehind) -> bool {
        let mut known = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        let news = known.is_none();
        known.get_or_insert(behind);
        news
    }

    /// Counts leaves that were entered; when there are `enough`, the next checkpoint is signed before its time.
    pub(crate) fn leaves_entered(&self, leaves: u64, enough: u64) {
        if self.appended.fetch_add(leaves, Ordering::Relaxed).saturating_add(leaves) >= enough {
            self.grown.notify_one();
        }
    }

    pub(super) async fn enough_leaves(&self) {
        self.grown.notified().await;
    }

    pub(super) fn begin_checkpoint(&self) {
        self.appended.store(0, Ordering::Relaxed);
    }

    pub(super) fn checkpoint_signed(&self) {
        self.signed.notify_one();
    }

    pub(super) async fn next_checkpoint(&self) {
        self.signed.notified().await;
    }

    pub(super) fn receipts(&self) -> MutexGuard<'_, BTreeMap<Administration, Receipted>> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A log could not be reached for the proof of what `source` was shown of it. Whether that counts as not showing by now:
    /// a partner may be away for a while.
    pub(super) fn not_reached(&self, origin: &str, source: &str) -> bool {
        let mut unreached = self.unreached.lock().unwrap_or_else(PoisonError::into_inner);
        let times = unreached.entry((origin.to_owned(), source.to_owned())).or_default();
        *times = times.saturating_add(1);
        *times >= UNREACHED
    }

    /// A log has answered for what `source` was shown of it.
    pub(super) fn reached(&self, origin: &str, source: &str) {
        let mut unreached = self.unreached.lock().unwrap_or_else(PoisonError::into_inner);
        unreached.remove(&(origin.to_owned(), source.to_owned()));
    }

    pub(super) fn witnesses(&self) -> MutexGuard<'_, BTreeMap<Administration, Attempt>> {
        self.witnesses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::MemoryHead;
    use super::*;

    #[test]
    fn a_log_that_is_out_of_reach_counts_as_not_showing_from_the_third_time_in_a_row_on() {
        let operator = LogOperator::new(Arc::new(MemoryHead::default()));
        let times = |count: usize| (0..count).map(|_| operator.not_reached("log", "FR")).collect::<Vec<_>>();
        assert_eq!(times(2), [false, false]);
        assert!(!operator.not_reached("log", "IT"), "each source has its own count");
        operator.reached("log", "FR");
        assert_eq!(times(4), [false, false, true, true]);
    }
}
