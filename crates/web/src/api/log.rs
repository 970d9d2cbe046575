//! The node's log for those who look after it: its state, single entries with their proofs, and what monitoring has found.

use super::Problem;
use super::auth::{OfficerCaller, ReaderCaller, StaffCaller};
use super::extract::{Content, Path};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use node::{Node, SeeError};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// `GET /api/v1/log`: size, last checkpoint, witnesses, quorums, findings.
pub async fn show(State(node): State<Arc<Node>>, _: StaffCaller) -> Result<Response, Problem> {
    Ok(Json(node.log_view().await?).into_response())
}

/// `GET /api/v1/log/entries/{index}`: one entry, which is a signed statement.
pub async fn entry(
    State(node): State<Arc<Node>>,
    _: ReaderCaller,
    Path(index): Path<u64>,
) -> Result<Response, Problem> {
    let entry = node.log_entry(index).await?.ok_or_else(|| Problem::absent("entry"))?;
    let headers = [(header::CONTENT_TYPE, "application/cose"), (header::CACHE_CONTROL, "private, no-store")];
    Ok((headers, entry).into_response())
}

/// `GET /api/v1/log/entries/{index}/proof`: a checkpoint over the entry with its cosignatures, and the inclusion path
/// between the two, in hexadecimal digits from the leaf upwards.
pub async fn proof(
    State(node): State<Arc<Node>>,
    _: ReaderCaller,
    Path(index): Path<u64>,
) -> Result<Response, Problem> {
    let proof = node.log_proof(index).await?.ok_or_else(|| Problem::absent("entry below a checkpoint"))?;
    let hex = |hash: &[u8; 32]| base::Digest(*hash).to_string();
    let answer = json!({
        "index": proof.index,
        "leaf": hex(&proof.leaf),
        "size": proof.size,
        "path": proof.path.iter().map(hex).collect::<Vec<_>>(),
        "checkpoint": proof.note,
    });
    Ok(Json(answer).into_response())
}

/// `GET /api/v1/log/findings/{id}/proof`: the portable proof that a log showed two histories.
pub async fn finding(
    State(node): State<Arc<Node>>,
    _: StaffCaller,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let proof = node.finding_proof(id).await?.ok_or_else(|| Problem::absent("proof"))?;
    Ok(([(header::CONTENT_TYPE, node::EQUIVOCATION_TYPE)], proof).into_response())
}

/// What an officer did about a finding.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    note: String,
}

/// `POST /api/v1/log/findings/{id}/seen`: marks a finding as seen, which ends its alarm and keeps its record.
pub async fn see(
    State(node): State<Arc<Node>>,
    OfficerCaller(principal): OfficerCaller,
    Path(id): Path<i64>,
    Content(Note { note }): Content<Note>,
) -> Result<Response, Problem> {
    match node.see_finding(&principal, id, &note).await? {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(SeeError::Absent(_)) => Err(Problem::absent("finding that nobody has seen to")),
        Err(error @ SeeError::Note) => Err(Problem::unprocessable(error.to_string())),
    }
}
