//! The compiler: an agreement becomes a Cedar schema, one policy per disclosure, and a table of everything else.
//!
//! It is deterministic, so that two nodes that compile the same document by themselves get the same compiled hash and
//! need not trust each other's policies. Clause and disclosure stand as annotations on each policy. Purposes,
//! categories, roles, record types, triggers and clauses are enumerated entity types: a policy that names a term the
//! agreement does not have fails strict validation, and a counterexample of a proof can only use real names.

use crate::canonical;
use crate::disclosure::{Disclosure, Trigger};
use crate::document::{Agreement, AgreementReference, Clause, Party};
use crate::name::Identifier;
use base::{Administration, Digest};
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

/// An agreement and what it compiles to.
#[derive(Clone, Debug)]
pub struct Compiled {
    agreement: Agreement,
    schema: String,
    policies: Vec<Policy>,
    table: Vec<u8>,
    hash: Digest,
}

/// A compiled disclosure.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// The policy id and the disclosure it came from.
    pub(crate) id: Identifier,
    /// Cedar text.
    pub(crate) text: String,
}

/// Why a decision point cannot be built. For a coherent document this is a fault of the compiler, and the agreement
/// is not activated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// Cedar refuses the schema or a policy.
    #[error("agreement `{agreement}` does not compile: {problem}; it must not be activated")]
    Refused {
        /// The agreement.
        agreement: Identifier,
        /// What Cedar says.
        problem: String,
    },
    /// The data dictionary cannot be read.
    #[error(transparent)]
    Dictionary(#[from] crate::dictionary::DictionaryError),
}

impl Compiled {
    /// The agreement.
    pub fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    /// The Cedar schema.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The Cedar policies, in the order of the disclosures' identifiers.
    pub fn policies(&self) -> String {
        let texts: Vec<&str> = self.policies.iter().map(|policy| policy.text.as_str()).collect();
        texts.join("\n")
    }

    /// The table that goes with the policies: allow-lists, obligations, retention, scope and every other term, as
    /// RFC 8785 canonical JSON.
    pub fn table(&self) -> &[u8] {
        &self.table
    }

    /// The compiled hash: SHA-256 over schema, policies and table. The nodes of all parties must have the same.
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The agreement in this exact form.
    pub fn reference(&self) -> AgreementReference {
        AgreementReference { id: self.agreement.id.clone(), version: self.agreement.version, hash: self.hash }
    }

    pub(crate) fn policy_list(&self) -> &[Policy] {
        &self.policies
    }
}

/// Compiles an agreement and validates the result strictly against its schema.
///
/// # Errors
/// When Cedar refuses the schema or a policy.
pub fn compile(agreement: &Agreement) -> Result<Compiled, CompileError> {
    let compiled = assemble(agreement);
    crate::evaluate::Evaluator::new(&compiled, &[])?;
    Ok(compiled)
}

/// Compiles an agreement; what loads the result validates it.
pub(crate) fn assemble(agreement: &Agreement) -> Compiled {
    let schema = schema(agreement);
    let policies: Vec<Policy> =
        agreement.disclosures.iter().filter_map(|disclosure| policy(agreement, disclosure)).collect();
    let table = canonical::bytes_of(&json!({
        "document": agreement.document_hash(),
        "in_force": agreement.in_force,
        "precedence": agreement.precedence,
        "scope": agreement.scope,
        "onward": agreement.onward,
        "use_in_court": agreement.use_in_court,
        "refusal_grounds": agreement.refusal_grounds,
        "transfer_basis": agreement.transfer_basis,
        "disclosures": agreement.disclosures,
        "obligations": agreement.obligations,
        "retention": agreement.retention,
        "reciprocity": agreement.reciprocity,
        "quotas": agreement.quotas,
        "dispute": agreement.dispute,
        "breach": agreement.breach,
    }));
    let texts: Vec<&str> = policies.iter().map(|policy| policy.text.as_str()).collect();
    let hash = canonical::digest_of_parts(&[schema.as_bytes(), texts.join("\n").as_bytes(), &table]);
    Compiled { agreement: agreement.clone(), schema, policies, table, hash }
}

