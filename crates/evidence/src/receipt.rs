//! Receipts: signed proof that a statement is in a log (COSE receipts, RFC 9942, with RFC9162_SHA256).

use crate::cose::{self, CWT_CLAIMS, DATA_STRUCTURE, PROOFS};
use crate::merkle::{self, Appended, Hash, MAX_PATH};
use crate::{
    Administration, Algorithm, Digest, EvidenceError, KeyId, PublicKey, SigningKey, cbor::Reader,
    cbor::Writer, log_origin,
};
use coset::cbor::Value;
use coset::cwt::ClaimsSetBuilder;
use coset::{CoseSign1, CoseSign1Builder, Header, HeaderBuilder, iana};

const WHAT: &str = "receipt";
/// RFC9162_SHA256 in the registry of verifiable data structures (RFC 9942 section 8.3).
const RFC9162_SHA256: u64 = 1;
/// Inclusion proofs in the map of proofs (RFC 9942 section 5.2).
const INCLUSION: i64 = -1;
/// The largest receipt: 64 hashes, the headers and the signature take under 3 KiB.
pub const MAX_RECEIPT: usize = 4 * 1024;

/// What a receipt proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Included {
    /// The size of the tree that the log signed.
    pub size: u64,
    /// The position of the statement in the log, from 0.
    pub index: u64,
    /// The root of that tree.
    pub root: Digest,
}

/// What a receipt claims before it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptClaim {
    /// Whose log issued it.
    pub log: Administration,
    /// The key that it says it is signed with.
    pub key_id: KeyId,
}

/// A signed tree head from which the receipts of all leaves below it are made: a batch of statements costs one
/// signature.
#[derive(Clone, Debug)]
pub struct TreeHead {
    size: u64,
    signed: CoseSign1,
}

impl TreeHead {
    /// Signs the root of a log of `size` leaves.
    ///
    /// The CWT claims name the log's owner (issuer) and, as the subject, the log's origin, `#` and the size. The size
    /// must be signed, as the same path can lead from the same leaf to the same root in trees of different sizes.
    ///
    /// # Errors
    /// When the key cannot be reached.
    pub fn sign(
        administration: &Administration,
        size: u64,
        root: &Hash,
        key: &SigningKey,
    ) -> Result<Self, EvidenceError> {
        let claims = ClaimsSetBuilder::new()
            .issuer(administration.as_str().to_owned())
            .subject(subject(administration, size))
            .build();
        // A claims set of two texts has an encoding; were it missing, verification would refuse the receipt.
        let claims = cose::value_of(WHAT, claims).unwrap_or(Value::Null);
        let header = HeaderBuilder::new()
            .algorithm(iana::Algorithm::EdDSA)
            .key_id(key.key_id().as_bytes().to_vec())
            .value(CWT_CLAIMS, claims)
            .value(DATA_STRUCTURE, Value::from(RFC9162_SHA256))
            .build();
        let signed = CoseSign1Builder::new()
            .protected(header)
            .try_create_detached_signature(root, &[], |message| key.sign(message).map(Vec::from))?
            .build();
        Ok(Self { size, signed })
    }

    /// The size of the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The receipt of the leaf at `index`, whose inclusion path in this tree is `path`.
    ///
    /// # Errors
    /// When the path is longer than any tree is high.
    pub fn receipt(&self, index: u64, path: &[Hash]) -> Result<Receipt, EvidenceError> {
        if path.len() > MAX_PATH {
            return Err(EvidenceError::value(WHAT, "path", "it is longer than 64 hashes"));
        }
        let mut proof = Writer::new();
        proof.array(3).uint(self.size).uint(index).array(path.len());
        for hash in path {
            proof.bytes(hash);
        }
        let proofs =
            Value::Map(vec![(Value::from(INCLUSION), Value::Array(vec![Value::Bytes(proof.finish())]))]);
        let mut signed = self.signed.clone();
        signed.unprotected = HeaderBuilder::new().value(PROOFS, proofs).build();
        cose::to_bytes(WHAT, signed).map(Receipt)
    }
}

/// A receipt: COSE_Sign1 with protected 1 (EdDSA), 4 (key), 15 (issuer, subject) and 395 (RFC9162_SHA256),
/// unprotected 396 `{-1: [inclusion proof]}`, and a detached payload: the root, which the verifier rebuilds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt(Vec<u8>);

impl Receipt {
    /// Issues the receipt of a leaf that was just appended.
    ///
    /// # Errors
    /// When its path is longer than any tree is high, or the key cannot be reached.
    pub fn issue(
        administration: &Administration,
        appended: &Appended,
        key: &SigningKey,
    ) -> Result<Self, EvidenceError> {
        TreeHead::sign(administration, appended.size, &appended.root, key)?
            .receipt(appended.index, &appended.path)
    }

