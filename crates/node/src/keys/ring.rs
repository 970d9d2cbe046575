//! The private keys that a node holds: those that it was set up with, those that it made since, and those in devices.
//! Which of them it uses is for the key registers to say; older ones stay, as what was sealed to them may still come.

use super::file::{KeyFile, from_hex, to_hex};
use crate::clock::World;
use crate::identity::IdentityError;
use crate::tls::TlsIdentity;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base::Administration;
use evidence::key_register::{RegisteredKey, Steward};
use evidence::{
    Algorithm, EvidenceError, KeyId, Keys, P256PublicKey, Purpose, SealingKey, Seed, Signer, SigningKey,
    StatementKey, VerifyingKey,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Certificate and key of a TLS identity, DER as hexadecimal digits.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSecret {
    pub certificate: String,
    pub key: String,
}

/// A key that was made after the node was set up.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeldKey {
    pub purpose: Purpose,
    pub secret: Secret,
}

/// The private half of a key, or where it is.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Secret {
    /// A seed, for EdDSA and for sealing.
    Seed(Seed),
    /// A key on P-256, PKCS #8 as hexadecimal digits.
    P256(String),
    /// A TLS certificate and its key.
    Tls(TlsSecret),
    /// A key in a device.
    Device(DeviceKey),
}

/// Where a key in a device is found (PKCS #11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceKey {
    /// The library of the device, as in `/usr/lib/softhsm/libsofthsm2.so`.
    pub module: std::path::PathBuf,
    /// The label of the token.
    pub token: String,
    /// The label of the key in the token.
    pub label: String,
    /// The file that holds the PIN, or `env:NAME` for an environment variable.
    pub pin: String,
}

/// How far a key has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// It counts nowhere, or not everywhere.
    Unusable,
    /// It counts, but some partner is not known to know it yet.
    InForce,
    /// It counts, and all partners know it.
    Known,
}

/// The keys of a node, ready for use, each list in the order in which they were made.
#[derive(Clone)]
pub struct Ring {
    pub(crate) sign: Vec<StatementKey>,
    pub(crate) enc: Vec<SealingKey>,
    pub(crate) log: Vec<SigningKey>,
    pub(crate) witness: Vec<SigningKey>,
    pub(crate) tls: Vec<TlsIdentity>,
    /// Approves key registers.
    pub(crate) register: StatementKey,
}

impl Ring {
    /// A ring with these keys alone, for simulations: the signing key approves registers.
    pub fn of(keys: &Keys, tls: &TlsIdentity) -> Self {
        Self {
            sign: vec![keys.sign.clone()],
            enc: vec![keys.enc.clone()],
            log: vec![keys.log.clone()],
            witness: vec![keys.witness.clone()],
            tls: vec![tls.clone()],
            register: keys.sign.clone(),
        }
    }

    pub(crate) fn of_file(file: &KeyFile) -> Result<Self, IdentityError> {
        let keys = file.evidence.keys()?;
        let tls = file.tls.identity()?;
        let mut ring = Self::of(&keys, &tls);
        if let Some(seed) = &file.register {
            ring.register = StatementKey::from_seed(seed.as_bytes())?;
        }
        for held in &file.later {
            ring.hold(held)?;
        }
        Ok(ring)
    }

    fn hold(&mut self, held: &HeldKey) -> Result<(), IdentityError> {
        match (held.purpose, &held.secret) {
            (Purpose::Sign, Secret::Seed(seed)) => self.sign.push(StatementKey::from_seed(seed.as_bytes())?),
            (Purpose::Sign, Secret::P256(pkcs8)) => self.sign.push(p256(pkcs8)?),
            (Purpose::Sign, Secret::Device(device)) => self.sign.push(in_device(device)?),
            (Purpose::Enc, Secret::Seed(seed)) => self.enc.push(SealingKey::from_seed(seed.as_bytes())),
            (Purpose::Log, Secret::Seed(seed)) => self.log.push(SigningKey::from_seed(seed.as_bytes())?),
            (Purpose::Witness, Secret::Seed(seed)) => {
                self.witness.push(SigningKey::from_seed(seed.as_bytes())?);
            }
            (Purpose::Tls, Secret::Tls(tls)) => self.tls.push(tls.identity()?),
            (purpose, _) => return Err(IdentityError::Unsuited(purpose)),
        }
        Ok(())
    }

    /// The key with which a steward approves registers.
    pub(crate) fn steward_key(&self, steward: &Steward) -> Result<StatementKey, IdentityError> {
        let id = steward.key.key_id();
        let held = std::iter::once(&self.register).chain(&self.sign).find(|key| key.key_id() == id);
        held.cloned().ok_or_else(|| IdentityError::NotHeld(id.short()))
    }

    /// The youngest key of a purpose.
    pub(crate) fn youngest(&self, purpose: Purpose) -> Result<RegisteredKey, IdentityError> {
        self.of_purpose(purpose)?.pop().ok_or(IdentityError::Unsuited(purpose))
    }

