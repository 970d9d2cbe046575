//! The ports of a relay: one for partners, one for the node behind it, and one for those who run it.
//!
//! Envelopes are read whole, since who sends to whom stands in their statement. Whatever else partners' nodes say to each
//! other under `/peer/v1/` streams through.

use crate::connections::{Limits, serve};
use crate::peer::Visitor;
use crate::server::{key_exchange_of, key_of};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use base::Administration;
use node::relay::{
    ForwardClient, PARTNER_KEY_HEADER, PEER_PATHS, Passage, RECIPIENT_HEADER, Relay, RelayReason,
    RelayRefusal,
};
use node::{ChannelRefusal, Side};
use rustls::ServerConfig;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, rustls};

/// Connections at once, at either port.
const CONNECTIONS: usize = 256;

/// Connections of those who run it at once.
const OPERATIONS_CONNECTIONS: usize = 16;

/// How often the partners' cards are looked at.
const CARDS_PAUSE: Duration = Duration::from_secs(2);

/// What is accounted for at once of the memory that requests may take, in bytes.
const MEMORY_UNIT: usize = 1024;

/// What a request counts for at least: its connection, its head, the pieces of a stream.
const LEAST_MEMORY: usize = 64 * MEMORY_UNIT;

/// Headers that are handed on with a request and with an answer: nothing else gets through either way.
const HANDED_ON: [HeaderName; 9] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::RANGE,
    header::ACCEPT_RANGES,
    header::ETAG,
    header::IF_MATCH,
    header::CACHE_CONTROL,
    header::RETRY_AFTER,
];

/// A relay and the memory that it may still use.
#[derive(Clone)]
struct Desk {
    relay: Arc<Relay>,
    memory: Arc<Semaphore>,
}

/// The listeners of a relay.
pub struct Listeners {
    /// For partners.
    pub partners: TcpListener,
    /// For the node behind.
    pub inner: TcpListener,
    /// For those who run it.
    pub operations: Option<TcpListener>,
}

/// Serves until `stop` resolves, then lets open requests finish.
///
/// # Errors
/// When TLS cannot be set up.
pub async fn serve_relay<F>(relay: Arc<Relay>, listeners: Listeners, stop: impl Fn() -> F) -> io::Result<()>
where
    F: Future<Output = ()>,
{
    let units = relay.config().limits.memory_mib * 1024 * 1024 / MEMORY_UNIT;
    let desk = Desk { relay: Arc::clone(&relay), memory: Arc::new(Semaphore::new(units)) };
    let incoming = Router::new().fallback(incoming).with_state(desk.clone());
    let outgoing = Router::new().fallback(outgoing).with_state(desk);
    let partner_tls = relay.partner_tls().map_err(io::Error::other)?;
    let inner_tls = relay.inner_tls().map_err(io::Error::other)?;
    let partners = serve(listeners.partners, Limits::with(CONNECTIONS), stop(), {
        let relay = Arc::clone(&relay);
        move |stream| secured(Arc::clone(&relay), Arc::clone(&partner_tls), stream, incoming.clone())
    });
    let inner = serve(listeners.inner, Limits::with(CONNECTIONS), stop(), {
        let relay = Arc::clone(&relay);
        move |stream| secured(Arc::clone(&relay), Arc::clone(&inner_tls), stream, outgoing.clone())
    });
    let operations = async {
        if let Some(listener) = listeners.operations {
            let metrics = Arc::clone(&relay);
            let router = Router::new()
                .route("/health/live", get(|| async { "live\n" }))
                .route("/metrics", get(|| async move { metrics.metrics() }));
            let limits = Limits::with(OPERATIONS_CONNECTIONS);
            serve(listener, limits, stop(), move |stream| std::future::ready(Ok((stream, router.clone()))))
                .await;
        }
    };
    let cards = async {
        let stopped = stop();
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                () = &mut stopped => return,
                () = tokio::time::sleep(CARDS_PAUSE) => look_at_cards(&relay).await,
            }
        }
    };
    tokio::join!(partners, inner, operations, cards);
    Ok(())
}

/// Reads the partners' cards again, on a thread of its own since it is work on files.
async fn look_at_cards(relay: &Arc<Relay>) {
    let reading = Arc::clone(relay);
    match tokio::task::spawn_blocking(move || reading.read_partners_again()).await {
        Ok(Ok(true)) => tracing::info!("the list of partners has changed"),
        Ok(Ok(false)) | Err(_) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "the partners' cards cannot be read: the list stays as it was")
        }
    }
}

async fn secured(
    relay: Arc<Relay>,
    tls: Arc<ServerConfig>,
    stream: TcpStream,
    router: Router,
) -> io::Result<(TlsStream<TcpStream>, Router)> {
    stream.set_nodelay(true)?;
    let address = stream.peer_addr().map(|address| address.to_string()).unwrap_or_default();
    let tls = TlsAcceptor::from(tls).accept(stream).await.inspect_err(|error| {
        relay.peer_refused(&ChannelRefusal::of_handshake(error), &address);
    })?;
    relay.came_in(&key_exchange_of(&tls));
    let visitor = Visitor { key: key_of(&tls)?, address };
    Ok((tls, router.layer(Extension(visitor))))
}

