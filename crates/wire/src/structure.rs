//! What the message table says about an element: for rules, agreements and screens.

use crate::MessageType;
use crate::table::{Content, ElementSpec, GroupSpec, table};

/// The facts about an element of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementFacts {
    /// How often it must occur in its parent.
    pub min: u32,
    /// How often it may occur in its parent.
    pub max: u32,
    /// The name of the text's format, or nothing for an element with elements.
    pub format: Option<&'static str>,
    /// The business code list that its values come from, for example `CL251`.
    pub list: Option<&'static str>,
    /// The rules and conditions that apply to it in this message (DDNTA Appendix Q2), for example `C0086`.
    pub rules: Vec<&'static str>,
}

/// The facts about the element at `path` (names below the root, separated by `/`).
pub fn element(message: MessageType, path: &str) -> Option<ElementFacts> {
    let mut spec = table().root(message)?;
    let mut names = path.split('/').peekable();
    while let Some(name) = names.next() {
        let found = spec.elements.iter().find(|element| element.name == name)?;
        if names.peek().is_none() {
            return Some(facts(found));
        }
        match found.content {
            Content::Group(index) => spec = table().group(index)?,
            Content::Text(_) => return None,
        }
    }
    None
}

/// All elements of a message with their paths, in document order.
pub fn elements(message: MessageType) -> Vec<(String, ElementFacts)> {
    let mut found = Vec::new();
    if let Some(spec) = table().root(message) {
        collect(spec, "", &mut found);
    }
    found
}

/// The rules on the elements of the message's header, for example C0511 and R0008 on `correlationIdentifier`; elements
/// without rules are left out.
pub fn header_rules(message: MessageType) -> Vec<(&'static str, Vec<&'static str>)> {
    let rules = |name: &'static str| element(message, name).map(|facts| (name, facts.rules));
    crate::header::ELEMENTS.into_iter().filter_map(rules).filter(|(_, rules)| !rules.is_empty()).collect()
}

fn collect(spec: &'static GroupSpec, prefix: &str, found: &mut Vec<(String, ElementFacts)>) {
    for element in &spec.elements {
        let path =
            if prefix.is_empty() { element.name.to_owned() } else { format!("{prefix}/{}", element.name) };
        found.push((path.clone(), facts(element)));
        if let Content::Group(index) = element.content
            && let Some(group) = table().group(index)
        {
            collect(group, &path, found);
        }
    }
}

fn facts(element: &ElementSpec) -> ElementFacts {
    let format = match element.content {
        Content::Text(index) => table().format(index).map(|format| format.name),
        Content::Group(_) => None,
    };
    let rules = element.rules.split_ascii_whitespace().collect();
    ElementFacts { min: element.min, max: element.max, format, list: element.list, rules }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_found_by_its_path() {
        let grn = element(MessageType::CC015C, "Guarantee/GuaranteeReference/GRN").unwrap();
        assert_eq!((grn.min, grn.max, grn.format), (0, 1, Some("GRN")));
        assert_eq!(element(MessageType::CC015C, "Guarantee/colour"), None);
    }

    #[test]
    fn every_element_of_every_message_is_found_by_its_path() {
        for message in MessageType::ALL {
            for (path, facts) in elements(*message) {
                assert_eq!(element(*message, &path), Some(facts), "{message} {path}");
            }
        }
    }

    #[test]
    fn header_rules_name_the_correlation_conditions() {
        let rules = header_rules(MessageType::CC928C);
        assert!(
            rules.iter().any(|(name, rules)| *name == "correlationIdentifier" && rules.contains(&"C0511"))
        );
    }
}