    /// A receipt as it was received or stored; nothing about it is verified.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Reads a receipt without verifying it, to learn whose log claims to have issued it.
    ///
    /// # Errors
    /// When it is not in the one accepted encoding or names no administration.
    pub fn read(bytes: &[u8]) -> Result<ReceiptClaim, EvidenceError> {
        let signed = cose::parse(WHAT, MAX_RECEIPT, bytes)?;
        let header = &signed.protected.header;
        let issuer = cose::claims_of(WHAT, header)?.issuer.unwrap_or_default();
        let log = Administration::parse(&issuer)
            .map_err(|error| EvidenceError::malformed(WHAT, error.to_string()))?;
        Ok(ReceiptClaim { log, key_id: cose::key_id_of(WHAT, header)? })
    }

    /// The key that a receipt says it is signed with; nothing about it is verified.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn key_id(bytes: &[u8]) -> Result<KeyId, EvidenceError> {
        cose::key_id_of(WHAT, &cose::parse(WHAT, MAX_RECEIPT, bytes)?.protected.header)
    }

    /// The size of the tree that a receipt says it is of; nothing about it is verified.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn size(bytes: &[u8]) -> Result<u64, EvidenceError> {
        Ok(read_proof(&cose::parse(WHAT, MAX_RECEIPT, bytes)?.unprotected)?.0)
    }

    /// Verifies that `bytes` are a receipt of `administration`'s log, under its log key, for `leaf`.
    ///
    /// # Errors
    /// When they are not in the one accepted encoding, of another log or key, or prove another leaf.
    pub fn verify(
        bytes: &[u8],
        leaf: &Hash,
        administration: &Administration,
        key: &PublicKey,
    ) -> Result<Included, EvidenceError> {
        let signed = cose::parse(WHAT, MAX_RECEIPT, bytes)?;
        if signed.payload.is_some() {
            return Err(EvidenceError::malformed(WHAT, "its payload is not detached"));
        }
        let header = &signed.protected.header;
        cose::same_key(WHAT, cose::key_id_of(WHAT, header)?, key.key_id())?;
        cose::signed_with(WHAT, &signed, Algorithm::EdDsa)?;
        if cose::parameter(header, DATA_STRUCTURE) != Some(&Value::from(RFC9162_SHA256)) {
            return Err(EvidenceError::malformed(WHAT, "its data structure (395) is not RFC9162_SHA256 (1)"));
        }
        let (size, index, path) = read_proof(&signed.unprotected)?;
        verify_claims(header, administration, size)?;
        let root = merkle::root_from_path(leaf, index, size, &path)?;
        signed.verify_detached_signature(&root, &[], |signature, message| {
            key.verify(WHAT, message, signature)
        })?;
        Ok(Included { size, index, root: Digest(root) })
    }
}

fn subject(administration: &Administration, size: u64) -> String {
    format!("{}#{size}", log_origin(administration))
}

fn verify_claims(header: &Header, administration: &Administration, size: u64) -> Result<(), EvidenceError> {
    let claims = cose::claims_of(WHAT, header)?;
    for (claim, found, expected) in [
        ("issuer", claims.issuer, administration.to_string()),
        ("subject", claims.subject, subject(administration, size)),
    ] {
        if found.as_ref() != Some(&expected) {
            return Err(EvidenceError::Claim {
                what: WHAT,
                claim,
                expected,
                found: found.unwrap_or_default(),
            });
        }
    }
    Ok(())
}

/// The one inclusion proof of the unprotected header: tree size, leaf index, path.
fn read_proof(unprotected: &Header) -> Result<(u64, u64, Vec<Hash>), EvidenceError> {
    let others = Header { rest: Vec::new(), ..unprotected.clone() };
    let proof = match (others.is_empty(), unprotected.rest.as_slice()) {
        (true, [(label, Value::Map(proofs))]) if *label == coset::Label::Int(PROOFS) => {
            match proofs.as_slice() {
                [(kind, Value::Array(list))] if *kind == Value::from(INCLUSION) => match list.as_slice() {
                    [Value::Bytes(proof)] => Some(proof),
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    };
    let proof = proof.ok_or_else(|| {
        EvidenceError::malformed(
            WHAT,
            "its unprotected header is not one inclusion proof (396 {-1: [proof]}) alone",
        )
    })?;
    let mut input = Reader::new("inclusion proof", proof);
    input.array_of(3)?;
    let (size, index, length) = (input.uint()?, input.uint()?, input.array()?);
    if length > MAX_PATH as u64 {
        return Err(EvidenceError::malformed("inclusion proof", "its path is longer than 64 hashes"));
    }
    let mut path = Vec::new();
    for _ in 0..length {
        path.push(input.bytes_of()?);
    }
    input.end()?;
    Ok((size, index, path))
}

#[cfg(test)]
#[path = "receipt_tests.rs"]
mod tests;
