//! The groups of a message: elements with elements, reached by paths.

use crate::FieldError;
use crate::table::{Content, GroupSpec};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The name of an element; those that the message table knows are borrowed from it.
pub(crate) type Name = Cow<'static, str>;

/// An element with child elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    name: Name,
    pub(crate) children: Vec<Node>,
}

/// A child of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// An element with text; white space is already normalised as the element's format asks.
    Leaf { name: Name, text: String },
    /// An element with child elements.
    Group(Group),
}

impl Node {
    pub(crate) fn name(&self) -> &str {
        match self {
            Node::Leaf { name, .. } => name,
            Node::Group(group) => &group.name,
        }
    }

    /// Whether it is an element with text, or holds one.
    pub(crate) fn has_text(&self) -> bool {
        match self {
            Node::Leaf { .. } => true,
            Node::Group(group) => group.children.iter().any(Node::has_text),
        }
    }
}

impl Group {
    pub(crate) fn new(name: &str) -> Self {
        Self::named(crate::table::name(name))
    }

    pub(crate) fn named(name: Name) -> Self {
        Self { name, children: Vec::new() }
    }

    /// The name of the element.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// The text at `path` (names below this group, separated by `/`), of the first element there that has one.
    pub fn text(&self, path: &str) -> Option<&str> {
        let (name, rest) = split(path);
        self.named_children(name).find_map(|node| match (node, rest) {
            (Node::Leaf { text, .. }, None) => Some(text.as_str()),
            (Node::Group(group), Some(rest)) => group.text(rest),
            _ => None,
        })
    }

    /// All texts at `path`, in document order.
    pub fn texts(&self, path: &str) -> Vec<&str> {
        let mut found = Vec::new();
        self.collect_texts(path, &mut found);
        found
    }

