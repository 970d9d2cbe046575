//! What those who run a node look at: health, readiness, metrics.

use crate::api::OperatorCaller;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use node::Node;
use std::sync::Arc;

/// The routes on the port of traders and officers. The proxy in front shows that port to the world, so metrics ask for
/// the operator's token; health tells nothing that an attacker does not see anyway.
pub fn guarded_routes() -> Router<Arc<Node>> {
    health().route("/metrics", get(|node, _: OperatorCaller| metrics(node)))
}

/// The routes on a port of their own, which only this machine reaches.
pub fn open_routes() -> Router<Arc<Node>> {
    health().route("/metrics", get(metrics))
}

fn health() -> Router<Arc<Node>> {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready))
}

async fn live() -> &'static str {
    "live\n"
}

/// `GET /health/ready`: whether the node can do its work now. The reason goes into the log and not to whoever asks.
async fn ready(State(node): State<Arc<Node>>) -> Response {
    match node.readiness().await {
        Ok(()) => {
            // Who asks reads only how many: what is wrong is for the log, the notices and the console's pages.
            let mut lines = "ready\n".to_owned();
            let warnings = node.key_warnings().len();
            if warnings > 0 {
                lines.push_str(&format!("key warnings: {warnings}\n"));
            }
            match node.alarm_count().await {
                Ok(alarms) if alarms > 0 => {
                    lines.push_str(&format!(
                        "exchange: {alarms} alarms, see the page Exchange of the console\n"
                    ));
                }
                _ => {}
            }
            lines.into_response()
        }
        Err(reason) => {
            tracing::warn!(reason, "the node is not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
        }
    }
}

/// Metrics in the Prometheus text format.
async fn metrics(State(node): State<Arc<Node>>) -> Response {
    match node.metrics().await {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics could not be gathered");
            (StatusCode::SERVICE_UNAVAILABLE, "the node's log says why\n").into_response()
        }
    }
}
