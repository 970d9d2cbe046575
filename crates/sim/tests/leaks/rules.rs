//! Random agreements and national laws over the two records that departure sends, and what they disclose, worked out
//! element by element without the decision point.

use crate::Places;
use agreements::disclosure::Disclosure;
use agreements::{
    Agreement, Dictionary, Identifier, Overlay, Pattern, Prohibition, Term, corridor_agreement,
};
use base::Administration;
use sim::Dice;
use std::collections::{BTreeMap, BTreeSet};

/// The messages that carry a declaration's data to partners.
pub const TYPES: [&str; 2] = ["CD001C", "CD050C"];

/// How many ways to withhold there are.
pub const WAYS: usize = 6;

/// An agreement with the national law of the sender.
pub struct Rules {
    pub agreement: Agreement,
    pub overlays: Vec<Overlay>,
    /// The allow-list of each message that a clause still covers; `None` for the whole model.
    allowed: BTreeMap<&'static str, Option<BTreeSet<String>>>,
    forbidden: BTreeSet<String>,
    categories: BTreeSet<String>,
    impersonal: bool,
    /// Whether documents may be sent.
    pub documents: bool,
    ways: Vec<&'static str>,
}

fn administration(country: &str) -> Administration {
    Administration::parse(&format!("NTA.{country}")).unwrap()
}

/// Whether a disclosure is about one of the messages that carry a declaration's data.
fn is_record(row: &Disclosure) -> bool {
    TYPES.iter().any(|kind| row.record_types.contains(*kind))
}

/// Withholds documents: all of them, or an element without which there is none.
fn withhold_documents(dice: &mut Dice, disclosures: &mut Vec<Disclosure>) {
    let element = ["Document/title", "Document/mediaType", "Document/content"];
    let is_document = |row: &Disclosure| row.record_types.contains("DOCUMENT");
    match dice.pick(&element).filter(|_| dice.per_mille(600)) {
        None => disclosures.retain(|row| !is_document(row)),
        Some(withheld) => {
            let kept = element.iter().filter(|path| *path != withheld);
            let paths: BTreeSet<Pattern> = kept.map(|path| Pattern::parse(path).unwrap()).collect();
            for row in disclosures.iter_mut().filter(|row| is_document(row)) {
                row.paths.clone_from(&paths);
            }
        }
    }
}

impl Rules {
    /// The model agreement: everything that departure tells.
    pub fn everything() -> Self {
        let agreement = corridor_agreement(&[administration("GB"), administration("FR")]).unwrap();
        Self {
            agreement,
            overlays: Vec::new(),
            allowed: TYPES.iter().map(|kind| (*kind, None)).collect(),
            forbidden: BTreeSet::new(),
            categories: BTreeSet::new(),
            impersonal: false,
            documents: true,
            ways: Vec::new(),
        }
    }

