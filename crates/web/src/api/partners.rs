//! Partner administrations: the state of the exchange with each, and how one comes to be a partner.

use super::Problem;
use super::auth::{OperatorCaller, StaffCaller};
use super::extract::{Content, LongContent, Path};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base::Administration;
use node::Node;
use node::federation::{Acceptance, FederationError, FederationReason, Invitation};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The longest reason of a suspension, in characters: it stands in every refusal that the partner gets.
const REASON_LIMIT: usize = 200;

/// Whom to invite, and to what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    administration: Administration,
    /// The agreement in its authoring form.
    agreement: String,
    /// How many days the invitation is accepted.
    days: u16,
}

/// A file of the other administration, and the fingerprint that was compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    file: Value,
    fingerprint: String,
}

/// Why the exchange is suspended.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspend {
    reason: String,
}

/// `GET /api/v1/partners`.
pub async fn list(State(node): State<Arc<Node>>, _: StaffCaller) -> Result<Response, Problem> {
    let partners = node.partners().await?;
    Ok(Json(json!({ "partners": partners })).into_response())
}

/// `GET /api/v1/partners/card`: the card that this node gives to partners, with the keys that it uses now, and the TLS key of
/// the node itself.
pub async fn card(State(node): State<Arc<Node>>, _: OperatorCaller) -> Result<Response, Problem> {
    Ok(Json(node.own_card_now()?).into_response())
}

/// `POST /api/v1/partners/invitations` with `{"administration": "NTA.FR", "agreement": "...", "days": 14}`: 201 with the
/// invitation.
pub async fn invite(
    State(node): State<Arc<Node>>,
    OperatorCaller(operator): OperatorCaller,
    LongContent(asked): LongContent<Invite>,
) -> Result<Response, Problem> {
    let invitation = node.invite(asked.administration, &asked.agreement, asked.days, &operator.name).await?;
    let fingerprint = invitation.fingerprint();
    let answer = Json(json!({ "invitation": invitation, "fingerprint": fingerprint }));
    Ok((StatusCode::CREATED, answer).into_response())
}

/// `POST /api/v1/partners/invitations/accepted` with `{"file": {...}, "fingerprint": "..."}`: the acceptance, which the
/// inviting administration needs.
pub async fn accept(
    State(node): State<Arc<Node>>,
    OperatorCaller(operator): OperatorCaller,
    LongContent(compared): LongContent<Compared>,
) -> Result<Response, Problem> {
    let invitation = Invitation::from_json(compared.file.to_string().as_bytes());
    let invitation = invitation.map_err(FederationError::from)?;
    let acceptance = node.accept_invitation(invitation, &compared.fingerprint, &operator.name).await?;
    let fingerprint = acceptance.fingerprint();
    Ok(Json(json!({ "acceptance": acceptance, "fingerprint": fingerprint })).into_response())
}

/// `POST /api/v1/partners/acceptances` with `{"file": {...}, "fingerprint": "..."}`: the two exchange from now on.
pub async fn take(
    State(node): State<Arc<Node>>,
    OperatorCaller(operator): OperatorCaller,
    LongContent(compared): LongContent<Compared>,
) -> Result<Response, Problem> {
    let acceptance = Acceptance::from_json(compared.file.to_string().as_bytes());
    let acceptance = acceptance.map_err(FederationError::from)?;
    let federated = node.take_acceptance(acceptance, &compared.fingerprint, &operator.name).await?;
    Ok(Json(federated).into_response())
}

/// `POST /api/v1/partners/{administration}/suspension` with `{"reason": "..."}`.
pub async fn suspend(
    State(node): State<Arc<Node>>,
    OperatorCaller(operator): OperatorCaller,
    Path(administration): Path<Administration>,
    Content(asked): Content<Suspend>,
) -> Result<Response, Problem> {
    let reason = asked.reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_LIMIT || reason.contains(char::is_control) {
        let words =
            format!("`reason` must be one line of 1 to {REASON_LIMIT} characters: the partner reads it");
        return Err(Problem::unprocessable(words));
    }
    known(node.suspend_partner(&administration, reason, &operator.name).await?)
}

/// `POST /api/v1/partners/{administration}/resumption`.
pub async fn resume(
    State(node): State<Arc<Node>>,
    OperatorCaller(operator): OperatorCaller,
    Path(administration): Path<Administration>,
) -> Result<Response, Problem> {
    known(node.resume_partner(&administration, &operator.name).await?)
}

fn known(found: bool) -> Result<Response, Problem> {
    if found { Ok(Json(json!({})).into_response()) } else { Err(Problem::absent("partner")) }
}

impl From<FederationError> for Problem {
    fn from(error: FederationError) -> Self {
        match error {
            FederationError::Refused(refusal) => {
                let status = match refusal.reason {
                    FederationReason::AlreadyPartner | FederationReason::Used => StatusCode::CONFLICT,
                    _ => StatusCode::UNPROCESSABLE_ENTITY,
                };
                Self::new(status, refusal.reason.code(), "the file is not taken", refusal.to_string())
            }
            FederationError::Node(error) => error.into(),
        }
    }
}
