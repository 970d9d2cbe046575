//! Evidence: what one administration can show a court about a message, without the other's help.
//!
//! A message between administrations is described by a [`Manifest`], which its sender signs as a [`Statement`]
//! (SCITT signed statement, RFC 9943). Its parts are sealed for the recipient alone ([`seal`], HPKE, RFC 9180). The
//! recipient enters the statement in its append-only log ([`merkle`], RFC 9162) and answers with a [`Stage`] that it
//! signs and a [`Receipt`] of its log (RFC 9942). A [`Checkpoint`] (C2SP `tlog-checkpoint`) fixes the whole log.
//!
//! This room computes and verifies; it performs no input or output, reads no clock and draws no randomness: time and
//! random bytes are arguments. It depends on the vocabulary alone, so that a court can build it by itself.
//!
//! ```
//! use evidence::{KeySet, merkle, Receipt};
//!
//! let mut byte = 0;
//! let keys = KeySet::draw(&mut |slot| { byte += 1; slot.fill(byte) }).keys()?; // a real caller draws secure bytes
//! let administration = evidence::Administration::parse("NTA.FR").map_err(|_| "administration")?;
//!
//! let mut log = merkle::Frontier::new();
//! let leaf = merkle::leaf_hash(b"a signed statement");
//! let appended = log.append(leaf);
//! let receipt = Receipt::issue(&administration, &appended, &keys.log)?;
//!
//! let included = Receipt::verify(receipt.as_bytes(), &leaf, &administration, &keys.log.public())?;
//! assert_eq!((included.index, included.size), (0, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod algorithm;
mod at_rest;
pub mod cbor;
mod channel;
mod checkpoint;
pub mod chunked;
mod conflict;
pub mod cose;
mod cosignature;
pub mod disclosure;
pub mod equivocation;
mod error;
mod file;
pub mod key_register;
mod key_set;
mod keys;
mod manifest;
pub mod merkle;
mod ml_dsa;
pub mod note;
mod quorum;
mod receipt;
mod register;
#[cfg(test)]
mod samples;
mod seal;
mod signer;
mod stage;
mod statement;
pub mod stream;
pub mod tile;
pub mod witness;

pub use algorithm::{Algorithm, P256PublicKey, VerifyingKey, normalised};
pub use at_rest::{open_at_rest, seal_at_rest};
pub use base::{Administration, Digest, MessageId, Timestamp};
pub use channel::Channel;
pub use checkpoint::{Checkpoint, log_origin};
pub use conflict::{Conflict, ConflictClaim};
pub use cosignature::{Cosignature, CosignedCheckpoint, CosigningKey, Witness, cosign, witness_name};
pub use equivocation::{Contradiction, Equivocation, View};
pub use error::EvidenceError;
pub use file::{
    ConflictEvidence, EVIDENCE_MAGIC, EVIDENCE_VERSION, EvidenceFile, LoggedCheckpoint, MAX_EVIDENCE,
    ShownAttachment, ShownPart,
};
pub use key_set::{KeySet, Keys, Seed};
pub use keys::{KeyId, PublicKey, Purpose, SealingKey, SealingPublicKey};
pub use manifest::{AgreementReference, Encryption, MAX_PARTS, MAX_TEXT, Manifest, PartManifest, Suite};
pub use ml_dsa::{MlDsaPublicKey, MlDsaSigningKey};
pub use note::{NoteKeyId, NoteSignature, SignatureType, SignedNote};
pub use quorum::{Quorum, QuorumResult};
pub use receipt::{Included, Receipt, ReceiptClaim, TreeHead};
pub use register::PublicKeys;
pub use seal::{open, part_aad, seal};
pub use signer::{Signer, SigningKey, StatementKey};
pub use stage::{Stage, StageClaim, StageName, StageReason, StagedStatement};
pub use statement::{Statement, StatementClaim};

/// SHA-256 of `bytes`.
pub fn digest_of(bytes: &[u8]) -> Digest {
    let computed = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut digest = [0u8; 32];
    for (slot, byte) in digest.iter_mut().zip(computed.as_ref()) {
        *slot = *byte;
    }
    Digest(digest)
}
