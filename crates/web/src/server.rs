//! The two listeners of a node: HTTP for traders and officers, HTTPS with mutual TLS for partners.

use crate::{api, console, operations, peer};
use axum::Router;
use axum::extract::Request;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use node::Node;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// How long a partner may take for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long open requests may take to finish when the node stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);

/// Everything that traders, officers and operators reach.
pub fn front(node: Arc<Node>) -> Router {
    Router::new().merge(operations::routes()).merge(console::routes()).merge(api::routes()).with_state(node)
}

/// Serves traders and officers on `listener` until `stop` resolves, then lets open requests finish.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve_front(
    node: Arc<Node>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, front(node)).with_graceful_shutdown(stop).await
}

/// Serves partners on `listener` until `stop` resolves, then lets open deliveries finish.
///
/// # Errors
/// When TLS cannot be set up.
pub async fn serve_peers(
    node: Arc<Node>,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let acceptor = TlsAcceptor::from(node.peer_tls().map_err(io::Error::other)?);
    let router = peer::routes().with_state(Arc::clone(&node));
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, address)) => {
                let (node, acceptor, router) = (Arc::clone(&node), acceptor.clone(), router.clone());
                let watcher = graceful.watcher();
                tokio::spawn(async move {
                    if let Err(error) = serve_peer(node, acceptor, router, stream, watcher).await {
                        tracing::info!(%address, %error, "a connection to the peer port ended");
                    }
                });
            }
            // Running out of file descriptors passes; a pause keeps the loop from burning a core meanwhile.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection on the peer port");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("deliveries were still open when the node stopped; partners will repeat them");
    }
    Ok(())
}

async fn serve_peer(
    node: Arc<Node>,
    acceptor: TlsAcceptor,
    router: Router,
    stream: TcpStream,
    watcher: hyper_util::server::graceful::Watcher,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let tls = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long"))??;
    let certificate = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let administration = certificate.and_then(|certificate| node.administration_of_key(certificate));
    let peer = administration
        .map(peer::Peer)
        .ok_or_else(|| io::Error::new(io::ErrorKind::PermissionDenied, "the key is in no partner's card"))?;
    let service = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer.clone());
        router.clone().oneshot(request.map(axum::body::Body::new) as Request)
    });
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tls), service);
    watcher.watch(connection).await.map_err(io::Error::other)
}
