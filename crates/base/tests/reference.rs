//! Official exports of code lists and customs offices, as a whole: imported, compared, asked; and what the project
//! ships itself, held against them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod data;

use base::reference::{
    Catalogue, CodeList, Entry, ExchangeRates, Extent, Import, ListCode, Lookup, Role, Snapshot, State,
    Versions, corridor, list_difference, parse_index, parse_list, parse_offices,
};
use base::{Date, OfficeReference};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

/// The official files, or nothing if the data is not there.
fn official() -> Option<Vec<(String, String)>> {
    let folder = data::folder("ncts/codelists")?;
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let read = entries.map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).expect("the files are text"))
    });
    Some(read.collect())
}

fn imported() -> Option<Catalogue> {
    let mut catalogue = corridor::catalogue().unwrap();
    let import = Import::read(official()?).expect("the official files are read");
    assert_eq!(import.warnings, Vec::<String>::new());
    let activated = catalogue.activate(import);
    assert_eq!((activated.known, activated.offices), (0, true));
    assert!(activated.lists >= 60, "{activated:?}");
    Some(catalogue)
}

#[test]
fn the_official_lists_answer() {
    let Some(catalogue) = imported() else { return };
    let today = day("2026-11-24");
    let cases = [
        // One list for each name under which exports give the code.
        ("CL017", "BX", Lookup::Present),
        ("CL017", "??", Lookup::Absent),
        ("CL380", "C651", Lookup::Present),
        ("CL704", "CS", Lookup::Present),
        ("CL048", "GBP", Lookup::Present),
        ("CL326", "V", Lookup::Present),
        ("CL116", "A", Lookup::Present),
        ("CL750", "30", Lookup::Present),
        // Lists of the schema, without dates.
        ("CL060", "CC015C", Lookup::Present),
        ("CL060", "CC999C", Lookup::Absent),
        ("CL030", "12", Lookup::Present),
        // A list with entries but no descriptions.
        ("CL505", "AE", Lookup::Present),
        // Lists whose values are not in the export.
        ("CL029", "1", Lookup::NotLoaded),
        ("CL016", "0000001-1", Lookup::NotLoaded),
        ("CL244", "GBDVR", Lookup::NotLoaded),
        ("CL999", "1", Lookup::NotLoaded),
        // Lists that follow from the roles of customs offices.
        ("CL141", "GB000060", Lookup::Present),
        ("CL141", "GB999999", Lookup::Absent),
        ("CL171", "GB000246", Lookup::Present),
        ("CL172", "XI000142", Lookup::Present),
        ("CL173", "FR620001", Lookup::Present),
        ("CL173", "GB000246", Lookup::Absent),
        ("CL174", "GB000001", Lookup::Present),
        ("CL174", "GB000060", Lookup::Absent),
        ("CL175", "FR000130", Lookup::Present),
        ("CL176", "IT018100", Lookup::Present),
        ("CL177", "GB000001", Lookup::Present),
        ("CL179", "GB000001", Lookup::Present),
        ("CL171", "not an office", Lookup::Absent),
    ];
    for (list, code, expected) in cases {
        assert_eq!(catalogue.lookup(list, code, today), expected, "{list} {code}");
    }
    assert_eq!(catalogue.lookup("CL380", "C651", day("2020-01-01")), Lookup::Absent);
    assert_eq!(catalogue.entry("CL017", "BX", today).unwrap().description, "Box");
}

#[test]
fn lists_without_values_are_named() {
    let Some(files) = official() else { return };
    let preview = Catalogue::default().preview(&Import::read(files).unwrap());
    let names: Vec<&str> = preview.not_loaded.keys().map(|code| code.as_str()).collect();
    assert!(names.contains(&"CL029") && names.contains(&"CL016"));
    assert!(!names.contains(&"CL171"), "it follows from the offices");
    assert!(names.len() >= 50, "{}", names.len());
}

