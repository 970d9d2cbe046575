//! The messages of customs transit on the wire: the 91 messages of NCTS phase 5 as XML.
//!
//! Messages are data: one compact table (`tables/ncts-p5.table`, made by `cargo xtask gen`) holds the structure of all of
//! them, and one streaming engine reads, checks and writes by it. What is wrong with a file is said with line, column, XPath
//! and the code of list CL030, as CC917C and CD917C report it; a verdict equals that of xmllint with the reference schemas.
//!
//! ```
//! use wire::{Document, Limits, MessageType, read, write};
//!
//! let mut request = Document::new(MessageType::CC034C);
//! request.set("messageSender", "GB123456789000");
//! request.set("messageRecipient", "NTA.GB");
//! request.set("preparationDateAndTime", "2026-11-24T06:00:00");
//! request.set("messageIdentification", "Q1");
//! request.set("messageType", "CC034C");
//! request.set("Requester/identificationNumber", "GB123456789000");
//! request.set("Requester/role", "1");
//! let errors = write(&request).unwrap_err();
//! assert_eq!(errors[0].path, "/CC034C/GuaranteeReference[1]");
//! assert_eq!(errors[0].code, wire::cl030::MISSING);
//!
//! let refused = read(b"<CC034C/>", &Limits::default()).unwrap_err();
//! assert_eq!(refused.message, Some(MessageType::CC034C));
//! assert_eq!(refused.errors[0].line, 1);
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod carry;
mod codes;
mod decode;
mod document;
mod element;
mod engine;
mod error;
mod format;
mod group;
mod header;
mod lexer;
mod limits;
mod message_type;
mod namespace;
mod pattern;
mod place;
mod read;
mod structure;
mod table;
mod write;

pub use carry::carry;
pub use codes::{CodeCheck, CodeLists, FunctionalError, Lookup, check_codes};
pub use document::Document;
pub use error::{FieldError, Rejection, Verdict, XmlError, cl030};
pub use group::Group;
pub use header::Header;
pub use limits::Limits;
pub use message_type::{Domain, MessageType, Phase};
pub use read::{read, validate, verdict_json};
pub use structure::{ElementFacts, element, elements, header_rules};
pub use write::write;
