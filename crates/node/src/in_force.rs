//! What is in force at a running node, and how it is replaced: keys, partners and agreements change without a restart.
//!
//! A proceeding works with the snapshot that it began with. A replacement is a new snapshot; nothing in one is ever
//! changed, so that whoever holds one sees one consistent state.

use crate::bureau::Bureau;
use crate::node::{Node, NodeError};
use crate::transport::Route;
use base::{Administration, Digest};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The bureau in force.
pub(crate) struct InForce {
    bureau: RwLock<Arc<Bureau>>,
    /// The configuration of the port for partners, and the edition that it was made for.
    peer_tls: Mutex<Option<(u64, Arc<rustls::ServerConfig>)>>,
}

impl InForce {
    pub(crate) fn new(bureau: Bureau) -> Self {
        Self { bureau: RwLock::new(Arc::new(bureau)), peer_tls: Mutex::new(None) }
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
        bureau.identity.tls.server(bureau.tls_keys())?;
        self.transport().follow(&bureau)?;
        self.in_force().replace(bureau);
        self.wake_sender();
        Ok(())
    }

    /// The TLS configuration of the port for partners: it accepts the keys that are in force now. Ask for it for every
    /// connection.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn peer_tls(&self) -> Result<Arc<rustls::ServerConfig>, NodeError> {
        let bureau = self.bureau();
        let mut kept = self.in_force().peer_tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((edition, config)) = kept.as_ref()
            && *edition == bureau.edition
        {
            return Ok(Arc::clone(config));
        }
        let config = bureau.identity.tls.server(bureau.tls_keys())?;
        *kept = Some((bureau.edition, Arc::clone(&config)));
        Ok(config)
    }

    /// The partner whose TLS key this is and for whom it is in force now. Ask for every request: a key may be
    /// withdrawn while its connection is open.
    pub fn administration_of_key(&self, key: Digest) -> Option<Administration> {
        let accepted = self.bureau().tls_keys().remove(&key)?;
        let now = self.now();
        (accepted.from <= now && now < accepted.until).then_some(accepted.administration)
    }
}

impl Bureau {
    /// Where each partner is found, and by which keys it is known.
    pub fn routes(&self) -> BTreeMap<Administration, Route> {
        let mut keys: BTreeMap<Administration, BTreeMap<_, _>> = BTreeMap::new();
        for (digest, key) in self.tls_keys() {
            keys.entry(key.administration.clone()).or_default().insert(digest, key);
        }
        let known = self.partners.iter().filter_map(|(administration, card)| {
            let route = Route { address: card.address.clone(), keys: keys.remove(administration)? };
            Some((administration.clone(), route))
        });
        known.collect()
    }
}
