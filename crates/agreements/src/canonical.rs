//! Canonical bytes: RFC 8785 canonical JSON, and their SHA-256.
//!
//! The document holds text, whole numbers and truth values only, so that the number rules of RFC 8785 section 3.2.2.3
//! reduce to plain decimal digits; all names are ASCII, so that its sorting by UTF-16 code units is sorting by bytes.

use crate::document::Draft;
use base::Digest;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The bytes that the parties sign: the document without its signatures.
pub(crate) fn signed_bytes(draft: &Draft) -> Vec<u8> {
    let mut value = serde_json::to_value(draft).unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut value {
        fields.remove("signatures");
    }
    let mut bytes = Vec::new();
    write(&value, &mut bytes);
    bytes
}

/// The canonical bytes of any value of ours.
pub(crate) fn bytes_of(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    // INVARIANT: our types have text keys only and no failing serialiser, so they always turn into JSON.
    write(&serde_json::to_value(value).unwrap_or(Value::Null), &mut bytes);
    bytes
}

/// SHA-256.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// SHA-256 over parts, each preceded by its length so that no two lists of parts give the same bytes.
pub(crate) fn digest_of_parts(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Digest(hash.finalize().into())
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            // Sorted here and not by the map, whose order depends on a feature that any crate may switch on.
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            out.push(b'{');
            for (position, (name, item)) in sorted.into_iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_text(name, out);
                out.push(b':');
                write(item, out);
            }
            out.push(b'}');
        }
    }
}

/// RFC 8785 section 3.2.2.2: the short escapes where JSON has them, `\u00xx` in lower case for other control
/// characters, everything else as it is.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\r' => out.extend_from_slice(b"\\r"),
            control if control < ' ' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(control)).as_bytes());
            }
            other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_text_is_escaped_as_in_rfc_8785() {
        let value = json!({"b": [1, true, null], "a": "\u{20ac}$\u{f}\n\"\\/", "A": {}});
        let text = String::from_utf8(bytes_of(&value)).unwrap();
        assert_eq!(text, "{\"A\":{},\"a\":\"\u{20ac}$\\u000f\\n\\\"\\\\/\",\"b\":[1,true,null]}");
    }

    #[test]
    fn parts_cannot_be_shifted() {
        assert_ne!(digest_of_parts(&[b"ab", b"c"]), digest_of_parts(&[b"a", b"bc"]));
    }
}
