//! One administration of a simulation, and its node: the real one, assembled from its parts.

use crate::clock;
use crate::dice::Dice;
use crate::world::WorldError;
use agreements::DecisionPoint;
use base::reference::{Catalogue, ExchangeRates, corridor};
use base::{Administration, Digest};
use evidence::{KeySet, PublicKeys};
use node::{
    Bureau, Config, Exchange, Identity, Listen, LogPublication, MemoryHead, Node, PartnerCard, Release,
    TlsIdentity, Transit, Transport, World,
};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use store::{Execution, MemoryDisk, Store};

/// How long keys are valid: two years, as in service.
const VALIDITY_SECONDS: i64 = 2 * 365 * 24 * 3600;

/// What all simulations of a process have in common; reading it takes longer than a short run.
struct Common {
    catalogue: Arc<Catalogue>,
    rates: Arc<ExchangeRates>,
    /// A TLS certificate and key, which nobody uses here.
    tls: (Vec<u8>, Vec<u8>),
}

fn common() -> Result<&'static Common, WorldError> {
    static COMMON: OnceLock<Common> = OnceLock::new();
    if let Some(common) = COMMON.get() {
        return Ok(common);
    }
    let read = Common {
        catalogue: Arc::new(corridor::catalogue()?),
        rates: Arc::new(ExchangeRates::illustrative()?),
        tls: TlsIdentity::generate("simulated.tidewaiter")?,
    };
    Ok(COMMON.get_or_init(|| read))
}

/// The code lists that all simulated nodes have.
pub(crate) fn catalogue() -> Result<&'static Catalogue, WorldError> {
    Ok(&common()?.catalogue)
}

/// One administration: what survives when its node is killed.
pub struct Member {
    /// Who it is.
    pub administration: Administration,
    /// Its disk.
    pub disk: MemoryDisk,
    /// Its keys.
    pub keys: KeySet,
    /// The card by which its partners know it.
    pub card: PublicKeys,
    /// Who releases movements.
    pub release: Release,
    /// How it publishes and watches logs.
    pub log: LogPublication,
    /// What is kept beside its disk of the checkpoints that it signed.
    record: Arc<MemoryHead>,
}

impl Member {
    /// A new administration with an empty disk; its keys follow from the dice. The name of the disk must be its own in
    /// this process.
    ///
    /// # Errors
    /// When the disk cannot be made.
    pub fn new(
        administration: Administration,
        disk: &str,
        release: Release,
        dice: &mut Dice,
    ) -> Result<Self, WorldError> {
        let keys = KeySet::draw(&mut |bytes| dice.fill(bytes));
        // The wire of a simulation has no TLS; the digest stands in the card only.
        let mut tls = [0u8; 32];
        dice.fill(&mut tls);
        let from = clock::BEGINNING.plus_seconds(-3600);
        let until = clock::BEGINNING.plus_seconds(VALIDITY_SECONDS);
        let card = keys.keys()?.card(administration.clone(), Digest(tls), from, until)?;
        let (log, record) = (LogPublication::default(), Arc::default());
        Ok(Self { administration, disk: MemoryDisk::open(disk)?, keys, card, release, log, record })
    }

    /// Opens the store on its disk.
    ///
    /// # Errors
    /// When it cannot be opened, or another is open.
    pub fn store(&self) -> Result<Store, WorldError> {
        Ok(Store::open(&self.disk.location(), Execution::Inline, node::MIGRATIONS)?)
    }

    /// Its node, with partners whom it knows by their cards.
    ///
    /// # Errors
    /// When a key is unusable.
    pub fn node<'a>(
        &self,
        store: Store,
        partners: impl Iterator<Item = &'a Self>,
        decision_point: Arc<DecisionPoint>,
        world: World,
        transport: Arc<dyn Transport>,
    ) -> Result<Arc<Node>, WorldError> {
        let config = self.config();
        let common = common()?;
        let (certificate, key) = common.tls.clone();
        let partners = partners.map(|partner| {
            let address = format!("simulated://{}", partner.administration.country());
            (partner.administration.clone(), PartnerCard { address, keys: partner.card.clone() })
        });
        let bureau = Bureau {
            edition: 0,
            administration: self.administration.clone(),
            exercise: false,
            identity: Arc::new(Identity::of(
                self.keys.keys()?,
                TlsIdentity::new(certificate, key)?,
                self.card.clone(),
            )),
            registers: Arc::default(),
            partners: partners.collect(),
            suspended: BTreeMap::new(),
            channel: node::ChannelPolicy::default(),
            ml_dsa: node::MlDsaWitnessing::default(),
            decision_point,
            profile: Bureau::profile_of(&config),
            catalogue: Arc::clone(&common.catalogue),
            rates: Arc::clone(&common.rates),
            world,
        };
        let record: Arc<MemoryHead> = Arc::clone(&self.record);
        Ok(Node::with_record(config, bureau, store, Execution::Inline, transport, record))
    }

    fn config(&self) -> Config {
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Config {
            administration: self.administration.clone(),
            store: self.disk.location().to_string(),
            keys: PathBuf::new(),
            exercise: false,
            listen: Listen {
                api: nowhere,
                peer: nowhere,
                operations: None,
                connections_per_key: None,
                peer_address: String::new(),
            },
            transit: Transit { release: self.release, clearance: self.release, ..Transit::default() },
            exchange: Exchange { retry_first_ms: 100, retry_longest_ms: 4_000, ..Exchange::default() },
            relay: None,
            retention: node::Retention::default(),
            devices: BTreeMap::new(),
            log: self.log.clone(),
            attachments: node::Attachments::default(),
            partners: Vec::new(),
            agreements: Vec::new(),
            folder: PathBuf::new(),
        }
    }
}
