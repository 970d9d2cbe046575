//! The reader: one pass over a file that checks it against the message table and hands what it holds to a sink.
//!
//! quick-xml splits the file into markup and text; [`lexer`](crate::lexer) checks each piece strictly; this module keeps the
//! open elements and compares them with the table. Its verdict is that of libxml2 with the reference schema, and so is the
//! first error: namespace errors of the whole file come first, then errors of structure and text in the order in which a
//! validator meets them. A file that is not well-formed has that one error.

mod attributes;
mod content;
mod report;
mod text;

use crate::element::{Frame, Holds, Tentative};
use crate::error::XmlError;
use crate::lexer::{self, Attribute, Fault, TagEnd, is_blank};
use crate::namespace::{self, Resolved, Scopes};
use crate::place::Places;
use crate::{Limits, MessageType, Phase, cl030};
use quick_xml::Reader;
use quick_xml::events::Event;
use std::borrow::Cow;

/// Takes what a reader reads.
pub(crate) trait Sink {
    /// An element with elements begins.
    fn open(&mut self, name: &'static str);
    /// An element with text, its white space normalised.
    fn text(&mut self, name: &'static str, value: Cow<'_, str>);
    /// The element that was opened last ends.
    fn close(&mut self);
    /// The attribute `PhaseID` of the root.
    fn phase(&mut self, phase: Phase);
}

/// What a reader has to say about a file.
pub(crate) struct Outcome {
    pub(crate) message: Option<MessageType>,
    pub(crate) errors: Vec<XmlError>,
}

/// Why reading stopped before the end.
enum Stop {
    Fault(Fault),
    Limit(usize, String),
    TooManyErrors,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Stop::Fault(fault)
    }
}

/// Reads a file into `sink`.
pub(crate) fn run(xml: &[u8], limits: &Limits, sink: &mut impl Sink) -> Outcome {
    if xml.len() > limits.bytes {
        let message = format!("the file has more than {} bytes", limits.bytes);
        return Outcome { message: None, errors: vec![at_root(1, 1, cl030::OTHER, message)] };
    }
    match crate::decode::decode(xml) {
        Ok(decoded) => {
            let engine = Engine::new(&decoded.text, limits, sink);
            engine.run(decoded.cut)
        }
        Err((fault, text)) => {
            let (line, column) = Places::new(&text).of(fault.offset);
            let error = at_root(line, column, fault.code, fault.message.into_owned());
            Outcome { message: None, errors: vec![error] }
        }
    }
}

fn at_root(line: u32, column: u32, code: u8, message: String) -> XmlError {
    XmlError { line, column, code, path: "/".to_owned(), message, value: None }
}

/// The text of the open element.
enum Value<'a> {
    /// A stretch of the file as it stands.
    Piece(&'a str),
    /// Put together in the engine's buffer.
    Buffered,
}

struct Engine<'a, 'e, S> {
    text: &'a str,
    limits: &'e Limits,
    sink: &'e mut S,
    places: Places<'a>,
    scopes: Scopes<'a>,
    open: Vec<Frame<'a>>,
    /// For each open group, how often each of its elements has occurred.
    counts: Vec<u32>,
    attributes: Vec<Attribute<'a>>,
    value: Value<'a>,
    buffer: String,
    elements: usize,
    references: usize,
    message: Option<MessageType>,
    had_root: bool,
    namespace_errors: Vec<XmlError>,
    errors: Vec<XmlError>,
    tentative: Vec<Tentative>,
}

impl<'a, 'e, S: Sink> Engine<'a, 'e, S> {
    fn new(text: &'a str, limits: &'e Limits, sink: &'e mut S) -> Self {
        Engine {
            text,
            limits,
            sink,
            places: Places::new(text),
            scopes: Scopes::default(),
            open: Vec::new(),
            counts: Vec::new(),
            attributes: Vec::new(),
            value: Value::Piece(""),
            buffer: String::new(),
            elements: 0,
            references: 0,
            message: None,
            had_root: false,
            namespace_errors: Vec::new(),
            errors: Vec::new(),
            tentative: Vec::new(),
        }
    }

