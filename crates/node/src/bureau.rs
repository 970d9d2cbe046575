//! What a node is while it runs: its administration's practice, agreements, partners and reference data. Read by every
//! proceeding, changed by none: what changes while the node runs is a new bureau ([`crate::Node::replace_bureau`]).

use crate::clock::World;
use crate::config::{Config, OwnRelay, Release};
use crate::identity::{Identity, PartnerCard};
use crate::keys::held::HeldRegister;
use crate::keys::ml_dsa::MlDsaWitnessing;
use crate::reference::euro_rates;
use crate::tls::KeyExchange;
use agreements::DecisionPoint;
use base::reference::{Catalogue, ExchangeRates, Role};
use base::{Administration, OfficeReference, Timestamp};
use customs::{Facts, OfficeRole, Profile};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The administration that a node works for, and everything that its decisions rest on. What is large in it is shared,
/// so that a copy with one change costs little.
#[derive(Clone)]
pub struct Bureau {
    /// The number of changes since the node started: what was worked out with another edition is worked out again.
    pub edition: u64,
    /// The administration.
    pub administration: Administration,
    /// Whether this node takes part in exercises only.
    pub exercise: bool,
    /// Its keys.
    pub identity: Arc<Identity>,
    /// Its partners' cards.
    pub partners: BTreeMap<Administration, PartnerCard>,
    /// The key registers in force, by agreement.
    pub registers: Arc<BTreeMap<String, HeldRegister>>,
    /// The partners with whom the exchange is suspended, and why. Their cards stay.
    pub suspended: BTreeMap<Administration, String>,
    /// How the channel to partners is made.
    pub channel: ChannelPolicy,
    /// Cosigning with ML-DSA-44, here and by partners.
    pub ml_dsa: MlDsaWitnessing,
    /// The agreements in force.
    pub decision_point: Arc<DecisionPoint>,
    /// How transit is carried out here.
    pub profile: Profile,
    /// Code lists and customs offices.
    pub catalogue: Arc<Catalogue>,
    /// Exchange rates to the euro.
    pub rates: Arc<ExchangeRates>,
    /// Time and chance.
    pub world: World,
}

/// How the channel to partners is made.
#[derive(Clone, Debug, Default)]
pub struct ChannelPolicy {
    /// Which key exchange it accepts.
    pub key_exchange: KeyExchange,
    /// The relay in front of this node, if there is one.
    pub relay: Option<OwnRelay>,
}

impl ChannelPolicy {
    /// As a configuration has it.
    pub fn of(config: &Config) -> Self {
        Self { key_exchange: config.exchange.key_exchange, relay: config.relay.clone() }
    }
}

impl Bureau {
    /// The practice that a configuration describes.
    pub fn profile_of(config: &Config) -> Profile {
        let who = |release| match release {
            Release::Automatic => customs::Release::Automatic,
            Release::ByOfficer => customs::Release::ByOfficer,
        };
        Profile {
            lenient_grn_check_digit: config.transit.lenient_grn_check_digit,
            release: who(config.transit.release),
            clearance: who(config.transit.clearance),
            ..Profile::default()
        }
    }

    /// The facts of a decision taken now about these offices.
    pub fn facts(&self, now: Timestamp, offices: &BTreeSet<OfficeReference>) -> Facts {
        let mut facts = Facts::new(now, self.administration.clone(), self.profile.clone());
        facts.rates = euro_rates(&self.rates, now.date());
        facts.offices = self.known_offices(now, offices);
        facts
    }

    /// The office that monitors guarantees here: the first office of guarantee of the register.
    pub fn office_of_guarantee(&self, now: Timestamp) -> OfficeReference {
        let country = self.administration.country();
        let ours = self.catalogue.offices_with_role(&Role::Guarantee, now.date());
        let first =
            ours.filter(|office| office.country == country).map(|office| office.reference.clone()).next();
        // INVARIANT: a country code and six digits are an office reference.
        first
            .or_else(|| OfficeReference::parse(&format!("{country}000001")).ok())
            .unwrap_or_else(|| unreachable!())
    }

    /// What the register knows of the offices; nothing when only the shipped selection is loaded, since that cannot
    /// say that an office does not exist.
    fn known_offices(
        &self,
        now: Timestamp,
        offices: &BTreeSet<OfficeReference>,
    ) -> Option<BTreeMap<OfficeReference, BTreeSet<OfficeRole>>> {
        let table = &self.catalogue.office_versions().on(now.date())?.content;
        if table.partial {
            return None;
        }
        let known = offices.iter().filter_map(|reference| table.office(reference, now.date()));
        let roles = known.map(|office| {
            let roles = office.roles.iter().filter_map(|role| OfficeRole::parse(role.as_str())).collect();
            (office.reference.clone(), roles)
        });
        Some(roles.collect())
    }
}
