//! A node: the application of one administration, between the outside and the rooms.

use crate::attachments::Transfers;
use crate::bureau::Bureau;
use crate::channel_counts::Side;
use crate::channel_refusal::ChannelRefusal;
use crate::circuits::Circuits;
use crate::clock::World;
use crate::config::{Config, ConfigError};
use crate::counters::Counters;
use crate::effort::{Effort, Step};
use crate::exchange_desk::Told;
use crate::identity::IdentityError;
use crate::in_force::InForce;
use crate::measure::Measured;
use crate::opening::open_parts;
use crate::principals::PrincipalError;
use crate::proceeding::ProceedingError;
use crate::reception::ReceptionError;
use crate::reference::ReferenceError;
use crate::settlements::Settlements;
use crate::tls::TlsError;
use crate::transparency::{FileHead, HeadRecord, LogError, LogOperator, MemoryHead};
use crate::transport::{HttpsTransport, Transport};
use agreements::CompileError;
use base::{Administration, Timestamp};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
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
    /// A message must not be erased.
    #[error(transparent)]
    Erase(#[from] crate::erasing::EraseError),
    /// The evidence of a message cannot be exported.
    #[error(transparent)]
    Export(#[from] crate::exporting::ExportError),
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
    /// A partner's card was expected.
    #[error("the card is that of `{0}`, which runs this node: enter the card of a partner")]
    OwnCard(Administration),
    /// The log cannot be read or signed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A version of a key register is refused.
    #[error(transparent)]
    Register(Box<evidence::key_register::RegisterError>),
    /// There is no key register.
    #[error("there is no key register for `{0}`: make it with `tidewaiter key register`")]
    NoRegister(String),
    /// There is no such agreement here.
    #[error("there is no agreement `{0}` here")]
    NoAgreement(String),
    /// Cards are missing that a key register is made of.
    #[error("there are too few cards for `{0}`: enter the cards of its parties first")]
    NoCards(String),
    /// This administration does not sign the register.
    #[error("this administration is no steward of the key register of `{0}`")]
    NoSteward(String),
    /// A partner has no register with us.
    #[error(
        "`{0}` knows this node by its card alone: make a key register with it, or suspend it and exchange cards anew"
    )]
    CardOnly(Administration),
    /// An order about keys says something impossible.
    #[error("{0}")]
    Order(String),
    /// The writer is gone.
    #[error("the store has stopped")]
    Stopped,
}

impl NodeError {
    /// Whether an order about keys was refused for what it says: trying the same again does not help.
    pub fn is_about_keys(&self) -> bool {
        matches!(
            self,
            Self::Register(_)
                | Self::NoRegister(_)
                | Self::NoAgreement(_)
                | Self::NoCards(_)
                | Self::NoSteward(_)
                | Self::CardOnly(_)
                | Self::Order(_)
                | Self::Identity(_)
        )
    }
}

/// The application of one administration.
pub struct Node {
    config: Config,
    administration: Administration,
    exercise: bool,
    world: World,
    in_force: Arc<InForce>,
    proposing: tokio::sync::Mutex<()>,
    changing: Mutex<()>,
    changes: tokio::sync::Mutex<()>,
    store: Store,
    execution: Execution,
    transport: Arc<dyn Transport>,
    counters: Counters,
    effort: Arc<Effort>,
    settlements: Settlements,
    measured: Measured,
    circuits: Circuits,
    stage_circuits: Circuits,
    stages: Notify,
    told_alarms: Told,
    transfers: Transfers,
    sender: Notify,
    sending: AtomicBool,
    log_operator: LogOperator,
}

impl Node {
    /// Opens the node of a configuration, with its own writer thread and HTTPS to its partners.
    ///
    /// # Errors
    /// When a file is missing or malformed, an agreement does not compile, or the store cannot be opened.
    pub async fn open(config: Config, world: World) -> Result<Arc<Self>, NodeError> {
        let (config, store, bureau) = open_parts(config, world).await?;
        let transport = HttpsTransport::new(&bureau)?;
        let counters = Counters::with_channel(transport.counts());
        Ok(Self::assemble_with_record(config, bureau, store, Arc::new(transport), counters).await)
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
        Ok(Self::assemble_with_record(config, bureau, store, transport, Counters::default()).await)
    }

    /// A node whose last signed checkpoint is on record beside its keys; it compares the two before it does anything.
    async fn assemble_with_record(
        config: Config,
        bureau: Bureau,
        store: Store,
        transport: Arc<dyn Transport>,
        counters: Counters,
    ) -> Arc<Self> {
        let mut path = config.resolve(&config.keys).into_os_string();
        path.push(".checkpoint");
        let record = Arc::new(FileHead::new(path.into()));
        let node = Self::with_counters(
            config,
            bureau,
            store,
            Execution::WriterThread,
            transport,
            (record, counters),
        );
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
        Self::with_counters(config, bureau, store, execution, transport, (record, Counters::default()))
    }

