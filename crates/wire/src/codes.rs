//! Business code lists: whether the codes in a valid message are in force on a day.

use crate::document::Document;
use crate::group::{Group, Node};
use crate::table::{Content, GroupSpec, table};
use std::collections::BTreeSet;

/// The answer of a set of code lists about one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lookup {
    /// The code is in the list on that day.
    Present,
    /// The code is not in the list on that day.
    Absent,
    /// There is no such list, so nothing can be said.
    NotLoaded,
}

/// Code lists as dated reference data.
pub trait CodeLists {
    /// Whether `code` is in `list` (for example `CL251`) on the day `on`.
    fn lookup(&self, list: &str, code: &str, on: base::Date) -> Lookup;
}

/// A functional error as CC056C, CC057C and CD906C report it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionalError {
    /// `errorPointer`: XPath of the element, with positions where elements repeat.
    pub pointer: String,
    /// `errorCode`: a value of code list CL180; 12 is a code list violation.
    pub code: &'static str,
    /// `errorReason` (an..7): the code list, for example `CL251`.
    pub reason: String,
    /// `originalAttributeValue`: the value found, cut to 512 characters.
    pub value: Option<String>,
}

/// What [`check_codes`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeCheck {
    /// Codes that are not in their list.
    pub errors: Vec<FunctionalError>,
    /// Lists that the message asks for and that are not loaded.
    pub not_loaded: BTreeSet<String>,
}

/// The error code of a code list violation (CL180).
const CODE_LIST_VIOLATION: &str = "12";

/// Looks up every code in `document` whose element has a business code list. Technical lists (flags, message types) are
/// part of the formats and were checked on reading.
pub fn check_codes(document: &Document, lists: &dyn CodeLists, on: base::Date) -> CodeCheck {
    let mut check = CodeCheck::default();
    if let Some(spec) = table().root(document.message()) {
        check_group(document.root(), spec, &format!("/{}", document.message()), lists, on, &mut check);
    }
    check
}

fn check_group(
    group: &Group,
    spec: &GroupSpec,
    path: &str,
    lists: &dyn CodeLists,
    on: base::Date,
    check: &mut CodeCheck,
) {
    for element in &spec.elements {
        let named = group.children.iter().filter(|node| node.name() == element.name);
        for (index, node) in named.enumerate() {
            match (node, element.content) {
                (Node::Group(child), Content::Group(spec)) => {
                    let path = format!("{path}/{}[{}]", element.name, index + 1);
                    if let Some(spec) = table().group(spec) {
                        check_group(child, spec, &path, lists, on, check);
                    }
                }
                (Node::Leaf { text, .. }, Content::Text(_)) => {
                    let Some(list) = element.list else { continue };
                    match lists.lookup(list, text, on) {
                        Lookup::Present => {}
                        Lookup::Absent => check.errors.push(FunctionalError {
                            pointer: format!("{path}/{}", element.name),
                            code: CODE_LIST_VIOLATION,
                            reason: list.to_owned(),
                            value: Some(text.chars().take(512).collect()),
                        }),
                        Lookup::NotLoaded => {
                            check.not_loaded.insert(list.to_owned());
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MessageType;

    struct OnlyGuarantees;

    impl CodeLists for OnlyGuarantees {
        fn lookup(&self, list: &str, code: &str, _: base::Date) -> Lookup {
            match (list, code) {
                ("CL251", "1") => Lookup::Present,
                ("CL251", _) => Lookup::Absent,
                _ => Lookup::NotLoaded,
            }
        }
    }

    #[test]
    fn each_code_is_looked_up_in_its_list() {
        let mut document = Document::new(MessageType::CC015C);
        document.set("TransitOperation/declarationType", "T1");
        document.add("Guarantee").set("guaranteeType", "1");
        document.add("Guarantee").set("guaranteeType", "Q");
        let check = check_codes(&document, &OnlyGuarantees, base::Date::parse("2026-11-24").unwrap());
        let expected = FunctionalError {
            pointer: "/CC015C/Guarantee[2]/guaranteeType".to_owned(),
            code: "12",
            reason: "CL251".to_owned(),
            value: Some("Q".to_owned()),
        };
        assert_eq!(check.errors, [expected]);
        assert_eq!(check.not_loaded.into_iter().collect::<Vec<_>>(), ["CL231"]);
    }
}
