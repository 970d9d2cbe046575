//! The officers' console: pages drawn by the server, which work without scripts and at any width.
//!
//! | Page | Shows |
//! |---|---|
//! | `/console` | the worklist: what waits for a decision, where every movement stands |
//! | `/console/movements/{movement}` | one movement: its state at each office, its timeline, what was disclosed |
//! | `/console/messages/{id}` | one message, what proves it, and its XML and evidence file to download |
//! | `/console/guarantees`, `/console/guarantees/{grn}` | guarantee accounts and their statements |
//! | `/console/documents`, `/console/documents/{id}` | documents sent and received, and the decision on one |
//! | `/console/attachments` | attachments: which are under way and how far, all of them, each to download |
//! | `/console/exchange` | what waits for each partner, alarms, dead letters |
//! | `/console/partners` | partner administrations and the exchange with them |
//! | `/console/keys` | the key registers, their keys, and what runs out |
//! | `/console/log` | the node's log, its witnesses, and what the comparison of logs has found |
//!
//! Every page but the sign-in asks for a session ([`visit::Visit`]); a handler cannot draw a page without one. Pages
//! carry no script, no style of their own and nothing from elsewhere: the content security policy forbids all three.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod assets;
mod attachments;
mod decision;
mod decision_form;
mod decisions;
mod document_form;
mod documents;
mod evidence;
mod exchange;
mod failure;
mod form_stream;
mod frame;
mod guarantees;
mod keys;
mod log;
mod messages;
mod moment;
mod movement;
mod names;
mod paging;
mod partners;
mod paths;
mod replacement;
mod sign_in;
mod timeline;
mod visit;
mod worklist;
mod xml;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::Redirect;
use axum::routing::{get, post};
use node::Node;
use std::sync::Arc;

/// Where documents are listed, and sent with their files.
pub(crate) const DOCUMENTS: &str = "/console/documents";

/// Where attachments are listed, and under which they are read.
pub(crate) const ATTACHMENTS: &str = "/console/attachments";

/// The longest form that is taken: the longest reason is two kilobytes, each byte of which may be escaped to three.
const FORM_LIMIT: usize = 16 * 1024;

/// The routes of the console.
pub fn routes() -> Router<Arc<Node>> {
    let pages = Router::new()
        .route("/", get(|| async { Redirect::to(paths::WORKLIST) }))
        .route("/console", get(worklist::show))
        .route("/console/sign-in", get(sign_in::show).post(sign_in::submit))
        .route("/console/sign-out", post(sign_in::sign_out))
        .route("/console/movements/{movement}", get(movement::show))
        .route("/console/movements/{movement}/decisions", post(decisions::take))
        .route("/console/messages/{id}", get(messages::show))
        .route("/console/messages/{id}/xml", get(messages::download))
        .route("/console/messages/{id}/evidence", get(evidence::download))
        .route("/console/guarantees", get(guarantees::list))
        .route("/console/guarantees/{grn}", get(guarantees::show))
        .route("/console/partners", get(partners::show))
        .route("/console/partners/{administration}/suspension", post(partners::suspend))
        .route("/console/partners/{administration}/resumption", post(partners::resume))
        .route("/console/keys", get(keys::show))
        .route("/console/log", get(log::show))
        .route("/console/log/findings/{id}/proof", get(log::proof))
        .route("/console/log/findings/{id}/seen", post(log::see))
        .route(DOCUMENTS, get(documents::list))
        // Files stream into the store: their limit is that of attachments. What is kept meanwhile is bounded by the
        // form's stream.
        .route(DOCUMENTS, post(documents::send).layer(DefaultBodyLimit::disable()))
        .route(ATTACHMENTS, get(attachments::list))
        .route("/console/attachments/{id}/content", get(attachments::download))
        .route("/console/documents/{id}", get(documents::show))
        .route("/console/documents/{id}/content", get(documents::download))
        .route("/console/documents/{id}/decisions", post(documents::decide))
        .route("/console/exchange", get(exchange::show))
        .route("/console/exchange/dead-letters/{id}", post(exchange::deal))
        .route("/console/{*anything}", get(failure::unknown_page))
        .layer(DefaultBodyLimit::max(FORM_LIMIT))
        .layer(axum::middleware::map_response(frame::guard));
    Router::new().route("/assets/{hash}/{name}", get(assets::serve)).merge(pages)
}
