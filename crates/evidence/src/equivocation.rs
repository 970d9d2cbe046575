//! Equivocation: proof, from its own signatures alone, that a log showed two histories.
//!
//! A log signs checkpoints and receipts. Two of them that cannot both be true prove that it equivocated, to anyone who
//! has its key: another root for the same size (be it signed, or that of the first leaves of a larger tree), or another
//! leaf at the same index. Nothing else is needed, no witness and
//! no testimony, so the proof can be handed on.

use crate::cbor::{Reader, Writer};
use crate::merkle::{self, Hash, MAX_PATH};
use crate::{Administration, Checkpoint, Digest, EvidenceError, PublicKey, Receipt, log_origin};
use std::fmt;

const WHAT: &str = "equivocation proof";
/// The media type of a proof.
pub const MEDIA_TYPE: &str = "application/vnd.tidewaiter.equivocation+cbor";
/// The largest proof: two notes with a few signatures, or two paths.
pub const MAX_EQUIVOCATION: usize = 160 * 1024;
/// The version of the encoding.
const VERSION: u64 = 1;

/// Something that a log signed, as it showed it to someone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum View {
    /// A checkpoint: a size and its root.
    Checkpoint {
        /// The signed note.
        note: String,
    },
    /// A leaf at an index of the tree of a checkpoint.
    Inclusion {
        /// The signed note.
        note: String,
        /// The leaf's hash.
        leaf: Hash,
        /// Where it is.
        index: u64,
        /// The inclusion path.
        path: Vec<Hash>,
    },
    /// A leaf that the log gave a receipt for (RFC 9942).
    Receipt {
        /// The receipt.
        receipt: Vec<u8>,
        /// The leaf's hash.
        leaf: Hash,
    },
    /// The root that the first leaves below a checkpoint have: as the shape of a tree follows from its size, a
    /// checkpoint fixes the roots of all smaller trees too.
    Prefix {
        /// The signed note.
        note: String,
        /// How many leaves: at least one, and fewer than the checkpoint has.
        size: u64,
        /// The root over them.
        root: Hash,
        /// The consistency proof from there to the checkpoint (RFC 9162 section 2.1.4.1).
        path: Vec<Hash>,
    },
}

/// What a view proves, once it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    size: u64,
    root: Digest,
    leaf: Option<(u64, Hash)>,
}

/// What two views contradict each other in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// Two roots for one size.
    TwoRoots {
        /// The size.
        size: u64,
        /// The root in the first view.
        first: Digest,
        /// The root in the second view.
        second: Digest,
    },
    /// Two leaves at one index.
    TwoLeaves {
        /// The index.
        index: u64,
        /// The leaf in the first view.
        first: Digest,
        /// The leaf in the second view.
        second: Digest,
    },
}

impl fmt::Display for Contradiction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoRoots { size, first, second } => {
                write!(out, "it signed two roots for the size {size}: {first} and {second}")
            }
            Self::TwoLeaves { index, first, second } => {
                write!(out, "it proved two leaves at the index {index}: {first} and {second}")
            }
        }
    }
}

/// Proof that an administration's log equivocated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equivocation {
    log: Administration,
    // INVARIANT: in their order, so that one proof has one encoding.
    views: [View; 2],
}

impl Equivocation {
    /// Makes a proof of two views of `log`, which verify under one of its keys each. No revoked key may be among them: what
    /// such a key signs may be the work of whoever stole it.
    ///
    /// # Errors
    /// When a view does not verify, or the two do not contradict each other.
    pub fn prove(
        log: &Administration,
        first: View,
        second: View,
        keys: &[PublicKey],
    ) -> Result<(Self, Contradiction), EvidenceError> {
        let views = if first <= second { [first, second] } else { [second, first] };
        let proof = Self { log: log.clone(), views };
        let contradiction = proof.verify(keys)?;
        Ok((proof, contradiction))
    }

    /// Whose log it is about.
    pub fn log(&self) -> &Administration {
        &self.log
    }

    /// The two views.
    pub fn views(&self) -> &[View; 2] {
        &self.views
    }

    /// Verifies both views under the log's keys (it may have had several, and each view is by one of them), and gives
    /// what they contradict each other in. A key that is revoked is none of them: whoever stole it can have signed a view.
    ///
    /// # Errors
    /// When a view does not verify, or both can be true.
    pub fn verify(&self, keys: &[PublicKey]) -> Result<Contradiction, EvidenceError> {
        let [first, second] = &self.views;
        let (first, second) = (self.seen(first, keys)?, self.seen(second, keys)?);
        if first.size == second.size && first.root != second.root {
            return Ok(Contradiction::TwoRoots { size: first.size, first: first.root, second: second.root });
        }
        if let (Some((index, one)), Some((other_index, other))) = (first.leaf, second.leaf)
            && index == other_index
            && one != other
        {
            return Ok(Contradiction::TwoLeaves { index, first: Digest(one), second: Digest(other) });
        }
        Err(EvidenceError::Proof { proof: "equivocation", reason: "both views can be true" })
    }

