//! The office of destination, as law reads it.

mod table;

use super::*;
use crate::fixtures::*;
use crate::transit::ResultCode;
use crate::{Facts, NoticeCode, RefusalKind};
use base::{Administration, Mrn};

fn announce() -> Command {
    Command::Announce { mrn: mrn(), departure: office("GB000060"), destination: office("IT279100"), seals: 2 }
}

/// A movement without seals.
fn unsealed() -> Command {
    let mut command = announce();
    if let Command::Announce { seals, .. } = &mut command {
        *seals = 0;
    }
    command
}

/// A complete, conforming remark that says nothing of seals.
fn silent() -> Command {
    let mut command = remark(true, true);
    if let Command::Remark { remark, .. } = &mut command {
        remark.seals_intact = None;
    }
    command
}

fn arrive(simplified: bool) -> Command {
    arrive_at("IT279100", mrn(), simplified)
}

fn arrive_at(at: &str, mrn: Mrn, simplified: bool) -> Command {
    Command::NotifyArrival {
        mrn,
        office: office(at),
        trader: "IT11111111111".parse().unwrap(),
        at: now(),
        simplified,
    }
}

fn remark(conform: bool, complete: bool) -> Command {
    Command::Remark {
        mrn: mrn(),
        office: office("IT279100"),
        trader: "IT11111111111".parse().unwrap(),
        remark: UnloadingRemark {
            conform,
            complete,
            on: day("2026-11-26"),
            seals_intact: Some(true),
            text: (!conform).then(|| "one pallet short".into()),
        },
    }
}

fn result(code: &str, text: Option<&str>) -> Command {
    Command::RecordResult {
        code: ResultCode::parse(code).unwrap(),
        seals_intact: None,
        text: text.map(str::to_owned),
    }
}

fn cancel() -> Command {
    Command::Cancel { mrn: mrn(), decided: now() }
}

fn nack() -> Command {
    Command::NoteNack { mrn: mrn(), errors: Vec::new() }
}

fn italy() -> Facts {
    facts("NTA.IT")
}

struct Case {
    state: State,
    facts: Facts,
    last: Decision,
}

impl Case {
    fn given(facts: Facts, commands: impl IntoIterator<Item = Command>) -> Self {
        let mut case = Self { state: None, facts, last: Decision::default() };
        for command in commands {
            case.when(command);
        }
        case
    }

    fn when(&mut self, command: Command) -> Vec<&'static str> {
        self.last = decide(&self.state, command, &self.facts).expect("the command is accepted");
        self.last.events.iter().for_each(|event| apply(&mut self.state, event));
        self.last.letters.iter().map(Letter::message_type).collect()
    }

    fn phase(&self) -> Phase {
        self.state.as_ref().map_or(Phase::Absent, |movement| movement.phase)
    }

    fn refuses(&self, command: Command) -> String {
        let refusal = decide(&self.state, command, &self.facts).expect_err("the command is refused");
        refusal.errors.first().map(ToString::to_string).unwrap_or(refusal.words)
    }
}

#[test]
fn the_table_as_people_read_it() {
    insta::assert_snapshot!(crate::table(TRANSITIONS));
}

#[test]
fn a_normal_arrival_is_reported_controlled_and_released() {
    let mut case = Case::given(italy(), [unsealed()]);
    assert_eq!(case.when(arrive(false)), ["CD006C", "CD018C", "CC025C"]);
    assert_eq!(case.phase(), Phase::Released);
    let Letter::ControlResults { to, code, seals_intact, .. } = &case.last.letters[1] else {
        panic!("CD018C")
    };
    assert_eq!((to.as_str(), code.as_str(), *seals_intact), ("NTA.GB", "A2", None));
}

