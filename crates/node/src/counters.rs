//! What a node counts since it started, for its metrics.

use crate::channel_counts::ChannelCounts;
use crate::delivery::Fate;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start of the process.
#[derive(Debug, Default)]
pub struct Counters {
    accepted: AtomicU64,
    rejected: AtomicU64,
    received: AtomicU64,
    delivered: AtomicU64,
    refused: AtomicU64,
    postponed: AtomicU64,
    timers: AtomicU64,
    channel: Arc<ChannelCounts>,
}

impl Counters {
    /// Counters that share the counts of the channel with whoever opens connections.
    pub(crate) fn with_channel(channel: Arc<ChannelCounts>) -> Self {
        Self { channel, ..Self::default() }
    }

    pub(crate) fn channel(&self) -> &ChannelCounts {
        &self.channel
    }

    pub(crate) fn submitted(&self, accepted: bool) {
        let counter = if accepted { &self.accepted } else { &self.rejected };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn received(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn timer_fired(&self) {
        self.timers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn settled(&self, fate: &Fate) {
        let counter = match fate {
            Fate::Delivered(_) => &self.delivered,
            Fate::Refused(_) | Fate::Expired { .. } => &self.refused,
            Fate::Later(_) | Fate::Declined(_) | Fate::Away(_) | Fate::Again(_) => &self.postponed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Name, help and value of each counter.
    pub(crate) fn all(&self) -> [(&'static str, &'static str, u64); 7] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            (
                "submissions_accepted_total",
                "Messages of traders that had their effect.",
                read(&self.accepted),
            ),
            ("submissions_rejected_total", "Messages of traders that were rejected.", read(&self.rejected)),
            ("envelopes_received_total", "Envelopes of partners that were answered.", read(&self.received)),
            ("letters_delivered_total", "Letters that partners have receipted.", read(&self.delivered)),
            ("letters_refused_total", "Letters that will never be delivered.", read(&self.refused)),
            ("letters_postponed_total", "Deliveries that failed and are tried again.", read(&self.postponed)),
            ("timers_fired_total", "Time limits that ran out.", read(&self.timers)),
        ]
    }
}
