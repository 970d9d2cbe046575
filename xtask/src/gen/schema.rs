//! Schema files as trees of elements.

use quick_xml::{Reader, events::Event};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// An element of a schema file.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) children: Vec<Node>,
}

impl Node {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, String> {
        self.attribute(name).ok_or_else(|| format!("a <{}> has no attribute `{name}`", self.name))
    }

    pub(super) fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub(super) fn child<'a>(&'a self, name: &'a str) -> Option<&'a Node> {
        self.children(name).next()
    }

    /// The first element of that name at any depth.
    pub(super) fn find(&self, name: &str) -> Option<&Node> {
        self.children.iter().find_map(|child| if child.name == name { Some(child) } else { child.find(name) })
    }
}

pub(super) fn parse_file(path: &Path) -> Result<Node, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let mut reader = Reader::from_str(&text);
    let mut open = vec![Node { name: String::new(), attributes: BTreeMap::new(), children: Vec::new() }];
    loop {
        match reader.read_event().map_err(|error| wrong(&error))? {
            Event::Start(tag) => open.push(node(&tag).map_err(|error| wrong(&error))?),
            Event::Empty(tag) => {
                let child = node(&tag).map_err(|error| wrong(&error))?;
                adopt(&mut open, child);
            }
            Event::End(_) => {
                if let Some(child) = open.pop() {
                    adopt(&mut open, child);
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let document = open.pop().ok_or_else(|| wrong(&"it is empty"))?;
    document.children.into_iter().next().ok_or_else(|| wrong(&"it is empty"))
}

fn adopt(open: &mut [Node], child: Node) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(child);
    }
}

fn node(tag: &quick_xml::events::BytesStart<'_>) -> Result<Node, String> {
    let mut attributes = BTreeMap::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let key = attribute.key.as_ref().to_owned();
        let value = quick_xml::escape::unescape(&attribute.value).map_err(|error| error.to_string())?;
        attributes.insert(key, value.into_owned());
    }
    let name = tag.local_name().as_ref().to_owned();
    Ok(Node { name, attributes, children: Vec::new() })
}
