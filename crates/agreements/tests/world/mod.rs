//! A small world of agreements, national laws and requests, drawn at random, and a slow interpreter of the documents
//! that shares no code with the decision point: it goes through the document element by element.

use agreements::disclosure::{Disclosure, Selector};
use agreements::document::{Clause, CourtUse, Draft, InForce, Kind, Onward, Party, TransferBasis};
use agreements::duty::{AtExpiry, Retention};
use agreements::{
    Dictionary, Disclosable, Handling, Identifier, OnwardRule, Overlay, Pattern, Prohibition, Request, Scope,
    Subject, Suspension, Term, Trigger,
};
use base::{Administration, Date, Timestamp};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub const COUNTRIES: [&str; 4] = ["FR", "GB", "IT", "MN"];
/// The parties are the first three countries.
const BETWEEN_PARTIES: [(&str, &str); 6] =
    [("FR", "GB"), ("FR", "IT"), ("GB", "FR"), ("GB", "IT"), ("IT", "FR"), ("IT", "GB")];
pub const PURPOSES: [&str; 3] = ["audit", "risk", "transit"];
pub const RECORDS: [&str; 2] = ["R1", "R2"];
pub const ROLES: [&str; 2] = ["asks", "gives"];
pub const FACTS: [&str; 2] = ["fresh", "mutual"];
pub const CLAUSES: [&str; 3] = ["1", "2(a)", "3"];
/// Each element with its category and whether it is personal; what is not here is unknown.
pub const ELEMENTS: [(&str, &str, bool); 8] = [
    ("sender", "header", false),
    ("number", "header", false),
    ("goods/code", "goods", false),
    ("goods/item/weight", "goods", false),
    ("goods/item/owner", "party", true),
    ("holder/name", "party", true),
    ("holder/role", "party", false),
    ("remark", "free_text", true),
];
pub const UNKNOWN: [&str; 2] = ["photo", "holder/photo"];
const CATEGORIES: [&str; 4] = ["free_text", "goods", "header", "party"];
const PATTERNS: [&str; 9] =
    ["*", "**", "goods/**", "goods/*", "goods/item/*", "**/owner", "holder/*", "holder/name", "remark"];

pub fn term(text: &str) -> Term {
    Term::parse(text).unwrap()
}

pub fn id(text: &str) -> Identifier {
    Identifier::parse(text).unwrap()
}

pub fn administration(country: &str) -> Administration {
    Administration::parse(&format!("NTA.{country}")).unwrap()
}

pub fn day(days: i32) -> Date {
    Date::parse("2026-01-01").unwrap().plus_days(days)
}

/// The dictionary of this world.
pub fn dictionary() -> Arc<Dictionary> {
    let mut text = String::new();
    for (path, category, personal) in ELEMENTS {
        let (group, element) = path.rsplit_once('/').unwrap_or(("", path));
        text.push_str(&format!(
            "[[entries]]\ncategory = \"{category}\"\npersonal = {personal}\nhandling = \"official\"\n\
             groups = [\"{group}\"]\nelements = [\"{element}\"]\n"
        ));
    }
    Arc::new(Dictionary::from_toml(&text).unwrap())
}

/// A record of elements with values.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub record_type: String,
    pub elements: Vec<(String, String)>,
}

impl Disclosable for Record {
    fn record_type(&self) -> &str {
        &self.record_type
    }
    fn paths(&self) -> Vec<String> {
        self.elements.iter().map(|(path, _)| path.clone()).collect()
    }
    fn project(self, permitted: &dyn Fn(&str) -> bool) -> Self {
        Self {
            record_type: self.record_type,
            elements: self.elements.into_iter().filter(|(path, _)| permitted(path)).collect(),
        }
    }
}

pub fn records() -> impl Strategy<Value = Record> {
    let all: Vec<&str> = ELEMENTS.iter().map(|(path, ..)| *path).chain(UNKNOWN).collect();
    (select(RECORDS.as_slice()), subsequence(all.clone(), 0..=all.len())).prop_map(|(record_type, paths)| {
        Record {
            record_type: record_type.to_owned(),
            elements: paths.iter().map(|path| ((*path).to_owned(), format!("value of {path}"))).collect(),
        }
    })
}

