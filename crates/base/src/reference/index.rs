//! The index of an export: which lists there are, also those whose values are not in it.

use super::{
    failure::{Place, ReferenceError},
    list::ListCode,
};
use serde::{Deserialize, Serialize};

/// One line of the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IndexRow {
    /// The list.
    pub code: ListCode,
    /// Its name.
    pub name: String,
    /// How many entries it has, if that is known.
    pub entries: Option<usize>,
    /// The file with its values. A list without one exists, but is not loaded.
    pub file: Option<String>,
}

/// The lines of the index, in their order. A list may have more than one, from different sources.
pub type Index = Vec<IndexRow>;

/// Reads an index: tab-separated lines under the heading `cl`, `name`, `entries` and `file`. What stands in the place
/// of a file and does not end in `.json` is a remark, such as `NOT AVAILABLE`, and says that the values are missing.
///
/// # Errors
/// When the heading is another one, a list has a malformed number or the count is no number.
pub fn parse_index(file: &str, text: &str) -> Result<Index, ReferenceError> {
    let mut lines = text.lines().enumerate();
    let heading = lines.next().map(|(_, line)| line).unwrap_or_default();
    if heading != "cl\tname\tentries\tfile" {
        return Err(ReferenceError::new(
            file,
            Place::Line(1),
            format!("the heading is `{heading}`"),
            "begin with a line of cl, name, entries and file, separated by tabs",
        ));
    }
    lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(at, line)| {
            let wrong =
                |reason: String, fix: &str| ReferenceError::new(file, Place::Line(at + 1), reason, fix);
            let mut fields = line.split('\t');
            let mut field = || fields.next().unwrap_or_default();
            let code = ListCode::parse(field())
                .map_err(|invalid| wrong(invalid.to_string(), "name the list in the first column"))?;
            let name = field().to_owned();
            let entries = match field() {
                "" => None,
                count => Some(count.parse().map_err(|_| {
                    wrong(format!("`{count}` is no count"), "write the number of entries or leave it empty")
                })?),
            };
            let file = Some(field()).filter(|file| file.ends_with(".json")).map(str::to_owned);
            Ok(IndexRow { code, name, entries, file })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_no_file() {
        let text = "cl\tname\tentries\tfile\nCL019\tIncidentCode\t6\tIncidentCode.json\nCL029\tResponseCode\t\tNOT AVAILABLE\n";
        let index = parse_index("INDEX.tsv", text).unwrap();
        assert_eq!(index.first().unwrap().entries, Some(6));
        assert_eq!(index.first().unwrap().file.as_deref(), Some("IncidentCode.json"));
        assert_eq!(index.last().unwrap().file, None);
    }

    #[test]
    fn errors_name_the_line() {
        let cases = [
            ("list\tname", "INDEX.tsv, line 1: the heading is `list\tname`; "),
            (
                "cl\tname\tentries\tfile\n19\tIncidentCode\t6\tx",
                "INDEX.tsv, line 2: `19` is not a valid code list: ",
            ),
            (
                "cl\tname\tentries\tfile\nCL019\tIncidentCode\tsix\tx",
                "INDEX.tsv, line 2: `six` is no count; ",
            ),
        ];
        for (text, expected) in cases {
            let wrong = parse_index("INDEX.tsv", text).unwrap_err().to_string();
            assert!(wrong.starts_with(expected), "{wrong}");
        }
    }
}
