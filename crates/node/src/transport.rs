//! How an envelope reaches a partner's node: one port, with HTTPS in service and a simulated network in simulations.

use crate::bureau::Bureau;
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
use std::sync::{PoisonError, RwLock};
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

/// The port: takes an envelope to a partner and brings back its answer.
pub trait Transport: Send + Sync {
    /// Delivers `envelope` to `partner`.
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: Vec<u8>) -> Delivery<'a>;

    /// Follows a change of keys and partners: deliveries from now on are made by `bureau`.
    ///
    /// # Errors
    /// When TLS cannot be set up; then everything stays as it was.
    fn follow(&self, bureau: &Bureau) -> Result<(), TlsError> {
        // A way that knows no keys has nothing to change.
        let _ = bureau;
        Ok(())
    }
}

/// Where a partner is found and by which TLS keys it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The address, as in `https://node.customs.example:9443`.
    pub address: String,
    /// Its TLS keys, by the SHA-256 of the subject public key info: several while it rotates them.
    pub keys: BTreeMap<Digest, AcceptedKey>,
}

type HttpsClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client, and what it was made for.
#[derive(Clone)]
struct Line {
    route: Route,
    own_certificate: Vec<u8>,
    client: HttpsClient,
}

/// HTTPS with mutual TLS; one client, and so one pool of connections, per partner. A client whose partner's keys or
/// address change, or whose own certificate does, is replaced; deliveries that are under way end with the old one.
pub struct HttpsTransport {
    lines: RwLock<BTreeMap<Administration, Line>>,
}

impl HttpsTransport {
    /// A transport to the partners of a bureau.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(bureau: &Bureau) -> Result<Self, TlsError> {
        let transport = Self { lines: RwLock::new(BTreeMap::new()) };
        transport.follow(bureau)?;
        Ok(transport)
    }

    fn line(&self, partner: &Administration) -> Result<Line, TransportError> {
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        lines.get(partner).cloned().ok_or_else(|| TransportError::UnknownPartner(partner.clone()))
    }

    async fn post(&self, partner: &Administration, envelope: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let line = self.line(partner)?;
        let failed =
            |error: &dyn std::fmt::Display| TransportError::Unreachable(partner.clone(), error.to_string());
        let request = hyper::Request::post(format!("{}{ENVELOPE_ROUTE}", line.route.address))
            .header("content-type", "application/cbor")
            .body(Full::new(Bytes::from(envelope)))
            .map_err(|error| failed(&error))?;
        let response = line.client.request(request).await.map_err(|error| failed(&with_causes(&error)))?;
        if !response.status().is_success() {
            return Err(TransportError::Status(partner.clone(), response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
        Ok(body.map_err(|error| failed(&error))?.to_bytes().to_vec())
    }
}

/// A client that shows our certificate and accepts the keys of this route only.
fn client(identity: &TlsIdentity, route: &Route) -> Result<HttpsClient, TlsError> {
    let tls = identity.client(route.keys.clone())?;
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

impl Transport for HttpsTransport {
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: Vec<u8>) -> Delivery<'a> {
        Box::pin(async move {
            tokio::time::timeout(DELIVERY_TIMEOUT, self.post(partner, envelope)).await.unwrap_or_else(|_| {
                let limit = format!("no answer within {} s", DELIVERY_TIMEOUT.as_secs());
                Err(TransportError::Unreachable(partner.clone(), limit))
            })
        })
    }

    fn follow(&self, bureau: &Bureau) -> Result<(), TlsError> {
        let identity = &bureau.identity.tls;
        let mut lines = self.lines.write().unwrap_or_else(PoisonError::into_inner);
        let mut followed = BTreeMap::new();
        for (partner, route) in bureau.routes() {
            let same = |line: &&Line| line.route == route && line.own_certificate == identity.certificate();
            let line = match lines.get(&partner).filter(same) {
                Some(line) => line.clone(),
                None => Line {
                    client: client(identity, &route)?,
                    own_certificate: identity.certificate().to_vec(),
                    route,
                },
            };
            followed.insert(partner, line);
        }
        *lines = followed;
        Ok(())
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
