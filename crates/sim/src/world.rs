//! The federation of a simulation: one administration a country, with its keys, its disk and the common agreement.
//!
//! A node is the real one, assembled from its parts: the real store on a disk in memory, the real agreement, the real
//! exchange. Only time, chance and the wire are simulated.

use crate::clock;
use crate::dice::Dice;
use crate::member::{self, Member};
use crate::reception;
use crate::run::Scenario;
use crate::stage::Stage;
use crate::transport::{Connections, HangUp, PORT, SimulatedTransport};
use agreements::{Agreement, DecisionPoint, Witnessing, corridor_agreement};
use base::reference::Catalogue;
use base::{Administration, Country};
use evidence::{PublicKeys, Quorum};
use node::Release;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{MemoryDisk, Store, StoreError};
use turmoil::net::TcpListener;

/// Numbers the federations of this process, so that two that run at once have different disks.
static FEDERATIONS: AtomicU64 = AtomicU64::new(0);

/// After how long a node is started again that ended because its disk was full.
const START_AGAIN: Duration = Duration::from_secs(2);

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
    Store(#[from] StoreError),
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

/// All administrations of a simulation.
pub(crate) struct Federation {
    seed: u64,
    countries: Vec<Country>,
    members: BTreeMap<Country, Member>,
    /// The common agreement, compiled once for all.
    decision_point: Arc<DecisionPoint>,
    catalogue: &'static Catalogue,
    /// Which witnesses the agreement asks for.
    quorum: Quorum,
}

impl Federation {
    /// The federation of a scenario; its keys follow from the seed.
    pub(crate) fn found(scenario: &Scenario) -> Result<Self, WorldError> {
        let Scenario { seed, countries, .. } = scenario;
        let seed = *seed;
        let number = FEDERATIONS.fetch_add(1, Ordering::Relaxed);
        let mut dice = Dice::of(seed, "federation");
        let parties: Vec<Administration> =
            countries.iter().map(|country| Administration::of(*country)).collect();
        let agreement =
            corridor_agreement(&parties).map_err(|errors| WorldError::Agreement(errors.to_string()))?;
        let quorum = quorum(scenario)?;
        let agreement = witnessed(agreement, &quorum)?;
        let mut members = BTreeMap::new();
        for (country, party) in countries.iter().zip(&parties) {
            let disk = format!("simulation-{number}-{country}");
            let release = if dice.per_mille(500) { Release::Automatic } else { Release::ByOfficer };
            let mut member = Member::new(party.clone(), &disk, release, &mut dice)?;
            member.log.checkpoint_ms = scenario.checkpoint_ms;
            member.log.monitor_seconds = scenario.monitor_seconds;
            members.insert(*country, member);
        }
        Ok(Self {
            seed,
            countries: countries.to_vec(),
            members,
            decision_point: Arc::new(DecisionPoint::new(vec![agreement], Vec::new())?),
            catalogue: member::catalogue()?,
            quorum,
        })
    }

    /// Which witnesses the agreement asks for.
    pub(crate) fn quorum(&self) -> &Quorum {
        &self.quorum
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
}

/// The quorum of a scenario: its first countries are the witnesses. A country is no witness of its own log.
fn quorum(scenario: &Scenario) -> Result<Quorum, WorldError> {
    let witnesses = scenario.countries.iter().take(scenario.witnesses);
    Ok(Quorum::new(scenario.needed, witnesses.map(|country| Administration::of(*country)).collect())?)
}

/// An agreement with a quorum of witnesses, which rests on its last clause.
fn witnessed(agreement: Agreement, quorum: &Quorum) -> Result<Agreement, WorldError> {
    let mut draft = agreement.into_draft();
    if let Some(clause) = draft.clauses.last().filter(|_| quorum.needed() > 0) {
        draft.witnessing = Some(Witnessing {
            clause: clause.id.clone(),
            needed: u32::try_from(quorum.needed()).unwrap_or(u32::MAX),
            witnesses: quorum.witnesses().clone(),
        });
    }
    let in_words = |faults: Vec<agreements::Fault>| {
        WorldError::Agreement(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    Agreement::new(draft).map_err(in_words)
}

/// The name of a country's machine in the simulated network.
pub(crate) fn machine(country: Country) -> String {
    country.as_str().to_lowercase()
}

/// Starts the node of a member as often as its disk has no space for it or fails, as the service manager of its machine
/// would: the number of the start that succeeds, and the store.
async fn started(stage: &Stage, country: Country, member: &Member) -> Result<(u32, Store), WorldError> {
    loop {
        let start = stage.start_of(country);
        match member.store() {
            Ok(store) => return Ok((start, store)),
            Err(WorldError::Store(error @ (StoreError::Full { .. } | StoreError::Commit { .. }))) => {
                stage.note(country.as_str(), format!("cannot start: {error}"));
                tokio::time::sleep(START_AGAIN).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// What a machine runs: opens its disk, starts the node and takes what partners deliver, until it is killed.
pub(crate) async fn serve(stage: Arc<Stage>, country: Country) -> Result<(), WorldError> {
    let federation = &stage.federation;
    let member = federation.members.get(&country).ok_or(WorldError::Stranger(country))?;
    let skew = stage.script.skews.get(&country).copied().unwrap_or_default();
    let (start, store) = started(&stage, country, member).await?;
    let connections = Arc::new(Connections::default());
    let _hang_up = HangUp(Arc::clone(&connections));
    let transport = SimulatedTransport::new(country, Arc::clone(&stage), Arc::clone(&connections));
    let node = member.node(
        store.clone(),
        federation.members.values().filter(|other| other.administration != member.administration),
        Arc::clone(&federation.decision_point),
        clock::world(federation.seed, country, start, skew),
        Arc::new(transport),
    )?;
    stage.enter(country, Arc::clone(&node), store);
    stage.note(country.as_str(), format!("start number {start}"));
    let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT)).await?;
    let routes = web::peer::routes(Arc::clone(&node));
    // The workers end with the machine.
    drop(Arc::clone(&node).start_workers(std::future::pending()));
    loop {
        let (stream, _) = listener.accept().await?;
        let (stage, routes) = (Arc::clone(&stage), routes.clone());
        tokio::spawn(reception::take(stage, routes, Arc::clone(&connections), country, stream));
    }
}
