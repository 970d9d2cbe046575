//! The configuration of a node: one TOML file, with paths relative to its own folder.

use crate::files::write_private;
use crate::tls::KeyExchange;
use base::Administration;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// What `tidewaiter serve --config FILE` reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The administration that runs this node, as in `NTA.GB`.
    pub administration: Administration,
    /// Where the store is: `sqlite:PATH` or `postgres://...?schema=NAME`.
    pub store: String,
    /// The file with the node's private keys.
    pub keys: PathBuf,
    /// An exercise node takes part in exercises only; a production node refuses exercise messages.
    #[serde(default)]
    pub exercise: bool,
    /// Where the node listens.
    pub listen: Listen,
    /// How transit is carried out here.
    #[serde(default)]
    pub transit: Transit,
    /// How letters to partners are tried again.
    #[serde(default)]
    pub exchange: Exchange,
    /// The relay in front of this node, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<OwnRelay>,
    /// How the log is published and watched.
    #[serde(default)]
    pub log: LogPublication,
    /// How long content is kept.
    #[serde(default, skip_serializing_if = "Retention::is_default")]
    pub retention: Retention,
    /// Attachments: large parts of documents, which travel in chunks.
    #[serde(default)]
    pub attachments: Attachments,
    /// Signing keys in devices that may take over, by the names under which orders speak of them.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub devices: std::collections::BTreeMap<String, crate::DeviceKey>,
    /// The partners' cards.
    #[serde(default)]
    pub partners: Vec<PathBuf>,
    /// The agreements in force here.
    #[serde(default)]
    pub agreements: Vec<PathBuf>,
    /// The folder of this file; set on loading.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// How long the content of messages between administrations is kept. Their proofs are kept for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// After how many days content is erased that no open case rests on; never when this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_days: Option<u32>,
}

impl Retention {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The addresses of a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Traders and officers: HTTP. Must be a loopback address: a reverse proxy with TLS stands in front of it.
    pub api: SocketAddr,
    /// Other nodes: HTTPS with mutual TLS.
    pub peer: SocketAddr,
    /// Those who run the node: HTTP with `/health/live`, `/health/ready` and `/metrics`, without a token. Must be a
    /// loopback address, since whoever reaches it reads the metrics. When left out, they are served on `api`, where
    /// `/metrics` asks for the operator's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<SocketAddr>,
    /// How many connections to `peer` one TLS key may have open at once; 256 when left out. A partner has one for each
    /// letter and chunk under way; our own relay has one key for all partners behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections_per_key: Option<NonZeroUsize>,
    /// The address that partners use to reach `peer`, as in `https://node.customs.example:9443`.
    pub peer_address: String,
}

/// The relay in front of a node (see [`crate::relay`]).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnRelay {
    /// SHA-256 of the subject public key info of its TLS key. Who holds that key may carry what partners send; it
    /// speaks for nobody and signs nothing. It is also the key that partners register for this administration's `tls`.
    pub key: base::Digest,
    /// Where it takes what this node sends, as in `https://10.0.0.2:9444`. When left out, this node reaches its
    /// partners directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// What attachments may take of this node. One MiB is 1,048,576 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Attachments {
    /// The largest attachment that is taken, from officers and from partners.
    pub largest_mib: u64,
    /// How much the attachments of one partner that are under way to this node may take together.
    pub partner_quota_mib: u64,
    /// How many messages with attachments of one partner may be under way to this node.
    pub partner_transfers: u32,
    /// What must stay free on the disk of the store: letters and the log need it. A store in PostgreSQL is on another
    /// machine's disk, which only that machine can watch.
    pub keep_free_mib: u64,
}

impl Default for Attachments {
    fn default() -> Self {
        Self { largest_mib: 4_096, partner_quota_mib: 16_384, partner_transfers: 8, keep_free_mib: 1_024 }
    }
}

/// National choices in transit.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Transit {
    /// Who releases an accepted movement.
    pub release: Release,
    /// Who permits unloading and finds the control result at destination. By an officer, unless an administration
    /// decides otherwise: the result discharges the movement and frees its guarantee.
    pub clearance: Release,
    /// Accept guarantee references whose check digit is wrong: registers hold numbers older than the rule, and
    /// test packs use such numbers.
    pub lenient_grn_check_digit: bool,
    /// Where exchange rates to the euro come from.
    pub rates: Rates,
}

impl Default for Transit {
    fn default() -> Self {
        Self {
            release: Release::Automatic,
            clearance: Release::ByOfficer,
            lenient_grn_check_digit: false,
            rates: Rates::None,
        }
    }
}

/// Where exchange rates to the euro come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rates {
    /// There are none: only guarantees in euro can be used.
    #[default]
    None,
    /// Invented ones, for corridors on one machine.
    Illustrative,
    /// A table of currency, day and units for one euro.
    File(PathBuf),
}

