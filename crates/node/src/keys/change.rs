//! Rotating, revoking and renewing: what whoever runs the node does with its keys.

use super::file;
use super::held::{Freshness, WARNING_SECONDS};
use super::propose::{LIFETIME_SECONDS, Progress};
use super::ring::{HeldKey, Rank, Secret};
use crate::identity::Identity;
use crate::messages;
use crate::node::{Node, NodeError};
use base::{Administration, Timestamp};
use evidence::key_register::{KeyEntry, KeyRegister, RegisteredKey, Revocation, RevocationReason, Threshold};
use evidence::{Algorithm, Purpose};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{journal, log};

/// How long a new key is good for, in seconds: two years, as long as certificates of its kind usually are.
const KEY_LIFETIME_SECONDS: i64 = 2 * 365 * 24 * 3600;

/// How long an old key stays valid beside the new one, in seconds: 60 days, longer than any letter is under way, so that
/// nothing that was sealed to it or signed with it comes too late.
const OVERLAP_SECONDS: i64 = 60 * 24 * 3600;

/// How much earlier than now a new key is valid: the clocks of partners may be behind.
const CLOCK_SKEW_SECONDS: i64 = 300;

/// What whoever runs the node wants to do about a new key.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Which key.
    pub purpose: Purpose,
    /// For a signing key: `EdDSA` or `ES256`.
    #[serde(default)]
    pub algorithm: Option<String>,
    /// For a signing key: the name of the key in a device that takes over, as the configuration has it under `devices`. Which
    /// library is loaded and where the PIN is stands there alone.
    #[serde(default)]
    pub device: Option<String>,
}

/// What whoever runs the node wants to do about a key that must count no more.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationOrder {
    /// The beginning of the key's identifier, at least eight digits.
    pub key: String,
    /// The first position in our log that the key's true owner did not write; all that is in the log now counts when
    /// left out.
    #[serde(default)]
    pub effective_position: Option<u64>,
    /// `compromised`, `superseded` or `withdrawn`.
    pub reason: String,
}

/// An order of whoever runs the node about its keys.
#[derive(Clone, Debug)]
pub enum KeyOrder {
    /// A new key.
    Rotate(Rotation),
    /// A key that must count no more.
    Revoke(RevocationOrder),
    /// A later expiry of the register of an agreement, or of all.
    Renew(Option<String>),
    /// The first version of an agreement's register; all parties must sign a change where no threshold is given.
    Found(String, Option<Threshold>),
    /// One more party in an agreement's register.
    Admit(String, Administration),
}

impl KeyOrder {
    /// The agreement that it is about; empty when about all.
    fn about(&self) -> &str {
        match self {
            Self::Found(agreement, _) | Self::Admit(agreement, _) | Self::Renew(Some(agreement)) => agreement,
            Self::Rotate(_) | Self::Revoke(_) | Self::Renew(None) => "",
        }
    }
}

impl std::fmt::Display for KeyOrder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rotate(Rotation { purpose, device: Some(device), .. }) => {
                write!(out, "rotate {purpose} to the device `{device}`")
            }
            Self::Rotate(rotation) => write!(out, "rotate {}", rotation.purpose),
            Self::Revoke(order) => {
                write!(out, "revoke {}, reason {}", order.key, order.reason)?;
                match order.effective_position {
                    Some(position) => write!(out, ", from position {position} on"),
                    None => Ok(()),
                }
            }
            Self::Renew(Some(agreement)) => write!(out, "renew the key register of {agreement}"),
            Self::Renew(None) => write!(out, "renew all key registers"),
            Self::Found(agreement, _) => write!(out, "make the key register of {agreement}"),
            Self::Admit(agreement, partner) => {
                write!(out, "let {partner} into the key register of {agreement}")
            }
        }
    }
}

