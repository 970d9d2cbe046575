//! Who a node is: its private keys on disk, and the card by which partners know it.

use crate::clock::World;
use crate::config::Config;
use crate::keys::file::{self, KeyFile};
use crate::keys::passphrase::{Passphrase, PassphraseError};
use crate::keys::ring::{Rank, Ring, TlsSecret};
use crate::tls::{TlsError, TlsIdentity};
use base::{Administration, Digest};
use evidence::key_register::RegisteredKey;
use evidence::{EvidenceError, KeySet, Keys, PublicKeys, Purpose, Seed, StatementKey};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How long the keys of a new node are valid: two years, as long as certificates of its kind usually are.
const VALIDITY_SECONDS: i64 = 2 * 365 * 24 * 3600;

/// Why the keys or cards of a node cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read or written.
    #[error("cannot use `{0}`: {1}")]
    File(PathBuf, std::io::Error),
    /// A file has another form than it must.
    #[error("`{0}`: {1}")]
    Malformed(PathBuf, String),
    /// The key file is sealed and no passphrase was given.
    #[error("`{0}` is sealed: give its passphrase")]
    PassphraseNeeded(PathBuf),
    /// The passphrase does not open the key file.
    #[error("`{0}` does not open: the passphrase is wrong, or the file was altered")]
    WrongPassphrase(PathBuf),
    /// There is no passphrase where one was named, or it is too short.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// A key does not suit its purpose.
    #[error("the key file's key for {0} is of a kind that cannot serve it")]
    Unsuited(Purpose),
    /// No key of a purpose may be used any more.
    #[error(
        "every key for {0} in the key file is revoked: put the key file in place that has the one which follows"
    )]
    AllRevoked(Purpose),
    /// A key that is needed is not in the key file.
    #[error("the key `{0}` is not in the key file")]
    NotHeld(String),
    /// A key in a device cannot be used.
    #[error("the key `{device}` in the device: {reason}")]
    Device {
        /// The label of the key.
        device: String,
        /// The reason.
        reason: String,
    },
    /// The node is to cosign with ML-DSA-44 and cannot.
    #[error(
        "`log.cosign_ml_dsa_44` is on and the key file has no such key: make one with `tidewaiter key witness-ml-dsa-44`"
    )]
    NoMlDsaKey,
    /// A witness's key in the configuration is not usable.
    #[error("`log.witness_keys`: `{0}`: {1}")]
    WitnessKey(String, String),
    /// A key is unusable.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// TLS keys are unusable.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What partners are given: public keys, and where the node is reached. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartnerCard {
    /// The node's address for partners, as in `https://node.customs.example:9443`.
    pub address: String,
    /// The public keys.
    pub keys: PublicKeys,
}

/// The card that a node gives to partners now, and what stands behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCard {
    /// The card, with the keys that the node uses. Where a relay stands in front, the card has the relay's TLS key: that is
    /// the key which partners meet. The address is that of the configuration, which is then the relay's.
    pub card: PartnerCard,
    /// The TLS key that the node itself uses: SHA-256 of its subject public key info.
    pub tls: Digest,
}

/// The keys of this node, ready for use.
#[derive(Clone)]
pub struct Identity {
    /// The evidence keys that it uses now.
    pub keys: Keys,
    /// The TLS certificate and key that it uses now.
    pub tls: TlsIdentity,
    /// The public keys that it was set up with.
    pub card: PublicKeys,
    /// All keys that it holds.
    pub ring: Ring,
    /// The passphrase under which the key file is sealed.
    pub(crate) passphrase: Option<Passphrase>,
}

impl Identity {
    /// Draws new keys for `administration` and writes them to `path`, which must not exist; sealed when there is a
    /// passphrase.
    ///
    /// # Errors
    /// When the file exists or cannot be written, or a key cannot be made.
    pub fn create(
        world: &World,
        administration: &Administration,
        path: &Path,
        passphrase: Option<Passphrase>,
    ) -> Result<Self, IdentityError> {
        let tls = TlsSecret::generate(administration)?;
        let evidence = KeySet::draw(&mut |bytes| world.entropy.fill(bytes));
        let register = Seed::from_bytes(world.random());
        let now = world.clock.now();
        let mut card = evidence.keys()?.card(
            administration.clone(),
            tls.identity()?.key_digest()?,
            now.plus_seconds(-300),
            now.plus_seconds(VALIDITY_SECONDS),
        )?;
        card.register = Some(StatementKey::from_seed(register.as_bytes())?.public());
        let file = KeyFile {
            evidence,
            tls,
            card,
            register: Some(register),
            witness_ml_dsa_44: None,
            later: Vec::new(),
        };
        file::create(path, &file, world, passphrase.as_ref())?;
        Self::of_file(&file, passphrase)
    }

    /// Reads the keys from `path`, with the passphrase that the process was given.
    ///
    /// # Errors
    /// When the file is missing or malformed, or is sealed under another passphrase.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        Self::load_with(path, Passphrase::from_process()?)
    }

    /// Reads the keys from `path`.
    ///
    /// # Errors
    /// When the file is missing or malformed, or is sealed under another passphrase.
    pub fn load_with(path: &Path, passphrase: Option<Passphrase>) -> Result<Self, IdentityError> {
        let (file, _) = file::read(path, passphrase.as_ref())?;
        Self::of_file(&file, passphrase)
    }

    pub(crate) fn of_file(file: &KeyFile, passphrase: Option<Passphrase>) -> Result<Self, IdentityError> {
        let ring = Ring::of_file(file)?;
        let (keys, tls) = ring.choose(&|_, _| Rank::Unusable)?;
        Ok(Self { keys, tls, card: file.card.clone(), ring, passphrase })
    }

    /// The keys with which a node of a simulation works.
    pub fn of(keys: Keys, tls: TlsIdentity, card: PublicKeys) -> Self {
        let ring = Ring::of(&keys, &tls);
        Self { keys, tls, card, ring, passphrase: None }
    }
}

impl PartnerCard {
    /// This card with the youngest TLS key of the key file, which may not be in use yet; behind a relay partners never
    /// meet that key, and the card stays as it is.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn with_rotated_tls(mut self, config: &Config, identity: &Identity) -> Result<Self, IdentityError> {
        if config.relay.is_none()
            && let RegisteredKey::Tls(youngest) = identity.ring.youngest(Purpose::Tls)?
        {
            self.keys.tls_spki = youngest;
        }
        Ok(self)
    }

    /// Reads and checks a card.
    ///
    /// # Errors
    /// When the file is missing or malformed, or a key is unusable.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        let json = std::fs::read(path).map_err(|error| IdentityError::File(path.to_owned(), error))?;
        let card: Self = serde_json::from_slice(&json)
            .map_err(|error| IdentityError::Malformed(path.to_owned(), error.to_string()))?;
        card.keys.validate()?;
        Ok(card)
    }

    /// Writes the card.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), IdentityError> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|error| IdentityError::Malformed(path.to_owned(), error.to_string()))?;
        std::fs::write(path, json + "\n").map_err(|error| IdentityError::File(path.to_owned(), error))
    }
}
