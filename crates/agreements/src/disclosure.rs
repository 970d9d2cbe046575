//! Disclosures: who may be given what, for which purpose, under which clause; and the examples that fix their meaning.

use crate::name::{Identifier, Term};
use crate::pattern::Pattern;
use base::{Administration, Date};
use serde::de::{SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// The marker of a selector that names no party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnyParty {
    /// Any party of the agreement.
    Any,
}

/// Which parties a disclosure is from or to: `any`, or a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Selector {
    /// Every party.
    Any(AnyParty),
    /// These.
    Named(BTreeSet<Administration>),
}

impl Selector {
    /// Every party.
    pub const ANY: Self = Self::Any(AnyParty::Any);

    /// Whether it selects this administration, given that it is a party.
    pub fn selects(&self, administration: &Administration) -> bool {
        match self {
            Self::Any(_) => true,
            Self::Named(named) => named.contains(administration),
        }
    }
}

// By hand, because the derived form for such a choice reports only that nothing matched.
impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SelectorVisitor)
    }
}

struct SelectorVisitor;

impl<'de> Visitor<'de> for SelectorVisitor {
    type Value = Selector;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("`any` or a list of administrations")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Selector, E> {
        if text == "any" { Ok(Selector::ANY) } else { Err(E::invalid_value(Unexpected::Str(text), &self)) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Selector, A::Error> {
        let mut named = BTreeSet::new();
        while let Some(administration) = items.next_element()? {
            named.insert(administration);
        }
        Ok(Selector::Named(named))
    }
}

/// What sets a disclosure off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A request of the other party.
    OnRequest,
    /// The discloser's own initiative.
    Spontaneous,
    /// An event of the procedure.
    Automatic,
}

impl Trigger {
    /// Every trigger, in the order of the schema.
    pub const ALL: [Self; 3] = [Self::OnRequest, Self::Spontaneous, Self::Automatic];

    /// The name as in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnRequest => "on_request",
            Self::Spontaneous => "spontaneous",
            Self::Automatic => "automatic",
        }
    }
}

/// How carefully data must be handled; ordered from mild to strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handling {
    /// For any official of the administration.
    Official,
    /// For officials who need it for their task.
    Restricted,
    /// For named officials; each access is recorded.
    Confidential,
}

impl Handling {
    /// The name as in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Official => "official",
            Self::Restricted => "restricted",
            Self::Confidential => "confidential",
        }
    }
}

/// A permission to give data: the only thing in an agreement that lets anything leave.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    /// Its identifier.
    pub id: Identifier,
    /// The clause it rests on.
    pub clause: Identifier,
    /// Who gives.
    pub from: Selector,
    /// Who receives.
    pub to: Selector,
    /// The role in which the giver must act, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_role: Option<Term>,
    /// The role in which the recipient must act, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_role: Option<Term>,
    /// What sets it off.
    pub trigger: Trigger,
    /// The purpose for which the data is given.
    pub purpose: Term,
    /// The records it applies to, by type, as in `CD001C`.
    pub record_types: BTreeSet<Identifier>,
    /// The categories of data that it covers.
    pub categories: BTreeSet<Term>,
    /// Whether personal data of these categories is included.
    #[serde(default)]
    pub personal: bool,
    /// How the recipient must handle what it is given, at least.
    pub minimum_handling: Handling,
    /// The facts that must hold, each computed by the discloser (reciprocity, consent, staleness).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub conditions: BTreeSet<Term>,
    /// The elements that may be given: an allow-list.
    pub paths: BTreeSet<Pattern>,
}

impl Disclosure {
    /// Whether the allow-list names this element.
    pub fn lists(&self, path: &str) -> bool {
        self.paths.iter().any(|pattern| pattern.matches(path))
    }
}

/// How a golden test must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Something may be given.
    Cleared,
    /// Nothing may be given.
    Refused,
}

/// What a golden test expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The outcome.
    pub outcome: Outcome,
    /// The governing clause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<Identifier>,
    /// The ground of a refusal, by its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<Term>,
    /// The paths that must be withheld; every other path must be permitted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub withheld: BTreeSet<String>,
}

/// An example on which the parties agreed: this request about these elements must end like this, on every node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenTest {
    /// Its name, in words.
    pub name: String,
    /// Who gives.
    pub from: Administration,
    /// In which role.
    pub from_role: Term,
    /// Who receives.
    pub to: Administration,
    /// In which role.
    pub to_role: Term,
    /// For which purpose.
    pub purpose: Term,
    /// A record of which type.
    pub record_type: Identifier,
    /// What set it off.
    pub trigger: Trigger,
    /// On which day.
    pub on: Date,
    /// The facts that hold.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub facts: BTreeSet<Term>,
    /// The elements of the record.
    pub paths: BTreeSet<String>,
    /// How it must end.
    pub expected: Expected,
}
