//! The reader: one pass over a file that checks it against the message table and hands what it holds to a sink.
//!
//! quick-xml splits the file into markup and text; [`lexer`](crate::lexer) checks each piece strictly; this module keeps the
//! open elements and compares them with the table. Its verdict is that of libxml2 with the reference schema, and so is the
//! first error: namespace errors of the whole file come first, then errors of structure and text in the order in which a
//! validator meets them. A file that is not well-formed has that one error.

use crate::element::{Frame, Holds, Tentative};
use crate::error::XmlError;
use crate::lexer::{self, Attribute, Fault, TagEnd, is_blank};
use crate::namespace::{NCTS, Resolved, Scopes, XSI};
use crate::place::Places;
use crate::table::{Content, ElementSpec, GroupSpec, table};
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
                Some(reason) if fault.offset >= end => self.error(end, cl030::BAD_CHARACTER, reason.to_owned()),
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
                Err(_) => return Err(lexer::diagnose(self.text, from).into()),
            }
            from = to;
        }
    }

    fn finish(&mut self) -> Result<(), Stop> {
        let message: Cow<'static, str> = match self.open.last() {
            Some(frame) => format!("the file ends before the element `{}` does", frame.raw_name).into(),
            None if self.had_root => return Ok(()),
            None => "the file holds no element".into(),
        };
        Err(Fault::new(self.text.len(), message).into())
    }

    fn instruction(&mut self, from: usize, to: usize) -> Result<(), Stop> {
        let is_declaration = self.text.starts_with("<?xml") && self.text.as_bytes().get(5).copied().is_some_and(is_blank);
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
            return Err(Stop::Limit(from, format!("the file has more than {} elements", self.limits.elements)));
        }
        if self.open.len() >= self.limits.depth {
            return Err(Stop::Limit(tag.close, format!("elements are nested deeper than {}", self.limits.depth)));
        }
        if self.attributes.len() > self.limits.attributes {
            let message = format!("the element has more than {} attributes", self.limits.attributes);
            return Err(Stop::Limit(tag.close, message));
        }
        let mark = self.scopes.mark();
        if !self.attributes.is_empty() {
            self.declare_namespaces(name, tag)?;
        }
        self.enter(name, from, tag, mark)?;
        if tag.is_empty { self.leave() } else { Ok(()) }
    }

    /// Takes the namespace declarations out of the attributes and checks that no attribute stands twice.
    fn declare_namespaces(&mut self, element: &str, tag: TagEnd) -> Result<(), Stop> {
        let mut attributes = std::mem::take(&mut self.attributes);
        for (index, attribute) in attributes.iter().enumerate() {
            if attributes.iter().take(index).any(|earlier| earlier.name == attribute.name) {
                return Err(Fault::new(tag.close, format!("the attribute `{}` stands twice", attribute.name)).into());
            }
        }
        attributes.retain(|attribute| !self.scopes.declare(attribute));
        for (index, attribute) in attributes.iter().enumerate() {
            let message = match self.scopes.attribute(attribute.name) {
                Resolved::Undeclared => {
                    format!("the prefix of the attribute `{}` on `{element}` is not declared", attribute.name)
                }
                Resolved::In(space, local)
                    if attributes.iter().take(index).any(|earlier| {
                        self.scopes.attribute(earlier.name) == Resolved::In(space, local)
                    }) =>
                {
                    format!("the attribute `{local}` of the namespace `{space}` stands twice on `{element}`")
                }
                _ => continue,
            };
            let error = self.error(tag.close, cl030::NOT_WELL_FORMED, message);
            self.namespace_errors.push(error);
        }
        self.attributes = attributes;
        Ok(())
    }

    /// Opens an element: finds what it is, reports it if it may not be here, checks its attributes.
    fn enter(&mut self, name: &'a str, from: usize, tag: TagEnd, mark: usize) -> Result<(), Stop> {
        let is_plain = !name.contains(':') && !self.scopes.has_default();
        if !is_plain && self.scopes.element(name) == Resolved::Undeclared {
            let error = self.error(tag.close, cl030::NOT_WELL_FORMED, format!("the prefix of `{name}` is not declared"));
            self.namespace_errors.push(error);
        }
        let mut frame = Frame { raw_name: name, name, from, close: tag.close, number: 0, mark, holds: Holds::Unknown };
        match self.open.last().map(|parent| parent.holds) {
            None => self.enter_root(&mut frame)?,
            Some(Holds::Unknown) => {}
            Some(Holds::Text { element, format, has_error }) => {
                if !has_error {
                    self.report_last(cl030::NOT_EXPECTED, "this element holds text, not elements".to_owned(), None)?;
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

    fn enter_root(&mut self, frame: &mut Frame<'a>) -> Result<(), Stop> {
        self.had_root = true;
        let local = frame.raw_name.split_once(':').map_or(frame.raw_name, |(_, local)| local);
        self.message = MessageType::parse(local);
        frame.name = local;
        let is_ours = matches!(self.scopes.element(frame.raw_name), Resolved::In(NCTS, _));
        let spec = self.message.and_then(|message| table().root(message));
        let (code, message) = match spec {
            Some(spec) if is_ours => {
                frame.holds = Holds::Group { spec, next: 0, base: self.counts.len(), had_text: false };
                return Ok(());
            }
            Some(_) => (cl030::NOT_EXPECTED, format!("the root element must be in the namespace `{NCTS}`")),
            None => (cl030::OTHER, format!("`{local}` is none of the 91 messages of NCTS phase 5")),
        };
        let path = format!("/{local}");
        self.push_error(frame, code, path, message, None)
    }

    fn enter_child(
        &mut self,
        frame: &mut Frame<'a>,
        spec: &'static GroupSpec,
        next: usize,
        base: usize,
        is_unqualified: bool,
    ) -> Result<(), Stop> {
        let name = frame.raw_name;
        let ahead = spec.elements.iter().skip(next).position(|element| element.name == name);
        let found = match ahead {
            _ if !is_unqualified => None,
            Some(steps) => Some(next + steps),
            None => spec.elements.iter().take(next).position(|element| element.name == name),
        };
        let Some((index, element)) = found.and_then(|index| Some((index, spec.elements.get(index)?))) else {
            let message = format!("`{name}` is not expected here{}", self.expected(spec, next, base));
            let path = format!("{}/{name}", self.path());
            return self.push_error(frame, cl030::NOT_EXPECTED, path, message, None);
        };
        let count = self.counts.get(base + index).copied().unwrap_or(0) + 1;
        if let Some(slot) = self.counts.get_mut(base + index) {
            *slot = count;
        }
        frame.name = element.name;
        frame.number = count;
        frame.holds = match element.content {
            Content::Group(group) => match table().group(group) {
                Some(spec) => Holds::Group { spec, next: 0, base: self.counts.len(), had_text: false },
                None => Holds::Unknown,
            },
            Content::Text(format) => match table().format(format) {
                Some(format) => Holds::Text { element, format, has_error: false },
                None => Holds::Unknown,
            },
        };
        if index < next {
            return self.report_late(frame, spec, index);
        }
        if count > element.max {
            let message = format!("`{name}` may occur at most {}", times(element.max));
            let path = self.path_of(frame);
            return self.push_error(frame, cl030::TOO_MANY, path, message, None);
        }
        if index > next {
            self.report_missing(frame, spec, next..index, base, true)?;
            if let Some(Frame { holds: Holds::Group { next, .. }, .. }) = self.open.last_mut() {
                *next = index;
            }
        }
        Ok(())
    }

    /// Reports an element that stands behind others that must follow it. If it was already reported as missing before
    /// one of those, that one is what is out of place.
    fn report_late(&mut self, frame: &Frame<'a>, spec: &GroupSpec, index: usize) -> Result<(), Stop> {
        let depth = self.open.len();
        let is_same = |one: &Tentative| one.depth == depth && one.index == index;
        let Some(at) = self.tentative.iter().position(is_same) else {
            let name = frame.name;
            let after = spec.elements.get(index + 1).map(|element| element.name).unwrap_or_default();
            let message = format!("`{name}` is not expected here: it must stand before `{after}`");
            let path = self.path_of(frame);
            return self.push_error(frame, cl030::NOT_EXPECTED, path, message, None);
        };
        let settled = self.tentative.swap_remove(at);
        let is_first = !settled.culprit_reported;
        if is_first {
            let twins = self.tentative.iter_mut().filter(|one| one.depth == depth && one.culprit == settled.culprit);
            twins.for_each(|twin| twin.culprit_reported = true);
        }
        if let Some(error) = self.errors.get_mut(settled.error) {
            if is_first {
                error.code = cl030::NOT_EXPECTED;
                error.message = format!("this element is not expected here: `{}` must stand before it", frame.name);
                error.path = settled.culprit;
            } else {
                error.code = 0;
            }
        }
        Ok(())
    }

    /// Reports the elements in `range` that are required and have not occurred often enough.
    fn report_missing(
        &mut self,
        place: &Frame<'a>,
        spec: &'static GroupSpec,
        range: std::ops::Range<usize>,
        base: usize,
        has_culprit: bool,
    ) -> Result<(), Stop> {
        for index in range {
            let Some(element) = spec.elements.get(index) else { continue };
            if self.counts.get(base + index).copied().unwrap_or(0) >= element.min {
                continue;
            }
            let name = element.name;
            let path = match element.content {
                Content::Text(_) => format!("{}/{name}", self.path()),
                Content::Group(_) => format!("{}/{name}[1]", self.path()),
            };
            if has_culprit {
                let (depth, error) = (self.open.len(), self.errors.len());
                let culprit = self.path_of(place);
                self.tentative.push(Tentative { depth, index, error, culprit, culprit_reported: false });
            }
            self.push_error(place, cl030::MISSING, path, format!("`{name}` is missing"), None)?;
        }
        Ok(())
    }

    /// Which element could stand here, in words.
    fn expected(&self, spec: &GroupSpec, next: usize, base: usize) -> String {
        let is_possible = |index: usize, element: &ElementSpec| {
            self.counts.get(base + index).copied().unwrap_or(0) < element.max
        };
        let following = spec.elements.iter().enumerate().skip(next).find(|(index, element)| is_possible(*index, element));
        following.map_or(String::new(), |(_, element)| format!(": `{}` could be", element.name))
    }

    /// Checks the attributes of the element just opened.
    fn check_attributes(&mut self) -> Result<(), Stop> {
        if self.attributes.is_empty() && self.open.len() > 1 {
            return Ok(());
        }
        let attributes = std::mem::take(&mut self.attributes);
        let mut has_phase = false;
        for attribute in &attributes {
            let wrong = match self.scopes.attribute(attribute.name) {
                Resolved::Plain("PhaseID") if self.open.len() == 1 => {
                    has_phase = true;
                    let value = lexer::attribute_value(attribute.raw);
                    match Phase::parse(value.trim_matches(' ')) {
                        Some(phase) => {
                            self.sink.phase(phase);
                            None
                        }
                        None => {
                            Some((cl030::NOT_IN_ENUMERATION, "PhaseID must be one of NCTS5.0, NCTS5.1".to_owned()))
                        }
                    }
                }
                Resolved::In(XSI, "schemaLocation" | "noNamespaceSchemaLocation") => None,
                Resolved::In(XSI, "type") if self.is_own_type(&lexer::attribute_value(attribute.raw)) => None,
                Resolved::In(XSI, "type") => Some((cl030::WRONG_TYPE, "xsi:type must name the element's own type".to_owned())),
                Resolved::In(XSI, "nil") => Some((cl030::NOT_EXPECTED, "the element may not be nil".to_owned())),
                _ => Some((cl030::NOT_EXPECTED, format!("the attribute `{}` is not allowed", attribute.name))),
            };
            if let Some((code, message)) = wrong {
                let value = lexer::attribute_value(attribute.raw).into_owned();
                self.report_attribute(code, attribute.name, message, Some(value))?;
            }
        }
        self.attributes = attributes;
        let needs_phase = self.message.and_then(|message| table().message(message)).is_some_and(|spec| spec.phase_required);
        if self.open.len() == 1 && needs_phase && !has_phase {
            self.report_attribute(cl030::MISSING, "PhaseID", "the attribute `PhaseID` is missing".to_owned(), None)?;
        }
        Ok(())
    }

    /// Whether a value of `xsi:type` names the type that the element just opened has anyway.
    fn is_own_type(&self, value: &str) -> bool {
        let value = value.trim_matches(' ');
        let (prefix, local) = value.split_once(':').unwrap_or(("", value));
        let Some(Frame { holds: Holds::Group { spec, .. }, .. }) = self.open.last() else { return false };
        let own = spec.name.split('.').next().unwrap_or_default();
        let is_own = if self.open.len() == 1 { local.strip_suffix("Type") == Some(own) } else { local == own };
        self.scopes.lookup(prefix) == Some(NCTS) && is_own
    }

    fn report_attribute(&mut self, code: u8, name: &str, message: String, value: Option<String>) -> Result<(), Stop> {
        let path = format!("{}/@{name}", self.path());
        let Some(place) = self.open.last().copied() else { return Ok(()) };
        self.push_error(&place, code, path, message, value)
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
        let Some(frame) = self.open.last().copied() else { return Ok(()) };
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
                    let cut = value.chars().take(512).collect();
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

    fn characters(&mut self, from: usize, to: usize) -> Result<(), Stop> {
        let text = self.text;
        let piece = text.get(from..to).unwrap_or_default();
        let Some(frame) = self.open.last() else {
            let Some(at) = piece.bytes().position(|byte| !is_blank(byte)) else { return Ok(()) };
            let message =
                if self.had_root { "nothing but comments may follow the root element" } else { "the root element must begin with `<`" };
            return Err(Fault::new(from + at, message).into());
        };
        let holds = frame.holds;
        if !matches!(holds, Holds::Text { .. }) && piece.bytes().all(is_blank) {
            return Ok(());
        }
        lexer::check_text(text, from, to)?;
        let is_reference = piece.starts_with('&');
        if is_reference {
            self.references += 1;
            if self.references > self.limits.references {
                let message = format!("the file has more than {} references", self.limits.references);
                return Err(Stop::Limit(from, message));
            }
        }
        match holds {
            Holds::Unknown => Ok(()),
            Holds::Group { .. } if is_reference => {
                let (character, _) = lexer::reference(text, from)?;
                if character.is_ascii() && is_blank(character as u8) { Ok(()) } else { self.report_text() }
            }
            Holds::Group { .. } => self.report_text(),
            Holds::Text { .. } if is_reference => {
                let (character, end) = lexer::reference(text, from)?;
                self.buffered().push(character);
                same_end(from, end, to)?;
                self.check_length(from)
            }
            Holds::Text { .. } => self.append(from, piece),
        }
    }

    fn cdata(&mut self, from: usize, to: usize) -> Result<(), Stop> {
        let content_end = lexer::cdata(self.text, from)?;
        same_end(from, content_end + "]]>".len(), to)?;
        let piece = self.text.get(from + "<![CDATA[".len()..content_end).unwrap_or_default();
        match self.open.last().map(|frame| frame.holds) {
            None => Err(Fault::new(from, "a CDATA section may stand only inside the root element").into()),
            Some(Holds::Unknown) => Ok(()),
            // Even an empty section counts as text.
            Some(Holds::Group { .. }) => self.report_text(),
            Some(Holds::Text { .. }) => self.append(from, piece),
        }
    }

    /// Adds text to the value of the open element; line ends become `\n` (XML 1.0, 2.11).
    fn append(&mut self, from: usize, piece: &'a str) -> Result<(), Stop> {
        if matches!(self.value, Value::Piece("")) && !piece.contains('\r') {
            self.value = Value::Piece(piece);
        } else if piece.contains('\r') {
            let piece = piece.replace("\r\n", "\n").replace('\r', "\n");
            self.buffered().push_str(&piece);
        } else {
            self.buffered().push_str(piece);
        }
        self.check_length(from)
    }

    fn buffered(&mut self) -> &mut String {
        if let Value::Piece(piece) = self.value {
            self.buffer.clear();
            self.buffer.push_str(piece);
            self.value = Value::Buffered;
        }
        &mut self.buffer
    }

    fn check_length(&self, offset: usize) -> Result<(), Stop> {
        let length = match self.value {
            Value::Piece(piece) => piece.len(),
            Value::Buffered => self.buffer.len(),
        };
        if length > self.limits.text {
            return Err(Stop::Limit(offset, format!("the element's text has more than {} bytes", self.limits.text)));
        }
        Ok(())
    }

    /// Reports text in an element that holds elements, once for each.
    fn report_text(&mut self) -> Result<(), Stop> {
        if let Some(Frame { holds: Holds::Group { had_text, .. }, .. }) = self.open.last_mut() {
            if *had_text {
                return Ok(());
            }
            *had_text = true;
        }
        self.report_last(cl030::NOT_EXPECTED, "this element holds elements, not text".to_owned(), None)
    }

    /// Reports an error of the innermost open element.
    fn report_last(&mut self, code: u8, message: String, value: Option<String>) -> Result<(), Stop> {
        let Some(place) = self.open.last().copied() else { return Ok(()) };
        let path = self.path();
        self.push_error(&place, code, path, message, value)
    }

    fn push_error(
        &mut self,
        place: &Frame<'a>,
        code: u8,
        path: String,
        message: String,
        value: Option<String>,
    ) -> Result<(), Stop> {
        let (line, column) = self.places.of(place.close);
        let (first_line, first_column) = self.places.of(place.from);
        let column = if line == first_line { first_column } else { column };
        self.errors.push(XmlError { line, column, code, path, message, value });
        if self.errors.len() >= self.limits.errors { Err(Stop::TooManyErrors) } else { Ok(()) }
    }

    /// An error at an offset rather than of an element.
    fn error(&mut self, offset: usize, code: u8, message: String) -> XmlError {
        let (line, column) = self.places.of(offset);
        let path = if self.open.is_empty() { "/".to_owned() } else { self.path() };
        XmlError { line, column, code, path, message, value: None }
    }

    /// XPath of the innermost open element.
    fn path(&self) -> String {
        let mut path = String::new();
        for frame in &self.open {
            frame.append_to(&mut path);
        }
        path
    }

    /// XPath of an element about to be opened.
    fn path_of(&self, frame: &Frame<'a>) -> String {
        let mut path = self.path();
        frame.append_to(&mut path);
        path
    }
}

fn times(max: u32) -> String {
    if max == 1 { "once".to_owned() } else { format!("{max} times") }
}

/// quick-xml and the strict grammar must agree on where a piece of markup ends.
fn same_end(from: usize, strict: usize, found: usize) -> Result<(), Stop> {
    if strict == found { Ok(()) } else { Err(Fault::new(from, "the markup is malformed").into()) }
}