fn terms(from: &'static [&'static str], least: usize) -> impl Strategy<Value = BTreeSet<Term>> {
    subsequence(from, least..=from.len()).prop_map(|chosen| chosen.into_iter().map(term).collect())
}

fn ids(from: &'static [&'static str], least: usize) -> impl Strategy<Value = BTreeSet<Identifier>> {
    subsequence(from, least..=from.len()).prop_map(|chosen| chosen.into_iter().map(id).collect())
}

fn patterns(least: usize) -> impl Strategy<Value = BTreeSet<Pattern>> {
    subsequence(PATTERNS.as_slice(), least..=4)
        .prop_map(|chosen| chosen.into_iter().map(|text| Pattern::parse(text).unwrap()).collect())
}

fn selectors() -> impl Strategy<Value = Selector> {
    prop_oneof![
        3 => Just(Selector::ANY),
        1 => subsequence(&COUNTRIES[..3], 1..3)
            .prop_map(|chosen| Selector::Named(chosen.into_iter().map(administration).collect())),
    ]
}

fn mostly<T: Clone + std::fmt::Debug>(usual: T, other: impl Strategy<Value = T>) -> impl Strategy<Value = T> {
    prop_oneof![4 => Just(usual), 1 => other]
}

prop_compose! {
    fn disclosures()(
        (clause, from, to) in (select(CLAUSES.as_slice()), selectors(), selectors()),
        (from_role, to_role) in (
            mostly(None, select(ROLES.as_slice()).prop_map(|role| Some(term(role)))),
            mostly(None, select(ROLES.as_slice()).prop_map(|role| Some(term(role)))),
        ),
        trigger in mostly(Trigger::Automatic, select(Trigger::ALL.as_slice())),
        purpose in select(&PURPOSES[..2]),
        record_types in ids(&RECORDS, 1),
        categories in terms(&CATEGORIES, 1),
        personal in any::<bool>(),
        conditions in mostly(BTreeSet::new(), terms(&FACTS, 0)),
        paths in patterns(1),
        handling in select(vec![Handling::Official, Handling::Restricted, Handling::Confidential]),
    ) -> Disclosure {
        Disclosure {
            id: id("unset"), clause: id(clause), from, to, from_role, to_role, trigger, purpose: term(purpose),
            record_types, categories, personal, minimum_handling: handling, conditions, paths,
        }
    }
}

prop_compose! {
    fn parties()(
        reservations in prop::collection::vec(mostly(BTreeSet::new(), ids(&CLAUSES, 0)), 3),
        annexes in prop::collection::vec(any::<bool>(), 3),
    ) -> Vec<Party> {
        COUNTRIES.iter().zip(reservations).zip(annexes).map(|((country, reservations), accepts)| Party {
            administration: administration(country),
            authority: format!("customs of {country}"),
            accepted_annexes: accepts.then(|| id("annex")).into_iter().collect(),
            reservations,
        }).collect()
    }
}

