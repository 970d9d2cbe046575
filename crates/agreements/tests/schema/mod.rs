//! Reads the element structure of messages from their XML schemas, for tests that compare agreements with them.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// An element of a message.
#[derive(Clone, Debug)]
pub struct Element {
    pub name: String,
    pub mandatory: bool,
    pub children: Vec<Element>,
}

impl Element {
    /// The paths of all elements that carry a value, below this one.
    pub fn leaves(&self) -> Vec<String> {
        let mut found = Vec::new();
        for child in &self.children {
            if child.children.is_empty() {
                found.push(child.name.clone());
            } else {
                found.extend(child.leaves().into_iter().map(|leaf| format!("{}/{leaf}", child.name)));
            }
        }
        found
    }
}

/// The schemas of NCTS phase 5.
pub struct Schemas {
    folder: PathBuf,
    shared: Definitions,
}

/// The types and groups of schema files, as trees of tags.
#[derive(Clone, Default)]
struct Definitions {
    types: BTreeMap<String, Tag>,
    groups: BTreeMap<String, Tag>,
    elements: BTreeMap<String, Tag>,
}

#[derive(Clone, Default)]
struct Tag {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Tag>,
}

/// The schemas, or `None`, said aloud, where they are not at hand.
pub fn load() -> Option<Schemas> {
    let data = std::env::var_os("TIDEWAITER_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let folder = data.join("ncts/xsd/p5-51.8.6");
    if !folder.is_dir() {
        let required = std::env::var("TIDEWAITER_REQUIRE_DATA").is_ok_and(|value| value == "1");
        assert!(!required, "the message schemas are required");
        println!("skipped: no message schemas at hand; set TIDEWAITER_DATA to the folder that holds ncts/");
        return None;
    }
    let mut shared = Definitions::default();
    for file in ["ctypes.xsd", "htypes.xsd"] {
        shared.read(&folder.join(file));
    }
    Some(Schemas { folder, shared })
}

impl Schemas {
    /// The structure of a message.
    pub fn message(&self, name: &str) -> Element {
        let mut definitions = self.shared.clone();
        let file = format!("{}.xsd", name.to_lowercase());
        let published = self.folder.join(&file);
        let path = if published.exists() { published } else { self.folder.join("reconstructed").join(file) };
        definitions.read(&path);
        let root = definitions.elements[name].clone();
        definitions.element(&root)
    }
}

impl Definitions {
    fn read(&mut self, path: &Path) {
        for tag in tree(&std::fs::read_to_string(path).unwrap()).children {
            let name = tag.attributes.get("name").cloned().unwrap_or_default();
            match tag.name.as_str() {
                "complexType" => self.types.insert(name, tag),
                "group" => self.groups.insert(name, tag),
                "element" => self.elements.insert(name, tag),
                _ => None,
            };
        }
    }

    fn element(&self, tag: &Tag) -> Element {
        let kind = tag.attributes.get("type").map(|name| local(name).to_owned());
        let mut children = self.content(tag);
        if let Some(definition) = kind.and_then(|kind| self.types.get(&kind)) {
            children.extend(self.content(definition));
        }
        Element {
            name: tag.attributes["name"].clone(),
            mandatory: tag.attributes.get("minOccurs").is_none_or(|least| least != "0"),
            children,
        }
    }

    fn content(&self, tag: &Tag) -> Vec<Element> {
        let mut found = Vec::new();
        for child in &tag.children {
            match child.name.as_str() {
                "element" => found.push(self.element(child)),
                "group" => found.extend(self.content(&self.groups[local(&child.attributes["ref"])])),
                "annotation" | "attribute" => {}
                _ => found.extend(self.content(child)),
            }
        }
        found
    }
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn tree(text: &str) -> Tag {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Tag::default()];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => open.push(tag(&start)),
            Event::Empty(start) => open.last_mut().unwrap().children.push(tag(&start)),
            Event::End(_) => {
                let closed = open.pop().unwrap();
                open.last_mut().unwrap().children.push(closed);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    open.pop().unwrap().children.pop().unwrap()
}

fn tag(start: &BytesStart<'_>) -> Tag {
    Tag {
        name: local(start.name().as_ref()).to_owned(),
        attributes: start
            .attributes()
            .map(|attribute| {
                let attribute = attribute.unwrap();
                (attribute.key.as_ref().to_owned(), attribute.value.into_owned())
            })
            .collect(),
        children: Vec::new(),
    }
}
