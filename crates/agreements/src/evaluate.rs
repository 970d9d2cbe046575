//! Evaluation: one question to Cedar per class of data.
//!
//! Everything is parsed when an agreement is loaded; a decision builds one context and asks once per class.

use crate::compile::{self, CompileError, Compiled};
use crate::document::Agreement;
use crate::name::{Identifier, Term};
use crate::overlay::Prohibition;
use crate::request::Request;
use base::Administration;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy, PolicyId,
    PolicySet, RestrictedExpression, Schema, ValidationMode, Validator,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::str::FromStr;

/// What Cedar says about one class of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// These disclosures let it through, by their position in the agreement.
    Permitted(BTreeSet<usize>),
    /// These prohibitions forbid it, by their position among those of the sender.
    Forbidden(BTreeSet<usize>),
    /// Nothing lets it through.
    NotPermitted,
    /// A policy failed to evaluate, so nothing is let through.
    Failed(String),
}

/// A prohibition with the administration whose law it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct National<'o> {
    pub(crate) administration: &'o Administration,
    pub(crate) prohibition: &'o Prohibition,
}

/// The parsed policies of one agreement together with national law.
pub(crate) struct Evaluator {
    /// By type of record: a policy says first for which types it is, so the others could not apply and need not be
    /// asked. National law is in every set.
    policies: BTreeMap<Identifier, PolicySet>,
    entities: Entities,
    authorizer: Authorizer,
    disclosures: HashMap<PolicyId, usize>,
    prohibitions: HashMap<PolicyId, usize>,
    kinds: Kinds,
    action: EntityUid,
    data: BTreeMap<(Term, bool), EntityUid>,
    facts: BTreeSet<Term>,
}

struct Kinds {
    administration: EntityTypeName,
    role: EntityTypeName,
    purpose: EntityTypeName,
    record_type: EntityTypeName,
    trigger: EntityTypeName,
    clause: EntityTypeName,
}

