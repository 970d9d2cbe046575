//! Who asks: the bearer token of a request, as a principal of this node.

use super::Problem;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use node::{Node, Principal, Role};
use std::sync::Arc;

/// A principal that has shown a token.
pub struct Caller(pub Principal);

/// A principal that may take an officer's decisions.
pub struct OfficerCaller(pub Principal);

impl FromRequestParts<Arc<Node>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Problem> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token =
            header.and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(Problem::unauthenticated)?;
        node.principal_of(token.trim()).await?.map(Caller).ok_or_else(Problem::unauthenticated)
    }
}

impl FromRequestParts<Arc<Node>> for OfficerCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Problem> {
        let Caller(principal) = Caller::from_request_parts(parts, node).await?;
        if principal.role.decides() {
            Ok(Self(principal))
        } else {
            Err(Problem::forbidden("this is for officers of the administration"))
        }
    }
}

/// The owner to whom a list is limited: a trader sees its own, an officer everything of the administration.
pub fn owner_limit(principal: &Principal) -> Option<String> {
    (principal.role == Role::Trader).then(|| principal.name.clone())
}
