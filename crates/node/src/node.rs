//! A node: the application of one administration, between the outside and the rooms.

use crate::bureau::Bureau;
use crate::clock::World;
use crate::config::{Config, ConfigError};
use crate::counters::Counters;
use crate::delivery::UnderWay;
use crate::identity::IdentityError;
use crate::measure::Measured;
use crate::opening::open_parts;
use crate::principals::PrincipalError;
use crate::proceeding::ProceedingError;
use crate::reception::ReceptionError;
use crate::reference::ReferenceError;
use crate::tls::{AcceptedKey, TlsError};
use crate::transparency::{FileHead, HeadRecord, LogError, LogOperator, MemoryHead};
use crate::transport::{HttpsTransport, Route, Transport};
use agreements::CompileError;
use base::{Administration, Timestamp};
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
    /// The log cannot be read or signed.
    #[error(transparent)]
    Log(#[from] LogError),
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
    log_operator: LogOperator,
}

impl Node {
    /// Opens the node of a configuration, with its own writer thread and HTTPS to its partners.
    ///
    /// # Errors
    /// When a file is missing or malformed, an agreement does not compile, or the store cannot be opened.
    pub async fn open(config: Config, world: World) -> Result<Arc<Self>, NodeError> {
        let (config, store, bureau) = open_parts(config, world).await?;
        let routes = bureau.partners.iter().map(|(administration, card)| {
            let (from, until) = (card.keys.valid_from, card.keys.valid_until);
            let key = AcceptedKey { administration: administration.clone(), from, until };
            let route = Route { address: card.address.clone(), tls_key: card.keys.tls_spki, key };
            (administration.clone(), route)
        });
        let transport = HttpsTransport::new(&bureau.identity.tls, &routes.collect())?;
        Ok(Self::assemble_with_record(config, bureau, store, Arc::new(transport)).await)
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
        Ok(Self::assemble_with_record(config, bureau, store, transport).await)
    }

    /// A node whose last signed checkpoint is on record beside its keys; it compares the two before it does anything.
    async fn assemble_with_record(
        config: Config,
        bureau: Bureau,
        store: Store,
        transport: Arc<dyn Transport>,
    ) -> Arc<Self> {
        let mut path = config.resolve(&config.keys).into_os_string();
        path.push(".checkpoint");
        let record = Arc::new(FileHead::new(path.into()));
        let node = Self::with_record(config, bureau, store, Execution::WriterThread, transport, record);
        node.check_recorded_head().await;
        node
    }

    /// A node from its parts, for simulations.
    pub fn assemble(
        config: Config,
        bureau: Bureau,
        store: Store,
        execution: Execution,
        transport: Arc<dyn Transport>,
    ) -> Arc<Self> {
        Self::with_record(config, bureau, store, execution, transport, Arc::new(MemoryHead::default()))
    }

    /// As [`Node::assemble`], with the record of the last signed checkpoint of a simulated machine.
    pub fn with_record(
        config: Config,
        bureau: Bureau,
        store: Store,
        execution: Execution,
        transport: Arc<dyn Transport>,
        record: Arc<dyn HeadRecord>,
    ) -> Arc<Self> {
        Arc::new(Self {
            config,
            bureau: Arc::new(bureau),
            store,
            execution,
            transport,
            counters: Counters::default(),
            measured: Measured::default(),
            under_way: UnderWay::default(),
            sender: Notify::new(),
            log_operator: LogOperator::new(record),
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

    pub(crate) fn log_operator(&self) -> &LogOperator {
        &self.log_operator
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

    /// The TLS configuration of the port for partners: it accepts the keys of our partners' cards only.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn peer_tls(&self) -> Result<Arc<rustls::ServerConfig>, NodeError> {
        let partners = self.bureau.partners.iter();
        let keys = partners.map(|(administration, card)| {
            let from = card.keys.valid_from;
            let key =
                AcceptedKey { administration: administration.clone(), from, until: card.keys.valid_until };
            (card.keys.tls_spki, key)
        });
        Ok(self.bureau.identity.tls.server(keys.collect())?)
    }

    /// The partner that showed this certificate.
    pub fn administration_of_key(
        &self,
        certificate: &rustls::pki_types::CertificateDer<'_>,
    ) -> Option<Administration> {
        let key = crate::tls::key_digest(certificate).ok()?;
        self.bureau.partner_of_key(key).cloned()
    }

    /// Lets the writer finish, and closes the store.
    pub async fn close(&self) {
        let store = self.store.clone();
        // If the thread panicked, the store is closed by the end of the process.
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
    }
}
