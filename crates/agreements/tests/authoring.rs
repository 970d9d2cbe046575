//! The authoring form: what is wrong is said with line, field, clause and remedy; order changes no byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(dead_code)]

mod world;

use agreements::library::COMMON_TRANSIT;
use agreements::{Agreement, Overlay, compile};
use proptest::prelude::*;
use world::{drafts, sound};

const SMALL: &str = r#"id = "small"
version = 1
title = "A small agreement"
kind = "base"
precedence = 1
purposes = ["audit"]
categories = ["goods"]
roles = ["requesting", "requested"]
refusal_grounds = ["public_interest"]
use_in_court = "ask"
in_force = { from = "2026-01-01", until = "2026-12-31" }
onward = { default = "deny" }

[[parties]]
administration = "NTA.GB"
authority = "HM Revenue and Customs"

[[parties]]
administration = "NTA.FR"
authority = "Direction generale des douanes"

[[clauses]]
id = "4"
source = "Example, Article 4"
text = "Each party gives the other what it asks."

[[disclosures]]
id = "goods"
clause = "4"
from = "any"
to = ["NTA.GB"]
trigger = "on_request"
purpose = "audit"
record_types = ["R1"]
categories = ["goods"]
minimum_handling = "official"
paths = ["goods/**"]
"#;

/// A quorum of witnesses, before the disclosures.
const WITNESSING: &str = r#"[witnessing]
clause = "4"
needed = 1
witnesses = ["NTA.GB", "NTA.FR"]

[[disclosures]]"#;

fn errors(changes: &[(&str, &str)]) -> String {
    let mut text = SMALL.to_owned();
    for (old, new) in changes {
        assert!(text.contains(old), "{old}");
        text = text.replacen(old, new, 1);
    }
    Agreement::from_toml(&text).unwrap_err().to_string()
}

#[test]
fn the_small_agreement_is_right() {
    Agreement::from_toml(SMALL).unwrap_or_else(|errors| panic!("{errors}"));
}

#[test]
fn errors_of_form_name_line_field_and_remedy() {
    let reports = [
        ("malformed", errors(&[("version = 1", "version = ")])),
        ("unknown field", errors(&[("minimum_handling", "minimal_handling")])),
        ("missing field", errors(&[("purpose = \"audit\"\n", "")])),
        ("missing head", errors(&[("precedence = 1\n", "")])),
        ("unknown head", errors(&[("precedence = 1", "precedence = 1\nnotes = \"draft\"")])),
        ("unknown section", errors(&[("[[parties]]", "[[partys]]")])),
        ("wrong kind", errors(&[("\"base\"", "\"treaty\"")])),
        ("wrong type", errors(&[("version = 1", "version = \"one\"")])),
        ("wrong term", errors(&[("purpose = \"audit\"", "purpose = \"Audit!\"")])),
        ("wrong date", errors(&[("2026-01-01", "2026-02-30")])),
        ("wrong party", errors(&[("[\"NTA.GB\"]", "[\"GB\"]")])),
        ("wrong selector", errors(&[("from = \"any\"", "from = \"all\"")])),
        ("wrong path", errors(&[("\"goods/**\"", "\"goods/*x\"")])),
        ("two at once", errors(&[("\"on_request\"", "\"now\""), ("\"NTA.FR\"", "\"FR\"")])),
    ];
    let text: Vec<String> = reports.iter().map(|(name, report)| format!("{name}:\n{report}")).collect();
    insta::assert_snapshot!(text.join("\n\n"));
}