#[test]
fn the_state_of_seals_is_never_made_up() {
    let told = |case: &Case| match &case.last.letters[0] {
        Letter::ControlResults { seals_intact, .. } => *seals_intact,
        other => panic!("{other:?}"),
    };
    let noticed = |case: &Case, code| case.last.notices.iter().any(|notice| notice.code == code);
    let mut normal = Case::given(italy(), [announce()]);
    assert_eq!(normal.when(arrive(false)), ["CD006C"], "somebody has to look at the seals");
    assert!(noticed(&normal, NoticeCode::DecisionAwaited));
    assert_eq!(normal.when(result("A1", None)), ["CD018C", "CC025C"]);
    assert_eq!(told(&normal), None);
    assert!(noticed(&normal, NoticeCode::SealsNotTold));

    let mut consignee = Case::given(italy(), [announce(), arrive(true)]);
    assert_eq!(consignee.when(silent()), [""; 0], "noted, not refused (C0440)");
    assert_eq!(consignee.phase(), Phase::Unloaded);
    assert!(
        noticed(&consignee, NoticeCode::SealsNotTold) && noticed(&consignee, NoticeCode::DecisionAwaited)
    );
    let seen =
        Command::RecordResult { code: ResultCode::satisfactory(), seals_intact: Some(true), text: None };
    assert_eq!(consignee.when(seen), ["CD018C", "CC025C"]);
    assert_eq!(told(&consignee), Some(true));
    assert!(!noticed(&consignee, NoticeCode::SealsNotTold));

    let mut without = Case::given(italy(), [unsealed(), arrive(true)]);
    assert_eq!(without.when(silent()), ["CD018C", "CC025C"], "there were none");
    assert_eq!((told(&without), noticed(&without, NoticeCode::SealsNotTold)), (None, false));
}

#[test]
fn an_authorised_consignee_unloads_on_permission_in_as_many_steps_as_it_takes() {
    let mut case = Case::given(italy(), [announce()]);
    assert_eq!(case.when(arrive(true)), ["CD006C", "CC043C"]);
    assert_eq!(case.when(remark(true, false)), [""; 0]);
    assert_eq!(case.phase(), Phase::Unloading);
    assert_eq!(case.when(remark(true, true)), ["CD018C", "CC025C"]);
    assert_eq!(case.phase(), Phase::Released);
}

#[test]
fn remarks_that_do_not_conform_wait_for_an_officer() {
    let mut case = Case::given(italy(), [announce(), arrive(true), remark(false, true)]);
    assert_eq!(case.last.notices[0].code, NoticeCode::DecisionAwaited);
    assert_eq!(case.when(result("B1", None)), ["CD018C"], "the consignee's words describe it");
    let Letter::ControlResults { text, .. } = &case.last.letters[0] else { panic!("CD018C") };
    assert_eq!(text.as_deref(), Some("one pallet short"));
    assert_eq!(case.phase(), Phase::UnderResolution);
    assert_eq!(case.when(Command::ReleaseGoods), ["CC025C"]);
}

#[test]
fn an_officer_permits_and_decides_where_the_profile_says_so() {
    let mut case = Case::given(by_officer(italy()), [announce()]);
    assert_eq!(case.when(arrive(true)), ["CD006C"]);
    assert_eq!(case.when(Command::PermitUnloading), ["CC043C"]);
    case.when(remark(true, true));
    assert_eq!(case.when(result("A1", None)), ["CD018C", "CC025C"]);
}

#[test]
fn a_selected_arrival_waits_for_control() {
    let mut case = Case::given(selected(italy()), [announce()]);
    assert_eq!(case.when(arrive(false)), ["CD006C"]);
    assert_eq!(case.phase(), Phase::Arrived);
    assert_eq!(case.refuses(Command::PermitUnloading), "92 at movement (G0009)");
}

#[test]
fn a_result_that_departure_could_not_act_on_is_refused() {
    let case = Case::given(selected(italy()), [announce(), arrive(false)]);
    assert_eq!(case.refuses(result("B1", None)), "13 at ControlResult/text (C0930, found `B1`)");
    let broken =
        Command::RecordResult { code: ResultCode::satisfactory(), seals_intact: Some(false), text: None };
    assert_eq!(case.refuses(broken), "14 at ControlResult/code (G0017, found `A1`)");
}

