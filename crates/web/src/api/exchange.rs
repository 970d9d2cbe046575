//! The exchange with partners: what waits, what is wrong, how far a message has come, and the dead letters.

use super::Problem;
use super::auth::{OfficerCaller, StaffCaller};
use super::extract::{Content, Path, Query};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use node::{Node, RedriveError};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// `GET /api/v1/exchange`: what waits for each partner, its circuit and its alarms.
pub async fn show(State(node): State<Arc<Node>>, _: StaffCaller) -> Result<Response, Problem> {
    Ok(Json(json!(node.exchange().await?)).into_response())
}

/// `GET /api/v1/messages/{id}/delivery`: how far a message to a partner has come, and what the partner has stated.
pub async fn delivery(
    State(node): State<Arc<Node>>,
    _: StaffCaller,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let absent = || Problem::absent("message to a partner");
    let (row, ..) = node.message(id).await?.ok_or_else(absent)?;
    let exchange_id = row.exchange_id.filter(|_| row.direction == "sent").ok_or_else(absent)?;
    let delivery = node.delivery(&exchange_id).await?.ok_or_else(absent)?;
    Ok(Json(json!(delivery)).into_response())
}

/// The cursor of the list of dead letters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    #[serde(default)]
    after: i64,
    #[serde(default)]
    settled: bool,
    before: Option<i64>,
    limit: Option<i64>,
}

/// `GET /api/v1/dead-letters?after=ID&limit=N`: letters that will never be delivered and that nobody has dealt with,
/// oldest first; with `settled=true&before=ID` those that somebody has, newest first, each with how, and with what
/// took its place.
pub async fn dead(
    State(node): State<Arc<Node>>,
    _: StaffCaller,
    Query(cursor): Query<Cursor>,
) -> Result<Response, Problem> {
    let limit = cursor.limit.unwrap_or(100);
    let letters = if cursor.settled {
        node.settled_dead_letters(cursor.before, limit).await?
    } else {
        node.dead_letters(cursor.after, limit).await?
    };
    Ok(Json(json!({ "dead_letters": letters })).into_response())
}

/// `POST /api/v1/dead-letters/{id}/redrive`: sends it again as a new message: 202 with that message's number, 403 when
/// no agreement of today lets it leave.
pub async fn redrive(
    State(node): State<Arc<Node>>,
    OfficerCaller(principal): OfficerCaller,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    match node.redrive(&principal, id).await? {
        Ok(message) => Ok((StatusCode::ACCEPTED, Json(json!({ "message": message }))).into_response()),
        Err(error) => Err(problem(&error)),
    }
}

/// Why a dead letter is closed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    reason: String,
}

/// `POST /api/v1/dead-letters/{id}/close`: closes it without sending it again.
pub async fn close(
    State(node): State<Arc<Node>>,
    OfficerCaller(principal): OfficerCaller,
    Path(id): Path<i64>,
    Content(closing): Content<Closing>,
) -> Result<Response, Problem> {
    match node.close_dead_letter(&principal, id, &closing.reason).await? {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Err(problem(&error)),
    }
}

fn problem(error: &RedriveError) -> Problem {
    match error {
        RedriveError::Absent(_) => Problem::absent("dead letter"),
        RedriveError::Withheld(words) => {
            Problem::new(StatusCode::FORBIDDEN, "withheld", "no agreement lets this leave", words.clone())
        }
        RedriveError::NoContent | RedriveError::Reason => Problem::unprocessable(error.to_string()),
    }
}
