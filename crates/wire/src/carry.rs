//! Carrying data over from one message to another: a record is made from a declaration, an arrival advice from an arrival.

use crate::MessageType;
use crate::document::Document;
use crate::group::{Group, Name, Node};
use crate::table::{Content, GroupSpec, table};

/// A new message of type `target` with every element of `source` that `target` knows at the same path, as far as its
/// repetitions and format allow.
///
/// The header is not carried over: a new message has its own sender, recipient, time, identification and correlation.
/// `messageType` is set.
pub fn carry(source: &Document, target: MessageType) -> Document {
    let mut document = Document::new(target);
    if let Some(spec) = table().root(target) {
        for node in carried(source.root(), spec) {
            let is_header = crate::header::ELEMENTS.contains(&node.name());
            if !is_header {
                document.root_mut().children.push(node);
            }
        }
    }
    document.set("messageType", target);
    document
}

fn carried(source: &Group, spec: &'static GroupSpec) -> Vec<Node> {
    let mut nodes = Vec::new();
    for element in &spec.elements {
        let named = source.children.iter().filter(|node| node.name() == element.name);
        let fitting = named.filter_map(|node| match (node, element.content) {
            (Node::Leaf { text, .. }, Content::Text(format)) => {
                let format = table().format(format)?;
                let value = format.normalised(text);
                format.check(&value).ok()?;
                Some(Node::Leaf { name: Name::Borrowed(element.name), text: value.into_owned() })
            }
            (Node::Group(group), Content::Group(index)) => {
                let children = carried(group, table().group(index)?);
                let mut copy = Group::named(Name::Borrowed(element.name));
                copy.children = children;
                (element.min > 0 || !copy.is_empty()).then_some(Node::Group(copy))
            }
            _ => None,
        });
        nodes.extend(fitting.take(usize::try_from(element.max).unwrap_or(usize::MAX)));
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_target_knows_is_carried_and_the_header_is_not() {
        let mut source = Document::new(MessageType::CC015C);
        source.set("messageSender", "GB123456789000");
        source.set("TransitOperation/LRN", "L1");
        source.set("TransitOperation/declarationType", "T1");
        source.set("CustomsOfficeOfDeparture/referenceNumber", "GB000246");
        source.add("Consignment/HouseConsignment").set("grossMass", "10.5");
        source.add("Consignment/HouseConsignment").set("grossMass", "not a number");
        let record = carry(&source, MessageType::CD001C);
        let leaves = record.leaf_paths();
        let expected = [
            ("TransitOperation/declarationType", "T1"),
            ("CustomsOfficeOfDeparture/referenceNumber", "GB000246"),
            ("Consignment/HouseConsignment/grossMass", "10.5"),
            ("messageType", "CD001C"),
        ];
        assert_eq!(leaves, expected.map(|(path, text)| (path.to_owned(), text)));
    }

    #[test]
    fn repetitions_beyond_the_targets_are_left_behind() {
        let mut source = Document::new(MessageType::CC015C);
        for number in 1..=12 {
            source.add("Guarantee").set("guaranteeType", number % 10);
        }
        assert_eq!(carry(&source, MessageType::CC029C).groups("Guarantee").len(), 9);
    }
}
