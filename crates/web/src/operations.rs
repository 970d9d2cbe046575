//! What those who run a node look at: health, readiness, metrics.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use node::Node;
use std::sync::Arc;

/// The routes; they tell nothing about movements, and the API listens on loopback only.
pub fn routes() -> Router<Arc<Node>> {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
}

async fn live() -> &'static str {
    "live\n"
}

async fn ready(State(node): State<Arc<Node>>) -> Response {
    match node.readiness().await {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response(),
    }
}

/// Metrics in the Prometheus text format.
async fn metrics(State(node): State<Arc<Node>>) -> Response {
    match node.metrics().await {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}
