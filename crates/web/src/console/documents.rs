//! Documents: sent to partners and received from them, with what an officer can do about each.

use super::attachments::Line as Attachment;
use super::document_form::{self, Entered};
use super::evidence::Evidence;
use super::failure::Failure;
use super::form_stream::FormStream;
use super::frame::{Frame, Section, page};
use super::moment::Moment;
use super::paths;
use super::replacement::Other;
use super::visit::Visit;
use crate::api::documents::{file_name, hands_out};
use askama::Template;
use axum::extract::multipart::MultipartRejection;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use node::{DocumentDecision, DocumentRow, StageView};
use serde::Deserialize;

/// The address of the list.
const PAGE: &str = super::DOCUMENTS;

/// How many are shown at once.
const SHOWN: i64 = 50;

/// A document in a list.
pub struct Line {
    address: String,
    title: String,
    partner: String,
    subject: String,
    direction: &'static str,
    standing: String,
    tone: &'static str,
    at: Moment,
}

impl From<&DocumentRow> for Line {
    fn from(row: &DocumentRow) -> Self {
        let tone = match row.standing.as_str() {
            "accepted" => "good",
            "declined" | "undecided" => "bad",
            _ => "wait",
        };
        Self {
            address: format!("{PAGE}/{}", row.message),
            title: row.title.clone(),
            partner: row.partner.clone(),
            subject: row.subject.clone(),
            direction: if row.direction == "received" { "From" } else { "To" },
            standing: row.standing.clone(),
            tone,
            at: Moment::from_micros(row.at),
        }
    }
}

/// The page of all documents.
#[derive(Template)]
#[template(path = "documents.html")]
pub struct DocumentsPage {
    frame: Frame,
    open: Vec<Line>,
    lines: Vec<Line>,
    partners: Vec<String>,
    ready: Vec<Attachment>,
    entered: Entered,
    problem: String,
    decides: bool,
    next: String,
}

/// The cursor of the list.
#[derive(Deserialize)]
pub struct Asked {
    before: Option<i64>,
}

async fn draw(
    visit: Visit,
    before: Option<i64>,
    status: StatusCode,
    (entered, problem): (Entered, String),
) -> Result<Response, Failure> {
    let visit = visit.within(Section::Documents);
    let open = visit.node.open_documents(0, SHOWN).await.map_err(visit.failed())?;
    let rows = visit.node.documents(None, before, SHOWN).await.map_err(visit.failed())?;
    let partners = visit.node.partners().await.map_err(visit.failed())?;
    let decides = visit.principal.role.decides();
    let ready = if decides {
        visit.node.ready_attachments(visit.principal.name.clone(), SHOWN).await.map_err(visit.failed())?
    } else {
        Vec::new()
    };
    let full = i64::try_from(rows.len()).unwrap_or(0) == SHOWN;
    let next = rows.last().filter(|_| full).map(|last| format!("{PAGE}?before={}", last.message));
    let shown = DocumentsPage {
        decides,
        ready: ready.iter().map(Attachment::from).collect(),
        frame: visit.frame,
        open: open.iter().map(Line::from).collect(),
        lines: rows.iter().map(Line::from).collect(),
        partners: partners.into_iter().map(|partner| partner.administration).collect(),
        entered,
        problem,
        next: next.unwrap_or_default(),
    };
    Ok(page(status, &shown))
}

/// `GET /console/documents`.
pub async fn list(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    draw(visit, asked.before, StatusCode::OK, (Entered::default(), String::new())).await
}

/// `POST /console/documents`: sends a note that an officer wrote, with the files that go along.
pub async fn send(visit: Visit, form: Result<FormStream, MultipartRejection>) -> Result<Response, Failure> {
    let form = form.map_err(|rejection| Failure::malformed(&visit.frame, rejection.body_text()))?;
    if !visit.principal.role.decides() {
        return Err(Failure::forbidden(&visit.frame, "Officers send documents; the operator does not."));
    }
    let (entered, problem) = document_form::read(&visit, form).await?;
    let new = match problem {
        Some(problem) => Err(problem),
        None => entered.document(),
    };
    let sent = match new {
        Ok(new) => {
            let attachments = entered.attachments.clone();
            let sent = visit.node.send_document_with(&visit.principal, new, attachments).await;
            sent.map_err(visit.failed())?.map_err(|error| error.to_string())
        }
        Err(problem) => Err(problem),
    };
    match sent {
        Ok(sent) => Ok(Redirect::to(&format!("{PAGE}/{}", sent.message)).into_response()),
        Err(problem) => draw(visit, None, StatusCode::UNPROCESSABLE_ENTITY, (entered, problem)).await,
    }
}

/// What a recipient stated.
pub struct Stage {
    words: String,
    at: Moment,
}

impl From<&StageView> for Stage {
    fn from(view: &StageView) -> Self {
        let words = if view.words.is_empty() { String::new() } else { format!(": {}", view.words) };
        Self { words: format!("{}{words}", view.stage), at: Moment::from_micros(view.at) }
    }
}

/// The page of one document.
#[derive(Template)]
#[template(path = "document.html")]
pub struct DocumentPage {
    frame: Frame,
    line: Line,
    row: DocumentRow,
    expires: Option<Moment>,
    label: Vec<(&'static str, String)>,
    status: String,
    stages: Vec<Stage>,
    others: Vec<Other>,
    attachments: Vec<Attachment>,
    evidence: Option<Evidence>,
    reads: bool,
    text: Option<String>,
    can_decide: bool,
    words: String,
    problem: String,
}

/// The longest text that is shown on the page.
const TEXT_SHOWN: usize = 20_000;

/// The terms on which the content was given, in words.
fn label_lines(label: Option<&str>) -> Vec<(&'static str, String)> {
    let Some(label) = label.and_then(|label| serde_json::from_str::<serde_json::Value>(label).ok()) else {
        return Vec::new();
    };
    let text = |name: &str| label.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let purposes = label
        .get("purposes")
        .and_then(serde_json::Value::as_array)
        .map(|purposes| purposes.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", "));
    let lines = [
        ("Handling", text("handling")),
        ("May be used for", purposes),
        ("Keep until", text("retain_until")),
        ("May be passed on", text("onward")),
    ];
    lines.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
}

