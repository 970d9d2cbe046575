//! A visit by someone who is signed in: what every page asks for first.

use super::failure::Failure;
use super::frame::{Frame, Section};
use super::paths;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use base::Administration;
use node::{Node, NodeError, Principal};
use std::sync::Arc;

/// A request by an officer or operator who is signed in.
pub struct Visit {
    /// This administration's node.
    pub node: Arc<Node>,
    /// Who asks.
    pub principal: Principal,
    /// The frame of their pages.
    pub frame: Frame,
}

impl FromRequestParts<Arc<Node>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Response> {
        let sign_in = || Redirect::to(&paths::sign_in(&return_address(parts))).into_response();
        let cookie = session_cookie(&parts.headers, node.administration()).ok_or_else(sign_in)?;
        let frame = Frame::new(node.administration(), node.exercise());
        let session = node.session(cookie).await;
        let session = session.map_err(|error| Failure::unavailable(&frame, &error).into_response())?;
        let session = session.ok_or_else(sign_in)?;
        let frame = frame.for_principal(&session.principal, &session.form_token);
        if !session.principal.role.administers() {
            let words = "The console is for the administration. Traders use the API with their token.";
            return Err(Failure::forbidden(&frame, words).into_response());
        }
        if is_from_elsewhere(&parts.headers) && parts.method != Method::GET && parts.method != Method::HEAD {
            return Err(Failure::stale_form(&frame, return_address(parts)).into_response());
        }
        Ok(Self { node: Arc::clone(node), principal: session.principal, frame })
    }
}

impl Visit {
    /// The visit to a page in `section`.
    pub fn within(mut self, section: Section) -> Self {
        self.frame = self.frame.within(section);
        self
    }

    /// Turns a failure of the node into a page.
    pub fn failed(&self) -> impl FnOnce(NodeError) -> Failure {
        |error| Failure::unavailable(&self.frame, &error)
    }

    /// Checks that a form carries the secret of this session.
    ///
    /// # Errors
    /// When it does not; the page leads back to `page`.
    pub fn check_form_token(&self, token: &str, page: String) -> Result<(), Failure> {
        if same_secret(self.frame.form_token(), token) {
            return Ok(());
        }
        Err(Failure::stale_form(&self.frame, page))
    }
}

/// The name of the session cookie. It carries the country because browsers share cookies between all ports of a host,
/// and several nodes may run on one.
pub fn cookie_name(administration: &Administration) -> String {
    format!("tidewaiter_{}", administration.country().as_str())
}

/// The value of the session cookie, if the request has one that can be a session's.
pub fn session_cookie<'h>(headers: &'h HeaderMap, administration: &Administration) -> Option<&'h str> {
    let name = cookie_name(administration);
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value).next()
}

/// Whether the browser says that the request was made by another site. A browser that says nothing is old, or none.
pub fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    matches!(site, Some("cross-site" | "same-site"))
}

/// Whether two secrets are the same, in a time that does not tell how much of them is. No secret is empty.
fn same_secret(ours: &str, theirs: &str) -> bool {
    let difference = ours.bytes().zip(theirs.bytes()).fold(0, |all, (one, other)| all | (one ^ other));
    !ours.is_empty() && ours.len() == theirs.len() && difference == 0
}

/// Where a sign-in should return to: the page asked for, or the page whose form was sent.
fn return_address(parts: &Parts) -> String {
    if parts.method == Method::GET || parts.method == Method::HEAD {
        return parts.uri.path_and_query().map_or(paths::WORKLIST, |address| address.as_str()).to_owned();
    }
    let path = parts.uri.path();
    if path.starts_with(paths::PARTNERS) {
        return paths::PARTNERS.to_owned();
    }
    if path.starts_with("/console/log/findings/") {
        return "/console/log".to_owned();
    }
    path.strip_suffix("/decisions").unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderValue, Request};

    fn administration() -> Administration {
        Administration::parse("NTA.GB").unwrap()
    }

    #[test]
    fn only_this_nodes_own_cookie_counts() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("tidewaiter_FR=theirs; other=1"));
        assert_eq!(session_cookie(&headers, &administration()), None);
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; tidewaiter_GB=ours"));
        assert_eq!(session_cookie(&headers, &administration()), Some("ours"));
    }

    #[test]
    fn secrets_are_compared_whole() {
        assert!(same_secret("abcd", "abcd"));
        for other in ["", "abc", "abcde", "abcx"] {
            assert!(!same_secret("abcd", other));
        }
        assert!(!same_secret("", ""));
    }

    #[test]
    fn a_lost_form_returns_to_its_page() {
        let address = |method: &str, uri: &str| {
            let request = Request::builder().method(method).uri(uri).body(()).unwrap();
            return_address(&request.into_parts().0)
        };
        assert_eq!(address("GET", "/console?state=Released"), "/console?state=Released");
        assert_eq!(address("POST", "/console/movements/26GB/decisions"), "/console/movements/26GB");
    }
}
