//! Reception: what arrives is labelled, if the sender was allowed to send it.

use crate::canonical;
use crate::clearance::{Ground, Refused};
use crate::compile::binds;
use crate::decision::{DecisionPoint, Loaded, No};
use crate::disclosure::Disclosure;
use crate::document::AgreementReference;
use crate::label::{Label, Origin};
use crate::name::{Identifier, Term};
use crate::terms;
use base::{Administration, Timestamp};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the manifest of a message claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Incoming {
    /// Who sent it.
    pub sender: Administration,
    /// Who received it: ourselves.
    pub recipient: Administration,
    /// The agreement it was sent under.
    pub agreement: AgreementReference,
    /// The clause.
    pub clause: Identifier,
    /// The purpose.
    pub purpose: Term,
    /// The type of record.
    pub record_type: Identifier,
    /// When the sender made it. Suspension and expiry count from then, so that letters under way complete.
    pub on: Timestamp,
}

impl DecisionPoint {
    /// The label of data that arrived.
    ///
    /// # Errors
    /// A refusal, when agreement, clause, purpose or type of record do not permit the sender to send this to us.
    pub fn label_for(&self, incoming: &Incoming) -> Result<Label, Refused> {
        let loaded = self.loaded().iter().find(|one| one.compiled.reference() == incoming.agreement);
        self.admit(loaded, incoming).map_err(|no| {
            let facts = canonical::digest(&canonical::bytes_of(incoming));
            self.refusal(no, loaded, facts, incoming.on, BTreeMap::new())
        })
    }

    /// The elements that no disclosure under the clause lists: the sender gave more than the agreement lets it give.
    ///
    /// # Errors
    /// A refusal, as [`DecisionPoint::label_for`] gives it.
    pub fn excess(&self, incoming: &Incoming, paths: &BTreeSet<String>) -> Result<BTreeSet<String>, Refused> {
        self.label_for(incoming)?;
        let rows = self.find(&incoming.agreement).map_or_else(Vec::new, |compiled| {
            terms::candidates(compiled.agreement(), incoming.record_type.as_str(), &incoming.purpose)
        });
        let listed = |path: &String| rows.iter().any(|row| row.clause == incoming.clause && row.lists(path));
        Ok(paths.iter().filter(|path| !listed(path)).cloned().collect())
    }

    fn admit(&self, loaded: Option<&Loaded>, incoming: &Incoming) -> Result<Label, No> {
        let Some(one) = loaded else {
            return Err(self.stranger(incoming));
        };
        let agreement = one.compiled.agreement();
        let clause = Some(&incoming.clause);
        terms::binding(agreement, &incoming.sender, &incoming.recipient, incoming.on)?;
        let Some(rule) = agreement.clause(incoming.clause.as_str()) else {
            let reason = format!("agreement `{}` has no clause `{}`", agreement.id, incoming.clause);
            return Err(No::new(Ground::UnknownClause, clause, reason));
        };
        if !agreement.purposes.contains(&incoming.purpose) {
            let reason = format!("agreement `{}` has no purpose `{}`", agreement.id, incoming.purpose);
            return Err(No::new(Ground::PurposeNotPermitted, clause, reason));
        }
        let rows: Vec<&Disclosure> =
            terms::candidates(agreement, incoming.record_type.as_str(), &incoming.purpose)
                .into_iter()
                .filter(|row| row.clause == incoming.clause)
                .collect();
        if rows.is_empty() {
            let reason = format!(
                "clause `{}` has no disclosure of `{}` for `{}`",
                incoming.clause, incoming.record_type, incoming.purpose
            );
            return Err(No::new(Ground::RecordTypeNotPermitted, clause, reason));
        }
        let suspended = self.suspended(agreement, &incoming.sender, &incoming.recipient, incoming.on);
        if suspended.contains(&incoming.clause) {
            let reason = format!("clause `{}` is suspended", incoming.clause);
            return Err(No::new(Ground::Suspended, clause, reason));
        }
        let bound = [&incoming.sender, &incoming.recipient]
            .iter()
            .all(|who| agreement.party(who).is_some_and(|party| binds(rule, party)));
        let rows: Vec<&Disclosure> = rows
            .into_iter()
            .filter(|row| bound && row.from.selects(&incoming.sender) && row.to.selects(&incoming.recipient))
            .collect();
        if rows.is_empty() {
            let reason = format!(
                "clause `{}` does not let {} give this to {}",
                incoming.clause, incoming.sender, incoming.recipient
            );
            return Err(No::new(Ground::NotDisclosed, clause, reason));
        }
        Ok(received_label(one, &rows, incoming))
    }

    /// The reason when no agreement here is the one that the message names.
    fn stranger(&self, incoming: &Incoming) -> No {
        let wanted = &incoming.agreement;
        let namesake = self.agreements().any(|compiled| compiled.agreement().id == wanted.id);
        if namesake {
            let reason = format!(
                "agreement `{}` version {} with hash {} is not the one in force here; compare the compiled hashes",
                wanted.id, wanted.version, wanted.hash
            );
            return No::new(Ground::AgreementDiffers, Some(&incoming.clause), reason);
        }
        let reason = format!("there is no agreement `{}` here", wanted.id);
        No::new(Ground::NoAgreement, Some(&incoming.clause), reason)
    }
}

fn received_label(one: &Loaded, rows: &[&Disclosure], incoming: &Incoming) -> Label {
    let agreement = one.compiled.agreement();
    let categories: BTreeSet<&Term> = rows.iter().flat_map(|row| &row.categories).collect();
    Label {
        origins: BTreeSet::from([Origin {
            originator: incoming.sender.clone(),
            agreement: incoming.agreement.clone(),
            clause: incoming.clause.clone(),
        }]),
        purposes: BTreeSet::from([incoming.purpose.clone()]),
        handling: rows
            .iter()
            .map(|row| row.minimum_handling)
            .max()
            .unwrap_or(crate::disclosure::Handling::Confidential),
        retain_until: terms::retain_until(agreement, &categories, incoming.on.date()),
        onward: agreement.onward.default,
        unverified: false,
    }
}
