//! Signed documents: COSE_Sign1 (RFC 9052) in the one shape that this project signs and accepts.
//!
//! Tag 18; protected header 1 (algorithm, EdDSA or ES256, as the key has it), 3 (content type), 4 (key identifier), 15 (CWT claims, RFC 9597: 1
//! issuer, 2 subject, 6 issued at); an empty unprotected header; the payload attached. What matters for security is
//! read from the protected header only. A parameter that is marked critical and not known is refused, and so is every
//! encoding but the deterministic one.

use crate::{Algorithm, EvidenceError, KeyId, StatementKey, Timestamp, VerifyingKey, cbor};
use coset::cbor::Value;
use coset::cwt::{ClaimsSet, ClaimsSetBuilder, Timestamp as NumericDate};
use coset::{
    AsCborValue, ContentType, CoseSign1, CoseSign1Builder, Header, HeaderBuilder, Label,
    RegisteredLabelWithPrivate, TaggedCborSerializable, iana,
};

/// CWT claims in the protected header (RFC 9597 section 2).
pub(crate) const CWT_CLAIMS: i64 = 15;
/// Receipts in the unprotected header of a transparent statement (RFC 9943).
pub(crate) const RECEIPTS: i64 = 394;
/// The kind of verifiable data structure, in a receipt's protected header (RFC 9942 section 4).
pub(crate) const DATA_STRUCTURE: i64 = 395;
/// The proofs, in a receipt's unprotected header (RFC 9942 section 4).
pub(crate) const PROOFS: i64 = 396;

/// The labels that this verifier knows and acts upon; only these may be marked critical.
const UNDERSTOOD: [i64; 4] = [1, 3, 4, CWT_CLAIMS];

/// A kind of signed document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name in error messages, as in `statement`.
    pub what: &'static str,
    /// Its content type (header parameter 3).
    pub content_type: &'static str,
    /// The largest signed document that is read, in bytes.
    pub limit: usize,
}

/// Who says it, about what, and when (RFC 8392 section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `iss`: the administration that signs.
    pub issuer: String,
    /// `sub`: what the document is about.
    pub subject: String,
    /// `iat`, whole seconds since 1970.
    pub issued_at: i64,
}

