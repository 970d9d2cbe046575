//! The keys of this administration, and the key registers of its agreements.

use super::Problem;
use super::auth::{OperatorCaller, StaffCaller};
use super::extract::{Content, Path};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base::Administration;
use node::{KeyOrder, Node, NodeError, Progress, RevocationOrder, Rotation, Threshold};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `GET /api/v1/keys`: the registers, their keys, what runs out, and who ordered what.
pub async fn list(State(node): State<Arc<Node>>, _: StaffCaller) -> Result<Response, Problem> {
    let registers = node.key_registers().await?;
    let orders = node.key_orders().await?;
    let orders: Vec<_> = orders.into_iter().map(|(at, words)| json!({ "at": at, "words": words })).collect();
    let answer = json!({ "registers": registers, "warnings": node.key_warnings(), "orders": orders });
    Ok(Json(answer).into_response())
}

/// `POST /api/v1/keys/rotations`: a new key for a purpose.
pub async fn rotate(
    State(node): State<Arc<Node>>,
    OperatorCaller(caller): OperatorCaller,
    Content(rotation): Content<Rotation>,
) -> Result<Response, Problem> {
    progress(node.order_keys(KeyOrder::Rotate(rotation), &caller.name).await)
}

/// `POST /api/v1/keys/revocations`: a key that must count no more.
pub async fn revoke(
    State(node): State<Arc<Node>>,
    OperatorCaller(caller): OperatorCaller,
    Content(order): Content<RevocationOrder>,
) -> Result<Response, Problem> {
    progress(node.order_keys(KeyOrder::Revoke(order), &caller.name).await)
}

/// Which registers to renew.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    /// The agreement; all when left out.
    #[serde(default)]
    agreement: Option<String>,
}

/// `POST /api/v1/keys/renewals`: versions of the registers that expire later.
pub async fn renew(
    State(node): State<Arc<Node>>,
    OperatorCaller(caller): OperatorCaller,
    Content(renewal): Content<Renewal>,
) -> Result<Response, Problem> {
    progress(node.order_keys(KeyOrder::Renew(renewal.agreement), &caller.name).await)
}

/// What the first version of a register is to be, or whom the next one is to let in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Founding {
    /// How many stewards must sign a change; all when left out.
    #[serde(default)]
    change: Option<u64>,
    /// How many must sign a revocation; one when left out.
    #[serde(default)]
    revocation: Option<u64>,
    /// A partner whose card this node has, to let into a register that is there.
    #[serde(default)]
    admit: Option<Administration>,
}

/// `POST /api/v1/registers/{agreement}`: makes the key register of an agreement out of its parties' cards, or lets one more
/// party in.
pub async fn found(
    State(node): State<Arc<Node>>,
    OperatorCaller(caller): OperatorCaller,
    Path(agreement): Path<String>,
    Content(founding): Content<Founding>,
) -> Result<Response, Problem> {
    if founding.revocation.is_some() && founding.change.is_none() {
        let words = "`revocation` counts beside `change` alone: give both, or neither";
        return progress(Err(NodeError::Order(words.to_owned())));
    }
    if founding.admit.is_some() && founding.change.is_some() {
        let words = "whoever is let in changes no threshold: leave `change` and `revocation` out";
        return progress(Err(NodeError::Order(words.to_owned())));
    }
    let threshold =
        founding.change.map(|change| Threshold { change, revocation: founding.revocation.unwrap_or(1) });
    let order = match founding.admit {
        Some(partner) => KeyOrder::Admit(agreement, partner),
        None => KeyOrder::Found(agreement, threshold),
    };
    progress(node.order_keys(order, &caller.name).await)
}

/// 200 when everything is in force, 202 while signatures are missing; 409 with the reason when it cannot be done.
fn progress(became: Result<BTreeMap<String, Progress>, NodeError>) -> Result<Response, Problem> {
    match became {
        Ok(progress) => {
            let waits = progress.values().any(|progress| matches!(progress, Progress::Waiting { .. }));
            let status = if waits { StatusCode::ACCEPTED } else { StatusCode::OK };
            Ok((status, Json(json!({ "registers": progress }))).into_response())
        }
        Err(error) if error.is_about_keys() => {
            let (status, title) = (StatusCode::CONFLICT, "the keys cannot be changed so");
            Err(Problem::new(status, "keys-unchanged", title, error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}
