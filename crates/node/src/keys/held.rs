//! The key registers in force, as decisions see them: which key counts, which to use, whether a register is stale.

use super::ring::Rank;
use crate::bureau::Bureau;
use crate::identity::{Identity, IdentityError};
use crate::peer_keys::{AcceptedKey, tls_key_of};
use agreements::{Agreement, GRACE_DAYS};
use base::{Administration, Digest, Timestamp};
use evidence::key_register::{KeyEntry, RegisteredKey, SignedRegister};
use evidence::{KeyId, PublicKeys, Purpose};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long before its expiry a register is warned of, in seconds: four weeks, in which any partner is reached.
pub(crate) const WARNING_SECONDS: i64 = 28 * 24 * 3600;

const DAY_SECONDS: i64 = 24 * 3600;

/// A register in force.
#[derive(Clone, Debug)]
pub struct HeldRegister {
    /// The register and its approvals.
    pub signed: SignedRegister,
    /// Which version each other party is known to have.
    pub known: BTreeMap<Administration, u64>,
    /// The version in which a key first stood.
    pub introduced: BTreeMap<KeyId, u64>,
}

impl HeldRegister {
    /// The version in which the keys of an administration first stood.
    pub(crate) fn admitted(&self, administration: &Administration) -> u64 {
        let entries = self.signed.register().entries.iter();
        let own = entries.filter(|entry| entry.administration == *administration);
        own.filter_map(|entry| self.introduced.get(&entry.key.key_id()).copied()).min().unwrap_or(1)
    }

    /// Whether every other party is known to have this key.
    fn known_to_all(&self, own: &Administration, key: KeyId) -> bool {
        let introduced = self.introduced.get(&key).copied().unwrap_or(u64::MAX);
        let mut others = self.signed.register().parties().into_iter().filter(|party| *party != own);
        others.all(|party| self.known.get(party).is_some_and(|version| *version >= introduced))
    }
}

/// How near its end a register is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is good for weeks.
    Fresh,
    /// It expires soon: renew it.
    ExpiresSoon,
    /// It has expired; everything flows still.
    Grace,
    /// It has expired; only what the agreement says flows.
    Stale,
}

impl Bureau {
    /// The register of an agreement that has keys of this administration.
    pub(crate) fn register_for(&self, agreement: &str, of: &Administration) -> Option<&HeldRegister> {
        self.registers.get(agreement).filter(|held| held.signed.register().parties().contains(of))
    }

    /// How near its end the register of an agreement is.
    pub fn freshness(&self, held: &HeldRegister, now: Timestamp) -> Freshness {
        let register = held.signed.register();
        let grace = i64::from(self.grace_days(&register.agreement)) * DAY_SECONDS;
        if now.plus_seconds(WARNING_SECONDS) < register.expires {
            Freshness::Fresh
        } else if now < register.expires {
            Freshness::ExpiresSoon
        } else if now < register.expires.plus_seconds(grace) {
            Freshness::Grace
        } else {
            Freshness::Stale
        }
    }

    pub(super) fn agreement_of(&self, id: &str) -> Option<&Agreement> {
        let mut all = self.decision_point.agreements().map(agreements::Compiled::agreement);
        all.find(|agreement| agreement.id.as_str() == id)
    }

    fn grace_days(&self, agreement: &str) -> u16 {
        let policy = self.agreement_of(agreement).and_then(|found| found.stale_register.as_ref());
        policy.map_or(GRACE_DAYS, |policy| policy.grace_days)
    }

    /// Why messages under this agreement for this purpose must wait until the register is renewed.
    pub(crate) fn stale_for(&self, agreement: &str, purpose: &str, now: Timestamp) -> Option<String> {
        let held = self.registers.get(agreement)?;
        if self.freshness(held, now) != Freshness::Stale {
            return None;
        }
        let policy = self.agreement_of(agreement).and_then(|found| found.stale_register.as_ref());
        if policy.is_some_and(|policy| policy.continuing.iter().any(|term| term.as_str() == purpose)) {
            return None;
        }
        let register = held.signed.register();
        Some(format!(
            "version {} of the key register of `{agreement}` expired at `{}`, and its {} days of grace are over",
            register.version,
            register.expires,
            self.grace_days(agreement)
        ))
    }

