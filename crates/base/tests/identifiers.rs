//! What holds of every identifier: display, parsing, serde and order are four views of one text.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base::reference::{ListCode, Role};
use base::*;
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::{Debug, Display};
use std::str::FromStr;

/// Display, parsing and serde give the value back, and it orders as its text does.
fn holds<T>(one: &str, two: &str)
where
    T: FromStr<Err = Invalid> + Display + Debug + Clone + Ord + Serialize + DeserializeOwned,
{
    let (first, second): (T, T) = (one.parse().unwrap(), two.parse().unwrap());
    assert_eq!(first.to_string(), one);
    let json = serde_json::to_string(&first).unwrap();
    assert_eq!(json, serde_json::to_string(one).unwrap());
    assert_eq!(serde_json::from_str::<T>(&json).unwrap(), first);
    assert_eq!(first.cmp(&second), one.cmp(two), "{one} {two}");
    assert!(serde_json::from_str::<T>("\"\"").is_err(), "an empty text is never an identifier");
}

macro_rules! identifiers {
    ($($test:ident: $type:ty = $pattern:literal;)*) => {
        proptest! {
            $(#[test]
            fn $test(one in $pattern, two in $pattern) {
                holds::<$type>(&one, &two);
            })*
        }
    };
}

identifiers! {
    mrn_of_the_old_form: Mrn = "([01][0-9]|2[0-4])[A-Z]{2}[A-Z0-9]{13}[0-9]";
    mrn_of_the_new_form: Mrn = "(2[4-9]|[3-9][0-9])[A-Z]{2}[A-Z0-9]{12}[J-M][0-9]";
    grn: Grn = "[0-9]{2}[A-Z]{2}[A-Z0-9]{12}[0-9]([A-Z][0-9]{6})?";
    lrn: Lrn = "[!-~]([ -~]{0,20}[!-~])?";
    eori: Eori = "[A-Z]{2}[!-~]{1,15}";
    office: OfficeReference = "[A-Z]{2}[A-Z0-9]{6}";
    country: Country = "[A-Z]{2}";
    currency: Currency = "[A-Z]{3}";
    administration: Administration = "NTA\\.[A-Z]{2}";
    hs_code: HsCode = "(0[1-9]|[1-9][0-9])([0-9]{2}){0,4}";
    seal: SealIdentifier = "[!-~]([ -~]{0,18}[!-~])?";
    ucr: Ucr = "[!-~]([ -~]{0,68}[!-~])?";
    access_code: AccessCode = "[!-~]{1,4}";
    guarantee_type: GuaranteeType = "[0-9A-Z]";
    procedure_letter: ProcedureLetter = "[J-M]";
    tir_carnet: TirCarnetNumber = "[1-9][0-9]{0,6}|(1[0-9]|2[0-4])[0-9]{6}|25000000|(X[A-Z]|[A-Z]X)(2[5-9]|[3-9][0-9]|[1-9][0-9]{2})[0-9]{6}";
    message_identification: MessageIdentification = "[!-~]{1,35}";
    message_id: MessageId = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
    digest: Digest = "[0-9a-f]{64}";
    date: Date = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])";
    list_code: ListCode = "CL[0-9]{3}";
}

