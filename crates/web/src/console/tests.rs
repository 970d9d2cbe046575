//! The pages as text: fixtures go in, reviewed HTML comes out.

use super::attachments::AttachmentsPage;
use super::exchange::ExchangePage;
use super::failure::FailurePage;
use super::fixtures::{
    MRN, SIX, attachment, counts, dead_letter, entered, exchange, frame, guarantee, log, message, movement,
    partner, view,
};
use super::frame::{Frame, Section};
use super::guarantees::{GuaranteePage, GuaranteesPage};
use super::log::LogPage;
use super::messages::MessagePage;
use super::movement::{BrokenRule, MovementPage, Outcome};
use super::paging::Found;
use super::partners::PartnersPage;
use super::sign_in::SignInPage;
use super::worklist::{Wanted, WorklistPage};
use askama::Template;
use node::{
    AttachmentView, GuaranteeView, LogView, MessageRow, MovementRow, MovementView, PartnerView, SeeError,
};

/// Text that would be markup if anything forgot to escape it.
const HOSTILE: &str = "<script>alert(1)</script>\"'&";

fn worklist(wanted: Wanted, rows: Vec<MovementRow>, before: Option<i64>) -> WorklistPage {
    let frame = frame(Section::Movements);
    WorklistPage::new(frame, wanted, &[movement()], &counts(), &Found { rows, before })
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
    insta::assert_snapshot!(
        worklist(Wanted::default(), vec![movement(), accepted], Some(SIX)).render().unwrap()
    );
}

#[test]
fn a_search_that_finds_nothing() {
    let wanted = Wanted { q: "LRN 7".to_owned(), room: "departure".to_owned(), ..Wanted::default() };
    let html = worklist(wanted, Vec::new(), None).render().unwrap();
    assert!(
        html.contains("No movement with the reference <q>LRN 7</q> in this state and office is known here.")
    );
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
    let entered =
        entered(&[("decision", "control-unsatisfactory"), ("reason", "seals broken"), ("confirmed", "yes")]);
    let rule = BrokenRule { code: "92".to_owned(), rule: "G0009".to_owned(), place: "/CC051C".to_owned() };
    let words = "it does not fit a movement in state `Released`".to_owned();
    let outcome = Outcome::Refused { entered, words, rules: vec![rule] };
    let html = MovementPage::new(frame(Section::Movements), MRN, &view(), outcome).render().unwrap();
    for shown in ["<strong>92</strong>", "<strong>G0009</strong>", "does not fit", "seals broken</textarea>"]
    {
        assert!(html.contains(shown), "{shown} is shown");
    }
    assert!(!html.contains("What you had entered"), "the form holds it");
}

#[test]
fn what_was_entered_is_shown_when_its_form_is_gone() {
    let entered = entered(&[("decision", "invalidate"), ("reason", "seals broken")]);
    let problems = entered.problems().unwrap();
    let outcome = Outcome::Incomplete { entered, problems };
    let html = MovementPage::new(frame(Section::Movements), MRN, &view(), outcome).render().unwrap();
    assert!(html.contains("<a href=\"#decide\">Confirm"), "{html}");
    assert!(html.contains("<dd>seals broken</dd>"), "{html}");
}

#[test]
fn a_message() {
    let xml = b"<?xml version=\"1.0\"?><ncts:CC015C><LRN>M &amp; M</LRN><a><b/></a></ncts:CC015C>";
    let page = MessagePage::new(frame(Section::Movements), &message(), "acme", (xml, Some(evidence())));
    insta::assert_snapshot!(page.render().unwrap());
}

#[test]
fn guarantee_accounts() {
    insta::assert_snapshot!(
        GuaranteesPage::new(frame(Section::Guarantees), &[guarantee()]).render().unwrap()
    );
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
    let html =
        MovementPage::new(frame(Section::Movements), "GB1/LRN 1", &rejected, Outcome::None).render().unwrap();
    assert!(html.contains("No movement came of these messages."));
    assert!(html.contains("CC015C Transit declaration"));
}

#[test]
fn the_partners() {
    let page = PartnersPage::new(frame(Section::Partners), &[partner()], false, None);
    insta::assert_snapshot!(page.render().unwrap());
}

