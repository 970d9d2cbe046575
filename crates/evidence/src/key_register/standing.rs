//! Where a key stands at the time of a signature.

use super::KeyRegister;
use super::entry::{KeyEntry, RegisteredKey, Revocation};
use crate::{Administration, KeyId, PublicKeys, Purpose, Timestamp};
use std::fmt;

/// When something was signed, as far as one knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedAt {
    /// The moment at which the key must have been valid: the one that the document states, or one's own clock for what
    /// has just come.
    pub stated: Timestamp,
    /// When somebody other than the signer saw it: one's own clock now, or a moment that witnesses signed. What was seen
    /// before a revocation takes effect counts, whatever position the revocation names: else the owner of a key could
    /// repudiate all that others hold of it. A moment that the signer alone states must not stand here.
    pub seen: Timestamp,
    /// Its position in the log of the key's owner, where that is proved by another key than the one in question. What the
    /// log had before the position of the revocation counts for ever; what is neither there nor was seen before does not,
    /// as a thief could state any moment.
    pub position: Option<u64>,
}

impl SignedAt {
    /// Something that comes in now.
    pub fn arriving(now: Timestamp) -> Self {
        Self { stated: now, seen: now, position: None }
    }

    /// Something that states its moment and is looked at `now`.
    pub fn stating(stated: Timestamp, now: Timestamp) -> Self {
        Self { stated, seen: now, position: None }
    }

    /// The same with a proved position in the log of the key's owner.
    pub fn at_position(self, position: u64) -> Self {
        Self { position: Some(position), ..self }
    }
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Active(RegisteredKey),
    /// It is not valid yet.
    NotYet {
        /// The first moment of validity.
        from: Timestamp,
    },
    /// It is valid no longer.
    Expired {
        /// The first moment at which it was not.
        until: Timestamp,
    },
    /// It was revoked, and the signature is not known to be from before.
    Revoked(Revocation),
    /// The administration has it for another purpose.
    WrongPurpose(Purpose),
    /// The administration has no such key.
    Unknown,
}

impl Standing {
    /// The key, if it counts.
    pub fn active(self) -> Option<RegisteredKey> {
        match self {
            Self::Active(key) => Some(key),
            _ => None,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active(_) => out.write_str("active"),
            Self::NotYet { from } => write!(out, "not valid before `{from}`"),
            Self::Expired { until } => write!(out, "valid until `{until}`"),
            Self::Revoked(revocation) => write!(
                out,
                "revoked as {} from `{}` and log position {} on",
                revocation.reason, revocation.effective, revocation.position
            ),
            Self::WrongPurpose(purpose) => write!(out, "for {purpose}"),
            Self::Unknown => out.write_str("not in the register of keys"),
        }
    }
}

/// Whatever knows keys: a register, or the cards of partners who have none yet.
pub trait KeyLookup {
    /// Where the key of `administration` with this identifier stands for `purpose`.
    fn standing(
        &self,
        administration: &Administration,
        purpose: Purpose,
        key: KeyId,
        signed: &SignedAt,
    ) -> Standing;
}

impl KeyLookup for KeyRegister {
    fn standing(
        &self,
        administration: &Administration,
        purpose: Purpose,
        key: KeyId,
        signed: &SignedAt,
    ) -> Standing {
        standing_among(self.entries.iter(), administration, purpose, key, signed)
    }
}

/// Cards are a register of version 0: nobody has signed it but whoever compared the fingerprints, and it knows no
/// revocations.
impl KeyLookup for [PublicKeys] {
    fn standing(
        &self,
        administration: &Administration,
        purpose: Purpose,
        key: KeyId,
        signed: &SignedAt,
    ) -> Standing {
        let entries: Vec<KeyEntry> = self.iter().flat_map(KeyEntry::of_card).collect();
        standing_among(entries.iter(), administration, purpose, key, signed)
    }
}

impl KeyLookup for Vec<PublicKeys> {
    fn standing(
        &self,
        administration: &Administration,
        purpose: Purpose,
        key: KeyId,
        signed: &SignedAt,
    ) -> Standing {
        self.as_slice().standing(administration, purpose, key, signed)
    }
}

impl<const N: usize> KeyLookup for [PublicKeys; N] {
    fn standing(
        &self,
        administration: &Administration,
        purpose: Purpose,
        key: KeyId,
        signed: &SignedAt,
    ) -> Standing {
        self.as_slice().standing(administration, purpose, key, signed)
    }
}

/// A key may be on several cards, or in an entry and on a card: the best standing that any of them gives counts, but a
/// revocation stands before everything.
fn standing_among<'e>(
    entries: impl Iterator<Item = &'e KeyEntry>,
    administration: &Administration,
    purpose: Purpose,
    key: KeyId,
    signed: &SignedAt,
) -> Standing {
    let mut standing = Standing::Unknown;
    for entry in entries.filter(|entry| entry.administration == *administration && entry.key.key_id() == key)
    {
        let found = if entry.key.purpose() == purpose {
            entry.standing(signed)
        } else {
            Standing::WrongPurpose(entry.key.purpose())
        };
        standing = match (standing, found) {
            (revoked @ Standing::Revoked(_), _) | (_, revoked @ Standing::Revoked(_)) => revoked,
            (active @ Standing::Active(_), _) => active,
            (_, found) => found,
        };
    }
    standing
}

impl KeyEntry {
    fn standing(&self, signed: &SignedAt) -> Standing {
        if let Some(revocation) = self.revocation {
            let logged = signed.position.is_some_and(|position| position < revocation.position);
            if !logged && signed.seen >= revocation.effective {
                return Standing::Revoked(revocation);
            }
        }
        if signed.stated < self.from {
            return Standing::NotYet { from: self.from };
        }
        if signed.stated >= self.until {
            return Standing::Expired { until: self.until };
        }
        Standing::Active(self.key)
    }
}
