//! The pages as text: fixtures go in, reviewed HTML comes out.

use super::decision::Entered;
use super::failure::FailurePage;
use super::frame::{Frame, Section};
use super::guarantees::{GuaranteePage, GuaranteesPage};
use super::messages::MessagePage;
use super::movement::{BrokenRule, MovementPage, Outcome};
use super::paging::Found;
use super::partners::PartnersPage;
use super::sign_in::SignInPage;
use super::worklist::{Wanted, WorklistPage};
use askama::Template;
use base::Administration;
use node::{
    DecisionView, EntryView, EventRow, GuaranteeView, LockView, MessageRow, MovementRow, MovementView, PartnerView,
    PossibleDecision, Principal, Role,
};

const MRN: &str = "26GB000060KNEJKEJ3";

/// 24 November 2026, 06:00:00 UTC.
const SIX: i64 = 1_795_500_000_000_000;

/// Text that would be markup if anything forgot to escape it.
const HOSTILE: &str = "<script>alert(1)</script>\"'&";

/// A movement that waits at its office of departure.
pub fn movement() -> MovementRow {
    MovementRow {
        room: "departure".to_owned(),
        movement: MRN.to_owned(),
        mrn: MRN.to_owned(),
        lrn: "MEDICINES-0001".to_owned(),
        office: "GB000060".to_owned(),
        state: "UnderControl".to_owned(),
        holder: "GB123456789000".to_owned(),
        waits_for_officer: true,
        created: SIX,
        updated: SIX + 5_000_000,
    }
}

/// A declaration received from a trader.
pub fn message() -> MessageRow {
    MessageRow {
        id: 1,
        at: SIX,
        direction: "received".to_owned(),
        from_party: "trader".to_owned(),
        to_party: "GB".to_owned(),
        message_type: "CC015C".to_owned(),
        identification: "MSG-000001".to_owned(),
        movement: MRN.to_owned(),
        outcome: "accepted".to_owned(),
        clause: None,
        exchange_id: None,
    }
}

/// The acceptance of the declaration.
pub fn event() -> EventRow {
    EventRow {
        at: SIX,
        room: "departure".to_owned(),
        kind: "Accepted".to_owned(),
        words: "acme".to_owned(),
    }
}

/// A decision that the node offers.
pub fn possible(decision: &str, office: &str) -> PossibleDecision {
    PossibleDecision {
        decision: decision.to_owned(),
        label: String::new(),
        office: (!office.is_empty()).then(|| office.to_owned()),
        needs_reason: false,
    }
}

fn frame(section: Section) -> Frame {
    let principal = Principal { name: "j.doe".to_owned(), role: Role::Officer };
    let administration = Administration::parse("NTA.GB").unwrap();
    let mut frame = Frame::new(&administration, false).for_principal(&principal, "form-secret").within(section);
    // The real addresses change with every edit of the stylesheet.
    frame.stylesheet = "/assets/0/console.css".to_owned();
    frame.mark = "/assets/0/mark.svg".to_owned();
    frame
}

fn view() -> MovementView {
    let record = MessageRow {
        id: 2,
        at: SIX + 5_000_000,
        direction: "sent".to_owned(),
        from_party: "GB".to_owned(),
        to_party: "FR".to_owned(),
        message_type: "CD050C".to_owned(),
        outcome: "delivered".to_owned(),
        clause: Some("gb-fr-it-transit 1, clause 3.2".to_owned()),
        exchange_id: Some("0199b6a0-0000-7000-8000-000000000001".to_owned()),
        ..message()
    };
    let disclosed = DecisionView {
        message: 2,
        recipient: "NTA.FR".to_owned(),
        clause: "gb-fr-it-transit 1, clause 3.2".to_owned(),
        outcome: "cleared".to_owned(),
        words: "21 of 34 elements".to_owned(),
    };
    MovementView {
        rows: vec![movement()],
        messages: vec![message(), record],
        events: vec![event()],
        decisions: vec![disclosed],
        possible: vec![
            possible("control-satisfactory", ""),
            PossibleDecision {
                label: "Control unsatisfactory: do not release".to_owned(),
                ..possible("control-unsatisfactory", "")
            },
        ],
    }
}

