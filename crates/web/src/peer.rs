//! The federation routes, on which partners' nodes deliver envelopes.

use axum::Extension;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base::{Administration, Digest};
use node::Node;
use std::sync::Arc;

/// The longest envelope that is read; the exchange has its own, equal limit.
const ENVELOPE_LIMIT: usize = 32 * 1024 * 1024;

/// The key that was shown at the other end of the TLS connection.
#[derive(Clone, Copy, Debug)]
pub struct PeerKey(pub Digest);

/// The administration at the other end of the TLS connection, known by its key.
#[derive(Clone, Debug)]
pub struct Peer(pub Administration);

/// The routes that partners use. Every request is admitted by the keys that are in force when it comes.
pub fn routes(node: Arc<Node>) -> Router {
    Router::new()
        .route(node::ENVELOPE_ROUTE, post(receive))
        .layer(DefaultBodyLimit::max(ENVELOPE_LIMIT))
        .layer(middleware::from_fn_with_state(Arc::clone(&node), admit))
        .with_state(node)
}

/// Finds out whose request it is. A key that has been withdrawn or has run out since the connection was opened is
/// refused, and the connection is closed.
async fn admit(
    State(node): State<Arc<Node>>,
    Extension(key): Extension<PeerKey>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(administration) = node.administration_of_key(key.0) else {
        tracing::warn!(key = %key.0, "refused a request: the key of its connection is not in force any more");
        let close = [(header::CONNECTION, "close")];
        return (StatusCode::FORBIDDEN, close, "the key of this connection is not in force\n")
            .into_response();
    };
    request.extensions_mut().insert(Peer(administration));
    next.run(request).await
}

/// `POST /peer/v1/envelopes`: takes one envelope and answers with the exchange's answer: an acknowledgement, a gap, a
/// conflict proof, or a signed refusal. A failure of this node is a 503, and the partner tries again.
async fn receive(
    State(node): State<Arc<Node>>,
    Extension(peer): Extension<Peer>,
    envelope: Bytes,
) -> Response {
    match node.receive(&peer.0, envelope.to_vec()).await {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/cbor")], answer).into_response(),
        Err(error) => {
            tracing::error!(%error, peer = %peer.0, "could not take an envelope");
            (StatusCode::SERVICE_UNAVAILABLE, "try again\n").into_response()
        }
    }
}
