//! Pages that say what went wrong and what to do.

use super::frame::{Frame, page};
use super::paths;
use super::visit::Visit;
use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use node::NodeError;

/// A page that says why there is no other.
#[derive(Template)]
#[template(path = "failure.html")]
pub struct FailurePage {
    /// Its frame.
    pub frame: Frame,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// What is wrong and what to do.
    pub words: String,
    /// Where to go from here.
    pub way_out: String,
}

/// Why a request of the console gets no page.
#[derive(Debug)]
pub struct Failure {
    frame: Box<Frame>,
    status: StatusCode,
    title: &'static str,
    words: String,
    way_out: String,
}

impl Failure {
    fn new(frame: &Frame, status: StatusCode, title: &'static str, words: impl Into<String>) -> Self {
        let way_out = paths::WORKLIST.to_owned();
        Self { frame: Box::new(frame.clone()), status, title, words: words.into(), way_out }
    }

    /// There is no such thing here.
    pub fn absent(frame: &Frame, words: impl Into<String>) -> Self {
        Self::new(frame, StatusCode::NOT_FOUND, "Not found", words)
    }

    /// The one who is signed in may not do this.
    pub fn forbidden(frame: &Frame, words: impl Into<String>) -> Self {
        Self::new(frame, StatusCode::FORBIDDEN, "Not allowed", words)
    }

    /// The form was not drawn for this session, or has been changed on the way.
    pub fn stale_form(frame: &Frame, page: String) -> Self {
        let words = "The form does not belong to your present session, so nothing was done. Open the page again and \
                     repeat the step.";
        Self { way_out: page, ..Self::new(frame, StatusCode::FORBIDDEN, "The form is out of date", words) }
    }

    /// The form cannot be read.
    pub fn malformed(frame: &Frame, words: impl Into<String>) -> Self {
        Self::new(frame, StatusCode::BAD_REQUEST, "The request cannot be read", words)
    }

    /// The node failed: logged with its cause, shown without it.
    pub fn unavailable(frame: &Frame, error: &NodeError) -> Self {
        tracing::error!(%error, "a page of the console failed");
        let words = "The node cannot do this now. Nothing was changed: try again in a moment. The node's log says why.";
        Self::new(frame, StatusCode::SERVICE_UNAVAILABLE, "Not possible now", words)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { frame, status, title, words, way_out } = self;
        page(status, &FailurePage { frame: *frame, title, words, way_out })
    }
}

/// Any other address under `/console`.
pub async fn unknown_page(visit: Visit) -> Failure {
    Failure::absent(&visit.frame, "The console has no page at this address. It may have been mistyped.")
}
