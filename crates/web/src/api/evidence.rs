//! The evidence of messages between administrations, as files that stand alone.

use super::Problem;
use super::auth::{OfficerCaller, StaffCaller};
use super::extract::{Content, Path, Query};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use node::{Disclose, EraseError, ExportError, Node, NodeError};
use serde::Deserialize;
use std::sync::Arc;

/// The media type of an evidence file.
pub const MEDIA_TYPE: &str = "application/vnd.tidewaiter.evidence+cbor";

/// What of the content is shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// `none` (as when nothing is said) or `whole`.
    show: Option<String>,
    /// Paths of fields, separated by commas.
    fields: Option<String>,
    /// Whether copies of the attachments can be compared by the file.
    #[serde(default)]
    attachments: bool,
}

impl Shown {
    fn disclose(self) -> Result<Disclose, Problem> {
        match (self.show.as_deref(), self.fields) {
            (None | Some("none"), None) => Ok(Disclose::Nothing),
            (Some("whole"), None) => Ok(Disclose::Whole),
            (None, Some(fields)) => Ok(Disclose::Fields(fields.split(',').map(str::to_owned).collect())),
            (Some(_), Some(_)) => Err(Problem::malformed("give `show` or `fields`, not both")),
            (Some(other), None) => {
                Err(Problem::malformed(format!("`show` is `none` or `whole`, not `{other}`")))
            }
        }
    }
}

/// `GET /api/v1/messages/{id}/evidence?show=none|whole` or `?fields=PATH,...`: the evidence file of a message by its
/// number, or by its identity between nodes; with `attachments=true` copies of the attachments can be compared by it.
/// The operator gets it without content.
pub async fn file(
    State(node): State<Arc<Node>>,
    StaffCaller(principal): StaffCaller,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
) -> Result<Response, Problem> {
    let attachments = shown.attachments;
    let disclose = shown.disclose()?;
    if (attachments || disclose != Disclose::Nothing) && !principal.role.decides() {
        return Err(Problem::forbidden("content is shown by officers of the administration only"));
    }
    let number = number(&node, &id).await?;
    let exported = node.evidence_with(number, disclose, attachments).await;
    let file =
        exported.map_err(refused)?.ok_or_else(|| Problem::absent("message between administrations"))?;
    Ok(download(number, file))
}

/// Why content is erased.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ground {
    ground: String,
}

/// `POST /api/v1/messages/{id}/erasure`: erases the content of a message; its proofs stay. Again, it changes nothing and
/// gives the first ground.
pub async fn erase(
    State(node): State<Arc<Node>>,
    OfficerCaller(principal): OfficerCaller,
    Path(id): Path<String>,
    Content(Ground { ground }): Content<Ground>,
) -> Result<Response, Problem> {
    let number = number(&node, &id).await?;
    let erased = node.erase(&principal, number, &ground).await.map_err(refused)?;
    let erased = erased.ok_or_else(|| Problem::absent("message between administrations"))?;
    Ok(Json(erased).into_response())
}

/// The evidence file of a message, to be saved.
pub(crate) fn download(number: i64, file: Vec<u8>) -> Response {
    let name = format!("attachment; filename=\"message-{number}.evidence\"");
    let headers = [
        (header::CONTENT_TYPE, MEDIA_TYPE.to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, file).into_response()
}

/// The number of a message that is named by it or by its identity between nodes.
pub(super) async fn number(node: &Node, id: &str) -> Result<i64, Problem> {
    if let Ok(number) = id.parse() {
        return Ok(number);
    }
    match node.messages_of_identity(id.to_owned()).await?.as_slice() {
        [] => Err(Problem::absent("message between administrations")),
        [number] => Ok(*number),
        several => {
            let numbers: Vec<_> = several.iter().map(i64::to_string).collect();
            Err(Problem::unprocessable(format!(
                "several messages have this identity: {}",
                numbers.join(", ")
            )))
        }
    }
}

/// What cannot be exported is told; that the store failed is not.
pub(super) fn refused(error: NodeError) -> Problem {
    match error {
        NodeError::Export(ExportError::Store(_)) => error.into(),
        NodeError::Erase(EraseError::Store(_)) => error.into(),
        NodeError::Erase(refused) => Problem::unprocessable(refused.to_string()),
        NodeError::Export(refused) => Problem::unprocessable(refused.to_string()),
        error => error.into(),
    }
}
