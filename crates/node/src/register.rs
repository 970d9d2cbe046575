//! The register of keys and agreements as this node holds it.

use crate::bureau::Bureau;
use crate::peer_keys::{AcceptedKey, PeerKeys, tls_key_of};
use base::{Administration, Digest, Timestamp};
use evidence::PublicKeys;
use exchange::{AgreementStanding, Register};
use std::collections::BTreeMap;

impl Register for Bureau {
    fn cards(&self, administration: &Administration) -> Vec<PublicKeys> {
        if *administration == self.administration {
            return vec![self.identity.card.clone()];
        }
        self.partners.get(administration).map(|card| card.keys.clone()).into_iter().collect()
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
    /// The TLS keys that partners may show.
    pub fn tls_keys(&self) -> BTreeMap<Digest, AcceptedKey> {
        self.partners.values().map(|card| tls_key_of(&card.keys)).collect()
    }

    /// Every key that is known here, for the door: those that open it and those that must not.
    pub(crate) fn peer_keys(&self) -> PeerKeys {
        let mut keys = PeerKeys::accepting(self.tls_keys()).with_own(&self.identity.card);
        for card in self.partners.values() {
            keys = keys.with_evidence_keys(&card.keys);
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