prop_compose! {
    /// A draft that holds together. Days count from 2026-01-01; requests fall on days 0 to 3.
    pub fn drafts(name: &'static str)(
        rows in prop::collection::vec(disclosures(), 1..6),
        parties in parties(),
        annexed in any::<bool>(),
        (from, until) in (mostly(-9, 0..3), mostly(None, (0i32..4).prop_map(Some))),
        precedence in 1u32..4,
        procedures in mostly(BTreeSet::new(), Just(BTreeSet::from([term("t1")]))),
        bases in prop::collection::btree_map(
            select(CATEGORIES.as_slice()), mostly(None, (-1i32..3).prop_map(Some)), 0..4,
        ),
        retention in prop::collection::btree_map(prop::option::of(select(CATEGORIES.as_slice())), 1u32..9, 0..3),
        onward in select(vec![OnwardRule::Parties, OnwardRule::Consent, OnwardRule::Deny]),
    ) -> Draft {
        let mut rows = rows;
        for (position, row) in rows.iter_mut().enumerate() {
            row.id = id(&format!("d{position}"));
            // A personal disclosure without any legal basis would not hold together.
            row.personal &= row.categories.iter().any(|category| bases.contains_key(category.as_str()));
        }
        Draft {
            id: id(name),
            version: 1,
            supersedes: None,
            title: format!("agreement {name}"),
            kind: Kind::Base,
            parent: None,
            precedence,
            termination_notice_days: None,
            purposes: PURPOSES[..2].iter().map(|purpose| term(purpose)).collect(),
            categories: CATEGORIES.iter().map(|category| term(category)).collect(),
            roles: ROLES.iter().map(|role| term(role)).collect(),
            refusal_grounds: BTreeSet::from([term("law_prevents"), term("public_interest")]),
            use_in_court: CourtUse::Ask,
            in_force: InForce {
                from: day(from),
                until: until.map(|until| day(until.max(from))),
                provisional: false,
            },
            scope: Scope { procedures, ..Scope::default() },
            onward: Onward { default: onward, consent_days: None },
            parties,
            texts: Vec::new(),
            clauses: CLAUSES.iter().map(|clause| Clause {
                id: id(clause),
                source: "example".to_owned(),
                text: format!("clause {clause}"),
                interpretation: true,
                text_digest: None,
                annex: (annexed && *clause == "3").then(|| id("annex")),
            }).collect(),
            transfer_basis: bases.into_iter().map(|(category, expires)| TransferBasis {
                category: term(category),
                basis: "example".to_owned(),
                expires: expires.map(day),
            }).collect(),
            disclosures: rows,
            obligations: Vec::new(),
            retention: retention.into_iter().map(|(category, days)| Retention {
                clause: id("1"),
                category: category.map(term),
                days,
                at_expiry: AtExpiry::Erase,
            }).collect(),
            reciprocity: Vec::new(),
            quotas: Vec::new(),
            dispute: None,
            breach: None,
            stale_register: None,
            key_register: None,
            witnessing: None,
            golden_tests: Vec::new(),
            signatures: Vec::new(),
        }
    }
}

/// A draft in which no party accepts an annex that no clause has.
pub fn sound(mut draft: Draft) -> Draft {
    if draft.clauses.iter().all(|clause| clause.annex.is_none()) {
        draft.parties.iter_mut().for_each(|party| party.accepted_annexes.clear());
    }
    draft
}

prop_compose! {
    pub fn requests()(
        (sender, recipient) in prop_oneof![
            6 => select(BETWEEN_PARTIES.as_slice()),
            1 => (select(COUNTRIES.as_slice()), select(COUNTRIES.as_slice())),
        ],
        sender_role in select(ROLES.as_slice()),
        recipient_role in mostly(term("gives"), select(vec![term("asks"), term("stranger")])),
        purpose in select(PURPOSES.as_slice()),
        trigger in mostly(Trigger::Automatic, select(Trigger::ALL.as_slice())),
        days in 0i32..4,
        procedure in mostly(Some(term("t1")), select(vec![None, Some(term("t2"))])),
        facts in prop::collection::btree_map(select(FACTS.as_slice()).prop_map(term), any::<bool>(), 0..3),
    ) -> Request {
        let mut request = Request::automatic(
            (administration(sender), term(sender_role)),
            (administration(recipient), recipient_role),
            term(purpose),
            day(days).start(),
        );
        request.trigger = trigger;
        request.subject = Subject { procedure, ..Subject::default() };
        request.facts = facts;
        request
    }
}

prop_compose! {
    fn prohibitions()(
        ground in select(vec!["law_prevents", "public_interest", "not_listed"]),
        recipients in mostly(BTreeSet::new(), subsequence(COUNTRIES.as_slice(), 0..3)
            .prop_map(|chosen| chosen.into_iter().map(administration).collect())),
        purposes in mostly(BTreeSet::new(), terms(&PURPOSES, 0)),
        record_types in mostly(BTreeSet::new(), ids(&["R1", "R2", "R3"], 0)),
        categories in terms(&["free_text", "goods", "party", "other"], 0),
        personal_only in any::<bool>(),
        paths in mostly(BTreeSet::new(), patterns(0)),
    ) -> Prohibition {
        Prohibition {
            id: id("unset"), law: "an act".to_owned(), ground: term(ground), recipients, purposes, record_types,
            categories, personal_only, paths,
        }
    }
}

