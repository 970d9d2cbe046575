//! Attachments: how far those under way are, all of them, and their content to keep.

use super::exchange::size;
use super::failure::Failure;
use super::frame::{Frame, Section, page};
use super::visit::Visit;
use super::{ATTACHMENTS, DOCUMENTS};
use crate::api::attachments::hand_out;
use askama::Template;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use node::{AttachmentError, AttachmentView};
use serde::Deserialize;

/// How many are shown at once.
const SHOWN: i64 = 50;

/// An attachment in a table.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its number here.
    pub id: i64,
    /// Its name, as its sender gave it.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size, for people.
    pub size: String,
    /// Its size in bytes.
    pub bytes: i64,
    /// The digest that was signed, or nothing while there is none.
    pub digest: String,
    /// How far it is.
    pub state: String,
    /// How that is shown.
    pub tone: &'static str,
    /// Chunks that are where they are to be, of how many; shown while it is under way.
    pub progress: Option<(i64, i64)>,
    /// `From`, `To`, or nothing while it belongs to no document.
    pub direction: &'static str,
    /// The other administration.
    pub partner: String,
    /// The page of its document.
    pub document: Option<String>,
    /// The address of its content, when there is all of it.
    pub content: Option<String>,
}

impl From<&AttachmentView> for Line {
    fn from(view: &AttachmentView) -> Self {
        let (state, tone) = standing(view);
        let whole = matches!(view.state.as_str(), "ready" | "bound" | "received");
        Self {
            id: view.id,
            name: view.name.clone(),
            media_type: view.media_type.clone(),
            size: size(view.size),
            bytes: view.size,
            digest: view.digest.clone().unwrap_or_default(),
            state,
            tone,
            progress: view
                .chunks_there
                .filter(|_| view.standing == "under way")
                .map(|there| (there, view.chunks)),
            direction: match view.state.as_str() {
                "arriving" | "received" => "From",
                _ if view.owner.is_empty() => "From",
                _ if view.partner.is_empty() => "",
                _ => "To",
            },
            partner: view.partner.clone(),
            document: view.document.map(|message| format!("{DOCUMENTS}/{message}")),
            content: whole.then(|| format!("{ATTACHMENTS}/{}/content", view.id)),
        }
    }
}

/// How far an attachment is, in words.
fn standing(view: &AttachmentView) -> (String, &'static str) {
    let chunks = |count: i64| if count == 1 { "chunk" } else { "chunks" };
    match view.standing {
        "uploading" => {
            let here = view.chunks_here;
            (format!("Being uploaded, {here} {} here", chunks(here)), "wait")
        }
        "ready" => ("Uploaded, goes with no document yet".to_owned(), "wait"),
        "under way" => {
            let there = view.chunks_there.unwrap_or(0);
            (format!("{there} of {} {} there", view.chunks, chunks(view.chunks)), "wait")
        }
        "complete" => (format!("Complete, {} {}", view.chunks, chunks(view.chunks)), "good"),
        "refused" => ("Refused".to_owned(), "bad"),
        "expired" => ("Too late".to_owned(), "bad"),
        "erased" => ("Erased".to_owned(), "wait"),
        "given up" => ("Given up".to_owned(), "bad"),
        _ => ("Waiting".to_owned(), "wait"),
    }
}

/// The page of all attachments.
#[derive(Template)]
#[template(path = "attachments.html")]
pub struct AttachmentsPage {
    frame: Frame,
    under_way: Vec<Line>,
    further: String,
    all: Vec<Line>,
    earlier: String,
    reads: bool,
}

impl AttachmentsPage {
    /// The page of these attachments; only who `reads` them is given links to their contents.
    pub fn new(frame: Frame, under_way: &[AttachmentView], all: &[AttachmentView], reads: bool) -> Self {
        let full = |views: &[AttachmentView]| i64::try_from(views.len()).unwrap_or(0) == SHOWN;
        let next = |views: &[AttachmentView], word: &str| {
            let last = views.last().filter(|_| full(views));
            last.map(|last| format!("{ATTACHMENTS}?{word}={}", last.id)).unwrap_or_default()
        };
        Self {
            frame,
            further: next(under_way, "after"),
            earlier: next(all, "before"),
            under_way: under_way.iter().map(Line::from).collect(),
            all: all.iter().map(Line::from).collect(),
            reads,
        }
    }
}

/// Where the lists go on.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    after: i64,
    before: Option<i64>,
}

/// `GET /console/attachments`.
pub async fn list(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let visit = visit.within(Section::Documents);
    let under_way = visit.node.attachments_under_way(asked.after, SHOWN).await.map_err(visit.failed())?;
    let all = visit.node.latest_attachments(asked.before, SHOWN).await.map_err(visit.failed())?;
    let reads = visit.principal.role.decides();
    Ok(page(StatusCode::OK, &AttachmentsPage::new(visit.frame, &under_way, &all, reads)))
}

/// `GET /console/attachments/{id}/content`: the content, to keep; the connection breaks at the first chunk that does not
/// hold.
pub async fn download(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    if !visit.principal.role.decides() {
        return Err(Failure::forbidden(&visit.frame, "Officers read attachments; the operator does not."));
    }
    let absent = || Failure::absent(&visit.frame, format!("There is no content of an attachment `{id}`."));
    let number: i64 = id.parse().map_err(|_| absent())?;
    match visit.node.read_attachment(number).await {
        Ok(Some(download)) => Ok(hand_out(download, number)),
        Ok(None) => Err(absent()),
        Err(AttachmentError::Node(error)) => Err(visit.failed()(error)),
        Err(error) => Err(Failure::malformed(&visit.frame, error.to_string())),
    }
}
