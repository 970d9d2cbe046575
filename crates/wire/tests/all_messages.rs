//! All 91 messages, whether there is a sample or not: what wire writes is valid for xmllint, and what it refuses is not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use support::{Random, data, has_xmllint, mutation, rounds, says_the_same, schema, xmllint};
use wire::{Document, Limits, MessageType, Phase, elements, read, validate, write};

/// How much of a message is filled in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// What is required.
    Least,
    /// Every element, repeated ones twice.
    Most,
}

/// A value for each format, by its kind of content.
fn value(format: &str) -> &'static str {
    match format {
        "MessageTypes" => "CC015C",
        "DateTime" => "2026-11-24T06:00:00",
        "Date" => "2026-11-24",
        "MRN" => "24GB000246J8NY33L7",
        "AES-P1_MRN" => "24GB000246J8NY33A7",
        "GRN" => "23GB0000010000058",
        "CORefNum" => "GB000246",
        "CountryCode" | "CountryCodesCustomsOfficeLists" | "LanguageCode" => "GB",
        "GNSSLatitude" => "50.12345",
        "GNSSLongitude" => "-4.1234567",
        "TINNew" => "GB123456789000",
        "TIRcarnetNumber" => "XA25000001",
        "EmailAddressType256" | "EmailAddressType256_NoSpaces" => "office@example.org",
        "RiskAnalysisResultCode" => "ABCDE",
        "Year" => "2026",
        "Modification" => "U",
        "MonthOfYear" => "11",
        "SystemUnavailability" => "S",
        "AesNctsP5FunctionalErrorCodes" | "XmlErrorCodes" => "12",
        "AlphaCapital1" => "A",
        "a1" | "a..3" => "A",
        "a2" => "AB",
        "a3" => "EUR",
        "n2" => "12",
        "an2" | "text2" | "trimmed2" => "A1",
        "an3" | "text3" => "A12",
        "an4" | "text4" | "trimmed4" => "A123",
        "an5" => "A1234",
        "an6" => "A12345",
        "an8" => "A1234567",
        "an9" => "A12345678",
        _ => "1",
    }
}

fn document(message: MessageType, extent: Extent) -> Document {
    let mut document = Document::new(message);
    document.set_phase(Phase::Transitional);
    let mut skipped: Vec<String> = Vec::new();
    for (path, facts) in elements(message) {
        let is_below_skipped = skipped.iter().any(|prefix| path.starts_with(prefix.as_str()));
        if is_below_skipped || (extent == Extent::Least && facts.min == 0) {
            skipped.push(format!("{path}/"));
            continue;
        }
        match facts.format {
            Some(format) => {
                // The element's group is the last one added, so that each repetition is filled.
                let (group, name) = path.rsplit_once('/').unwrap_or(("", &path));
                let groups =
                    if group.is_empty() { vec![document.root_mut()] } else { document.groups_mut(group) };
                for group in groups {
                    group.set(name, value(format));
                }
            }
            None => {
                let times = if extent == Extent::Most && facts.max > 1 { 2 } else { 1 };
                let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
                let parents =
                    if parent.is_empty() { vec![document.root_mut()] } else { document.groups_mut(parent) };
                for parent in parents {
                    for _ in 0..times {
                        parent.add(name);
                    }
                }
            }
        }
    }
    document
}

#[test]
fn every_message_can_be_written_and_read() {
    for message in MessageType::ALL {
        for extent in [Extent::Least, Extent::Most] {
            let document = document(*message, extent);
            let written = write(&document).unwrap_or_else(|errors| panic!("{message}: {errors:#?}"));
            assert_eq!(read(&written, &Limits::default()).unwrap().message(), *message);
        }
    }
}

#[test]
fn every_message_written_and_every_change_of_it_has_the_verdict_of_xmllint() {
    let Some(data) = data() else { return };
    if !has_xmllint() {
        return;
    }
    let mut random = Random::seeded(91);
    let folder = std::env::temp_dir().join(format!("tidewaiter-messages-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut differences = Vec::new();
    let mut count = 0;
    for message in MessageType::ALL {
        let mut files: BTreeMap<PathBuf, (String, Vec<u8>)> = BTreeMap::new();
        for extent in [Extent::Least, Extent::Most] {
            let written = write(&document(*message, extent)).unwrap();
            let text = String::from_utf8(written.clone()).unwrap();
            let changes = (0..rounds(3, 60)).map(|_| mutation::mutate(&text, &mut random));
            for (what, bytes) in std::iter::once(("written".to_owned(), written)).chain(changes) {
                let file = folder.join(format!("{message}-{}.xml", files.len()));
                std::fs::write(&file, &bytes).unwrap();
                files.insert(file, (what, bytes));
            }
        }
        let judgements = xmllint(&schema(&data, *message), &files.keys().cloned().collect::<Vec<_>>());
        count += files.len();
        for (file, (what, bytes)) in files {
            let verdict = validate(&bytes, &Limits::default());
            let judgement = &judgements[&file];
            let first = verdict.errors.first();
            let is_same = verdict.is_valid() == judgement.is_valid
                && first.zip(judgement.line).is_none_or(|(first, line)| {
                    first.line == line && says_the_same(first.code, &judgement.message)
                });
            if !is_same && first.is_none_or(|first| !first.message.contains("document type")) {
                differences.push(format!("{file:?} ({what}): xmllint says {judgement:?}, wire {first:?}"));
            }
        }
    }
    println!("{count} files of {} messages, {} differences", MessageType::ALL.len(), differences.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    std::fs::remove_dir_all(&folder).unwrap();
}
