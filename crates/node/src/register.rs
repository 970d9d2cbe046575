//! The register of keys and agreements as this node holds it.

use crate::bureau::Bureau;
use crate::tls::AcceptedKey;
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
        let cards = self.partners.iter().map(|(administration, card)| {
            let (from, until) = (card.keys.valid_from, card.keys.valid_until);
            (card.keys.tls_spki, AcceptedKey { administration: administration.clone(), from, until })
        });
        cards.collect()
    }

    /// The moment from which letters with the keys of this card are in order.
    pub fn keys_valid(&self, administration: &Administration, at: Timestamp) -> bool {
        self.cards(administration).iter().any(|card| card.valid_at(at))
    }
}
