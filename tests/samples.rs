//! The sample declarations of a real administration: each that the schema admits goes from acceptance to write-off.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use support::corridor::{run, text};
use support::data;

/// The declarations of the traders' test pack that the phase-5 schema admits, by the recorded verdicts.
fn samples(data: &Path) -> Vec<PathBuf> {
    let folder = data.join("samples");
    let verdicts = std::fs::read_to_string(folder.join("VALIDATION.tsv")).unwrap();
    let lines = verdicts.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let wanted = lines.filter(|fields| {
        fields[0].starts_with("hmrc-trader-test/") && fields[1] == "CC015C" && fields[2] == "valid"
    });
    let samples: Vec<PathBuf> = wanted.map(|fields| folder.join(fields[0])).collect();
    assert!(samples.len() >= 75, "{} samples", samples.len());
    samples
}

#[test]
fn every_valid_sample_is_written_off() {
    let Some(data) = data() else { return };
    let samples = samples(&data);
    let run = run(&samples, &[]);
    assert_eq!(run.endings(), vec![("written off", "written off"); samples.len()]);
    println!("{} declarations, {} messages", samples.len(), run.files.len());
    run.assert_valid();
}

#[test]
fn every_sample_ends_as_the_official_code_lists_demand() {
    let Some(data) = data() else { return };
    let samples = samples(&data);
    let run = run(&samples, &["--reference", &data.join("codelists").display().to_string()]);
    let endings = run.endings();
    assert_eq!(endings.len(), samples.len());
    assert!(endings.iter().all(|(expected, outcome)| expected == outcome), "{endings:?}");
    let mut refused: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let declared = run.list("declarations").iter().filter(|ending| ending["outcome"] != "written off");
    let names: Vec<&str> = declared.map(|ending| text(ending, "file")).collect();
    for (_, file) in run.files.iter().filter(|(message, _)| message == "CC056C") {
        let message = wire::read(&std::fs::read(file).unwrap(), &wire::Limits::default()).unwrap();
        for error in message.groups("FunctionalError") {
            assert_eq!(error.text("errorCode"), Some("12"));
            let [list, place] =
                ["errorReason", "errorPointer"].map(|name| error.text(name).unwrap_or_default());
            let value = error.text("originalAttributeValue").unwrap_or_default();
            refused.entry(list.to_owned()).or_default().push(format!("`{value}` at {place}"));
        }
    }
    println!("{} of {} are refused: {names:?}", names.len(), samples.len());
    for (list, values) in refused {
        println!("{list}: {} time(s), as {}", values.len(), values[0]);
    }
    run.assert_valid();
}
