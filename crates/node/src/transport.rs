//! How an envelope reaches a partner's node: one port, with HTTPS in service and a simulated network in simulations.

use crate::channel_counts::{ChannelCounts, Side};
use crate::channel_refusal::ChannelRefusal;
use crate::connector::CountingConnector;
use crate::peer_keys::PeerKeys;
use crate::relay::RECIPIENT_HEADER;
use crate::tls::{KeyExchange, TlsError, TlsIdentity};
use base::Administration;
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
    #[error("`{0}` answered with status {1}: {2}")]
    Status(Administration, u16, String),
}

/// The future of a delivery.
pub type Delivery<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, TransportError>> + Send + 'a>>;

/// The port: takes an envelope to a partner and brings back its answer.
pub trait Transport: Send + Sync {
    /// Delivers `envelope` to `partner`.
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: Vec<u8>) -> Delivery<'a>;
}

/// Where a partner is found and by which TLS keys it is known.
#[derive(Clone, Debug)]
pub struct Route {
    /// The address, as in `https://node.customs.example:9443`.
    pub address: String,
    /// The keys that are accepted there.
    pub keys: PeerKeys,
    /// Who is at that address.
    pub carrier: Carrier,
}

/// Who takes an envelope at the address of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// The partner.
    Partner,
    /// Our own relay, which is told for whom it is.
    Relay,
}

type HttpsClient = Client<CountingConnector, Full<Bytes>>;

/// The way to one partner.
struct Way {
    address: String,
    client: HttpsClient,
    carrier: Carrier,
}

/// HTTPS with mutual TLS; one client, and so one pool of connections, per partner.
pub struct HttpsTransport {
    clients: BTreeMap<Administration, Way>,
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
            let tls = identity.client(Arc::new(route.keys.clone()), key_exchange)?;
            let connector = CountingConnector::new(tls, Arc::clone(&counts));
            let client = Client::builder(TokioExecutor::new()).build(connector);
            let address = format!("{}{ENVELOPE_ROUTE}", route.address.trim_end_matches('/'));
            clients.insert(partner.clone(), Way { address, client, carrier: route.carrier });
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
        let way = self.clients.get(partner).ok_or_else(|| TransportError::UnknownPartner(partner.clone()))?;
        let failed =
            |error: &dyn std::fmt::Display| TransportError::Unreachable(partner.clone(), error.to_string());
        let mut request = hyper::Request::post(&way.address).header("content-type", "application/cbor");
        if way.carrier == Carrier::Relay {
            request = request.header(RECIPIENT_HEADER, partner.as_str());
        }
        let request = request.body(Full::new(Bytes::from(envelope))).map_err(|error| failed(&error))?;
        let response = way.client.request(request).await.map_err(|error| self.failed(partner, &error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
        let body = body.map_err(|error| failed(&error))?.to_bytes();
        if !status.is_success() {
            return Err(TransportError::Status(partner.clone(), status.as_u16(), first_line(&body)));
        }
        Ok(body.to_vec())
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

/// The longest reason that is taken from an answer that is none of the exchange, in characters.
const REASON_LIMIT: usize = 200;

/// The first line of a body that says why there is no answer, without what does not belong into a log.
fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|letter| !letter.is_control()).take(REASON_LIMIT).collect()
}

/// An error and its causes in one line: the outermost alone says only that connecting failed.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push_str(": ");
        words.push_str(&inner.to_string());
        cause = inner.source();
    }
    words
}
