//! The console before a real node: who gets in, what a form may do, and an officer's decision from page to page.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod office;

use axum::body::Body;
use axum::http::StatusCode;
use office::{KEEPER, Office, office_with_a_document, request};

/// Every route of the console that shows or does something for officers.
const GUARDED: [(&str, &str); 20] = [
    ("GET", "/console"),
    ("GET", "/console/movements/26GB000060KNEJKEJ3"),
    ("POST", "/console/movements/26GB000060KNEJKEJ3/decisions"),
    ("GET", "/console/messages/1"),
    ("GET", "/console/messages/1/xml"),
    ("GET", "/console/guarantees"),
    ("GET", "/console/guarantees/26GB0000000001236"),
    ("GET", "/console/documents"),
    ("POST", "/console/documents"),
    ("GET", "/console/documents/1"),
    ("GET", "/console/attachments"),
    ("GET", "/console/attachments/1/content"),
    ("GET", "/console/exchange"),
    ("GET", "/console/partners"),
    ("GET", "/console/keys"),
    ("GET", "/console/log"),
    ("GET", "/console/log/findings/1/proof"),
    ("POST", "/console/log/findings/1/seen"),
    ("POST", "/console/sign-out"),
    ("GET", "/console/no/such/page"),
];

#[tokio::test]
async fn every_route_without_a_session_leads_to_the_sign_in() {
    let office = Office::open().await;
    for cookie in ["", "tidewaiter_GB=", "tidewaiter_GB=made-up", "tidewaiter_FR=other"] {
        for (method, path) in GUARDED {
            let answer = office.ask(request(method, path, cookie).body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{method} {path} with {cookie:?}");
            assert!(answer.location.starts_with("/console/sign-in?next=%2Fconsole"), "{}", answer.location);
            assert!(answer.text.is_empty(), "nothing is shown: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let office = Office::open().await;
    let (cookie, _) = office.sign_in().await;
    for path in
        ["/", "/console", "/console/sign-in", "/console/partners", "/console/messages/1", "/console/nowhere"]
    {
        let answer = office.get(path, &cookie).await;
        assert!(
            answer.policy.starts_with("default-src 'none'; style-src 'self'"),
            "{path}: {}",
            answer.policy
        );
        assert_eq!(answer.cache, "no-store", "{path}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_in_words() {
    let office = Office::open().await;
    for form in ["name=officer&password=wrong", "name=nobody&password=wrong", "name=trader&password="] {
        let answer = office.post("/console/sign-in", "", form).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.text.contains("The name or the password is wrong."));
        assert!(answer.cookie.is_empty());
    }
}

#[tokio::test]
async fn the_sign_in_leads_to_the_page_asked_for_and_nowhere_else() {
    let office = Office::open().await;
    for (next, expected) in [
        ("%2Fconsole%2Fpartners", "/console/partners"),
        ("https%3A%2F%2Fevil.example%2F", "/console"),
        ("%2F%2Fevil.example", "/console"),
    ] {
        let form = format!("name=officer&password={}&next={next}", office.password);
        let answer = office.post("/console/sign-in", "", &form).await;
        assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, expected));
        for demanded in ["tidewaiter_GB=", "HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(answer.cookie.contains(demanded), "{}", answer.cookie);
        }
    }
}

#[tokio::test]
async fn after_the_sign_out_the_cookie_opens_nothing() {
    let office = Office::open().await;
    let (cookie, secret) = office.sign_in().await;
    let forged = office.post("/console/sign-out", &cookie, "form_token=made-up").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert_eq!(office.get("/console", &cookie).await.status, StatusCode::OK);
    let out = office.post("/console/sign-out", &cookie, &format!("form_token={secret}")).await;
    assert_eq!(out.location, "/console/sign-in");
    assert!(out.cookie.contains("Max-Age=0"));
    assert_eq!(office.get("/console", &cookie).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn what_does_not_exist_is_said_to_be_absent() {
    let office = Office::open().await;
    let (cookie, _) = office.sign_in().await;
    let absent = [
        "/console/nowhere",
        "/console/movements/26GB000060KNEJKEJ3",
        "/console/messages/7",
        "/console/messages/seven",
        "/console/messages/7/xml",
        "/console/guarantees/26GB0000000001236",
        "/console/guarantees/no-grn",
    ];
    for path in absent {
        let answer = office.get(path, &cookie).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.text.contains("<h1>Not found</h1>"), "{path}");
    }
}

#[tokio::test]
async fn an_officer_takes_a_movement_under_control() {
    let office = Office::open().await;
    let (cookie, secret) = office.sign_in().await;
    let mrn = office.declare().await;
    let page = format!("/console/movements/{mrn}");
    let decisions = format!("{page}/decisions");

    let worklist = office.get("/console", &cookie).await.text;
    assert!(worklist.contains(&format!("href=\"{page}\">{mrn}</a>")), "{worklist}");
    let shown = office.get(&page, &cookie).await.text;
    for words in
        ["waits for you", "CC015C Transit declaration", "CC028C MRN allocated", "Release for transit"]
    {
        assert!(shown.contains(words), "{words} in {shown}");
    }

    let forged = office.post(&decisions, &cookie, "decision=release&confirmed=yes&form_token=made-up").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let form = format!("decision=control&type=&reason=seal+5&form_token={secret}");
    let incomplete = office.post(&decisions, &cookie, &form).await;
    assert_eq!(incomplete.status, StatusCode::UNPROCESSABLE_ENTITY);
    for words in ["The decision is not complete", "Choose the control", "seal 5</textarea>"] {
        assert!(incomplete.text.contains(words), "{words} in {}", incomplete.text);
    }

    let form = format!("decision=control&type=10&reason=&confirmed=yes&form_token={secret}");
    let taken = office.post(&decisions, &cookie, &form).await;
    assert_eq!(
        (taken.status, taken.location.as_str()),
        (StatusCode::SEE_OTHER, format!("{page}?taken=control").as_str())
    );
    let shown = office.get(&taken.location, &cookie).await.text;
    assert!(shown.contains("Decision taken") && shown.contains("Under control"), "{shown}");
}

#[tokio::test]
async fn an_operator_sees_a_movement_and_does_not_decide_on_it() {
    let office = Office::open().await;
    let (cookie, secret) = office.sign_in_as("keeper", KEEPER).await;
    let mrn = office.declare().await;
    let page = format!("/console/movements/{mrn}");
    let shown = office.get(&page, &cookie).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(!shown.text.contains("name=\"decision\""), "{}", shown.text);
    let form = format!("decision=release&confirmed=yes&form_token={secret}");
    let taken = office.post(&format!("{page}/decisions"), &cookie, &form).await;
    assert_eq!(taken.status, StatusCode::FORBIDDEN);
    assert!(taken.text.contains("Officers decide on movements"), "{}", taken.text);
}

#[tokio::test]
async fn only_an_officer_who_reads_a_document_has_it_handed_out() {
    let office = office_with_a_document().await;
    let number = office.node.open_documents(0, 1).await.unwrap()[0].message;
    let opened = async || office.node.document(number).await.unwrap().unwrap().row.opened;
    let page = format!("/console/documents/{number}");
    let (officer, _) = office.sign_in().await;
    let (operator, _) = office.sign_in_as("keeper", KEEPER).await;
    for path in [page.clone(), format!("{page}/content")] {
        let shown = office.get(&path, &operator).await;
        assert!(shown.status == StatusCode::OK && shown.text.contains("for officers to read"));
        let head = office.ask(request("HEAD", &path, &officer).body(Body::empty()).unwrap()).await;
        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(opened().await, None, "{path}");
    }
    let evidence = format!("/console/messages/{number}/evidence");
    assert_eq!(office.get(&evidence, &operator).await.status, StatusCode::OK);
    let whole = format!("{evidence}?show=whole");
    assert_eq!(office.get(&whole, &operator).await.status, StatusCode::FORBIDDEN);
    assert_eq!(office.get(&whole, &officer).await.status, StatusCode::OK);
    assert_eq!(office.get(&page, &officer).await.status, StatusCode::OK);
    assert!(opened().await.is_some());
}

#[tokio::test]
async fn an_operator_suspends_a_partner_and_an_officer_does_not() {
    let office = Office::open().await;
    let france = office.federate().await;
    let page = format!("/console/partners/{france}");
    let (officer, secret) = office.sign_in().await;
    let shown = office.get("/console/partners", &officer).await;
    assert!(shown.text.contains("Fingerprint of its card") && !shown.text.contains("/suspension"));
    let form = format!("reason=a+break-in&form_token={secret}");
    let refused = office.post(&format!("{page}/suspension"), &officer, &form).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("officers do not"), "{}", refused.text);

    let (operator, secret) = office.sign_in_as("keeper", KEEPER).await;
    let empty = office.post(&format!("{page}/suspension"), &operator, &format!("form_token={secret}")).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.text.contains("Enter why the exchange is suspended"), "{}", empty.text);
    let stale = office.post(&format!("{page}/suspension"), &operator, "reason=x&form_token=wrong").await;
    assert!(stale.status.is_client_error());
    let form = format!("reason=a+break-in&form_token={secret}");
    let done = office.post(&format!("{page}/suspension"), &operator, &form).await;
    assert_eq!((done.status, done.location.as_str()), (StatusCode::SEE_OTHER, "/console/partners"));
    let shown = office.get("/console/partners", &operator).await;
    assert!(shown.text.contains("<strong>Suspended:</strong> a break-in"), "{}", shown.text);
    let done = office.post(&format!("{page}/resumption"), &operator, &format!("form_token={secret}")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert!(office.get("/console/partners", &operator).await.text.contains("<dd>Active</dd>"));
    let form = format!("form_token={secret}");
    let nobody = office.post("/console/partners/NTA.IT/resumption", &operator, &form).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_decision_that_the_state_does_not_admit_is_refused_with_its_rule() {
    let office = Office::open().await;
    let (cookie, secret) = office.sign_in().await;
    let mrn = office.declare().await;
    let form = format!("decision=resolve-discrepancies&reason=all+found&confirmed=yes&form_token={secret}");
    let refused = office.post(&format!("/console/movements/{mrn}/decisions"), &cookie, &form).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    for words in ["The decision was refused", "does not fit", "Nothing was changed", "<dd>all found</dd>"] {
        assert!(refused.text.contains(words), "{words} in {}", refused.text);
    }
}

#[tokio::test]
async fn a_guarantee_has_its_statement() {
    let office = Office::open().await;
    let (cookie, _) = office.sign_in().await;
    office.declare().await;
    let list = office.get("/console/guarantees", &cookie).await.text;
    assert!(list.contains("href=\"/console/guarantees/26GB0000000001236\""), "{list}");
    let account = office.get("/console/guarantees/26GB0000000001236", &cookie).await.text;
    for words in ["Comprehensive guarantee", "GB205672212000", "guarantee registered"] {
        assert!(account.contains(words), "{words} in {account}");
    }
    assert!(!account.contains("does not balance"));
}

#[tokio::test]
async fn a_message_is_shown_and_downloaded_as_it_came() {
    let office = Office::open().await;
    let (cookie, _) = office.sign_in().await;
    let mrn = office.declare().await;
    let movement = office.get(&format!("/console/movements/{mrn}"), &cookie).await.text;
    let first = movement.split("href=\"/console/messages/").nth(1).unwrap().split('"').next().unwrap();
    let shown = office.get(&format!("/console/messages/{first}"), &cookie).await.text;
    assert!(shown.contains("&#60;LRN&#62;</span>LEEDS-TURIN-000001"), "{shown}");
    let download = office.get(&format!("/console/messages/{first}/xml"), &cookie).await;
    assert!(download.text.contains("<LRN>LEEDS-TURIN-000001</LRN>"));
}

#[tokio::test]
async fn only_an_officer_sees_to_findings_and_only_to_those_that_are_there() {
    let office = Office::open().await;
    let (cookie, secret) = office.sign_in().await;
    let see = "/console/log/findings/1/seen";
    let forged = office.post(see, &cookie, "note=asked+them&form_token=made-up").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    for none in [see, "/console/log/findings/first/seen"] {
        let absent = office.post(none, &cookie, &format!("note=asked+them&form_token={secret}")).await;
        assert_eq!(absent.status, StatusCode::NOT_FOUND);
        assert!(absent.text.contains("There is no finding"), "{}", absent.text);
    }
    let mute = office.post(see, &cookie, &format!("note=+&form_token={secret}")).await;
    assert!(mute.text.contains("the note must be one line"), "{}", mute.text);
    let (operator, secret) = office.sign_in_as("keeper", KEEPER).await;
    let refused = office.post(see, &operator, &format!("note=asked+them&form_token={secret}")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("Officers see to findings"), "{}", refused.text);
}
