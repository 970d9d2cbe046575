//! Guarantee accounts of this administration's office of guarantee.

use super::Problem;
use super::auth::OfficerCaller;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use node::{GuaranteeRegistration, Node};
use serde_json::json;
use std::sync::Arc;

/// `GET /api/v1/guarantees`: all accounts.
pub async fn list(State(node): State<Arc<Node>>, _: OfficerCaller) -> Result<Response, Problem> {
    let accounts = node.guarantee_accounts().await?;
    Ok(Json(json!({ "guarantees": accounts })).into_response())
}

/// `GET /api/v1/guarantees/{grn}`: one account with its locks and ledger.
pub async fn account(
    State(node): State<Arc<Node>>,
    _: OfficerCaller,
    Path(grn): Path<String>,
) -> Result<Response, Problem> {
    let grn = base::Grn::parse(&grn).map_err(|invalid| Problem::malformed(invalid.to_string()))?;
    match node.guarantee_account(&grn).await? {
        Some(account) => Ok(Json(account).into_response()),
        None => Err(Problem::absent("guarantee")),
    }
}

/// `POST /api/v1/guarantees`: registers a guarantee: 201, or 409 when it is registered already.
pub async fn register(
    State(node): State<Arc<Node>>,
    OfficerCaller(principal): OfficerCaller,
    body: Bytes,
) -> Result<Response, Problem> {
    let registration: GuaranteeRegistration = serde_json::from_slice(&body)
        .map_err(|error| Problem::malformed(format!("the registration: {error}")))?;
    let submission = node.register_guarantee(&principal, registration).await?;
    if submission.accepted {
        return Ok((StatusCode::CREATED, Json(json!({ "guarantee": submission.movement }))).into_response());
    }
    let mut problem =
        Problem::new(StatusCode::CONFLICT, "guarantee-refused", "not registered", submission.words.clone());
    problem.errors = Some(json!(submission.errors));
    Err(problem)
}
