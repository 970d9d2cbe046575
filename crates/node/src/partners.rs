//! The partners of a node: their cards in the database, and how they change while the node runs.
//!
//! The cards that the configuration lists are taken up whenever the node starts. A card that was entered into the
//! running node stands before the configuration's card of the same administration.

use crate::identity::PartnerCard;
use crate::node::{Node, NodeError};
use base::{Administration, Timestamp};
use std::collections::BTreeMap;
use store::{Migration, StoreError, Tx};

pub(crate) const SCHEMA: Migration = Migration {
    name: "partners",
    sql: "
CREATE TABLE partners (
    administration TEXT NOT NULL PRIMARY KEY,
    card BLOB NOT NULL,
    origin TEXT NOT NULL,
    entered BIGINT NOT NULL,
    suspended BIGINT
);
",
};

/// Why an exchange is suspended, in the words of whoever suspended it.
pub(crate) const SUSPENSION: Migration =
    Migration { name: "partner-suspension", sql: "ALTER TABLE partners ADD COLUMN suspension TEXT;" };

const ALL: &str = "SELECT administration, card, origin, entered, suspended, suspension FROM partners \
    ORDER BY administration";

const ENTER: &str = "INSERT INTO partners (administration, card, origin, entered) VALUES (?1, ?2, ?3, ?4) \
    ON CONFLICT (administration) DO UPDATE SET card = excluded.card, origin = excluded.origin, \
    entered = excluded.entered";

const REMOVE: &str = "DELETE FROM partners WHERE administration = ?1";

const SUSPEND: &str = "UPDATE partners SET suspended = ?2, suspension = ?3 WHERE administration = ?1";

const RELEASE: &str = "UPDATE outbox SET available = ?2 WHERE recipient = ?1 AND status = 'ready'";

/// Where a card came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The list of the configuration.
    Configuration,
    /// Whoever runs the node entered it, or a key register brought it.
    Entered,
}

impl Origin {
    fn text(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Entered => "entered",
        }
    }
}

/// A partner as the database has it.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Its card.
    pub card: PartnerCard,
    /// Where the card came from.
    pub origin: Origin,
    /// When it was entered.
    pub entered: Timestamp,
    /// Since when the exchange with it is suspended, and why.
    pub suspended: Option<Suspension>,
}

/// A suspension of the exchange with a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// Since when.
    pub since: Timestamp,
    /// Why. The partner reads it in the refusals that it gets.
    pub reason: String,
}

/// All partners, suspended ones too.
///
/// # Errors
/// When the store fails or a card in it is damaged.
pub fn all(tx: &mut dyn Tx) -> Result<BTreeMap<Administration, Partner>, StoreError> {
    let mut partners = BTreeMap::new();
    for row in &tx.query(ALL, &[])? {
        let damaged = |reason: String| StoreError::Damaged { what: "partner's card", reason };
        let card: PartnerCard =
            serde_json::from_slice(row.bytes(1)?).map_err(|error| damaged(error.to_string()))?;
        let origin = if row.text(2)? == Origin::Configuration.text() {
            Origin::Configuration
        } else {
            Origin::Entered
        };
        let reason = row.opt_text(5)?.unwrap_or_default();
        let suspended = row.opt_timestamp(4)?.map(|since| Suspension { since, reason: reason.to_owned() });
        let partner = Partner { origin, entered: row.timestamp(3)?, suspended, card };
        partners.insert(partner.card.keys.administration.clone(), partner);
    }
    Ok(partners)
}

/// Enters a card, in place of the one that the administration has.
///
/// # Errors
/// When the store fails.
pub fn enter(tx: &mut dyn Tx, card: &PartnerCard, origin: Origin, now: Timestamp) -> Result<(), StoreError> {
    let json = serde_json::to_vec(card)
        .map_err(|error| StoreError::Damaged { what: "partner's card", reason: error.to_string() })?;
    let row = [card.keys.administration.as_str().into(), json.into(), origin.text().into(), now.into()];
    tx.execute(ENTER, &row).map(drop)
}

