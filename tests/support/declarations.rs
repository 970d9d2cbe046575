//! Declarations of our own, made from the one that the demonstration plays.

use std::path::{Path, PathBuf};
use wire::{Document, Limits, MessageType};

/// The declaration that the demonstration plays: Leeds, Calais, Turin.
pub const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/corridor/declarations/gb-fr-it.xml");

/// The shipped declaration under a reference and identification of its own.
pub fn declaration(number: usize) -> Document {
    let xml = std::fs::read(SHIPPED).expect("the shipped declaration");
    let mut document = wire::read(&xml, &Limits::default()).expect("the shipped declaration is valid");
    document.set("messageIdentification", format!("TEST-{number:06}"));
    document.set("TransitOperation/LRN", lrn(number));
    document
}

/// The local reference of [`declaration`].
pub fn lrn(number: usize) -> String {
    format!("LEEDS-TEST-{number:06}")
}

/// As [`declaration`], lodged before the goods are presented.
pub fn pre_lodged(number: usize) -> Document {
    let mut document = declaration(number);
    document.set("TransitOperation/additionalDeclarationType", "D");
    document.set("TransitOperation/limitDate", "2030-12-31");
    document
}

/// As [`declaration`], by an authorised consignor to an authorised consignee.
pub fn authorised(number: usize) -> Document {
    let mut document = declaration(number);
    document.set("TransitOperation/limitDate", "2030-12-31");
    let authorisation = document.add("Authorisation");
    authorisation.set("sequenceNumber", 1);
    authorisation.set("type", "C521");
    authorisation.set("referenceNumber", "GBACR20260001");
    document
}

/// As [`declaration`], between two offices of one administration.
pub fn domestic(number: usize) -> Document {
    let mut document = declaration(number);
    document.set("CustomsOfficeOfDestinationDeclared/referenceNumber", "GB000060");
    document.remove("CustomsOfficeOfTransitDeclared");
    document.set("Consignment/countryOfDestination", "GB");
    document
}

/// The message as bytes.
pub fn xml(document: &Document) -> Vec<u8> {
    wire::write(document).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// The message as a file.
pub fn file(folder: &Path, name: &str, document: &Document) -> PathBuf {
    bytes(folder, name, &xml(document))
}

/// Bytes as a file.
pub fn bytes(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).expect("a file");
    path
}

/// A message from our trader to the administration of Great Britain, with nothing but its header.
pub fn from_trader(kind: MessageType, identification: &str) -> Document {
    let mut document = Document::new(kind);
    document.set("messageSender", "GB205672212000");
    document.set("messageRecipient", "NTA.GB");
    document.set("preparationDateAndTime", "2026-11-24T06:30:00");
    document.set("messageIdentification", identification);
    document.set("messageType", kind.as_str());
    document
}