#[test]
fn an_operator_stops_the_exchange_and_lets_it_go_on() {
    let suspended = PartnerView {
        state: "suspended",
        suspension: Some("their operations centre reports a break-in".to_owned()),
        ..partner()
    };
    let drawn = |views: &[PartnerView], operates| {
        PartnersPage::new(frame(Section::Partners), views, operates, None).render().unwrap()
    };
    let page = drawn(&[partner()], true);
    assert!(page.contains("action=\"/console/partners/NTA.FR/suspension\""));
    assert!(page.contains("<label for=\"NTA.FR-reason\">") && page.contains("id=\"NTA.FR-reason\""));
    assert!(!page.contains("resumption"));
    let page = drawn(std::slice::from_ref(&suspended), true);
    assert!(page.contains("action=\"/console/partners/NTA.FR/resumption\""));
    assert!(page.contains("<strong>Suspended:</strong> their operations centre reports a break-in"));
    assert!(!page.contains("NTA.FR/suspension"));
    // An officer sees the state and has no form.
    let page = drawn(&[suspended], false);
    assert!(
        page.contains("<dd>Suspended</dd>")
            && !page.contains("<form method=\"post\" action=\"/console/partners")
    );
}

#[test]
fn the_log() {
    insta::assert_snapshot!(LogPage::new(frame(Section::Log), &log(), true).render().unwrap());
}

#[test]
fn a_note_that_is_not_taken_stays_in_its_form() {
    let page = LogPage::new(frame(Section::Log), &log(), true).refused(
        2,
        "asked \"them\"".to_owned(),
        &SeeError::Note,
    );
    let html = page.render().unwrap();
    assert!(html.contains("Finding 2: the note must be one line of 1 to 400 characters"), "{html}");
    let kept = "id=\"note-2\" name=\"note\" maxlength=\"400\" value=\"asked &#34;them&#34;\" required";
    assert!(html.contains(kept), "{html}");
}

#[test]
fn a_log_without_anything() {
    let view = LogView {
        size: 0,
        checkpoint: None,
        witnesses: Vec::new(),
        quorums: Vec::new(),
        witnessed: Vec::new(),
        findings: Vec::new(),
        behind: None,
        ..log()
    };
    let html = LogPage::new(frame(Section::Log), &view, true).render().unwrap();
    for words in [
        "Every log showed this node and its partners one history.",
        "No partner is registered that could cosign the log.",
        "No agreement asks for witnesses.",
        "No partner has had its log cosigned here yet.",
    ] {
        assert!(html.contains(words), "{words}");
    }
    assert!(!html.contains("role=\"alert\""));
}

#[test]
fn the_exchange_with_dead_letters() {
    let letters = [dead_letter()];
    let page = ExchangePage::new(frame(Section::Exchange), &exchange(), (&letters, &letters), true);
    insta::assert_snapshot!(page.render().unwrap());
}

#[test]
fn attachments_on_their_way_and_there() {
    let complete = AttachmentView {
        id: 3,
        state: "bound".to_owned(),
        standing: "complete",
        name: "photograph.jpeg".to_owned(),
        media_type: "image/jpeg".to_owned(),
        size: 300,
        chunks: 1,
        chunks_there: Some(1),
        document: Some(18),
        owner: "j.doe".to_owned(),
        ..attachment()
    };
    let all = [attachment(), complete];
    let page = AttachmentsPage::new(frame(Section::Documents), &all[..1], &all, true);
    insta::assert_snapshot!(page.render().unwrap());
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
        assert_eq!(
            html.matches("<table").count(),
            html.matches("<caption").count(),
            "each table has a caption"
        );
        assert_eq!(
            html.matches("<th ").count(),
            html.matches("<th scope=").count(),
            "each heading has a scope"
        );
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
    let view = view_with(outside, &movement, &message);
    let entered =
        entered(&[("decision", "control-unsatisfactory"), ("reason", outside), ("confirmed", "yes")]);
    let rules =
        vec![BrokenRule { code: outside.to_owned(), rule: outside.to_owned(), place: outside.to_owned() }];
    let refused = Outcome::Refused { entered, words: format!("no{outside}"), rules };
    let (guarantee, partner) = (guarantee_with(outside), partner_with(outside));
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
        MessagePage::new(frame(Section::Movements), &message, outside, (outside.as_bytes(), None)).render(),
        GuaranteesPage::new(frame(Section::Guarantees), std::slice::from_ref(&guarantee)).render(),
        GuaranteePage::new(frame(Section::Guarantees), &guarantee).render(),
        PartnersPage::new(frame(Section::Partners), &[partner], true, None).render(),
        LogPage::new(frame(Section::Log), &log_with(outside), true).render(),
        exchange_with(frame(Section::Exchange), outside).render(),
        attachments_with(frame(Section::Documents), outside).render(),
    ];
    pages.into_iter().map(|page| page.unwrap()).collect()
}

