//! The node's log before the eyes of others: tiles and checkpoints, the witnesses that cosign them, the node as a witness
//! of its partners' logs, and the monitoring of what partners were shown.
//!
//! | File | What |
//! |---|---|
//! | `tree` | proofs from the store: full tiles, and the leaves that are in none yet |
//! | `head` | the last signed checkpoint outside the database, and what follows when the database is behind it |
//! | `signing` | checkpoints of the node's log |
//! | `keys` | whose checkpoints and cosignatures are verified with what |
//! | `witness` | the node as a witness: `add-checkpoint` |
//! | `cosigning` | the partners as witnesses of the node's log |
//! | `quorum` | which witnesses the agreements ask for, and whether they have cosigned |
//! | `monitor` | what partners were shown of each log, compared |
//! | `receipts` | what partners receipted, compared with what their logs show |
//! | `serving` | what is given to whom |
//! | `proof` | what stands behind one entry: inclusion, checkpoint, cosignatures |

mod cosigning;
mod head;
mod keys;
mod monitor;
mod operator;
mod proof;
mod quorum;
mod receipts;
mod serving;
mod signing;
mod tree;
mod view;
mod witness;

pub use head::{FileHead, HeadRecord, LogBehind, MemoryHead};
pub(crate) use operator::LogOperator;
pub use proof::LogProof;
pub(crate) use proof::log_proof;
pub use quorum::QuorumView;
pub(crate) use receipts::Receipted;
pub use serving::LogResource;
pub use tree::{fill_tiles, inclusion_path, root_at};
pub use view::{CheckpointView, FindingView, LogView, SeeError, SeenView, WitnessView};
pub use witness::WitnessReply;

use evidence::EvidenceError;
use store::StoreError;

/// Where a node serves its log to everyone, on the port for traders and officers and on the one for partners.
pub const LOG_PREFIX: &str = "/log";

/// Where a node gives its partners what it saw of every log, and takes checkpoints to cosign.
pub const WITNESS_PREFIX: &str = "/peer/v1/witness";

/// Why the log could not be read, signed or compared.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A proof or signature does not hold, or cannot be made.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// A tile that the log must have is not in the store.
    #[error("`{0}` is not in the store, though the log is long enough for it")]
    Missing(String),
    /// The database is behind what this node has signed.
    #[error(transparent)]
    Behind(#[from] LogBehind),
    /// The record of the last signed checkpoint cannot be read or written.
    #[error("the record of the last signed checkpoint cannot be used: {0}")]
    Record(#[from] std::io::Error),
    /// Nobody knows whether the database is behind what this node has signed.
    #[error(
        "the database could not be compared with the record of the last signed checkpoint, and nothing is taken until it \
         can: {0}"
    )]
    NotCompared(String),
}
