//! What an office of guarantee refuses, and what it tells whom.

use super::*;
use crate::RefusalKind;
use base::Administration;

#[test]
fn each_reason_is_given() {
    let asked = |change: &dyn Fn(&mut Terms), question: Command| {
        let mut terms = terms();
        change(&mut terms);
        Case::given([register(terms)]).when(question).unwrap()
    };
    let plain = || usage(mrn(), eur("1.00"));
    assert_eq!(Case::given([]).when(plain()), Some(vec![InvalidReason::Unknown]));
    assert_eq!(
        asked(&|terms| terms.valid_until = Some(day("2026-11-23")), plain()),
        [InvalidReason::NotValid]
    );
    assert_eq!(asked(&|terms| terms.valid_from = day("2026-11-25"), plain()), [InvalidReason::NotValid]);
    assert_eq!(
        asked(&|terms| terms.holders = BTreeSet::from(["GB999999999000".parse().unwrap()]), plain()),
        [InvalidReason::Holder]
    );
    assert_eq!(asked(&|terms| terms.kind = GuaranteeType::WAIVER, plain()), [InvalidReason::Type]);
    let italy = |terms: &mut Terms| terms.not_valid_in = BTreeSet::from(["IT".parse().unwrap()]);
    assert_eq!(asked(&italy, plain()), [InvalidReason::Country]);
    assert_eq!(asked(&|_| {}, usage(mrn(), eur("10000.01"))), [InvalidReason::Amount]);
    assert_eq!(asked(&|_| {}, usage(mrn(), gbp("1.00"))), [InvalidReason::Amount], "not in euro");
    let two = |terms: &mut Terms| {
        italy(terms);
        terms.valid_until = Some(day("2026-11-23"));
    };
    assert_eq!(asked(&two, plain()), [InvalidReason::NotValid, InvalidReason::Country]);
}

#[test]
fn who_cannot_prove_the_right_learns_nothing_else() {
    let mut case =
        Case::given([register(Terms { not_valid_in: BTreeSet::from(["IT".parse().unwrap()]), ..terms() })]);
    let mut guess = usage(mrn(), eur("99999.00"));
    if let Command::Use { access_code, .. } = &mut guess {
        *access_code = "0000".parse().unwrap();
    }
    assert_eq!(case.when(guess), Some(vec![InvalidReason::AccessCode]));
    let Letter::Answer(answer) = &case.last.letters[0] else { panic!("CD205C") };
    assert!(answer.not_valid_in.is_empty());
}

#[test]
fn refusals_name_guarantee_or_movement() {
    let none = Case::given([]);
    assert!(none.refuses(cancel(mrn())).starts_with("14 at /CD204C/Guarantee/GuaranteeReference/GRN (G01"));
    let mut case = Case::given([register(terms())]);
    assert!(case.refuses(credit(mrn())).starts_with("90 at /CD209C/TransitOperation/MRN"));
    assert!(case.refuses(register(terms())).starts_with("26"));
    case.when(usage(mrn(), eur("1.00")));
    case.when(credit(mrn()));
    assert_eq!(case.refuses(usage(mrn(), eur("1.00"))), "92 at /CD203C (G0009)");
    assert_eq!(case.refuses(cancel(mrn())), "92 at /CD204C (G0009)");
    let refusal = decide(&case.state, cancel(mrn()), &case.facts).unwrap_err();
    let sender = Administration::parse("NTA.FR").unwrap();
    assert_eq!(refuse(&refusal, &cancel(mrn()), sender).unwrap().message_type(), "CD906C");
}

#[test]
fn a_repeated_question_asks_the_same() {
    let case = Case::given([register(terms()), usage(mrn(), eur("4000.00"))]);
    let other = |change: &dyn Fn(&mut Command)| {
        let mut question = usage(mrn(), eur("4000.00"));
        change(&mut question);
        question
    };
    let differing = [
        usage(mrn(), eur("4000.01")),
        usage(mrn(), eur("1.00")),
        usage(mrn(), gbp("4000.00")),
        other(&|question| {
            if let Command::Use { kind, .. } = question {
                *kind = GuaranteeType::WAIVER;
            }
        }),
        other(&|question| {
            if let Command::Use { holder, .. } = question {
                *holder = "GB999999999000".parse().unwrap();
            }
        }),
        other(&|question| {
            if let Command::Use { departure, .. } = question {
                *departure = office("GB000060");
            }
        }),
    ];
    for question in differing {
        assert_eq!(case.refuses(question), "92 at /CD203C (G0009)");
    }
    let mut case = case;
    let guess = other(&|question| {
        if let Command::Use { access_code, .. } = question {
            *access_code = "0000".parse().unwrap();
        }
    });
    assert_eq!(case.when(guess), Some(vec![InvalidReason::AccessCode]));
    assert_eq!(case.when(usage(mrn(), eur("4000.00"))), VALID);
    assert_eq!(case.account().ledger.exposure(), 400_000);
    case.when(cancel(mrn()));
    assert!(case.account().asked.is_empty());
    assert_eq!(case.when(usage(mrn(), eur("5000.00"))), VALID, "after a cancellation it may ask for more");
}

#[test]
fn a_registered_guarantee_is_registered_once() {
    let case = Case::given([register(terms())]);
    assert_eq!(case.refuses(register(terms())), format!("26 at guarantee (TW006, found `{}`)", grn("GB")));
    let abroad = Command::Register { grn: grn("FR"), terms: Box::new(terms()) };
    assert_eq!(Case::given([]).refuses(abroad), format!("14 at guarantee (TW009, found `{}`)", grn("FR")));
}

#[test]
fn terms_are_checked_on_registration() {
    let broken = |change: &dyn Fn(&mut Terms)| {
        let mut terms = terms();
        change(&mut terms);
        Case::given([]).refuses(register(terms))
    };
    assert!(broken(&|terms| terms.kind = GuaranteeType::VOUCHER).contains("R0318"));
    assert!(broken(&|terms| terms.kind = GuaranteeType::TIR).contains("C0086"));
    assert!(broken(&|terms| terms.reference_amount = gbp("1.00")).contains("R0267"));
    assert!(broken(&|terms| terms.percentage = 40).contains("`40`"));
    let abroad = Command::Register { grn: grn("FR"), terms: Box::new(terms()) };
    assert_eq!(decide(&None, abroad, &facts("NTA.GB")).unwrap_err().kind, RefusalKind::Invalid);
}

#[test]
fn a_forged_entry_does_not_read_back() {
    let entry = Case::given([register(terms())]).entries[0].clone();
    let text = serde_json::to_string(&entry).unwrap();
    assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
    assert!(serde_json::from_str::<Entry>(&text.replace("1000000", "-1000000")).is_err());
    assert!(serde_json::from_str::<Entry>(&text.replace("reference", "available")).is_err());
}
