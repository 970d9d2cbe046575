//! Cosigning with ML-DSA-44, which a quantum computer cannot forge, beside the witness key. It is off unless the
//! configuration turns it on.
//!
//! The keys are in no register and on no card: 1312 bytes each, they are told partners as the verifier key of C2SP
//! `signed-note`, and entered in their configuration.

use super::file;
use super::passphrase::Passphrase;
use crate::clock::World;
use crate::config::{Config, LogPublication};
use crate::identity::{Identity, IdentityError};
use base::Administration;
use evidence::{MlDsaSigningKey, Seed, SignatureType, Witness, witness_name};
use std::sync::Arc;

/// Whether this node cosigns with ML-DSA-44, and the witnesses that it knows to do so.
#[derive(Clone, Debug, Default)]
pub struct MlDsaWitnessing {
    cosigns: bool,
    witnesses: Arc<[Witness]>,
}

impl MlDsaWitnessing {
    /// As a configuration has it.
    ///
    /// # Errors
    /// When a verifier key is malformed or of another kind, or the key file has no key to cosign with.
    pub(crate) fn of(config: &LogPublication, identity: &Identity) -> Result<Self, IdentityError> {
        if config.cosign_ml_dsa_44 && identity.ring.witness_ml_dsa_44.is_none() {
            return Err(IdentityError::NoMlDsaKey);
        }
        let witnesses = config.witness_keys.iter().map(|text| {
            let refused = |reason: String| IdentityError::WitnessKey(text.chars().take(60).collect(), reason);
            let witness = Witness::from_verifier_key(text).map_err(|error| refused(error.to_string()))?;
            match witness.signature_type() {
                SignatureType::MlDsa44Cosignature => Ok(witness),
                _ => Err(refused(
                    "Ed25519 keys of witnesses are in cards and key registers: give ML-DSA-44".into(),
                )),
            }
        });
        Ok(Self { cosigns: config.cosign_ml_dsa_44, witnesses: witnesses.collect::<Result<_, _>>()? })
    }

    /// The key to cosign with, if this node does.
    pub(crate) fn key<'i>(&self, identity: &'i Identity) -> Option<&'i MlDsaSigningKey> {
        identity.ring.witness_ml_dsa_44.as_deref().filter(|_| self.cosigns)
    }

    /// A partner as a witness with its ML-DSA-44 keys.
    pub(crate) fn of_partner(&self, partner: &Administration) -> impl Iterator<Item = Witness> {
        let name = witness_name(partner);
        self.witnesses.iter().filter(move |witness| witness.name() == name).cloned()
    }
}

/// Makes the ML-DSA-44 key of a stopped node, unless it has one, and gives its verifier key.
///
/// # Errors
/// When the key file cannot be read or written.
pub fn ml_dsa_witness_key(config: &Config, passphrase: Option<Passphrase>) -> Result<String, IdentityError> {
    let path = config.resolve(&config.keys);
    let (mut file, _) = file::read(&path, passphrase.as_ref())?;
    let seed = match &file.witness_ml_dsa_44 {
        Some(seed) => seed.clone(),
        None => {
            let world = World::system();
            let seed = Seed::from_bytes(world.random());
            file.witness_ml_dsa_44 = Some(seed.clone());
            file::replace(&path, &file, &world, passphrase.as_ref())?;
            seed
        }
    };
    let key = MlDsaSigningKey::from_seed(seed.as_bytes())?;
    Ok(Witness::ml_dsa_44(&witness_name(&config.administration), key.public().clone())?.verifier_key())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_sealed_with_the_others() {
        let folder = std::env::temp_dir().join(format!("tidewaiter-ml-dsa-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let (config, keys) = (folder.join("tidewaiter.toml"), folder.join("keys.json"));
        let text = "administration = \"NTA.FR\"\nstore = \"sqlite:node.db\"\nkeys = \"keys.json\"\n[listen]\n\
                    api = \"127.0.0.1:1\"\npeer = \"127.0.0.1:2\"\npeer_address = \"https://fr.example:9443\"\n";
        std::fs::write(&config, text).unwrap();
        let config = Config::load(&config).unwrap();
        let passphrase = || Some(Passphrase::from("correct horse battery".to_owned()));
        Identity::create(&World::system(), &config.administration, &keys, passphrase()).unwrap();
        let key = ml_dsa_witness_key(&config, passphrase()).unwrap();
        assert!(key.starts_with("tidewaiter.example/FR/witness+"), "{key}");
        assert_eq!(ml_dsa_witness_key(&config, passphrase()).unwrap(), key);
        assert!(matches!(ml_dsa_witness_key(&config, None), Err(IdentityError::PassphraseNeeded(_))));
        let text = std::fs::read_to_string(&keys).unwrap();
        assert!(text.contains("argon2id") && !text.contains("ml_dsa"), "{text}");

        let identity = Identity::load_with(&keys, passphrase()).unwrap();
        let off = MlDsaWitnessing::of(&config.log, &identity).unwrap();
        assert!(off.key(&identity).is_none(), "a key alone turns nothing on");
        let on = LogPublication { cosign_ml_dsa_44: true, ..config.log };
        assert!(MlDsaWitnessing::of(&on, &identity).unwrap().key(&identity).is_some());
        let _ = std::fs::remove_dir_all(&folder);
    }
}
