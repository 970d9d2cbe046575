//! Attachments: large parts of documents. They stream in and out; this node never holds more than a few chunks of one.

use super::Problem;
use super::auth::{OfficerCaller, StaffCaller};
use super::documents::download_headers;
use super::extract::{Path, Query};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use http_body_util::channel::Channel;
use node::{AttachmentDownload, AttachmentError, AttachmentUpload, Node};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long an upload may stand still, and how long a reader may leave a piece of a download: whoever is slower than a
/// piece of some KiB in this time has lost the connection.
pub(crate) const STANDSTILL: Duration = Duration::from_secs(60);

/// How much of a sender's name goes into the name of a download.
const LONGEST_NAME: usize = 80;

/// What an attachment is called; its media type is the header `Content-Type`, its content the body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Naming {
    name: String,
}

/// `POST /api/v1/attachments?name=...`: uploads the body, of any length up to the limit of the configuration: 201 with
/// its number, 413 when it is too large, 507 when the disk is too full. It is sealed while it comes in.
pub async fn upload(
    State(node): State<Arc<Node>>,
    OfficerCaller(principal): OfficerCaller,
    Query(naming): Query<Naming>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let media_type = text(header::CONTENT_TYPE).unwrap_or("application/octet-stream").to_owned();
    let size = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let mut upload = node.begin_attachment(&principal, (naming.name, media_type), size).await?;
    match take(&mut upload, body).await {
        Ok(()) => Ok((StatusCode::CREATED, Json(json!(upload.finish().await?))).into_response()),
        Err(problem) => {
            upload.abandon().await?;
            Err(problem)
        }
    }
}

async fn take(upload: &mut AttachmentUpload, mut body: Body) -> Result<(), Problem> {
    loop {
        let frame = timeout(STANDSTILL, body.frame()).await.map_err(|_| Problem::too_slow(STANDSTILL))?;
        let Some(frame) = frame else { return Ok(()) };
        let frame = frame.map_err(|error| Problem::malformed(error.to_string()))?;
        if let Ok(piece) = frame.into_data() {
            upload.write(&piece).await?;
        }
    }
}

/// The cursor of a list of attachments.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    #[serde(default)]
    after: i64,
    limit: Option<i64>,
}

/// `GET /api/v1/attachments?after=N&limit=N`: attachments, oldest first, with how much of each is here.
pub async fn list(
    State(node): State<Arc<Node>>,
    _: StaffCaller,
    Query(cursor): Query<Cursor>,
) -> Result<Response, Problem> {
    let attachments = node.attachments(cursor.after, cursor.limit.unwrap_or(100)).await?;
    Ok(Json(json!({ "attachments": attachments })).into_response())
}

/// `GET /api/v1/attachments/{id}`: what is listed of one.
pub async fn show(
    State(node): State<Arc<Node>>,
    _: StaffCaller,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let attachment = node.attachment(id).await?.ok_or_else(|| Problem::absent("attachment"))?;
    Ok(Json(json!(attachment)).into_response())
}

/// `GET /api/v1/attachments/{id}/content`: its content, opened piece by piece; the connection breaks at the first that does
/// not hold, so that whoever counts the bytes of `Content-Length` knows.
pub async fn content(
    State(node): State<Arc<Node>>,
    OfficerCaller(_): OfficerCaller,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let download =
        node.read_attachment(id).await?.ok_or_else(|| Problem::absent("content of an attachment"))?;
    Ok(hand_out(download, id))
}

/// The content of an attachment as an answer: to be kept under a harmless name, and opened piece by piece.
pub(crate) fn hand_out(download: AttachmentDownload, id: i64) -> Response {
    let length = [(header::CONTENT_LENGTH, download.size().to_string())];
    let name = file_name(id, download.name());
    let headers = download_headers(download.media_type(), &name);
    let (sender, body) = Channel::<Bytes, AttachmentError>::new(1);
    tokio::spawn(send(download, id, sender));
    (headers, length, Body::new(body)).into_response()
}

/// A name that nobody's can turn into something else: the number here, and of the sender's name what is harmless.
fn file_name(id: i64, name: &str) -> String {
    let harmless = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = name.chars().map(harmless).take(LONGEST_NAME).collect();
    format!("attachment-{id:06}-{}", name.trim_start_matches('.'))
}

async fn send(
    mut download: AttachmentDownload,
    id: i64,
    mut sender: http_body_util::channel::Sender<Bytes, AttachmentError>,
) {
    loop {
        match download.next().await {
            Ok(Some(piece)) => {
                // A reader that has gone, or stands still, ends the download.
                if !matches!(timeout(STANDSTILL, sender.send_data(piece.into())).await, Ok(Ok(()))) {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, id, "a download of an attachment ended");
                return sender.abort(error);
            }
        }
    }
}

/// `DELETE /api/v1/attachments/{id}`: erases its keys at once and its chunks soon after; what was signed of it still holds.
pub async fn erase(
    State(node): State<Arc<Node>>,
    OfficerCaller(principal): OfficerCaller,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    if !node.erase_attachment(id).await? {
        return Err(Problem::absent("attachment"));
    }
    tracing::info!(officer = principal.name, id, "an attachment was erased");
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl From<AttachmentError> for Problem {
    fn from(error: AttachmentError) -> Self {
        let words = error.to_string();
        match error {
            AttachmentError::Node(error) => error.into(),
            AttachmentError::Name(_) => Self::unprocessable(words),
            AttachmentError::TooLarge { .. } => {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                Self::new(status, "attachment-too-large", "the attachment is too large", words)
            }
            AttachmentError::NoRoom { .. } => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "no-room", "the disk is too full", words)
            }
            AttachmentError::Interrupted => {
                Self::new(StatusCode::CONFLICT, "upload-interrupted", "the upload was interrupted", words)
            }
            AttachmentError::Damaged(_) | AttachmentError::NotAsSigned => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                Self::new(status, "attachment-damaged", "the attachment does not hold", words)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_download_has_a_harmless_name() {
        assert_eq!(file_name(7, "scans of 3.tar"), "attachment-000007-scans_of_3.tar");
        assert_eq!(
            file_name(7, "../../x\"; filename=a.html\r\n"),
            "attachment-000007-_.._x___filename_a.html__"
        );
        assert_eq!(file_name(7, "Röntgen.tif"), "attachment-000007-R_ntgen.tif");
        assert_eq!(file_name(7, &"a".repeat(128)).len(), "attachment-000007-".len() + 80);
    }
}
