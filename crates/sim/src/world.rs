//! The federation of a simulation: one administration a country, with its keys, its disk and the common agreement.
//!
//! A node is the real one, assembled from its parts: the real store on a disk in memory, the real agreement, the real
//! exchange. Only time, chance and the wire are simulated.

use crate::clock;
use crate::dice::Dice;
use crate::stage::Stage;
use crate::transport::{self, Connections, HangUp, PORT, SimulatedTransport};
use agreements::{Agreement, DecisionPoint, corridor_agreement};
use base::reference::{Catalogue, ExchangeRates, corridor};
use base::{Administration, Country, Digest};
use evidence::{KeySet, PublicKeys};
use node::{Bureau, Config, Exchange, Identity, Listen, Node, PartnerCard, Release, TlsIdentity, Transit};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use store::{Execution, MemoryDisk, Store};
use turmoil::net::TcpListener;

/// How long keys are valid: two years, as in service.
const VALIDITY_SECONDS: i64 = 2 * 365 * 24 * 3600;

/// Numbers the federations of this process, so that two that run at once have different disks.
static FEDERATIONS: AtomicU64 = AtomicU64::new(0);

/// Why a federation cannot be built, or a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The agreement cannot be drawn up.
    #[error("cannot draw up the agreement: {0}")]
    Agreement(String),
    /// The agreement does not compile.
    #[error(transparent)]
    Compile(#[from] agreements::CompileError),
    /// A key is unusable.
    #[error(transparent)]
    Evidence(#[from] evidence::EvidenceError),
    /// The TLS identity, which nobody uses here, cannot be made.
    #[error(transparent)]
    Tls(#[from] node::TlsError),
    /// Reference data is malformed.
    #[error(transparent)]
    Reference(#[from] base::reference::ReferenceError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The simulated network failed.
    #[error("the simulated network: {0}")]
    Network(#[from] std::io::Error),
    /// There is no such member.
    #[error("`{0}` is no member of the federation")]
    Stranger(Country),
    /// A consignment cannot be made up.
    #[error("cannot make up a consignment: {0}")]
    Consignment(String),
}

/// One administration: what survives when its node is killed.
struct Member {
    disk: MemoryDisk,
    keys: KeySet,
    card: PublicKeys,
    release: Release,
}

/// All administrations of a simulation.
pub(crate) struct Federation {
    seed: u64,
    countries: Vec<Country>,
    members: BTreeMap<Country, Member>,
    agreement: Agreement,
    catalogue: &'static Catalogue,
    rates: &'static ExchangeRates,
}

/// What all federations of a process have in common; reading it takes longer than a short run.
struct Common {
    catalogue: Catalogue,
    rates: ExchangeRates,
    /// A TLS certificate and key, which nobody uses here.
    tls: (Vec<u8>, Vec<u8>),
}

fn common() -> Result<&'static Common, WorldError> {
    static COMMON: OnceLock<Common> = OnceLock::new();
    if let Some(common) = COMMON.get() {
        return Ok(common);
    }
    let read = Common {
        catalogue: corridor::catalogue()?,
        rates: ExchangeRates::illustrative()?,
        tls: TlsIdentity::generate("simulated.tidewaiter")?,
    };
    Ok(COMMON.get_or_init(|| read))
}

impl Federation {
    /// The federation of these countries; its keys follow from the seed.
    pub(crate) fn found(seed: u64, countries: &[Country]) -> Result<Self, WorldError> {
        let number = FEDERATIONS.fetch_add(1, Ordering::Relaxed);
        let common = common()?;
        let mut dice = Dice::of(seed, "federation");
        let parties: Vec<Administration> =
            countries.iter().map(|country| Administration::of(*country)).collect();
        let agreement =
            corridor_agreement(&parties).map_err(|errors| WorldError::Agreement(errors.to_string()))?;
        let mut members = BTreeMap::new();
        for (country, party) in countries.iter().zip(&parties) {
            let keys = KeySet::draw(&mut |bytes| dice.fill(bytes));
            // The wire of a simulation has no TLS; the digest stands in the card only.
            let mut tls = [0u8; 32];
            dice.fill(&mut tls);
            let from = clock::BEGINNING.plus_seconds(-3600);
            let until = clock::BEGINNING.plus_seconds(VALIDITY_SECONDS);
            let card = keys.keys()?.card(party.clone(), Digest(tls), from, until)?;
            let release = if dice.per_mille(500) { Release::Automatic } else { Release::ByOfficer };
            let disk = MemoryDisk::open(&format!("simulation-{number}-{country}"))?;
            members.insert(*country, Member { disk, keys, card, release });
        }
        Ok(Self {
            seed,
            countries: countries.to_vec(),
            members,
            agreement,
            catalogue: &common.catalogue,
            rates: &common.rates,
        })
    }

    pub(crate) fn countries(&self) -> &[Country] {
        &self.countries
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        self.catalogue
    }

    /// The disk of a member.
    pub(crate) fn disk(&self, country: Country) -> Option<&MemoryDisk> {
        self.members.get(&country).map(|member| &member.disk)
    }

    /// How a member releases movements.
    pub(crate) fn release(&self, country: Country) -> Option<Release> {
        self.members.get(&country).map(|member| member.release)
    }

    /// The card of a member.
    pub(crate) fn card(&self, country: Country) -> Option<&PublicKeys> {
        self.members.get(&country).map(|member| &member.card)
    }

    /// The bureau of a member at its start number `start`.
    fn bureau(&self, config: &Config, country: Country, start: u32, skew: i64) -> Result<Bureau, WorldError> {
        let member = self.members.get(&country).ok_or(WorldError::Stranger(country))?;
        let world = clock::world(self.seed, country, start, skew);
        let (certificate, key) = common()?.tls.clone();
        let partners = self.members.iter().filter(|(other, _)| **other != country).map(|(other, partner)| {
            let card = PartnerCard { address: format!("simulated://{other}"), keys: partner.card.clone() };
            (Administration::of(*other), card)
        });
        Ok(Bureau {
            edition: 0,
            administration: Administration::of(country),
            exercise: false,
            identity: Arc::new(Identity::of(
                member.keys.keys()?,
                TlsIdentity::new(certificate, key)?,
                member.card.clone(),
            )),
            partners: partners.collect(),
            registers: Arc::default(),
            suspended: BTreeMap::new(),
            channel: node::ChannelPolicy::default(),
            decision_point: Arc::new(DecisionPoint::new(vec![self.agreement.clone()], Vec::new())?),
            profile: Bureau::profile_of(config),
            catalogue: Arc::new(self.catalogue.clone()),
            rates: Arc::new(self.rates.clone()),
            world,
        })
    }

    fn config(&self, country: Country) -> Result<Config, WorldError> {
        let member = self.members.get(&country).ok_or(WorldError::Stranger(country))?;
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Ok(Config {
            administration: Administration::of(country),
            store: member.disk.location().to_string(),
            keys: PathBuf::new(),
            exercise: false,
            listen: Listen { api: nowhere, peer: nowhere, operations: None, peer_address: String::new() },
            transit: Transit { release: member.release, clearance: member.release, ..Transit::default() },
            exchange: Exchange { retry_first_ms: 100, retry_longest_ms: 4_000, ..Exchange::default() },
            relay: None,
            partners: Vec::new(),
            agreements: Vec::new(),
            folder: PathBuf::new(),
        })
    }
}

/// The name of a country's machine in the simulated network.
pub(crate) fn machine(country: Country) -> String {
    country.as_str().to_lowercase()
}

/// What a machine runs: opens its disk, starts the node and takes what partners deliver, until it is killed.
pub(crate) async fn serve(stage: Arc<Stage>, country: Country) -> Result<(), WorldError> {
    let start = stage.start_of(country);
    let federation = &stage.federation;
    let config = federation.config(country)?;
    let skew = stage.script.skews.get(&country).copied().unwrap_or_default();
    let disk = federation.disk(country).ok_or(WorldError::Stranger(country))?;
    let store = Store::open(&disk.location(), Execution::Inline, node::MIGRATIONS)?;
    let bureau = federation.bureau(&config, country, start, skew)?;
    let connections = Arc::new(Connections::default());
    let _hang_up = HangUp(Arc::clone(&connections));
    let transport = Arc::new(SimulatedTransport::new(country, Arc::clone(&stage), Arc::clone(&connections)));
    let node = Node::assemble(config, bureau, store.clone(), Execution::Inline, transport);
    stage.enter(country, Arc::clone(&node), store);
    stage.note(country.as_str(), format!("start number {start}"));
    let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT)).await?;
    // The workers end with the machine.
    drop(Arc::clone(&node).start_workers(std::future::pending()));
    loop {
        let (stream, _) = listener.accept().await?;
        let (stage, node) = (Arc::clone(&stage), Arc::clone(&node));
        tokio::spawn(transport::take(stage, node, Arc::clone(&connections), country, stream));
    }
}
