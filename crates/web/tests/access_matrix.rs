//! Who may use which route of the API: every route of its table, asked by everyone, beside the reviewed answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use base::Grn;
use node::{Config, Node, Role, World};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tower::ServiceExt;
use web::server::Operations;

/// The declaration of the demonstration, from Leeds through Calais to Turin.
const DECLARATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../corridor/declarations/gb-fr-it.xml");

/// Its guarantee.
const GRN: &str = "26GB0000000001236";

/// Who asks.
const CALLERS: [&str; 6] = ["nobody", "owner", "other", "officer", "operator", "auditor"];

/// Routes beside the API, on the same port.
const OPERATIONS: [(&str, &str); 3] =
    [("GET", "/health/live"), ("GET", "/health/ready"), ("GET", "/metrics")];

/// A node with two traders, an officer, an operator and an auditor; the first trader has declared a movement. Its log is
/// empty, so that 404 shows a caller who may read it.
struct Office {
    folder: PathBuf,
    node: Arc<Node>,
    router: Router,
    tokens: [String; 6],
    mrn: String,
    message: i64,
}

struct Answer {
    status: StatusCode,
    media_type: String,
    headers: axum::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The kind of problem, which every refusal has to state.
    fn problem(&self) -> String {
        assert_eq!(self.media_type, "application/problem+json", "{}", self.status);
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        problem["type"].as_str().unwrap().strip_prefix("urn:tidewaiter:problem:").unwrap().to_owned()
    }
}

impl Office {
    async fn open() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("tidewaiter-access-{}-{number}", std::process::id()));
        let prepared = support::prepare(&folder, "NTA.GB");
        let anyone = BTreeSet::new();
        let other = node::register_principal(&prepared.config, "other", Role::Trader, "", &anyone).unwrap();
        let auditor =
            node::register_principal(&prepared.config, "auditor", Role::Auditor, "", &anyone).unwrap();
        let node = Node::open(Config::load(&prepared.config).unwrap(), World::system()).await.unwrap();
        let mut office = Self {
            folder,
            router: web::server::front(Arc::clone(&node), Operations::OnFront),
            node,
            tokens: [
                String::new(),
                prepared.trader_token,
                other,
                prepared.officer_token,
                prepared.operator_token,
                auditor,
            ],
            mrn: String::new(),
            message: 0,
        };
        let guarantee = office.ask("officer", "POST", "/api/v1/guarantees", guarantee(GRN)).await;
        assert_eq!(guarantee.status, StatusCode::CREATED);
        let xml = std::fs::read(DECLARATION).unwrap();
        let declared = office.ask("owner", "POST", "/api/v1/messages", xml).await;
        assert_eq!(declared.status, StatusCode::ACCEPTED, "{}", String::from_utf8_lossy(&declared.body));
        let declared = declared.json();
        office.mrn = declared["movement"].as_str().unwrap().to_owned();
        office.message = declared["message"].as_i64().unwrap();
        office
    }

    async fn ask(&self, caller: &str, method: &str, path: &str, body: Vec<u8>) -> Answer {
        let token = &self.tokens[CALLERS.iter().position(|name| *name == caller).unwrap()];
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let media_type = parts.headers.get(header::CONTENT_TYPE);
        Answer {
            status: parts.status,
            media_type: media_type.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default(),
            headers: parts.headers,
            body: to_bytes(body, 1 << 20).await.unwrap().to_vec(),
        }
    }

    /// The address of a route, for the movement that was declared.
    fn address(&self, path: &str) -> String {
        let address = path
            .replace("{id}", &self.message.to_string())
            .replace("{movement}", &self.mrn)
            .replace("{agreement}", "none")
            .replace("{grn}", GRN)
            .replace("{administration}", "NTA.FR")
            .replace("{index}", "0")
            .replace("{finding}", "1")
            .replace("{level}/{tile}", "0/000.p/1")
            .replace("{tile}", "000.p/1");
        assert!(!address.contains('{'), "say here what stands for the parameter of `{path}`");
        address
    }

    /// What `caller` gets of a route: the status, and of a list whether anything is in it.
    async fn cell(&self, caller: &str, method: &str, path: &str) -> String {
        let answer = self.ask(caller, method, &self.address(path), request_body(method, path, caller)).await;
        if answer.status.is_client_error() {
            answer.problem();
        }
        let lists = ["messages", "movements", "guarantees", "partners", "registers"];
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let rows = lists.iter().find_map(|name| json.get(name)?.as_array());
        match rows {
            Some(rows) if rows.is_empty() => format!("{} none", answer.status.as_u16()),
            Some(_) => format!("{} some", answer.status.as_u16()),
            None => answer.status.as_u16().to_string(),
        }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        // A folder that stays behind harms nothing.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn guarantee(grn: &str) -> Vec<u8> {
    let registration = json!({
        "grn": grn, "type": "1", "holders": ["GB205672212000"], "access_code": "AV26",
        "reference_amount": {"minor": 10_000_000, "currency": "EUR"},
    });
    registration.to_string().into_bytes()
}