#[test]
fn errors_of_coherence_name_line_field_clause_and_remedy() {
    let reports = [
        ("version", errors(&[("version = 1", "version = 0")])),
        ("ends before it begins", errors(&[("2026-12-31", "2025-12-31")])),
        ("party twice", errors(&[("\"NTA.FR\"", "\"NTA.GB\"")])),
        ("no such clause", errors(&[("clause = \"4\"", "clause = \"5\"")])),
        ("no such purpose", errors(&[("purpose = \"audit\"", "purpose = \"risk\"")])),
        (
            "no such category",
            errors(&[("categories = [\"goods\"]\nminimum", "categories = [\"value\"]\nminimum")]),
        ),
        ("no such role", errors(&[("to = [", "to_role = \"judge\"\nto = [")])),
        ("no such party", errors(&[("to = [\"NTA.GB\"]", "to = [\"NTA.IT\"]")])),
        ("nothing disclosed", errors(&[("\"goods/**\"", "")])),
        ("personal without basis", errors(&[("paths =", "personal = true\npaths =")])),
        ("no purposes", errors(&[("purposes = [\"audit\"]", "purposes = []")])),
        ("annex without parent", errors(&[("\"base\"", "\"annex\"")])),
        ("witness of oneself", errors(&[("[[disclosures]]", WITNESSING), ("needed = 1", "needed = 2")])),
        ("no witness", errors(&[("[[disclosures]]", WITNESSING), ("needed = 1", "needed = 0")])),
        (
            "witness clause",
            errors(&[("[[disclosures]]", WITNESSING), ("clause = \"4\"\nneeded", "clause = \"9\"\nneeded")]),
        ),
        ("empty text", errors(&[("Each party gives the other what it asks.", " ")])),
    ];
    let text: Vec<String> = reports.iter().map(|(name, report)| format!("{name}:\n{report}")).collect();
    insta::assert_snapshot!(text.join("\n\n"));
}

#[test]
fn a_quorum_of_witnesses_is_part_of_what_is_signed() {
    let without = Agreement::from_toml(SMALL).unwrap();
    let with = Agreement::from_toml(&SMALL.replacen("[[disclosures]]", WITNESSING, 1)).unwrap();
    assert!(without.witnessing.is_none());
    assert!(!String::from_utf8(without.canonical_bytes()).unwrap().contains("witnessing"));
    let witnessing = with.witnessing.clone().unwrap();
    let gb = base::Administration::parse("NTA.GB").unwrap();
    assert_eq!((witnessing.needed, witnessing.witnesses_of(&gb).len()), (1, 1));
    assert_ne!(without.document_hash(), with.document_hash());
    assert_ne!(compile(&without).unwrap().hash(), compile(&with).unwrap().hash());
    assert_eq!(Agreement::from_toml(&with.to_toml()).unwrap(), with);
    assert_eq!(Agreement::from_canonical(&with.canonical_bytes()).unwrap(), with);
}

#[test]
fn an_overlay_that_says_permit_is_refused() {
    let text = "administration = \"NTA.GB\"\n[[permissions]]\nid = \"x\"\n";
    assert!(
        Overlay::from_toml(text).unwrap_err().to_string().starts_with("line 2: unknown field `permissions`")
    );
    let twice = "[[prohibitions]]\nid = \"x\"\nlaw = \"Act\"\nground = \"public_interest\"\n".repeat(2);
    let error = Overlay::from_toml(&format!("administration = \"NTA.GB\"\n{twice}")).unwrap_err();
    assert_eq!(error.to_string(), "prohibition `x` occurs twice; give each its own id");
}

#[test]
fn one_changed_word_changes_the_hash() {
    let hashes = |text: &str| {
        let agreement = Agreement::from_toml(text).unwrap();
        (agreement.document_hash(), compile(&agreement).unwrap().hash())
    };
    let (document, compiled) = hashes(SMALL);
    for (old, new) in [
        ("what it asks", "what it wants"),
        ("version = 1", "version = 2"),
        ("goods/**", "goods/*"),
        ("2026-12-31", "2026-12-30"),
        ("\"deny\"", "\"consent\""),
    ] {
        let (other_document, other_compiled) = hashes(&SMALL.replacen(old, new, 1));
        assert_ne!(document, other_document, "{new}");
        assert_ne!(compiled, other_compiled, "{new}");
    }
    assert_eq!((document, compiled), hashes(&format!("# a comment\n{SMALL}")));
}

/// Fixed so that a change of the compiler, which would part nodes of different releases, is seen here.
#[test]
fn the_small_agreement_compiles_to_this() {
    let compiled = compile(&Agreement::from_toml(SMALL).unwrap()).unwrap();
    insta::assert_snapshot!(format!(
        "{}\n{}\n{}\n\n{}",
        compiled.schema(),
        compiled.policies(),
        String::from_utf8(compiled.table().to_vec()).unwrap(),
        compiled.hash()
    ));
}

