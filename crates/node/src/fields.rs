//! The fields of structured parts, to each of which a manifest commits.

use crate::documents::{DOCUMENT_MEDIA, DocumentContent};
use crate::post::XML;
use evidence::disclosure::{Field, MAX_FIELDS};

/// The fields of a part's content, which sender and recipient read in the same way; nothing for content that is neither
/// a message of NCTS nor a document, or has so many that only its whole can be shown.
pub fn of(media_type: &str, content: &[u8]) -> Vec<Field> {
    let fields = match media_type {
        XML => of_transit(content),
        DOCUMENT_MEDIA => of_document(content),
        _ => Vec::new(),
    };
    if fields.len() > MAX_FIELDS { Vec::new() } else { fields }
}

fn of_transit(content: &[u8]) -> Vec<Field> {
    let Ok(document) = wire::read(content, &wire::Limits::default()) else {
        return Vec::new();
    };
    let leaves = document.placed_leaves().into_iter();
    leaves.map(|(path, value)| Field { path, value: value.to_owned() }).collect()
}

/// What names a document can be shown without its content.
fn of_document(content: &[u8]) -> Vec<Field> {
    let Ok(document) = DocumentContent::decode(content) else {
        return Vec::new();
    };
    let field = |path: &str, value: String| Field { path: path.to_owned(), value };
    vec![field("Document/title", document.title), field("Document/mediaType", document.media_type)]
}
