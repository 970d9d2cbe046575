//! The federation routes: on them partners' nodes deliver envelopes, read the log, and have their checkpoints witnessed.
//!
//! | Route | What |
//! |---|---|
//! | `POST /peer/v1/envelopes` | an envelope of the exchange |
//! | `POST /peer/v1/chunks` | a chunk of an attachment that was offered |
//! | `POST /peer/v1/stages` | staged statements about messages of ours |
//! | `POST /peer/v1/registers/proposals` | the next version of a key register, proposed |
//! | `POST /peer/v1/registers` | a signed version of a key register |
//! | `GET /peer/v1/registers/{agreement}` | the version of a key register that is in force here |
//! | `POST /peer/v1/witness/add-checkpoint` | a checkpoint of a log, to be cosigned (C2SP `tlog-witness`) |
//! | `GET /peer/v1/witness/seen` | the latest checkpoint of each log that this node has cosigned |
//! | `GET /peer/v1/log/entries/{index}` | an entry of this node's log that the partner is a party of |
//! | `GET /log/checkpoint`, `GET /log/tile/...` | this node's log, as for anyone |
//!
//! The bodies of requests share a bounded memory, of which no partner may take all.

use crate::log;
use crate::shares::Shares;
use axum::Extension;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base::{Administration, Digest};
use node::{Node, NodeError};
use std::sync::Arc;

/// The longest envelope that is read; the exchange has its own, equal limit.
const ENVELOPE_LIMIT: usize = 32 * 1024 * 1024;

/// Memory for the bodies of requests that are under way, in all: 256 MiB.
const BODY_MEMORY: usize = 256 * 1024 * 1024;

/// Of that, what one partner may take: a node has at most 32 MiB of letters under way to a partner, and some chunks.
const PARTNER_MEMORY: usize = 64 * 1024 * 1024;

/// What a request takes at least, which bounds how many a partner has under way.
const LEAST_MEMORY: usize = 128 * 1024;

/// The administration at the other end of the TLS connection, known by its key.
#[derive(Clone, Debug)]
pub struct Peer(pub Administration);

/// Who is at the other end of a connection: the key it has proved to hold, and from where it came.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// SHA-256 of the subject public key info of its TLS key.
    pub key: Digest,
    /// Its network address, for the log.
    pub address: String,
}

/// The routes that partners use. Every request is of a [`Peer`], whose key was looked up when the request came.
pub fn routes(node: Arc<Node>) -> Router {
    let witness = Router::new()
        .route(&format!("{}/add-checkpoint", node::WITNESS_PREFIX), post(add_checkpoint))
        .layer(DefaultBodyLimit::max(node::WITNESS_REQUEST_LIMIT));
    let stages = Router::new()
        .route(node::STAGE_ROUTE, post(receive_stages))
        .layer(DefaultBodyLimit::max(node::STAGE_LIMIT));
    let registers = Router::new()
        .route(node::PROPOSALS_ROUTE, post(proposal))
        .route(node::REGISTERS_ROUTE, post(register))
        .route(&format!("{}/{{agreement}}", node::REGISTERS_ROUTE), get(register_in_force))
        .layer(DefaultBodyLimit::max(node::REGISTER_LIMIT));
    let memory = Shares::new(BODY_MEMORY, PARTNER_MEMORY);
    Router::new()
        .route(node::ENVELOPE_ROUTE, post(receive))
        .layer(DefaultBodyLimit::max(ENVELOPE_LIMIT))
        .merge(registers)
        .merge(chunks())
        .route(&format!("{}/seen", node::WITNESS_PREFIX), get(seen))
        .route("/peer/v1/log/entries/{index}", get(entry))
        .merge(stages)
        .merge(witness)
        .merge(log::public_routes())
        .layer(from_fn_with_state(memory, reserved))
        .layer(from_fn_with_state(Arc::clone(&node), admitted))
        .with_state(node)
}

