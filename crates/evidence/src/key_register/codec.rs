//! The one encoding of a register.

use super::entry::{KeyEntry, RegisteredKey, Revocation, RevocationReason};
use super::error::RegisterError;
use super::{KeyRegister, MAX_ENTRIES, MAX_STEWARDS, Steward, Threshold};
use crate::cbor::{Reader, Writer};
use crate::{Administration, Algorithm, Digest, EvidenceError, Timestamp, VerifyingKey};

const WHAT: &str = "key register";
const FORM: u64 = 1;

impl KeyRegister {
    /// Writes the one encoding of the register.
    ///
    /// # Errors
    /// When a field is outside its limits.
    pub fn to_cbor(&self) -> Result<Vec<u8>, RegisterError> {
        self.validate()?;
        let mut out = Writer::new();
        out.map(9).uint(1).uint(FORM).uint(2).text(&self.agreement).uint(3).uint(self.version).uint(4);
        match &self.previous {
            Some(previous) => out.bytes(previous.as_bytes()),
            None => out.null(),
        };
        out.uint(5).int(self.issued.as_micros()).uint(6).int(self.expires.as_micros());
        out.uint(7).array(2).uint(self.threshold.change).uint(self.threshold.revocation);
        out.uint(8).array(self.stewards.len());
        for steward in &self.stewards {
            out.array(3).text(steward.administration.as_str());
            out.int(steward.key.algorithm().number()).bytes(steward.key.as_bytes());
        }
        out.uint(9).array(self.entries.len());
        for entry in &self.entries {
            out.array(7).text(entry.administration.as_str()).uint(entry.key.purpose().code());
            out.int(entry.key.algorithm()).bytes(entry.key.bytes());
            out.int(entry.from.as_micros()).int(entry.until.as_micros());
            match &entry.revocation {
                Some(revocation) => out
                    .array(3)
                    .int(revocation.effective.as_micros())
                    .uint(revocation.position)
                    .uint(revocation.reason.code()),
                None => out.null(),
            };
        }
        Ok(out.finish())
    }

    /// Reads a register, strictly.
    ///
    /// # Errors
    /// When it is not in the one accepted encoding, or breaks a rule that holds for every version by itself.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, RegisterError> {
        let mut input = Reader::new(WHAT, bytes);
        input.map_of(9)?;
        input.key(1)?;
        if input.uint()? != FORM {
            return Err(malformed("its form is not 1"));
        }
        input.key(2)?;
        let agreement = input.text()?.to_owned();
        input.key(3)?;
        let version = input.uint()?;
        input.key(4)?;
        let previous = if input.null() { None } else { Some(Digest(input.bytes_of()?)) };
        input.key(5)?;
        let issued = Timestamp::from_micros(input.int()?);
        input.key(6)?;
        let expires = Timestamp::from_micros(input.int()?);
        input.key(7)?;
        input.array_of(2)?;
        let threshold = Threshold { change: input.uint()?, revocation: input.uint()? };
        input.key(8)?;
        let stewards = list(&mut input, MAX_STEWARDS, steward)?;
        input.key(9)?;
        let entries = list(&mut input, MAX_ENTRIES, entry)?;
        input.end()?;
        let read = Self { agreement, version, previous, issued, expires, threshold, stewards, entries };
        let mut sorted = read.clone();
        sorted.sort();
        if sorted != read {
            return Err(malformed("its stewards or entries are out of order"));
        }
        read.validate()?;
        Ok(read)
    }
}

fn malformed(reason: &str) -> RegisterError {
    EvidenceError::malformed(WHAT, reason).into()
}

fn list<T>(
    input: &mut Reader<'_>,
    limit: usize,
    item: fn(&mut Reader<'_>) -> Result<T, RegisterError>,
) -> Result<Vec<T>, RegisterError> {
    let count = input.array()?;
    if count > limit as u64 {
        return Err(malformed("it lists more than its limit of stewards or keys"));
    }
    (0..count).map(|_| item(input)).collect()
}

fn administration(input: &mut Reader<'_>) -> Result<Administration, RegisterError> {
    Administration::parse(input.text()?).map_err(|error| malformed(&error.to_string()))
}

fn steward(input: &mut Reader<'_>) -> Result<Steward, RegisterError> {
    input.array_of(3)?;
    let administration = administration(input)?;
    let algorithm = Algorithm::from_number(input.int()?)
        .ok_or_else(|| malformed("a steward's key is neither of EdDSA nor of ES256"))?;
    Ok(Steward { administration, key: VerifyingKey::from_bytes(algorithm, input.bytes()?)? })
}

fn entry(input: &mut Reader<'_>) -> Result<KeyEntry, RegisterError> {
    input.array_of(7)?;
    let administration = administration(input)?;
    let (purpose, algorithm) = (input.uint()?, input.int()?);
    let key = RegisteredKey::read(purpose, algorithm, input.bytes()?)?;
    let from = Timestamp::from_micros(input.int()?);
    let until = Timestamp::from_micros(input.int()?);
    let revocation = if input.null() { None } else { Some(revocation(input)?) };
    Ok(KeyEntry { administration, key, from, until, revocation })
}

fn revocation(input: &mut Reader<'_>) -> Result<Revocation, RegisterError> {
    input.array_of(3)?;
    let effective = Timestamp::from_micros(input.int()?);
    let position = input.uint()?;
    let reason = RevocationReason::from_code(input.uint()?)
        .ok_or_else(|| malformed("a revocation's reason is none of those that are known"))?;
    Ok(Revocation { effective, position, reason })
}
