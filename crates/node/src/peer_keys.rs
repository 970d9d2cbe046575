//! Which TLS keys a node knows, and whether the owner of one may come in now.

use crate::channel_refusal::{ChannelReason, ChannelRefusal};
use base::{Administration, Digest, Timestamp};
use evidence::key_register::{KeyEntry, RegisteredKey};
use evidence::{PublicKeys, Purpose, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// Decides whether the owner of a TLS key may come in. It is asked at every handshake and again at every request, so
/// that what the register says counts at once.
pub trait Doorkeeper: fmt::Debug + Send + Sync {
    /// Who the owner of `key` is.
    ///
    /// # Errors
    /// Why it may not come in at `now`.
    fn admit(&self, key: Digest, now: Timestamp) -> Result<Entrant, ChannelRefusal>;
}

/// Who has come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entrant {
    /// A partner, for itself.
    Partner(Administration),
    /// Our own relay: it carries what partners send, and says for each request which key the partner has proved to
    /// hold. It speaks for nobody.
    Relay,
}

/// A key that is accepted from a partner, while its card is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedKey {
    /// Whose key it is.
    pub administration: Administration,
    /// The first moment of validity.
    pub from: Timestamp,
    /// The first moment at which it is valid no longer.
    pub until: Timestamp,
    /// Whether it is so because a register has revoked it.
    pub revoked: bool,
}

/// The keys that a node knows, by the SHA-256 of their subject public key info.
#[derive(Clone, Debug, Default)]
pub struct PeerKeys {
    tls: BTreeMap<Digest, AcceptedKey>,
    /// Keys of other purposes, which must not open the door: who can make a log sign must not thereby become a peer.
    others: BTreeMap<Digest, (Administration, Purpose)>,
    own: Option<Digest>,
    relay: Option<Digest>,
}

impl PeerKeys {
    /// These keys for TLS, and no other key known.
    pub fn accepting(tls: BTreeMap<Digest, AcceptedKey>) -> Self {
        Self { tls, ..Self::default() }
    }

    /// These, and this administration's own keys, none of which opens the door.
    #[must_use]
    pub fn with_own(self, own: &PublicKeys) -> Self {
        Self { own: Some(own.tls_spki), ..self }.with_evidence_keys(own)
    }

    /// These, and the key of our own relay.
    #[must_use]
    pub fn with_relay(self, key: Digest) -> Self {
        Self { relay: Some(key), ..self }
    }

    /// These, and the keys of a card that are not for TLS.
    #[must_use]
    pub fn with_evidence_keys(mut self, card: &PublicKeys) -> Self {
        let keys = [
            (verifying_key_digest(&card.sign), Purpose::Sign),
            (raw_key_digest(ED25519, card.log.as_bytes()), Purpose::Log),
            (raw_key_digest(ED25519, card.witness.as_bytes()), Purpose::Witness),
            (raw_key_digest(X25519, card.enc.as_bytes()), Purpose::Enc),
        ];
        self.others.extend(keys.map(|(key, purpose)| (key, (card.administration.clone(), purpose))));
        self
    }

    /// These, and a key of a register that is not for TLS.
    #[must_use]
    pub fn with_entry(mut self, entry: &KeyEntry) -> Self {
        let digest = match entry.key {
            RegisteredKey::Tls(_) => return self,
            RegisteredKey::Sign(key) => verifying_key_digest(&key),
            RegisteredKey::Enc(key) => raw_key_digest(X25519, key.as_bytes()),
            RegisteredKey::Log(key) | RegisteredKey::Witness(key) => raw_key_digest(ED25519, key.as_bytes()),
        };
        self.others.insert(digest, (entry.administration.clone(), entry.key.purpose()));
        self
    }
}

/// The key of a card that is for TLS.
pub fn tls_key_of(card: &PublicKeys) -> (Digest, AcceptedKey) {
    let (administration, from, until) = (card.administration.clone(), card.valid_from, card.valid_until);
    (card.tls_spki, AcceptedKey { administration, from, until, revoked: false })
}

impl AcceptedKey {
    /// A key that is accepted for as long as the configuration names it.
    pub fn always(administration: &Administration) -> Self {
        let (from, until) = (Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX));
        Self { administration: administration.clone(), from, until, revoked: false }
    }
}