fn guarantee() -> GuaranteeView {
    GuaranteeView {
        grn: "26GB0000010000019".to_owned(),
        kind: "1".to_owned(),
        holders: vec!["GB123456789000".to_owned()],
        state: "valid".to_owned(),
        reference_amount: "100000.00 EUR".to_owned(),
        available: "75000.00 EUR".to_owned(),
        locked: "25000.00 EUR".to_owned(),
        balanced: true,
        locks: vec![LockView { mrn: MRN.to_owned(), amount: "25000.00 EUR".to_owned(), since: SIX }],
        entries: vec![EntryView {
            at: SIX,
            words: format!("locked for {MRN}"),
            debit: "available".to_owned(),
            credit: "locked".to_owned(),
            amount: "25000.00 EUR".to_owned(),
            balance: "75000.00 EUR".to_owned(),
        }],
    }
}

fn partner() -> PartnerView {
    PartnerView {
        administration: "NTA.FR".to_owned(),
        country: "FR".to_owned(),
        address: "https://node.fr.example:9443".to_owned(),
        fingerprint: "4f2a9c01".repeat(8),
        agreements: vec!["gb-fr-it-transit 1".to_owned()],
        queued: 3,
        delivered: 128,
        refused: 0,
        last_delivery: Some(SIX),
        last_problem: Some("connection refused".to_owned()),
    }
}

fn counts() -> Vec<(String, String, i64)> {
    let count = |room: &str, state: &str, number| (room.to_owned(), state.to_owned(), number);
    vec![
        count("destination", "Arrived", 2),
        count("departure", "UnderControl", 1),
        count("departure", "WrittenOff", 40),
    ]
}

fn worklist(wanted: Wanted, rows: Vec<MovementRow>, before: Option<i64>) -> WorklistPage {
    let frame = frame(Section::Movements);
    WorklistPage::new(frame, wanted, &[movement()], &counts(), &Found { rows, before })
}

