//! What holds for every file and every document.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use proptest::prelude::*;
use support::{Random, data, mutation, rounds, samples};
use wire::{Document, Limits, MessageType, carry, cl030, read, validate, write};

/// A small valid message.
const VALID: &str = "<ncts:CC928C xmlns:ncts=\"http://ncts.dgtaxud.ec\" PhaseID=\"NCTS5.1\">
  <messageSender>NTA.GB</messageSender><messageRecipient>GB1</messageRecipient>
  <preparationDateAndTime>2026-11-24T06:00:00</preparationDateAndTime>
  <messageIdentification>M1</messageIdentification><messageType>CC928C</messageType>
  <correlationIdentifier>M0</correlationIdentifier>
  <TransitOperation><LRN>L1</LRN></TransitOperation>
  <CustomsOfficeOfDeparture><referenceNumber>GB000246</referenceNumber></CustomsOfficeOfDeparture>
  <HolderOfTheTransitProcedure><identificationNumber>GB1</identificationNumber></HolderOfTheTransitProcedure>
</ncts:CC928C>";

fn first_code(xml: &[u8], limits: &Limits) -> Option<u8> {
    validate(xml, limits).errors.first().map(|error| error.code)
}

#[test]
fn the_fixture_is_valid() {
    assert_eq!(validate(VALID.as_bytes(), &Limits::default()).errors, []);
}

#[test]
fn every_valid_sample_survives_reading_and_writing() {
    let Some(data) = data() else { return };
    let mut count = 0;
    for sample in samples(&data).iter().filter(|sample| sample.is_valid) {
        let document = read(&sample.bytes, &Limits::default()).unwrap();
        let written = write(&document).unwrap_or_else(|errors| panic!("{:?}: {errors:?}", sample.path));
        let again = read(&written, &Limits::default()).unwrap();
        assert_eq!(without_empty(&again), without_empty(&document), "{:?}", sample.path);
        assert_eq!(write(&again).unwrap(), written, "{:?}", sample.path);
        count += 1;
    }
    assert!(count > 200, "only {count} valid samples");
}

fn without_empty(document: &Document) -> Document {
    let mut document = document.clone();
    document.retain(&|_| true);
    document
}

#[test]
fn changed_samples_never_panic_and_are_read_exactly_if_valid() {
    let Some(data) = data() else { return };
    let originals: Vec<_> = samples(&data).into_iter().filter(|sample| sample.is_valid).collect();
    let mut random = Random::seeded(99);
    for _ in 0..rounds(500, 5_000) {
        let sample = random.pick(&originals);
        let (what, bytes) = mutation::mutate(std::str::from_utf8(&sample.bytes).unwrap(), &mut random);
        let verdict = validate(&bytes, &Limits::default());
        match read(&bytes, &Limits::default()) {
            Ok(document) => {
                assert!(verdict.is_valid(), "{what}");
                let written = write(&document).unwrap_or_else(|errors| panic!("{what}: {errors:?}"));
                assert_eq!(
                    without_empty(&read(&written, &Limits::default()).unwrap()),
                    without_empty(&document),
                    "{what}"
                );
            }
            Err(rejection) => assert_eq!(rejection.errors, verdict.errors, "{what}"),
        }
    }
}

#[test]
fn a_rejection_keeps_the_legible_header() {
    let broken = VALID.replace("GB000246", "no office");
    let rejection = read(broken.as_bytes(), &Limits::default()).unwrap_err();
    assert_eq!(rejection.message, Some(MessageType::CC928C));
    assert_eq!(rejection.header.identification.as_deref(), Some("M1"));
    let cut = &VALID[..VALID.find("<TransitOperation>").unwrap()];
    let rejection = read(cut.as_bytes(), &Limits::default()).unwrap_err();
    assert_eq!(rejection.header.sender.as_deref(), Some("NTA.GB"));
    assert_eq!(rejection.errors.len(), 1);
    assert_eq!(rejection.errors[0].code, cl030::NOT_WELL_FORMED);
}

#[test]
fn all_errors_are_reported_in_order_with_their_places() {
    let broken = VALID
        .replace("<messageSender>NTA.GB</messageSender>", "")
        .replace("2026-11-24T06:00:00", "2026-11-24")
        .replace("GB000246", "GB00024")
        .replace("</TransitOperation>", "<LRN>L2</LRN></TransitOperation>");
    let found: Vec<_> = validate(broken.as_bytes(), &Limits::default())
        .errors
        .into_iter()
        .map(|error| (error.line, error.column, error.code, error.path))
        .collect();
    let expected = [
        (2, 3, cl030::MISSING, "/CC928C/messageSender"),
        (3, 3, cl030::WRONG_TYPE, "/CC928C/preparationDateAndTime"),
        (6, 34, cl030::TOO_MANY, "/CC928C/TransitOperation[1]/LRN[2]"),
        (7, 29, cl030::TOO_SHORT, "/CC928C/CustomsOfficeOfDeparture[1]/referenceNumber"),
    ];
    assert_eq!(found, expected.map(|(line, column, code, path)| (line, column, code, path.to_owned())));
}