    fn run(mut self, cut: Option<&'static str>) -> Outcome {
        let stop = self.read().and_then(|()| match cut {
            Some(reason) => Err(Stop::Fault(Fault::new(self.text.len(), reason))),
            None => Ok(()),
        });
        let end = self.text.len();
        let mut errors = std::mem::take(&mut self.namespace_errors);
        match stop {
            // Code 0 marks what turned out to be part of another error.
            Ok(()) | Err(Stop::TooManyErrors) => {
                let found = std::mem::take(&mut self.errors);
                errors.extend(found.into_iter().filter(|error| error.code != 0));
            }
            Err(Stop::Limit(offset, message)) => errors.push(self.error(offset, cl030::OTHER, message)),
            Err(Stop::Fault(fault)) => errors.push(match cut {
                Some(reason) if fault.offset >= end => {
                    self.error(end, cl030::BAD_CHARACTER, reason.to_owned())
                }
                _ => self.error(fault.offset, fault.code, fault.message.into_owned()),
            }),
        }
        Outcome { message: self.message, errors }
    }

    /// Reads all markup and text of the file.
    fn read(&mut self) -> Result<(), Stop> {
        if self.text.starts_with('\u{FEFF}') {
            return Err(Fault::new(0, "a second byte order mark").into());
        }
        let mut reader = Reader::from_str(self.text);
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        let mut from = 0;
        loop {
            let event = reader.read_event();
            let to = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            match event {
                Ok(Event::Start(_) | Event::Empty(_)) => self.start(from, to)?,
                Ok(Event::End(_)) => self.end(from, to)?,
                Ok(Event::Text(_) | Event::GeneralRef(_)) => self.characters(from, to)?,
                Ok(Event::CData(_)) => self.cdata(from, to)?,
                Ok(Event::Comment(_)) => same_end(from, lexer::comment(self.text, from)?, to)?,
                Ok(Event::Decl(_) | Event::PI(_)) => self.instruction(from, to)?,
                Ok(Event::DocType(_)) => {
                    return Err(Fault::new(from, "document type declarations are refused").into());
                }
                Ok(Event::Eof) => return self.finish(),
                // What may not begin here is wrong at its beginning, wherever it ends.
                Err(_) if self.is_cdata_outside(from) => return Err(text::cdata_outside(from).into()),
                Err(_) => return Err(lexer::diagnose(self.text, from).into()),
            }
            from = to;
        }
    }