/// How letters go to partners.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exchange {
    /// Milliseconds after the first failure; the wait doubles with each further one.
    pub retry_first_ms: u32,
    /// The longest wait, in milliseconds.
    pub retry_longest_ms: u32,
    /// Which key exchange the channel to partners accepts.
    pub key_exchange: KeyExchange,
    /// Milliseconds for which a partner is left alone after five failures in a row; the rest doubles with each failed
    /// trial.
    pub rest_first_ms: u32,
    /// The longest rest, in milliseconds.
    pub rest_longest_ms: u32,
    /// How many letters may wait for one partner. When as many wait, new documents are refused unless they are urgent;
    /// what procedures send is never refused.
    pub queue_letters: u32,
    /// How many MiB of content may wait for one partner.
    pub queue_megabytes: u32,
    /// At how many percent of either there is an alarm.
    pub queue_warn_percent: u32,
    /// After how many hours a waiting letter is an alarm.
    pub oldest_warn_hours: u32,
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            retry_first_ms: 1_000,
            retry_longest_ms: 300_000,
            rest_first_ms: 5_000,
            rest_longest_ms: 120_000,
            queue_letters: 2_000_000,
            queue_megabytes: 10_240,
            queue_warn_percent: 50,
            oldest_warn_hours: 24,
            key_exchange: KeyExchange::HybridPreferred,
        }
    }
}

/// How the node's log is published, and how often what partners saw is compared.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogPublication {
    /// A checkpoint is signed after so many milliseconds, if the log has grown.
    pub checkpoint_ms: u32,
    /// A checkpoint is signed earlier when so many entries have come since the last one.
    pub checkpoint_leaves: u32,
    /// What partners were shown of each log is compared after so many seconds.
    pub monitor_seconds: u32,
    /// Cosign partners' checkpoints with ML-DSA-44 too; the key file must have a key for it.
    pub cosign_ml_dsa_44: bool,
    /// The ML-DSA-44 keys of partners as witnesses, as verifier keys of C2SP `signed-note`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub witness_keys: Vec<String>,
}

impl Default for LogPublication {
    fn default() -> Self {
        Self {
            checkpoint_ms: 1_000,
            checkpoint_leaves: 8_192,
            monitor_seconds: 30,
            cosign_ml_dsa_44: false,
            witness_keys: Vec::new(),
        }
    }
}

/// Who releases an accepted movement for transit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Release {
    /// The system does at once, unless an officer has put the movement under control.
    #[default]
    Automatic,
    /// Every movement waits for an officer's decision.
    ByOfficer,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read `{0}`: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// The file is no valid configuration.
    #[error("`{0}`: {1}")]
    Malformed(PathBuf, String),
    /// A port would be open to the network without TLS.
    #[error(
        "`{0}` is `{1}`, which is not a loopback address: bind it to 127.0.0.1 and put a TLS proxy in front"
    )]
    OpenToNetwork(&'static str, SocketAddr),
}

impl Config {
    /// Reads and checks a configuration.
    ///
    /// # Errors
    /// When the file is missing or malformed, or would open a port to the network without TLS.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable(path.to_owned(), error))?;
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            ConfigError::Malformed(path.to_owned(), error.to_string().trim_end().to_owned())
        })?;
        let plain =
            [("listen.api", Some(config.listen.api)), ("listen.operations", config.listen.operations)];
        for (name, address) in plain {
            if let Some(open) = address.filter(|address| !address.ip().is_loopback()) {
                return Err(ConfigError::OpenToNetwork(name, open));
            }
        }
        config.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(config)
    }

    /// Writes the configuration as TOML, readable by its owner only.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), ConfigError> {
        let text = toml::to_string_pretty(self)
            .map_err(|error| ConfigError::Malformed(path.to_owned(), error.to_string()))?;
        // The store's URL may hold a password.
        write_private(path, text.as_bytes()).map_err(|error| ConfigError::Unreadable(path.to_owned(), error))
    }

    /// A path of the configuration, taken from the configuration's own folder.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The store's location with its path taken from the configuration's folder.
    pub fn store_location(&self) -> String {
        match self.store.strip_prefix("sqlite:") {
            Some(path) => format!("sqlite:{}", self.resolve(Path::new(path)).display()),
            None => self.store.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What loading says of a configuration that listens at these addresses.
    fn loaded(api: &str, operations: &str) -> Result<Config, ConfigError> {
        let folder = std::env::temp_dir();
        let path = folder.join(format!("tidewaiter-config-{}-{api}-{operations}.toml", std::process::id()));
        let operations =
            if operations.is_empty() { String::new() } else { format!("operations = \"{operations}\"\n") };
        let text = format!(
            "administration = \"NTA.GB\"\nstore = \"sqlite:node.db\"\nkeys = \"keys.json\"\n[listen]\napi = \"{api}\"\n\
             peer = \"0.0.0.0:9443\"\n{operations}peer_address = \"https://node.example:9443\"\n"
        );
        std::fs::write(&path, text).unwrap();
        let loaded = Config::load(&path);
        std::fs::remove_file(path).unwrap();
        loaded
    }

    #[test]
    fn plain_ports_listen_on_loopback_only() {
        assert_eq!(loaded("127.0.0.1:8080", "").unwrap().listen.operations, None);
        assert!(loaded("[::1]:8080", "127.0.0.1:8081").unwrap().listen.operations.is_some());
        for (api, operations, named) in
            [("0.0.0.0:8080", "", "listen.api"), ("127.0.0.1:8080", "10.0.0.1:8081", "listen.operations")]
        {
            let refused = loaded(api, operations).unwrap_err().to_string();
            assert!(refused.starts_with(&format!("`{named}` is ")), "{refused}");
        }
    }
}