#[test]
fn a_later_export_shows_its_differences_and_changes_only_later_days() {
    let Some(mut catalogue) = imported() else { return };
    let (_, text) = official().unwrap().into_iter().find(|(name, _)| name == "CurrencyCodes.json").unwrap();
    let later = text
        .replace("2025-02-12", "2026-06-01")
        .replace("\"BGN\"", "\"JPY\"")
        .replace("Pound sterling", "Pound");
    let import = Import::read([("CurrencyCodes.json".to_owned(), later)]).unwrap();
    let preview = catalogue.preview(&import);
    let list = preview.lists.first().unwrap();
    assert_eq!(list.current.as_ref().unwrap().to_string(), "2025-02-12");
    assert_eq!((list.difference.added.len(), list.difference.removed.len()), (1, 1));
    assert_eq!(catalogue.activate(import.clone()).lists, 1);
    assert_eq!(catalogue.activate(import).known, 1);
    assert_eq!(catalogue.lookup("CL048", "BGN", day("2026-05-31")), Lookup::Present);
    assert_eq!(catalogue.lookup("CL048", "BGN", day("2026-06-01")), Lookup::Absent);
    assert_eq!(catalogue.lookup("CL048", "JPY", day("2026-06-01")), Lookup::Present);
}

#[test]
fn a_catalogue_survives_storage() {
    let Some(catalogue) = imported() else { return };
    let stored = serde_json::to_string(&catalogue).unwrap();
    assert_eq!(serde_json::from_str::<Catalogue>(&stored).unwrap(), catalogue);
}

#[test]
fn what_we_ship_agrees_with_the_official_lists() {
    let Some(official) = imported() else { return };
    let ours = corridor::catalogue().unwrap();
    let today = day("2026-11-24");
    let codes = |catalogue: &Catalogue, list: &str| -> BTreeSet<String> {
        let list = catalogue.list(list, today).expect("an official list of that number");
        list.entries().iter().map(|entry| entry.code.clone()).collect()
    };
    for list in ours.names().keys() {
        let (shipped, theirs) = (codes(&ours, list.as_str()), codes(&official, list.as_str()));
        assert!(shipped.is_subset(&theirs), "{list}: {:?}", shipped.difference(&theirs));
        if ours.list(list.as_str(), today).unwrap().extent() == Extent::Complete {
            assert_eq!(shipped, theirs, "{list} says it is complete");
        }
    }
    for office in ours.office_versions().latest().unwrap().content.offices.values() {
        let theirs = official.office(&office.reference, today).expect("an official office");
        assert!(office.roles.is_subset(&theirs.roles), "{}", office.reference);
    }
}

#[test]
fn what_we_ship_is_enough_for_our_corridors_and_claims_no_more() {
    let ours = corridor::catalogue().unwrap();
    let today = day("2026-11-24");
    let cases = [
        ("CL251", "1", Lookup::Present),
        ("CL251", "7", Lookup::Absent),
        ("CL231", "T1", Lookup::Present),
        ("CL231", "T9", Lookup::Absent),
        ("CL008", "GB", Lookup::Present),
        ("CL008", "JP", Lookup::NotLoaded),
        ("CL171", "GB000246", Lookup::Present),
        ("CL173", "GB000246", Lookup::Absent),
        ("CL171", "DE004600", Lookup::NotLoaded),
        ("CL213", "N380", Lookup::Present),
        ("CL029", "1", Lookup::NotLoaded),
    ];
    for (list, code, expected) in cases {
        assert_eq!(ours.lookup(list, code, today), expected, "{list} {code}");
    }
    for country in ["GB", "FR", "IT", "XI"] {
        for role in [Role::Departure, Role::Destination, Role::Transit, Role::Guarantee] {
            let found = ours.offices_with_role(&role, today).any(|office| office.country.as_str() == country);
            assert!(found, "{country} has no office with the role {role}");
        }
    }
    let reference: OfficeReference = "IT018100".parse().unwrap();
    assert_eq!(ours.office(&reference, today).unwrap().name, "Bari, porto");
}