#[test]
fn arrivals_are_refused_by_the_right_code() {
    let none = Case::given(italy(), []);
    let unknown = format!("90 at /CC007C/TransitOperation/MRN[.='{0}'] (G0009, found `{0}`)", mrn());
    assert_eq!(none.refuses(arrive(false)), unknown);
    let digit = (mrn().expected_check_digit() + 1) % 10;
    let wrong: Mrn = format!("{}{digit}", &mrn().as_str()[..17]).parse().unwrap();
    assert_eq!(
        none.refuses(arrive_at("IT279100", wrong.clone(), false)),
        format!("93 at /CC007C/TransitOperation/MRN[.='{wrong}'] (R0028, found `{wrong}`)")
    );
    let announced = Case::given(italy(), [announce()]);
    assert_eq!(
        announced.refuses(arrive_at("IT261101", mrn(), false)),
        "14 at /CC007C/CustomsOfficeOfDestinationActual/referenceNumber (TW004, found `IT261101`)"
    );
    let arrived = Case::given(italy(), [announce(), arrive(false)]);
    assert_eq!(arrived.refuses(arrive(false)), "92 at /CC007C (G0009)");
}

#[test]
fn a_refused_trader_gets_cc057_and_a_refused_partner_cd906() {
    let none = Case::given(italy(), []);
    let refusal = decide(&none.state, arrive(true), &none.facts).unwrap_err();
    let Some(Letter::Rejected(rejection)) = refuse(&refusal, &arrive(true), None, now()) else {
        panic!("CC057C")
    };
    assert_eq!((rejection.business_type.as_str(), rejection.errors[0].code.code()), ("007", "90"));
    let refusal = decide(&none.state, remark(true, true), &none.facts).unwrap_err();
    let Some(Letter::Rejected(rejection)) = refuse(&refusal, &remark(true, true), None, now()) else {
        panic!("CC057C")
    };
    assert_eq!(rejection.business_type, "044");
    let case = Case::given(italy(), [announce()]);
    let refusal = decide(&case.state, announce(), &case.facts).unwrap_err();
    let sender = Administration::parse("NTA.GB").ok();
    assert_eq!(refuse(&refusal, &announce(), sender.clone(), now()).unwrap().message_type(), "CD906C");
    assert_eq!(refuse(&refusal, &Command::PermitUnloading, None, now()), None);
    let refusal = decide(&None, nack(), &case.facts).unwrap_err();
    assert_eq!(refuse(&refusal, &nack(), sender, now()), None, "never a refusal of a refusal");
}

#[test]
fn remarks_come_in_their_turn_and_from_the_consignee() {
    let announced = Case::given(italy(), [announce()]);
    assert_eq!(announced.refuses(remark(true, true)), "92 at /CC044C (G0009)");
    let unloading = Case::given(italy(), [announce(), arrive(true)]);
    let mut stranger = remark(true, true);
    if let Command::Remark { trader, .. } = &mut stranger {
        *trader = "IT99999999999".parse().unwrap();
    }
    assert_eq!(
        unloading.refuses(stranger),
        "14 at /CC044C/TraderAtDestination/identificationNumber (G0042, found `IT99999999999`)"
    );
}

#[test]
fn a_cancelled_movement_cannot_arrive_and_an_arrived_one_is_not_cancelled() {
    let cancelled = Case::given(italy(), [announce(), cancel()]);
    assert_eq!(cancelled.refuses(arrive(false)), "92 at /CC007C (G0009)");
    assert_eq!(cancelled.refuses(cancel()), "92 at /CD010C (G0009)");
    let mut arrived = Case::given(italy(), [announce(), arrive(true)]);
    assert_eq!(arrived.when(cancel()), [""; 0]);
    assert_eq!((arrived.phase(), arrived.last.notices[0].code), (Phase::Unloading, NoticeCode::Late));
    assert!(arrived.last.events.is_empty(), "it changes nothing");
    let abroad = Command::Announce {
        mrn: mrn(),
        departure: office("GB000060"),
        destination: office("DE005600"),
        seals: 0,
    };
    assert!(Case::given(italy(), []).refuses(abroad).starts_with("12 at /CD001C"));
}
