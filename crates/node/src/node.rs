//! A node: the application of one administration, between the outside and the rooms.

use crate::bureau::Bureau;
use crate::channel_counts::{ChannelCounts, Side};
use crate::channel_refusal::{ChannelReason, ChannelRefusal};
use crate::clock::World;
use crate::config::{Config, ConfigError};
use crate::counters::Counters;
use crate::delivery::UnderWay;
use crate::identity::{IdentityError, PartnerCard};
use crate::measure::Measured;
use crate::opening::open_parts;
use crate::peer_keys::{AcceptedKey, Doorkeeper, Entrant, PeerKeys};
use crate::principals::PrincipalError;
use crate::proceeding::ProceedingError;
use crate::reception::ReceptionError;
use crate::reference::ReferenceError;
use crate::relay::PARTNER_KEY_HEADER;
use crate::tls::TlsError;
use crate::transport::{Carrier, HttpsTransport, Route, Transport};
use agreements::CompileError;
use base::{Administration, Digest, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Execution, Store, StoreError, Tx};
use tokio::sync::{Notify, oneshot};

/// Why a node cannot start, or cannot do what it was asked now.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A proceeding failed.
    #[error(transparent)]
    Proceeding(#[from] ProceedingError),
    /// A reception failed.
    #[error(transparent)]
    Reception(#[from] ReceptionError),
    /// A room's state could not be read.
    #[error(transparent)]
    Room(#[from] crate::room::RoomError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] crate::setup::OpenError),
    /// Configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Keys or cards.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Reference data.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Principals.
    #[error(transparent)]
    Principal(#[from] PrincipalError),
    /// Evidence.
    #[error(transparent)]
    Evidence(#[from] evidence::EvidenceError),
    /// An agreement cannot be used.
    #[error("agreement `{0}`: {1}")]
    Agreement(String, String),
    /// The agreements do not compile.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The keys are another administration's.
    #[error(
        "the configuration is of `{configured}`, the keys are of `{keys}`: use the keys of this administration"
    )]
    OtherKeys {
        /// Whose node the configuration describes.
        configured: Administration,
        /// Whose keys the key file holds.
        keys: Administration,
    },
    /// The writer is gone.
    #[error("the store has stopped")]
    Stopped,
}

/// The application of one administration.
pub struct Node {
    config: Config,
    bureau: Arc<Bureau>,
    store: Store,
    execution: Execution,
    transport: Arc<dyn Transport>,
    counters: Counters,
    measured: Measured,
    under_way: UnderWay,
    sender: Notify,
    peer_keys: Arc<PeerKeys>,
}

impl Node {
    /// Opens the node of a configuration, with its own writer thread and HTTPS to its partners.
    ///
    /// # Errors
    /// When a file is missing or malformed, an agreement does not compile, or the store cannot be opened.
    pub async fn open(config: Config, world: World) -> Result<Arc<Self>, NodeError> {
        let (config, store, bureau) = open_parts(config, world).await?;
        let routes = routes(&config, &bureau);
        let counts = Arc::new(ChannelCounts::default());
        let (tls, key_exchange) = (&bureau.identity.tls, config.exchange.key_exchange);
        let transport = HttpsTransport::new(tls, key_exchange, &routes, Arc::clone(&counts))?;
        let counters = Counters::with_channel(counts);
        let transport = Arc::new(transport);
        Ok(Self::with_counters(config, bureau, store, Execution::WriterThread, transport, counters))
    }

    /// Opens the node of a configuration with another way to its partners than HTTPS: for measurements within one
    /// process.
    ///
    /// # Errors
    /// As [`Node::open`].
    pub async fn open_with(
        config: Config,
        world: World,
        transport: Arc<dyn Transport>,
    ) -> Result<Arc<Self>, NodeError> {
        let (config, store, bureau) = open_parts(config, world).await?;
        Ok(Self::assemble(config, bureau, store, Execution::WriterThread, transport))
    }

    /// A node from its parts, for simulations.
    pub fn assemble(
        config: Config,
        bureau: Bureau,
        store: Store,
        execution: Execution,
        transport: Arc<dyn Transport>,
    ) -> Arc<Self> {
        Self::with_counters(config, bureau, store, execution, transport, Counters::default())
    }

    fn with_counters(
        config: Config,
        bureau: Bureau,
        store: Store,
        execution: Execution,
        transport: Arc<dyn Transport>,
        counters: Counters,
    ) -> Arc<Self> {
        let mut peer_keys = PeerKeys::of(bureau.partners.values(), &bureau.identity.card);
        if let Some(relay) = &config.relay {
            peer_keys = peer_keys.with_relay(relay.key);
        }
        Arc::new(Self {
            peer_keys: Arc::new(peer_keys),
            config,
            bureau: Arc::new(bureau),
            store,
            execution,
            transport,
            counters,
            measured: Measured::default(),
            under_way: UnderWay::default(),
            sender: Notify::new(),
        })
    }

    /// The administration.
    pub fn administration(&self) -> &Administration {
        &self.bureau.administration
    }

    /// Whether it takes part in exercises only.
    pub fn exercise(&self) -> bool {
        self.bureau.exercise
    }

    pub(crate) fn shared_bureau(&self) -> Arc<Bureau> {
        Arc::clone(&self.bureau)
    }

    pub(crate) fn execution(&self) -> Execution {
        self.execution
    }

    pub(crate) fn bureau(&self) -> &Bureau {
        &self.bureau
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn transport(&self) -> &dyn Transport {
        self.transport.as_ref()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn under_way(&self) -> &UnderWay {
        &self.under_way
    }

    pub(crate) fn measured(&self) -> &Measured {
        &self.measured
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.bureau.world.clock.now()
    }

    /// Tells the sender that there may be letters to deliver.
    pub(crate) fn wake_sender(&self) {
        self.sender.notify_one();
    }

    pub(crate) async fn sender_woken(&self) {
        self.sender.notified().await;
    }

    /// Runs a command in a transaction of its own, and returns when it is durable.
    pub(crate) async fn write<T, E>(
        &self,
        command: impl FnOnce(&mut dyn Tx, &Bureau) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let bureau = Arc::clone(&self.bureau);
        let (answer, answered) = oneshot::channel();
        self.store.write_then(
            move |tx| command(tx, &bureau),
            move |result| {
                // Whoever asked may have gone away; the command has had its effect all the same.
                let _ = answer.send(result);
            },
        );
        answered.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Reads from a snapshot.
    pub(crate) async fn read<T, E>(
        &self,
        read: impl FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match self.execution {
            // In a simulation everything runs on one thread, in one order.
            Execution::Inline => self.store.read(read),
            Execution::WriterThread => {
                let store = self.store.clone();
                let joined = tokio::task::spawn_blocking(move || store.read(read)).await;
                joined.unwrap_or_else(|_| Err(StoreError::Closed.into()))
            }
        }
    }

    /// The TLS configuration of the port for partners: it lets in whose key our register has for TLS.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn peer_tls(&self) -> Result<Arc<rustls::ServerConfig>, NodeError> {
        let door: Arc<dyn Doorkeeper> = Arc::<PeerKeys>::clone(&self.peer_keys);
        Ok(self.bureau.identity.tls.server(door, self.config.exchange.key_exchange)?)
    }

    /// The partner whose request came on a connection with this TLS key. What the handshake found may have ended since.
    ///
    /// On a connection of our own relay, `carried` is what it says of the key that the partner has proved to hold there.
    /// That key is looked up in our register as if the partner had come itself, so that nobody gets in through the relay
    /// who would not get in without it. What anyone else says there is not looked at.
    ///
    /// # Errors
    /// Why it may not come in.
    pub fn admit(&self, key: Digest, carried: Option<&str>) -> Result<Administration, ChannelRefusal> {
        let now = self.now();
        let carried = match self.peer_keys.admit(key, now)? {
            Entrant::Partner(administration) => return Ok(administration),
            Entrant::Relay => carried.unwrap_or_default(),
        };
        let silent = |detail| ChannelRefusal::new(ChannelReason::RelayNamesNoKey, detail);
        let key =
            Digest::parse(carried).map_err(|_| silent(format!("`{PARTNER_KEY_HEADER}` holds no key")))?;
        match self.peer_keys.admit(key, now)? {
            Entrant::Partner(administration) => Ok(administration),
            Entrant::Relay => Err(silent("it names its own key".to_owned())),
        }
    }

    /// A partner has come in with this key exchange.
    pub fn peer_came_in(&self, group: &str) {
        self.counters.channel().shaken(Side::Incoming, group);
    }

    /// A peer was turned away: it is counted, and the log says why.
    pub fn peer_refused(&self, refusal: &ChannelRefusal, address: &str) {
        self.counters.channel().refused(Side::Incoming, refusal);
        let (code, detail) = (refusal.reason.code(), &refusal.detail);
        tracing::warn!(code, address, detail, "refused a peer at the port for partners");
    }

    /// Lets the writer finish, and closes the store.
    pub async fn close(&self) {
        let store = self.store.clone();
        // If the thread panicked, the store is closed by the end of the process.
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
    }
}

/// Where each partner is found: at the address of its card, or through our own relay.
fn routes(config: &Config, bureau: &Bureau) -> BTreeMap<Administration, Route> {
    let relay = config.relay.as_ref().and_then(|relay| Some((relay.address.clone()?, relay.key)));
    let route = |card: &PartnerCard| match &relay {
        Some((address, key)) => {
            let accepted = AcceptedKey {
                administration: bureau.administration.clone(),
                from: Timestamp::from_micros(i64::MIN),
                until: Timestamp::from_micros(i64::MAX),
            };
            let keys = PeerKeys::only(*key, accepted);
            Route { address: address.clone(), keys, carrier: Carrier::Relay }
        }
        None => {
            let keys = PeerKeys::of_card(&card.keys);
            Route { address: card.address.clone(), keys, carrier: Carrier::Partner }
        }
    };
    bureau.partners.iter().map(|(partner, card)| (partner.clone(), route(card))).collect()
}