impl Doorkeeper for PeerKeys {
    fn admit(&self, key: Digest, now: Timestamp) -> Result<Entrant, ChannelRefusal> {
        let refused = |reason, detail: String| Err(ChannelRefusal::new(reason, detail));
        if let Some((administration, purpose)) = self.others.get(&key) {
            let detail = format!("`{key}` is the key of `{administration}` for {purpose}");
            return refused(ChannelReason::WrongPurpose, detail);
        }
        // Before it is looked for as our own: the card that we give to partners names the relay's key.
        if self.relay == Some(key) {
            return Ok(Entrant::Relay);
        }
        if self.own == Some(key) {
            return refused(ChannelReason::OwnKey, format!("`{key}`"));
        }
        let Some(accepted) = self.tls.get(&key) else {
            return refused(ChannelReason::UnknownKey, format!("`{key}`"));
        };
        let administration = &accepted.administration;
        if now < accepted.from {
            let detail = format!("`{administration}`, from `{}` on", accepted.from);
            return refused(ChannelReason::KeyNotYetValid, detail);
        }
        if accepted.until <= now {
            let detail = format!("`{administration}`, until `{}`", accepted.until);
            let reason = if accepted.revoked { ChannelReason::KeyRevoked } else { ChannelReason::KeyExpired };
            return refused(reason, detail);
        }
        Ok(Entrant::Partner(administration.clone()))
    }
}

/// The head of a subject public key info of Ed25519 (RFC 8410, section 4: OID 1.3.101.112), before the 32 bytes.
const ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The same of X25519 (OID 1.3.101.110).
const X25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00];

/// The same of a point on P-256 (RFC 5480, section 2: OIDs 1.2.840.10045.2.1 and 1.2.840.10045.3.1.7), before the 65
/// bytes of the uncompressed point.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// SHA-256 of the subject public key info of a key that verifies statements.
fn verifying_key_digest(key: &VerifyingKey) -> Digest {
    match key {
        VerifyingKey::EdDsa(key) => raw_key_digest(ED25519, key.as_bytes()),
        VerifyingKey::Es256(key) => {
            Digest(Sha256::new().chain_update(P256).chain_update(key.point()).finalize().into())
        }
    }
}

/// SHA-256 of the subject public key info of a key that is 32 bytes.
fn raw_key_digest(head: [u8; 12], key: &[u8; 32]) -> Digest {
    Digest(Sha256::new().chain_update(head).chain_update(key).finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence::KeySet;

    const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn card(country: &str, first: u8) -> PublicKeys {
        let mut next = first;
        let set = KeySet::draw(&mut |slot| {
            next += 1;
            slot.fill(next);
        });
        let administration = Administration::parse(&format!("NTA.{country}")).unwrap();
        let until = START.plus_seconds(60);
        set.keys().unwrap().card(administration, Digest([first; 32]), START, until).unwrap()
    }

    fn known(own: &PublicKeys, partner: &PublicKeys) -> PeerKeys {
        PeerKeys::accepting(BTreeMap::from([tls_key_of(partner)])).with_own(own).with_evidence_keys(partner)
    }

    #[test]
    fn a_key_opens_the_door_for_its_purpose_and_time_only() {
        let (own, partner) = (card("GB", 10), card("FR", 20));
        let keys = known(&own, &partner).with_relay(Digest([30; 32]));
        let judged = |key, at| match keys.admit(key, at) {
            Ok(Entrant::Partner(administration)) => administration.to_string(),
            Ok(Entrant::Relay) => "relay".to_owned(),
            Err(refusal) => refusal.reason.to_string(),
        };
        let end = START.plus_seconds(60);
        let table = [
            (Digest([20; 32]), START, "NTA.FR"),
            (Digest([20; 32]), end.plus_micros(-1), "NTA.FR"),
            (Digest([20; 32]), START.plus_micros(-1), "key-not-yet-valid"),
            (Digest([20; 32]), end, "key-expired"),
            (Digest([10; 32]), START, "own-key"),
            (Digest([30; 32]), START, "relay"),
            (Digest([1; 32]), START, "unknown-key"),
            (verifying_key_digest(&partner.sign), START, "wrong-purpose"),
            (raw_key_digest(ED25519, partner.log.as_bytes()), START, "wrong-purpose"),
            (raw_key_digest(ED25519, partner.witness.as_bytes()), START, "wrong-purpose"),
            (raw_key_digest(ED25519, own.witness.as_bytes()), START, "wrong-purpose"),
            (raw_key_digest(X25519, partner.enc.as_bytes()), START, "wrong-purpose"),
        ];
        for (key, at, expected) in table {
            assert_eq!(judged(key, at), expected, "{key} at {at}");
        }
    }

    #[test]
    fn a_card_that_claims_an_evidence_key_for_tls_opens_no_door() {
        let (own, mut partner) = (card("GB", 10), card("FR", 20));
        partner.tls_spki = verifying_key_digest(&partner.sign);
        let keys = known(&own, &partner);
        let refusal = keys.admit(partner.tls_spki, START).unwrap_err();
        assert_eq!(refusal.reason, ChannelReason::WrongPurpose);
    }
}
