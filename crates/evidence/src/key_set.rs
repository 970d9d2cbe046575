//! The secrets of an administration: the seeds in its key file, and the key pairs that grow from them.

use crate::{
    Administration, Digest, EvidenceError, KeyId, PublicKeys, SealingKey, SigningKey, StatementKey, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// A secret seed of 32 bytes, written as 64 hexadecimal digits in the key file, wiped from memory when dropped.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Seed(Zeroizing<[u8; 32]>);

impl Seed {
    /// From 32 bytes that only the owner knows.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The 32 bytes, which are the secret itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn draw(random: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut seed = Zeroizing::new([0u8; 32]);
        random(seed.as_mut_slice());
        Self(seed)
    }
}

impl TryFrom<String> for Seed {
    type Error = EvidenceError;
    fn try_from(text: String) -> Result<Self, EvidenceError> {
        // The text itself is a secret: the error must not quote it.
        let text = Zeroizing::new(text);
        Digest::parse(&text)
            .map(|seed| Self::from_bytes(seed.0))
            .map_err(|_| EvidenceError::Key { what: "seed of a", reason: "it must be 64 hexadecimal digits" })
    }
}

impl From<Seed> for String {
    fn from(seed: Seed) -> String {
        Digest(*seed.0).to_string()
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Seed(secret)")
    }
}

/// The secret seeds of an administration's evidence keys: what its key file holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySet {
    /// Statements, staged statements, conflict proofs.
    pub sign: Seed,
    /// Opening sealed parts.
    pub enc: Seed,
    /// Receipts and checkpoints of the own log.
    pub log: Seed,
    /// Cosignatures under checkpoints of other logs.
    pub witness: Seed,
}

impl KeySet {
    /// Draws four seeds from `random`, which must be a cryptographically secure source.
    pub fn draw(random: &mut dyn FnMut(&mut [u8])) -> Self {
        Self {
            sign: Seed::draw(random),
            enc: Seed::draw(random),
            log: Seed::draw(random),
            witness: Seed::draw(random),
        }
    }

    /// Grows the key pairs.
    ///
    /// # Errors
    /// When a seed is not usable.
    pub fn keys(&self) -> Result<Keys, EvidenceError> {
        Ok(Keys {
            sign: StatementKey::from_seed(&self.sign.0)?,
            enc: SealingKey::from_seed(&self.enc.0),
            held: Vec::new(),
            log: SigningKey::from_seed(&self.log.0)?,
            witness: SigningKey::from_seed(&self.witness.0)?,
        })
    }
}

/// The evidence key pairs of an administration, ready for use.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Statements, staged statements, conflict proofs.
    pub sign: StatementKey,
    /// Opening sealed parts: the key that others are to seal to.
    pub enc: SealingKey,
    /// Older keys that parts may still have been sealed to, as a letter may be under way for weeks.
    pub held: Vec<SealingKey>,
    /// Receipts and checkpoints of the own log.
    pub log: SigningKey,
    /// Cosignatures under checkpoints of other logs.
    pub witness: SigningKey,
}

impl Keys {
    /// The key that opens what was sealed to the key with this identifier, if it is held.
    pub fn opening(&self, key: KeyId) -> Option<&SealingKey> {
        std::iter::once(&self.enc).chain(&self.held).find(|held| held.key_id() == key)
    }

    /// The card of public keys that partners enter in their register.
    ///
    /// # Errors
    /// When the validity is empty.
    pub fn card(
        &self,
        administration: Administration,
        tls_spki: Digest,
        valid_from: Timestamp,
        valid_until: Timestamp,
    ) -> Result<PublicKeys, EvidenceError> {
        let card = PublicKeys {
            administration,
            tls_spki,
            sign: self.sign.public(),
            enc: self.enc.public(),
            log: self.log.public(),
            witness: self.witness.public(),
            register: None,
            valid_from,
            valid_until,
        };
        card.validate()?;
        Ok(card)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_round_trips_and_never_shows_a_seed() {
        let mut next = 0u8;
        let set = KeySet::draw(&mut |slot| {
            next += 1;
            slot.fill(next);
        });
        let json = serde_json::to_string(&set).unwrap();
        let again: KeySet = serde_json::from_str(&json).unwrap();
        assert_eq!(set.keys().unwrap().enc.public(), again.keys().unwrap().enc.public());
        assert_eq!(set.keys().unwrap().witness.public(), again.keys().unwrap().witness.public());
        assert!(!format!("{set:?}").contains("0101"));
        let broken = json.replace("0101", "zz01");
        let error = serde_json::from_str::<KeySet>(&broken).unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal digits") && !error.contains("zz01"), "{error}");
    }
}
