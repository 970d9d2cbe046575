//! Messages on which this node failed: on record, receipted, and waiting for an officer to have them taken again.

use super::Problem;
use super::auth::{OfficerCaller, StaffCaller};
use super::extract::Path;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use node::Node;
use serde_json::json;
use std::sync::Arc;

/// `GET /api/v1/held`: the held messages, oldest first.
pub async fn list(State(node): State<Arc<Node>>, _: StaffCaller) -> Result<Response, Problem> {
    let messages = node.held_messages().await?;
    Ok(Json(json!({ "messages": messages })).into_response())
}

/// `POST /api/v1/held/{id}/retry`: takes a held message again: 202 with what became of it. When the node fails on it once
/// more, it stays held and the answer is 503.
pub async fn retry(
    State(node): State<Arc<Node>>,
    OfficerCaller(principal): OfficerCaller,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let Some(submission) = node.retry_held(&principal, id).await? else {
        return Err(Problem::absent("held message"));
    };
    let answer = json!({
        "message": submission.message,
        "movement": submission.movement,
        "accepted": submission.accepted,
        "errors": submission.errors,
    });
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}
