//! Who asks: the bearer token of a request, as a principal of this node, and what that principal may do.

use super::Problem;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use node::{Node, Principal, Role};
use std::sync::Arc;

/// A principal that has shown a token: whoever may read.
pub struct Caller(pub Principal);

/// A principal that may submit messages.
pub struct TraderCaller(pub Principal);

/// A principal that may take an officer's decisions.
pub struct OfficerCaller(pub Principal);

/// A principal of the administration: an officer or the operator.
pub struct StaffCaller(pub Principal);

/// An auditor with a mandate.
pub struct AuditorCaller(pub Principal);

/// Whoever may read entries of the log: the staff and auditors; which one does not matter.
pub struct ReaderCaller;

/// An operator.
pub struct OperatorCaller(pub Principal);

impl FromRequestParts<Arc<Node>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Problem> {
        principal(parts, node).await.map(Self)
    }
}

impl FromRequestParts<Arc<Node>> for TraderCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Problem> {
        admitted(parts, node, Role::submits, "this is for traders").await.map(Self)
    }
}

impl FromRequestParts<Arc<Node>> for OfficerCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Problem> {
        admitted(parts, node, Role::decides, "this is for officers of the administration").await.map(Self)
    }
}

impl FromRequestParts<Arc<Node>> for StaffCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Problem> {
        let words = "this is for officers and the operator of the administration";
        admitted(parts, node, Role::administers, words).await.map(Self)
    }
}

impl FromRequestParts<Arc<Node>> for OperatorCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Problem> {
        admitted(parts, node, |role| role == Role::Operator, "this is for the operator").await.map(Self)
    }
}

impl FromRequestParts<Arc<Node>> for AuditorCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Problem> {
        admitted(parts, node, Role::audits, "this is for auditors with a mandate").await.map(Self)
    }
}

impl FromRequestParts<Arc<Node>> for ReaderCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Problem> {
        let words = "this is for officers, the operator and auditors of the administration";
        admitted(parts, node, |role| role.audits() || role.administers(), words).await.map(|_| Self)
    }
}

/// The principal that asks, if `may` says that its role admits it.
async fn admitted(
    parts: &Parts,
    node: &Node,
    may: fn(Role) -> bool,
    otherwise: &str,
) -> Result<Principal, Problem> {
    let principal = principal(parts, node).await?;
    if may(principal.role) { Ok(principal) } else { Err(Problem::forbidden(otherwise)) }
}

async fn principal(parts: &Parts, node: &Node) -> Result<Principal, Problem> {
    let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(bearer_token).ok_or_else(Problem::unauthenticated)?;
    node.principal_of(token).await?.ok_or_else(Problem::unauthenticated)
}

/// The token of an authorization header with the scheme `Bearer`, whose name may be written in any case (RFC 9110,
/// section 11.1).
fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The owner to whom a list is limited: a trader sees its own, the staff everything of the administration.
pub fn owner_limit(principal: &Principal) -> Option<String> {
    (!principal.role.administers()).then(|| principal.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        assert_eq!(bearer_token("Bearer abc"), Some("abc"));
        assert_eq!(bearer_token("bearer  abc "), Some("abc"));
        assert_eq!([bearer_token("Basic abc"), bearer_token("abc"), bearer_token("")], [None; 3]);
    }
}