/// What a form was sent with.
pub fn entered(pairs: &[(&str, &str)]) -> Entered {
    Entered::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

#[test]
fn the_sign_in() {
    let mut frame = Frame { signed_in: None, ..frame(Section::None) };
    frame.exercise = true;
    let problem = Some("The name or the password is wrong.");
    let page = SignInPage { frame, next: "/console/partners".to_owned(), name: "j.doe".to_owned(), problem };
    insta::assert_snapshot!(page.render().unwrap());
}

#[test]
fn the_worklist() {
    let accepted = MovementRow {
        mrn: String::new(),
        movement: "GB123456789000/LRN 1".to_owned(),
        state: "PreLodged".to_owned(),
        waits_for_officer: false,
        ..movement()
    };
    insta::assert_snapshot!(worklist(Wanted::default(), vec![movement(), accepted], Some(SIX)).render().unwrap());
}

#[test]
fn a_search_that_finds_nothing() {
    let wanted = Wanted { q: "LRN 7".to_owned(), room: "departure".to_owned(), ..Wanted::default() };
    let html = worklist(wanted, Vec::new(), None).render().unwrap();
    assert!(html.contains("No movement with the reference <q>LRN 7</q> in this state and office is known here."));
    assert!(!html.contains("Waits for you"), "a search shows what was found, and only that");
}

#[test]
fn the_next_page_keeps_the_filter() {
    let wanted = Wanted { state: "UnderControl".to_owned(), waiting: "1".to_owned(), ..Wanted::default() };
    let html = worklist(wanted, vec![movement()], Some(77)).render().unwrap();
    assert!(html.contains("href=\"/console?state=UnderControl&#38;waiting=1&#38;before=77\""), "{html}");
}

#[test]
fn a_movement_with_its_timeline() {
    let page = MovementPage::new(frame(Section::Movements), MRN, &view(), Outcome::None);
    insta::assert_snapshot!(page.render().unwrap());
}

#[test]
fn a_decision_that_is_not_complete() {
    let entered = entered(&[("decision", "control-unsatisfactory"), ("reason", " ")]);
    let problems = entered.problems().unwrap();
    let outcome = Outcome::Incomplete { entered, problems };
    let html = MovementPage::new(frame(Section::Movements), MRN, &view(), outcome).render().unwrap();
    for id in ["decision-1-reason", "decision-1-confirmed"] {
        assert!(html.contains(&format!("<li><a href=\"#{id}\">")), "the summary leads to {id}");
        assert_eq!(html.matches(&format!(" id=\"{id}\"")).count(), 1, "there is one {id}");
    }
    assert_eq!(html.matches("<details open>").count(), 1);
}

#[test]
fn a_decision_that_is_refused_loses_nothing() {
    let entered = entered(&[("decision", "control-unsatisfactory"), ("reason", "seals broken"), ("confirmed", "yes")]);
    let rule = BrokenRule { code: "92".to_owned(), rule: "G0009".to_owned(), place: "/CC051C".to_owned() };
    let words = "it does not fit a movement in state `Released`".to_owned();
    let outcome = Outcome::Refused { entered, words, rules: vec![rule] };
    let html = MovementPage::new(frame(Section::Movements), MRN, &view(), outcome).render().unwrap();
    for shown in ["<strong>92</strong>", "<strong>G0009</strong>", "does not fit", "<dd>seals broken</dd>"] {
        assert!(html.contains(shown), "{shown} is shown");
    }
    assert!(html.contains("seals broken</textarea>"), "the form still holds the reason");
}

#[test]
fn a_message() {
    let xml = b"<?xml version=\"1.0\"?><ncts:CC015C><LRN>M &amp; M</LRN><a><b/></a></ncts:CC015C>";
    let page = MessagePage::new(frame(Section::Movements), &message(), "acme", xml);
    insta::assert_snapshot!(page.render().unwrap());
}

#[test]
fn guarantee_accounts() {
    insta::assert_snapshot!(GuaranteesPage::new(frame(Section::Guarantees), &[guarantee()]).render().unwrap());
}

#[test]
fn the_statement_of_an_account() {
    insta::assert_snapshot!(GuaranteePage::new(frame(Section::Guarantees), &guarantee()).render().unwrap());
}

#[test]
fn a_ledger_that_does_not_balance_is_told() {
    let broken = GuaranteeView { balanced: false, ..guarantee() };
    let html = GuaranteePage::new(frame(Section::Guarantees), &broken).render().unwrap();
    assert!(html.contains("The ledger does not balance"));
}

#[test]
fn messages_without_a_movement_are_shown_all_the_same() {
    let rejected = MovementView { rows: Vec::new(), possible: Vec::new(), ..view() };
    let html = MovementPage::new(frame(Section::Movements), "GB1/LRN 1", &rejected, Outcome::None).render().unwrap();
    assert!(html.contains("No movement came of these messages."));
    assert!(html.contains("CC015C Transit declaration"));
}

#[test]
fn the_partners() {
    insta::assert_snapshot!(PartnersPage::new(frame(Section::Partners), &[partner()]).render().unwrap());
}

#[test]
fn an_error_page() {
    let page = FailurePage {
        frame: frame(Section::None),
        title: "Not found",
        words: "There is no message `7` on record.".to_owned(),
        way_out: "/console".to_owned(),
    };
    insta::assert_snapshot!(page.render().unwrap());
}

#[test]
fn every_page_says_whose_it_is_and_that_it_is_an_exercise() {
    for html in every_page(true, "") {
        assert!(html.contains("Customs administration of Great Britain <span class=\"code\">NTA.GB</span>"));
        assert!(html.contains("<strong>EXERCISE</strong>"));
        assert!(html.contains("<title>EXERCISE: "));
    }
    for html in every_page(false, "") {
        assert!(!html.contains("EXERCISE"));
    }
}

#[test]
fn every_page_is_accessible_in_its_skeleton() {
    for html in every_page(false, "") {
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"));
        for once in ["<h1", "<main ", "<title>", "href=\"#content\""] {
            assert_eq!(html.matches(once).count(), 1, "one {once} in {html}");
        }
        assert_eq!(html.matches("<table").count(), html.matches("<caption").count(), "each table has a caption");
        assert_eq!(html.matches("<th ").count(), html.matches("<th scope=").count(), "each heading has a scope");
    }
}

#[test]
fn nothing_from_outside_becomes_markup() {
    for html in every_page(false, HOSTILE) {
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("alert(1)</script>"));
    }
}

