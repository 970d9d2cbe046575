//! The golden path and its branches.

use super::*;
use crate::Recipient;
use base::{Administration, Currency};

#[test]
fn a_consignment_goes_from_declaration_to_write_off() {
    let mut case = Case::new();

    assert_eq!(case.when(declare(declaration())), ["CC928C", "CC028C", "CD203C"]);
    assert_eq!(case.phase(), Phase::GuaranteeRegistration);
    assert_eq!(case.movement().mrn, Some(mrn()));

    assert_eq!(case.when(answer("GB", &[])), ["CC029C", "CD001C", "CD050C"]);
    assert_eq!(case.phase(), Phase::Released);

    assert_eq!(case.when(cross("FR001260")), [""; 0]);
    assert_eq!(case.when(arrive("IT279100")), [""; 0], "every office was used");
    assert_eq!(case.phase(), Phase::Arrived);

    assert_eq!(case.when(results("A1")), ["CC045C", "CD209C"]);
    assert_eq!(case.phase(), Phase::WrittenOff);
    assert!(case.movement().guarantees.values().all(|usage| usage.status == UseStatus::Credited));
}

#[test]
fn letters_go_to_the_countries_concerned() {
    let mut case = Case::new();
    case.when(declare(three_guarantees()));
    let to = |letter: &Letter| match letter.recipient() {
        Recipient::Trader => "trader".to_owned(),
        Recipient::Administration(administration) => administration.to_string(),
    };
    let asked: Vec<String> = case.last.letters.iter().skip(2).map(to).collect();
    assert_eq!(asked, ["NTA.FR", "NTA.GB", "NTA.IT"], "our own guarantees are asked for by the same letter");
    case.when(answer("FR", &[]));
    case.when(answer("GB", &[]));
    case.when(answer("IT", &[]));
    let sent: Vec<String> = case.last.letters.iter().map(to).collect();
    assert_eq!(sent, ["trader", "NTA.IT", "NTA.FR"]);
}

#[test]
fn a_guarantee_is_asked_for_in_euro_once_per_reference() {
    let mut case = Case::new();
    let twice = vec![line("GB", gbp("1000.00")), line("GB", gbp("0.01"))];
    case.when(declare(Declaration {
        guarantees: vec![guarantee(GuaranteeType::COMPREHENSIVE, twice)],
        ..declaration()
    }));
    let Some(Letter::GuaranteeUse(request)) = case.last.letters.last() else { panic!("a request") };
    assert_eq!(request.uses.len(), 1);
    assert_eq!(request.uses[0].amount, eur("1200.02"), "1000 and 0.01 at 1.2, rounded up");
    assert_eq!(request.uses[0].amount.currency(), Currency::EUR);
    let countries: Vec<String> = request.countries.iter().map(ToString::to_string).collect();
    assert_eq!(countries, ["GB", "FR", "IT"]);
    assert_eq!(request.to, Administration::parse("NTA.GB").unwrap());
}

#[test]
fn goods_of_a_prelodged_declaration_are_presented() {
    let mut case = Case::new();
    let prelodged = || Declaration { authorised_consignor: true, ..prelodged() };
    assert_eq!(case.when(declare(prelodged())), ["CC928C"]);
    assert_eq!(case.phase(), Phase::PreLodged);
    assert_eq!(case.movement().mrn, None);
    let presented = day("2026-12-25").start();
    assert_eq!(case.last.timers, [TimerChange::Set { kind: TimerKind::Presentation, due: presented }]);
    assert_eq!(case.when(amend(prelodged(), false)), ["CC004C"]);
    let present = Command::Present { lrn: lrn(), holder: None, limit: Some(day("2026-12-01")) };
    assert_eq!(case.when(present), ["CC028C", "CD203C"]);
    assert_eq!(case.movement().limit, Some(day("2026-12-01")));
}

#[test]
fn prelodged_goods_that_are_not_presented_cancel_the_declaration() {
    let mut case = Case::given([declare(prelodged())]);
    assert_eq!(case.when(Command::PresentationExpired), ["CC009C"]);
    assert_eq!(case.phase(), Phase::Cancelled);
}

