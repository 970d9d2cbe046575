//! Setting up a node: keys, configuration, database, first principals; and joining it to a corridor.

use crate::clock::World;
use crate::config::{Config, ConfigError, Exchange, Listen, LogPublication, Rates, Release, Transit};
use crate::files::make_private_folder;
use crate::identity::{Identity, IdentityError, PartnerCard};
use crate::keys::passphrase::Passphrase;
use crate::principals::{self, PrincipalError, Role};
use crate::reference::{self, ReferenceError};
use crate::schema::MIGRATIONS;
use base::{Administration, Digest, Eori};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use store::{Execution, Location, Store, StoreError, Tx, settings};

#[cfg(test)]
mod tests;

/// What a new node is to be. The location of the store may hold a password, so it is not shown.
#[derive(Clone)]
pub struct SetUp {
    /// The folder that takes everything.
    pub folder: PathBuf,
    /// Whose node it is.
    pub administration: Administration,
    /// The store, as in [`Config::store`].
    pub store: String,
    /// Where traders and officers reach it.
    pub api: SocketAddr,
    /// Where partners reach it.
    pub peer: SocketAddr,
    /// Set it up for a corridor on one machine: officers release, and guarantee references with a wrong check digit
    /// are accepted, since test declarations carry such.
    pub corridor_defaults: bool,
    /// Reference data to load and activate at once.
    pub reference: Option<PathBuf>,
}

/// A node that has been set up. The tokens and the password are shown once and stored only as digests.
#[derive(Clone)]
pub struct Prepared {
    /// Its configuration.
    pub config: PathBuf,
    /// Its partner card.
    pub card: PathBuf,
    /// The address of its API.
    pub api: String,
    /// The location of its store.
    pub store: String,
    /// The operator's token.
    pub operator_token: String,
    /// The officer's token.
    pub officer_token: String,
    /// The officer's password for the console.
    pub officer_password: String,
    /// A trader's token.
    pub trader_token: String,
}

impl std::fmt::Debug for Prepared {
    /// Without any secret: neither tokens, nor the password, nor the store's location, which may hold one.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Prepared")
            .field("config", &self.config)
            .field("card", &self.card)
            .field("api", &self.api)
            .finish_non_exhaustive()
    }
}

