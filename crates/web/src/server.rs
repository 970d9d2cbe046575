//! The listeners of a node: HTTP for traders and officers, HTTPS with mutual TLS for partners, and, where it is wanted,
//! HTTP for those who run the node.

use crate::connections::{Limits, serve};
use crate::shares::Shares;
use crate::{api, console, log, operations, peer};
use axum::{Extension, Router};
use base::Digest;
use node::{ChannelRefusal, Node};
use std::future::Future;
use std::io;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Connections of traders and officers at once. They come through the proxy in front, which keeps few open itself; each
/// may hold a message of 32 MiB.
const FRONT_CONNECTIONS: usize = 1024;

/// Connections of partners at once. An idle one costs some KiB; the memory for bodies has a bound of its own.
const PEER_CONNECTIONS: usize = 1024;

/// Connections of one key at once, where the configuration says nothing else: a partner has at most 64 letters and some chunks under way, each on a connection. Our
/// own relay has one key for all partners behind it.
const KEY_CONNECTIONS: usize = 256;

/// Connections of those who run the node at once: a monitoring system or two.
const OPERATIONS_CONNECTIONS: usize = 32;

/// Where health and metrics are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operations {
    /// On the port of traders and officers; metrics are for the operator's token there.
    OnFront,
    /// On a port of their own, and not on that of traders and officers.
    Apart,
}

/// Everything that traders and officers reach.
pub fn front(node: Arc<Node>, operations: Operations) -> Router {
    let router = Router::new().merge(console::routes()).merge(api::routes()).merge(log::front_routes());
    let router = match operations {
        Operations::OnFront => router.merge(operations::guarded_routes()),
        Operations::Apart => router,
    };
    router.with_state(node)
}

/// Everything that those who run the node reach on a port of their own.
pub fn operations(node: Arc<Node>) -> Router {
    operations::open_routes().with_state(node)
}

/// Serves traders and officers on `listener` until `stop` resolves, then lets open requests finish.
pub async fn serve_front(
    node: Arc<Node>,
    listener: TcpListener,
    operations: Operations,
    stop: impl Future<Output = ()>,
) {
    let router = front(node, operations);
    serve(listener, Limits::with(FRONT_CONNECTIONS), stop, move |stream| plain(stream, router.clone())).await;
}

/// Serves those who run the node on `listener`, without asking for a token, until `stop` resolves.
pub async fn serve_operations(node: Arc<Node>, listener: TcpListener, stop: impl Future<Output = ()>) {
    let router = operations(node);
    let limits = Limits::with(OPERATIONS_CONNECTIONS);
    serve(listener, limits, stop, move |stream| plain(stream, router.clone())).await;
}

/// Serves partners on `listener` until `stop` resolves, then lets open deliveries finish; what is cut off, partners
/// repeat.
///
/// # Errors
/// When TLS cannot be set up.
pub async fn serve_peers(
    node: Arc<Node>,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    // A configuration that fails is told at once, and not to the first partner.
    node.peer_tls().map_err(io::Error::other)?;
    let router = peer::routes(Arc::clone(&node));
    let of_one_key = node.connections_per_key().unwrap_or(KEY_CONNECTIONS);
    let seats = Shares::new(PEER_CONNECTIONS, of_one_key);
    serve(listener, Limits::with(PEER_CONNECTIONS), stop, move |stream| {
        secured(Arc::clone(&node), stream, router.clone(), Arc::clone(&seats))
    })
    .await;
    Ok(())
}

async fn plain(stream: TcpStream, router: Router) -> io::Result<(TcpStream, Router)> {
    stream.set_nodelay(true)?;
    Ok((stream, router))
}

/// Shakes hands with a partner by the keys that are in force now, and has its requests carry its key.
async fn secured(
    node: Arc<Node>,
    stream: TcpStream,
    router: Router,
    seats: Arc<Shares<Digest>>,
) -> io::Result<(TlsStream<TcpStream>, Router)> {
    stream.set_nodelay(true)?;
    let address = stream.peer_addr().map(|address| address.to_string()).unwrap_or_default();
    let acceptor = TlsAcceptor::from(node.peer_tls().map_err(io::Error::other)?);
    let tls = acceptor.accept(stream).await.inspect_err(|error| {
        node.peer_refused(&ChannelRefusal::of_handshake(error), &address);
    })?;
    node.peer_came_in(&key_exchange_of(&tls));
    let visitor = peer::Visitor { key: key_of(&tls)?, address };
    let Some(seat) = seats.take(visitor.key, 1) else {
        let (key, address) = (visitor.key.to_string(), &visitor.address);
        tracing::warn!(key, address, "refused a connection: this key has as many open as one may have");
        return Err(io::Error::other("too many connections of one key"));
    };
    // The seat lasts as long as the routes of this connection.
    Ok((tls, router.layer(Extension(visitor)).layer(Extension(Arc::new(seat)))))
}

/// The key exchange of a connection, as the registry of TLS Supported Groups names it.
pub(crate) fn key_exchange_of(tls: &TlsStream<TcpStream>) -> String {
    let group = tls.get_ref().1.negotiated_key_exchange_group();
    group.map(|group| format!("{:?}", group.name())).unwrap_or_default()
}

/// The key that the peer has proved to hold.
pub(crate) fn key_of(tls: &TlsStream<TcpStream>) -> io::Result<Digest> {
    // INVARIANT: the handshake fails without a certificate, and the verifier has read this one.
    let certificate = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let key = certificate.and_then(|certificate| node::key_digest(certificate).ok());
    key.ok_or_else(|| io::Error::other("the peer showed no certificate"))
}
