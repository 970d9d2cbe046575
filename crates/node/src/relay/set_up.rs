//! Setting up a relay: its key and its configuration.

use super::config::{Inner, Limits, RelayConfig, RelayError, RelayListen};
use crate::files::{create_private, make_private_folder};
use crate::keys::file::{from_hex, to_hex};
use crate::tls::{KeyExchange, TlsIdentity};
use base::{Administration, Digest};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What a new relay is to be.
#[derive(Clone, Debug)]
pub struct RelaySetUp {
    /// The folder that takes everything.
    pub folder: PathBuf,
    /// Whose front it is.
    pub administration: Administration,
    /// Where partners reach it.
    pub partners: SocketAddr,
    /// Where the node behind reaches it.
    pub inner: SocketAddr,
    /// The address of the port for partners of the node behind.
    pub inner_address: String,
    /// SHA-256 of the subject public key info of that node's TLS key.
    pub inner_key: Digest,
}

/// The TLS key of a relay.
pub struct RelayKeys {
    pub(super) tls: TlsIdentity,
}

/// The key file: certificate and PKCS #8 key, DER as hexadecimal digits. It is readable by its owner only.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    certificate: String,
    key: String,
}

impl RelayKeys {
    /// Reads the key file.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn load(path: &Path) -> Result<Self, RelayError> {
        let json = std::fs::read(path).map_err(|error| RelayError::File(path.to_owned(), error))?;
        let malformed =
            |error: &dyn std::fmt::Display| RelayError::Malformed(path.to_owned(), error.to_string());
        let file: KeyFile = serde_json::from_slice(&json).map_err(|error| malformed(&error))?;
        let der =
            |text: &str| from_hex(text).ok_or_else(|| malformed(&"certificate and key must be hexadecimal"));
        Ok(Self { tls: TlsIdentity::new(der(&file.certificate)?, der(&file.key)?)? })
    }

    /// SHA-256 of the subject public key info, which partners register for `tls`.
    ///
    /// # Errors
    /// When the certificate is malformed.
    pub fn digest(&self) -> Result<Digest, RelayError> {
        Ok(self.tls.key_digest()?)
    }
}

/// Sets up a relay: draws its key and writes its configuration. Returns the configuration's path and the key's digest.
///
/// # Errors
/// When the folder holds a relay already, or something cannot be written.
pub fn initialise(set_up: &RelaySetUp) -> Result<(PathBuf, Digest), RelayError> {
    let folder = &set_up.folder;
    let config_path = folder.join("relay.toml");
    if config_path.exists() {
        return Err(RelayError::Occupied(folder.clone()));
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| RelayError::File(path, error)
    };
    let partners = folder.join("partners");
    make_private_folder(&partners).map_err(failed(&partners))?;
    let key_path = folder.join("relay-key.json");
    if !key_path.exists() {
        let name = format!("relay.{}.tidewaiter", set_up.administration.country().as_str().to_lowercase());
        let (certificate, key) = TlsIdentity::generate(&name)?;
        let file = KeyFile { certificate: to_hex(&certificate), key: to_hex(&key) };
        let json = serde_json::to_vec_pretty(&file)
            .map_err(|error| RelayError::Malformed(key_path.clone(), error.to_string()))?;
        create_private(&key_path, &json).map_err(failed(&key_path))?;
    }
    let digest = RelayKeys::load(&key_path)?.digest()?;
    let config = RelayConfig {
        administration: set_up.administration.clone(),
        key: PathBuf::from("relay-key.json"),
        partners: PathBuf::from("partners"),
        key_exchange: KeyExchange::default(),
        listen: RelayListen { partners: set_up.partners, inner: set_up.inner, operations: None },
        inner: Inner { address: set_up.inner_address.clone(), key: set_up.inner_key },
        limits: Limits::default(),
        folder: folder.clone(),
    };
    config.save(&config_path)?;
    Ok((config_path, digest))
}