    fn finish(&mut self) -> Result<(), Stop> {
        let message: Cow<'static, str> = match self.open.last() {
            Some(frame) => {
                let name = lexer::quoted(frame.raw_name);
                format!("the file ends before the element `{name}` does").into()
            }
            None if self.had_root => return Ok(()),
            None => "the file holds no element".into(),
        };
        Err(Fault::new(self.text.len(), message).into())
    }

    fn instruction(&mut self, from: usize, to: usize) -> Result<(), Stop> {
        let is_declaration =
            self.text.starts_with("<?xml") && self.text.as_bytes().get(5).copied().is_some_and(is_blank);
        if from == 0 && is_declaration {
            return same_end(from, lexer::declaration(self.text)?.end, to);
        }
        same_end(from, lexer::instruction(self.text, from)?, to)
    }

    fn start(&mut self, from: usize, to: usize) -> Result<(), Stop> {
        if self.open.is_empty() && self.had_root {
            return Err(Fault::new(from, "nothing but comments may follow the root element").into());
        }
        let mut attributes = std::mem::take(&mut self.attributes);
        let tag = lexer::start_tag(self.text, from, &mut attributes);
        self.attributes = attributes;
        let (name, tag) = tag?;
        same_end(from, tag.end, to)?;
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(Stop::Limit(
                from,
                format!("the file has more than {} elements", self.limits.elements),
            ));
        }
        if self.open.len() >= self.limits.depth {
            return Err(Stop::Limit(
                tag.close,
                format!("elements are nested deeper than {}", self.limits.depth),
            ));
        }
        if self.attributes.len() > self.limits.attributes {
            let message = format!("the element has more than {} attributes", self.limits.attributes);
            return Err(Stop::Limit(tag.close, message));
        }
        let mark = self.scopes.mark();
        if mark > namespace::MOST_DECLARATIONS {
            let most = namespace::MOST_DECLARATIONS;
            return Err(Stop::Limit(from, format!("more than {most} namespace declarations are in force")));
        }
        if !self.attributes.is_empty() {
            self.declare_namespaces(name, tag)?;
        }
        self.enter(name, from, tag, mark)?;
        if tag.is_empty { self.leave() } else { Ok(()) }
    }

    /// Opens an element: finds what it is, reports it if it may not be here, checks its attributes.
    fn enter(&mut self, name: &'a str, from: usize, tag: TagEnd, mark: usize) -> Result<(), Stop> {
        let is_plain = !name.contains(':') && !self.scopes.has_default();
        if !is_plain && self.scopes.element(name) == Resolved::Undeclared {
            self.push_namespace_error(
                tag.close,
                format!("the prefix of `{}` is not declared", lexer::quoted(name)),
            )?;
        }
        let mut frame =
            Frame { raw_name: name, name, from, close: tag.close, number: 0, mark, holds: Holds::Unknown };
        match self.open.last().map(|parent| parent.holds) {
            None => self.enter_root(&mut frame)?,
            Some(Holds::Unknown) => {}
            Some(Holds::Text { element, format, has_error }) => {
                if !has_error {
                    self.report_last(
                        cl030::NOT_EXPECTED,
                        "this element holds text, not elements".to_owned(),
                        None,
                    )?;
                }
                if let Some(parent) = self.open.last_mut() {
                    parent.holds = Holds::Text { element, format, has_error: true };
                }
            }
            Some(Holds::Group { spec, next, base, .. }) => {
                let is_unqualified = is_plain || matches!(self.scopes.element(name), Resolved::Plain(_));
                self.enter_child(&mut frame, spec, next, base, is_unqualified)?;
            }
        }
        let holds = frame.holds;
        let name = frame.name;
        self.open.push(frame);
        match holds {
            Holds::Unknown => {}
            Holds::Group { spec, .. } => {
                self.counts.resize(self.counts.len() + spec.elements.len(), 0);
                if let Some(known) = crate::table::known_name(name) {
                    self.sink.open(known);
                }
                self.check_attributes()?;
            }
            Holds::Text { .. } => {
                self.value = Value::Piece("");
                self.check_attributes()?;
            }
        }
        Ok(())
    }

    fn end(&mut self, from: usize, to: usize) -> Result<(), Stop> {
        let Some(open) = self.open.last() else {
            return Err(Fault::new(from, "an end tag without a start tag").into());
        };
        same_end(from, lexer::end_tag(self.text, from, open.raw_name)?, to)?;
        self.leave()
    }

    /// Closes the innermost element.
    fn leave(&mut self) -> Result<(), Stop> {
        let Some(frame) = self.open.last().copied() else {
            return Ok(());
        };
        match frame.holds {
            Holds::Unknown => {}
            Holds::Group { spec, next, base, .. } => {
                self.report_missing(&frame, spec, next..spec.elements.len(), base, false)?;
                self.counts.truncate(base);
                let depth = self.open.len();
                self.tentative.retain(|one| one.depth < depth);
                self.sink.close();
            }
            Holds::Text { element, format, .. } => {
                let buffer = std::mem::take(&mut self.buffer);
                let value = match self.value {
                    Value::Piece(piece) => piece,
                    Value::Buffered => buffer.as_str(),
                };
                let value = format.normalised(value);
                if let Err(misfit) = format.check(&value) {
                    let cut = value.chars().take(report::MOST_VALUE).collect();
                    self.report_last(misfit.code, misfit.message, Some(cut))?;
                }
                self.sink.text(element.name, value);
                self.buffer = buffer;
                self.buffer.clear();
            }
        }
        self.scopes.leave(frame.mark);
        self.open.pop();
        Ok(())
    }
}

/// quick-xml and the strict grammar must agree on where a piece of markup ends.
fn same_end(from: usize, strict: usize, found: usize) -> Result<(), Stop> {
    if strict == found { Ok(()) } else { Err(Fault::new(from, "the markup is malformed").into()) }
}
