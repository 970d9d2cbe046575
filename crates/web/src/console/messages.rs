//! The page of one message, and its download.

use super::evidence::Evidence;
use super::failure::Failure;
use super::frame::{Frame, Section, page};
use super::replacement::Other;
use super::timeline::Message;
use super::visit::Visit;
use super::xml::{self, Shown};
use super::{names, paths};
use askama::Template;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use node::{MessageRow, Replacements};

/// The page of a message.
#[derive(Template)]
#[template(path = "message.html")]
pub struct MessagePage {
    frame: Frame,
    message: Message,
    movement: String,
    movement_address: String,
    owner: String,
    size: usize,
    shown: Shown,
    evidence: Option<Evidence>,
    others: Vec<Other>,
}

impl MessagePage {
    /// The page of the message `row` of `owner` with this body.
    pub fn new(
        frame: Frame,
        row: &MessageRow,
        owner: &str,
        (body, evidence): (&[u8], Option<Evidence>),
    ) -> Self {
        Self {
            evidence,
            frame,
            message: Message::from(row),
            movement_address: paths::movement(&row.movement),
            movement: row.movement.clone(),
            owner: names::party(owner).to_owned(),
            size: body.len(),
            shown: xml::show(body),
            others: Vec::new(),
        }
    }

    /// The same page with links to what the message replaces and is replaced by.
    pub fn with_replacements(self, replacements: &Replacements) -> Self {
        Self { others: Other::all_of(replacements), ..self }
    }
}

/// The message that the address names.
async fn find(visit: &Visit, id: &str) -> Result<(MessageRow, String, Vec<u8>), Failure> {
    let absent = || Failure::absent(&visit.frame, format!("There is no message `{id}` on record."));
    let number: i64 = id.parse().map_err(|_| absent())?;
    visit.node.message(number).await.map_err(visit.failed())?.ok_or_else(absent)
}

/// `GET /console/messages/{id}`.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let visit = visit.within(Section::Movements);
    let (row, owner, body) = find(&visit, &id).await?;
    let evidence = Evidence::for_visit(&visit, row.id).await?;
    let replacements = match row.exchange_id.clone().filter(|_| row.direction == "sent") {
        Some(exchange_id) => visit.node.replacements(exchange_id).await.map_err(visit.failed())?,
        None => Replacements::default(),
    };
    let shown = MessagePage::new(visit.frame, &row, &owner, (&body, evidence));
    Ok(page(StatusCode::OK, &shown.with_replacements(&replacements)))
}

/// `GET /console/messages/{id}/xml`: the message as it was received or sent, to keep.
pub async fn download(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    let (row, _, body) = find(&visit, &id).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/xml".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file_name(&row))),
    ];
    Ok((headers, body).into_response())
}

/// A name that no message can turn into something else: the type comes from outside.
fn file_name(row: &MessageRow) -> String {
    let kind: String = row.message_type.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{:06}-{kind}.xml", row.id)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::message;
    use super::*;

    #[test]
    fn a_download_has_a_harmless_name() {
        let row = MessageRow { id: 42, message_type: "CC015C\"; x=\"../../a\r\n".to_owned(), ..message() };
        assert_eq!(file_name(&row), "000042-CC015Cxa.xml");
    }
}
