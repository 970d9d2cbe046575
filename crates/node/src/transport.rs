//! How an envelope reaches a partner's node: one port, with HTTPS in service and a simulated network in simulations.

use crate::bureau::Bureau;
use crate::channel_counts::{ChannelCounts, Side};
use crate::channel_refusal::ChannelRefusal;
use crate::connector::CountingConnector;
use crate::peer_keys::{AcceptedKey, PeerKeys};
use crate::relay::RECIPIENT_HEADER;
use crate::tls::TlsError;
use base::{Administration, Digest};
use http_body_util::{BodyExt, Full, Limited};
pub use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The route on which a node takes envelopes from partners.
pub const ENVELOPE_ROUTE: &str = "/peer/v1/envelopes";

/// The route on which a node takes chunks of attachments from partners.
pub const CHUNK_ROUTE: &str = "/peer/v1/chunks";

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
    /// Delivers `envelope` to `partner`. The bytes are shared with whoever tries them again, and not copied.
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: Bytes) -> Delivery<'a>;

    /// Asks `partner` something else, and brings back whatever it answers. A transport of envelopes alone reaches
    /// nobody this way.
    fn call<'a>(&'a self, partner: &'a Administration, request: PeerRequest) -> Calling<'a> {
        let reason = format!("`{}` is not carried here", request.path);
        Box::pin(async move { Err(TransportError::Unreachable(partner.clone(), reason)) })
    }

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
    counts: Arc<ChannelCounts>,
}

impl HttpsTransport {
    /// A transport to the partners of a bureau.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(bureau: &Bureau) -> Result<Self, TlsError> {
        let transport = Self { lines: RwLock::default(), counts: Arc::default() };
        transport.follow(bureau)?;
        Ok(transport)
    }

    /// What its connections are counted in.
    pub(crate) fn counts(&self) -> Arc<ChannelCounts> {
        Arc::clone(&self.counts)
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

    /// A client that shows our certificate and accepts the keys of this route only.
    fn client(&self, bureau: &Bureau, route: &Route) -> Result<HttpsClient, TlsError> {
        let door = Arc::new(PeerKeys::accepting(route.keys.clone()));
        let tls = bureau.identity.tls.client(door, bureau.channel.key_exchange)?;
        let connector = CountingConnector::new(tls, Arc::clone(&self.counts));
        Ok(Client::builder(TokioExecutor::new()).build(connector))
    }

    fn line(&self, partner: &Administration) -> Result<Line, TransportError> {
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        lines.get(partner).cloned().ok_or_else(|| TransportError::UnknownPartner(partner.clone()))
    }

    async fn post(&self, partner: &Administration, envelope: Bytes) -> Result<Vec<u8>, TransportError> {
        let request = PeerRequest {
            method: Method::Post,
            path: ENVELOPE_ROUTE.to_owned(),
            body: Vec::new(),
            limit: ANSWER_LIMIT,
        };
        let answer = self.ask(partner, (request, envelope), "application/cbor").await?;
        if !(200..300).contains(&answer.status) {
            return Err(TransportError::Status(partner.clone(), answer.status, first_line(&answer.body)));
        }
        Ok(answer.body)
    }

    async fn ask(
        &self,
        partner: &Administration,
        (request, body): (PeerRequest, Bytes),
        content_type: &str,
    ) -> Result<PeerAnswer, TransportError> {
        let line = self.line(partner)?;
        let failed =
            |error: &dyn std::fmt::Display| TransportError::Unreachable(partner.clone(), error.to_string());
        let method = match request.method {
            Method::Get => hyper::Method::GET,
            Method::Post => hyper::Method::POST,
        };
        let address = format!("{}{}", line.route.address.trim_end_matches('/'), request.path);
        let mut asked =
            hyper::Request::builder().method(method).uri(address).header("content-type", content_type);
        if line.route.carrier == Carrier::Relay {
            asked = asked.header(RECIPIENT_HEADER, partner.as_str());
        }
        let asked = asked.body(Full::new(body)).map_err(|error| failed(&error))?;
        let response = line.client.request(asked).await.map_err(|error| self.failed(partner, &error))?;
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
    fn deliver<'a>(&'a self, partner: &'a Administration, envelope: Bytes) -> Delivery<'a> {
        Box::pin(in_time(partner, self.post(partner, envelope)))
    }

    fn call<'a>(&'a self, partner: &'a Administration, mut request: PeerRequest) -> Calling<'a> {
        let body = Bytes::from(std::mem::take(&mut request.body));
        Box::pin(in_time(partner, self.ask(partner, (request, body), "text/plain; charset=utf-8")))
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
                    client: self.client(bureau, &route)?,
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