#[test]
fn selected_goods_are_controlled_before_release() {
    let mut case = Case::new().with(selected(facts("NTA.GB")));
    assert_eq!(case.when(declare(declaration())), ["CC928C", "CC028C", "CC060C"]);
    assert_eq!(case.phase(), Phase::UnderControl);
    let again = Command::DecideControl { controls: Vec::new(), documents: Vec::new() };
    assert_eq!(case.when(again), ["CC060C"]);
    let good = Command::RecordControl { code: ResultCode::satisfactory(), text: None };
    assert_eq!(case.when(good), ["CD203C"]);
    case.when(answer("GB", &[]));
    assert_eq!(case.movement().control.as_ref().unwrap().code, ResultCode::satisfactory());
}

#[test]
fn an_unsatisfactory_control_ends_without_release() {
    let mut case = Case::new().with(selected(facts("NTA.GB")));
    case.when(declare(declaration()));
    let bad = Command::RecordControl {
        code: ResultCode::parse("B1").unwrap(),
        text: Some("two pallets missing".into()),
    };
    assert_eq!(case.when(bad), ["CC051C"]);
    assert_eq!(case.phase(), Phase::NotReleased);
    assert_eq!(case.movement().ended_because.as_deref(), Some("two pallets missing"));
}

#[test]
fn release_waits_for_an_officer_where_the_profile_says_so() {
    let mut case = Case::new().with(by_officer(facts("NTA.GB")));
    assert_eq!(case.when(declare(declaration())), ["CC928C", "CC028C"]);
    assert!(case.noticed(NoticeCode::DecisionAwaited));
    assert_eq!(case.when(Command::DecideRelease), ["CD203C"]);
}

#[test]
fn goods_without_a_monitored_guarantee_are_released_at_once() {
    let mut case = Case::new();
    let cash = guarantee(GuaranteeType::parse("3").unwrap(), Vec::new());
    let sent = case.when(declare(Declaration { guarantees: vec![cash], ..declaration() }));
    assert_eq!(sent, ["CC928C", "CC028C", "CC029C", "CD001C", "CD050C"]);
    assert!(case.noticed(NoticeCode::Unmonitored));
}

#[test]
fn one_refused_guarantee_lets_the_others_go_and_is_the_only_one_named() {
    let mut case =
        Case::given([declare(three_guarantees()), answer("GB", &[]), answer("FR", &[InvalidReason::Amount])]);
    assert_eq!(case.phase(), Phase::GuaranteeRegistration, "Italy has not answered");
    assert_eq!(case.when(answer("IT", &[])), ["CC055C", "CD204C", "CD204C"]);
    assert_eq!(case.phase(), Phase::GuaranteeUnderAmendment);
    let Letter::GuaranteeNotValid { references, .. } = &case.last.letters[0] else { panic!("CC055C") };
    assert_eq!(references, &[(grn("FR"), vec![InvalidReason::Amount])]);

    assert_eq!(case.when(amend(declaration(), true)), ["CC004C", "CD203C"]);
    assert_eq!(case.when(answer("GB", &[])), ["CC029C", "CD001C", "CD050C"]);
}

#[test]
fn a_guarantee_that_is_not_put_right_in_time_ends_without_release() {
    let mut case = Case::given([declare(declaration()), answer("GB", &[InvalidReason::Unknown])]);
    let due = day("2026-12-05").start();
    assert_eq!(case.last.timers, [TimerChange::Set { kind: TimerKind::GuaranteeAmendment, due }]);
    assert_eq!(case.when(Command::AmendmentExpired), ["CC051C"]);
    assert_eq!(case.phase(), Phase::NotReleased);
}

#[test]
fn the_trader_withdraws_before_release() {
    let mut case = Case::given([declare(three_guarantees()), answer("GB", &[])]);
    assert_eq!(case.when(withdraw(Reference::Mrn(mrn()))), ["CC009C", "CD204C"]);
    assert_eq!(case.phase(), Phase::Cancelled);
    assert_eq!(case.when(answer("FR", &[])), ["CD204C"], "France answers late: its lock is let go");
    assert_eq!(case.when(answer("IT", &[InvalidReason::Amount])), [""; 0], "Italy locked nothing");
}

#[test]
fn goods_selected_for_examination_cannot_be_withdrawn() {
    let mut case = Case::new().with(selected(facts("NTA.GB")));
    case.when(declare(declaration()));
    assert_eq!(case.when(withdraw(Reference::Mrn(mrn()))), ["CC009C"]);
    assert!(matches!(case.last.letters[0], Letter::InvalidationDecided { granted: false, .. }));
    assert_eq!(case.phase(), Phase::UnderControl);
}

