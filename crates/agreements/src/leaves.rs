//! From classes to elements: what each element's class allows, what the allow-lists name, and which clause governs.

use crate::clearance::Withheld;
use crate::dictionary::DataClass;
use crate::disclosure::Handling;
use crate::document::Agreement;
use crate::evaluate::Verdict;
use crate::name::Identifier;
use base::Date;
use std::collections::{BTreeMap, BTreeSet};

/// What was found for one element.
#[derive(Debug)]
enum Finding {
    /// The disclosures, by position, that let it through.
    Permitted(BTreeSet<usize>),
    Withheld(Withheld),
}

/// The findings for every element of a record.
#[derive(Debug, Default)]
pub(crate) struct Leaves {
    findings: BTreeMap<String, (Option<DataClass>, Finding)>,
    /// The prohibitions of national law that withheld something.
    pub(crate) law: BTreeSet<usize>,
}

/// The clause that governs a message, with what it lets through.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) clause: Identifier,
    pub(crate) permitted: BTreeSet<String>,
    pub(crate) disclosures: BTreeSet<Identifier>,
}

impl Leaves {
    pub(crate) fn deny(&mut self, path: &str, class: Option<&DataClass>, why: Withheld) {
        self.findings.insert(path.to_owned(), (class.cloned(), Finding::Withheld(why)));
    }

    pub(crate) fn forbid(&mut self, path: &str, class: &DataClass, law: usize) {
        self.law.insert(law);
        self.deny(path, Some(class), Withheld::NationalLaw);
    }

    /// Applies the verdict on its class to an element.
    pub(crate) fn judge(
        &mut self,
        agreement: &Agreement,
        path: &str,
        class: &DataClass,
        verdict: &ClassVerdict,
    ) -> Result<(), String> {
        let permitting = match verdict {
            ClassVerdict::Withheld(why) => {
                self.deny(path, Some(class), *why);
                return Ok(());
            }
            ClassVerdict::Cedar(Verdict::Failed(problem)) => return Err(problem.clone()),
            ClassVerdict::Cedar(Verdict::NotPermitted) => {
                self.deny(path, Some(class), Withheld::ClassNotDisclosed);
                return Ok(());
            }
            ClassVerdict::Cedar(Verdict::Forbidden(laws)) => {
                self.law.extend(laws);
                self.deny(path, Some(class), Withheld::NationalLaw);
                return Ok(());
            }
            ClassVerdict::Cedar(Verdict::Permitted(positions)) => positions,
        };
        let listing: BTreeSet<usize> = permitting
            .iter()
            .copied()
            .filter(|position| agreement.disclosures.get(*position).is_some_and(|row| row.lists(path)))
            .collect();
        if listing.is_empty() {
            self.deny(path, Some(class), Withheld::NotListed);
        } else {
            self.findings.insert(path.to_owned(), (Some(class.clone()), Finding::Permitted(listing)));
        }
        Ok(())
    }

    /// The category of an element.
    pub(crate) fn category(&self, path: &str) -> Option<&str> {
        let (class, _) = self.findings.get(path)?;
        class.as_ref().map(|class| class.category.as_str())
    }

    /// The class of an element.
    pub(crate) fn class(&self, path: &str) -> Option<&DataClass> {
        self.findings.get(path)?.0.as_ref()
    }

    /// The strictest default handling among these elements.
    pub(crate) fn handling(&self, paths: &BTreeSet<String>) -> Option<Handling> {
        paths.iter().filter_map(|path| self.class(path)).map(|class| class.handling).max()
    }
}

/// The clause that governs: the one that lets the most elements through, and of equals the first by identifier. A
/// message goes under one clause, because its purposes, handling and retention follow from it.
pub(crate) fn govern(agreement: &Agreement, leaves: &Leaves) -> Option<Chosen> {
    let mut by_clause: BTreeMap<&Identifier, Chosen> = BTreeMap::new();
    for (path, (_, finding)) in &leaves.findings {
        let Finding::Permitted(positions) = finding else {
            continue;
        };
        for row in positions.iter().filter_map(|position| agreement.disclosures.get(*position)) {
            let chosen = by_clause.entry(&row.clause).or_insert_with(|| Chosen {
                clause: row.clause.clone(),
                permitted: BTreeSet::new(),
                disclosures: BTreeSet::new(),
            });
            chosen.permitted.insert(path.clone());
            chosen.disclosures.insert(row.id.clone());
        }
    }
    // Reversed, because of equal maxima the last is taken.
    by_clause.into_values().rev().max_by_key(|chosen| chosen.permitted.len())
}

/// Every element that stays back, and why.
pub(crate) fn withheld(leaves: &Leaves, chosen: Option<&Chosen>) -> BTreeMap<String, Withheld> {
    leaves
        .findings
        .iter()
        .filter(|(path, _)| !chosen.is_some_and(|chosen| chosen.permitted.contains(*path)))
        .map(|(path, (_, finding))| {
            let why = match finding {
                Finding::Permitted(_) => Withheld::OtherClause,
                Finding::Withheld(why) => *why,
            };
            (path.clone(), why)
        })
        .collect()
}

/// What holds for a whole class.
#[derive(Clone, Debug)]
pub(crate) enum ClassVerdict {
    /// The agreement's tables withhold it, so Cedar need not be asked.
    Withheld(Withheld),
    /// What Cedar says.
    Cedar(Verdict),
}

/// The classes met in one decision, each judged once.
pub(crate) struct Classes<'a> {
    agreement: &'a Agreement,
    on: Date,
    verdicts: BTreeMap<DataClass, ClassVerdict>,
}

impl<'a> Classes<'a> {
    pub(crate) fn new(agreement: &'a Agreement, on: Date) -> Self {
        Self { agreement, on, verdicts: BTreeMap::new() }
    }

    /// The verdict on a class; `ask` is called at most once for each.
    pub(crate) fn verdict(
        &mut self,
        class: &DataClass,
        ask: impl FnOnce(&DataClass) -> Verdict,
    ) -> &ClassVerdict {
        let (agreement, on) = (self.agreement, self.on);
        // The handling does not matter to the verdict, but a class is met at most a few dozen times.
        self.verdicts.entry(class.clone()).or_insert_with(|| {
            if !agreement.categories.contains(&class.category) {
                return ClassVerdict::Withheld(Withheld::CategoryNotCovered);
            }
            let based = agreement
                .transfer_basis
                .iter()
                .any(|row| row.category == class.category && row.expires.is_none_or(|last| on <= last));
            if class.personal && !based {
                return ClassVerdict::Withheld(Withheld::NoTransferBasis);
            }
            ClassVerdict::Cedar(ask(class))
        })
    }
}