#[test]
fn an_element_out_of_order_is_one_error() {
    let swapped = VALID.replace(
        "<messageSender>NTA.GB</messageSender><messageRecipient>GB1</messageRecipient>",
        "<messageRecipient>GB1</messageRecipient><messageSender>NTA.GB</messageSender>",
    );
    let errors = validate(swapped.as_bytes(), &Limits::default()).errors;
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!((errors[0].code, errors[0].path.as_str()), (cl030::NOT_EXPECTED, "/CC928C/messageRecipient"));
}

#[test]
fn the_verdict_is_one_line_of_json() {
    let broken = VALID.replace("GB000246", "GB00024\n6");
    let line = wire::verdict_json("a.xml", broken.as_bytes());
    assert!(!line.contains('\n'));
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(json["message"], "CC928C");
    assert_eq!(json["valid"], false);
    assert_eq!(json["errors"][0]["code"], "39");
    let json: serde_json::Value = serde_json::from_str(&wire::verdict_json("b", b"<a/>")).unwrap();
    assert_eq!(
        (&json["message"], &json["valid"]),
        (&serde_json::Value::Null, &serde_json::Value::Bool(false))
    );
    let json: serde_json::Value = serde_json::from_str(&wire::verdict_json("c", VALID.as_bytes())).unwrap();
    assert_eq!(json, serde_json::json!({"file": "c", "message": "CC928C", "valid": true, "errors": []}));
}

#[test]
fn each_limit_is_kept() {
    let deep = VALID.replace("L1", &"<a>".repeat(100_000));
    assert_eq!(first_code(deep.as_bytes(), &Limits::default()), Some(cl030::OTHER));
    let small = Limits { bytes: 100, ..Limits::default() };
    assert_eq!(first_code(VALID.as_bytes(), &small), Some(cl030::OTHER));
    let few = Limits { elements: 5, ..Limits::default() };
    assert_eq!(first_code(VALID.as_bytes(), &few), Some(cl030::OTHER));
    let many = VALID
        .replace("<LRN>", &format!("<LRN {}>", (0..100).map(|n| format!("a{n}=\"\" ")).collect::<String>()));
    assert_eq!(first_code(many.as_bytes(), &Limits::default()), Some(cl030::OTHER));
    let long = VALID.replace("L1", &" ".repeat(2_000_000));
    assert_eq!(first_code(long.as_bytes(), &Limits::default()), Some(cl030::OTHER));
    let references = VALID.replace("L1", &"&#65;".repeat(20));
    let none = Limits { references: 10, ..Limits::default() };
    assert_eq!(first_code(references.as_bytes(), &none), Some(cl030::OTHER));
    let wrong = VALID.replace("<LRN>L1</LRN>", &"<x/>".repeat(5_000));
    assert_eq!(validate(wrong.as_bytes(), &Limits::default()).errors.len(), Limits::default().errors);
}

/// Files of 8 MB that would cost much more than their size if anything grew with their names, prefixes or errors.
#[test]
fn hostile_files_cost_no_more_than_their_size() {
    let long = "a".repeat(30_000);
    let nested =
        VALID.replace("L1", &format!("{}{}", format!("<{long}>").repeat(200), "<q:b/>".repeat(5_000)));
    let undeclared = VALID.replace("L1", &"<q:b/>".repeat(1_000_000));
    let declared: String = (0..60).map(|n| format!(" xmlns:p{n}=\"u\"")).collect();
    let prefixed = VALID
        .replace("L1", &format!("{}{}", format!("<a{declared}>").repeat(200), "<p0:b/>".repeat(500_000)));
    for file in [nested, undeclared, prefixed] {
        let errors = validate(file.as_bytes(), &Limits::default()).errors;
        assert!(!errors.is_empty() && errors.len() <= 2 * Limits::default().errors);
        let size: usize = errors.iter().map(|error| error.path.len() + error.message.len()).sum();
        assert!(size < 64 * 1024 * 1024, "{size} bytes of errors");
    }
}