    /// The entries of a partner in all registers.
    pub(crate) fn registered(&self, of: &Administration, purpose: Purpose) -> Vec<&KeyEntry> {
        let registers = self.registers.values().map(|held| held.signed.register());
        registers
            .flat_map(|register| {
                register
                    .entries
                    .iter()
                    .filter(|entry| entry.administration == *of && entry.key.purpose() == purpose)
            })
            .collect()
    }

    /// The TLS keys that partners may show: those of a register, or of the card of a partner that is in none. A key that
    /// one register has revoked is accepted under no other.
    pub fn tls_keys(&self) -> BTreeMap<Digest, AcceptedKey> {
        let mut accepted: BTreeMap<Digest, AcceptedKey> = BTreeMap::new();
        for (administration, card) in self.partners.iter() {
            let entries = self.registered(administration, Purpose::Tls);
            if entries.is_empty() {
                let (digest, key) = tls_key_of(&card.keys);
                accepted.insert(digest, key);
            }
            for entry in entries {
                let RegisteredKey::Tls(digest) = entry.key else { continue };
                let end = entry.revocation.map_or(entry.until, |revoked| entry.until.min(revoked.effective));
                let known = accepted.entry(digest).or_insert_with(|| AcceptedKey {
                    administration: administration.clone(),
                    from: entry.from,
                    until: end,
                    revoked: false,
                });
                known.revoked |= entry.revocation.is_some();
                known.from = known.from.min(entry.from);
                known.until = if entry.revocation.is_some() { known.until.min(end) } else { known.until };
            }
        }
        accepted
    }

    /// Our own keys as partners are to know them: those in use now, each valid for as long as the registers say. Behind a
    /// relay its TLS key is what they see.
    pub(crate) fn own_keys(&self) -> PublicKeys {
        let (card, using) = (&self.identity.card, &self.identity.keys);
        let tls = self.identity.tls.key_digest().map_or(card.tls_spki, |digest| Digest(digest.0));
        let keys = [
            RegisteredKey::Tls(self.channel.relay.as_ref().map_or(tls, |relay| relay.key)),
            RegisteredKey::Sign(using.sign.public()),
            RegisteredKey::Enc(using.enc.public()),
            RegisteredKey::Log(using.log.public()),
            RegisteredKey::Witness(using.witness.public()),
        ];
        self.card_of_keys(card, &keys)
    }

    /// A partner's keys as they are to stand in a new register: the youngest that count in the registers that this node
    /// shares with it; those of its card where there is none.
    pub(crate) fn keys_now(&self, card: &PublicKeys, now: Timestamp) -> PublicKeys {
        let youngest = |purpose| {
            let entries = self.registered(&card.administration, purpose).into_iter();
            entries
                .filter(|entry| entry.in_force_at(now))
                .max_by_key(|entry| entry.from)
                .map(|entry| entry.key)
        };
        let keys: Vec<_> = Purpose::ALL.into_iter().filter_map(youngest).collect();
        self.card_of_keys(card, &keys)
    }

    /// A card with these keys. It stays as it is where it has them already; or else it is valid for as long as all of them
    /// are.
    fn card_of_keys(&self, card: &PublicKeys, keys: &[RegisteredKey]) -> PublicKeys {
        let mut made = card.clone();
        for key in keys {
            match *key {
                RegisteredKey::Tls(key) => made.tls_spki = key,
                RegisteredKey::Sign(key) => made.sign = key,
                RegisteredKey::Enc(key) => made.enc = key,
                RegisteredKey::Log(key) => made.log = key,
                RegisteredKey::Witness(key) => made.witness = key,
            }
        }
        let evidence = |card: &PublicKeys| (card.sign, card.enc, card.log, card.witness);
        if evidence(&made) == evidence(card) && keys.len() == Purpose::ALL.len() {
            let relayed = made.tls_spki;
            let same = self.channel.relay.as_ref().is_some_and(|relay| relay.key == relayed);
            if same || relayed == card.tls_spki {
                return made;
            }
        }
        for entry in keys.iter().flat_map(|key| {
            let entries = self.registered(&card.administration, key.purpose()).into_iter();
            entries.filter(|entry| entry.key.key_id() == key.key_id())
        }) {
            made.valid_from = made.valid_from.max(entry.from);
            made.valid_until = made.valid_until.min(entry.until);
        }
        // The steward's key is not rotated; a card without one has signed registers with its first signing key.
        made
    }

