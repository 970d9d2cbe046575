//! The witness protocol (C2SP `tlog-witness`, `add-checkpoint`), as a witness and as the log that asks it.
//!
//! A witness keeps the latest checkpoint that it cosigned of each log, and cosigns another only if that one extends it.
//! This is the protocol alone: whoever calls it looks up the latest checkpoint, and makes the new one durable in the
//! same transaction before it answers.
//!
//! | Answer | When |
//! |---|---|
//! | 200 | the checkpoint extends the latest one; the body is the witness's signature lines |
//! | 400 | the body is no request, or its old size is above the checkpoint's |
//! | 403 | no signature of a known key of the log |
//! | 404 | the log is not known here |
//! | 409 | the old size is not that of the latest checkpoint, or the size is the same and the root another; the body is the size of the latest one, as `text/x.tlog.size` |
//! | 422 | the consistency proof does not hold |

use crate::checkpoint::{Checkpoint, WHAT as CHECKPOINT, decimal};
use crate::merkle::{self, Hash, empty_root};
use crate::note::{MAX_NOTE, NoteSignature, SignedNote};
use crate::{EvidenceError, PublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};

const WHAT: &str = "witness request";
/// The most lines of a consistency proof (tlog-witness).
const MAX_PROOF: usize = 63;
/// The largest request: a note, and 63 hashes in base64 with their line feeds.
pub const MAX_REQUEST: usize = MAX_NOTE + 32 + MAX_PROOF * 45;
/// The media type of a size in a 409.
pub const SIZE_TYPE: &str = "text/x.tlog.size";
/// The media type of signature lines and refusals in words.
pub const TEXT_TYPE: &str = "text/plain; charset=utf-8";

/// What a log sends a witness: its new checkpoint, and the proof that it extends the one of the old size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint that the witness cosigned last, as the log believes.
    pub old_size: u64,
    /// The consistency proof from there.
    pub proof: Vec<Hash>,
    /// The new checkpoint.
    pub note: SignedNote,
}

impl AddCheckpoint {
    /// The request's body.
    pub fn to_body(&self) -> String {
        let mut body = format!("old {}\n", self.old_size);
        for hash in &self.proof {
            body.push_str(&STANDARD.encode(hash));
            body.push('\n');
        }
        body.push('\n');
        body.push_str(&self.note.to_note());
        body
    }

    /// Reads a request's body.
    ///
    /// # Errors
    /// When it has another form.
    pub fn from_body(body: &[u8]) -> Result<Self, EvidenceError> {
        crate::cose::within(WHAT, body, MAX_REQUEST)?;
        let wrong = |reason: &str| EvidenceError::malformed(WHAT, reason);
        let body = std::str::from_utf8(body).map_err(|_| wrong("it is not UTF-8"))?;
        let (head, note) =
            body.split_once("\n\n").ok_or_else(|| wrong("it has no empty line before its checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let old_size = old.ok_or_else(|| wrong("its first line is not `old` and a size in plain digits"))?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() >= MAX_PROOF {
                return Err(wrong("its consistency proof has more than 63 lines"));
            }
            let hash = STANDARD.decode(line).ok().and_then(|hash| Hash::try_from(hash).ok());
            proof.push(hash.ok_or_else(|| wrong("a line of its proof is not a hash in base64"))?);
        }
        Ok(Self { old_size, proof, note: SignedNote::parse(CHECKPOINT, note)? })
    }
}

/// Why a witness does not cosign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessRefusal {
    /// 400: the request cannot be read.
    #[error(transparent)]
    Malformed(#[from] EvidenceError),
    /// 400: the old size is above that of the checkpoint.
    #[error("the old size {old} is above the size {size} of the checkpoint")]
    Shrinks {
        /// The old size.
        old: u64,
        /// The checkpoint's.
        size: u64,
    },
    /// 403: none of the signatures is of a known key of the log.
    #[error("no signature of a known key of the log `{origin}`")]
    NotSigned {
        /// The log.
        origin: String,
    },
    /// 404: nobody knows the log.
    #[error("the log `{origin}` is not known to this witness")]
    UnknownLog {
        /// The log.
        origin: String,
    },
    /// 409: the witness has cosigned another size last.
    #[error("the latest checkpoint cosigned here has the size {latest}")]
    OtherSize {
        /// The size of the latest cosigned checkpoint; 0 when there is none.
        latest: u64,
    },
    /// 409: the log has signed two roots for one size. Both notes together are the proof of it.
    #[error("the log signed another root for the size {latest} before")]
    OtherRoot {
        /// The size.
        latest: u64,
    },
    /// 422: the proof does not lead from the latest checkpoint to this one.
    #[error("the consistency proof does not hold: {0}")]
    Inconsistent(EvidenceError),
}