fn view_with(outside: &str, movement: &MovementRow, message: &MessageRow) -> MovementView {
    let mut view = view();
    view.rows = vec![movement.clone()];
    view.messages = vec![message.clone()];
    view.events[0].words.push_str(outside);
    view.decisions[0].words.push_str(outside);
    view.decisions[0].clause.push_str(outside);
    view.possible[0].label.push_str(outside);
    view
}

fn guarantee_with(outside: &str) -> GuaranteeView {
    let mut guarantee = guarantee();
    guarantee.holders.push(outside.to_owned());
    guarantee.entries[0].words.push_str(outside);
    guarantee.locks[0].mrn.push_str(outside);
    guarantee
}

fn log_with(outside: &str) -> LogView {
    let mut view = log();
    view.findings[0].words.push_str(outside);
    view.findings[1].seen.as_mut().unwrap().note.push_str(outside);
    view.witnessed[0].origin.push_str(outside);
    view.witnesses[0].problem = Some(format!("no{outside}"));
    view.quorums[0].agreement.push_str(outside);
    view.behind = Some(format!("behind{outside}"));
    view
}

fn exchange_with(frame: Frame, outside: &str) -> ExchangePage {
    let (mut view, mut letter) = (exchange(), dead_letter());
    view.queues[0].problem = Some(format!("no{outside}"));
    view.queues[0].alarms[0].words.push_str(outside);
    letter.reason.push_str(outside);
    letter.subject.push_str(outside);
    letter.message_type.push_str(outside);
    letter.closing = Some(outside.to_owned());
    letter.replacements.replaced_by.as_mut().unwrap().message_type.push_str(outside);
    ExchangePage::new(frame, &view, (std::slice::from_ref(&letter), std::slice::from_ref(&letter)), true)
}

fn attachments_with(frame: Frame, outside: &str) -> AttachmentsPage {
    let mut view = attachment();
    view.name.push_str(outside);
    view.media_type.push_str(outside);
    view.partner.push_str(outside);
    AttachmentsPage::new(frame, std::slice::from_ref(&view), std::slice::from_ref(&view), true)
}

fn partner_with(outside: &str) -> PartnerView {
    let mut partner = partner();
    partner.address.push_str(outside);
    partner.agreements.push(outside.to_owned());
    partner.last_problem = Some(format!("no{outside}"));
    partner
}

/// The evidence of a message whose content was erased.
fn evidence() -> super::evidence::Evidence {
    let line = |words: &str, at: &str| super::evidence::Line { words: words.to_owned(), at: at.to_owned() };
    super::evidence::Evidence {
        address: "/console/messages/1".to_owned(),
        decides: true,
        holds: true,
        proved: vec![
            line("NTA.GB signed this message to NTA.FR with its key 12ab", "2026-11-24T06:00:00.000000Z"),
            line(
                "the log of NTA.FR holds the message as entry 8 of 16: it cannot be taken out or changed unseen",
                "",
            ),
        ],
        attachments: Vec::new(),
        problems: Vec::new(),
        gaps: vec!["what NTA.FR decided upon the message".to_owned()],
        erased: Some((super::moment::Moment::from_micros(0), "officer".to_owned(), "case 17".to_owned())),
    }
}
