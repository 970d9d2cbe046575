//! Guarantee accounts of this administration's office of guarantee.

use super::Problem;
use super::auth::StaffCaller;
use super::extract::{Content, Path};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use node::{GuaranteeRegistration, Node};
use serde_json::json;
use std::sync::Arc;

/// The code of an error that says that something is there already (CL180).
const DUPLICATE: &str = "26";

/// `GET /api/v1/guarantees`: all accounts.
pub async fn list(State(node): State<Arc<Node>>, _: StaffCaller) -> Result<Response, Problem> {
    let accounts = node.guarantee_accounts().await?;
    Ok(Json(json!({ "guarantees": accounts })).into_response())
}

/// `GET /api/v1/guarantees/{grn}`: one account with its locks and ledger.
pub async fn account(
    State(node): State<Arc<Node>>,
    _: StaffCaller,
    Path(grn): Path<String>,
) -> Result<Response, Problem> {
    let grn = base::Grn::parse(&grn).map_err(|invalid| Problem::malformed(invalid.to_string()))?;
    match node.guarantee_account(&grn).await? {
        Some(account) => Ok(Json(account).into_response()),
        None => Err(Problem::absent("guarantee")),
    }
}

/// `POST /api/v1/guarantees`: registers a guarantee: 201; 409 when it is registered already, and 422 when its terms
/// break a rule.
pub async fn register(
    State(node): State<Arc<Node>>,
    StaffCaller(principal): StaffCaller,
    Content(registration): Content<GuaranteeRegistration>,
) -> Result<Response, Problem> {
    let submission = node.register_guarantee(&principal, registration).await?;
    if submission.accepted {
        return Ok((StatusCode::CREATED, Json(json!({ "guarantee": submission.movement }))).into_response());
    }
    let duplicate = submission.errors.iter().any(|error| error.code == DUPLICATE);
    let (status, kind) = if duplicate {
        (StatusCode::CONFLICT, "duplicate-guarantee")
    } else {
        (StatusCode::UNPROCESSABLE_ENTITY, "guarantee-refused")
    };
    let mut problem = Problem::new(status, kind, "not registered", submission.words.clone());
    problem.errors = Some(Box::new(json!(submission.errors)));
    Err(problem)
}
