//! Check digits, against a second implementation, and the numbers that we issue.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The values of ISO 6346 written out, and the sum without any reduction on the way.
fn remainder(text: &str) -> u64 {
    const VALUES: &str = "0123456789A?BCDEFGHIJK?LMNOPQRSTU?VWXYZ";
    let weighted = text.char_indices().map(|(at, letter)| {
        let value = VALUES.find(letter).unwrap() as u64;
        value << at
    });
    weighted.sum::<u64>() % 11
}

fn mrn(body: &str) -> String {
    format!("{body}{}", remainder(body) % 10)
}

proptest! {
    #[test]
    fn both_implementations_agree(body in "[01][0-9][A-Z]{2}[A-Z0-9]{13}", serial in "[A-Z0-9]{12}") {
        let number = Mrn::parse(&format!("{body}0")).unwrap();
        prop_assert_eq!(u64::from(number.expected_check_digit()), remainder(&body) % 10);
        let body = format!("{}{serial}", &body[..4]);
        let number = Grn::parse(&format!("{body}0")).unwrap();
        prop_assert_eq!(u64::from(number.expected_check_digit()), remainder(&body) % 10);
    }

    #[test]
    fn containers_with_their_digit_pass_and_with_another_fail(body in "[A-Z]{3}[UJZ][0-9]{6}", digit in 0u64..10) {
        let right = remainder(&body) % 10;
        let valid = format!("{body}{right}");
        prop_assert!(ContainerNumber::parse(&valid).is_ok());
        let perhaps = format!("{body}{digit}");
        prop_assert_eq!(ContainerNumber::parse(&perhaps).is_ok(), digit == right);
    }

    /// A wrong character is found unless both characters are the same modulo 11, or the remainders are 0 and 10, which
    /// are written alike.
    #[test]
    fn a_wrong_character_is_found(body in "[01][0-9][A-Z]{2}[A-Z0-9]{13}", at in 4usize..17, wrong in "[A-Z0-9]") {
        let valid = mrn(&body);
        prop_assert!(Mrn::parse_strict(&valid).is_ok());
        let mut changed = valid.clone();
        changed.replace_range(at..=at, &wrong);
        let (before, after) = (remainder(&valid[..17]), remainder(&changed[..17]));
        let same_value = remainder(&valid[at..=at]) == remainder(&wrong);
        prop_assert_eq!(before == after, same_value);
        let found = Mrn::parse_strict(&changed).is_err();
        prop_assert_eq!(found, !same_value && before % 10 != after % 10);
    }

    #[test]
    fn a_wrong_digit_among_digits_is_found(serial in "[0-9]{12}", at in 4usize..16, wrong in "[0-9]") {
        let valid = Grn::issue(2026, Country::parse("GB").unwrap(), &serial).unwrap();
        let mut changed = valid.to_string();
        changed.replace_range(at..=at, &wrong);
        let written_alike = remainder(&valid.as_str()[..16]) % 10 == remainder(&changed[..16]) % 10;
        prop_assert_eq!(Grn::parse_strict(&changed).is_ok(), changed == valid.as_str() || written_alike);
    }

    #[test]
    fn issued_mrns_pass(year in 2000u32..2100, office in "[A-Z]{2}[A-Z0-9]{6}", serial in 0u64..2_176_782_336, letter in "[J-M]") {
        let date = Date::parse(&format!("{year}-11-24")).unwrap();
        let letter = ProcedureLetter::parse(&letter).unwrap();
        let mrn = Mrn::issue(date, &office.parse().unwrap(), serial, letter).unwrap();
        prop_assert!(Mrn::parse_strict(mrn.as_str()).is_ok());
        prop_assert_eq!(mrn.as_str().get(2..10).unwrap(), &office);
        prop_assert_eq!(u64::from_str_radix(mrn.as_str().get(10..16).unwrap(), 36).unwrap(), serial);
        prop_assert_eq!(u32::from(mrn.year()), year % 100);
        let certain = (year % 100 >= 24).then_some(letter);
        prop_assert_eq!(mrn.procedure_letter(), certain);
    }

    #[test]
    fn issued_grns_pass(year in 0i16..3000, country in "[A-Z]{2}", serial in "[A-Z0-9]{0,12}", letter in "[A-Z]", number in 0u32..1_000_000) {
        let grn = Grn::issue(year, country.parse().unwrap(), &serial).unwrap();
        prop_assert!(Grn::parse_strict(grn.as_str()).is_ok());
        prop_assert_eq!(grn.country().to_string(), country);
        let voucher = grn.voucher(letter.chars().next().unwrap(), number).unwrap();
        prop_assert!(voucher.is_voucher() && voucher.check_digit_holds());
        prop_assert_eq!(voucher.without_voucher(), grn);
    }

    #[test]
    fn distinct_serials_never_share_an_mrn(one in 0u64..2_176_782_336, two in 0u64..2_176_782_336) {
        let issue = |serial| {
            let date = Date::parse("2026-11-24").unwrap();
            Mrn::issue(date, &"GB000060".parse().unwrap(), serial, ProcedureLetter::J).unwrap()
        };
        prop_assert_eq!(issue(one) == issue(two), one == two);
        prop_assert_eq!(issue(one).cmp(&issue(two)), one.cmp(&two));
    }
}

