//! The keys and registers of a node as they are shown: in the API, on the command line, in the console.

use super::held::Freshness;
use super::records;
use crate::bureau::Bureau;
use crate::node::{Node, NodeError};
use base::Timestamp;
use evidence::key_register::KeyEntry;
use serde::Serialize;

/// A key register.
#[derive(Clone, Debug, Serialize)]
pub struct RegisterView {
    /// The agreement.
    pub agreement: String,
    /// The version in force.
    pub version: u64,
    /// Its digest.
    pub digest: String,
    /// When it was issued, in microseconds.
    pub issued: i64,
    /// When it expires, in microseconds.
    pub expires: i64,
    /// `fresh`, `expires-soon`, `grace` or `stale`.
    pub freshness: &'static str,
    /// How many stewards must sign a change.
    pub threshold: u64,
    /// How many must sign a revocation.
    pub revocation_threshold: u64,
    /// Who may sign.
    pub stewards: Vec<String>,
    /// Parties that are not known to have this version yet.
    pub behind: Vec<String>,
    /// What is proposed and hindered by what, in words.
    pub proposed: Option<String>,
    /// The keys, by owner and purpose.
    pub keys: Vec<KeyView>,
}

/// A key.
#[derive(Clone, Debug, Serialize)]
pub struct KeyView {
    /// Whose it is.
    pub administration: String,
    /// What it is for.
    pub purpose: String,
    /// Its identifier.
    pub key: String,
    /// The first moment of validity, in microseconds.
    pub from: i64,
    /// The first moment at which it is valid no longer, in microseconds.
    pub until: i64,
    /// `active`, `not-yet`, `expired` or `revoked`.
    pub state: &'static str,
    /// Whether this node signs, opens or shows itself with it now.
    pub in_use: bool,
    /// Its revocation, in words.
    pub revoked: Option<String>,
    /// The position in its owner's log from which on it counts no more.
    pub effective_position: Option<u64>,
}

impl Node {
    /// The key registers of this node and the keys in them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn key_registers(&self) -> Result<Vec<RegisterView>, NodeError> {
        let (bureau, now) = (self.bureau(), self.now());
        let mut views: Vec<_> =
            bureau.registers.keys().map(|agreement| view(&bureau, agreement, now)).collect();
        self.read(move |tx| -> Result<_, NodeError> {
            for view in views.iter_mut().flatten() {
                let proposed = records::proposal(tx, &view.agreement)?;
                view.proposed = proposed.map(|(proposal, hindrance)| {
                    let version = proposal.register().version;
                    if hindrance.is_empty() {
                        format!("version {version} waits for signatures")
                    } else {
                        format!("version {version} waits for signatures: {hindrance}")
                    }
                });
            }
            Ok(views.into_iter().flatten().collect())
        })
        .await
    }

    /// The youngest orders about keys: when, in microseconds, and who ordered what, in words.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn key_orders(&self) -> Result<Vec<(i64, String)>, NodeError> {
        self.read(|tx| -> Result<_, NodeError> {
            let sql = "SELECT at, words FROM notices WHERE room = 'keys' AND code = 'Order' \
                       ORDER BY id DESC LIMIT 50";
            let rows = tx.query(sql, &[])?;
            Ok(rows
                .iter()
                .map(|row| Ok((row.int(0)?, row.text(1)?.to_owned())))
                .collect::<Result<_, store::StoreError>>()?)
        })
        .await
    }

    /// What of the keys needs attention, in words; empty when nothing does.
    pub fn key_warnings(&self) -> Vec<String> {
        let warnings = self.bureau().warnings(self.now());
        warnings.into_iter().map(|(agreement, words)| format!("{agreement}: {words}")).collect()
    }

    /// The days until each register expires; negative when it has.
    pub(crate) fn register_days(&self) -> Vec<(String, i64)> {
        let now = self.now();
        let days = |expires: Timestamp| (expires.as_micros() - now.as_micros()).div_euclid(86_400_000_000);
        let bureau = self.bureau();
        let registers = bureau.registers.iter();
        registers.map(|(name, held)| (name.clone(), days(held.signed.register().expires))).collect()
    }
}

fn view(bureau: &Bureau, agreement: &str, now: Timestamp) -> Option<RegisterView> {
    let held = bureau.registers.get(agreement)?;
    let register = held.signed.register();
    let others = register.parties().into_iter().filter(|party| **party != bureau.administration);
    let behind = others.filter(|party| held.known.get(*party).is_none_or(|known| *known < register.version));
    Some(RegisterView {
        agreement: agreement.to_owned(),
        version: register.version,
        digest: held.signed.digest().to_string(),
        issued: register.issued.as_micros(),
        expires: register.expires.as_micros(),
        freshness: match bureau.freshness(held, now) {
            Freshness::Fresh => "fresh",
            Freshness::ExpiresSoon => "expires-soon",
            Freshness::Grace => "grace",
            Freshness::Stale => "stale",
        },
        threshold: register.threshold.change,
        revocation_threshold: register.threshold.revocation,
        stewards: register.stewards.iter().map(|steward| steward.administration.to_string()).collect(),
        behind: behind.map(ToString::to_string).collect(),
        proposed: None,
        keys: register.entries.iter().map(|entry| key(bureau, entry, now)).collect(),
    })
}

fn key(bureau: &Bureau, entry: &KeyEntry, now: Timestamp) -> KeyView {
    let (using, id) = (&bureau.identity, entry.key.key_id());
    let own = entry.administration == bureau.administration;
    let tls = using.tls.key_digest().is_ok_and(|digest| digest.0 == *id.as_bytes());
    let used = [using.keys.sign.key_id(), using.keys.enc.key_id(), using.keys.log.key_id()];
    let used = tls || used.contains(&id) || using.keys.witness.key_id() == id;
    KeyView {
        administration: entry.administration.to_string(),
        purpose: entry.key.purpose().to_string(),
        key: id.to_string(),
        from: entry.from.as_micros(),
        until: entry.until.as_micros(),
        state: match entry.revocation {
            Some(revocation) if revocation.effective <= now => "revoked",
            _ if now < entry.from => "not-yet",
            _ if now >= entry.until => "expired",
            _ => "active",
        },
        in_use: own && used,
        revoked: entry
            .revocation
            .map(|revocation| format!("{} from {} on", revocation.reason, revocation.effective)),
        effective_position: entry.revocation.map(|revocation| revocation.position),
    }
}