    /// Rules that withhold at random.
    pub fn draw(dice: &mut Dice, places: &Places) -> Self {
        let mut rules = Self::everything();
        let mut draft = rules.agreement.into_draft();
        // The examples of the model say what the model discloses.
        draft.golden_tests.clear();
        // Most withhold only what a message can do without, so that it is sent; some withhold anything.
        let careful = !dice.per_mille(150);
        let withheld = draw_withheld(dice, places, careful);
        if dice.per_mille(600) {
            rules.ways.push("allow-list");
            for row in &mut draft.disclosures {
                let Some(kind) = TYPES.iter().find(|kind| row.record_types.contains(**kind)) else {
                    continue;
                };
                let mut keep: BTreeSet<String> =
                    places.elements[kind].difference(&withheld).cloned().collect();
                // An empty allow-list is none; the header is always there.
                keep.insert("messageSender".to_owned());
                row.paths = keep.iter().map(|path| Pattern::parse(path).unwrap()).collect();
                rules.allowed.insert(kind, Some(keep));
            }
        } else {
            rules.ways.push("national law");
            let paths = withheld.iter().map(|path| Pattern::parse(path).unwrap()).collect();
            rules.overlays.push(law(paths, BTreeSet::new()));
            rules.forbidden = withheld;
        }
        if dice.per_mille(100) {
            rules.ways.push("no clause");
            let dropped = *dice.pick(&TYPES).unwrap();
            draft.disclosures.retain(|row| !row.record_types.contains(dropped));
            rules.allowed.remove(dropped);
        }
        if dice.per_mille(500) {
            rules.ways.push("no documents");
            withhold_documents(dice, &mut draft.disclosures);
            rules.documents = false;
        }
        let mut records: Vec<_> = draft.disclosures.iter_mut().filter(|row| is_record(row)).collect();
        if dice.per_mille(150) {
            rules.ways.push("category");
            let category = *dice.pick(&["transport", "equipment", "document", "party"]).unwrap();
            for row in &mut records {
                row.categories.remove(category);
            }
            rules.categories.insert(category.to_owned());
        }
        // Without the category that has a legal basis, nothing personal may be given.
        if rules.categories.contains("party") || dice.per_mille(150) {
            rules.ways.push("nothing personal");
            for row in &mut records {
                row.personal = false;
            }
            rules.impersonal = true;
        }
        rules.agreement = Agreement::new(draft).unwrap_or_else(|faults| panic!("{faults:?}"));
        rules
    }

    /// The ways to withhold that these rules use.
    pub fn ways(&self) -> &[&'static str] {
        &self.ways
    }

    /// Whether an element of a message may be given to the partner: a clause covers the message and lists the element,
    /// its category and whether it is personal, and no law of the sender forbids it.
    pub fn discloses(&self, kind: &str, path: &str) -> bool {
        let Some(allowed) = self.allowed.get(kind) else { return false };
        let dictionary = Dictionary::built_in().unwrap();
        let Some(class) = dictionary.class(path) else { return false };
        let listed = allowed.as_ref().is_none_or(|allowed| allowed.contains(path));
        let by_category = self.categories.contains(class.category.as_str());
        let withheld = self.forbidden.contains(path) || by_category || (self.impersonal && class.personal);
        listed && !withheld
    }
}

fn law(paths: BTreeSet<Pattern>, categories: BTreeSet<Term>) -> Overlay {
    let prohibition = Prohibition {
        id: Identifier::parse("act-1").unwrap(),
        law: "an act".to_owned(),
        ground: Term::parse("law_prevents").unwrap(),
        recipients: BTreeSet::new(),
        purposes: BTreeSet::new(),
        record_types: BTreeSet::new(),
        categories,
        personal_only: false,
        paths,
    };
    Overlay { administration: administration("GB"), prohibitions: vec![prohibition] }
}

/// Elements to withhold: whole groups or single ones. With `careful`, only while both messages can be written without.
fn draw_withheld(dice: &mut Dice, places: &Places, careful: bool) -> BTreeSet<String> {
    let all: BTreeSet<&String> = places.elements.values().flatten().collect();
    let mut branches: BTreeSet<String> = BTreeSet::new();
    for path in &all {
        branches.insert((*path).clone());
        let mut above = path.as_str();
        while let Some((group, _)) = above.rsplit_once('/') {
            branches.insert(group.to_owned());
            above = group;
        }
    }
    branches.remove("Consignment");
    let branches: Vec<String> = branches.into_iter().collect();
    let mut withheld = BTreeSet::new();
    for _ in 0..dice.between(3, 14) {
        let branch = dice.pick(&branches).unwrap();
        let mut more = withheld.clone();
        let below = format!("{branch}/");
        more.extend(
            all.iter()
                .filter(|path| **path == branch || path.starts_with(&below))
                .map(|path| (*path).clone()),
        );
        let writable = |model: &wire::Document| {
            let mut document = model.clone();
            document.retain(&|path| !more.contains(path));
            wire::write(&document).is_ok()
        };
        if !careful || places.models.values().all(writable) {
            withheld = more;
        }
    }
    if withheld.is_empty() {
        withheld.insert("Consignment/referenceNumberUCR".to_owned());
    }
    withheld
}
