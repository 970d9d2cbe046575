//! The private keys that a node holds: those that it was set up with, those that it made since, and those in devices.
//! Which of them it uses is for the key registers to say; older ones stay, as what was sealed to them may still come.

use super::file::{KeyFile, from_hex, to_hex};
use crate::clock::World;
use crate::identity::IdentityError;
use crate::tls::TlsIdentity;
use base::Administration;
use evidence::key_register::{RegisteredKey, Steward};
use evidence::{
    Algorithm, KeyId, Keys, MlDsaSigningKey, Purpose, SealingKey, Seed, SigningKey, StatementKey,
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
    /// The secret scalar of a key on P-256.
    P256(Seed),
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
    /// It is revoked somewhere: it is used nowhere.
    Revoked,
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
    /// Cosigns checkpoints beside the witness key, if the node was given one.
    pub(crate) witness_ml_dsa_44: Option<Arc<MlDsaSigningKey>>,
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
            witness_ml_dsa_44: None,
        }
    }

    pub(crate) fn of_file(file: &KeyFile) -> Result<Self, IdentityError> {
        let keys = file.evidence.keys()?;
        let tls = file.tls.identity()?;
        let mut ring = Self::of(&keys, &tls);
        if let Some(seed) = &file.register {
            ring.register = StatementKey::from_seed(seed.as_bytes())?;
        }
        if let Some(seed) = &file.witness_ml_dsa_44 {
            ring.witness_ml_dsa_44 = Some(Arc::new(MlDsaSigningKey::from_seed(seed.as_bytes())?));
        }
        for held in &file.later {
            ring.hold(held)?;
        }
        Ok(ring)
    }

    fn hold(&mut self, held: &HeldKey) -> Result<(), IdentityError> {
        match (held.purpose, &held.secret) {
            (Purpose::Sign, Secret::Seed(seed)) => self.sign.push(StatementKey::from_seed(seed.as_bytes())?),
            (Purpose::Sign, Secret::P256(scalar)) => {
                self.sign.push(StatementKey::es256_from_scalar(scalar.as_bytes())?);
            }
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
    /// else the first that is not revoked, so that the node can say with it what is wrong.
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
            let place = place.or_else(|| ranks.iter().position(|rank| *rank == Rank::Unusable));
            places.push(place.ok_or(IdentityError::AllRevoked(purpose))?);
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
            (Purpose::Sign, Algorithm::Es256) => Secret::P256(Seed::from_bytes(world.random())),
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

/// Opens a signing key in a device.
///
/// # Errors
/// When the library, the token or the key is missing, or the PIN is wrong.
#[cfg(feature = "pkcs11")]
pub fn in_device(device: &DeviceKey) -> Result<StatementKey, IdentityError> {
    super::device::open(device)
}

/// Opens a signing key in a device; this program cannot.
///
/// # Errors
/// Always: the feature `pkcs11` is missing.
#[cfg(not(feature = "pkcs11"))]
pub fn in_device(device: &DeviceKey) -> Result<StatementKey, IdentityError> {
    let reason = "this program was built without the feature `pkcs11`".to_owned();
    Err(IdentityError::Device { device: device.label.clone(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revoked_key_is_never_chosen() {
        let (first, second) =
            (StatementKey::from_seed(&[1; 32]).unwrap(), StatementKey::from_seed(&[2; 32]).unwrap());
        let log = SigningKey::from_seed(&[3; 32]).unwrap();
        let (certificate, key) = TlsIdentity::generate("gb.tidewaiter").unwrap();
        let mut ring = Ring {
            sign: vec![first.clone()],
            enc: vec![SealingKey::from_seed(&[4; 32])],
            witness: vec![SigningKey::from_seed(&[5; 32]).unwrap()],
            tls: vec![TlsIdentity::new(certificate, key).unwrap()],
            register: first.clone(),
            log: vec![log],
            witness_ml_dsa_44: None,
        };
        let rank = |_, key| if key == first.key_id() { Rank::Revoked } else { Rank::Unusable };
        assert!(matches!(ring.choose(&rank), Err(IdentityError::AllRevoked(Purpose::Sign))));
        ring.sign.push(second.clone());
        let (keys, _) = ring.choose(&rank).unwrap();
        assert_eq!(keys.sign.key_id(), second.key_id());
    }
}
