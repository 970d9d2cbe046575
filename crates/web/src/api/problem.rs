//! Errors of the API as problem details (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::time::Duration;

/// How to authenticate (RFC 6750, section 3).
const CHALLENGE: &str = "Bearer realm=\"tidewaiter\"";

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
    pub replies: Option<Box<serde_json::Value>>,
    /// For a rejected message: each error with place, code and reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Box<serde_json::Value>>,
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

    /// The request is understood, and what it states cannot be processed.
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "unprocessable-content", "the content cannot be processed", detail)
    }

    /// The resource is there, but not for this method; the router adds which ones it admits.
    pub fn method_not_allowed() -> Self {
        let detail = "the header `Allow` names the methods of this resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "method not allowed", detail)
    }

    /// The body is longer than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("at most {limit} bytes are taken here");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "message-too-large", "the body is too large", detail)
    }

    /// The request was not complete, or its work not done, within `limit`.
    pub fn too_slow(limit: Duration) -> Self {
        let detail = format!(
            "a request may take {} s; what it asked for may have been done all the same, and repeating it does it \
             once only",
            limit.as_secs()
        );
        Self::new(StatusCode::REQUEST_TIMEOUT, "request-timeout", "the request took too long", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        response
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
