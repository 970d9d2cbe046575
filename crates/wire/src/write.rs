//! Writing messages.

use crate::document::Document;
use crate::error::XmlError;
use crate::group::{Group, Node};
use crate::namespace::NCTS;
use crate::table::{Content, GroupSpec, table};
use crate::{Limits, validate};
use std::fmt::Write;

/// Writes a message: UTF-8, children in the order of the table whatever the order in which they were set, groups without
/// content left out unless the table requires them.
///
/// What is written has been checked like a file that comes in, so it is valid for xmllint too.
///
/// # Errors
/// When the document is not a valid message: all errors, their lines and columns those of the file it would have been.
pub fn write(document: &Document) -> Result<Vec<u8>, Vec<XmlError>> {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let code = document.message().as_str();
    let phase = document.phase().map_or(String::new(), |phase| format!(" PhaseID=\"{}\"", phase.as_str()));
    // Writing to a string cannot fail.
    let _ = writeln!(out, "<ncts:{code} xmlns:ncts=\"{NCTS}\"{phase}>");
    write_children(&mut out, document.root(), table().root(document.message()), 1);
    let _ = writeln!(out, "</ncts:{code}>");
    let unbounded =
        Limits { bytes: usize::MAX, elements: usize::MAX, references: usize::MAX, ..Limits::default() };
    let verdict = validate(out.as_bytes(), &unbounded);
    if verdict.is_valid() { Ok(out.into_bytes()) } else { Err(verdict.errors) }
}

fn write_children(out: &mut String, group: &Group, spec: Option<&'static GroupSpec>, depth: usize) {
    let place = |node: &Node| {
        let known =
            spec.and_then(|spec| spec.elements.iter().position(|element| element.name == node.name()));
        // What the table does not know goes last, and is refused by the check.
        known.unwrap_or(usize::MAX)
    };
    let mut children: Vec<(usize, &Node)> = group.children.iter().map(|node| (place(node), node)).collect();
    children.sort_by_key(|(place, _)| *place);
    for (place, node) in children {
        let element = spec.and_then(|spec| spec.elements.get(place));
        let is_required = element.is_some_and(|element| element.min > 0);
        if is_required || node.has_text() {
            write_node(out, node, element.map(|element| element.content), depth);
        }
    }
}

fn write_node(out: &mut String, node: &Node, content: Option<Content>, depth: usize) {
    let indent = depth * 2;
    match node {
        Node::Leaf { name, text } => {
            let format = match content {
                Some(Content::Text(index)) => table().format(index),
                _ => None,
            };
            let value = format.map_or(text.as_str().into(), |format| format.normalised(text));
            let _ = writeln!(
                out,
                "{:indent$}<{name}>{}</{name}>",
                "",
                quick_xml::escape::partial_escape(value.as_ref())
            );
        }
        Node::Group(child) => {
            let spec = match content {
                Some(Content::Group(index)) => table().group(index),
                _ => None,
            };
            let name = child.name();
            let _ = writeln!(out, "{:indent$}<{name}>", "");
            write_children(out, child, spec, depth + 1);
            let _ = writeln!(out, "{:indent$}</{name}>", "");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Document, Limits, MessageType, cl030, read, write};

    fn acknowledgement() -> Document {
        let mut document = Document::new(MessageType::CC928C);
        document.set("TransitOperation/LRN", "A & <B>");
        document.set("messageType", "CC928C");
        document.set("messageIdentification", "M1");
        document.set("preparationDateAndTime", "2026-11-24T06:00:00");
        document.set("messageRecipient", "GB123456789000");
        document.set("messageSender", "NTA.GB");
        document.set("correlationIdentifier", "M0");
        document.set("CustomsOfficeOfDeparture/referenceNumber", "GB000246");
        document.set("HolderOfTheTransitProcedure/identificationNumber", "GB123456789000");
        document
    }

    #[test]
    fn children_are_written_in_the_order_of_the_table() {
        let written = String::from_utf8(write(&acknowledgement()).unwrap()).unwrap();
        let expected = "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<ncts:CC928C xmlns:ncts=\"http://ncts.dgtaxud.ec\" PhaseID=\"NCTS5.1\">
  <messageSender>NTA.GB</messageSender>
  <messageRecipient>GB123456789000</messageRecipient>
  <preparationDateAndTime>2026-11-24T06:00:00</preparationDateAndTime>
  <messageIdentification>M1</messageIdentification>
  <messageType>CC928C</messageType>
  <correlationIdentifier>M0</correlationIdentifier>
  <TransitOperation>
    <LRN>A &amp; &lt;B&gt;</LRN>
  </TransitOperation>
  <CustomsOfficeOfDeparture>
    <referenceNumber>GB000246</referenceNumber>
  </CustomsOfficeOfDeparture>
  <HolderOfTheTransitProcedure>
    <identificationNumber>GB123456789000</identificationNumber>
  </HolderOfTheTransitProcedure>
</ncts:CC928C>
";
        assert_eq!(written, expected);
    }

    #[test]
    fn what_is_written_reads_back() {
        let document = acknowledgement();
        let read = read(&write(&document).unwrap(), &Limits::default()).unwrap();
        assert_eq!(read.text("TransitOperation/LRN"), Some("A & <B>"));
        assert_eq!(read.header(), document.header());
    }

    #[test]
    fn an_invalid_document_is_not_written() {
        let mut document = acknowledgement();
        document.set("CustomsOfficeOfDeparture/referenceNumber", "GB0002466");
        document.remove("messageSender");
        document.set("TransitOperation/colour", "blue");
        let found: Vec<_> =
            write(&document).unwrap_err().into_iter().map(|error| (error.code, error.path)).collect();
        let expected = [
            (cl030::MISSING, "/CC928C/messageSender".to_owned()),
            (cl030::NOT_EXPECTED, "/CC928C/TransitOperation[1]/colour".to_owned()),
            (cl030::TOO_LONG, "/CC928C/CustomsOfficeOfDeparture[1]/referenceNumber".to_owned()),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn empty_groups_are_left_out_unless_required() {
        let mut document = acknowledgement();
        document.add("HolderOfTheTransitProcedure/Address");
        document.remove("HolderOfTheTransitProcedure/identificationNumber");
        let written = String::from_utf8(write(&document).unwrap()).unwrap();
        assert!(written.contains("<HolderOfTheTransitProcedure>\n  </HolderOfTheTransitProcedure>"));
        assert!(!written.contains("Address"));
    }
}
