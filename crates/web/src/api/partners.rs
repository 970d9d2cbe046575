//! Partner administrations, and the state of the exchange with each.

use super::Problem;
use super::auth::StaffCaller;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use node::Node;
use serde_json::json;
use std::sync::Arc;

/// `GET /api/v1/partners`.
pub async fn list(State(node): State<Arc<Node>>, _: StaffCaller) -> Result<Response, Problem> {
    let partners = node.partners().await?;
    Ok(Json(json!({ "partners": partners })).into_response())
}
