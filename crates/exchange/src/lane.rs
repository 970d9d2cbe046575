//! Lanes: which of the waiting messages goes first.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The priority of a message in the outbox. Within a channel the order is always that of the numbers; lanes order
/// channels among each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// A hit on a watch list, a stop order, a recall: overtakes all else; code 0.
    Urgent,
    /// Ordinary messages of procedures; code 1.
    #[default]
    Normal,
    /// Reference data, statistics, archives: when nothing else waits; code 2.
    Bulk,
}

impl Lane {
    /// The number that sorts lanes in the outbox, the most urgent first.
    pub fn code(self) -> i64 {
        match self {
            Self::Urgent => 0,
            Self::Normal => 1,
            Self::Bulk => 2,
        }
    }

    /// The lane of a number; `None` when there is no such lane.
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Urgent, Self::Normal, Self::Bulk].into_iter().find(|lane| lane.code() == code)
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Urgent => "urgent",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_urgent_lane_sorts_first_and_codes_are_read_back() {
        assert!(Lane::Urgent.code() < Lane::Normal.code() && Lane::Normal.code() < Lane::Bulk.code());
        for lane in [Lane::Urgent, Lane::Normal, Lane::Bulk] {
            assert_eq!(Lane::from_code(lane.code()), Some(lane));
        }
        assert_eq!(Lane::from_code(3), None);
    }
}
