//! The corridor runner on our own declaration: from Leeds through Calais to Turin.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use support::corridor::run;
use support::{data, declarations, tidewaiter};

#[test]
fn a_consignment_crosses_three_countries() {
    let run = run(&[declarations::SHIPPED.into()], &[]);
    assert_eq!(run.endings(), [("written off", "written off")]);
    insta::assert_snapshot!("three_countries", run.sequence());
    run.assert_valid();
}

#[test]
fn goods_may_be_presented_after_the_declaration() {
    let folder = tempfile::tempdir().unwrap();
    let file = declarations::file(folder.path(), "later.xml", &declarations::pre_lodged(1));
    let run = run(&[file], &[]);
    insta::assert_snapshot!("pre_lodged", run.sequence());
    run.assert_valid();
}

#[test]
fn goods_may_be_unloaded_by_an_authorised_consignee() {
    let folder = tempfile::tempdir().unwrap();
    let file = declarations::file(folder.path(), "home.xml", &declarations::authorised(1));
    let run = run(&[file], &[]);
    insta::assert_snapshot!("authorised", run.sequence());
    run.assert_valid();
}

/// The form of the report, with the values that differ from run to run by their kind.
fn form(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), form(value))).collect(),
        Value::Array(items) => items.iter().take(1).map(form).collect(),
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        other => other.clone(),
    }
}

#[test]
fn the_report_has_one_form() {
    let run = run(&[declarations::SHIPPED.into()], &[]);
    insta::assert_snapshot!("report", serde_json::to_string_pretty(&form(&run.report)).unwrap());
}

/// Four declarations, of which one is good.
fn mixed(folder: &Path) -> Vec<PathBuf> {
    let good = declarations::xml(&declarations::declaration(1));
    let text =
        |number: usize| String::from_utf8(declarations::xml(&declarations::declaration(number))).unwrap();
    let malformed = text(2).replace("</TransitOperation>", "");
    let shapeless = text(3).replace("<declarationType>T1</declarationType>", "");
    let mut unknown_code = declarations::declaration(4);
    unknown_code.set("Consignment/HouseConsignment/ConsignmentItem/Packaging/typeOfPackages", "XX");
    vec![
        declarations::bytes(folder, "good.xml", &good),
        declarations::bytes(folder, "malformed.xml", malformed.as_bytes()),
        declarations::bytes(folder, "shapeless.xml", shapeless.as_bytes()),
        declarations::file(folder, "unknown-code.xml", &unknown_code),
    ]
}

#[test]
fn what_is_wrong_is_rejected_and_what_is_right_arrives() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let lists = data.join("codelists").display().to_string();
    let run = run(&mixed(folder.path()), &["--reference", &lists]);
    assert_eq!(
        run.endings(),
        [
            ("written off", "written off"),
            ("rejected with CC917C", "rejected with CC917C"),
            ("rejected with CC917C", "rejected with CC917C"),
            ("rejected with CC056C", "rejected with CC056C"),
        ]
    );
    let (_, rejection) = run.files.iter().find(|(message, _)| message == "CC056C").expect("a rejection");
    let rejection = wire::read(&std::fs::read(rejection).unwrap(), &wire::Limits::default()).unwrap();
    assert_eq!(rejection.text("FunctionalError/errorCode"), Some("12"));
    assert_eq!(rejection.text("FunctionalError/errorReason"), Some("CL017"));
    run.assert_valid();
}

#[test]
fn nodes_may_keep_their_state_in_postgresql() {
    let Some(server) = node::private_postgres() else { return };
    let run = run(&[declarations::SHIPPED.into()], &["--store", &server.url()]);
    insta::assert_snapshot!("three_countries", run.sequence());
    run.assert_valid();
}

#[test]
fn what_cannot_be_run_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = declarations::bytes(folder.path(), "nowhere.xml", b"<a/>");
    let out = folder.path().join("out").display().to_string();
    let nowhere = nowhere.display().to_string();
    let cases = [
        vec!["--declaration", "/nowhere/a.xml", "--out", &out],
        vec!["--declaration", &nowhere, "--out", &out],
        vec!["--declaration", declarations::SHIPPED, "--out", &nowhere],
        vec!["--declaration", declarations::SHIPPED, "--out", &out, "--reference", "/nowhere/lists"],
        vec!["--declaration", declarations::SHIPPED, "--out", &out, "--store", "oracle"],
    ];
    let mut said = String::new();
    for case in cases {
        let ran = tidewaiter(["corridor", "run"].iter().chain(&case)).expect_code(2);
        assert_eq!(ran.stdout, "");
        said += &ran
            .stderr
            .replace(&folder.path().display().to_string(), "DIR")
            .replace(env!("CARGO_MANIFEST_DIR"), ".");
    }
    insta::assert_snapshot!("cannot_run", said);
}
