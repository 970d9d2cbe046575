//! The API of a node for traders' systems and officers' tools: version 1, under `/api/v1`.
//!
//! | Route | For | What |
//! |---|---|---|
//! | `POST /messages` | trader | submit a message (XML) |
//! | `GET /messages` | all | messages after a cursor, one's own or all |
//! | `GET /messages/{id}` | all | one message as XML |
//! | `GET /movements` | all | movements by MRN, LRN or state |
//! | `GET /movements/{movement}/messages` | all | the messages of a movement |
//! | `POST /movements/{mrn}/decisions` | officer | a decision |
//! | `GET`, `POST /guarantees`, `GET /guarantees/{grn}` | officer | guarantee accounts |
//! | `GET /partners` | officer | partner administrations and the state of the exchange with them |

mod auth;
mod decisions;
mod guarantees;
mod messages;
mod movements;
mod partners;
mod problem;

pub use problem::Problem;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use node::Node;
use std::sync::Arc;

/// The longest message that is taken: the largest real declarations are a few megabytes.
const MESSAGE_LIMIT: usize = 32 * 1024 * 1024;

/// The routes of the API.
pub fn routes() -> Router<Arc<Node>> {
    Router::new()
        .route("/api/v1/messages", post(messages::submit).get(messages::list))
        .route("/api/v1/messages/{id}", get(messages::body))
        .route("/api/v1/movements", get(movements::list))
        .route("/api/v1/movements/{movement}/messages", get(movements::messages))
        .route("/api/v1/movements/{movement}/decisions", post(decisions::decide))
        .route("/api/v1/guarantees", get(guarantees::list).post(guarantees::register))
        .route("/api/v1/guarantees/{grn}", get(guarantees::account))
        .route("/api/v1/partners", get(partners::list))
        .fallback(absent)
        .layer(DefaultBodyLimit::max(MESSAGE_LIMIT))
}

async fn absent() -> Problem {
    Problem::absent("resource")
}
