//! The federation routes, on which partners' nodes deliver envelopes.

use axum::Extension;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base::Administration;
use node::Node;
use std::sync::Arc;

/// The longest envelope that is read; the exchange has its own, equal limit.
const ENVELOPE_LIMIT: usize = 32 * 1024 * 1024;

/// The administration at the other end of the TLS connection, known by its key.
#[derive(Clone, Debug)]
pub struct Peer(pub Administration);

/// The routes that partners use.
pub fn routes() -> Router<Arc<Node>> {
    Router::new().route(node::ENVELOPE_ROUTE, post(receive)).layer(DefaultBodyLimit::max(ENVELOPE_LIMIT))
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
