//! The terms around a disclosure: whether an agreement applies at all, what stands in the way, and the label that
//! goes with what is given.

use crate::clearance::Ground;
use crate::compile::{Compiled, binds};
use crate::decision::No;
use crate::disclosure::Disclosure;
use crate::document::Agreement;
use crate::label::{Label, Origin};
use crate::leaves::{Chosen, Leaves};
use crate::name::{Identifier, Term};
use crate::overlay::Prohibition;
use crate::request::Request;
use base::{Administration, Date, Timestamp};
use std::collections::BTreeSet;

/// The ground given to the partner when the agreement does not list the one that national law names.
const LAW_PREVENTS: &str = "law_prevents";

/// Whether the agreement applies on a day: from the first moment of its first day to the last of its last, in UTC.
pub(crate) fn in_force(agreement: &Agreement, on: Timestamp) -> bool {
    let day = on.date();
    let last = agreement.in_force.until;
    agreement.in_force.from <= day && last.is_none_or(|last| day <= last)
}

/// Both administrations must be parties of the agreement, and it must be in force.
pub(crate) fn binding(
    agreement: &Agreement,
    sender: &Administration,
    recipient: &Administration,
    on: Timestamp,
) -> Result<(), No> {
    for administration in [sender, recipient] {
        if !agreement.has_party(administration) {
            let reason = format!("{administration} is not a party of agreement `{}`", agreement.id);
            return Err(No::new(Ground::NoAgreement, None, reason));
        }
    }
    if sender == recipient {
        let reason = format!("{sender} needs no agreement with itself and has none");
        return Err(No::new(Ground::NoAgreement, None, reason));
    }
    if !in_force(agreement, on) {
        let reason = format!(
            "agreement `{}` is in force from {}{}, not on {}",
            agreement.id,
            agreement.in_force.from,
            agreement.in_force.until.map_or_else(String::new, |until| format!(" to {until}")),
            on.date()
        );
        return Err(No::new(Ground::NotInForce, None, reason));
    }
    Ok(())
}

/// The clause under which a request is asked: that of the first disclosure, by identifier, that is for its purpose
/// and type of record and is not suspended.
pub(crate) fn applicable<'a>(
    agreement: &'a Agreement,
    record_type: &str,
    request: &Request,
    suspended: &BTreeSet<Identifier>,
) -> Result<&'a Identifier, No> {
    if request.agreement.as_ref().is_some_and(|id| *id != agreement.id) {
        let reason = format!("agreement `{}` was not asked", agreement.id);
        return Err(No::new(Ground::NoAgreement, None, reason));
    }
    binding(agreement, &request.sender, &request.recipient, request.on)?;
    if !agreement.purposes.contains(&request.purpose) {
        let reason = format!("agreement `{}` has no purpose `{}`", agreement.id, request.purpose);
        return Err(No::new(Ground::PurposeNotPermitted, None, reason));
    }
    let rows = candidates(agreement, record_type, &request.purpose);
    let Some(first) = rows.first() else {
        let reason = format!(
            "agreement `{}` has no disclosure of `{record_type}` for `{}`",
            agreement.id, request.purpose
        );
        return Err(No::new(Ground::RecordTypeNotPermitted, None, reason));
    };
    if !agreement.scope.covers(&request.subject) {
        let reason = format!("the subject lies outside the scope of agreement `{}`", agreement.id);
        return Err(No::new(Ground::OutOfScope, Some(&first.clause), reason));
    }
    let Some(active) = rows.iter().find(|row| !suspended.contains(&row.clause)) else {
        let reason = format!("clause `{}` is suspended", first.clause);
        return Err(No::new(Ground::Suspended, Some(&first.clause), reason));
    };
    for role in [&request.sender_role, &request.recipient_role] {
        if !agreement.roles.contains(role) {
            let reason = format!("agreement `{}` has no role `{role}`", agreement.id);
            return Err(No::new(Ground::NotDisclosed, Some(&active.clause), reason));
        }
    }
    Ok(&active.clause)
}

/// The disclosures for a purpose and a type of record, by identifier.
pub(crate) fn candidates<'a>(
    agreement: &'a Agreement,
    record_type: &str,
    purpose: &Term,
) -> Vec<&'a Disclosure> {
    agreement
        .disclosures
        .iter()
        .filter(|row| row.purpose == *purpose && row.record_types.contains(record_type))
        .collect()
}