pub fn overlays() -> impl Strategy<Value = Vec<Overlay>> {
    let overlay = (select(COUNTRIES.as_slice()), prop::collection::vec(prohibitions(), 0..3)).prop_map(
        |(country, mut rows)| {
            for (position, row) in rows.iter_mut().enumerate() {
                row.id = id(&format!("act-{position}"));
            }
            Overlay { administration: administration(country), prohibitions: rows }
        },
    );
    prop::collection::vec(overlay, 0..3)
}

prop_compose! {
    fn suspension()(
        agreement in select(vec!["a", "b"]),
        clause in prop::option::weighted(0.8, select(CLAUSES.as_slice())),
        by in select(COUNTRIES.as_slice()),
        from in 0i32..4,
        length in prop::option::of(1i32..3),
    ) -> Suspension {
        Suspension {
            agreement: id(agreement),
            clause: clause.map(id),
            by: administration(by),
            from: day(from).start(),
            until: length.map(|length| day(from + length).start()),
        }
    }
}

pub fn suspensions() -> impl Strategy<Value = Vec<Suspension>> {
    prop::collection::vec(suspension(), 0..3)
}

/// What the slow interpreter says: clause and elements, or ground and clause.
pub type Answer = Result<(String, String, BTreeSet<String>), (String, Option<String>)>;

/// Interprets the documents.
pub fn interpret(
    drafts: &[Draft],
    laws: &[Overlay],
    suspensions: &[Suspension],
    record: &Record,
    request: &Request,
) -> Answer {
    let mut order: Vec<&Draft> = drafts.iter().collect();
    order.sort_by_key(|draft| (draft.precedence, draft.id.clone()));
    let mut worst: (usize, (String, Option<String>)) = (0, ("no_agreement".to_owned(), None));
    for draft in order {
        match interpret_one(draft, laws, suspensions, record, request) {
            Ok((clause, paths)) => return Ok((draft.id.to_string(), clause, paths)),
            Err((stage, ground, clause)) => {
                if stage > worst.0 {
                    worst = (stage, (ground.to_owned(), clause));
                }
            }
        }
    }
    Err(worst.1)
}