    fn collect_texts<'a>(&'a self, path: &str, found: &mut Vec<&'a str>) {
        let (name, rest) = split(path);
        for node in self.named_children(name) {
            match (node, rest) {
                (Node::Leaf { text, .. }, None) => found.push(text.as_str()),
                (Node::Group(group), Some(rest)) => group.collect_texts(rest, found),
                _ => {}
            }
        }
    }

    /// All groups at `path`, in document order.
    pub fn groups(&self, path: &str) -> Vec<&Group> {
        let mut found = Vec::new();
        self.collect_groups(path, &mut found);
        found
    }

    fn collect_groups<'a>(&'a self, path: &str, found: &mut Vec<&'a Group>) {
        let (name, rest) = split(path);
        for node in self.named_children(name) {
            match (node, rest) {
                (Node::Group(group), None) => found.push(group),
                (Node::Group(group), Some(rest)) => group.collect_groups(rest, found),
                _ => {}
            }
        }
    }

    /// The first group at `path`.
    pub fn group(&self, path: &str) -> Option<&Group> {
        let (name, rest) = split(path);
        self.named_children(name).find_map(|node| match (node, rest) {
            (Node::Group(group), None) => Some(group),
            (Node::Group(group), Some(rest)) => group.group(rest),
            _ => None,
        })
    }

    /// All groups at `path`, to be changed: every one under the last parent's repetitions, in document order.
    pub fn groups_mut(&mut self, path: &str) -> Vec<&mut Group> {
        let (name, rest) = split(path);
        let named = self.children.iter_mut().filter_map(|node| match node {
            Node::Group(group) if group.name == name => Some(group),
            _ => None,
        });
        match rest {
            None => named.collect(),
            Some(rest) => named.flat_map(|group| group.groups_mut(rest)).collect(),
        }
    }

    /// The text at `path` as a `T`, or nothing if there is no such element.
    ///
    /// # Errors
    /// When the text is not a valid `T`.
    pub fn parse<T>(&self, path: &str) -> Result<Option<T>, FieldError>
    where
        T: std::str::FromStr<Err = base::Invalid>,
    {
        let parsed = self.text(path).map(str::parse).transpose();
        parsed.map_err(|reason| FieldError::Invalid { path: path.to_owned(), reason })
    }

    /// The text at `path` as a `T`.
    ///
    /// # Errors
    /// When there is no such element or its text is not a valid `T`.
    pub fn require<T>(&self, path: &str) -> Result<T, FieldError>
    where
        T: std::str::FromStr<Err = base::Invalid>,
    {
        self.parse(path)?.ok_or_else(|| FieldError::Missing { path: path.to_owned() })
    }

    /// The text at `path`.
    ///
    /// # Errors
    /// When there is no such element.
    pub fn require_text(&self, path: &str) -> Result<&str, FieldError> {
        self.text(path).ok_or_else(|| FieldError::Missing { path: path.to_owned() })
    }

    /// Sets the text at `path`, in the first group of each name on the way; creates what is not there yet.
    pub fn set(&mut self, path: &str, value: impl fmt::Display) {
        let (parent, name) = self.parent_of(path);
        let text = value.to_string();
        let known = parent.children.iter_mut().find(|node| node.name() == name);
        match known {
            Some(Node::Leaf { text: old, .. }) => *old = text,
            Some(node @ Node::Group(_)) => *node = Node::Leaf { name: crate::table::name(name), text },
            None => parent.children.push(Node::Leaf { name: crate::table::name(name), text }),
        }
    }

    /// Sets the text at `path` if there is a value; otherwise leaves the document as it is.
    pub fn set_if(&mut self, path: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.set(path, value);
        }
    }

    /// Appends one more text at `path`, for elements with text that repeat.
    pub fn push(&mut self, path: &str, value: impl fmt::Display) {
        let (parent, name) = self.parent_of(path);
        parent.children.push(Node::Leaf { name: crate::table::name(name), text: value.to_string() });
    }

    /// Appends one more group at `path` (in the last group of each name on the way, created where there is none) and
    /// hands it out to be filled.
    pub fn add(&mut self, path: &str) -> &mut Group {
        let (name, rest) = split(path);
        match rest {
            None => self.append(Group::new(name)),
            Some(rest) => self.last_or_new(name).add(rest),
        }
    }

    /// Appends a copy of `group`, which may come from another document.
    pub fn add_copy(&mut self, group: &Group) -> &mut Group {
        self.append(group.clone())
    }

    /// Removes every element at `path`. Groups that this leaves empty stay, and are dropped on writing.
    pub fn remove(&mut self, path: &str) {
        let (name, rest) = split(path);
        match rest {
            None => self.children.retain(|node| node.name() != name),
            Some(rest) => {
                for node in &mut self.children {
                    if let Node::Group(group) = node
                        && group.name == name
                    {
                        group.remove(rest);
                    }
                }
            }
        }
    }

    /// Every text with its path below this group, without positions, in document order.
    pub fn leaf_paths(&self) -> Vec<(String, &str)> {
        let mut found = Vec::new();
        self.collect_leaves("", &mut found);
        found
    }

    fn collect_leaves<'a>(&'a self, prefix: &str, found: &mut Vec<(String, &'a str)>) {
        for node in &self.children {
            let path = join(prefix, node.name());
            match node {
                Node::Leaf { text, .. } => found.push((path, text)),
                Node::Group(group) => group.collect_leaves(&path, found),
            }
        }
    }

    /// Every text with its path below this group, in document order, where each name that repeats among its neighbours
    /// has its place from the second on: `Consignment/HouseConsignment[2]/grossMass`. No two texts have one path.
    pub fn placed_leaves(&self) -> Vec<(String, &str)> {
        let mut found = Vec::new();
        self.collect_placed("", &mut found);
        found
    }

    fn collect_placed<'a>(&'a self, prefix: &str, found: &mut Vec<(String, &'a str)>) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for node in &self.children {
            let place = seen.entry(node.name()).or_default();
            *place += 1;
            let mut path = join(prefix, node.name());
            if *place > 1 {
                path.push_str(&format!("[{place}]"));
            }
            match node {
                Node::Leaf { text, .. } => found.push((path, text)),
                Node::Group(group) => group.collect_placed(&path, found),
            }
        }
    }

    /// Keeps only the texts whose path (below this group, without positions) is wanted; groups left empty go too.
    pub fn retain(&mut self, wanted: &dyn Fn(&str) -> bool) {
        self.retain_below("", wanted, None);
    }

    pub(crate) fn retain_below(
        &mut self,
        prefix: &str,
        wanted: &dyn Fn(&str) -> bool,
        spec: Option<&'static GroupSpec>,
    ) {
        let mut kept: Vec<Name> = Vec::new();
        self.children.retain_mut(|node| match node {
            Node::Leaf { name, .. } => wanted(&join(prefix, name)),
            Node::Group(group) => {
                let element =
                    spec.and_then(|spec| spec.elements.iter().find(|element| element.name == group.name));
                let below = element.and_then(|element| match element.content {
                    Content::Group(index) => crate::table::table().group(index),
                    Content::Text(_) => None,
                });
                group.retain_below(&join(prefix, &group.name), wanted, below);
                let is_required =
                    element.is_some_and(|element| element.min > 0) && !kept.contains(&group.name);
                let stays = is_required || !group.children.is_empty();
                if stays {
                    kept.push(group.name.clone());
                }
                stays
            }
        });
    }

    fn named_children<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |node| node.name() == name)
    }

    /// The first group on the way to the last name of `path`, created where there is none, and that name.
    fn parent_of<'p>(&mut self, path: &'p str) -> (&mut Group, &'p str) {
        let (name, rest) = split(path);
        match rest {
            None => (self, name),
            Some(rest) => {
                let at = self.children.iter().position(|node| is_group(node, name));
                self.at_or_new(at, name).parent_of(rest)
            }
        }
    }

    fn last_or_new(&mut self, name: &str) -> &mut Group {
        let at = self.children.iter().rposition(|node| is_group(node, name));
        self.at_or_new(at, name)
    }

    fn at_or_new(&mut self, at: Option<usize>, name: &str) -> &mut Group {
        let at = at.unwrap_or_else(|| {
            self.children.push(Node::Group(Group::new(name)));
            self.children.len() - 1
        });
        match self.children.get_mut(at) {
            Some(Node::Group(group)) => group,
            // INVARIANT: `at` is the place of a group, found or made just above.
            _ => unreachable!("position {at} holds a group"),
        }
    }

    fn append(&mut self, group: Group) -> &mut Group {
        self.children.push(Node::Group(group));
        match self.children.last_mut() {
            Some(Node::Group(group)) => group,
            // INVARIANT: a group was pushed just above.
            _ => unreachable!("the last child is the group just pushed"),
        }
    }
}

fn is_group(node: &Node, name: &str) -> bool {
    matches!(node, Node::Group(group) if group.name == name)
}

/// The first name of a path, and what follows it.
fn split(path: &str) -> (&str, Option<&str>) {
    match path.split_once('/') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") }
}
