//! Who a node is: its private keys on disk, and the card by which partners know it.

use crate::clock::World;
use crate::config::Config;
use crate::files::create_private;
use crate::tls::{TlsError, TlsIdentity};
use base::Administration;
use evidence::{EvidenceError, KeySet, Keys, PublicKeys};
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
    /// A key is unusable.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// TLS keys are unusable.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The private keys of a node, as its key file holds them. The file is readable by its owner only.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    evidence: KeySet,
    tls: TlsFile,
    card: PublicKeys,
}

/// Certificate and key of the TLS identity, DER as hexadecimal digits.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsFile {
    certificate: String,
    key: String,
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

/// The keys of this node, ready for use.
pub struct Identity {
    /// Evidence keys.
    pub keys: Keys,
    /// TLS certificate and key.
    pub tls: TlsIdentity,
    /// This node's own public keys.
    pub card: PublicKeys,
}

impl Identity {
    /// Draws new keys for `administration` and writes them to `path`, which must not exist.
    ///
    /// # Errors
    /// When the file exists or cannot be written, or a key cannot be made.
    pub fn create(
        world: &World,
        administration: &Administration,
        path: &Path,
    ) -> Result<Self, IdentityError> {
        let name = format!("{}.tidewaiter", administration.country().as_str().to_lowercase());
        let (certificate, key) = TlsIdentity::generate(&name)?;
        let evidence = KeySet::draw(&mut |bytes| world.entropy.fill(bytes));
        let tls = TlsIdentity::new(certificate.clone(), key.clone())?;
        let now = world.clock.now();
        let card = evidence.keys()?.card(
            administration.clone(),
            tls.key_digest()?,
            now.plus_seconds(-300),
            now.plus_seconds(VALIDITY_SECONDS),
        )?;
        let file =
            KeyFile { evidence, tls: TlsFile { certificate: to_hex(&certificate), key: to_hex(&key) }, card };
        write_secret(path, &file)?;
        Self::from_file(path, file)
    }

    /// Reads the keys from `path`.
    ///
    /// # Errors
    /// When the file is missing or malformed.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        let json = std::fs::read(path).map_err(|error| IdentityError::File(path.to_owned(), error))?;
        let file = serde_json::from_slice(&json)
            .map_err(|error| IdentityError::Malformed(path.to_owned(), error.to_string()))?;
        Self::from_file(path, file)
    }

    fn from_file(path: &Path, file: KeyFile) -> Result<Self, IdentityError> {
        let der = |text: &str| {
            from_hex(text).ok_or_else(|| {
                IdentityError::Malformed(
                    path.to_owned(),
                    "TLS certificate and key must be hexadecimal".into(),
                )
            })
        };
        Ok(Self {
            keys: file.evidence.keys()?,
            tls: TlsIdentity::new(der(&file.tls.certificate)?, der(&file.tls.key)?)?,
            card: file.card,
        })
    }
}

impl PartnerCard {
    /// The card that this node gives to partners. Where a relay stands in front, the card has the relay's TLS key: that is
    /// the key which partners meet. The address is that of the configuration, which is then the relay's.
    pub fn own(config: &Config, identity: &Identity) -> Self {
        let relay = config.relay.as_ref().map(|relay| relay.key);
        let tls_spki = relay.unwrap_or(identity.card.tls_spki);
        let keys = PublicKeys { tls_spki, ..identity.card.clone() };
        Self { address: config.listen.peer_address.clone(), keys }
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

fn write_secret(path: &Path, file: &KeyFile) -> Result<(), IdentityError> {
    let json = serde_json::to_vec_pretty(file)
        .map_err(|error| IdentityError::Malformed(path.to_owned(), error.to_string()))?;
    // Keys that exist are never overwritten, and the file is born unreadable to others.
    create_private(path, &json).map_err(|error| IdentityError::File(path.to_owned(), error))
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_reads_back_and_refuses_the_rest() {
        assert_eq!(from_hex(&to_hex(&[0, 7, 255])), Some(vec![0, 7, 255]));
        assert_eq!([from_hex("0"), from_hex("0g"), from_hex("é0")], [None, None, None]);
    }
}