proptest! {
    #[test]
    fn roles_keep_their_letters(letters in "[A-Z]{3}") {
        let role = Role::parse(&letters).unwrap();
        prop_assert_eq!(role.as_str(), &letters);
        prop_assert_eq!(serde_json::from_str::<Role>(&serde_json::to_string(&role).unwrap()).unwrap(), role);
    }

    #[test]
    fn whatever_parses_displays_as_it_was(text in "\\PC{0,40}|[A-Z0-9+-]{1,36}|[0-9a-f+]{64}") {
        fn canonical<T: FromStr<Err = Invalid> + Display>(text: &str) {
            match text.parse::<T>() {
                Ok(value) => assert_eq!(value.to_string(), text),
                Err(invalid) => assert!(!invalid.reason.is_empty() && !invalid.to_string().contains('\n')),
            }
        }
        canonical::<Mrn>(&text);
        canonical::<Grn>(&text);
        canonical::<Lrn>(&text);
        canonical::<Eori>(&text);
        canonical::<OfficeReference>(&text);
        canonical::<ContainerNumber>(&text);
        canonical::<TirCarnetNumber>(&text);
        canonical::<HsCode>(&text);
        canonical::<SealIdentifier>(&text);
        canonical::<Date>(&text);
        canonical::<Digest>(&text);
        canonical::<MessageIdentification>(&text);
    }

    #[test]
    fn moments_round_trip(micros in -62_167_219_200_000_000i64..253_402_207_200_000_000) {
        let moment = Timestamp::from_micros(micros);
        prop_assert_eq!(moment.to_string().parse::<Timestamp>().unwrap(), moment);
        prop_assert_eq!(serde_json::to_string(&moment).unwrap(), micros.to_string());
        let seconds = moment.plus_micros(-micros.rem_euclid(1_000_000));
        prop_assert_eq!(Timestamp::parse_message_form(&seconds.message_form()).unwrap(), seconds);
        prop_assert!(moment.date().start() <= moment);
        prop_assert!(moment.micros_since(moment.date().start()) < 86_400_000_000);
    }

    #[test]
    fn moments_order_as_their_texts(one in 0i64..253_402_207_200_000_000, two in 0i64..253_402_207_200_000_000) {
        let (one, two) = (Timestamp::from_micros(one), Timestamp::from_micros(two));
        prop_assert_eq!(one.cmp(&two), one.to_string().cmp(&two.to_string()));
    }

    #[test]
    fn days_add_up(start in 0i64..200_000_000_000_000_000, days in -100_000i32..100_000) {
        let day = Timestamp::from_micros(start).date();
        prop_assert_eq!(day.days_until(day.plus_days(days)), days);
        prop_assert_eq!(day.plus_days(days).start().micros_since(day.start()), i64::from(days) * 86_400_000_000);
    }

    #[test]
    fn ids_sort_by_time(one in 0i64..1 << 50, later in 1_000i64..1 << 40, random in any::<[u8; 10]>(), other in any::<[u8; 10]>()) {
        let first = MessageId::new(Timestamp::from_micros(one), random);
        let second = MessageId::new(Timestamp::from_micros(one + later), other);
        prop_assert!(first < second);
        prop_assert_eq!(MessageId::from_bytes(*first.as_bytes()).unwrap(), first);
    }

    #[test]
    fn money_round_trips(minor in 0i64..10_000_000_000_000_000, currency in "[A-Z]{3}") {
        let money = Money::from_minor(minor, currency.parse().unwrap()).unwrap();
        prop_assert_eq!(money.to_string().parse::<Money>().unwrap(), money);
        prop_assert_eq!(Money::from_decimal(money.decimal(), money.currency()).unwrap(), money);
        prop_assert_eq!(serde_json::from_str::<Money>(&serde_json::to_string(&money).unwrap()).unwrap(), money);
    }

    #[test]
    fn sums_of_money_are_undone(one in 0i64..5_000_000_000_000_000, two in 0i64..5_000_000_000_000_000) {
        let euros = |minor| Money::from_minor(minor, Currency::EUR).unwrap();
        let sum = euros(one).checked_add(euros(two)).unwrap();
        prop_assert_eq!(sum.checked_sub(euros(two)), Some(euros(one)));
        prop_assert_eq!(euros(one) < euros(two), one < two);
    }
}

#[test]
fn what_is_nearly_an_identifier_is_refused() {
    fn refused<T: FromStr<Err = Invalid>>(texts: &[&str]) {
        for text in texts {
            assert!(text.parse::<T>().is_err(), "{text}");
        }
    }
    refused::<Mrn>(&[
        "23gb000060KNEJKEJ3",
        "23GB000060KNEJKEJ",
        "25GB000060KNEJKEN3",
        "23GB000060KNEJKE£3",
        "2３GB00006KNEJKEJ3",
    ]);
    refused::<Grn>(&["23GB00000100000581", "23GB0000010000058A12345", "23GB0000010000058a123456"]);
    refused::<Eori>(&["GB", "gb123", "GB12 3", "GB1234567890123456", "GBé"]);
    refused::<OfficeReference>(&["GB00006", "GB0000600", "gb000060", "GB00006a", "GB0006é"]);
    refused::<ContainerNumber>(&["CSQU3054384", "CSQX3054383", "CSQU305438", "csqu3054383"]);
    refused::<Date>(&[
        "2026-02-30",
        "2026-W48-2",
        "20261124T1",
        "2026-11-2",
        "+026-11-24",
        "2026-11-24T00:00:00",
    ]);
    refused::<Timestamp>(&[
        "2026-11-24T06:00:00",
        "2026-11-24 06:00:00Z",
        "2026-11-24T06Z",
        "2026-11-24T06:00:00Z[UTC]",
        "2026-11-24T06:00:60Z",
    ]);
    refused::<Digest>(&["+f".repeat(32).as_str(), "0".repeat(63).as_str()]);
    refused::<MessageId>(&["+0000000-0000-7000-8000-000000000000", "00000000-0000-4000-8000-000000000000"]);
    refused::<Money>(&[
        "1000.00",
        "-1.00 EUR",
        "1_000 EUR",
        ".5 EUR",
        "1. EUR",
        "1.001 EUR",
        "1e3 EUR",
        "99999999999999999 EUR",
    ]);
    refused::<HsCode>(&["0012", "870", "87032", "８７"]);
    assert!(Timestamp::parse_message_form("2026-11-24T06:00:00Z").is_err());
    assert!(Timestamp::parse_message_form("2026-11-24").is_err());
    assert!(serde_json::from_str::<Money>(r#"{"minor": -1, "currency": "EUR"}"#).is_err());
}

#[test]
fn amounts_of_two_currencies_do_not_compare() {
    let (euro, pound): (Money, Money) = ("1.00 EUR".parse().unwrap(), "2.00 GBP".parse().unwrap());
    assert_eq!(euro.partial_cmp(&pound), None);
    assert_eq!(euro.checked_add(pound), None);
    assert_eq!(euro.checked_sub(pound), None);
}

#[test]
fn an_access_code_stays_secret() {
    let code: AccessCode = "7x!A".parse().unwrap();
    assert_eq!(format!("{code:?}"), "AccessCode(****)");
    let invalid = AccessCode::parse("geheim").unwrap_err();
    assert!(!format!("{invalid} {invalid:?}").contains("geheim"));
}