    /// The public halves of the keys of a purpose, in the order in which they were made.
    pub(crate) fn of_purpose(&self, purpose: Purpose) -> Result<Vec<RegisteredKey>, IdentityError> {
        Ok(match purpose {
            Purpose::Sign => self.sign.iter().map(|key| RegisteredKey::Sign(key.public())).collect(),
            Purpose::Enc => self.enc.iter().map(|key| RegisteredKey::Enc(key.public())).collect(),
            Purpose::Log => self.log.iter().map(|key| RegisteredKey::Log(key.public())).collect(),
            Purpose::Witness => self.witness.iter().map(|key| RegisteredKey::Witness(key.public())).collect(),
            Purpose::Tls => {
                let digests = self.tls.iter().map(|tls| tls.key_digest().map(RegisteredKey::Tls));
                digests.collect::<Result<_, _>>()?
            }
        })
    }

    /// The keys to use: of each purpose the youngest that all partners know; or else the oldest that is in force; or
    /// else the first, so that the node can say with it what is wrong.
    pub(crate) fn choose(
        &self,
        rank: &dyn Fn(Purpose, KeyId) -> Rank,
    ) -> Result<(Keys, TlsIdentity), IdentityError> {
        let mut places = Vec::new();
        for purpose in Purpose::ALL {
            let keys = self.of_purpose(purpose)?;
            let ranks: Vec<_> = keys.iter().map(|key| rank(purpose, key.key_id())).collect();
            let known = ranks.iter().rposition(|rank| *rank == Rank::Known);
            let place = known.or_else(|| ranks.iter().position(|rank| *rank == Rank::InForce));
            places.push(place.unwrap_or(0));
        }
        let [tls, sign, enc, log, witness] = places.as_slice() else {
            return Err(IdentityError::Unsuited(Purpose::Tls));
        };
        let missing = IdentityError::Unsuited;
        let keys = Keys {
            sign: self.sign.get(*sign).cloned().ok_or_else(|| missing(Purpose::Sign))?,
            enc: self.enc.get(*enc).cloned().ok_or_else(|| missing(Purpose::Enc))?,
            held: self.enc.clone(),
            log: self.log.get(*log).cloned().ok_or_else(|| missing(Purpose::Log))?,
            witness: self.witness.get(*witness).cloned().ok_or_else(|| missing(Purpose::Witness))?,
        };
        Ok((keys, self.tls.get(*tls).cloned().ok_or_else(|| missing(Purpose::Tls))?))
    }
}

impl HeldKey {
    /// Draws a new key for a purpose.
    pub(crate) fn draw(
        world: &World,
        administration: &Administration,
        purpose: Purpose,
        algorithm: Algorithm,
    ) -> Result<Self, IdentityError> {
        let secret = match (purpose, algorithm) {
            (Purpose::Tls, _) => Secret::Tls(TlsSecret::generate(administration)?),
            (Purpose::Sign, Algorithm::Es256) => {
                let unusable = EvidenceError::Key { what: "P-256", reason: "it cannot be made" };
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
                let pkcs8 = pair.and_then(|pair| pair.to_pkcs8v1()).map_err(|_| unusable)?;
                Secret::P256(to_hex(pkcs8.as_ref()))
            }
            _ => Secret::Seed(Seed::from_bytes(world.random())),
        };
        Ok(Self { purpose, secret })
    }
}

impl TlsSecret {
    pub(crate) fn generate(administration: &Administration) -> Result<Self, IdentityError> {
        let name = format!("{}.tidewaiter", administration.country().as_str().to_lowercase());
        let (certificate, key) = TlsIdentity::generate(&name)?;
        Ok(Self { certificate: to_hex(&certificate), key: to_hex(&key) })
    }

    pub(crate) fn identity(&self) -> Result<TlsIdentity, IdentityError> {
        let der = |text: &str| from_hex(text).ok_or(IdentityError::Unsuited(Purpose::Tls));
        Ok(TlsIdentity::new(der(&self.certificate)?, der(&self.key)?)?)
    }
}

/// A key of ES256 in this process. ECDSA needs randomness, which the cryptographic library draws itself.
struct P256(EcdsaKeyPair);

impl Signer for P256 {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], EvidenceError> {
        let failed = |reason: &str| EvidenceError::Signer { reason: reason.to_owned() };
        let signature = self.0.sign(&SystemRandom::new(), message).map_err(|_| failed("signing failed"))?;
        signature.as_ref().try_into().map_err(|_| failed("a signature has another length"))
    }
}

fn p256(pkcs8: &str) -> Result<StatementKey, IdentityError> {
    let unusable = || EvidenceError::Key { what: "P-256", reason: "it is not PKCS #8 in hexadecimal digits" };
    let der = from_hex(pkcs8).ok_or_else(unusable)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).map_err(|_| unusable())?;
    let point = pair.public_key().as_ref().get(1..).ok_or_else(unusable)?;
    let public = P256PublicKey::from_coordinates(point.try_into().map_err(|_| unusable())?)?;
    Ok(StatementKey::behind(Arc::new(P256(pair)), VerifyingKey::Es256(public)))
}

#[cfg(feature = "pkcs11")]
pub(crate) fn in_device(device: &DeviceKey) -> Result<StatementKey, IdentityError> {
    super::device::open(device)
}

#[cfg(not(feature = "pkcs11"))]
pub(crate) fn in_device(device: &DeviceKey) -> Result<StatementKey, IdentityError> {
    let reason = "this program was built without the feature `pkcs11`".to_owned();
    Err(IdentityError::Device { device: device.label.clone(), reason })
}
