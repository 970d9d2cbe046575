//! The agreement document: what the parties sign.
//!
//! A [`Draft`] is the document as typed data; an [`Agreement`] is a draft that holds together: every rule points at
//! a clause, every purpose, category and role is enumerated, every party is named once. The text of the treaty stays
//! the source of law; this document is its technical arrangement, cited by clause.

use crate::disclosure::{Disclosure, GoldenTest};
use crate::duty::{Breach, Dispute, Obligation, Quota, Reciprocity, Retention};
use crate::name::{Identifier, Term};
use crate::scope::Scope;
use crate::signing::RegisterSigners;
use crate::staleness::Staleness;
use crate::witnessing::Witnessing;
use base::{Administration, Date, Digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What kind of instrument the document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An agreement that stands on its own.
    Base,
    /// An annex that parties accept one by one (as in the Nairobi Convention).
    Annex,
    /// A decision of a joint committee under a base agreement.
    Decision,
    /// A technical arrangement between administrations.
    Arrangement,
}

/// When the agreement applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InForce {
    /// The first day.
    pub from: Date,
    /// The last day, when one is agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// Whether it applies provisionally, before ratification.
    #[serde(default)]
    pub provisional: bool,
}

/// A party: an administration that signs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// The administration, which is also the name of its node.
    pub administration: Administration,
    /// The competent authority, in words.
    pub authority: String,
    /// The annexes that it accepted; a clause of another annex does not bind it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accepted_annexes: BTreeSet<Identifier>,
    /// The clauses that it made a reservation against: under these it neither gives nor receives.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub reservations: BTreeSet<Identifier>,
}

/// A version of the legal text in one language.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalText {
    /// Two- or three-letter language code.
    pub language: String,
    /// SHA-256 of the text as published.
    pub digest: Digest,
    /// Whether this language is authentic.
    pub authentic: bool,
}

/// A clause: the rule that disclosures and obligations point at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// Its identifier, as in `5.1(c)`.
    pub id: Identifier,
    /// The instrument and article it renders, as in `Common Transit Convention, Appendix I`.
    pub source: String,
    /// What it says, in our words.
    pub text: String,
    /// Whether `text` is our interpretation and not the wording of the source.
    #[serde(default)]
    pub interpretation: bool,
    /// SHA-256 of the clause's official wording, when it is at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_digest: Option<Digest>,
    /// The annex it belongs to: it binds only parties that accepted this annex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annex: Option<Identifier>,
}

/// The legal basis on which personal data of a category may be transferred.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferBasis {
    /// The category of data.
    pub category: Term,
    /// The basis, in words.
    pub basis: String,
    /// The last day on which the basis holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
}

/// What may happen to the data beyond the recipient; ordered from mild to strict, so that the stricter is the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnwardRule {
    /// To the other parties of the same agreement, for the same purposes.
    Parties,
    /// With the consent of the originator.
    Consent,
    /// Not at all.
    Deny,
}

/// The rule for onward transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Onward {
    /// What holds when nothing else is agreed.
    pub default: OnwardRule,
    /// How long a consent lasts, in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_days: Option<u32>,
}

/// Whether information may be used as evidence in court.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CourtUse {
    /// The originator must be asked.
    Ask,
    /// It may.
    Permitted,
    /// It may not.
    Denied,
}

/// A party's signature over the canonical bytes. Signatures are not part of what they sign.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The party that signs.
    pub administration: Administration,
    /// The signatory, in words.
    pub signatory: String,
    /// The signature as lower-case hexadecimal COSE_Sign1 (RFC 9052).
    pub value: String,
}