    fn with_counters(
        config: Config,
        bureau: Bureau,
        store: Store,
        execution: Execution,
        transport: Arc<dyn Transport>,
        (record, counters): (Arc<dyn HeadRecord>, Counters),
    ) -> Arc<Self> {
        let rests = (config.exchange.rest_first_ms, config.exchange.rest_longest_ms);
        let circuits = || Circuits::resting(rests.0, rests.1);
        Arc::new(Self {
            config,
            administration: bureau.administration.clone(),
            exercise: bureau.exercise,
            world: bureau.world.clone(),
            in_force: Arc::new(InForce::new(bureau)),
            proposing: tokio::sync::Mutex::new(()),
            changing: Mutex::new(()),
            changes: tokio::sync::Mutex::new(()),
            store,
            execution,
            transport,
            counters,
            effort: Arc::default(),
            settlements: Settlements::default(),
            measured: Measured::default(),
            circuits: circuits(),
            stage_circuits: circuits(),
            stages: Notify::new(),
            told_alarms: Told::default(),
            transfers: Transfers::default(),
            sender: Notify::new(),
            sending: AtomicBool::new(false),
            log_operator: LogOperator::new(record),
        })
    }

    /// The administration.
    pub fn administration(&self) -> &Administration {
        &self.administration
    }

    /// Whether it takes part in exercises only.
    pub fn exercise(&self) -> bool {
        self.exercise
    }

    /// How many connections one key of a partner may have open at once, where the configuration says it.
    pub fn connections_per_key(&self) -> Option<usize> {
        self.config().listen.connections_per_key.map(NonZeroUsize::get)
    }

    /// The bureau in force now: keep it for as long as one piece of work takes.
    pub(crate) fn bureau(&self) -> Arc<Bureau> {
        self.in_force.bureau()
    }

    pub(crate) fn in_force(&self) -> &InForce {
        &self.in_force
    }

    /// Held while a proposal for a key register is driven on.
    pub(crate) fn proposing(&self) -> &tokio::sync::Mutex<()> {
        &self.proposing
    }

    /// Held while the bureau is replaced.
    pub(crate) fn changing(&self) -> &Mutex<()> {
        &self.changing
    }

    /// Held from a change in the database until it is in force.
    pub(crate) fn changes(&self) -> &tokio::sync::Mutex<()> {
        &self.changes
    }

    pub(crate) fn execution(&self) -> Execution {
        self.execution
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

    /// The processor time that messages between administrations took here.
    pub fn effort(&self) -> &Effort {
        &self.effort
    }

    pub(crate) fn shared_effort(&self) -> Arc<Effort> {
        Arc::clone(&self.effort)
    }

    /// Who hears of letters that are settled.
    pub fn settlements(&self) -> &Settlements {
        &self.settlements
    }

    pub(crate) fn transfers(&self) -> &Transfers {
        &self.transfers
    }

    /// The ways of letters to partners.
    pub(crate) fn circuits(&self) -> &Circuits {
        &self.circuits
    }

    /// The ways of staged statements to partners.
    pub(crate) fn stage_circuits(&self) -> &Circuits {
        &self.stage_circuits
    }

    /// The alarms of the exchange that officers have been told of.
    pub(crate) fn told_alarms(&self) -> &Told {
        &self.told_alarms
    }

    /// Tells the bearer of staged statements that there may be some.
    pub(crate) fn wake_stages(&self) {
        self.stages.notify_one();
    }

    pub(crate) async fn stages_woken(&self) {
        self.stages.notified().await;
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

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    /// Whether the workers run: letters leave by themselves.
    pub(crate) fn is_sending(&self) -> bool {
        self.sending.load(Ordering::Relaxed)
    }

    pub(crate) fn set_sending(&self, sending: bool) {
        self.sending.store(sending, Ordering::Relaxed);
    }

    /// Tells the sender that there may be letters to deliver.
    pub(crate) fn wake_sender(&self) {
        self.sender.notify_one();
    }

    pub(crate) async fn sender_woken(&self) {
        self.sender.notified().await;
    }

    /// Runs a command in a transaction of its own, with the bureau that is in force when it begins, and returns when it
    /// is durable.
    pub(crate) async fn write<T, E>(
        &self,
        command: impl FnOnce(&mut dyn Tx, &Bureau) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let in_force = Arc::clone(&self.in_force);
        let (answer, answered) = oneshot::channel();
        self.store.write_then(
            move |tx| command(tx, &in_force.bureau()),
            move |result| {
                // Whoever asked may have gone away; the command has had its effect all the same.
                let _ = answer.send(result);
            },
        );
        answered.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Runs a command as [`Node::write`] does, and counts its processor time for `step`.
    pub(crate) async fn write_as<T, E>(
        &self,
        step: Step,
        command: impl FnOnce(&mut dyn Tx, &Bureau) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let effort = Arc::clone(&self.effort);
        self.write(move |tx, bureau| effort.of(step, || command(tx, bureau))).await
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

    /// Reads as [`Node::read`] does, and counts its processor time for `step`.
    pub(crate) async fn read_as<T, E>(
        &self,
        step: Step,
        read: impl FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let effort = Arc::clone(&self.effort);
        self.read(move |tx| effort.of(step, || read(tx))).await
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
