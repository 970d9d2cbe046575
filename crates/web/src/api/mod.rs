//! The API of a node for traders' systems and the tools of officers and operators: version 1, under `/api/v1`.
//!
//! | Route | For | What |
//! |---|---|---|
//! | `POST /messages` | trader | submit a message (XML) |
//! | `GET /messages` | all | messages after a cursor, one's own or all |
//! | `GET /messages/{id}` | all | one message as XML |
//! | `GET /messages/{id}/evidence` | officer, operator (without content) | the evidence file of a message between administrations |
//! | `POST /messages/{id}/erasure` | officer | erase the content of a message, and keep its proofs |
//! | `GET /movements` | all | movements by MRN, LRN or state, one's own or all |
//! | `GET /movements/{movement}/messages` | all | the messages of a movement |
//! | `POST /movements/{mrn}/decisions` | officer | a decision |
//! | `GET`, `POST /guarantees`, `GET /guarantees/{grn}` | officer, operator | guarantee accounts |
//! | `GET /held`, `POST /held/{id}/retry` | officer (list: operator too) | messages on which this node failed |
//! | `POST /documents` | officer | send a document to a partner |
//! | `GET /documents`, `GET /documents/{id}`, `GET /documents/{id}/content` | officer, operator | documents |
//! | `POST /documents/{id}/decision` | officer | accept or decline a document |
//! | `GET /log` | officer, operator | the node's log: size, checkpoint, witnesses, findings |
//! | `GET /log/entries/{index}`, `GET /log/entries/{index}/proof` | officer, operator, auditor | an entry of the log, and its proof |
//! | `GET /log/findings/{id}/proof` | officer, operator | the portable proof that a log showed two histories |
//! | `POST /log/findings/{id}/seen` | officer | mark a finding as seen, with a note |
//! | `GET /exchange` | officer, operator | what waits for each partner, circuits, alarms |
//! | `GET /messages/{id}/delivery` | officer, operator | how far a message to a partner has come |
//! | `GET /dead-letters`, `POST /dead-letters/{id}/redrive`, `.../close` | officer (list: operator too) | messages that will never be delivered |
//! | `GET`, `POST /attachments`, `GET`, `DELETE /attachments/{id}` | officer (read: operator too) | large parts of documents |
//! | `GET /attachments/{id}/content` | officer | the content of one, streamed |
//! | `GET /documents/{id}/attachments` | officer, operator | the attachments of a document |
//! | `GET /partners` | officer, operator | partner administrations and the state of the exchange with them |
//! | `GET /partners/card` | operator | the card that this node gives to partners, with the keys that it uses now |
//! | `GET /keys` | officer, operator | key registers, keys, and what runs out |
//! | `POST /keys/rotations`, `/keys/revocations`, `/keys/renewals` | operator | a new key, one that counts no more, a later expiry |
//! | `POST /registers/{agreement}` | operator | the first version of a key register, or a party more |
//! | `POST /partners/invitations`, `.../invitations/accepted`, `/partners/acceptances` | operator | federate with another administration |
//! | `POST /partners/{administration}/suspension`, `.../resumption` | operator | stop the exchange, and let it go on |
//!
//! Whatever is refused is answered with problem details ([`Problem`]).

pub(crate) mod attachments;
mod auth;
mod decisions;
pub(crate) mod documents;
pub(crate) mod evidence;
mod exchange;
mod extract;
mod guarantees;
mod held;
mod keys;
mod log;
mod messages;
mod movements;
mod partners;
mod problem;

pub(crate) use auth::{AuditorCaller, OperatorCaller};
pub(crate) use documents::download_headers;
pub use problem::Problem;

use axum::Router;
use axum::routing::{MethodRouter, delete, get, post};
use node::Node;
use std::sync::Arc;

/// Where attachments are uploaded, and under which they are read: their content streams.
pub(crate) const ATTACHMENTS: &str = "/api/v1/attachments";

/// A method on a path.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method, as in `GET`.
    pub method: &'static str,
    /// The path, with its `{parameters}`.
    pub path: &'static str,
    handler: fn() -> MethodRouter<Arc<Node>>,
}