#[test]
fn customs_cancel_after_release_and_tell_every_record_holder() {
    let mut case = Case::given(released());
    let cancel = Command::Invalidate { justification: "false declaration".into() };
    assert_eq!(case.when(cancel), ["CC009C", "CD010C", "CD010C", "CD204C"]);
    assert_eq!(case.phase(), Phase::Cancelled);
    assert_eq!(case.last.timers, [TimerChange::Cancel { kind: TimerKind::Arrival }]);
}

#[test]
fn an_office_that_was_not_used_hears_of_the_arrival() {
    let mut case = Case::given(released());
    assert_eq!(case.when(arrive("IT279100")), ["CD024C"]);
    let Letter::ArrivalForwarded { to, offices_of_transit, .. } = &case.last.letters[0] else {
        panic!("CD024C")
    };
    assert_eq!(to.as_str(), "NTA.FR");
    assert_eq!(offices_of_transit, &[office("FR001260")]);
    case.when(cross("FR001260"));
    assert_eq!(case.phase(), Phase::Arrived, "a crossing that was reported late is noted");
}

#[test]
fn discrepancies_are_resolved_before_write_off() {
    let mut case = Case::given(released());
    case.when(arrive("IT279100"));
    assert_eq!(case.when(results("B1")), ["CC019C"]);
    assert_eq!(case.phase(), Phase::UnderResolution);
    assert_eq!(case.when(Command::Resolve { text: "duty paid".into() }), ["CC045C", "CD209C"]);
    assert_eq!(case.phase(), Phase::WrittenOff);
}

#[test]
fn broken_seals_are_a_discrepancy_whatever_the_code_says() {
    let mut case = Case::given(released());
    case.when(arrive("IT279100"));
    let mut broken = results("A1");
    if let Command::NoteResults { seals_intact, .. } = &mut broken {
        *seals_intact = Some(false);
    }
    assert_eq!(case.when(broken), ["CC019C"]);
}

#[test]
fn the_limit_date_and_its_timer_are_set_at_release() {
    let case = Case::given(released());
    assert_eq!(case.movement().limit, Some(day("2026-12-02")), "eight days after release");
    let due = day("2026-12-10").start();
    assert_eq!(case.last.timers, [TimerChange::Set { kind: TimerKind::Arrival, due }]);
}

#[test]
fn a_movement_that_does_not_arrive_is_overdue_and_stays_released() {
    let mut case = Case::given(released());
    case.when(Command::ArrivalOverdue);
    assert!(case.noticed(NoticeCode::Overdue));
    assert_eq!((case.phase(), case.movement().overdue), (Phase::Released, true));
    case.when(arrive("IT279100"));
    assert!(!case.movement().overdue);
    case.when(Command::ResultsOverdue);
    assert!(case.noticed(NoticeCode::ResultsOverdue));
}

#[test]
fn a_limit_date_in_the_past_is_noted_and_not_refused() {
    let mut case = Case::new();
    case.when(declare(Declaration {
        limit: Some(day("2024-11-30")),
        authorised_consignor: true,
        ..declaration()
    }));
    assert!(case.noticed(NoticeCode::LimitInThePast));
    case.when(answer("GB", &[]));
    assert_eq!(case.movement().control.as_ref().unwrap().code, ResultCode::simplified());
}

#[test]
fn a_limit_date_counts_only_for_an_authorised_consignor() {
    let limited = |authorised_consignor| Declaration {
        limit: Some(day("2026-12-24")),
        authorised_consignor,
        ..declaration()
    };
    for (authorised, noticed, limit) in [(true, false, "2026-12-24"), (false, true, "2026-12-02")] {
        let mut case = Case::new();
        case.when(declare(limited(authorised)));
        assert_eq!(case.noticed(NoticeCode::LimitNotCounted), noticed);
        case.when(answer("GB", &[]));
        assert_eq!(case.movement().limit, Some(day(limit)));
    }
    let mut case = Case::given([declare(prelodged())]);
    let present = Command::Present { lrn: lrn(), holder: None, limit: Some(day("2026-12-24")) };
    case.when(present);
    assert!(case.noticed(NoticeCode::LimitNotCounted));
    case.when(answer("GB", &[]));
    assert_eq!(case.movement().limit, Some(day("2026-12-02")), "the office sets it (C0840)");
}