async fn draw_one(
    visit: Visit,
    id: &str,
    status: StatusCode,
    (words, problem): (String, String),
    method: &Method,
) -> Result<Response, Failure> {
    let visit = visit.within(Section::Documents);
    let absent = || Failure::absent(&visit.frame, format!("There is no document `{id}` on record."));
    let number: i64 = id.parse().map_err(|_| absent())?;
    let mut view = visit.node.document(number).await.map_err(visit.failed())?.ok_or_else(absent)?;
    if view.row.media_type == "text/plain" && hands_out(&visit.principal, method) {
        // The page shows its text, which hands it out; what is no text is handed out by its download.
        view = visit.node.hand_out_document(number).await.map_err(visit.failed())?.ok_or_else(absent)?;
    }
    let delivery = match view.row.exchange_id.as_deref().filter(|_| view.row.direction == "sent") {
        Some(exchange_id) => visit.node.delivery(exchange_id).await.map_err(visit.failed())?,
        None => None,
    };
    let attachments = visit.node.document_attachments(number).await.map_err(visit.failed())?;
    let evidence = Evidence::for_visit(&visit, number).await?;
    let text = view.document.as_ref().filter(|document| document.media_type == "text/plain");
    let text = text.and_then(|document| String::from_utf8(document.content.clone()).ok());
    let shown = DocumentPage {
        can_decide: view.row.standing == "open" && visit.principal.role.decides(),
        frame: visit.frame,
        line: Line::from(&view.row),
        expires: view.row.expires.map(Moment::from_micros),
        label: label_lines(view.row.label.as_deref()),
        status: delivery.as_ref().map(|delivery| delivery.status.to_string()).unwrap_or_default(),
        stages: delivery.iter().flat_map(|delivery| &delivery.stages).map(Stage::from).collect(),
        attachments: attachments.iter().map(Attachment::from).collect(),
        evidence,
        reads: visit.principal.role.decides(),
        others: Other::all_of(&view.replacements),
        text: text.map(|text| text.chars().take(TEXT_SHOWN).collect()),
        row: view.row,
        words,
        problem,
    };
    Ok(page(status, &shown))
}

/// `GET /console/documents/{id}`.
pub async fn show(visit: Visit, method: Method, Path(id): Path<String>) -> Result<Response, Failure> {
    draw_one(visit, &id, StatusCode::OK, (String::new(), String::new()), &method).await
}

/// `GET /console/documents/{id}/content`: the content, to keep.
pub async fn download(visit: Visit, method: Method, Path(id): Path<String>) -> Result<Response, Failure> {
    let absent = || Failure::absent(&visit.frame, format!("There is no content of a document `{id}`."));
    let number: i64 = id.parse().map_err(|_| absent())?;
    let view = if hands_out(&visit.principal, &method) {
        visit.node.hand_out_document(number).await
    } else {
        visit.node.document(number).await
    };
    let view = view.map_err(visit.failed())?.ok_or_else(absent)?;
    let document = view.document.ok_or_else(absent)?;
    let headers = crate::api::download_headers(&document.media_type, &file_name(number));
    Ok((headers, document.content).into_response())
}

/// An officer's decision.
#[derive(Deserialize)]
pub struct Decision {
    form_token: String,
    decision: String,
    #[serde(default)]
    words: String,
}

/// `POST /console/documents/{id}/decisions`.
pub async fn decide(
    visit: Visit,
    Path(id): Path<String>,
    form: Result<Form<Decision>, FormRejection>,
) -> Result<Response, Failure> {
    let Form(form) = form.map_err(|rejection| Failure::malformed(&visit.frame, rejection.body_text()))?;
    let address = format!("{PAGE}/{}", paths::escape(&id));
    visit.check_form_token(&form.form_token, address.clone())?;
    if !visit.principal.role.decides() {
        return Err(Failure::forbidden(&visit.frame, "Officers decide on documents; the operator does not."));
    }
    let absent = || Failure::absent(&visit.frame, format!("There is no open document `{id}`."));
    let number: i64 = id.parse().map_err(|_| absent())?;
    let accept = match form.decision.as_str() {
        "accept" => true,
        "decline" => false,
        other => return Err(Failure::malformed(&visit.frame, format!("There is no decision `{other}`."))),
    };
    let decision = DocumentDecision { accept, words: form.words.clone() };
    let decided = visit.node.decide_document(&visit.principal, number, decision).await;
    match decided.map_err(visit.failed())? {
        Ok(true) => Ok(Redirect::to(&address).into_response()),
        Ok(false) => Err(absent()),
        Err(problem) => {
            let shown = (form.words, problem);
            draw_one(visit, &id, StatusCode::UNPROCESSABLE_ENTITY, shown, &Method::POST).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_is_shown_in_words_and_a_damaged_one_is_not() {
        let label = r#"{"handling":"restricted","purposes":["document_exchange"],"retain_until":"2029-01-01","onward":"parties"}"#;
        let shown = label_lines(Some(label));
        assert_eq!(shown.first(), Some(&("Handling", "restricted".to_owned())));
        assert_eq!(shown.len(), 4);
        assert_eq!(label_lines(Some("{")), []);
        assert_eq!(label_lines(None), []);
    }
}
