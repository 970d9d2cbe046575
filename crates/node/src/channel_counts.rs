//! What the channel between nodes counts: connections by the key exchange that was agreed on, and refusals by their codes.

use crate::channel_refusal::{ChannelReason, ChannelRefusal};
use base::{Administration, Timestamp};
use exchange::Reason;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The partner did.
    Incoming,
    /// This node did.
    Outgoing,
}

impl fmt::Display for Side {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
        })
    }
}

/// Counts since the start of the process.
#[derive(Debug, Default)]
pub struct ChannelCounts {
    handshakes: Mutex<BTreeMap<(Side, String), u64>>,
    refusals: Mutex<BTreeMap<(Side, &'static str), u64>>,
    envelopes: Mutex<BTreeMap<&'static str, u64>>,
    contacts: Mutex<BTreeMap<Administration, Timestamp>>,
}

impl ChannelCounts {
    /// A handshake succeeded with this group, named as in the registry of TLS Supported Groups.
    pub fn shaken(&self, side: Side, group: &str) {
        count(&self.handshakes, (side, group.to_owned()));
    }

    /// A peer was refused at the channel.
    pub fn refused(&self, side: Side, refusal: &ChannelRefusal) {
        count(&self.refusals, (side, refusal.reason.code()));
    }

    /// An envelope was refused.
    pub fn envelope_refused(&self, reason: Reason) {
        count(&self.envelopes, reason.code());
    }

    /// A partner was heard.
    pub(crate) fn heard(&self, partner: &Administration, now: Timestamp) {
        let mut contacts = self.contacts.lock().unwrap_or_else(PoisonError::into_inner);
        contacts.insert(partner.clone(), now);
    }

    /// When a partner was last heard, in microseconds since 1970.
    pub(crate) fn last_contact(&self, partner: &Administration) -> Option<i64> {
        let contacts = self.contacts.lock().unwrap_or_else(PoisonError::into_inner);
        contacts.get(partner).map(|heard| heard.as_micros())
    }

    /// Labels and values of the connections that were opened.
    pub(crate) fn handshakes(&self) -> Vec<(String, u64)> {
        let counts = self.handshakes.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |((side, group), count): (&(Side, String), &u64)| {
            (format!("{{side=\"{side}\",group=\"{group}\"}}"), *count)
        };
        counts.iter().map(line).collect()
    }

    /// Labels and values of all refusals.
    pub(crate) fn refusals(&self) -> Vec<(String, u64)> {
        let mut lines = self.channel_refusals();
        let counts = self.envelopes.lock().unwrap_or_else(PoisonError::into_inner);
        for reason in Reason::ALL {
            let count = counts.get(reason.code()).copied().unwrap_or_default();
            lines.push((format!("{{at=\"envelope\",code=\"{}\"}}", reason.code()), count));
        }
        lines
    }

    /// Labels and values of the refusals at the channel. Every code is there from the start, so that an alarm sees the
    /// first one.
    pub(crate) fn channel_refusals(&self) -> Vec<(String, u64)> {
        let counts = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = Vec::new();
        for side in [Side::Incoming, Side::Outgoing] {
            for reason in ChannelReason::ALL {
                let count = counts.get(&(side, reason.code())).copied().unwrap_or_default();
                lines.push((format!("{{at=\"{side}-channel\",code=\"{}\"}}", reason.code()), count));
            }
        }
        lines
    }
}

fn count<K: Ord>(counts: &Mutex<BTreeMap<K, u64>>, key: K) {
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    *counts.entry(key).or_default() += 1;
}
