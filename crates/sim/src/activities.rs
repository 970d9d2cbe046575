//! What nodes do for each other beside taking letters: a simulation in which it never happens has not tested it.

use std::collections::BTreeMap;
use std::fmt;

/// Something that nodes, or the officers at them, do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Activity {
    /// A batch of staged statements came back to the sender of the messages and was kept.
    StagesKept,
    /// An officer decided on a document.
    DocumentDecided,
    /// A chunk of an attachment was taken.
    ChunkHeld,
    /// A checkpoint was cosigned by a witness.
    Cosigned,
    /// A partner was shown what was seen of the logs.
    ViewShown,
    /// A tile of a log was read by a partner.
    TileRead,
}

impl Activity {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::StagesKept,
        Self::DocumentDecided,
        Self::ChunkHeld,
        Self::Cosigned,
        Self::ViewShown,
        Self::TileRead,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StagesKept => "staged statements kept",
            Self::DocumentDecided => "document decided on",
            Self::ChunkHeld => "chunk of an attachment held",
            Self::Cosigned => "checkpoint cosigned",
            Self::ViewShown => "views of logs shown",
            Self::TileRead => "tile of a log read",
        }
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// How often each was done.
pub type Done = BTreeMap<Activity, u32>;
