//! The node's log for everyone: checkpoints and tiles of hashes as C2SP `tlog-tiles` serves them, under `/log`, on the
//! port for traders and officers and on that for partners.
//!
//! | Address | For | Kept by caches |
//! |---|---|---|
//! | `/log/checkpoint` | anyone | one second |
//! | `/log/tile/<L>/<N>[.p/<W>]` | anyone | for ever: what is at such an address never changes |
//! | `/log/tile/entries/<N>[.p/<W>]` | auditors, on the port for traders and officers | never |

use crate::api::{AuditorCaller, Problem};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use node::{LogResource, Node, TilePath};
use std::sync::Arc;

/// A checkpoint is replaced every second.
const CHECKPOINT_CACHE: &str = "public, max-age=1";

/// A tile at its address never changes.
const TILE_CACHE: &str = "public, max-age=31536000, immutable";

/// Entries say who talks to whom about what.
const ENTRIES_CACHE: &str = "private, no-store";

/// The methods and paths on the port for traders and officers, for the table of who may use which.
pub const ROUTES: [(&str, &str); 3] =
    [("GET", "/log/checkpoint"), ("GET", "/log/tile/{level}/{tile}"), ("GET", "/log/tile/entries/{tile}")];

/// The routes on the port for traders and officers.
pub fn front_routes() -> Router<Arc<Node>> {
    public_routes().route("/log/tile/entries/{*place}", get(bundle))
}

/// The routes for anyone, which are all that the port for partners has.
pub fn public_routes() -> Router<Arc<Node>> {
    Router::new().route("/log/checkpoint", get(checkpoint)).route("/log/tile/{*place}", get(tile))
}

/// `GET /log/checkpoint`: the latest checkpoint with its cosignatures.
async fn checkpoint(State(node): State<Arc<Node>>) -> Result<Response, Problem> {
    let note = node.log_checkpoint().await?.ok_or_else(|| Problem::absent("checkpoint yet"))?;
    let headers =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, CHECKPOINT_CACHE)];
    Ok((headers, note).into_response())
}

/// `GET /log/tile/<L>/<N>[.p/<W>]`: hashes of the tree.
async fn tile(State(node): State<Arc<Node>>, Path(place): Path<String>) -> Result<Response, Problem> {
    match TilePath::parse(&format!("tile/{place}")) {
        Some(path @ TilePath::Hashes(_)) => serve(&node, path).await,
        Some(TilePath::Entries(_)) | None => Err(Problem::absent("tile")),
    }
}

/// `GET /log/tile/entries/<N>[.p/<W>]`: the entries below a tile, for auditors.
async fn bundle(
    State(node): State<Arc<Node>>,
    AuditorCaller(auditor): AuditorCaller,
    Path(place): Path<String>,
) -> Result<Response, Problem> {
    let path = TilePath::parse(&format!("tile/entries/{place}")).ok_or_else(|| Problem::absent("bundle"))?;
    tracing::info!(auditor = auditor.name, place, "an auditor read entries of the log");
    serve(&node, path).await
}

async fn serve(node: &Node, path: TilePath) -> Result<Response, Problem> {
    let (bytes, cache) = match node.log_resource(path).await? {
        Some(LogResource::Hashes(bytes)) => (bytes, TILE_CACHE),
        Some(LogResource::Entries(bytes)) => (bytes, ENTRIES_CACHE),
        None => return Err(Problem::absent("tile")),
    };
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, cache)];
    Ok((headers, bytes).into_response())
}
