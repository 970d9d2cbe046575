//! The message table: the structure of all messages as data, read once from the text that the project carries.
//!
//! The text is made by `cargo xtask gen` from the reference schemas; its head explains its lines.

use crate::MessageType;
use crate::format::{Facet, Format, Kind};
use crate::group::Name;
use crate::pattern::Pattern;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

const TEXT: &str = include_str!("../tables/ncts-p5.table");

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(TEXT).unwrap_or_default());

/// The structure of all messages.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) formats: Vec<Format>,
    pub(crate) groups: Vec<GroupSpec>,
    /// One per message, in the order of [`MessageType::ALL`].
    messages: Vec<MessageSpec>,
    names: HashSet<&'static str>,
}

/// An element with elements.
pub(crate) struct GroupSpec {
    /// The name of the group in the table.
    pub(crate) name: &'static str,
    pub(crate) elements: Vec<ElementSpec>,
}

/// An element in a group.
#[derive(Clone)]
pub(crate) struct ElementSpec {
    pub(crate) name: &'static str,
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) content: Content,
    /// The business code list that its values come from.
    pub(crate) list: Option<&'static str>,
    /// The rules that apply to it, separated by spaces.
    pub(crate) rules: &'static str,
}

/// What an element holds, as an index into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Text(usize),
    Group(usize),
}

/// A message.
pub(crate) struct MessageSpec {
    /// Whether the attribute `PhaseID` must be there.
    pub(crate) phase_required: bool,
    /// The index of the root's group.
    pub(crate) root: usize,
}

/// The table that the project carries.
pub(crate) fn table() -> &'static Table {
    &TABLE
}

/// A name as the table has it, or a copy where the table does not know it.
pub(crate) fn name(name: &str) -> Name {
    known_name(name).map_or_else(|| Name::Owned(name.to_owned()), Name::Borrowed)
}

/// A name as the table has it, where the table knows it.
pub(crate) fn known_name(name: &str) -> Option<&'static str> {
    TABLE.names.get(name).copied()
}

impl Table {
    pub(crate) fn message(&self, message: MessageType) -> Option<&MessageSpec> {
        self.messages.get(message as usize)
    }

    pub(crate) fn group(&self, index: usize) -> Option<&GroupSpec> {
        self.groups.get(index)
    }

    pub(crate) fn format(&self, index: usize) -> Option<&Format> {
        self.formats.get(index)
    }

    /// The group of a message's root.
    pub(crate) fn root(&self, message: MessageType) -> Option<&GroupSpec> {
        self.message(message).and_then(|spec| self.group(spec.root))
    }

    fn parse(text: &'static str) -> Result<Self, String> {
        let mut table = Table::default();
        let mut formats = HashMap::new();
        let mut groups: HashMap<&'static str, usize> = HashMap::new();
        let mut roots = HashMap::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let wrong = || format!("`{line}` is no line of a message table");
            let mut words = line.split_ascii_whitespace();
            match (line.starts_with(' '), words.next().unwrap_or_default()) {
                (false, "format") => {
                    let format = parse_format(words).ok_or_else(wrong)?;
                    formats.insert(format.name, table.formats.len());
                    table.formats.push(format);
                }
                (false, "group") => {
                    let name = words.next().ok_or_else(wrong)?;
                    groups.insert(name, table.groups.len());
                    table.groups.push(GroupSpec { name, elements: Vec::new() });
                }
                (false, "message") => {
                    let name = words.next().ok_or_else(wrong)?;
                    let phase_required = words.next().ok_or_else(wrong)? == "phase=required";
                    roots.insert(name, MessageSpec { phase_required, root: table.groups.len() });
                    table.groups.push(GroupSpec { name, elements: Vec::new() });
                }
                (true, "=") => {
                    let included = words.next().and_then(|name| groups.get(name)).ok_or_else(wrong)?;
                    let elements = table.groups.get(*included).ok_or_else(wrong)?.elements.clone();
                    table.groups.last_mut().ok_or_else(wrong)?.elements.extend(elements);
                }
                (true, word) => match table.groups.last_mut() {
                    None => parse_facet_line(table.formats.last_mut().ok_or_else(wrong)?, word, line)
                        .ok_or_else(wrong)?,
                    Some(group) => {
                        let element = parse_element(line, &formats, &groups).ok_or_else(wrong)?;
                        table.names.insert(element.name);
                        group.elements.push(element);
                    }
                },
                _ => return Err(wrong()),
            }
        }
        for message in MessageType::ALL {
            let root =
                roots.remove(message.as_str()).ok_or_else(|| format!("{message} is not in the table"))?;
            table.messages.push(root);
            table.names.insert(message.as_str());
        }
        Ok(table)
    }
}

