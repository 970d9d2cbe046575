//! A node: the application of one administration, between the outside and the rooms.

use crate::bureau::Bureau;
use crate::clock::World;
use crate::config::{Config, ConfigError, Rates};
use crate::counters::Counters;
use crate::delivery::UnderWay;
use crate::identity::{Identity, IdentityError, PartnerCard};
use crate::incoming::Incoming;
use crate::measure::Measured;
use crate::messages::outcome;
use crate::officer::OfficerDecision;
use crate::principals::{self, Principal, PrincipalError, Role, Session};
use crate::proceeding::{Origin, Proceeding, ProceedingError, Submission};
use crate::reception::{self, Handling, ReceptionError};
use crate::reference::{self, ReferenceError};
use crate::tls::{AcceptedKey, TlsError};
use crate::transport::{HttpsTransport, Route, Transport};
use crate::views::MessageRow;
use agreements::{Agreement, CompileError, DecisionPoint};
use base::reference::ExchangeRates;
use base::{Administration, Country, Timestamp};
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

/// From this length on a message is read on a thread of its own: reading it takes more than a millisecond.
const LONG_MESSAGE: usize = 128 * 1024;

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
        Ok(Self::assemble(config, bureau, store, Execution::WriterThread, Arc::new(transport)))
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

    /// Reads a message beside the writer; a long one on a thread of its own.
    async fn read_message(&self, xml: Vec<u8>) -> Result<Incoming, NodeError> {
        let now = self.now();
        if xml.len() < LONG_MESSAGE || matches!(self.execution, Execution::Inline) {
            return Ok(Incoming::read(xml, &self.bureau, now));
        }
        let bureau = Arc::clone(&self.bureau);
        let read = tokio::task::spawn_blocking(move || Incoming::read(xml, &bureau, now)).await;
        read.map_err(|_| NodeError::Stopped)
    }

    /// Takes a message from a trader. When this node fails on it, it is put on record and held for an officer.
    ///
    /// # Errors
    /// When the store is away; nothing has changed then, and the trader may try again. A rejected message is no error.
    pub async fn submit(&self, principal: &Principal, xml: Vec<u8>) -> Result<Submission, NodeError> {
        let origin = Origin::Trader(principal.clone());
        let incoming = self.read_message(xml.clone()).await?;
        let now = self.now();
        let (first, actor) = (origin.clone(), principal.name.clone());
        let taken = self
            .write(move |tx, bureau| -> Result<Submission, ProceedingError> {
                Proceeding::new(tx, bureau, now, &actor).take(first, incoming)
            })
            .await;
        let submission = match taken {
            Err(error) if !error.is_transient() => {
                tracing::error!(trader = principal.name, %error, "this node failed on a message: it is held for an officer");
                let (incoming, actor) = (self.read_message(xml).await?, principal.name.clone());
                self.write(move |tx, bureau| Proceeding::new(tx, bureau, now, &actor).hold(origin, &incoming))
                    .await?
            }
            taken => taken?,
        };
        self.counters.submitted(submission.accepted);
        self.wake_sender();
        Ok(submission)
    }

    /// Takes a message again that is held; `None` when there is no such message.
    ///
    /// # Errors
    /// When the node fails on it once more; it stays held then.
    pub async fn retry_held(
        &self,
        officer: &Principal,
        message: i64,
    ) -> Result<Option<Submission>, NodeError> {
        let found = self.message(message).await?.filter(|(row, ..)| row.outcome == outcome::HELD);
        let Some((row, owner, xml)) = found else { return Ok(None) };
        let origin = match Country::parse(&row.from_party) {
            Ok(country) => Origin::Partner {
                administration: Administration::of(country),
                exchange_id: row.exchange_id.unwrap_or_default(),
                clause: row.clause.unwrap_or_default(),
            },
            Err(_) => Origin::Trader(Principal { name: owner, role: Role::Trader }),
        };
        let (incoming, actor, now) = (self.read_message(xml).await?, officer.name.clone(), self.now());
        let submission = self
            .write(move |tx, bureau| {
                Proceeding::new(tx, bureau, now, &actor).take_again(message, origin, &incoming)
            })
            .await?;
        self.wake_sender();
        Ok(Some(submission))
    }

    /// The messages that are held for an officer, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn held_messages(&self) -> Result<Vec<MessageRow>, NodeError> {
        self.read(|tx| Ok(crate::views::held(tx)?)).await
    }

    /// Takes an officer's decision on a movement; `None` when there is no such movement.
    ///
    /// # Errors
    /// When the node cannot do what follows; nothing has changed then.
    pub async fn decide(
        &self,
        officer: &Principal,
        movement: &str,
        decision: OfficerDecision,
    ) -> Result<Option<Submission>, NodeError> {
        let (officer, movement, now) = (officer.clone(), movement.to_owned(), self.now());
        let submission = self
            .write(move |tx, bureau| -> Result<_, NodeError> {
                let mut proceeding = Proceeding::new(tx, bureau, now, &officer.name);
                Ok(proceeding.officer(&movement, decision)?)
            })
            .await?;
        self.wake_sender();
        Ok(submission)
    }

    /// Takes an envelope from a partner whose TLS key was verified, and returns the answer.
    ///
    /// # Errors
    /// When the node cannot take it now; nothing has changed then, and the partner tries again.
    pub async fn receive(&self, peer: &Administration, envelope: Vec<u8>) -> Result<Vec<u8>, NodeError> {
        let envelope = Arc::new(envelope);
        let first = self.receive_as(peer, &envelope, Handling::Proceed).await;
        let answer = match first {
            Err(NodeError::Reception(error)) if !error.is_transient() => {
                tracing::error!(%peer, %error, "this node failed on a message: it is held for an officer");
                self.receive_as(peer, &envelope, Handling::Hold).await
            }
            first => first,
        };
        self.counters.received();
        self.wake_sender();
        answer
    }

    async fn receive_as(
        &self,
        peer: &Administration,
        envelope: &Arc<Vec<u8>>,
        handling: Handling,
    ) -> Result<Vec<u8>, NodeError> {
        let (peer, envelope, now) = (peer.clone(), Arc::clone(envelope), self.now());
        // Signatures, seals and schemas are checked here, beside the writer and not on it.
        let opening = reception::open(&self.bureau, &peer, &envelope, now);
        self.write(move |tx, bureau| -> Result<_, NodeError> {
            Ok(reception::receive(tx, bureau, &peer, &envelope, opening, (now, handling))?)
        })
        .await
    }

    /// The principal that holds a token.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn principal_of(&self, token: &str) -> Result<Option<Principal>, NodeError> {
        let token = token.to_owned();
        self.read(move |tx| Ok(principals::by_token(tx, &token)?)).await
    }

    /// Signs an officer in at the console, and returns the value of the session's cookie.
    ///
    /// # Errors
    /// When the store fails. A wrong name or password is no error.
    pub async fn sign_in(&self, name: &str, password: &str) -> Result<Option<String>, NodeError> {
        let wanted = name.to_owned();
        let stored =
            self.read(move |tx| principals::password_of(tx, &wanted).map_err(NodeError::from)).await?;
        let (hash, role) =
            stored.map_or((principals::NOBODY.to_owned(), None), |(hash, role)| (hash, Some(role)));
        let password = password.to_owned();
        // The same work is done for an unknown name, so that the time says nothing about who exists.
        let matches =
            tokio::task::spawn_blocking(move || principals::password_matches(&hash, &password)).await;
        let (Ok(true), Some(role)) = (matches, role) else {
            return Ok(None);
        };
        let name = name.to_owned();
        let cookie = self
            .write(move |tx, bureau| {
                principals::open_session(tx, &bureau.world, &name, role).map_err(NodeError::from)
            })
            .await?;
        Ok(Some(cookie))
    }

    /// The session of a cookie's value.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn session(&self, cookie: &str) -> Result<Option<Session>, NodeError> {
        let (cookie, now) = (cookie.to_owned(), self.now());
        self.read(move |tx| Ok(principals::session(tx, now, &cookie)?)).await
    }

    /// Ends the session of a cookie's value.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sign_out(&self, cookie: &str) -> Result<(), NodeError> {
        let cookie = cookie.to_owned();
        self.write(move |tx, _| Ok(principals::close_session(tx, &cookie)?)).await
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

