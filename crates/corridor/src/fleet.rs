//! The nodes of a corridor: set up with keys, cards and one agreement, then run as processes.

use crate::client::{Api, ClientError};
use crate::plan::Registration;
use crate::play::{Cast, Corridor};
use crate::ports::Ports;
use crate::process::{Program, Supervised};
use base::{Administration, Country, Currency, Grn};
use node::{SetUp, SetUpError};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a node is asked whether it is ready.
const READY_PAUSE: Duration = Duration::from_millis(50);

/// How often it is asked before it counts as broken: thirty seconds.
const READY_LOOKS: u32 = 600;

/// The database of the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreChoice {
    /// An embedded database file per node.
    Sqlite,
    /// A schema per node in this PostgreSQL database.
    Postgres(String),
}

impl std::str::FromStr for StoreChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "sqlite" => Ok(Self::Sqlite),
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::Postgres(url.to_owned()))
            }
            _ => Err(format!("`{text}` is no store: give `sqlite` or a `postgres://` URL")),
        }
    }
}

/// What the nodes of a corridor stand on.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The folder of their configuration, storage and logs, which stays; a temporary one when left out.
    pub folder: Option<PathBuf>,
    /// Their database.
    pub store: StoreChoice,
    /// Official reference data that each loads; the built-in sets when left out.
    pub reference: Option<PathBuf>,
}

impl Ground {
    /// The store of one node, as its configuration names it. `unique` tells runs apart in a common database.
    fn store_of(&self, country: Country, unique: &str) -> String {
        match &self.store {
            StoreChoice::Sqlite => "sqlite:node.db".to_owned(),
            StoreChoice::Postgres(url) => {
                let run: String = unique.chars().filter(char::is_ascii_alphanumeric).collect();
                let joint = if url.contains('?') { '&' } else { '?' };
                format!("{url}{joint}schema=corridor_{run}_{}", country.as_str().to_lowercase())
            }
        }
    }
}

/// Why the nodes of a corridor could not be brought up.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// A folder or process failed.
    #[error("{0}: {1}")]
    System(String, std::io::Error),
    /// A node could not be set up.
    #[error("cannot set up the node of {0}: {1}")]
    SetUp(Country, SetUpError),
    /// A node did not become ready.
    #[error("the node of {country} did not become ready; the end of its log:\n{log}")]
    NotReady {
        /// Whose node.
        country: Country,
        /// The last lines of its log.
        log: String,
    },
    /// A guarantee could not be registered.
    #[error("cannot register guarantee `{0}`: {1}")]
    Guarantee(Grn, ClientError),
}

/// What becomes of the nodes' storage and logs when they stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// It is removed.
    Discard,
    /// It stays, so that someone can look into it.
    Keep,
}

/// How to sign in at a node's console.
#[derive(Clone)]
pub struct SignIn {
    /// The console's address.
    pub console: String,
    /// The officer's name.
    pub name: String,
    /// The officer's password.
    pub password: String,
}

impl std::fmt::Debug for SignIn {
    /// Without the password.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SignIn")
            .field("console", &self.console)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

struct Member {
    process: Supervised,
    trader: Api,
    officer: Api,
    operator: Api,
    sign_in: SignIn,
    store: String,
}

/// The running nodes of a corridor.
pub struct Fleet {
    folder: PathBuf,
    keep: bool,
    members: BTreeMap<Country, Member>,
}

impl Fleet {
    /// Sets up and starts one node per country on fresh storage. They are of use when they are ready:
    /// [`Fleet::ready`].
    ///
    /// # Errors
    /// When a node cannot be set up or started.
    pub fn launch(binary: &Path, countries: &BTreeSet<Country>, ground: &Ground) -> Result<Self, FleetError> {
        let system = |what: &Path| {
            let what = what.display().to_string();
            move |error| FleetError::System(what, error)
        };
        let now = node::World::system().clock.now();
        let unique = format!("{}-{}", std::process::id(), now.as_micros());
        let temporary = || std::env::temp_dir().join(format!("tidewaiter-corridor-{unique}"));
        let folder = ground.folder.clone().unwrap_or_else(temporary);
        std::fs::create_dir_all(&folder).map_err(system(&folder))?;
        let mut prepared = BTreeMap::new();
        let mut ports = Ports::new(now.as_micros());
        for country in countries {
            let place = Place {
                folder: folder.join(country.as_str().to_lowercase()),
                store: ground.store_of(*country, &unique),
                api: ports.next().map_err(system(Path::new("127.0.0.1")))?,
                peer: ports.next().map_err(system(Path::new("127.0.0.1")))?,
            };
            // Setting up is blocking work: keys, passwords, a database.
            let node = tokio::task::block_in_place(|| prepare(place, *country, ground))?;
            prepared.insert(*country, node);
        }
        let cards: Vec<(Country, PathBuf)> =
            prepared.iter().map(|(country, node)| (*country, node.card.clone())).collect();
        let parties: Vec<Administration> =
            countries.iter().map(|country| Administration::of(*country)).collect();
        for (country, node) in &prepared {
            let partners = cards.iter().filter(|(other, _)| other != country).map(|(_, card)| card.clone());
            node::join_corridor(&node.config, partners.collect(), &parties)
                .map_err(|error| FleetError::SetUp(*country, error))?;
        }
        let mut members = BTreeMap::new();
        for (country, node) in prepared {
            let log = folder.join(country.as_str().to_lowercase()).join("node.log");
            let program = Program { binary: binary.to_owned(), config: node.config.clone(), log };
            let process = Supervised::start(program).map_err(system(binary))?;
            let api = |token: &str| Api::new(node.api.clone(), token.to_owned());
            let member = Member {
                process,
                trader: api(&node.trader_token),
                officer: api(&node.officer_token),
                operator: api(&node.operator_token),
                sign_in: SignIn {
                    console: format!("{}/console", node.api),
                    name: "officer".to_owned(),
                    password: node.officer_password.clone(),
                },
                store: node.store.clone(),
            };
            members.insert(country, member);
        }
        Ok(Self { folder, keep: ground.folder.is_some(), members })
    }