type Verdict = Result<(String, BTreeSet<String>), (usize, &'static str, Option<String>)>;

fn interpret_one(
    draft: &Draft,
    laws: &[Overlay],
    suspensions: &[Suspension],
    record: &Record,
    request: &Request,
) -> Verdict {
    let party = |who: &Administration| draft.parties.iter().find(|party| party.administration == *who);
    let (Some(giver), Some(taker)) = (party(&request.sender), party(&request.recipient)) else {
        return Err((0, "no_agreement", None));
    };
    if request.sender == request.recipient {
        return Err((0, "no_agreement", None));
    }
    let today = request.on.date();
    if today < draft.in_force.from || draft.in_force.until.is_some_and(|last| today > last) {
        return Err((1, "not_in_force", None));
    }
    if !draft.purposes.contains(&request.purpose) {
        return Err((2, "purpose_not_permitted", None));
    }
    let mut rows: Vec<&Disclosure> = Vec::new();
    for row in &draft.disclosures {
        if row.purpose == request.purpose && row.record_types.contains(&id(&record.record_type)) {
            rows.push(row);
        }
    }
    rows.sort_by_key(|row| row.id.clone());
    let Some(first) = rows.first() else {
        return Err((3, "record_type_not_permitted", None));
    };
    let procedure = request.subject.procedure.as_ref();
    if !draft.scope.procedures.is_empty() && !procedure.is_some_and(|p| draft.scope.procedures.contains(p)) {
        return Err((4, "out_of_scope", Some(first.clause.to_string())));
    }
    let suspended = |clause: &Identifier| {
        suspensions.iter().any(|one| {
            one.agreement == draft.id
                && one.clause.as_ref().is_none_or(|named| named == clause)
                && [&request.sender, &request.recipient].contains(&&one.by)
                && one.from <= request.on
                && one.until.is_none_or(|until| request.on < until)
        })
    };
    let Some(active) = rows.iter().find(|row| !suspended(&row.clause)) else {
        return Err((5, "suspended", Some(first.clause.to_string())));
    };
    let asked_under = Some(active.clause.to_string());
    if !draft.roles.contains(&request.sender_role) || !draft.roles.contains(&request.recipient_role) {
        return Err((6, "not_disclosed", asked_under));
    }
    let mut by_clause: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut forbidden = false;
    for (path, _) in &record.elements {
        let Some((_, category, personal)) = ELEMENTS.iter().find(|(known, ..)| known == path) else {
            continue;
        };
        // The tables of the agreement come before the law, and the law on elements before both.
        let by_law = |with_paths: bool| {
            laws.iter().filter(|law| law.administration == request.sender).any(|law| {
                law.prohibitions.iter().any(|act| {
                    act.paths.is_empty() != with_paths
                        && applies(act, record, request, category, *personal)
                        && (act.paths.is_empty() || act.paths.iter().any(|pattern| pattern.matches(path)))
                })
            })
        };
        if by_law(true) {
            forbidden = true;
            continue;
        }
        let basis = draft
            .transfer_basis
            .iter()
            .any(|row| row.category.as_str() == *category && row.expires.is_none_or(|last| today <= last));
        if *personal && !basis {
            continue;
        }
        if by_law(false) {
            forbidden = true;
            continue;
        }
        for row in &rows {
            let clause = draft.clauses.iter().find(|clause| clause.id == row.clause).unwrap();
            let binds = |party: &Party| {
                !party.reservations.contains(&clause.id)
                    && clause.annex.as_ref().is_none_or(|annex| party.accepted_annexes.contains(annex))
            };
            let fits = |selector: &Selector, who: &Administration| match selector {
                Selector::Any(_) => true,
                Selector::Named(named) => named.contains(who),
            };
            let permitted = !suspended(&row.clause)
                && binds(giver)
                && binds(taker)
                && fits(&row.from, &request.sender)
                && fits(&row.to, &request.recipient)
                && row.from_role.as_ref().is_none_or(|role| *role == request.sender_role)
                && row.to_role.as_ref().is_none_or(|role| *role == request.recipient_role)
                && row.trigger == request.trigger
                && row.categories.iter().any(|known| known.as_str() == *category)
                && (row.personal || !personal)
                && row.conditions.iter().all(|fact| request.facts.get(fact) == Some(&true))
                && row.paths.iter().any(|pattern| pattern.matches(path));
            if permitted {
                by_clause.entry(row.clause.to_string()).or_default().insert(path.clone());
            }
        }
    }
    let mut best: Option<(String, BTreeSet<String>)> = None;
    for (clause, paths) in by_clause {
        if best.as_ref().is_none_or(|(_, most)| paths.len() > most.len()) {
            best = Some((clause, paths));
        }
    }
    let header =
        |path: &String| ELEMENTS.iter().any(|(known, category, _)| known == path && *category == "header");
    match best {
        Some((clause, paths)) if paths.iter().any(|path| !header(path)) => Ok((clause, paths)),
        _ if forbidden => Err((7, "national_law", asked_under)),
        _ => Err((6, "not_disclosed", asked_under)),
    }
}

fn applies(act: &Prohibition, record: &Record, request: &Request, category: &str, personal: bool) -> bool {
    (act.recipients.is_empty() || act.recipients.contains(&request.recipient))
        && (act.purposes.is_empty() || act.purposes.contains(&request.purpose))
        && (act.record_types.is_empty() || act.record_types.contains(&id(&record.record_type)))
        && (act.categories.is_empty() || act.categories.contains(&term(category)))
        && (personal || !act.personal_only)
}

/// A moment on a day of this world.
pub fn moment(days: i32) -> Timestamp {
    day(days).start()
}