#[test]
fn our_rates_are_read() {
    let rates = ExchangeRates::illustrative().unwrap();
    let euros = rates.to_euro("1000.00 GBP".parse().unwrap(), day("2026-11-24")).unwrap();
    assert_eq!(euros.to_string(), "1162.80 EUR");
    assert!(rates.iter().count() >= 10);
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let one_day = || proptest::option::of((0i32..40).prop_map(|days| day("2026-01-01").plus_days(days)));
    ("[A-C]", one_day(), one_day(), any::<bool>()).prop_map(|(code, valid_from, valid_until, valid)| Entry {
        code,
        valid_from,
        valid_until,
        state: if valid { State::Valid } else { State::Invalid },
        description: String::new(),
    })
}

fn list_of(entries: &[Entry]) -> CodeList {
    CodeList::new(ListCode::parse("CL999").unwrap(), "Test", Extent::Complete, entries.to_vec())
}

proptest! {
    /// The search in the sorted list finds what reading every entry finds.
    #[test]
    fn lookup_agrees_with_reading_every_entry(entries in proptest::collection::vec(any_entry(), 0..12), code in "[A-D]", days in 0i32..40) {
        let on = day("2026-01-01").plus_days(days);
        let begun = entries.iter().filter(|entry| entry.code == code && entry.valid_from.is_none_or(|from| from <= on));
        let last = begun.max();
        let holds = |entry: &Entry| entry.state == State::Valid && entry.valid_until.is_none_or(|until| on <= until);
        let expected = if last.is_some_and(holds) { Lookup::Present } else { Lookup::Absent };
        prop_assert_eq!(list_of(&entries).lookup(&code, on), expected);
    }

    /// The version of a day is the last that was taken up to it, whatever the order of the imports.
    #[test]
    fn versions_are_found_by_day(taken in proptest::collection::vec(0i32..20, 1..12), days in 0i32..20) {
        let start = day("2026-01-01");
        let mut versions = Versions::default();
        for (number, after) in taken.iter().enumerate() {
            let snapshot = Snapshot { date: Some(start.plus_days(*after)), source: String::new() };
            versions.add(snapshot, number);
        }
        let last = |until: i32| taken.iter().enumerate().filter(|(_, after)| **after <= until).max_by_key(|(number, after)| (**after, *number));
        let first_day = *taken.iter().min().unwrap();
        // Before the first snapshot its last revision is read.
        let expected = last(days.max(first_day)).map(|(number, _)| number);
        prop_assert_eq!(versions.on(start.plus_days(days)).map(|version| version.content), expected);
    }

    /// Nothing differs from itself, and what is added one way is removed the other way.
    #[test]
    fn differences_are_symmetric(old in proptest::collection::vec(any_entry(), 0..12), new in proptest::collection::vec(any_entry(), 0..12)) {
        let (old, new) = (list_of(&old), list_of(&new));
        prop_assert!(list_difference(Some(&old), &old).is_empty());
        let (there, back) = (list_difference(Some(&old), &new), list_difference(Some(&new), &old));
        prop_assert_eq!(there.added, back.removed);
        prop_assert_eq!(there.changed.len(), back.changed.len());
    }

    /// Whatever a file holds, it is read or refused with its name.
    #[test]
    fn no_file_is_too_strange(text in "\\PC{0,80}|(id\tcountry\troles\tname|cl\tname\tentries\tfile|currency\tfrom\tper_euro)\n[A-Z0-9\t .-]{0,60}") {
        let refusals = [
            parse_list("x", &text).err(),
            parse_offices("x", &text).err(),
            parse_index("x", &text).err(),
            ExchangeRates::parse("x", &text).err(),
        ];
        for refusal in refusals.into_iter().flatten() {
            prop_assert!(refusal.to_string().starts_with('x') && !refusal.fix.is_empty());
        }
    }
}
