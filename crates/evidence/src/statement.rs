//! Signed statements (SCITT, RFC 9943): a manifest under the signature of its sender.

use crate::cose::{self, Claims, Profile, RECEIPTS, Unverified};
use crate::merkle::{self, Hash};
use crate::{Digest, EvidenceError, KeyId, Manifest, Receipt, StatementKey, VerifyingKey, cbor, digest_of};
use coset::cbor::Value;
use coset::{Header, HeaderBuilder};

const PROFILE: Profile = Profile {
    what: "statement",
    content_type: "application/vnd.tidewaiter.manifest+cbor",
    limit: MAX_STATEMENT,
};

/// The largest statement that is read. Sixteen parts with the longest names and media types take about 6 KiB.
pub const MAX_STATEMENT: usize = 16 * 1024;

/// The largest transparent statement: the statement and a few receipts.
const MAX_TRANSPARENT: usize = 64 * 1024;
/// The sender's log, the recipient's log and a few that cosign.
const MAX_RECEIPTS: usize = 8;

/// A signed statement in its registered form, which is what a log entry is: COSE_Sign1 with an empty unprotected
/// header. The CWT claims repeat the manifest: issuer = sender, subject = the channel's subject, issued at = created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement(Vec<u8>);

impl Statement {
    /// Signs a manifest.
    ///
    /// # Errors
    /// When a field of the manifest is outside its limits, or the key cannot be reached.
    pub fn sign(manifest: &Manifest, key: &StatementKey) -> Result<Self, EvidenceError> {
        cose::sign(&PROFILE, &claims(manifest), manifest.to_cbor()?, key).map(Self)
    }

    /// Reads a statement without verifying it, to learn who claims to have signed it and for which message.
    ///
    /// # Errors
    /// When it is not in the one accepted encoding, or its claims contradict its manifest.
    pub fn read(bytes: &[u8]) -> Result<StatementClaim, EvidenceError> {
        let unverified = cose::read(&PROFILE, bytes)?;
        let manifest = Manifest::from_cbor(unverified.payload())?;
        unverified.claims().must_be(PROFILE.what, &claims(&manifest))?;
        Ok(StatementClaim { unverified, manifest })
    }

    /// A statement from bytes that [`Statement::read`] accepts.
    pub(crate) fn from_read(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// A statement as it was stored; nothing about it is verified.
    ///
    /// # Errors
    /// When it is not in the one accepted encoding.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, EvidenceError> {
        Self::read(&bytes)?;
        Ok(Self(bytes))
    }

    /// Reads and verifies a statement.
    ///
    /// # Errors
    /// When it cannot be read, names another key, or its signature does not hold.
    pub fn verify(bytes: &[u8], key: impl Into<VerifyingKey>) -> Result<Manifest, EvidenceError> {
        Self::read(bytes)?.verify(key)
    }

    /// The bytes: what is sent, and what is entered in a log.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Its SHA-256, by which staged statements and conflict proofs refer to it.
    pub fn digest(&self) -> Digest {
        digest_of(&self.0)
    }

    /// Its leaf in a log: SHA-256(0x00 ‖ statement).
    pub fn leaf(&self) -> Hash {
        merkle::leaf_hash(&self.0)
    }

    /// The transparent form (RFC 9943): the statement with receipts in its unprotected header, parameter 394.
    ///
    /// # Errors
    /// When there are more receipts than can be carried.
    pub fn transparent(&self, receipts: &[Receipt]) -> Result<Vec<u8>, EvidenceError> {
        let receipts: Vec<_> = receipts.iter().map(|receipt| receipt.as_bytes().to_vec()).collect();
        self.with_receipts(&receipts)
    }

    pub(crate) fn with_receipts(&self, receipts: &[Vec<u8>]) -> Result<Vec<u8>, EvidenceError> {
        if receipts.is_empty() || receipts.len() > MAX_RECEIPTS {
            return Err(EvidenceError::value(
                "transparent statement",
                "receipts",
                "it carries 1 to 8 receipts",
            ));
        }
        let receipts = receipts.iter().map(|receipt| Value::Bytes(receipt.clone()));
        let mut signed = cose::parse(PROFILE.what, PROFILE.limit, &self.0)?;
        signed.unprotected = HeaderBuilder::new().value(RECEIPTS, Value::Array(receipts.collect())).build();
        cose::to_bytes(PROFILE.what, signed)
    }

    /// Takes a transparent statement apart: the registered form and the receipts, none of them verified.
    ///
    /// # Errors
    /// When it is not in the one accepted encoding.
    pub fn from_transparent(bytes: &[u8]) -> Result<(Self, Vec<Vec<u8>>), EvidenceError> {
        const WHAT: &str = "transparent statement";
        let mut signed = cose::parse(WHAT, MAX_TRANSPARENT, bytes)?;
        let header = std::mem::take(&mut signed.unprotected);
        let others = Header { rest: Vec::new(), ..header.clone() };
        let (true, [(_, Value::Array(receipts))], Some(_)) =
            (others.is_empty(), header.rest.as_slice(), cose::parameter(&header, RECEIPTS))
        else {
            return Err(EvidenceError::malformed(WHAT, "its unprotected header is not receipts (394) alone"));
        };
        if receipts.is_empty() || receipts.len() > MAX_RECEIPTS {
            return Err(EvidenceError::malformed(WHAT, "it carries 1 to 8 receipts"));
        }
        let receipts = receipts.iter().map(|receipt| match receipt {
            Value::Bytes(receipt) => cbor::check("receipt", receipt).map(|()| receipt.clone()),
            _ => Err(EvidenceError::malformed(WHAT, "a receipt is not a byte string")),
        });
        let receipts = receipts.collect::<Result<_, _>>()?;
        let registered = cose::to_bytes(WHAT, signed)?;
        Self::read(&registered)?;
        Ok((Self(registered), receipts))
    }
}

/// A statement that was read and is not verified yet.
#[derive(Clone, Debug)]
pub struct StatementClaim {
    unverified: Unverified,
    manifest: Manifest,
}

impl StatementClaim {
    /// The manifest as claimed; nothing in it is proved before [`StatementClaim::verify`].
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The key that it says it is signed with.
    pub fn key_id(&self) -> KeyId {
        self.unverified.key_id()
    }

    /// Verifies the signature and gives the manifest.
    ///
    /// # Errors
    /// When it names another key or the signature does not hold.
    pub fn verify(self, key: impl Into<VerifyingKey>) -> Result<Manifest, EvidenceError> {
        self.unverified.verify(key)?;
        Ok(self.manifest)
    }
}

fn claims(manifest: &Manifest) -> Claims {
    Claims::new(manifest.from().as_str(), manifest.channel.subject(), manifest.created)
}

#[cfg(test)]
#[path = "statement_tests.rs"]
mod tests;