#[test]
fn ten_thousand_serials_give_ten_thousand_mrns() {
    let date = Date::parse("2026-11-24").unwrap();
    let office: OfficeReference = "GB000060".parse().unwrap();
    let issued: BTreeSet<Mrn> =
        (0..10_000).map(|serial| Mrn::issue(date, &office, serial, ProcedureLetter::J).unwrap()).collect();
    assert_eq!(issued.len(), 10_000);
    assert!(Mrn::issue(date, &office, 2_176_782_336, ProcedureLetter::J).is_err());
}

#[test]
fn both_forms_of_year_24_are_read() {
    for text in ["24GB000060ABCDEFZ0", "24GB000060ABCDEFJ0", "23GB000060ABCDEFJ0", "25GB000060ABCDEFM0"] {
        assert!(Mrn::parse(text).is_ok(), "{text}");
    }
    for text in ["25GB000060ABCDEFZ0", "99GB000060ABCDEFA0", "25GB000060ABCDEF00"] {
        assert!(Mrn::parse(text).is_err(), "{text}");
    }
    let letter = |text: &str| Mrn::parse(text).unwrap().procedure_letter();
    assert_eq!(letter("23GB000060ABCDEFJ0"), None);
    assert_eq!(letter("24GB000060ABCDEFZ0"), None);
    assert_eq!(letter("25GB000060ABCDEFM0"), Some(ProcedureLetter::M));
}

#[test]
fn only_vouchers_have_the_long_form() {
    let short: Grn = "23GB0000010000058".parse().unwrap();
    let long = short.voucher('A', 7).unwrap();
    assert_eq!(long.as_str(), "23GB0000010000058A000007");
    assert!(short.suits(GuaranteeType::COMPREHENSIVE) && !short.suits(GuaranteeType::VOUCHER));
    assert!(long.suits(GuaranteeType::VOUCHER) && !long.suits(GuaranteeType::WAIVER));
    assert!(
        long.voucher('A', 8).is_err()
            && short.voucher('a', 1).is_err()
            && short.voucher('A', 1_000_000).is_err()
    );
}

#[test]
fn a_serial_too_long_never_becomes_a_voucher() {
    let country = Country::parse("GB").unwrap();
    // With a suffix in the serial the whole would have the form of a voucher.
    assert!(Grn::issue(2026, country, "0000000000005A12345").is_err());
    assert!(Grn::issue(2026, country, "0000000000005").is_err());
    assert!(Grn::issue(2026, country, "abc").is_err());
}

#[test]
fn known_containers_pass() {
    for text in ["CSQU3054383", "MSKU6011672", "HLXU2008419"] {
        assert!(ContainerNumber::parse(text).is_ok(), "{text}");
    }
    assert_eq!(ContainerNumber::parse("CSQU3054383").unwrap().owner(), "CSQ");
}
