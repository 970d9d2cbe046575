//! The card of public keys by which administrations know each other.
//!
//! Partners exchange cards out of band and compare their fingerprints by voice. A card is what a register of keys
//! holds per administration and period; several cards of one administration may overlap while keys are rotated.

use crate::{
    Administration, Digest, EvidenceError, PublicKey, SealingPublicKey, VerifyingKey, cbor::Writer, digest_of,
};
use base::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest card that is read: a real one has about 600 bytes.
const MAX_CARD: usize = 8 * 1024;

/// The public keys of an administration and the period in which they are valid.
///
/// Its JSON form is the partner card: keys as hexadecimal digits ([`VerifyingKey`] for the signing key), moments as RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicKeys {
    /// Whose keys they are.
    pub administration: Administration,
    /// SHA-256 of the SubjectPublicKeyInfo of the key that its node shows in TLS.
    pub tls_spki: Digest,
    /// Verifies its statements, staged statements and conflict proofs.
    pub sign: VerifyingKey,
    /// What is sent to it is sealed to this key.
    pub enc: SealingPublicKey,
    /// Verifies its log's receipts and checkpoints.
    pub log: PublicKey,
    /// Verifies its cosignatures under the checkpoints of others.
    pub witness: PublicKey,
    /// Verifies its approvals of key registers. Cards of before had none; the signing key served then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<VerifyingKey>,
    /// The first moment of validity.
    #[serde(with = "moment")]
    pub valid_from: Timestamp,
    /// The first moment at which they are valid no longer.
    #[serde(with = "moment")]
    pub valid_until: Timestamp,
}

impl PublicKeys {
    /// Reads a card and checks it.
    ///
    /// # Errors
    /// When it is not such a JSON document, a key is unusable or shared by two purposes, or the validity is empty.
    pub fn from_json(json: &[u8]) -> Result<Self, EvidenceError> {
        if json.len() > MAX_CARD {
            return Err(EvidenceError::TooLarge { what: "partner card", size: json.len(), limit: MAX_CARD });
        }
        let card: Self = serde_json::from_slice(json)
            .map_err(|error| EvidenceError::malformed("partner card", error.to_string()))?;
        card.validate()?;
        Ok(card)
    }

    /// Writes the card as indented JSON with a final line feed.
    pub fn to_json(&self) -> String {
        // A card is a flat record of texts, which serialises without fail.
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    /// Checks what the types of the fields do not: one key per purpose, and a validity that is not empty.
    ///
    /// # Errors
    /// When either rule is broken.
    pub fn validate(&self) -> Result<(), EvidenceError> {
        if self.valid_from >= self.valid_until {
            return Err(EvidenceError::value(
                "partner card",
                "valid_until",
                format!("`{}` is not after valid_from `{}`", self.valid_until, self.valid_from),
            ));
        }
        let mut keys = vec![self.sign, self.log.into(), self.witness.into()];
        keys.extend(self.register);
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(EvidenceError::value(
                "partner card",
                "sign, log, witness and register",
                "each purpose needs a key of its own",
            ));
        }
        Ok(())
    }

    /// Whether the keys are valid at `moment`.
    pub fn valid_at(&self, moment: Timestamp) -> bool {
        self.valid_from <= moment && moment < self.valid_until
    }

    /// Forty digits in eight groups of five that two people can compare by voice. They stand for the SHA-256 of every
    /// field of the card (133 of its bits), so that a card with any other key or date reads differently.
    pub fn fingerprint(&self) -> String {
        let mut card = Writer::new();
        card.array(if self.register.is_some() { 9 } else { 8 })
            .text(self.administration.as_str())
            .bytes(self.tls_spki.as_bytes())
            .bytes(self.sign.as_bytes())
            .bytes(self.enc.as_bytes())
            .bytes(self.log.as_bytes())
            .bytes(self.witness.as_bytes())
            .int(self.valid_from.as_micros())
            .int(self.valid_until.as_micros());
        if let Some(register) = &self.register {
            card.bytes(register.as_bytes());
        }
        let digest = digest_of(&card.finish());
        let groups = digest.as_bytes().chunks(4).map(|group| {
            let number = group.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
            format!("{:05}", number % 100_000)
        });
        groups.collect::<Vec<_>>().join(" ")
    }
}

/// Moments as RFC 3339 text, for people read cards.
mod moment {
    use super::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(moment: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&moment.to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Timestamp, D::Error> {
        Timestamp::parse(&String::deserialize(input)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeySet;

    fn card() -> PublicKeys {
        let mut next = 0u8;
        let set = KeySet::draw(&mut |slot| {
            next += 1;
            slot.fill(next);
        });
        let from = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        set.keys()
            .unwrap()
            .card(Administration::parse("NTA.GB").unwrap(), Digest([7; 32]), from, from.plus_seconds(86_400))
            .unwrap()
    }

    #[test]
    fn a_card_is_read_as_it_is_written() {
        let card = card();
        assert_eq!(PublicKeys::from_json(card.to_json().as_bytes()).unwrap(), card);
        assert!(card.to_json().contains("\"valid_from\": \"2026-01-01T00:00:00.000000Z\""));
    }

    #[test]
    fn unknown_missing_and_repeated_fields_are_refused() {
        let json = card().to_json();
        for broken in [
            json.replacen('{', "{\"extra\": 1,", 1),
            json.replace("\"witness\"", "\"witnesses\""),
            json.replacen('{', "{\"administration\": \"NTA.GB\",", 1),
            json.replace("NTA.GB", "GB"),
            json.clone() + "{}",
            " ".repeat(MAX_CARD + 1),
        ] {
            assert!(PublicKeys::from_json(broken.as_bytes()).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_key_for_two_purposes_and_an_empty_validity_are_refused() {
        let mut shared = card();
        shared.sign = shared.log.into();
        assert!(shared.validate().is_err());
        let mut empty = card();
        empty.valid_until = empty.valid_from;
        assert!(empty.validate().is_err());
    }

    #[test]
    fn validity_includes_its_start_and_excludes_its_end() {
        let card = card();
        assert!(card.valid_at(card.valid_from));
        assert!(!card.valid_at(card.valid_until));
        assert!(!card.valid_at(card.valid_from.plus_micros(-1)));
    }

    #[test]
    fn the_fingerprint_changes_with_every_field() {
        let card = card();
        let other = |change: &dyn Fn(&mut PublicKeys)| {
            let mut changed = card.clone();
            change(&mut changed);
            changed.fingerprint()
        };
        let mut seen = vec![
            card.fingerprint(),
            other(&|c| c.administration = Administration::parse("NTA.FR").unwrap()),
            other(&|c| c.tls_spki = Digest([8; 32])),
            other(&|c| c.sign = card.log.into()),
            other(&|c| c.enc = SealingPublicKey::from_bytes([8; 32])),
            other(&|c| c.log = card.witness),
            other(&|c| c.witness = card.log),
            other(&|c| c.register = Some(card.log.into())),
            other(&|c| c.valid_from = card.valid_from.plus_micros(1)),
            other(&|c| c.valid_until = card.valid_until.plus_micros(1)),
        ];
        assert_eq!(seen[0].len(), 8 * 5 + 7);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 10);
    }
}
