//! The strict grammar of XML 1.0 markup.
//!
//! quick-xml finds where a piece of markup begins and ends but lets much pass that is not well-formed. Each piece goes
//! through the productions here, in the order in which libxml2 checks them, so that the first fault is at the same place.

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

/// The XML declaration.
#[derive(Debug)]
pub(crate) struct Declaration<'a> {
    pub(crate) encoding: Option<&'a str>,
    /// The offset behind `?>`.
    pub(crate) end: usize,
}

/// An attribute, its value as written between the quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute<'a> {
    pub(crate) name: &'a str,
    pub(crate) raw: &'a str,
}

/// What follows the name and attributes of a start tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TagEnd {
    /// The offset of `>` or `/>`.
    pub(crate) close: usize,
    /// The offset behind it.
    pub(crate) end: usize,
    pub(crate) is_empty: bool,
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
    if !cursor.eat(";") {
        return Err(cursor.fault(format!("the reference `&{name}` has no `;`: write `&amp;` for the character")));
    }
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => return Err(cursor.fault(format!("the entity `{name}` is not one of the five that XML predefines"))),
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

/// Reads the XML declaration at the start of `text`.
pub(crate) fn declaration(text: &str) -> Result<Declaration<'_>, Fault> {
    let mut cursor = Cursor { text, at: 0 };
    if !(cursor.eat("<?xml") && cursor.peek().is_some_and(is_blank)) {
        return Err(cursor.fault("there is no XML declaration"));
    }
    cursor.blanks();
    let Some(version) = pseudo_attribute(&mut cursor, "version")? else {
        return Err(cursor.fault("the XML declaration must begin with the version: `<?xml version=\"1.0\"`"));
    };
    let is_number = version.split_once('.').is_some_and(|(major, minor)| {
        major.len() == 1 && major.bytes().chain(minor.bytes()).all(|byte| byte.is_ascii_digit())
    });
    if !is_number || !version.starts_with("1.") {
        let good = version.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        return Err(inside_value(&cursor, version, good, format!("the XML version `{version}` is not supported: use 1.0")));
    }
    let mut encoding = None;
    let mut had_blank = cursor.blanks();
    if let Some(name) = pseudo_attribute(&mut cursor, "encoding")? {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let good = name.bytes().take_while(is_part).count();
        if !had_blank || good < name.len() || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(inside_value(&cursor, name, good, "the encoding in the XML declaration is malformed".to_owned()));
        }
        encoding = Some(name);
        had_blank = cursor.blanks();
    }
    if let Some(answer) = pseudo_attribute(&mut cursor, "standalone")? {
        if !had_blank || !matches!(answer, "yes" | "no") {
            let message = "standalone in the XML declaration must be `yes` or `no`";
            return Err(inside_value(&cursor, answer, 0, message.to_owned()));
        }
        cursor.blanks();
    }
    if !cursor.eat("?>") {
        return Err(cursor.fault("the XML declaration must end with `?>`"));
    }
    Ok(Declaration { encoding, end: cursor.at })
}

/// A fault behind the first `good` bytes of the value that the cursor has just passed.
fn inside_value(cursor: &Cursor<'_>, value: &str, good: usize, message: String) -> Fault {
    Fault::new(cursor.at.saturating_sub(value.len() + 1) + good, message)
}

fn pseudo_attribute<'a>(cursor: &mut Cursor<'a>, name: &str) -> Result<Option<&'a str>, Fault> {
    if !cursor.eat(name) {
        return Ok(None);
    }
    cursor.blanks();
    if !cursor.eat("=") {
        return Err(cursor.fault(format!("`{name}` in the XML declaration has no value")));
    }
    cursor.blanks();
    let quote = match cursor.peek() {
        Some(quote @ (b'"' | b'\'')) => char::from(quote),
        _ => return Err(cursor.fault(format!("the value of `{name}` must stand in quotes"))),
    };
    cursor.at += 1;
    let Some(length) = cursor.rest().find([quote, '<', '>']).filter(|at| cursor.rest().get(*at..).is_some_and(|rest| rest.starts_with(quote))) else {
        return Err(cursor.fault(format!("the value of `{name}` has no closing quote")));
    };
    let value = cursor.rest().get(..length).unwrap_or_default();
    cursor.at += length + 1;
    Ok(Some(value))
}

/// Reads the start tag at the `<` at `from`: its name and end; its attributes go into `attributes`.
pub(crate) fn start_tag<'a>(
    text: &'a str,
    from: usize,
    attributes: &mut Vec<Attribute<'a>>,
) -> Result<(&'a str, TagEnd), Fault> {
    attributes.clear();
    let mut cursor = Cursor { text, at: from + 1 };
    let Some(name) = cursor.name() else {
        return Err(cursor.fault("`<` must begin a tag: write `&lt;` for the character"));
    };
    let mut had_blank = cursor.blanks();
    loop {
        let close = cursor.at;
        if cursor.eat(">") {
            return Ok((name, TagEnd { close, end: cursor.at, is_empty: false }));
        }
        if cursor.eat("/>") {
            return Ok((name, TagEnd { close, end: cursor.at, is_empty: true }));
        }
        if cursor.peek().is_none() {
            return Err(cursor.fault(format!("the start tag of `{name}` does not end")));
        }
        if !had_blank {
            let message = if attributes.is_empty() {
                format!("the start tag of `{name}` does not end")
            } else {
                "attributes must be separated by white space".to_owned()
            };
            return Err(cursor.fault(message));
        }
        attributes.push(attribute(&mut cursor)?);
        had_blank = cursor.blanks();
    }
}

