//! Which key of whom was valid when.

use crate::verdict::{Problem, Standing};
use base::{Administration, Timestamp};
use evidence::{KeyId, PublicKeys, VerifyingKey};

/// The cards that are believed, and those that the file only claims.
pub(crate) struct Keyring<'c> {
    pub(crate) believed: Vec<PublicKeys>,
    pub(crate) claimed: &'c [PublicKeys],
}

/// What a key is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Statements, stages, conflict proofs.
    Sign,
    /// Receipts and checkpoints of the own log.
    Log,
}

impl Use {
    fn key(self, card: &PublicKeys) -> VerifyingKey {
        match self {
            Self::Sign => card.sign,
            Self::Log => card.log.into(),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Sign => "signing",
            Self::Log => "log",
        }
    }
}

/// When a key must have been valid.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    /// At this moment, which the signed document states.
    At(Timestamp),
    /// At this moment or later: receipts and checkpoints may be made again with a younger key.
    NotBefore(Timestamp),
}

impl When {
    fn fits(self, card: &PublicKeys) -> bool {
        match self {
            Self::At(moment) => card.valid_at(moment),
            Self::NotBefore(moment) => moment < card.valid_until,
        }
    }
}

impl Keyring<'_> {
    /// The key of `whom` with this identifier, and whether it is believed. A card that is believed goes before one that
    /// the file holds: the file cannot stretch the validity of a key that its reader knows.
    pub(crate) fn find(
        &self,
        whom: &Administration,
        (purpose, key_id): (Use, KeyId),
        when: When,
    ) -> Result<(VerifyingKey, Standing), Problem> {
        let of = |card: &&PublicKeys| card.administration == *whom && purpose.key(card).key_id() == key_id;
        for (cards, standing) in
            [(self.believed.as_slice(), Standing::Proved), (self.claimed, Standing::Claimed)]
        {
            let mut found = cards.iter().filter(of).peekable();
            if found.peek().is_none() {
                continue;
            }
            return match found.find(|card| when.fits(card)) {
                Some(card) => Ok((purpose.key(card), standing)),
                None => Err(Problem::new("key-not-valid", format!(
                    "the {} key {} of {whom} was not valid at the stated time",
                    purpose.word(),
                    key_id.short()
                ))),
            };
        }
        Err(Problem::new("key-unknown", format!(
            "the {} key {} is on no card of {whom} that the file holds or that you trust",
            purpose.word(),
            key_id.short()
        )))
    }
}
