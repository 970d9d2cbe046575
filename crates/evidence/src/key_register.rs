//! The key register of an agreement: which key of which party is for what, from when until when, and what was revoked.
//!
//! A register is a document that a fixed number of its stewards sign (m of n). Each version names the digest of the one
//! before, so that a node which follows it refuses what the attacks on such documents need: an older version
//! (rollback), an expired one that is shown for ever (freeze), one of another agreement (mix-and-match), a key that no
//! steward vouched for (arbitrary key). Two versions of one number are a fork, and prove who signed both.
//!
//! A revocation states the position in the owner's own log from which on the key counts no more: what the log held
//! before stays valid for ever, whatever moment somebody writes into a document later.

mod change;
mod codec;
mod entry;
mod error;
mod joining;
#[cfg(test)]
mod joining_tests;
mod proposal;
mod signed;
mod standing;
#[cfg(test)]
mod tests;

pub use entry::{KeyEntry, RegisteredKey, Revocation, RevocationReason};
pub use error::RegisterError;
pub use joining::Pinned;
pub use proposal::{Adoption, Proposal};
pub use signed::{Approval, DoubleApproval, SignedRegister};
pub use standing::{KeyLookup, SignedAt, Standing};

use crate::{
    Administration, Digest, PublicKeys, Purpose, SealingPublicKey, Timestamp, VerifyingKey, digest_of,
};
use std::collections::{BTreeMap, BTreeSet};

/// The largest signed register that is read: it is one file of evidence and travels in one request.
pub const MAX_REGISTER: usize = 128 * 1024;
/// Parties with their keys of the present and the past.
pub const MAX_ENTRIES: usize = 512;
/// As many stewards as an agreement has parties, at most.
pub const MAX_STEWARDS: usize = 48;
/// The longest time from issue to expiry, in seconds: 400 days. A register that never expired could be shown for ever.
pub const MAX_LIFETIME_SECONDS: i64 = 400 * 24 * 3600;

/// Who signs new versions: an administration, with a key that is for this alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Steward {
    /// The administration.
    pub administration: Administration,
    /// Verifies its approvals.
    pub key: VerifyingKey,
}

/// How many stewards must sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// For any change.
    pub change: u64,
    /// For a version that does nothing but revoke: in an emergency nobody waits for the others.
    pub revocation: u64,
}

/// The register of an agreement at one version. In deterministic CBOR a map of nine fields:
///
/// | key | field | encoding |
/// |---|---|---|
/// | 1 | form | 1 |
/// | 2 | agreement | text |
/// | 3 | version | unsigned, from 1 |
/// | 4 | previous | digest of the version before; null in version 1 |
/// | 5 | issued | microseconds since 1970 |
/// | 6 | expires | microseconds since 1970 |
/// | 7 | threshold | [change, revocation] |
/// | 8 | stewards | [[administration, algorithm, key], ...], in order |
/// | 9 | entries | [[administration, purpose, algorithm, key, from, until, revocation], ...], in order |
///
/// Purposes are 1 tls, 2 sign, 3 enc, 4 log, 5 witness. Algorithms are those of COSE (-8, -7); a TLS key has 0 and is the
/// SHA-256 of its subject public key info, a sealing key has 32 (DHKEM(X25519, HKDF-SHA256), RFC 9180 section 7.1). A
/// revocation is null or `[effective moment, effective position, reason]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRegister {
    /// The identifier of the agreement.
    pub agreement: String,
    /// Its version, from 1.
    pub version: u64,
    /// The digest of the version before.
    pub previous: Option<Digest>,
    /// When it was issued.
    pub issued: Timestamp,
    /// From when on it is stale.
    pub expires: Timestamp,
    /// How many stewards must sign.
    pub threshold: Threshold,
    /// Who signs new versions, in order.
    pub stewards: Vec<Steward>,
    /// The keys, in order.
    pub entries: Vec<KeyEntry>,
}

impl KeyRegister {
    /// The first version, made of the cards that parties exchanged when they federated: everybody's keys, and everybody
    /// a steward.
    ///
    /// # Errors
    /// When a card is not valid, there is none or two of one administration, or the threshold cannot be met.
    pub fn genesis(
        agreement: &str,
        cards: &[PublicKeys],
        threshold: Threshold,
        issued: Timestamp,
        expires: Timestamp,
    ) -> Result<Self, RegisterError> {
        for card in cards {
            card.validate()?;
        }
        let mut register = Self {
            agreement: agreement.to_owned(),
            version: 1,
            previous: None,
            issued,
            expires,
            threshold,
            stewards: cards.iter().map(Steward::of_card).collect(),
            entries: cards.iter().flat_map(KeyEntry::of_card).collect(),
        };
        register.sort();
        register.validate()?;
        Ok(register)
    }

    /// Whether it is the first version and vouches for exactly the keys of these cards: then whoever compared the cards
    /// has compared the register.
    pub fn is_genesis_of(&self, cards: &[PublicKeys]) -> bool {
        let made = Self::genesis(&self.agreement, cards, self.threshold, self.issued, self.expires);
        made.is_ok_and(|made| made == *self)
    }

    /// The draft of the next version, with the same content; change it, and have it approved.
    pub fn next(&self, issued: Timestamp, expires: Timestamp) -> Self {
        let previous = self.digest().ok();
        Self { version: self.version.saturating_add(1), previous, issued, expires, ..self.clone() }
    }