const fn route(method: &'static str, path: &'static str, handler: fn() -> MethodRouter<Arc<Node>>) -> Route {
    Route { method, path, handler }
}

/// Every route of the API: the router is built from this table, and a test shows for each who may use it.
pub const ROUTES: &[Route] = &[
    route("POST", "/api/v1/messages", || post(messages::submit)),
    route("GET", "/api/v1/messages", || get(messages::list)),
    route("GET", "/api/v1/messages/{id}", || get(messages::body)),
    route("GET", "/api/v1/messages/{id}/evidence", || get(evidence::file)),
    route("POST", "/api/v1/messages/{id}/erasure", || post(evidence::erase)),
    route("GET", "/api/v1/movements", || get(movements::list)),
    route("GET", "/api/v1/movements/{movement}/messages", || get(movements::messages)),
    route("POST", "/api/v1/movements/{movement}/decisions", || post(decisions::decide)),
    route("GET", "/api/v1/guarantees", || get(guarantees::list)),
    route("POST", "/api/v1/guarantees", || post(guarantees::register)),
    route("GET", "/api/v1/guarantees/{grn}", || get(guarantees::account)),
    route("GET", "/api/v1/held", || get(held::list)),
    route("POST", "/api/v1/held/{id}/retry", || post(held::retry)),
    route("POST", "/api/v1/documents", || post(documents::send)),
    route("GET", "/api/v1/documents", || get(documents::list)),
    route("GET", "/api/v1/documents/{id}", || get(documents::show)),
    route("GET", "/api/v1/documents/{id}/content", || get(documents::content)),
    route("POST", "/api/v1/documents/{id}/decision", || post(documents::decide)),
    route("GET", "/api/v1/log", || get(log::show)),
    route("GET", "/api/v1/log/entries/{index}", || get(log::entry)),
    route("GET", "/api/v1/log/entries/{index}/proof", || get(log::proof)),
    route("GET", "/api/v1/log/findings/{finding}/proof", || get(log::finding)),
    route("POST", "/api/v1/log/findings/{finding}/seen", || post(log::see)),
    route("GET", "/api/v1/exchange", || get(exchange::show)),
    route("GET", "/api/v1/messages/{id}/delivery", || get(exchange::delivery)),
    route("GET", "/api/v1/dead-letters", || get(exchange::dead)),
    route("POST", "/api/v1/dead-letters/{id}/redrive", || post(exchange::redrive)),
    route("POST", "/api/v1/dead-letters/{id}/close", || post(exchange::close)),
    route("POST", "/api/v1/attachments", || post(attachments::upload)),
    route("GET", "/api/v1/attachments", || get(attachments::list)),
    route("GET", "/api/v1/attachments/{id}", || get(attachments::show)),
    route("DELETE", "/api/v1/attachments/{id}", || delete(attachments::erase)),
    route("GET", "/api/v1/attachments/{id}/content", || get(attachments::content)),
    route("GET", "/api/v1/documents/{id}/attachments", || get(documents::attachments)),
    route("GET", "/api/v1/partners", || get(partners::list)),
    route("GET", "/api/v1/keys", || get(keys::list)),
    route("POST", "/api/v1/keys/rotations", || post(keys::rotate)),
    route("POST", "/api/v1/keys/revocations", || post(keys::revoke)),
    route("POST", "/api/v1/keys/renewals", || post(keys::renew)),
    route("POST", "/api/v1/registers/{agreement}", || post(keys::found)),
    route("GET", "/api/v1/partners/card", || get(partners::card)),
    route("POST", "/api/v1/partners/invitations", || post(partners::invite)),
    route("POST", "/api/v1/partners/invitations/accepted", || post(partners::accept)),
    route("POST", "/api/v1/partners/acceptances", || post(partners::take)),
    route("POST", "/api/v1/partners/{administration}/suspension", || post(partners::suspend)),
    route("POST", "/api/v1/partners/{administration}/resumption", || post(partners::resume)),
];

/// The routes of the API.
pub fn routes() -> Router<Arc<Node>> {
    let routes =
        ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
    routes.method_not_allowed_fallback(|| async { Problem::method_not_allowed() }).fallback(absent)
}

async fn absent() -> Problem {
    Problem::absent("resource")
}
