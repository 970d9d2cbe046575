//! How an envelope reaches a partner's node: one port, with HTTPS in service and a simulated network in simulations.

use crate::channel_counts::{ChannelCounts, Side};
use crate::channel_refusal::ChannelRefusal;
use crate::connector::CountingConnector;
use crate::peer_keys::AcceptedKey;
use crate::tls::{KeyExchange, TlsError, TlsIdentity};
use base::{Administration, Digest};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
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
    /// Who answered at the partner's address is not the partner, or speaks no TLS that is accepted here.
    #[error("`{0}` is refused at the channel: {1}")]
    Refused(Administration, ChannelRefusal),
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

type HttpsClient = Client<CountingConnector, Full<Bytes>>;

/// HTTPS with mutual TLS; one client, and so one pool of connections, per partner.
pub struct HttpsTransport {
    clients: BTreeMap<Administration, (String, HttpsClient)>,
    counts: Arc<ChannelCounts>,
}

impl HttpsTransport {
    /// A transport to the given partners.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(
        identity: &TlsIdentity,
        key_exchange: KeyExchange,
        routes: &BTreeMap<Administration, Route>,
        counts: Arc<ChannelCounts>,
    ) -> Result<Self, TlsError> {
        let mut clients = BTreeMap::new();
        for (partner, route) in routes {
            let tls = identity.client(route.tls_key, route.key.clone(), key_exchange)?;
            let connector = CountingConnector::new(tls, Arc::clone(&counts));
            let client = Client::builder(TokioExecutor::new()).build(connector);
            clients.insert(partner.clone(), (format!("{}{ENVELOPE_ROUTE}", route.address), client));
        }
        Ok(Self { clients, counts })
    }

    /// A failure of the HTTP client: the partner was refused at the channel, or could not be reached.
    fn failed(&self, partner: &Administration, error: &(dyn std::error::Error + 'static)) -> TransportError {
        let Some(refusal) = ChannelRefusal::behind(error) else {
            return TransportError::Unreachable(partner.clone(), with_causes(error));
        };
        self.counts.refused(Side::Outgoing, &refusal);
        let code = refusal.reason.code();
        tracing::warn!(code, %partner, detail = refusal.detail, "refused a peer at the channel that we opened");
        TransportError::Refused(partner.clone(), refusal)
    }

    async fn post(&self, partner: &Administration, envelope: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let (address, client) =
            self.clients.get(partner).ok_or_else(|| TransportError::UnknownPartner(partner.clone()))?;
        let failed =
            |error: &dyn std::fmt::Display| TransportError::Unreachable(partner.clone(), error.to_string());
        let request = hyper::Request::post(address)
            .header("content-type", "application/cbor")
            .body(Full::new(Bytes::from(envelope)))
            .map_err(|error| failed(&error))?;
        let response = client.request(request).await.map_err(|error| self.failed(partner, &error))?;
        if !response.status().is_success() {
            return Err(TransportError::Status(partner.clone(), response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
        Ok(body.map_err(|error| failed(&error))?.to_bytes().to_vec())
    }
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