/// Lets a request in if the key of its connection may still come in: connections outlive what the register says.
async fn admitted(
    State(node): State<Arc<Node>>,
    Extension(visitor): Extension<Visitor>,
    mut request: Request,
    next: Next,
) -> Response {
    let carried = request.headers().get(node::relay::PARTNER_KEY_HEADER).and_then(|key| key.to_str().ok());
    match node.admit(visitor.key, carried) {
        Ok(administration) => {
            request.extensions_mut().insert(Peer(administration));
            next.run(request).await
        }
        Err(refusal) => {
            node.peer_refused(&refusal, &visitor.address);
            let reason = format!("{}\n", refusal.reason.words());
            (StatusCode::FORBIDDEN, [(header::CONNECTION, "close")], reason).into_response()
        }
    }
}

/// Lets a request on when there is memory for its body; one that does not say how long it is may be as long as the longest.
/// Partners try again after a 503.
async fn reserved(
    State(memory): State<Arc<Shares<Administration>>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length = match length.map(str::parse::<usize>) {
        Some(Ok(length)) => length.min(ENVELOPE_LIMIT),
        None if matches!(*request.method(), Method::GET | Method::HEAD) => 0,
        _ => ENVELOPE_LIMIT,
    };
    let Some(_share) = memory.take(peer.0.clone(), length.max(LEAST_MEMORY)) else {
        tracing::warn!(peer = %peer.0, length, "refused a request: no memory is left for its body");
        let busy = "too much is under way: try again\n";
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::CONNECTION, "close")], busy).into_response();
    };
    next.run(request).await
}

/// `POST /peer/v1/witness/add-checkpoint`: 200 with this node's cosignature, or 400, 403, 404, 409, 422 as C2SP
/// `tlog-witness` says; 503 when this node cannot witness now.
async fn add_checkpoint(State(node): State<Arc<Node>>, body: Bytes) -> Response {
    match node.add_checkpoint(&body).await {
        Ok(reply) => {
            let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(header::CONTENT_TYPE, reply.content_type)], reply.body).into_response()
        }
        Err(error) => unavailable(&error, "could not witness a checkpoint"),
    }
}

/// `GET /peer/v1/witness/seen`: JSON with the notes that this node has cosigned last, one per log.
async fn seen(State(node): State<Arc<Node>>) -> Response {
    match node.seen_logs().await {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => unavailable(&error, "could not say what was seen of the logs"),
    }
}

/// `GET /peer/v1/log/entries/{index}`: an entry, if the partner is a party of it; what is there for others looks absent.
async fn entry(
    State(node): State<Arc<Node>>,
    Extension(peer): Extension<Peer>,
    Path(index): Path<u64>,
) -> Response {
    match node.log_entry_for(&peer.0, index).await {
        Ok(Some(entry)) => ([(header::CONTENT_TYPE, "application/cose")], entry).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "there is no such entry for you\n").into_response(),
        Err(error) => unavailable(&error, "could not read an entry of the log"),
    }
}

fn unavailable(error: &NodeError, what: &str) -> Response {
    tracing::error!(%error, "{what}");
    (StatusCode::SERVICE_UNAVAILABLE, "try again\n").into_response()
}

/// The route of chunks, with the limit of chunks.
fn chunks() -> Router<Arc<Node>> {
    Router::new()
        .route(node::CHUNK_ROUTE, post(receive_chunk))
        .layer(DefaultBodyLimit::max(node::MAX_CHUNK_MESSAGE))
}

/// `POST /peer/v1/chunks`: takes one chunk of an attachment that is offered here, and answers that it is held or why not.
/// Chunks may come in any order and again. A failure of this node is a 503, and the partner tries again.
async fn receive_chunk(
    State(node): State<Arc<Node>>,
    Extension(peer): Extension<Peer>,
    chunk: Bytes,
) -> Response {
    match node.receive_chunk(&peer.0, chunk.to_vec()).await {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/cbor")], answer).into_response(),
        Err(error) => {
            tracing::error!(%error, peer = %peer.0, "could not take a chunk");
            (StatusCode::SERVICE_UNAVAILABLE, "try again\n").into_response()
        }
    }
}

