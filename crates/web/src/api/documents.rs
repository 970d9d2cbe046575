//! Documents between administrations: sent and decided on by officers, or by an administration's own systems with an
//! officer's token.

use super::Problem;
use super::auth::{OfficerCaller, StaffCaller};
use super::extract::{Content, Message, Path, Query};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::Administration;
use node::{
    DocumentContent, DocumentDecision, DocumentRow, Lane, NewDocument, Node, Principal, Replacements,
    SendError,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// What a document is about and to whom it goes; its content is the body and its media type the header `Content-Type`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    to: String,
    subject: String,
    title: String,
    purpose: Option<String>,
    #[serde(default)]
    lane: Lane,
    expires_in: Option<i64>,
    /// Attachments that were uploaded before, as in `3,4`.
    attachments: Option<String>,
}

/// `POST /api/v1/documents?to=NTA.FR&subject=...&title=...`: sends the body as a document: 202 when it was cleared and
/// is on its way, 403 with the clause and ground when no agreement lets it leave, 422 when something about it is wrong.
pub async fn send(
    State(node): State<Arc<Node>>,
    OfficerCaller(principal): OfficerCaller,
    Query(address): Query<Address>,
    headers: HeaderMap,
    Message(content): Message,
) -> Result<Response, Problem> {
    let wrong = |name: &str, error: base::Invalid| Problem::unprocessable(format!("`{name}`: {error}"));
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let purpose = match &address.purpose {
        Some(purpose) => node::Term::parse(purpose).map_err(|error| wrong("purpose", error))?,
        None => node::default_purpose().map_err(|error| wrong("purpose", error))?,
    };
    let new = NewDocument {
        recipient: Administration::parse(&address.to).map_err(|error| wrong("to", error))?,
        subject: address.subject,
        purpose,
        lane: address.lane,
        expires_seconds: address.expires_in.unwrap_or(node::DEFAULT_EXPIRY_SECONDS),
        document: DocumentContent {
            title: address.title,
            media_type: media_type.unwrap_or("application/octet-stream").to_owned(),
            content: content.to_vec(),
        },
    };
    let attachments = attachment_numbers(address.attachments.as_deref())?;
    match node.send_document_with(&principal, new, attachments).await? {
        Ok(sent) => Ok((StatusCode::ACCEPTED, Json(json!(sent))).into_response()),
        Err(SendError::Withheld(words)) => {
            Err(Problem::new(StatusCode::FORBIDDEN, "withheld", "no agreement lets this leave", words))
        }
        Err(error @ SendError::QueueFull(_)) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "queue-full",
            "too much waits for this partner",
            error.to_string(),
        )),
        Err(error) => Err(Problem::unprocessable(error.to_string())),
    }
}

/// The numbers of attachments in a query.
fn attachment_numbers(listed: Option<&str>) -> Result<Vec<i64>, Problem> {
    let named = listed.unwrap_or_default().split(',').filter(|word| !word.is_empty());
    let numbers = named.map(|word| {
        word.trim().parse().map_err(|_| {
            Problem::unprocessable(format!("`attachments`: `{word}` is no number of an attachment"))
        })
    });
    numbers.collect()
}

/// The cursor of a list of documents.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    subject: Option<String>,
    #[serde(default)]
    open: bool,
    before: Option<i64>,
    after: Option<i64>,
    limit: Option<i64>,
}

/// `GET /api/v1/documents?subject=...&before=N&limit=N`: documents, newest first; with `open=true` those that wait for an
/// officer, oldest first, after a number.
pub async fn list(
    State(node): State<Arc<Node>>,
    _: StaffCaller,
    Query(cursor): Query<Cursor>,
) -> Result<Response, Problem> {
    let limit = cursor.limit.unwrap_or(100);
    let documents = if cursor.open {
        node.open_documents(cursor.after.unwrap_or(0), limit).await?
    } else {
        node.documents(cursor.subject, cursor.before, limit).await?
    };
    Ok(Json(json!({ "documents": documents })).into_response())
}

/// `GET /api/v1/documents/{id}`: what is listed of one document, what it `replaces` (a dead letter that was sent again as
/// this one) and what it was `replaced_by`.
pub async fn show(
    State(node): State<Arc<Node>>,
    _: StaffCaller,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let view = node.document(id).await?.ok_or_else(|| Problem::absent("document"))?;
    Ok(Json(json!(Shown { row: view.row, replacements: view.replacements })).into_response())
}

/// What is shown of one document.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    row: DocumentRow,
    #[serde(flatten)]
    replacements: Replacements,
}

/// `GET /api/v1/documents/{id}/attachments`: what is listed of the attachments of one document.
pub async fn attachments(
    State(node): State<Arc<Node>>,
    _: StaffCaller,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    if node.document(id).await?.is_none() {
        return Err(Problem::absent("document"));
    }
    Ok(Json(json!({ "attachments": node.document_attachments(id).await? })).into_response())
}

/// `GET /api/v1/documents/{id}/content`: its content, as the media type that its sender named; never as something that a
/// browser runs.
pub async fn content(
    State(node): State<Arc<Node>>,
    StaffCaller(principal): StaffCaller,
    method: Method,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let view = if hands_out(&principal, &method) {
        node.hand_out_document(id).await?
    } else {
        node.document(id).await?
    };
    let view = view.ok_or_else(|| Problem::absent("document"))?;
    let document = view.document.ok_or_else(|| Problem::absent("content of a document"))?;
    Ok((download_headers(&document.media_type, &file_name(id)), document.content).into_response())
}

/// Whether showing a document hands it out, of which its sender gets a signed statement: an officer asks for the content
/// itself. The operator may read it, for nobody whom it is for.
pub(crate) fn hands_out(principal: &Principal, method: &Method) -> bool {
    principal.role.decides() && *method == Method::GET
}

/// The name under which the content of a document is kept.
pub(crate) fn file_name(id: i64) -> String {
    format!("document-{id:06}")
}

/// The headers of a content that came from elsewhere: it is kept, not shown.
pub(crate) fn download_headers(media_type: &str, name: &str) -> [(header::HeaderName, String); 4] {
    [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".to_owned()),
    ]
}

/// `POST /api/v1/documents/{id}/decision`: an officer accepts or declines a document that was received.
pub async fn decide(
    State(node): State<Arc<Node>>,
    OfficerCaller(principal): OfficerCaller,
    Path(id): Path<i64>,
    Content(decision): Content<DocumentDecision>,
) -> Result<Response, Problem> {
    match node.decide_document(&principal, id, decision).await? {
        Ok(true) => Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(false) => Err(Problem::absent("open document")),
        Err(words) => Err(Problem::unprocessable(words)),
    }
}