/// In words, what stands in the way of each disclosure that could have let something through.
pub(crate) fn obstacles(agreement: &Agreement, record_type: &str, request: &Request) -> String {
    let rows = candidates(agreement, record_type, &request.purpose);
    let words: Vec<String> = rows
        .iter()
        .map(|row| format!("disclosure `{}` {}", row.id, obstacle(agreement, row, request)))
        .collect();
    words.join("; ")
}

fn obstacle(agreement: &Agreement, row: &Disclosure, request: &Request) -> String {
    if row.trigger != request.trigger {
        return format!("is {}, not {}", row.trigger.as_str(), request.trigger.as_str());
    }
    for (role, acts, who) in [
        (&row.from_role, &request.sender_role, &request.sender),
        (&row.to_role, &request.recipient_role, &request.recipient),
    ] {
        if let Some(role) = role.as_ref().filter(|role| *role != acts) {
            return format!("needs {who} to act as `{role}`, and it acts as `{acts}`");
        }
    }
    for (selector, who) in [(&row.from, &request.sender), (&row.to, &request.recipient)] {
        let bound = agreement
            .clause(row.clause.as_str())
            .zip(agreement.party(who))
            .is_some_and(|(clause, party)| binds(clause, party));
        if !bound || !selector.selects(who) {
            return format!("does not extend to {who}");
        }
    }
    let unmet = row.conditions.iter().find(|fact| request.facts.get(*fact) != Some(&true));
    match unmet {
        Some(fact) => format!("needs the fact `{fact}` to hold"),
        None => "lets none of these elements through".to_owned(),
    }
}

/// The ground that the partner is told.
pub(crate) fn ground_of(agreement: &Agreement, prohibition: &Prohibition) -> Term {
    if agreement.refusal_grounds.contains(&prohibition.ground) {
        prohibition.ground.clone()
    } else {
        // INVARIANT: the constant is a term, so the fallback is never taken.
        Term::parse(LAW_PREVENTS).unwrap_or_else(|_| prohibition.ground.clone())
    }
}

/// The label of what is given: that of the clause, joined with the labels of the foreign data it derives from.
pub(crate) fn label(compiled: &Compiled, chosen: &Chosen, leaves: &Leaves, request: &Request) -> Label {
    let agreement = compiled.agreement();
    let minimum = agreement
        .disclosures
        .iter()
        .filter(|row| chosen.disclosures.contains(&row.id))
        .map(|row| row.minimum_handling)
        .max();
    let categories: BTreeSet<&Term> =
        chosen.permitted.iter().filter_map(|path| leaves.class(path)).map(|class| &class.category).collect();
    let own = Label {
        origins: BTreeSet::from([Origin {
            originator: request.sender.clone(),
            agreement: compiled.reference(),
            clause: chosen.clause.clone(),
        }]),
        purposes: BTreeSet::from([request.purpose.clone()]),
        // INVARIANT: a clause that governs has at least one disclosure and one element.
        handling: minimum
            .max(leaves.handling(&chosen.permitted))
            .unwrap_or(crate::disclosure::Handling::Confidential),
        retain_until: retain_until(agreement, &categories, request.on.date()),
        onward: agreement.onward.default,
        unverified: false,
    };
    let foreign = |label: &&Label| label.origins.iter().any(|origin| origin.originator != request.sender);
    request.sources.iter().filter(foreign).fold(own, |label, source| label.join(source))
}

/// The last day of retention: the shortest period of the categories, from the day of disclosure.
pub(crate) fn retain_until(agreement: &Agreement, categories: &BTreeSet<&Term>, from: Date) -> Option<Date> {
    let period = |category: &Term| {
        let of = |wanted: Option<&Term>| {
            agreement.retention.iter().find(|row| row.category.as_ref() == wanted).map(|row| row.days)
        };
        of(Some(category)).or_else(|| of(None))
    };
    categories
        .iter()
        .filter_map(|category| period(category))
        .min()
        .map(|days| from.plus_days(i32::try_from(days).unwrap_or(i32::MAX)))
}
