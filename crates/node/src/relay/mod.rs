//! The relay: a node's front in the zone between networks (DMZ), which cannot read what passes.
//!
//! It ends the partner's TLS with a key of its own, looks at who sends to whom, at sizes and rates, and hands the
//! envelope on over mutual TLS; the other way round for what the node sends. It holds no evidence key, no agreement and
//! no database. Parts stay sealed for the recipient's node, and what is changed on the way no longer proves.
//!
//! It keeps nothing: the answer to an envelope is the recipient's signed receipt, which only the node behind can give,
//! and the sender's own outbox repeats what got no answer until it expires. A spool here would be one more copy that can
//! be lost, and an acknowledgement that proves nothing.
//!
//! Its TLS key is the one that partners register for `tls`, and it is registered for nothing else. The node behind lets
//! it in by its own configuration (`[relay]`). There the relay states which TLS key a partner has proved to hold, and
//! the node looks that key up in its own register again: a relay that lies gains no more than a carrier has, since who
//! sent a message is proved by its signature alone.

mod client;
mod config;
mod rate;
mod rules;
mod set_up;

pub use client::{Failure, ForwardClient};
pub use config::{Limits, RelayConfig, RelayError};
pub use rate::Rates;
pub use rules::{Passage, RelayReason, RelayRefusal};
pub use set_up::{RelayKeys, RelaySetUp, initialise as initialise_relay};