#[test]
fn pages_need_neither_scripts_nor_inline_styles() {
    for html in every_page(true, "") {
        for forbidden in ["<script", " style=", "<style", " onclick", "javascript:", "http://", "url("] {
            assert!(!html.contains(forbidden), "{forbidden} in {html}");
        }
    }
}

/// Every page, with `outside` put wherever text comes from outside.
fn every_page(exercise: bool, outside: &str) -> Vec<String> {
    let frame = |section| Frame { exercise, ..frame(section) };
    let movement = MovementRow {
        room: format!("departure{outside}"),
        movement: format!("{MRN}{outside}"),
        mrn: outside.to_owned(),
        lrn: format!("LRN{outside}"),
        office: format!("GB000060{outside}"),
        state: format!("Accepted{outside}"),
        holder: format!("GB1{outside}"),
        ..movement()
    };
    let message = MessageRow {
        from_party: format!("trader{outside}"),
        to_party: format!("GB{outside}"),
        message_type: format!("CC015C{outside}"),
        identification: format!("1{outside}"),
        movement: format!("{MRN}{outside}"),
        outcome: format!("accepted{outside}"),
        clause: Some(format!("1{outside}")),
        exchange_id: Some(format!("1{outside}")),
        ..message()
    };
    let mut view = view();
    view.rows = vec![movement.clone()];
    view.messages = vec![message.clone()];
    view.events[0].words.push_str(outside);
    view.decisions[0].words.push_str(outside);
    view.decisions[0].clause.push_str(outside);
    view.possible[0].label.push_str(outside);
    let entered = entered(&[("decision", "control-unsatisfactory"), ("reason", outside), ("confirmed", "yes")]);
    let rules = vec![BrokenRule { code: outside.to_owned(), rule: outside.to_owned(), place: outside.to_owned() }];
    let refused = Outcome::Refused { entered, words: format!("no{outside}"), rules };
    let mut guarantee = guarantee();
    guarantee.holders.push(outside.to_owned());
    guarantee.entries[0].words.push_str(outside);
    guarantee.locks[0].mrn.push_str(outside);
    let mut partner = partner();
    partner.address.push_str(outside);
    partner.agreements.push(outside.to_owned());
    partner.last_problem = Some(format!("no{outside}"));
    let wanted = Wanted { q: outside.to_owned(), state: format!("Accepted{outside}"), ..Wanted::default() };
    let found = Found { rows: vec![movement.clone()], before: Some(1) };
    let counts = vec![(format!("departure{outside}"), format!("Accepted{outside}"), 1)];
    let sign_in = SignInPage {
        frame: frame(Section::None),
        next: outside.to_owned(),
        name: outside.to_owned(),
        problem: Some("The name or the password is wrong."),
    };
    let failure = FailurePage {
        frame: frame(Section::None),
        title: "Not found",
        words: outside.to_owned(),
        way_out: outside.to_owned(),
    };
    let pages = [
        sign_in.render(),
        failure.render(),
        WorklistPage::new(frame(Section::Movements), wanted, &[movement], &counts, &found).render(),
        MovementPage::new(frame(Section::Movements), outside, &view, Outcome::None).render(),
        MovementPage::new(frame(Section::Movements), outside, &view, refused).render(),
        MessagePage::new(frame(Section::Movements), &message, outside, outside.as_bytes()).render(),
        GuaranteesPage::new(frame(Section::Guarantees), std::slice::from_ref(&guarantee)).render(),
        GuaranteePage::new(frame(Section::Guarantees), &guarantee).render(),
        PartnersPage::new(frame(Section::Partners), &[partner]).render(),
    ];
    pages.into_iter().map(|page| page.unwrap()).collect()
}
