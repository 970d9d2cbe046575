//! What a request carries, read so that whatever is wrong with it is answered with problem details.

use super::Problem;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// The longest message that is taken: the largest real declarations are a few megabytes.
const MESSAGE_LIMIT: usize = 32 * 1024 * 1024;

/// The longest decision or registration that is taken: its texts have 512 characters at most, its lists a few hundred
/// entries.
const CONTENT_LIMIT: usize = 64 * 1024;

/// The longest body that holds an agreement.
const LONG_CONTENT_LIMIT: usize = 4 * 1024 * 1024;

/// The parameters of the query string.
pub struct Query<T>(pub T);

/// The parameters in the path.
pub struct Path<T>(pub T);

/// A message: the body as it is, up to 32 MiB.
pub struct Message(pub Bytes);

/// What the body states as JSON, up to 64 KiB.
pub struct Content<T>(pub T);

/// What the body states as JSON, up to 4 MiB: it holds a whole agreement.
pub struct LongContent<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        read.map(|read| Self(read.0)).map_err(|rejection| Problem::malformed(rejection.body_text()))
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|read| Self(read.0)).map_err(|rejection| Problem::malformed(rejection.body_text()))
    }
}

impl<S: Send + Sync> FromRequest<S> for Message {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        body(request, state, MESSAGE_LIMIT).await.map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Content<T> {
    type Rejection = Problem;

    /// Text that is no JSON is a malformed request (400); JSON that states something else than is asked for cannot be
    /// processed (422).
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        stated(&body(request, state, CONTENT_LIMIT).await?).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for LongContent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        stated(&body(request, state, LONG_CONTENT_LIMIT).await?).map(Self)
    }
}

fn stated<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            Problem::unprocessable(error.to_string())
        } else {
            Problem::malformed(format!("the body is no JSON: {error}"))
        }
    })
}

async fn body<S: Send + Sync>(mut request: Request, state: &S, limit: usize) -> Result<Bytes, Problem> {
    DefaultBodyLimit::max(limit).apply(&mut request);
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            Problem::too_large(limit)
        }
        other => Problem::malformed(other.body_text()),
    })
}
