//! The XML declaration (production 23 of XML 1.0).

use super::{Cursor, Fault, is_blank, quoted};

/// The XML declaration.
#[derive(Debug)]
pub(crate) struct Declaration<'a> {
    pub(crate) encoding: Option<&'a str>,
    /// The offset behind `?>`.
    pub(crate) end: usize,
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
        return Err(inside_value(
            &cursor,
            version,
            good,
            format!("the XML version `{}` is not supported: use 1.0", quoted(version)),
        ));
    }
    let mut encoding = None;
    let mut had_blank = cursor.blanks();
    if let Some(name) = pseudo_attribute(&mut cursor, "encoding")? {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let good = name.bytes().take_while(is_part).count();
        if !had_blank || good < name.len() || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(inside_value(
                &cursor,
                name,
                good,
                "the encoding in the XML declaration is malformed".to_owned(),
            ));
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
    let Some(length) = cursor
        .rest()
        .find([quote, '<', '>'])
        .filter(|at| cursor.rest().get(*at..).is_some_and(|rest| rest.starts_with(quote)))
    else {
        return Err(cursor.fault(format!("the value of `{name}` has no closing quote")));
    };
    let value = cursor.rest().get(..length).unwrap_or_default();
    cursor.at += length + 1;
    Ok(Some(value))
}