impl WitnessRefusal {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::Shrinks { .. } => 400,
            Self::NotSigned { .. } => 403,
            Self::UnknownLog { .. } => 404,
            Self::OtherSize { .. } | Self::OtherRoot { .. } => 409,
            Self::Inconsistent(_) => 422,
        }
    }

    /// The media type of the body.
    pub fn content_type(&self) -> &'static str {
        if self.status() == 409 { SIZE_TYPE } else { TEXT_TYPE }
    }

    /// The body: of a 409 the size of the latest checkpoint, of everything else the reason.
    pub fn body(&self) -> String {
        match self {
            Self::OtherSize { latest } | Self::OtherRoot { latest } => format!("{latest}\n"),
            other => format!("{other}\n"),
        }
    }
}

/// A request whose checkpoint is signed by a log that the witness knows. What is left depends on what it cosigned last.
#[derive(Clone, Debug)]
pub struct Submission {
    request: AddCheckpoint,
    checkpoint: Checkpoint,
}

impl Submission {
    /// Reads a request. `log_keys` gives the keys of a log by its origin; none when the log is not known.
    ///
    /// # Errors
    /// 400, 403 and 404.
    pub fn read(body: &[u8], log_keys: impl FnOnce(&str) -> Vec<PublicKey>) -> Result<Self, WitnessRefusal> {
        let request = AddCheckpoint::from_body(body)?;
        let claimed = Checkpoint::claimed(&request.note)?;
        let keys = log_keys(&claimed.origin);
        if keys.is_empty() {
            return Err(WitnessRefusal::UnknownLog { origin: claimed.origin });
        }
        let signed =
            keys.iter().find_map(|key| Checkpoint::verify_note(&request.note, &claimed.origin, key).ok());
        let Some(checkpoint) = signed else {
            return Err(WitnessRefusal::NotSigned { origin: claimed.origin });
        };
        if request.old_size > checkpoint.size {
            return Err(WitnessRefusal::Shrinks { old: request.old_size, size: checkpoint.size });
        }
        Ok(Self { request, checkpoint })
    }

    /// The checkpoint, which its log has signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note as it came.
    pub fn note(&self) -> &SignedNote {
        &self.request.note
    }

    /// Whether the checkpoint may be cosigned after `latest`, the one of this log that the witness cosigned last.
    ///
    /// # Errors
    /// 409 and 422.
    pub fn extends(&self, latest: Option<&Checkpoint>) -> Result<(), WitnessRefusal> {
        let (latest_size, latest_root) =
            latest.map_or((0, empty_root()), |latest| (latest.size, latest.root.0));
        let (size, root) = (self.checkpoint.size, self.checkpoint.root.0);
        if self.request.old_size != latest_size {
            return Err(WitnessRefusal::OtherSize { latest: latest_size });
        }
        if size == latest_size && root != latest_root {
            return Err(WitnessRefusal::OtherRoot { latest: latest_size });
        }
        merkle::verify_consistency(latest_size, &latest_root, size, &root, &self.request.proof)
            .map_err(WitnessRefusal::Inconsistent)
    }
}

/// What a witness answered a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WitnessAnswer {
    /// Its signature lines; none of them verified.
    Cosigned(Vec<NoteSignature>),
    /// It cosigned a checkpoint of this size last: prove from there.
    Latest(u64),
    /// It does not cosign, with this status: 400, 403, 404, 422 or another.
    Refused(u16),
}

impl WitnessAnswer {
    /// Reads an answer.
    ///
    /// # Errors
    /// When a 200 has no signature lines, or a 409 no size.
    pub fn read(status: u16, body: &[u8]) -> Result<Self, EvidenceError> {
        const ANSWER: &str = "witness answer";
        let text =
            || std::str::from_utf8(body).map_err(|_| EvidenceError::malformed(ANSWER, "it is not UTF-8"));
        match status {
            200 => NoteSignature::parse_lines(ANSWER, text()?).map(Self::Cosigned),
            409 => {
                let size = text()?.strip_suffix('\n').and_then(decimal);
                let size = size.ok_or_else(|| {
                    EvidenceError::malformed(ANSWER, "a 409 does not give a size in plain digits")
                })?;
                Ok(Self::Latest(size))
            }
            other => Ok(Self::Refused(other)),
        }
    }
}

#[cfg(test)]
#[path = "witness_tests.rs"]
mod tests;
