//! What the office of departure refuses, by which code, where.

use super::*;
use crate::{FunctionalError, OfficeRole, RefusalKind};
use base::{AccessCode, Country, Mrn};
use std::collections::{BTreeMap, BTreeSet};

fn shown(errors: &[FunctionalError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

fn at_gate(change: impl FnOnce(&mut Declaration)) -> Vec<String> {
    let mut declaration = declaration();
    change(&mut declaration);
    shown(&Case::new().refuses(declare(declaration)).errors)
}

#[test]
fn a_guarantee_must_have_reference_code_and_amount() {
    let bare = |declaration: &mut Declaration| {
        declaration.guarantees[0].references[0] =
            crate::transit::GuaranteeLine { grn: None, access_code: None, amount: None };
    };
    assert_eq!(
        at_gate(bare),
        [
            "13 at /CC015C/Guarantee[1]/GuaranteeReference[1]/GRN (C0086)",
            "13 at /CC015C/Guarantee[1]/GuaranteeReference[1]/accessCode (C0086)",
            "13 at /CC015C/Guarantee[1]/GuaranteeReference[1]/amountToBeCovered (B2101)",
        ]
    );
    assert_eq!(
        at_gate(|declaration| declaration.guarantees[0].references.clear()),
        ["13 at /CC015C/Guarantee[1]/GuaranteeReference (C0085)"]
    );
}

#[test]
fn a_grn_must_fit_its_type_and_have_its_check_digit() {
    assert_eq!(
        at_gate(|declaration| declaration.guarantees[0].kind = GuaranteeType::VOUCHER),
        ["14 at /CC015C/Guarantee[1]/GuaranteeReference[1]/GRN (R0318, found `26GB0000000000011`)"]
    );
    assert_eq!(
        at_gate(|declaration| declaration.guarantees[0].kind = GuaranteeType::parse("3").unwrap()),
        ["15 at /CC015C/Guarantee[1]/GuaranteeReference[1]/GRN (C0086, found `26GB0000000000011`)"]
    );
    let wrong = |declaration: &mut Declaration| {
        declaration.guarantees[0].references[0].grn = Some("26GB0000000000019".parse().unwrap());
    };
    assert_eq!(
        at_gate(wrong),
        ["14 at /CC015C/Guarantee[1]/GuaranteeReference[1]/GRN (R0028, found `26GB0000000000019`)"]
    );
    let mut lenient = Case::new();
    lenient.facts.profile.lenient_grn_check_digit = true;
    let mut declaration = declaration();
    wrong(&mut declaration);
    lenient.when(declare(declaration));
}

#[test]
fn lines_on_one_guarantee_are_one_claim_or_refused() {
    let second = |change: &dyn Fn(&mut Declaration)| {
        at_gate(|declaration| {
            let line = declaration.guarantees[0].references[0].clone();
            declaration.guarantees[0].references.push(line);
            change(declaration);
        })
    };
    let code = |declaration: &mut Declaration| {
        declaration.guarantees[0].references[1].access_code = Some("AC02".parse().unwrap());
    };
    assert_eq!(second(&code), ["14 at /CC015C/Guarantee[1]/GuaranteeReference[2]/accessCode (TW007)"]);
    let kind = |declaration: &mut Declaration| {
        let lines = vec![declaration.guarantees[0].references.remove(1)];
        declaration.guarantees.push(guarantee(GuaranteeType::WAIVER, lines));
    };
    assert_eq!(second(&kind), ["14 at /CC015C/Guarantee[2]/guaranteeType (TW007, found `0`)"]);
    let sum = |declaration: &mut Declaration| {
        declaration.guarantees[0].references[1].amount = Some(eur("99999999999999.99"));
    };
    let at = "14 at /CC015C/Guarantee[1]/GuaranteeReference";
    assert_eq!(second(&sum), [format!("{at}[2]/amountToBeCovered (TW008, found `99999999999999.99`)")]);
    let converted = |declaration: &mut Declaration| {
        declaration.guarantees[0].references[1].amount = Some(gbp("99999999999999.99"));
    };
    assert_eq!(second(&converted), [format!("{at}[2]/amountToBeCovered (TW008, found `99999999999999.99`)")]);
    let mut no_rates = Case::new();
    no_rates.facts.rates.clear();
    let mut declared = declaration();
    let line = declared.guarantees[0].references[0].clone();
    declared.guarantees[0].references.push(line);
    code(&mut declared);
    assert_eq!(no_rates.refuses(declare(declared)).errors[0].reason, "TW007", "it needs no rate to see that");
}

#[test]
fn an_accepted_movement_goes_by_its_mrn() {
    let withdrawn = |case: &Case, reference| shown(&case.refuses(withdraw(reference)).errors);
    let accepted = Case::given([declare(declaration())]);
    assert_eq!(withdrawn(&accepted, Reference::Lrn(lrn())), ["92 at /CC014C (G0009)"]);
    assert!(accepted.refuses(withdraw(Reference::Lrn(lrn()))).words.contains("by LRN (C0467)"));
    let mut amending = Case::given([declare(declaration()), answer("GB", &[InvalidReason::Amount])]);
    let by = |reference| Command::Amend {
        reference,
        declaration: Box::new(declaration()),
        guarantees_only: true,
        submitted: now(),
    };
    assert_eq!(shown(&amending.refuses(by(Reference::Lrn(lrn()))).errors), ["92 at /CC013C (G0009)"]);
    assert_eq!(amending.when(by(Reference::Mrn(mrn()))), ["CC004C", "CD203C"]);
    let other: base::Lrn = "TRANSIT-0002".parse().unwrap();
    assert_eq!(
        withdrawn(&accepted, Reference::Lrn(other)),
        ["90 at /CC014C/TransitOperation/LRN (C0467, found `TRANSIT-0002`)"]
    );
    let mut prelodged = Case::given([declare(prelodged())]);
    assert_eq!(prelodged.when(withdraw(Reference::Lrn(lrn()))), ["CC009C"]);
    assert_eq!(
        shown(&prelodged.refuses(declare(declaration())).errors),
        ["26 at /CC015C/TransitOperation/LRN (C0467, found `TRANSIT-0001`)"],
        "an ended movement keeps its LRN"
    );
}

#[test]
fn tir_goes_with_its_own_guarantee_and_no_other() {
    assert_eq!(
        at_gate(|declaration| declaration.guarantees[0].kind = GuaranteeType::TIR)[0],
        "14 at /CC015C/Guarantee[1]/guaranteeType (R0900, found `B`)"
    );
}

#[test]
fn a_monitored_guarantee_needs_an_identified_holder() {
    assert_eq!(
        at_gate(|declaration| declaration.holder.identification = None),
        ["13 at /CC015C/HolderOfTheTransitProcedure/identificationNumber (G0120)"]
    );
}

#[test]
fn an_office_must_be_ours_and_have_its_role() {
    assert_eq!(
        at_gate(|declaration| declaration.office_of_departure = office("FR001260")),
        ["14 at /CC015C/CustomsOfficeOfDeparture/referenceNumber (TW001, found `FR001260`)"]
    );
    let mut case = Case::new();
    let known = |role| BTreeSet::from([role]);
    case.facts.offices = Some(BTreeMap::from([
        (office("GB000060"), known(OfficeRole::Departure)),
        (office("IT279100"), known(OfficeRole::Transit)),
    ]));
    assert_eq!(
        shown(&case.refuses(declare(declaration())).errors),
        [
            "12 at /CC015C/CustomsOfficeOfDestinationDeclared/referenceNumber (CL172, found `IT279100`)",
            "12 at /CC015C/CustomsOfficeOfTransitDeclared[1]/referenceNumber (CL173, found `FR001260`)",
        ]
    );
    let mut unloaded = Case::new();
    unloaded.when(declare(declaration()));
    assert!(unloaded.noticed(NoticeCode::NotChecked), "a check that was not made says so");
}

#[test]
fn a_second_declaration_under_the_same_lrn_is_a_duplicate() {
    let case = Case::given(released());
    let refusal = case.refuses(declare(declaration()));
    assert_eq!(refusal.kind, RefusalKind::Duplicate);
    assert_eq!(shown(&refusal.errors), ["26 at /CC015C/TransitOperation/LRN (C0467, found `TRANSIT-0001`)"]);
    let letter = refuse(&case.state, &refusal, Some(Reference::Lrn(lrn())), None, now()).unwrap();
    let Letter::Rejected(rejection) = &letter else { panic!("CC056C") };
    assert_eq!((letter.message_type(), rejection.business_type.as_str()), ("CC056C", "015"));
    assert_eq!(
        rejection.reference,
        Some(Reference::Lrn(lrn())),
        "it names the LRN, not the movement that stands"
    );
}

#[test]
fn withdrawal_after_release_is_out_of_sequence() {
    let case = Case::given(released());
    let refusal = case.refuses(withdraw(Reference::Mrn(mrn())));
    assert_eq!(shown(&refusal.errors), ["92 at /CC014C (G0009)"]);
    let letter = refuse(&case.state, &refusal, None, None, now()).unwrap();
    let Letter::Rejected(rejection) = letter else { panic!("CC056C") };
    assert_eq!((rejection.business_type.as_str(), rejection.reference), ("014", Some(Reference::Mrn(mrn()))));
}

#[test]
fn an_unknown_mrn_is_90_and_an_impossible_one_93() {
    let none = Case::new();
    let unknown = none.refuses(arrive("IT279100"));
    assert_eq!(
        shown(&unknown.errors),
        [format!("90 at /CD006C/TransitOperation/MRN[.='{0}'] (G0009, found `{0}`)", mrn())]
    );
    let digit = (mrn().expected_check_digit() + 1) % 10;
    let wrong: Mrn = format!("{}{digit}", &mrn().as_str()[..17]).parse().unwrap();
    let refusal = none.refuses(withdraw(Reference::Mrn(wrong.clone())));
    assert_eq!(
        shown(&refusal.errors),
        [format!("93 at /CC014C/TransitOperation/MRN[.='{wrong}'] (R0028, found `{wrong}`)")]
    );
    let sender = Country::parse("IT").map(base::Administration::of).unwrap();
    let nack =
        refuse(&none.state, &unknown, Some(Reference::Mrn(mrn())), Some(sender.clone()), now()).unwrap();
    assert_eq!((nack.message_type(), nack.mrn()), ("CD906C", Some(&mrn())));
    assert_eq!(nack.recipient(), crate::Recipient::Administration(sender));
}

#[test]
fn a_refusal_is_never_answered_by_a_refusal() {
    let none = Case::new();
    let refusal = none.refuses(Command::NoteNack { mrn: mrn(), errors: Vec::new() });
    let sender = base::Administration::parse("NTA.IT").unwrap();
    assert_eq!(refuse(&None, &refusal, Some(Reference::Mrn(mrn())), Some(sender), now()), None);
}

#[test]
fn an_amendment_keeps_what_r0520_protects() {
    let case = Case::given([declare(prelodged())]);
    let mut changed = prelodged();
    changed.security = crate::transit::Security::Exit;
    changed.holder.identification = Some("GB999999999000".parse().unwrap());
    assert_eq!(
        shown(&case.refuses(amend(changed, false)).errors),
        [
            "14 at /CC013C/TransitOperation/security (R0520, found `2`)",
            "14 at /CC013C/HolderOfTheTransitProcedure (R0520, found `GB999999999000`)",
        ]
    );
    let case = Case::given([declare(declaration()), answer("GB", &[InvalidReason::Unknown])]);
    let by_mrn = Command::Amend {
        reference: Reference::Mrn(mrn()),
        declaration: Box::new(declaration()),
        guarantees_only: false,
        submitted: now(),
    };
    assert_eq!(
        shown(&case.refuses(by_mrn).errors),
        ["14 at /CC013C/TransitOperation/amendmentTypeFlag (R0520, found `0`)"]
    );
}

#[test]
fn a_guarantee_amendment_changes_nothing_else() {
    let with_content = |byte| Declaration { content: Some(base::Digest([byte; 32])), ..declaration() };
    let case = Case::given([declare(with_content(1)), answer("GB", &[InvalidReason::Unknown])]);
    assert_eq!(
        shown(&case.refuses(amend(with_content(2), true)).errors),
        ["14 at /CC013C/Consignment (R0520)"]
    );
}

#[test]
fn an_answer_must_be_to_a_question() {
    let case = Case::given([declare(declaration())]);
    let stranger = Command::AnswerGuarantee {
        mrn: mrn(),
        answers: vec![one_answer(grn("GB"), "GB", &[]), one_answer(grn("FR"), "FR", &[])],
    };
    assert_eq!(
        shown(&case.refuses(stranger).errors),
        [format!("14 at /CD205C/Guarantee/GuaranteeReference/GRN (TW005, found `{}`)", grn("FR"))]
    );
    let mut nowhere = one_answer(grn("GB"), "GB", &[]);
    nowhere.office = None;
    let refusal = case.refuses(Command::AnswerGuarantee { mrn: mrn(), answers: vec![nowhere] });
    assert_eq!(refusal.errors[0].reason, "C0417");
    assert_eq!(shown(&case.refuses(answer("FR", &[])).errors), ["92 at /CD205C (G0009)"]);
}

#[test]
fn a_crossing_counts_once_and_only_where_a_record_is() {
    let mut case = Case::given(released());
    assert_eq!(case.refuses(cross("DE005600")).errors[0].reason, "G0150");
    case.when(cross("FR001260"));
    assert_eq!(shown(&case.refuses(cross("FR001260")).errors), ["92 at /CD118C (G0009)"]);
}

#[test]
fn results_come_from_where_the_goods_are() {
    let mut case = Case::given(released());
    assert_eq!(shown(&case.refuses(results("A1")).errors), ["92 at /CD018C (G0009)"], "before arrival");
    case.when(arrive("IT261101"));
    assert_eq!(case.refuses(results("A1")).errors[0].reason, "G0042");
}

#[test]
fn acceptance_needs_an_mrn_of_ours() {
    let mut case = Case::new();
    case.facts.offered_mrn = None;
    assert_eq!(case.refuses(declare(declaration())).kind, RefusalKind::FactMissing);
    case.facts.offered_mrn = Some("23XI0000814VD74EJ0".parse().unwrap());
    let refusal = case.refuses(declare(declaration()));
    assert!(refusal.words.contains("counter"), "{}", refusal.words);
}

#[test]
fn a_secret_is_not_shown() {
    let code: AccessCode = "AC01".parse().unwrap();
    let case = Case::given([declare(declaration())]);
    assert!(!format!("{:?} {code:?}", case.last).contains("AC01"));
}
