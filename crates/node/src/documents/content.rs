//! What a document between administrations consists of, and its one encoding.

use agreements::Disclosable;
use evidence::EvidenceError;
use evidence::cbor::{Reader, Writer};

/// The type of record that a document is in agreements and on record.
pub const DOCUMENT: &str = "DOCUMENT";

/// The name of the part that holds a document.
pub const DOCUMENT_PART: &str = "document";

/// The media type of that part. It is the same for every document, since manifests are shown to more people than
/// contents are.
pub const DOCUMENT_MEDIA: &str = "application/vnd.tidewaiter.document+cbor";

/// The longest title, in characters.
pub const MAX_TITLE: usize = 200;

/// The longest media type (RFC 6838 section 4.2: 127 characters either side of the slash; none in use comes near it).
const MAX_MEDIA_TYPE: usize = 127;

/// The largest content that travels in one envelope. Larger ones are attachments.
pub const MAX_CONTENT: usize = 24 * 1024 * 1024;

/// The version of the encoding.
const VERSION: u64 = 1;

const WHAT: &str = "document";

/// The elements of a document, as agreements and the data dictionary name them.
const PATHS: [&str; 3] = ["Document/title", "Document/mediaType", "Document/content"];

/// A document: a title, and bytes of some media type. Its encoding is deterministic CBOR, `[1, title, media type,
/// content]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentContent {
    /// What it is, in one line.
    pub title: String,
    /// The media type of the content, as in `application/pdf`.
    pub media_type: String,
    /// The content.
    pub content: Vec<u8>,
}

impl DocumentContent {
    /// Checks title, media type and size.
    ///
    /// # Errors
    /// Names the field, its rule and what is wrong with it.
    pub fn validate(&self) -> Result<(), DocumentFault> {
        let title = self.title.chars().count();
        if title == 0 || title > MAX_TITLE || self.title.chars().any(char::is_control) {
            return Err(DocumentFault::Title(title));
        }
        if !is_media_type(&self.media_type) {
            return Err(DocumentFault::MediaType);
        }
        if self.content.len() > MAX_CONTENT {
            return Err(DocumentFault::TooLarge(self.content.len()));
        }
        Ok(())
    }

    /// The one encoding of the document.
    pub fn encode(&self) -> Vec<u8> {
        encoded(&self.title, &self.media_type, &self.content)
    }

    /// Reads a document, strictly.
    ///
    /// # Errors
    /// When the bytes are not the one encoding of an acceptable document.
    pub fn decode(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let wrong = |reason: String| EvidenceError::Malformed { what: WHAT, reason };
        let mut input = Reader::new(WHAT, bytes);
        input.array_of(4)?;
        if input.uint()? != VERSION {
            return Err(wrong("its version is not 1".to_owned()));
        }
        let document = Self {
            title: input.text()?.to_owned(),
            media_type: input.text()?.to_owned(),
            content: input.bytes()?.to_vec(),
        };
        input.end()?;
        document.validate().map_err(|fault| wrong(fault.to_string()))?;
        Ok(document)
    }

    /// Its elements, as agreements name them.
    pub fn element_paths() -> impl Iterator<Item = &'static str> {
        PATHS.into_iter()
    }
}

fn encoded(title: &str, media_type: &str, content: &[u8]) -> Vec<u8> {
    let mut out = Writer::new();
    out.reserve(content.len() + title.len() + media_type.len() + 32);
    out.array(4).uint(VERSION).text(title).text(media_type).bytes(content);
    out.finish()
}

/// What is wrong with a document that was to be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentFault {
    /// The title.
    #[error(
        "the title must be one line of 1 to {MAX_TITLE} characters; this one has {0}, or a control character"
    )]
    Title(usize),
    /// The media type.
    #[error("the media type must be as in `application/pdf`, without parameters (RFC 6838)")]
    MediaType,
    /// The content.
    #[error(
        "the content has {0} bytes; {MAX_CONTENT} can be sent as a document, larger ones as an attachment"
    )]
    TooLarge(usize),
}

/// Whether a text is a media type without parameters: two restricted names (RFC 6838 section 4.2).
fn is_media_type(text: &str) -> bool {
    let restricted = |name: &str| {
        name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.len() <= MAX_MEDIA_TYPE
        && text.split_once('/').is_some_and(|(kind, subtype)| restricted(kind) && restricted(subtype))
}

/// A document as agreements see it: what a clause does not let be given is absent.
pub(super) struct Disclosed {
    title: Option<String>,
    media_type: Option<String>,
    content: Option<Vec<u8>>,
}

impl Disclosed {
    pub(super) fn of(document: DocumentContent) -> Self {
        let DocumentContent { title, media_type, content } = document;
        Self { title: Some(title), media_type: Some(media_type), content: Some(content) }
    }

    /// The encoded document; `None` when an element is missing that it must have.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let (title, media_type) = (self.title.as_deref()?, self.media_type.as_deref()?);
        Some(encoded(title, media_type, self.content.as_deref()?))
    }
}

impl Disclosable for Disclosed {
    fn record_type(&self) -> &str {
        DOCUMENT
    }

    fn paths(&self) -> Vec<String> {
        let present = [self.title.is_some(), self.media_type.is_some(), self.content.is_some()];
        let named = PATHS.into_iter().zip(present).filter(|(_, present)| *present);
        named.map(|(path, _)| path.to_owned()).collect()
    }

    fn project(self, permitted: &dyn Fn(&str) -> bool) -> Self {
        let [title, media_type, content] = PATHS.map(permitted);
        Self {
            title: self.title.filter(|_| title),
            media_type: self.media_type.filter(|_| media_type),
            content: self.content.filter(|_| content),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> DocumentContent {
        DocumentContent {
            title: "Photograph of the seal".to_owned(),
            media_type: "image/jpeg".to_owned(),
            content: vec![1, 2, 3],
        }
    }

    #[test]
    fn a_document_is_read_as_it_is_written_and_torn_ones_are_refused() {
        let bytes = document().encode();
        assert_eq!(DocumentContent::decode(&bytes).unwrap(), document());
        for length in 0..bytes.len() {
            assert!(DocumentContent::decode(&bytes[..length]).is_err());
        }
        assert!(DocumentContent::decode(&[bytes, vec![0]].concat()).is_err());
    }

    #[test]
    fn faults_name_the_rule() {
        let fault = |change: fn(&mut DocumentContent)| {
            let mut document = document();
            change(&mut document);
            document.validate().unwrap_err().to_string()
        };
        assert!(fault(|document| document.title.clear()).starts_with("the title must be one line"));
        assert!(fault(|document| document.title = "two\nlines".to_owned()).starts_with("the title must be"));
        for media_type in ["", "pdf", "application/", "application/pdf; charset=x", "a b/c", "/pdf", "a/b/c"]
        {
            let document = DocumentContent { media_type: media_type.to_owned(), ..document() };
            assert_eq!(document.validate(), Err(DocumentFault::MediaType), "{media_type}");
            assert!(DocumentContent::decode(&document.encode()).is_err());
        }
    }

    #[test]
    fn what_a_clause_withholds_is_absent_and_the_rest_is_no_document() {
        let whole = Disclosed::of(document());
        assert_eq!(whole.encode(), Some(document().encode()));
        let without = whole.project(&|path| path != "Document/content");
        assert_eq!(without.paths(), ["Document/title", "Document/mediaType"]);
        assert_eq!(without.encode(), None);
    }
}