fn attribute<'a>(cursor: &mut Cursor<'a>) -> Result<Attribute<'a>, Fault> {
    let Some(name) = cursor.name() else {
        return Err(cursor.fault("an attribute must have a name"));
    };
    cursor.blanks();
    if !cursor.eat("=") {
        return Err(cursor.fault(format!("the attribute `{name}` must have a value")));
    }
    cursor.blanks();
    let quote = match cursor.peek() {
        Some(quote @ (b'"' | b'\'')) => char::from(quote),
        _ => return Err(cursor.fault(format!("the value of the attribute `{name}` must stand in quotes"))),
    };
    cursor.at += 1;
    let from = cursor.at;
    for (at, c) in cursor.rest().char_indices() {
        let offset = from + at;
        if c == quote {
            cursor.at = offset + 1;
            return Ok(Attribute { name, raw: cursor.text.get(from..offset).unwrap_or_default() });
        }
        match c {
            '<' => return Err(Fault::new(offset, "`<` is not allowed in the value of an attribute: write `&lt;`")),
            '&' => {
                reference(cursor.text, offset)?;
            }
            _ if !is_allowed(c) => return Err(bad_character(offset, c)),
            _ => {}
        }
    }
    Err(Fault::new(cursor.text.len(), format!("the value of the attribute `{name}` has no closing quote")))
}

/// The value of an attribute: references replaced, each white space character a space (XML 1.0, 3.3.3).
pub(crate) fn attribute_value(raw: &str) -> Cow<'_, str> {
    if !raw.bytes().any(|byte| byte == b'&' || (byte < 0x20)) {
        return Cow::Borrowed(raw);
    }
    let mut value = String::with_capacity(raw.len());
    let mut at = 0;
    while let Some(c) = raw.get(at..).and_then(|rest| rest.chars().next()) {
        at += c.len_utf8();
        match c {
            '&' => {
                if let Ok((character, end)) = reference(raw, at - 1) {
                    value.push(character);
                    at = end;
                }
            }
            '\r' if raw.get(at..).is_some_and(|rest| rest.starts_with('\n')) => {}
            '\r' | '\n' | '\t' => value.push(' '),
            other => value.push(other),
        }
    }
    Cow::Owned(value)
}

/// Reads the end tag at the `</` at `from`, which must close the element `open`: the offset behind it.
pub(crate) fn end_tag(text: &str, from: usize, open: &str) -> Result<usize, Fault> {
    let mut cursor = Cursor { text, at: from + 2 };
    let name = cursor.name().unwrap_or_default();
    cursor.blanks();
    if !cursor.eat(">") {
        return Err(cursor.fault(format!("the end tag `</{name}` must end with `>`")));
    }
    if name != open {
        return Err(cursor.fault(format!("the end tag `</{name}>` does not close the open element `{open}`")));
    }
    Ok(cursor.at)
}

/// Checks the comment at `from`; the offset behind it.
pub(crate) fn comment(text: &str, from: usize) -> Result<usize, Fault> {
    let inside = from + 4;
    let rest = text.get(inside..).unwrap_or_default();
    let Some(dashes) = rest.find("--") else {
        check_characters(text, inside, text.len())?;
        return Err(Fault::new(text.len(), "a comment does not end"));
    };
    check_characters(text, inside, inside + dashes)?;
    let end = inside + dashes + 3;
    if !rest.get(dashes..).is_some_and(|rest| rest.starts_with("-->")) {
        return Err(Fault::new(inside + dashes, "`--` is not allowed in a comment"));
    }
    Ok(end)
}

/// Checks the processing instruction at `from`; the offset behind it.
pub(crate) fn instruction(text: &str, from: usize) -> Result<usize, Fault> {
    let mut cursor = Cursor { text, at: from + 2 };
    let Some(target) = cursor.name() else {
        return Err(cursor.fault("a processing instruction must have a name"));
    };
    if target.eq_ignore_ascii_case("xml") {
        return Err(cursor.fault("the XML declaration is allowed only at the start of the file"));
    }
    if cursor.eat("?>") {
        return Ok(cursor.at);
    }
    if !cursor.blanks() {
        return Err(cursor.fault(format!("white space must follow the name of the processing instruction `{target}`")));
    }
    let Some(length) = cursor.rest().find("?>") else {
        check_characters(text, cursor.at, text.len())?;
        return Err(Fault::new(text.len(), "a processing instruction does not end"));
    };
    check_characters(text, cursor.at, cursor.at + length)?;
    Ok(cursor.at + length + 2)
}

/// Checks the CDATA section at `from`: where its content ends, `]]>` following.
pub(crate) fn cdata(text: &str, from: usize) -> Result<usize, Fault> {
    let inside = from + "<![CDATA[".len();
    let rest = text.get(inside..).unwrap_or_default();
    let end = rest.find("]]>").map(|length| inside + length);
    check_characters(text, inside, end.unwrap_or(text.len()))?;
    end.ok_or_else(|| Fault::new(text.len(), "a CDATA section does not end"))
}

/// What is wrong with the markup at the `<` at `from`, of which quick-xml found no end.
pub(crate) fn diagnose(text: &str, from: usize) -> Fault {
    let rest = text.get(from..).unwrap_or_default();
    let outcome = if rest.starts_with("<!--") {
        comment(text, from).map(|_| ())
    } else if rest.starts_with("<![CDATA[") {
        cdata(text, from).map(|_| ())
    } else if rest.starts_with("<?") {
        instruction(text, from).map(|_| ())
    } else if rest.starts_with("</") {
        end_tag(text, from, "").map(|_| ())
    } else if rest.starts_with('<') {
        start_tag(text, from, &mut Vec::new()).map(|_| ())
    } else {
        check_text(text, from, text.len())
    };
    outcome.err().unwrap_or_else(|| Fault::new(from, "the markup is malformed"))
}