/// The Cedar schema of an agreement.
fn schema(agreement: &Agreement) -> String {
    let mut text = String::from("entity Administration;\n");
    let records = record_types(agreement);
    let lists: [(&str, Vec<&str>); 6] = [
        ("Purpose", agreement.purposes.iter().map(AsRef::as_ref).collect()),
        ("Category", agreement.categories.iter().map(AsRef::as_ref).collect()),
        ("Role", agreement.roles.iter().map(AsRef::as_ref).collect()),
        ("RecordType", records.into_iter().map(AsRef::as_ref).collect()),
        ("Trigger", Trigger::ALL.iter().map(|trigger| trigger.as_str()).collect()),
        ("Clause", agreement.clauses.iter().map(|clause| clause.id.as_ref()).collect()),
    ];
    for (name, items) in lists {
        let quoted: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
        line(&mut text, format_args!("entity {name} enum [{}];", quoted.join(", ")));
    }
    let facts: BTreeSet<_> = agreement
        .disclosures
        .iter()
        .flat_map(|row| &row.conditions)
        .map(|fact| format!("{fact}?: Bool"))
        .collect();
    let facts: Vec<String> = facts.into_iter().collect();
    line(&mut text, format_args!("entity Data {{ category: Category, personal: Bool }};"));
    line(
        &mut text,
        format_args!("action receive appliesTo {{\n  principal: [Administration],\n  resource: [Data],"),
    );
    line(
        &mut text,
        format_args!(
            "  context: {{\n    sender: Administration,\n    sender_role: Role,\n    recipient_role: Role,\n    \
             purpose: Purpose,\n    record_type: RecordType,\n    trigger: Trigger,\n    suspended: Set<Clause>,\n    \
             facts: {{ {} }}\n  }}\n}};",
            facts.join(", ")
        ),
    );
    text
}

/// The types of record that an agreement is about.
pub(crate) fn record_types(agreement: &Agreement) -> BTreeSet<&Identifier> {
    agreement.disclosures.iter().flat_map(|row| &row.record_types).collect()
}

/// The policy of a disclosure; none when reservations or annexes leave nobody to give or to receive.
///
/// The conditions that fail most often come first: evaluation stops at the first that does.
fn policy(agreement: &Agreement, row: &Disclosure) -> Option<Policy> {
    let clause = agreement.clause(row.clause.as_str())?;
    let givers = bound(agreement, clause, |party| row.from.selects(&party.administration));
    let recipients = bound(agreement, clause, |party| row.to.selects(&party.administration));
    if givers.is_empty() || recipients.is_empty() {
        return None;
    }
    let mut conditions = vec![
        format!("{}.contains(context.record_type)", set("RecordType", row.record_types.iter())),
        format!("context.purpose == Purpose::\"{}\"", row.purpose),
        format!("context.trigger == Trigger::\"{}\"", row.trigger.as_str()),
    ];
    for (name, role) in [("sender_role", &row.from_role), ("recipient_role", &row.to_role)] {
        if let Some(role) = role {
            conditions.push(format!("context.{name} == Role::\"{role}\""));
        }
    }
    conditions.push(format!("{}.contains(resource.category)", set("Category", row.categories.iter())));
    if !row.personal {
        conditions.push("!resource.personal".to_owned());
    }
    conditions.push("principal != context.sender".to_owned());
    conditions.push(format!("{}.contains(context.sender)", set("Administration", givers.iter())));
    conditions.push(format!("{}.contains(principal)", set("Administration", recipients.iter())));
    for fact in &row.conditions {
        conditions.push(format!("context.facts has {fact} && context.facts.{fact}"));
    }
    let mut text = String::new();
    line(&mut text, format_args!("@disclosure(\"{}\")", row.id));
    line(&mut text, format_args!("@clause(\"{}\")", row.clause));
    line(&mut text, format_args!("permit (principal, action == Action::\"receive\", resource)\nwhen {{"));
    line(&mut text, format_args!("  {}\n}}", conditions.join(" &&\n  ")));
    line(&mut text, format_args!("unless {{ context.suspended.contains(Clause::\"{}\") }};", row.clause));
    Some(Policy { id: row.id.clone(), text })
}

/// The selected parties that the clause binds: no reservation against it, and its annex accepted.
fn bound(
    agreement: &Agreement,
    clause: &Clause,
    selected: impl Fn(&Party) -> bool,
) -> BTreeSet<Administration> {
    agreement
        .parties
        .iter()
        .filter(|party| selected(party) && binds(clause, party))
        .map(|party| party.administration.clone())
        .collect()
}

/// Whether a clause binds a party.
pub(crate) fn binds(clause: &Clause, party: &Party) -> bool {
    let accepted = clause.annex.as_ref().is_none_or(|annex| party.accepted_annexes.contains(annex));
    accepted && !party.reservations.contains(&clause.id)
}

/// A Cedar set of entities. The names hold no quote and no backslash, so they need no escaping.
pub(crate) fn set<T: fmt::Display>(kind: &str, items: impl Iterator<Item = T>) -> String {
    let entities: Vec<String> = items.map(|item| format!("{kind}::\"{item}\"")).collect();
    format!("[{}]", entities.join(", "))
}

fn line(text: &mut String, arguments: fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{arguments}");
}