/// Splits a document into its head and its tables.
fn tables(text: &str) -> (String, Vec<String>) {
    let mut parts = text.split("\n[");
    let head = parts.next().unwrap().to_owned();
    (head, parts.map(|part| format!("[{part}")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_order_of_tables_and_lines_changes_no_byte(
        order in Just((0..tables(COMMON_TRANSIT).1.len()).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let (head, parts) = tables(COMMON_TRANSIT);
        // A blank line ends the table before, so that comments at its end stay comments.
        let shuffled: Vec<&str> = order.iter().map(|position| parts[*position].as_str()).collect();
        let text = format!("{head}\n{}", shuffled.join("\n"));
        let (one, other) = (Agreement::from_toml(COMMON_TRANSIT).unwrap(), Agreement::from_toml(&text).unwrap());
        prop_assert_eq!(one.canonical_bytes(), other.canonical_bytes());
        prop_assert_eq!(compile(&one).unwrap().hash(), compile(&other).unwrap().hash());
    }
}

proptest! {
    #[test]
    fn a_document_survives_every_form(draft in drafts("a"), reversed in any::<bool>()) {
        let agreement = Agreement::new(sound(draft)).unwrap();
        let mut draft = agreement.clone().into_draft();
        if reversed {
            draft.disclosures.reverse();
            draft.clauses.reverse();
            draft.parties.reverse();
        }
        prop_assert_eq!(&Agreement::new(draft).unwrap(), &agreement);
        prop_assert_eq!(&Agreement::from_toml(&agreement.to_toml()).unwrap(), &agreement);
        let bytes = agreement.canonical_bytes();
        prop_assert_eq!(&Agreement::from_canonical(&bytes).unwrap(), &agreement);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[\\[\\]a-z=\"\n .0-9{},]{0,200}") {
        if let Err(errors) = Agreement::from_toml(&text) {
            prop_assert!(!errors.0.is_empty());
            prop_assert!(errors.0.iter().all(|error| error.line >= 1));
        }
    }

    #[test]
    fn a_damaged_document_is_read_or_refused(at in 0usize..SMALL.len(), with in "[a-z0-9\"\\[\\]=\n]") {
        let mut text = SMALL.to_owned();
        text.replace_range(at..=at, &with);
        if let Err(errors) = Agreement::from_toml(&text) {
            let lines = text.lines().count().max(1);
            prop_assert!(errors.0.iter().all(|error| (1..=lines + 1).contains(&error.line)), "{}", errors);
        }
    }
}

#[test]
fn canonical_bytes_in_another_form_are_refused() {
    let agreement = Agreement::from_toml(SMALL).unwrap();
    let mut bytes = agreement.canonical_bytes();
    bytes.push(b'\n');
    assert!(Agreement::from_canonical(&bytes).unwrap_err().to_string().contains("canonical form"));
    assert!(Agreement::from_canonical(b"{}").is_err());
}

#[test]
fn what_flows_under_a_stale_register_is_part_of_what_is_signed() {
    let section =
        "[stale_register]\nclause = \"4\"\ngrace_days = 7\ncontinuing = [\"audit\"]\n\n[[disclosures]]";
    let with = Agreement::from_toml(&SMALL.replacen("[[disclosures]]", section, 1)).unwrap();
    let stale = with.stale_register.clone().unwrap();
    assert_eq!((stale.grace_days, stale.continuing.len()), (7, 1));
    assert_eq!(Agreement::from_toml(&with.to_toml()).unwrap(), with);
    let unknown =
        errors(&[("[[disclosures]]", section), ("continuing = [\"audit\"]", "continuing = [\"other\"]")]);
    assert!(unknown.contains("stale_register.continuing"), "{unknown}");
}

#[test]
fn how_many_must_have_signed_a_register_that_is_joined_is_part_of_what_is_signed() {
    let section = "[key_register]\nclause = \"4\"\nsigners = 2\n\n[[disclosures]]";
    let with = Agreement::from_toml(&SMALL.replacen("[[disclosures]]", section, 1)).unwrap();
    assert_eq!(with.key_register.as_ref().map(|rule| rule.signers), Some(2));
    assert_eq!(Agreement::from_toml(&with.to_toml()).unwrap(), with);
    let nobody = errors(&[("[[disclosures]]", section), ("signers = 2", "signers = 0")]);
    assert!(nobody.contains("key_register.signers") && nobody.contains("need at least 1"), "{nobody}");
    let unknown =
        errors(&[("[[disclosures]]", section), ("clause = \"4\"\nsigners", "clause = \"99\"\nsigners")]);
    assert!(unknown.contains("key_register.clause"), "{unknown}");
}