    /// The card that an administration federated with.
    pub(crate) fn card_of(&self, administration: &Administration) -> Option<PublicKeys> {
        if *administration == self.administration {
            return Some(self.own_keys());
        }
        self.partners.get(administration).map(|card| card.keys.clone())
    }

    /// The cards of an administration, given the one that it federated with: where it is in a register, cards that have
    /// between them every key of it, each valid for as long as its entry says. The first one has the youngest keys.
    pub(crate) fn cards_by_registers(&self, card: PublicKeys) -> Vec<PublicKeys> {
        let owner = card.administration.clone();
        let entries: Vec<_> = Purpose::ALL.map(|purpose| self.registered(&owner, purpose)).concat();
        if entries.is_empty() {
            return vec![card];
        }
        let with = |card: &PublicKeys, entry: &KeyEntry| {
            let mut card = card.clone();
            match entry.key {
                RegisteredKey::Tls(key) => card.tls_spki = key,
                RegisteredKey::Sign(key) => card.sign = key,
                RegisteredKey::Enc(key) => card.enc = key,
                RegisteredKey::Log(key) => card.log = key,
                RegisteredKey::Witness(key) => card.witness = key,
            }
            let end = entry.revocation.map_or(entry.until, |revoked| entry.until.min(revoked.effective));
            PublicKeys { valid_from: entry.from, valid_until: end, ..card }
        };
        let mut by_age = entries;
        by_age.sort_by_key(|entry| entry.from);
        let youngest = by_age.iter().fold(card, |card, entry| with(&card, entry));
        let mut cards: Vec<_> = by_age.iter().rev().map(|entry| with(&youngest, entry)).collect();
        cards.dedup();
        cards
    }

    /// The card to prepare a letter by: with the key of the register where there is one.
    pub(crate) fn recipient_card(
        &self,
        agreement: &str,
        recipient: &Administration,
        now: Timestamp,
    ) -> Option<PublicKeys> {
        let card = self.partners.get(recipient).map(|partner| partner.keys.clone())?;
        match self.register_for(agreement, recipient) {
            None => Some(card).filter(|card| card.valid_at(now)),
            Some(held) => {
                let enc = held.signed.register().sealing_key(recipient, now)?;
                Some(PublicKeys { enc, ..card })
            }
        }
    }

    /// Whether one of our own keys may be used: it must be in force in every register that has keys of ours.
    pub(crate) fn rank(&self, purpose: Purpose, key: KeyId, now: Timestamp) -> Rank {
        let own = &self.administration;
        let ours: Vec<_> =
            self.registers.values().filter(|held| held.signed.register().parties().contains(own)).collect();
        if ours.is_empty() {
            let on_card =
                KeyEntry::of_card(&self.identity.card).iter().any(|entry| entry.key.key_id() == key);
            return if on_card { Rank::Known } else { Rank::Unusable };
        }
        let entries = ours.iter().map(|held| held.signed.register().entry(own, purpose, key));
        let revoked = |entry: &KeyEntry| entry.revocation.is_some_and(|revoked| revoked.effective <= now);
        if entries.clone().flatten().any(revoked) {
            return Rank::Revoked;
        }
        if !entries.flatten().filter(|entry| entry.in_force_at(now)).count().eq(&ours.len()) {
            return Rank::Unusable;
        }
        if ours.iter().all(|held| held.known_to_all(own, key)) { Rank::Known } else { Rank::InForce }
    }

    /// Chooses the keys that this node uses from now on.
    pub(crate) fn choose_keys(&mut self, now: Timestamp) -> Result<(), IdentityError> {
        let (keys, tls) = self.identity.ring.choose(&|purpose, key| self.rank(purpose, key, now))?;
        self.identity = Arc::new(Identity { keys, tls, ..Identity::clone(&self.identity) });
        Ok(())
    }

    /// Whether the keys that it uses are the ones that it would choose at `now`.
    pub(crate) fn keys_are_chosen(&self, now: Timestamp) -> bool {
        let chosen = self.identity.ring.choose(&|purpose, key| self.rank(purpose, key, now));
        let Ok((keys, tls)) = chosen else { return true };
        let using = &self.identity.keys;
        tls.certificate() == self.identity.tls.certificate()
            && keys.sign.key_id() == using.sign.key_id()
            && keys.enc.key_id() == using.enc.key_id()
            && keys.log.key_id() == using.log.key_id()
            && keys.witness.key_id() == using.witness.key_id()
    }
}