    /// Adds the keys of a card, and its owner as a steward if there is none of that administration. More than half of the
    /// stewards must sign a change then, if so many had to before.
    pub fn admit(&mut self, card: &PublicKeys) {
        for entry in KeyEntry::of_card(card) {
            self.put(entry);
        }
        if self.steward(&card.administration).is_none() {
            self.join(Steward::of_card(card));
        }
        self.sort();
    }

    /// Adds a steward. Where any two documents of a number had a steward in common that signed both, they have it still.
    pub fn join(&mut self, steward: Steward) {
        let had = self.has_majority();
        self.stewards.push(steward);
        if had {
            self.threshold.change = self.threshold.change.max(self.stewards.len() as u64 / 2 + 1);
        }
        self.sort();
    }

    /// Whether more than half of the stewards must sign a change: then two documents of a number are complete only if
    /// somebody has signed both.
    pub fn has_majority(&self) -> bool {
        self.threshold.change > self.stewards.len() as u64 / 2
    }

    /// Puts an entry in place of the one with the same owner, purpose and key, or adds it.
    pub fn put(&mut self, entry: KeyEntry) {
        self.entries.retain(|other| other.name() != entry.name());
        self.entries.push(entry);
        self.sort();
    }

    /// The entry of a key.
    pub fn entry(
        &self,
        administration: &Administration,
        purpose: Purpose,
        key: crate::KeyId,
    ) -> Option<&KeyEntry> {
        let same = |entry: &&KeyEntry| {
            entry.administration == *administration
                && entry.key.purpose() == purpose
                && entry.key.key_id() == key
        };
        self.entries.iter().find(same)
    }

    /// The entries of an administration for a purpose.
    pub fn entries_of<'a>(
        &'a self,
        administration: &'a Administration,
        purpose: Purpose,
    ) -> impl Iterator<Item = &'a KeyEntry> {
        let of = move |entry: &&KeyEntry| {
            entry.administration == *administration && entry.key.purpose() == purpose
        };
        self.entries.iter().filter(of)
    }

    /// The steward of an administration.
    pub fn steward(&self, administration: &Administration) -> Option<&Steward> {
        self.stewards.iter().find(|steward| steward.administration == *administration)
    }

    /// The administrations that have keys in it.
    pub fn parties(&self) -> BTreeSet<&Administration> {
        self.entries.iter().map(|entry| &entry.administration).collect()
    }

    /// The key to seal to for an administration at `moment`: the one that came into force last.
    pub fn sealing_key(
        &self,
        administration: &Administration,
        moment: Timestamp,
    ) -> Option<SealingPublicKey> {
        let active = self.entries_of(administration, Purpose::Enc).filter(|entry| entry.in_force_at(moment));
        match active.max_by_key(|entry| entry.from)?.key {
            RegisteredKey::Enc(key) => Some(key),
            _ => None,
        }
    }

    /// Whether it is stale at `moment`.
    pub fn stale_at(&self, moment: Timestamp) -> bool {
        self.expires <= moment
    }

    /// The SHA-256 of the document, by which the next version refers to it.
    ///
    /// # Errors
    /// When a field is outside its limits.
    pub fn digest(&self) -> Result<Digest, RegisterError> {
        Ok(digest_of(&self.to_cbor()?))
    }

    fn sort(&mut self) {
        self.stewards.sort();
        self.entries.sort_by(|left, right| left.name().cmp(&right.name()));
    }

    /// Checks what holds for every version by itself.
    ///
    /// # Errors
    /// Names the first rule that is broken.
    pub fn validate(&self) -> Result<(), RegisterError> {
        let bad = |field, reason: &str| {
            Err(RegisterError::from(crate::EvidenceError::value("key register", field, reason)))
        };
        let name = self.agreement.as_bytes();
        if name.is_empty() || name.len() > crate::manifest::MAX_TEXT || !name.iter().all(u8::is_ascii_graphic)
        {
            return bad("agreement", "it must be 1 to 128 visible ASCII characters");
        }
        if self.version == 0 || (self.version == 1) != self.previous.is_none() {
            return bad("version", "versions count from 1, and all but the first name the one before");
        }
        if self.issued >= self.expires || self.expires > self.issued.plus_seconds(MAX_LIFETIME_SECONDS) {
            return bad("expires", "it must be after the issue, by at most 400 days");
        }
        let (count, threshold) = (self.stewards.len() as u64, self.threshold);
        if self.stewards.len() > MAX_STEWARDS || self.entries.len() > MAX_ENTRIES {
            return bad("entries", "there are at most 48 stewards and 512 keys");
        }
        if threshold.revocation == 0 || threshold.revocation > threshold.change || threshold.change > count {
            return bad("threshold", "1 <= revocation <= change <= number of stewards must hold");
        }
        let owners: BTreeSet<_> = self.stewards.iter().map(|steward| &steward.administration).collect();
        let keys: BTreeSet<_> = self.stewards.iter().map(|steward| steward.key).collect();
        if owners.len() != self.stewards.len() || keys.len() != self.stewards.len() {
            return bad("stewards", "each administration is a steward once, with a key of its own");
        }
        let mut seen = BTreeMap::new();
        for entry in &self.entries {
            if entry.from >= entry.until {
                return bad("entries", "the validity of a key is empty");
            }
            if seen.insert(entry.key.key_id(), ()).is_some() {
                return bad("entries", "a key has one owner and one purpose, and is listed once");
            }
        }
        Ok(())
    }
}

impl Steward {
    /// The steward that a card makes: with the key that the card has for this, or else with its signing key.
    pub fn of_card(card: &PublicKeys) -> Self {
        Self { administration: card.administration.clone(), key: card.register.unwrap_or(card.sign) }
    }
}
