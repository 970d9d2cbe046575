//! Coherence: what must hold between the parts of a document before anyone may sign it.

mod duties;

use crate::disclosure::{Disclosure, Selector};
use crate::document::{Draft, Kind};
use crate::name::{Identifier, Term};
use std::collections::BTreeSet;
use std::fmt;

/// The most parties, clauses and disclosures: several times what the largest convention needs, and small enough that
/// a hostile document cannot exhaust a node.
const MOST_PARTIES: usize = 250;
const MOST_CLAUSES: usize = 1000;
const MOST_DISCLOSURES: usize = 1000;
/// The most patterns in one allow-list.
const MOST_PATHS: usize = 1000;

/// A fault in a document: where, what, and how to put it right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The place, as in `disclosures[3].purpose`, counted from 0 in the order of the document.
    pub place: String,
    /// The clause that the place belongs to.
    pub clause: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// How to put it right.
    pub fix: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}`", self.place)?;
        if let Some(clause) = &self.clause {
            write!(out, ", clause `{clause}`")?;
        }
        write!(out, ": {}; {}", self.problem, self.fix)
    }
}

/// Every fault of a draft, in the order of the document.
pub(crate) fn faults(draft: &Draft) -> Vec<Fault> {
    let mut finder = Finder {
        draft,
        clauses: draft.clauses.iter().map(|clause| &clause.id).collect(),
        faults: Vec::new(),
    };
    finder.head();
    finder.parties();
    finder.clauses();
    finder.transfer_basis();
    finder.disclosures();
    finder.duties();
    finder.golden_tests();
    finder.faults
}

struct Finder<'d> {
    draft: &'d Draft,
    clauses: BTreeSet<&'d Identifier>,
    faults: Vec<Fault>,
}

impl<'d> Finder<'d> {
    fn fault(
        &mut self,
        place: impl Into<String>,
        clause: Option<&Identifier>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.faults.push(Fault {
            place: place.into(),
            clause: clause.map(ToString::to_string),
            problem: problem.into(),
            fix: fix.into(),
        });
    }

    /// Reports each value that occurs a second time.
    fn repeats<T: Ord + fmt::Display>(&mut self, list: &str, field: &str, values: impl Iterator<Item = T>) {
        let mut seen = BTreeSet::new();
        for (position, value) in values.enumerate() {
            let text = value.to_string();
            if !seen.insert(value) {
                self.fault(
                    format!("{list}[{position}].{field}"),
                    None,
                    format!("`{text}` occurs twice"),
                    "give each its own",
                );
            }
        }
    }

    fn clause_known(&mut self, place: String, clause: &'d Identifier) {
        if !self.clauses.contains(clause) {
            self.fault(
                place,
                Some(clause),
                format!("there is no clause `{clause}`"),
                format!("add it to `clauses` or name one of {}", listed(self.clauses.iter())),
            );
        }
    }

    fn term_known(
        &mut self,
        place: String,
        clause: Option<&Identifier>,
        list: &str,
        terms: &BTreeSet<Term>,
        term: &Term,
    ) {
        if !terms.contains(term) {
            self.fault(
                place,
                clause,
                format!("`{term}` is not one of `{list}`"),
                if terms.is_empty() {
                    "add it there".to_owned()
                } else {
                    format!("add it there or use one of {}", listed(terms.iter()))
                },
            );
        }
    }

    fn head(&mut self) {
        let draft = self.draft;
        if draft.version == 0 {
            self.fault("version", None, "the version is 0", "count versions from 1");
        }
        if draft.supersedes.is_some_and(|earlier| earlier >= draft.version) {
            self.fault(
                "supersedes",
                None,
                "a version can only supersede an earlier one",
                "name a lower version or remove the field",
            );
        }
        if matches!(draft.kind, Kind::Annex | Kind::Decision) && draft.parent.is_none() {
            self.fault(
                "parent",
                None,
                "an annex or decision belongs under an agreement",
                "name it in `parent`",
            );
        }
        if draft.in_force.until.is_some_and(|until| until < draft.in_force.from) {
            self.fault(
                "in_force.until",
                None,
                "the agreement ends before it begins",
                "make `until` the same day as `from` or later",
            );
        }
        if draft.title.trim().is_empty() {
            self.fault("title", None, "the title is empty", "say what the agreement is");
        }
        for (name, terms) in [
            ("purposes", &draft.purposes),
            ("categories", &draft.categories),
            ("roles", &draft.roles),
            ("refusal_grounds", &draft.refusal_grounds),
        ] {
            if terms.is_empty() {
                self.fault(name, None, "the list is empty", "enumerate at least one term");
            }
        }
    }

    fn parties(&mut self) {
        let draft = self.draft;
        // One party is enough: a corridor may lie within one country, and then nothing is ever disclosed.
        self.size("parties", draft.parties.len(), MOST_PARTIES);
        self.repeats("parties", "administration", draft.parties.iter().map(|party| &party.administration));
        let annexes: BTreeSet<_> = draft.clauses.iter().filter_map(|clause| clause.annex.as_ref()).collect();
        for (position, party) in draft.parties.iter().enumerate() {
            for clause in &party.reservations {
                self.clause_known(format!("parties[{position}].reservations"), clause);
            }
            for annex in &party.accepted_annexes {
                if !annexes.contains(annex) {
                    self.fault(
                        format!("parties[{position}].accepted_annexes"),
                        None,
                        format!("no clause belongs to an annex `{annex}`"),
                        "remove it or give the annex clauses",
                    );
                }
            }
        }
        for (position, signature) in draft.signatures.iter().enumerate() {
            self.party_known(
                format!("signatures[{position}].administration"),
                None,
                &signature.administration,
            );
        }
    }

    fn party_known(
        &mut self,
        place: String,
        clause: Option<&Identifier>,
        administration: &base::Administration,
    ) {
        let known = self.draft.parties.iter().any(|party| party.administration == *administration);
        if !known {
            self.fault(
                place,
                clause,
                format!("`{administration}` is not a party"),
                "add it to `parties` or name a party",
            );
        }
    }

    fn size(&mut self, place: &str, length: usize, most: usize) {
        if length == 0 {
            self.fault(place, None, "the list is empty", "add at least one entry");
        }
        if length > most {
            self.fault(
                place,
                None,
                format!("{length} entries are more than the limit of {most}"),
                "split the agreement",
            );
        }
    }

    fn clauses(&mut self) {
        let draft = self.draft;
        self.size("clauses", draft.clauses.len(), MOST_CLAUSES);
        self.repeats("clauses", "id", draft.clauses.iter().map(|clause| &clause.id));
        for (position, clause) in draft.clauses.iter().enumerate() {
            for (field, text) in [("source", &clause.source), ("text", &clause.text)] {
                if text.trim().is_empty() {
                    self.fault(
                        format!("clauses[{position}].{field}"),
                        Some(&clause.id),
                        "the text is empty",
                        "say which rule this is and what it says",
                    );
                }
            }
        }
    }

    fn transfer_basis(&mut self) {
        let draft = self.draft;
        self.repeats("transfer_basis", "category", draft.transfer_basis.iter().map(|row| &row.category));
        for (position, row) in draft.transfer_basis.iter().enumerate() {
            self.term_known(
                format!("transfer_basis[{position}].category"),
                None,
                "categories",
                &draft.categories,
                &row.category,
            );
        }
    }

    fn disclosures(&mut self) {
        let draft = self.draft;
        self.size("disclosures", draft.disclosures.len(), MOST_DISCLOSURES);
        self.repeats("disclosures", "id", draft.disclosures.iter().map(|row| &row.id));
        for (position, row) in draft.disclosures.iter().enumerate() {
            let at = |field: &str| format!("disclosures[{position}].{field}");
            let clause = Some(&row.clause);
            self.clause_known(at("clause"), &row.clause);
            for (field, selector) in [("from", &row.from), ("to", &row.to)] {
                match selector {
                    Selector::Any(_) => {}
                    Selector::Named(named) if named.is_empty() => {
                        self.fault(at(field), clause, "nobody is named", "name a party or say `any`");
                    }
                    Selector::Named(named) => {
                        for administration in named {
                            self.party_known(at(field), clause, administration);
                        }
                    }
                }
            }
            for (field, role) in [("from_role", &row.from_role), ("to_role", &row.to_role)] {
                if let Some(role) = role {
                    self.term_known(at(field), clause, "roles", &draft.roles, role);
                }
            }
            self.term_known(at("purpose"), clause, "purposes", &draft.purposes, &row.purpose);
            for category in &row.categories {
                self.term_known(at("categories"), clause, "categories", &draft.categories, category);
            }
            self.lists(position, row);
            let based = draft.transfer_basis.iter().any(|basis| row.categories.contains(&basis.category));
            if row.personal && !based {
                self.fault(
                    at("personal"),
                    clause,
                    "personal data needs a legal basis, and no category of this disclosure has one",
                    "add a row to `transfer_basis` or remove `personal`",
                );
            }
        }
    }

    /// The lists of a disclosure, none of which may be empty.
    fn lists(&mut self, position: usize, row: &'d Disclosure) {
        let at = |field: &str| format!("disclosures[{position}].{field}");
        let clause = Some(&row.clause);
        for (field, empty) in [
            ("record_types", row.record_types.is_empty()),
            ("categories", row.categories.is_empty()),
            ("paths", row.paths.is_empty()),
        ] {
            if empty {
                self.fault(
                    at(field),
                    clause,
                    "the list is empty, so nothing is disclosed",
                    "name at least one entry or remove the disclosure",
                );
            }
        }
        if row.paths.len() > MOST_PATHS {
            self.fault(
                at("paths"),
                clause,
                format!("{} patterns are more than the limit of {MOST_PATHS}", row.paths.len()),
                "use `**` or split the disclosure",
            );
        }
    }
}

fn listed<T: fmt::Display>(items: impl Iterator<Item = T>) -> String {
    let names: Vec<String> = items.map(|item| format!("`{item}`")).collect();
    names.join(", ")
}