/// The agreement document as typed data, not yet checked for coherence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// Its identifier, the same in every version.
    pub id: Identifier,
    /// Its version, from 1.
    pub version: u32,
    /// The version that this one replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<u32>,
    /// Its title, for people.
    pub title: String,
    /// The kind of instrument.
    pub kind: Kind,
    /// The agreement it belongs under, for an annex, decision or arrangement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Identifier>,
    /// Its rank between agreements of the same parties: the lowest number prevails.
    pub precedence: u32,
    /// How long before denunciation takes effect, in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination_notice_days: Option<u32>,
    /// The purposes for which data may be given.
    pub purposes: BTreeSet<Term>,
    /// The categories of data that the agreement covers at all.
    pub categories: BTreeSet<Term>,
    /// The roles in which parties act.
    pub roles: BTreeSet<Term>,
    /// The grounds on which a party may refuse: a closed list.
    pub refusal_grounds: BTreeSet<Term>,
    /// Whether the information may be used in court.
    pub use_in_court: CourtUse,
    /// When it applies.
    pub in_force: InForce,
    /// What it applies to.
    #[serde(default, skip_serializing_if = "Scope::is_unlimited")]
    pub scope: Scope,
    /// What may happen to the data beyond the recipient.
    pub onward: Onward,
    /// The parties.
    pub parties: Vec<Party>,
    /// The legal texts it renders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<LegalText>,
    /// The clauses.
    pub clauses: Vec<Clause>,
    /// The legal bases for personal data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfer_basis: Vec<TransferBasis>,
    /// What may be disclosed.
    pub disclosures: Vec<Disclosure>,
    /// What must be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<Obligation>,
    /// How long data may be kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retention: Vec<Retention>,
    /// Where one party may hold back what the other does not give.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reciprocity: Vec<Reciprocity>,
    /// How many requests a party may make.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quotas: Vec<Quota>,
    /// How disputes are settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute: Option<Dispute>,
    /// What follows on a breach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach: Option<Breach>,
    /// What may flow when the key register has expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_register: Option<Staleness>,
    /// How many must have signed the key register that a party takes up which joins later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_register: Option<RegisterSigners>,
    /// Who must have cosigned the parties' logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witnessing: Option<Witnessing>,
    /// Examples on which the parties agreed beforehand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub golden_tests: Vec<GoldenTest>,
    /// The parties' signatures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
}

/// An agreement whose document holds together. It reads like its [`Draft`] and cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    draft: Draft,
    digest: Digest,
}

/// An agreement in one exact form, as messages name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementReference {
    /// Its identifier.
    pub id: Identifier,
    /// Its version.
    pub version: u32,
    /// Its compiled hash: both nodes must have compiled the same.
    pub hash: Digest,
}

impl Agreement {
    /// Checks a draft and puts it in its normal order.
    ///
    /// # Errors
    /// When the draft does not hold together; every fault is reported, with its place and a remedy.
    pub fn new(draft: Draft) -> Result<Self, Vec<crate::coherence::Fault>> {
        let faults = crate::coherence::faults(&draft);
        if !faults.is_empty() {
            return Err(faults);
        }
        let draft = normal_order(draft);
        let digest = crate::canonical::digest(&crate::canonical::signed_bytes(&draft));
        Ok(Self { draft, digest })
    }

    /// SHA-256 over the canonical bytes: what the parties sign.
    pub fn document_hash(&self) -> Digest {
        self.digest
    }

    /// The canonical bytes: RFC 8785 canonical JSON of the document without its signatures.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        crate::canonical::signed_bytes(&self.draft)
    }

    /// The document as data, to be changed into a new version.
    pub fn into_draft(self) -> Draft {
        self.draft
    }

    /// The clause with this identifier.
    pub fn clause(&self, id: &str) -> Option<&Clause> {
        self.draft.clauses.iter().find(|clause| clause.id.as_str() == id)
    }

    /// Whether the administration is a party.
    pub fn has_party(&self, administration: &Administration) -> bool {
        self.party(administration).is_some()
    }

    /// The party that this administration is.
    pub fn party(&self, administration: &Administration) -> Option<&Party> {
        self.draft.parties.iter().find(|party| party.administration == *administration)
    }
}

impl std::ops::Deref for Agreement {
    type Target = Draft;
    fn deref(&self) -> &Draft {
        &self.draft
    }
}

/// Orders what has no order of its own by identifier, so that the order of authoring changes no byte. The steps of a
/// dispute keep theirs: there it means something.
fn normal_order(mut draft: Draft) -> Draft {
    draft.parties.sort();
    draft.texts.sort();
    draft.clauses.sort();
    draft.transfer_basis.sort();
    draft.disclosures.sort_by(|a, b| a.id.cmp(&b.id));
    draft.obligations.sort();
    draft.retention.sort();
    draft.reciprocity.sort();
    draft.quotas.sort();
    draft.golden_tests.sort_by(|a, b| a.name.cmp(&b.name));
    draft.signatures.sort();
    draft
}
