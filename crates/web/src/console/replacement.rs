//! What a message that was never delivered was replaced by, as pages show it: a link to the other message.

use super::moment::Moment;
use node::{Replacement, Replacements};

/// The other message of a replacement.
#[derive(Clone, Debug)]
pub struct Other {
    /// `Replaces` or `Replaced by`.
    pub relation: &'static str,
    /// The address of its page.
    pub address: String,
    /// What it is called.
    pub name: String,
    /// The officer who sent the one again as the other.
    pub officer: String,
    /// When.
    pub at: Moment,
}

impl Other {
    fn new(relation: &'static str, other: &Replacement) -> Self {
        let address = address_of(&other.message_type, other.message);
        let name = format!("{} {}", kind(&other.message_type), other.message);
        Self { relation, address, name, officer: other.officer.clone(), at: Moment::from_micros(other.at) }
    }

    /// The other messages of these replacements: what was replaced comes first.
    pub fn all_of(replacements: &Replacements) -> Vec<Self> {
        let replaces = replacements.replaces.iter().map(|other| Self::new("Replaces", other));
        let replaced_by = replacements.replaced_by.iter().map(|other| Self::new("Replaced by", other));
        replaces.chain(replaced_by).collect()
    }
}

/// The address of the page of a message of this type.
pub fn address_of(message_type: &str, message: i64) -> String {
    let section = if message_type == "DOCUMENT" { "documents" } else { "messages" };
    format!("/console/{section}/{message}")
}

fn kind(message_type: &str) -> &str {
    if message_type == "DOCUMENT" { "document" } else { message_type }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_replacement_are_links() {
        let other = |message, message_type: &str| {
            let (exchange_id, officer) = (None, "j.doe".to_owned());
            Some(Replacement { message, exchange_id, message_type: message_type.to_owned(), officer, at: 0 })
        };
        let both = Replacements { replaces: other(3, "DOCUMENT"), replaced_by: other(9, "CD001C") };
        let shown: Vec<_> = Other::all_of(&both)
            .into_iter()
            .map(|other| format!("{} {} {}", other.relation, other.name, other.address))
            .collect();
        assert_eq!(
            shown,
            ["Replaces document 3 /console/documents/3", "Replaced by CD001C 9 /console/messages/9"]
        );
        assert!(Other::all_of(&Replacements::default()).is_empty());
    }
}