/// The body for a route that takes one: it does what is asked for, once for each caller, except that the message is
/// none, so that 422 shows a caller who may submit.
fn request_body(method: &str, path: &str, caller: &str) -> Vec<u8> {
    match (method, path) {
        ("POST", "/api/v1/messages") => b"<no-message/>".to_vec(),
        ("POST", "/api/v1/movements/{movement}/decisions") => br#"{"decision": "release"}"#.to_vec(),
        ("POST", "/api/v1/guarantees") => {
            let number = CALLERS.iter().position(|name| *name == caller).unwrap();
            let country = base::Country::parse("GB").unwrap();
            guarantee(Grn::issue(2026, country, &format!("900{number}")).unwrap().as_str())
        }
        // The message of this office is a trader's: 404 shows a caller who may ask.
        ("POST", "/api/v1/messages/{id}/erasure") => br#"{"ground": "a test"}"#.to_vec(),
        // The message of this office was never held: 404 shows a caller who may ask.
        ("POST", "/api/v1/held/{id}/retry") => Vec::new(),
        // Nobody is a partner of this office, and what is posted is no file of another: 404 and 422 show a caller who may
        // ask.
        ("POST", "/api/v1/partners/invitations") => {
            br#"{"administration": "NTA.FR", "agreement": "", "days": 1}"#.to_vec()
        }
        ("POST", "/api/v1/partners/invitations/accepted" | "/api/v1/partners/acceptances") => {
            br#"{"file": {}, "fingerprint": ""}"#.to_vec()
        }
        ("POST", "/api/v1/partners/{administration}/suspension") => br#"{"reason": "a break-in"}"#.to_vec(),
        ("POST", "/api/v1/partners/{administration}/resumption") => Vec::new(),
        // There is no register yet: 409 shows a caller who may change keys.
        ("POST", "/api/v1/keys/rotations") => br#"{"purpose": "sign"}"#.to_vec(),
        ("POST", "/api/v1/keys/revocations") => br#"{"key": "00000000", "reason": "withdrawn"}"#.to_vec(),
        ("POST", "/api/v1/keys/renewals" | "/api/v1/registers/{agreement}") => b"{}".to_vec(),
        ("POST", "/api/v1/documents") => b"text".to_vec(),
        ("POST", "/api/v1/documents/{id}/decision") => br#"{"accept":true}"#.to_vec(),
        // Nothing was found: 404 shows a caller who may say that it was seen.
        ("POST", "/api/v1/log/findings/{finding}/seen") => br#"{"note":"asked them"}"#.to_vec(),
        ("POST", "/api/v1/dead-letters/{id}/redrive") => Vec::new(),
        ("POST", "/api/v1/dead-letters/{id}/close") => br#"{"reason":"not needed"}"#.to_vec(),
        // Without a name, nothing is uploaded: 400 shows a caller who may.
        ("POST", "/api/v1/attachments") => Vec::new(),
        ("POST", _) => panic!("say here what is posted to `{path}`"),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn everyone_gets_what_was_reviewed() {
    let office = Office::open().await;
    let api = web::api::ROUTES.iter().map(|route| (route.method, route.path));
    let routes: Vec<(&str, &str)> = api.chain(OPERATIONS).chain(web::log::ROUTES).collect();
    let mut cells = BTreeMap::new();
    // What is read is asked for first: whoever submits something has something to read.
    for posted in [false, true] {
        for (method, path) in routes.iter().filter(|(method, _)| (*method == "POST") == posted) {
            for caller in CALLERS {
                cells.insert((*method, *path, caller), office.cell(caller, method, path).await);
            }
        }
    }
    let mut matrix = format!("{:<51}", "");
    for caller in CALLERS {
        write!(matrix, "{caller:<10}").unwrap();
    }
    for (method, path) in routes {
        write!(matrix, "\n{method:<5}{path:<46}").unwrap();
        for caller in CALLERS {
            write!(matrix, "{:<10}", cells[&(method, path, caller)]).unwrap();
        }
    }
    let matrix: Vec<&str> = matrix.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(matrix.join("\n"));
}

#[tokio::test]
async fn whatever_is_wrong_is_a_problem() {
    let office = Office::open().await;
    let decisions = office.address("/api/v1/movements/{movement}/decisions");
    let long = vec![b' '; 64 * 1024 + 1];
    let unknown = br#"{"decision": "sleep"}"#.to_vec();
    let mut other_amount: Value = serde_json::from_slice(&guarantee("26GB0000000009990")).unwrap();
    other_amount["percentage"] = json!(7);
    let terms = other_amount.to_string().into_bytes();
    let wrong = [
        ("officer", "GET", "/api/v1/messages?after=soon", Vec::new(), 400, "malformed-request"),
        ("officer", "GET", "/api/v1/movements?lnr=1", Vec::new(), 400, "malformed-request"),
        ("officer", "GET", "/api/v1/messages/first", Vec::new(), 400, "malformed-request"),
        ("officer", "GET", "/api/v1/guarantees/none", Vec::new(), 400, "malformed-request"),
        ("officer", "GET", "/api/v1/nothing", Vec::new(), 404, "not-found"),
        ("officer", "DELETE", "/api/v1/messages", Vec::new(), 405, "method-not-allowed"),
        ("officer", "POST", &decisions, long, 413, "message-too-large"),
        ("officer", "POST", &decisions, b"{".to_vec(), 400, "malformed-request"),
        ("officer", "POST", &decisions, unknown, 422, "unprocessable-content"),
        ("officer", "POST", "/api/v1/guarantees", guarantee(GRN), 409, "duplicate-guarantee"),
        ("officer", "POST", "/api/v1/guarantees", terms, 422, "guarantee-refused"),
        ("nobody", "GET", "/api/v1/messages", Vec::new(), 401, "unauthenticated"),
    ];
    for (caller, method, path, body, status, kind) in wrong {
        let answer = office.ask(caller, method, path, body).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (status, kind), "{method} {path}");
        let header = |name: header::HeaderName| answer.headers.get(name).map(|value| value.to_str().unwrap());
        match status {
            401 => assert_eq!(header(header::WWW_AUTHENTICATE), Some("Bearer realm=\"tidewaiter\"")),
            405 => assert_eq!(header(header::ALLOW), Some("POST,GET,HEAD")),
            413 => assert!(answer.json()["detail"].as_str().unwrap().contains("65536")),
            _ => {}
        }
    }
}

#[tokio::test]
async fn operations_can_be_apart() {
    let office = Office::open().await;
    let status = async |router: &Router, path: &str| {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    let front = web::server::front(Arc::clone(&office.node), Operations::Apart);
    let apart = web::server::operations(Arc::clone(&office.node));
    for (_, path) in OPERATIONS {
        assert_eq!(status(&front, path).await, 404, "{path}");
        assert_eq!(status(&apart, path).await, 200, "{path}");
    }
    assert_eq!(status(&apart, "/api/v1/messages").await, 404);
}