/// `POST /peer/v1/stages`: takes a batch of staged statements about messages of ours, and answers for each whether it is
/// kept. A batch that cannot be read is a 400.
async fn receive_stages(
    State(node): State<Arc<Node>>,
    Extension(peer): Extension<Peer>,
    batch: Bytes,
) -> Response {
    match node.receive_stages(&peer.0, batch.to_vec()).await {
        Ok(Ok(answer)) => ([(header::CONTENT_TYPE, "application/cbor")], answer).into_response(),
        Ok(Err(reason)) => {
            tracing::warn!(reason, peer = %peer.0, "refused a batch of staged statements");
            (StatusCode::BAD_REQUEST, format!("{reason}\n")).into_response()
        }
        Err(error) => {
            tracing::error!(%error, peer = %peer.0, "could not take staged statements");
            (StatusCode::SERVICE_UNAVAILABLE, "try again\n").into_response()
        }
    }
}

/// `POST /peer/v1/envelopes`: takes one envelope and answers with the exchange's answer: an acknowledgement, a gap, a
/// conflict proof, or a signed refusal. A failure of this node is a 503, and the partner tries again.
async fn receive(
    State(node): State<Arc<Node>>,
    Extension(peer): Extension<Peer>,
    envelope: Bytes,
) -> Response {
    match node.receive(&peer.0, envelope.into()).await {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/cbor")], answer).into_response(),
        Err(error) => {
            tracing::error!(%error, peer = %peer.0, "could not take an envelope");
            (StatusCode::SERVICE_UNAVAILABLE, "try again\n").into_response()
        }
    }
}

/// `POST /peer/v1/registers/proposals`: a partner proposes the next version of a key register.
async fn proposal(State(node): State<Arc<Node>>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    about_registers(&peer.0, node.answer_proposal(&peer.0, body.to_vec()).await)
}

/// `POST /peer/v1/registers`: a partner brings a signed version of a key register.
async fn register(State(node): State<Arc<Node>>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    about_registers(&peer.0, node.answer_register(&peer.0, body.to_vec()).await)
}

/// `GET /peer/v1/registers/{agreement}`: the version of a key register that is in force here.
async fn register_in_force(
    State(node): State<Arc<Node>>,
    Extension(peer): Extension<Peer>,
    Path(agreement): Path<String>,
) -> Response {
    about_registers(&peer.0, node.register_in_force(&peer.0, &agreement).await)
}

fn about_registers(peer: &Administration, answer: Result<Vec<u8>, NodeError>) -> Response {
    match answer {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/cbor")], answer).into_response(),
        Err(error) => {
            tracing::error!(%error, %peer, "could not answer about a key register");
            (StatusCode::SERVICE_UNAVAILABLE, "try again\n").into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use tower::ServiceExt;

    /// Requests of these lengths that nobody answers, and then the status of one more by each partner.
    async fn statuses(under_way: &[(&str, usize)], then: &[(&str, usize)]) -> Vec<StatusCode> {
        let router = Router::new()
            .route("/hang", post(|| async { std::future::pending::<()>().await }))
            .route("/answer", post(|| async {}))
            .layer(from_fn_with_state(Shares::new(BODY_MEMORY, PARTNER_MEMORY), reserved));
        let of = |path: &str, (partner, length): (&str, usize)| {
            let peer = Peer(Administration::parse(partner).unwrap());
            let request = Request::post(path).header(header::CONTENT_LENGTH, length).extension(peer);
            router.clone().oneshot(request.body(Body::empty()).unwrap())
        };
        let mut hanging: Vec<_> = under_way.iter().map(|one| Box::pin(of("/hang", *one))).collect();
        for one in &mut hanging {
            assert!(looked_at(one).await.is_none());
        }
        let mut found = Vec::new();
        for one in then {
            found.push(of("/answer", *one).await.unwrap().status());
        }
        found
    }

    async fn looked_at<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }

    #[tokio::test]
    async fn a_partner_with_large_bodies_under_way_leaves_room_for_the_others() {
        let (ok, busy) = (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE);
        let large = ENVELOPE_LIMIT;
        let full = [("NTA.FR", large), ("NTA.FR", large)];
        assert_eq!(statuses(&full, &[("NTA.FR", 10), ("NTA.IT", large)]).await, [busy, ok]);
        let four = ["NTA.FR", "NTA.IT", "NTA.DE", "NTA.ES"].map(|partner| [(partner, large); 2]).concat();
        assert_eq!(statuses(&four, &[("NTA.PL", 10)]).await, [busy]);
        assert_eq!(statuses(&four[..7], &[("NTA.PL", 10), ("NTA.PL", large)]).await, [ok, ok]);
    }
}
