//! Which key of whom was valid when.

use crate::examination::problem;
use crate::verdict::{Problem, Standing};
use base::{Administration, Timestamp};
use evidence::{
    KeyId, NoteKeyId, PublicKey, PublicKeys, SignatureType, SignedNote, VerifyingKey, log_origin,
};

/// The cards that are believed, and those that the file only claims.
pub(crate) struct Keyring<'c> {
    pub(crate) believed: Vec<PublicKeys>,
    pub(crate) claimed: &'c [PublicKeys],
}

/// A key that cosigns checkpoints of others.
pub(crate) struct WitnessKey<'c> {
    pub(crate) administration: &'c Administration,
    pub(crate) key: PublicKey,
    pub(crate) standing: Standing,
    cards: &'c [PublicKeys],
}

impl WitnessKey<'_> {
    /// Whether a card of its standing says that it was valid at this moment.
    pub(crate) fn valid_at(&self, moment: Timestamp) -> bool {
        let of = |card: &&PublicKeys| card.administration == *self.administration && card.witness == self.key;
        self.cards.iter().filter(of).any(|card| card.valid_at(moment))
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
    /// The signing key of `whom` with this identifier, and whether it is believed.
    pub(crate) fn signing_key(
        &self,
        whom: &Administration,
        key_id: KeyId,
        when: When,
    ) -> Result<(VerifyingKey, Standing), Problem> {
        let of = |card: &PublicKeys| card.administration == *whom && card.sign.key_id() == key_id;
        let (card, standing) = self.find(of, when, &format!("signing key {} of {whom}", key_id.short()))?;
        Ok((card.sign, standing))
    }

    /// The log key of `whom` with this identifier, and whether it is believed.
    pub(crate) fn receipt_key(
        &self,
        whom: &Administration,
        key_id: KeyId,
        when: When,
    ) -> Result<(PublicKey, Standing), Problem> {
        let of = |card: &PublicKeys| card.administration == *whom && card.log.key_id() == key_id;
        let (card, standing) = self.find(of, when, &format!("log key {} of {whom}", key_id.short()))?;
        Ok((card.log, standing))
    }

    /// The log key of `whom` that signed the note of a checkpoint, and whether it is believed.
    pub(crate) fn checkpoint_key(
        &self,
        whom: &Administration,
        note: &str,
        when: When,
    ) -> Result<(PublicKey, Standing), Problem> {
        let (note, origin) =
            (SignedNote::parse("checkpoint", note).map_err(|error| problem(&error))?, log_origin(whom));
        let of = |card: &PublicKeys| {
            let id = NoteKeyId::of(&origin, SignatureType::Ed25519, card.log.as_bytes());
            card.administration == *whom
                && note.signatures().iter().any(|signature| signature.claims(&origin, id))
        };
        let (card, standing) = self.find(of, when, &format!("log key under the checkpoint of {whom}"))?;
        Ok((card.log, standing))
    }

    /// The card that fits. One that is believed goes before one that the file holds: the file cannot stretch the
    /// validity of a key that its reader knows.
    fn find(
        &self,
        of: impl Fn(&PublicKeys) -> bool,
        when: When,
        what: &str,
    ) -> Result<(&PublicKeys, Standing), Problem> {
        for (cards, standing) in self.by_standing() {
            let found: Vec<&PublicKeys> = cards.iter().filter(|card| of(card)).collect();
            if found.is_empty() {
                continue;
            }
            let valid = found.into_iter().find(|card| when.fits(card));
            let invalid =
                || Problem::new("key-not-valid", format!("the {what} was not valid at the stated time"));
            return valid.map(|card| (card, standing)).ok_or_else(invalid);
        }
        let words = format!("the {what} is on no card that the file holds or that you trust");
        Err(Problem::new("key-unknown", words))
    }

    /// The witness keys of everyone but the owner of a log, each once, believed ones first.
    pub(crate) fn witnesses(&self, owner: &Administration) -> Vec<WitnessKey<'_>> {
        let mut found: Vec<WitnessKey<'_>> = Vec::new();
        for (cards, standing) in self.by_standing() {
            for card in cards.iter().filter(|card| card.administration != *owner) {
                let known = found
                    .iter()
                    .any(|other| *other.administration == card.administration && other.key == card.witness);
                if !known {
                    let (administration, key) = (&card.administration, card.witness);
                    found.push(WitnessKey { administration, key, standing, cards });
                }
            }
        }
        found
    }

    fn by_standing(&self) -> [(&[PublicKeys], Standing); 2] {
        [(self.believed.as_slice(), Standing::Proved), (self.claimed, Standing::Claimed)]
    }
}