impl Node {
    /// Carries out an order of `by`; gives what became of each register that it is about. Who ordered what is a notice, and
    /// stands in the journal (stream `keys`, kind `Order`).
    ///
    /// # Errors
    /// When it cannot be carried out ([`NodeError::is_about_keys`]), or the store fails.
    pub async fn order_keys(
        &self,
        order: KeyOrder,
        by: &str,
    ) -> Result<BTreeMap<String, Progress>, NodeError> {
        let (words, about, now) = (format!("{by} orders: {order}"), order.about().to_owned(), self.now());
        tracing::warn!(by, %order, "an order about keys");
        self.write(move |tx, bureau| -> Result<_, NodeError> {
            let entry = journal::JournalEntry {
                stream: "keys",
                kind: "Order",
                at: now,
                salt: bureau.world.random(),
                body: words.as_bytes(),
                facts: &[],
            };
            journal::append(tx, &entry)?;
            Ok(messages::note(tx, now, "keys", &about, "Order", &words)?)
        })
        .await?;
        match order {
            KeyOrder::Rotate(rotation) => self.rotate_key(rotation).await,
            KeyOrder::Revoke(revocation) => self.revoke_key(revocation).await,
            KeyOrder::Renew(agreement) => self.renew_registers(agreement).await,
            KeyOrder::Found(agreement, threshold) => {
                let became = self.found_register(&agreement, threshold).await?;
                Ok(BTreeMap::from([(agreement, became)]))
            }
            KeyOrder::Admit(agreement, partner) => {
                let became = self.admit_to_register(&agreement, &partner).await?;
                Ok(BTreeMap::from([(agreement, became)]))
            }
        }
    }

    /// Makes a new key and brings it into every register that has keys of ours. The old key stays valid for 60 days beside
    /// it; the new one is used as soon as all partners know it.
    ///
    /// # Errors
    /// When there is no register yet, the key cannot be made or kept, or the store fails.
    pub async fn rotate_key(&self, rotation: Rotation) -> Result<BTreeMap<String, Progress>, NodeError> {
        let agreements = self.registers_with_us()?;
        let algorithm = match rotation.algorithm.as_deref() {
            None | Some("EdDSA") => Algorithm::EdDsa,
            Some("ES256") if rotation.purpose == Purpose::Sign => Algorithm::Es256,
            Some(other) => {
                return Err(NodeError::Order(format!("`{other}` is no algorithm for this purpose")));
            }
        };
        let held = match rotation.device {
            Some(name) => {
                let device = self.config().devices.get(&name).cloned().ok_or_else(|| {
                    let words = format!(
                        "the configuration has no device `{name}`: name its module, token, label and pin under \
                         `[devices.{name}]` and start the node again"
                    );
                    NodeError::Order(words)
                })?;
                HeldKey { purpose: rotation.purpose, secret: Secret::Device(device) }
            }
            None => HeldKey::draw(self.world(), self.administration(), rotation.purpose, algorithm)?,
        };
        self.hold_key(held).await?;
        let key = self.bureau().identity.ring.youngest(rotation.purpose)?;
        tracing::info!(purpose = %rotation.purpose, key = %key.key_id(), "a new key was made");
        let own = self.administration().clone();
        let change = move |register: &mut KeyRegister, now: Timestamp| {
            let overlap = now.plus_seconds(OVERLAP_SECONDS);
            for entry in &mut register.entries {
                if entry.administration == own
                    && entry.key.purpose() == key.purpose()
                    && entry.until > overlap
                {
                    entry.until = overlap;
                }
            }
            register.put(KeyEntry {
                administration: own.clone(),
                key,
                from: now.plus_seconds(-CLOCK_SKEW_SECONDS),
                until: now.plus_seconds(KEY_LIFETIME_SECONDS),
                revocation: None,
            });
        };
        self.change_all(agreements, change).await
    }

