//! An import: the files of one or more exports, read and checked, but not yet in force.

use super::{
    export::parse_list,
    failure::{Place, ReferenceError},
    index::{Index, parse_index},
    list::{CodeList, ListCode},
    office::{OfficeTable, parse_offices},
    version::Snapshot,
};
use std::collections::BTreeMap;

/// The largest file that is read. The largest known export, places of the world (CL244), has about 15 MB.
const MAX_FILE_BYTES: usize = 64 << 20;

/// Code lists and customs offices as files gave them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// The code lists with their snapshots.
    pub lists: Vec<(Snapshot, CodeList)>,
    /// The customs offices with their snapshot.
    pub offices: Option<(Snapshot, OfficeTable)>,
    /// The names of the lists that an index mentions, also of those without values.
    pub names: BTreeMap<ListCode, String>,
    /// What is odd, but no error: lists that the index promises and no file gives, counts that do not agree.
    pub warnings: Vec<String>,
}

impl Import {
    /// Reads files given as name and text: code lists (`*.json`), an index (`INDEX.tsv`) and a table of customs offices
    /// (any other `*.tsv`). Files of other kinds are left alone. The table of offices has no date of its own and takes
    /// the latest of the lists beside it.
    ///
    /// # Errors
    /// Everything that is wrong in any of the files; in particular when none of them holds reference data.
    pub fn read(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, Vec<ReferenceError>> {
        let mut import = Self::default();
        let mut index = Vec::new();
        let mut errors = Vec::new();
        let mut offices = None;
        let mut lists_by_file = BTreeMap::new();
        for (file, text) in files {
            if let Err(error) = import.take(&file, &text, &mut index, &mut offices, &mut lists_by_file) {
                errors.push(error);
            }
        }
        if errors.is_empty() && import.lists.is_empty() && offices.is_none() {
            errors.push(ReferenceError::new(
                "the import",
                Place::File,
                "there is no reference data in it",
                "give code lists as `*.json` or a table of customs offices as `*.tsv`",
            ));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let latest = import.lists.iter().filter_map(|(snapshot, _)| snapshot.date).max();
        import.offices = offices.map(|(file, table)| {
            let snapshot = Snapshot { date: latest, source: file };
            (snapshot, table)
        });
        import.compare(index, &lists_by_file);
        Ok(import)
    }

    fn take(
        &mut self,
        file: &str,
        text: &str,
        index: &mut Index,
        offices: &mut Option<(String, OfficeTable)>,
        lists_by_file: &mut BTreeMap<String, usize>,
    ) -> Result<(), ReferenceError> {
        if text.len() > MAX_FILE_BYTES {
            return Err(ReferenceError::new(
                file,
                Place::File,
                format!("it has {} bytes", text.len()),
                format!("split it; {MAX_FILE_BYTES} bytes is the limit"),
            ));
        }
        // Exports made on other systems may begin with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
        if name.ends_with(".json") {
            let (snapshot, list) = parse_list(file, text)?;
            lists_by_file.insert(name.to_owned(), list.entries().len());
            self.names.insert(list.code().clone(), list.name().to_owned());
            self.lists.push((snapshot, list));
        } else if name == "INDEX.tsv" {
            index.extend(parse_index(file, text)?);
        } else if name.ends_with(".tsv") {
            let table = parse_offices(file, text)?;
            if offices.replace((file.to_owned(), table)).is_some() {
                return Err(ReferenceError::new(
                    file,
                    Place::File,
                    "it is the second table of customs offices",
                    "import one at a time",
                ));
            }
        }
        Ok(())
    }

    /// Takes names from the index and notes where it and the files do not agree.
    fn compare(&mut self, index: Index, lists_by_file: &BTreeMap<String, usize>) {
        for row in index {
            let found = row.file.as_ref().map(|file| (file, lists_by_file.get(file)));
            match (found, row.entries) {
                (Some((file, None)), _) => {
                    self.warnings.push(format!(
                        "{} {}: `{file}` is missing, the list stays as it is",
                        row.code, row.name
                    ));
                }
                (Some((file, Some(count))), Some(promised)) if *count != promised => {
                    self.warnings.push(format!(
                        "{} {}: `{file}` has {count} entries, the index says {promised}",
                        row.code, row.name
                    ))
                }
                _ => {}
            }
            self.names.entry(row.code).or_insert(row.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> (String, String) {
        (name.to_owned(), text.to_owned())
    }

    const FLAG: &str =
        r#"{"codeList": "CL027", "name": "Flag", "snapshot": "2026-01-01", "entries": [{"code": "0"}]}"#;
    const OFFICES: &str = "id\tcountry\troles\tname\nGB000060\tGB\tDEP\tA port\n";

    #[test]
    fn offices_take_the_date_of_the_lists() {
        let import =
            Import::read([file("a/Flag.json", FLAG), file("a/offices.tsv", OFFICES), file("README", "?")]);
        let (snapshot, table) = import.unwrap().offices.unwrap();
        assert_eq!(snapshot.date, crate::Date::parse("2026-01-01").ok());
        assert_eq!(table.offices.len(), 1);
    }

    #[test]
    fn the_index_and_the_files_are_compared() {
        let index = "cl\tname\tentries\tfile\nCL027\tFlag\t2\tFlag.json\nCL029\tResponseCode\t\tNOT AVAILABLE\nCL030\tXml\t9\tXml.json\n";
        let import = Import::read([file("INDEX.tsv", index), file("Flag.json", FLAG)]).unwrap();
        assert_eq!(import.names.len(), 3);
        assert_eq!(
            import.warnings,
            [
                "CL027 Flag: `Flag.json` has 1 entries, the index says 2",
                "CL030 Xml: `Xml.json` is missing, the list stays as it is"
            ]
        );
    }

    #[test]
    fn all_errors_are_told_at_once() {
        let errors =
            Import::read([file("a.json", "{"), file("b.tsv", ""), file("c.json", FLAG)]).unwrap_err();
        let files: Vec<&str> = errors.iter().map(|error| error.file.as_str()).collect();
        assert_eq!(files, ["a.json", "b.tsv"]);
        assert!(Import::read([]).unwrap_err()[0].to_string().contains("there is no reference data in it"));
        let twice = Import::read([file("a.tsv", OFFICES), file("b.tsv", OFFICES)]).unwrap_err();
        assert!(twice[0].to_string().starts_with("b.tsv: it is the second table"));
    }
}
