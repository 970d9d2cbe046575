//! Officers' decisions on a movement.

use super::Problem;
use super::auth::OfficerCaller;
use super::extract::{Content, Path};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use node::{Node, OfficerDecision};
use serde_json::json;
use std::sync::Arc;

/// `POST /api/v1/movements/{mrn}/decisions` with `{"decision": "...", ...}`: 202 when it took effect, 409 when the
/// movement's state does not admit it.
pub async fn decide(
    State(node): State<Arc<Node>>,
    OfficerCaller(principal): OfficerCaller,
    Path(movement): Path<String>,
    Content(decision): Content<OfficerDecision>,
) -> Result<Response, Problem> {
    let submission = node.decide(&principal, &movement, decision).await?;
    let Some(submission) = submission else {
        return Err(Problem::absent("movement"));
    };
    if submission.accepted {
        return Ok((StatusCode::ACCEPTED, Json(json!({ "movement": submission.movement }))).into_response());
    }
    let mut problem = Problem::new(
        StatusCode::CONFLICT,
        "decision-refused",
        "the movement does not admit this decision",
        submission.words.clone(),
    );
    problem.errors = Some(Box::new(json!(submission.errors)));
    Err(problem)
}
