//! The form of a new document: its fields, and its files, which stream into the store as they come in.

use super::failure::Failure;
use super::form_stream::{FormError, FormField, FormStream};
use super::visit::Visit;
use super::{DOCUMENTS, FORM_LIMIT};
use base::Administration;
use node::{AttachmentError, DocumentContent, Lane, NewDocument, Term};

/// As many files as go with one document.
const MOST_FILES: usize = 15;

/// The longest media type that a statement carries.
const LONGEST_TYPE: usize = 128;

/// What was entered in the form of a new document.
#[derive(Clone, Debug, Default)]
pub struct Entered {
    /// To whom it goes.
    pub to: String,
    /// The movement or case that it is about.
    pub subject: String,
    /// Its title.
    pub title: String,
    /// The purpose, if it is another than usual.
    pub purpose: String,
    /// How urgent it is.
    pub lane: String,
    /// In how many days it is too late.
    pub days: String,
    /// What it says.
    pub text: String,
    /// The attachments that go along: those that were uploaded before, and those that came with the form.
    pub attachments: Vec<i64>,
}

impl Entered {
    /// The document that was entered.
    ///
    /// # Errors
    /// Says what is missing or wrong.
    pub fn document(&self) -> Result<NewDocument, String> {
        let words = |error: base::Invalid| error.to_string();
        let days: i64 = match self.days.trim() {
            "" => 30,
            days => days.parse().map_err(|_| format!("`{days}` is no number of days"))?,
        };
        if self.text.trim().is_empty() {
            return Err("write the text of the document".to_owned());
        }
        Ok(NewDocument {
            recipient: Administration::parse(&self.to).map_err(words)?,
            subject: self.subject.trim().to_owned(),
            purpose: match self.purpose.trim() {
                "" => node::default_purpose().map_err(words)?,
                purpose => Term::parse(purpose).map_err(words)?,
            },
            lane: match self.lane.as_str() {
                "urgent" => Lane::Urgent,
                "bulk" => Lane::Bulk,
                _ => Lane::Normal,
            },
            expires_seconds: days.saturating_mul(24 * 3600),
            document: DocumentContent {
                title: self.title.trim().to_owned(),
                media_type: "text/plain".to_owned(),
                content: self.text.replace("\r\n", "\n").into_bytes(),
            },
        })
    }
}

/// Reads the form of an officer. Its secret comes first: before it was checked, no file is touched. Gives also why a
/// file was not taken, if one was not; what was taken stays, to be sent with the form when it is put right.
///
/// # Errors
/// When the form is not one of this session, or cannot be read.
pub async fn read(visit: &Visit, mut form: FormStream) -> Result<(Entered, Option<String>), Failure> {
    let (mut entered, mut checked, mut room) = (Entered::default(), false, FORM_LIMIT);
    let unread = |error: FormError| error.on(&visit.frame);
    while let Some(mut field) = form.next_field().await.map_err(unread)? {
        let name = field.name().to_owned();
        if !checked {
            let token = if name == "form_token" {
                field.text(&mut room).await.map_err(unread)?
            } else {
                String::new()
            };
            visit.check_form_token(&token, DOCUMENTS.to_owned())?;
            checked = true;
            continue;
        }
        let place = match name.as_str() {
            "file" => {
                let taken = file(visit, &mut field, &mut entered).await?;
                let left = field.read_on();
                let whole = field.pass_over(left).await;
                if let Err(problem) = taken {
                    if whole {
                        form.pass_over(left).await;
                    }
                    return Ok((entered, Some(problem)));
                }
                continue;
            }
            "uploaded" => {
                let number = field.text(&mut room).await.map_err(unread)?;
                let number = number.parse().map_err(|_| {
                    Failure::malformed(&visit.frame, format!("`{number}` is no number of an attachment."))
                })?;
                entered.attachments.push(number);
                continue;
            }
            "to" => &mut entered.to,
            "subject" => &mut entered.subject,
            "title" => &mut entered.title,
            "purpose" => &mut entered.purpose,
            "lane" => &mut entered.lane,
            "days" => &mut entered.days,
            "text" => &mut entered.text,
            other => {
                return Err(Failure::malformed(&visit.frame, format!("The form has no field `{other}`.")));
            }
        };
        *place = field.text(&mut room).await.map_err(unread)?;
    }
    visit.check_form_token(if checked { visit.frame.form_token() } else { "" }, DOCUMENTS.to_owned())?;
    Ok((entered, None))
}

/// Takes a file as it comes in, a piece at a time; in the inner result, why it is not taken. Of one that is not taken,
/// not everything may have been read.
async fn file(
    visit: &Visit,
    field: &mut FormField<'_>,
    entered: &mut Entered,
) -> Result<Result<(), String>, Failure> {
    let name = base_name(field.file_name()).to_owned();
    // A browser sends the place of a file where none was chosen.
    if name.is_empty() {
        return Ok(Ok(()));
    }
    if entered.attachments.len() >= MOST_FILES {
        return Ok(Err(format!("a document takes at most {MOST_FILES} attachments along")));
    }
    let named = (name.clone(), media_type(field.content_type()));
    let refused = |error: AttachmentError| match error {
        AttachmentError::Node(error) => Err(visit.failed()(error)),
        error => Ok(Err(format!("`{name}`: {error}"))),
    };
    let mut upload = match visit.node.begin_attachment(&visit.principal, named, None).await {
        Ok(upload) => upload,
        Err(error) => return refused(error),
    };
    loop {
        let piece = match field.piece().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(error) => {
                upload.abandon().await.map_err(visit.failed())?;
                return Err(error.on(&visit.frame));
            }
        };
        if let Err(error) = upload.write(&piece).await {
            upload.abandon().await.map_err(visit.failed())?;
            return refused(error);
        }
    }
    match upload.finish().await {
        Ok(view) => {
            entered.attachments.push(view.id);
            Ok(Ok(()))
        }
        Err(error) => refused(error),
    }
}

/// The name of a file without its folders, which some browsers send along.
fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or_default().trim()
}

/// The media type that the browser says, without parameters.
fn media_type(said: Option<&str>) -> String {
    let said = said.and_then(|said| said.split(';').next()).map(str::trim).unwrap_or_default();
    let usable =
        said.contains('/') && said.len() <= LONGEST_TYPE && said.bytes().all(|b| b.is_ascii_graphic());
    if usable { said.to_owned() } else { "application/octet-stream".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_from_a_new_document_is_named() {
        let entered = Entered { to: "NTA.FR".to_owned(), ..Entered::default() };
        assert_eq!(entered.document().err().as_deref(), Some("write the text of the document"));
        let entered = Entered { days: "soon".to_owned(), ..entered };
        assert_eq!(entered.document().err().as_deref(), Some("`soon` is no number of days"));
    }

    #[test]
    fn a_file_is_called_by_its_own_name_and_has_a_plain_media_type() {
        assert_eq!(base_name("C:\\Users\\j.doe\\scan 1.tif"), "scan 1.tif");
        assert_eq!(base_name("../../etc/passwd"), "passwd");
        assert_eq!(base_name("folder/"), "");
        assert_eq!(media_type(Some("text/plain; charset=utf-8")), "text/plain");
        for none in [None, Some(""), Some("nonsense"), Some("a/b c"), Some("\u{e9}/x")] {
            assert_eq!(media_type(none), "application/octet-stream");
        }
    }
}
