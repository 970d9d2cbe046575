//! What the recipient knows of its partners: their keys and the agreements with them.

use base::{Administration, Digest, Timestamp};
use evidence::key_register::{KeyLookup, SignedAt, Standing};
use evidence::{AgreementReference, KeyId, PublicKeys, Purpose};
use std::collections::BTreeSet;

/// The register of keys and agreements, as the recipient or sender holds it. It answers from memory or from its own
/// database; no other service stands in the way of a message.
pub trait Register {
    /// The cards of an administration, past and present; empty when it is unknown. While keys are rotated there are
    /// several that are valid.
    fn cards(&self, administration: &Administration) -> Vec<PublicKeys>;

    /// Whether the administration has keys under this agreement.
    fn knows(&self, _agreement: &str, administration: &Administration) -> bool {
        self.cards(administration).iter().any(|card| card.administration == *administration)
    }

    /// Where a key stands under an agreement: in the agreement's key register or, while there is none, on the cards that
    /// partners exchanged.
    fn standing(
        &self,
        _agreement: &str,
        administration: &Administration,
        (purpose, key): (Purpose, KeyId),
        signed: &SignedAt,
    ) -> Standing {
        self.cards(administration).standing(administration, purpose, key, signed)
    }

    /// Why messages under this agreement, for this purpose of use, must wait until its key register is renewed; `None`
    /// while they may flow.
    fn stale(&self, _agreement: &str, _purpose: &str, _now: Timestamp) -> Option<String> {
        None
    }

    /// Why the exchange with an administration is suspended, in words; `None` while it is not.
    fn suspension(&self, _administration: &Administration) -> Option<String> {
        None
    }

    /// Where an agreement stands; `None` when this version of it is unknown.
    fn agreement(&self, id: &str, version: u32) -> Option<AgreementStanding>;
}

/// The keys that count under one agreement, now: what the sender of a message checks the answer with.
#[derive(Clone, Copy)]
pub struct Under<'a> {
    /// The register.
    pub register: &'a dyn Register,
    /// The agreement that the message names.
    pub agreement: &'a str,
    /// The time.
    pub now: Timestamp,
}

impl KeyLookup for Under<'_> {
    fn standing(
        &self,
        administration: &Administration,
        purpose: Purpose,
        key: KeyId,
        signed: &SignedAt,
    ) -> Standing {
        let signed = SignedAt { seen: self.now, ..*signed };
        self.register.standing(self.agreement, administration, (purpose, key), &signed)
    }
}

/// Where an agreement stands with its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreementStanding {
    /// SHA-256 of what it compiles to here.
    pub hash: Digest,
    /// Its parties.
    pub parties: BTreeSet<Administration>,
    /// When it came into force.
    pub from: Timestamp,
    /// When it ends or was suspended; `None` while neither is known.
    pub until: Option<Timestamp>,
}

impl AgreementStanding {
    /// Whether it is in force at `moment`.
    pub fn in_force_at(&self, moment: Timestamp) -> bool {
        self.from <= moment && self.until.is_none_or(|until| moment < until)
    }

    /// The reference that a message under it carries.
    pub fn reference(&self, id: &str, version: u32) -> AgreementReference {
        AgreementReference { id: id.to_owned(), version, hash: self.hash }
    }
}