impl Evaluator {
    /// Parses and strictly validates an agreement's policies together with national law.
    pub(crate) fn new(compiled: &Compiled, national: &[National<'_>]) -> Result<Self, CompileError> {
        let agreement = compiled.agreement();
        let fails = |problem: String| CompileError::Refused {
            agreement: agreement.id.clone(),
            problem: problem.split_whitespace().collect::<Vec<_>>().join(" "),
        };
        let (schema, _) =
            Schema::from_cedarschema_str(compiled.schema()).map_err(|error| fails(error.to_string()))?;
        let mut policies = PolicySet::new();
        let mut disclosures = HashMap::new();
        let mut prohibitions = HashMap::new();
        let positions: BTreeMap<&Identifier, usize> =
            agreement.disclosures.iter().enumerate().map(|(position, row)| (&row.id, position)).collect();
        let mut add = |id: PolicyId, text: &str| {
            let policy = Policy::parse(Some(id), text).map_err(|error| fails(error.to_string()))?;
            policies.add(policy).map_err(|error| fails(error.to_string()))
        };
        for policy in compiled.policy_list() {
            let id = PolicyId::new(&policy.id);
            add(id.clone(), &policy.text)?;
            if let Some(position) = positions.get(&policy.id) {
                disclosures.insert(id, *position);
            }
        }
        for (position, law) in national.iter().enumerate() {
            if let Some(text) = prohibition_text(agreement, law) {
                // A space cannot occur in an identifier, so no disclosure has this id.
                let id = PolicyId::new(format!("national law {position}"));
                add(id.clone(), &text)?;
                prohibitions.insert(id, position);
            }
        }
        let verdict = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
        if let Some(error) = verdict.validation_errors().next() {
            return Err(fails(error.to_string()));
        }
        let kinds = Kinds::new().map_err(&fails)?;
        let (data, entities) = data_entities(agreement, &schema).map_err(&fails)?;
        let action = uid(&kind("Action").map_err(&fails)?, "receive");
        let policies = sliced(agreement, &policies, &disclosures).map_err(&fails)?;
        Ok(Self {
            policies,
            entities,
            authorizer: Authorizer::new(),
            disclosures,
            prohibitions,
            kinds,
            action,
            data,
            facts: agreement.disclosures.iter().flat_map(|row| row.conditions.iter().cloned()).collect(),
        })
    }

    /// The context of a request, the same for every class of data. The caller has checked that purpose, roles and
    /// record type are ones that the agreement enumerates.
    pub(crate) fn context(
        &self,
        request: &Request,
        record_type: &str,
        suspended: &BTreeSet<Identifier>,
    ) -> Result<Context, String> {
        let entity =
            |kind: &EntityTypeName, name: &str| RestrictedExpression::new_entity_uid(uid(kind, name));
        let facts = request
            .facts
            .iter()
            .filter(|(fact, _)| self.facts.contains(*fact))
            .map(|(fact, holds)| (fact.to_string(), RestrictedExpression::new_bool(*holds)));
        let facts = RestrictedExpression::new_record(facts).map_err(|error| error.to_string())?;
        let suspended = suspended.iter().map(|clause| entity(&self.kinds.clause, clause.as_str()));
        Context::from_pairs([
            ("sender".to_owned(), entity(&self.kinds.administration, request.sender.as_str())),
            ("sender_role".to_owned(), entity(&self.kinds.role, request.sender_role.as_str())),
            ("recipient_role".to_owned(), entity(&self.kinds.role, request.recipient_role.as_str())),
            ("purpose".to_owned(), entity(&self.kinds.purpose, request.purpose.as_str())),
            ("record_type".to_owned(), entity(&self.kinds.record_type, record_type)),
            ("trigger".to_owned(), entity(&self.kinds.trigger, request.trigger.as_str())),
            ("suspended".to_owned(), RestrictedExpression::new_set(suspended)),
            ("facts".to_owned(), facts),
        ])
        .map_err(|error| error.to_string())
    }

    /// Asks whether the recipient may receive data of this class.
    pub(crate) fn ask(
        &self,
        recipient: &Administration,
        record_type: &str,
        (category, personal): (&Term, bool),
        context: Context,
    ) -> Verdict {
        let data = self.data.get(&(category.clone(), personal));
        let Some((data, policies)) = data.zip(self.policies.get(record_type)) else {
            return Verdict::NotPermitted;
        };
        let request = cedar_policy::Request::new(
            uid(&self.kinds.administration, recipient.as_str()),
            self.action.clone(),
            data.clone(),
            context,
            None,
        );
        let request = match request {
            Ok(request) => request,
            Err(error) => return Verdict::Failed(error.to_string()),
        };
        let response = self.authorizer.is_authorized(&request, policies, &self.entities);
        if let Some(error) = response.diagnostics().errors().next() {
            return Verdict::Failed(error.to_string());
        }
        let reasons = response.diagnostics().reason();
        match response.decision() {
            Decision::Allow => {
                Verdict::Permitted(reasons.filter_map(|id| self.disclosures.get(id).copied()).collect())
            }
            Decision::Deny => {
                let laws: BTreeSet<usize> =
                    reasons.filter_map(|id| self.prohibitions.get(id).copied()).collect();
                if laws.is_empty() { Verdict::NotPermitted } else { Verdict::Forbidden(laws) }
            }
        }
    }
}

/// The policies that can apply to each type of record.
fn sliced(
    agreement: &Agreement,
    policies: &PolicySet,
    disclosures: &HashMap<PolicyId, usize>,
) -> Result<BTreeMap<Identifier, PolicySet>, String> {
    let concerns = |policy: &&Policy, record_type: &Identifier| match disclosures.get(policy.id()) {
        Some(position) => {
            agreement.disclosures.get(*position).is_some_and(|row| row.record_types.contains(record_type))
        }
        None => true,
    };
    let slice = |record_type: &Identifier| {
        let chosen = policies.policies().filter(|policy| concerns(policy, record_type));
        let set = PolicySet::from_policies(chosen.cloned()).map_err(|error| error.to_string())?;
        Ok((record_type.clone(), set))
    };
    compile::record_types(agreement).into_iter().map(slice).collect()
}

impl Kinds {
    fn new() -> Result<Self, String> {
        Ok(Self {
            administration: kind("Administration")?,
            role: kind("Role")?,
            purpose: kind("Purpose")?,
            record_type: kind("RecordType")?,
            trigger: kind("Trigger")?,
            clause: kind("Clause")?,
        })
    }
}

fn kind(name: &str) -> Result<EntityTypeName, String> {
    EntityTypeName::from_str(name).map_err(|error| error.to_string())
}

fn uid(kind: &EntityTypeName, name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(name))
}