    fn seen(&self, view: &View, keys: &[PublicKey]) -> Result<Seen, EvidenceError> {
        let mut refused =
            EvidenceError::Key { what: "log", reason: "no key of the log is given to verify the proof with" };
        for key in keys {
            match seen_under(&self.log, view, key) {
                Ok(seen) => return Ok(seen),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// The proof as bytes: deterministic CBOR `[1, log, view, view]`, a view being `[1, note]`,
    /// `[2, note, leaf, index, [path]]`, `[3, receipt, leaf]` or `[4, note, size, root, [path]]`.
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.array(4).uint(VERSION).text(self.log.as_str());
        for view in &self.views {
            match view {
                View::Checkpoint { note } => out.array(2).uint(1).text(note),
                View::Inclusion { note, leaf, index, path } => {
                    out.array(5).uint(2).text(note).bytes(leaf).uint(*index).array(path.len());
                    path.iter().fold(&mut out, |out, hash| out.bytes(hash))
                }
                View::Receipt { receipt, leaf } => out.array(3).uint(3).bytes(receipt).bytes(leaf),
                View::Prefix { note, size, root, path } => {
                    out.array(5).uint(4).text(note).uint(*size).bytes(root).array(path.len());
                    path.iter().fold(&mut out, |out, hash| out.bytes(hash))
                }
            };
        }
        out.finish()
    }

    /// Reads a proof; nothing in it is verified before [`Equivocation::verify`].
    ///
    /// # Errors
    /// When it is not in the one accepted encoding.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, EvidenceError> {
        crate::cose::within(WHAT, bytes, MAX_EQUIVOCATION)?;
        let mut input = Reader::new(WHAT, bytes);
        input.array_of(4)?;
        if input.uint()? != VERSION {
            return Err(EvidenceError::malformed(WHAT, "its version is not 1"));
        }
        let log = Administration::parse(input.text()?)
            .map_err(|error| EvidenceError::malformed(WHAT, error.to_string()))?;
        let views = [read_view(&mut input)?, read_view(&mut input)?];
        input.end()?;
        if views.first() > views.last() {
            return Err(EvidenceError::malformed(WHAT, "its views are not in their order"));
        }
        Ok(Self { log, views })
    }
}

fn seen_under(log: &Administration, view: &View, key: &PublicKey) -> Result<Seen, EvidenceError> {
    let checkpoint = |note: &str| Checkpoint::verify(note, &log_origin(log), key);
    match view {
        View::Checkpoint { note } => {
            let checkpoint = checkpoint(note)?;
            Ok(Seen { size: checkpoint.size, root: checkpoint.root, leaf: None })
        }
        View::Inclusion { note, leaf, index, path } => {
            let checkpoint = checkpoint(note)?;
            merkle::verify_inclusion(leaf, *index, checkpoint.size, path, checkpoint.root.as_bytes())?;
            Ok(Seen { size: checkpoint.size, root: checkpoint.root, leaf: Some((*index, *leaf)) })
        }
        View::Receipt { receipt, leaf } => {
            let included = Receipt::verify(receipt, leaf, log, key)?;
            Ok(Seen { size: included.size, root: included.root, leaf: Some((included.index, *leaf)) })
        }
        View::Prefix { note, size, root, path } => {
            let checkpoint = checkpoint(note)?;
            if *size == 0 || *size >= checkpoint.size {
                return Err(EvidenceError::Proof {
                    proof: "consistency",
                    reason: "a prefix has at least one leaf and fewer than the checkpoint",
                });
            }
            let whole = checkpoint.root.as_bytes();
            merkle::verify_consistency(*size, root, checkpoint.size, whole, path)?;
            Ok(Seen { size: *size, root: Digest(*root), leaf: None })
        }
    }
}

fn read_view(input: &mut Reader<'_>) -> Result<View, EvidenceError> {
    let fields = input.array()?;
    let kind = input.uint()?;
    match (kind, fields) {
        (1, 2) => Ok(View::Checkpoint { note: input.text()?.to_owned() }),
        (2, 5) => {
            let (note, leaf, index) = (input.text()?.to_owned(), input.bytes_of()?, input.uint()?);
            Ok(View::Inclusion { note, leaf, index, path: read_path(input)? })
        }
        (4, 5) => {
            let (note, size, root) = (input.text()?.to_owned(), input.uint()?, input.bytes_of()?);
            Ok(View::Prefix { note, size, root, path: read_path(input)? })
        }
        (3, 3) => Ok(View::Receipt { receipt: input.bytes()?.to_vec(), leaf: input.bytes_of()? }),
        _ => Err(EvidenceError::malformed(
            WHAT,
            "a view is neither a checkpoint, an inclusion, a receipt nor a prefix",
        )),
    }
}

fn read_path(input: &mut Reader<'_>) -> Result<Vec<Hash>, EvidenceError> {
    let length = input.array()?;
    if length > MAX_PATH as u64 {
        return Err(EvidenceError::malformed(WHAT, "a path is longer than 64 hashes"));
    }
    (0..length).map(|_| input.bytes_of()).collect()
}

#[cfg(test)]
#[path = "equivocation_tests.rs"]
mod tests;