    /// Revokes one of our keys in every register that has it.
    ///
    /// # Errors
    /// When there is no such key, the order says something impossible, or the store fails.
    pub async fn revoke_key(&self, order: RevocationOrder) -> Result<BTreeMap<String, Progress>, NodeError> {
        let reason = RevocationReason::parse(&order.reason).ok_or_else(|| {
            NodeError::Order(format!(
                "`{}` is no reason: give compromised, superseded or withdrawn",
                order.reason
            ))
        })?;
        let size = self.read(|tx| -> Result<_, NodeError> { Ok(log::size(tx)?) }).await?;
        let size = u64::try_from(size).unwrap_or_default();
        let position = order.effective_position.unwrap_or(size);
        if position > size {
            let words = format!("the log has {size} entries: the effective position cannot be {position}");
            return Err(NodeError::Order(words));
        }
        let bureau = self.bureau();
        let own = self.administration().clone();
        let matches = |entry: &&KeyEntry| {
            entry.administration == own && entry.key.key_id().to_string().starts_with(&order.key)
        };
        let registers = bureau.registers.values().map(|held| held.signed.register());
        let mut found: Vec<_> = registers
            .flat_map(|register| register.entries.iter().filter(matches))
            .map(|entry| (entry.key.purpose(), entry.key.key_id()))
            .collect();
        found.sort();
        found.dedup();
        let (8.., [(purpose, key)]) = (order.key.len(), found.as_slice()) else {
            let count = found.len();
            let words =
                format!("`{}` names {count} of our keys: give at least eight digits of one", order.key);
            return Err(NodeError::Order(words));
        };
        let (purpose, key) = (*purpose, *key);
        let counts = |held: &RegisteredKey| bureau.rank(purpose, held.key_id(), self.now()) != Rank::Revoked;
        let left = bureau.identity.ring.of_purpose(purpose)?;
        if !left.iter().any(|held| held.key_id() != key && counts(held)) {
            let words = format!(
                "it is the last key for {purpose}, and without one nothing can be done: rotate {purpose} first, which \
                 need not be in force for this"
            );
            return Err(NodeError::Order(words));
        }
        let has = |agreement: &String| {
            let held = bureau.registers.get(agreement);
            held.is_some_and(|held| held.signed.register().entry(&own, purpose, key).is_some())
        };
        let agreements = self.registers_with_us()?.into_iter().filter(has).collect();
        let change = move |register: &mut KeyRegister, now: Timestamp| {
            if let Some(entry) = register.entry(&own, purpose, key).cloned() {
                let revocation = Some(Revocation { effective: now, position, reason });
                register.put(KeyEntry { revocation, ..entry });
            }
        };
        self.change_all(agreements, change).await
    }

    /// Renews registers that would expire: a version with the same keys and 90 more days.
    ///
    /// # Errors
    /// When there is no such register, or the store fails.
    pub async fn renew_registers(
        &self,
        agreement: Option<String>,
    ) -> Result<BTreeMap<String, Progress>, NodeError> {
        let agreements = match agreement {
            Some(agreement) => vec![agreement],
            None => self.registers_with_us()?,
        };
        let change = |register: &mut KeyRegister, now: Timestamp| {
            register.expires = register.expires.max(now.plus_seconds(LIFETIME_SECONDS));
        };
        self.change_all(agreements, change).await
    }

    async fn change_all(
        &self,
        agreements: Vec<String>,
        change: impl Fn(&mut KeyRegister, Timestamp),
    ) -> Result<BTreeMap<String, Progress>, NodeError> {
        let mut progress = BTreeMap::new();
        for agreement in agreements {
            let became = self.change_register(&agreement, &change).await?;
            progress.insert(agreement, became);
        }
        Ok(progress)
    }

