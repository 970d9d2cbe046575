//! From bytes to text: byte order marks, the XML declaration's encoding, and what cannot be decoded.
//!
//! Supported are UTF-8, UTF-16, ISO-8859-1, ISO-8859-15, windows-1252 and US-ASCII; NCTS itself prescribes UTF-8. The signs by which the encoding is
//! told are those of XML 1.0, appendix F, and where they conflict the choice is libxml2's.

use crate::cl030;
use crate::lexer::{Declaration, Fault, declaration};
use std::borrow::Cow;

/// A file as text, up to the first place that cannot be decoded.
pub(crate) struct Decoded<'a> {
    pub(crate) text: Cow<'a, str>,
    /// Why the text ends before the file does.
    pub(crate) cut: Option<&'static str>,
}

const UTF_8_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];
const UTF_16_BE_MARK: &[u8] = &[0xFE, 0xFF];
const UTF_16_LE_MARK: &[u8] = &[0xFF, 0xFE];
/// `<?` in UTF-16 without a byte order mark.
const UTF_16_BE_START: &[u8] = &[0x00, 0x3C, 0x00, 0x3F];
const UTF_16_LE_START: &[u8] = &[0x3C, 0x00, 0x3F, 0x00];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16,
    Latin1,
    Latin9,
    Windows1252,
    Ascii,
}

/// The encoding that a declaration names. Names are compared without case and punctuation, as iconv does.
fn named(name: &str) -> Option<Encoding> {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    Some(match plain.as_str() {
        "UTF8" => Encoding::Utf8,
        "UTF16" | "UTF16LE" | "UTF16BE" => Encoding::Utf16,
        "ISO88591" | "LATIN1" | "ISOLATIN1" | "L1" | "CP819" | "IBM819" => Encoding::Latin1,
        "ISO885915" | "LATIN9" => Encoding::Latin9,
        "WINDOWS1252" | "CP1252" => Encoding::Windows1252,
        "USASCII" | "ASCII" | "ISO646US" | "US" => Encoding::Ascii,
        _ => return None,
    })
}

/// Decodes a whole file.
///
/// # Errors
/// When the encoding is unknown or contradicts the file; the fault's offset is in the text's prefix that the second
/// value holds, for counting lines.
pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded<'_>, (Fault, String)> {
    for (mark, start, is_little) in
        [(UTF_16_LE_MARK, UTF_16_LE_START, true), (UTF_16_BE_MARK, UTF_16_BE_START, false)]
    {
        if let Some(rest) = bytes.strip_prefix(mark) {
            return utf_16(rest, is_little);
        }
        if bytes.starts_with(start) {
            return utf_16(bytes, is_little);
        }
    }
    let bytes = bytes.strip_prefix(UTF_8_MARK).unwrap_or(bytes);
    let head = declared(bytes)?;
    match head {
        None | Some(Encoding::Utf8) => Ok(utf_8(bytes)),
        Some(Encoding::Latin1) => Ok(single_bytes(bytes, |byte| Some(char::from(byte)))),
        Some(Encoding::Latin9) => Ok(single_bytes(bytes, |byte| Some(latin_9(byte)))),
        Some(Encoding::Windows1252) => Ok(single_bytes(bytes, windows_1252)),
        Some(Encoding::Ascii) => Ok(ascii(bytes)),
        Some(Encoding::Utf16) => Err(contradiction(bytes)),
    }
}

/// The encoding that the XML declaration names, if there is one that can be read. A malformed declaration is left to
/// the reader, which reports where it is wrong.
fn declared(bytes: &[u8]) -> Result<Option<Encoding>, (Fault, String)> {
    let Some(head) = bytes.strip_prefix(b"<?xml") else {
        return Ok(None);
    };
    let end = head.windows(2).position(|two| two == b"?>").unwrap_or(head.len());
    let head = String::from_utf8_lossy(bytes.get(..end.saturating_add(7)).unwrap_or(bytes));
    match declaration(&head) {
        Ok(Declaration { encoding: Some(name), end, .. }) => match named(name) {
            Some(encoding) => Ok(Some(encoding)),
            None => {
                let message = format!("the encoding `{name}` is not supported: use UTF-8");
                Err((
                    Fault { offset: end, code: cl030::NOT_WELL_FORMED, message: message.into() },
                    head.into_owned(),
                ))
            }
        },
        _ => Ok(None),
    }
}

fn contradiction(bytes: &[u8]) -> (Fault, String) {
    let message = "the file is labelled UTF-16 but is not in UTF-16";
    let head = String::from_utf8_lossy(bytes.get(..80).unwrap_or(bytes)).into_owned();
    (Fault { offset: 0, code: cl030::NOT_WELL_FORMED, message: message.into() }, head)
}

fn utf_8(bytes: &[u8]) -> Decoded<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Decoded { text: Cow::Borrowed(text), cut: None },
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let text = String::from_utf8_lossy(valid);
            Decoded { text, cut: Some("the file is not proper UTF-8 from here on") }
        }
    }
}