    /// Waits until every node is ready.
    ///
    /// # Errors
    /// When one does not become ready.
    pub async fn ready(&self) -> Result<(), FleetError> {
        for (country, member) in &self.members {
            let mut looks = 0;
            while member.operator.bytes("/health/ready").await.is_err() {
                looks += 1;
                if looks > READY_LOOKS {
                    let log = self.folder.join(country.as_str().to_lowercase()).join("node.log");
                    let log = std::fs::read_to_string(log).unwrap_or_default();
                    let lines: Vec<&str> = log.lines().rev().take(12).collect();
                    let log = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
                    return Err(FleetError::NotReady { country: *country, log });
                }
                tokio::time::sleep(READY_PAUSE).await;
            }
        }
        Ok(())
    }

    /// Registers the guarantees at the offices of guarantee that answer for them.
    ///
    /// # Errors
    /// When a node refuses one.
    pub async fn register_guarantees(&self, all: &BTreeMap<Grn, Registration>) -> Result<(), FleetError> {
        for registration in all.values() {
            let Some(member) = self.members.get(&registration.grn.country()) else {
                continue;
            };
            let body = json!({
                "grn": registration.grn,
                "type": registration.kind,
                "access_code": registration.access_code,
                "holders": registration.holders,
                "reference_amount": reference_amount(registration),
            });
            let mut tries = 0;
            loop {
                match member.officer.post("/api/v1/guarantees", &body).await {
                    Ok(_) => break,
                    // It was registered, and the node killed before it could say so.
                    Err(error) if error.is_problem("duplicate-guarantee") => break,
                    Err(error) if error.passes() && tries < READY_LOOKS => tries += 1,
                    Err(error) => return Err(FleetError::Guarantee(registration.grn.clone(), error)),
                }
                tokio::time::sleep(READY_PAUSE).await;
            }
        }
        Ok(())
    }

    /// The people at every node.
    pub fn cast(&self) -> Corridor {
        let people =
            |member: &Member| Cast { trader: member.trader.clone(), officer: member.officer.clone() };
        self.members.iter().map(|(country, member)| (*country, people(member))).collect()
    }

    /// The operator's access to every node.
    pub fn operators(&self) -> BTreeMap<Country, Api> {
        self.members.iter().map(|(country, member)| (*country, member.operator.clone())).collect()
    }

    /// How to sign in at each console.
    pub fn sign_ins(&self) -> BTreeMap<Country, SignIn> {
        self.members.iter().map(|(country, member)| (*country, member.sign_in.clone())).collect()
    }

    /// How often each node had to be started again.
    pub fn restarts(&self) -> BTreeMap<String, u32> {
        self.members
            .iter()
            .map(|(country, member)| (country.to_string(), member.process.restarts()))
            .collect()
    }

    /// Stops all nodes. Storage that the caller named a folder for stays in any case.
    pub async fn stop(self, storage: Storage) {
        let mut stores = Vec::new();
        for member in self.members.into_values() {
            member.process.stop().await;
            stores.push(member.store);
        }
        if storage == Storage::Discard && !self.keep {
            for store in stores {
                tokio::task::block_in_place(|| node::discard_store(&store));
            }
            // What cannot be removed from the temporary folder is left to the system.
            let _ = std::fs::remove_dir_all(&self.folder);
        } else {
            eprintln!("the nodes' storage and logs are in {}", self.folder.display());
        }
    }
}

/// Where one node of a corridor lives.
struct Place {
    folder: PathBuf,
    store: String,
    api: SocketAddr,
    peer: SocketAddr,
}

fn prepare(place: Place, country: Country, ground: &Ground) -> Result<node::Prepared, FleetError> {
    let set_up = SetUp {
        folder: place.folder,
        administration: Administration::of(country),
        store: place.store,
        api: place.api,
        peer: place.peer,
        corridor_defaults: true,
        reference: ground.reference.clone(),
    };
    node::initialise(&set_up).map_err(|error| FleetError::SetUp(country, error))
}

/// A reference amount that covers all uses of a guarantee at once, in whole euro: the corridor plays many declarations
/// at the same time under the same few guarantees, and a currency may be worth several euro.
fn reference_amount(registration: &Registration) -> serde_json::Value {
    let greatest = registration.greatest.minor().max(100);
    let uses = i64::try_from(registration.uses).unwrap_or(i64::MAX);
    let covered = greatest.saturating_mul(uses).saturating_mul(4).min(999_999_999_999);
    json!({ "minor": covered, "currency": Currency::EUR })
}