/// Why a node cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// A folder or file cannot be made.
    #[error("cannot write to `{0}`: {1}")]
    File(PathBuf, std::io::Error),
    /// The folder already holds a node.
    #[error("`{0}` already holds a node: choose another folder, or remove this one")]
    Occupied(PathBuf),
    /// The store already holds a node.
    #[error("the store already holds another node: choose another store or schema")]
    OccupiedStore,
    /// The folder holds the keys of another administration.
    #[error("`{path}` holds the keys of `{keys}`: choose another folder, or remove it")]
    OtherKeys {
        /// The key file.
        path: PathBuf,
        /// Whose keys it holds.
        keys: Administration,
    },
    /// Keys or cards.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Principals.
    #[error(transparent)]
    Principal(#[from] PrincipalError),
    /// The agreement between the parties cannot be drawn up.
    #[error("cannot draw up the agreement: {0}")]
    Agreement(String),
    /// Reference data.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

/// Sets up a node: keys, configuration, partner card, database, an operator, an officer and a trader.
///
/// What can fail for reasons outside comes first, and the configuration, which makes the folder a node, comes last. So
/// an attempt that failed on its way is simply repeated; keys and store that it left behind are taken up again.
///
/// # Errors
/// When the folder or the store already holds a node, or something cannot be written.
pub fn initialise(set_up: &SetUp) -> Result<Prepared, SetUpError> {
    let world = World::system();
    let folder = &set_up.folder;
    let (config_path, card_path) = (folder.join("tidewaiter.toml"), folder.join("card.json"));
    if config_path.exists() {
        return Err(SetUpError::Occupied(folder.clone()));
    }
    let catalogue = set_up.reference.as_deref().map(reference::read_catalogue).transpose()?;
    let config = configuration(set_up);
    make_private_folder(folder).map_err(|error| SetUpError::File(folder.clone(), error))?;
    let store = open_store(&config)?;
    let identity = own_identity(&world, set_up, &config)?;
    let password = Digest(world.random()).to_string().chars().take(16).collect::<String>();
    let tokens = store.write({
        let (world, password, keys) = (world.clone(), password.clone(), identity.card.fingerprint());
        move |tx| -> Result<[String; 3], SetUpError> {
            claim(tx, &keys)?;
            if let Some(catalogue) = &catalogue {
                reference::store_catalogue(tx, catalogue, world.clock.now())?;
            }
            let [operator, officer, trader] = FIRST;
            Ok([
                principals::register(tx, &world, operator.0, operator.1, "")?,
                principals::register(tx, &world, officer.0, officer.1, &password)?,
                principals::register(tx, &world, trader.0, trader.1, "")?,
            ])
        }
    });
    store.close();
    let [operator_token, officer_token, trader_token] = tokens?;
    let address = config.listen.peer_address.clone();
    PartnerCard { address, keys: identity.card }.save(&card_path)?;
    config.save(&config_path)?;
    Ok(Prepared {
        store: config.store_location(),
        config: config_path,
        card: card_path,
        api: format!("http://{}", set_up.api),
        operator_token,
        officer_token,
        officer_password: password,
        trader_token,
    })
}

fn configuration(set_up: &SetUp) -> Config {
    Config {
        administration: set_up.administration.clone(),
        store: set_up.store.clone(),
        keys: PathBuf::from("keys.json"),
        exercise: false,
        listen: Listen {
            api: set_up.api,
            peer: set_up.peer,
            operations: None,
            connections_per_key: None,
            peer_address: format!("https://{}", set_up.peer),
        },
        transit: Transit {
            release: if set_up.corridor_defaults { Release::ByOfficer } else { Release::Automatic },
            clearance: Release::ByOfficer,
            lenient_grn_check_digit: set_up.corridor_defaults,
            rates: if set_up.corridor_defaults { Rates::Illustrative } else { Rates::None },
        },
        exchange: if set_up.corridor_defaults {
            // On one machine a partner that is away is being started again.
            Exchange { retry_first_ms: 100, retry_longest_ms: 2_000, ..Exchange::default() }
        } else {
            Exchange::default()
        },
        relay: None,
        retention: crate::config::Retention::default(),
        devices: std::collections::BTreeMap::new(),
        log: LogPublication::default(),
        attachments: crate::config::Attachments::default(),
        partners: Vec::new(),
        agreements: Vec::new(),
        folder: set_up.folder.clone(),
    }
}

/// The keys that an earlier attempt has drawn, or new ones; the file is sealed if the process was given a passphrase.
fn own_identity(world: &World, set_up: &SetUp, config: &Config) -> Result<Identity, SetUpError> {
    let path = config.resolve(&config.keys);
    let passphrase = Passphrase::from_process().map_err(IdentityError::from)?;
    let passphrase = passphrase.map(Passphrase::for_sealing).transpose().map_err(IdentityError::from)?;
    if !path.exists() {
        return Ok(Identity::create(world, &set_up.administration, &path, passphrase)?);
    }
    let identity = Identity::load_with(&path, passphrase)?;
    if identity.card.administration != set_up.administration {
        return Err(SetUpError::OtherKeys { path, keys: identity.card.administration });
    }
    Ok(identity)
}

/// The first principals of a node.
const FIRST: [(&str, Role); 3] =
    [("operator", Role::Operator), ("officer", Role::Officer), ("trader", Role::Trader)];

/// The setting that says for which keys a store was set up.
const CLAIMED_FOR: &str = "setup/keys";

/// Claims a store for the node with these keys. The principals of an earlier attempt make room, since nobody was told
/// their tokens.
fn claim(tx: &mut dyn Tx, keys: &str) -> Result<(), SetUpError> {
    match settings::get(tx, CLAIMED_FOR)? {
        Some(claimed) if claimed == keys.as_bytes() => {
            for (name, _) in FIRST {
                tx.execute("DELETE FROM principals WHERE name = ?1", &[name.into()])?;
            }
            Ok(())
        }
        Some(_) => Err(SetUpError::OccupiedStore),
        None if !tx.query("SELECT 1 FROM principals LIMIT 1", &[])?.is_empty() => {
            Err(SetUpError::OccupiedStore)
        }
        None => Ok(settings::put(tx, CLAIMED_FOR, keys.as_bytes())?),
    }
}

/// The model arrangement for common transit between `parties`, in its authoring form.
///
/// # Errors
/// When no administration is given or one is given twice.
pub fn model_agreement(parties: &[Administration]) -> Result<String, SetUpError> {
    let agreement = agreements::corridor_agreement(parties);
    Ok(agreement.map_err(|errors| SetUpError::Agreement(errors.to_string()))?.to_toml())
}

/// Joins a node to a corridor: enters the partners' cards, and the corridor's agreement between `parties`.
///
/// # Errors
/// When the configuration cannot be read or written.
pub fn join_corridor(
    config: &Path,
    cards: Vec<PathBuf>,
    parties: &[Administration],
) -> Result<(), SetUpError> {
    let mut loaded = Config::load(config)?;
    let agreement = loaded.folder.join("corridor-agreement.toml");
    let text = model_agreement(parties)?;
    std::fs::write(&agreement, text).map_err(|error| SetUpError::File(agreement.clone(), error))?;
    let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
    loaded.partners = cards.into_iter().map(absolute).collect();
    loaded.agreements = vec![PathBuf::from("corridor-agreement.toml")];
    loaded.save(config)?;
    Ok(())
}

/// Registers a principal at a node that is not running, and returns its token. A trader acts for the traders given, or
/// for any when none is.
///
/// # Errors
/// When the configuration or the store cannot be opened, or the name is taken.
pub fn register_principal(
    config: &Path,
    name: &str,
    role: Role,
    password: &str,
    traders: &BTreeSet<Eori>,
) -> Result<String, SetUpError> {
    let store = open_store(&Config::load(config)?)?;
    let (world, name, password) = (World::system(), name.to_owned(), password.to_owned());
    let traders = traders.clone();
    let token = store.write(move |tx| -> Result<String, SetUpError> {
        let token = principals::register(tx, &world, &name, role, &password)?;
        if !traders.is_empty() {
            principals::restrict(tx, &name, &traders)?;
        }
        Ok(token)
    })?;
    store.close();
    Ok(token)
}

/// Removes a store for good: the fresh storage of a corridor that has ended.
pub fn discard_store(location: &str) {
    // A store that cannot be removed is left behind; the run has ended and nobody waits for it.
    if let Ok(location) = location.parse::<Location>() {
        let _ = store::destroy(&location);
    }
}

/// Why the store of a configuration cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The location cannot be read.
    #[error("the configuration's store: {0}")]
    Location(#[from] base::Invalid),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens the store of a configuration.
///
/// # Errors
/// When it cannot be opened, or another process writes to it.
pub(crate) fn open_store(config: &Config) -> Result<Store, OpenError> {
    let location: Location = config.store_location().parse()?;
    Ok(Store::open(&location, Execution::WriterThread, MIGRATIONS)?)
}
