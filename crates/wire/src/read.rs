//! Reading and checking messages.

use crate::document::Document;
use crate::engine::{self, Sink};
use crate::error::{Rejection, Verdict};
use crate::group::{Group, Name, Node};
use crate::{Header, Limits, Phase};
use serde::Serialize;
use std::borrow::Cow;

/// Reads a message.
///
/// # Errors
/// When the file is not a valid message: all errors found, and the header as far as it is legible.
pub fn read(xml: &[u8], limits: &Limits) -> Result<Document, Rejection> {
    let mut builder = Builder::default();
    let outcome = engine::run(xml, limits, &mut builder);
    let phase = builder.phase;
    match (outcome.message, builder.finish()) {
        (Some(message), Some(root)) if outcome.errors.is_empty() => {
            Ok(Document::from_parts(message, phase, root))
        }
        (message, root) => {
            let header = root.map(|root| header_of(&root)).unwrap_or_default();
            Err(Rejection { message, errors: outcome.errors, header: Box::new(header) })
        }
    }
}

/// Checks a message without keeping it. The verdict is that of xmllint with the reference schema, except that document
/// type declarations are refused.
pub fn validate(xml: &[u8], limits: &Limits) -> Verdict {
    let outcome = engine::run(xml, limits, &mut Nothing);
    Verdict { message: outcome.message, errors: outcome.errors }
}

/// The verdict on a file as one line of JSON, without a line break:
/// `{"file", "message", "valid", "errors": [{"line", "column", "code", "path", "message"}]}`; `message` is null when the
/// root element is none of the 91 messages.
pub fn verdict_json(file_name: &str, bytes: &[u8]) -> String {
    let verdict = validate(bytes, &Limits::default());
    let errors = verdict.errors.iter().map(|error| ErrorLine {
        line: error.line,
        column: error.column,
        code: error.code.to_string(),
        path: &error.path,
        message: &error.message,
    });
    let line = VerdictLine {
        file: file_name,
        message: verdict.message.map(crate::MessageType::as_str),
        valid: verdict.is_valid(),
        errors: errors.collect(),
    };
    // INVARIANT: a structure of texts and numbers always has a JSON form.
    serde_json::to_string(&line).unwrap_or_default()
}

#[derive(Serialize)]
struct VerdictLine<'a> {
    file: &'a str,
    message: Option<&'static str>,
    valid: bool,
    errors: Vec<ErrorLine<'a>>,
}

#[derive(Serialize)]
struct ErrorLine<'a> {
    line: u32,
    column: u32,
    code: String,
    path: &'a str,
    message: &'a str,
}

/// The header that all messages begin with.
pub(crate) fn header_of(root: &Group) -> Header {
    let take = |name: &str| root.text(name).map(str::to_owned);
    Header {
        sender: take("messageSender"),
        recipient: take("messageRecipient"),
        prepared: take("preparationDateAndTime"),
        identification: take("messageIdentification"),
        message_type: take("messageType"),
        correlation: take("correlationIdentifier"),
    }
}

/// Builds the document that is read.
#[derive(Default)]
struct Builder {
    open: Vec<Group>,
    root: Option<Group>,
    phase: Option<Phase>,
}

impl Builder {
    /// The root, with what was read before reading stopped.
    fn finish(mut self) -> Option<Group> {
        while !self.open.is_empty() {
            self.close();
        }
        self.root
    }
}

impl Sink for Builder {
    fn open(&mut self, name: &'static str) {
        self.open.push(Group::named(Name::Borrowed(name)));
    }

    fn text(&mut self, name: &'static str, value: Cow<'_, str>) {
        if let Some(group) = self.open.last_mut() {
            group.children.push(Node::Leaf { name: Name::Borrowed(name), text: value.into_owned() });
        }
    }

    fn close(&mut self) {
        if let Some(group) = self.open.pop() {
            match self.open.last_mut() {
                Some(parent) => parent.children.push(Node::Group(group)),
                None => self.root = Some(group),
            }
        }
    }

    fn phase(&mut self, phase: Phase) {
        self.phase = Some(phase);
    }
}

/// Keeps nothing.
struct Nothing;

impl Sink for Nothing {
    fn open(&mut self, _: &'static str) {}
    fn text(&mut self, _: &'static str, _: Cow<'_, str>) {}
    fn close(&mut self) {}
    fn phase(&mut self, _: Phase) {}
}
