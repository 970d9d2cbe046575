//! The strict grammar of XML 1.0 markup.
//!
//! quick-xml finds where a piece of markup begins and ends but lets much pass that is not well-formed. Each piece goes
//! through the productions here, in the order in which libxml2 checks them, so that the first fault is at the same place.

mod declaration;
mod markup;

pub(crate) use declaration::{Declaration, declaration};
pub(crate) use markup::{
    Attribute, TagEnd, attribute_value, cdata, comment, diagnose, end_tag, instruction, start_tag,
};

use crate::cl030;
use std::borrow::Cow;

/// Where and why a file is not well-formed.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Byte offset in the text.
    pub(crate) offset: usize,
    /// CL030: 52, or 53 for a character that is not allowed.
    pub(crate) code: u8,
    pub(crate) message: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(offset: usize, message: impl Into<Cow<'static, str>>) -> Self {
        Fault { offset, code: cl030::NOT_WELL_FORMED, message: message.into() }
    }
}

/// A position in the text.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, literal: &str) -> bool {
        let found = self.rest().starts_with(literal);
        if found {
            self.at += literal.len();
        }
        found
    }

    /// Skips white space; whether there was any.
    fn blanks(&mut self) -> bool {
        let from = self.at;
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
        self.at > from
    }

    fn name(&mut self) -> Option<&'a str> {
        let length = name_length(self.rest());
        let name = self.rest().get(..length)?;
        self.at += length;
        (length > 0).then_some(name)
    }

    fn fault(&self, message: impl Into<Cow<'static, str>>) -> Fault {
        Fault::new(self.at, message)
    }
}

/// A name as it is quoted in errors: cut to 80 characters, so that a file of a few long names cannot make many long
/// errors.
pub(crate) fn quoted(name: &str) -> &str {
    /// Longer than any name of the schemas.
    const MOST: usize = 80;
    let end = name.char_indices().nth(MOST).map_or(name.len(), |(at, _)| at);
    name.get(..end).unwrap_or(name)
}

pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// How many bytes of `text` are a name (production 5 of XML 1.0, fifth edition).
pub(crate) fn name_length(text: &str) -> usize {
    let mut length = 0;
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' => length += 1,
            b'0'..=b'9' | b'-' | b'.' if length > 0 => length += 1,
            128.. => return long_name_length(text),
            _ => break,
        }
    }
    length
}

fn long_name_length(text: &str) -> usize {
    let is_first = |c: char| c == ':' || c == '_' || c.is_ascii_alphabetic() || is_name_start_beyond_ascii(c);
    let is_next = |c: char| {
        is_first(c)
            || c == '-'
            || c == '.'
            || c.is_ascii_digit()
            || matches!(c, '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
    };
    let mut characters = text.char_indices();
    match characters.next() {
        Some((_, first)) if is_first(first) => {}
        _ => return 0,
    }
    characters.find(|(_, c)| !is_next(*c)).map_or(text.len(), |(at, _)| at)
}

fn is_name_start_beyond_ascii(c: char) -> bool {
    matches!(c,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// Whether XML allows the character (production 2).
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..)
}

fn bad_character(offset: usize, c: char) -> Fault {
    let message = format!("the character U+{:04X} is not allowed in XML", u32::from(c));
    Fault { offset, code: cl030::BAD_CHARACTER, message: message.into() }
}

/// Checks that all characters of the piece at `from..to` are allowed.
pub(crate) fn check_characters(text: &str, from: usize, to: usize) -> Result<(), Fault> {
    let piece = text.get(from..to).unwrap_or_default();
    // Only a control character or one of U+FFFE and U+FFFF (EF BF BE, EF BF BF) can be wrong.
    let is_suspect = |byte: u8| byte == 0xEF || (byte < 0x20 && !is_blank(byte));
    if piece.bytes().any(is_suspect)
        && let Some((at, c)) = piece.char_indices().find(|(_, c)| !is_allowed(*c))
    {
        return Err(bad_character(from + at, c));
    }
    Ok(())
}

/// Checks a piece of character data: allowed characters, no bare `&`, no `]]>`.
pub(crate) fn check_text(text: &str, from: usize, to: usize) -> Result<(), Fault> {
    let piece = text.get(from..to).unwrap_or_default();
    let is_suspect = |byte: u8| matches!(byte, 0xEF | b'&' | b']') || (byte < 0x20 && !is_blank(byte));
    if !piece.bytes().any(is_suspect) {
        return Ok(());
    }
    for (at, c) in piece.char_indices() {
        if !is_allowed(c) {
            return Err(bad_character(from + at, c));
        }
        if c == '&' {
            reference(text, from + at)?;
        }
        if c == ']' && piece.get(at..).is_some_and(|rest| rest.starts_with("]]>")) {
            return Err(Fault::new(from + at, "`]]>` is not allowed in text: write `]]&gt;`"));
        }
    }
    Ok(())
}

/// Reads the reference at the `&` at `from`: the character it stands for and the offset behind its `;`.
pub(crate) fn reference(text: &str, from: usize) -> Result<(char, usize), Fault> {
    let mut cursor = Cursor { text, at: from + 1 };
    if cursor.eat("#") {
        return character_reference(cursor);
    }
    let Some(name) = cursor.name() else {
        return Err(cursor.fault("`&` must begin a reference: write `&amp;` for the character"));
    };
    let shown = quoted(name);
    if !cursor.eat(";") {
        return Err(
            cursor.fault(format!("the reference `&{shown}` has no `;`: write `&amp;` for the character"))
        );
    }
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            return Err(
                cursor.fault(format!("the entity `{shown}` is not one of the five that XML predefines"))
            );
        }
    };
    Ok((character, cursor.at))
}

fn character_reference(mut cursor: Cursor<'_>) -> Result<(char, usize), Fault> {
    let radix = if cursor.eat("x") { 16 } else { 10 };
    let mut value: u32 = 0;
    while let Some(byte) = cursor.peek()
        && byte != b';'
    {
        let Some(digit) = char::from(byte).to_digit(radix) else {
            return Err(cursor.fault("a character reference may hold nothing but digits before its `;`"));
        };
        value = value.saturating_mul(radix).saturating_add(digit);
        cursor.at += 1;
    }
    if !cursor.eat(";") {
        return Err(cursor.fault("a character reference has no `;`"));
    }
    match char::from_u32(value).filter(|c| is_allowed(*c)) {
        Some(character) => Ok((character, cursor.at)),
        None => Err(Fault {
            offset: cursor.at,
            code: cl030::BAD_CHARACTER,
            message: "a character reference stands for a character that is not allowed in XML".into(),
        }),
    }
}
