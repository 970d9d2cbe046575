//! Setting up a node: keys, configuration, database, first principals; and joining it to a corridor.

use crate::clock::World;
use crate::config::{Config, ConfigError, Exchange, Listen, Rates, Release, Transit};
use crate::identity::{Identity, IdentityError, PartnerCard};
use crate::principals::{self, PrincipalError, Role};
use crate::reference::{self, ReferenceError};
use crate::schema::MIGRATIONS;
use base::{Administration, Digest, Eori};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use store::{Execution, Location, Store, StoreError};

/// What a new node is to be.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
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

/// Why a node cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// A folder or file cannot be made.
    #[error("cannot write to `{0}`: {1}")]
    File(PathBuf, std::io::Error),
    /// The folder already holds a node.
    #[error("`{0}` already holds a node: choose another folder, or remove this one")]
    Occupied(PathBuf),
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
/// # Errors
/// When the folder already holds a node, or something cannot be written.
pub fn initialise(set_up: &SetUp) -> Result<Prepared, SetUpError> {
    let world = World::system();
    let folder = &set_up.folder;
    let (config_path, card_path) = (folder.join("tidewaiter.toml"), folder.join("card.json"));
    if config_path.exists() {
        return Err(SetUpError::Occupied(folder.clone()));
    }
    std::fs::create_dir_all(folder).map_err(|error| SetUpError::File(folder.clone(), error))?;
    let identity = Identity::create(&world, &set_up.administration, &folder.join("keys.json"))?;
    let peer_address = format!("https://{}", set_up.peer);
    PartnerCard { address: peer_address.clone(), keys: identity.card }.save(&card_path)?;
    let mut config = Config {
        administration: set_up.administration.clone(),
        store: set_up.store.clone(),
        keys: PathBuf::from("keys.json"),
        exercise: false,
        listen: Listen { api: set_up.api, peer: set_up.peer, peer_address },
        transit: Transit {
            release: if set_up.corridor_defaults { Release::ByOfficer } else { Release::Automatic },
            lenient_grn_check_digit: set_up.corridor_defaults,
            rates: if set_up.corridor_defaults { Rates::Illustrative } else { Rates::None },
        },
        exchange: if set_up.corridor_defaults {
            // On one machine a partner that is away is being started again.
            Exchange { retry_first_ms: 100, retry_longest_ms: 2_000 }
        } else {
            Exchange::default()
        },
        partners: Vec::new(),
        agreements: Vec::new(),
        folder: folder.clone(),
    };
    config.folder.clone_from(folder);
    let store = open_store(&config)?;
    let catalogue = match &set_up.reference {
        Some(path) => Some(reference::read_catalogue(path)?),
        None => None,
    };
    let password = Digest(world.random()).to_string().chars().take(16).collect::<String>();
    let tokens = store.write({
        let (world, password) = (world.clone(), password.clone());
        move |tx| -> Result<[String; 3], SetUpError> {
            if let Some(catalogue) = &catalogue {
                reference::store_catalogue(tx, catalogue, world.clock.now())?;
            }
            Ok([
                principals::register(tx, &world, "operator", Role::Operator, "")?,
                principals::register(tx, &world, "officer", Role::Officer, &password)?,
                principals::register(tx, &world, "trader", Role::Trader, "")?,
            ])
        }
    })?;
    store.close();
    // The configuration comes last: a folder without it holds no node, and setting up can be tried again.
    config.save(&config_path)?;
    let [operator_token, officer_token, trader_token] = tokens;
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
    let text = agreements::corridor_agreement(parties)
        .map_err(|errors| SetUpError::Agreement(errors.to_string()))?
        .to_toml();
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
