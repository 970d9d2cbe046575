//! The configuration of a relay: one TOML file, with paths relative to its own folder.

use crate::files::write_private;
use crate::identity::{IdentityError, PartnerCard};
use crate::tls::{KeyExchange, TlsError};
use base::{Administration, Digest};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What `tidewaiter relay --config FILE` reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayConfig {
    /// The administration whose front this is.
    pub administration: Administration,
    /// The file with the relay's TLS key, the only key it has.
    pub key: PathBuf,
    /// The folder with the cards of the partners that may pass: the relay's list. It is read again every few seconds.
    pub partners: PathBuf,
    /// Which key exchange the channels accept.
    #[serde(default)]
    pub key_exchange: KeyExchange,
    /// Where the relay listens.
    pub listen: RelayListen,
    /// The node behind.
    pub inner: Inner,
    /// What bounds the traffic.
    #[serde(default)]
    pub limits: Limits,
    /// The folder of this file; set on loading.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// The addresses of a relay.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayListen {
    /// Partners' nodes, from the outside.
    pub partners: SocketAddr,
    /// The node behind, from the inside, for what it sends.
    pub inner: SocketAddr,
    /// Those who run it: HTTP with `/health/live` and `/metrics`, without a token. Must be a loopback address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<SocketAddr>,
}

/// The node behind the relay.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inner {
    /// The address of its port for partners, as in `https://10.0.0.5:9443`.
    pub address: String,
    /// SHA-256 of the subject public key info of its TLS key.
    pub key: Digest,
}

/// What bounds the traffic through a relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The longest request, in bytes.
    pub request_bytes: usize,
    /// How many requests each partner may make in a minute.
    pub requests_per_minute: u32,
    /// How many it may make at once after a silence.
    pub burst: u32,
    /// How many MiB of requests may be under way at once: the relay's memory grows by no more.
    pub memory_mib: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { request_bytes: 32 * 1024 * 1024, requests_per_minute: 60_000, burst: 2_000, memory_mib: 256 }
    }
}

/// Why a relay cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// A file cannot be read or written.
    #[error("cannot use `{0}`: {1}")]
    File(PathBuf, std::io::Error),
    /// A file has another form than it must.
    #[error("`{0}`: {1}")]
    Malformed(PathBuf, String),
    /// The folder already holds a relay.
    #[error("`{0}` already holds a relay: choose another folder, or remove this one")]
    Occupied(PathBuf),
    /// A port would be open to the network without TLS.
    #[error("`listen.operations` is `{0}`, which is not a loopback address: bind it to 127.0.0.1")]
    OpenToNetwork(SocketAddr),
    /// A limit with which nothing can pass.
    #[error("`limits.{0}` lets nothing through: give a larger number, or leave it out")]
    Limit(&'static str),
    /// A card.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl RelayConfig {
    /// Reads and checks a configuration.
    ///
    /// # Errors
    /// When the file is missing or malformed, or would open a plain port to the network.
    pub fn load(path: &Path) -> Result<Self, RelayError> {
        let text = std::fs::read_to_string(path).map_err(|error| RelayError::File(path.to_owned(), error))?;
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            RelayError::Malformed(path.to_owned(), error.to_string().trim_end().to_owned())
        })?;
        if let Some(open) = config.listen.operations.filter(|address| !address.ip().is_loopback()) {
            return Err(RelayError::OpenToNetwork(open));
        }
        if config.limits.request_bytes == 0 {
            return Err(RelayError::Limit("request_bytes"));
        }
        if config.limits.memory_mib.saturating_mul(1024 * 1024) < config.limits.request_bytes {
            return Err(RelayError::Limit("memory_mib"));
        }
        config.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(config)
    }

    /// Writes the configuration as TOML.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), RelayError> {
        let text = toml::to_string_pretty(self)
            .map_err(|error| RelayError::Malformed(path.to_owned(), error.to_string()))?;
        write_private(path, text.as_bytes()).map_err(|error| RelayError::File(path.to_owned(), error))
    }

    /// A path of the configuration, taken from the configuration's own folder.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The partners' cards: every `.json` file of their folder, in the order of the names.
    ///
    /// # Errors
    /// When the folder or a card cannot be read.
    pub fn partner_cards(&self) -> Result<Vec<PartnerCard>, RelayError> {
        let folder = self.resolve(&self.partners);
        let failed = |error| RelayError::File(folder.clone(), error);
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
        paths.sort();
        paths.iter().map(|path| Ok(PartnerCard::load(path)?)).collect()
    }
}
