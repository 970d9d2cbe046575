//! The official exports of code lists, one JSON document for each list.
//!
//! ```json
//! {"codeList": "CL019", "name": "IncidentCode", "snapshot": "2026-01-01", "entries": [
//!   {"state": "valid", "activeFrom": "2025-10-25", "code": "1", "description": "..."}]}
//! ```
//!
//! What varies: the field that holds the code is named after what it codes (`code`, `documentType`, `role`, ...); lists
//! cut from a message schema have neither `state` nor `activeFrom`, and their snapshot names the schema instead of a
//! day; some lists have no descriptions. `activeTo` and, in lists of our own, `complete` may be there.

use super::{
    failure::{Place, ReferenceError},
    list::{CodeList, Entry, Extent, ListCode, State},
    version::Snapshot,
};
use crate::Date;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The names under which exports give the code of an entry.
const CODE_FIELDS: [&str; 7] = ["code", "documentType", "role", "currency", "qualifier", "method", "type"];

/// The most entries that one list may have. The largest known, places of the world by UN/LOCODE (CL244), has 100,000.
const MAX_ENTRIES: usize = 500_000;

/// The longest code. The longest known are statistical codes of chemicals and document types, below 20.
const MAX_CODE_LENGTH: usize = 70;

/// The longest description, in characters. The longest known, of a supporting document, has under 1,000.
const MAX_DESCRIPTION_LENGTH: usize = 8_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Export {
    code_list: String,
    name: String,
    snapshot: String,
    #[serde(default = "yes")]
    complete: bool,
    entries: Vec<Map<String, Value>>,
}

fn yes() -> bool {
    true
}

/// Reads one code list in the form of the official exports; `file` is its name for error messages.
///
/// # Errors
/// When the text is no JSON or not of that form, an entry has no code or a malformed date or state, or two entries of
/// one code begin on the same day.
pub fn parse_list(file: &str, text: &str) -> Result<(Snapshot, CodeList), ReferenceError> {
    let export: Export = serde_json::from_str(text).map_err(|wrong| {
        let mut reason = wrong.to_string();
        // The place is told apart from the reason, in the form of all our errors.
        if let Some(cut) = reason.rfind(" at line ") {
            reason.truncate(cut);
        }
        ReferenceError::new(
            file,
            Place::Line(wrong.line().max(1)),
            reason,
            "give the export as JSON with `codeList`, `name`, `snapshot` and `entries`",
        )
    })?;
    read_list(file, export)
}

fn read_list(file: &str, export: Export) -> Result<(Snapshot, CodeList), ReferenceError> {
    let code = ListCode::parse(&export.code_list).map_err(|wrong| {
        ReferenceError::new(file, Place::File, wrong.to_string(), "name the list in `codeList`")
    })?;
    if export.entries.len() > MAX_ENTRIES {
        return Err(ReferenceError::new(
            file,
            Place::File,
            format!("{} entries are more than a list may have", export.entries.len()),
            format!("split the list; {MAX_ENTRIES} is the limit"),
        ));
    }
    let entries = export
        .entries
        .iter()
        .enumerate()
        .map(|(at, fields)| read_entry(file, Place::Entry(at + 1), fields))
        .collect::<Result<Vec<Entry>, _>>()?;
    let extent = if export.complete { Extent::Complete } else { Extent::Partial };
    let list = CodeList::new(code, export.name, extent, entries);
    refuse_repeats(file, &list)?;
    let snapshot = Snapshot { date: Date::parse(&export.snapshot).ok(), source: export.snapshot };
    Ok((snapshot, list))
}