#[test]
fn an_amendment_replaces_the_limit_date_and_takes_it_away() {
    let limited = |limit: Option<&str>| Declaration {
        limit: limit.map(day),
        authorised_consignor: true,
        ..prelodged()
    };
    let mut case = Case::given([declare(limited(Some("2026-12-01")))]);
    case.when(amend(limited(Some("2026-12-03")), false));
    assert_eq!(case.movement().limit, Some(day("2026-12-03")));
    case.when(amend(limited(None), false));
    assert_eq!(case.movement().limit, None);
    case.when(amend(limited(Some("2026-12-05")), false));
    case.when(amend(Declaration { authorised_consignor: false, ..limited(Some("2026-12-05")) }, false));
    assert_eq!(case.movement().limit, None, "without the authorisation it does not count");
    assert!(case.noticed(NoticeCode::LimitNotCounted));

    let mut case = Case::given([declare(limited(None))]);
    case.when(Command::Present { lrn: lrn(), holder: None, limit: Some(day("2026-12-24")) });
    case.when(answer("GB", &[InvalidReason::Amount]));
    case.when(amend(limited(None), true));
    assert_eq!(case.movement().limit, Some(day("2026-12-24")), "an amendment of guarantees leaves it alone");
}

#[test]
fn every_period_ends_with_its_last_day() {
    let due = |case: &Case, wanted: TimerKind| {
        case.last.timers.iter().find_map(|change| match change {
            TimerChange::Set { kind, due } if *kind == wanted => Some(*due),
            _ => None,
        })
    };
    let mut case = Case::new();
    case.when(declare(prelodged()));
    assert_eq!(
        due(&case, TimerKind::Presentation),
        Some(day("2026-12-25").start()),
        "30 days from 24 November"
    );
    let mut case = Case::given([declare(declaration())]);
    case.when(answer("GB", &[InvalidReason::Amount]));
    assert_eq!(due(&case, TimerKind::GuaranteeAmendment), Some(day("2026-12-05").start()), "10 days");
    let mut case = Case::given(released());
    assert_eq!(due(&case, TimerKind::Arrival), Some(day("2026-12-10").start()), "7 days from 2 December");
    case.when(arrive("IT279100"));
    assert_eq!(
        due(&case, TimerKind::ControlResults),
        Some(day("2026-12-03").start()),
        "6 days from 26 November"
    );
}

#[test]
fn what_is_reported_after_an_end_is_noted() {
    let mut cancelled = Case::given(released());
    cancelled.when(Command::Invalidate { justification: "false declaration".into() });
    let refused = Command::RefuseRelease { code: "C1".into(), text: "prohibited goods".into() };
    for mut case in [cancelled, Case::given([declare(declaration()), refused])] {
        let phase = case.phase();
        for command in [arrive("IT279100"), results("A1"), results("B1")] {
            assert_eq!(case.when(command), [""; 0]);
            assert!(case.noticed(NoticeCode::Late));
            assert!(case.last.events.is_empty() && case.last.timers.is_empty());
            assert_eq!(case.phase(), phase);
        }
    }
}

#[test]
fn without_an_exchange_rate_the_movement_waits_and_the_trader_is_not_blamed() {
    let mut case = Case::new();
    case.facts.rates.clear();
    assert_eq!(case.when(declare(declaration())), ["CC928C", "CC028C"]);
    assert_eq!(case.phase(), Phase::Accepted);
    assert!(case.noticed(NoticeCode::RateMissing));
    assert!(case.refuses(Command::DecideRelease).words.contains("GBP"));
    case.facts.rates.insert(Currency::parse("GBP").unwrap(), rust_decimal::Decimal::MAX);
    let too_large = case.refuses(Command::DecideRelease);
    assert!(too_large.words.contains("TW008"), "{}", too_large.words);
    case.facts = facts("NTA.GB");
    assert_eq!(case.when(Command::DecideRelease), ["CD203C"]);
}

#[test]
fn a_partner_that_refuses_our_message_is_noted() {
    let mut case = Case::given(released());
    case.when(Command::NoteNack { mrn: mrn(), errors: Vec::new() });
    assert!(case.noticed(NoticeCode::PartnerRefused));
    assert_eq!(case.phase(), Phase::Released);
}
