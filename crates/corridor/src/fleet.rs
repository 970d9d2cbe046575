//! The nodes of a corridor: set up with keys, cards and one agreement, then run as processes.

use crate::client::{Api, ClientError};
use crate::plan::Registration;
use crate::play::{Cast, Corridor};
use crate::process::{Program, Supervised};
use base::{Administration, Country, Currency, Grn};
use node::{SetUp, SetUpError};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
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

/// How to sign in at a node's console.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The console's address.
    pub console: String,
    /// The officer's name.
    pub name: String,
    /// The officer's password.
    pub password: String,
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
    /// Sets up and starts one node per country, on fresh storage in a folder of its own.
    ///
    /// # Errors
    /// When a node cannot be set up or does not become ready.
    pub async fn launch(
        binary: &Path,
        countries: &BTreeSet<Country>,
        store: &StoreChoice,
        reference: Option<&Path>,
    ) -> Result<Self, FleetError> {
        let world = node::World::system();
        let unique = format!("{}-{}", std::process::id(), world.clock.now().as_micros());
        let folder = std::env::temp_dir().join(format!("tidewaiter-corridor-{unique}"));
        Self::launch_in(&folder, false, binary, countries, store, reference).await
    }

    /// As [`Fleet::launch`], in a given folder, which is kept at the end when `keep` is set.
    ///
    /// # Errors
    /// When a node cannot be set up or does not become ready.
    pub async fn launch_in(
        folder: &Path,
        keep: bool,
        binary: &Path,
        countries: &BTreeSet<Country>,
        store: &StoreChoice,
        reference: Option<&Path>,
    ) -> Result<Self, FleetError> {
        let system = |what: &Path| {
            let what = what.display().to_string();
            move |error| FleetError::System(what, error)
        };
        std::fs::create_dir_all(folder).map_err(system(folder))?;
        let mut prepared = BTreeMap::new();
        for country in countries {
            // Setting up is blocking work: keys, passwords, a database.
            let node = tokio::task::block_in_place(|| prepare(folder, *country, store, reference))?;
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
        let fleet = Self { folder: folder.to_owned(), keep, members };
        fleet.wait_until_ready().await?;
        Ok(fleet)
    }

    async fn wait_until_ready(&self) -> Result<(), FleetError> {
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
                    // A guarantee that is registered already was registered before the node was killed.
                    Ok(_) | Err(ClientError::Problem { status: 409, .. }) => break,
                    Err(ClientError::Away(..)) if tries < READY_LOOKS => tries += 1,
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

    /// Stops all nodes; their storage is removed when everything went well and it is not to be kept.
    pub async fn stop(self, well: bool) {
        let mut stores = Vec::new();
        for member in self.members.into_values() {
            member.process.stop().await;
            stores.push(member.store);
        }
        if well && !self.keep {
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

fn prepare(
    folder: &Path,
    country: Country,
    store: &StoreChoice,
    reference: Option<&Path>,
) -> Result<node::Prepared, FleetError> {
    let name = country.as_str().to_lowercase();
    let own = folder.join(&name);
    let store = match store {
        StoreChoice::Sqlite => "sqlite:node.db".to_owned(),
        StoreChoice::Postgres(url) => {
            let run = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let run: String = run.chars().filter(char::is_ascii_alphanumeric).collect();
            let joint = if url.contains('?') { '&' } else { '?' };
            format!("{url}{joint}schema={}_{name}", run.to_lowercase())
        }
    };
    let set_up = SetUp {
        folder: own,
        administration: Administration::of(country),
        store,
        api: free_address()?,
        peer: free_address()?,
        corridor_defaults: true,
        reference: reference.map(Path::to_owned),
    };
    node::initialise(&set_up).map_err(|error| FleetError::SetUp(country, error))
}

/// An address on loopback that was free a moment ago.
fn free_address() -> Result<SocketAddr, FleetError> {
    let busy = |error| FleetError::System("cannot find a free port on 127.0.0.1".to_owned(), error);
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(busy)
}

/// A reference amount that covers all uses of a guarantee at once, in whole euro: the corridor plays many declarations
/// at the same time under the same few guarantees, and a currency may be worth several euro.
fn reference_amount(registration: &Registration) -> serde_json::Value {
    let greatest = registration.greatest.minor().max(100);
    let uses = i64::try_from(registration.uses).unwrap_or(i64::MAX);
    let covered = greatest.saturating_mul(uses).saturating_mul(4).min(999_999_999_999);
    json!({ "minor": covered, "currency": Currency::EUR })
}
