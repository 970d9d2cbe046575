//! Opening a node: everything that its decisions rest on, read from its files and its store.

use crate::bureau::{Bureau, ChannelPolicy};
use crate::clock::World;
use crate::config::{Config, Rates};
use crate::federation;
use crate::identity::{Identity, PartnerCard};
use crate::keys::ml_dsa::MlDsaWitnessing;
use crate::keys::records;
use crate::node::NodeError;
use crate::partners;
use crate::reference::{self, ReferenceError};
use agreements::{Agreement, DecisionPoint};
use base::reference::ExchangeRates;
use std::sync::Arc;
use store::Store;

/// Opens the store, and reads everything that decisions rest on. Blocking work, so it has a thread of its own.
pub(crate) async fn open_parts(config: Config, world: World) -> Result<(Config, Store, Bureau), NodeError> {
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
    let cards = config.partners.iter().map(|path| PartnerCard::load(&config.resolve(path)));
    let cards = cards.collect::<Result<Vec<_>, _>>()?;
    let now = world.clock.now();
    let partners = store.write(move |tx| partners::take_up(tx, cards, now))?;
    let mut agreements = Vec::new();
    for path in &config.agreements {
        let path = config.resolve(path);
        let failed = |error: &dyn std::fmt::Display| {
            NodeError::Agreement(path.display().to_string(), error.to_string())
        };
        let text = std::fs::read_to_string(&path).map_err(|error| failed(&error))?;
        agreements.push(Agreement::from_toml(&text).map_err(|error| failed(&error))?);
    }
    for text in store.read(|tx| federation::agreements(tx))? {
        let entered = Agreement::from_toml(&text).map_err(|error| {
            NodeError::Agreement("entered by an invitation".to_owned(), error.to_string())
        })?;
        // What the configuration says of a version stands; an invitation with another text was refused.
        let known = |known: &Agreement| known.id == entered.id && known.version == entered.version;
        if !agreements.iter().any(known) {
            agreements.push(entered);
        }
    }
    let catalogue = store.read(|tx| reference::stored_catalogue(tx))?;
    let rates = exchange_rates(config)?;
    let registers = store.read(|tx| records::in_force(tx))?;
    let ml_dsa = MlDsaWitnessing::of(&config.log, &identity)?;
    let mut bureau = Bureau {
        edition: 0,
        administration: config.administration.clone(),
        exercise: config.exercise,
        identity: Arc::new(identity),
        suspended: partners::suspended(&partners),
        partners: partners::cards(partners),
        registers: Arc::new(registers),
        channel: ChannelPolicy::of(config),
        ml_dsa,
        decision_point: Arc::new(DecisionPoint::new(agreements, Vec::new())?),
        profile: Bureau::profile_of(config),
        catalogue: Arc::new(catalogue),
        rates: Arc::new(rates),
        world,
    };
    bureau.choose_keys(now)?;
    Ok(bureau)
}