use crate::channel_counts::{ChannelCounts, Side};
use crate::channel_refusal::ChannelRefusal;
use crate::clock::World;
use crate::identity::PartnerCard;
use crate::peer_keys::{AcceptedKey, Doorkeeper, Entrant, PeerKeys, tls_key_of};
use base::{Administration, Digest, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The header in which a relay tells its node which TLS key the partner has proved to hold: 64 hexadecimal digits.
pub const PARTNER_KEY_HEADER: &str = "tidewaiter-partner-key";

/// The header in which a node tells its relay for whom a request is: the administration.
pub const RECIPIENT_HEADER: &str = "tidewaiter-recipient";

/// The beginnings of the paths that a relay hands on: what partners' nodes say to each other, and the log, which anyone
/// may read.
pub const PEER_PATHS: [&str; 2] = ["/peer/v1/", "/log/"];

/// A relay at work.
pub struct Relay {
    config: RelayConfig,
    keys: RelayKeys,
    world: World,
    partners: RwLock<Arc<Partners>>,
    inner: ForwardClient,
    rates: Mutex<Rates>,
    counts: Arc<ChannelCounts>,
    refusals: Mutex<BTreeMap<(Side, &'static str), u64>>,
    passed: Mutex<BTreeMap<Side, u64>>,
}

/// The partners whose cards lie in the relay's folder.
pub struct Partners {
    cards: Vec<PartnerCard>,
    keys: PeerKeys,
    clients: BTreeMap<Administration, ForwardClient>,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Relay").field("administration", &self.config.administration).finish_non_exhaustive()
    }
}

impl Relay {
    /// The relay of a configuration.
    ///
    /// # Errors
    /// When its key or a partner's card cannot be read, or TLS cannot be set up.
    pub fn open(config: RelayConfig, world: World) -> Result<Arc<Self>, RelayError> {
        let keys = RelayKeys::load(&config.resolve(&config.key))?;
        let counts = Arc::new(ChannelCounts::default());
        let inner = Self::client(&keys, &config, &counts, &config.inner.address, inner_key(&config))?;
        let partners = Self::read_partners(&config, &keys, &counts)?;
        let rates = Rates::new(config.limits.requests_per_minute, config.limits.burst);
        Ok(Arc::new(Self {
            partners: RwLock::new(Arc::new(partners)),
            rates: Mutex::new(rates),
            refusals: Mutex::default(),
            passed: Mutex::default(),
            config,
            keys,
            world,
            inner,
            counts,
        }))
    }

    fn client(
        keys: &RelayKeys,
        config: &RelayConfig,
        counts: &Arc<ChannelCounts>,
        address: &str,
        accepted: PeerKeys,
    ) -> Result<ForwardClient, RelayError> {
        let tls = keys.tls.client(Arc::new(accepted), config.key_exchange)?;
        Ok(ForwardClient::new(address, tls, Arc::clone(counts)))
    }

    fn read_partners(
        config: &RelayConfig,
        keys: &RelayKeys,
        counts: &Arc<ChannelCounts>,
    ) -> Result<Partners, RelayError> {
        let cards = config.partner_cards()?;
        let mut clients = BTreeMap::new();
        for (partner, (keys_of_it, address)) in ways(&cards) {
            let client = Self::client(keys, config, counts, &address, PeerKeys::accepting(keys_of_it))?;
            clients.insert(partner, client);
        }
        let known = PeerKeys::accepting(cards.iter().map(|card| tls_key_of(&card.keys)).collect());
        let known = cards.iter().fold(known, |known, card| known.with_evidence_keys(&card.keys));
        Ok(Partners { keys: known, clients, cards })
    }

    /// Reads the partners' cards again, and returns whether anything changed. What cannot be read leaves all as it was.
    ///
    /// # Errors
    /// When a card cannot be read.
    pub fn read_partners_again(&self) -> Result<bool, RelayError> {
        if self.config.partner_cards()? == self.partners().cards {
            return Ok(false);
        }
        let partners = Self::read_partners(&self.config, &self.keys, &self.counts)?;
        *self.partners.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(partners);
        Ok(true)
    }

    /// The configuration.
    pub fn config(&self) -> &RelayConfig {
        &self.config
    }

    fn partners(&self) -> Arc<Partners> {
        Arc::clone(&self.partners.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The TLS configuration of the port for partners.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn partner_tls(self: &Arc<Self>) -> Result<Arc<rustls::ServerConfig>, RelayError> {
        let door: Arc<dyn Doorkeeper> = Arc::<Self>::clone(self);
        Ok(self.keys.tls.server(door, self.config.key_exchange)?)
    }

    /// The TLS configuration of the port for the node behind: it lets nobody else in.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn inner_tls(&self) -> Result<Arc<rustls::ServerConfig>, RelayError> {
        Ok(self.keys.tls.server(Arc::new(inner_key(&self.config)), self.config.key_exchange)?)
    }

    /// The partner that the owner of a TLS key speaks for now.
    ///
    /// # Errors
    /// Why it may not come in.
    pub fn partner_of(&self, key: Digest) -> Result<Administration, ChannelRefusal> {
        match self.admit(key, self.world.clock.now())? {
            Entrant::Partner(administration) => Ok(administration),
            // INVARIANT: the relay knows no front of its own; its door has partners only.
            Entrant::Relay => Err(ChannelRefusal::new(crate::ChannelReason::OwnKey, "")),
        }
    }

    /// Whether this partner may make one more request now.
    ///
    /// # Errors
    /// `rate-limited`.
    pub fn within_rate(&self, partner: &Administration) -> Result<(), RelayRefusal> {
        let now = self.world.clock.now();
        self.rates.lock().unwrap_or_else(PoisonError::into_inner).take(partner, now)
    }

    /// The node behind.
    pub fn inner(&self) -> &ForwardClient {
        &self.inner
    }

    /// The way to a partner, if it is one of ours.
    pub fn way_to(&self, partner: &Administration) -> Option<ForwardClient> {
        self.partners().clients.get(partner).cloned()
    }

    /// A connection was opened to one of the relay's ports.
    pub fn came_in(&self, group: &str) {
        self.counts.shaken(Side::Incoming, group);
    }

    /// A peer was turned away at the channel.
    pub fn peer_refused(&self, refusal: &ChannelRefusal, address: &str) {
        self.counts.refused(Side::Incoming, refusal);
        let (code, detail) = (refusal.reason.code(), &refusal.detail);
        tracing::warn!(code, address, detail, "refused a peer at the relay");
    }

    /// A request was refused, or could not be handed on.
    pub fn refused(&self, side: Side, partner: &str, refusal: &RelayRefusal) {
        let (code, detail) = (refusal.reason.code(), &refusal.detail);
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        *refusals.entry((side, code)).or_default() += 1;
        tracing::warn!(code, partner, %side, detail, "refused a request");
    }

    /// A request was handed on and answered.
    pub fn passed(&self, side: Side) {
        *self.passed.lock().unwrap_or_else(PoisonError::into_inner).entry(side).or_default() += 1;
    }

    /// The metrics of the relay, in the Prometheus text format.
    pub fn metrics(&self) -> String {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let mut refused = self.counts.channel_refusals();
        for side in [Side::Incoming, Side::Outgoing] {
            for reason in RelayReason::ALL {
                let count = refusals.get(&(side, reason.code())).copied().unwrap_or_default();
                refused.push((format!("{{at=\"{side}-relay\",code=\"{}\"}}", reason.code()), count));
            }
        }
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = [Side::Incoming, Side::Outgoing]
            .map(|side| (format!("{{side=\"{side}\"}}"), passed.get(&side).copied().unwrap_or_default()));
        let mut out = String::new();
        let mut sample = |name, help, rows: &[(String, u64)]| {
            crate::metrics::sample(&mut out, name, "counter", help, rows);
        };
        sample("relay_requests_total", "Requests that were handed on and answered.", &passed);
        sample("refusals_total", "Peers and requests that were refused, by place and code.", &refused);
        let help = "TLS connections, by who opened them and the key exchange.";
        sample("handshakes_total", help, &self.counts.handshakes());
        out
    }
}

impl Doorkeeper for Relay {
    fn admit(&self, key: Digest, now: Timestamp) -> Result<Entrant, ChannelRefusal> {
        self.partners().keys.admit(key, now)
    }
}

/// The TLS keys that are accepted of each partner where the relay calls it, and its address. While a partner changes its TLS
/// key two cards of it lie in the folder: both keys count, and the card with the later start has the address.
fn ways(cards: &[PartnerCard]) -> BTreeMap<Administration, (BTreeMap<Digest, AcceptedKey>, String)> {
    let mut by_age: Vec<_> = cards.iter().collect();
    by_age.sort_by_key(|card| card.keys.valid_from);
    let mut ways: BTreeMap<_, (BTreeMap<_, _>, String)> = BTreeMap::new();
    for card in by_age {
        let (keys, address) = ways.entry(card.keys.administration.clone()).or_default();
        keys.extend([tls_key_of(&card.keys)]);
        address.clone_from(&card.address);
    }
    ways
}

/// The key of the node behind, which is valid for as long as the configuration names it.
fn inner_key(config: &RelayConfig) -> PeerKeys {
    PeerKeys::accepting(BTreeMap::from([(config.inner.key, AcceptedKey::always(&config.administration))]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use base::Country;

    #[test]
    fn two_cards_of_one_administration_both_let_in() {
        let folder = std::env::temp_dir().join(format!("tidewaiter-relay-cards-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let world = World::system();
        let of = |code| Administration::of(Country::parse(code).unwrap());
        let unused = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let set_up = RelaySetUp {
            folder: folder.join("relay"),
            administration: of("GB"),
            partners: unused,
            inner: unused,
            inner_address: "https://127.0.0.1:1".into(),
            inner_key: Digest([7; 32]),
        };
        let (path, _) = initialise_relay(&set_up).unwrap();
        let partners = folder.join("relay/partners");
        let card = |name: &str| {
            let identity = Identity::create(&world, &of("FR"), &folder.join(name), None).unwrap();
            let address = format!("https://{name}.example:9443");
            let card = PartnerCard { address, keys: identity.card };
            card.save(&partners.join(format!("{name}.json"))).unwrap();
            card.keys.tls_spki
        };
        // The younger card is read first: its name comes first.
        let old = card("b");
        let relay = Relay::open(RelayConfig::load(&path).unwrap(), world.clone()).unwrap();
        let new = card("a");
        assert_eq!(relay.partner_of(old).unwrap(), of("FR"));
        assert!(relay.partner_of(new).is_err());
        assert!(relay.read_partners_again().unwrap());
        for key in [old, new] {
            assert_eq!(relay.partner_of(key).unwrap(), of("FR"));
        }
        let ways = ways(&relay.partners().cards);
        let (accepted, address) = &ways[&of("FR")];
        assert!(accepted.contains_key(&old) && accepted.contains_key(&new), "the relay calls either");
        assert_eq!(address, "https://a.example:9443");
        let _ = std::fs::remove_dir_all(&folder);
    }
}
