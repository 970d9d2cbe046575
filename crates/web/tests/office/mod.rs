//! A node of its own for one test, with its console, and France as its partner where that is wanted.

#![allow(dead_code)]

#[path = "../support/mod.rs"]
mod support;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use base::Administration;
use node::{
    CHUNK_ROUTE, Calling, Config, Delivery, DocumentContent, Lane, NewDocument, Node, PeerAnswer,
    PeerRequest, Principal, Role, Transport, TransportError, World,
};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tower::ServiceExt;

/// The password of an operator.
pub const KEEPER: &str = "keeper-of-the-node";

/// A node of its own for one test, with its console.
pub struct Office {
    pub folder: PathBuf,
    pub node: Arc<Node>,
    pub password: String,
}

/// An answer of the console.
pub struct Answer {
    pub status: StatusCode,
    pub location: String,
    pub cookie: String,
    pub policy: String,
    pub cache: String,
    pub headers: HeaderMap,
    pub text: String,
}

impl Office {
    pub async fn open() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("tidewaiter-console-{}-{number}", std::process::id()));
        let prepared = support::prepare(&folder, "NTA.GB");
        let anyone = BTreeSet::new();
        node::register_principal(&prepared.config, "keeper", Role::Operator, KEEPER, &anyone).unwrap();
        let node = Node::open(Config::load(&prepared.config).unwrap(), World::system()).await.unwrap();
        Self { folder, node, password: prepared.officer_password }
    }

    /// Enters France as a partner, with a card of its own.
    pub async fn federate(&self) -> Administration {
        let france = Administration::parse("NTA.FR").unwrap();
        let prepared = support::prepare(&self.folder.join("fr"), "NTA.FR");
        self.node.enter_partner(node::PartnerCard::load(&prepared.card).unwrap()).await.unwrap();
        france
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let console = web::console::routes().with_state(Arc::clone(&self.node));
        let response = console.oneshot(request).await.unwrap();
        let text = |name: header::HeaderName| {
            let value = response.headers().get(name);
            value.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (location, cookie) = (text(header::LOCATION), text(header::SET_COOKIE));
        let (policy, cache) = (text(header::CONTENT_SECURITY_POLICY), text(header::CACHE_CONTROL));
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), 4 << 20).await.unwrap();
        let text = String::from_utf8_lossy(&body).into_owned();
        Answer { status, location, cookie, policy, cache, headers, text }
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask(request("GET", path, cookie).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, cookie: &str, form: &str) -> Answer {
        let request =
            request("POST", path, cookie).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// Sends a form with files: each field is its name, the name of its file if it is one, and its content.
    pub async fn post_files(
        &self,
        path: &str,
        cookie: &str,
        fields: &[(&str, Option<&str>, &[u8])],
    ) -> Answer {
        let mut body = Vec::new();
        for (name, file, content) in fields {
            let file =
                file.map(|file| format!("; filename=\"{file}\"\r\nContent-Type: text/html; charset=utf-8"));
            let head = format!("Content-Disposition: form-data; name=\"{name}\"{}", file.unwrap_or_default());
            body.extend_from_slice(format!("--edge\r\n{head}\r\n\r\n").as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--edge--\r\n");
        self.post_stream(path, cookie, Body::from(body)).await
    }

    /// Sends what is to be a form with files, divided by `edge`.
    pub async fn post_stream(&self, path: &str, cookie: &str, body: Body) -> Answer {
        let kind = "multipart/form-data; boundary=edge";
        let request = request("POST", path, cookie).header(header::CONTENT_TYPE, kind);
        self.ask(request.body(body).unwrap()).await
    }

    /// Signs the officer in; returns the cookie and the secret of their forms.
    pub async fn sign_in(&self) -> (String, String) {
        self.sign_in_as("officer", &self.password).await
    }

    pub async fn sign_in_as(&self, name: &str, password: &str) -> (String, String) {
        let form = format!("name={name}&password={password}");
        let answer = self.post("/console/sign-in", "", &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        let cookie = answer.cookie.split(';').next().unwrap().to_owned();
        let page = self.get("/console", &cookie).await.text;
        let secret =
            page.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        (cookie, secret)
    }

    /// Has the declaration of the demonstration accepted, and returns its MRN.
    pub async fn declare(&self) -> String {
        let officer = Principal { name: "officer".to_owned(), role: Role::Officer };
        let guarantee = serde_json::json!({
            "grn": "26GB0000000001236", "type": "1", "holders": ["GB205672212000"], "access_code": "AV26",
            "reference_amount": {"minor": 10_000_000, "currency": "EUR"},
        });
        let guarantee = serde_json::from_value(guarantee).unwrap();
        assert!(self.node.register_guarantee(&officer, guarantee).await.unwrap().accepted);
        let declaration = concat!(env!("CARGO_MANIFEST_DIR"), "/../corridor/declarations/gb-fr-it.xml");
        let trader = Principal { name: "trader".to_owned(), role: Role::Trader };
        let submission = self.node.submit(&trader, std::fs::read(declaration).unwrap()).await.unwrap();
        assert!(submission.accepted, "{}", submission.words);
        submission.movement
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        // A folder that stays behind harms nothing.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub fn request(method: &str, path: &str, cookie: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "127.0.0.1:8080")
        .header(header::COOKIE, cookie)
}

/// Takes letters of France to the office.
struct ToOffice(Arc<Node>);

impl Transport for ToOffice {
    fn deliver<'a>(&'a self, _: &'a Administration, envelope: node::Bytes) -> Delivery<'a> {
        let france = Administration::parse("NTA.FR").unwrap();
        Box::pin(async move { Ok(self.0.receive(&france, envelope.into()).await.unwrap()) })
    }

    fn call<'a>(&'a self, partner: &'a Administration, request: PeerRequest) -> Calling<'a> {
        let france = Administration::parse("NTA.FR").unwrap();
        Box::pin(async move {
            if request.path != CHUNK_ROUTE {
                return Err(TransportError::Unreachable(partner.clone(), "it is away".into()));
            }
            Ok(PeerAnswer { status: 200, body: self.0.receive_chunk(&france, request.body).await.unwrap() })
        })
    }
}

/// An office that France has sent a document of text.
pub async fn office_with_a_document() -> Office {
    office_with_files(&[]).await
}

/// An office that France has sent a document of text with these attachments.
pub async fn office_with_files(files: &[(&str, &[u8])]) -> Office {
    let mut office = Office::open().await;
    let parties = ["NTA.GB", "NTA.FR"].map(|name| Administration::parse(name).unwrap());
    let prepared = support::prepare(&office.folder.join("fr"), "NTA.FR");
    let own = office.folder.join("tidewaiter.toml");
    node::join_corridor(&own, vec![prepared.card.clone()], &parties).unwrap();
    node::join_corridor(&prepared.config, vec![office.folder.join("card.json")], &parties).unwrap();
    office.node.close().await;
    office.node = Node::open(Config::load(&own).unwrap(), World::system()).await.unwrap();
    let way = Arc::new(ToOffice(Arc::clone(&office.node)));
    let config = Config::load(&prepared.config).unwrap();
    let france = Node::open_with(config, World::system(), way).await.unwrap();
    Arc::clone(&france).start_workers(std::future::pending());
    let sender = Principal { name: "officer".to_owned(), role: Role::Officer };
    let new = NewDocument {
        recipient: parties[0].clone(),
        subject: "case-1".to_owned(),
        purpose: node::default_purpose().unwrap(),
        lane: Lane::Normal,
        expires_seconds: 24 * 3600,
        document: DocumentContent {
            title: "A note".to_owned(),
            media_type: "text/plain".to_owned(),
            content: b"for officers to read".to_vec(),
        },
    };
    let mut attachments = Vec::new();
    for (name, content) in files {
        let named = ((*name).to_owned(), "text/html".to_owned());
        let mut upload = france.begin_attachment(&sender, named, None).await.unwrap();
        upload.write(content).await.unwrap();
        attachments.push(upload.finish().await.unwrap().id);
    }
    france.send_document_with(&sender, new, attachments).await.unwrap().unwrap();
    while office.node.open_documents(0, 1).await.unwrap().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    office
}