fn parse_format(mut words: std::str::SplitAsciiWhitespace<'static>) -> Option<Format> {
    let name = words.next()?;
    let kind = match words.next()? {
        "token" => Kind::Token,
        "line" => Kind::Line,
        "date" => Kind::Date,
        "moment" => Kind::Moment,
        "decimal" => Kind::Decimal,
        "integer" => Kind::Integer,
        _ => return None,
    };
    let mut facets = Vec::new();
    for word in words {
        let (facet, value) = word.split_once('=')?;
        facets.push(match facet {
            "length" => Facet::Length(value.parse().ok()?),
            "min" => Facet::MinLength(value.parse().ok()?),
            "max" => Facet::MaxLength(value.parse().ok()?),
            "from" => Facet::From(value.parse().ok()?),
            "to" => Facet::To(value.parse().ok()?),
            "digits" => Facet::Digits(value.parse().ok()?),
            "fraction" => Facet::Fraction(value.parse().ok()?),
            _ => return None,
        });
    }
    Some(Format { name, kind, facets, values: Vec::new(), patterns: Vec::new() })
}

fn parse_facet_line(format: &mut Format, word: &str, line: &'static str) -> Option<()> {
    let text = line.trim_start().split_once(' ')?.1;
    match word {
        "pattern" => format.patterns.push(vec![Pattern::new(text)]),
        "or" => format.patterns.last_mut()?.push(Pattern::new(text)),
        "values" => format.values = text.split(' ').collect(),
        _ => return None,
    }
    Some(())
}

fn parse_element(
    line: &'static str,
    formats: &HashMap<&'static str, usize>,
    groups: &HashMap<&'static str, usize>,
) -> Option<ElementSpec> {
    let mut columns = line.trim_start().splitn(4, ' ');
    let name = columns.next()?;
    let times = columns.next()?;
    let (min, max) = times.split_once("..").unwrap_or((times, times));
    let reference = columns.next()?;
    let content = match reference.strip_prefix('@') {
        Some(group) => Content::Group(*groups.get(group)?),
        None => Content::Text(*formats.get(reference)?),
    };
    let rest = columns.next().unwrap_or_default();
    let (first, others) = rest.split_once(' ').unwrap_or((rest, ""));
    let (list, rules) = if first.starts_with("CL") { (Some(first), others) } else { (None, rest) };
    Some(ElementSpec { name, min: min.parse().ok()?, max: max.parse().ok()?, content, list, rules })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let table = Table::parse(TEXT).expect("the table that the project carries");
        assert_eq!(table.messages.len(), MessageType::ALL.len());
        assert_eq!(table.groups.iter().filter(|group| group.elements.is_empty()).count(), 0);
        for pattern in table.formats.iter().flat_map(|format| format.patterns.iter().flatten()) {
            assert!(pattern.compiles(), "{}", pattern.text);
        }
    }

    #[test]
    fn an_element_carries_its_list_and_rules() {
        let root = table().root(MessageType::CC015C).expect("CC015C");
        let guarantee = root.elements.iter().find(|element| element.name == "Guarantee").expect("Guarantee");
        assert_eq!((guarantee.min, guarantee.max), (1, 9));
        let Content::Group(index) = guarantee.content else { panic!("a group") };
        let group = table().group(index).expect("group");
        let of_type =
            group.elements.iter().find(|element| element.name == "guaranteeType").expect("guaranteeType");
        assert_eq!(of_type.list, Some("CL251"));
        assert!(!of_type.rules.is_empty());
    }
}
