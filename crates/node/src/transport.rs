//! How an envelope reaches a partner's node: one port, with HTTPS in service and a simulated network in simulations.

use crate::tls::{AcceptedKey, TlsError, TlsIdentity};
use base::{Administration, Digest};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// The route on which a node takes envelopes from partners.
pub const ENVELOPE_ROUTE: &str = "/peer/v1/envelopes";

/// The longest answer that a partner may give: acknowledgements and conflict proofs are a few kilobytes.
const ANSWER_LIMIT: usize = 256 * 1024;

/// How long one delivery may take before it counts as failed and is tried again.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(20);

/// Why an envelope did not get an answer. Every one of these is tried again.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The partner is in no card.
    #[error("`{0}` is no partner of this node")]
    UnknownPartner(Administration),
    /// The connection failed.
    #[error("cannot reach `{0}`: {1}")]
    Unreachable(Administration, String),
    /// The partner answered with something else than an answer of the exchange.
    #[error("`{0}` answered with status {1}")]
    Status(Administration, u16),
}

/// The future of a delivery.
pub type Delivery<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, TransportError>> + Send + 'a>>;

/// How a partner's log and witness are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Submits.
    Post,
}

/// A request to a partner beside the envelopes: for its log, or to it as a witness.
#[derive(Clone, Debug)]
pub struct PeerRequest {
    /// The method.
    pub method: Method,
    /// The path, as in `/log/checkpoint`.
    pub path: String,
    /// The body; empty for [`Method::Get`].
    pub body: Vec<u8>,
    /// The longest answer that is read, in bytes.
    pub limit: usize,
}

/// What a partner answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// The future of a request.
pub type Calling<'a> = Pin<Box<dyn Future<Output = Result<PeerAnswer, TransportError>> + Send + 'a>>;

/// The port: takes an envelope to a partner and brings back its answer.
pub trait Transport: Send + Sync {
    /// Delivers `envelope` to `partner`.
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: Vec<u8>) -> Delivery<'a>;

    /// Asks `partner` something else, and brings back whatever it answers. A transport of envelopes alone reaches
    /// nobody this way.
    fn call<'a>(&'a self, partner: &'a Administration, request: PeerRequest) -> Calling<'a> {
        let reason = format!("`{}` is not carried here", request.path);
        Box::pin(async move { Err(TransportError::Unreachable(partner.clone(), reason)) })
    }
}

/// Where a partner is found and by which TLS key it is known.
#[derive(Clone, Debug)]
pub struct Route {
    /// The address, as in `https://node.customs.example:9443`.
    pub address: String,
    /// SHA-256 of the subject public key info of its TLS key.
    pub tls_key: Digest,
    /// Whose key it is, and when it is valid.
    pub key: AcceptedKey,
}

type HttpsClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// HTTPS with mutual TLS; one client, and so one pool of connections, per partner.
pub struct HttpsTransport {
    clients: BTreeMap<Administration, (String, HttpsClient)>,
}

impl HttpsTransport {
    /// A transport to the given partners.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(identity: &TlsIdentity, routes: &BTreeMap<Administration, Route>) -> Result<Self, TlsError> {
        let mut clients = BTreeMap::new();
        for (partner, route) in routes {
            let tls = identity.client(route.tls_key, route.key.clone())?;
            let connector =
                HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
            let client = Client::builder(TokioExecutor::new()).build(connector);
            clients.insert(partner.clone(), (route.address.clone(), client));
        }
        Ok(Self { clients })
    }

    async fn post(&self, partner: &Administration, envelope: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let request = PeerRequest {
            method: Method::Post,
            path: ENVELOPE_ROUTE.to_owned(),
            body: envelope,
            limit: ANSWER_LIMIT,
        };
        let answer = self.ask(partner, request, "application/cbor").await?;
        if !(200..300).contains(&answer.status) {
            return Err(TransportError::Status(partner.clone(), answer.status));
        }
        Ok(answer.body)
    }

    async fn ask(
        &self,
        partner: &Administration,
        request: PeerRequest,
        content_type: &str,
    ) -> Result<PeerAnswer, TransportError> {
        let (address, client) =
            self.clients.get(partner).ok_or_else(|| TransportError::UnknownPartner(partner.clone()))?;
        let failed =
            |error: &dyn std::fmt::Display| TransportError::Unreachable(partner.clone(), error.to_string());
        let method = match request.method {
            Method::Get => hyper::Method::GET,
            Method::Post => hyper::Method::POST,
        };
        let asked = hyper::Request::builder()
            .method(method)
            .uri(format!("{address}{}", request.path))
            .header("content-type", content_type)
            .body(Full::new(Bytes::from(request.body)))
            .map_err(|error| failed(&error))?;
        let response = client.request(asked).await.map_err(|error| failed(&with_causes(&error)))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), request.limit).collect().await;
        Ok(PeerAnswer { status, body: body.map_err(|error| failed(&error))?.to_bytes().to_vec() })
    }
}

/// An answer within the time that one request may take.
async fn in_time<T>(
    partner: &Administration,
    asked: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    tokio::time::timeout(DELIVERY_TIMEOUT, asked).await.unwrap_or_else(|_| {
        let limit = format!("no answer within {} s", DELIVERY_TIMEOUT.as_secs());
        Err(TransportError::Unreachable(partner.clone(), limit))
    })
}

impl Transport for HttpsTransport {
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: Vec<u8>) -> Delivery<'a> {
        Box::pin(in_time(partner, self.post(partner, envelope)))
    }

    fn call<'a>(&'a self, partner: &'a Administration, request: PeerRequest) -> Calling<'a> {
        Box::pin(in_time(partner, self.ask(partner, request, "text/plain; charset=utf-8")))
    }
}

/// An error and its causes in one line: the outermost alone says only that connecting failed.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push_str(": ");
        words.push_str(&inner.to_string());
        cause = inner.source();
    }
    words
}
