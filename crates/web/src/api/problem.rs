//! Errors of the API as problem details (RFC 9457).

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A problem document. `problem_type` is stable: programs may branch on it.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// A stable name of the kind of problem.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// What is wrong, in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request, and what to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// For a rejected message: the node's number of the message on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<i64>,
    /// For a rejected message: the messages that were sent in answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replies: Option<serde_json::Value>,
    /// For a rejected message: each error with place, code and reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<serde_json::Value>,
}

impl Problem {
    /// A problem of the given kind.
    pub fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            problem_type: format!("urn:tidewaiter:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            message: None,
            replies: None,
            errors: None,
        }
    }

    /// Nobody, or nobody known, asks.
    pub fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "a token is needed",
            "send `Authorization: Bearer TOKEN` with a token of this node",
        )
    }

    /// The principal may not do this.
    pub fn forbidden(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "not allowed", detail)
    }

    /// There is no such thing, or it is not the principal's: the two look alike on purpose.
    pub fn absent(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "not found", format!("there is no such {what} for you"))
    }

    /// The request cannot be understood.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed-request", "malformed request", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}

impl From<node::NodeError> for Problem {
    /// An internal failure: logged with its cause, shown without it.
    fn from(error: node::NodeError) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the node cannot do this now",
            "nothing was changed: try again",
        )
    }
}