/// Decodes bytes that are a character each, up to the first that is none.
fn single_bytes(bytes: &[u8], character: impl Fn(u8) -> Option<char>) -> Decoded<'static> {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match character(*byte) {
            Some(character) => text.push(character),
            None => {
                return Decoded { text: Cow::Owned(text), cut: Some("the encoding has no such byte") };
            }
        }
    }
    Decoded { text: Cow::Owned(text), cut: None }
}

/// ISO-8859-15 differs from ISO-8859-1 in eight places.
fn latin_9(byte: u8) -> char {
    match byte {
        0xA4 => '\u{20AC}',
        0xA6 => '\u{160}',
        0xA8 => '\u{161}',
        0xB4 => '\u{17D}',
        0xB8 => '\u{17E}',
        0xBC => '\u{152}',
        0xBD => '\u{153}',
        0xBE => '\u{178}',
        other => char::from(other),
    }
}

/// The characters of windows-1252 from 0x80 to 0x9F; U+FFFF where there is none.
const WINDOWS_1252: [char; 32] = [
    '\u{20AC}', '\u{FFFF}', '\u{201A}', '\u{192}', '\u{201E}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2C6}',
    '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{FFFF}', '\u{17D}', '\u{FFFF}', '\u{FFFF}', '\u{2018}',
    '\u{2019}', '\u{201C}', '\u{201D}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2DC}', '\u{2122}', '\u{161}',
    '\u{203A}', '\u{153}', '\u{FFFF}', '\u{17E}', '\u{178}',
];

fn windows_1252(byte: u8) -> Option<char> {
    let special = byte.checked_sub(0x80).and_then(|index| WINDOWS_1252.get(usize::from(index)));
    special
        .copied()
        .map_or(Some(char::from(byte)), |character| (character != '\u{FFFF}').then_some(character))
}

fn ascii(bytes: &[u8]) -> Decoded<'_> {
    let valid = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default());
    Decoded {
        text,
        cut: (valid < bytes.len()).then_some("the file is labelled US-ASCII but is not from here on"),
    }
}

fn utf_16(bytes: &[u8], is_little: bool) -> Result<Decoded<'_>, (Fault, String)> {
    let units = bytes.chunks_exact(2).map(|pair| match pair {
        [low, high] if is_little => u16::from_le_bytes([*low, *high]),
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    });
    let mut text = String::with_capacity(bytes.len() / 2);
    let mut cut = None;
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(character) => text.push(character),
            Err(_) => {
                cut = Some("the file is not proper UTF-16 from here on");
                break;
            }
        }
    }
    if let Ok(Declaration { encoding: Some(name), end, .. }) = declaration(&text) {
        let fits = match named(name) {
            Some(Encoding::Utf16) => !is_other_order(name, is_little),
            Some(Encoding::Utf8) => true,
            _ => false,
        };
        if !fits {
            let message = format!("the encoding `{name}` contradicts the file, which is in UTF-16");
            let fault = Fault { offset: end, code: cl030::NOT_WELL_FORMED, message: message.into() };
            return Err((fault, text));
        }
    }
    Ok(Decoded { text: Cow::Owned(text), cut })
}

fn is_other_order(name: &str, is_little: bool) -> bool {
    let name = name.to_ascii_uppercase();
    if is_little { name.ends_with("BE") } else { name.ends_with("LE") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        decode(bytes).unwrap_or_else(|(fault, _)| panic!("{fault:?}")).text.into_owned()
    }

    #[test]
    fn each_encoding_gives_the_same_text() {
        let expected = "<?xml version=\"1.0\" encoding=\"X\"?><a>\u{e9}</a>";
        let named = |name: &str| expected.replace('X', name);
        assert_eq!(text(named("UTF-8").as_bytes()), named("UTF-8"));
        let latin: Vec<u8> =
            named("ISO-8859-1").chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        assert_eq!(text(&latin), named("ISO-8859-1"));
        let little: Vec<u8> = named("UTF-16").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(text(&little), named("UTF-16"));
        let big: Vec<u8> = named("UTF-16").encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(text(&[&[0xFE, 0xFF], big.as_slice()].concat()), named("UTF-16"));
    }

    #[test]
    fn a_mark_is_no_part_of_the_text() {
        assert_eq!(text(b"\xEF\xBB\xBF<a/>"), "<a/>");
    }

    #[test]
    fn bad_bytes_cut_the_text() {
        let decoded = decode(b"<a>\xFF</a>").unwrap_or_else(|_| panic!("the encoding is known"));
        assert_eq!((decoded.text.as_ref(), decoded.cut.is_some()), ("<a>", true));
    }

    #[test]
    fn unknown_and_contradictory_encodings_are_refused() {
        assert!(decode(b"<?xml version=\"1.0\" encoding=\"foo\"?><a/>").is_err());
        assert!(decode(b"<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>").is_err());
    }
}
