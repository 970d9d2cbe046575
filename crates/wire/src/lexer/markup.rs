//! Tags, comments, processing instructions and CDATA sections.

use super::{Cursor, Fault, bad_character, check_characters, check_text, is_allowed, quoted, reference};
use std::borrow::Cow;

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
            return Err(cursor.fault(format!("the start tag of `{}` does not end", quoted(name))));
        }
        if !had_blank {
            let message = if attributes.is_empty() {
                format!("the start tag of `{}` does not end", quoted(name))
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
    let after_name = cursor.at;
    cursor.blanks();
    if !cursor.eat("=") {
        if name.ends_with(':') {
            // A name that lacks its local part is the first thing wrong, on the line on which it stands.
            let at_name = Cursor { text: cursor.text, at: after_name };
            return Err(at_name.fault(format!("the name `{}` must go on after its colon", quoted(name))));
        }
        return Err(cursor.fault(format!("the attribute `{}` must have a value", quoted(name))));
    }
    cursor.blanks();
    let quote = match cursor.peek() {
        Some(quote @ (b'"' | b'\'')) => char::from(quote),
        _ => {
            return Err(
                cursor.fault(format!("the value of the attribute `{}` must stand in quotes", quoted(name)))
            );
        }
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
            '<' => {
                return Err(Fault::new(
                    offset,
                    "`<` is not allowed in the value of an attribute: write `&lt;`",
                ));
            }
            '&' => {
                reference(cursor.text, offset)?;
            }
            _ if !is_allowed(c) => return Err(bad_character(offset, c)),
            _ => {}
        }
    }
    Err(Fault::new(
        cursor.text.len(),
        format!("the value of the attribute `{}` has no closing quote", quoted(name)),
    ))
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
        return Err(cursor.fault(format!("the end tag `</{}` must end with `>`", quoted(name))));
    }
    if name != open {
        return Err(cursor.fault(format!(
            "the end tag `</{}>` does not close the open element `{}`",
            quoted(name),
            quoted(open)
        )));
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
        return Err(cursor
            .fault(format!("white space must follow the name of the processing instruction `{target}`")));
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