/// Opens the store, and reads everything that decisions rest on. Blocking work, so it has a thread of its own.
async fn open_parts(config: Config, world: World) -> Result<(Config, Store, Bureau), NodeError> {
    let opened = tokio::task::spawn_blocking(move || {
        let store = crate::setup::open_store(&config)?;
        let bureau = open_bureau(&config, world, &store)?;
        Ok((config, store, bureau))
    });
    opened.await.map_err(|_| NodeError::Stopped)?
}

/// The exchange rates of a configuration: those of its file, or the illustrative ones of a corridor on one machine, or
/// none. Without a rate, amounts in that currency cannot be covered, and an officer is told so.
fn exchange_rates(config: &Config) -> Result<ExchangeRates, NodeError> {
    match &config.transit.rates {
        Rates::None => Ok(ExchangeRates::default()),
        Rates::Illustrative => Ok(ExchangeRates::illustrative().map_err(ReferenceError::from)?),
        Rates::File(path) => {
            let path = config.resolve(path);
            let text = std::fs::read_to_string(&path)
                .map_err(|error| ReferenceError::Unreadable(path.clone(), error))?;
            Ok(ExchangeRates::parse(&path.display().to_string(), &text).map_err(ReferenceError::from)?)
        }
    }
}

/// Everything that a node's decisions rest on, read from its files and its store.
///
/// # Errors
/// When a file is missing or malformed, or an agreement does not compile.
pub fn open_bureau(config: &Config, world: World, store: &Store) -> Result<Bureau, NodeError> {
    let identity = Identity::load(&config.resolve(&config.keys))?;
    if identity.card.administration != config.administration {
        return Err(NodeError::OtherKeys {
            configured: config.administration.clone(),
            keys: identity.card.administration,
        });
    }
    let mut partners = BTreeMap::new();
    for path in &config.partners {
        let card = PartnerCard::load(&config.resolve(path))?;
        partners.insert(card.keys.administration.clone(), card);
    }
    let mut agreements = Vec::new();
    for path in &config.agreements {
        let path = config.resolve(path);
        let failed = |error: &dyn std::fmt::Display| {
            NodeError::Agreement(path.display().to_string(), error.to_string())
        };
        let text = std::fs::read_to_string(&path).map_err(|error| failed(&error))?;
        agreements.push(Agreement::from_toml(&text).map_err(|error| failed(&error))?);
    }
    let catalogue = store.read(|tx| reference::stored_catalogue(tx))?;
    let rates = exchange_rates(config)?;
    Ok(Bureau {
        administration: config.administration.clone(),
        exercise: config.exercise,
        identity,
        partners,
        decision_point: DecisionPoint::new(agreements, Vec::new())?,
        profile: Bureau::profile_of(config),
        catalogue,
        rates,
        world,
    })
}
