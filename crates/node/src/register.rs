//! The register of keys and agreements as this node holds it.

use crate::bureau::Bureau;
use crate::peer_keys::PeerKeys;
use base::{Administration, Timestamp};
use evidence::key_register::{KeyLookup, SignedAt, Standing};
use evidence::{KeyId, PublicKeys, Purpose};
use exchange::{AgreementStanding, Register};

impl Register for Bureau {
    fn cards(&self, administration: &Administration) -> Vec<PublicKeys> {
        if *administration == self.administration {
            return vec![self.identity.card.clone()];
        }
        self.partners.get(administration).map(|card| card.keys.clone()).into_iter().collect()
    }

    fn knows(&self, agreement: &str, administration: &Administration) -> bool {
        self.register_for(agreement, administration).is_some() || !self.cards(administration).is_empty()
    }

    fn standing(
        &self,
        agreement: &str,
        administration: &Administration,
        (purpose, key): (Purpose, KeyId),
        signed: &SignedAt,
    ) -> Standing {
        match self.register_for(agreement, administration) {
            Some(held) => held.signed.register().standing(administration, purpose, key, signed),
            None => self.cards(administration).standing(administration, purpose, key, signed),
        }
    }

    fn stale(&self, agreement: &str, purpose: &str, now: Timestamp) -> Option<String> {
        self.stale_for(agreement, purpose, now)
    }

    fn suspension(&self, administration: &Administration) -> Option<String> {
        self.suspended.get(administration).cloned()
    }

    fn agreement(&self, id: &str, version: u32) -> Option<AgreementStanding> {
        let found = self.decision_point.agreements().find(|compiled| {
            let agreement = compiled.agreement();
            agreement.id.as_str() == id && agreement.version == version
        })?;
        let agreement = found.agreement();
        Some(AgreementStanding {
            hash: found.hash(),
            parties: agreement.parties.iter().map(|party| party.administration.clone()).collect(),
            from: agreement.in_force.from.start(),
            until: agreement.in_force.until.map(|last| last.plus_days(1).start()),
        })
    }
}

impl Bureau {
    /// The public keys that this administration shows to partners: those of its card, with the relay's TLS key where a
    /// relay stands in front.
    pub(crate) fn own_keys(&self) -> PublicKeys {
        let card = &self.identity.card;
        let relay = self.channel.relay.as_ref().map(|relay| relay.key);
        PublicKeys { tls_spki: relay.unwrap_or(card.tls_spki), ..card.clone() }
    }

    /// Every key that is known here, for the door: those that open it and those that must not.
    pub(crate) fn peer_keys(&self) -> PeerKeys {
        let mut keys = PeerKeys::accepting(self.tls_keys()).with_own(&self.identity.card);
        for card in self.partners.values() {
            keys = keys.with_evidence_keys(&card.keys);
        }
        for held in self.registers.values() {
            keys = held.signed.register().entries.iter().fold(keys, PeerKeys::with_entry);
        }
        match &self.channel.relay {
            Some(relay) => keys.with_relay(relay.key),
            None => keys,
        }
    }

    /// The moment from which letters with the keys of this card are in order.
    pub fn keys_valid(&self, administration: &Administration, at: Timestamp) -> bool {
        self.cards(administration).iter().any(|card| card.valid_at(at))
    }
}
