//! Messages: submitted by traders, read back by those whose they are.

use super::Problem;
use super::auth::{Caller, TraderCaller, owner_limit};
use super::extract::{Message, Path, Query};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use node::{Node, Submission};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// `POST /api/v1/messages`: 202 when the message was accepted, 422 with a problem document when it was rejected. In
/// both cases it is on record, and the answering messages can be fetched.
pub async fn submit(
    State(node): State<Arc<Node>>,
    TraderCaller(principal): TraderCaller,
    Message(xml): Message,
) -> Result<Response, Problem> {
    let submission = node.submit(&principal, xml.to_vec()).await?;
    if submission.accepted {
        return Ok((StatusCode::ACCEPTED, Json(accepted(&submission))).into_response());
    }
    let mut problem = Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "message-rejected",
        "the message was rejected",
        submission.words.clone(),
    );
    problem.message = Some(submission.message);
    problem.replies = Some(Box::new(replies(&submission)));
    problem.errors = Some(Box::new(json!(submission.errors)));
    Err(problem)
}

fn accepted(submission: &Submission) -> serde_json::Value {
    json!({
        "message": submission.message,
        "movement": submission.movement,
        "replies": replies(submission),
        "held": submission.held,
        "not_checked": submission.not_checked,
    })
}

fn replies(submission: &Submission) -> serde_json::Value {
    submission.replies.iter().map(|(id, kind)| json!({"id": id, "type": kind})).collect()
}

/// The cursor of a list of messages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    #[serde(default)]
    after: i64,
    limit: Option<i64>,
}

/// `GET /api/v1/messages?after=ID&limit=N`: messages in the node's order, a trader's own or all.
pub async fn list(
    State(node): State<Arc<Node>>,
    Caller(principal): Caller,
    Query(cursor): Query<Cursor>,
) -> Result<Response, Problem> {
    let messages =
        node.messages(None, owner_limit(&principal), cursor.after, cursor.limit.unwrap_or(100)).await?;
    Ok(Json(json!({ "messages": messages })).into_response())
}

/// `GET /api/v1/messages/{id}`: one message as it was received or sent.
pub async fn body(
    State(node): State<Arc<Node>>,
    Caller(principal): Caller,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let Some((_, owner, body)) = node.message(id).await? else {
        return Err(Problem::absent("message"));
    };
    if owner_limit(&principal).is_some_and(|own| own != owner) {
        return Err(Problem::absent("message"));
    }
    let headers = [(header::CONTENT_TYPE, "application/xml"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, body).into_response())
}