impl Claims {
    /// The claims of `issuer` about `subject` at `moment`, which is cut to whole seconds.
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>, moment: Timestamp) -> Self {
        Self {
            issuer: issuer.into(),
            subject: subject.into(),
            issued_at: moment.as_micros().div_euclid(1_000_000),
        }
    }

    /// Confirms that these are the claims that the content calls for.
    ///
    /// # Errors
    /// Names the first claim that differs.
    pub fn must_be(&self, what: &'static str, expected: &Self) -> Result<(), EvidenceError> {
        let seconds = (self.issued_at.to_string(), expected.issued_at.to_string());
        for (claim, found, expected) in [
            ("issuer", &self.issuer, &expected.issuer),
            ("subject", &self.subject, &expected.subject),
            ("issued at", &seconds.0, &seconds.1),
        ] {
            if found != expected {
                return Err(EvidenceError::Claim {
                    what,
                    claim,
                    expected: expected.clone(),
                    found: found.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Signs `payload` as a document of this profile. EdDSA is deterministic: the same input gives the same bytes; ES256 is
/// not.
///
/// # Errors
/// When the document would be larger than the profile allows, or the key cannot be reached.
pub fn sign(
    profile: &Profile,
    claims: &Claims,
    payload: Vec<u8>,
    key: &StatementKey,
) -> Result<Vec<u8>, EvidenceError> {
    let claims_set = ClaimsSetBuilder::new()
        .issuer(claims.issuer.clone())
        .subject(claims.subject.clone())
        .issued_at(NumericDate::WholeSeconds(claims.issued_at))
        .build();
    let header = HeaderBuilder::new()
        .algorithm(key.algorithm().cose())
        .content_type(profile.content_type.to_owned())
        .key_id(key.key_id().as_bytes().to_vec())
        .value(CWT_CLAIMS, value_of(profile.what, claims_set)?)
        .build();
    let signed = CoseSign1Builder::new()
        .protected(header)
        .payload(payload)
        .try_create_signature(&[], |message| key.sign(message).map(Vec::from))?
        .build();
    let bytes = to_bytes(profile.what, signed)?;
    within(profile.what, &bytes, profile.limit)?;
    Ok(bytes)
}

/// A document that was read and is not verified yet: what it says is a claim.
#[derive(Clone, Debug)]
pub struct Unverified {
    what: &'static str,
    signed: CoseSign1,
    key_id: KeyId,
    claims: Claims,
}

/// Reads a document of this profile without verifying its signature.
///
/// # Errors
/// When it is too large, not in its one accepted encoding, of another profile or algorithm, or has an unknown critical
/// parameter.
pub fn read(profile: &Profile, bytes: &[u8]) -> Result<Unverified, EvidenceError> {
    let what = profile.what;
    let signed = parse(what, profile.limit, bytes)?;
    if !signed.unprotected.is_empty() {
        return Err(EvidenceError::malformed(what, "its unprotected header is not empty"));
    }
    if signed.payload.is_none() {
        return Err(EvidenceError::malformed(what, "its payload is detached"));
    }
    let header = &signed.protected.header;
    if header.content_type != Some(ContentType::Text(profile.content_type.to_owned())) {
        let reason = format!("its content type is not `{}`", profile.content_type);
        return Err(EvidenceError::malformed(what, reason));
    }
    let claims = claims_of(what, header)?;
    let (Some(issuer), Some(subject), Some(NumericDate::WholeSeconds(issued_at))) =
        (claims.issuer, claims.subject, claims.issued_at)
    else {
        return Err(EvidenceError::malformed(what, "it lacks the claim iss, sub or iat (whole seconds)"));
    };
    Ok(Unverified {
        what,
        key_id: key_id_of(what, header)?,
        claims: Claims { issuer, subject, issued_at },
        signed,
    })
}

impl Unverified {
    /// The key that the document says it is signed with.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The claims of the protected header.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        self.signed.payload.as_deref().unwrap_or_default()
    }

    /// Verifies the signature under `key`, which must be the one that the document names.
    ///
    /// # Errors
    /// When it names another key or another algorithm than the key's, or the signature does not hold.
    pub fn verify(&self, key: impl Into<VerifyingKey>) -> Result<(), EvidenceError> {
        let key = key.into();
        same_key(self.what, self.key_id, key.key_id())?;
        signed_with(self.what, &self.signed, key.algorithm())?;
        self.signed.verify_signature(&[], |signature, message| key.verify(self.what, message, signature))
    }
}

pub(crate) fn within(what: &'static str, bytes: &[u8], limit: usize) -> Result<(), EvidenceError> {
    if bytes.len() > limit {
        return Err(EvidenceError::TooLarge { what, size: bytes.len(), limit });
    }
    Ok(())
}

pub(crate) fn same_key(what: &'static str, found: KeyId, key: KeyId) -> Result<(), EvidenceError> {
    if found == key {
        return Ok(());
    }
    Err(EvidenceError::KeyId { what, expected: key.short(), found: found.short() })
}

/// Confirms that the protected header names the algorithm that the verifier's key has.
pub(crate) fn signed_with(
    what: &'static str,
    signed: &CoseSign1,
    algorithm: Algorithm,
) -> Result<(), EvidenceError> {
    let named = signed.protected.header.alg.as_ref().and_then(Algorithm::from_cose);
    if named == Some(algorithm) {
        return Ok(());
    }
    let expected = match algorithm {
        Algorithm::EdDsa => "EdDSA (-8)",
        Algorithm::Es256 => "ES256 (-7)",
    };
    Err(EvidenceError::Algorithm { what, expected })
}

/// Parses a tagged COSE_Sign1 in deterministic encoding with EdDSA or ES256 in its protected header, which is the common
/// part of statements and receipts.
pub(crate) fn parse(what: &'static str, limit: usize, bytes: &[u8]) -> Result<CoseSign1, EvidenceError> {
    within(what, bytes, limit)?;
    cbor::check(what, bytes)?;
    let signed = CoseSign1::from_tagged_slice(bytes)
        .map_err(|error| EvidenceError::malformed(what, format!("it is not a tagged COSE_Sign1: {error}")))?;
    let protected = signed.protected.original_data.as_deref().unwrap_or_default();
    cbor::check(what, protected)?;
    let header = &signed.protected.header;
    for label in &header.crit {
        known(what, header, label)?;
    }
    if header.alg.as_ref().and_then(Algorithm::from_cose).is_none() {
        return Err(EvidenceError::Algorithm { what, expected: "EdDSA (-8) or ES256 (-7)" });
    }
    Ok(signed)
}

/// RFC 9052 section 3.1: a critical parameter must be understood, and must be in the protected header.
fn known(
    what: &'static str,
    header: &Header,
    label: &RegisteredLabelWithPrivate<iana::HeaderParameter>,
) -> Result<(), EvidenceError> {
    let number = match label {
        RegisteredLabelWithPrivate::Assigned(parameter) => *parameter as i64,
        RegisteredLabelWithPrivate::PrivateUse(number) => *number,
        RegisteredLabelWithPrivate::Text(text) => {
            return Err(EvidenceError::UnknownCritical { what, label: text.chars().take(64).collect() });
        }
    };
    let present = match number {
        1 => header.alg.is_some(),
        3 => header.content_type.is_some(),
        4 => !header.key_id.is_empty(),
        _ => header.rest.iter().any(|(label, _)| *label == Label::Int(number)),
    };
    if UNDERSTOOD.contains(&number) && present {
        return Ok(());
    }
    Err(EvidenceError::UnknownCritical { what, label: number.to_string() })
}

pub(crate) fn key_id_of(what: &'static str, header: &Header) -> Result<KeyId, EvidenceError> {
    let bytes = <[u8; 32]>::try_from(header.key_id.as_slice());
    bytes.map(KeyId::from_bytes).map_err(|_| {
        EvidenceError::malformed(what, "its key identifier (header parameter 4) is not of 32 bytes")
    })
}

pub(crate) fn parameter(header: &Header, number: i64) -> Option<&Value> {
    let found = header.rest.iter().find(|(label, _)| *label == Label::Int(number));
    found.map(|(_, value)| value)
}

pub(crate) fn claims_of(what: &'static str, header: &Header) -> Result<ClaimsSet, EvidenceError> {
    let wrong = || EvidenceError::malformed(what, "it has no CWT claims (header parameter 15)");
    let claims = parameter(header, CWT_CLAIMS).ok_or_else(wrong)?;
    ClaimsSet::from_cbor_value(claims.clone()).map_err(|_| wrong())
}

pub(crate) fn value_of(what: &'static str, item: impl AsCborValue) -> Result<Value, EvidenceError> {
    item.to_cbor_value().map_err(|error| EvidenceError::malformed(what, error.to_string()))
}

pub(crate) fn to_bytes(what: &'static str, signed: CoseSign1) -> Result<Vec<u8>, EvidenceError> {
    signed.to_tagged_vec().map_err(|error| EvidenceError::malformed(what, error.to_string()))
}

#[cfg(test)]
#[path = "cose_tests.rs"]
mod tests;
