//! Movements: where each one stands, and what was said about it.

use super::Problem;
use super::auth::{Caller, owner_limit};
use super::extract::{Path, Query};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use node::{MovementFilter, Node};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// The filter of a list of movements.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    room: Option<String>,
    mrn: Option<String>,
    lrn: Option<String>,
    state: Option<String>,
    #[serde(default)]
    waiting: bool,
    before: Option<i64>,
    limit: Option<i64>,
}

/// `GET /api/v1/movements?room=&mrn=&lrn=&state=&waiting=&before=&limit=`: the most recently changed first. `before` of the
/// answer asks for the next page.
pub async fn list(
    State(node): State<Arc<Node>>,
    Caller(principal): Caller,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let wanted = MovementFilter {
        room: filter.room,
        mrn: filter.mrn,
        lrn: filter.lrn,
        state: filter.state,
        waiting: filter.waiting,
        owner: owner_limit(&principal),
        before: filter.before,
    };
    let movements = node.movements(wanted, filter.limit.unwrap_or(100)).await?;
    let next = movements.last().map(|row| row.change);
    Ok(Json(json!({ "movements": movements, "before": next })).into_response())
}

/// `GET /api/v1/movements/{movement}/messages`: the messages of a movement, by its MRN or LRN, oldest first.
pub async fn messages(
    State(node): State<Arc<Node>>,
    Caller(principal): Caller,
    Path(movement): Path<String>,
) -> Result<Response, Problem> {
    let messages = node.messages(Some(movement), owner_limit(&principal), 0, node::PAGE_LIMIT).await?;
    if messages.is_empty() {
        return Err(Problem::absent("movement"));
    }
    Ok(Json(json!({ "messages": messages })).into_response())
}
