//! What is in force at a running node, and how it is replaced: keys, partners and agreements change without a restart.
//!
//! A proceeding works with the snapshot that it began with. A replacement is a new snapshot; nothing in one is ever
//! changed, so that whoever holds one sees one consistent state.

use crate::bureau::Bureau;
use crate::channel_refusal::{ChannelReason, ChannelRefusal};
use crate::node::{Node, NodeError};
use crate::peer_keys::{AcceptedKey, Doorkeeper, Entrant, PeerKeys};
use crate::relay::PARTNER_KEY_HEADER;
use crate::tls::TlsError;
use crate::transport::{Carrier, Route};
use base::{Administration, Digest};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The bureau in force.
pub(crate) struct InForce {
    bureau: RwLock<Arc<Bureau>>,
    door: Mutex<Option<Door>>,
}

/// The port for partners, as one edition of the bureau has it.
#[derive(Clone)]
struct Door {
    edition: u64,
    keys: Arc<PeerKeys>,
    tls: Arc<rustls::ServerConfig>,
}

impl Door {
    fn of(bureau: &Bureau) -> Result<Self, TlsError> {
        let keys = Arc::new(bureau.peer_keys());
        let doorkeeper: Arc<dyn Doorkeeper> = Arc::<PeerKeys>::clone(&keys);
        let tls = bureau.identity.tls.server(doorkeeper, bureau.channel.key_exchange)?;
        Ok(Self { edition: bureau.edition, keys, tls })
    }
}

impl InForce {
    pub(crate) fn new(bureau: Bureau) -> Self {
        Self { bureau: RwLock::new(Arc::new(bureau)), door: Mutex::new(None) }
    }

    /// The snapshot in force now.
    pub(crate) fn bureau(&self) -> Arc<Bureau> {
        Arc::clone(&self.bureau.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, bureau: Bureau) {
        *self.bureau.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(bureau);
    }
}

impl Node {
    /// Puts a changed bureau in force: what begins from now on works with it, connections to partners are made by it,
    /// and requests on connections that are open already are admitted by it.
    ///
    /// One change is made at a time; what `change` reads of the bureau is what is in force then.
    ///
    /// # Errors
    /// When TLS cannot be set up with what changed. Nothing has changed then.
    pub fn replace_bureau(&self, change: impl FnOnce(&mut Bureau)) -> Result<(), NodeError> {
        let _one_at_a_time = self.changing().lock().unwrap_or_else(PoisonError::into_inner);
        let mut bureau = Bureau::clone(&self.bureau());
        change(&mut bureau);
        bureau.edition += 1;
        Door::of(&bureau)?;
        self.transport().follow(&bureau)?;
        self.in_force().replace(bureau);
        self.wake_sender();
        Ok(())
    }

    /// The TLS configuration of the port for partners: it lets in whose key our register has for TLS now. Ask for it for
    /// every connection.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn peer_tls(&self) -> Result<Arc<rustls::ServerConfig>, NodeError> {
        Ok(self.door()?.tls)
    }

    fn door(&self) -> Result<Door, TlsError> {
        let bureau = self.bureau();
        let mut kept = self.in_force().door.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(door) = kept.as_ref()
            && door.edition == bureau.edition
        {
            return Ok(door.clone());
        }
        let door = Door::of(&bureau)?;
        *kept = Some(door.clone());
        Ok(door)
    }

    /// The partner whose request came on a connection with this TLS key. Ask for every request: what the handshake found
    /// may have ended since.
    ///
    /// On a connection of our own relay, `carried` is what it says of the key that the partner has proved to hold there.
    /// That key is looked up in our register as if the partner had come itself, so that nobody gets in through the relay
    /// who would not get in without it. What anyone else says there is not looked at.
    ///
    /// # Errors
    /// Why it may not come in.
    pub fn admit(&self, key: Digest, carried: Option<&str>) -> Result<Administration, ChannelRefusal> {
        let administration = self.find_peer(key, carried)?;
        self.counters().channel().heard(&administration, self.now());
        Ok(administration)
    }

    fn find_peer(&self, key: Digest, carried: Option<&str>) -> Result<Administration, ChannelRefusal> {
        let door = self.door().map_err(|error| ChannelRefusal::new(ChannelReason::HandshakeFailed, error))?;
        let now = self.now();
        let carried = match door.keys.admit(key, now)? {
            Entrant::Partner(administration) => return Ok(administration),
            Entrant::Relay => carried.unwrap_or_default(),
        };
        let silent = |detail| ChannelRefusal::new(ChannelReason::RelayNamesNoKey, detail);
        let key =
            Digest::parse(carried).map_err(|_| silent(format!("`{PARTNER_KEY_HEADER}` holds no key")))?;
        match door.keys.admit(key, now)? {
            Entrant::Partner(administration) => Ok(administration),
            Entrant::Relay => Err(silent("it names its own key".to_owned())),
        }
    }
}

impl Bureau {
    /// Where each partner is found, and by which keys it is known: at the address of its card, or through our own relay.
    /// To a partner with whom the exchange is suspended there is no way.
    pub fn routes(&self) -> BTreeMap<Administration, Route> {
        let relay = self.channel.relay.as_ref().and_then(|relay| Some((relay.address.clone()?, relay.key)));
        let mut keys: BTreeMap<Administration, BTreeMap<_, _>> = BTreeMap::new();
        for (digest, key) in self.tls_keys() {
            keys.entry(key.administration.clone()).or_default().insert(digest, key);
        }
        let open = self.partners.iter().filter(|(partner, _)| !self.suspended.contains_key(partner));
        let known = open.filter_map(|(administration, card)| {
            let keys = keys.remove(administration)?;
            let route = match &relay {
                Some((address, key)) => Route {
                    address: address.clone(),
                    keys: BTreeMap::from([(*key, AcceptedKey::always(&self.administration))]),
                    carrier: Carrier::Relay,
                },
                None => Route { address: card.address.clone(), keys, carrier: Carrier::Partner },
            };
            Some((administration.clone(), route))
        });
        known.collect()
    }
}
