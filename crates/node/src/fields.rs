//! The fields of structured parts, to each of which a manifest commits.

use crate::post::XML;
use evidence::disclosure::{Field, MAX_FIELDS};

/// The fields of a part's content, which sender and recipient read in the same way; nothing for content that is no
/// message of NCTS, or has so many that only its whole can be shown.
pub fn of(media_type: &str, content: &[u8]) -> Vec<Field> {
    if media_type != XML {
        return Vec::new();
    }
    let Ok(document) = wire::read(content, &wire::Limits::default()) else {
        return Vec::new();
    };
    let leaves = document.placed_leaves();
    if leaves.len() > MAX_FIELDS {
        return Vec::new();
    }
    leaves.into_iter().map(|(path, value)| Field { path, value: value.to_owned() }).collect()
}