/// A request of a partner, for the node behind.
async fn incoming(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    mut request: Request,
) -> Response {
    // What is known of the partner comes from its connection, never from the request.
    let relay = &desk.relay;
    let partner = match relay.partner_of(visitor.key) {
        Ok(partner) => partner,
        Err(refusal) => {
            relay.peer_refused(&refusal, &visitor.address);
            return (StatusCode::FORBIDDEN, [(header::CONNECTION, "close")], refusal.reason.words())
                .into_response();
        }
    };
    let key = HeaderValue::from_str(&visitor.key.to_string());
    let own = relay.config().administration.clone();
    let taken = async {
        relay.within_rate(&partner)?;
        let (headers, permit) = (handed_on(request.headers()), reserve(&desk, &request)?);
        *request.headers_mut() = headers;
        if let Ok(key) = key {
            request.headers_mut().insert(HeaderName::from_static(PARTNER_KEY_HEADER), key);
        }
        let passage = Passage { from: &partner, to: &own };
        hand_on(&desk, relay.inner(), request, (passage, permit)).await
    };
    answered(relay, Side::Incoming, &partner, taken.await)
}

/// A request of the node behind, for a partner.
async fn outgoing(State(desk): State<Desk>, mut request: Request) -> Response {
    let relay = &desk.relay;
    let named =
        request.headers().get(RECIPIENT_HEADER).and_then(|name| name.to_str().ok()).unwrap_or_default();
    let own = relay.config().administration.clone();
    let Ok(partner) = Administration::parse(named) else {
        let detail = format!("the header `{RECIPIENT_HEADER}` names no administration");
        let refusal = RelayRefusal::new(RelayReason::NoPartner, detail);
        return answered(relay, Side::Outgoing, &own, Err(refusal));
    };
    let taken = async {
        let unknown = || RelayRefusal::new(RelayReason::NoPartner, format!("`{partner}`"));
        let way = relay.way_to(&partner).ok_or_else(unknown)?;
        let (headers, permit) = (handed_on(request.headers()), reserve(&desk, &request)?);
        *request.headers_mut() = headers;
        hand_on(&desk, &way, request, (Passage { from: &own, to: &partner }, permit)).await
    };
    answered(relay, Side::Outgoing, &partner, taken.await)
}

/// The headers that go on.
fn handed_on(headers: &HeaderMap) -> HeaderMap {
    let kept = HANDED_ON.iter().filter_map(|name| Some((name.clone(), headers.get(name)?.clone())));
    kept.collect()
}

/// Sets memory aside for a request: all of an envelope, and for a stream what its pieces take.
fn reserve(desk: &Desk, request: &Request) -> Result<OwnedSemaphorePermit, RelayRefusal> {
    let path = request.uri().path();
    if !PEER_PATHS.iter().any(|beginning| path.starts_with(beginning)) {
        return Err(RelayRefusal::new(RelayReason::UnknownPath, ""));
    }
    let limit = desk.relay.config().limits.request_bytes;
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length = match length.map(str::parse::<usize>) {
        Some(Ok(length)) => length,
        None if matches!(*request.method(), Method::GET | Method::HEAD) => 0,
        _ => return Err(RelayRefusal::new(RelayReason::LengthRequired, "")),
    };
    if length > limit {
        let detail = format!("{length} bytes, the limit is {limit}");
        return Err(RelayRefusal::new(RelayReason::TooLarge, detail));
    }
    let bytes = if path == node::ENVELOPE_ROUTE { length.max(LEAST_MEMORY) } else { LEAST_MEMORY };
    let units = u32::try_from(bytes.div_ceil(MEMORY_UNIT)).unwrap_or(u32::MAX);
    Arc::clone(&desk.memory)
        .try_acquire_many_owned(units)
        .map_err(|_| RelayRefusal::new(RelayReason::Busy, ""))
}

/// Hands a request on, if it may pass, and brings the answer back as it comes.
async fn hand_on(
    desk: &Desk,
    way: &ForwardClient,
    request: Request,
    (passage, permit): (Passage<'_>, OwnedSemaphorePermit),
) -> Result<Response, RelayRefusal> {
    let (parts, body) = request.into_parts();
    let body = if parts.uri.path() == node::ENVELOPE_ROUTE {
        let limit = desk.relay.config().limits.request_bytes;
        let envelope =
            to_bytes(body, limit).await.map_err(|error| RelayRefusal::new(RelayReason::Unreadable, error))?;
        passage.admits(&envelope)?;
        Body::from(envelope)
    } else {
        body
    };
    let request = Request::from_parts(parts, body).map(|body| Box::pin(Boxed(body)) as _);
    let answer = way.forward(request).await;
    drop(permit);
    let answer = answer.map_err(|failure| RelayRefusal::new(RelayReason::Unreachable, failure))?;
    let (parts, body) = answer.into_parts();
    let mut response = Response::new(Body::new(body));
    *response.status_mut() = parts.status;
    *response.headers_mut() = handed_on(&parts.headers);
    Ok(response)
}

/// The answer, counted; a refusal says why in one line.
fn answered(
    relay: &Relay,
    side: Side,
    partner: &Administration,
    taken: Result<Response, RelayRefusal>,
) -> Response {
    match taken {
        Ok(response) => {
            relay.passed(side);
            response
        }
        Err(refusal) => {
            relay.refused(side, partner.as_str(), &refusal);
            let status = StatusCode::from_u16(refusal.reason.status()).unwrap_or(StatusCode::BAD_GATEWAY);
            // The detail stays here: it may name an address behind the relay.
            let words = format!("{}: {}\n", refusal.reason.code(), refusal.reason.words());
            // What is left of the request would be taken for the next one.
            (status, [(header::CONNECTION, "close")], words).into_response()
        }
    }
}

/// A body whose errors are those that the client of the relay wants.
struct Boxed(Body);

impl axum::body::HttpBody for Boxed {
    type Data = axum::body::Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        let frame = std::pin::Pin::new(&mut self.0).poll_frame(context);
        frame.map(|frame| frame.map(|result| result.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.0.size_hint()
    }
}