    /// The agreements whose registers have keys of ours. All partners must be in one of them: a partner that knows us by
    /// our card alone would refuse a new key.
    fn registers_with_us(&self) -> Result<Vec<String>, NodeError> {
        let bureau = self.bureau();
        let own = self.administration();
        let ours: Vec<_> = bureau
            .registers
            .iter()
            .filter(|(_, held)| held.signed.register().parties().contains(own))
            .collect();
        for partner in bureau.partners.keys() {
            if !ours.iter().any(|(_, held)| held.signed.register().parties().contains(partner)) {
                return Err(NodeError::CardOnly(partner.clone()));
            }
        }
        if ours.is_empty() {
            return Err(NodeError::NoRegister("any agreement".to_owned()));
        }
        Ok(ours.into_iter().map(|(agreement, _)| agreement.clone()).collect())
    }

    /// Keeps a new key in the key file, before anybody hears of it.
    async fn hold_key(&self, held: HeldKey) -> Result<(), NodeError> {
        let _one_at_a_time = self.changes().lock().await;
        let (path, world) = (self.config().resolve(&self.config().keys), self.world().clone());
        let passphrase = self.bureau().identity.passphrase.clone();
        let written = tokio::task::spawn_blocking(move || {
            let (mut kept, protection) = file::read(&path, passphrase.as_ref())?;
            kept.later.push(held);
            // A key that cannot be used is not kept.
            let identity = Identity::of_file(&kept, passphrase.clone())?;
            let sealed = passphrase.filter(|_| protection == file::Protection::Sealed);
            file::replace(&path, &kept, &world, sealed.as_ref())?;
            Ok(identity)
        });
        let identity: Result<Identity, crate::identity::IdentityError> =
            written.await.map_err(|_| NodeError::Stopped)?;
        let (identity, now) = (identity?, self.now());
        let mut chosen = Ok(());
        self.replace_bureau(|bureau| {
            bureau.identity = Arc::new(identity);
            chosen = bureau.choose_keys(now);
        })?;
        Ok(chosen?)
    }

    /// Warns once a day of registers and keys that run out: in the log and as a notice.
    pub(crate) async fn warn_of_expiry(&self) -> Result<(), NodeError> {
        let now = self.now();
        let warnings = self.bureau().warnings(now);
        if warnings.is_empty() {
            return Ok(());
        }
        let today = now.date().to_string();
        self.write(move |tx, _| -> Result<_, NodeError> {
            let last = store::settings::get(tx, "keys/warned")?;
            if last.as_deref() == Some(today.as_bytes()) {
                return Ok(());
            }
            for (agreement, words) in &warnings {
                tracing::warn!(agreement, words, "keys run out");
                messages::note(tx, now, "keys", agreement, "Expiry", words)?;
            }
            Ok(store::settings::put(tx, "keys/warned", today.as_bytes())?)
        })
        .await
    }
}

impl crate::bureau::Bureau {
    /// What runs out soon, or has: per agreement, in words.
    pub(crate) fn warnings(&self, now: Timestamp) -> Vec<(String, String)> {
        let mut warnings = Vec::new();
        for (agreement, held) in self.registers.iter() {
            let register = held.signed.register();
            let (version, expires) = (register.version, register.expires);
            let words = match self.freshness(held, now) {
                Freshness::Fresh => None,
                Freshness::ExpiresSoon => {
                    Some(format!("version {version} of the key register expires at {expires}"))
                }
                Freshness::Grace => Some(format!(
                    "version {version} of the key register expired at {expires}; messages flow for the days of grace only"
                )),
                Freshness::Stale => {
                    Some(format!("version {version} of the key register expired at {expires}; messages wait"))
                }
            };
            warnings.extend(words.map(|words| (agreement.clone(), format!("{words}: renew it"))));
            for purpose in Purpose::ALL {
                let last = register.entries_of(&self.administration, purpose).map(|entry| entry.until).max();
                if last.is_some_and(|last| last < now.plus_seconds(WARNING_SECONDS)) {
                    let words = format!("the last key for {purpose} runs out: rotate it");
                    warnings.push((agreement.clone(), words));
                }
            }
        }
        warnings
    }
}
