//! The decision point: the only place where data is allowed to leave, and the only maker of [`Cleared`].
//!
//! A decision goes from the whole to the part: which agreements bind the two administrations and are in force, which
//! disclosures are for this purpose and type of record, what Cedar says about each class of data, and which elements
//! of the permitted classes the allow-lists name. Nothing is permitted by default.

use crate::answers::Memory;
use crate::canonical;
use crate::clearance::{Cleared, DecisionRecord, Ground, Refused, Withheld};
use crate::compile::{CompileError, Compiled, assemble};
use crate::dictionary::{Dictionary, HEADER};
use crate::document::{Agreement, AgreementReference};
use crate::evaluate::{Evaluator, National};
use crate::leaves::{self, Leaves};
use crate::name::Identifier;
use crate::overlay::{Overlay, Prohibition};
use crate::request::{Disclosable, Request};
use crate::suspension::{self, Suspension};
use crate::{label::Label, onward, terms};
use base::{Administration, Digest, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The agreements of one administration, compiled, with its national law and the suspensions known to it.
pub struct DecisionPoint {
    loaded: Vec<Loaded>,
    prohibitions: Vec<(Administration, Prohibition)>,
    law: Digest,
    suspensions: Vec<Suspension>,
    dictionary: Arc<Dictionary>,
}

pub(crate) struct Loaded {
    pub(crate) compiled: Compiled,
    evaluator: Evaluator,
    memory: Memory,
    policy: Digest,
}

/// A decision in favour, before it is applied to a document.
pub(crate) struct Grant {
    pub(crate) agreement: AgreementReference,
    pub(crate) clause: Identifier,
    pub(crate) label: Label,
    pub(crate) record: DecisionRecord,
    pub(crate) permitted: BTreeSet<String>,
}

/// A ground with the clause and the reason, before it is put on record.
pub(crate) struct No {
    pub(crate) ground: Ground,
    pub(crate) clause: Option<Identifier>,
    pub(crate) reason: String,
}

impl No {
    pub(crate) fn new(ground: Ground, clause: Option<&Identifier>, reason: impl Into<String>) -> Self {
        Self { ground, clause: clause.cloned(), reason: reason.into() }
    }
}

impl DecisionPoint {
    /// Compiles the agreements and applies the overlays to them.
    ///
    /// # Errors
    /// When an agreement or an overlay does not compile. A node must not start with fewer agreements than it has, and
    /// still less with an overlay that does not apply.
    pub fn new(agreements: Vec<Agreement>, overlays: Vec<Overlay>) -> Result<Self, CompileError> {
        let law = canonical::digest(&canonical::bytes_of(&overlays));
        let prohibitions: Vec<(Administration, Prohibition)> = overlays
            .into_iter()
            .flat_map(|overlay| {
                let administration = overlay.administration;
                overlay.prohibitions.into_iter().map(move |prohibition| (administration.clone(), prohibition))
            })
            .collect();
        let national: Vec<National<'_>> = prohibitions
            .iter()
            .map(|(administration, prohibition)| National { administration, prohibition })
            .collect();
        let mut loaded = Vec::new();
        for agreement in &agreements {
            let compiled = assemble(agreement);
            let evaluator = Evaluator::new(&compiled, &national)?;
            let policy = canonical::digest_of_parts(&[compiled.hash().as_bytes(), law.as_bytes()]);
            loaded.push(Loaded { compiled, evaluator, memory: Memory::default(), policy });
        }
        loaded.sort_by_key(|one| {
            let agreement = one.compiled.agreement();
            (agreement.precedence, agreement.id.clone(), Reverse(agreement.version))
        });
        let dictionary = Dictionary::built_in()?;
        Ok(Self { loaded, prohibitions, law, suspensions: Vec::new(), dictionary })
    }

    /// The same agreements and law with these suspensions.
    #[must_use]
    pub fn with_suspensions(mut self, suspensions: Vec<Suspension>) -> Self {
        self.suspensions = suspensions;
        self.suspensions.sort();
        self
    }

    /// The same agreements and law with another data dictionary.
    #[must_use]
    pub fn with_dictionary(mut self, dictionary: Arc<Dictionary>) -> Self {
        self.dictionary = dictionary;
        self
    }

    /// The compiled agreements, the one that prevails first.
    pub fn agreements(&self) -> impl Iterator<Item = &Compiled> {
        self.loaded.iter().map(|one| &one.compiled)
    }

    /// The compiled form of the agreement that a message names, if it is one of ours to the last bit.
    pub fn find(&self, reference: &AgreementReference) -> Option<&Compiled> {
        self.agreements().find(|compiled| compiled.reference() == *reference)
    }

    /// Decides about a document and, if anything of it may be given, returns the part that may.
    ///
    /// # Errors
    /// A refusal with its clause and ground, when nothing may be given.
    pub fn clear<T: Disclosable>(&self, document: T, request: &Request) -> Result<Cleared<T>, Refused> {
        let record_type = document.record_type().to_owned();
        let paths: BTreeSet<String> = document.paths().into_iter().collect();
        let grant = self.decide(&record_type, &paths, request)?;
        let document = document.project(&|path| grant.permitted.contains(path));
        let leak = document.paths().into_iter().find(|path| !grant.permitted.contains(path));
        if leak.is_some() || document.record_type() != record_type {
            let mut record = grant.record;
            record.ground = Some(Ground::Fault);
            record.permitted.clear();
            record.reason = match leak {
                Some(path) => {
                    format!("the projection holds `{path}`, which was not permitted; nothing is given")
                }
                None => "the projection changed the type of record; nothing is given".to_owned(),
            };
            return Err(Refused {
                clause: Some(grant.clause),
                ground: Ground::Fault,
                record: Box::new(record),
            });
        }
        Ok(Cleared {
            document,
            sender: request.sender.clone(),
            recipient: request.recipient.clone(),
            purpose: request.purpose.clone(),
            agreement: grant.agreement,
            clause: grant.clause,
            label: grant.label,
            record: grant.record,
        })
    }

    /// Decides without a document: what would be given of these elements, and why.
    ///
    /// # Errors
    /// A refusal, as [`DecisionPoint::clear`] would give it.
    pub fn preview(
        &self,
        record_type: &str,
        paths: &BTreeSet<String>,
        request: &Request,
    ) -> Result<DecisionRecord, Refused> {
        self.decide(record_type, paths, request).map(|grant| grant.record)
    }

    /// Asks each agreement in order of precedence; the first that lets something through governs. When none does, the
    /// one that came furthest gives the ground.
    fn decide(
        &self,
        record_type: &str,
        paths: &BTreeSet<String>,
        request: &Request,
    ) -> Result<Grant, Refused> {
        let facts = self.facts_digest(record_type, paths, request);
        let mut furthest: Option<(No, Option<&Loaded>, BTreeMap<String, Withheld>)> = None;
        for one in &self.loaded {
            let mut withheld = BTreeMap::new();
            match self.under(one, record_type, paths, request, facts, &mut withheld) {
                Ok(grant) => return Ok(grant),
                Err(no) => {
                    let further = furthest
                        .as_ref()
                        .is_none_or(|(earlier, _, _)| no.ground.progress() > earlier.ground.progress());
                    if further {
                        furthest = Some((no, Some(one), withheld));
                    }
                }
            }
        }
        let (no, one, withheld) = furthest.unwrap_or_else(|| {
            let reason = "there is no agreement";
            (No::new(Ground::NoAgreement, None, reason), None, BTreeMap::new())
        });
        Err(self.refusal(no, one, facts, request.on, withheld))
    }

    pub(crate) fn refusal(
        &self,
        no: No,
        one: Option<&Loaded>,
        facts: Digest,
        at: Timestamp,
        withheld: BTreeMap<String, Withheld>,
    ) -> Refused {
        let bound = one.filter(|_| no.ground != Ground::NoAgreement);
        Refused {
            clause: no.clause.clone(),
            ground: no.ground.clone(),
            record: Box::new(DecisionRecord {
                agreement: bound.map(|one| one.compiled.reference()),
                policy: bound.map_or(self.law, |one| one.policy),
                facts,
                dictionary: self.dictionary.digest(),
                clause: no.clause,
                disclosures: Vec::new(),
                ground: Some(no.ground),
                reason: no.reason,
                at,
                permitted: Vec::new(),
                withheld,
            }),
        }
    }

    /// Decides under one agreement.
    fn under(
        &self,
        one: &Loaded,
        record_type: &str,
        paths: &BTreeSet<String>,
        request: &Request,
        facts: Digest,
        withheld: &mut BTreeMap<String, Withheld>,
    ) -> Result<Grant, No> {
        let agreement = one.compiled.agreement();
        let suspended = self.suspended(agreement, &request.sender, &request.recipient, request.on);
        let first = terms::applicable(agreement, record_type, request, &suspended)?;
        onward::check(self, request, first)?;
        let leaves = self.leaves(one, record_type, paths, request, &suspended)?;
        let chosen = leaves::govern(agreement, &leaves);
        *withheld = leaves::withheld(&leaves, chosen.as_ref());
        let worthwhile = |path: &String| leaves.category(path) != Some(HEADER);
        let Some(chosen) = chosen.filter(|chosen| chosen.permitted.iter().any(worthwhile)) else {
            let law = leaves.law.first().and_then(|position| self.prohibitions.get(*position));
            return Err(match law {
                Some((_, prohibition)) => No::new(
                    Ground::NationalLaw(terms::ground_of(agreement, prohibition)),
                    Some(first),
                    "national law forbids it",
                ),
                None => No::new(
                    Ground::NotDisclosed,
                    Some(first),
                    terms::obstacles(agreement, record_type, request),
                ),
            });
        };
        let label = terms::label(&one.compiled, &chosen, &leaves, request);
        let record = DecisionRecord {
            agreement: Some(one.compiled.reference()),
            policy: one.policy,
            facts,
            dictionary: self.dictionary.digest(),
            clause: Some(chosen.clause.clone()),
            disclosures: chosen.disclosures.iter().cloned().collect(),
            ground: None,
            reason: format!(
                "clause `{}` lets {} of {} elements go to {} for {}",
                chosen.clause,
                chosen.permitted.len(),
                paths.len(),
                request.recipient,
                request.purpose
            ),
            at: request.on,
            permitted: chosen.permitted.iter().cloned().collect(),
            withheld: std::mem::take(withheld),
        };
        Ok(Grant {
            agreement: one.compiled.reference(),
            clause: chosen.clause,
            label,
            record,
            permitted: chosen.permitted,
        })
    }

    /// Puts every element in its class and asks Cedar about each class, unless it has answered that before.
    fn leaves(
        &self,
        one: &Loaded,
        record_type: &str,
        paths: &BTreeSet<String>,
        request: &Request,
        suspended: &BTreeSet<Identifier>,
    ) -> Result<Leaves, No> {
        let agreement = one.compiled.agreement();
        let failed = |problem: String| No::new(Ground::Fault, None, problem);
        let answers = one.memory.answers(&one.evaluator, request, record_type, suspended);
        let mut classes = leaves::Classes::new(agreement, request.on.date());
        let mut leaves = Leaves::default();
        let element_laws: Vec<(usize, &Prohibition)> = self
            .prohibitions
            .iter()
            .enumerate()
            .filter(|(_, (whose, law))| *whose == request.sender && law.names_elements(record_type, request))
            .map(|(position, (_, law))| (position, law))
            .collect();
        for path in paths {
            let Some(class) = self.dictionary.class(path) else {
                leaves.deny(path, None, Withheld::UnknownElement);
                continue;
            };
            let verdict = classes.verdict(class, |class| answers.on(&class.category, class.personal));
            let law = element_laws.iter().find(|(_, law)| law.forbids(class, path));
            match law {
                Some((position, _)) => leaves.forbid(path, class, *position),
                None => leaves.judge(agreement, path, class, verdict).map_err(failed)?,
            }
        }
        Ok(leaves)
    }

    /// The clauses that one of the two administrations has suspended at the moment.
    pub(crate) fn suspended(
        &self,
        agreement: &Agreement,
        sender: &Administration,
        recipient: &Administration,
        on: Timestamp,
    ) -> BTreeSet<Identifier> {
        suspension::clauses(&self.suspensions, agreement, [sender, recipient], on)
    }

    pub(crate) fn loaded(&self) -> &[Loaded] {
        &self.loaded
    }

    fn facts_digest(&self, record_type: &str, paths: &BTreeSet<String>, request: &Request) -> Digest {
        canonical::digest(&canonical::bytes_of(&(record_type, paths, request, &self.suspensions)))
    }
}

impl std::fmt::Debug for DecisionPoint {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let agreements: Vec<_> = self.agreements().map(Compiled::reference).collect();
        out.debug_struct("DecisionPoint").field("agreements", &agreements).finish_non_exhaustive()
    }
}