#[test]
fn entity_bombs_and_external_entities_are_refused_unread() {
    let bomb = format!(
        "<!DOCTYPE a [<!ENTITY b \"{}\"><!ENTITY c \"&b;&b;&b;\">]>{}",
        "x".repeat(1000),
        VALID.replace("L1", "&c;")
    );
    assert_eq!(first_code(bomb.as_bytes(), &Limits::default()), Some(cl030::NOT_WELL_FORMED));
    let external = format!("<!DOCTYPE a SYSTEM \"file:///etc/passwd\">{VALID}");
    assert_eq!(first_code(external.as_bytes(), &Limits::default()), Some(cl030::NOT_WELL_FORMED));
}

#[test]
fn a_cdata_section_outside_the_root_is_wrong_where_it_begins() {
    for section in ["<![CDATA[never ended", "<![CDATA[ended]]>", "<![CDATA[\u{1}]]>"] {
        let text = format!("<?xml version=\"1.0\"?>\n\n {section}\n<a/>\n");
        let error = validate(text.as_bytes(), &Limits::default()).errors.remove(0);
        assert_eq!((error.line, error.column), (3, 2), "{section}: {error:?}");
        assert!(error.message.contains("only inside the root element"), "{section}: {error:?}");
    }
}

#[test]
fn the_phase_may_have_white_space_around_it() {
    let spaced = VALID.replace("NCTS5.1", "&#10;NCTS5.0\t");
    let document = read(spaced.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(document.phase(), Some(wire::Phase::Transitional));
}

#[test]
fn carrying_gives_only_what_the_target_takes() {
    let Some(data) = data() else { return };
    for sample in samples(&data).iter().filter(|sample| sample.is_valid) {
        let document = read(&sample.bytes, &Limits::default()).unwrap();
        for target in [MessageType::CD001C, MessageType::CC029C, MessageType::CC056C] {
            for (path, _) in carry(&document, target).leaf_paths() {
                assert!(
                    wire::element(target, &path).is_some_and(|facts| facts.format.is_some()),
                    "{target} {path}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var("TIDEWAITER_FULL").is_ok() { 20_000 } else { 1_000 }))]

    #[test]
    fn arbitrary_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(read(&bytes, &Limits::default()).is_err());
    }

    #[test]
    fn arbitrary_markup_is_read_without_panic(pieces in prop::collection::vec(prop::sample::select(vec![
        "<", ">", "</", "/>", "<a>", "</a>", "<ncts:CC928C xmlns:ncts=\"http://ncts.dgtaxud.ec\">", "</ncts:CC928C>", "<messageSender>",
        "</messageSender>", "&amp;", "&", ";", "&#x41;", "<!--", "-->", "<![CDATA[", "]]>", "<?xml version=\"1.0\"?>", "<?", "?>", "x", " ", "\n",
        "=", "\"", "'", "xmlns", ":", "\u{e9}", "\u{fffe}", "<!DOCTYPE a>", "PhaseID=\"NCTS5.1\"",
    ]), 0..40)) {
        let text = pieces.concat();
        let verdict = validate(text.as_bytes(), &Limits::default());
        prop_assert!(!verdict.is_valid());
        prop_assert!(!verdict.errors.is_empty());
    }

    #[test]
    fn any_text_set_is_read_back_or_refused(text in "\\PC{0,30}|[ \\t\\n\\r&<>\"'\\]]{0,8}|[A-Z0-9]{1,22}") {
        let mut document = read(VALID.as_bytes(), &Limits::default()).unwrap();
        document.set("TransitOperation/LRN", &text);
        if let Ok(written) = write(&document) {
            let again = read(&written, &Limits::default()).unwrap();
            let expected = text.replace(['\t', '\n', '\r'], " ");
            prop_assert_eq!(again.text("TransitOperation/LRN"), Some(expected.as_str()));
        } else {
            let is_bad = |c: char| c.is_control() || matches!(u32::from(c), 0xFFFE | 0xFFFF);
            let is_refusable = text.is_empty() || text.chars().count() > 22 || text.chars().any(is_bad);
            prop_assert!(is_refusable, "`{}` was refused", text);
        }
    }

    #[test]
    fn what_retain_keeps_is_what_was_wanted(mask in any::<u64>()) {
        let document = read(VALID.as_bytes(), &Limits::default()).unwrap();
        let wanted = |path: &str| (mask >> (path.len() % 64)) & 1 == 1;
        let mut kept = document.clone();
        kept.retain(&wanted);
        let expected: Vec<_> = document.leaf_paths().into_iter().filter(|(path, _)| wanted(path)).collect();
        prop_assert_eq!(kept.leaf_paths(), expected);
    }
}
