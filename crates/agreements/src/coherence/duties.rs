//! Coherence of the duties and of the examples.

use super::Finder;
use crate::disclosure::Outcome;
use std::collections::BTreeSet;

impl Finder<'_> {
    pub(super) fn duties(&mut self) {
        let draft = self.draft;
        self.repeats("obligations", "id", draft.obligations.iter().map(|row| &row.id));
        let records: BTreeSet<_> = draft.disclosures.iter().flat_map(|row| &row.record_types).collect();
        for (position, row) in draft.obligations.iter().enumerate() {
            self.clause_known(format!("obligations[{position}].clause"), &row.clause);
            for record in row.record_types.iter().filter(|record| !records.contains(record)) {
                self.fault(
                    format!("obligations[{position}].record_types"),
                    Some(&row.clause),
                    format!("no disclosure is about `{record}`"),
                    "name a record type of a disclosure",
                );
            }
        }
        let category = |row: &crate::duty::Retention| {
            row.category.as_ref().map_or_else(|| "all others".to_owned(), ToString::to_string)
        };
        self.repeats("retention", "category", draft.retention.iter().map(category));
        for (position, row) in draft.retention.iter().enumerate() {
            self.clause_known(format!("retention[{position}].clause"), &row.clause);
            if let Some(category) = &row.category {
                let place = format!("retention[{position}].category");
                self.term_known(place, Some(&row.clause), "categories", &draft.categories, category);
            }
        }
        for (position, row) in draft.reciprocity.iter().enumerate() {
            self.clause_known(format!("reciprocity[{position}].clause"), &row.clause);
        }
        for (position, row) in draft.quotas.iter().enumerate() {
            self.clause_known(format!("quotas[{position}].clause"), &row.clause);
        }
        if let Some(dispute) = &draft.dispute {
            self.clause_known("dispute.clause".to_owned(), &dispute.clause);
        }
        if let Some(breach) = &draft.breach {
            self.clause_known("breach.clause".to_owned(), &breach.clause);
            for clause in &breach.suspends {
                self.clause_known("breach.suspends".to_owned(), clause);
            }
        }
        if let Some(stale) = &draft.stale_register {
            self.clause_known("stale_register.clause".to_owned(), &stale.clause);
            for purpose in &stale.continuing {
                let place = "stale_register.continuing".to_owned();
                self.term_known(place, Some(&stale.clause), "purposes", &draft.purposes, purpose);
            }
        }
        if let Some(rule) = &draft.key_register {
            self.clause_known("key_register.clause".to_owned(), &rule.clause);
            if rule.signers == 0 {
                self.fault(
                    "key_register.signers",
                    Some(&rule.clause),
                    "nobody must sign",
                    "need at least 1 or remove the section",
                );
            }
        }
        self.witnessing();
    }

    fn witnessing(&mut self) {
        let Some(witnessing) = &self.draft.witnessing else { return };
        self.clause_known("witnessing.clause".to_owned(), &witnessing.clause);
        if witnessing.needed == 0 {
            self.fault(
                "witnessing.needed",
                Some(&witnessing.clause),
                "no witness is needed",
                "need at least 1 or remove the section",
            );
        }
        for party in &self.draft.parties {
            let able = witnessing.witnesses_of(&party.administration).len();
            if usize::try_from(witnessing.needed).unwrap_or(usize::MAX) > able {
                self.fault(
                    "witnessing.needed",
                    Some(&witnessing.clause),
                    format!(
                        "{} witnesses are needed and {able} can witness the log of `{}`",
                        witnessing.needed, party.administration
                    ),
                    "need fewer or name more in `witnesses`; a party is no witness of its own log",
                );
                break;
            }
        }
    }

    pub(super) fn golden_tests(&mut self) {
        let draft = self.draft;
        self.repeats("golden_tests", "name", draft.golden_tests.iter().map(|test| &test.name));
        for (position, test) in draft.golden_tests.iter().enumerate() {
            let expected = &test.expected;
            let (field, missing) = match expected.outcome {
                Outcome::Cleared => ("clause", expected.clause.is_none()),
                Outcome::Refused => ("ground", expected.ground.is_none()),
            };
            if missing {
                self.fault(
                    format!("golden_tests[{position}].expected"),
                    expected.clause.as_ref(),
                    format!("the expected outcome names no {field}"),
                    format!("add `{field}`"),
                );
            }
        }
    }
}