/// Takes up the cards of the configuration: new ones are entered, changed ones replace what the configuration brought
/// before, and those that it no longer lists are removed. What was entered otherwise stays as it is.
pub(crate) fn take_up(
    tx: &mut dyn Tx,
    configured: Vec<PartnerCard>,
    now: Timestamp,
) -> Result<BTreeMap<Administration, Partner>, StoreError> {
    let known = all(tx)?;
    for (administration, partner) in &known {
        let listed = configured.iter().any(|card| card.keys.administration == *administration);
        if partner.origin == Origin::Configuration && !listed {
            tx.execute(REMOVE, &[administration.as_str().into()])?;
        }
    }
    for card in configured {
        match known.get(&card.keys.administration) {
            Some(partner) if partner.card == card => {}
            Some(partner) if partner.origin == Origin::Entered => {
                let partner = &card.keys.administration;
                tracing::warn!(%partner, "its card in the configuration differs from the one entered: the entered one stands");
            }
            _ => enter(tx, &card, Origin::Configuration, now)?,
        }
    }
    all(tx)
}

/// The partners with whom the exchange is suspended, and why.
pub(crate) fn suspended(partners: &BTreeMap<Administration, Partner>) -> BTreeMap<Administration, String> {
    let suspended = partners.iter().filter_map(|(administration, partner)| {
        Some((administration.clone(), partner.suspended.as_ref()?.reason.clone()))
    });
    suspended.collect()
}

/// The cards of all partners, those of suspended ones too: what they signed before is verified all the same.
pub(crate) fn cards(partners: BTreeMap<Administration, Partner>) -> BTreeMap<Administration, PartnerCard> {
    partners.into_iter().map(|(administration, partner)| (administration, partner.card)).collect()
}

impl Node {
    /// Enters a partner's card into the running node, in place of the one that it has: from now on the partner's keys
    /// are accepted, and letters to it are delivered.
    ///
    /// # Errors
    /// When the card is this administration's own or not valid, the store fails, or TLS cannot be set up with it.
    pub async fn enter_partner(&self, card: PartnerCard) -> Result<(), NodeError> {
        card.keys.validate()?;
        if card.keys.administration == *self.administration() {
            return Err(NodeError::OwnCard(card.keys.administration));
        }
        let now = self.now();
        self.change_partners(move |tx| enter(tx, &card, Origin::Entered, now)).await
    }

    /// Suspends the exchange with a partner: from now on its envelopes are refused with `partner-suspended` and this
    /// reason, and letters to it wait. Returns whether there is such a partner.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn suspend_partner(
        &self,
        administration: &Administration,
        reason: &str,
        actor: &str,
    ) -> Result<bool, NodeError> {
        let row = [administration.as_str().into(), self.now().into(), reason.into()];
        let count = self.change_partners(move |tx| tx.execute(SUSPEND, &row)).await?;
        tracing::warn!(partner = %administration, by = actor, reason, "the exchange with a partner is suspended");
        Ok(count > 0)
    }

    /// Resumes the exchange with a partner; letters that wait for it are due at once. Returns whether there is such a
    /// partner.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume_partner(
        &self,
        administration: &Administration,
        actor: &str,
    ) -> Result<bool, NodeError> {
        let (name, now) = (administration.to_string(), self.now());
        let change = move |tx: &mut dyn Tx| {
            let count =
                tx.execute(SUSPEND, &[name.as_str().into(), None::<i64>.into(), None::<&str>.into()])?;
            tx.execute(RELEASE, &[name.as_str().into(), now.into()])?;
            Ok(count)
        };
        let count = self.change_partners(change).await?;
        self.wake_sender();
        tracing::warn!(partner = %administration, by = actor, "the exchange with a partner is resumed");
        Ok(count > 0)
    }

    /// Changes the partners in the database and puts the change in force.
    async fn change_partners<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, NodeError> {
        let _one_at_a_time = self.changes().lock().await;
        let (changed, partners) =
            self.write(move |tx, _| -> Result<_, NodeError> { Ok((change(tx)?, all(tx)?)) }).await?;
        self.replace_bureau(|bureau| {
            bureau.suspended = suspended(&partners);
            bureau.partners = cards(partners);
        })?;
        Ok(changed)
    }
}
