//! One `corridor run`: its report, and the messages that it wrote.

use super::{Ran, data, schema, tidewaiter};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A run that has ended.
pub struct Run {
    /// The report.
    pub report: Value,
    /// The messages in order: type and file.
    pub files: Vec<(String, PathBuf)>,
    /// The folder that holds them.
    out: tempfile::TempDir,
}

/// The arguments of a run.
pub fn arguments(declarations: &[PathBuf], out: &Path, more: &[&str]) -> Vec<String> {
    let mut arguments = vec!["corridor".to_owned(), "run".to_owned(), "--json".to_owned()];
    arguments.extend(["--out".to_owned(), out.display().to_string(), "--declaration".to_owned()]);
    arguments.extend(declarations.iter().map(|file| file.display().to_string()));
    arguments.extend(more.iter().map(|&word| word.to_owned()));
    arguments
}

/// Runs a corridor that has to end well.
pub fn run(declarations: &[PathBuf], more: &[&str]) -> Run {
    let out = tempfile::tempdir().expect("a folder");
    let ran = tidewaiter(arguments(declarations, out.path(), more));
    Run::of(ran, out)
}

impl Run {
    /// What a run that had to end well has left.
    pub fn of(ran: Ran, out: tempfile::TempDir) -> Self {
        let report = ran.expect_code(0).json();
        assert_eq!(report["ok"], true);
        assert_eq!(report["unbalanced"], serde_json::json!([]), "accounts out of balance or with locks");
        let files = written(out.path());
        Self { report, files, out }
    }

    /// A list of the report.
    pub fn list(&self, name: &str) -> &Vec<Value> {
        self.report[name].as_array().unwrap_or_else(|| panic!("{name} in {}", self.report))
    }

    /// How each declaration had to end and ended.
    pub fn endings(&self) -> Vec<(&str, &str)> {
        let endings = self.list("declarations").iter();
        endings.map(|ending| (text(ending, "expected"), text(ending, "outcome"))).collect()
    }

    /// Who said what to whom, one message a line.
    pub fn sequence(&self) -> String {
        let line = |entry: &Value| {
            let clause = entry["clause"].as_str().map(|clause| format!(" [{clause}]")).unwrap_or_default();
            let [from, to, kind, outcome] = ["from", "to", "type", "outcome"].map(|name| text(entry, name));
            format!("{from} -> {to} {kind} {outcome}{clause}\n")
        };
        self.list("messages").iter().map(line).collect()
    }

    /// Checks with xmllint that everything that the nodes accepted or wrote follows its schema. What they rejected is
    /// on record as it came.
    pub fn assert_valid(&self) {
        let Some(data) = data() else { return };
        let entries = self.list("messages").iter().zip(&self.files);
        let ours: Vec<_> = entries
            .filter(|(entry, _)| entry["outcome"] != "rejected")
            .map(|(_, file)| file.clone())
            .collect();
        assert!(!ours.is_empty());
        if schema::has_xmllint() {
            assert_eq!(schema::objections(&data, &ours), [] as [String; 0]);
        }
    }
}

/// A text of a JSON object.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no text `{name}` in {value}"))
}

/// The files of a run, with the type of each message, in the order of their numbers.
fn written(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let numbered = files.into_iter().enumerate();
    numbered
        .map(|(index, file)| {
            let name = file.file_name().expect("a name").to_string_lossy().into_owned();
            let parts: Vec<&str> = name.strip_suffix(".xml").expect("XML").split('-').collect();
            let [number, from, to, message] = parts[..] else { panic!("`{name}` has another form") };
            assert_eq!(number, format!("{:04}", index + 1), "numbers are contiguous");
            for party in [from, to] {
                assert!(party == "trader" || base::Country::parse(party).is_ok(), "`{name}`");
            }
            (message.to_owned(), file)
        })
        .collect()
}
