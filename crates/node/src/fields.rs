//! The fields of structured parts, to each of which a manifest commits.

use crate::documents::{DOCUMENT_MEDIA, DocumentContent};
use crate::post::XML;
use evidence::digest_of;
use evidence::disclosure::{Field, MAX_FIELDS};

/// The fields of a part's content, which sender and recipient read in the same way; nothing for content that neither
/// reads, or that has so many fields that only its whole can be shown.
pub fn of(media_type: &str, content: &[u8]) -> Vec<Field> {
    match media_type {
        XML => of_message(content),
        DOCUMENT_MEDIA => of_document(content),
        _ => Vec::new(),
    }
}

fn of_message(content: &[u8]) -> Vec<Field> {
    let Ok(document) = wire::read(content, &wire::Limits::default()) else {
        return Vec::new();
    };
    let leaves = document.placed_leaves();
    if leaves.len() > MAX_FIELDS {
        return Vec::new();
    }
    leaves.into_iter().map(|(path, value)| Field { path, value: value.to_owned() }).collect()
}

/// Title, media type, and the digest of the content, by which a copy of it can be recognised.
fn of_document(content: &[u8]) -> Vec<Field> {
    let Ok(document) = DocumentContent::decode(content) else {
        return Vec::new();
    };
    let field = |name: &str, value: String| Field { path: format!("Document/{name}"), value };
    vec![
        field("title", document.title),
        field("mediaType", document.media_type),
        field("contentSha256", digest_of(&document.content).to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_told_apart_by_their_place() {
        let mut message = wire::Document::new(wire::MessageType::CD050C);
        message.set("TransitOperation/MRN", "24GB0000601001EBD4");
        for weight in ["10", "20"] {
            message.add("Consignment/HouseConsignment").set("grossMass", weight);
        }
        let paths: Vec<_> = message.placed_leaves().into_iter().map(|(path, _)| path).collect();
        assert_eq!(
            paths,
            [
                "TransitOperation/MRN",
                "Consignment/HouseConsignment/grossMass",
                "Consignment/HouseConsignment[2]/grossMass"
            ]
        );
    }

    #[test]
    fn a_document_has_three_fields_and_other_content_none() {
        let document = DocumentContent {
            title: "Photograph".to_owned(),
            media_type: "image/jpeg".to_owned(),
            content: vec![1, 2, 3],
        };
        let fields = of(DOCUMENT_MEDIA, &document.encode());
        assert_eq!(fields[2].path, "Document/contentSha256");
        assert_eq!(fields[2].value, digest_of(&[1, 2, 3]).to_string());
        assert_eq!(of("image/jpeg", &[1, 2, 3]), []);
        assert_eq!(of(XML, b"<no/>"), []);
    }
}