fn read_entry(file: &str, place: Place, fields: &Map<String, Value>) -> Result<Entry, ReferenceError> {
    let wrong = |reason: String, fix: &str| ReferenceError::new(file, place.clone(), reason, fix);
    let text = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(other) => Err(wrong(format!("`{name}` is `{other}`"), "write it as text in quotes")),
    };
    let day = |name: &str| {
        let parsed = text(name)?.map(Date::parse).transpose();
        parsed.map_err(|invalid| wrong(format!("`{name}`: {invalid}"), "write the day as in 2026-11-24"))
    };
    let field = CODE_FIELDS.iter().find(|name| fields.contains_key(**name)).ok_or_else(|| {
        wrong(
            "there is no code".to_owned(),
            "give it as `code`, `documentType`, `role`, `currency`, `qualifier`, `method` or `type`",
        )
    })?;
    let code = text(field)?.unwrap_or_default();
    if !crate::identifier::is_plain_text(code, MAX_CODE_LENGTH) {
        return Err(wrong(
            format!("`{code}` is no code"),
            "give 1 to 70 characters without spaces at the ends",
        ));
    }
    let description = text("description")?.unwrap_or_default();
    if description.chars().count() > MAX_DESCRIPTION_LENGTH {
        return Err(wrong(
            format!("the description of `{code}` has over {MAX_DESCRIPTION_LENGTH} characters"),
            "shorten it",
        ));
    }
    let state = match text("state")? {
        None | Some("valid") => State::Valid,
        Some("invalid") => State::Invalid,
        Some(other) => {
            return Err(wrong(format!("`{other}` is no state"), "write `valid` or `invalid`"));
        }
    };
    let valid_from = day("activeFrom")?;
    let valid_until = day("activeTo")?;
    if valid_from.is_some() && valid_until.is_some() && valid_until < valid_from {
        return Err(wrong(
            format!("`{code}` ends before it begins"),
            "let `activeTo` be the same day as `activeFrom` or a later one",
        ));
    }
    Ok(Entry { code: code.to_owned(), valid_from, valid_until, state, description: description.to_owned() })
}

/// Two entries of one code from the same day would leave open which one holds.
fn refuse_repeats(file: &str, list: &CodeList) -> Result<(), ReferenceError> {
    let repeated = list.entries().windows(2).find_map(|pair| match pair {
        [one, two] if one.code == two.code && one.valid_from == two.valid_from => Some(one),
        _ => None,
    });
    match repeated {
        None => Ok(()),
        Some(entry) => Err(ReferenceError::new(
            file,
            Place::File,
            format!("the code `{}` is there twice from the same day", entry.code),
            "keep one of the two entries, or give them different `activeFrom`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &str) -> String {
        format!(
            r#"{{"codeList": "CL999", "name": "Test", "snapshot": "2026-01-01", "entries": [{entries}]}}"#
        )
    }

    #[test]
    fn every_name_of_the_code_field_is_read() {
        for field in CODE_FIELDS {
            let text = list(&format!(r#"{{"state": "valid", "activeFrom": "2025-01-01", "{field}": "A"}}"#));
            let (_, list) = parse_list("test.json", &text).unwrap();
            assert_eq!(list.entries().first().unwrap().code, "A", "{field}");
        }
    }

    #[test]
    fn a_list_of_a_schema_has_no_days() {
        let text = r#"{"codeList": "CL027", "name": "Flag", "snapshot": "tcl.xsd 51.8.6", "entries": [{"code": "0"}]}"#;
        let (snapshot, list) = parse_list("Flag.json", text).unwrap();
        assert_eq!(snapshot.date, None);
        assert_eq!(snapshot.to_string(), "tcl.xsd 51.8.6");
        assert_eq!(list.entries().first().unwrap().valid_from, None);
    }

    #[test]
    fn errors_name_file_entry_and_fix() {
        let good = r#"{"code": "A", "activeFrom": "2025-01-01"}"#;
        let cases = [
            ("{".to_owned(), "x.json, line 1: "),
            (list("1"), "x.json, line 1: "),
            (
                list(&format!(r#"{good}, {{"description": "none"}}"#)),
                "x.json, entry 2: there is no code; give it as `code`",
            ),
            (list(r#"{"code": 7}"#), "x.json, entry 1: `code` is `7`; write it as text in quotes"),
            (list(r#"{"code": " A"}"#), "x.json, entry 1: ` A` is no code; "),
            (list(r#"{"code": "A", "state": "old"}"#), "x.json, entry 1: `old` is no state; "),
            (list(r#"{"code": "A", "activeFrom": "1.1.2025"}"#), "x.json, entry 1: `activeFrom`: "),
            (
                list(r#"{"code": "A", "activeFrom": "2025-01-02", "activeTo": "2025-01-01"}"#),
                "x.json, entry 1: `A` ends before it begins; ",
            ),
            (list(&format!("{good}, {good}")), "x.json: the code `A` is there twice from the same day; "),
            (list(good).replace("CL999", "999"), "x.json: `999` is not a valid code list: "),
        ];
        for (text, expected) in cases {
            let wrong = parse_list("x.json", &text).unwrap_err().to_string();
            assert!(wrong.starts_with(expected), "{wrong}");
        }
    }
}