/// One `Data` entity per class: each category of the agreement, personal and not.
#[allow(clippy::type_complexity)] // a pair that is taken apart at the only call
fn data_entities(
    agreement: &Agreement,
    schema: &Schema,
) -> Result<(BTreeMap<(Term, bool), EntityUid>, Entities), String> {
    let (data_kind, category_kind) = (kind("Data")?, kind("Category")?);
    let mut uids = BTreeMap::new();
    let mut entities = Vec::new();
    for category in &agreement.categories {
        for personal in [false, true] {
            let name = format!("{category}{}", if personal { "+personal" } else { "" });
            let data = uid(&data_kind, &name);
            let attributes = HashMap::from([
                (
                    "category".to_owned(),
                    RestrictedExpression::new_entity_uid(uid(&category_kind, category.as_str())),
                ),
                ("personal".to_owned(), RestrictedExpression::new_bool(personal)),
            ]);
            let entity =
                Entity::new(data.clone(), attributes, HashSet::new()).map_err(|error| error.to_string())?;
            entities.push(entity);
            uids.insert((category.clone(), personal), data);
        }
    }
    let entities = Entities::from_entities(entities, Some(schema)).map_err(|error| error.to_string())?;
    Ok((uids, entities))
}

/// A prohibition of whole classes as a Cedar `forbid`; none when it names elements (the decision point applies those
/// itself) or only terms that the agreement does not have.
fn prohibition_text(agreement: &Agreement, law: &National<'_>) -> Option<String> {
    let prohibition = law.prohibition;
    if !prohibition.paths.is_empty() {
        return None;
    }
    let mut conditions = vec![format!("context.sender == Administration::\"{}\"", law.administration)];
    if !prohibition.recipients.is_empty() {
        let recipients = compile::set("Administration", prohibition.recipients.iter());
        conditions.push(format!("{recipients}.contains(principal)"));
    }
    let purposes = narrowed(&prohibition.purposes, |term| agreement.purposes.contains(term))?;
    if !purposes.is_empty() {
        let purposes = compile::set("Purpose", purposes.into_iter());
        conditions.push(format!("{purposes}.contains(context.purpose)"));
    }
    let known = compile::record_types(agreement);
    let records = narrowed(&prohibition.record_types, |record| known.contains(record))?;
    if !records.is_empty() {
        let records = compile::set("RecordType", records.into_iter());
        conditions.push(format!("{records}.contains(context.record_type)"));
    }
    let categories = narrowed(&prohibition.categories, |term| agreement.categories.contains(term))?;
    if !categories.is_empty() {
        let categories = compile::set("Category", categories.into_iter());
        conditions.push(format!("{categories}.contains(resource.category)"));
    }
    if prohibition.personal_only {
        conditions.push("resource.personal".to_owned());
    }
    Some(format!(
        "@law(\"{}\")\nforbid (principal, action == Action::\"receive\", resource)\nwhen {{\n  {}\n}};\n",
        prohibition.id,
        conditions.join(" &&\n  ")
    ))
}

/// The terms that the agreement knows; `None` when a list that narrows has none of them and so never applies.
fn narrowed<T: Ord>(stated: &BTreeSet<T>, known: impl Fn(&T) -> bool) -> Option<BTreeSet<&T>> {
    let kept: BTreeSet<&T> = stated.iter().filter(|item| known(item)).collect();
    (stated.is_empty() || !kept.is_empty()).then_some(kept)
}
