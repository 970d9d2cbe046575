//! Character data: gathered for elements with text, refused in elements with elements.

use super::{Engine, Sink, Stop, Value, same_end};
use crate::cl030;
use crate::element::{Frame, Holds};
use crate::lexer::{self, Fault, is_blank};

/// A CDATA section before or after the root element: XML 1.0 lets it stand in content only (production 43).
pub(super) fn cdata_outside(from: usize) -> Fault {
    Fault::new(from, "a CDATA section may stand only inside the root element")
}

impl<'a, S: Sink> Engine<'a, '_, S> {
    pub(super) fn characters(&mut self, from: usize, to: usize) -> Result<(), Stop> {
        let text = self.text;
        let piece = text.get(from..to).unwrap_or_default();
        let Some(frame) = self.open.last() else {
            let Some(at) = piece.bytes().position(|byte| !is_blank(byte)) else {
                return Ok(());
            };
            let message = if self.had_root {
                "nothing but comments may follow the root element"
            } else {
                "the root element must begin with `<`"
            };
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

    /// Whether a CDATA section begins outside the root element.
    pub(super) fn is_cdata_outside(&self, from: usize) -> bool {
        self.open.is_empty() && self.text.get(from..).is_some_and(|rest| rest.starts_with("<![CDATA["))
    }

    pub(super) fn cdata(&mut self, from: usize, to: usize) -> Result<(), Stop> {
        if self.open.is_empty() {
            return Err(cdata_outside(from).into());
        }
        let content_end = lexer::cdata(self.text, from)?;
        same_end(from, content_end + "]]>".len(), to)?;
        let piece = self.text.get(from + "<![CDATA[".len()..content_end).unwrap_or_default();
        match self.open.last().map(|frame| frame.holds) {
            None | Some(Holds::Unknown) => Ok(()),
            // Even an empty section counts as text.
            Some(Holds::Group { .. }) => self.report_text(),
            Some(Holds::Text { .. }) => self.append(from, piece),
        }
    }

    /// Adds text to the value of the open element; line ends become `\n` (XML 1.0, 2.11).
    pub(super) fn append(&mut self, from: usize, piece: &'a str) -> Result<(), Stop> {
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

    pub(super) fn buffered(&mut self) -> &mut String {
        if let Value::Piece(piece) = self.value {
            self.buffer.clear();
            self.buffer.push_str(piece);
            self.value = Value::Buffered;
        }
        &mut self.buffer
    }

    pub(super) fn check_length(&self, offset: usize) -> Result<(), Stop> {
        let length = match self.value {
            Value::Piece(piece) => piece.len(),
            Value::Buffered => self.buffer.len(),
        };
        if length > self.limits.text {
            return Err(Stop::Limit(
                offset,
                format!("the element's text has more than {} bytes", self.limits.text),
            ));
        }
        Ok(())
    }

    /// Reports text in an element that holds elements, once for each.
    pub(super) fn report_text(&mut self) -> Result<(), Stop> {
        if let Some(Frame { holds: Holds::Group { had_text, .. }, .. }) = self.open.last_mut() {
            if *had_text {
                return Ok(());
            }
            *had_text = true;
        }
        self.report_last(cl030::NOT_EXPECTED, "this element holds elements, not text".to_owned(), None)
    }
}
